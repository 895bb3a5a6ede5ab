use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, ByteSlice};
use recipe::{Layering, Strategy};
use rootfs::path::parent;
use rootfs::{Entry, LayerGroup, Node, Owner, SegmentPlan, Tree};

use crate::apk_rules::by_origin;
use crate::{PackageTree, status};

/// Most layers of packages where the recipe sets no budget: overlayfs takes 127 in all, and an image may
/// come to stand below another.
const MOST_LAYERS: u32 = 100;

/// Where an entry is written: with a package, or with what the user and our rules made.
type Home = Option<usize>;

/// Splits a tree into layers and segments. The order is a function of the tree, the pins and the
/// strategy alone: packages in install order, paths sorted within.
///
/// Each layer begins with a segment of all directories that it needs, with the modes of the finished
/// tree, so that every layer unpacks by itself; then comes a segment for each package, then one for
/// derived and own files. The files of `status.d` go with their package: one updated package changes
/// one segment.
pub(crate) fn split(
    tree: &Tree,
    packages: &[PackageTree<'_>],
    names: &[String],
    layering: Layering,
) -> Vec<LayerGroup> {
    let homes = Homes { tree, by_status: names.iter().enumerate().map(|(n, s)| (s.as_str(), n)).collect() };
    let mut files: BTreeMap<Home, Vec<&Entry>> = BTreeMap::new();
    let mut directories: BTreeMap<Home, Vec<&Entry>> = BTreeMap::new();
    for entry in tree.entries().iter().filter(|e| !is_plain_root(e)) {
        // What nobody declared is only ever a parent of something.
        if entry.owner != Owner::Implicit {
            let map = if entry.is_dir() { &mut directories } else { &mut files };
            map.entry(homes.of(entry)).or_default().push(entry);
        }
    }
    let mut out = Vec::new();
    for (title, members) in groups(packages, &files, &directories, layering) {
        let layer = Layer { tree, files: &files, directories: &directories };
        let group = layer.build(title, &members);
        if !group.segments.is_empty() {
            out.push(group);
        }
    }
    out
}

/// The root directory as every engine makes it anyway.
fn is_plain_root(entry: &Entry) -> bool {
    entry.path.is_empty()
        && entry.mode == 0o755
        && (entry.uid, entry.gid) == (0, 0)
        && entry.xattrs.is_empty()
}

struct Homes<'a> {
    tree: &'a Tree,
    by_status: BTreeMap<&'a str, usize>,
}

impl Homes<'_> {
    fn of(&self, entry: &Entry) -> Home {
        if let Node::Hardlink(target) = &entry.node
            && let Some(file) = self.tree.get(target)
        {
            return self.of(file);
        }
        match entry.owner {
            Owner::Package(n) => Some(n as usize),
            Owner::Derived => self.of_status(entry.path.as_bstr()),
            Owner::User | Owner::Implicit => None,
        }
    }

    fn of_status(&self, path: &BStr) -> Home {
        let name = path.strip_prefix(status::DIRECTORY.as_bytes())?.strip_prefix(b"/")?;
        let name = name.strip_suffix(b".md5sums").unwrap_or(name).to_str().ok()?;
        self.by_status.get(name).copied()
    }
}

type Members<'a> = BTreeMap<Home, Vec<&'a Entry>>;

