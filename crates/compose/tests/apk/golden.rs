//! Worlds that the real apk installed: composed from the same packages, the tree differs by what is
//! derived, path by path in `golden.txt`, and the database not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use compose::Rule;
use rootfs::{Device, Entry, Node, Owner, Tree};

use crate::world::{Made, World, recipe};

/// The differences of each world, by name: `+` only in the image, `-` only in apk's root, `~` in both and unlike. The
/// links to busybox are not among them.
const DIFFERENCES: &str = include_str!("golden.txt");

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The packages of an apk log, `(1/5) Installing NAME (VERSION)`, in its order.
fn installed(log: &str, folder: &Path) -> World {
    let mut world = World::default();
    for line in log.lines() {
        let Some((name, version)) = line.split_once(") Installing ").and_then(|l| l.1.split_once(" ("))
        else {
            continue;
        };
        let path = folder.join(format!("{name}-{}.apk", version.trim_end_matches(')')));
        world.add(&std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    }
    world
}

/// An entry as `golden/tree.py` prints it.
fn line(entry: &Entry, tree: &Tree) -> String {
    let first = |e: &Entry| match &e.node {
        Node::Hardlink(target) => target.clone(),
        _ => e.path.clone(),
    };
    let real = tree.get(first(entry)).unwrap();
    let (kind, size, sum, target) = match &real.node {
        Node::Dir => ("d", 0, "-".to_owned(), String::new()),
        Node::File(body) => ("f", body.size, body.digest.hex(), String::new()),
        Node::Symlink(target) => ("l", 0, "-".to_owned(), target.to_string()),
        Node::Special(Device::Char { major, minor }) => ("c", 0, format!("{major},{minor}"), String::new()),
        other => panic!("{}: {other:?}", entry.path),
    };
    let links = match kind {
        "f" => tree.entries().iter().filter(|e| first(e) == first(entry)).count(),
        _ => 1,
    };
    let mtime = if kind == "f" { real.mtime } else { 0 };
    let head = format!("{}\t{kind}\t{:o}\t{}\t{}", entry.path, real.mode, real.uid, real.gid);
    format!("{head}\t{size}\t{links}\t{mtime}\t{sum}\t{target}").trim_end().to_owned()
}

fn differences(made: &Made, golden: &str) -> Vec<String> {
    let tree = made.tree();
    let entries = tree.entries().iter().filter(|e| !e.path.is_empty());
    let ours: BTreeMap<String, String> = entries.map(|e| (e.path.to_string(), line(e, tree))).collect();
    let theirs: BTreeMap<String, String> =
        golden.lines().map(|l| (l.split('\t').next().unwrap().to_owned(), l.trim_end().to_owned())).collect();
    let mut out = Vec::new();
    for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let sign = match (ours.get(path), theirs.get(path)) {
            (Some(a), Some(b)) if a == b => continue,
            (Some(_), Some(_)) => '~',
            (Some(_), None) => '+',
            _ => '-',
        };
        let rule = made.composition.rule(path);
        let implicit = made.composition.owner(path) == Some(Owner::Implicit);
        if sign != '-' {
            assert!(
                rule.is_some() || implicit,
                "{path} differs by no rule: {:?} {:?}",
                ours.get(path),
                theirs.get(path)
            );
        }
        if rule != Some(Rule::BusyboxLinks) || sign != '+' {
            out.push(
                format!("{sign} {path} {}", rule.map_or(if implicit { "parent" } else { "" }, Rule::name))
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    out
}

/// The lines below a title.
fn block(title: &str) -> impl Iterator<Item = &'static str> {
    let lines = DIFFERENCES.lines().skip_while(move |l| l.trim_matches(['[', ']']) != title).skip(1);
    lines.take_while(|l| !l.is_empty())
}

fn expected(set: &str, world: &str) -> Vec<String> {
    let name = format!("{set}/{world}");
    let line = block("worlds").find_map(|l| l.strip_prefix(name.as_str())).unwrap();
    let all = line.split_whitespace().flat_map(block).map(str::to_owned).collect();
    by_path(all)
}

fn by_path(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by(|a, b| a.split(' ').nth(1).cmp(&b.split(' ').nth(1)));
    lines
}

fn links(made: &Made) -> usize {
    made.composition.made.iter().filter(|m| m.rule == Rule::BusyboxLinks).count()
}

#[test]
fn the_difference_is_what_is_derived() {
    let mut wrong = String::new();
    for (set, data, arch, count) in [
        ("iso-3.19.1", "apk/alpine-3.19.1-iso/x86_64", "x86_64", 7),
        ("rpi-3.13.4-aarch64", "apk/alpine-3.13.4-rpi/aarch64", "aarch64", 3),
    ] {
        let (Some(golden), Some(data)) =
            (testkit::shared_data(&format!("apk/golden/{set}")), testkit::shared_data(data))
        else {
            testkit::skip!("no apk/golden/{set} in the shared data")
        };
        let mut worlds = 0;
        let mut names: Vec<_> = std::fs::read_dir(&golden).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            let Some(world) = name.to_str().unwrap().strip_suffix(".log") else { continue };
            let file = |ending: &str| read(&golden.join(format!("{world}.{ending}")));
            let asked = file("world").split_whitespace().collect::<Vec<_>>().join(", ");
            let packages = installed(&file("log"), &data);
            let made = packages.compose(&recipe(&asked, ""), arch).unwrap();
            assert_eq!(made.composition.notes, [], "{set}/{world}");
            let found = differences(&made, &file("tree.tsv"));
            if found != expected(set, world) {
                wrong.push_str(&format!("[{set}/{world}]\n{}\n\n", found.join("\n")));
            }
            assert_eq!(made.text("lib/apk/db/installed"), file("installed"), "{set}/{world}");
            worlds += 1;
        }
        assert_eq!(worlds, count);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn busybox_is_as_with_scripts() {
    let (Some(golden), Some(data)) =
        (testkit::shared_data("apk/golden/iso-3.19.1"), testkit::shared_data("apk/alpine-3.19.1-iso/x86_64"))
    else {
        testkit::skip!("no apk/golden/iso-3.19.1 in the shared data")
    };
    let packages = installed(&read(&golden.join("busybox.log")), &data);
    let asked = recipe("alpine-baselayout, busybox", "");
    let made = packages.compose(&asked, "x86_64").unwrap();
    let found = differences(&made, &read(&golden.join("busybox.with-scripts.tree.tsv")));
    let mut wanted = expected("iso-3.19.1", "busybox");
    wanted.retain(|l| !l.ends_with("package-steps"));
    // The scripts' own workplace.
    wanted.push("- lib/apk/exec".to_owned());
    assert_eq!(found, by_path(wanted));
    assert_eq!(links(&made), 303);
}

#[test]
fn the_real_apk_finds_its_own() {
    let (Some(golden), Some(data), Some(keys)) = (
        testkit::shared_data("apk/golden/iso-3.19.1"),
        testkit::shared_data("apk/alpine-3.19.1-iso"),
        testkit::shared_data("apk/keys/alpine/x86_64"),
    ) else {
        testkit::skip!("no apk data among the shared data")
    };
    let apk = match testkit::apk::real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    for (world, asked) in [("alpine-base", "alpine-base"), ("sshd", "openssh, alpine-base")] {
        let log = read(&golden.join(format!("{world}.log")));
        let packages = installed(&log, &data.join("x86_64"));
        let count = packages.packages.len();
        let made =
            packages.compose(&recipe(asked, "accounts: {users: [{username: u, uid: 1000}]}"), "x86_64");
        let dir = tempfile::tempdir().unwrap();
        if let Err(why) = made.unwrap().lay_out(dir.path()) {
            testkit::skip!("cannot give files their owners: {why}")
        }
        let root = apk.at(dir.path());
        assert_eq!(root.installed().unwrap().len(), count);
        // Unchanged, and with the modes that it would have given them itself.
        let audit = || {
            let mut command = root.command(&[], None);
            let run = command.args(["audit", "--system", "--check-permissions"]).output().unwrap();
            let text = String::from_utf8(run.stdout).unwrap();
            text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
        };
        // apk itself makes it 0555, whatever the package says.
        let proc = "m proc/".to_owned();
        assert_eq!(audit(), BTreeSet::from([proc.clone()]), "{world}");
        std::fs::write(dir.path().join("bin/busybox"), "").unwrap();
        assert_eq!(audit(), BTreeSet::from([proc, "U bin/busybox".to_owned()]), "{world}");
        let words: Vec<&str> = asked.split(", ").collect();
        let said = root.simulate(&[&data], &keys, &words).unwrap();
        assert!(said.starts_with("OK: "), "{said}");
    }
}
