//! The made-up attacks are what they say: the real apk refuses those on signatures and hashes, and
//! takes the package that all of them are variations of.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files and processes")]

use std::path::Path;

use testkit::apk::hostile::{self, Harm};
use testkit::apk::{Algorithm, RealApk, Signer, real_apk};

/// Whether apk is a judge: what it makes of contents is for its own tests.
fn judged(harm: Harm) -> bool {
    harm != Harm::Content
}

fn keys(dir: &Path) -> std::path::PathBuf {
    let keys = dir.join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join(hostile::key().file_name()), hostile::key().public_pem()).unwrap();
    keys
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> = hostile::packages().iter().map(|h| h.name).collect();
    names.extend(hostile::indexes().iter().map(|h| h.name));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for attack in hostile::packages().iter().filter(|h| h.name.starts_with("bomb")) {
        assert!(attack.apk.len() < 4 << 20, "{}: {} bytes", attack.name, attack.apk.len());
    }
}

#[test]
fn the_real_apk_refuses_packages() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path());
    let file = dir.path().join("evil-1-r0.apk");
    let verify = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        apk.verify(&keys, &file)
    };
    let signers = [Signer::new(&hostile::key(), Algorithm::Rsa256)];
    verify(&hostile::sound().build(&signers).bytes()).unwrap();
    for attack in hostile::packages().iter().filter(|h| judged(h.harm)) {
        let said = verify(&attack.apk);
        assert!(said.is_err(), "{}: {said:?}", attack.name);
    }
}

#[test]
fn the_real_apk_refuses_indexes() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path());
    for attack in hostile::indexes().iter().filter(|h| judged(h.harm)) {
        let solved = solve(&apk, dir.path(), &keys, &attack.index);
        assert!(solved.is_err(), "{}: {solved:?}", attack.name);
    }
}

fn solve(apk: &RealApk, dir: &Path, keys: &Path, index: &[u8]) -> Result<Vec<(String, String)>, String> {
    let arch = dir.join("repository/x86_64");
    std::fs::create_dir_all(&arch).unwrap();
    std::fs::write(arch.join("APKINDEX.tar.gz"), index).unwrap();
    apk.root().solve(&[arch.parent().unwrap()], keys, &["evil"])
}
