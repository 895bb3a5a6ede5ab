use std::fmt;

use oci::Digest;
use rsa::RsaPublicKey;
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;

use crate::MIN_RSA_BITS;

/// A bare RSA public key, trusted for what it signs: apk's kind, which has neither dates nor a
/// certificate. It is known by the name of its file, as signatures name it.
#[derive(Clone, PartialEq, Eq)]
pub struct RsaKey {
    name: String,
    pub(crate) key: RsaPublicKey,
    id: Digest,
}

impl RsaKey {
    /// Reads a PEM of a SubjectPublicKeyInfo (RFC 7468 section 13), as it lies in `/etc/apk/keys`.
    /// `file_name` is what signatures call the key, for instance `wolfi-signing.rsa.pub`.
    ///
    /// # Errors
    /// It is something else, or a key outside [`MIN_RSA_BITS`]..=[`MAX_RSA_BITS`].
    pub fn from_pem(file_name: &str, pem: &[u8]) -> Result<RsaKey, RsaKeyError> {
        let name = || file_name.to_owned();
        let text = std::str::from_utf8(pem)
            .map_err(|_| RsaKeyError::Malformed { name: name(), cause: "it is not text".to_owned() })?;
        if text.contains("PRIVATE KEY-----") {
            return Err(RsaKeyError::Secret { name: name() });
        }
        let malformed = |cause: String| RsaKeyError::Malformed { name: name(), cause };
        let document = text.trim();
        // The arithmetic has a bound of its own, and says only `malformed` of what is longer.
        let key = match RsaPublicKey::from_public_key_pem(document) {
            Ok(key) => key,
            Err(rsa::pkcs8::spki::Error::KeyMalformed) => {
                return Err(malformed(format!("it is damaged, or longer than {MAX_RSA_BITS} bits")));
            }
            // The error names the kind that was expected.
            Err(rsa::pkcs8::spki::Error::OidUnknown { .. }) => {
                return Err(malformed("it is no RSA key, and apk's indexes are signed with RSA".to_owned()));
            }
            Err(error) => return Err(malformed(error.to_string())),
        };
        let bits = key.n().bits();
        if !(usize::from(MIN_RSA_BITS)..=MAX_RSA_BITS).contains(&bits) {
            return Err(RsaKeyError::Length { name: name(), bits });
        }
        let der = key.to_public_key_der().map_err(|e| malformed(e.to_string()))?;
        Ok(RsaKey { name: name(), key, id: Digest::of(der.as_bytes()) })
    }

    /// The name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of its SubjectPublicKeyInfo: the key itself, whatever its file is called.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The length of its modulus.
    pub fn bits(&self) -> usize {
        self.key.n().bits()
    }

    /// Does a signature that names `name` mean this key? apko writes names without `.rsa.pub`, too.
    pub fn is_called(&self, name: &str) -> bool {
        let stem = |name: &str| name.strip_suffix(".rsa.pub").unwrap_or(name).to_owned();
        stem(&self.name) == stem(name)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({}, {} bits, {})", self.name, self.bits(), self.id.short())
    }
}

/// The longest modulus that is read, in bits: what the arithmetic is bounded to, and what all of
/// Alpine's and Wolfi's newer keys have.
pub const MAX_RSA_BITS: usize = 4096;

/// Bare RSA keys that are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RsaKeyring {
    keys: Vec<RsaKey>,
}

impl RsaKeyring {
    /// A keyring that trusts nobody.
    pub fn empty() -> RsaKeyring {
        RsaKeyring::default()
    }

    /// Trusts this key too. Two keys of one name may be there; a signature that names them must be
    /// by one of them.
    pub fn add(&mut self, key: RsaKey) {
        if !self.keys.contains(&key) {
            self.keys.push(key);
        }
    }

    /// The keys of both.
    pub fn merge(mut self, other: RsaKeyring) -> RsaKeyring {
        for key in other.keys {
            self.add(key);
        }
        self
    }

    /// All keys, in the order in which they were added.
    pub fn keys(&self) -> &[RsaKey] {
        &self.keys
    }

    /// Whether it trusts nobody.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that a signature may mean by `name`.
    pub fn called<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RsaKey> {
        self.keys.iter().filter(move |k| k.is_called(name))
    }
}

impl FromIterator<RsaKey> for RsaKeyring {
    fn from_iter<I: IntoIterator<Item = RsaKey>>(keys: I) -> RsaKeyring {
        let mut ring = RsaKeyring::empty();
        keys.into_iter().for_each(|key| ring.add(key));
        ring
    }
}

/// Why a file is not a key to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// It holds a secret key.
    #[error("cannot use key {name}: it is a secret key")]
    Secret {
        /// Its file name.
        name: String,
    },
    /// It is damaged, or something else.
    #[error("cannot read key {name}: {cause}")]
    Malformed {
        /// Its file name.
        name: String,
        /// What the reader says.
        cause: String,
    },
    /// Too short to be trusted, or longer than anybody's.
    #[error("cannot use key {name}: it has {bits} bits where {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted")]
    Length {
        /// Its file name.
        name: String,
        /// Its length.
        bits: usize,
    },
}

impl diag::Explain for RsaKeyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            RsaKeyError::Secret { .. } => {
                "give the public key (`NAME.rsa.pub`), and keep the secret one where it was".into()
            }
            RsaKeyError::Malformed { .. } => {
                "a key is what lies in /etc/apk/keys: PEM that begins with `-----BEGIN PUBLIC KEY-----`"
                    .into()
            }
            RsaKeyError::Length { .. } => "ask whoever signs the repository for a newer key".into(),
        })
    }
}
