//! The embedded keys are the files that the README says they are.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, programs")]

use trust::{Keyring, debian_keys};

#[test]
fn files_fingerprints_and_readme_agree() {
    let readme = include_str!("../keys/README.md");
    assert_eq!(debian_keys::ALL.len(), 6);
    for key in debian_keys::ALL {
        let ring = Keyring::from_bytes(key.bytes(), key.name).unwrap();
        assert_eq!(ring.fingerprints(), [key.fingerprint], "{}", key.name);
        assert_eq!(ring.passed_over(), [""; 0]);
        let row = readme.lines().find(|l| l.starts_with(&format!("| {}.gpg |", key.name))).unwrap();
        assert!(row.contains(&key.fingerprint.to_string()), "{row}");
        assert!(row.contains(&oci::Digest::of(key.bytes()).hex()), "{row}");
    }
    assert_eq!(debian_keys::all().fingerprints().len(), 6);
    assert_eq!(debian_keys::keyring(["debian-archive-potato"]).unwrap_err(), "debian-archive-potato");
}

#[test]
fn the_package_on_this_machine_has_the_same_files() {
    for key in debian_keys::ALL {
        let path = format!("/usr/share/keyrings/{}.gpg", key.name);
        let Ok(bytes) = std::fs::read(&path) else { testkit::skip!("{path} is not installed") };
        // A newer package may have renewed certificates, but never another primary key.
        let ring = Keyring::from_bytes(&bytes, &path).unwrap();
        assert_eq!(ring.fingerprints(), [key.fingerprint], "{path}");
    }
}
