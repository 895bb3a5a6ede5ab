//! Made-up packages with what real ones seldom have, installed by the real apk: attributes, files that
//! replace each other, directories that packages disagree about. Same database, same owners.
#![allow(clippy::disallowed_methods, reason = "tests run apk and look at what it made")]

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use apk::{
    ControlFiles, Installed, Limits, Proof, agree_on_directories, initial_tree, overwrites, unpack,
    write_installed, write_triggers,
};
use rootfs::payload::{Payload, Writer};
use rootfs::{MergeRules, Node, Owner, Part, PayloadIx, Tree, merge};
use testkit::apk::{ApkKey, ApkPackage, ApkRepository, real_apk};

/// In install order: each needs the one before.
fn packages() -> Vec<ApkPackage> {
    let mut all = vec![
        ApkPackage::new("base", "1-r0")
            .directory("srv", 0o777)
            .directory("srv/own", 0o755)
            .file("srv/own/x", 0o644, "base")
            .file(".hidden", 0o644, "in the root before all others")
            .symlink("srv/link", "own/x"),
        ApkPackage::new("capable", "1-r0")
            .directory("srv", 0o755)
            .file("srv/tool", 0o4755, "tool")
            .xattr("user.one", "1")
            .xattr("user.another", [0, 255, 10])
            .hard_link("srv/tool2", "srv/tool"),
        ApkPackage::new("taker", "1-r0")
            .directory("srv", 0o711)
            .replaces("base<2 other")
            .replaces_priority(3)
            .file("srv/own/x", 0o600, "taker")
            .symlink("srv/link", "own/x"),
        ApkPackage::new("loser", "1-r0").origin("x").replaces("taker").file("srv/own/x", 0o644, "loser"),
        ApkPackage::new("sister", "1-r0").origin("x").file("srv/sister", 0o644, "1"),
        ApkPackage::new("twin", "2-r1")
            .origin("x")
            .file("srv/sister", 0o644, "2")
            .trigger(&["/srv", "/usr/*"], "#!/bin/sh\n"),
        ApkPackage::new("empty", "1-r0").replaces("zoo").provider_priority(7).install_if("base=1-r0 nothing"),
        ApkPackage::new("zlast", "1-r0").file("srv/z", 0o644, "z"),
    ];
    for n in 1..all.len() {
        let before = ["base", "capable", "taker", "loser", "sister", "twin", "empty"][n - 1];
        all[n] = all[n].clone().depends(before);
    }
    all
}

fn read(file: &Path, n: u32) -> (ControlFiles, Tree, u64) {
    let bytes = std::fs::read(file).unwrap();
    let mut writer = Writer::new(Vec::new());
    let files = unpack(&bytes[..], &Proof::default(), &Limits::default(), &mut writer).unwrap().files;
    let payload = writer.finish().unwrap();
    let tree = Payload::read(&payload, payload.len() as u64, PayloadIx(n)).unwrap().tree;
    (files, tree, bytes.len() as u64)
}

fn merged(read: &[(ControlFiles, Tree, u64)]) -> Tree {
    let part = |(files, tree, _): &(ControlFiles, Tree, u64)| Part {
        name: files.info.name.as_str().into(),
        tree: tree.clone(),
    };
    let mut parts: Vec<Part> = read.iter().map(part).collect();
    agree_on_directories(&mut parts);
    let infos: Vec<_> = read.iter().map(|(files, ..)| &files.info).collect();
    let rules = MergeRules {
        lower: None,
        start: initial_tree(&parts, 0),
        overwrites: &|a, b| overwrites(&infos, a, b),
        diversions: &[],
        mtime: 0,
    };
    merge(parts, &rules).unwrap()
}

#[test]
fn the_database_and_the_files_are_apks() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    if !std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        testkit::skip!("apk needs root to give files their owners");
    }
    let dir = tempfile::tempdir().unwrap();
    let published = ApkRepository::new(&dir.path().join("r")).add_all(packages());
    let published = published.publish(&ApkKey::test_only(1));
    let root = apk.root();
    let keys = published.key_file().parent().unwrap();
    let log = root.add(&[published.root()], keys, &["zlast"]).unwrap();
    let order = testkit::apk::installed_lines(&log);
    assert_eq!(order.len(), 8, "{log}");

    let files = order.iter().map(|(name, version)| published.path(&format!("x86_64/{name}-{version}.apk")));
    let packages: Vec<_> = (0..).zip(files).map(|(n, file)| read(&file, n)).collect();
    let tree = merged(&packages);
    let listed = |n: usize, path: &bstr::BStr| {
        let owner = Owner::Package(u32::try_from(n).unwrap());
        tree.get(path).is_some_and(|e| e.is_dir() || e.owner == owner)
    };
    let installed: Vec<_> = packages
        .iter()
        .map(|(files, tree, size)| Installed { files, tree, size: *size, arch: "x86_64", tag: None })
        .collect();
    let theirs = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap();
    assert_eq!(write_installed(&installed, &listed).to_string(), theirs("lib/apk/db/installed"));
    let ours = write_triggers(packages.iter().map(|(files, ..)| files));
    assert_eq!(ours.to_string(), theirs("lib/apk/db/triggers"));
    for entry in tree.entries() {
        let path = root.path().join(entry.path.to_string());
        let found = std::fs::symlink_metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", entry.path));
        if !matches!(entry.node, Node::Symlink(_)) {
            let ours = (entry.mode, entry.uid, entry.gid);
            assert_eq!(ours, (found.mode() & 0o7777, found.uid(), found.gid()), "{}", entry.path);
        }
    }
    assert!(tree.get(".hidden").is_none() && !root.path().join(".hidden").exists());
    // Who replaces and comes later has it, however little it says of its priority.
    assert_eq!(std::fs::read_to_string(root.path().join("srv/own/x")).unwrap(), "loser");
    assert_eq!(tree.get("srv/own/x").unwrap().owner, Owner::Package(3));
}
