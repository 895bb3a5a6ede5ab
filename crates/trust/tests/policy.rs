//! The policy, rule by rule, with keys made for each.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, programs")]

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::ed25519::{Mode, SecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{KeyFlags, PubKeyInner, RevocationCode, Signature, SignatureConfig, SignatureType};
use pgp::packet::{PublicSubkey, SecretSubkey, Subpacket, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{KeyVersion, Password, PlainSecretParams, PublicParams, SecretParams};
use pgp::types::{SigningKey, Timestamp};
use testkit::{Key, SignWith};
use trust::{Fault, Keyring, Policy, Receipt, RestoreError, Time, Verified, VerifyError};
use trust::{restore, verify, verify_detached};

const TEXT: &str = "Origin: Made up\nSuite: stable\n";
/// When the made-up keys were born: 2024-01-01.
const BORN: u32 = 1_704_067_200;
const DAY: u32 = 86_400;
const SIGNED: u32 = BORN + 100 * DAY;
const NOW: Time = Time(SIGNED as i64 + DAY as i64);

fn ring(key: &Key) -> Keyring {
    Keyring::from_bytes(key.public_armored().as_bytes(), "test.asc").unwrap()
}

fn check(key: &Key, with: SignWith, policy: &Policy, now: Time) -> Result<Verified<Vec<u8>>, VerifyError> {
    verify(key.clear_sign(TEXT, with).as_bytes(), &ring(key), policy, now)
}

/// What is wrong with a message of this key, signed soundly.
fn fault(key: &Key) -> Fault {
    refused(check(key, SignWith::sha256(SIGNED), &Policy::current(), NOW))
}

fn refused(outcome: Result<Verified<Vec<u8>>, VerifyError>) -> Fault {
    let error = outcome.unwrap_err();
    error.fault().unwrap_or_else(|| panic!("{error:?}")).clone()
}

#[test]
fn sound_keys_vouch() {
    for key in [Key::seeded(1), Key::seeded(2).with_subkey(), Key::seeded(3).lives(200 * DAY)] {
        let verified = check(&key, SignWith::sha256(SIGNED), &Policy::current(), NOW).unwrap();
        assert_eq!(verified.value(), TEXT.as_bytes());
        let Receipt::Signed(signed) = verified.receipt() else { panic!() };
        let signer = &signed.by[0];
        assert_eq!(signer.key.to_string().to_lowercase(), key.signing_fingerprint());
        assert_eq!(signer.certificate.to_string().to_lowercase(), key.fingerprint());
        assert_eq!(signer.at, Time(i64::from(SIGNED)));
    }
}

#[test]
fn binary_keyrings_and_several_in_one_file_are_read() {
    let (a, b) = (Key::seeded(1), Key::seeded(2).with_subkey());
    let both = format!("a note\n{}\nanother\n{}", a.public_armored(), b.public_armored());
    let armored = Keyring::from_bytes(both.as_bytes(), "both").unwrap();
    let binary = Keyring::from_bytes(&[a.public_binary(), b.public_binary()].concat(), "both").unwrap();
    assert_eq!(armored.fingerprints().len(), 2);
    assert_eq!(armored.fingerprints(), binary.fingerprints());
    assert_eq!(armored.merge(binary).fingerprints().len(), 2);
    for bad in [
        &b""[..],
        b"hello",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n",
        &[0xc6; 9],
    ] {
        assert!(Keyring::from_bytes(bad, "bad").is_err(), "{bad:?}");
    }
}

#[test]
fn time_bounds_signature_and_key() {
    let key = Key::seeded(1);
    let at = |at| check(&key, SignWith::sha256(at), &Policy::current(), NOW);
    let now = u32::try_from(NOW.0).unwrap();
    assert!(at(now + 10).is_ok());
    assert_eq!(refused(at(now + 11)), Fault::Future { at: Time(NOW.0 + 11) });
    assert_eq!(refused(at(BORN - 1)), Fault::KeyTooNew { born: Time(i64::from(BORN)) });
    let short = SignWith { lives: Some(DAY), ..SignWith::sha256(SIGNED) };
    assert_eq!(refused(check(&key, short, &Policy::past(), NOW)), Fault::Expired { until: NOW });
    assert!(check(&key, short, &Policy::current(), Time(NOW.0 - 1)).is_ok());
}

#[test]
fn an_expired_key_vouches_for_the_past_only() {
    for key in [Key::seeded(1).lives(100 * DAY + 10), Key::seeded(2).with_subkey().lives(100 * DAY + 10)] {
        let until = Time(i64::from(SIGNED) + 10);
        assert_eq!(fault(&key), Fault::KeyExpired { until });
        assert!(check(&key, SignWith::sha256(SIGNED), &Policy::past(), NOW).is_ok());
        let late = check(&key, SignWith::sha256(SIGNED + 10), &Policy::past(), NOW);
        assert_eq!(refused(late), Fault::KeyExpired { until });
    }
}

#[test]
fn weak_hashes_are_refused() {
    // rpgp makes such signatures with RSA only.
    let certificate = rsa_certificate();
    for hash in [HashAlgorithm::Sha1, HashAlgorithm::Sha224] {
        let found = refused(by_rsa(&certificate, hash));
        assert_eq!(found, Fault::WeakHash { hash: hash.to_string() });
    }
    let strong = SignWith { hash: HashAlgorithm::Sha512, ..SignWith::sha256(SIGNED) };
    assert!(check(&Key::seeded(1), strong, &Policy::current(), NOW).is_ok());
}

#[test]
fn revoked_and_unfit_keys_are_refused() {
    assert!(matches!(fault(&Key::seeded(1).revoked()), Fault::KeyRevoked { since: Some(_) }));
    assert!(matches!(fault(&Key::seeded(2).with_subkey().revoked()), Fault::KeyRevoked { .. }));
    for key in [Key::seeded(1).may_not_sign(), Key::seeded(2).with_subkey().may_not_sign()] {
        assert_eq!(fault(&key), Fault::KeyUnfit { why: "it is not for signing".into() });
    }
}

#[test]
fn another_text_or_another_key_is_no_signature() {
    let key = Key::seeded(1);
    let signed = key.clear_sign(TEXT, SignWith::sha256(SIGNED));
    let changed = signed.replace("stable", "st4ble");
    let outcome = verify(changed.as_bytes(), &ring(&key), &Policy::current(), NOW);
    assert_eq!(refused(outcome), Fault::BadSignature);
    let error = verify(signed.as_bytes(), &ring(&Key::seeded(9)), &Policy::current(), NOW).unwrap_err();
    assert_eq!(error, VerifyError::UnknownKey { seen: vec![key.fingerprint().to_uppercase()] });
}

#[test]
fn detached_signatures_are_over_the_bytes_as_they_are() {
    let key = Key::seeded(1);
    let text = TEXT.as_bytes();
    let signature = key.detach_sign(text, SignWith::sha256(SIGNED));
    let check = |document: &[u8], signature: &[u8]| {
        verify_detached(document, signature, &ring(&key), &Policy::current(), NOW)
    };
    assert_eq!(check(text, signature.as_bytes()).unwrap().value(), text);
    let crlf = TEXT.replace('\n', "\r\n");
    assert_eq!(refused(check(crlf.as_bytes(), signature.as_bytes())), Fault::BadSignature);
    assert_eq!(check(text, b"").unwrap_err(), VerifyError::NotSigned);
    for bad in
        [&b"hello"[..], &[0xc2, 1, 4], format!("{signature}x").as_bytes(), key.public_armored().as_bytes()]
    {
        assert!(matches!(check(text, bad), Err(VerifyError::Malformed { .. })), "{bad:?}");
    }
    // A clear-signed message is no detached signature and the other way round.
    let clear = key.clear_sign(TEXT, SignWith::sha256(SIGNED));
    assert!(check(text, clear.as_bytes()).is_err());
}

#[test]
fn receipts_are_judged_again() {
    let key = Key::seeded(1).lives(200 * DAY);
    let signed = key.clear_sign(TEXT, SignWith::sha256(SIGNED));
    let verified = verify(signed.as_bytes(), &ring(&key), &Policy::current(), NOW).unwrap();
    // As it is kept beside a shelf.
    let kept = serde_json::to_string(verified.receipt()).unwrap();
    let receipt: Receipt = serde_json::from_str(&kept).unwrap();
    assert_eq!(&receipt, verified.receipt());
    let document = oci::Digest::of(signed.as_bytes());
    let again = |keys: &Keyring, policy: &Policy, now| restore(receipt.clone(), &document, keys, policy, now);
    assert!(again(&ring(&key), &Policy::current(), NOW).is_ok());
    assert!(matches!(
        restore(receipt.clone(), &oci::Digest::of(b"x"), &ring(&key), &Policy::current(), NOW),
        Err(RestoreError::OtherDocument { .. })
    ));
    let fault = |outcome: Result<Verified<()>, RestoreError>| match outcome {
        Err(RestoreError::NotEnough { faults, .. }) => faults[0].1.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(again(&Keyring::empty(), &Policy::current(), NOW)), Fault::UnknownKey);
    let later = NOW.plus(i64::from(200 * DAY));
    assert!(matches!(fault(again(&ring(&key), &Policy::current(), later)), Fault::KeyExpired { .. }));
    assert!(again(&ring(&key), &Policy::past(), later).is_ok());
    let earlier = Time(i64::from(SIGNED) - 11);
    assert!(matches!(fault(again(&ring(&key), &Policy::current(), earlier)), Fault::Future { .. }));
    let revoked = Key::seeded(1).lives(200 * DAY).revoked();
    assert!(matches!(fault(again(&ring(&revoked), &Policy::current(), NOW)), Fault::KeyRevoked { .. }));
    let declared = Verified::declared_by_user((), "[trusted=yes]");
    let outcome = restore(declared.into_parts().1, &document, &ring(&key), &Policy::current(), NOW);
    assert_eq!(outcome.unwrap_err(), RestoreError::NotSigned);
}

// From here on, certificates that testkit does not make: changed ones, by rpgp itself.

fn public(key: &Key) -> SignedPublicKey {
    pgp::composed::Deserializable::from_bytes(key.public_binary().as_slice()).unwrap()
}

fn reread(certificate: &SignedPublicKey) -> Keyring {
    Keyring::from_bytes(&certificate.to_bytes().unwrap(), "changed").unwrap()
}

fn fault_of_certificate(certificate: &SignedPublicKey, by: &Key) -> Fault {
    let signed = by.clear_sign(TEXT, SignWith::sha256(SIGNED));
    refused(verify(signed.as_bytes(), &reread(certificate), &Policy::current(), NOW))
}

#[test]
fn a_certificate_without_self_signatures_is_refused() {
    let key = Key::seeded(1);
    let mut bare = public(&key);
    bare.details.users.clear();
    assert!(
        matches!(fault_of_certificate(&bare, &key), Fault::KeyUnfit { why } if why.contains("self-signature"))
    );
    // Nor does somebody else's word help.
    let mut foreign = public(&key);
    let strangers = public(&Key::seeded(2));
    foreign.details.users = strangers.details.users;
    assert!(matches!(fault_of_certificate(&foreign, &key), Fault::KeyUnfit { .. }));
}

#[test]
fn a_subkey_must_be_bound_by_its_own_primary_key() {
    let key = Key::seeded(1).with_subkey();
    let mut stolen = public(&Key::seeded(2));
    stolen.public_subkeys = public(&key).public_subkeys;
    let found = fault_of_certificate(&stolen, &key);
    assert!(matches!(&found, Fault::KeyUnfit { why } if why.contains("does not vouch for it")), "{found:?}");
}

fn secret(seed: u8) -> (PubKeyInner, SecretParams) {
    let secret = SecretKey::try_from_bytes([seed; 32], Mode::EdDSALegacy).unwrap();
    let inner = PubKeyInner::new(
        KeyVersion::V4,
        PublicKeyAlgorithm::EdDSALegacy,
        Timestamp::from_secs(BORN),
        None,
        PublicParams::EdDSALegacy((&secret).into()),
    );
    let secret = PlainSecretParams::EdDSALegacy(pgp::crypto::eddsa_legacy::SecretKey::Ed25519(secret));
    (inner.unwrap(), SecretParams::Plain(secret))
}

fn config(by: &impl SigningKey, typ: SignatureType, hash: HashAlgorithm) -> SignatureConfig {
    let mut config = SignatureConfig::v4(typ, by.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(BORN))).unwrap(),
        Subpacket::regular(SubpacketData::IssuerFingerprint(by.fingerprint())).unwrap(),
    ];
    config
}

