/// How many bytes of an upload a registry has: `Range: 0-999` means a thousand (distribution-spec
/// "Pushing a blob in chunks"). Docker's registry says `0-0` for none and for one; that is taken for none,
/// and whoever wants to know begins anew.
pub fn parse_range(header: &str) -> Option<u64> {
    let text = header.trim();
    let text = text.strip_prefix("bytes=").or_else(|| text.strip_prefix("bytes ")).unwrap_or(text);
    let (first, last) = text.split_once('-')?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_digit());
    if first.trim() != "0" || !digits(last) {
        return None;
    }
    match last.parse::<u64>().ok()? {
        0 => Some(0),
        last => last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bytes() {
        assert_eq!(parse_range("0-999"), Some(1000));
        assert_eq!(parse_range("bytes=0-999"), Some(1000));
        assert_eq!(parse_range("0-0"), Some(0));
        for bad in ["", "-", "0-", "5-9", "0--1", "0-18446744073709551615", "x-y", "0-+1"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
