//! Images below others: layers flattened, trees stacked, and what changed written as a layer
//! (image-spec, layer.md).

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use crate::path::{file_name, parent};
use crate::tar::TarError;
use crate::{Aspect, Body, Entry, Node, Owner, Tree, diff};

/// What a file's name in a layer begins with that says another is gone (image-spec, layer.md).
pub const WHITEOUT: &[u8] = b".wh.";
/// Says that nothing of the layers below is seen in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";

type Entries = BTreeMap<BString, Entry>;

/// The tree that a container sees of layers as [`changes`] writes them, bottom first: each path once, links to files
/// of the same layer, nothing below a link. (Anybody's layers are read by `inventory`.) Whiteouts are done and gone; a hard link is a
/// file of its own with the same body; parents that no layer has are there, root's and 0755. Entries are
/// nobody's ([`Owner::Implicit`]).
///
/// # Errors
/// The layers lack more directories than `most`: a member of some kilobytes can have a thousand above it.
pub fn flatten(layers: impl IntoIterator<Item = Tree>, most: u64) -> Result<Tree, TarError> {
    let (mut seen, mut made) = (Entries::new(), 0);
    for layer in layers {
        hide(&mut seen, &layer);
        for entry in layer.entries() {
            if !file_name(entry.path.as_bstr()).starts_with(WHITEOUT) {
                made += put(&mut seen, unlinked(entry, &layer));
                if made > most {
                    return Err(TarError::TooMuch { what: "directories that are no members", limit: most });
                }
            }
        }
    }
    Ok(Tree::from_sorted(seen.into_values().collect()).expect("a map is sorted and has each path once"))
}

/// Takes away what the whiteouts of a layer name: of the layers below, never of its own.
fn hide(seen: &mut Entries, layer: &Tree) {
    for entry in layer.entries() {
        let name = file_name(entry.path.as_bstr());
        let above = parent(entry.path.as_bstr()).unwrap_or_default();
        if name == OPAQUE {
            remove_below(seen, above);
        } else if let Some(gone) = name.strip_prefix(WHITEOUT) {
            let path = joined(above, gone);
            remove_below(seen, path.as_bstr());
            seen.remove(&path);
        }
    }
}

fn joined(directory: &BStr, name: &[u8]) -> BString {
    if directory.is_empty() { name.into() } else { [directory.as_bytes(), b"/", name].concat().into() }
}

fn remove_below(seen: &mut Entries, directory: &BStr) {
    let from = (std::ops::Bound::Included(directory), std::ops::Bound::Unbounded);
    let near = seen.range::<BStr, _>(from).map(|(p, _)| p).take_while(|p| p.starts_with(directory));
    let gone: Vec<BString> = near.filter(|p| is_below(p.as_bstr(), directory)).cloned().collect();
    for path in gone {
        seen.remove(&path);
    }
}

fn is_below(path: &BStr, directory: &BStr) -> bool {
    directory.is_empty() && !path.is_empty()
        || path.starts_with(directory) && path.get(directory.len()) == Some(&b'/')
}

/// A hard link as the file that it is another name of, which is in the same layer.
fn unlinked(entry: &Entry, layer: &Tree) -> Entry {
    let file = match &entry.node {
        Node::Hardlink(target) => layer.get(target).unwrap_or(entry),
        _ => entry,
    };
    Entry { node: file.node.clone(), owner: Owner::Implicit, ..entry.clone() }
}

/// Puts an entry where a file, or a directory with everything in it, may be; how many parents were made?
fn put(seen: &mut Entries, entry: Entry) -> u64 {
    let is_missing = |d: &&BStr| !seen.get(*d).is_some_and(Entry::is_dir);
    let missing: Vec<BString> =
        ancestors(entry.path.as_bstr()).take_while(is_missing).map(BString::from).collect();
    let made = missing.len() as u64;
    for directory in missing {
        seen.insert(directory.clone(), Entry::implicit_dir(directory));
    }
    if !entry.is_dir() {
        remove_below(seen, entry.path.as_bstr());
    }
    seen.insert(entry.path.clone(), entry);
    made
}

fn ancestors(path: &BStr) -> impl Iterator<Item = &BStr> {
    std::iter::successors(parent(path), |p| parent(p)).filter(|p| !p.is_empty())
}

/// A directory meets something else at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The path.
    pub path: BString,
    /// Who brings the upper one.
    pub owner: Owner,
}