/// A primary key and a signing subkey of our own, bound as `change` says.
fn bound(back_hash: Option<HashAlgorithm>) -> (SignedPublicKey, SecretSubkey) {
    let (inner, parameters) = secret(7);
    let primary =
        pgp::packet::SecretKey::new(pgp::packet::PublicKey::from_inner(inner).unwrap(), parameters).unwrap();
    let (inner, parameters) = secret(8);
    let sub = SecretSubkey::new(PublicSubkey::from_inner(inner).unwrap(), parameters).unwrap();
    let public = primary.public_key().clone();
    let nobody = Password::empty();
    let mut flags = KeyFlags::default();
    flags.set_sign(true);
    let mut binding = config(&primary, SignatureType::SubkeyBinding, HashAlgorithm::Sha256);
    binding.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyFlags(flags)).unwrap());
    if let Some(hash) = back_hash {
        let back = config(&sub, SignatureType::KeyBinding, hash)
            .sign_primary_key_binding(&sub, sub.public_key(), &nobody, &public)
            .unwrap();
        let back = Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(back))).unwrap();
        binding.hashed_subpackets.push(back);
    }
    let binding = binding.sign_subkey_binding(&primary, &public, &nobody, sub.public_key()).unwrap();
    let direct = config(&primary, SignatureType::Key, HashAlgorithm::Sha256)
        .sign_key(&primary, &nobody, &public)
        .unwrap();
    let details = pgp::composed::SignedKeyDetails::new(vec![], vec![direct], vec![], vec![]);
    let subkey = SignedPublicSubKey::new(sub.public_key().clone(), vec![binding]);
    (SignedPublicKey::new(public, details, vec![subkey]), sub)
}

