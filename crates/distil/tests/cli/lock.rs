//! The life of a lock, row by row of the table that the product promises.

use testkit::{Checksum, Package, World};

use crate::run::{Archive, Machine, is_root, plain_world};

/// The archive a month later: a newer library and program, the old files still in the pool.
fn later_world() -> World {
    plain_world()
        .date(World::DATE + 30 * 86_400)
        .package(Package::new("libhello1", "1.1-1").file("/usr/share/hello/words", "good day\n"))
        .package(
            Package::new("hello", "1.1-1").depends("libhello1 (>= 1.0)").executable("/usr/bin/hello", "x"),
        )
}

fn locked() -> (Machine, Archive) {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    (machine, archive)
}

#[test]
fn without_a_lock_build_writes_one() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    let text = machine.read("work/app.lock");
    assert!(text.contains("hello") && text.contains("libhello1") && text.contains("1.0-1"), "{text}");
    // Of the archive's place only the recipe's own words are there.
    let pins = text.split_once("[[suite]]").expect("suites").1;
    assert!(!pins.contains("http://"), "an address in a lock: {text}");
    assert!(pins.contains("path = \"pool/main/h/hello/hello_1.0-1_amd64.deb\""), "{text}");
}

/// A login in a URL opens the archive, and is told to nobody.
#[test]
fn a_login_stays_secret() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.write("work/app.yaml", archive.recipe(&["hello"]).replace("http://", "http://me:s3cret@"));
    let ran = machine.distil(&["build", "app.yaml", "-v", "--json"]).good();
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{}", ran.stderr);
    assert!(!machine.read("work/app.lock").contains("s3cret"), "{}", machine.read("work/app.lock"));
    std::fs::remove_file(archive.path("dists/stable/InRelease")).expect("InRelease");
    let ran = machine.distil(&["update", "app.yaml", "-v"]).fails(4, &["InRelease"]);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

#[test]
fn a_lock_that_fits_needs_no_network() {
    let (machine, mut archive) = locked();
    archive.stop();
    let first = machine.build().good();
    let before = machine.read("work/app.lock");
    std::fs::remove_dir_all(machine.path("data")).expect("the image store");
    let second = machine.distil(&["build", "app.yaml", "--frozen"]).good();
    assert_eq!(first.digests(), second.digests());
    assert_eq!(machine.read("work/app.lock"), before);
}

#[test]
fn a_lock_alone_asks_for_packages_only() {
    let (machine, archive) = locked();
    let first = machine.build().good();
    machine.forget();
    // The index has moved on; the lock has not.
    archive.publish(&later_world());
    let before = archive.requests();
    let second = machine.build().good();
    assert_eq!(first.digests(), second.digests());
    assert_eq!(archive.requests() - before, 2, "the two packages");
}

#[test]
fn a_changed_recipe_keeps_pins() {
    let (machine, archive) = locked();
    archive.publish(&later_world());
    machine.recipe(&archive, &["hello", "other"]);
    machine.build().good().says(&["other", "2.0-1"]);
    let text = machine.read("work/app.lock");
    assert!(text.contains("2.0-1") && text.contains("1.0-1") && !text.contains("1.1-1"), "{text}");
}

#[test]
fn locked_and_frozen_refuse_a_drift() {
    let (machine, archive) = locked();
    machine.recipe(&archive, &["hello", "other"]);
    let before = machine.read("work/app.lock");
    for flag in ["--locked", "--frozen"] {
        machine.distil(&["build", "app.yaml", flag]).fails(3, &["app.lock", "other", "distil lock"]);
    }
    assert_eq!(machine.read("work/app.lock"), before);
    machine.assert_no_image();
    // What the user typed goes into the command that is offered.
    let place = ["--lock", "app.lock", "--vendor", "my deps"];
    let ran = machine.distil(&[&["build", "app.yaml", "--locked"], &place[..]].concat());
    ran.fails(3, &["`distil lock app.yaml --lock app.lock --vendor 'my deps'`"]);
}

