//! Real packages and indexes of Alpine and Wolfi: all verify, and what was damaged is refused with
//! its own reason.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

use std::path::{Path, PathBuf};

use apk::{ApkError, ControlFiles, ExpectApk, Limits, Part, Proof, Unpacked, index, unpack};
use package::{Arch, Identity, Shelf};
use rootfs::payload::Writer;
use store::{Expect, Mismatch};
use trust::{Receipt, RsaFault, RsaKey, RsaKeyring, RsaVerifyError, apk_keys};

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|p| p.file_name().unwrap().to_string_lossy().ends_with(suffix)).collect();
    found.sort();
    found
}

fn unpacked(bytes: &[u8], proof: &Proof<'_>) -> Result<Unpacked, ApkError> {
    unpack(bytes, proof, &Limits::default(), &mut Writer::new(Vec::new()))
}

fn expected(bytes: &[u8], expect: ExpectApk) -> Result<(), Mismatch> {
    let mut expect = expect;
    // Uneven pieces, so that parts end within them.
    bytes.chunks(1013).for_each(|piece| expect.update(piece));
    expect.finish()
}

fn shelf(path: &Path, keys: &RsaKeyring, arch: &str) -> Shelf {
    let limits = Limits::default();
    let bytes = std::fs::read(path).unwrap();
    let signed = index::verify(&bytes, keys, &limits).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let index = index::read_index(signed.value(), &Arch::from_apk(arch).unwrap(), &limits).unwrap();
    Shelf::from_bytes(index.shelf).unwrap()
}

#[test]
fn every_package_agrees_with_its_signed_index() {
    for (data, arch, count) in
        [("apk/alpine-3.19.1-iso", "x86_64", 100), ("apk/alpine-3.13.4-rpi", "aarch64", 65)]
    {
        let Some(folder) = testkit::shared_data(data) else { testkit::skip!("no {data}") };
        let folder = folder.join(arch);
        let keys = apk_keys::keyring(apk_keys::ALPINE, arch);
        let shelf = shelf(&folder.join("APKINDEX.tar.gz"), &keys, arch);
        let mut checked = 0;
        for record in shelf.records() {
            let path = folder.parent().unwrap().join(record.path());
            let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let Some(Identity::ApkControl(control)) = record.identity() else { panic!("{record:?}") };
            let proof = Proof { control: Some(control), keys: Some(&keys) };
            let found = unpacked(&bytes, &proof).unwrap_or_else(|e| panic!("{record:?}: {e}"));
            assert!(matches!(found.signed, Some(Receipt::SignedRsa(_))), "{record:?}");
            let info = &found.files.info;
            assert_eq!((info.name.as_str(), info.version.as_str()), (record.name(), record.version()));
            assert_eq!(info.depends.join(" "), record.depends(), "{record:?}");
            assert_eq!(info.provides.join(" "), record.provides(), "{record:?}");
            assert_eq!(ControlFiles::decode(&found.files.encode()).unwrap(), found.files);
            let expect = ExpectApk::new(control, Some(record.size()), &Limits::default());
            expected(&bytes, expect).unwrap_or_else(|e| panic!("{record:?}: {e}"));
            checked += 1;
        }
        assert_eq!((checked, files(&folder, ".apk").len()), (count, count));
    }
}

#[test]
fn wolfis_packages_verify_and_stripped_ones_do_not() {
    let Some(folder) = testkit::shared_data("apk/wolfi") else { testkit::skip!("no Wolfi packages") };
    let keys = apk_keys::keyring(apk_keys::WOLFI, "x86_64");
    let proof = Proof { control: None, keys: Some(&keys) };
    let mut said = Vec::new();
    for path in files(&folder, ".apk") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let outcome = match unpacked(&std::fs::read(&path).unwrap(), &proof) {
            Ok(_) => "good".to_owned(),
            Err(error) => error.to_string(),
        };
        said.push(format!("{name}: {outcome}"));
    }
    let said = said.join("\n");
    assert_eq!(said, include_str!("wolfi.txt").trim_end(), "\n{said}");
}