fn detached(by: &impl SigningKey, critical: Option<SubpacketData>) -> Vec<u8> {
    let mut config = config(by, SignatureType::Binary, HashAlgorithm::Sha256);
    config.hashed_subpackets.extend(critical.map(|data| Subpacket::critical(data).unwrap()));
    let signature: Signature = config.sign(by, &Password::empty(), TEXT.as_bytes()).unwrap();
    pgp::composed::DetachedSignature::new(signature).to_armored_bytes(Default::default()).unwrap()
}

fn by_subkey(
    back_hash: Option<HashAlgorithm>,
    critical: Option<SubpacketData>,
) -> Result<Verified<Vec<u8>>, VerifyError> {
    let (certificate, sub) = bound(back_hash);
    verify_detached(
        TEXT.as_bytes(),
        &detached(&sub, critical),
        &reread(&certificate),
        &Policy::current(),
        NOW,
    )
}

#[test]
fn a_signing_subkey_must_vouch_for_its_primary_key() {
    assert!(by_subkey(Some(HashAlgorithm::Sha256), None).is_ok());
    let found = refused(by_subkey(None, None));
    assert!(matches!(&found, Fault::KeyUnfit { why } if why.contains("back-signature")), "{found:?}");
}

#[test]
fn what_must_be_understood_and_is_not_is_refused() {
    let notation = pgp::packet::Notation { readable: true, name: "a@b".into(), value: "c".into() };
    let found = refused(by_subkey(Some(HashAlgorithm::Sha256), Some(SubpacketData::Notation(notation))));
    assert!(matches!(&found, Fault::Kind { why } if why.contains("20")), "{found:?}");
    let policy = SubpacketData::PolicyURI("https://example.org".into());
    assert!(by_subkey(Some(HashAlgorithm::Sha256), Some(policy)).is_ok());
}