#[test]
fn locked_and_frozen_refuse_a_missing_lock() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    for flag in ["--locked", "--frozen"] {
        let hint = "write one with `distil lock app.yaml`";
        machine.distil(&["build", "app.yaml", flag]).fails(3, &["there is no lock", "app.lock", hint]);
        let ran = machine.distil(&["build", "app.yaml", flag, "--lock", "b.lock", "--data-dir", "d"]);
        ran.fails(3, &["b.lock", "`distil lock app.yaml --lock b.lock --data-dir d`"]);
    }
    let ran = machine.distil(&["lock", "app.yaml", "--verify", "--lock", "b.lock"]);
    ran.fails(3, &["no such lock", "`distil lock app.yaml --lock b.lock`"]);
    machine.assert_nothing_left();
    assert_eq!(archive.requests(), 0);
}

/// With `--frozen` a package that is nowhere here is an error that names it.
#[test]
fn frozen_fetches_nothing() {
    let (machine, archive) = locked();
    machine.forget();
    let before = archive.requests();
    machine
        .distil(&["build", "app.yaml", "--frozen"])
        .fails(4, &["hello 1.0-1", "libhello1 1.0-1", "--vendor"]);
    machine.distil(&["build", "app.yaml", "--offline"]).fails(4, &["hello 1.0-1"]);
    assert_eq!(archive.requests(), before);
}

#[test]
fn update_moves_pins_and_says_so() {
    let (machine, archive) = locked();
    archive.publish(&later_world());
    machine.distil(&["lock", "app.yaml"]).good();
    assert!(!machine.read("work/app.lock").contains("1.1-1"), "lock moved a pin");
    let before = machine.read("work/app.lock");
    let dry = machine.distil(&["update", "app.yaml", "--dry-run"]).good();
    dry.says(&["hello", "1.0-1", "1.1-1"]);
    assert_eq!(machine.read("work/app.lock"), before);
    machine.distil(&["update", "app.yaml"]).good().says(&["hello", "libhello1", "1.0-1", "1.1-1"]);
    let text = machine.read("work/app.lock");
    assert!(text.contains("1.1-1") && !text.contains("1.0-1"), "{text}");
}

#[test]
fn a_dry_run_downloads_no_package_and_writes_nothing() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    std::fs::remove_dir_all(archive.path("pool")).expect("the pool");
    machine.distil(&["lock", "app.yaml", "--dry-run"]).good();
    machine.assert_nothing_left();
}

#[test]
fn json() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    for words in [&["lock", "app.yaml", "--json", "--dry-run"][..], &["lock", "app.yaml", "--json"]] {
        let ran = machine.distil(words).good();
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(value["schema"], 0);
        let pins = value["platforms"]["linux/amd64"].as_array().expect("pins");
        let names: Vec<&str> = pins.iter().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(names, ["libhello1", "hello"], "in install order");
        for pin in pins {
            let mut keys: Vec<&str> = pin.as_object().expect("a pin").keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, ["digest", "name", "size", "version"]);
            assert!(pin["digest"].as_str().is_some_and(|d| d.starts_with("sha256:")), "{pin}");
            assert!(pin["size"].as_u64().is_some_and(|s| s > 0), "{pin}");
        }
    }
}

#[test]
fn elsewhere() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["build", "app.yaml", "--lock", "pins/my.lock"]).good();
    assert!(machine.path("work/pins/my.lock").exists());
    assert!(!machine.path("work/app.lock").exists());
    machine.distil(&["build", "app.yaml", "--lock", "pins/my.lock", "--frozen"]).good();
}

/// For everybody, root too: nothing can be made below /proc.
#[test]
fn where_no_lock_can_be_written() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    let ran = machine.distil(&["build", "app.yaml", "--lock", "/proc/nowhere/app.lock"]);
    ran.fails(7, &["/proc/nowhere", "--lock"]);
    machine.assert_nothing_left();
}

