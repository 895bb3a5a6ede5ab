#![allow(clippy::disallowed_methods, reason = "layouts are files where the user wants them")]

use std::fs;
use std::io::{self, Read};

use oci::{Descriptor, Digest, MediaType, Raw};

use crate::{Document, Layout, Source, TransportError, read_document};

/// One image of a layout, whatever its names lead to by now: another process may give them to another image at any
/// moment.
#[derive(Debug, Clone)]
pub struct ByDigest {
    layout: Layout,
    digest: Digest,
}

impl Layout {
    /// The image whose index or manifest has this digest; every name leads to it.
    pub fn by_digest(&self, digest: Digest) -> ByDigest {
        ByDigest { layout: self.clone(), digest }
    }
}

impl Source for ByDigest {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        let path = self.layout.blob_path(&self.digest);
        let there = fs::metadata(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                TransportError::NoBlob { digest: self.digest, place: self.layout.dir().display().to_string() }
            }
            _ => TransportError::io("read", path.display())(e),
        })?;
        read_document(&self.layout, &Descriptor::new(MediaType::INDEX, self.digest, there.len()))
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        self.layout.blob(of, from)
    }
}
