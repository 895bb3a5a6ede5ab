use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bstr::{BStr, BString, ByteSlice};
use rootfs::path::{ResolveError, follow, parent};
use rootfs::{Bodies, Body, Entry, MemoryPayload, Node, Owner, Tree};

use crate::Rule;

/// A tree while it is made: what rules and the user put into it goes through symbolic links, gets its
/// parents, and is written down.
pub(crate) struct Draft<'a> {
    pub(crate) entries: BTreeMap<BString, Entry>,
    pub(crate) derived: MemoryPayload,
    pub(crate) made: BTreeMap<BString, Rule>,
    /// Whose file stood where a rule put another.
    pub(crate) instead_of: BTreeMap<BString, Owner>,
    /// mtime of what no package brings.
    pub(crate) mtime: i64,
    /// Further names by the path of their file; some may be gone or others' by now.
    links: BTreeMap<BString, BTreeSet<BString>>,
    bodies: &'a dyn Bodies,
}

/// Why something cannot be put into the tree.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// A symbolic link leads in circles.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A parent is not a directory.
    #[error("cannot make /{path}: /{above} is not a directory")]
    BelowFile {
        /// The path.
        path: BString,
        /// What is in the way.
        above: BString,
    },
    /// A directory where a file is to go.
    #[error("cannot make /{path}: it is a directory")]
    IsDirectory {
        /// The path.
        path: BString,
    },
    /// A directory where a link is to go.
    #[error("cannot make the {what} /{path}: a directory of that name exists")]
    LinkOnDirectory {
        /// `link` or `hard link`.
        what: &'static str,
        /// The path.
        path: BString,
    },
    /// A hard link to a directory.
    #[error("cannot make the hard link /{path}: /{target} is a directory")]
    LinkToDirectory {
        /// The path.
        path: BString,
        /// The directory.
        target: BString,
    },
    /// A hard link in the place of the file that it is to be another name of.
    #[error("cannot make the hard link /{path}: that is the file itself that it is to be another name of")]
    LinkToItself {
        /// The path.
        path: BString,
    },
    /// A path moved to where it is, or below itself.
    #[error("cannot move /{path} onto or into itself")]
    MovedOntoItself {
        /// The path.
        path: BString,
    },
    /// A file where a directory is to go.
    #[error("cannot make the directory /{path}: a file of that name exists")]
    NotDirectory {
        /// The path.
        path: BString,
    },
    /// A file where a link is to go.
    #[error("cannot make the link /{path}: a file of that name exists")]
    Exists {
        /// The path.
        path: BString,
    },
    /// The user's own file where a link of merged `/usr` is.
    #[error("cannot put /{path}: it is the link to /{target} of Debian's merged /usr")]
    Alias {
        /// The link.
        path: BString,
        /// Where it leads.
        target: BString,
    },
    /// Nothing there to work on.
    #[error("cannot {verb} /{path}: there is no such file")]
    Missing {
        /// What was to be done.
        verb: &'static str,
        /// The path.
        path: BString,
    },
    /// The content of a file cannot be had.
    #[error("cannot read /{path}: {error}")]
    Read {
        /// The path.
        path: BString,
        /// The cause.
        #[source]
        error: io::Error,
    },
}

/// Files of packages that rules read are small; more than this is not what they expect.
const MOST_READ: u64 = 64 << 20;

