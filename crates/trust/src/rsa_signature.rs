use oci::{Algorithm, Digest, Hasher};
use rsa::Pkcs1v15Sign;
use serde::{Deserialize, Serialize};

use crate::{Receipt, RestoreError, RsaKey, RsaKeyring, Verified};

/// With which hash a signature by PKCS#1 v1.5 (RFC 8017 section 8.2) was made.
///
/// SHA-1 is here because everything that Alpine signs is signed with it; nothing but apk's documents
/// comes this way, OpenPGP's policy refuses it. What makes it bearable: to forge a signature of
/// another's document one needs a second preimage, which nobody has; a pair of documents made by one
/// hand to collide is detected by its traces (sha1-checked, after Stevens 2017) and refused. The
/// receipt names the hash, so that it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RsaHash {
    /// apk's `RSA`.
    Sha1,
    /// apk's `RSA256`.
    Sha256,
    /// apk's `RSA512`.
    Sha512,
}

impl RsaHash {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            RsaHash::Sha1 => "SHA-1",
            RsaHash::Sha256 => "SHA-256",
            RsaHash::Sha512 => "SHA-512",
        }
    }

    /// The DER that stands before the hash in the signature (RFC 8017 section 9.2, note 1).
    fn prefix(self) -> &'static [u8] {
        match self {
            RsaHash::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
            RsaHash::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            RsaHash::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }

    /// The hash; none of bytes that were made to collide.
    fn digest(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let of = |algorithm| {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(bytes);
            Some(hasher.finish().as_bytes().to_vec())
        };
        match self {
            RsaHash::Sha1 => match sha1_checked::Sha1::try_digest(bytes) {
                sha1_checked::CollisionResult::Ok(hash) => Some(hash.to_vec()),
                _ => None,
            },
            RsaHash::Sha256 => of(Algorithm::Sha256),
            RsaHash::Sha512 => of(Algorithm::Sha512),
        }
    }
}

/// A signature as it came with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaSignature {
    /// What it calls its key: a file name.
    pub key: String,
    /// The hash that it claims; none of a kind that is not known here (DSA).
    pub hash: Option<RsaHash>,
    /// The number, big-endian, as long as the key.
    pub bytes: Vec<u8>,
}

/// What was signed with bare RSA keys, and by which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaSigned {
    /// The digest of the whole document as it came, signatures and all.
    pub document: Digest,
    /// The good signatures by trusted keys; never empty.
    pub by: Vec<RsaSigner>,
}

/// One good signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaSigner {
    /// The key's file name.
    pub key: String,
    /// The key itself ([`RsaKey::id`](crate::RsaKey::id)).
    pub id: Digest,
    /// With which hash.
    pub hash: RsaHash,
}

/// Why a signature does not vouch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RsaFault {
    /// The document, the signature or its claimed hash is another than what was signed.
    #[error("the signature does not fit the bytes, so one of the two was changed")]
    BadSignature,
    /// The document was made to have the SHA-1 of another.
    #[error("the bytes show the traces of a SHA-1 collision")]
    Collision,
    /// A kind of signature that is not known.
    #[error("the signature is of a kind that is not accepted")]
    Kind,
    /// No such key.
    #[error("the key is not in the keyring")]
    UnknownKey,
}

/// Why a document is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RsaVerifyError {
    /// It carries no signature.
    #[error("cannot verify the signature: there is none")]
    NotSigned,
    /// Nobody whom we know signed it.
    #[error("cannot verify the signature: no trusted key made it; it was made by {}", seen.join(", "))]
    UnknownKey {
        /// The keys as the signatures name them.
        seen: Vec<String>,
    },
    /// A trusted key's signature is not good.
    #[error("cannot verify the signature by key {key}: {fault}")]
    Refused {
        /// The key as the signature names it.
        key: String,
        /// The most telling fault.
        fault: RsaFault,
    },
}

