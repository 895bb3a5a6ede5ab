//! Alpine's own packages: recipes lock to what the real apk installs.

use std::collections::BTreeSet;
use std::path::Path;

use package::Sha1;

use crate::distil::Home;

/// Name, version and identity of what apk's database has installed.
fn installed(database: &str) -> BTreeSet<(String, String, String)> {
    let field = |record: &str, key: &str| {
        let line = record.lines().find_map(|l| l.strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {record}")).to_owned()
    };
    let records = database.split("\n\n").filter(|r| !r.trim().is_empty());
    records
        .map(|r| {
            let identity = Sha1::from_q1(&field(r, "C:")).expect("an identity").hex();
            (field(r, "P:"), field(r, "V:"), identity)
        })
        .collect()
}

/// The same of a lock.
fn locked(lock: &str) -> BTreeSet<(String, String, String)> {
    let value = |row: &str, key: &str| {
        let line = row.lines().find_map(|l| l.strip_prefix(&format!("{key} = \"")));
        line.unwrap_or_else(|| panic!("no {key} in {row}")).trim_end_matches('"').to_owned()
    };
    let rows = lock.split("[[package]]").skip(1);
    rows.map(|row| {
        let identity = value(row, "identity");
        (value(row, "name"), value(row, "version"), identity.trim_start_matches("apk-control:").to_owned())
    })
    .collect()
}

/// Locks every world that the real apk was run on, from a mirror of that release, with the keys that are
/// part of distil; gives how many there were.
fn worlds(release: &str, arch: &str, packages: &Path, golden: &Path) -> usize {
    let home = Home::new();
    let mirror = home.work().join("mirror");
    std::fs::create_dir_all(mirror.join(format!("v{release}"))).expect("a directory");
    for part in ["main", "community"] {
        std::os::unix::fs::symlink(packages, mirror.join(format!("v{release}/{part}"))).expect("a link");
    }
    let mirror = format!("alpine={}", mirror.display());
    let mut count = 0;
    for entry in std::fs::read_dir(golden).expect("the golden worlds").flatten() {
        let path = entry.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".world")) else { continue };
        let Ok(database) = std::fs::read_to_string(golden.join(format!("{name}.installed"))) else {
            continue;
        };
        let world = std::fs::read_to_string(&path).expect("a world");
        let lines: String = world.split_whitespace().map(|w| format!("    - {w}\n")).collect();
        let recipe =
            format!("archs: [{arch}]\ncontents:\n  distribution: alpine-{release}\n  packages:\n{lines}");
        home.write("app.yaml", &recipe);
        home.run(&["update", "app.yaml", "-q", "--mirror", &mirror]);
        let lock = std::fs::read_to_string(home.work().join("app.lock")).expect("a lock");
        assert_eq!(locked(&lock), installed(&database), "{name}");
        assert!(lock.contains("[\"alpine-devel@lists.alpinelinux.org-"), "{lock}");
        home.run(&["lock", "app.yaml", "--verify"]);
        count += 1;
    }
    count
}

#[test]
fn alpine_locks_to_what_apk_installs() {
    let (Some(packages), Some(golden)) =
        (testkit::shared_data("apk/alpine-3.19.1-iso"), testkit::shared_data("apk/golden/iso-3.19.1"))
    else {
        testkit::skip!("no ../shared/data/apk")
    };
    assert!(worlds("3.19", "x86_64", &packages, &golden) >= 7);
}

#[test]
fn alpine_for_aarch64_locks_to_what_apk_installs() {
    let (Some(packages), Some(golden)) = (
        testkit::shared_data("apk/alpine-3.13.4-rpi"),
        testkit::shared_data("apk/golden/rpi-3.13.4-aarch64"),
    ) else {
        testkit::skip!("no ../shared/data/apk")
    };
    assert!(worlds("3.13", "aarch64", &packages, &golden) >= 3);
}
