use oci::{Algorithm, Digest, Hasher};
use serde::{Deserialize, Serialize};

use crate::{Fingerprint, RsaSigned, Time};

/// A value whose bytes were vouched for, and by whom.
///
/// There are four ways to one: [`verify`](crate::verify) and
/// [`verify_detached`](crate::verify_detached) (a signature; [`verify_rsa`](crate::verify_rsa) for apk's),
/// [`restore`](crate::restore) (a receipt that is checked again; [`restore_rsa`](crate::restore_rsa)), and the two constructors below, whose names say whose word it is. It
/// cannot be deserialised, and its fields are private: a forgotten check does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    receipt: Receipt,
}

/// Who vouched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// Signatures by keys that were trusted.
    Signed(Signed),
    /// Signatures by bare RSA keys that were trusted (apk).
    SignedRsa(RsaSigned),
    /// The user's own word, for instance `[trusted=yes]` or a local directory.
    Declared {
        /// The word, as the summary and the lock name it.
        why: String,
    },
    /// A lockfile in the user's tree: a declaration by hash.
    FromLock,
    /// A value made of several verified ones, such as a universe of several indexes.
    Several(Vec<Receipt>),
}

/// What was signed, and by which keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The digest of the whole document as it came: for an `InRelease`, framing and signatures too.
    pub document: Digest,
    /// The good signatures by trusted keys; never empty.
    pub by: Vec<Signer>,
}

/// One good signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The (sub)key that signed.
    pub key: Fingerprint,
    /// The primary key of its certificate, the one that people know.
    pub certificate: Fingerprint,
    /// When, as the signature says.
    pub at: Time,
    /// When the signature itself ends, if it says so.
    pub until: Option<Time>,
}

impl<T> Verified<T> {
    pub(crate) fn new(value: T, receipt: Receipt) -> Verified<T> {
        Verified { value, receipt }
    }

    /// Trusted because the user says so; `why` is the word that was used and is shown to people.
    pub fn declared_by_user(value: T, why: impl Into<String>) -> Verified<T> {
        Verified::new(value, Receipt::Declared { why: why.into() })
    }

    /// Trusted because a lockfile of the user's binds it by hash (and the hash was checked).
    pub fn bound_by_lock(value: T) -> Verified<T> {
        Verified::new(value, Receipt::FromLock)
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Who vouched for it.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The value and its receipt, apart; what was verified is then no longer marked as such.
    pub fn into_parts(self) -> (T, Receipt) {
        (self.value, self.receipt)
    }

    /// A verified reference.
    pub fn as_ref(&self) -> Verified<&T> {
        Verified::new(&self.value, self.receipt.clone())
    }

    /// What a parser makes of the bytes is as trusted as the bytes. The parser is a plain function
    /// pointer, so that nothing else can flow in.
    pub fn parse<U, E>(self, f: fn(&T) -> Result<U, E>) -> Result<Verified<U>, E> {
        let value = f(&self.value)?;
        Ok(Verified::new(value, self.receipt))
    }

    /// The same with another shape of the value; a plain function pointer as in
    /// [`parse`](Verified::parse).
    pub fn map<U>(self, f: fn(T) -> U) -> Verified<U> {
        Verified::new(f(self.value), self.receipt)
    }

    /// What is chosen from a verified value (a closure from a universe) is as trusted as the value.
    /// Unlike [`parse`](Verified::parse) the choice may depend on what the user asks; the caller
    /// answers for taking the parts from this value alone.
    pub fn choose<U, E>(&self, f: impl FnOnce(&T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified::new(f(&self.value)?, self.receipt.clone()))
    }

    /// Several verified values as one, which every one of their receipts vouches for.
    pub fn all(parts: Vec<Verified<T>>) -> Verified<Vec<T>> {
        let (values, receipts) = parts.into_iter().map(Verified::into_parts).unzip();
        Verified::new(values, Receipt::Several(receipts))
    }
}

/// What a document says about a file that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// Its size in bytes.
    pub size: u64,
    /// The strongest digest that is advertised.
    pub digest: Digest,
}

/// A document that names other files by size and digest, as a Debian `Release` does.
pub trait Names {
    /// What it says about `path` (relative to the document's own directory).
    fn file(&self, path: &str) -> Option<Expectation>;
}

/// Why a file is not what the document names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// The document does not name the file.
    #[error("cannot use {path}: the signed index does not name it")]
    NotNamed {
        /// The file.
        path: String,
    },
    /// Another size.
    #[error("cannot use {path}: it has {found} bytes where {expected} were signed")]
    Size {
        /// The file.
        path: String,
        /// The signed size.
        expected: u64,
        /// The size at hand.
        found: u64,
    },
    /// Another content.
    #[error("cannot use {path}: its digest is {found} where {expected} was signed")]
    Digest {
        /// The file.
        path: String,
        /// The signed digest.
        expected: Box<Digest>,
        /// The digest of what is at hand.
        found: Box<Digest>,
    },
}

impl diag::Explain for AdmitError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Trust
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            AdmitError::NotNamed { .. } => "the archive does not offer this index for this suite".into(),
            _ => "the mirror may be in the middle of an update, or something changed the file on the way; \
                  try again or use another mirror"
                .into(),
        })
    }
}

impl<T: Names> Verified<T> {
    /// What the document says about `path`, for a download that is checked while it streams.
    pub fn expect(&self, path: &str) -> Result<Expectation, AdmitError> {
        self.value.file(path).ok_or_else(|| AdmitError::NotNamed { path: path.to_owned() })
    }

    /// The file `path` that the document names: as trusted as the document, once size and digest
    /// agree.
    pub fn admit<B: AsRef<[u8]>>(&self, path: &str, bytes: B) -> Result<Verified<B>, AdmitError> {
        let content = bytes.as_ref();
        let expected = self.expect(path)?;
        check_size(path, expected.size, content.len() as u64)?;
        let found = digest_of(expected.digest.algorithm(), content);
        check_digest(path, expected.digest, found)?;
        Ok(Verified::new(bytes, self.receipt.clone()))
    }

    /// The same for a file that was hashed elsewhere, with the digest that was computed there (the
    /// store's word: it hashed every byte that it admitted).
    pub fn admit_hashed<B>(
        &self,
        path: &str,
        size: u64,
        digest: Digest,
        value: B,
    ) -> Result<Verified<B>, AdmitError> {
        let expected = self.expect(path)?;
        check_size(path, expected.size, size)?;
        check_digest(path, expected.digest, digest)?;
        Ok(Verified::new(value, self.receipt.clone()))
    }
}

fn check_size(path: &str, expected: u64, found: u64) -> Result<(), AdmitError> {
    if expected == found {
        return Ok(());
    }
    Err(AdmitError::Size { path: path.to_owned(), expected, found })
}

fn check_digest(path: &str, expected: Digest, found: Digest) -> Result<(), AdmitError> {
    if expected == found {
        return Ok(());
    }
    Err(AdmitError::Digest { path: path.to_owned(), expected: Box::new(expected), found: Box::new(found) })
}

fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
