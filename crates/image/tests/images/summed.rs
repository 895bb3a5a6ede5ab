//! What is known of the tars in layers, and what of it is believed.

use std::fs;
use std::path::Path;

use image::{
    Codec, Layout, MemoryCache, NoCache, SegmentCache, Sink, Source, Summed, TransportError, docker_archive,
};
use oci::{Descriptor, DiffId, Digest, MediaType, Platform, Raw};

use crate::world::{Files, layout, world, write_with};

/// The archive of the image for amd64, or why there is none.
fn archive(source: &dyn Source, cache: &dyn SegmentCache) -> Result<Vec<u8>, TransportError> {
    let mut out = Vec::new();
    let platform = Platform::linux("amd64");
    docker_archive::write(&Summed { source, cache }, "app:1", Some(&platform), &[], &mut out)?;
    Ok(out)
}

/// The records of tars, each as layer and tar.
fn records(cache: &MemoryCache) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    cache.alter(|kind, _, bytes| {
        if kind == "tar" {
            all.push((bytes[..32].to_vec(), bytes[32..].to_vec()));
        }
        true
    });
    all.sort();
    all
}

/// Lets `change` alter every record.
fn alter(cache: &MemoryCache, change: impl Fn(&mut Vec<u8>)) {
    cache.alter(|kind, _, bytes| {
        if kind == "tar" {
            change(bytes);
        }
        true
    });
}

fn pair(layer: &image::Layer) -> (Vec<u8>, Vec<u8>) {
    (layer.descriptor.digest.as_bytes().to_vec(), layer.diff_id.0.as_bytes().to_vec())
}

#[test]
fn a_layer_is_summed_once() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(dir.path(), Codec::Gzip(1));
    let cache = MemoryCache::new();
    let first = archive(&layout, &cache).unwrap();
    assert_eq!(first, archive(&layout, &NoCache).unwrap());
    let mut wanted: Vec<_> = images[0].layers.iter().map(pair).collect();
    wanted.sort();
    assert_eq!(records(&cache), wanted);
    assert_eq!(archive(&layout, &cache).unwrap(), first);
    // It is the record that is asked: by another one the layers are not the image's.
    alter(&cache, |bytes| bytes[40] ^= 1);
    let error = archive(&layout, &cache).unwrap_err();
    assert!(matches!(error, TransportError::OtherTar { .. }), "{error}");
    // Of another layer, or cut short, it is none, and is made again.
    for change in [|bytes: &mut Vec<u8>| bytes[1] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(63)] {
        alter(&cache, change);
        assert_eq!(archive(&layout, &cache).unwrap(), first);
        assert_eq!(records(&cache), wanted);
    }
}

#[test]
fn of_a_layer_that_is_written_it_is_known_already() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    for codec in [Codec::Gzip(1), Codec::Zstd(1)] {
        let (cache, mut files) = (MemoryCache::new(), Files::new());
        let groups = world(&mut files);
        let layers = write_with(&layout, &groups, &files.bodies(), &cache, codec, 2);
        let mut wanted: Vec<_> = layers.iter().map(pair).collect();
        wanted.sort();
        // zstd is undone while an archive is written, and summed then.
        wanted.retain(|_| codec == Codec::Gzip(1));
        assert_eq!(records(&cache), wanted, "{codec}");
    }
}

#[test]
fn a_damaged_layer_is_refused_whatever_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(dir.path(), Codec::Gzip(1));
    let cache = MemoryCache::new();
    archive(&layout, &cache).unwrap();
    let blob = layout.blob_path(&images[0].layers[0].descriptor.digest);
    let mut bytes = fs::read(&blob).unwrap();
    bytes[1000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let error = archive(&layout, &cache).unwrap_err();
    assert!(error.to_string().contains("its content is sha256:"), "{error}");
}

/// An image of this layer whose config says that its tar is `claimed`.
fn claiming(dir: &Path, layer: &Descriptor, claimed: Digest) -> Layout {
    let layout = Layout::create(dir).unwrap();
    let put = |kind: MediaType, value: serde_json::Value| {
        let bytes = value.to_string().into_bytes();
        let part = Descriptor::of(kind, &bytes);
        layout.put(&part, &mut &bytes[..]).unwrap();
        (part, bytes)
    };
    let rootfs = serde_json::json!({ "type": "layers", "diff_ids": [claimed] });
    let config = serde_json::json!({ "os": "linux", "architecture": "amd64", "rootfs": rootfs });
    let (config, _) = put(MediaType::CONFIG, config);
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let (_, manifest) = put(MediaType::MANIFEST, manifest);
    layout.publish("app:1", &Raw::read(manifest).unwrap()).unwrap();
    layout
}

/// What a config says is not what is known.
#[test]
fn a_claim_is_never_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (tar, cache) = (testkit::tar::tar(&[testkit::tar::Entry::file("x", 0o644, "x")]), MemoryCache::new());
    let stored = testkit::Compression::Gzip.compress(&tar);
    let layer = Descriptor::of(MediaType::LAYER_GZIP, &stored);
    let real = DiffId(Digest::of(&tar));
    let make = |name: &str, claimed: Digest| {
        let layout = claiming(&dir.path().join(name), &layer, claimed);
        layout.put(&layer, &mut &stored[..]).unwrap();
        layout
    };
    let (lie, truth) = (make("lie", Digest::of(b"another")), make("truth", real.0));
    for _ in 0..2 {
        let error = archive(&lie, &cache).unwrap_err();
        assert!(matches!(error, TransportError::OtherTar { .. }), "{error}");
        assert_eq!(records(&cache), [(layer.digest.as_bytes().to_vec(), real.0.as_bytes().to_vec())]);
    }
    archive(&truth, &cache).unwrap();
    archive(&truth, &NoCache).unwrap();
}
