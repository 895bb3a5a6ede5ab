use bstr::{BString, ByteSlice};

use crate::{Device, Entry, Node, Tree};

/// A path at which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The path.
    pub path: &'a BString,
    /// In the first tree.
    pub before: Option<&'a Entry>,
    /// In the second.
    pub after: Option<&'a Entry>,
}

/// What of an entry differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Only one tree has it.
    Presence,
    /// File, directory, link, device.
    Kind,
    /// The bytes of a file, or the numbers of a device.
    Content,
    /// Where a link leads.
    Target,
    /// Permission bits.
    Mode,
    /// Numeric owner or group.
    Owner,
    /// Time.
    Mtime,
    /// Extended attributes.
    Xattrs,
}

/// Every path at which two trees differ as a container sees them, by path: who brought an entry and
/// where its body is kept do not count.
pub fn diff<'a>(a: &'a Tree, b: &'a Tree) -> Vec<Difference<'a>> {
    let (mut left, mut right) = (a.entries().iter().peekable(), b.entries().iter().peekable());
    let mut out = Vec::new();
    loop {
        let (before, after) = match (left.peek(), right.peek()) {
            (None, None) => return out,
            (Some(l), Some(r)) if l.path == r.path => (left.next(), right.next()),
            (Some(l), Some(r)) if l.path < r.path => (left.next(), None),
            (Some(_), None) => (left.next(), None),
            _ => (None, right.next()),
        };
        let Some(path) = before.or(after).map(|e| &e.path) else { return out };
        let difference = Difference { path, before, after };
        if !difference.aspects().is_empty() {
            out.push(difference);
        }
    }
}

impl Difference<'_> {
    /// What differs, sorted.
    pub fn aspects(&self) -> Vec<Aspect> {
        let (Some(a), Some(b)) = (self.before, self.after) else { return vec![Aspect::Presence] };
        let node = match (&a.node, &b.node) {
            (Node::File(x), Node::File(y)) => (x.digest != y.digest).then_some(Aspect::Content),
            (Node::Symlink(x), Node::Symlink(y)) | (Node::Hardlink(x), Node::Hardlink(y)) => {
                (x != y).then_some(Aspect::Target)
            }
            (Node::Special(x), Node::Special(y)) => (x != y).then_some(Aspect::Content),
            (Node::Dir, Node::Dir) => None,
            _ => Some(Aspect::Kind),
        };
        let mut out: Vec<Aspect> = node.into_iter().collect();
        let others = [
            (a.mode != b.mode, Aspect::Mode),
            ((a.uid, a.gid) != (b.uid, b.gid), Aspect::Owner),
            (a.mtime != b.mtime, Aspect::Mtime),
            (a.xattrs != b.xattrs, Aspect::Xattrs),
        ];
        out.extend(others.into_iter().filter(|(differs, _)| *differs).map(|(_, aspect)| aspect));
        out
    }
}

impl Tree {
    /// One line an entry, for tests and people, without times:
    /// `/etc/passwd: file 0644 0:0 cc55e2ec` (the first eight digits of the content's SHA-256),
    /// `/etc/: dir 0755 0:0`, `/bin: symlink usr/bin`, `/b: hardlink /a`.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for entry in self.entries() {
            out.push_str(&entry.to_text());
            out.push('\n');
        }
        out
    }

    /// The tree with every symbolic link on the way to `path` followed, the last one too; inside
    /// the tree, as after a chroot. None where nothing is there.
    pub fn resolve(&self, path: impl AsRef<[u8]>) -> Result<Option<&Entry>, crate::path::ResolveError> {
        let path = path.as_ref().as_bstr();
        let link = |p: &bstr::BStr| match self.get(p).map(|e| &e.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        Ok(self.get(crate::path::follow(path, true, link)?))
    }
}

impl Entry {
    /// The line of [`Tree::to_text`].
    pub fn to_text(&self) -> String {
        let (mode, uid, gid) = (self.mode, self.uid, self.gid);
        let path = &self.path;
        let mut line = match &self.node {
            Node::Dir if path.is_empty() => format!("/: dir {mode:04o} {uid}:{gid}"),
            Node::Dir => format!("/{path}/: dir {mode:04o} {uid}:{gid}"),
            Node::File(body) => format!("/{path}: file {mode:04o} {uid}:{gid} {}", &body.digest.hex()[..8]),
            Node::Symlink(target) => match (uid, gid) {
                (0, 0) => format!("/{path}: symlink {target}"),
                _ => format!("/{path}: symlink {uid}:{gid} {target}"),
            },
            Node::Hardlink(target) => format!("/{path}: hardlink /{target}"),
            Node::Special(Device::Char { major, minor }) => {
                format!("/{path}: char {major}:{minor} {mode:04o} {uid}:{gid}")
            }
            Node::Special(Device::Block { major, minor }) => {
                format!("/{path}: block {major}:{minor} {mode:04o} {uid}:{gid}")
            }
            Node::Special(Device::Fifo) => format!("/{path}: fifo {mode:04o} {uid}:{gid}"),
        };
        for x in &self.xattrs {
            let hex: String = x.value.iter().map(|b| format!("{b:02x}")).collect();
            line.push_str(&format!(" {}={hex}", x.name));
        }
        line
    }
}
