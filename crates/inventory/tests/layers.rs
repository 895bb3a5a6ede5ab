//! Layers stacked: what a container sees, where it is from, and what each layer did.

mod images;

use bstr::ByteSlice;
use images::Images;
use inventory::{ChangeKind, InventoryError};
use testkit::tar::Entry;

fn file(path: &str, body: &str) -> Entry {
    Entry::file(path, 0o644, body)
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_of_their_own_layer() {
    let contents = Images::default().read(&[
        &[Entry::dir("a", 0o755), file("a/x", "1"), file("a/y", "22"), file("b/c/z", "3"), file("a-b", "4")],
        &[file("a/.wh.x", ""), file(".wh.b", ""), file("b", "now a file"), file("a/x.new", "5")],
    ]);
    assert_eq!(images::lines(&contents), ["0 a/", "0 a-b 1", "1 a/x.new 1", "0 a/y 2", "1 b 10"]);
    let wanted = [
        ("a/x", ChangeKind::Deleted, 1),
        ("a/x.new", ChangeKind::Added, 1),
        ("b", ChangeKind::Replaced, 10),
        ("b/c", ChangeKind::Deleted, 0),
        ("b/c/z", ChangeKind::Deleted, 1),
    ];
    assert_eq!(images::changes(&contents, 1), wanted);
}

#[test]
fn an_opaque_directory_shows_only_its_own_layer() {
    let contents = Images::default().read(&[
        &[file("o/old", "1"), file("o/both", "1"), file("o/deep/er", "1"), file("o.x", "1")],
        &[file("o/both", "2"), file("o/.wh..wh..opq", ""), file("o/new", "3")],
    ]);
    assert_eq!(images::lines(&contents), ["0 o/", "0 o.x 1", "1 o/both 1", "1 o/new 1"]);
    let gone: Vec<&str> = images::changes(&contents, 1)
        .into_iter()
        .filter_map(|(path, kind, _)| (kind == ChangeKind::Deleted).then_some(path))
        .collect();
    assert_eq!(gone, ["o/deep", "o/deep/er", "o/old"]);
}

#[test]
fn the_marks_of_aufs_are_nothing() {
    let contents =
        Images::default().read(&[&[file(".wh..wh.plnk/1.2", ""), file(".wh..wh.aufs", ""), file("x", "1")]]);
    assert_eq!(images::lines(&contents), ["0 .wh..wh.plnk/", "0 .wh..wh.plnk/1.2 0", "0 x 1"]);
}

#[test]
fn a_hard_link_is_a_name_of_the_file_as_it_was_then() {
    let contents = Images::default().read(&[
        &[file("x", "first"), Entry::hardlink("y", "x"), file("x", "second")],
        &[Entry::hardlink("z", "./y"), file("w", "alone")],
        &[file(".wh.y", "")],
    ]);
    // `z` is the file of the first layer, by a link of the second, and its other name is gone.
    assert_eq!(images::lines(&contents), ["1 w 5", "0 x 6", "1 z 5"]);
    assert_eq!(contents.files_size(), 16);
    let both = Images::default().read(&[&[file("x", "first")], &[Entry::hardlink("a", "x")]]);
    assert_eq!(images::lines(&both), ["1 a -> /x", "0 x 5"]);
}

#[test]
fn a_hard_link_to_nothing_is_refused() {
    let mut images = Images::default();
    let error = images.try_read(&[&[Entry::hardlink("x", "gone")]]).unwrap_err();
    assert!(matches!(&error, InventoryError::Link { path, .. } if path == "x"), "{error}");
    let error = images.try_read(&[&[file("y", "")], &[file(".wh.y", ""), Entry::hardlink("x", "y")]]);
    assert!(error.is_ok(), "a whiteout is of what is below, and the link is made before it is looked at");
}

#[test]
fn what_stands_twice_is_what_it_was_last() {
    let contents = Images::default().read(&[&[
        file("a", "1"),
        Entry::dir("a", 0o700),
        file("a/b", "22"),
        file("c/d", "1"),
        file("c", "333"),
        Entry::dir("e", 0o700),
        Entry::dir("e", 0o750),
    ]]);
    assert_eq!(images::lines(&contents), ["0 a/", "0 a/b 2", "0 c 3", "0 e/"]);
    assert_eq!(contents.file("e").unwrap().entry.mode, 0o750);
}

#[test]
fn links_do_not_carry_what_stands_below_them() {
    // As an overlay has it: the directory of the upper layer hides the link.
    let contents = Images::default().read(&[
        &[Entry::dir("usr/lib", 0o755), file("usr/lib/x", "1"), Entry::symlink("lib", "usr/lib")],
        &[file("lib/y", "2")],
    ]);
    assert_eq!(images::lines(&contents), ["1 lib/", "1 lib/y 1", "0 usr/", "0 usr/lib/", "0 usr/lib/x 1"]);
    assert_eq!(images::changes(&contents, 1)[0], ("lib", ChangeKind::Replaced, 0));
}

#[test]
fn what_a_layer_repeats_or_only_touches_is_told() {
    let same = file("same", "1");
    let contents = Images::default().read(&[
        &[
            Entry::dir("d", 0o755),
            same.clone(),
            file("mode", "1"),
            Entry::symlink("l", "a"),
            file("other", "1"),
        ],
        &[
            Entry::dir("d", 0o755).at(7),
            same,
            Entry::file("mode", 0o755, "1"),
            Entry::symlink("l", "b"),
            file("other", "2"),
        ],
    ]);
    let wanted = [
        ("l", ChangeKind::Replaced, 0),
        ("mode", ChangeKind::Touched, 1),
        ("other", ChangeKind::Replaced, 1),
        ("same", ChangeKind::Touched, 1),
    ];
    assert_eq!(images::changes(&contents, 1), wanted);
    assert_eq!(contents.file("mode").unwrap().entry.mode, 0o755);
}

#[test]
fn every_compression_is_read_and_every_byte_is_checked() {
    let mut images = Images::default();
    let tar = testkit::tar::tar(&[file("x", "1")]);
    for compression in [testkit::Compression::Gzip, testkit::Compression::Zstd, testkit::Compression::None] {
        let manifest = images.image(&[(compression.compress(&tar), oci::DiffId(oci::Digest::of(&tar)))]);
        assert_eq!(images::lines(&images.contents(&manifest).unwrap()), ["0 x 1"]);
    }
    // Several gzip members, as pigz and estargz write them.
    let (a, b) = tar.split_at(512);
    let gzip = |b: &[u8]| testkit::Compression::Gzip.compress(b);
    let manifest = images.image(&[([gzip(a), gzip(b)].concat(), oci::DiffId(oci::Digest::of(&tar)))]);
    assert_eq!(images::lines(&images.contents(&manifest).unwrap()), ["0 x 1"]);

    let other = images.image(&[(tar.clone(), oci::DiffId(oci::Digest::of(b"other")))]);
    assert!(matches!(images.contents(&other), Err(InventoryError::OtherTar { .. })));
    let manifest = images.image(&[(gzip(&tar), oci::DiffId(oci::Digest::of(&tar)))]);
    let layer = manifest.layers[0].digest;
    let whole = images.blob(&layer).clone();
    let damages: [(&str, Vec<u8>); 4] = [
        ("a bit", {
            let mut b = whole.clone();
            b[20] ^= 4;
            b
        }),
        ("short", whole[..whole.len() - 9].to_vec()),
        ("empty", Vec::new()),
        ("long", [&whole[..], b"x"].concat()),
    ];
    for (what, damaged) in damages {
        *images.blob(&layer) = damaged;
        let error = images.contents(&manifest).unwrap_err();
        assert!(matches!(error, InventoryError::Damaged { .. }), "{what}: {error}");
    }
}

#[test]
fn a_second_look_reads_no_layer() {
    let mut images = Images::default();
    let first = images.read(&[&[file("a", "1")], &[file("etc/os-release", "ID=x\n"), file(".wh.a", "")]]);
    let again = images.again(&first.manifest.clone());
    assert_eq!(again, first);
    assert_eq!(again.os_release.unwrap().id, "x");
}

#[test]
fn artifacts_are_no_images() {
    let mut images = Images::default();
    let mut manifest = images.image(&[]);
    manifest.config.media_type = oci::MediaType::EMPTY;
    let error = images.contents(&manifest).unwrap_err();
    assert!(error.to_string().contains("no image but an artifact"), "{error}");
    let mut manifest = images.image(&[(b"{}".to_vec(), oci::DiffId(oci::Digest::of(b"{}")))]);
    manifest.layers[0].media_type = oci::MediaType::new("application/vnd.in-toto+json");
    assert!(matches!(images.contents(&manifest), Err(InventoryError::Artifact { .. })));
}

#[test]
fn hostile_archives_do_no_harm() {
    for (n, tar) in testkit::hostile::tars().into_iter().enumerate() {
        let mut images = Images::default();
        let manifest = images.image(&[(tar.clone(), oci::DiffId(oci::Digest::of(&tar)))]);
        let Ok(contents) = images.contents(&manifest) else { continue };
        for f in &contents.files {
            let climbs = f.path().split_str("/").any(|part| part == b"..");
            assert!(!climbs && !f.path().starts_with(b"/"), "{n}: {}", f.path());
        }
    }
}

#[test]
fn a_small_layer_cannot_take_all_memory_or_time() {
    // Some thousand members, each on two thousand directories of its own, in a few kilobytes.
    let deep = |n: usize| file(&format!("{n:04}/{}f", "d/".repeat(2000)), "");
    let members: Vec<Entry> = (0..400).map(deep).collect();
    let error = Images::default().try_read(&[&members]).unwrap_err();
    let text = format!("{error} {:?}", std::error::Error::source(&error));
    assert!(text.contains("256 MiB"), "{text}");
    // A name that all others begin with, again and again.
    let mut members: Vec<Entry> = (0..20_000).map(|n| file(&format!("a-{n}"), "")).collect();
    members.extend((0..20_000).map(|_| file("a", "")));
    assert_eq!(Images::default().read(&[&members]).files.len(), 20_002);
}

#[test]
fn a_file_takes_the_place_of_directories_that_are_no_members() {
    let contents = Images::default().read(&[&[file("a/b/c", "1"), file("a/b", "2"), file("a/b/d", "3")]]);
    assert_eq!(images::lines(&contents), ["0 a/", "0 a/b/", "0 a/b/d 1"]);
}

#[test]
fn a_body_that_breaks_off_goes_on_and_a_place_speaks_for_itself() {
    let mut images = Images::default();
    let body: String = (0..200_000).map(|n| format!("{n} ")).collect();
    let tar = testkit::tar::tar(&[file("x", &body)]);
    let stored = testkit::Compression::Gzip.compress(&tar);
    let manifest = images.image(&[(stored, oci::DiffId(oci::Digest::of(&tar)))]);
    images.breaks_after = Some(100_000);
    assert_eq!(images.contents(&manifest).unwrap().files_size(), body.len() as u64);
    images.breaks_after = Some(0);
    let error = images.contents(&manifest).unwrap_err();
    assert_eq!(diag::Explain::kind(&error), diag::Kind::Network, "{error}");
    assert!(error.to_string().contains("the place is gone"), "{error}");
}

/// A layer is unpacked member after member, so that what is below one of its links goes where that leads; a
/// directory of its own takes the link's place.
#[test]
fn a_layer_is_written_through_its_own_links() {
    let contents = Images::default().read(&[
        &[
            Entry::dir("usr/lib", 0o755),
            Entry::symlink("lib", "usr/lib"),
            file("lib/libx.so", "x"),
            Entry::hardlink("y.so", "lib/libx.so"),
            Entry::symlink("round", "round/x"),
            file("round/y", "1"),
        ],
        &[Entry::dir("lib", 0o755), file("lib/of-its-own", "22")],
    ]);
    let lines = images::lines(&contents);
    for line in ["0 usr/lib/libx.so 1", "1 lib/", "1 lib/of-its-own 2", "0 round/", "0 round/y 1"] {
        assert!(lines.iter().any(|l| l == line), "{line} in {lines:?}");
    }
    assert!(contents.file("y.so").is_some() && contents.file("lib/libx.so").is_none());
}

/// What was seen of a layer is believed of that layer only: a config that names the diff id of another gets
/// the answer that it gets on a fresh machine.
#[test]
fn another_layer_under_a_known_diff_id_is_read() {
    let mut images = Images::default();
    let tar = |path: &str| testkit::tar::tar(&[file(path, "1")]);
    let good_id = oci::DiffId(oci::Digest::of(&tar("good")));
    let good = images.image(&[(testkit::Compression::Gzip.compress(&tar("good")), good_id)]);
    images.remembering(&good).unwrap();
    let evil = images.image(&[(testkit::Compression::Gzip.compress(&tar("evil")), good_id)]);
    let error = images.remembering(&evil).unwrap_err();
    assert!(matches!(error, InventoryError::OtherTar { .. }), "{error}");
}
