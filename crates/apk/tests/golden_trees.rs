//! Worlds installed by the real apk: from the same packages in the same order come the same tree and
//! the same database.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use apk::{
    ControlFiles, Installed, Limits, Proof, agree_on_directories, busybox_files, busybox_links, initial_tree,
    overwrites, parse_installed, unpack, write_installed, write_scripts, write_triggers, write_world,
};
use oci::Digest;
use rootfs::payload::{Payload, Writer};
use rootfs::{Bodies, Entry, MergeRules, Node, Owner, Part, PayloadIx, Payloads, Tree, merge};

struct Package {
    files: ControlFiles,
    tree: Tree,
    size: u64,
    payload: Vec<u8>,
}

/// The packages of an apk log, `(1/5) Installing NAME (VERSION)`, in its order.
fn installed(log: &str, folder: &Path) -> Vec<Package> {
    let lines = log.lines().filter_map(|l| l.split_once(") Installing ")?.1.split_once(" ("));
    let mut packages = Vec::new();
    for (n, (name, version)) in lines.enumerate() {
        let path = folder.join(format!("{name}-{}.apk", version.trim_end_matches(')')));
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut writer = Writer::new(Vec::new());
        let files =
            unpack(bytes.as_slice(), &Proof::default(), &Limits::default(), &mut writer).unwrap().files;
        let payload = writer.finish().unwrap();
        let ix = PayloadIx(u32::try_from(n).unwrap());
        let tree = Payload::read(&payload, payload.len() as u64, ix).unwrap().tree;
        packages.push(Package { files, tree, size: bytes.len() as u64, payload });
    }
    packages
}

/// The content of a file, from the package that brings it.
fn content(entry: &Entry, payloads: &Payloads) -> Vec<u8> {
    let Node::File(body) = &entry.node else { panic!("{entry:?}") };
    payloads.read(body).unwrap()
}

fn merged(packages: &[Package]) -> Tree {
    let mut parts: Vec<Part> = packages
        .iter()
        .map(|p| Part { name: p.files.info.name.as_str().into(), tree: p.tree.clone() })
        .collect();
    agree_on_directories(&mut parts);
    let infos: Vec<_> = packages.iter().map(|p| &p.files.info).collect();
    let rules = MergeRules {
        lower: None,
        start: initial_tree(&parts, 0),
        overwrites: &|a, b| overwrites(&infos, a, b),
        diversions: &[],
        mtime: 0,
    };
    merge(parts, &rules).unwrap()
}

/// An entry as `golden/tree.py` prints it.
fn line(entry: &Entry, tree: &Tree) -> String {
    let real = match &entry.node {
        Node::Hardlink(target) => tree.get(target).unwrap(),
        _ => entry,
    };
    let (kind, size, sum, target) = match &real.node {
        Node::Dir => ("d", 0, "-".to_owned(), String::new()),
        Node::File(body) => ("f", body.size, body.digest.hex(), String::new()),
        Node::Symlink(target) => ("l", 0, "-".to_owned(), target.to_string()),
        other => panic!("{}: {other:?}", entry.path),
    };
    let first = |e: &Entry| match &e.node {
        Node::Hardlink(target) => target.clone(),
        _ => e.path.clone(),
    };
    let links = tree.entries().iter().filter(|e| first(e) == first(entry)).count();
    let mode = if kind == "l" { 0o777 } else { real.mode };
    let mtime = if kind == "f" { real.mtime } else { 0 };
    let mut line = format!(
        "{}\t{kind}\t{mode:o}\t{}\t{}\t{size}\t{links}\t{mtime}\t{sum}\t{target}",
        entry.path, real.uid, real.gid
    );
    if kind == "d" {
        line = line.replace(&format!("\t{links}\t"), "\t1\t");
    }
    line
}

/// apk's database, and the device nodes that it makes for its scripts.
fn is_apks_own(path: &str) -> bool {
    ["etc/apk/arch", "etc/apk/world"].contains(&path)
        || path.starts_with("lib/apk/db/")
        || ["dev/null", "dev/zero", "dev/random", "dev/urandom", "dev/console"].contains(&path)
}

fn compare_tree(world: &str, golden: &str, tree: &Tree) {
    let ours: BTreeMap<String, String> =
        tree.entries().iter().map(|e| (e.path.to_string(), line(e, tree))).collect();
    let theirs: BTreeMap<String, String> =
        golden.lines().map(|l| (l.split('\t').next().unwrap().to_owned(), l.trim_end().to_owned())).collect();
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut differences = Vec::new();
    for path in paths.into_iter().filter(|p| !is_apks_own(p)) {
        let (a, b) = (ours.get(path).map(|l| l.trim_end()), theirs.get(path).map(String::as_str));
        if a != b {
            differences.push(format!("ours:  {a:?}\napk's: {b:?}"));
        }
    }
    assert!(differences.is_empty(), "{world}: {}", differences.join("\n"));
}