impl<'a> Draft<'a> {
    pub(crate) fn new(tree: Tree, bodies: &'a dyn Bodies, derived: MemoryPayload, mtime: i64) -> Draft<'a> {
        let mut draft = Draft {
            entries: BTreeMap::new(),
            derived,
            made: BTreeMap::new(),
            mtime,
            links: BTreeMap::new(),
            bodies,
            instead_of: BTreeMap::new(),
        };
        draft.take(tree);
        draft
    }

    /// Goes on with another tree.
    pub(crate) fn take(&mut self, tree: Tree) {
        self.entries = tree.into_entries().into_iter().map(|e| (e.path.clone(), e)).collect();
        self.links.clear();
        for entry in self.entries.values() {
            if let Node::Hardlink(target) = &entry.node {
                self.links.entry(target.clone()).or_default().insert(entry.path.clone());
            }
        }
    }

    /// Gives the tree away, to be put back by [`Draft::take`].
    pub(crate) fn give(&mut self) -> Tree {
        let entries = std::mem::take(&mut self.entries).into_values().collect();
        Tree::from_sorted(entries).expect("a map is sorted and has each path once")
    }

    /// The path of the tree that a path means, its last component not followed unless `last`.
    pub(crate) fn real(&self, path: &BStr, last: bool) -> Result<BString, ResolveError> {
        follow(path, last, |p| match &self.entries.get(p)?.node {
            Node::Symlink(target) => Some(target.as_bstr()),
            _ => None,
        })
    }

    /// What a path leads to in the end.
    pub(crate) fn behind(&self, path: &BStr) -> Option<&Entry> {
        let real = self.real(path, true).ok()?;
        self.entries.get(&real)
    }

    pub(crate) fn is_dir(&self, path: &BStr) -> bool {
        path.is_empty() || self.behind(path).is_some_and(Entry::is_dir)
    }

    /// Is there anything, a dangling link too?
    pub(crate) fn exists(&self, path: &BStr) -> bool {
        self.real(path, false).is_ok_and(|real| self.entries.contains_key(&real))
    }

    /// The file body behind a path, hard links included.
    pub(crate) fn body(&self, path: &BStr) -> Option<Body> {
        let entry = self.behind(path)?;
        match &entry.node {
            Node::File(body) => Some(*body),
            Node::Hardlink(target) => match &self.entries.get(target)?.node {
                Node::File(body) => Some(*body),
                _ => None,
            },
            _ => None,
        }
    }

    /// The content of a file, if there is one.
    pub(crate) fn read(&self, path: &BStr) -> Result<Option<Vec<u8>>, DraftError> {
        let Some(body) = self.body(path) else { return Ok(None) };
        self.read_body(&body).map(Some).map_err(|error| DraftError::Read { path: path.into(), error })
    }

    pub(crate) fn read_body(&self, body: &Body) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.derived.get(body) {
            return Ok(bytes.to_vec());
        }
        if body.size > MOST_READ {
            return Err(io::Error::other("it is larger than 64 MiB"));
        }
        self.bodies.read(body)
    }

    /// Everything below a directory, not the directory itself.
    pub(crate) fn below(&self, directory: &BStr) -> impl Iterator<Item = &Entry> {
        let mut prefix = BString::from(directory);
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        let from = (std::ops::Bound::Included(prefix.as_bstr()), std::ops::Bound::Unbounded);
        let from = self.entries.range::<BStr, _>(from);
        from.map(|(_, e)| e)
            .skip_while(|e| e.path.is_empty())
            .take_while(move |e| e.path.starts_with(&prefix))
    }

    /// Only what is directly in a directory.
    pub(crate) fn list(&self, directory: &BStr) -> Vec<&Entry> {
        let direct = |e: &&Entry| parent(e.path.as_bstr()) == Some(directory);
        self.below(directory).filter(direct).collect()
    }

    /// Puts an entry where its path means, in place of a file that is there, and gives the real path.
    pub(crate) fn put(&mut self, mut entry: Entry) -> Result<BString, DraftError> {
        let path = self.real(entry.path.as_bstr(), false)?;
        // Its file would be gone, and the link its own target.
        if matches!(&entry.node, Node::Hardlink(target) if *target == path) {
            return Err(DraftError::LinkToItself { path });
        }
        self.add_parents(path.as_bstr())?;
        match self.entries.get(&path) {
            Some(old) if old.is_dir() && !entry.is_dir() => return Err(DraftError::IsDirectory { path }),
            Some(old) if !old.is_dir() && entry.is_dir() => return Err(DraftError::NotDirectory { path }),
            Some(old) => {
                let first = *self.instead_of.get(&path).unwrap_or(&old.owner);
                self.unlink(path.as_bstr());
                self.instead_of.insert(path.clone(), first);
            }
            None => {}
        }
        if let Node::Hardlink(target) = &entry.node {
            self.links.entry(target.clone()).or_default().insert(path.clone());
        }
        entry.path = path.clone();
        self.entries.insert(path.clone(), entry);
        Ok(path)
    }

    /// A derived file, root's.
    pub(crate) fn put_file(
        &mut self,
        path: &str,
        content: &[u8],
        mode: u32,
        rule: Rule,
    ) -> Result<(), DraftError> {
        let body = self.derived.add(content);
        self.put_made(Entry::new(path, Node::File(body), mode, Owner::Derived), rule)
    }

