//! Real archives: what Debian signed, and six ways in which somebody changed it.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, programs")]

use std::io::Read;
use std::path::{Path, PathBuf};

use trust::{Dates, Fault, FramingError, Freshness, Keyring, Policy, Receipt, Time, VerifyError, verify};

/// 2026-11-21, when the data was taken.
const NOW: Time = Time(1_795_222_800);

fn data(name: &str) -> Option<PathBuf> {
    testkit::shared_data(&format!("vuln/derived/{name}"))
}

fn gunzip(path: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut out).unwrap();
    out
}

fn security_of_bullseye() -> Option<Keyring> {
    let all = data("debian-archive-keyring.gpg")?;
    Some(Keyring::from_bytes(&std::fs::read(all).unwrap(), "debian-archive-keyring").unwrap())
}

#[test]
fn verifies_what_debian_signed() {
    let keys = trust::debian_keys::all();
    for (name, signers, first) in [
        ("bookworm_InRelease.gz", 3, "Origin: Debian\nLabel: Debian\nSuite: oldstable\n"),
        ("bookworm-security_InRelease.gz", 1, "Origin: Debian\nLabel: Debian-Security\n"),
        ("sid_InRelease_expired.gz", 2, "Origin: Debian\nLabel: Debian\nSuite: unstable\n"),
    ] {
        let Some(path) = data(name) else { testkit::skip!("no shared data") };
        let bytes = gunzip(&path);
        let verified = verify(&bytes, &keys, &Policy::current(), NOW).unwrap();
        let Receipt::Signed(signed) = verified.receipt() else { panic!("{:?}", verified.receipt()) };
        assert_eq!(signed.by.len(), signers, "{name}: {:?}", signed.by);
        assert_eq!(signed.document, oci::Digest::of(&bytes));
        assert!(verified.value().starts_with(first.as_bytes()), "{name}");
        assert!(verified.value().ends_with(b"\n") && !verified.value().contains(&b'\r'));
    }
}

#[test]
fn our_frame_gives_what_rpgp_reads() {
    for name in ["bookworm_InRelease.gz", "bookworm-security_InRelease.gz", "sid_InRelease_expired.gz"] {
        let Some(path) = data(name) else { testkit::skip!("no shared data") };
        let bytes = gunzip(&path);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (message, _) = pgp::composed::CleartextSignedMessage::from_string(&text).unwrap();
        let ours = verify(&bytes, &trust::debian_keys::all(), &Policy::current(), NOW).unwrap();
        let ours = String::from_utf8(ours.into_parts().0).unwrap();
        assert_eq!(message.signed_text().replace("\r\n", "\n"), ours.trim_end_matches('\n'), "{name}");
    }
}

#[test]
fn refuses_each_of_the_six_tampered_ones_for_its_own_reason() {
    let keys = trust::debian_keys::all();
    let refusal = |n: u8| {
        let path = data(&format!("inrelease-tamper-t{n}.gz"))?;
        Some(verify(&gunzip(&path), &keys, &Policy::current(), NOW).unwrap_err())
    };
    let Some(edited) = refusal(1) else { testkit::skip!("no shared data") };
    assert_eq!(edited.fault(), Some(&Fault::BadSignature), "{edited}");
    let framing = |n: u8| match refusal(n) {
        Some(VerifyError::Framing(error)) => error,
        other => panic!("t{n}: {other:?}"),
    };
    assert_eq!(framing(2), FramingError::TextBefore);
    assert!(matches!(framing(3), FramingError::TextAfter { .. }));
    assert_eq!(framing(5), FramingError::Header { line: 3 });
    assert!(matches!(framing(6), FramingError::SecondMessage { .. }));
    assert_eq!(framing(7), FramingError::TrailingBlank { line: 5 });
}

#[test]
fn names_the_keys_that_it_does_not_know() {
    let Some(path) = data("bookworm-security_InRelease.gz") else { testkit::skip!("no shared data") };
    let stable = trust::debian_keys::keyring(["debian-archive-trixie-stable"]).unwrap();
    let error = verify(&gunzip(&path), &stable, &Policy::current(), NOW).unwrap_err();
    let VerifyError::UnknownKey { seen } = &error else { panic!("{error:?}") };
    assert_eq!(
        *seen,
        ["ED541312A33F1128F10B1C6C54404762BBB6E853", "B0CAB9266E8C3929798B3EEEBDE6D2B9216EC7A8"],
        "{error}"
    );
    let nobody = verify(&gunzip(&path), &Keyring::empty(), &Policy::current(), NOW);
    assert_eq!(nobody.unwrap_err(), VerifyError::NoKeys);
}

#[test]
fn a_second_signer_can_be_required() {
    let Some(path) = data("bookworm-security_InRelease.gz") else { testkit::skip!("no shared data") };
    let bytes = gunzip(&path);
    let two = Policy::current().require(2);
    let error = verify(&bytes, &trust::debian_keys::all(), &two, NOW).unwrap_err();
    assert!(matches!(error, VerifyError::NotEnough { good: 1, require: 2, .. }), "{error:?}");
    let Some(all) = security_of_bullseye() else { testkit::skip!("no shared data") };
    assert!(verify(&bytes, &all, &two, NOW).is_ok());
}

#[test]
fn time_passes() {
    let Some(path) = data("bookworm_InRelease.gz") else { testkit::skip!("no shared data") };
    let bytes = gunzip(&path);
    let keys = trust::debian_keys::keyring(["debian-archive-bookworm-stable"]).unwrap();
    // The key ends on 2031-01-21; what it signed before stays true for the past only.
    let later = Time(1_960_000_000);
    let error = verify(&bytes, &keys, &Policy::current(), later).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::KeyExpired { .. })), "{error}");
    assert!(verify(&bytes, &keys, &Policy::past(), later).is_ok());
    let before = Time(1_783_000_000);
    let error = verify(&bytes, &keys, &Policy::current(), before).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Future { .. })), "{error}");
    let dates = Dates { date: Time(1_793_347_681), valid_until: Some(Time(1_793_952_481)) };
    assert!(Freshness::at(NOW).check("sid", dates).is_err());
}

#[test]
fn what_is_no_signed_message_is_said_to_be_unsigned() {
    for bytes in [&b""[..], b"Origin: Debian\n", b"<html></html>", &[0xff; 40]] {
        let error = verify(bytes, &trust::debian_keys::all(), &Policy::current(), NOW).unwrap_err();
        assert_eq!(error, VerifyError::NotSigned);
    }
}
