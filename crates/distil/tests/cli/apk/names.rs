//! One package under the name of another: what index and lock say, and what the package says itself.

use testkit::apk::{Algorithm, Signer};
use testkit::{ApkKey, ApkPackage, ApkRepository};

use super::{locked, machine, plain, publish, recipe};
use crate::run::{Archive, Machine};

/// A repository, well signed, whose record of `hello` is that of this other package.
fn passed_off(other: &ApkPackage) -> Archive {
    Archive::of(|dir| {
        let key = ApkKey::test_only(1);
        publish(dir, plain());
        let signer = [Signer::new(&key, Algorithm::Rsa256)];
        let other = other.build(&signer);
        let record = other.record("x86_64");
        let record = record.lines().map(|line| match line.split_once(':') {
            Some(("P", _)) => "P:hello\n".to_owned(),
            Some(("V", _)) => "V:1.0-r0\n".to_owned(),
            Some(("A", _)) => "A:x86_64\n".to_owned(),
            _ => format!("{line}\n"),
        });
        let index = ApkRepository::new(dir).index(&[record.collect()], &signer);
        std::fs::write(dir.join("x86_64/APKINDEX.tar.gz"), index).expect("an index");
        std::fs::write(dir.join("x86_64/hello-1.0-r0.apk"), other.bytes()).expect("a package");
    })
}

#[test]
fn another_package_in_a_signed_index() {
    for (other, own) in [
        (ApkPackage::new("other", "1.0-r0"), "by its own words it is other 1.0-r0 (x86_64)"),
        (ApkPackage::new("hello", "0.9-r0"), "by its own words it is hello 0.9-r0 (x86_64)"),
        (ApkPackage::new("hello", "1.0-r0").arch("aarch64"), "by its own words it is hello 1.0-r0 (aarch64)"),
    ] {
        let archive = passed_off(&other.file("usr/share/x", 0o644, "x"));
        let machine = machine(&archive, &["hello"]);
        // The second time from the cache, if anything of it was kept there.
        for _ in 0..2 {
            machine.build().fails(5, &["hello 1.0-r0", own, "tell its maker"]);
            machine.assert_nothing_left();
        }
    }
}

/// Indexes are made with `--rewrite-arch`: what fits every machine stands there as a package for one.
#[test]
fn a_package_for_all_machines_in_the_index_of_one() {
    let archive = passed_off(&ApkPackage::new("hello", "1.0-r0").arch("noarch").file("a", 0o644, "x"));
    machine(&archive, &["hello"]).build().good();
}

/// The same file under two names, both in good order as far as the index goes: the payload that was
/// unpacked for the one is not taken for the other.
#[test]
fn a_payload_in_the_cache_under_another_name() {
    let archive = passed_off(&ApkPackage::new("other", "2.0-r1").file("usr/share/other/x", 0o644, "x"));
    let honest = Archive::of(|dir| {
        publish(dir, vec![ApkPackage::new("other", "2.0-r1").file("usr/share/other/x", 0o644, "x")]);
    });
    let machine = machine(&honest, &["other"]);
    machine.build().good();
    machine.write("work/app.yaml", recipe(&[&archive.url()], &["hello"], &["made-up-1.rsa.pub"]));
    machine.distil(&["update", "app.yaml"]).fails(5, &["by its own words it is other 2.0-r1"]);
}

/// One line of the lock changed by hand: neither built nor proved.
#[test]
fn a_lock_changed_by_hand() {
    let (machine, _archive) = locked();
    let good = machine.read("work/app.lock");
    let first = machine.build().good().digests();
    let row = good.find("name = \"hello\"").expect("the row of hello");
    for (from, to) in [
        ("version = \"1.0-r0\"", "version = \"1.0-r9\""),
        ("name = \"hello\"", "name = \"hell\""),
        ("arch = \"amd64\"", "arch = \"all\""),
    ] {
        let changed = good[..row].to_owned() + &good[row..].replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        machine.write("work/app.lock", &changed);
        machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["no signed index names"]);
        let said = ["by its own words it is hello 1.0-r0 (x86_64)", "lock was changed by hand"];
        machine.distil(&["build", "app.yaml", "--frozen"]).fails(5, &said);
    }
    machine.write("work/app.lock", good.replacen("arch = \"amd64\"", "arch = \"arm64\"", 1));
    machine.build().fails(3, &["`arch` of package", "is not that of its platform"]);
    machine.write("work/app.lock", &good);
    assert_eq!(machine.distil(&["build", "app.yaml", "--frozen"]).good().digests(), first);
}

/// No index of apk's says a file's SHA-256: the file itself does.
#[test]
fn a_lock_with_another_sum() {
    let (machine, archive) = locked();
    let good = machine.read("work/app.lock");
    let at = good.find("\nsha256 = \"").expect("a sum") + "\nsha256 = \"".len();
    let mut changed = good.clone();
    changed.replace_range(at..at + 64, &good[at..at + 64].chars().rev().collect::<String>());
    machine.write("work/app.lock", &changed);
    let verify = |machine: &Machine| machine.distil(&["lock", "app.yaml", "--verify"]);
    verify(&machine).fails(5, &["1.0-r0", "its file is not the one of the lock", &good[at..at + 64]]);
    // With nothing in the cache but the index, from the mirror.
    machine.write("work/app.lock", &good);
    let blobs =
        machine.files("cache").into_iter().filter(|f| std::fs::metadata(f).is_ok_and(|m| m.len() > 0));
    for blob in blobs.filter(|f| f.components().any(|c| c.as_os_str() == "blobs")) {
        let packed = std::fs::read(&blob)
            .is_ok_and(|b| b == std::fs::read(archive.path("x86_64/APKINDEX.tar.gz")).expect("an index"));
        if !packed {
            std::fs::remove_file(blob).expect("a blob");
        }
    }
    let before = archive.requests();
    verify(&machine).good().says(&["2 packages"]);
    assert_eq!(archive.requests(), before + 2, "the two packages");
    verify(&machine).good();
    assert_eq!(archive.requests(), before + 2, "asked again for what is here");
}

/// A name that no lock can hold: refused before anything is fetched for it, and no lock is written.
#[test]
fn a_name_that_cannot_be_locked() {
    let archive =
        Archive::of(|dir| publish(dir, vec![ApkPackage::new("-hello", "1.0-r0").provides("hello=1")]));
    let machine = machine(&archive, &["hello"]);
    let before = archive.requests();
    machine
        .build()
        .fails(3, &["cannot lock package -hello: its `name` is no single word", "another package"]);
    machine.distil(&["lock", "app.yaml", "--dry-run"]).fails(3, &["cannot lock package -hello"]);
    machine.assert_nothing_left();
    assert_eq!(archive.requests(), before + 2, "more than the index, each time");
}