    /// Other content for a file, which keeps its mode, owner and attributes; a new file has this mode
    /// and is root's.
    pub(crate) fn rewrite(
        &mut self,
        path: &str,
        content: &[u8],
        mode: u32,
        rule: Rule,
    ) -> Result<(), DraftError> {
        let real = self.real(path.as_bytes().as_bstr(), true)?;
        let node = Node::File(self.derived.add(content));
        let old = self.entries.get(&real).filter(|e| !e.is_dir()).cloned();
        let entry = match old {
            Some(old) => Entry { node, ..old },
            None => Entry::new(real, node, mode, Owner::Derived),
        };
        self.put_made(entry, rule)
    }

    /// A derived link.
    pub(crate) fn put_link(
        &mut self,
        path: impl Into<BString>,
        target: impl Into<BString>,
        rule: Rule,
    ) -> Result<(), DraftError> {
        let entry = Entry::new(path, Node::Symlink(target.into()), 0o777, Owner::Derived);
        self.put_made(entry, rule)
    }

    /// Any derived entry.
    pub(crate) fn put_made(&mut self, mut entry: Entry, rule: Rule) -> Result<(), DraftError> {
        entry.mtime = self.mtime;
        entry.owner = Owner::Derived;
        let path = self.put(entry)?;
        self.made.insert(path, rule);
        Ok(())
    }

    /// Takes a path away; where it was the first name of a hard-linked file the next one becomes it.
    pub(crate) fn unlink(&mut self, path: &BStr) {
        let Some(entry) = self.entries.remove(path) else { return };
        self.made.remove(path);
        if !matches!(entry.node, Node::File(_)) {
            return;
        }
        let is_name = |e: &Entry| matches!(&e.node, Node::Hardlink(target) if target.as_bstr() == path);
        let mut names = self.links.remove(path).unwrap_or_default();
        names.retain(|name| self.entries.get(name).is_some_and(is_name));
        let Some(heir) = names.pop_first() else { return };
        for name in &names {
            if let Some(other) = self.entries.get_mut(name) {
                other.node = Node::Hardlink(heir.clone());
            }
        }
        if let Some(first) = self.entries.get_mut(&heir) {
            first.node = entry.node;
        }
        self.links.insert(heir, names);
    }

    fn add_parents(&mut self, path: &BStr) -> Result<(), DraftError> {
        let mut next = parent(path);
        while let Some(above) = next.filter(|p| !p.is_empty()) {
            match self.entries.get(above) {
                Some(e) if e.is_dir() => break,
                Some(_) => return Err(DraftError::BelowFile { path: path.into(), above: above.into() }),
                None => {
                    let entry = Entry { mtime: self.mtime, ..Entry::implicit_dir(above) };
                    self.entries.insert(above.into(), entry);
                }
            }
            next = parent(above);
        }
        Ok(())
    }
}

impl diag::Explain for DraftError {
    fn kind(&self) -> diag::Kind {
        match self {
            DraftError::Read { .. } => diag::Kind::Machine,
            _ => diag::Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            DraftError::Alias { target, .. } => {
                Some(format!("write below /{target}; a file cannot take the place of the directory itself"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rootfs::{PayloadIx, Payloads};

    use super::*;

    /// What each path is: a file, or another name of which.
    fn told(draft: &Draft<'_>) -> Vec<String> {
        let told = |e: &Entry| match &e.node {
            Node::Hardlink(target) => format!("{} = {target}", e.path),
            _ => e.path.to_string(),
        };
        draft.entries.values().map(told).collect()
    }

    #[test]
    fn the_next_name_inherits_the_file_and_the_others() {
        let none = Payloads::new();
        let mut payload = MemoryPayload::new(PayloadIx(0));
        let file = Node::File(payload.add(b"x"));
        let entry = |path: &str, node: &Node| Entry::new(path, node.clone(), 0o644, Owner::Derived);
        let link = |to: &str| Node::Hardlink(to.into());
        let tree =
            Tree::from_entries(vec![entry("a", &file), entry("b", &link("a")), entry("d", &link("a"))]);
        let mut draft = Draft::new(tree, &none, payload, 0);
        draft.put(entry("c", &link("a"))).unwrap();
        draft.unlink(b"a".as_bstr());
        assert_eq!(told(&draft), ["b", "c = b", "d = b"]);
        // A name that became a file of its own is no heir.
        draft.put(entry("c", &file)).unwrap();
        draft.unlink(b"b".as_bstr());
        assert_eq!(told(&draft), ["c", "d"]);
        draft.put(entry("a", &link("d"))).unwrap();
        draft.unlink(b"d".as_bstr());
        draft.unlink(b"a".as_bstr());
        assert_eq!(told(&draft), ["c"]);
    }
}