#[test]
fn a_key_that_was_only_retired_vouches_for_the_past() {
    let (inner, parameters) = secret(7);
    let primary =
        pgp::packet::SecretKey::new(pgp::packet::PublicKey::from_inner(inner).unwrap(), parameters).unwrap();
    let revoked = |code| {
        let (mut certificate, sub) = bound(Some(HashAlgorithm::Sha256));
        let mut revocation = config(&primary, SignatureType::KeyRevocation, HashAlgorithm::Sha256);
        let time = SubpacketData::SignatureCreationTime(Timestamp::from_secs(SIGNED));
        revocation.hashed_subpackets[0] = Subpacket::regular(time).unwrap();
        let reason = SubpacketData::RevocationReason(code, "".into());
        revocation.hashed_subpackets.push(Subpacket::regular(reason).unwrap());
        let revocation = revocation.sign_key(&primary, &Password::empty(), primary.public_key()).unwrap();
        certificate.details.revocation_signatures.push(revocation);
        (reread(&certificate), detached(&sub, None))
    };
    let check = |code, policy: &Policy| {
        let (ring, signature) = revoked(code);
        verify_detached(TEXT.as_bytes(), &signature, &ring, policy, NOW)
    };
    assert!(check(RevocationCode::KeyRetired, &Policy::past()).is_ok());
    for (code, policy) in [
        (RevocationCode::KeyRetired, Policy::current()),
        (RevocationCode::KeyCompromised, Policy::past()),
        (RevocationCode::NoReason, Policy::past()),
    ] {
        assert!(matches!(refused(check(code, &policy)), Fault::KeyRevoked { .. }), "{code:?}");
    }
}

