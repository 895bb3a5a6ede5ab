use std::collections::{BTreeMap, HashMap};

use bstr::{BStr, BString, ByteSlice};
use rootfs::{Entry, Node};

use crate::File;
use crate::listing::{ancestors, keys_below};

/// A path of the layers so far.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) entry: Entry,
    pub(crate) layer: usize,
}

/// What a container would see of the layers so far.
#[derive(Default)]
pub(crate) struct View {
    slots: BTreeMap<BString, Slot>,
    /// Bytes of the paths of directories that are no members.
    implicit: usize,
    /// How many names each body has.
    names: HashMap<Place, u32>,
    /// Bodies that lost their last name since somebody asked, and their lengths.
    lost: HashMap<Place, u64>,
}

/// The layer of a body, and where in it.
type Place = (u32, u64);

fn place(entry: &Entry) -> Option<(Place, u64)> {
    match &entry.node {
        Node::File(body) => Some(((body.payload.0, body.offset), body.size)),
        _ => None,
    }
}

impl View {
    pub(crate) fn get(&self, path: &BStr) -> Option<&Slot> {
        self.slots.get(path)
    }

    /// Takes away what is below a directory; what was there.
    pub(crate) fn remove_below(&mut self, directory: &BStr) -> Vec<Slot> {
        let gone = keys_below(&self.slots, directory);
        gone.into_iter().filter_map(|path| self.take(path.as_bstr())).collect()
    }

    fn take(&mut self, path: &BStr) -> Option<Slot> {
        let slot = self.slots.remove(path)?;
        self.unname(&slot.entry);
        Some(slot)
    }

    fn set(&mut self, slot: Slot) -> Option<Slot> {
        if let Some((place, _)) = place(&slot.entry) {
            *self.names.entry(place).or_default() += 1;
        }
        let before = self.slots.insert(slot.entry.path.clone(), slot);
        before.iter().for_each(|slot| self.unname(&slot.entry));
        before
    }

    fn unname(&mut self, entry: &Entry) {
        if let Some((place, size)) = place(entry)
            && let Some(names) = self.names.get_mut(&place)
        {
            *names -= 1;
            if *names == 0 {
                self.names.remove(&place);
                self.lost.insert(place, size);
            }
        }
    }

    /// Bytes of files of layers below `layer` that have had no name since this was asked last: they are still
    /// stored.
    pub(crate) fn take_hidden(&mut self, layer: usize) -> u64 {
        let below = |(n, _): Place| usize::try_from(n).is_ok_and(|n| n < layer);
        let hidden = |(place, size)| (below(place) && !self.names.contains_key(&place)).then_some(size);
        std::mem::take(&mut self.lost).into_iter().filter_map(hidden).sum()
    }

    /// Takes away a path and what is below it; what was there.
    pub(crate) fn remove(&mut self, path: &BStr) -> Vec<Slot> {
        let mut gone = self.remove_below(path);
        gone.extend(self.take(path));
        gone
    }

    /// Puts an entry where a file, or a directory with everything in it, may be; what had to go beside the path itself.
    pub(crate) fn put(&mut self, entry: Entry, layer: usize) -> Vec<Slot> {
        let is_missing = |d: &&BStr| !self.slots.get(*d).is_some_and(|s| s.entry.is_dir());
        let missing: Vec<BString> =
            ancestors(entry.path.as_bstr()).take_while(is_missing).map(BString::from).collect();
        let mut gone = Vec::new();
        for directory in missing {
            self.implicit += directory.len();
            let slot = Slot { entry: Entry::implicit_dir(directory.clone()), layer };
            gone.extend(self.set(slot));
        }
        if !entry.is_dir() {
            gone.extend(self.remove_below(entry.path.as_bstr()));
        }
        self.set(Slot { entry, layer });
        gone
    }

    /// Bytes of the paths of directories that no layer has: a path can stand on two thousand of them.
    pub(crate) fn implicit(&self) -> usize {
        self.implicit
    }

    /// All of it. Of files with several names the first stays one, and the others become links to it.
    pub(crate) fn into_files(mut self) -> Vec<File> {
        let root = || Slot { entry: Entry::implicit_dir(BString::default()), layer: 0 };
        self.slots.entry(BString::default()).or_insert_with(root);
        let mut first: HashMap<(u32, u64), BString> = HashMap::new();
        let link = |mut slot: Slot| {
            let place = match &slot.entry.node {
                Node::File(body) => Some((body.payload.0, body.offset)),
                _ => None,
            };
            if let Some(place) = place {
                match first.get(&place) {
                    Some(path) => slot.entry.node = Node::Hardlink(path.clone()),
                    None => drop(first.insert(place, slot.entry.path.clone())),
                }
            }
            File { entry: slot.entry, layer: slot.layer }
        };
        self.slots.into_values().map(link).collect()
    }
}
