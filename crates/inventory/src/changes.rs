use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use oci::Digest;
use rootfs::path::follow;
use rootfs::{Entry, Node, PayloadIx};

use crate::packages::{self, Found, Places, Texts};
use crate::stack::{Slot, View};
use crate::{Change, ChangeKind, InventoryError, Link, Listing, PackageChange, PackageKind};

/// Most bytes of the paths of directories that no layer has as members.
const MOST_IMPLICIT: usize = 1 << 28;

/// What a layer did.
pub(crate) struct Story {
    pub(crate) changes: Vec<Change>,
    pub(crate) links: Vec<Link>,
    pub(crate) packages: Vec<PackageChange>,
    pub(crate) hides: u64,
}

/// Layers stacked so far, and what stands in them of packages.
#[derive(Default)]
pub(crate) struct Stacked {
    pub(crate) view: View,
    pub(crate) texts: Texts,
    pub(crate) places: Places,
    pub(crate) found: Found,
    layers: usize,
}

impl Stacked {
    /// Puts a layer upon the others; what it changed.
    ///
    /// # Errors
    /// A hard link leads nowhere.
    pub(crate) fn put(&mut self, listing: Listing, layer: &Digest) -> Result<Story, InventoryError> {
        let n = self.layers;
        self.layers += 1;
        let Listing { entries, whiteouts, opaque, texts, .. } = listing;
        let links = self.links(&entries);
        let entries = self.resolved(entries, n, layer)?;
        let brought: BTreeSet<BString> = entries.iter().map(|e| e.path.clone()).collect();
        let mut changes: BTreeMap<BString, Change> =
            entries.iter().filter_map(|e| self.change(e)).map(|c| (c.path.clone(), c)).collect();
        let mut gone: Vec<Slot> = opaque.iter().flat_map(|d| self.view.remove_below(d.as_bstr())).collect();
        gone.extend(whiteouts.iter().flat_map(|path| self.view.remove(path.as_bstr())));
        for entry in entries {
            // What this layer itself brought at another name is no change of the layers below.
            gone.extend(self.view.put(entry, n).into_iter().filter(|slot| slot.layer != n));
            if self.view.implicit() > MOST_IMPLICIT {
                let what = "directories that no layer has take more than 256 MiB".to_owned();
                return Err(InventoryError::TooMuch { what });
            }
        }
        for slot in gone {
            let entry = slot.entry;
            let stays = self.view.get(entry.path.as_bstr()).is_some();
            if !brought.contains(&entry.path) {
                let kind = if stays { ChangeKind::Replaced } else { ChangeKind::Deleted };
                let change = Change { path: entry.path.clone(), kind, size: size(&entry) };
                changes.insert(entry.path, change);
            }
        }
        let packages = self.take_texts(texts, n);
        let hides = self.view.take_hidden(n);
        Ok(Story { changes: changes.into_values().collect(), links, packages, hides })
    }

    /// The entries that are other names of what is below.
    fn links(&self, entries: &[Entry]) -> Vec<Link> {
        let link = |entry: &Entry| match &entry.node {
            Node::Hardlink(target) => {
                let below = self.view.get(target.as_bstr())?.layer;
                Some(Link { path: entry.path.clone(), target: target.clone(), below })
            }
            _ => None,
        };
        entries.iter().filter_map(link).collect()
    }

    /// The layer's entries with their layer's number, and links to files below as those.
    fn resolved(&self, entries: Vec<Entry>, n: usize, layer: &Digest) -> Result<Vec<Entry>, InventoryError> {
        let number = PayloadIx(u32::try_from(n).unwrap_or(u32::MAX));
        let one = |mut entry: Entry| {
            match &mut entry.node {
                Node::File(body) => body.payload = number,
                Node::Hardlink(target) => {
                    let below = self.view.get(target.as_bstr()).filter(|s| !s.entry.is_dir());
                    let Some(below) = below else {
                        let (path, target) = (entry.path.clone(), target.clone());
                        return Err(InventoryError::Link { layer: *layer, path, target });
                    };
                    entry = Entry { path: entry.path, ..below.entry.clone() };
                }
                _ => {}
            }
            Ok(entry)
        };
        entries.into_iter().map(one).collect()
    }

    /// What an entry does to what is below; none for a directory that is there.
    fn change(&self, entry: &Entry) -> Option<Change> {
        let kind = match self.view.get(entry.path.as_bstr()).map(|s| &s.entry) {
            None => ChangeKind::Added,
            Some(below) if below.is_dir() && entry.is_dir() => {
                let same = Entry { mtime: below.mtime, ..entry.clone() } == *below;
                if same {
                    return None;
                }
                ChangeKind::Touched
            }
            Some(below) if same_content(below, entry) => ChangeKind::Touched,
            Some(_) => ChangeKind::Replaced,
        };
        Some(Change { path: entry.path.clone(), kind, size: size(entry) })
    }

    /// Keeps the databases that are seen now; what that means for packages.
    fn take_texts(&mut self, texts: BTreeMap<BString, Vec<u8>>, n: usize) -> Vec<PackageChange> {
        let view = &self.view;
        let seen = |path: &BStr, layer: usize| match view.get(path).map(|s| &s.entry.node) {
            Some(Node::File(body)) => usize::try_from(body.payload.0) == Ok(layer),
            _ => false,
        };
        let before = self.texts.len();
        self.texts.retain(|path, text| seen(path.as_bstr(), text.layer));
        let mut changed = self.texts.len() != before;
        for (path, bytes) in texts {
            if seen(path.as_bstr(), n) {
                changed = true;
                self.texts.insert(path, packages::Text { bytes, layer: n });
            }
        }
        let link = |path: &BStr| match view.get(path).map(|s| &s.entry.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        let places = Places::in_tree(|path| follow(path, true, link).ok());
        if !changed && places == self.places {
            return Vec::new();
        }
        self.places = places;
        let mut found = packages::read(&self.texts, &self.places);
        let packages = difference(&self.found, &mut found, n);
        self.found = found;
        packages
    }
}

/// What is other between two states, by name; the later's packages learn their layers.
fn difference(before: &Found, after: &mut Found, n: usize) -> Vec<PackageChange> {
    type Key = (PackageKind, String, String);
    let key = |p: &crate::Package| -> Key { (p.kind, p.name.clone(), p.arch.clone()) };
    let mut old: BTreeMap<Key, (String, usize)> = before
        .packages
        .iter()
        .map(|l| (key(&l.package), (l.package.version.clone(), l.package.layer)))
        .collect();
    let mut changes = Vec::new();
    for listed in &mut after.packages {
        let package = &mut listed.package;
        let was = old.remove(&key(package));
        match was {
            Some((version, layer)) if version == package.version => package.layer = layer,
            was => {
                package.layer = n;
                changes.push(PackageChange {
                    kind: package.kind,
                    name: package.name.clone(),
                    arch: package.arch.clone(),
                    before: was.map(|(version, _)| version),
                    after: Some(package.version.clone()),
                });
            }
        }
    }
    for ((kind, name, arch), (version, _)) in old {
        changes.push(PackageChange { kind, name, arch, before: Some(version), after: None });
    }
    changes.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    changes
}

fn same_content(a: &Entry, b: &Entry) -> bool {
    match (&a.node, &b.node) {
        (Node::File(a), Node::File(b)) => a.digest == b.digest,
        (a, b) => a == b,
    }
}

fn size(entry: &Entry) -> u64 {
    match &entry.node {
        Node::File(body) => body.size,
        _ => 0,
    }
}
