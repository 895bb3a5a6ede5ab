use std::collections::BTreeMap;
use std::io;

use super::table::Cursor;
use super::{FOOTER, MAGIC, REVISION};
use crate::{Entry, Node, PayloadIx, ReadAt, Tree};

/// Why bytes are no payload of this version. Payloads are derived: the answer is to make it again.
#[derive(Debug, thiserror::Error)]
pub enum PayloadReadError {
    /// The bytes could not be had.
    #[error("cannot read the payload: {0}")]
    Io(#[from] io::Error),
    /// Another version, or not a payload.
    #[error("cannot read the payload: it is not one of version {REVISION}")]
    Version,
    /// The bytes contradict each other.
    #[error("cannot read the payload: it is damaged")]
    Damaged,
}

/// A package or foreign layer, unpacked: its tree, what is known of its files, and other parts.
/// The bodies stay where they are.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The tree; its entries belong to `Owner::Package(ix)` and its bodies to payload `ix`, with
    /// the number that [`Payload::read`] was given.
    pub tree: Tree,
    table: Vec<u8>,
    facts: Vec<(u32, u32)>,
    extras: BTreeMap<String, (u64, u64)>,
}

impl Payload {
    /// Loads table and directory of a payload of `len` bytes.
    pub fn read(source: &dyn ReadAt, len: u64, ix: PayloadIx) -> Result<Payload, PayloadReadError> {
        let damaged = || PayloadReadError::Damaged;
        let footer_at = len.checked_sub(FOOTER as u64).ok_or(PayloadReadError::Version)?;
        let mut footer = [0; FOOTER];
        source.read_exact_at(footer_at, &mut footer)?;
        if &footer[40..] != MAGIC || footer[36..40] != REVISION.to_le_bytes() {
            return Err(PayloadReadError::Version);
        }
        let number = |at: usize| u64::from_le_bytes(footer[at..at + 8].try_into().expect("8 bytes"));
        let (table_at, table_len, directory_at, directory_len) =
            (number(0), number(8), number(16), number(24));
        if table_at.checked_add(table_len) != Some(directory_at)
            || directory_at.checked_add(directory_len) != Some(footer_at)
        {
            return Err(damaged());
        }
        let tail = usize::try_from(table_len + directory_len).map_err(|_| damaged())?;
        let mut table = vec![0; tail];
        source.read_exact_at(table_at, &mut table)?;
        let directory = table.split_off(usize::try_from(table_len).map_err(|_| damaged())?);
        let (entries, facts) = read_table(&table, ix, table_at).ok_or_else(damaged)?;
        let extras = read_directory(&directory, table_at).ok_or_else(damaged)?;
        Ok(Payload { tree: Tree::from_sorted(entries).ok_or_else(damaged)?, table, facts, extras })
    }

    /// What was found out about the content of the n-th entry of the tree as it was read; empty if
    /// nothing.
    pub fn fact(&self, entry: usize) -> &[u8] {
        let Some(&(at, len)) = self.facts.get(entry) else { return &[] };
        // Both were checked against the table when it was read.
        &self.table[at as usize..][..len as usize]
    }

    /// The same by path.
    pub fn fact_of(&self, path: impl AsRef<[u8]>) -> &[u8] {
        self.tree.position(path).map_or(&[], |entry| self.fact(entry))
    }

    /// The names of the other parts, sorted.
    pub fn extras(&self) -> impl Iterator<Item = &str> {
        self.extras.keys().map(String::as_str)
    }

    /// Another part, if there is one of that name.
    pub fn extra(&self, source: &dyn ReadAt, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(&(at, len)) = self.extras.get(name) else { return Ok(None) };
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = vec![0; len];
        source.read_exact_at(at, &mut bytes)?;
        Ok(Some(bytes))
    }
}

type Table = (Vec<Entry>, Vec<(u32, u32)>);

fn read_table(table: &[u8], ix: PayloadIx, bodies: u64) -> Option<Table> {
    let mut cursor = Cursor { bytes: table, at: 0 };
    let count = usize::try_from(cursor.number()?).ok()?;
    // An entry takes at least 16 bytes: a count that lies cannot make us allocate.
    if count > table.len() / 16 {
        return None;
    }
    let (mut entries, mut facts) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        let (entry, fact) = cursor.entry(ix)?;
        if let Node::File(body) = &entry.node
            && body.offset.checked_add(body.size).is_none_or(|end| end > bodies)
        {
            return None;
        }
        entries.push(entry);
        facts.push(fact);
    }
    (cursor.at == table.len()).then_some((entries, facts))
}

fn read_directory(bytes: &[u8], bodies: u64) -> Option<BTreeMap<String, (u64, u64)>> {
    let mut cursor = Cursor { bytes, at: 0 };
    let mut extras = BTreeMap::new();
    for _ in 0..cursor.number()? {
        let name = std::str::from_utf8(cursor.bytes()?).ok()?.to_owned();
        let (at, len) = (cursor.number()?, cursor.number()?);
        if at.checked_add(len)? > bodies {
            return None;
        }
        extras.insert(name, (at, len));
    }
    (cursor.at == bytes.len()).then_some(extras)
}
