//! Whether what a layout names is there (a look-up), and whether it is what it says (in full).
#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::fs;

use oci::{Descriptor, Digest, Hasher, MediaType};

use crate::{BlobSink, Document, Layout, read_document};

/// Deeper nesting than any image has.
const DEEPEST: u32 = 4;

impl Layout {
    /// Is every part of that index or manifest there, with its size? Contents are not read, but for the
    /// documents themselves.
    pub fn is_complete(&self, digest: &Digest) -> bool {
        let Ok(meta) = fs::metadata(self.blob_path(digest)) else { return false };
        let part = Descriptor::new(MediaType::INDEX, *digest, meta.len());
        self.each_part(&part, 0, &mut |p| matches!(self.has_blob(&p.digest, p.size), Ok(true)))
    }

    /// Hashes every part of that index or manifest, and deletes what is damaged; gives whether anything
    /// was.
    pub fn drop_damaged(&self, digest: &Digest) -> bool {
        let Ok(meta) = fs::metadata(self.blob_path(digest)) else { return true };
        let part = Descriptor::new(MediaType::INDEX, *digest, meta.len());
        let mut damaged = !self.is_sound(&part);
        damaged |= !self.each_part(&part, 0, &mut |p| {
            let sound = self.is_sound(p);
            damaged |= !sound;
            true
        });
        damaged
    }

    /// Bytes of all its blobs.
    pub fn size(&self) -> Result<u64, crate::TransportError> {
        let dir = self.dir().join("blobs/sha256");
        let entries = fs::read_dir(&dir).map_err(crate::TransportError::io("read", dir.display()))?;
        Ok(entries.flatten().filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum())
    }

    fn is_sound(&self, part: &Descriptor) -> bool {
        let sound = self.agrees(&part.digest);
        if !sound {
            let _ = fs::remove_file(self.blob_path(&part.digest));
        }
        sound
    }

    /// Does the blob's content have its digest? False where it cannot be read.
    pub(crate) fn agrees(&self, digest: &Digest) -> bool {
        let Ok(mut file) = fs::File::open(self.blob_path(digest)) else { return false };
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; 256 << 10];
        let read = loop {
            match std::io::Read::read(&mut file, &mut buffer) {
                Ok(0) => break true,
                Ok(n) => hasher.update(&buffer[..n]),
                Err(_) => break false,
            }
        };
        read && hasher.finish() == *digest
    }

    /// Visits all parts below a document; false as soon as one is refused or cannot be read.
    fn each_part(&self, part: &Descriptor, depth: u32, visit: &mut dyn FnMut(&Descriptor) -> bool) -> bool {
        if depth > DEEPEST {
            return false;
        }
        let Ok(document) = read_document(self, part) else { return false };
        let parts: Vec<Descriptor> = match document.value() {
            Document::Index(index) => index.manifests.clone(),
            Document::Manifest(m) => m.layers.iter().chain([&m.config]).cloned().collect(),
        };
        parts.iter().all(|p| {
            let nested = p.media_type.is_index() || p.media_type.is_manifest();
            visit(p) && (!nested || self.each_part(p, depth + 1, visit))
        })
    }
}
