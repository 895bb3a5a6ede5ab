use crate::actions::Diversion;
use crate::merge::merge_within;
use crate::{Entry, MemoryPayload, MergeError, MergeRules, Node, Owner, Part, PayloadIx, Tree, merge};

/// `d PATH`, `f PATH CONTENT`, `l PATH TARGET`, `h PATH TARGET`, one a line; `d PATH MODE`.
fn tree(text: &str) -> Tree {
    let mut payload = MemoryPayload::new(PayloadIx(0));
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let (kind, path, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or(""));
        let mode = u32::from_str_radix(rest, 8).unwrap_or(0o755);
        let owner = Owner::Derived;
        match kind {
            "d" => Entry::new(path, Node::Dir, mode, owner),
            "f" => Entry::new(path, Node::File(payload.add(rest.as_bytes())), 0o644, owner),
            "l" => Entry::new(path, Node::Symlink(rest.into()), 0o777, owner),
            _ => Entry::new(path, Node::Hardlink(rest.into()), 0o644, owner),
        }
    };
    Tree::from_entries(text.lines().map(str::trim).filter(|l| !l.is_empty()).map(entry).collect())
}

struct World {
    start: Tree,
    lower: Option<Tree>,
    overwrites: Vec<(usize, usize)>,
    diversions: Vec<Diversion>,
}

impl World {
    fn new() -> World {
        World { start: Tree::new(), lower: None, overwrites: Vec::new(), diversions: Vec::new() }
    }

    fn merge(&self, parts: &[&str]) -> Result<Tree, MergeError> {
        let part = |(n, text): (usize, &&str)| Part { name: format!("p{n}").into(), tree: tree(text) };
        let rules = MergeRules {
            lower: self.lower.as_ref(),
            start: self.start.clone(),
            overwrites: &|a, b| self.overwrites.contains(&(a, b)),
            diversions: &self.diversions,
            mtime: 5,
        };
        merge(parts.iter().enumerate().map(part).collect(), &rules)
    }

    fn paths(&self, parts: &[&str]) -> String {
        let line = |e: &Entry| match (&e.node, e.owner) {
            (Node::Dir, owner) => format!("{}/ {:o} {owner:?}", e.path, e.mode),
            (Node::File(body), owner) => format!("{} {} {owner:?}", e.path, body.size),
            (Node::Symlink(to), owner) => format!("{} -> {to} {owner:?}", e.path),
            (Node::Hardlink(to), owner) => format!("{} = {to} {owner:?}", e.path),
            (Node::Special(_), owner) => format!("{} ! {owner:?}", e.path),
        };
        let merged = self.merge(parts).unwrap();
        let lines: Vec<String> = merged.entries().iter().map(line).collect();
        lines.join("\n").replace("Package(", "").replace(')', "")
    }
}

#[test]
fn the_first_directory_wins_and_parents_are_made() {
    let w = World::new();
    assert_eq!(
        w.paths(&["d usr 700\nf usr/a x", "d usr 755\nf usr/b xx\nf opt/x/y xxx"]),
        "opt/ 755 Implicit\nopt/x/ 755 Implicit\nopt/x/y 3 1\nusr/ 700 0\nusr/a 1 0\nusr/b 2 1"
    );
    assert_eq!(w.merge(&["f a/b x"]).unwrap().get("a").unwrap().mtime, 5);
}

#[test]
fn two_owners_are_a_conflict_unless_one_overwrites() {
    let mut w = World::new();
    let both = ["f a x", "f a xx"];
    let error = w.merge(&both).unwrap_err();
    assert_eq!(error.to_string(), "cannot merge /a: both p0 and p1 bring it");
    // Even the same content: dpkg refuses it too.
    assert!(w.merge(&["f a x", "f a x"]).is_err());
    w.overwrites = vec![(1, 0)];
    assert_eq!(w.paths(&both), "a 2 1");
    w.overwrites = vec![(0, 1)];
    assert_eq!(w.paths(&both), "a 1 0");
    for parts in [["d a", "f a x"], ["f a x", "d a"], ["f a x", "l a b"]] {
        w.overwrites.clear();
        assert!(w.merge(&parts).is_err(), "{parts:?}");
    }
}

#[test]
fn a_diverted_file_goes_elsewhere() {
    let mut w = World::new();
    w.diversions =
        vec![Diversion { by: Some("p1".into()), path: "bin/sh".into(), to: "bin/sh.distrib".into() }];
    assert_eq!(
        w.paths(&["d bin\nf bin/sh x", "d bin\nf bin/sh xx"]),
        "bin/ 755 0\nbin/sh 2 1\nbin/sh.distrib 1 0"
    );
}

#[test]
fn usr_merge_is_written_through_whatever_the_order() {
    let w = World::new();
    let old = "d lib\nd lib/x\nf lib/x/y x";
    let base = "d usr\nd usr/lib 700\nl lib usr/lib";
    let wanted = "lib -> usr/lib B\nusr/ 755 B\nusr/lib/ 755 A\nusr/lib/x/ 755 A\nusr/lib/x/y 1 A";
    assert_eq!(w.paths(&[old, base]), wanted.replace('A', "0").replace('B', "1"));
    let other = "lib -> usr/lib 0\nusr/ 755 0\nusr/lib/ 700 0\nusr/lib/x/ 755 1\nusr/lib/x/y 1 1";
    assert_eq!(w.paths(&[base, old]), other);
    let mut started = World::new();
    started.start = tree("l lib usr/lib");
    assert_eq!(
        started.paths(&[old]),
        "lib -> usr/lib Derived\nusr/ 755 Implicit\nusr/lib/ 755 0\nusr/lib/x/ 755 0\nusr/lib/x/y 1 0"
    );
    // A package that brings the very link owns it then.
    assert!(started.paths(&[base]).starts_with("lib -> usr/lib 0\n"));
    // Both ways to one file are one path.
    let error = w.merge(&["f usr/lib/a x", "d lib\nf lib/a x", base]).unwrap_err();
    assert_eq!(error.to_string(), "cannot merge /usr/lib/a: both p0 and p1 bring it");
}

