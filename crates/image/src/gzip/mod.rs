//! One gzip member made of fragments that were compressed independently.
//!
//! libdeflate compresses whole buffers only and ends each with a block marked as the last
//! (BFINAL). To make fragments that can follow each other, that mark is cleared, as zlib's gzjoin
//! does, and an empty stored block brings the fragment to a byte boundary. Finding the last block
//! means walking all of them ([`walk`]): Huffman codes are decoded, output is only counted.
//! Several members would need none of this, but Python's stream-mode tarfile and Java's
//! GZIPInputStream stop silently after the first. Numbers: docs/measurements/layer-writer.md.

mod walk;

pub(crate) use walk::Walker;

/// Magic, deflate, no flags, no time, no hint, unknown system (RFC 1952 section 2.3): nothing that
/// differs between machines.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// What comes after the last fragment: an empty block that is marked as the last, then CRC-32 and
/// length of all that was compressed.
pub(crate) fn trailer(crc32: u32, raw_len: u64) -> [u8; 10] {
    let mut out = [0; 10];
    out[0] = 3;
    out[2..6].copy_from_slice(&crc32.to_le_bytes());
    // "modulo 2^32", RFC 1952 section 2.3.1.
    out[6..].copy_from_slice(&(raw_len as u32).to_le_bytes());
    out
}

/// Makes the raw deflate stream of `raw_len` bytes in `stream` one that others can follow.
///
/// False where the stream is not what it should be; it must then not be used.
pub(crate) fn open_end(walker: &mut Walker, stream: &mut Vec<u8>, raw_len: usize) -> bool {
    let Some(walked) = walker.walk(stream) else { return false };
    if walked.output != raw_len as u64 || walked.end.div_ceil(8) != stream.len() {
        return false;
    }
    stream[walked.last_header / 8] &= !(1 << (walked.last_header % 8));
    // The three header bits of a stored block are zeros, as the padding of the last byte is; where
    // they do not fit there they begin a byte of their own.
    if stream.len() * 8 - walked.end < 3 {
        stream.push(0);
    }
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    true
}
