//! All records of one package index, as one immutable run of bytes that loads without parsing.
//!
//! Goals of the format: open in the time that reading the file takes; answer "which records have
//! this name" and "who provides this name" without building anything; be total on hostile bytes
//! (a wrong offset reads as an empty field, never as a panic). It is a cache, never an exchange
//! format: another version number is simply not read, and the index is parsed again.
//!
//! Layout, all numbers little-endian: a header (magic, version, world, rows, number of sections), a
//! table of sections (kind, offset, length), then the sections. One section per column, one number
//! per row; texts are offsets into the heap, where a LEB128 length stands before the bytes. Rows
//! are sorted by name and keep the index's order among equals. A reader passes over sections that
//! it does not know, and a missing column reads as empty, so columns can be added
//! (`install_if`, `provider_priority`) without a new version. A shelf of apk's also has its
//! dependencies as numbers ([`Links`]), since a solve there looks at most records.

mod build;
mod build_links;
mod heap;
mod links;
mod record;
mod section;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use build::{BuildError, RecordDraft, ShelfBuilder};
pub use links::{Link, LinkList, Links, RecordLinks, Words, word_hash};
pub use record::{MultiArch, Priority, Record};
use section::{Section, WIDE};

/// First bytes of a shelf.
pub(crate) const MAGIC: [u8; 8] = *b"DISTILSH";
/// Version of the layout; raised whenever an old reader would misread.
pub const FORMAT: u32 = 1;
const HEADER: usize = 8 + 4 * 4;
const TABLE_ROW: usize = 4 + 4 + 8 + 8;

/// Whose records they are: decides the syntax of relations and the order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Debian's.
    Debian,
    /// apk's (Alpine, Wolfi). Fields are in apk's syntax; what may not be installed beside a
    /// package stands in its `depends`, as `!name`.
    Apk,
}

/// One index: an immutable buffer with accessors.
#[derive(Clone)]
pub struct Shelf {
    owner: Arc<dyn AsRef<[u8]> + Send + Sync>,
    sections: [Range<usize>; Section::COUNT],
    rows: u32,
    world: World,
}

/// Bytes that are not a shelf of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot open package shelf: {why}")]
pub struct ShelfError {
    /// What is wrong.
    pub why: &'static str,
}

