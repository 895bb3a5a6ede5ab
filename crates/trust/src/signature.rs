use std::io::BufReader;

use oci::Digest;
use pgp::armor::{BlockType, Dearmor};
use pgp::composed::SignedPublicKey;
use pgp::packet::{Packet, PacketParser, Signature, SignatureType, SignatureVersion};
use pgp::types::{KeyDetails, VerifyingKey};

use crate::certificate::{self, Component, Moment};
use crate::framing::read_clear_text;
use crate::keyring::fingerprint_of;
use crate::{Fingerprint, FramingError, Keyring, Policy, Receipt, Signed, Signer, Time, Verified};

/// Why a signature does not vouch for the document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// The key is trusted, but the signature is of something else: the document was changed.
    #[error("the signature does not fit the text, so one of the two was changed")]
    BadSignature,
    /// MD5, SHA-1 and the like.
    #[error("the signature uses the weak hash {hash}")]
    WeakHash {
        /// Its name.
        hash: String,
    },
    /// The signature is dated in the future.
    #[error("the signature is dated {at}, which is in the future")]
    Future {
        /// Its date.
        at: Time,
    },
    /// The signature itself has ended.
    #[error("the signature expired on {until}")]
    Expired {
        /// Its end.
        until: Time,
    },
    /// The key was revoked.
    #[error("the key was revoked{}", since.map(|s| format!(" on {s}")).unwrap_or_default())]
    KeyRevoked {
        /// When, if the revocation says so.
        since: Option<Time>,
    },
    /// The key has expired.
    #[error("the key expired on {until}")]
    KeyExpired {
        /// Its end.
        until: Time,
    },
    /// The signature is dated before its key was made.
    #[error("the signature is older than its key, which was made on {born}")]
    KeyTooNew {
        /// The key's date.
        born: Time,
    },
    /// A key that may not sign documents here, or of a kind that is not accepted.
    #[error("the key cannot vouch: {why}")]
    KeyUnfit {
        /// What is wrong with it.
        why: String,
    },
    /// Not a signature of a document, or of a kind that is not accepted.
    #[error("the signature is of another kind: {why}")]
    Kind {
        /// What is wrong with it.
        why: String,
    },
    /// The keyring has no such key.
    #[error("the key is not in the keyring")]
    UnknownKey,
}

/// A signature that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// The key as the signature names it: a fingerprint, or the short key id of an old signature.
    pub key: String,
    /// What is wrong.
    pub fault: Fault,
}

/// Why a document is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No keys were given to trust.
    #[error("cannot verify the signature: no trusted keys were given")]
    NoKeys,
    /// The document carries no signature.
    #[error("cannot verify the signature: the document is not signed")]
    NotSigned,
    /// The frame of the clear-signed message is not as it must be.
    #[error("cannot verify the signature: {0}")]
    Framing(#[from] FramingError),
    /// The signature block cannot be read.
    #[error("cannot verify the signature: the signature block is damaged: {cause}")]
    Malformed {
        /// What the reader says.
        cause: String,
    },
    /// None of the signing keys is trusted.
    #[error("cannot verify the signature: no trusted key made it; it was made by {}", seen.join(", "))]
    UnknownKey {
        /// The keys as the signatures name them.
        seen: Vec<String>,
    },
    /// A trusted key's signature is not good; the most telling one is named.
    #[error("cannot verify the signature by key {}: {}", worst.key, worst.fault)]
    Refused {
        /// The most telling of them.
        worst: Faulty,
        /// All signatures that do not count.
        all: Vec<Faulty>,
    },
    /// Good signatures, but by fewer keys than are required.
    #[error("cannot trust the document: {good} of the trusted keys signed it where {require} must")]
    NotEnough {
        /// How many trusted certificates signed.
        good: usize,
        /// How many must.
        require: usize,
        /// The signatures that do not count.
        all: Vec<Faulty>,
    },
}

impl VerifyError {
    /// What is wrong with the signature that tells the most, where it is a matter of signatures.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            VerifyError::Refused { worst, .. } => Some(&worst.fault),
            VerifyError::UnknownKey { .. } => Some(&Fault::UnknownKey),
            _ => None,
        }
    }

    fn all(&self) -> &[Faulty] {
        match self {
            VerifyError::Refused { all, .. } | VerifyError::NotEnough { all, .. } => all,
            _ => &[],
        }
    }
}

