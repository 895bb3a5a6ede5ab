use std::collections::HashMap;
use std::io::{self, Read, Write};

use bstr::{BString, ByteSlice};
use oci::Hasher;

use super::table::{push_bytes, push_entry, push_number};
use super::{FOOTER, MAGIC, REVISION};
use crate::path::parent;
use crate::tar::{Kind, Member};
use crate::{Body, Entry, Node, Owner, PayloadIx};

/// Why a payload cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Reading a body failed.
    #[error("cannot unpack /{path}: {error}")]
    Io {
        /// Whose body it was, or empty at the end.
        path: BString,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// What it is written to does not take it: the disk's fault, never the archive's.
    #[error("cannot unpack /{path}: {error}")]
    Unwritten {
        /// Whose body it was, or empty at the end.
        path: BString,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// Two members have one path and are not the same directory.
    #[error("cannot unpack /{path}: the archive has it twice")]
    Twice {
        /// The path.
        path: BString,
    },
    /// A hard link to something that the archive does not have (before it).
    #[error(
        "cannot unpack /{path}: it is a hard link to /{target}, which is no file of the archive before it"
    )]
    DanglingLink {
        /// The link.
        path: BString,
        /// Its target.
        target: BString,
    },
    /// A member below something that is no directory in the same archive: writing through a
    /// symbolic link of one's own is a trick, not a package.
    #[error("cannot unpack /{path}: /{above} is not a directory in the same archive")]
    BelowFile {
        /// The member.
        path: BString,
        /// What it is below.
        above: BString,
    },
}

/// An entry of the payload being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(usize);

/// Writes a payload while its source streams by. Memory: the entry table, facts and one buffer.
pub struct Writer<W> {
    out: W,
    at: u64,
    entries: Vec<(Entry, Vec<u8>)>,
    by_path: HashMap<BString, usize>,
    extras: Vec<(String, u64, u64)>,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A payload into `out`, which should buffer.
    pub fn new(out: W) -> Writer<W> {
        let (entries, extras) = (Vec::new(), Vec::new());
        Writer { out, at: 0, entries, by_path: HashMap::new(), extras, buffer: vec![0; 64 << 10] }
    }

    /// Takes a member of an archive with the body that `body` gives (`member.size` bytes of it;
    /// nothing is read for other kinds). A hard link to a symbolic link or device becomes one itself; one to
    /// a file has the file's mode, owner and attributes, whatever its own header says of them.
    ///
    /// # Errors
    /// A second member of one path, unless both are directories (the first stays); a hard link to
    /// nothing; a body that is too short.
    pub fn append(&mut self, member: Member, body: &mut dyn Read) -> Result<EntryId, PayloadError> {
        if let Some(&at) = self.by_path.get(&member.path) {
            return match (&member.kind, &self.entries[at].0.node) {
                (Kind::Dir, Node::Dir) => Ok(EntryId(at)),
                _ => Err(PayloadError::Twice { path: member.path }),
            };
        }
        let kept = match member.kind {
            Kind::File => Some(self.copy_body(&member, body)?),
            _ => None,
        };
        let mut entry = member.into_entry(kept, Owner::Package(0));
        if let Node::Hardlink(target) = &entry.node {
            let target = self.link_target(&entry.path, target)?;
            entry.node = another_name_of(target);
            if let Node::Hardlink(_) = entry.node {
                entry.share_inode_of(target);
            }
        }
        let id = self.entries.len();
        self.by_path.insert(entry.path.clone(), id);
        self.entries.push((entry, Vec::new()));
        Ok(EntryId(id))
    }

