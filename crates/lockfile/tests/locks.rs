//! Locks written, read, compared, and refused.
#![allow(clippy::disallowed_methods, reason = "DISTIL_BLESS writes the golden file")]

use std::collections::BTreeMap;

use diag::{Diagnostic, Kind};
use lockfile::{Fit, IndexPin, KeyPin, Lockfile, ScriptFact, SuitePin, changes, json_view, read, write};
use oci::{Digest, Platform};
use package::{Arch, Cause, Closure, Identity, Pin, Sha1};
use trust::Verified;

const GOLDEN: &str = include_str!("golden.lock");

fn pin(name: &str, version: &str, because: Cause) -> Pin {
    let digest = Digest::of(format!("{name} {version}").as_bytes());
    Pin {
        name: name.to_owned(),
        version: version.to_owned(),
        arch: Arch::new("amd64"),
        source: None,
        repository: "debian/trixie".to_owned(),
        tag: None,
        path: format!("pool/main/{name}_{version}_amd64.deb"),
        size: 1000 + version.len() as u64,
        identity: Identity::Whole(digest),
        sha256: Some(digest),
        because: vec![because],
    }
}

fn asked(text: &str) -> Cause {
    Cause::Asked(text.to_owned())
}

fn needed(by: &str, requirement: &str) -> Cause {
    Cause::Needed { by: by.to_owned(), requirement: requirement.to_owned() }
}

fn requests() -> BTreeMap<String, Vec<String>> {
    let lines = |more: &[&str]| {
        let all =
            ["world deb", "distribution debian-13", "package libssl3t64 >= 3.5", "arch amd64", "arch arm64"];
        all.iter().chain(more).map(|l| (*l).to_owned()).collect()
    };
    BTreeMap::from([("latest".to_owned(), lines(&[])), ("debug".to_owned(), lines(&["package awk"]))])
}

fn suite() -> SuitePin {
    SuitePin {
        id: "debian/trixie".to_owned(),
        components: vec!["main".to_owned()],
        snapshot: None,
        inrelease: Some(Digest::of(b"InRelease")),
        date: Some(1_763_193_600),
        valid_until: None,
        signed_by: vec!["41587F7DB8C774BCCF131416762F67A0B2C39DE4".to_owned()],
        unsigned: None,
        indexes: vec![IndexPin {
            path: "main/binary-amd64/Packages.xz".to_owned(),
            size: 9_672_000,
            digest: Digest::of(b"Packages"),
            date: None,
        }],
    }
}

/// Two variants on two platforms; debug has mawk besides.
fn sample() -> Lockfile {
    let mut lock = Lockfile::new(1, "gzip-6/libdeflate-1.26".to_owned(), requests(), vec![suite()]);
    for platform in [Platform::linux("amd64"), Platform::linux("arm64").with_variant("v8")] {
        let pin = |name, version, because| Pin {
            arch: Arch::of(&platform).unwrap(),
            ..pin(name, version, because)
        };
        let libc = || pin("libc6", "2.41-12", needed("libssl3t64", "libc6 (>= 2.38)"));
        let ssl = || Pin {
            source: Some("openssl".to_owned()),
            ..pin("libssl3t64", "3.5.1-1", asked("libssl3t64 (>= 3.5)"))
        };
        let mawk = pin("mawk", "1.3.4-1", asked("awk"));
        let latest = Closure { pins: vec![libc(), ssl()], left_out: Vec::new() };
        let debug = Closure { pins: vec![libc(), mawk, ssl()], left_out: Vec::new() };
        let verified = |c| Verified::declared_by_user(c, "a test");
        lock.add(
            &platform,
            vec![("latest".to_owned(), verified(latest)), ("debug".to_owned(), verified(debug))],
        );
    }
    let script = ScriptFact {
        kind: "postinst".to_owned(),
        digest: Digest::of(b"#!"),
        verdict: "nothing to do".to_owned(),
    };
    let sha256 = lock.packages[0].pin.sha256.unwrap();
    lock.learn(0, sha256, vec![script]);
    lock
}

#[test]
fn the_text_is_golden() {
    let text = write(&sample());
    // To look at a wanted change: DISTIL_BLESS=1 writes the file anew.
    if std::env::var_os("DISTIL_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.lock"), &text).unwrap();
    }
    assert_eq!(text, GOLDEN);
    assert_eq!(read("golden.lock", GOLDEN).unwrap(), sample());
}

#[test]
fn a_variant_has_its_packages_in_install_order() {
    let lock = sample();
    let amd64 = Platform::linux("amd64");
    let names = |variant| lock.pins(&amd64, variant).map(|p| p.pin.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names("latest"), ["libc6", "libssl3t64"]);
    assert_eq!(names("debug"), ["libc6", "mawk", "libssl3t64"]);
    assert_eq!(lock.as_of(), Some(1_763_193_600));
}

