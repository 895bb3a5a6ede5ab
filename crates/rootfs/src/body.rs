use std::io;

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
