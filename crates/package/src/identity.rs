use oci::Digest;
use serde::{Deserialize, Serialize};

/// A SHA-1, as apk's indexes carry it; an identity there, never a proof by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha1(pub [u8; 20]);

impl Serialize for Sha1 {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Sha1 {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Sha1, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Sha1::from_hex(&text).ok_or_else(|| serde::de::Error::custom("expected 40 hexadecimal digits"))
    }
}

impl Sha1 {
    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Reads 40 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Sha1> {
        let mut out = [0; 20];
        if text.len() != 40 || !text.is_ascii() {
            return None;
        }
        for (i, b) in out.iter_mut().enumerate() {
            *b = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Sha1(out))
    }
}

/// What a signed index says a package file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The digest of the whole file (Debian).
    Whole(Digest),
    /// The SHA-1 of the compressed control segment, which names the SHA-256 of the data (apk v2).
    ApkControl(Sha1),
}
