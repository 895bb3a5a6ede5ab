use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
const TRUSTED: u32 = 2;

/// One trusted certificate.
pub(crate) struct TrustedCertificate<'a> {
    /// Its name in the store, lower case, each once.
    pub(crate) alias: &'a str,
    /// Seconds since the epoch; `keytool -list` shows it.
    pub(crate) since: i64,
    /// DER.
    pub(crate) der: &'a [u8],
}

/// Writes a Java keystore of trusted certificates with the customary password `changeit`.
///
/// The format is that of `sun.security.provider.JavaKeyStore`, version 2, which every Java reads:
/// big-endian numbers, texts with a 16-bit length, and at the end a SHA-1 over the password in
/// UTF-16, the words "Mighty Aphrodite" and all before. It guards nothing; it is a checksum.
pub(crate) fn write(certificates: &[TrustedCertificate<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [MAGIC, VERSION, certificates.len() as u32] {
        out.extend(word.to_be_bytes());
    }
    for certificate in certificates {
        out.extend(TRUSTED.to_be_bytes());
        put_text(&mut out, certificate.alias);
        out.extend((certificate.since.saturating_mul(1000)).to_be_bytes());
        put_text(&mut out, "X.509");
        out.extend((certificate.der.len() as u32).to_be_bytes());
        out.extend_from_slice(certificate.der);
    }
    let mut hash = Sha1::new();
    for unit in "changeit".encode_utf16() {
        hash.update(unit.to_be_bytes());
    }
    hash.update(b"Mighty Aphrodite");
    hash.update(&out);
    out.extend_from_slice(&hash.finalize());
    out
}

/// The trusted certificates of a keystore, by name: milliseconds since the epoch, and DER. None where it
/// is of another kind, or holds anything else. Its checksum is not looked at.
pub(crate) fn read(bytes: &[u8]) -> Option<BTreeMap<String, (i64, Vec<u8>)>> {
    let mut rest = bytes;
    if word(&mut rest)? != MAGIC || word(&mut rest)? != VERSION {
        return None;
    }
    let mut out = BTreeMap::new();
    for _ in 0..word(&mut rest)? {
        if word(&mut rest)? != TRUSTED {
            return None;
        }
        let alias = text(&mut rest)?;
        let since = i64::from_be_bytes(take(&mut rest, 8)?.try_into().ok()?);
        let kind = text(&mut rest)?;
        let len = word(&mut rest)? as usize;
        let der = take(&mut rest, len)?.to_vec();
        if kind != "X.509" {
            return None;
        }
        out.insert(alias, (since, der));
    }
    (rest.len() == 20).then_some(out)
}

fn take<'b>(rest: &mut &'b [u8], len: usize) -> Option<&'b [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?))
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let len = u16::from_be_bytes(take(rest, 2)?.try_into().ok()?);
    String::from_utf8(take(rest, len.into())?.to_vec()).ok()
}

/// Java's modified UTF-8 is plain for the texts that we write (no NUL, nothing above U+FFFF).
fn put_text(out: &mut Vec<u8>, text: &str) {
    let plain: String =
        text.chars().filter(|c| *c != '\0' && u32::from(*c) < 0x1_0000).take(10_000).collect();
    out.extend((plain.len() as u16).to_be_bytes());
    out.extend_from_slice(plain.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let certificates = [
            TrustedCertificate { alias: "a", since: 7, der: b"one" },
            TrustedCertificate { alias: "b", since: 8, der: b"" },
        ];
        let bytes = write(&certificates);
        let read_back = read(&bytes).unwrap();
        assert_eq!(read_back["a"], (7000, b"one".to_vec()));
        assert_eq!(read_back.len(), 2);
        assert!((0..bytes.len()).all(|cut| read(&bytes[..cut]).is_none()));
    }
}
