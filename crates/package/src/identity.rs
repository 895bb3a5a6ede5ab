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

    /// apk's spelling: `Q1` and 28 characters of Base64.
    pub fn q1(&self) -> String {
        let mut text = String::with_capacity(30);
        text.push_str("Q1");
        for three in self.0.chunks(3) {
            let bits = three.iter().enumerate().fold(0, |n, (i, b)| n | u32::from(*b) << (16 - 8 * i));
            for i in 0..4 {
                let digit = char::from(BASE64[(bits >> (18 - 6 * i) & 63) as usize]);
                text.push(if i <= three.len() { digit } else { '=' });
            }
        }
        text
    }

    /// Reads apk's spelling, that one only.
    pub fn from_q1(text: &str) -> Option<Sha1> {
        let digits = text.strip_prefix("Q1")?.strip_suffix('=').filter(|d| d.len() == 27)?;
        let (mut out, mut bits, mut have, mut at) = ([0; 20], 0u32, 0, 0);
        for b in digits.bytes() {
            bits = bits << 6 | BASE64.iter().position(|d| *d == b)? as u32;
            have += 6;
            if have >= 8 {
                have -= 8;
                *out.get_mut(at)? = (bits >> have) as u8;
                at += 1;
            }
        }
        (at == 20 && bits & 3 == 0).then_some(Sha1(out))
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a signed index says a package file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The digest of the whole file (Debian).
    Whole(Digest),
    /// The SHA-1 of the compressed control segment, which names the SHA-256 of the data (apk v2).
    ApkControl(Sha1),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_apks_spelling() {
        // musl of Alpine 3.19.1, x86_64.
        let text = "Q1kqFQHSGzXGq3k7gQTqb+GxbmnOw=";
        let sha1 = Sha1::from_q1(text).unwrap();
        assert_eq!(sha1.hex(), "92a1501d21b35c6ab793b8104ea6fe1b16e69cec");
        assert_eq!(sha1.q1(), text);
        assert_eq!(Sha1([0xff; 20]).q1(), "Q1//////////////////////////8=");
        for bad in ["", "Q1", "Q2kqFQHSGzXGq3k7gQTqb+GxbmnOw=", "Q1kqFQHSGzXGq3k7gQTqb+GxbmnOx=", "Q1iXZb"] {
            assert_eq!(Sha1::from_q1(bad), None, "{bad}");
        }
    }
}
