//! Entries as bytes, for objects of the cache: numbers as LEB128 or little-endian, byte strings behind their length.

use bstr::BString;
use oci::Digest;

use crate::{Body, Device, Entry, Node, Owner, PayloadIx, Xattr};

const DIR: u8 = 0;
const FILE: u8 = 1;
const SYMLINK: u8 = 2;
const HARDLINK: u8 = 3;
const CHAR: u8 = 4;
const BLOCK: u8 = 5;
const FIFO: u8 = 6;

/// Appends an entry and what belongs to it.
pub fn push_entry(out: &mut Vec<u8>, entry: &Entry, fact: &[u8]) {
    push_bytes(out, &entry.path);
    match &entry.node {
        Node::Dir => out.push(DIR),
        Node::File(body) => {
            out.push(FILE);
            out.extend_from_slice(body.digest.as_bytes());
            push_number(out, body.size);
            push_number(out, body.offset);
        }
        Node::Symlink(target) => {
            out.push(SYMLINK);
            push_bytes(out, target);
        }
        Node::Hardlink(target) => {
            out.push(HARDLINK);
            push_bytes(out, target);
        }
        Node::Special(device) => push_device(out, *device),
    }
    push_number(out, entry.mode.into());
    push_number(out, entry.uid.into());
    push_number(out, entry.gid.into());
    out.extend_from_slice(&entry.mtime.to_le_bytes());
    push_number(out, entry.xattrs.len() as u64);
    for x in &entry.xattrs {
        push_bytes(out, &x.name);
        push_bytes(out, &x.value);
    }
    push_bytes(out, fact);
}

fn push_device(out: &mut Vec<u8>, device: Device) {
    let (tag, major, minor) = match device {
        Device::Char { major, minor } => (CHAR, major, minor),
        Device::Block { major, minor } => (BLOCK, major, minor),
        Device::Fifo => (FIFO, 0, 0),
    };
    out.push(tag);
    push_number(out, major.into());
    push_number(out, minor.into());
}

/// Appends bytes behind their length.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a number.
pub fn push_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads a table front to back; `None` wherever the bytes do not make sense.
pub struct Cursor<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// What is read next.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        Some(bytes)
    }

    /// A number.
    pub fn number(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            n |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    /// An entry, and where in the table its fact is.
    pub fn entry(&mut self, payload: PayloadIx) -> Option<(Entry, (u32, u32))> {
        let path = BString::from(self.bytes()?);
        let node = self.node(payload)?;
        let (mode, uid, gid) = (self.small()?, self.small()?, self.small()?);
        let mtime = i64::from_le_bytes(self.take(8)?.try_into().ok()?);
        let mut xattrs = Vec::new();
        for _ in 0..self.number()? {
            xattrs.push(Xattr { name: self.bytes()?.into(), value: self.bytes()?.to_vec() });
        }
        let fact = self.bytes()?;
        let fact = (u32::try_from(self.at - fact.len()).ok()?, u32::try_from(fact.len()).ok()?);
        let owner = Owner::Package(payload.0);
        Some((Entry { path, node, mode, uid, gid, mtime, xattrs, owner }, fact))
    }

    fn node(&mut self, payload: PayloadIx) -> Option<Node> {
        Some(match *self.take(1)?.first()? {
            DIR => Node::Dir,
            FILE => {
                let digest = Digest::Sha256(self.take(32)?.try_into().ok()?);
                Node::File(Body { digest, size: self.number()?, payload, offset: self.number()? })
            }
            SYMLINK => Node::Symlink(self.bytes()?.into()),
            HARDLINK => Node::Hardlink(self.bytes()?.into()),
            tag => {
                let (major, minor) = (self.small()?, self.small()?);
                Node::Special(match tag {
                    CHAR => Device::Char { major, minor },
                    BLOCK => Device::Block { major, minor },
                    FIFO => Device::Fifo,
                    _ => return None,
                })
            }
        })
    }
}
