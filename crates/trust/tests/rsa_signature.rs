//! Which signatures of apk's kind vouch, and what the refused are told.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files")]

use diag::Explain;
use oci::Digest;
use testkit::ApkKey;
use testkit::apk::Algorithm;
use trust::{
    Receipt, RsaFault, RsaHash, RsaKey, RsaKeyring, RsaSignature, RsaVerifyError, restore_rsa, verify_rsa,
};

const TEXT: &[u8] = b"the control part";

fn public(key: &ApkKey) -> RsaKey {
    RsaKey::from_pem(key.file_name(), key.public_pem().as_bytes()).unwrap()
}

fn signature(key: &ApkKey, with: Algorithm, hash: Option<RsaHash>) -> RsaSignature {
    RsaSignature { key: key.file_name().to_owned(), hash, bytes: key.sign(with, TEXT) }
}

fn by_two(hash: Option<RsaHash>) -> RsaSignature {
    signature(&ApkKey::test_only(2), Algorithm::Rsa256, hash)
}

#[test]
fn one_good_signature_is_enough_and_the_receipt_names_it() {
    let (one, two) = (ApkKey::test_only(1), ApkKey::test_only(2));
    let ring: RsaKeyring = [public(&one)].into_iter().collect();
    for (with, hash) in [
        (Algorithm::Rsa, RsaHash::Sha1),
        (Algorithm::Rsa256, RsaHash::Sha256),
        (Algorithm::Rsa512, RsaHash::Sha512),
    ] {
        let all = [by_two(Some(RsaHash::Sha256)), by_two(None), signature(&one, with, Some(hash))];
        let good = verify_rsa(TEXT, Digest::of(b"whole"), &all, &ring).unwrap();
        let Receipt::SignedRsa(signed) = good.receipt() else { panic!("{:?}", good.receipt()) };
        assert_eq!((signed.by.len(), signed.by[0].hash), (1, hash));
        assert_eq!(signed.by[0].key, "made-up-1.rsa.pub");
        assert_eq!(signed.by[0].id, public(&one).id());

        let kept = serde_json::to_string(good.receipt()).unwrap();
        let kept: Receipt = serde_json::from_str(&kept).unwrap();
        assert_eq!(
            restore_rsa(kept.clone(), &Digest::of(b"whole"), &ring).unwrap().receipt(),
            good.receipt()
        );
        assert!(restore_rsa(kept.clone(), &Digest::of(b"other"), &ring).is_err());
        let others = [public(&two)].into_iter().collect();
        assert!(restore_rsa(kept, &Digest::of(b"whole"), &others).is_err());
    }
}

#[test]
fn each_refusal_has_its_own_words() {
    let one = ApkKey::test_only(1);
    let ring: RsaKeyring = [public(&one)].into_iter().collect();
    let refused = |signatures: &[RsaSignature]| {
        verify_rsa(TEXT, Digest::of(TEXT), signatures, &ring).map(drop).unwrap_err()
    };
    assert_eq!(refused(&[]), RsaVerifyError::NotSigned);
    let unknown = refused(&[by_two(Some(RsaHash::Sha256))]);
    assert_eq!(unknown, RsaVerifyError::UnknownKey { seen: vec!["made-up-2.rsa.pub".into()] });
    assert!(unknown.hint().unwrap().contains("keyring:"), "{:?}", unknown.hint());
    let fault = |signatures: &[RsaSignature]| match refused(signatures) {
        RsaVerifyError::Refused { fault, .. } => fault,
        other => panic!("{other}"),
    };
    // Claims another hash than was used; another length; a changed document; another's signature
    // under a trusted name.
    let wrong_hash = signature(&one, Algorithm::Rsa256, Some(RsaHash::Sha1));
    assert_eq!(fault(&[by_two(None), wrong_hash]), RsaFault::BadSignature);
    let mut short = signature(&one, Algorithm::Rsa, Some(RsaHash::Sha1));
    short.bytes.pop();
    assert_eq!(fault(&[short]), RsaFault::BadSignature);
    let posing = ApkKey::test_only(2).named("made-up-1.rsa.pub");
    assert_eq!(fault(&[signature(&posing, Algorithm::Rsa, Some(RsaHash::Sha1))]), RsaFault::BadSignature);
    assert_eq!(fault(&[signature(&one, Algorithm::Rsa, None)]), RsaFault::Kind);
}

#[test]
fn a_name_without_suffix_means_the_same_key() {
    let one = ApkKey::test_only(1);
    let ring: RsaKeyring = [public(&one)].into_iter().collect();
    let short = signature(&one.clone().named("made-up-1"), Algorithm::Rsa, Some(RsaHash::Sha1));
    assert!(verify_rsa(TEXT, Digest::of(TEXT), &[short], &ring).is_ok());
}

/// The first 320 bytes of the two files of `https://shattered.io` (Stevens and others, 2017).
fn shattered() -> [Vec<u8>; 2] {
    let text: String = include_str!("shattered.txt").split_whitespace().collect();
    let bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    [bytes[..320].to_vec(), bytes[320..].to_vec()]
}

#[test]
fn documents_made_to_collide_are_refused_however_they_are_signed() {
    let one = ApkKey::test_only(1);
    let ring: RsaKeyring = [public(&one)].into_iter().collect();
    let [first, second] = shattered();
    let bytes = one.sign(Algorithm::Rsa, &first);
    assert_eq!(bytes, one.sign(Algorithm::Rsa, &second), "one signature fits both");
    let signature = RsaSignature { key: one.file_name().to_owned(), hash: Some(RsaHash::Sha1), bytes };
    for document in [first, second] {
        let error = verify_rsa(&document, Digest::of(&document), std::slice::from_ref(&signature), &ring);
        let collision = RsaVerifyError::Refused { key: signature.key.clone(), fault: RsaFault::Collision };
        assert_eq!(error.map(drop), Err(collision));
    }
}
