use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use oci::Digest;

/// Which payload of a composition holds a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadIx(pub u32);

/// The content of a regular file: where it is and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Body {
    /// SHA-256 of the content.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// The payload that holds it.
    pub payload: PayloadIx,
    /// Where in the payload it begins.
    pub offset: u64,
}

/// Gives the bytes of bodies. Implemented by whoever holds the payloads (files of the cache,
/// memory for derived files, a layer of a foreign image).
pub trait Bodies: Sync {
    /// Reads `buffer.len()` bytes from `at` (relative to the beginning of the body) on; the caller
    /// stays within `body.size`.
    fn read_at(&self, body: &Body, at: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// The whole content; for small files only.
    fn read(&self, body: &Body) -> io::Result<Vec<u8>> {
        let len = usize::try_from(body.size).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut out = vec![0; len];
        self.read_at(body, 0, &mut out)?;
        Ok(out)
    }
}

/// Bytes that can be read from any place: a file of the cache, a buffer.
pub trait ReadAt: Send + Sync {
    /// Fills `buffer` from `at` on, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

#[cfg(unix)]
impl ReadAt for std::fs::File {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, at)
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|from| self.get(from..));
        let bytes = from.and_then(|rest| rest.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(at, buffer)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(at, buffer)
    }
}

/// The bodies of several payloads, numbered in the order in which they were added.
#[derive(Default)]
pub struct Payloads {
    sources: Vec<Box<dyn ReadAt>>,
}

impl Payloads {
    /// None yet.
    pub fn new() -> Payloads {
        Payloads::default()
    }

    /// The number that the next [`add`](Payloads::add) gives.
    pub fn next(&self) -> PayloadIx {
        PayloadIx(u32::try_from(self.sources.len()).expect("fewer than 2^32 payloads"))
    }

    /// Adds a payload and numbers it.
    pub fn add(&mut self, source: impl ReadAt + 'static) -> PayloadIx {
        let ix = self.next();
        self.sources.push(Box::new(source));
        ix
    }
}

impl Bodies for Payloads {
    fn read_at(&self, body: &Body, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let source = usize::try_from(body.payload.0).ok().and_then(|ix| self.sources.get(ix));
        let source = source.ok_or_else(|| io::Error::other(format!("no payload {}", body.payload.0)))?;
        source.read_exact_at(body.offset + at, buffer)
    }
}

/// A payload in memory, for files that we make: small, each content once.
#[derive(Debug, Clone)]
pub struct MemoryPayload {
    ix: PayloadIx,
    bytes: Vec<u8>,
    known: HashMap<Digest, Body>,
}

impl MemoryPayload {
    /// An empty one, which will be number `ix` of a [`Payloads`].
    pub fn new(ix: PayloadIx) -> MemoryPayload {
        MemoryPayload { ix, bytes: Vec::new(), known: HashMap::new() }
    }

    /// Keeps `content`.
    pub fn add(&mut self, content: &[u8]) -> Body {
        let digest = Digest::of(content);
        *self.known.entry(digest).or_insert_with(|| {
            let offset = self.bytes.len() as u64;
            self.bytes.extend_from_slice(content);
            Body { digest, size: content.len() as u64, payload: self.ix, offset }
        })
    }

    /// The content of a body of this payload.
    pub fn get(&self, body: &Body) -> Option<&[u8]> {
        let from = usize::try_from(body.offset).ok().filter(|_| body.payload == self.ix)?;
        self.bytes.get(from..)?.get(..usize::try_from(body.size).ok()?)
    }
}

impl ReadAt for MemoryPayload {
    fn read_exact_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.bytes.as_slice().read_exact_at(at, buffer)
    }
}
