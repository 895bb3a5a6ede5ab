use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::temporary::Temporary;
use crate::upkeep::{mark_used, use_lock};
use crate::{FileLock, StoreError, Temporaries};

/// Objects that can be made again: payloads, shelves, segments. Named by kind and key.
///
/// A file is the object's bytes, then a CRC-32 of each 64 KiB block (little-endian), then 24 bytes:
/// the length of the object, the CRC-32 of the table, zero, and the magic. A damaged object is
/// deleted, counted, and treated as absent.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    temporaries: Temporaries,
    damaged: Arc<AtomicUsize>,
    _in_use: Arc<FileLock>,
}

const BLOCK: u64 = 1 << 16;
const MAGIC: &[u8; 8] = b"distilc1";
const FOOTER: u64 = 24;

/// How much of a kind there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The kind.
    pub kind: String,
    /// How many objects.
    pub objects: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

impl Cache {
    /// The objects below `root`, which is made if need be.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn open(root: &Path) -> Result<Cache, StoreError> {
        let dir = root.join("derived");
        fs::create_dir_all(&dir).map_err(StoreError::io("make", &dir))?;
        let in_use = Arc::new(use_lock(root)?);
        let temporaries = Temporaries::open(&root.join("tmp"))?;
        Ok(Cache { dir, temporaries, damaged: Arc::new(AtomicUsize::new(0)), _in_use: in_use })
    }

    /// The object, if there is a sound one. Its blocks are checked when they are read.
    pub fn find(&self, kind: &str, key: &str) -> Option<Derived> {
        let path = self.path(kind, key);
        let file = File::open(&path).ok()?;
        match Derived::open(file, path, &self.damaged) {
            Some(derived) => Some(derived),
            None => {
                self.damaged(kind, key);
                None
            }
        }
    }

    /// Is there one? Only presence is looked at.
    pub fn contains(&self, kind: &str, key: &str) -> bool {
        self.path(kind, key).exists()
    }

    /// The whole object, checked; a damaged one is deleted and absent.
    pub fn read(&self, kind: &str, key: &str) -> Option<Vec<u8>> {
        // A damaged block is deleted and counted where it is found.
        self.find(kind, key)?.bytes().ok()
    }

    /// Checks every block, without holding the whole; a damaged one is deleted.
    pub fn is_sound(&self, kind: &str, key: &str) -> bool {
        let Some(derived) = self.find(kind, key) else { return false };
        (0..derived.len().div_ceil(BLOCK)).all(|block| derived.check(block).is_ok())
    }

    /// Writes an object; `make` gives its bytes. Whoever comes second replaces the same by the same.
    ///
    /// # Errors
    /// `make` fails, or the disk does.
    pub fn put<T, E: From<StoreError>>(
        &self,
        kind: &str,
        key: &str,
        make: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut out = self.begin(kind, key)?;
        let made = make(&mut out)?;
        out.commit()?;
        Ok(made)
    }

    /// Begins an object, for whoever writes it bit by bit.
    ///
    /// # Errors
    /// No file can be made.
    pub fn begin(&self, kind: &str, key: &str) -> Result<NewDerived, StoreError> {
        let dir = self.dir.join(kind);
        fs::create_dir_all(&dir).map_err(StoreError::io("make", &dir))?;
        Ok(NewDerived { out: BlockWriter::new(self.temporaries.make()?), to: dir.join(key) })
    }

    /// Forgets an object that turned out to be damaged, and counts it.
    pub fn damaged(&self, kind: &str, key: &str) {
        let _ = fs::remove_file(self.path(kind, key));
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// How many damaged objects were met so far, for the user to be told.
    pub fn damaged_count(&self) -> usize {
        self.damaged.load(Ordering::Relaxed)
    }

    /// How much of what there is, by kind.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn usage(&self) -> Result<Vec<Usage>, StoreError> {
        let mut out = Vec::new();
        for kind in self.kinds()? {
            let mut usage = Usage { kind: kind.clone(), objects: 0, bytes: 0 };
            for path in self.objects(&kind)? {
                usage.objects += 1;
                usage.bytes += fs::metadata(&path).map_or(0, |m| m.len());
            }
            out.push(usage);
        }
        Ok(out)
    }

    /// Every kind that there is.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn kinds(&self) -> Result<Vec<String>, StoreError> {
        let entries = fs::read_dir(&self.dir).map_err(StoreError::io("read", &self.dir))?;
        let mut kinds: Vec<String> =
            entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        kinds.sort();
        Ok(kinds)
    }

    /// The files of a kind.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn objects(&self, kind: &str) -> Result<Vec<PathBuf>, StoreError> {
        let dir = self.dir.join(kind);
        let entries = fs::read_dir(&dir).map_err(StoreError::io("read", &dir))?;
        let mut all: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        all.sort();
        Ok(all)
    }

    fn path(&self, kind: &str, key: &str) -> PathBuf {
        self.dir.join(kind).join(key)
    }
}