    /// The entry as it will be written.
    pub fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[id.0].0
    }

    /// The entry of a path, if it has come by.
    pub fn find(&self, path: &[u8]) -> Option<EntryId> {
        self.by_path.get(path.as_bstr()).copied().map(EntryId)
    }

    /// Keeps what was found out about an entry's content, in place of what was kept before.
    pub fn fact(&mut self, id: EntryId, fact: Vec<u8>) {
        self.entries[id.0].1 = fact;
    }

    /// Keeps a part that is no entry: the control file, a script. A name comes once.
    pub fn extra(&mut self, name: &str, bytes: &[u8]) -> Result<(), PayloadError> {
        self.put(bytes, &BString::default())?;
        self.extras.push((name.to_owned(), self.at - bytes.len() as u64, bytes.len() as u64));
        Ok(())
    }

    /// Checks the tree, writes table and footer, and gives the output back.
    pub fn finish(mut self) -> Result<W, PayloadError> {
        self.check_parents()?;
        self.entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        self.extras.sort();
        let mut table = Vec::new();
        push_number(&mut table, self.entries.len() as u64);
        for (entry, fact) in &self.entries {
            push_entry(&mut table, entry, fact);
        }
        let mut directory = Vec::new();
        push_number(&mut directory, self.extras.len() as u64);
        for (name, offset, len) in &self.extras {
            push_bytes(&mut directory, name.as_bytes());
            push_number(&mut directory, *offset);
            push_number(&mut directory, *len);
        }
        let footer = footer(self.at, table.len() as u64, directory.len() as u64);
        for part in [&table, &directory, &footer] {
            self.put(part, &BString::default())?;
        }
        self.out.flush().map_err(|error| PayloadError::Unwritten { path: BString::default(), error })?;
        Ok(self.out)
    }

    fn copy_body(&mut self, member: &Member, body: &mut dyn Read) -> Result<Body, PayloadError> {
        let fail = |error| PayloadError::Io { path: member.path.clone(), error };
        let offset = self.at;
        let mut hash = Hasher::sha256();
        let mut left = member.size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            let got = match body.read(&mut self.buffer[..want]) {
                Ok(0) => return Err(fail(io::ErrorKind::UnexpectedEof.into())),
                Ok(got) => got,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(fail(e)),
            };
            hash.update(&self.buffer[..got]);
            let unwritten = |error| PayloadError::Unwritten { path: member.path.clone(), error };
            self.out.write_all(&self.buffer[..got]).map_err(unwritten)?;
            self.at += got as u64;
            left -= got as u64;
        }
        Ok(Body { digest: hash.finish(), size: member.size, payload: PayloadIx(0), offset })
    }

    /// What a hard link names, if the archive has it and it is no directory.
    fn link_target(&self, path: &BString, target: &BString) -> Result<&Entry, PayloadError> {
        let found = self.by_path.get(target).map(|&at| &self.entries[at].0).filter(|e| !e.is_dir());
        let dangling = || PayloadError::DanglingLink { path: path.clone(), target: target.clone() };
        found.ok_or_else(dangling)
    }

    fn check_parents(&self) -> Result<(), PayloadError> {
        for (entry, _) in &self.entries {
            let mut next = parent(entry.path.as_bstr());
            while let Some(above) = next {
                match self.by_path.get(above).map(|&at| &self.entries[at].0.node) {
                    Some(Node::Dir) => break,
                    Some(_) => {
                        return Err(PayloadError::BelowFile {
                            path: entry.path.clone(),
                            above: above.into(),
                        });
                    }
                    None => next = parent(above),
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8], path: &BString) -> Result<(), PayloadError> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| PayloadError::Unwritten { path: path.clone(), error })
    }
}

/// What a hard link is: a link to the first name of a file, or a copy of what cannot be linked to.
fn another_name_of(target: &Entry) -> Node {
    match &target.node {
        Node::File(_) => Node::Hardlink(target.path.clone()),
        other => other.clone(),
    }
}

fn footer(table_at: u64, table_len: u64, directory_len: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(FOOTER);
    for n in [table_at, table_len, table_at + table_len, directory_len] {
        out.extend_from_slice(&n.to_le_bytes());
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&REVISION.to_le_bytes());
    out.extend_from_slice(MAGIC);
    out
}
