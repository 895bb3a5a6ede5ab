use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;

use bstr::{BStr, BString, ByteSlice};
use oci::{Algorithm, DiffId, Digest};
use rootfs::path::{file_name, follow, parent};
use rootfs::payload::table::{Cursor, push_bytes, push_entry, push_number};
use rootfs::tar::{Kind, Member};
use rootfs::{Body, Entry, Node, Owner, PayloadIx, WHITEOUT};

/// What a file's name ends with after [`WHITEOUT`] that says that nothing below is seen in its directory.
const OPAQUE: &[u8] = b".wh..opq";

/// Other names with that beginning are aufs's own (`.wh..wh.plnk`, `.wh..wh.aufs`): engines pass over them.
const AUFS: &[u8] = b".wh.";

/// One layer as it was read: what its tar says, once members that stand twice and hard links in it are settled. It
/// depends on the tar alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// Its length in bytes.
    pub unpacked: u64,
    /// What it brings, sorted by path, each path once. A hard link to a file of this layer is that file; one to a file
    /// below is a [`Node::Hardlink`]. Bodies' offsets are places in the tar.
    pub entries: Vec<Entry>,
    /// What it takes away of the layers below.
    pub whiteouts: Vec<BString>,
    /// Directories in which nothing of the layers below is seen.
    pub opaque: Vec<BString>,
    /// Package databases, by path.
    pub texts: BTreeMap<BString, Vec<u8>>,
}

/// Takes members in the order of the tar.
#[derive(Default)]
pub(crate) struct Builder {
    entries: BTreeMap<BString, Entry>,
    whiteouts: Vec<BString>,
    opaque: Vec<BString>,
    texts: BTreeMap<BString, Vec<u8>>,
    /// Directories that are no members, so that a deep path is walked once.
    implicit: BTreeSet<BString>,
    bytes: usize,
}

/// Most bytes that paths, links and attributes of a layer may take: a member of a kilobyte, compressed to a few bytes,
/// can stand two thousand directories deep.
const MOST_BYTES: usize = 1 << 28;

