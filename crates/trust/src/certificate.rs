//! Whether a key may vouch for a document: the judgement that rpgp leaves to its callers.
//!
//! Only self-signatures count, one by one; `verify_bindings()` of rpgp also wants to check the
//! third-party certifications that real archive keys carry, and fails on them. The newest good
//! self-signature decides expiry and flags, as in GnuPG, so that a renewed key also covers what it
//! signed before. Revocation by others ("designated revokers") is not looked at.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{KeyFlags, RevocationCode, Signature, SignatureType, SignatureVersion, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyDetails, PublicParams, Tag};

use crate::signature::Fault;
use crate::{MIN_RSA_BITS, Policy, Time};

/// The moments and rules by which a key is judged.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// When the document was signed.
    pub(crate) signed: Time,
    /// The clock, skew included.
    pub(crate) now: Time,
    pub(crate) policy: &'a Policy,
}

/// The key of a certificate that signed.
#[derive(Clone, Copy)]
pub(crate) enum Component<'a> {
    Primary,
    Subkey(&'a SignedPublicSubKey),
}

/// Whether this key of this certificate could vouch at that moment.
pub(crate) fn judge(
    certificate: &SignedPublicKey,
    component: Component<'_>,
    moment: Moment<'_>,
) -> Result<(), Fault> {
    let primary = &certificate.primary_key;
    check_kind(primary)?;
    check_revocation(&certificate.details.revocation_signatures, moment, |s| s.verify_key(primary).is_ok())?;
    let own = self_signatures(certificate, moment);
    let Some(newest) = own.first() else {
        return Err(unfit(no_self_signature(certificate)));
    };
    check_lifetime(primary, newest, moment)?;
    match component {
        Component::Primary => match own.iter().find_map(|s| flags(s)) {
            // A key that says nothing of its use may do everything (RFC 4880 as GnuPG reads it).
            Some(flags) if !flags.sign() => Err(unfit("it is not for signing")),
            _ => Ok(()),
        },
        Component::Subkey(subkey) => judge_subkey(certificate, subkey, moment),
    }
}

fn judge_subkey(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    moment: Moment<'_>,
) -> Result<(), Fault> {
    let primary = &certificate.primary_key;
    let bound = |s: &Signature| s.verify_subkey_binding(primary, &subkey.key).is_ok();
    check_kind(&subkey.key)?;
    check_revocation(of_type(&subkey.signatures, SignatureType::SubkeyRevocation), moment, bound)?;
    let bindings = of_type(&subkey.signatures, SignatureType::SubkeyBinding);
    let Some(binding) = newest(bindings, moment.now, bound) else {
        return Err(unfit("its primary key does not vouch for it"));
    };
    check_lifetime(&subkey.key, binding, moment)?;
    if !flags(binding).is_some_and(|f| f.sign()) {
        return Err(unfit("it is not for signing"));
    }
    // Without this signature back, a stranger could claim somebody's signing key as his own subkey.
    let back = binding.embedded_signature().filter(|s| acceptable(s, moment.now));
    match back {
        Some(back) if back.verify_primary_key_binding(&subkey.key, primary).is_ok() => Ok(()),
        _ => Err(unfit("it does not vouch for its primary key (no valid back-signature)")),
    }
}

fn unfit(why: impl Into<String>) -> Fault {
    Fault::KeyUnfit { why: why.into() }
}

/// Version 4, RSA or Ed25519, not too short.
fn check_kind(key: &impl KeyDetails) -> Result<(), Fault> {
    if crate::keyring::fingerprint_of(key).is_none() {
        return Err(unfit("only keys of version 4 are accepted"));
    }
    match (key.algorithm(), key.public_params()) {
        (PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign, PublicParams::RSA(rsa)) => {
            // The first two bytes of a multi-precision integer are its length in bits.
            let bits = rsa.to_bytes().ok().and_then(|b| Some(u16::from_be_bytes([*b.first()?, *b.get(1)?])));
            match bits {
                Some(bits) if bits >= MIN_RSA_BITS => Ok(()),
                bits => Err(unfit(format!("RSA of {} bits is too short", bits.unwrap_or(0)))),
            }
        }
        (PublicKeyAlgorithm::Ed25519, PublicParams::Ed25519(_)) => Ok(()),
        (PublicKeyAlgorithm::EdDSALegacy, PublicParams::EdDSALegacy(_)) => Ok(()),
        (algorithm, _) => Err(unfit(format!("{algorithm:?} keys are not accepted"))),
    }
}

/// The newest good self-signature directly on the key and of each user id, newest first.
fn self_signatures<'a>(certificate: &'a SignedPublicKey, moment: Moment<'_>) -> Vec<&'a Signature> {
    let primary = &certificate.primary_key;
    let direct = newest(&certificate.details.direct_signatures, moment.now, |s| {
        s.typ() == Some(SignatureType::Key) && s.verify_key(primary).is_ok()
    });
    let of_users = certificate.details.users.iter().filter_map(|user| {
        let own = |s: &Signature| s.verify_certification(primary, Tag::UserId, &user.id).is_ok();
        let certified = user.signatures.iter().filter(|s| s.typ() != Some(SignatureType::CertRevocation));
        let best = newest(certified, moment.now, own)?;
        let revoked = of_type(&user.signatures, SignatureType::CertRevocation)
            .any(|r| r.created() >= best.created() && own(r));
        (!revoked).then_some(best)
    });
    let mut all: Vec<&Signature> = direct.into_iter().chain(of_users).collect();
    all.sort_by_key(|s| std::cmp::Reverse(s.created()));
    all
}

