use base64::Engine as _;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use sha1::Digest as _;
use sha2::Digest as _;

use super::test_only_primes::TEST_ONLY_PRIMES;

/// What stands between `.SIGN.` and the key's name: how a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// `RSA`: over SHA-1, all that Alpine publishes.
    Rsa,
    /// `RSA256`: over SHA-256, melange's since 2024.
    Rsa256,
    /// `RSA512`: over SHA-512, which apk knows and nobody publishes.
    Rsa512,
}

impl Algorithm {
    /// The word in the member's name.
    pub fn word(self) -> &'static str {
        match self {
            Algorithm::Rsa => "RSA",
            Algorithm::Rsa256 => "RSA256",
            Algorithm::Rsa512 => "RSA512",
        }
    }

    /// The DER that goes before the digest (RFC 8017, 9.2, note 1), and the digest.
    fn digest(self, bytes: &[u8]) -> (&'static [u8], Vec<u8>) {
        match self {
            Algorithm::Rsa => (b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14", {
                sha1::Sha1::digest(bytes).to_vec()
            }),
            Algorithm::Rsa256 => {
                (b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", {
                    sha2::Sha256::digest(bytes).to_vec()
                })
            }
            Algorithm::Rsa512 => {
                (b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40", {
                    sha2::Sha512::digest(bytes).to_vec()
                })
            }
        }
    }
}

/// A made-up RSA key, as `abuild-keygen` and `melange keygen` make them. Signatures of PKCS#1 v1.5
/// hold no chance, so the same key and bytes give the same signature.
#[derive(Debug, Clone)]
pub struct ApkKey {
    name: String,
    secret: RsaPrivateKey,
}

impl ApkKey {
    /// Key 1, 2 (2048 bits) or 3 (4096 bits), known to everybody: see `test_only_primes.rs`. Its file
    /// is `made-up-N.rsa.pub`.
    pub fn test_only(number: usize) -> ApkKey {
        let prime = |which: usize| {
            BigUint::parse_bytes(TEST_ONLY_PRIMES[number - 1][which].as_bytes(), 16).expect("hexadecimal")
        };
        let secret = RsaPrivateKey::from_p_q(prime(0), prime(1), BigUint::from(65_537u32)).expect("primes");
        ApkKey { name: format!("made-up-{number}.rsa.pub"), secret }
    }

    /// The same key under another file name.
    pub fn named(mut self, file_name: &str) -> ApkKey {
        self.name = file_name.to_owned();
        self
    }

    /// The file that holds the public half, and what signatures call the key.
    pub fn file_name(&self) -> &str {
        &self.name
    }

    /// The public half: PEM of a SubjectPublicKeyInfo (RFC 5280), as in `/etc/apk/keys`.
    pub fn public_pem(&self) -> String {
        let text = base64::engine::general_purpose::STANDARD.encode(self.public_der());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).expect("base64")).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn public_der(&self) -> Vec<u8> {
        let integer = |n: &BigUint| {
            let bytes = n.to_bytes_be();
            // A first bit of one would mean a negative number.
            let sign: &[u8] = if bytes[0] & 0x80 == 0 { b"" } else { b"\0" };
            der(0x02, &[sign, &bytes].concat())
        };
        let key = der(0x30, &[integer(self.secret.n()), integer(self.secret.e())].concat());
        let algorithm = der(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");
        der(0x30, &[algorithm, der(0x03, &[b"\0", key.as_slice()].concat())].concat())
    }

    /// The bare signature of `bytes`.
    pub fn sign(&self, algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let (prefix, digest) = algorithm.digest(bytes);
        let padding = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: prefix.into() };
        self.secret.sign(padding, &digest).expect("a key longer than a digest")
    }
}

/// A DER value (X.690): tag, length, contents.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = match contents.len() {
        short @ 0..=0x7f => vec![u8::try_from(short).expect("checked")],
        long => {
            let bytes: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
            [vec![0x80 | u8::try_from(bytes.len()).expect("eight at most")], bytes].concat()
        }
    };
    [&[tag], length.as_slice(), contents].concat()
}

/// Who signs, how, and under which name.
#[derive(Debug, Clone)]
pub struct Signer {
    key: ApkKey,
    algorithm: Algorithm,
    says: Option<String>,
}

impl Signer {
    /// As the key's own name says.
    pub fn new(key: &ApkKey, algorithm: Algorithm) -> Signer {
        Signer { key: key.clone(), algorithm, says: None }
    }

    /// The same, the member being named `.SIGN.` and this, whatever is true.
    pub fn saying(mut self, words: &str) -> Signer {
        self.says = Some(words.to_owned());
        self
    }

    /// Name of the member that holds the signature.
    pub fn member(&self) -> String {
        let honest = || format!("{}.{}", self.algorithm.word(), self.key.file_name());
        format!(".SIGN.{}", self.says.clone().unwrap_or_else(honest))
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(self.algorithm, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_believes_every_algorithm() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("text"), "hello").unwrap();
        for key in [1, 2, 3].map(ApkKey::test_only) {
            std::fs::write(at("key"), key.public_pem()).unwrap();
            for (algorithm, digest) in
                [(Algorithm::Rsa, "-sha1"), (Algorithm::Rsa256, "-sha256"), (Algorithm::Rsa512, "-sha512")]
            {
                std::fs::write(at("signature"), key.sign(algorithm, b"hello")).unwrap();
                let mut openssl = std::process::Command::new("openssl");
                openssl.args(["dgst", digest, "-verify"]).arg(at("key")).arg("-signature");
                let Ok(run) = openssl.arg(at("signature")).arg(at("text")).output() else {
                    crate::skip!("no openssl")
                };
                let said = String::from_utf8_lossy(&run.stdout);
                assert_eq!(said.trim(), "Verified OK", "{}", String::from_utf8_lossy(&run.stderr));
            }
        }
    }
}
