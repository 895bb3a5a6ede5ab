use bstr::{BStr, ByteSlice};

use crate::Entry;

/// Entries sorted by path bytes, each path once.
///
/// The root itself may be an entry (path empty). Sorting by bytes puts a directory before what is
/// in it, but `a-b` between `a` and `a/c`; look-ups are binary searches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// A tree of `entries` in any order; of several with one path the last stays.
    pub fn from_entries(mut entries: Vec<Entry>) -> Tree {
        entries.reverse();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|later, kept| later.path == kept.path);
        Tree { entries }
    }

    /// A tree of entries that are sorted by path, each path once; none if they are not.
    pub fn from_sorted(entries: Vec<Entry>) -> Option<Tree> {
        entries.is_sorted_by(|a, b| a.path < b.path).then_some(Tree { entries })
    }

    /// Where among [`entries`](Tree::entries) a path is.
    pub fn position(&self, path: impl AsRef<[u8]>) -> Option<usize> {
        self.find(path.as_ref()).ok()
    }

    /// All entries, by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes the tree apart.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The entry at exactly this path (no symbolic link is followed).
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Entry> {
        self.find(path.as_ref()).ok().map(|i| &self.entries[i])
    }

    /// The same, to change it; its path must stay.
    pub fn get_mut(&mut self, path: impl AsRef<[u8]>) -> Option<&mut Entry> {
        self.find(path.as_ref()).ok().map(|i| &mut self.entries[i])
    }

    /// Adds or replaces, and gives what was there.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        match self.find(&entry.path) {
            Ok(i) => Some(std::mem::replace(&mut self.entries[i], entry)),
            Err(i) => {
                self.entries.insert(i, entry);
                None
            }
        }
    }

    /// Takes an entry out; what is below a directory stays.
    pub fn remove(&mut self, path: impl AsRef<[u8]>) -> Option<Entry> {
        self.find(path.as_ref()).ok().map(|i| self.entries.remove(i))
    }

    /// Keeps the entries that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.entries.retain(keep);
    }

    /// Every entry below a directory (not the directory itself).
    pub fn below<'a>(&'a self, dir: &'a BStr) -> impl Iterator<Item = &'a Entry> + 'a {
        let from = match self.find(dir) {
            Ok(i) => i + 1,
            Err(i) => i,
        };
        // Siblings such as `a-b` sort between `a` and `a/…`, so they are passed over, not an end.
        self.entries[from..]
            .iter()
            .take_while(move |e| e.path.starts_with(dir))
            .filter(move |e| dir.is_empty() || e.path.get(dir.len()) == Some(&b'/'))
    }

    fn find(&self, path: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|e| e.path.as_bytes().cmp(path))
    }
}
