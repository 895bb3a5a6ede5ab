//! Numbers the names and versions of an apk shelf while it is made.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::build::{BuildError, Ready};
use super::heap::Heap;
use super::links::{Link, NAMES, word_hash};
use super::section::Section;
use super::{RecordDraft, hash_wide};
use crate::{Identity, parse_dependencies};

/// The links of the records so far.
pub(super) struct LinkBuilder {
    pub(super) names: Numbered,
    pub(super) versions: Numbered,
    pub(super) links: Vec<[u32; 2]>,
}

/// What stands in the columns of one record.
#[derive(Clone, Copy, Default)]
pub(super) struct LinkRow {
    name: u32,
    version: u32,
    depends: u32,
    provides: u32,
    install_if: u32,
    end: u32,
    identity: u32,
}

impl LinkRow {
    /// The value of a column; none for the columns of others.
    pub(super) fn value(&self, section: Section) -> Option<u32> {
        Some(match section {
            Section::LinkName => self.name,
            Section::LinkVersion => self.version,
            Section::LinkDepends => self.depends,
            Section::LinkProvides => self.provides,
            Section::LinkInstallIf => self.install_if,
            Section::LinkEnd => self.end,
            Section::LinkIdentity => self.identity,
            _ => return None,
        })
    }
}

impl LinkBuilder {
    pub(super) fn new() -> LinkBuilder {
        let mut versions = Numbered::default();
        // No version is number 0, whatever else there is.
        versions.put(&mut Heap::new(), "");
        LinkBuilder { names: Numbered::default(), versions, links: Vec::new() }
    }

    pub(super) fn push(&mut self, draft: &RecordDraft<'_>, heap: &mut Heap) -> Result<LinkRow, BuildError> {
        // apk passes over a record without an identity, and its names are no names.
        let Some(identity) = &draft.identity else { return Ok(LinkRow::default()) };
        let name = self.names.put(heap, draft.name);
        let version = self.versions.put(heap, draft.version);
        let (depends, is_broken) = self.put(draft.depends, heap);
        let (provides, _) = self.put(draft.provides, heap);
        let (install_if, is_half) = self.put(draft.install_if, heap);
        if is_half {
            // apk keeps no part of an `install_if`.
            self.links.truncate(install_if as usize);
        }
        if self.names.len() >= NAMES {
            return Err(BuildError::TooLarge);
        }
        let end = self.links.len() as u32;
        let name = name | if is_broken { NAMES } else { 0 };
        Ok(LinkRow { name, version, depends, provides, install_if, end, identity: mark(identity) })
    }

    /// Notes a field as far as apk reads it: up to the first word that is no dependency. Gives where
    /// its links begin, and whether anything is wrong with it.
    fn put(&mut self, field: &str, heap: &mut Heap) -> (u32, bool) {
        let start = self.links.len() as u32;
        let mut is_broken = false;
        for word in parse_dependencies(field) {
            let Some(d) = word.ok().filter(|d| d.tag.is_none()) else {
                is_broken = true;
                break;
            };
            is_broken |= !d.has_valid_version();
            let (name, version) = (self.names.put(heap, d.name), self.versions.put(heap, d.version));
            self.links.push(Link { name, conflict: d.conflict, op: d.op, version }.words());
        }
        (start, is_broken)
    }
}

/// Enough of an identity to find it among others, not to be sure.
fn mark(identity: &Identity) -> u32 {
    let bytes = match identity {
        Identity::Whole(digest) => digest.as_bytes(),
        Identity::ApkControl(sha1) => &sha1.0,
    };
    bytes.first_chunk().map_or(1, |b| u32::from_le_bytes(*b).max(1))
}

/// Words by number: (place on the heap, hash).
#[derive(Default)]
pub(super) struct Numbered {
    known: HashMap<u64, u32, BuildHasherDefault<Ready>>,
    pub(super) words: Vec<[u32; 2]>,
}

impl Numbered {
    fn len(&self) -> u32 {
        self.words.len() as u32
    }

    /// The number of a word.
    fn put(&mut self, heap: &mut Heap, text: &str) -> u32 {
        let mut key = hash_wide(text);
        loop {
            let next = self.len();
            let found = *self.known.entry(key).or_insert(next);
            match self.words.get(found as usize) {
                None => self.words.push([heap.put(text.as_bytes()), word_hash(text)]),
                Some(word) if heap.text(word[0]) == text.as_bytes() => {}
                // Another word with this hash.
                Some(_) => {
                    key = key.wrapping_add(1);
                    continue;
                }
            }
            return found;
        }
    }
}
