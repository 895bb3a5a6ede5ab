/// Bytes that do not compress, the same for the same seed (xorshift, Marsaglia 2003).
pub(super) fn random(seed: u32, len: usize) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_differ() {
        assert_eq!(super::random(1, 100).len(), 100);
        assert_ne!(super::random(1, 100), super::random(2, 100));
        assert_eq!(super::random(3, 9), super::random(3, 9));
    }
}
