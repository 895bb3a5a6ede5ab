use std::collections::HashMap;
use std::io::{Cursor, Read};

use image::{Document, Source, TransportError};
use inventory::{Forgetful, Listing, Reading, parse_listing};
use oci::{Descriptor, Digest, Manifest, MediaType, Raw};

/// Package databases and a listing of the cache.
pub(crate) fn texts(data: &[u8]) {
    for package in inventory::parse_status(data) {
        assert!(!package.name.is_empty() && !package.version.is_empty(), "a package without a name");
    }
    let _ = (inventory::parse_md5sums(data), inventory::parse_diversions(data));
    let _ = inventory::parse_os_release(data);
    if let Some(listing) = parse_listing(data) {
        assert_eq!(parse_listing(&listing.encode()), Some(listing), "a listing is what it was written as");
    }
}

/// Two layers of somebody's, dealt from the bytes: what is accepted is one sound tree.
pub(crate) fn foreign_layer(data: &[u8]) {
    let (split, data) = super::choice(data);
    let at = (data.len() * usize::from(split) / 256).next_multiple_of(512).min(data.len());
    let (lower, upper) = data.split_at(at);
    let mut blobs = Blobs::default();
    let layers: Vec<Descriptor> =
        [lower, upper].iter().map(|l| blobs.put(MediaType::LAYER_TAR, l.to_vec())).collect();
    let diff_ids: Vec<String> = layers.iter().map(|l| l.digest.to_string()).collect();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":{diff_ids:?}}}}}"#
    );
    let config = blobs.put(MediaType::CONFIG, config.into_bytes());
    let manifest = Manifest {
        schema_version: 2,
        media_type: None,
        artifact_type: None,
        config,
        layers,
        subject: None,
        annotations: oci::Annotations::new(),
    };
    let with =
        Reading { source: &blobs, listings: &Forgetful, up_to: None, threads: 1, reporter: &diag::Silent };
    let Ok(contents) = inventory::read(&with, Digest::of(b""), &manifest) else { return };
    assert!(contents.files.is_sorted_by(|a, b| a.path() < b.path()), "a path stands twice");
    for file in &contents.files {
        let path = file.path();
        assert!(path.split(|b| *b == b'/').all(|part| part != b".."), "a path climbs");
        let above = rootfs::path::parent(path).filter(|p| !p.is_empty());
        let stands = above.is_none_or(|p| contents.file(p).is_some_and(|f| f.entry.is_dir()));
        assert!(stands, "a path stands on no directory");
        if let rootfs::Node::Hardlink(target) = &file.entry.node {
            let target = contents.file(target).map(|f| &f.entry.node);
            assert!(matches!(target, Some(rootfs::Node::File(_))), "a link leads to no file");
        }
    }
    for layer in [lower, upper] {
        round_trip(&blobs, layer);
    }
}

fn round_trip(blobs: &Blobs, layer: &[u8]) {
    let part = Descriptor::of(MediaType::LAYER_TAR, layer);
    let diff_id = oci::DiffId(part.digest);
    let reporter: &dyn diag::Reporter = &diag::Silent;
    let task = reporter.task("", None, diag::Unit::Bytes);
    let Ok(listing) = inventory::read_layer(blobs, &part, &diff_id, reporter, &task) else { return };
    let again: Option<Listing> = parse_listing(&listing.encode());
    assert_eq!(again, Some(listing), "a listing is what it was written as");
}

#[derive(Default)]
struct Blobs(HashMap<Digest, Vec<u8>>);

impl Blobs {
    fn put(&mut self, kind: MediaType, bytes: Vec<u8>) -> Descriptor {
        let part = Descriptor::of(kind, &bytes);
        self.0.insert(part.digest, bytes);
        part
    }
}

impl Source for Blobs {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        unreachable!("parts are read by descriptor")
    }

    fn blob(&self, of: &Descriptor, _: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let missing = || TransportError::NoBlob { digest: of.digest, place: "blobs".to_owned() };
        Ok(Box::new(Cursor::new(self.0.get(&of.digest).ok_or_else(missing)?)))
    }
}