/// A recipe in a directory that may only be read, as in many a CI.
#[test]
fn a_directory_that_may_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    let mode = |mode| {
        std::fs::set_permissions(machine.path("work"), PermissionsExt::from_mode(mode)).expect("a mode");
    };
    if is_root() {
        for open in [archive.path(""), archive.path("archive-key.asc")] {
            std::fs::set_permissions(open, PermissionsExt::from_mode(0o755)).expect("a mode");
        }
    }
    mode(0o555);
    let refused = machine.as_nobody(&["build", "app.yaml"]);
    let elsewhere = machine.as_nobody(&["build", "app.yaml", "--lock", "../home/my.lock"]);
    mode(0o755);
    let (Some(refused), Some(elsewhere)) = (refused, elsewhere) else { testkit::skip!("no setpriv") };
    refused.fails(7, &["cannot write lock", "work/app.lock", "denied", "--lock FILE"]);
    elsewhere.good();
    assert!(!machine.path("work/app.lock").exists());
    assert!(machine.path("home/my.lock").exists());
}

/// Directories of ours that may only be read: which, and the flag that names others.
#[test]
fn a_cache_or_store_that_may_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    for (dir, flag) in [("cache", "--cache-dir"), ("data", "--data-dir")] {
        let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
        machine.recipe(&archive, &["hello"]);
        let path = machine.path(dir);
        std::fs::create_dir(&path).expect("a directory");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o555)).expect("a mode");
        let Some(ran) = machine.as_nobody(&["build", "app.yaml"]) else { testkit::skip!("no setpriv") };
        ran.fails(7, &[&path.display().to_string(), "denied", flag]);
        assert_eq!(archive.requests(), 0, "it was found out late");
        std::fs::remove_dir(&path).expect("the directory");
        // A file in its place stops root as well.
        std::fs::write(&path, "").expect("a file");
        machine.build().fails(7, &[&path.display().to_string(), flag]);
    }
}

#[test]
fn the_same_twice() {
    let (machine, _archive) = locked();
    let first = machine.read("work/app.lock");
    machine.forget();
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    machine.distil(&["lock", "app.yaml", "--threads", "1"]).good();
    assert_eq!(machine.read("work/app.lock"), first);
}

#[test]
fn proved_again() {
    let (machine, archive) = locked();
    archive.publish(&later_world());
    machine.distil(&["lock", "app.yaml", "--verify"]).good().says(&["2 packages"]);
}

/// A lock that names other bytes than the archive signed.
#[test]
fn a_tampered_lock_is_not_proved() {
    let (machine, _archive) = locked();
    let text = machine.read("work/app.lock");
    let json = machine.distil(&["lock", "app.yaml", "--json"]).good().stdout;
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let digest = value["platforms"]["linux/amd64"][0]["digest"].as_str().expect("a digest").to_owned();
    let hex = digest.trim_start_matches("sha256:");
    assert!(text.contains(hex), "{text}");
    let other: String = hex.chars().rev().collect();
    machine.write("work/app.lock", text.replace(hex, &other));
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["libhello1 1.0-1", "no signed index"]);
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

/// One line of the lock changed by hand: neither built nor proved.
#[test]
fn a_lock_changed_by_hand() {
    let (machine, _archive) = locked();
    let good = machine.read("work/app.lock");
    let row = good.find("name = \"hello\"").expect("the row of hello");
    for (from, to) in [("version = \"1.0-1\"", "version = \"1.0-9\""), ("arch = \"amd64\"", "arch = \"all\"")]
    {
        machine.write("work/app.lock", good[..row].to_owned() + &good[row..].replacen(from, to, 1));
        machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["no signed index names"]);
        let said = ["by its own words it is hello 1.0-1 (amd64)", "lock was changed by hand"];
        machine.distil(&["build", "app.yaml", "--frozen"]).fails(5, &said);
    }
    // The source package stands in the SBOM.
    machine.write(
        "work/app.lock",
        good[..row].to_owned() + &good[row..].replacen("because", "source = \"x\"\nbecause", 1),
    );
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["no signed index names"]);
    // What the index says of the file, beside other bytes that are to be taken.
    let at = good[row..].find("\nsha256 = \"").expect("a sum") + row + "\nsha256 = \"".len();
    let sum = good[at..at + 64].to_owned();
    let other = sum.chars().rev().collect::<String>();
    let two = format!("sha256 = \"{other}\"\nidentity = \"sha256:{sum}\"\n");
    machine.write("work/app.lock", good.replacen(&format!("sha256 = \"{sum}\"\n"), &two, 1));
    for words in [&["lock", "app.yaml", "--verify"][..], &["build", "app.yaml", "--frozen"]] {
        machine.distil(words).fails(3, &["`sha256` of package hello is not that of its identity"]);
    }
}

