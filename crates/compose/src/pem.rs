//! PEM (RFC 7468): certificates out of text, and back into it in one form.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bstr::ByteSlice;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Writes with padding; reads as OpenSSL does, which misses neither padding nor spare bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The blocks `CERTIFICATE` as DER, in order; whatever else stands there is passed over. None where a
/// block does not end or is not base64.
pub(crate) fn decode_all(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    let mut rest = pem;
    while let Some(at) = rest.find(BEGIN) {
        let after = &rest[at + BEGIN.len()..];
        let end = after.find(END)?;
        let digits: Vec<u8> = after[..end].iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        out.push(BASE64.decode(digits).ok()?);
        rest = &after[end + END.len()..];
    }
    Some(out)
}

/// One block, lines of 64 characters.
pub(crate) fn encode(der: &[u8]) -> Vec<u8> {
    let mut out = [BEGIN, b"\n"].concat();
    for line in BASE64.encode(der).as_bytes().chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(END);
    out.push(b'\n');
    out
}

/// Ends the last line of a text, so that what is added to it begins one.
pub(crate) fn end_line(text: &mut Vec<u8>) {
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for len in 0..100u8 {
            let der: Vec<u8> = (0..len).map(|n| n.wrapping_mul(37)).collect();
            let text = encode(&der);
            assert_eq!(decode_all(&text), Some(vec![der]), "{len}");
            assert!(text.lines().all(|l| l.len() <= 64));
        }
    }

    #[test]
    fn only_certificates_are_read_and_whole_ones() {
        let block =
            |kind: &str, text: &str| format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n");
        let two = format!(
            "a comment\n{}{}{}",
            block("PRIVATE KEY", "AQID"),
            block("CERTIFICATE", "AQI"),
            block("CERTIFICATE", "AQ\r\nID")
        );
        assert_eq!(decode_all(two.as_bytes()), Some(vec![vec![1, 2], vec![1, 2, 3]]));
        assert_eq!(decode_all(block("CERTIFICATE", "A!ID").as_bytes()), None);
        assert_eq!(decode_all(b"-----BEGIN CERTIFICATE-----\nAQID"), None);
        assert_eq!(decode_all(b""), Some(Vec::new()));
    }
}
