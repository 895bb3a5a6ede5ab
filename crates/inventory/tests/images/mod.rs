//! Images made up in memory, and how they are shown.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Mutex;

use image::{Document, Source, TransportError};
use inventory::{ChangeKind, Contents, InventoryError, Listing, Listings, Reading, parse_listing};
use oci::{Descriptor, DiffId, Digest, History, Manifest, MediaType, Raw};
use rootfs::Node;
use testkit::tar::Entry;

/// Blobs, and what was read of layers.
#[derive(Default)]
pub(crate) struct Images {
    blobs: HashMap<Digest, Vec<u8>>,
    listings: Remembered,
    pub(crate) history: Vec<History>,
    /// A body breaks off after so many bytes; after none nothing is ever had again.
    pub(crate) breaks_after: Option<usize>,
}

/// The end of a connection.
struct Broken(Option<diag::Diagnostic>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(match self.0.take() {
            Some(said) => std::io::Error::other(image::Carried(said)),
            None => std::io::ErrorKind::ConnectionReset.into(),
        })
    }
}

#[derive(Default)]
struct Remembered(Mutex<HashMap<(Digest, DiffId), Vec<u8>>>);

impl Listings for Remembered {
    fn recall(&self, layer: &Digest, diff_id: &DiffId) -> Option<Listing> {
        parse_listing(self.0.lock().unwrap().get(&(*layer, *diff_id))?)
    }

    fn remember(&self, layer: &Digest, listing: &Listing) {
        self.0.lock().unwrap().insert((*layer, listing.diff_id), listing.encode());
    }
}

impl Source for Images {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        unreachable!("parts are read by descriptor")
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let missing = || TransportError::NoBlob { digest: of.digest, place: "memory".to_owned() };
        let bytes = &self.blobs.get(&of.digest).ok_or_else(missing)?[usize::try_from(from).unwrap()..];
        let gone = || diag::Diagnostic::new(diag::Kind::Network, "cannot read it: the place is gone");
        // Configs come whole.
        Ok(match self.breaks_after.filter(|_| of.media_type == MediaType::LAYER_GZIP) {
            Some(0) => Box::new(Broken(Some(gone()))),
            Some(n) if n < bytes.len() => Box::new(bytes[..n].chain(Broken(None))),
            _ => Box::new(Cursor::new(bytes)),
        })
    }
}

impl Images {
    fn put(&mut self, kind: MediaType, bytes: Vec<u8>) -> Descriptor {
        let part = Descriptor::of(kind, &bytes);
        self.blobs.insert(part.digest, bytes);
        part
    }

    /// A blob, to damage it.
    pub(crate) fn blob(&mut self, digest: &Digest) -> &mut Vec<u8> {
        self.blobs.get_mut(digest).unwrap()
    }

    /// An image of layers as they are stored, each with what the config says that its tar is.
    pub(crate) fn image(&mut self, layers: &[(Vec<u8>, DiffId)]) -> Manifest {
        let diff_ids: Vec<DiffId> = layers.iter().map(|(_, diff_id)| *diff_id).collect();
        let layers = layers.iter().map(|(bytes, _)| self.put(MediaType::LAYER_GZIP, bytes.clone())).collect();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": null, "history": self.history,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.put(MediaType::CONFIG, config.to_string().into_bytes());
        Manifest {
            schema_version: 2,
            media_type: None,
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: oci::Annotations::new(),
        }
    }

    /// What is in an image.
    pub(crate) fn contents(&self, manifest: &Manifest) -> Result<Contents, InventoryError> {
        let listings = &inventory::Forgetful;
        let with = Reading { source: self, listings, up_to: None, threads: 2, reporter: &diag::Silent };
        inventory::read(&with, Digest::of(b"manifest"), manifest)
    }

    /// The same, with what was read before and for what is read later.
    pub(crate) fn remembering(&self, manifest: &Manifest) -> Result<Contents, InventoryError> {
        let with = Reading {
            source: self,
            listings: &self.listings,
            up_to: None,
            threads: 2,
            reporter: &diag::Silent,
        };
        inventory::read(&with, Digest::of(b"manifest"), manifest)
    }

    /// The same by what is remembered, and with no layer at hand.
    pub(crate) fn again(&mut self, manifest: &Manifest) -> Contents {
        self.remembering(manifest).unwrap();
        manifest.layers.iter().for_each(|layer| drop(self.blobs.remove(&layer.digest)));
        self.remembering(manifest).unwrap()
    }

    pub(crate) fn try_read(&mut self, layers: &[&[Entry]]) -> Result<Contents, InventoryError> {
        let stored: Vec<(Vec<u8>, DiffId)> = layers
            .iter()
            .map(|entries| {
                let tar = testkit::tar::tar(*entries);
                (testkit::Compression::Gzip.compress(&tar), DiffId(Digest::of(&tar)))
            })
            .collect();
        let manifest = self.image(&stored);
        self.contents(&manifest)
    }

    /// An image of these layers.
    pub(crate) fn read(&mut self, layers: &[&[Entry]]) -> Contents {
        self.try_read(layers).unwrap_or_else(|e| panic!("{e}: {:?}", std::error::Error::source(&e)))
    }
}

/// Without the root: `LAYER PATH SIZE`, `LAYER PATH/` of a directory, `LAYER PATH -> TARGET` of a link.
pub(crate) fn lines(contents: &Contents) -> Vec<String> {
    let line = |f: &inventory::File| match &f.entry.node {
        Node::Dir => format!("{} {}/", f.layer, f.path()),
        Node::File(body) => format!("{} {} {}", f.layer, f.path(), body.size),
        Node::Symlink(target) => format!("{} {} -> {target}", f.layer, f.path()),
        Node::Hardlink(target) => format!("{} {} -> /{target}", f.layer, f.path()),
        Node::Special(device) => format!("{} {} {device:?}", f.layer, f.path()),
    };
    contents.files.iter().filter(|f| !f.path().is_empty()).map(line).collect()
}

/// What a layer did.
pub(crate) fn changes(contents: &Contents, layer: usize) -> Vec<(&str, ChangeKind, u64)> {
    let changes = &contents.layers[layer].changes;
    changes.iter().map(|c| (std::str::from_utf8(&c.path).unwrap(), c.kind, c.size)).collect()
}
