//! apk's dependencies as numbers, beside their texts.
//!
//! A solve looks at most records of an index. Read as text that is half of its time, so names and
//! versions are numbered when the shelf is made: in the order in which they are first met, record by
//! record as the index has them, which is the order that apk's table of names hangs on.

use std::num::NonZeroU32;

use super::section::Section;
use super::{Shelf, blob, number};
use crate::Op;

/// A dependency or provision by numbers: of a name in [`Shelf::link_names`], of a version in
/// [`Shelf::link_versions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The name.
    pub name: u32,
    /// `!`.
    pub conflict: bool,
    /// The operator.
    pub op: Op,
    /// The version after it; 0 for none.
    pub version: u32,
}

/// What the links of one record say.
#[derive(Debug, Clone, Copy)]
pub struct RecordLinks<'a> {
    /// The package's own name.
    pub name: u32,
    /// Its version.
    pub version: u32,
    /// Its dependencies cannot all be read: apk keeps such a record, and never installs it.
    pub is_broken: bool,
    /// Some bits of its identity's hash: records with other ones are other packages. None where the record has no
    /// identity.
    pub identity: Option<NonZeroU32>,
    /// `depends`, up to the first word that is no dependency.
    pub depends: LinkList<'a>,
    /// `provides`.
    pub provides: LinkList<'a>,
    /// `install_if`; empty where a word of it is no dependency.
    pub install_if: LinkList<'a>,
}

/// Some links, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct LinkList<'a>(&'a [[u8; LINK]]);

impl LinkList<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = Link> {
        self.0.iter().map(|bytes| {
            let (word, version) = (number(bytes, 0), number(bytes, 4));
            let op = Op::of_code(word >> OP_AT & 0xf);
            Link { name: word & (NAMES - 1), conflict: word >> CONFLICT_AT != 0, op, version }
        })
    }
}

/// Bytes of a link: the name with operator and `!` above it, the version.
const LINK: usize = 8;
/// More names than this are no index.
pub(super) const NAMES: u32 = 1 << OP_AT;
const OP_AT: u32 = 27;
const CONFLICT_AT: u32 = 31;

impl Link {
    pub(super) fn words(self) -> [u32; 2] {
        let head = self.name | self.op.code() << OP_AT | u32::from(self.conflict) << CONFLICT_AT;
        [head, self.version]
    }
}

/// The numbered names or versions of a shelf, from 0.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    table: &'a [[u8; 8]],
    heap: &'a [u8],
}

impl<'a> Words<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The word of a number; "" for one that there is not.
    pub fn text(&self, i: u32) -> &'a str {
        std::str::from_utf8(self.bytes(i)).unwrap_or("")
    }

    /// Its bytes.
    pub fn bytes(&self, i: u32) -> &'a [u8] {
        self.table.get(i as usize).map_or(&[], |row| blob(self.heap, number(row, 0)))
    }

    /// The hashes of all, in their order: [`word_hash`].
    pub fn hashes(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.table.iter().map(|row| number(row, 4))
    }
}

/// The hash that stands beside the numbered words of a shelf: the one of apk's own table of names,
/// whose order its answers hang on. MurmurHash3 (x86, 32 bits), by Austin Appleby, from apk's seed.
pub fn word_hash(text: &str) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, tail) = text.as_bytes().as_chunks::<4>();
    let mut h = words.iter().fold(5381, |h: u32, w| {
        (h ^ mix(u32::from_le_bytes(*w))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let last = tail.iter().rev().fold(0, |k, b| k << 8 | u32::from(*b));
    if !tail.is_empty() {
        h ^= mix(last);
    }
    h ^= text.len() as u32;
    h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
    h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
    h ^ h >> 16
}

/// The links of all records of a shelf.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    links: &'a [[u8; LINK]],
    columns: [&'a [u8]; 7],
}

impl<'a> Links<'a> {
    /// How many links all records have together.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Those of a row.
    pub fn of(&self, row: u32) -> RecordLinks<'a> {
        let at = row as usize * 4;
        let [name, version, depends, provides, install_if, end, identity] =
            self.columns.map(|c| number(c, at));
        let list =
            |start: u32, end: u32| LinkList(self.links.get(start as usize..end as usize).unwrap_or(&[]));
        RecordLinks {
            name: name & (NAMES - 1),
            version,
            is_broken: name >= NAMES,
            identity: NonZeroU32::new(identity),
            depends: list(depends, provides),
            provides: list(provides, install_if),
            install_if: list(install_if, end),
        }
    }
}

impl Shelf {
    /// The numbered names of an apk shelf: of packages, and those in their dependencies.
    pub fn link_names(&self) -> Words<'_> {
        self.words(Section::LinkNames)
    }

    /// Its numbered versions; the first is "".
    pub fn link_versions(&self) -> Words<'_> {
        self.words(Section::LinkVersions)
    }

    /// The dependencies of its records by numbers. A shelf of Debian's has none.
    pub fn links(&self) -> Links<'_> {
        use Section::{
            LinkDepends, LinkEnd, LinkIdentity, LinkInstallIf, LinkName, LinkProvides, LinkVersion,
        };
        let columns =
            [LinkName, LinkVersion, LinkDepends, LinkProvides, LinkInstallIf, LinkEnd, LinkIdentity];
        Links { links: self.section(Section::Links).as_chunks().0, columns: columns.map(|c| self.section(c)) }
    }

    fn words(&self, section: Section) -> Words<'_> {
        Words { table: self.section(section).as_chunks().0, heap: self.section(Section::Heap) }
    }
}