impl Shelf {
    /// Opens a shelf that was built by [`ShelfBuilder`]; checks the header and the bounds of the
    /// sections, reads nothing else.
    ///
    /// Whether the bytes are the ones that were written is the cache's business, not ours.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Shelf, ShelfError> {
        Shelf::from_owner(Arc::new(bytes))
    }

    /// The same over bytes that somebody else holds (a mapping, a shared buffer).
    pub fn from_owner(owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Shelf, ShelfError> {
        let bytes: &[u8] = (*owner).as_ref();
        let fail = |why| ShelfError { why };
        let word = |i: usize| number(bytes, 8 + 4 * i);
        if bytes.len() < HEADER || bytes[..8] != MAGIC {
            return Err(fail("it does not begin with the mark of a shelf"));
        }
        if word(0) != FORMAT {
            return Err(fail("it has another format version"));
        }
        let world = match word(1) {
            1 => World::Debian,
            2 => World::Apk,
            _ => return Err(fail("it is of a package world that this version does not know")),
        };
        let (rows, count) = (word(2), word(3) as usize);
        let mut sections = [const { 0..0 }; Section::COUNT];
        for i in 0..count {
            let at = i.checked_mul(TABLE_ROW).and_then(|x| x.checked_add(HEADER));
            let row = at
                .and_then(|at| bytes.get(at..)?.get(..TABLE_ROW))
                .ok_or(fail("the table of sections is cut off"))?;
            let range = section_range(row, bytes.len()).ok_or(fail("a section lies outside the file"))?;
            if let Some(section) = Section::from_kind(number(row, 0)) {
                if section.width() > 0
                    && !range.is_empty()
                    && range.len() as u64 != u64::from(rows) * section.width()
                {
                    return Err(fail("a column has not one value per row"));
                }
                sections[section as usize] = range;
            }
        }
        if world == World::Apk && sections[Section::LinkEnd as usize].len() as u64 != u64::from(rows) * 4 {
            return Err(fail("it has no dependencies by number"));
        }
        // Without this a header alone could claim four thousand million records.
        if sections[Section::Name as usize].len() as u64 != u64::from(rows) * Section::Name.width() {
            return Err(fail("it has no column of names"));
        }
        Ok(Shelf { owner, sections, rows, world })
    }

    /// The bytes as they were given.
    pub fn as_bytes(&self) -> &[u8] {
        (*self.owner).as_ref()
    }

    /// How many records.
    pub fn len(&self) -> u32 {
        self.rows
    }

    /// Has it no record at all?
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whose records they are.
    pub fn world(&self) -> World {
        self.world
    }

    /// The record of a row; a row past the end has only empty fields.
    pub fn record(&self, row: u32) -> Record<'_> {
        Record { shelf: self, row }
    }

    /// All records, sorted by name.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.rows).map(|row| self.record(row))
    }

    /// How many distinct names.
    pub fn name_count(&self) -> u32 {
        (self.section(Section::Names).len() / 8) as u32
    }

    /// The `i`-th name in byte order.
    pub fn name(&self, i: u32) -> &str {
        self.text(self.cell(Section::Names, u64::from(i) * 8))
    }

    /// All distinct names, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.name_count()).map(|i| self.name(i))
    }

    /// The rows whose package has this name, in the index's order.
    pub fn rows_named(&self, name: &str) -> Range<u32> {
        let (mut low, mut high) = (0, self.name_count());
        while low < high {
            let mid = low + (high - low) / 2;
            if self.name(mid) < name { low = mid + 1 } else { high = mid }
        }
        if low >= self.name_count() || self.name(low) != name {
            return 0..0;
        }
        let start = |i: u32| self.cell(Section::Names, u64::from(i) * 8 + 4).min(self.rows);
        let end = if low + 1 < self.name_count() { start(low + 1) } else { self.rows };
        start(low)..end.max(start(low))
    }

    /// Who provides a name: (row, provided version or ""), in the index's order.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = (u32, &str)> {
        let wanted = hash(name);
        let count = self.section(Section::Provided).len() as u64 / 16;
        let at = |i: u64, word: u64| self.cell(Section::Provided, i * 16 + word * 4);
        let (mut low, mut high) = (0, count);
        while low < high {
            let mid = low + (high - low) / 2;
            if at(mid, 0) < wanted { low = mid + 1 } else { high = mid }
        }
        (low..count)
            .take_while(move |&i| at(i, 0) == wanted)
            .filter(move |&i| self.text(at(i, 1)) == name)
            .map(move |i| (at(i, 2), self.text(at(i, 3))))
            .filter(|(row, _)| *row < self.rows)
    }

    /// Every provided name, as often as it is provided, in no useful order.
    pub fn provided_names(&self) -> impl Iterator<Item = &str> {
        let count = self.section(Section::Provided).len() as u64 / 16;
        (0..count).map(|i| self.text(self.cell(Section::Provided, i * 16 + 4)))
    }

    fn section(&self, section: Section) -> &[u8] {
        // The range was checked against the length when the shelf was opened.
        self.as_bytes().get(self.sections[section as usize].clone()).unwrap_or(&[])
    }

    fn cell(&self, section: Section, at: u64) -> u32 {
        usize::try_from(at).map_or(0, |at| number(self.section(section), at))
    }

    fn wide_cell(&self, section: Section, row: u32) -> u64 {
        let at = u64::from(row) * WIDE;
        u64::from(self.cell(section, at)) | u64::from(self.cell(section, at + 4)) << 32
    }

    fn blob(&self, offset: u32) -> &[u8] {
        blob(self.section(Section::Heap), offset)
    }

    fn text(&self, offset: u32) -> &str {
        std::str::from_utf8(self.blob(offset)).unwrap_or("")
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shelf({} records, {} bytes)", self.rows, self.as_bytes().len())
    }
}

fn section_range(row: &[u8], total: usize) -> Option<Range<usize>> {
    let wide = |at| u64::from(number(row, at)) | u64::from(number(row, at + 4)) << 32;
    let start = usize::try_from(wide(8)).ok()?;
    let end = start.checked_add(usize::try_from(wide(16)).ok()?)?;
    (end <= total).then_some(start..end)
}

/// The bytes on the heap at `offset`; 0 is the empty run.
fn blob(heap: &[u8], offset: u32) -> &[u8] {
    let (mut len, mut shift, mut at) = (0usize, 0, offset as usize);
    loop {
        let Some(byte) = heap.get(at) else { return &[] };
        at += 1;
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
        if shift > 28 {
            return &[];
        }
    }
    heap.get(at..).and_then(|rest| rest.get(..len)).unwrap_or(&[])
}

/// A 32-bit number, or 0 past the end.
fn number(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        Some(chunk) => u32::from_le_bytes(*chunk),
        None => 0,
    }
}

/// FNV-1a, folded to 32 bits: part of the format, so it is written out here.
fn hash(text: &str) -> u32 {
    let h = hash_wide(text);
    (h ^ h >> 32) as u32
}

fn hash_wide(text: &str) -> u64 {
    text.bytes().fold(HASH_START, hash_step)
}

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash_step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

#[cfg(test)]
mod tests;
