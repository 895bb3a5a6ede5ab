#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diag::Diagnostic;
use oci::{Descriptor, Digest, Index, MediaType, Raw};
use store::{MOST_OWN, Temporary, read_regular, write_atomically};

use crate::index_file::{IndexFile, called};
use crate::pour::pour;
use crate::transport::parse_document;
use crate::{BlobSink, Document, NewBlob, Sink, Source, TransportError};

/// The annotation of an index entry that names it (image-spec, annotations.md).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

pub(crate) const LAYOUT_FILE: &str = "oci-layout";
pub(crate) const LAYOUT_JSON: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";

/// What blobs are called until their digests are known.
const UNFINISHED: &str = "blob";

/// An OCI image layout: a directory of blobs and an index of names (image-spec, image-layout.md).
/// What `oci:DIR` means, and our local image store.
///
/// Blobs and index appear by rename, whole; writers of the index take turns by a lock on the
/// `oci-layout` file. A killed process leaves files named `.blob.*.distil-tmp`, which the next writer removes.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
    /// Locked, shared, by whoever writes images that no name leads to yet.
    hold: Option<Arc<File>>,
}

impl Layout {
    /// A layout that exists.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Layout, TransportError> {
        let layout = Layout { dir: dir.into(), hold: None };
        let file = layout.dir.join(LAYOUT_FILE);
        let bytes = read_regular(&file, MOST_OWN).map_err(TransportError::io("read", file.display()))?;
        check_layout(&file.display().to_string(), &bytes)?;
        Ok(layout)
    }

    /// A layout that exists, or a new, empty one; what killed processes left is removed.
    pub fn create(dir: impl Into<PathBuf>) -> Result<Layout, TransportError> {
        let layout = Layout { dir: dir.into(), hold: None };
        let blobs = layout.dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(TransportError::io("make", blobs.display()))?;
        let file = layout.dir.join(LAYOUT_FILE);
        match read_regular(&file, MOST_OWN) {
            Ok(bytes) => check_layout(&file.display().to_string(), &bytes)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => layout.begin(&file)?,
            Err(e) => return Err(TransportError::io("read", file.display())(e)),
        }
        store::sweep(&layout.dir, UNFINISHED);
        Ok(layout)
    }

    /// Writes `oci-layout`, unless another process does first: who has opened that file, holds the lock of the layout,
    /// and must not lose it to another file of the same name.
    fn begin(&self, file: &Path) -> Result<(), TransportError> {
        let failed = || TransportError::io("write", file.display());
        let mut new = Temporary::beside(&self.dir, UNFINISHED).map_err(failed())?;
        new.file().write_all(LAYOUT_JSON).map_err(failed())?;
        match fs::hard_link(new.path(), file) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                // Not every file system has hard links.
                self.write_file(file, LAYOUT_JSON)
            }
            _ => Ok(()),
        }
    }

    /// Like [`Layout::create`], for a layout that belongs to us: an `oci-layout` or index that cannot be
    /// read is no reason to stop. It is set aside under another name, and blobs stay, so that nothing is
    /// lost that somebody may want to look at. Gives what was set aside and why. As long as this layout lives,
    /// nothing is [pruned](Layout::prune) from it.
    pub fn recover(dir: impl Into<PathBuf>) -> Result<(Layout, Vec<SetAside>), TransportError> {
        let dir = dir.into();
        let mut aside = Vec::new();
        let file = dir.join(LAYOUT_FILE);
        if let Ok(bytes) = read_regular(&file, MOST_OWN)
            && let Err(e) = check_layout(&file.display().to_string(), &bytes)
        {
            aside.push(set_aside(&file, &e)?);
        }
        let mut layout = Layout::create(dir)?;
        layout.hold = Some(Arc::new(layout.held(File::lock_shared)?));
        let _lock = layout.lock()?;
        if let Err(e @ TransportError::Malformed { .. }) = layout.index() {
            aside.push(set_aside(&layout.dir.join(INDEX_FILE), &e)?);
        }
        Ok((layout, aside))
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a blob is, or would be.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    /// Its index; an empty one where nothing was published yet.
    pub fn index(&self) -> Result<Index, TransportError> {
        match self.index_bytes()? {
            Some(bytes) => read_index(&self.dir.join(INDEX_FILE).display().to_string(), &bytes),
            None => Ok(empty_index()),
        }
    }

    fn index_bytes(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let file = self.dir.join(INDEX_FILE);
        match read_regular(&file, MOST_OWN) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(TransportError::io("read", file.display())(e)),
        }
    }

    /// The same to be changed.
    fn index_file(&self) -> Result<IndexFile, TransportError> {
        let bytes = self.index_bytes()?.unwrap_or_else(|| oci::canonical_json(&empty_index()));
        let what = self.dir.join(INDEX_FILE).display().to_string();
        let index = read_index(&what, &bytes)?;
        IndexFile::new(index, &bytes).map_err(|e| TransportError::Malformed { what, why: e.to_string() })
    }

    /// Every name and what it leads to, in the order of the index. Where an entry has a name of containerd's, that
    /// is its name.
    pub fn names(&self) -> Result<Vec<(String, Descriptor)>, TransportError> {
        let named = |d: Descriptor| called(&d).map(str::to_owned).map(|name| (name, d));
        Ok(self.index()?.manifests.into_iter().filter_map(named).collect())
    }

    /// Forgets a name; false if there was none. Blobs stay, until [`Layout::prune`].
    pub fn forget(&self, name: &str) -> Result<bool, TransportError> {
        let _lock = self.lock()?;
        let mut index = self.index_file()?;
        let gone = index.retain(|part| called(part) != Some(name));
        if gone > 0 {
            self.write_index(&index)?;
        }
        Ok(gone > 0)
    }

    /// Removes the blobs that no name leads to. None where somebody writes an image into a layout that he
    /// [recovered](Layout::recover): its blobs come before its name.
    pub fn prune(&self) -> Result<Option<Pruned>, TransportError> {
        let try_alone = |file: &File| file.try_lock().map_err(io::Error::from);
        let alone = match self.held(try_alone) {
            Ok(file) => file,
            Err(TransportError::Io { error, .. }) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let _lock = self.lock()?;
        let mut pruned = Pruned { blobs: 0, bytes: 0, used: BTreeSet::new(), _alone: alone };
        for part in self.index()?.manifests {
            self.mark(&part, &mut pruned.used, 0).map_err(|error| self.needs(&part, error))?;
        }
        let blobs = self.dir.join("blobs/sha256");
        for entry in fs::read_dir(&blobs).map_err(TransportError::io("read", blobs.display()))? {
            let entry = entry.map_err(TransportError::io("read", blobs.display()))?;
            if !pruned.used.contains(entry.file_name().to_string_lossy().as_ref()) {
                let size = entry.metadata().map_or(0, |m| m.len());
                fs::remove_file(entry.path())
                    .map_err(TransportError::io("remove", entry.path().display()))?;
                (pruned.blobs, pruned.bytes) = (pruned.blobs + 1, pruned.bytes + size);
            }
        }
        Ok(Some(pruned))
    }

    /// Of a damaged image nobody knows which blobs it needs.
    fn needs(&self, part: &Descriptor, error: TransportError) -> TransportError {
        let name = called(part).map_or_else(|| part.digest.to_string(), str::to_owned);
        let doing = format!("cannot tell what the image `{name}` in {} needs", self.dir.display());
        Diagnostic::from(error).while_doing(doing).into()
    }

    fn mark(&self, part: &Descriptor, used: &mut BTreeSet<String>, depth: u32) -> Result<(), TransportError> {
        if !used.insert(part.digest.hex()) || depth > 8 {
            return Ok(());
        }
        if !(part.media_type.is_index() || part.media_type.is_manifest()) {
            return Ok(());
        }
        let parts = match crate::transport::read_document(self, part)?.value() {
            Document::Index(index) => index.manifests.clone(),
            Document::Manifest(m) => m.layers.iter().chain([&m.config]).cloned().collect(),
        };
        parts.iter().try_for_each(|p| self.mark(p, used, depth + 1))
    }

    /// The layout's own index is this one from now on, byte for byte; what it named it names no longer.
    pub(crate) fn become_index(&self, index: &Raw<Document>) -> Result<(), TransportError> {
        if let Document::Manifest(_) = index.value() {
            let (what, why) = (self.dir.display().to_string(), "the image has no index".to_owned());
            return Err(TransportError::Malformed { what, why });
        }
        let _lock = self.lock()?;
        self.write_file(&self.dir.join(INDEX_FILE), index.bytes())
    }

    /// The directory of blobs, locked: shared by writers, alone by who removes some.
    fn held(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<File, TransportError> {
        let path = self.dir.join("blobs");
        let file = File::open(&path).map_err(TransportError::io("open", path.display()))?;
        lock(&file).map_err(TransportError::io("lock", path.display()))?;
        Ok(file)
    }

    fn lock(&self) -> Result<File, TransportError> {
        let path = self.dir.join(LAYOUT_FILE);
        let file = File::open(&path).map_err(TransportError::io("open", path.display()))?;
        file.lock().map_err(TransportError::io("lock", path.display()))?;
        Ok(file)
    }

    /// Takes the image without a name out of an index, where there is one: of several none is another's next version.
    fn make_room(&self, index: &mut IndexFile, new: &Descriptor) -> Result<(), TransportError> {
        let nameless: Vec<&Descriptor> =
            index.index().manifests.iter().filter(|part| called(part).is_none()).collect();
        if nameless.len() > 1 && nameless.iter().any(|part| part.digest != new.digest) {
            return Err(TransportError::Unnamed {
                place: self.dir.display().to_string(),
                there: nameless.len(),
            });
        }
        index.retain(|part| called(part).is_some());
        Ok(())
    }

    fn write_index(&self, index: &IndexFile) -> Result<(), TransportError> {
        self.write_file(&self.dir.join(INDEX_FILE), &index.bytes())
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), TransportError> {
        Ok(write_atomically(path, bytes)?)
    }
}

/// What [`Layout::prune`] removed. As long as this lives nobody writes an image into a layout that he
/// [recovered](Layout::recover), so what is kept beside the layout of images may be removed with them.
#[derive(Debug)]
pub struct Pruned {
    /// How many blobs.
    pub blobs: u64,
    /// And their bytes.
    pub bytes: u64,
    used: BTreeSet<String>,
    _alone: File,
}

impl Pruned {
    /// Does a name lead, directly or not, to what has this digest (its hexadecimal digits)?
    pub fn keeps(&self, hex: &str) -> bool {
        self.used.contains(hex)
    }
}

/// A file of a layout that was damaged, and where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Its new name: `index.json.damaged-1`.
    pub now: PathBuf,
    /// What was wrong with it, as a whole sentence.
    pub why: String,
}