impl diag::Explain for VerifyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Trust
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            VerifyError::NoKeys => "name the archive's key with `signed-by`",
            VerifyError::NotSigned => {
                "the mirror may serve something else under this name; unsigned sources need `[trusted=yes]`"
            }
            VerifyError::Framing(FramingError::TrailingBlank { .. }) => {
                "something changed the file on the way, or the archive writes it carelessly; \
                 a Release file with Release.gpg has no such gap"
            }
            VerifyError::Framing(_) | VerifyError::Malformed { .. } => {
                "something changed the file on the way; try another mirror"
            }
            VerifyError::UnknownKey { .. } => {
                "if the archive has a new key, get it from a place that you trust and name it with `signed-by`"
            }
            VerifyError::NotEnough { .. } => "lower the number of required keys, or add the missing ones",
            VerifyError::Refused { worst, .. } => hint_for(&worst.fault),
        };
        Some(text.to_owned())
    }

    fn details(&self) -> Vec<String> {
        let several = self.all().len() > 1;
        self.all().iter().filter(|_| several).map(|f| format!("key {}: {}", f.key, f.fault)).collect()
    }
}

fn hint_for(fault: &Fault) -> &'static str {
    match fault {
        Fault::BadSignature => "try another mirror; if all agree, do not use this archive",
        Fault::Future { .. } => "check this machine's clock",
        Fault::Expired { .. } => "use a mirror that is kept up to date",
        Fault::KeyExpired { .. } => {
            "get the renewed key from a place that you trust (for Debian: a newer distil or keyring package)"
        }
        Fault::KeyRevoked { .. } => "get the archive's new key from a place that you trust",
        _ => "ask the archive's owners to sign with a current key and SHA-256 or stronger",
    }
}

/// Verifies a clear-signed document (`InRelease`) and gives the text that was signed, and nothing
/// else of the file: lines end in `\n`.
///
/// Errors name their cause one by one; see [`VerifyError`], [`Fault`] and [`FramingError`].
pub fn verify(
    signed: &[u8],
    keys: &Keyring,
    policy: &Policy,
    now: Time,
) -> Result<Verified<Vec<u8>>, VerifyError> {
    let clear = read_clear_text(signed)?.ok_or(VerifyError::NotSigned)?;
    let signatures = read_signatures(clear.armor)?;
    let by = count(&signatures, &clear.hashed, Form::ClearText, keys, policy, now)?;
    Ok(Verified::new(clear.text, Receipt::Signed(Signed { document: Digest::of(signed), by })))
}

/// Verifies `document` (`Release`) by a detached signature (`Release.gpg`), armoured or binary.
pub fn verify_detached(
    document: &[u8],
    signature: &[u8],
    keys: &Keyring,
    policy: &Policy,
    now: Time,
) -> Result<Verified<Vec<u8>>, VerifyError> {
    let signatures = read_signatures(signature)?;
    let by = count(&signatures, document, Form::Detached, keys, policy, now)?;
    Ok(Verified::new(document.to_vec(), Receipt::Signed(Signed { document: Digest::of(document), by })))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    ClearText,
    Detached,
}

/// More signatures than any archive has; each costs a hash of the whole document.
const MOST_SIGNATURES: usize = 32;

/// Reads armoured or binary signature packets, and nothing but them.
fn read_signatures(block: &[u8]) -> Result<Vec<Signature>, VerifyError> {
    let malformed = |cause: String| VerifyError::Malformed { cause };
    let packets = if block.first().is_some_and(|b| b & 0x80 != 0) {
        block.to_vec()
    } else {
        dearmor(block).map_err(malformed)?
    };
    let mut signatures = Vec::new();
    for packet in PacketParser::new(BufReader::new(packets.as_slice())) {
        match packet {
            Ok(Packet::Signature(signature)) => signatures.push(signature),
            Ok(other) => {
                return Err(malformed(format!(
                    "unexpected packet {:?}",
                    pgp::packet::PacketTrait::tag(&other)
                )));
            }
            Err(cause) => return Err(malformed(cause.to_string())),
        }
        if signatures.len() > MOST_SIGNATURES {
            return Err(malformed(format!("more than {MOST_SIGNATURES} signatures")));
        }
    }
    if signatures.is_empty() {
        return Err(VerifyError::NotSigned);
    }
    Ok(signatures)
}

fn dearmor(block: &[u8]) -> Result<Vec<u8>, String> {
    let text = block.trim_ascii();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Dearmor::new(text);
    let mut packets = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut packets).map_err(|e| e.to_string())?;
    let (kind, _, _, mut rest) = reader.into_parts();
    if kind != Some(BlockType::Signature) {
        return Err("it is no signature".into());
    }
    let mut after = Vec::new();
    std::io::Read::read_to_end(&mut rest, &mut after).map_err(|e| e.to_string())?;
    if !after.trim_ascii().is_empty() {
        return Err("text stands after it".into());
    }
    Ok(packets)
}

