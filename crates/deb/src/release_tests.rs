use super::*;

const HEX256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn with(body: &str) -> Result<Release, ReleaseError> {
    parse_release(body.as_bytes())
}

#[test]
fn reads_what_debian_writes() {
    let text = format!(
        "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: trixie-security\n\
         Date: Wed, 18 Nov 2026 22:17:43 UTC\nValid-Until: Wed, 25 Nov 2026 22:17:43 UTC\nAcquire-By-Hash: yes\n\
         Architectures: all amd64\nComponents: updates/main\nNo-Support-for-Architecture-all: Packages\nMD5Sum:\n \
         d41d8cd98f00b204e9800998ecf8427e 0 main/x\nSHA256:\n {HEX256}        9 main/binary-amd64/Packages\n \
         {HEX256}        3 main/binary-amd64/Packages.xz\n"
    );
    let release = with(&text).unwrap();
    assert_eq!((release.suite.as_str(), release.codename.as_str()), ("stable-security", "trixie-security"));
    assert_eq!(release.valid_until.unwrap() - release.date.unwrap(), 7 * 86_400);
    assert_eq!(release.default_priority(), 500);
    let indexes = release.package_indexes("updates/main", "amd64");
    assert_eq!(indexes.len(), 1, "`all` stands in the arch's index here");
    assert_eq!((indexes[0].path.as_str(), indexes[0].plain_size), ("main/binary-amd64/Packages.xz", Some(9)));
    let by_hash = release.by_hash(&indexes[0].path, &indexes[0].digest).unwrap();
    assert_eq!(by_hash, format!("main/binary-amd64/by-hash/SHA256/{HEX256}"));
    assert!(release.package_indexes("contrib", "amd64").is_empty());
}

#[test]
fn takes_sha512_alone_and_refuses_weak_hashes() {
    let hex512 = "ab".repeat(64);
    let release = with(&format!("Suite: s\nSHA512:\n {hex512} 3 Packages.gz\n")).unwrap();
    let index = release.flat_index().unwrap();
    assert_eq!((index.digest.algorithm(), index.compression), (Algorithm::Sha512, Compression::Gzip));
    let both = with(&format!("SHA256:\n {HEX256} 3 a\nSHA512:\n {hex512} 3 a\n")).unwrap();
    assert_eq!(both.files["a"].strongest().unwrap().algorithm(), Algorithm::Sha512);
    let weak =
        with("Suite: s\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 a\nSHA1:\n 00 0 a\n").unwrap_err();
    assert_eq!(weak, ReleaseError::WeakOnly { offered: "md5sum, sha1".into() });
    assert_eq!(weak.kind(), Kind::Trust);
    assert_eq!(with("Suite: s\n").unwrap_err(), ReleaseError::NoFiles);
}

#[test]
fn refuses_what_two_readers_could_read_differently() {
    for (body, message) in [
        (
            format!("SHA256:\n {HEX256} 1 a\n\nSuite: other\n"),
            "line 4: a second paragraph begins; a release file has one",
        ),
        ("Suite: a\nsuite: b\n".into(), "line 2: the field `suite` stands twice"),
        (
            format!("SHA256:\n {HEX256} 1 a\n {} 1 a\n", "0".repeat(64)),
            "line 3: `a` stands twice in one list, with two hashes",
        ),
        (
            format!("SHA256:\n {HEX256} 1 a\nSHA512:\n {} 2 a\n", "0".repeat(128)),
            "line 4: `a` stands with two sizes",
        ),
        (format!("SHA256:\n {HEX256} 1 ../a\n"), "line 2: `../a` leaves the archive"),
        (format!("SHA256:\n {HEX256} +1 a\n"), "line 2: the size is not a number"),
        (format!("SHA256:\n {} 1 a\n", HEX256.to_uppercase()), "line 2: the hash is malformed"),
        ("Suite\n".into(), "line 1: it has no colon"),
        (" x\n".into(), "line 1: it continues a field, but there is none before it"),
        ("Date: tomorrow\n".into(), "Date `tomorrow` is not a date"),
        ("Suite: a\0b\n".into(), "line 1: it has a control character"),
    ] {
        let error = with(&body).unwrap_err().to_string();
        assert_eq!(error, format!("cannot read release file: {message}"));
    }
}

#[test]
fn pins_as_apt_does() {
    for (flags, pin) in [
        ("", 500),
        ("NotAutomatic: yes\n", 1),
        ("NotAutomatic: yes\nButAutomaticUpgrades: yes\n", 100),
        ("ButAutomaticUpgrades: yes\n", 500),
    ] {
        let release = with(&format!("{flags}SHA256:\n {HEX256} 1 a\n")).unwrap();
        assert_eq!(release.default_priority(), pin);
    }
}
