//! The embedded keys of Alpine and Wolfi are the files that the README says they are.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files")]

use trust::apk_keys::{ALPINE, WOLFI, keyring, named};
use trust::{RsaKey, RsaKeyError};

#[test]
fn files_and_readme_agree() {
    let readme = include_str!("../keys/apk.md");
    for key in ALPINE.iter().chain(WOLFI) {
        let read = RsaKey::from_pem(key.name, key.pem()).unwrap();
        let archs = if key.archs.is_empty() { "all of Wolfi".to_owned() } else { key.archs.join(", ") };
        let row = format!("| {} | {archs} | {} | {} |", key.name, read.bits(), read.id().hex());
        assert!(readme.contains(&row), "{row}");
    }
    assert_eq!((ALPINE.len(), WOLFI.len()), (17, 1));
}

#[test]
fn an_architecture_has_its_own_keys_only() {
    assert_eq!(keyring(ALPINE, "x86_64").keys().len(), 3);
    assert_eq!(keyring(ALPINE, "aarch64").keys().len(), 2);
    assert!(keyring(ALPINE, "pdp11").is_empty());
    assert_eq!(keyring(WOLFI, "aarch64").keys()[0].name(), "wolfi-signing.rsa.pub");
    assert!(named("alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub").unwrap().is_for("x86_64"));
    assert!(named("potato").is_none());
}

#[test]
fn only_keys_fit_to_be_trusted_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let run = std::process::Command::new("openssl").args(arguments).current_dir(dir.path()).output();
        run.is_ok_and(|r| r.status.success())
    };
    if !openssl(&["genrsa", "-out", "short.pem", "1024"]) {
        testkit::skip!("no openssl")
    }
    assert!(openssl(&["rsa", "-in", "short.pem", "-pubout", "-out", "short.pub"]));
    assert!(openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.pem"]));
    assert!(openssl(&["ec", "-in", "ec.pem", "-pubout", "-out", "ec.pub"]));
    let read = |file: &str| RsaKey::from_pem(file, &std::fs::read(dir.path().join(file)).unwrap());
    assert_eq!(read("short.pub"), Err(RsaKeyError::Length { name: "short.pub".into(), bits: 1024 }));
    assert_eq!(read("short.pem"), Err(RsaKeyError::Secret { name: "short.pem".into() }));
    assert!(matches!(read("ec.pub"), Err(RsaKeyError::Malformed { .. })));
    assert!(matches!(RsaKey::from_pem("x", b"hello"), Err(RsaKeyError::Malformed { .. })));
    assert!(matches!(RsaKey::from_pem("x", b"\xff"), Err(RsaKeyError::Malformed { .. })));
}