fn set_aside(file: &Path, why: &TransportError) -> Result<SetAside, TransportError> {
    let free = (1u32..).map(|n| PathBuf::from(format!("{}.damaged-{n}", file.display())));
    let now = free.into_iter().find(|to| !to.exists()).unwrap_or_default();
    fs::rename(file, &now).map_err(TransportError::io("set aside", file.display()))?;
    Ok(SetAside { now, why: why.to_string() })
}

impl Source for Layout {
    /// `name` is a name of the index, or a digest; with an empty name the only image there is.
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        let index = self.index()?;
        let part = find(&index, name, &self.dir.display().to_string())?;
        crate::transport::read_document(self, part)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let path = self.blob_path(&of.digest);
        let mut file = File::open(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                TransportError::NoBlob { digest: of.digest, place: self.dir.display().to_string() }
            }
            _ => TransportError::io("read", path.display())(e),
        })?;
        if from > 0 {
            file.seek(SeekFrom::Start(from)).map_err(TransportError::io("read", path.display()))?;
        }
        Ok(Box::new(file))
    }

    fn size(&self, of: &Descriptor) -> Option<u64> {
        fs::metadata(self.blob_path(&of.digest)).ok().map(|m| m.len())
    }
}

impl Sink for Layout {
    fn has(&self, part: &Descriptor) -> Result<bool, TransportError> {
        self.has_blob(&part.digest, part.size).map_err(TransportError::io("read", self.dir.display()))
    }

