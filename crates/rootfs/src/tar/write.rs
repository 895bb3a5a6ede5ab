use std::io::{self, Read, Write};

use bstr::{BStr, ByteSlice};

use super::BLOCK;
use super::pax::push_record;
use crate::{Device, Entry, Node};

/// Counts up when [`header`] gives other bytes for some entry; part of every segment's key.
pub const REVISION: u32 = 1;

/// The end of an archive: two zero blocks.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// How many zero bytes follow a body of `size` bytes.
pub fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// The headers of an entry, a function of the entry alone: ustar where that can say it, else with a
/// PAX header before it. No names of users and groups, whole seconds, `SCHILY.xattr` for extended
/// attributes, a slash after a directory's name and `./` for the root.
pub fn header(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK);
    push_header(entry, &mut out);
    out
}

pub(crate) fn push_header(entry: &Entry, out: &mut Vec<u8>) {
    let fields = Fields::of(entry);
    let records = fields.records(entry);
    if !records.is_empty() {
        let pax = Fields {
            path: b"././@PaxHeader".to_vec(),
            kind: b'x',
            mode: 0o644,
            size: records.len() as u64,
            ..Fields::default()
        };
        pax.push(out);
        out.extend_from_slice(&records);
        out.resize(out.len() + padding(records.len() as u64), 0);
    }
    fields.push(out);
}

/// What goes into a 512-byte header.
#[derive(Default)]
struct Fields<'a> {
    path: Vec<u8>,
    link: &'a [u8],
    kind: u8,
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    mtime: i64,
    device: (u32, u32),
}

/// The largest numbers of 7 and 11 octal digits.
const MAX_7: u64 = 0o7_777_777;
const MAX_11: u64 = 0o77_777_777_777;

impl Fields<'_> {
    fn of(entry: &Entry) -> Fields<'_> {
        let mut fields = Fields {
            path: entry.path.to_vec(),
            mode: entry.mode & 0o7777,
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            ..Fields::default()
        };
        match &entry.node {
            Node::Dir => {
                fields.kind = b'5';
                fields.path.extend_from_slice(if entry.path.is_empty() { b"./" } else { b"/" });
            }
            Node::File(body) => (fields.kind, fields.size) = (b'0', body.size),
            Node::Symlink(target) => (fields.kind, fields.link) = (b'2', target),
            Node::Hardlink(target) => (fields.kind, fields.link) = (b'1', target),
            Node::Special(Device::Char { major, minor }) => {
                (fields.kind, fields.device) = (b'3', (*major, *minor));
            }
            Node::Special(Device::Block { major, minor }) => {
                (fields.kind, fields.device) = (b'4', (*major, *minor));
            }
            Node::Special(Device::Fifo) => fields.kind = b'6',
        }
        fields
    }

    /// The PAX records for what ustar cannot say, sorted by key.
    fn records(&self, entry: &Entry) -> Vec<u8> {
        let mut out = Vec::new();
        for x in &entry.xattrs {
            push_record(&mut out, &[b"SCHILY.xattr.", x.name.as_slice()].concat(), &x.value);
        }
        if u64::from(self.gid) > MAX_7 {
            push_record(&mut out, b"gid", self.gid.to_string().as_bytes());
        }
        if needs_record(self.link) || self.link.len() > 100 {
            push_record(&mut out, b"linkpath", self.link);
        }
        if !u64::try_from(self.mtime).is_ok_and(|m| m <= MAX_11) {
            push_record(&mut out, b"mtime", self.mtime.to_string().as_bytes());
        }
        if needs_record(&self.path) || split(&self.path).is_none() {
            push_record(&mut out, b"path", &self.path);
        }
        if self.size > MAX_11 {
            push_record(&mut out, b"size", self.size.to_string().as_bytes());
        }
        if u64::from(self.uid) > MAX_7 {
            push_record(&mut out, b"uid", self.uid.to_string().as_bytes());
        }
        out
    }

    fn push(&self, out: &mut Vec<u8>) {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        let (prefix, name) = split(&self.path).unwrap_or((b"", &self.path[..self.path.len().min(100)]));
        put(0, name);
        put(345, prefix);
        put(157, &self.link[..self.link.len().min(100)]);
        put(100, &octal_7(self.mode.into()));
        put(108, &octal_7(recorded(self.uid)));
        put(116, &octal_7(recorded(self.gid)));
        put(124, &octal_11(self.size));
        put(136, &octal_11(u64::try_from(self.mtime).unwrap_or(0)));
        put(156, &[self.kind]);
        put(257, b"ustar\x0000");
        put(329, &octal_7(self.device.0.into()));
        put(337, &octal_7(self.device.1.into()));
        let sum = sum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
    }
}

/// An owner as it stands in the ustar field: 0 where a PAX record says it.
fn recorded(owner: u32) -> u64 {
    Some(u64::from(owner)).filter(|&n| n <= MAX_7).unwrap_or(0)
}

/// Seven octal digits and a NUL. Only a device number can be larger, and has no PAX record: Linux's
/// fit, others are written in GNU's base 256.
fn octal_7(value: u64) -> [u8; 8] {
    let mut out = [0; 8];
    if value > MAX_7 {
        return out_of_range(value);
    }
    digits(value, &mut out[..7]);
    out
}

fn octal_11(value: u64) -> [u8; 12] {
    let mut out = [0; 12];
    // 0 where a PAX record says it: the one value beside which readers trust the record.
    digits(if value > MAX_11 { 0 } else { value }, &mut out[..11]);
    out
}

fn out_of_range(value: u64) -> [u8; 8] {
    let mut out = value.to_be_bytes();
    out[0] = 0x80;
    out
}

fn digits(mut value: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
}

/// The header's checksum: all bytes, those of the field itself as spaces.
pub(super) fn sum(block: &[u8; BLOCK]) -> u64 {
    let all: u64 = block.iter().map(|&b| u64::from(b)).sum();
    let field: u64 = block[148..156].iter().map(|&b| u64::from(b)).sum();
    all - field + 8 * u64::from(b' ')
}

/// PAX values are UTF-8, ustar fields ASCII: a name in UTF-8 goes into a record, and bytes in no
/// encoding stay in the field, where readers do not try to convert them.
fn needs_record(name: &[u8]) -> bool {
    !name.is_ascii() && BStr::new(name).to_str().is_ok()
}

/// Prefix (at most 155 bytes) and name (1 to 100 bytes) of a path, if ustar can hold it.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The first slash that leaves a short enough name; one at the very end separates nothing.
    let from = path.len() - 101;
    let at = from + path[from..path.len() - 1].find_byte(b'/')?;
    (at > 0 && at <= 155).then(|| (&path[..at], &path[at + 1..]))
}

/// Writes an archive. Order is the caller's: parents and link targets first.
pub struct Writer<W> {
    out: W,
    scratch: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// An archive into `out`.
    pub fn new(out: W) -> Writer<W> {
        Writer { out, scratch: Vec::new() }
    }

    /// Appends an entry; `body` must give exactly the bytes of a file.
    pub fn append(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<()> {
        self.scratch.clear();
        push_header(entry, &mut self.scratch);
        self.out.write_all(&self.scratch)?;
        if let Node::File(wanted) = &entry.node {
            let got = io::copy(&mut body.take(wanted.size), &mut self.out)?;
            if got != wanted.size {
                let why = format!("the body of /{} ends after {got} of {} bytes", entry.path, wanted.size);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
            }
            self.out.write_all(&END[..padding(got)])?;
        }
        Ok(())
    }

    /// Writes the end of the archive and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&END)?;
        Ok(self.out)
    }
}
