//! Packages become one tree, by the rules of their world.

use std::collections::{HashMap, HashSet};

use apk::{agree_on_directories, initial_tree, overwrites};
use bstr::BString;
use package::version::Order;
use package::{Pin, parse_relations};
use recipe::World;
use rootfs::actions::Actions;
use rootfs::{Cut, Entry, MergeError, MergeRules, Node, Owner, Part, Tree, merge};

use crate::{ComposeInput, GlobError, Note, PackageTree, derive, parts};

/// Sizes of files, to sum up what was left out.
pub(crate) type Sizes = HashMap<(Owner, BString), u64>;

pub(crate) fn note_sizes(tree: &Tree, sizes: &mut Sizes) {
    for entry in tree.entries().iter().filter(|e| !e.is_dir()) {
        let size = if let Node::File(body) = &entry.node { body.size } else { 0 };
        sizes.insert((entry.owner, entry.path.clone()), size);
    }
}

/// Takes the parts that the recipe wants of packages, before they meet others.
pub(crate) fn take_parts(input: &mut ComposeInput<'_>) -> Result<(Vec<Cut>, Sizes), GlobError> {
    let (mut cuts, mut sizes) = (Vec::new(), Sizes::new());
    for (n, package) in input.packages.iter_mut().enumerate() {
        let Some(part) = input.recipe.parts.get(&package.pin.name) else { continue };
        let owner = Owner::Package(u32::try_from(n).expect("fewer than 2^32 packages"));
        let mut entries = std::mem::take(&mut package.tree).into_entries();
        for entry in &mut entries {
            entry.owner = owner;
        }
        package.tree = Tree::from_sorted(entries).expect("only owners changed");
        note_sizes(&package.tree, &mut sizes);
        cuts.extend(parts::take_part(&mut package.tree, &package.pin.name, part)?);
    }
    Ok((cuts, sizes))
}

/// Merges the packages' trees, in install order.
pub(crate) fn merge_packages(
    input: &ComposeInput<'_>,
    trees: Vec<Tree>,
    actions: &Actions,
    mtime: i64,
) -> Result<Tree, MergeError> {
    let named = input.packages.iter().zip(trees);
    let parts: Vec<Part> = named.map(|(p, tree)| Part { name: p.pin.name.as_str().into(), tree }).collect();
    match input.recipe.world {
        World::Deb => merge_deb(parts, &input.packages, actions, mtime),
        World::Apk => merge_apk(parts, &input.packages, input.base.map(|b| b.tree), mtime),
    }
}