/// One version may be built twice: what a variant gets is the file that was chosen for it.
#[test]
fn the_same_version_from_elsewhere_is_another_package() {
    let plain = || pin("curl", "8.5.0-1", asked("curl"));
    let others = [
        Pin { identity: Identity::Whole(Digest::of(b"another build")), ..plain() },
        Pin { repository: "corp/trixie".to_owned(), ..plain() },
        Pin { tag: Some("corp".to_owned()), ..plain() },
    ];
    for other in others {
        let mut lock = Lockfile::new(1, "gzip".to_owned(), requests(), vec![suite()]);
        let closure = |pin: &Pin| {
            let pins = vec![pin.clone()];
            Verified::declared_by_user(Closure { pins, left_out: Vec::new() }, "a test")
        };
        let platform = Platform::linux("amd64");
        let both = vec![("latest".to_owned(), closure(&other)), ("debug".to_owned(), closure(&plain()))];
        lock.add(&platform, both);
        let of = |variant| lock.pins(&platform, variant).map(|row| row.pin.clone()).collect::<Vec<_>>();
        assert_eq!((of("latest"), of("debug")), (vec![other], vec![plain()]));
    }
}

#[test]
fn another_identity_than_a_files_digest_survives() {
    let mut lock = sample();
    let apk = Pin {
        arch: Arch::new("s390x"),
        identity: Identity::ApkControl(Sha1([7; 20])),
        ..pin("musl", "1.2.5-r10", asked("musl"))
    };
    let closure = Closure { pins: vec![apk], left_out: Vec::new() };
    lock.add(
        &Platform::linux("s390x"),
        vec![("latest".to_owned(), Verified::declared_by_user(closure, "x"))],
    );
    assert!(write(&lock).contains("identity = \"apk-control:0707070707070707070707070707070707070707\""));
    assert_eq!(read("x", &write(&lock)).unwrap(), lock);
}

