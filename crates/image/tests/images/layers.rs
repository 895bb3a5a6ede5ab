use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{Codec, Layer, LayerError, LayerWriter, Layout, MemoryCache, NoCache, Source};
use rootfs::{Bodies, Body, LayerGroup, SegmentPlan};

use crate::world::{Files, dir, program, tree_of, world, write_with};

fn blob(layout: &Layout, layer: &Layer) -> Vec<u8> {
    let mut bytes = Vec::new();
    layout.blob(&layer.descriptor, 0).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(oci::Digest::of(&bytes), layer.descriptor.digest);
    assert_eq!(bytes.len() as u64, layer.descriptor.size);
    bytes
}

fn fresh() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    (dir, layout)
}

/// A change here changes every digest that distil has ever made: count `tar::REVISION` or
/// `Codec::REVISION` up, and say so in the changelog.
#[test]
fn digests_are_golden() {
    let mut files = Files::new();
    let groups = world(&mut files);
    let bodies = files.bodies();
    let digests = |codec| {
        let (_dir, layout) = fresh();
        let layers = write_with(&layout, &groups, &bodies, &NoCache, codec, 2);
        layers
            .iter()
            .map(|l| format!("{} {}", l.descriptor.digest.short(), l.diff_id.0.short()))
            .collect::<Vec<_>>()
    };
    assert_eq!(digests(Codec::Gzip(6)), ["98488c8a3901 02e4428d1e53", "75ca71970e71 645066b10c32"]);
    assert_eq!(digests(Codec::Gzip(9)), ["220d0999582c 02e4428d1e53", "3b359ea8ee95 645066b10c32"]);
    assert_eq!(digests(Codec::Zstd(3)), ["2207c5fb79d0 02e4428d1e53", "a9b3573ec8fd 645066b10c32"]);
}

#[test]
fn bytes_depend_on_neither_threads_nor_cache() {
    let mut files = Files::new();
    let groups = world(&mut files);
    let bodies = files.bodies();
    for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
        let (_dir, layout) = fresh();
        let reference = write_with(&layout, &groups, &bodies, &NoCache, codec, 1);
        let cache = MemoryCache::new();
        for threads in [1, 2, 4] {
            let (_dir, cold) = fresh();
            assert_eq!(write_with(&cold, &groups, &bodies, &NoCache, codec, threads), reference);
            for _ in 0..2 {
                let (_dir, warm) = fresh();
                assert_eq!(write_with(&warm, &groups, &bodies, &cache, codec, threads), reference);
                for layer in &reference {
                    assert_eq!(blob(&warm, layer), blob(&layout, layer));
                }
            }
        }
    }
}

/// Counts what is read of files.
struct Counting<'a>(&'a dyn Bodies, AtomicUsize);

impl Bodies for Counting<'_> {
    fn read_at(&self, body: &Body, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.1.fetch_add(buffer.len(), Ordering::Relaxed);
        self.0.read_at(body, at, buffer)
    }
}

#[test]
fn a_known_layer_reads_nothing() {
    let mut files = Files::new();
    let groups = world(&mut files);
    let bodies = files.bodies();
    let counting = Counting(&bodies, AtomicUsize::new(0));
    let (_dir, layout) = fresh();
    let cache = MemoryCache::new();
    let writer =
        LayerWriter { bodies: &counting, cache: &cache, out: &layout, codec: Codec::Gzip(6), threads: 2 };
    let first = writer.write(&groups[0]).unwrap();
    assert!(counting.1.swap(0, Ordering::Relaxed) > 3_500_000);
    cache.alter(|kind, _, _| kind != "segment");
    assert_eq!(writer.write(&groups[0]).unwrap(), first);
    assert_eq!(counting.1.load(Ordering::Relaxed), 0);
}

/// Layers of three packages, of which the second comes in two versions.
fn versions(files: &mut Files) -> [LayerGroup; 2] {
    let mut package = |n: u64, version: u64| SegmentPlan {
        entries: (0..4)
            .map(|f| files.file(&format!("usr/p{n}-{f}"), &program(n * 100 + f + version * 7, 300_000)))
            .collect(),
    };
    let (a, b, c, b2) = (package(1, 0), package(2, 0), package(3, 0), package(2, 1));
    let directories = SegmentPlan { entries: vec![dir("usr")] };
    [vec![directories.clone(), a.clone(), b, c.clone()], vec![directories, a, b2, c]]
        .map(|segments| LayerGroup { title: "packages".into(), segments })
}

