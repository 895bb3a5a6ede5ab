//! Which tar is in which layer: known of a layer that was written here, and of one that was unpacked and summed once.
//! What a config says of a layer never comes here.

use std::io::Read;

use oci::{Algorithm, Descriptor, DiffId, Digest, Raw};

use crate::{Document, SegmentCache, Source, TransportError};

const KIND: &str = "tar";

/// A source whose layers' tars are remembered, so that none is unpacked twice to be summed.
pub struct Summed<'a> {
    /// Where the layers are.
    pub source: &'a dyn Source,
    /// Where it is kept what is in them.
    pub cache: &'a dyn SegmentCache,
}

impl Source for Summed<'_> {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        self.source.document(name)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        self.source.blob(of, from)
    }

    fn size(&self, of: &Descriptor) -> Option<u64> {
        self.source.size(of)
    }

    fn tar(&self, layer: &Digest) -> Option<DiffId> {
        let entry = self.cache.get(KIND, &key(layer)?).filter(|entry| entry.len == 64)?;
        let mut bytes = [0; 64];
        entry.bytes.read_exact_at(0, &mut bytes).ok()?;
        let (of, tar) = bytes.split_at(32);
        // One under another's name says nothing.
        let tar = <[u8; 32]>::try_from(tar).ok().filter(|_| of == layer.as_bytes())?;
        Some(DiffId(Digest::Sha256(tar)))
    }

    fn found_tar(&self, layer: &Digest, tar: &DiffId) {
        remember(self.cache, layer, tar);
    }
}

/// Keeps which tar a layer has, for [`Summed`]. A full disk costs the next one its time, and nothing else.
pub(crate) fn remember(cache: &dyn SegmentCache, layer: &Digest, tar: &DiffId) {
    if let (Some(key), Some(_)) = (key(layer), key(&tar.0))
        && let Ok(mut entry) = cache.begin(KIND, &key)
        && entry.write_all(&[layer.as_bytes(), tar.0.as_bytes()].concat()).is_ok()
    {
        let _ = entry.commit();
    }
}

/// Others than SHA-256 are so rare that they are not kept.
fn key(digest: &Digest) -> Option<String> {
    (digest.algorithm() == Algorithm::Sha256).then(|| digest.hex())
}