/// One tree over another, as a package is unpacked into an image: a directory that is there stays as it
/// is, a link where a directory stands is passed over, a file takes a file's place.
///
/// # Errors
/// A file where a directory is, or a directory where a file is.
pub fn stack(lower: &Tree, upper: Tree) -> Result<Tree, Clash> {
    let mut all: Entries = lower.entries().iter().map(|e| (e.path.clone(), e.clone())).collect();
    for entry in upper.into_entries() {
        match all.get(&entry.path) {
            Some(old) if old.is_dir() && (entry.is_dir() || matches!(entry.node, Node::Symlink(_))) => {}
            Some(old) if old.is_dir() != entry.is_dir() => {
                return Err(Clash { path: entry.path, owner: entry.owner });
            }
            _ => drop(all.insert(entry.path.clone(), entry)),
        }
    }
    Ok(Tree::from_sorted(all.into_values().collect()).expect("a map is sorted and has each path once"))
}

/// What a layer must say so that `lower` becomes `whole`: entries that are new or other (a directory's
/// time alone does not count), whiteouts with the body that `empty` gives, the files that new hard links
/// name, since an engine that unpacks the layer finds only what is in it, and the directories that these are
/// in, as they are (those are nobody's).
pub fn changes(lower: &Tree, whole: &Tree, empty: &mut dyn FnMut() -> Body) -> Tree {
    let mut layer = Entries::new();
    for difference in diff(lower, whole) {
        match (difference.before, difference.after) {
            (_, Some(after)) if after.is_dir() && difference.aspects() == [Aspect::Mtime] => {}
            (before, Some(after)) => {
                // What nobody brought and is other now, a rule of ours changed.
                let ours = after.owner == Owner::Implicit && (before.is_some() || !after.is_dir());
                let owner = if ours { Owner::Derived } else { after.owner };
                layer.insert(after.path.clone(), Entry { owner, ..after.clone() });
            }
            (Some(gone), None) => {
                let above = parent(gone.path.as_bstr()).unwrap_or_default();
                // Where the directory went, or is something else now, there is no more to say.
                if above.is_empty() || whole.get(above).is_some_and(Entry::is_dir) {
                    let name = [WHITEOUT, file_name(gone.path.as_bstr())].concat();
                    let path = joined(above, &name);
                    let entry = Entry::new(path.clone(), Node::File(empty()), 0o644, Owner::Derived);
                    layer.insert(path, entry);
                }
            }
            (None, None) => {}
        }
    }
    add_link_targets(&mut layer, whole);
    let above: Vec<BString> = layer.keys().flat_map(|p| ancestors(p.as_bstr())).map(BString::from).collect();
    for path in above {
        if let (None, Some(directory)) = (layer.get(&path), whole.get(&path)) {
            layer.insert(path, Entry { owner: Owner::Implicit, ..directory.clone() });
        }
    }
    Tree::from_sorted(layer.into_values().collect()).expect("a map is sorted and has each path once")
}