impl Builder {
    /// The next member; its body is of use for files only.
    ///
    /// # Errors
    /// It has too much of all.
    pub(crate) fn take(&mut self, member: Member, body: Body, text: Option<Vec<u8>>) -> io::Result<()> {
        self.bytes += cost(&member);
        if self.bytes > MOST_BYTES {
            let why = "the paths and attributes of its members take more than 256 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.put(member, body, text);
        Ok(())
    }

    fn put(&mut self, member: Member, body: Body, text: Option<Vec<u8>>) {
        if file_name(member.path.as_bstr()).starts_with(WHITEOUT) {
            self.mark(&self.through_links(member.path));
            return;
        }
        let mut entry = member.into_entry(Some(body), Owner::Implicit);
        // Of another name there is no body here.
        let text = text.filter(|_| matches!(entry.node, Node::File(_)));
        entry.path = self.through_links(entry.path);
        let entry = self.linked(entry);
        if entry.path.is_empty() && !entry.is_dir() {
            return;
        }
        self.texts.remove(&entry.path);
        if let Some(text) = text {
            self.texts.insert(entry.path.clone(), text);
        }
        if !entry.is_dir() {
            clear(&mut self.entries, entry.path.as_bstr());
            if self.implicit.remove(&entry.path) {
                clear_set(&mut self.implicit, entry.path.as_bstr());
            }
        }
        self.stand(entry.path.as_bstr());
        self.entries.insert(entry.path.clone(), entry);
    }

    /// Takes a whiteout: it is of the layers below, whatever this one brings before or after it; below a link that this
    /// one made before, it is of what that leads to.
    fn mark(&mut self, path: &BString) {
        let above = parent(path.as_bstr()).unwrap_or_default();
        match &file_name(path.as_bstr()).as_bytes()[WHITEOUT.len()..] {
            OPAQUE => self.opaque.push(above.into()),
            rest if rest.starts_with(AUFS) || rest.is_empty() => {}
            gone if above.is_empty() => self.whiteouts.push(gone.into()),
            gone => self.whiteouts.push([above.as_bytes(), b"/", gone].concat().into()),
        }
    }

    /// Makes sure that a path stands on directories: a file where one must be now was replaced by it.
    fn stand(&mut self, path: &BStr) {
        for directory in ancestors(path) {
            match self.entries.get(directory) {
                Some(entry) if entry.is_dir() => return,
                Some(_) => drop(self.entries.remove(directory)),
                None if self.implicit.contains(directory) => return,
                None => {}
            }
            self.bytes += directory.len();
            self.implicit.insert(directory.into());
        }
    }

    /// Where a path leads by the links of this layer: engines unpack a layer onto a directory of its own, member
    /// after member, and what is below a link goes where that leads. A link of a lower layer is not there then.
    fn through_links(&self, path: BString) -> BString {
        let link = |p: &BStr| match self.entries.get(p).map(|e| &e.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        if !ancestors(path.as_bstr()).any(|above| link(above).is_some()) {
            return path;
        }
        follow(path.as_bstr(), false, link).unwrap_or(path)
    }

    /// A hard link as what it is another name of at that moment, where that is in this layer.
    fn linked(&self, entry: Entry) -> Entry {
        let Node::Hardlink(target) = &entry.node else { return entry };
        match self.entries.get(&self.through_links(target.clone())) {
            Some(file) if !file.is_dir() => Entry { path: entry.path, ..file.clone() },
            _ => entry,
        }
    }

    pub(crate) fn finish(mut self, diff_id: DiffId, unpacked: u64) -> Listing {
        for list in [&mut self.whiteouts, &mut self.opaque] {
            list.sort();
            list.dedup();
        }
        let Builder { entries, whiteouts, opaque, mut texts, .. } = self;
        texts.retain(|path, _| entries.contains_key(path));
        Listing { diff_id, unpacked, entries: entries.into_values().collect(), whiteouts, opaque, texts }
    }
}

pub(crate) fn ancestors(path: &BStr) -> impl Iterator<Item = &BStr> {
    std::iter::successors(parent(path), |p| parent(p)).filter(|p| !p.is_empty())
}

/// The keys below a directory. Siblings such as `a-b` sort between `a` and `a/…`: they are not looked at.
pub(crate) fn keys_below<T>(map: &BTreeMap<BString, T>, directory: &BStr) -> Vec<BString> {
    let first = first_below(directory);
    let from = (Bound::Excluded(first.as_bstr()), Bound::Unbounded);
    map.range::<BStr, _>(from).map(|(p, _)| p).take_while(|p| p.starts_with(&first)).cloned().collect()
}

/// What all paths below a directory begin with, and none is.
fn first_below(directory: &BStr) -> BString {
    if directory.is_empty() { BString::default() } else { [directory.as_bytes(), b"/"].concat().into() }
}

fn clear<T>(map: &mut BTreeMap<BString, T>, directory: &BStr) {
    for path in keys_below(map, directory) {
        map.remove(&path);
    }
}

fn clear_set(set: &mut BTreeSet<BString>, directory: &BStr) {
    let first = first_below(directory);
    let from = (Bound::Excluded(first.as_bstr()), Bound::Unbounded);
    let gone: Vec<BString> =
        set.range::<BStr, _>(from).take_while(|p| p.starts_with(&first)).cloned().collect();
    for path in gone {
        set.remove(&path);
    }
}

/// What a member takes of memory, beside what all do.
fn cost(member: &Member) -> usize {
    let link = match &member.kind {
        Kind::Symlink(target) | Kind::Hardlink(target) => target.len(),
        _ => 0,
    };
    let xattrs: usize = member.xattrs.iter().map(|x| x.name.len() + x.value.len()).sum();
    member.path.len() + link + xattrs
}

const MAGIC: &[u8; 8] = b"listing5";

impl Listing {
    /// As bytes, for a cache. Version rule: any change to these bytes, or to what is read of a tar, counts the number in
    /// the magic up, and no old version is read.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        push_bytes(&mut out, self.diff_id.to_string().as_bytes());
        push_number(&mut out, self.unpacked);
        push_number(&mut out, self.entries.len() as u64);
        for entry in &self.entries {
            push_entry(&mut out, entry, b"");
        }
        for paths in [&self.whiteouts, &self.opaque] {
            push_number(&mut out, paths.len() as u64);
            paths.iter().for_each(|path| push_bytes(&mut out, path));
        }
        push_number(&mut out, self.texts.len() as u64);
        for (path, text) in &self.texts {
            push_bytes(&mut out, path);
            push_bytes(&mut out, text);
        }
        out
    }
}

/// Reads what [`Listing::encode`] wrote; none where these are other bytes.
pub fn parse_listing(bytes: &[u8]) -> Option<Listing> {
    let mut cursor = Cursor { bytes: bytes.strip_prefix(MAGIC)?, at: 0 };
    let diff_id: Digest = cursor.bytes()?.to_str().ok()?.parse().ok()?;
    if diff_id.algorithm() != Algorithm::Sha256 {
        return None;
    }
    let unpacked = cursor.number()?;
    let mut entries = Vec::new();
    for _ in 0..cursor.number()? {
        let (entry, _) = cursor.entry(PayloadIx(0))?;
        entries.push(Entry { owner: Owner::Implicit, ..entry });
    }
    let mut paths = || {
        let mut all: Vec<BString> = Vec::new();
        for _ in 0..cursor.number()? {
            all.push(cursor.bytes()?.into());
        }
        Some(all)
    };
    let (whiteouts, opaque) = (paths()?, paths()?);
    let mut texts = BTreeMap::new();
    for _ in 0..cursor.number()? {
        texts.insert(cursor.bytes()?.into(), cursor.bytes()?.to_vec());
    }
    let whole = cursor.at == cursor.bytes.len() && entries.is_sorted_by(|a, b| a.path < b.path);
    whole.then_some(Listing { diff_id: DiffId(diff_id), unpacked, entries, whiteouts, opaque, texts })
}