#[test]
fn a_change_goes_on_from_the_last_unchanged_segment() {
    let mut files = Files::new();
    let [before, after] = versions(&mut files);
    let bodies = files.bodies();
    let (_dir, plain) = fresh();
    let wanted = write_with(&plain, std::slice::from_ref(&after), &bodies, &NoCache, Codec::Gzip(6), 2);
    let counting = Counting(&bodies, AtomicUsize::new(0));
    let (_dir, layout) = fresh();
    let cache = MemoryCache::new();
    let writer =
        LayerWriter { bodies: &counting, cache: &cache, out: &layout, codec: Codec::Gzip(6), threads: 2 };
    writer.write(&before).unwrap();
    counting.1.store(0, Ordering::Relaxed);
    let layer = writer.write(&after).unwrap();
    assert_eq!(layer, wanted[0]);
    assert_eq!(blob(&layout, &layer), blob(&plain, &layer));
    // The first package is not read again; the third is, for the hash of the tar.
    assert_eq!(counting.1.load(Ordering::Relaxed), 2 * 4 * 300_000);
}

#[test]
fn a_damaged_cache_is_made_again() {
    let mut files = Files::new();
    let [before, after] = versions(&mut files);
    let bodies = files.bodies();
    let (_dir, plain) = fresh();
    let wanted = write_with(&plain, &[before.clone(), after.clone()], &bodies, &NoCache, Codec::Gzip(6), 2);
    for kind in ["segment", "layer", "layer-hashes"] {
        for damage in 0..4 {
            let cache = MemoryCache::new();
            let (_dir, first) = fresh();
            write_with(&first, std::slice::from_ref(&before), &bodies, &cache, Codec::Gzip(6), 2);
            cache.alter(|k, _, bytes| {
                match damage {
                    _ if k != kind => {}
                    0 => return false,
                    1 => bytes.truncate(bytes.len() / 2),
                    2 => bytes.clear(),
                    // The store's check finds any flipped bit; what gets past it here is a number
                    // about the segment that is not true.
                    _ if k == "segment" => {
                        let at = bytes.len() - 8;
                        bytes[at] ^= 1;
                    }
                    _ => bytes.iter_mut().for_each(|b| *b = b.wrapping_add(1)),
                }
                true
            });
            let (_dir, second) = fresh();
            for (group, wanted) in [&before, &after].into_iter().zip(&wanted) {
                // A wrong hash state that still looks like one would be believed: the store checks it.
                if kind == "layer-hashes" && damage == 3 {
                    continue;
                }
                let layers =
                    write_with(&second, std::slice::from_ref(group), &bodies, &cache, Codec::Gzip(6), 2);
                assert_eq!(&layers[0], wanted, "{kind} {damage}");
                blob(&second, &layers[0]);
            }
        }
    }
}

/// Fails, or lies, about everything from some byte on.
struct Bad<'a>(&'a dyn Bodies, bool);

impl Bodies for Bad<'_> {
    fn read_at(&self, body: &Body, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.0.read_at(body, at, buffer)?;
        if body.size > 1_000_000 && at > 0 {
            if self.1 {
                return Err(std::io::Error::other("the disk is on fire"));
            }
            buffer[0] ^= 1;
        }
        Ok(())
    }
}

#[test]
fn bad_content_leaves_nothing_behind() {
    let mut files = Files::new();
    let groups = world(&mut files);
    let bodies = files.bodies();
    for fails in [true, false] {
        let (dir, layout) = fresh();
        let cache = MemoryCache::new();
        let bad = Bad(&bodies, fails);
        let writer =
            LayerWriter { bodies: &bad, cache: &cache, out: &layout, codec: Codec::Gzip(6), threads: 2 };
        let error = writer.write(&groups[0]).unwrap_err();
        match (&error, fails) {
            (LayerError::Read { path, .. }, true) | (LayerError::Content { path, .. }, false) => {
                assert_eq!(path, "usr/lib/libx.so.1");
            }
            _ => panic!("{error}"),
        }
        assert!(error.to_string().starts_with("cannot write layer `packages`: "), "{error}");
        let blobs = std::fs::read_dir(dir.path().join("blobs/sha256")).unwrap().count();
        let here = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!((blobs, here), (0, 2), "only `blobs` and `oci-layout`");
    }
}

#[test]
fn an_empty_layer_is_an_empty_archive() {
    let (_dir, layout) = fresh();
    let group = LayerGroup { title: "nothing".into(), segments: Vec::new() };
    let bodies = Files::new().bodies();
    let layers = write_with(&layout, std::slice::from_ref(&group), &bodies, &NoCache, Codec::Gzip(6), 1);
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(&blob(&layout, &layers[0])[..]).read_to_end(&mut raw).unwrap();
    assert_eq!(raw, [0; 1024]);
    assert!(tree_of(&[group]).entries().is_empty());
}