#[test]
fn json_is_in_install_order_and_of_one_variant() {
    let view = |variant| String::from_utf8(json_view(&sample(), variant)).unwrap();
    let libc = Digest::of(b"libc6 2.41-12");
    let ssl = Digest::of(b"libssl3t64 3.5.1-1");
    let list = format!(
        r#"[{{"name":"libc6","version":"2.41-12","digest":"{libc}","size":1007}},{{"name":"libssl3t64","version":"3.5.1-1","digest":"{ssl}","size":1007}}]"#
    );
    let parsed: serde_json::Value = serde_json::from_str(&view("latest")).unwrap();
    let wanted = format!(r#"{{"schema":0,"platforms":{{"linux/amd64":{list},"linux/arm64":{list}}}}}"#);
    assert_eq!(parsed, serde_json::from_str::<serde_json::Value>(&wanted).unwrap());
    assert!(view("debug").contains("mawk"));
}

#[test]
fn drift_is_seen_without_an_index() {
    let lock = sample();
    let platforms = [Platform::linux("amd64"), Platform::linux("arm64").with_variant("v8")];
    let drift =
        |lock: &Lockfile, requests: &BTreeMap<String, Vec<String>>| match lock.fit(requests, &platforms, 1) {
            Fit::Fits => Vec::new(),
            Fit::Drifted(lines) => lines,
        };
    assert_eq!(drift(&lock, &requests()), Vec::<String>::new());
    let mut more = requests();
    more.get_mut("latest").unwrap().push("package tzdata".to_owned());
    assert_eq!(drift(&lock, &more), ["latest: asked now: package tzdata"]);
    let mut other = requests();
    other.remove("debug");
    other.insert("nonroot".to_owned(), Vec::new());
    assert_eq!(
        drift(&lock, &other),
        ["variant nonroot is not locked", "variant debug is gone from the recipe"]
    );
    let Fit::Drifted(lines) = lock.fit(&requests(), &[Platform::linux("riscv64")], 2) else { panic!() };
    assert_eq!(
        lines,
        ["platform linux/riscv64 is not locked", "made by revision 1 of the rules of composition; this is 2"]
    );

    // Edited by hand: a version that was not asked for, and packages that are gone.
    let mut older = lock.clone();
    older.packages[2].pin.version = "3.4.9".to_owned();
    let lost = [
        "debug on linux/amd64: the lock has lost libssl3t64 >= 3.5",
        "latest on linux/amd64: the lock has lost libssl3t64 >= 3.5",
    ];
    assert_eq!(drift(&older, &requests()), lost);
    let mut without = lock.clone();
    without.packages.retain(|p| p.pin.name != "mawk" || p.platform != platforms[1]);
    assert_eq!(drift(&without, &requests()), ["debug on linux/arm64/v8: the lock has lost awk"]);
    let mut empty = lock;
    empty.packages.retain(|p| p.pin.name != "libssl3t64");
    assert_eq!(drift(&empty, &requests()).len(), 4);
}

#[test]
fn changes_are_said_once_for_all_platforms() {
    let (before, mut after) = (sample(), sample());
    for row in &mut after.packages {
        match row.pin.name.as_str() {
            "libc6" => row.pin.version = "2.41-13".to_owned(),
            "libssl3t64" => row.pin.version = "3.5.0-9".to_owned(),
            _ => row.pin.name = "gawk".to_owned(),
        }
    }
    let said: Vec<String> = changes(&before, &after).iter().map(ToString::to_string).collect();
    let on = "[linux/amd64, linux/arm64/v8]";
    assert_eq!(
        said,
        [
            format!("added    gawk 1.3.4-1 (1007 bytes) {on}"),
            format!("upgraded libc6 2.41-12 -> 2.41-13 {on}"),
            format!("lowered  libssl3t64 3.5.1-1 -> 3.5.0-9 {on}"),
            format!("removed  mawk 1.3.4-1 (1007 bytes) {on}"),
        ]
    );
    assert_eq!(changes(&before, &before), []);
}

#[test]
fn nonsense_is_refused_with_its_line() {
    let swap = |from: &str, to: &str| {
        assert!(GOLDEN.contains(from), "{from}");
        GOLDEN.replacen(from, to, 1)
    };
    let cases = [
        (swap("codec = ", "codek = "), "codek", "unknown field `codek`"),
        (swap("size = 9672000", "size = \"much\""), "size = \"much\"", "invalid type"),
        (swap("composition = 1", "composition = 1\ncomposition = 2"), "composition = 2", "duplicate key"),
        (swap("format = 1", "format = [1"), "", "cannot read lock app.lock: "),
        (swap("sha256 = \"", "sha256 = \"x"), "sha256 = \"x", "`sha256` of package libc6 is not 64"),
        (
            swap("name = \"libc6\"", "name = \"../libc6\""),
            "name = \"../libc6\"",
            "`name` of package ../libc6 is no single word",
        ),
        (
            swap("path = \"pool", "path = \"/pool"),
            "path = \"/pool",
            "`path` of package libc6 is not relative",
        ),
        (swap("path = \"pool", "path = \"../pool"), "path = \"../pool", "is not relative to the archive"),
        (
            swap("path = \"main", "path = \"x/../../main"),
            "path = \"x/../../main",
            "`path` of suite debian/trixie is not relative",
        ),
        (
            swap("platform = \"linux/amd64\"", "platform = \"amd64\""),
            "platform = \"amd64\"",
            "is not os/architecture",
        ),
        (swap("arch = \"amd64\"", "arch = \"arm64\""), "arch = \"arm64\"", "is not that of its platform"),
        (
            swap("repository = \"debian/trixie\"", "repository = \"debian/sid\""),
            "repository",
            "is none of the suites",
        ),
        (swap("variants = [\"debug\"]", "variants = [\"debu\"]"), "variants", "no request of"),
        (swap("name = \"mawk\"", "name = \"libc6\""), "name = \"libc6\"", "stands here twice"),
        (swap("inrelease = ", "# "), "id = ", "comes without inrelease"),
        (swap("needed by libssl3t64: ", "felt like it: "), "because", "has a line that is no reason"),
        (swap("postinst ", "postinst: "), "scripts", "has a line that is not"),
    ];
    for (text, line, why) in cases {
        let error = Diagnostic::from(read("app.lock", &text).unwrap_err());
        assert_eq!(error.kind, Kind::Input);
        assert!(error.message.starts_with("cannot read lock app.lock: "), "{error}");
        assert!(error.message.contains(why), "{error}\n(wanted: {why})");
        let at = error.excerpt.as_ref().unwrap_or_else(|| panic!("no place: {error}"));
        assert!(at.text.contains(line), "{error}: {at:?}");
        assert_eq!(text.lines().nth(at.line as usize - 1), Some(at.text.as_str()));
        assert!(error.hint.is_some());
    }
}

#[test]
fn a_newer_format_is_named_before_its_unknown_keys() {
    let text = GOLDEN.replacen("format = 1", "format = 2\nwonder = true", 1);
    let error = Diagnostic::from(read("app.lock", &text).unwrap_err());
    assert_eq!(
        error.message,
        "cannot read lock app.lock: its format is 2, and this distil knows formats up to 1"
    );
    assert_eq!(error.hint.as_deref(), Some("use the distil that wrote it, or a newer one"));
    assert!(read("app.lock", &GOLDEN.replacen("format = 1", "format = 0", 1)).is_err());
    assert!(read("app.lock", "").is_err());
}

#[test]
fn no_cut_of_a_lock_reads_as_another_one() {
    // A lock that was cut off on the way (an editor, a full disk) must not pass for a smaller one
    // without a trace: what is left of a package lacks a key, or whole packages are missed by `fit`.
    let platforms = [Platform::linux("amd64"), Platform::linux("arm64").with_variant("v8")];
    for end in (0..GOLDEN.trim_end().len()).filter(|i| GOLDEN.is_char_boundary(*i)) {
        if let Ok(lock) = read("cut.lock", &GOLDEN[..end]) {
            let fit = lock.fit(&requests(), &platforms, 1);
            let whole = lock.packages.len() == sample().packages.len();
            assert!(whole || fit != Fit::Fits, "cut at {end}");
        }
    }
}

/// A lock of apk packages: other dates, identities, names and versions.
fn apk_sample() -> Lockfile {
    let lines = ["world apk", "package busybox =1.36.1-r15", "package cmd:ssl", "package musl ~1.2 @edge"];
    let requests =
        BTreeMap::from([("latest".to_owned(), lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>())]);
    let index = |arch: &str, date| IndexPin {
        path: format!("{arch}/APKINDEX.tar.gz"),
        size: 2_000_000,
        digest: Digest::of(arch.as_bytes()),
        date: Some(date),
    };
    let suite = SuitePin {
        id: "alpine/v3.19/main".to_owned(),
        components: Vec::new(),
        inrelease: None,
        date: None,
        signed_by: vec!["alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub".to_owned()],
        indexes: vec![index("x86_64", 1_700_000_000), index("aarch64", 1_700_000_005)],
        ..suite()
    };
    let mut lock = Lockfile::new(1, "gzip:6".to_owned(), requests, vec![suite]);
    lock.keys = vec![KeyPin { url: "https://keys.test/a.rsa.pub".to_owned(), digest: Digest::of(b"key") }];
    let pin = |name: &str, version: &str, because| Pin {
        repository: "alpine/v3.19/main".to_owned(),
        tag: None,
        path: format!("x86_64/{name}-{version}.apk"),
        identity: Identity::ApkControl(Sha1([7; 20])),
        ..pin(name, version, because)
    };
    let pins = vec![
        pin("musl", "1.2.4_git20230717-r4", asked("musl@edge~1.2")),
        pin("busybox", "1.36.1-r15", asked("busybox=1.36.1-r15")),
        pin("openssl", "3.1.4-r5", asked("cmd:ssl")),
    ];
    let closure = Verified::declared_by_user(Closure { pins, left_out: Vec::new() }, "a test");
    lock.add(&Platform::linux("amd64"), vec![("latest".to_owned(), closure)]);
    lock
}

#[test]
fn a_lock_of_apk_packages() {
    let lock = apk_sample();
    let text = lockfile::write(&lock);
    assert_eq!(lockfile::read("app.lock", &text).unwrap(), lock);
    assert_eq!(lock.as_of(), Some(1_700_000_005));
    let platforms = [Platform::linux("amd64")];
    assert_eq!(lock.fit(&lock.requests, &platforms, 1), Fit::Fits);
    // What was edited away is seen: within apk's bounds, and behind names with colons.
    for (from, to) in [("1.36.1-r15\"\n", "1.36.1-r16\"\n"), ("1.2.4_git20230717-r4\"\n", "1.3.0-r0\"\n")] {
        let other = text.replacen(&format!("version = \"{from}"), &format!("version = \"{to}"), 1);
        assert_ne!(other, text);
        let fit = lockfile::read("app.lock", &other).unwrap().fit(&lock.requests, &platforms, 1);
        assert!(matches!(fit, Fit::Drifted(d) if d.len() == 1), "{from}");
    }
    // Without the keys' names, nobody vouches for the indexes.
    let unsigned =
        text.replace("signed-by = [\"alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub\"]\n", "");
    assert_ne!(unsigned, text);
    lockfile::read("app.lock", &unsigned).unwrap_err();
}

#[test]
fn changes_know_apks_order_of_versions() {
    let (before, mut after) = (apk_sample(), apk_sample());
    after.packages[0].pin.version = "1.2.4-r0".to_owned();
    after.packages[1].pin.version = "1.36.1_p1-r0".to_owned();
    let lines: Vec<String> = lockfile::changes(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "upgraded busybox 1.36.1-r15 -> 1.36.1_p1-r0 [linux/amd64]",
            "lowered  musl 1.2.4_git20230717-r4 -> 1.2.4-r0 [linux/amd64]"
        ]
    );
}
