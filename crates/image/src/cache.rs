use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Mutex;

use rootfs::ReadAt;

/// Where segments and what is known of layers are kept between builds. All of it is derived: an
/// entry may be lost at any time, and one that fails the keeper's check is as good as lost.
pub trait SegmentCache: Sync {
    /// The entry of that kind and key.
    fn get(&self, kind: &str, key: &str) -> Option<CacheEntry>;
    /// A new entry, in place of an older one of the same name. Nothing is seen of it before `commit`.
    fn begin(&self, kind: &str, key: &str) -> io::Result<Box<dyn NewCacheEntry + '_>>;
}

/// An entry of a [`SegmentCache`].
pub struct CacheEntry {
    /// Its length.
    pub len: u64,
    /// Its bytes.
    pub bytes: Box<dyn ReadAt>,
}

/// An entry that is being written; dropped without [`commit`](NewCacheEntry::commit), it never was.
pub trait NewCacheEntry: Write {
    /// Makes it visible.
    fn commit(self: Box<Self>) -> io::Result<()>;
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCache;

impl SegmentCache for NoCache {
    fn get(&self, _: &str, _: &str) -> Option<CacheEntry> {
        None
    }

    fn begin(&self, _: &str, _: &str) -> io::Result<Box<dyn NewCacheEntry + '_>> {
        Ok(Box::new(Nowhere))
    }
}

struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewCacheEntry for Nowhere {
    fn commit(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps everything, in memory.
#[derive(Debug, Default)]
pub struct MemoryCache {
    entries: Mutex<BTreeMap<(String, String), Vec<u8>>>,
}

impl MemoryCache {
    /// An empty one.
    pub fn new() -> MemoryCache {
        MemoryCache::default()
    }

    /// Lets `change` alter an entry (tests of corruption), or remove it by saying false.
    pub fn alter(&self, mut change: impl FnMut(&str, &str, &mut Vec<u8>) -> bool) {
        self.lock().retain(|(kind, key), bytes| change(kind, key, bytes));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Vec<u8>>> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl SegmentCache for MemoryCache {
    fn get(&self, kind: &str, key: &str) -> Option<CacheEntry> {
        let bytes = self.lock().get(&(kind.to_owned(), key.to_owned()))?.clone();
        Some(CacheEntry { len: bytes.len() as u64, bytes: Box::new(bytes) })
    }

    fn begin(&self, kind: &str, key: &str) -> io::Result<Box<dyn NewCacheEntry + '_>> {
        Ok(Box::new(NewInMemory { cache: self, name: (kind.to_owned(), key.to_owned()), bytes: Vec::new() }))
    }
}

struct NewInMemory<'a> {
    cache: &'a MemoryCache,
    name: (String, String),
    bytes: Vec<u8>,
}

impl Write for NewInMemory<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewCacheEntry for NewInMemory<'_> {
    fn commit(self: Box<Self>) -> io::Result<()> {
        self.cache.lock().insert(self.name, self.bytes);
        Ok(())
    }
}

impl SegmentCache for store::Cache {
    fn get(&self, kind: &str, key: &str) -> Option<CacheEntry> {
        let derived = self.find(kind, key)?;
        Some(CacheEntry { len: derived.len(), bytes: Box::new(FromStore(derived)) })
    }

    fn begin(&self, kind: &str, key: &str) -> io::Result<Box<dyn NewCacheEntry + '_>> {
        store::Cache::begin(self, kind, key).map(|new| Box::new(new) as _).map_err(io::Error::other)
    }
}

struct FromStore(store::Derived);

impl ReadAt for FromStore {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(at, buffer)
    }
}

impl NewCacheEntry for store::NewDerived {
    fn commit(self: Box<Self>) -> io::Result<()> {
        store::NewDerived::commit(*self).map_err(io::Error::other)
    }
}