fn compare_database(world: &str, golden: &Path, packages: &[Package], arch: &str) {
    let tree = merged(packages);
    let listed = |n: usize, path: &bstr::BStr| {
        let entry = tree.get(path);
        entry.is_some_and(|e| e.is_dir() || e.owner == Owner::Package(u32::try_from(n).unwrap()))
    };
    let installed: Vec<_> = packages
        .iter()
        .map(|p| Installed { files: &p.files, tree: &p.tree, size: p.size, arch, tag: None })
        .collect();
    let ours = write_installed(&installed, &listed).to_string();
    let theirs = std::fs::read_to_string(golden.join(format!("{world}.installed"))).unwrap();
    for (number, (a, b)) in (1..).zip(ours.lines().zip(theirs.lines())) {
        assert_eq!(a, b, "{world}.installed, line {number}");
    }
    assert_eq!(ours.len(), theirs.len(), "{world}.installed");
    let read = parse_installed(ours.as_bytes()).unwrap();
    assert_eq!(read.len(), packages.len());
    let listed: usize = read.iter().map(|r| r.files.len()).sum();
    assert_eq!(listed, theirs.lines().filter(|l| l.starts_with("F:") || l.starts_with("R:")).count());

    if let Ok(triggers) = std::fs::read_to_string(golden.join(format!("{world}.triggers"))) {
        assert_eq!(write_triggers(packages.iter().map(|p| &p.files)), triggers, "{world}");
    }
    let requests = std::fs::read_to_string(golden.join(format!("{world}.world"))).unwrap();
    let tree = std::fs::read_to_string(golden.join(format!("{world}.tree.tsv"))).unwrap();
    let column = |path: &str, n: usize| {
        let line = tree.lines().find(|l| l.starts_with(&format!("{path}\t"))).unwrap();
        line.split('\t').nth(n).unwrap().to_owned()
    };
    let ours = write_world(requests.split_whitespace());
    assert_eq!(Digest::of(&ours).hex(), column("etc/apk/world", 8), "{world}");
    let now = column("lib/apk/db/scripts.tar", 7).parse().unwrap();
    let ours = write_scripts(packages.iter().map(|p| &p.files), now);
    assert_eq!(Digest::of(&ours).hex(), column("lib/apk/db/scripts.tar", 8), "{world}: scripts.tar");
}

#[test]
fn trees_and_databases_are_the_real_apks() {
    for (golden, data, arch, count) in [
        ("apk/golden/iso-3.19.1", "apk/alpine-3.19.1-iso/x86_64", "x86_64", 7),
        ("apk/golden/rpi-3.13.4-aarch64", "apk/alpine-3.13.4-rpi/aarch64", "aarch64", 3),
    ] {
        let (Some(golden), Some(data)) = (testkit::shared_data(golden), testkit::shared_data(data)) else {
            testkit::skip!("no {golden}")
        };
        let mut worlds = 0;
        for entry in std::fs::read_dir(&golden).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(world) = name.strip_suffix(".log") else { continue };
            let packages = installed(&std::fs::read_to_string(golden.join(&name)).unwrap(), &data);
            let tree = std::fs::read_to_string(golden.join(format!("{world}.tree.tsv"))).unwrap();
            compare_tree(world, &tree, &merged(&packages));
            compare_database(world, &golden, &packages, arch);
            worlds += 1;
        }
        assert_eq!(worlds, count);
    }
}

fn with_links(packages: &[Package]) -> Tree {
    let mut payloads = Payloads::new();
    for package in packages {
        payloads.add(package.payload.clone());
    }
    let mut tree = merged(packages);
    let files = busybox_files(&tree).unwrap();
    let paths = files.lists.iter().map(|(list, _)| list).chain(&files.program);
    let contents: Vec<_> = paths.map(|p| content(tree.get(p).unwrap(), &payloads)).collect();
    for entry in busybox_links(&tree, &files, &contents, 0).unwrap() {
        assert!(tree.insert(entry).is_none());
    }
    tree
}

#[test]
fn with_busyboxs_links_it_is_the_tree_with_scripts() {
    let golden = testkit::shared_data("apk/golden/iso-3.19.1");
    let data = testkit::shared_data("apk/alpine-3.19.1-iso/x86_64");
    let (Some(golden), Some(data)) = (golden, data) else { testkit::skip!("no golden worlds") };
    let read = |name: &str| std::fs::read_to_string(golden.join(name)).unwrap();
    let packages = installed(&read("busybox.log"), &data);
    // Made by apk to run scripts from.
    let theirs: String = read("busybox.with-scripts.tree.tsv")
        .lines()
        .filter(|l| !l.starts_with("lib/apk/exec\t"))
        .map(|l| format!("{l}\n"))
        .collect();
    compare_tree("busybox", &theirs, &with_links(&packages));
}

#[test]
fn an_old_busybox_has_its_links_too() {
    let golden = testkit::shared_data("apk/golden/rpi-3.13.4-aarch64");
    let data = testkit::shared_data("apk/alpine-3.13.4-rpi/aarch64");
    let (Some(golden), Some(data)) = (golden, data) else { testkit::skip!("no golden worlds") };
    let packages = installed(&std::fs::read_to_string(golden.join("busybox.log")).unwrap(), &data);
    let tree = with_links(&packages);
    let links = tree.entries().iter().filter(|e| e.node == Node::Symlink("/bin/busybox".into()));
    // As many as its `--list-full` has lines; `bin/sh` is one of the package's own.
    assert_eq!(links.count(), 299);
    assert!(tree.get("usr/bin/wget").is_some() && tree.get("bin/ed").is_some());
}