fn merge_deb(
    parts: Vec<Part>,
    packages: &[PackageTree<'_>],
    actions: &Actions,
    mtime: i64,
) -> Result<Tree, MergeError> {
    let alias = |(link, target): (&str, &str)| {
        let mut entry = Entry::new(link, Node::Symlink(target.into()), 0o777, Owner::Derived);
        entry.mtime = mtime;
        entry
    };
    let rules = MergeRules {
        lower: None,
        start: Tree::from_entries(derive::ALIASES.into_iter().map(alias).collect()),
        overwrites: &|winner, loser| replaces(&packages[winner], packages[loser].pin),
        diversions: &actions.diversions,
        mtime,
    };
    merge(parts, &rules)
}

/// Policy 7.6.1; and two architectures of one package share the files that are the same in both.
fn replaces(package: &PackageTree<'_>, other: &Pin) -> bool {
    if package.pin.name == other.name {
        return true;
    }
    let Some(record) = package.deb() else { return false };
    let Ok(relations) = parse_relations(&record.replaces) else { return false };
    relations.iter().flat_map(|r| &r.alternatives).any(|a| {
        a.name == other.name && a.bound.as_ref().is_none_or(|b| b.admits(&other.version, Order::Debian))
    })
}

fn merge_apk(
    mut parts: Vec<Part>,
    packages: &[PackageTree<'_>],
    lower: Option<&Tree>,
    mtime: i64,
) -> Result<Tree, MergeError> {
    agree_on_directories(&mut parts);
    let infos: Vec<_> = packages.iter().map(|p| p.apk().map(|files| &files.info)).collect();
    let decide = |a: usize, b: usize| {
        let (Some(first), Some(second)) = (infos[a.min(b)], infos[a.max(b)]) else { return false };
        let (x, y) = if a < b { (0, 1) } else { (1, 0) };
        overwrites(&[first, second], x, y)
    };
    leave_out_twins(&mut parts, &decide);
    // An image below has been through apk's hands already.
    let initial = if lower.is_some() { Tree::new() } else { initial_tree(&parts, mtime) };
    let start = with_merged_usr(initial, &parts, packages);
    let brought = who_brings(&start, &parts);
    let rules = MergeRules { lower, start, overwrites: &decide, diversions: &[], mtime };
    let mut tree = merge(parts, &rules)?;
    for (path, owner, mtime) in brought {
        if let Some(entry) = tree.get_mut(&path).filter(|e| e.is_dir()) {
            (entry.owner, entry.mtime) = (owner, mtime);
        }
    }
    Ok(tree)
}

/// Links of apk packages in whose place a directory is: `/etc`, `/dev` and `/lib/apk` are directories in
/// every root of apk's, whatever a package says.
pub(crate) fn lost_links(packages: &[PackageTree<'_>], tree: &Tree) -> Vec<Note> {
    let lost = |entry: &&Entry| {
        matches!(entry.node, Node::Symlink(_)) && tree.get(&entry.path).is_some_and(Entry::is_dir)
    };
    let note = |package: &PackageTree<'_>, entry: &Entry| Note::LinkLost {
        package: package.pin.name.clone(),
        path: entry.path.clone(),
    };
    packages.iter().flat_map(|p| p.tree.entries().iter().filter(lost).map(|e| note(p, e))).collect()
}

/// The directories of the start that packages bring, too: theirs, with the time that the first says.
fn who_brings(start: &Tree, parts: &[Part]) -> Vec<(BString, Owner, i64)> {
    let first = |entry: &Entry| {
        let mut all = parts.iter().zip(0..);
        all.find_map(|(part, n)| {
            let found = part.tree.get(&entry.path).filter(|e| e.is_dir() && entry.is_dir())?;
            Some((entry.path.clone(), Owner::Package(n), found.mtime))
        })
    };
    start.entries().iter().filter_map(first).collect()
}

/// What two packages bring alike stays the first one's, as apko has it: nothing is lost. (apk itself
/// refuses them.)
fn leave_out_twins(parts: &mut [Part], decide: &dyn Fn(usize, usize) -> bool) {
    let mut first: HashMap<BString, (usize, Entry)> = HashMap::new();
    for (n, part) in parts.iter_mut().enumerate() {
        let linked: HashSet<BString> = part.tree.entries().iter().filter_map(link_target).collect();
        let links = part.tree.entries().iter().filter(|e| matches!(e.node, Node::Hardlink(_)));
        // What may be a twin of a later package's file, as that has it: a file.
        let names: Vec<Entry> = links.filter_map(|link| as_file(link, &part.tree)).collect();
        part.tree.retain(|entry| {
            let plain = matches!(entry.node, Node::File(_) | Node::Symlink(_));
            let twin = plain
                && first
                    .get(&entry.path)
                    .is_some_and(|(m, other)| are_alike(other, entry) && !decide(*m, n) && !decide(n, *m));
            // Links of its own package need it.
            let goes = twin && !linked.contains(&entry.path);
            if plain && !goes {
                first.insert(entry.path.clone(), (n, entry.clone()));
            }
            !goes
        });
        first.extend(names.into_iter().map(|entry| (entry.path.clone(), (n, entry))));
    }
}

/// Another name of a file as if it were the first.
fn as_file(link: &Entry, tree: &Tree) -> Option<Entry> {
    let file = tree.get(link_target(link)?)?;
    Some(Entry { path: link.path.clone(), ..file.clone() })
}

fn link_target(entry: &Entry) -> Option<BString> {
    match &entry.node {
        Node::Hardlink(target) => Some(target.clone()),
        _ => None,
    }
}

pub(crate) fn are_alike(a: &Entry, b: &Entry) -> bool {
    let node = match (&a.node, &b.node) {
        (Node::File(x), Node::File(y)) => x.digest == y.digest,
        (x, y) => x == y,
    };
    node && (a.mode, a.uid, a.gid) == (b.mode, b.uid, b.gid) && a.xattrs == b.xattrs
}

/// The links of a package that says it merges directories (`merged-lib`, `merged-usrsbin` …: Wolfi's
/// baselayout) hold from the start, whatever comes before it in the order of installation.
fn with_merged_usr(start: Tree, parts: &[Part], packages: &[PackageTree<'_>]) -> Tree {
    let merges = |p: &PackageTree<'_>| {
        p.apk().is_some_and(|files| files.info.provides.iter().any(|p| p.starts_with("merged-")))
    };
    let mut entries = start.into_entries();
    for (part, _) in parts.iter().zip(packages).filter(|(_, p)| merges(p)) {
        let links = part.tree.entries().iter().filter(|e| matches!(e.node, Node::Symlink(_)));
        for link in links {
            entries.retain(|e| e.path != link.path);
            entries.push(Entry { owner: Owner::Derived, ..link.clone() });
        }
    }
    Tree::from_entries(entries)
}