/// The good signatures by trusted keys, if they are enough.
fn count(
    signatures: &[Signature],
    data: &[u8],
    form: Form,
    keys: &Keyring,
    policy: &Policy,
    now: Time,
) -> Result<Vec<Signer>, VerifyError> {
    if keys.is_empty() {
        return Err(VerifyError::NoKeys);
    }
    let mut good: Vec<Signer> = Vec::new();
    let mut all = Vec::new();
    for signature in signatures {
        match check(signature, data, form, keys, policy, now) {
            Ok(signer) if good.iter().any(|g| g.key == signer.key) => {}
            Ok(signer) => good.push(signer),
            Err(fault) => all.push(Faulty { key: name_of_key(signature), fault }),
        }
    }
    // One certificate counts once, however many of its subkeys signed.
    let mut certificates: Vec<Fingerprint> = good.iter().map(|s| s.certificate).collect();
    certificates.sort();
    certificates.dedup();
    if certificates.len() >= policy.require.max(1) {
        return Ok(good);
    }
    Err(too_few(certificates.len(), policy.require, all))
}

fn too_few(good: usize, require: usize, all: Vec<Faulty>) -> VerifyError {
    if good > 0 {
        return VerifyError::NotEnough { good, require, all };
    }
    match all.iter().min_by_key(|f| &f.fault) {
        Some(worst) if worst.fault != Fault::UnknownKey => VerifyError::Refused { worst: worst.clone(), all },
        _ => VerifyError::UnknownKey { seen: all.into_iter().map(|f| f.key).collect() },
    }
}

/// One signature: kind, key, strength, arithmetic, dates, and then the judgement of its key.
fn check(
    signature: &Signature,
    data: &[u8],
    form: Form,
    keys: &Keyring,
    policy: &Policy,
    now: Time,
) -> Result<Signer, Fault> {
    let kind = |why: &str| Fault::Kind { why: why.to_owned() };
    if signature.version() != SignatureVersion::V4 {
        return Err(kind("only version 4 is accepted"));
    }
    let text_allowed = form == Form::ClearText;
    match signature.typ() {
        Some(SignatureType::Binary) => {}
        Some(SignatureType::Text) if text_allowed => {}
        _ => return Err(kind("it is not over a document as it stands")),
    }
    let (certificate, component) = find_key(signature, keys).ok_or(Fault::UnknownKey)?;
    match signature.hash_alg() {
        Some(hash) if certificate::strong(hash) => {}
        hash => return Err(Fault::WeakHash { hash: hash.map(|h| h.to_string()).unwrap_or_default() }),
    }
    if let Some(number) = certificate::unknown_critical(signature) {
        return Err(kind(&format!("it asks to understand subpacket {number}, which is not known")));
    }
    let fits = match component {
        Component::Primary => fits(signature, &certificate.primary_key, data),
        Component::Subkey(subkey) => fits(signature, &subkey.key, data),
    };
    if !fits {
        return Err(Fault::BadSignature);
    }
    let at = certificate::created(signature).ok_or_else(|| kind("it has no date"))?;
    let latest = now.plus(policy.skew);
    if at > latest {
        return Err(Fault::Future { at });
    }
    let until = certificate::until(signature);
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(Fault::Expired { until });
    }
    certificate::judge(certificate, component, Moment { signed: at, now: latest, policy })?;
    let (key, certificate) = names_of(certificate, component).ok_or(Fault::UnknownKey)?;
    Ok(Signer { key, certificate, at, until })
}

fn fits(signature: &Signature, key: &impl VerifyingKey, data: &[u8]) -> bool {
    signature.verify(key, data).is_ok()
}

pub(crate) fn names_of(
    certificate: &SignedPublicKey,
    component: Component<'_>,
) -> Option<(Fingerprint, Fingerprint)> {
    let primary = fingerprint_of(&certificate.primary_key)?;
    match component {
        Component::Primary => Some((primary, primary)),
        Component::Subkey(subkey) => Some((fingerprint_of(&subkey.key)?, primary)),
    }
}

/// The key that the signature names: by fingerprint, or where it has none by key id.
fn find_key<'a>(signature: &Signature, keys: &'a Keyring) -> Option<(&'a SignedPublicKey, Component<'a>)> {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    let named = |key: &dyn KeyDetails| {
        if fingerprints.is_empty() {
            ids.contains(&&key.legacy_key_id())
        } else {
            fingerprints.contains(&&key.fingerprint())
        }
    };
    keys.components().find(|(certificate, component)| match component {
        Component::Primary => named(&certificate.primary_key),
        Component::Subkey(subkey) => named(&subkey.key),
    })
}

/// The key as the signature names it.
fn name_of_key(signature: &Signature) -> String {
    if let Some(fingerprint) = signature.issuer_fingerprint().first() {
        return fingerprint.to_string().to_uppercase();
    }
    match signature.issuer_key_id().first() {
        Some(id) => id.to_string().to_uppercase(),
        None => "(unnamed)".into(),
    }
}