fn groups(
    all: &[PackageTree<'_>],
    files: &Members<'_>,
    directories: &Members<'_>,
    layering: Layering,
) -> Vec<(String, Vec<Home>)> {
    let homes: BTreeSet<Home> = files.keys().chain(directories.keys()).copied().collect();
    let packages: Vec<usize> = homes.iter().copied().flatten().collect();
    let rest = ("derived and own files".to_owned(), vec![None]);
    let count = |n: usize| if n == 1 { "1 package".to_owned() } else { format!("{n} packages") };
    let pin = |n: usize| all[n].pin;
    let mut out = match layering.strategy {
        Strategy::Single => {
            let all = packages.iter().copied().map(Some).chain([None]).collect();
            return vec![(format!("{}, derived and own files", count(packages.len())), all)];
        }
        Strategy::Split => {
            vec![(count(packages.len()), packages.into_iter().map(Some).collect::<Vec<_>>())]
        }
        Strategy::Package => {
            let title = |n: usize| format!("{} {}", pin(n).name, pin(n).version);
            let each = packages.into_iter().map(|n| (title(n), vec![n])).collect();
            within_budget(each, files, layering.budget)
        }
        Strategy::Origin if all.iter().any(|p| p.apk().is_some()) => {
            let infos: Vec<_> = packages.into_iter().filter_map(|n| Some((n, &all[n].apk()?.info))).collect();
            let budget = layering.budget.unwrap_or(MOST_LAYERS).max(1) as usize;
            let groups = by_origin(&infos, budget).into_iter();
            groups.map(|(title, members)| (title, members.into_iter().map(Some).collect())).collect()
        }
        Strategy::Origin => {
            let mut origins: Vec<(String, Vec<usize>)> = Vec::new();
            for n in packages {
                let origin = pin(n).source.as_deref().unwrap_or(&pin(n).name);
                match origins.iter_mut().find(|(name, _)| name == origin) {
                    Some((_, members)) => members.push(n),
                    None => origins.push((origin.to_owned(), vec![n])),
                }
            }
            within_budget(origins, files, layering.budget)
        }
    };
    out.push(rest);
    out
}

/// Where there are more groups than layers, the largest stay alone and the others share the first
/// layer, below those that are worth finding again by themselves.
fn within_budget(
    all: Vec<(String, Vec<usize>)>,
    files: &Members<'_>,
    budget: Option<u32>,
) -> Vec<(String, Vec<Home>)> {
    let budget = budget.unwrap_or(MOST_LAYERS).max(1) as usize;
    let homes = |members: &[usize]| members.iter().copied().map(Some).collect::<Vec<Home>>();
    if all.len() <= budget {
        return all.into_iter().map(|(title, members)| (title, homes(&members))).collect();
    }
    let size = |members: &[usize]| -> u64 {
        let of = |e: &&Entry| if let Node::File(body) = &e.node { body.size } else { 0 };
        members.iter().flat_map(|n| files.get(&Some(*n)).into_iter().flatten()).map(of).sum()
    };
    let mut by_size: Vec<usize> = (0..all.len()).collect();
    by_size.sort_by_key(|i| (std::cmp::Reverse(size(&all[*i].1)), *i));
    let alone: BTreeSet<usize> = by_size.into_iter().take(budget - 1).collect();
    let mut shared: Vec<usize> = Vec::new();
    let mut out = Vec::new();
    for (i, (title, members)) in all.into_iter().enumerate() {
        if alone.contains(&i) {
            out.push((title, homes(&members)));
        } else {
            shared.extend(members);
        }
    }
    shared.sort_unstable();
    out.insert(0, (format!("{} packages", shared.len()), homes(&shared)));
    out
}

struct Layer<'a> {
    tree: &'a Tree,
    files: &'a Members<'a>,
    directories: &'a Members<'a>,
}

impl Layer<'_> {
    fn build(&self, title: String, members: &[Home]) -> LayerGroup {
        let mut needed: BTreeMap<&BStr, &Entry> = BTreeMap::new();
        for home in members {
            let own = self.directories.get(home).into_iter().flatten();
            for entry in own.chain(self.files.get(home).into_iter().flatten()) {
                if entry.is_dir() {
                    needed.insert(entry.path.as_bstr(), entry);
                }
                self.add_parents(entry, &mut needed);
            }
        }
        let mut segments = vec![SegmentPlan { entries: needed.into_values().cloned().collect() }];
        for home in members {
            let files = self.files.get(home).into_iter().flatten();
            let mut entries: Vec<Entry> = files.map(|e| (*e).clone()).collect();
            // Stable, so still by path: a link may sort before the file that it needs.
            entries.sort_by_key(|e| matches!(e.node, Node::Hardlink(_)));
            segments.push(SegmentPlan { entries });
        }
        segments.retain(|s| !s.entries.is_empty());
        LayerGroup { title, segments }
    }

    fn add_parents<'e>(&'e self, entry: &'e Entry, needed: &mut BTreeMap<&'e BStr, &'e Entry>) {
        let parents = std::iter::successors(parent(entry.path.as_bstr()), |p| parent(p));
        for above in parents {
            // Whoever put it there put those above it, too.
            if needed.contains_key(above) {
                break;
            }
            if let Some(directory) = self.tree.get(above).filter(|d| !is_plain_root(d)) {
                needed.insert(above, directory);
            }
        }
    }
}

/// The newest time of a file that a package brought.
pub(crate) fn newest(tree: &Tree) -> i64 {
    let of_package = |e: &&Entry| matches!(e.owner, Owner::Package(_)) && !e.is_dir();
    tree.entries().iter().filter(of_package).map(|e| e.mtime).max().unwrap_or(0)
}