fn rsa(bits: usize) -> (PubKeyInner, SecretParams) {
    let key = pgp::crypto::rsa::SecretKey::generate(rand::thread_rng(), bits).unwrap();
    let inner = PubKeyInner::new(
        KeyVersion::V4,
        PublicKeyAlgorithm::RSA,
        Timestamp::from_secs(BORN),
        None,
        PublicParams::RSA((&key).into()),
    );
    (inner.unwrap(), SecretParams::Plain(PlainSecretParams::RSA(key)))
}

/// An RSA key of 1024 bits, which is too short, with a sound self-signature.
fn rsa_certificate() -> (SignedPublicKey, pgp::packet::SecretKey) {
    let (inner, parameters) = rsa(1024);
    let key =
        pgp::packet::SecretKey::new(pgp::packet::PublicKey::from_inner(inner).unwrap(), parameters).unwrap();
    let public = key.public_key().clone();
    let direct =
        config(&key, SignatureType::Key, HashAlgorithm::Sha256).sign_key(&key, &Password::empty(), &public);
    let details = pgp::composed::SignedKeyDetails::new(vec![], vec![direct.unwrap()], vec![], vec![]);
    (SignedPublicKey::new(public, details, vec![]), key)
}

fn by_rsa(
    (certificate, key): &(SignedPublicKey, pgp::packet::SecretKey),
    hash: HashAlgorithm,
) -> Result<Verified<Vec<u8>>, VerifyError> {
    let config = config(key, SignatureType::Binary, hash);
    let signature = config.sign(key, &Password::empty(), TEXT.as_bytes()).unwrap();
    let signature =
        pgp::composed::DetachedSignature::new(signature).to_armored_bytes(Default::default()).unwrap();
    verify_detached(TEXT.as_bytes(), &signature, &reread(certificate), &Policy::current(), NOW)
}

#[test]
fn short_keys_are_refused() {
    let found = refused(by_rsa(&rsa_certificate(), HashAlgorithm::Sha256));
    assert!(matches!(&found, Fault::KeyUnfit { why } if why == "RSA of 1024 bits is too short"), "{found:?}");
}

#[test]
fn a_self_signature_with_a_weak_hash_is_none() {
    let (inner, parameters) = rsa(2048);
    let key =
        pgp::packet::SecretKey::new(pgp::packet::PublicKey::from_inner(inner).unwrap(), parameters).unwrap();
    let public = key.public_key().clone();
    let certificate = |hash| {
        let direct = config(&key, SignatureType::Key, hash).sign_key(&key, &Password::empty(), &public);
        let details = pgp::composed::SignedKeyDetails::new(vec![], vec![direct.unwrap()], vec![], vec![]);
        (SignedPublicKey::new(public.clone(), details, vec![]), key.clone())
    };
    assert!(by_rsa(&certificate(HashAlgorithm::Sha512), HashAlgorithm::Sha256).is_ok());
    let found = refused(by_rsa(&certificate(HashAlgorithm::Sha1), HashAlgorithm::Sha256));
    assert!(matches!(&found, Fault::KeyUnfit { why } if why.contains("weak hash SHA1")), "{found:?}");
}

struct Release;

impl trust::Names for Release {
    fn file(&self, path: &str) -> Option<trust::Expectation> {
        (path == "main/Packages").then(|| trust::Expectation { size: 3, digest: oci::Digest::of(b"abc") })
    }
}

#[test]
fn a_verified_document_admits_what_it_names() {
    let release = Verified::declared_by_user(b"x".to_vec(), "local").parse::<_, ()>(|_| Ok(Release)).unwrap();
    let packages = release.admit("main/Packages", b"abc".to_vec()).unwrap();
    assert_eq!((packages.value().as_slice(), packages.receipt()), (&b"abc"[..], release.receipt()));
    let refusal = |path, bytes: &[u8]| release.admit(path, bytes).unwrap_err().to_string();
    assert!(refusal("main/Other", b"abc").contains("does not name"));
    assert!(refusal("main/Packages", b"abcd").contains("4 bytes where 3"));
    assert!(refusal("main/Packages", b"abd").contains("digest"));
    assert!(release.admit_hashed("main/Packages", 3, oci::Digest::of(b"abc"), ()).is_ok());
    assert!(release.admit_hashed("main/Packages", 3, oci::Digest::of(b"abd"), ()).is_err());
    let both = Verified::all(vec![packages, Verified::bound_by_lock(Vec::new())]);
    assert!(matches!(both.receipt(), Receipt::Several(parts) if parts.len() == 2));
}