impl diag::Explain for RsaVerifyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Trust
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            RsaVerifyError::NotSigned => {
                "a repository of your own is signed with `abuild-sign` or `melange sign-index`".into()
            }
            RsaVerifyError::UnknownKey { seen } => format!(
                "if you trust {}, add the file of that name to `keyring:` under `contents:`",
                seen.first().map_or("that key", String::as_str)
            ),
            RsaVerifyError::Refused { .. } => {
                "the mirror may be in the middle of an update, or something changed the file on the way; \
                 try again or use another mirror"
                    .into()
            }
        })
    }
}

/// Verifies `signed`: one good signature by a key of `keys` is enough, and all good ones are noted.
/// Signatures by unknown keys and of unknown kinds do not count against it: a repository that changes
/// its key signs with both. `document` is the digest of the whole file, for the receipt.
///
/// # Errors
/// None is good; the error tells the most that can be told: a bad signature by a trusted key before
/// one by an unknown key.
pub fn verify_rsa<B: AsRef<[u8]>>(
    signed: B,
    document: Digest,
    signatures: &[RsaSignature],
    keys: &RsaKeyring,
) -> Result<Verified<B>, RsaVerifyError> {
    let (mut by, mut faults) = (Vec::new(), Vec::new());
    for signature in signatures {
        match judge(signed.as_ref(), signature, keys) {
            Ok(signer) => by.push(signer),
            Err(fault) => faults.push((fault, &signature.key)),
        }
    }
    if !by.is_empty() {
        return Ok(Verified::new(signed, Receipt::SignedRsa(RsaSigned { document, by })));
    }
    // The most telling fault is the first of the enum.
    match faults.iter().min() {
        None => Err(RsaVerifyError::NotSigned),
        Some((RsaFault::UnknownKey, _)) => {
            Err(RsaVerifyError::UnknownKey { seen: faults.iter().map(|(_, key)| (*key).clone()).collect() })
        }
        Some((fault, key)) => Err(RsaVerifyError::Refused { key: (*key).clone(), fault: *fault }),
    }
}

fn judge(signed: &[u8], signature: &RsaSignature, keys: &RsaKeyring) -> Result<RsaSigner, RsaFault> {
    let mut candidates = keys.called(&signature.key).peekable();
    if candidates.peek().is_none() {
        return Err(RsaFault::UnknownKey);
    }
    let hash = signature.hash.ok_or(RsaFault::Kind)?;
    let digest = hash.digest(signed).ok_or(RsaFault::Collision)?;
    let good = |key: &&RsaKey| {
        let padding = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hash.prefix().into() };
        key.key.verify(padding, &digest, &signature.bytes).is_ok()
    };
    let key = candidates.find(good).ok_or(RsaFault::BadSignature)?;
    Ok(RsaSigner { key: key.name().to_owned(), id: key.id(), hash })
}

/// Trusts again what [`verify_rsa`] verified before, by the receipt that was kept, as
/// [`restore`](crate::restore) does for OpenPGP: a key of it must still be trusted.
///
/// # Errors
/// It is another document's receipt, not one of RSA signatures, or none of its keys is trusted now.
pub fn restore_rsa(
    receipt: Receipt,
    signed: &Digest,
    keys: &RsaKeyring,
) -> Result<Verified<()>, RestoreError> {
    let Receipt::SignedRsa(mut kept) = receipt else { return Err(RestoreError::NotSigned) };
    if kept.document != *signed {
        return Err(RestoreError::OtherDocument {
            receipt: Box::new(kept.document),
            document: Box::new(*signed),
        });
    }
    kept.by.retain(|signer| keys.keys().iter().any(|k| k.id() == signer.id));
    if kept.by.is_empty() {
        return Err(RestoreError::NotEnough { good: 0, require: 1, faults: Vec::new() });
    }
    Ok(Verified::new((), Receipt::SignedRsa(kept)))
}
