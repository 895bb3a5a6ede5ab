//! Real lock files of apko: read, they say what they say, and written again they mean the same.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

use apk::Limits;
use apk::lock_v1::{LockedPackage, LockedParts, config_checksum, parse_lock_v1, write_lock_v1};

#[test]
fn real_locks_are_read_and_written_again() {
    let Some(folder) = testkit::shared_data("apk/locks/taihen") else { testkit::skip!("no locks") };
    for (name, count, configs) in [
        ("base", 3, &["base.yaml"][..]),
        ("glibc", 7, &["glibc.yaml", "base.yaml"]),
        ("debug", 16, &["debug.yaml", "glibc.yaml", "base.yaml"]),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.lock.json"))).unwrap();
        let lock = parse_lock_v1(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let again = write_lock_v1(&lock);
        let value = |t: &str| serde_json::from_str::<serde_json::Value>(t).unwrap();
        assert_eq!(value(&again), value(&text), "{name}");
        assert_eq!(again.trim_end(), text.trim_end(), "{name}");
        for arch in ["x86_64", "aarch64"] {
            let packages = lock.contents.packages.iter().filter(|p| p.architecture == arch);
            assert_eq!(packages.count(), count, "{name} {arch}");
        }
        for package in &lock.contents.packages {
            assert_eq!(package.control_sha1().unwrap().q1(), package.checksum);
            assert!(package.size().unwrap() > 1000);
            let control = package.control.checksum.strip_prefix("sha1-").unwrap();
            assert_eq!(package.checksum, format!("Q1{control}"));
        }
        let files: Vec<Vec<u8>> = configs.iter().map(|c| std::fs::read(folder.join(c)).unwrap()).collect();
        let ours = config_checksum(files.iter().map(Vec::as_slice));
        assert_eq!(ours, lock.config.unwrap().checksum, "{name}");
        let key = &lock.contents.keyring[0];
        assert_eq!(key.file_name(), "wolfi-signing.rsa.pub");
        let read = trust::RsaKey::from_pem(key.file_name(), key.content.as_bytes()).unwrap();
        let ours = trust::apk_keys::keyring(trust::apk_keys::WOLFI, "x86_64");
        assert_eq!(read.id(), ours.keys()[0].id());
    }
}

/// What a lock of ours says of a package file is what the file and its index say.
#[test]
fn parts_of_real_packages_are_measured() {
    let Some(folder) = testkit::shared_data("apk/alpine-3.19.1-iso") else { testkit::skip!("no packages") };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.join("x86_64")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "apk") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let parts = LockedParts::of(&bytes, &Limits::default()).unwrap();
        let control = apk::read_control_files(bytes.as_slice(), &Limits::default()).unwrap();
        let locked = LockedPackage {
            name: control.info.name.clone(),
            url: String::new(),
            version: control.info.version.clone(),
            architecture: "x86_64".to_owned(),
            signature: parts.signature.clone(),
            control: parts.control,
            data: parts.data,
            checksum: String::new(),
        };
        assert_eq!(locked.control_sha1(), Some(control.control));
        assert_eq!(locked.data_sha256(), control.info.data_hash);
        assert_eq!(locked.size(), Some(bytes.len() as u64));
        assert!(parts.signature.range.starts_with("bytes=0-"), "{}", parts.signature.range);
        seen += 1;
    }
    assert!(seen > 50, "{seen} packages");
    let cut = LockedParts::of(&[0x1f, 0x8b, 8], &Limits::default()).unwrap_err();
    assert!(cut.to_string().contains("stops in the middle"), "{cut}");
}