/// A layer that brings another name of a file below brings the file, too.
fn add_link_targets(layer: &mut Entries, whole: &Tree) {
    let target = |e: &Entry| match &e.node {
        Node::Hardlink(target) if !layer.contains_key(target) => whole.get(target).cloned(),
        _ => None,
    };
    let missing: Vec<Entry> = layer.values().filter_map(target).collect();
    for file in missing {
        let owner = if file.owner == Owner::Implicit { Owner::Derived } else { file.owner };
        layer.insert(file.path.clone(), Entry { owner, ..file });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryPayload, PayloadIx};

    /// `d path`, `f path content`, `l path target`, `h path target`.
    fn tree(text: &str) -> Tree {
        let mut bodies = MemoryPayload::new(PayloadIx(0));
        let entries = text.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (node, mode) = match (words[0], words.get(2).copied().unwrap_or_default()) {
                ("d", _) => (Node::Dir, 0o755),
                ("f", content) => (Node::File(bodies.add(content.as_bytes())), 0o644),
                ("l", target) => (Node::Symlink(target.into()), 0o777),
                (_, target) => (Node::Hardlink(target.into()), 0o644),
            };
            Entry::new(words[1], node, mode, Owner::Package(7))
        });
        Tree::from_entries(entries.collect())
    }

    fn flat(layers: impl IntoIterator<Item = Tree>) -> Tree {
        flatten(layers, 100).unwrap()
    }

    fn paths(tree: &Tree) -> Vec<String> {
        tree.entries().iter().map(|e| e.path.to_string()).collect()
    }

    fn layer(lower: &Tree, whole: &Tree) -> Tree {
        let mut bodies = MemoryPayload::new(PayloadIx(1));
        changes(lower, whole, &mut || bodies.add(b""))
    }

    #[test]
    fn whiteouts_hide_what_is_below_and_nothing_of_their_own_layer() {
        let lower = tree("d a\nf a/x 1\nf a/y 1\nd b\nd b/c\nf b/c/z 1\nf a-b 1\nd o\nf o/old 1");
        let upper = tree("d a\nf a/.wh.x -\nf .wh.b -\nd o\nf o/.wh..wh..opq -\nf o/new 1\nf a/x.new 2");
        assert_eq!(paths(&flat([lower, upper])), ["a", "a-b", "a/x.new", "a/y", "o", "o/new"]);
    }

    #[test]
    fn a_hard_link_is_a_file_and_a_missing_parent_is_there() {
        let flat = flat([tree("f x 1\nh y x\nf deep/down/z 2")]);
        assert!(matches!(flat.get("y").unwrap().node, Node::File(_)));
        assert!(flat.get("deep/down").unwrap().is_dir());
        assert!(flat.entries().iter().all(|e| e.owner == Owner::Implicit));
    }

    #[test]
    fn a_file_takes_the_place_of_a_directory_and_all_in_it() {
        let flat = flat([tree("d a\nf a/x 1"), tree("f a 2")]);
        assert_eq!(paths(&flat), ["a"]);
    }

    #[test]
    fn directories_of_the_lower_tree_stay_and_links_do_not_hide_them() {
        let lower = flat([tree("d lib\nf lib/x 1")]);
        let whole = stack(&lower, tree("l lib usr/lib\nd usr\nd usr/lib")).unwrap();
        assert!(whole.get("lib").unwrap().is_dir());
        assert_eq!(stack(&lower, tree("f lib 1")).unwrap_err().path, "lib");
        assert_eq!(stack(&lower, tree("d lib\nd lib/x")).unwrap_err().path, "lib/x");
    }

    #[test]
    fn a_layer_has_what_changed_where_it_is_and_whiteouts_for_what_went() {
        let lower = flat([tree("d a\nf a/x 1\nf a/y 1\nd b\nd b/c\nf b/c/z 1\nd k\nf k/same 1")]);
        let mut whole = stack(&lower, tree("d a\nf a/y 2\nd n\nf n/new 3")).unwrap();
        for gone in ["a/x", "b", "b/c", "b/c/z"] {
            whole.remove(gone);
        }
        let layer = layer(&lower, &whole);
        assert_eq!(paths(&layer), [".wh.b", "a", "a/.wh.x", "a/y", "n", "n/new"]);
        assert_eq!(layer.get("a").unwrap().owner, Owner::Implicit);
        assert_eq!(paths(&flat([lower, layer])), ["a", "a/y", "k", "k/same", "n", "n/new"]);
    }

    #[test]
    fn a_layer_has_the_file_that_its_hard_link_names() {
        let lower = flat([tree("d usr\nd usr/bin\nf usr/bin/busybox 1\nf usr/bin/else 1")]);
        let mut whole = lower.clone();
        whole.insert(tree("h usr/foo usr/bin/busybox").into_entries().remove(0));
        let layer = layer(&lower, &whole);
        assert_eq!(paths(&layer), ["usr", "usr/bin", "usr/bin/busybox", "usr/foo"]);
        assert_eq!(layer.get("usr/bin/busybox").unwrap().node, lower.get("usr/bin/busybox").unwrap().node);
        assert_eq!(layer.get("usr/bin/busybox").unwrap().owner, Owner::Derived);
    }

    #[test]
    fn what_a_rule_changed_of_the_image_below_is_the_rules() {
        let lower = flat([tree("d etc\nf etc/shadow 1")]);
        let mut whole = lower.clone();
        whole.get_mut("etc/shadow").unwrap().gid = 42;
        whole.get_mut("etc").unwrap().mtime = 5;
        let layer = layer(&lower, &whole);
        assert_eq!(layer.get("etc/shadow").unwrap().owner, Owner::Derived);
        assert_eq!(layer.get("etc").unwrap().owner, Owner::Implicit);
    }

    #[test]
    fn directories_that_no_layer_has_are_counted() {
        let deep = format!("f {}x 1\nf {}y 1", "a/".repeat(50), "b/".repeat(50));
        assert!(flatten([tree(&deep)], 100).is_ok());
        // What is a member, or was made before, is not counted again.
        assert!(flatten([tree(&deep), tree(&deep), tree("d c\nf c/z 1")], 100).is_ok());
        let error = flatten([tree(&deep), tree("f c/z 1")], 100).unwrap_err().to_string();
        assert_eq!(error, "cannot read the tar archive: more than 100 directories that are no members");
    }
}
