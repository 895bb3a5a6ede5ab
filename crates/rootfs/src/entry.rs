use bstr::BString;

use crate::Body;

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, without leading or trailing slash, `.` or `..`; empty for the root itself.
    pub path: BString,
    /// What it is.
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky (`07777`).
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes, sorted by name.
    pub xattrs: Vec<Xattr>,
    /// Who brought it.
    pub owner: Owner,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir,
    /// A regular file.
    File(Body),
    /// A symbolic link and its target, as written.
    Symlink(BString),
    /// Another name of the file at that path (relative to the root); the path of a [`Node::File`]
    /// of the same tree, never of another link.
    Hardlink(BString),
    /// A character or block device, or a FIFO.
    Special(Device),
}

/// A special file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Character device.
    Char {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Block device.
    Block {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// Named pipe.
    Fifo,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Xattr {
    /// Name with its namespace, as `security.capability`.
    pub name: BString,
    /// Value.
    pub value: Vec<u8>,
}

/// Who brought a path into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The n-th package in install order.
    Package(u32),
    /// The user's own declared file or path.
    User,
    /// Made by a documented rule of ours.
    Derived,
    /// A parent directory that nobody declared.
    Implicit,
}

impl Entry {
    /// A directory owned by root, of nobody in particular.
    pub fn implicit_dir(path: impl Into<BString>) -> Entry {
        Entry::new(path, Node::Dir, 0o755, Owner::Implicit)
    }

    /// An entry of root's with mtime 0 and no attributes.
    pub fn new(path: impl Into<BString>, node: Node, mode: u32, owner: Owner) -> Entry {
        Entry { path: path.into(), node, mode, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new(), owner }
    }

    /// Takes the mode, owner and attributes of another name of the same file: a file has one of each, and
    /// where its names say different things, the last that an engine unpacks has its way.
    pub fn share_inode_of(&mut self, other: &Entry) {
        (self.mode, self.uid, self.gid) = (other.mode, other.uid, other.gid);
        self.xattrs.clone_from(&other.xattrs);
    }

    /// Is it a directory?
    pub fn is_dir(&self) -> bool {
        matches!(self.node, Node::Dir)
    }
}
