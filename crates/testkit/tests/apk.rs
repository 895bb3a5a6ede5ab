//! What the made-up packages and repositories are worth: the real apk judges them.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files and processes")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use testkit::apk::{
    Algorithm, ApkKey, ApkPackage, ApkRepository, PublishedApk, RealApk, Signer, Style, example_repositories,
    real_apk, wolfi_like,
};

/// One of everything that a package can hold.
fn everything(style: Style) -> Vec<ApkPackage> {
    let long = format!("usr/share/{}/{}/file", "d".repeat(90), "e".repeat(80));
    vec![
        ApkPackage::new("base", "1.0-r0")
            .style(style)
            .directory("tmp", 0o1777)
            .symlink("bin", "usr/bin")
            .directory("usr/bin", 0o755)
            .script(".post-install", "#!/bin/sh\nexit 1\n"),
        ApkPackage::new("libhello", "2.0_p1-r3")
            .style(style)
            .origin("hello")
            .provides("so:libhello.so.2=2.0 pc:hello=2.0")
            .file("usr/lib/libhello.so.2", 0o755, "not quite ELF"),
        ApkPackage::new("hello", "2.0_p1-r3")
            .style(style)
            .depends("base so:libhello.so.2 !goodbye")
            .provides("cmd:hello=2.0_p1-r3 greeter")
            .provider_priority(10)
            .replaces("base")
            .replaces_priority(2)
            .file("usr/bin/hello", 0o4755, "the program")
            .hard_link("usr/bin/ahoy", "usr/bin/hello")
            .hard_link("usr/bin/hi", "usr/bin/hello")
            .symlink("usr/bin/hallo", "hello")
            .file("var/hello", 0o640, "mine")
            .owner(100, 101)
            .xattr("user.mood", "good")
            .file(&long, 0o644, "deep")
            .symlink("usr/far", &"f/".repeat(80))
            .trigger(&["/usr/bin", "/usr/share/*"], "#!/bin/sh\nexit 1\n"),
        ApkPackage::new("hello-doc", "2.0_p1-r3")
            .style(style)
            .arch("noarch")
            .install_if("docs hello=2.0_p1-r3")
            .file("usr/share/doc/hello", 0o644, "read me"),
        ApkPackage::new("docs", "1-r0").style(style),
    ]
}

fn publish(dir: &Path, style: Style, algorithm: Algorithm) -> PublishedApk {
    let repository = ApkRepository::new(&dir.join("repository")).add_all(everything(style));
    repository.algorithm(algorithm).publish(&ApkKey::test_only(1))
}

/// A folder of keys that holds just this one.
fn keys(dir: &Path, published: &PublishedApk) -> std::path::PathBuf {
    let keys = dir.join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::copy(published.key_file(), keys.join(published.key_file().file_name().unwrap())).unwrap();
    keys
}

fn root_user() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

#[test]
fn the_real_apk_installs_from_it() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    if !root_user() {
        testkit::skip!("apk needs root to give files their owners");
    }
    for (style, algorithm) in [
        (Style::Melange, Algorithm::Rsa256),
        (Style::Abuild, Algorithm::Rsa),
        (Style::Melange, Algorithm::Rsa512),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let published = publish(dir.path(), style, algorithm);
        installs(&apk, dir.path(), &published);
    }
}

fn installs(apk: &RealApk, dir: &Path, published: &PublishedApk) {
    let keys = keys(dir, published);
    let root = apk.root();
    let said = root.add(&[published.root()], &keys, &["hello", "docs"]).unwrap();
    assert!(!said.contains("WARNING") && !said.contains("ERROR"), "{said}");
    let mut installed = root.installed().unwrap();
    installed.sort();
    let want = ["base-1.0-r0", "docs-1-r0", "hello-2.0_p1-r3", "hello-doc-2.0_p1-r3", "libhello-2.0_p1-r3"];
    assert_eq!(installed, want);
    assert_eq!(root.audit().unwrap(), Vec::<String>::new());

    let at = |path: &str| root.path().join(path);
    let mode = |path: &str| std::fs::metadata(at(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("usr/bin/hello"), mode("tmp"), mode("var/hello")), (0o4755, 0o1777, 0o640));
    let owned = std::fs::metadata(at("var/hello")).unwrap();
    assert_eq!((owned.uid(), owned.gid()), (100, 101));
    let inode = |path: &str| std::fs::metadata(at(path)).unwrap().ino();
    assert_eq!(inode("usr/bin/ahoy"), inode("usr/bin/hello"));
    assert_eq!(inode("usr/bin/hi"), inode("usr/bin/hello"));
    assert_eq!(std::fs::read_link(at("usr/far")).unwrap().to_str().unwrap(), "f/".repeat(80));
    let database = std::fs::read_to_string(at("lib/apk/db/installed")).unwrap();
    for line in ["q:2", "k:10", "o:hello", "a:0:0:4755", "i:docs hello=2.0_p1-r3", "r:base"] {
        assert!(database.lines().any(|l| l == line), "{line}\n{database}");
    }
    let again = root.simulate(&[published.root()], &keys, &["hello", "docs"]).unwrap();
    assert!(again.starts_with("OK: "), "{again}");
}