    fn has_whole(&self, part: &Descriptor) -> Result<bool, TransportError> {
        Ok(self.has(part)? && self.is_complete(&part.digest))
    }

    fn published(&self, name: &str) -> Result<Option<Digest>, TransportError> {
        let named = self.names()?.into_iter().find(|(known, _)| known == name);
        Ok(named.map(|(_, part)| part.digest).filter(|digest| self.is_complete(digest)))
    }

    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        let fail = |e| TransportError::io("write", part.digest)(e);
        let mut file = Temporary::beside(&self.dir, UNFINISHED).map_err(fail)?;
        let (found, size) = pour(part, bytes, file.file())?;
        if size != part.size || found != part.digest {
            return Err(TransportError::mismatch(part, &found, size));
        }
        let to = self.blob_path(&part.digest);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(fail)?;
        }
        file.keep(&to).map_err(fail)
    }

    /// Names the document; what had the name loses it, other names stay. An image without a name takes the place of
    /// the one that has none.
    fn publish(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError> {
        let mut part = Descriptor::of(document.value().media_type(), document.bytes());
        self.put(&part, &mut document.bytes())?;
        if !name.is_empty() {
            part.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        let _lock = self.lock()?;
        let mut index = self.index_file()?;
        if name.is_empty() {
            self.make_room(&mut index, &part)?;
        } else {
            index.retain(|known| called(known) != Some(name));
        }
        let malformed = |e: serde_json::Error| TransportError::Malformed {
            what: INDEX_FILE.to_owned(),
            why: e.to_string(),
        };
        index.push(part).map_err(malformed)?;
        self.write_index(&index)
    }
}

impl BlobSink for Layout {
    /// By presence and size only: whoever reads it out checks it in full.
    fn has_blob(&self, digest: &Digest, size: u64) -> io::Result<bool> {
        match fs::metadata(self.blob_path(digest)) {
            Ok(meta) => Ok(meta.len() == size),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn new_blob(&self) -> io::Result<Box<dyn NewBlob + '_>> {
        Ok(Box::new(LayoutBlob { layout: self, file: Temporary::beside(&self.dir, UNFINISHED)? }))
    }
}

struct LayoutBlob<'a> {
    layout: &'a Layout,
    file: Temporary,
}

impl Write for LayoutBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewBlob for LayoutBlob<'_> {
    fn commit(self: Box<Self>, digest: &Digest, _size: u64) -> io::Result<()> {
        self.file.keep(&self.layout.blob_path(digest))
    }
}

