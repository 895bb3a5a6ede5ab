//! Repositories that are not what they should be.

use testkit::{ApkKey, ApkPackage, ApkRepository};

use super::{hello, later, locked, machine, plain, publish, recipe, serve};
use crate::run::{Archive, Fault};

#[test]
fn a_changed_index() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    for fault in [Fault::Flipped, Fault::Short] {
        archive.fail("APKINDEX", fault);
        machine.build().fails(5, &["cannot", &archive.url()[7..], "mirror"]);
        machine.assert_nothing_left();
    }
    archive.fail("APKINDEX", Fault::Status(404));
    machine.build().fails(4, &["404", "archs"]);
    archive.heal();
    machine.build().good();
}

#[test]
fn a_changed_package() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    archive.fail("/hello-1.0-r0.apk", Fault::Flipped);
    machine.build().fails(5, &["hello 1.0-r0", &archive.url()[7..], "use another mirror"]);
    machine.assert_nothing_left();
    archive.fail("/hello-1.0-r0.apk", Fault::Status(404));
    machine.build().fails(4, &["hello 1.0-r0", "no longer on any mirror"]);
    archive.heal();
    machine.build().good();
}

/// Another package under the right name, well signed: not what the index names.
#[test]
fn another_package_of_the_same_signer() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    let name = "x86_64/hello-1.0-r0.apk";
    let genuine = std::fs::read(archive.path(name)).expect("the package");
    // One of the same size, as packed.
    let other = (b'a'..=b'z').find_map(|letter| {
        let dir = tempfile::tempdir().expect("a directory");
        let body = [&b"\x7fELF not reall"[..], &[letter]].concat();
        let packages = plain().into_iter().map(|p| match p.file_name() == "hello-1.0-r0.apk" {
            true => hello(&body),
            false => p,
        });
        publish(dir.path(), packages.collect());
        let bytes = std::fs::read(dir.path().join(name)).expect("a package");
        (bytes.len() == genuine.len() && bytes != genuine).then_some(bytes)
    });
    std::fs::write(archive.path(name), other.expect("one of that size")).expect("another package");
    machine.build().fails(5, &["hello 1.0-r0"]);
    machine.assert_nothing_left();
}

#[test]
fn an_unknown_key_and_none() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    machine.write("work/app.yaml", recipe(&[&archive.url()], &["hello"], &[]));
    machine.build().fails(5, &["made-up-1.rsa.pub", "keyring"]);
    // Another key of that name is none of it.
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(2).public_pem());
    machine.write("work/app.yaml", recipe(&[&archive.url()], &["hello"], &["made-up-1.rsa.pub"]));
    machine.build().fails(5, &["made-up-1.rsa.pub"]);
    ApkRepository::new(&archive.path("")).add_all(plain()).unsigned().publish(&ApkKey::test_only(1));
    machine.build().fails(5, &["there is none", "directory"]);
    machine.write("work/made-up-1.rsa.pub", "no key");
    machine.build().fails(3, &["made-up-1.rsa.pub", "PUBLIC KEY"]);
    machine.assert_nothing_left();
}

/// An older state than the lock and this machine have seen.
#[test]
fn gone_back() {
    let archive = serve(later);
    let machine = machine(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    let lock = machine.read("work/app.lock");
    publish(&archive.path(""), plain());
    std::fs::remove_file(archive.path("x86_64/hello-1.1-r0.apk")).expect("a package");
    machine
        .distil(&["update", "app.yaml"])
        .fails(5, &["newest build", "has been seen before", "--allow-rollback"]);
    assert_eq!(machine.read("work/app.lock"), lock);
    // By the machine's record alone, and by the lock alone.
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    machine.distil(&["lock", "app.yaml"]).fails(5, &["has been seen before"]);
    machine.write("work/app.lock", &lock);
    machine.forget();
    machine.distil(&["update", "app.yaml"]).fails(5, &["has been seen before"]);
    machine
        .distil(&["update", "app.yaml", "--allow-rollback"])
        .good()
        .says(&["lowered  hello 1.1-r0 -> 1.0-r0"]);
}

#[test]
fn what_does_not_fit_together() {
    let archive = serve(|| {
        let against = ApkPackage::new("against", "1-r0").depends("!hello");
        plain().into_iter().chain([against]).collect()
    });
    let machine = machine(&archive, &["hello", "against"]);
    machine.build().fails(6, &["you asked for `against`", "against 1-r0 excludes hello"]);
    for (package, said) in [("helo", "did you mean hello?"), ("hello>1.0-r0", "hello exists only as 1.0-r0")]
    {
        machine.write("work/app.yaml", recipe(&[&archive.url()], &[package], &["made-up-1.rsa.pub"]));
        machine.build().fails(6, &[package, said]);
    }
    machine.write("work/app.yaml", recipe(&[&archive.url()], &["hello@edge"], &["made-up-1.rsa.pub"]));
    machine.build().fails(3, &["hello@edge", "no repository has the tag"]);
    machine.assert_nothing_left();
}

/// A login in a URL opens the repository, and is told to nobody.
#[test]
fn a_login_stays_secret() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    let text = machine.read("work/app.yaml").replace("http://", "http://me:s3cret@");
    machine.write("work/app.yaml", text);
    let ran = machine.distil(&["build", "app.yaml", "-v", "--json"]).good();
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{}", ran.stderr);
    assert!(!machine.read("work/app.lock").contains("s3cret"));
    std::fs::remove_dir_all(archive.path("x86_64")).expect("the repository");
    let ran = machine.distil(&["update", "app.yaml", "-v"]).fails(4, &["APKINDEX"]);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

/// Damage on disk is never believed: the package, the note of which blob it is, the index.
#[test]
fn a_damaged_cache() {
    let (machine, archive) = locked();
    let lock = machine.read("work/app.lock");
    for file in machine.files("cache") {
        if file.components().any(|c| ["derived", "blobs"].iter().any(|d| c.as_os_str() == *d)) {
            crate::run::flip(&file);
        }
    }
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    machine.build().good();
    assert_eq!(machine.read("work/app.lock"), lock);
    drop::<Archive>(archive);
}