#[test]
fn the_image_below_is_written_through_and_not_repeated() {
    let mut w = World::new();
    w.lower = Some(tree("d usr\nd usr/lib\nl lib usr/lib\nd etc"));
    assert_eq!(
        w.paths(&["f lib/a x\nf etc/b x\nf opt/c x"]),
        "etc/b 1 0\nopt/ 755 Implicit\nopt/c 1 0\nusr/lib/a 1 0"
    );
}

#[test]
fn links_lead_nowhere_outside_and_not_in_circles() {
    let w = World::new();
    let out = w.paths(&["l up ../../../../etc\nd etc", "d up\nf up/passwd x"]);
    assert_eq!(out, "etc/ 755 0\netc/passwd 1 1\nup -> ../../../../etc 0");
    let error = w.merge(&["l a b\nl b a", "d a\nf a/x x"]).unwrap_err();
    assert!(matches!(error, MergeError::Resolve(_)), "{error}");
    let error = w.merge(&["f x 1", "d y\nf x/z 1"]).unwrap_err();
    assert_eq!(error.to_string(), "cannot merge /x/z of p1: /x, which p0 brings, is not a directory");
}

#[test]
fn a_link_to_a_directory_may_be_shared() {
    let w = World::new();
    let one = "d usr\nd usr/a\nl usr/b a";
    assert_eq!(w.paths(&[one, one]), "usr/ 755 0\nusr/a/ 755 0\nusr/b -> a 0");
    assert!(w.merge(&["d usr\nf usr/a x\nl usr/b a", "d usr\nl usr/b a"]).is_err());
    assert!(w.merge(&[one, "d usr\nl usr/b c"]).is_err());
    // dpkg never turns a directory into a link.
    assert_eq!(w.paths(&["d usr\nd usr/b\nd usr/a", one]), "usr/ 755 0\nusr/a/ 755 0\nusr/b/ 755 0");
}

#[test]
fn a_link_to_a_file_goes_to_who_overwrites() {
    let mut w = World::new();
    let one = "d usr\nf usr/a x\nl usr/b a";
    let two = "d usr\nl usr/b a";
    w.overwrites = vec![(1, 0)];
    assert_eq!(w.paths(&[one, two]), "usr/ 755 0\nusr/a 1 0\nusr/b -> a 1");
    w.overwrites = vec![(0, 1)];
    assert_eq!(w.paths(&[one, two]), "usr/ 755 0\nusr/a 1 0\nusr/b -> a 0");
}

#[test]
fn hard_links_follow_their_file() {
    let mut w = World::new();
    w.overwrites = vec![(1, 0)];
    let links = "f b xyz\nh a b\nh c b";
    assert_eq!(w.paths(&[links]), "a 3 0\nb = a 0\nc = a 0");
    assert_eq!(w.paths(&[links, "f a x"]), "a 1 1\nb 3 0\nc = b 0");
    assert_eq!(w.paths(&[links, "f a x\nf b x"]), "a 1 1\nb 1 1\nc 3 0");
    // Two packages' links of one name are not one file.
    assert_eq!(w.paths(&[links, "f a x\nf d y\nh e d"]), "a 1 1\nb 3 0\nc = b 0\nd 1 1\ne = d 1");
    let moved = ["l lib usr/lib\nd usr\nd usr/lib", "d lib\nf lib/z xyz\nh lib/y lib/z"];
    let out = World::new().paths(&moved);
    assert!(out.ends_with("usr/lib/y 3 1\nusr/lib/z = usr/lib/y 1"), "{out}");
}

#[test]
fn diff_and_resolve_look_inside_the_tree() {
    let a = tree("d usr\nf usr/a x\nl b usr/a\nl abs /usr\nl loop loop");
    let b = tree("d usr 700\nf usr/a y\nl b usr/c\nl abs /usr\nf new 1");
    let told: Vec<String> =
        crate::diff(&a, &b).iter().map(|d| format!("{} {:?}", d.path, d.aspects())).collect();
    assert_eq!(told, ["b [Target]", "loop [Presence]", "new [Presence]", "usr [Mode]", "usr/a [Content]"]);
    assert_eq!(a.resolve("b").unwrap().unwrap().path, "usr/a");
    assert_eq!(a.resolve("abs/a").unwrap().unwrap().path, "usr/a");
    assert_eq!(a.resolve("abs/nothing").unwrap(), None);
    assert!(a.resolve("loop").is_err());
}

#[test]
fn directories_that_nobody_brings_are_counted() {
    let rules =
        MergeRules { lower: None, start: Tree::new(), overwrites: &|_, _| false, diversions: &[], mtime: 0 };
    let parts = |text: &str| vec![Part { name: "p".into(), tree: tree(text) }];
    let deep = format!("f {}x\nf {}y\nd z\nf z/a", "a/".repeat(50), "b/".repeat(50));
    assert_eq!(merge_within(parts(&deep), &rules, 100).unwrap().entries().len(), 104);
    let error = merge_within(parts(&deep), &rules, 99).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot merge /b/b/b")
            && error.ends_with("more than 99 directories that no package brings")
    );
}