#[test]
fn the_real_apk_verifies_every_package() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    for style in [Style::Melange, Style::Abuild] {
        for algorithm in [Algorithm::Rsa, Algorithm::Rsa256] {
            let published = publish(dir.path(), style, algorithm);
            let keys = keys(dir.path(), &published);
            for package in everything(style) {
                let file = published.path("x86_64").join(package.file_name());
                let said = apk.verify(&keys, &file).unwrap();
                assert!(said.ends_with(": 0 - OK\n") || said.ends_with(": OK\n"), "{said}");
            }
        }
    }
}

#[test]
fn several_signatures_and_foreign_ones() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let repository = ApkRepository::new(&dir.path().join("repository")).add(ApkPackage::new("a", "1-r0"));
    let other = Signer::new(&ApkKey::test_only(3), Algorithm::Rsa);
    let published = repository.clone().also_signed_by(other).publish(&ApkKey::test_only(1));
    let known = keys(dir.path(), &published);
    let solve = |published: &PublishedApk, keys: &Path| apk.root().solve(&[published.root()], keys, &["a"]);
    assert_eq!(solve(&published, &known).unwrap(), [("a".to_owned(), "1-r0".to_owned())]);

    let stranger = repository.clone().publish(&ApkKey::test_only(2));
    assert!(solve(&stranger, &known).unwrap_err().contains("UNTRUSTED"), "an unknown key");
    let unsigned = repository.unsigned().publish(&ApkKey::test_only(1));
    assert!(solve(&unsigned, &known).unwrap_err().contains("UNTRUSTED"), "no signature");
}

#[test]
fn a_repository_is_served_over_http() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let published = publish(dir.path(), Style::Melange, Algorithm::Rsa256);
    let keys = keys(dir.path(), &published);
    let server = published.serve();
    let url = server.url("");
    let solved = apk.root().solve(&[Path::new(&url)], &keys, &["docs"]).unwrap();
    assert_eq!(solved, [("docs".to_owned(), "1-r0".to_owned())]);
    assert!(server.received().iter().any(|r| r.target == "/x86_64/APKINDEX.tar.gz"));
}

#[test]
fn the_same_package_has_the_same_bytes() {
    let signers = [Signer::new(&ApkKey::test_only(1), Algorithm::Rsa256)];
    for package in everything(Style::Melange) {
        assert_eq!(package.build(&signers).bytes(), package.build(&signers).bytes());
    }
    let without = everything(Style::Melange)[0].build(&[]);
    assert!(without.signatures.is_empty() && without.identity().starts_with("Q1"));
}

