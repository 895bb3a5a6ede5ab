use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use rootfs::path::follow;
use rootfs::{Node, Tree};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// A file.
    File {
        /// It has an execute bit.
        executable: bool,
        /// It has no content.
        empty: bool,
    },
    /// A symbolic link itself.
    Symlink {
        /// What it leads to in the tree: never a link, perhaps nothing.
        to: Box<Presence>,
    },
}

impl Presence {
    /// What is there once links are followed.
    pub fn followed(&self) -> &Presence {
        match self {
            Presence::Symlink { to } => to,
            other => other,
        }
    }
}

/// The tree in which a script would run, as far as it is known when scripts are read.
///
/// Paths are in a tree's form, the last component is not followed.
pub trait World {
    /// What is at `path`; `None` where that is not known: what depends on it becomes conditional.
    fn look(&self, path: &BStr) -> Option<Presence>;

    /// The names in a directory, sorted; `None` where they are not known.
    fn names_in(&self, directory: &BStr) -> Option<Vec<BString>>;
}

/// Nothing is known of the tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown;

impl World for Unknown {
    fn look(&self, _: &BStr) -> Option<Presence> {
        None
    }

    fn names_in(&self, _: &BStr) -> Option<Vec<BString>> {
        None
    }
}

/// A whole tree, in which a script sees what a package manager would have unpacked.
#[derive(Debug, Clone, Copy)]
pub struct InTree<'a>(pub &'a Tree);

impl World for InTree<'_> {
    fn look(&self, path: &BStr) -> Option<Presence> {
        let link = |p: &BStr| match self.0.get(p).map(|e| &e.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        // A path that leads nowhere, in circles too, has nothing at it.
        let Ok(at) = follow(path, false, link) else { return Some(Presence::Absent) };
        if at.is_empty() {
            return Some(Presence::Directory);
        }
        let Some(entry) = self.0.get(&at) else {
            // A directory that no package names, but that has something in it.
            let implied = self.0.below(at.as_bstr()).next().is_some();
            return Some(if implied { Presence::Directory } else { Presence::Absent });
        };
        Some(match &entry.node {
            Node::Dir => Presence::Directory,
            Node::File(body) => Presence::File { executable: entry.mode & 0o111 != 0, empty: body.size == 0 },
            Node::Hardlink(_) => Presence::File { executable: entry.mode & 0o111 != 0, empty: false },
            Node::Special(_) => Presence::File { executable: false, empty: true },
            Node::Symlink(_) => {
                let to = follow(path, true, link).ok().filter(|to| *to != at);
                let to = to.and_then(|to| self.look(to.as_bstr())).unwrap_or(Presence::Absent);
                Presence::Symlink { to: Box::new(to.followed().clone()) }
            }
        })
    }

    fn names_in(&self, directory: &BStr) -> Option<Vec<BString>> {
        let link = |p: &BStr| match self.0.get(p).map(|e| &e.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        let Ok(at) = follow(directory, true, link) else { return Some(Vec::new()) };
        let skip = if at.is_empty() { 0 } else { at.len() + 1 };
        let mut names: Vec<BString> = self
            .0
            .below(at.as_bstr())
            .filter_map(|e| e.path[skip..].split_str("/").next().map(BString::from))
            .collect();
        names.sort();
        names.dedup();
        Some(names)
    }
}

/// The tree of one package alone, in an image that has nothing else but, perhaps, programs.
///
/// For statistics over packages without solving each: of directories where programs are, nothing is
/// known, so that what a script does with a program counts.
#[derive(Debug, Clone, Default)]
pub struct Alone {
    paths: BTreeMap<BString, Presence>,
}

impl Alone {
    /// A tree of plain files at these paths.
    pub fn of_files<'a>(paths: impl IntoIterator<Item = &'a BStr>) -> Alone {
        let mut all = BTreeMap::new();
        for path in paths {
            let executable = BIN.iter().any(|d| path.starts_with(d.as_bytes()));
            all.insert(BString::from(path), Presence::File { executable, empty: false });
            let mut rest: &[u8] = path;
            while let Some(slash) = rest.iter().rposition(|b| *b == b'/') {
                rest = &rest[..slash];
                all.entry(rest.into()).or_insert(Presence::Directory);
            }
        }
        Alone { paths: all }
    }
}

const BIN: [&str; 6] = ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/games/", "usr/libexec/"];

impl World for Alone {
    fn look(&self, path: &BStr) -> Option<Presence> {
        match self.paths.get(path) {
            Some(found) => Some(found.clone()),
            None if BIN.iter().any(|d| path.starts_with(d.as_bytes())) => None,
            None if STANDARD.contains(&path.to_string().as_str()) => Some(Presence::Directory),
            None => Some(Presence::Absent),
        }
    }

    fn names_in(&self, directory: &BStr) -> Option<Vec<BString>> {
        let mut start = BString::from(directory);
        if !start.is_empty() {
            start.push(b'/');
        }
        let below = self.paths.range(start.clone()..).take_while(|(p, _)| p.starts_with(&start));
        let names = below.map(|(p, _)| BString::from(&p[start.len()..]));
        Some(names.filter(|n| !n.is_empty() && !n.contains(&b'/')).collect())
    }
}

/// Directories that every image has.
const STANDARD: [&str; 17] = [
    "",
    "etc",
    "usr",
    "usr/bin",
    "usr/lib",
    "usr/sbin",
    "usr/share",
    "usr/local",
    "var",
    "var/lib",
    "var/cache",
    "var/log",
    "run",
    "tmp",
    "home",
    "root",
    "opt",
];