pub(crate) fn empty_index() -> Index {
    Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests: Vec::new(),
        subject: None,
        annotations: oci::Annotations::new(),
    }
}

pub(crate) fn check_layout(what: &str, bytes: &[u8]) -> Result<(), TransportError> {
    let malformed = |why: String| TransportError::Malformed { what: what.to_owned(), why };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    match value.get("imageLayoutVersion").and_then(|v| v.as_str()) {
        Some("1.0.0") => Ok(()),
        _ => Err(malformed("its version is not 1.0.0".to_owned())),
    }
}

pub(crate) fn read_index(what: &str, bytes: &[u8]) -> Result<Index, TransportError> {
    match parse_document(what, bytes.to_vec())?.value() {
        Document::Index(index) => Ok(index.clone()),
        Document::Manifest(_) => {
            Err(TransportError::Malformed { what: what.to_owned(), why: "it is a manifest".to_owned() })
        }
    }
}

/// The entry of an index that `name` means: by its whole name, by the tag that is a part of it, by digest, or the
/// only one. A digest is never a name, whatever an index calls its entries.
pub(crate) fn find<'a>(index: &'a Index, name: &str, place: &str) -> Result<&'a Descriptor, TransportError> {
    let found = meant(index, name);
    let typed = |part: &&Descriptor| entry_name(index, part).unwrap_or_else(|| part.digest.to_string());
    match found.as_slice() {
        [] => Err(TransportError::NoImage {
            name: name.to_owned(),
            place: place.to_owned(),
            known: index.manifests.iter().map(|part| typed(&part)).collect(),
        }),
        // The same content under two names is one image.
        [first, others @ ..] if others.iter().all(|other| other.digest == first.digest) => Ok(first),
        several => Err(TransportError::Ambiguous {
            name: name.to_owned(),
            place: place.to_owned(),
            known: several.iter().map(typed).collect(),
        }),
    }
}

fn meant<'a>(index: &'a Index, name: &str) -> Vec<&'a Descriptor> {
    let all = |wanted: &dyn Fn(&Descriptor) -> bool| -> Vec<&'a Descriptor> {
        index.manifests.iter().filter(|part| wanted(part)).collect()
    };
    match name.parse::<Digest>() {
        _ if name.is_empty() => all(&|_| true),
        Ok(digest) => all(&|part| part.digest == digest),
        Err(_) => match all(&|part| called(part) == Some(name)) {
            none if none.is_empty() => all(&|part| part.annotations.get(REF_NAME).is_some_and(|n| n == name)),
            some => some,
        },
    }
}

/// The name by which an entry of an index of images is found: its tag, or the whole name that containerd gives it
/// where the tag is another's too. None where only its digest tells it from others.
pub fn entry_name(index: &Index, part: &Descriptor) -> Option<String> {
    let tag = part.annotations.get(REF_NAME).map(String::as_str).filter(|name| !name.is_empty());
    let finds = |name: &&str| {
        let meant = meant(index, name);
        // A name that looks like a digest is none.
        !meant.is_empty() && meant.iter().all(|d| *d == part) && name.parse::<Digest>().is_err()
    };
    tag.into_iter().chain(called(part)).find(finds).map(str::to_owned)
}
