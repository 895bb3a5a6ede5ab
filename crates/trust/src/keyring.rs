use pgp::composed::{PublicOrSecret, SignedPublicKey};
use pgp::types::{Fingerprint as PgpFingerprint, KeyDetails};

use crate::Fingerprint;
use crate::certificate::Component;

/// Keys that are trusted, each a certificate: a primary key with its subkeys and self-signatures.
///
/// Reading one checks no signature; a certificate is judged when a document claims to be signed by
/// it ([`verify`](crate::verify)), at the time of that signature.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    pub(crate) certificates: Vec<SignedPublicKey>,
    passed_over: Vec<String>,
}

/// Why a file is not a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no key in it.
    #[error("cannot read keyring {name}: it holds no OpenPGP public key")]
    Empty {
        /// The keyring as the user named it.
        name: String,
    },
    /// It holds a secret key.
    #[error("cannot use keyring {name}: it holds a secret key")]
    Secret {
        /// The keyring as the user named it.
        name: String,
    },
    /// It is damaged, or something else.
    #[error("cannot read keyring {name}: {cause}")]
    Malformed {
        /// The keyring as the user named it.
        name: String,
        /// What the reader says.
        cause: String,
    },
}

impl diag::Explain for KeyringError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            KeyringError::Secret { .. } => {
                "export the public key with `gpg --export`, and keep the secret one where it was".into()
            }
            _ => "a keyring is what `gpg --export` writes, with or without --armor".into(),
        })
    }
}

impl Keyring {
    /// A keyring that trusts nobody.
    pub fn empty() -> Keyring {
        Keyring::default()
    }

    /// Reads what `gpg --export` writes, binary or armoured (several armoured blocks in one file
    /// too). `name` is what errors call it.
    ///
    /// Keys of a kind that is never trusted here (version 3, say) are passed over; see
    /// [`passed_over`](Keyring::passed_over).
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Keyring, KeyringError> {
        let mut keyring = Keyring::default();
        if bytes.first().is_some_and(|b| b & 0x80 != 0) {
            keyring.read_binary(bytes, name)?;
        } else {
            for block in armored_blocks(bytes) {
                keyring.read_armored(block, name)?;
            }
        }
        if keyring.certificates.is_empty() {
            return Err(KeyringError::Empty { name: name.to_owned() });
        }
        Ok(keyring)
    }

    fn read_binary(&mut self, bytes: &[u8], name: &str) -> Result<(), KeyringError> {
        let keys = PublicOrSecret::from_bytes_many(bytes).map_err(|e| malformed(name, &e))?;
        self.take(keys, name)
    }

    fn read_armored(&mut self, block: &[u8], name: &str) -> Result<(), KeyringError> {
        let (keys, _) = PublicOrSecret::from_armor_many_buf(block).map_err(|e| malformed(name, &e))?;
        self.take(keys, name)
    }

    fn take(
        &mut self,
        keys: impl Iterator<Item = Result<PublicOrSecret, pgp::errors::Error>>,
        name: &str,
    ) -> Result<(), KeyringError> {
        for key in keys {
            match key.map_err(|e| malformed(name, &e))? {
                PublicOrSecret::Secret(_) => return Err(KeyringError::Secret { name: name.to_owned() }),
                PublicOrSecret::Public(key) => self.add(key),
            }
        }
        Ok(())
    }

    fn add(&mut self, key: SignedPublicKey) {
        if fingerprint_of(&key.primary_key).is_none() {
            self.passed_over.push(key.primary_key.fingerprint().to_string());
        } else if !self.certificates.contains(&key) {
            self.certificates.push(key);
        }
    }

    /// The keys of both.
    pub fn merge(mut self, other: Keyring) -> Keyring {
        for key in other.certificates {
            self.add(key);
        }
        self.passed_over.extend(other.passed_over);
        self
    }

    /// Only the certificates whose primary fingerprint `wanted` says yes to.
    pub fn only(mut self, wanted: impl Fn(&Fingerprint) -> bool) -> Keyring {
        self.certificates.retain(|c| fingerprint_of(&c.primary_key).is_some_and(|f| wanted(&f)));
        self
    }

    /// Whether it trusts nobody.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The fingerprints of the primary keys, in order of the file.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        self.certificates.iter().filter_map(|c| fingerprint_of(&c.primary_key)).collect()
    }

    /// Every key with the certificate that it belongs to.
    pub(crate) fn components(&self) -> impl Iterator<Item = (&SignedPublicKey, Component<'_>)> {
        self.certificates.iter().flat_map(|certificate| {
            let subkeys = certificate.public_subkeys.iter().map(Component::Subkey);
            std::iter::once(Component::Primary).chain(subkeys).map(move |c| (certificate, c))
        })
    }

    /// Fingerprints of keys in the file whose version is never trusted here (only 4 is).
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }
}

fn malformed(name: &str, cause: &pgp::errors::Error) -> KeyringError {
    KeyringError::Malformed { name: name.to_owned(), cause: cause.to_string() }
}

/// The fingerprint, if the key's version is one that we trust.
pub(crate) fn fingerprint_of(key: &impl KeyDetails) -> Option<Fingerprint> {
    match key.fingerprint() {
        PgpFingerprint::V4(bytes) => Some(Fingerprint::new(bytes)),
        _ => None,
    }
}

/// The armoured blocks of a file; text between them (as key servers and people put) is not read.
fn armored_blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN PGP ";
    let mut starts: Vec<usize> = Vec::new();
    for (i, _) in bytes.iter().enumerate().filter(|(_, c)| **c == b'-') {
        let at_line_start = i == 0 || bytes[i - 1] == b'\n';
        if at_line_start && bytes[i..].starts_with(BEGIN) {
            starts.push(i);
        }
    }
    let ends = starts.iter().copied().skip(1).chain([bytes.len()]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|(a, b)| &bytes[a..b])
}
