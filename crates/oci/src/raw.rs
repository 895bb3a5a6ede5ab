use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::Digest;

/// A JSON document with the exact bytes that it came in: the digest is theirs, not of what we
/// would write again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw<T> {
    bytes: Arc<[u8]>,
    digest: Digest,
    value: T,
}

impl<T> Raw<T> {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What they mean.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<T: DeserializeOwned> Raw<T> {
    /// Reads a foreign document.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Raw<T>, serde_json::Error> {
        let bytes = bytes.into();
        let value = serde_json::from_slice(&bytes)?;
        Ok(Raw { digest: Digest::of(&bytes), bytes, value })
    }
}

impl<T: Serialize> Raw<T> {
    /// Writes a document of ours, once and for all, as [`canonical_json`].
    pub fn write(value: T) -> Raw<T> {
        let bytes: Arc<[u8]> = canonical_json(&value).into();
        Raw { digest: Digest::of(&bytes), bytes, value }
    }
}

/// JSON without spaces, keys in the order of the type's fields, maps in the order of their keys.
///
/// # Panics
/// Never for the types of this crate; a type whose `Serialize` fails is a bug.
pub fn canonical_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("types of the image specification serialise")
}
