use std::collections::{BTreeMap, BTreeSet, HashMap};

use bstr::{BStr, BString, ByteSlice};

use crate::actions::Diversion;
use crate::path::{ResolveError, follow, parent};
use crate::{Entry, Node, Owner, Tree};

/// One package's tree, to be merged.
#[derive(Debug, Clone)]
pub struct Part {
    /// The package, for messages and diversions.
    pub name: BString,
    /// What it brings.
    pub tree: Tree,
}

/// What decides where two packages bring one path.
pub struct MergeRules<'a> {
    /// The tree of the image below, whose symbolic links are written through and whose directories
    /// need not be made; it is no part of the result.
    pub lower: Option<&'a Tree>,
    /// What is there before the first package, usually usr-merge's links; part of the result. An
    /// identical entry of a package takes its place.
    pub start: Tree,
    /// Does the part of the first number replace files of the second's (`Replaces`, or one package
    /// for two architectures)?
    pub overwrites: &'a dyn Fn(usize, usize) -> bool,
    /// Diversions in force, with paths as the packages write them.
    pub diversions: &'a [Diversion],
    /// mtime of directories that nobody brings.
    pub mtime: i64,
}

/// Why trees do not merge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Two packages bring one path.
    #[error("cannot merge /{path}: both {first} and {second} bring it")]
    Conflict {
        /// The path in the merged tree.
        path: BString,
        /// The package that came first.
        first: BString,
        /// The one after it.
        second: BString,
    },
    /// A package brings something below another's file.
    #[error("cannot merge /{path} of {owner}: /{above}, which {above_owner} brings, is not a directory")]
    BelowFile {
        /// The path.
        path: BString,
        /// Who brings it.
        owner: BString,
        /// What it is below.
        above: BString,
        /// Who brings that.
        above_owner: BString,
    },
    /// Paths have more directories above them than anybody brings.
    #[error("cannot merge /{path} of {owner}: more than {limit} directories that no package brings")]
    TooDeep {
        /// The path that is one too many.
        path: BString,
        /// Who brings it.
        owner: BString,
        /// The limit.
        limit: usize,
    },
    /// A symbolic link leads in circles.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

/// Most directories that packages need and none brings: a path of some kilobytes has a thousand of them.
const MOST_IMPLICIT: usize = 1_000_000;

/// Top-level names that usr-merge makes links into `/usr` (file-hierarchy(7), usrmerge): a package
/// that still ships them as directories means the link's target, whatever the install order.
const ALIASES: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"];

/// Merges packages in install order by dpkg's rules (src/main/archives.c, `tarobject`):
///
/// - of directories the first sets mode, owner and time;
/// - a path below a symbolic link, of the image below, of `start` or of an earlier package, goes to
///   where the link leads, inside the tree;
/// - a directory where a link to one stands is that one; a link where a directory stands is passed over;
/// - a file that another package has too goes to who overwrites, or elsewhere by a diversion, else
///   it is an error; two links to one directory with the same target are one, whoever overwrites;
/// - a hard link whose first name went to somebody else becomes the file.
///
/// Entries of part `n` belong to `Owner::Package(n)`; parents that nobody brings are made
/// (`Owner::Implicit`, root, 0755).
///
/// # Errors
/// Two bring one path, or one something below another's file; a link in circles; a million directories
/// that nobody brings.
pub fn merge(parts: Vec<Part>, rules: &MergeRules<'_>) -> Result<Tree, MergeError> {
    merge_within(parts, rules, MOST_IMPLICIT)
}

/// The same with another limit of directories that nobody brings.
pub(crate) fn merge_within(
    parts: Vec<Part>,
    rules: &MergeRules<'_>,
    most_implicit: usize,
) -> Result<Tree, MergeError> {
    let mut merger = Merger::new(rules, parts.iter().map(|p| p.name.clone()).collect());
    merger.seed_aliases(&parts);
    for (n, part) in parts.into_iter().enumerate() {
        merger.add(n, part.tree)?;
    }
    merger.check_shared_links()?;
    merger.relink();
    merger.add_parents(most_implicit)?;
    let entries = merger.placed.into_values().map(|p| p.entry).collect();
    Ok(Tree::from_sorted(entries).expect("a map is sorted and has each path once"))
}