#[test]
fn a_wolfi_whose_programs_run() {
    let dir = tempfile::tempdir().unwrap();
    let published = match wolfi_like(&dir.path().join("repository"), &["x86_64", "aarch64"]) {
        Ok(published) => published,
        Err(why) => testkit::skip!("no Debian to make a Wolfi of: {why}"),
    };
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let keys = keys(dir.path(), &published);
    let asked = ["wolfi-base", "openssl", "libstdc++", "tzdata", "posix-libc-utils"];
    let names = |arch: &str| -> Vec<String> {
        let solved = apk.root().arch(arch).solve(&[published.root()], &keys, &asked).unwrap();
        solved.into_iter().map(|(name, _)| name).collect()
    };
    let mut want = names("x86_64");
    let mut other = names("aarch64");
    want.sort();
    other.sort();
    assert_eq!(want, other);
    for name in ["glibc", "ld-linux", "libcrypto3", "libzstd1", "wolfi-baselayout", "libcrypt1"] {
        assert!(want.iter().any(|n| n == name), "{name} among {want:?}");
    }
    if !root_user() {
        testkit::skip!("apk needs root to give files their owners");
    }
    let root = apk.root().merged_usr();
    let said = root.add(&[published.root()], &keys, &asked).unwrap();
    assert!(!said.contains("WARNING") && !said.contains("ERROR"), "{said}");
    let chroot = |words: &[&str]| {
        let run = std::process::Command::new("chroot").arg(root.path()).args(words).output().unwrap();
        String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr)
    };
    assert!(chroot(&["/bin/busybox", "sh", "-c", "echo it runs"]).starts_with("it runs"));
    let without = chroot(&["/usr/bin/openssl", "version"]);
    assert!(without.contains("libzstd.so.1: cannot open"), "only the cache finds it: {without}");
    chroot(&["/sbin/ldconfig"]);
    assert!(chroot(&["/usr/bin/openssl", "version"]).starts_with("OpenSSL 3."));
    assert!(chroot(&["/usr/bin/getent", "passwd", "root"]).starts_with("root:x:0:0:"));
}

#[test]
fn the_examples_resolve() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let examples = example_repositories(dir.path());
    let keys = keys(dir.path(), &examples.wolfi);
    let solve = |repository: &PublishedApk, arch: &str, world: &str| {
        let words: Vec<&str> = world.split_whitespace().collect();
        let repositories = [repository.root(), examples.local.root()];
        apk.root().arch(arch).solve(&repositories, &keys, &words).unwrap_or_else(|e| panic!("{world}: {e}"))
    };
    let wolfi = [
        "abseil-cpp-dev pkgconf",
        "ca-certificates-bundle busybox apk-tools java-cacerts custom-ca-certs-1 custom-ca-certs-2",
        "wolfi-baselayout nginx s6",
        "glibc=2.36-r3 binutils=2.39-r4 git=2.39.0-r0 openssl=3.0.7-r0 sysstat=12.6.2-r0 libcrypto3=3.0.8-r0",
        "ca-certificates-bundle wolfi-baselayout glibc libgcc",
        "wolfi-base go python-3",
        "glibc clang",
    ];
    let alpine = [
        "openssh-client",
        "alpine-base python3 nano",
        "alpine-baselayout-data apk-tools busybox",
        "alpine-base go git jq tree make docker-cli",
        "alpine-baselayout nginx s6",
    ];
    for arch in ["x86_64", "aarch64"] {
        for world in wolfi {
            assert!(solve(&examples.wolfi, arch, world).len() >= world.split_whitespace().count(), "{world}");
        }
        for world in alpine {
            assert!(
                solve(&examples.alpine, arch, world).len() >= world.split_whitespace().count(),
                "{world}"
            );
        }
    }
    let clients = solve(&examples.alpine, "x86_64", "openssh-client");
    assert!(clients.iter().any(|(name, _)| name == "openssh-client-default"), "{clients:?}");
}

/// The locks of taihen/base-image, made by apko from Wolfi itself, hold what resolves here.
#[test]
fn the_taihen_recipes_resolve_to_their_locks() {
    let (Some(locks), apk) = (testkit::shared_data("apk/locks/taihen"), real_apk()) else {
        testkit::skip!("no ../shared/data/apk")
    };
    let apk = match apk {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let examples = example_repositories(dir.path());
    let keys = keys(dir.path(), &examples.wolfi);
    let base = ["ca-certificates-bundle", "tzdata", "wolfi-baselayout"];
    for (name, more) in [("base", &[][..]), ("glibc", &["glibc"]), ("debug", &["glibc", "wolfi-base"])] {
        let text = std::fs::read_to_string(locks.join(format!("{name}.lock.json"))).unwrap();
        for arch in ["x86_64", "aarch64"] {
            let world = [&base[..], more].concat();
            let solved = apk.root().arch(arch).solve(&[examples.wolfi.root()], &keys, &world).unwrap();
            let mut files: Vec<String> = solved.iter().map(|(n, v)| format!("/{arch}/{n}-{v}.apk")).collect();
            files.sort();
            let mut locked: Vec<String> = text
                .split('"')
                .filter_map(|word| word.strip_suffix(".apk")?.split_once(&format!("/os/{arch}/")))
                .map(|(_, file)| format!("/{arch}/{file}.apk"))
                .collect();
            locked.sort();
            assert_eq!(files, locked, "{name}");
        }
    }
}
