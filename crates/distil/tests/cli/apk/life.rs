//! The life of a lock of apk packages.

use testkit::ApkPackage;

use super::{later, locked, machine, plain, publish, recipe, serve};

#[test]
fn built_and_remembered() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    let first = machine.build().good().says(&["2 packages", "app.lock"]);
    let before = archive.requests();
    let second = machine.build().good().says(&["nothing changed"]);
    assert_eq!(first.digests(), second.digests());
    assert_eq!(archive.requests(), before);
    let pins = machine.read("work/app.lock");
    let pins = pins.split_once("[[suite]]").expect("suites").1;
    assert!(!pins.contains("http://"), "an address in a lock: {pins}");
    for fact in [
        "path = \"x86_64/hello-1.0-r0.apk\"",
        "identity = \"apk-control:",
        "sha256 = \"",
        "signed-by = [\"made-up-1.rsa.pub\"]",
        "because = [\"needed by hello: so:libhello.so.1\"]",
        "post-install ",
    ] {
        assert!(pins.contains(fact), "{fact} is not in {pins}");
    }
}

#[test]
fn a_lock_that_fits_needs_no_network() {
    let (machine, mut archive) = locked();
    archive.stop();
    let first = machine.build().good();
    std::fs::remove_dir_all(machine.path("data")).expect("the image store");
    let second = machine.distil(&["build", "app.yaml", "--frozen"]).good();
    assert_eq!(first.digests(), second.digests());
    machine.forget();
    for flag in ["--frozen", "--offline"] {
        machine
            .distil(&["build", "app.yaml", flag])
            .fails(4, &["hello 1.0-r0", "libhello 1.0-r0", "--vendor"]);
    }
}

/// The machine remembers the indexes that it saw, and which blob is which package.
#[test]
fn offline_with_what_was_seen() {
    let (machine, mut archive) = locked();
    let first = machine.read("work/app.lock");
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    archive.stop();
    machine.distil(&["lock", "app.yaml", "--offline"]).good();
    assert_eq!(machine.read("work/app.lock"), first);
}

#[test]
fn a_second_lock_downloads_no_package_again() {
    let (machine, archive) = locked();
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    let before = archive.requests();
    machine.distil(&["lock", "app.yaml"]).good();
    assert_eq!(archive.requests(), before + 1, "more than the index");
}

#[test]
fn pins_are_kept_and_moved() {
    let (machine, archive) = locked();
    publish(&archive.path(""), later());
    machine.distil(&["lock", "app.yaml"]).good();
    assert!(!machine.read("work/app.lock").contains("1.1-r0"), "lock moved a pin");
    // A changed recipe keeps what still fits.
    machine.write("work/app.yaml", recipe(&[&archive.url()], &["hello", "other"], &["made-up-1.rsa.pub"]));
    machine.distil(&["build", "app.yaml", "--locked"]).fails(3, &["drifted", "package other"]);
    machine.distil(&["lock", "app.yaml"]).good().says(&["added", "other 2.0-r1"]);
    assert!(!machine.read("work/app.lock").contains("1.1-r0"), "lock moved a pin");
    machine.distil(&["update", "app.yaml"]).good().says(&["upgraded hello 1.0-r0 -> 1.1-r0", "libhello"]);
    let text = machine.read("work/app.lock");
    assert!(text.contains("1.1-r0") && !text.contains("1.0-r0\""), "{text}");
}

#[test]
fn a_dry_run_downloads_no_package_and_writes_nothing() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    for apk in ["hello-1.0-r0.apk", "libhello-1.0-r0.apk"] {
        std::fs::remove_file(archive.path("x86_64").join(apk)).expect("a package");
    }
    let ran = machine.distil(&["lock", "app.yaml", "--dry-run", "--json"]).good();
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let pins = value["platforms"]["linux/amd64"].as_array().expect("pins");
    let names: Vec<&str> = pins.iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, ["libhello", "hello"], "in install order");
    assert!(pins[0]["digest"].as_str().is_some_and(|d| d.starts_with("sha1:")), "{pins:?}");
    machine.assert_nothing_left();
    machine.build().fails(4, &["hello 1.0-r0", "no longer on any mirror"]);
}

#[test]
fn proved_again_and_vendored() {
    let (machine, mut archive) = locked();
    let first = machine.build().good();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps"]).good();
    publish(&archive.path(""), later());
    machine.distil(&["lock", "app.yaml", "--verify"]).good().says(&["made-up-1.rsa.pub", "2 packages"]);
    machine.forget();
    archive.stop();
    let second = machine.distil(&["build", "app.yaml", "--vendor", "deps", "--frozen"]).good();
    assert_eq!(first.digests(), second.digests());
    machine.forget();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps", "--verify"]).good().says(&["2 packages"]);
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(3, &["neither in the cache nor vendored"]);
}

/// A lock that names other bytes than the index does.
#[test]
fn a_tampered_lock_is_not_proved() {
    let (machine, _archive) = locked();
    let text = machine.read("work/app.lock");
    let at = text.find("apk-control:").expect("an identity") + "apk-control:".len();
    let (mut other, hex) = (text.clone(), &text[at..at + 40]);
    other.replace_range(at..at + 40, &hex.chars().rev().collect::<String>());
    machine.write("work/app.lock", other);
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["1.0-r0", "no signed index"]);
    // Nor is it built: the file is not the package that it says.
    machine.distil(&["build", "app.yaml", "--frozen"]).fails(5, &["1.0-r0", "control part"]);
}

/// What the user never said, the lock cannot say in their name; who signed, the documents say.
#[test]
fn a_lock_declares_nothing() {
    let (machine, _archive) = locked();
    let good = machine.read("work/app.lock");
    let line = good.lines().find(|l| l.starts_with("signed")).expect("who signed");
    let verify = || machine.distil(&["lock", "app.yaml", "--verify"]);
    let (key, signer) = line.split_once(" = ").expect("a key and a value");
    machine.write("work/app.lock", good.replace(line, &format!("{key} = [\"somebody\"]")));
    let said = verify().good();
    assert!(!said.stderr.contains("somebody"), "{}", said.stderr);
    said.says(&[signer.trim_matches(|c| "[]\"".contains(c))]);
    machine.write("work/app.lock", good.replace(line, "unsigned = \"local directory\""));
    verify().fails(5, &["has it as unsigned", "nobody says so but the lock"]);
}

/// Each variant has its packages, and one version of each for all.
#[test]
fn variants() {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    let text = machine.read("work/app.yaml") + "variants:\n  more: {contents: {packages: [other]}}\n";
    machine.write("work/app.yaml", text);
    let ran = machine.build().good();
    assert_eq!(ran.digests().len(), 2);
    let lock = machine.read("work/app.lock");
    assert_eq!(lock.matches("variants = [\"more\"]").count(), 1, "{lock}");
}

/// What comes by itself is said, with what brought it.
#[test]
fn explained() {
    let archive = serve(|| {
        let docs = ApkPackage::new("hello-doc", "1.0-r0").install_if("hello=1.0-r0 docs");
        plain().into_iter().chain([docs, ApkPackage::new("docs", "1-r0")]).collect()
    });
    let machine = machine(&archive, &["hello", "docs"]);
    let ran = machine.distil(&["lock", "app.yaml", "--explain"]).good();
    ran.says(&["install_if", "hello-doc"]);
    assert!(machine.read("work/app.lock").contains("installed because of docs: docs"));
}