/// An entry at its place, and which file of which part it names, if it is one.
struct Placed {
    entry: Entry,
    part: Option<usize>,
    file: Option<(usize, BString)>,
}

struct Merger<'a> {
    rules: &'a MergeRules<'a>,
    names: Vec<BString>,
    placed: BTreeMap<BString, Placed>,
    links: HashMap<BString, BString>,
    /// The first names of hard-linked files, by part and path as the part writes it.
    files: HashMap<(usize, BString), Entry>,
    shared_links: Vec<(BString, usize, usize)>,
}

impl<'a> Merger<'a> {
    fn new(rules: &'a MergeRules<'a>, names: Vec<BString>) -> Merger<'a> {
        let mut links = HashMap::new();
        for entry in rules.lower.iter().flat_map(|t| t.entries()).chain(rules.start.entries()) {
            if let Node::Symlink(target) = &entry.node {
                links.insert(entry.path.clone(), target.clone());
            }
        }
        let start = rules.start.entries().iter();
        let placed = start.map(|e| (e.path.clone(), Placed { entry: e.clone(), part: None, file: None }));
        let (placed, files, shared_links) = (placed.collect(), HashMap::new(), Vec::new());
        Merger { rules, names, placed, links, files, shared_links }
    }

    fn seed_aliases(&mut self, parts: &[Part]) {
        for part in parts {
            for name in ALIASES {
                if let Some(Entry { node: Node::Symlink(target), path, .. }) = part.tree.get(name) {
                    self.links.entry(path.clone()).or_insert_with(|| target.clone());
                }
            }
        }
    }

    fn add(&mut self, part: usize, tree: Tree) -> Result<(), MergeError> {
        for entry in tree.entries() {
            if let Node::Hardlink(target) = &entry.node
                && let Some(first) = tree.get(target)
            {
                self.files.insert((part, target.clone()), first.clone());
            }
        }
        for mut entry in tree.into_entries() {
            entry.owner = Owner::Package(u32::try_from(part).expect("fewer than 2^32 packages"));
            let file = match &entry.node {
                Node::File(_) if self.files.contains_key(&(part, entry.path.clone())) => {
                    Some((part, entry.path.clone()))
                }
                Node::Hardlink(target) => Some((part, target.clone())),
                _ => None,
            };
            entry.path = self.place_of(part, &entry)?;
            self.place(Placed { entry, part: Some(part), file })?;
        }
        Ok(())
    }

    /// Where an entry goes: diverted, then through the links above it.
    fn place_of(&self, part: usize, entry: &Entry) -> Result<BString, MergeError> {
        let dir = entry.is_dir();
        let diverted =
            self.rules.diversions.iter().find(|d| {
                !dir && d.path == entry.path && d.by.as_ref().is_none_or(|by| *by != self.names[part])
            });
        let path = diverted.map_or(&entry.path, |d| &d.to).as_bstr();
        if !dir && !self.is_below_link(path) {
            return Ok(path.into());
        }
        Ok(follow(path, dir, |p| self.links.get(p).map(|t| t.as_bstr()))?)
    }

    fn is_below_link(&self, path: &BStr) -> bool {
        std::iter::successors(parent(path), |p| parent(p)).any(|above| self.links.contains_key(above))
    }

    fn place(&mut self, new: Placed) -> Result<(), MergeError> {
        let Some(old) = self.placed.get(&new.entry.path) else {
            self.put(new);
            return Ok(());
        };
        match (&old.entry.node, &new.entry.node) {
            (Node::Dir, Node::Dir | Node::Symlink(_)) => return Ok(()),
            (Node::Symlink(a), Node::Symlink(b)) if a == b => {
                match (old.part, new.part) {
                    (Some(first), Some(second)) => {
                        self.shared_links.push((new.entry.path, first, second));
                    }
                    _ => self.put(new),
                }
                return Ok(());
            }
            _ => {}
        }
        let conflict = || MergeError::Conflict {
            path: new.entry.path.clone(),
            first: self.name(old.part),
            second: self.name(new.part),
        };
        let (Some(first), Some(second)) = (old.part, new.part) else { return Err(conflict()) };
        if old.entry.is_dir() || new.entry.is_dir() {
            return Err(conflict());
        }
        if (self.rules.overwrites)(second, first) {
            self.put(new);
            return Ok(());
        }
        if (self.rules.overwrites)(first, second) { Ok(()) } else { Err(conflict()) }
    }

    fn put(&mut self, new: Placed) {
        match &new.entry.node {
            Node::Symlink(target) => self.links.insert(new.entry.path.clone(), target.clone()),
            _ => self.links.remove(&new.entry.path),
        };
        self.placed.insert(new.entry.path.clone(), new);
    }

    fn name(&self, part: Option<usize>) -> BString {
        part.map_or_else(|| "distil itself".into(), |n| self.names[n].clone())
    }

    /// dpkg lets two packages have one link only where it leads to a directory; else it goes by who
    /// overwrites, as a file does.
    fn check_shared_links(&mut self) -> Result<(), MergeError> {
        for (path, first, second) in std::mem::take(&mut self.shared_links) {
            let to = follow(path.as_bstr(), true, |p| self.links.get(p).map(|t| t.as_bstr()))?;
            let below = || self.placed.range::<BString, _>(&to..).nth(1);
            let is_dir = match self.placed.get(&to) {
                Some(p) => p.entry.is_dir(),
                None => below().is_some_and(|(p, _)| parent(p.as_bstr()) == Some(to.as_bstr())),
            };
            if is_dir || (self.rules.overwrites)(first, second) {
                continue;
            }
            if !(self.rules.overwrites)(second, first) {
                let (first, second) = (self.name(Some(first)), self.name(Some(second)));
                return Err(MergeError::Conflict { path, first, second });
            }
            if let Some(placed) = self.placed.get_mut(&path) {
                placed.entry.owner = Owner::Package(u32::try_from(second).expect("fewer than 2^32 packages"));
                placed.part = Some(second);
            }
        }
        Ok(())
    }

    /// Makes the first name by path of each hard-linked file the file, and lets the others link to
    /// it, so that a sorted tree has every link behind its target.
    fn relink(&mut self) {
        let mut groups: BTreeMap<(usize, BString), Vec<BString>> = BTreeMap::new();
        for (path, placed) in &self.placed {
            if let Some(file) = &placed.file {
                groups.entry(file.clone()).or_default().push(path.clone());
            }
        }
        for (file, names) in groups {
            let Some((first, others)) = names.split_first() else { continue };
            let original = self.files.get(&file);
            if let (Some(placed), Some(original)) = (self.placed.get_mut(first), original) {
                placed.entry.node = original.node.clone();
                placed.entry.share_inode_of(original);
            }
            for name in others {
                let Some(placed) = self.placed.get_mut(name) else { continue };
                placed.entry.node = Node::Hardlink(first.clone());
                if let Some(original) = original {
                    placed.entry.share_inode_of(original);
                }
            }
        }
    }

    fn add_parents(&mut self, most: usize) -> Result<(), MergeError> {
        let mut missing: BTreeSet<BString> = BTreeSet::new();
        for (path, placed) in &self.placed {
            let mut next = parent(path.as_bstr());
            while let Some(above) = next.filter(|p| !p.is_empty()) {
                match self.placed.get(above) {
                    Some(p) if p.entry.is_dir() => break,
                    Some(p) => {
                        return Err(MergeError::BelowFile {
                            path: path.clone(),
                            owner: self.name(placed.part),
                            above: above.into(),
                            above_owner: self.name(p.part),
                        });
                    }
                    None if missing.contains(above) => break,
                    None if self.rules.lower.and_then(|t| t.get(above)).is_some_and(Entry::is_dir) => break,
                    None => missing.insert(above.into()),
                };
                if missing.len() > most {
                    let owner = self.name(placed.part);
                    return Err(MergeError::TooDeep { path: path.clone(), owner, limit: most });
                }
                next = parent(above);
            }
        }
        for path in missing {
            let entry = Entry { mtime: self.rules.mtime, ..Entry::implicit_dir(path.clone()) };
            self.placed.insert(path, Placed { entry, part: None, file: None });
        }
        Ok(())
    }
}
