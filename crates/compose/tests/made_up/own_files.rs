//! The user's own files against links of merged `/usr` and against each other.

use compose::OwnBody;
use diag::Explain;
use rootfs::{Entry, Node, Owner, Tree};

use crate::world::{Made, World};

fn recipe(files: &str, rest: &str) -> String {
    format!(
        "contents:\n  distribution: debian-13\n  packages: [a]\n  files: [{files}]\n\
         accounts: {{run-as: nonroot}}\n{rest}"
    )
}

fn world() -> World {
    let mut world = World::new();
    world.package("a", &["usr/", "usr/lib/", "usr/lib/a", "usr/bin/", "*usr/bin/a"]);
    world
}

fn refused(world: World, recipe: &str) -> (String, String) {
    match world.compose(recipe) {
        Ok(_) => panic!("{recipe} was taken"),
        Err(error) => {
            assert_eq!(error.kind(), diag::Kind::Input);
            (error.to_string(), error.hint().unwrap_or_default())
        }
    }
}

fn link(path: &str, target: &str) -> Entry {
    Entry::new(path, Node::Symlink(target.into()), 0o777, Owner::User)
}

fn with_archive(entries: Vec<Entry>) -> Made {
    let mut world = world();
    world.own = vec![Some(OwnBody::Tree(Tree::from_entries(entries)))];
    world.compose(&recipe("{path: /, source: a.tar, extract: true}", "")).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn nothing_takes_the_place_of_a_link_of_merged_usr() {
    for path in ["/bin", "/lib", "/lib64", "/sbin"] {
        let (error, hint) = refused(world(), &recipe(&format!("{{path: {path}, content: x}}"), ""));
        assert_eq!(error, format!("cannot put {path}: it is the link to /usr{path} of Debian's merged /usr"));
        assert!(hint.starts_with(&format!("write below /usr{path};")), "{hint}");
        for change in
            ["type: empty-file", "type: symlink, source: /opt", "type: hardlink, source: /usr/bin/a"]
        {
            let paths = format!("paths: [{{path: {path}, {change}, permissions: 0o755}}]\n");
            let (error, _) = refused(world(), &recipe("", &paths));
            assert!(error.starts_with(&format!("cannot put {path}: it is the link")), "{error}");
        }
    }
    let mut archive = world();
    archive.own = vec![Some(OwnBody::Tree(Tree::from_entries(vec![link("lib", "opt/lib")])))];
    let (error, _) = refused(archive, &recipe("{path: /, source: a.tar, extract: true}", ""));
    assert!(error.starts_with("cannot put /lib: it is the link to /usr/lib"), "{error}");
}

#[test]
fn what_goes_through_a_link_of_merged_usr_is_right() {
    let own = "{path: /lib/foo, content: x}, {path: /lib64/deep/bar, content: x}";
    let paths = "paths: [{path: /sbin, type: directory, permissions: 0o711}, \
                 {path: /bin, type: symlink, source: /usr/bin}]\n";
    let made = world().compose(&recipe(own, paths)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line("usr/lib/foo"), "0644 0:0 file \"x\"");
    assert_eq!(made.line("usr/lib64/deep/bar"), "0644 0:0 file \"x\"");
    assert_eq!(made.line("usr/sbin"), "0711 0:0 dir");
    for link in ["bin", "lib", "lib64", "sbin"] {
        assert_eq!(made.line(link), format!("0777 0:0 -> usr/{link}"));
    }
    let made = with_archive(vec![
        Entry::new("lib64", Node::Dir, 0o755, Owner::User),
        link("lib64/x", "y"),
        link("bin", "usr/bin"),
    ]);
    assert_eq!(made.line("lib64"), "0777 0:0 -> usr/lib64");
    assert_eq!(made.line("usr/lib64/x"), "0777 0:0 -> y");
    assert_eq!(made.line("bin"), "0777 0:0 -> usr/bin");
}

#[test]
fn two_own_files_at_one_path_are_an_error_that_names_both() {
    let twice = |second: &str| recipe(&format!("{{path: /lib/x, content: one}}, {second}"), "");
    let (error, hint) = refused(world(), &twice("{path: /usr/lib/x, content: two}"));
    assert_eq!(
        error,
        "cannot put /usr/lib/x: two of `files` go there, entry 1 (a text) and entry 2 (a text)"
    );
    assert!(hint.starts_with("take one of the two away"), "{hint}");
    let (error, _) = refused(world(), &twice("{path: /usr/lib/x, content: one, mode: 0o600}"));
    assert!(error.contains("entry 1 (a text) and entry 2"), "{error}");

    let mut archive = world();
    let file = Node::File(archive.body(b"three"));
    let inside = Tree::from_entries(vec![Entry::new("x", file, 0o644, Owner::User)]);
    archive.own = vec![None, Some(OwnBody::Tree(inside))];
    let url = "{path: /usr/lib, url: 'https://me:secret@example.com/t.tar', extract: true, sha256: \
               9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}";
    let (error, _) = refused(archive, &twice(url));
    assert_eq!(
        error,
        "cannot put /usr/lib/x: two of `files` go there, entry 1 (a text) and entry 2 \
         (https://example.com/t.tar)"
    );
}

#[test]
fn the_same_file_twice_is_one() {
    let files = "{path: /usr/lib/x, content: one}, {path: /lib/x, content: one}";
    let made = world().compose(&recipe(files, "")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line("usr/lib/x"), "0644 0:0 file \"one\"");
}

/// An archive's link may come before its file by path, and a package's file may stand where that goes.
#[test]
fn a_link_of_an_archive_is_the_archives_file() {
    let mut world = World::new();
    world.package("a", &["usr/", "usr/bin/", "usr/bin/z: OLD", "usr/bin/zz = usr/bin/z"]);
    let new = Node::File(world.body(b"NEW"));
    world.own = vec![Some(OwnBody::Tree(Tree::from_entries(vec![
        Entry::new("bin/z", new, 0o644, Owner::User),
        Entry::new("bin/a", Node::Hardlink("bin/z".into()), 0o644, Owner::User),
    ])))];
    let text = recipe("{path: /usr, source: a.tar, extract: true}", "");
    let made = world.compose(&text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line("usr/bin/z"), "0644 0:0 file \"NEW\"");
    assert_eq!(made.line("usr/bin/a"), "0644 0:0 = usr/bin/z");
    assert_eq!(made.line("usr/bin/zz"), "0644 0:0 file \"OLD\"");
}

#[test]
fn the_root_directory_takes_a_mode_and_an_owner() {
    let paths = "paths: [{path: /, type: permissions, permissions: 0o711, uid: 7}]";
    let made = world().compose(&recipe("", paths)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(made.line(""), "0711 7:0 dir");
    let segments = made.composition.groups.iter().flat_map(|g| &g.segments);
    assert!(segments.flat_map(|s| &s.entries).any(|e| e.path.is_empty()));
    let paths = "paths: [{path: /, type: directory, permissions: 0o700}]";
    assert_eq!(world().compose(&recipe("", paths)).unwrap().line(""), "0700 0:0 dir");
    // What is as it was needs no entry.
    let paths = "paths: [{path: /etc, type: directory, permissions: 0o700}]";
    assert_eq!(world().compose(&recipe("", paths)).unwrap().line(""), "nothing");
}
