use sha1::{Digest, Sha1};

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
    const MAGIC: u32 = 0xfeed_feed;
    const VERSION: u32 = 2;
    const TRUSTED: u32 = 2;
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

/// Java's modified UTF-8 is plain for the texts that we write (no NUL, nothing above U+FFFF).
fn put_text(out: &mut Vec<u8>, text: &str) {
    let plain: String =
        text.chars().filter(|c| *c != '\0' && u32::from(*c) < 0x1_0000).take(10_000).collect();
    out.extend((plain.len() as u16).to_be_bytes());
    out.extend_from_slice(plain.as_bytes());
}