/// An object that is being written.
pub struct NewDerived {
    out: BlockWriter,
    to: PathBuf,
}

impl NewDerived {
    /// Gives it its name. Whoever comes second replaces the same by the same.
    ///
    /// # Errors
    /// The disk fails.
    pub fn commit(self) -> Result<(), StoreError> {
        self.out.finish().map_err(StoreError::io("write", &self.to))?.name(&self.to)
    }
}

impl Write for NewDerived {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An open object.
#[derive(Debug)]
pub struct Derived {
    file: File,
    path: PathBuf,
    len: u64,
    table: Vec<u32>,
    /// One bit a block: it was checked since the file was opened.
    checked: Vec<AtomicU8>,
    damaged: Arc<AtomicUsize>,
}

impl Derived {
    fn open(file: File, path: PathBuf, damaged: &Arc<AtomicUsize>) -> Option<Derived> {
        let metadata = file.metadata().ok()?;
        mark_used(&file, &metadata);
        let footer_at = metadata.len().checked_sub(FOOTER)?;
        let mut footer = [0; FOOTER as usize];
        read_exact_at(&file, &mut footer, footer_at).ok()?;
        let number = |at: usize| u64::from_le_bytes(footer[at..at + 8].try_into().unwrap_or_default());
        let (len, table_crc) = (number(0), number(8));
        let blocks = len.div_ceil(BLOCK);
        if &footer[16..] != MAGIC || blocks.checked_mul(4)?.checked_add(len)? != footer_at {
            return None;
        }
        let mut raw = vec![0; usize::try_from(blocks * 4).ok()?];
        read_exact_at(&file, &mut raw, len).ok()?;
        if u64::from(crc32fast::hash(&raw)) != table_crc {
            return None;
        }
        let table: Vec<u32> =
            raw.chunks_exact(4).map(|c| u32::from_le_bytes(c.try_into().unwrap_or_default())).collect();
        let checked = (0..table.len().div_ceil(8)).map(|_| AtomicU8::new(0)).collect();
        Some(Derived { file, path, len, table, checked, damaged: Arc::clone(damaged) })
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is it empty?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its file; its bytes are the first [`Derived::len`] of it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole, checked.
    ///
    /// # Errors
    /// It cannot be read, or a block is damaged (`InvalidData`).
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let len = usize::try_from(self.len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut out = vec![0; len];
        read_exact_at(&self.file, &mut out, 0)?;
        for (i, block) in out.chunks(BLOCK as usize).enumerate() {
            self.judge(i, block)?;
        }
        Ok(out)
    }

    /// Fills `buffer` from `at` on.
    ///
    /// # Errors
    /// It ends before, cannot be read, or a block is damaged (`InvalidData`).
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = at.checked_add(buffer.len() as u64).filter(|end| *end <= self.len);
        let Some(end) = end else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if buffer.is_empty() {
            return Ok(());
        }
        for block in at / BLOCK..end.div_ceil(BLOCK) {
            self.check(block)?;
        }
        read_exact_at(&self.file, buffer, at)
    }

    fn check(&self, block: u64) -> io::Result<()> {
        let i = block as usize;
        let bit = 1 << (i % 8);
        if self.checked[i / 8].load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let from = block * BLOCK;
        let mut bytes = vec![0; (self.len - from).min(BLOCK) as usize];
        read_exact_at(&self.file, &mut bytes, from)?;
        self.judge(i, &bytes)?;
        self.checked[i / 8].fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }

    fn judge(&self, block: usize, bytes: &[u8]) -> io::Result<()> {
        if self.table.get(block) == Some(&crc32fast::hash(bytes)) {
            return Ok(());
        }
        // Deleted here, so that the next run makes it again even if this one cannot go on.
        let _ = fs::remove_file(&self.path);
        self.damaged.fetch_add(1, Ordering::Relaxed);
        let what =
            format!("{} was damaged on disk, and is deleted now; run the command again", self.path.display());
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

/// Counts blocks while bytes pass.
struct BlockWriter {
    out: BufWriter<Out>,
    len: u64,
    crc: crc32fast::Hasher,
    table: Vec<u8>,
}

struct Out(Temporary);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.file().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlockWriter {
    fn new(temporary: Temporary) -> BlockWriter {
        BlockWriter {
            out: BufWriter::with_capacity(1 << 17, Out(temporary)),
            len: 0,
            crc: crc32fast::Hasher::new(),
            table: Vec::new(),
        }
    }

    fn finish(mut self) -> io::Result<Temporary> {
        if !self.len.is_multiple_of(BLOCK) {
            self.end_block();
        }
        self.out.write_all(&self.table)?;
        self.out.write_all(&self.len.to_le_bytes())?;
        self.out.write_all(&u64::from(crc32fast::hash(&self.table)).to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        Ok(self.out.into_inner().map_err(io::IntoInnerError::into_error)?.0)
    }

    fn end_block(&mut self) {
        let crc = std::mem::take(&mut self.crc).finalize();
        self.table.extend_from_slice(&crc.to_le_bytes());
    }
}

impl Write for BlockWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (BLOCK - self.len % BLOCK) as usize;
        let n = bytes.len().min(room);
        self.out.write_all(&bytes[..n])?;
        self.crc.update(&bytes[..n]);
        self.len += n as u64;
        if n > 0 && self.len.is_multiple_of(BLOCK) {
            self.end_block();
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        (dir, cache)
    }

    fn put(cache: &Cache, bytes: &[u8]) {
        cache
            .put::<_, StoreError>("kind", "key", |w| {
                w.write_all(bytes).map_err(StoreError::io("write", Path::new("x")))
            })
            .unwrap();
    }

    #[test]
    fn gives_back_what_was_put_at_every_size() {
        let (_dir, cache) = cache();
        for len in [0usize, 1, 65_535, 65_536, 65_537, 200_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 256) as u8).collect();
            put(&cache, &bytes);
            let derived = cache.find("kind", "key").unwrap();
            assert_eq!(derived.bytes().unwrap(), bytes);
            for at in [0, len / 2, len.saturating_sub(1)] {
                let mut out = vec![0; (len - at).min(70_000)];
                derived.read_at(at as u64, &mut out).unwrap();
                assert_eq!(out, bytes[at..at + out.len()]);
            }
            assert!(derived.read_at(len as u64, &mut [0]).is_err());
        }
    }

    #[test]
    fn any_flipped_bit_is_found_and_the_object_is_gone() {
        let bytes = vec![7; 150_000];
        for at in [0usize, 70_000, 149_999, 150_000, 150_011, 150_012, 150_020, 150_030] {
            let (dir, cache) = cache();
            put(&cache, &bytes);
            let path = dir.path().join("derived/kind/key");
            let mut raw = fs::read(&path).unwrap();
            raw[at] ^= 4;
            fs::write(&path, raw).unwrap();
            assert_eq!(cache.read("kind", "key"), None, "{at}");
            assert!(!cache.contains("kind", "key"), "{at}");
            assert_eq!(cache.damaged_count(), 1);
        }
        let (dir, cache) = cache();
        put(&cache, &bytes);
        let path = dir.path().join("derived/kind/key");
        let raw = fs::read(&path).unwrap();
        fs::write(&path, &raw[..raw.len() - 1]).unwrap();
        assert!(cache.find("kind", "key").is_none());
    }
}