fn negative_keys() -> RsaKeyring {
    let mut keys = apk_keys::keyring(apk_keys::ALPINE, "x86_64");
    // Not published: computed from the two good signatures by it (a common divisor of s^e - m).
    let testkey = RsaKey::from_pem("testkey.rsa.pub", include_bytes!("keys/testkey.rsa.pub"));
    keys.add(testkey.unwrap());
    keys
}

#[test]
fn indexes_with_one_defect_each() {
    let Some(folder) = testkit::shared_data("apk/negative") else { testkit::skip!("no negative files") };
    let keys = negative_keys();
    let limits = Limits::default();
    let verify = |name: &str| {
        let bytes = std::fs::read(folder.join(format!("APKINDEX.{name}.tar.gz"))).unwrap();
        let verified = index::verify(&bytes, &keys, &limits)?;
        let Receipt::SignedRsa(signed) = verified.receipt() else { panic!("{name}") };
        let arch = Arch::new("amd64");
        let index = index::read_index(verified.value(), &arch, &limits)?;
        let shelf = Shelf::from_bytes(index.shelf).unwrap();
        Ok::<_, ApkError>((signed.by[0].key.clone(), shelf.records().count()))
    };
    assert_eq!(verify("rsa-sha1.ok").unwrap(), ("testkey.rsa.pub".to_owned(), 74));
    assert_eq!(verify("multi-sig-one-good").unwrap(), ("testkey.rsa.pub".to_owned(), 74));
    let refused = |name: &str| match verify(name).unwrap_err() {
        ApkError::Signature(error) => error,
        other => panic!("{name}: {other}"),
    };
    let seen = vec!["other.rsa.pub".to_owned()];
    assert_eq!(refused("unknown-key"), RsaVerifyError::UnknownKey { seen });
    let bad = RsaVerifyError::Refused { key: "testkey.rsa.pub".to_owned(), fault: RsaFault::BadSignature };
    assert_eq!(refused("wrong-alg-name"), bad);
    assert_eq!(refused("tampered-body"), bad);
}

#[test]
fn packages_with_one_defect_each() {
    let Some(folder) = testkit::shared_data("apk/negative") else { testkit::skip!("no negative files") };
    let keys = negative_keys();
    let read = |name: &str| std::fs::read(folder.join(format!("zlib-1.3.1-r0.{name}.apk"))).unwrap();
    let alone = Proof { control: None, keys: Some(&keys) };
    let refused = |name: &str, proof: &Proof<'_>| unpacked(&read(name), proof).map(drop).unwrap_err();
    let unsigned = apk::read_control_files(read("unsigned").as_slice(), &Limits::default()).unwrap();
    let by_index = Proof { control: Some(unsigned.control), keys: Some(&keys) };

    let error = refused("unsigned", &alone);
    assert!(matches!(error, ApkError::Signature(RsaVerifyError::NotSigned)), "{error}");
    assert!(unpacked(&read("unsigned"), &by_index).unwrap().signed.is_none());
    for proof in [&alone, &by_index] {
        let error = refused("control-tampered", proof);
        assert!(matches!(error, ApkError::Gzip { part: Part::Control, .. }), "{error}");
        let error = refused("data-tampered", proof);
        assert!(matches!(error, ApkError::DataHash { .. }), "{error}");
        let error = refused("truncated", proof);
        assert!(matches!(error, ApkError::Truncated { part: Part::Data }), "{error}");
        let error = refused("trailing-garbage", proof);
        assert!(matches!(error, ApkError::Garbage { part: Part::Data }), "{error}");
    }
    for name in ["control-tampered", "data-tampered", "truncated", "trailing-garbage"] {
        let expect = ExpectApk::new(unsigned.control, None, &Limits::default());
        assert!(expected(&read(name), expect).is_err(), "{name}");
    }
    let other = ExpectApk::new(package::Sha1([0; 20]), None, &Limits::default());
    let mismatch = expected(&read("unsigned"), other).unwrap_err();
    assert!(mismatch.to_string().contains("where the index has Q1AAAA"), "{mismatch}");
}