/// Says what is wrong with a certificate whose self-signatures are all refused.
fn no_self_signature(certificate: &SignedPublicKey) -> String {
    let users = certificate.details.users.iter().flat_map(|u| &u.signatures);
    let weak = users
        .chain(&certificate.details.direct_signatures)
        .filter(|s| issued_by(s, &certificate.primary_key))
        .filter_map(Signature::hash_alg)
        .find(|h| !strong(*h));
    match weak {
        Some(hash) => format!("its self-signature uses the weak hash {hash}"),
        None => "it has no valid self-signature".into(),
    }
}

fn issued_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    signature.issuer_key_id().contains(&&key.legacy_key_id())
        || signature.issuer_fingerprint().contains(&&key.fingerprint())
}

fn of_type(signatures: &[Signature], wanted: SignatureType) -> impl Iterator<Item = &Signature> {
    signatures.iter().filter(move |s| s.typ() == Some(wanted))
}

/// The newest that is acceptable in form and for which `good` (the arithmetic) holds.
fn newest<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    now: Time,
    good: impl Fn(&Signature) -> bool,
) -> Option<&'a Signature> {
    let mut found: Vec<&Signature> = signatures.into_iter().filter(|s| acceptable(s, now)).collect();
    found.sort_by_key(|s| std::cmp::Reverse(s.created()));
    found.into_iter().find(|s| good(s))
}

/// Form, strength and dates of a self-signature.
fn acceptable(signature: &Signature, now: Time) -> bool {
    let ended = until(signature).is_some_and(|until| until <= now);
    signature.version() == SignatureVersion::V4
        && signature.hash_alg().is_some_and(strong)
        && created(signature).is_some_and(|at| at <= now)
        && !ended
        && unknown_critical(signature).is_none()
}

/// A revocation counts whatever its hash or date: the mistake is then on the safe side.
fn check_revocation<'a>(
    revocations: impl IntoIterator<Item = &'a Signature>,
    moment: Moment<'_>,
    good: impl Fn(&Signature) -> bool,
) -> Result<(), Fault> {
    for revocation in revocations {
        let since = created(revocation);
        // "Superseded" and "retired" leave old signatures standing (RFC 9580 section 5.2.3.31).
        let soft = matches!(
            revocation.revocation_reason_code(),
            Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
        );
        let spares = soft && moment.policy.expired_since && since.is_some_and(|s| moment.signed < s);
        if !spares && good(revocation) {
            return Err(Fault::KeyRevoked { since });
        }
    }
    Ok(())
}

/// Birth before the document's signature, and no expiry since, by the self-signature `own`.
fn check_lifetime(key: &impl KeyDetails, own: &Signature, moment: Moment<'_>) -> Result<(), Fault> {
    let born = Time(i64::from(key.created_at().as_secs()));
    if moment.signed < born {
        return Err(Fault::KeyTooNew { born });
    }
    let lifetime = own.key_expiration_time().map(|d| i64::from(d.as_secs())).filter(|s| *s != 0);
    let Some(until) = lifetime.map(|s| born.plus(s)) else {
        return Ok(());
    };
    let over_now = !moment.policy.expired_since && until <= moment.now;
    if until <= moment.signed || over_now {
        return Err(Fault::KeyExpired { until });
    }
    Ok(())
}

fn flags(signature: &Signature) -> Option<KeyFlags> {
    let has = |p: &pgp::packet::Subpacket| matches!(p.data, SubpacketData::KeyFlags(_));
    signature.config()?.hashed_subpackets().any(has).then(|| signature.key_flags())
}

pub(crate) fn strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(hash, Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
}

pub(crate) fn created(signature: &Signature) -> Option<Time> {
    signature.created().map(|t| Time(i64::from(t.as_secs())))
}

/// When the signature itself ends; a lifetime of 0 means never.
pub(crate) fn until(signature: &Signature) -> Option<Time> {
    let lifetime = signature.signature_expiration_time().map(|d| i64::from(d.as_secs()))?;
    if lifetime == 0 {
        return None;
    }
    created(signature).map(|t| t.plus(lifetime))
}

/// A hashed subpacket that must be understood and is not (RFC 9580 section 5.2.3.7): its number.
pub(crate) fn unknown_critical(signature: &Signature) -> Option<u8> {
    signature.config()?.hashed_subpackets().find_map(|p| match (p.is_critical, &p.data) {
        (true, SubpacketData::Other(n, _) | SubpacketData::Experimental(n, _)) => Some(*n),
        // No notation means anything to us, so none may be required of us.
        (true, SubpacketData::Notation(_)) => Some(20),
        _ => None,
    })
}