/// An index that says SHA-512 only: the lock's SHA-256 is that of the file, and proved by it.
#[test]
fn a_lock_with_another_sum_than_the_file() {
    let archive = Archive::serve(&plain_world().checksums(&[Checksum::Sha512]));
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    let verify = || machine.distil(&["lock", "app.yaml", "--verify"]);
    verify().good().says(&["2 packages"]);
    let text = machine.read("work/app.lock");
    assert!(text.contains("identity = \"sha512:"), "{text}");
    let at = text.find("\nsha256 = \"").expect("a sum") + "\nsha256 = \"".len();
    let mut other = text.clone();
    other.replace_range(at..at + 64, &text[at..at + 64].chars().rev().collect::<String>());
    machine.write("work/app.lock", other);
    verify().fails(5, &["its file is not the one of the lock", &text[at..at + 64]]);
}

#[test]
fn a_lock_that_cannot_be_read() {
    let (machine, _archive) = locked();
    let text = machine.read("work/app.lock");
    machine.write("work/app.lock", &text[..text.len() / 2]);
    machine.build().fails(3, &["app.lock"]);
}

/// Everything a lock needs in one directory: it builds and is proved with no server and no cache.
#[test]
fn vendored() {
    let (machine, mut archive) = locked();
    let first = machine.build().good();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps"]).good();
    machine.forget();
    archive.stop();
    let second = machine.distil(&["build", "app.yaml", "--vendor", "deps", "--frozen"]).good();
    assert_eq!(first.digests(), second.digests());
    machine.forget();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps", "--verify"]).good().says(&["2 packages"]);
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(3, &["neither in the cache nor vendored"]);
}

/// The bare files by their names, a copy of the archive, and files by their digests.
#[test]
fn vendored_by_hand() {
    let (machine, mut archive) = locked();
    let first = machine.build().good();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps"]).good();
    let debs: Vec<_> = machine
        .files("work/deps")
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .collect();
    assert_eq!(debs.len(), 2);
    archive.stop();
    type Place = fn(&std::path::Path) -> String;
    let by_name: Place = |deb| deb.file_name().expect("a name").to_string_lossy().into_owned();
    let by_digest: Place = |deb| oci::Digest::of(&std::fs::read(deb).expect("a package")).hex();
    let as_there: Place = |deb| {
        let text = deb.display().to_string();
        text[text.find("/pool/").expect("a pool") + 1..].to_owned()
    };
    for (dir, place) in [("flat", by_name), ("digests", by_digest), ("mirror", as_there)] {
        for deb in &debs {
            let to = machine.path("work").join(dir).join(place(deb));
            std::fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
            std::fs::copy(deb, to).expect("a copy");
        }
        machine.forget();
        let ran = machine.distil(&["build", "app.yaml", "--vendor", dir, "--frozen"]).good();
        assert_eq!(ran.digests(), first.digests(), "{dir}");
    }
}

#[test]
fn a_vendored_package_with_a_wrong_bit() {
    let (machine, mut archive) = locked();
    machine.distil(&["lock", "app.yaml", "--vendor", "deps"]).good();
    let debs: Vec<_> = machine
        .files("work/deps")
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "deb"))
        .collect();
    assert_eq!(debs.len(), 2);
    debs.iter().for_each(|deb| crate::run::flip(deb));
    machine.forget();
    archive.stop();
    let ran = machine.distil(&["build", "app.yaml", "--vendor", "deps", "--frozen"]);
    ran.fails(4, &["is not the package of the lock", "hello 1.0-1"]);
}