#[test]
fn whole_indexes_of_a_release_are_read() {
    for (path, arch, keys, count) in [
        ("apk/alpine-3.19-full-index/main/x86_64/APKINDEX.tar.gz", "x86_64", apk_keys::ALPINE, 5443),
        ("apk/alpine-3.19-full-index/community/x86_64/APKINDEX.tar.gz", "x86_64", apk_keys::ALPINE, 17587),
        ("apk/alpine-3.13.4-rpi/aarch64/APKINDEX.tar.gz", "aarch64", apk_keys::ALPINE, 65),
        ("apk/wolfi/dag-repo/x86_64/APKINDEX.tar.gz", "x86_64", apk_keys::WOLFI, 47),
    ] {
        let Some(file) = testkit::shared_data(path) else { testkit::skip!("no {path}") };
        let shelf = shelf(&file, &apk_keys::keyring(keys, arch), arch);
        assert_eq!(shelf.records().count(), count, "{path}");
        let unfit: Vec<_> = shelf.records().filter(|r| r.is_uninstallable()).collect();
        assert!(unfit.is_empty(), "{path}: {unfit:?}");
    }
}

#[test]
fn an_index_without_a_signature_is_read_but_not_verified() {
    let path = "apk/alpine-3.19.1-iso/x86_64/APKINDEX.tar.gz";
    let Some(file) = testkit::shared_data(path) else { testkit::skip!("no {path}") };
    let bytes = std::fs::read(file).unwrap();
    let limits = Limits::default();
    let signed = index::signed_part(&bytes, &limits).unwrap();
    let again = index::signed_part(signed.bytes, &limits).unwrap();
    assert_eq!((signed.signatures.len(), again.signatures.len()), (1, 0));
    assert_eq!(signed.bytes, again.bytes);
    let keys = apk_keys::keyring(apk_keys::ALPINE, "x86_64");
    let error = index::verify(signed.bytes, &keys, &limits).map(drop).unwrap_err();
    assert!(matches!(error, ApkError::Signature(RsaVerifyError::NotSigned)), "{error}");
    let index = index::read_index(signed.bytes, &Arch::new("amd64"), &limits).unwrap();
    assert_eq!(Shelf::from_bytes(index.shelf).unwrap().records().count(), 100);
    assert_eq!(index.description, "3.19.1");
}

/// Bytes that agree with the index and are malformed all the same are no mirror's fault.
#[test]
fn a_malformed_package_is_told_from_a_changed_one() {
    let package = testkit::apk::ApkPackage::new("a", "1-r0");
    let built = package.control_member("usr", 0o644, "a file").build(&[]);
    let (bytes, control) = (built.bytes(), package::Sha1(built.control_sha1()));
    let expect = |control| ExpectApk::new(control, Some(bytes.len() as u64), &Limits::default());
    let malformed = expected(&bytes, expect(control)).unwrap_err();
    assert!(matches!(&malformed, Mismatch::Malformed(why) if why.contains("`usr`")), "{malformed}");
    let changed = expected(&bytes, expect(package::Sha1([0; 20]))).unwrap_err();
    assert!(matches!(&changed, Mismatch::Other(why) if why.contains("where the index has")), "{changed}");
}

#[test]
fn signatures_have_a_limit_of_their_own() {
    let package = testkit::apk::ApkPackage::new("a", "1-r0").file("a", 0o644, "a").build(&[]).bytes();
    let signed = |padding: usize| {
        let mut part =
            testkit::tar::tar(&[testkit::tar::Entry::file(".SIGN.RSA.k", 0o644, "0123456789abcdef")]);
        part.resize(part.len() + padding, 0);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &part).unwrap();
        unpacked(&[gzip.finish().unwrap(), package.clone()].concat(), &Proof::default())
    };
    signed(1024).unwrap();
    let limit = Limits::default().signature_bytes;
    let error = signed(usize::try_from(limit).unwrap()).unwrap_err();
    assert!(matches!(error, ApkError::TooLarge { limit: l, .. } if l == limit), "{error}");
}
