use std::fs;

use image::oci_archive::ArchiveName;
use image::{Codec, Document, Image, Layout, OciArchive, Sink, Source, TransportError, validate};
use oci::{Descriptor, MediaType, Platform, Raw, Reference};
use serde_json::{Value, json};

use crate::world::{layout, program};

fn sound(source: &dyn Source, name: &str) -> image::Validated {
    let valid = validate(source, name).unwrap();
    assert_eq!(valid.problems, Vec::<String>::new());
    valid
}

#[test]
fn what_is_written_is_valid_and_the_tree_comes_back() {
    for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
        let dir = tempfile::tempdir().unwrap();
        let (layout, images, tree) = layout(dir.path(), codec);
        let valid = sound(&layout, "app:1");
        assert_eq!(valid.images.len(), 2);
        for (got, wrote) in valid.images.iter().zip(&images) {
            assert_eq!(&got.manifest, wrote.manifest.value());
            assert_eq!(rootfs::diff(&got.tree, &tree), []);
        }
    }
}

#[test]
fn a_layout_keeps_its_other_names() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, _, _) = layout(dir.path(), Codec::Gzip(1));
    let document = layout.document("app:1").unwrap();
    layout.publish("other", &document).unwrap();
    layout.publish("other", &document).unwrap();
    let names: Vec<String> = layout.names().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["app:1", "other"]);
    let digest = document.digest();
    let pruned = layout.prune().unwrap().unwrap();
    assert_eq!((pruned.blobs, pruned.bytes, pruned.keeps(&digest.hex())), (0, 0, true));
    drop(pruned);
    assert!(layout.forget("app:1").unwrap());
    assert!(!layout.forget("app:1").unwrap());
    sound(&layout, "other");
    assert!(layout.forget("other").unwrap());
    let (writing, _) = Layout::recover(dir.path()).unwrap();
    assert!(layout.prune().unwrap().is_none(), "somebody may be about to name what is there");
    drop(writing);
    // A child that another test starts just now has the writer's lock too, until it is a program of its own.
    let pruned = testkit::wait_for("the writer's lock", || layout.prune().unwrap());
    assert_eq!(pruned.blobs, 7, "index, two manifests, two configs, two layers");
    assert!(!pruned.keeps(&digest.hex()));
    let error = layout.document("othr").unwrap_err();
    assert!(matches!(error, TransportError::NoImage { .. }), "{error}");
}

/// containerd's form: the tag alone in one annotation, the whole name in another.
#[test]
fn images_of_one_tag_are_told_apart_by_their_whole_names() {
    const CONTAINERD: &str = "io.containerd.image.name";
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(dir.path(), Codec::Gzip(1));
    let index = layout.document("app:1").unwrap();
    let entry = |image: &Image, name: &str| {
        let part = Descriptor::of(MediaType::MANIFEST, image.manifest.bytes());
        let mut entry = serde_json::to_value(part).unwrap();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "1.0", CONTAINERD: name });
        entry["data"] = json!("eA==");
        entry["urls"] = json!(["https://example.org/x"]);
        entry["platform"] = json!({ "os": "linux", "architecture": "amd64", "os.features": ["f"] });
        entry
    };
    let nameless = serde_json::to_value(Descriptor::of(MediaType::INDEX, index.bytes())).unwrap();
    let file = json!({
        "schemaVersion": 2, "x-own": { "b": 1 },
        "manifests": [entry(&images[0], "docker.io/acme/one:1.0"), entry(&images[1], "docker.io/acme/two:1.0"), nameless],
    });
    let read =
        || -> Value { serde_json::from_slice(&fs::read(dir.path().join("index.json")).unwrap()).unwrap() };
    fs::write(dir.path().join("index.json"), file.to_string()).unwrap();
    let known = |name: &str| match layout.document(name).unwrap_err() {
        TransportError::Ambiguous { known, .. } => known,
        other => panic!("{other}"),
    };
    let whole = ["docker.io/acme/one:1.0", "docker.io/acme/two:1.0"].map(str::to_owned);
    assert_eq!(known("1.0"), whole);
    assert_eq!(known(""), [&whole[..], &[index.digest().to_string()]].concat());
    for (name, image) in whole.iter().zip(&images) {
        assert_eq!(layout.document(name).unwrap().digest(), image.manifest.digest());
    }

    layout.publish("1.0", &index).unwrap();
    let (now, before) = (read(), &file);
    assert_eq!(now["manifests"].as_array().unwrap().len(), 4);
    assert_eq!(now["manifests"].as_array().unwrap()[..3], before["manifests"].as_array().unwrap()[..]);
    assert_eq!(now["x-own"], before["x-own"]);
    assert_eq!(layout.document("1.0").unwrap().digest(), index.digest());
    layout.publish("docker.io/acme/one:1.0", &index).unwrap();
    assert_eq!(read()["manifests"].as_array().unwrap().len(), 4);
    assert_eq!(layout.document("docker.io/acme/one:1.0").unwrap().digest(), index.digest());
    assert_eq!(layout.document("docker.io/acme/two:1.0").unwrap().digest(), images[1].manifest.digest());
    assert!(layout.forget("docker.io/acme/two:1.0").unwrap());
    assert_eq!(read()["manifests"].as_array().unwrap().len(), 3);
}

#[test]
fn of_images_without_a_name_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(dir.path(), Codec::Gzip(1));
    let index = layout.document("app:1").unwrap();
    layout.publish("", &index).unwrap();
    let manifest: Raw<Document> = Raw::read(images[0].manifest.bytes()).unwrap();
    layout.publish("", &manifest).unwrap();
    assert_eq!(layout.index().unwrap().manifests.len(), 2, "the one that has no name is another now");

    let parts = images.iter().map(|i| Descriptor::of(MediaType::MANIFEST, i.manifest.bytes()));
    let file = json!({ "schemaVersion": 2, "manifests": parts.collect::<Vec<_>>() }).to_string();
    fs::write(dir.path().join("index.json"), &file).unwrap();
    let error = layout.publish("", &index).unwrap_err();
    assert!(matches!(error, TransportError::Unnamed { there: 2, .. }), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("index.json")).unwrap(), file);
    let TransportError::Ambiguous { known, .. } = layout.document("").unwrap_err() else { panic!() };
    let digests: Vec<String> = images.iter().map(|i| i.manifest.digest().to_string()).collect();
    assert_eq!(known, digests);
    for digest in digests {
        assert_eq!(layout.document(&digest).unwrap().digest().to_string(), digest);
    }
}

/// What stands in the user's directory from an earlier run is hashed before it counts as there.
#[test]
fn a_damaged_blob_of_a_layout_is_written_again() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (source, images, _) = layout(from.path(), Codec::Gzip(1));
    let fill = || Layout::fill(to.path().join("out"), |sink| image::copy(&source, "app:1", sink, "1"));
    let digest = fill().unwrap();
    let target = Layout::open(to.path().join("out")).unwrap();
    let manifest = images[0].manifest.value();
    for part in manifest.layers.iter().chain([&manifest.config]) {
        let path = target.blob_path(&part.digest);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(fill().unwrap(), digest);
        assert_eq!(sound(&target, "1").document.digest, digest);
    }
}

#[test]
fn a_layout_that_cannot_be_filled_is_not_there() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (source, images, _) = layout(from.path(), Codec::Gzip(1));
    let second = images[1].manifest.value().layers[1].digest;
    let bytes = fs::read(source.blob_path(&second)).unwrap();
    fs::remove_file(source.blob_path(&second)).unwrap();
    let fill = |dir: &str| Layout::fill(to.path().join(dir), |sink| image::copy(&source, "app:1", sink, "1"));
    fill("a/b").unwrap_err();
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    // A directory of the user's stays, and so does what is in it.
    fs::create_dir(to.path().join("c")).unwrap();
    fs::write(to.path().join("c/note"), "mine").unwrap();
    fill("c").unwrap_err();
    assert_eq!(fs::read_dir(to.path().join("c")).unwrap().count(), 1);
    // An image that was there before stays whole.
    fs::write(source.blob_path(&second), &bytes).unwrap();
    fill("a/b").unwrap();
    fs::remove_file(source.blob_path(&second)).unwrap();
    fs::remove_file(Layout::open(to.path().join("a/b")).unwrap().blob_path(&second)).unwrap();
    fill("a/b").unwrap_err();
    fs::write(source.blob_path(&second), &bytes).unwrap();
    fill("a/b").unwrap();
    sound(&Layout::open(to.path().join("a/b")).unwrap(), "1");
}

#[test]
fn layouts_are_copied_byte_for_byte() {
    let (from, to, linked) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (source, _, _) = layout(from.path(), Codec::Gzip(1));
    let target = Layout::create(to.path()).unwrap();
    let digest = image::copy(&source, "app:1", &target, "1").unwrap();
    assert_eq!(sound(&target, "1").document.digest, digest);
    assert_eq!(source.document("app:1").unwrap().bytes(), target.document("1").unwrap().bytes());
    let target = Layout::create(linked.path()).unwrap();
    assert_eq!(image::copy(&source, "app:1", &target, "").unwrap(), digest);
    sound(&target, "");
    sound(&target, &digest.to_string());
}

#[test]
fn a_blob_that_is_not_what_it_says_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = Layout::create(dir.path()).unwrap();
    let part = Descriptor::of(MediaType::LAYER_TAR, b"right");
    for bad in [&b"wrong"[..], b"righ", b"right?"] {
        let error = target.put(&part, &mut &bad[..]).unwrap_err();
        let longer = bad.len() > 5;
        assert_eq!(matches!(error, TransportError::WrongSize { there: None, .. }), longer, "{error}");
        assert_eq!(matches!(error, TransportError::Mismatch { .. }), !longer, "{error}");
        assert!(!target.has(&part).unwrap());
    }
    target.put(&part, &mut &b"right"[..]).unwrap();
    assert!(target.has(&part).unwrap());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

/// The content is right, and whoever wrote the manifest was not.
#[test]
fn a_descriptor_with_another_size_is_blamed_itself() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::create(dir.path()).unwrap();
    let tar = program(1, 5000);
    let put = |kind: MediaType, bytes: &[u8]| {
        let part = Descriptor::of(kind, bytes);
        layout.put(&part, &mut &bytes[..]).unwrap();
        part
    };
    let ids = [oci::Digest::of(&tar)];
    let config =
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": ids } });
    let config = put(MediaType::CONFIG, config.to_string().as_bytes());
    let layer = put(MediaType::LAYER_TAR, &tar);
    for (size, there) in [(0, "it has more"), (4999, "it has more"), (5001, "it has 5000")] {
        let layers = [Descriptor { size, ..layer.clone() }];
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers }).to_string();
        layout.publish("x", &Raw::read(manifest.into_bytes()).unwrap()).unwrap();
        let sink = Layout::create(to.path()).unwrap();
        let copied = image::copy(&layout, "x", &sink, "x").map(drop);
        let saved = image::oci_archive::save(&layout, "x", &ArchiveName::default(), &to.path().join("x.tar"));
        for error in [copied, saved.map(drop)] {
            let error = error.unwrap_err().to_string();
            let said = format!("its descriptor says {size} bytes, and {there}");
            assert!(error.ends_with(&said), "{error}");
        }
    }
}

#[test]
fn leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    let living = image::BlobSink::new_blob(&layout).unwrap();
    fs::write(dir.path().join(".blob.1-1.distil-tmp"), b"half").unwrap();
    // Whose name only looks like ours.
    fs::write(dir.path().join(".distil-1-1"), b"the user's").unwrap();
    Layout::create(dir.path()).unwrap();
    let left: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with('.'))
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|n| n == ".distil-1-1") && !left.iter().any(|n| n == ".blob.1-1.distil-tmp"));
    drop(living);
}

#[test]
fn an_oci_archive_is_the_same_bytes_each_time_and_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, _, tree) = layout(&dir.path().join("store"), Codec::Gzip(1));
    let name: Reference = "example.org/app:1".parse().unwrap();
    let (one, two) = (dir.path().join("one.tar"), dir.path().join("two.tar"));
    image::oci_archive::save(&layout, "app:1", &ArchiveName::of(&name), &one).unwrap();
    image::oci_archive::save(&layout, "app:1", &ArchiveName::of(&name), &two).unwrap();
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap());
    let archive = OciArchive::open(&one).unwrap();
    let valid = sound(&archive, "1");
    assert_eq!(rootfs::diff(&valid.images[0].tree, &tree), []);
    let unpacked = Layout::create(dir.path().join("again")).unwrap();
    image::copy(&archive, "", &unpacked, "x").unwrap();
    sound(&unpacked, "x");
}

#[test]
fn a_docker_archive_takes_one_platform() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(&dir.path().join("store"), Codec::Gzip(1));
    let file = dir.path().join("a.tar");
    fs::write(dir.path().join(".a.tar.1-1.distil-tmp"), b"half, of a process that was killed").unwrap();
    let error = image::docker_archive::save(&layout, "app:1", None, &[], &file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write a docker archive: it takes one platform, and the image has linux/amd64, linux/arm64/v8"
    );
    assert!(!file.exists());
    let platform = Platform::linux("amd64");
    let id = image::docker_archive::save(&layout, "app:1", Some(&platform), &[], &file).unwrap();
    assert_eq!(id, images[0].config.digest());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing unfinished is left");
}

/// Several platforms in one archive are so many images to an engine.
/// What no engine loads does not become an archive.
#[test]
fn a_docker_archive_has_only_an_image_whose_parts_fit() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::create(dir.path()).unwrap();
    let put = |kind: &MediaType, bytes: &[u8]| {
        let part = Descriptor::of(kind.clone(), bytes);
        layout.put(&part, &mut &bytes[..]).unwrap();
        part
    };
    let (tar, other) = (program(1, 50_000), program(2, 50_000));
    let gzip = testkit::Compression::Gzip.compress(&tar);
    let zstd = testkit::Compression::Zstd.compress(&tar);
    let save = |kind: &MediaType, config: Value, layers: &[Descriptor]| {
        let config = put(kind, config.to_string().as_bytes());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers }).to_string();
        layout.publish("x", &Raw::read(manifest.into_bytes()).unwrap()).unwrap();
        let file = to.path().join("saved.tar");
        let saved = image::docker_archive::save(&layout, "x", None, &[], &file);
        assert_eq!(file.exists(), saved.is_ok());
        let _ = fs::remove_file(file);
        saved.map(drop).map_err(|e| e.to_string())
    };
    let config = |tars: &[&[u8]]| {
        let ids: Vec<oci::Digest> = tars.iter().map(|t| oci::Digest::of(t)).collect();
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": ids } })
    };
    for (kind, bytes) in
        [(MediaType::LAYER_TAR, &tar), (MediaType::LAYER_GZIP, &gzip), (MediaType::LAYER_ZSTD, &zstd)]
    {
        let layer = [put(&kind, bytes)];
        assert_eq!(save(&MediaType::CONFIG, config(&[&tar]), &layer), Ok(()), "{kind}");
        let refused = save(&MediaType::CONFIG, config(&[&other]), &layer).unwrap_err();
        assert!(refused.contains("its tar is"), "{kind}: {refused}");
        let refused = save(&MediaType::CONFIG, config(&[&tar, &other]), &layer).unwrap_err();
        assert!(refused.contains("it names 2 layers, and the image has 1"), "{refused}");
    }
    let chart = MediaType::new("application/vnd.cncf.helm.config.v1+json");
    let refused = save(&chart, json!({ "name": "x" }), &[put(&MediaType::LAYER_GZIP, &gzip)]).unwrap_err();
    assert!(refused.contains("no image but an artifact with a config of type"), "{refused}");
}

#[test]
fn a_docker_archive_of_each_platform() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(&dir.path().join("store"), Codec::Gzip(1));
    let file = dir.path().join("a.tar");
    let name = |text: &str| text.parse::<Reference>().unwrap();
    let platforms = [
        (Platform::linux("amd64"), vec![name("app:1-amd64")]),
        (Platform { variant: Some("v8".to_owned()), ..Platform::linux("arm64") }, vec![name("app:1-arm64")]),
    ];
    image::docker_archive::save_each(&layout, "app:1", &platforms, &file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let mut reader = rootfs::tar::Reader::new(&bytes[..], rootfs::tar::Limits::default());
    let mut names = Vec::new();
    while let Some(member) = reader.next().unwrap() {
        names.push(member.path.to_string());
    }
    assert_eq!(names[0], "manifest.json");
    assert_eq!(names.len(), 1 + 2 + 2, "{names:?}");
    let text = String::from_utf8_lossy(&bytes[512..2048]).into_owned();
    for (image, tag) in images.iter().zip(["app:1-amd64", "app:1-arm64"]) {
        let wanted = format!("\"{}.json\"", image.config.digest().hex());
        assert!(text.contains(&wanted) && text.contains(tag), "{text}");
    }
    let missing = [(Platform::linux("s390x"), Vec::new())];
    assert!(image::docker_archive::save_each(&layout, "app:1", &missing, &file).is_err());
    assert_eq!(fs::read(&file).unwrap(), bytes, "the archive of before stays");
}

#[test]
fn an_archive_with_a_damaged_blob_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images, _) = layout(&dir.path().join("store"), Codec::Gzip(1));
    let blob = layout.blob_path(&images[0].layers[0].descriptor.digest);
    let mut bytes = fs::read(&blob).unwrap();
    bytes[1000] ^= 1;
    fs::write(&blob, bytes).unwrap();
    let file = dir.path().join("a.tar");
    assert!(image::oci_archive::save(&layout, "app:1", &ArchiveName::default(), &file).is_err());
    let platform = Platform::linux("amd64");
    assert!(image::docker_archive::save(&layout, "app:1", Some(&platform), &[], &file).is_err());
    assert!(!file.exists());
    let problems = validate(&layout, "app:1").unwrap().problems;
    assert!(problems.iter().any(|p| p.starts_with("layer 0")), "{problems:?}");
}

#[test]
fn the_oracle_sees_a_second_gzip_member_and_what_follows() {
    use std::io::Write;
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let tar = vec![0; 1024];
    for (blob, problem) in [
        ([gzip(&tar), gzip(b"")].concat(), "more than one gzip member"),
        ([gzip(&tar), vec![0; 1000]].concat(), "more than one gzip member"),
        (gzip(&program(3, 4096)), "layer 0: cannot read the tar archive"),
    ] {
        let part = Descriptor::of(MediaType::LAYER_GZIP, &blob);
        layout.put(&part, &mut &blob[..]).unwrap();
        let layer = image::Layer {
            descriptor: part,
            diff_id: oci::DiffId(oci::Digest::of(&tar)),
            segments: Vec::new(),
            title: "bad".into(),
        };
        let platform = Platform::linux("amd64");
        let made =
            image::assemble(platform, oci::ContainerConfig::default(), None, vec![layer], Default::default());
        let index = image::index(std::slice::from_ref(&made), Default::default());
        image::publish(&layout, "bad", &[made], &index).unwrap();
        let problems = validate(&layout, "bad").unwrap().problems;
        assert!(problems.iter().any(|p| p.contains(problem)), "{problems:?}");
    }
}

#[test]
fn a_document_of_two_kinds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    let digest = oci::Digest::of(b"");
    let part = format!(r#"{{"mediaType":"x","digest":"{digest}","size":0}}"#);
    for bad in [
        format!(r#"{{"schemaVersion":2,"manifests":[],"config":{part},"layers":[]}}"#),
        format!(r#"{{"schemaVersion":2,"mediaType":"{}","config":{part},"layers":[]}}"#, MediaType::INDEX),
        r#"{"schemaVersion":2}"#.to_owned(),
        "[]".to_owned(),
    ] {
        fs::write(dir.path().join("index.json"), &bad).unwrap();
        assert!(layout.index().is_err(), "{bad}");
    }
    let old = r#"{"schemaVersion":1,"name":"a","fsLayers":[],"history":[]}"#;
    let told = oci::Raw::<image::Document>::read(old.as_bytes().to_vec()).unwrap_err().to_string();
    assert!(told.contains("Docker's old format (schema 1)"), "{told}");
}

/// Each takes the lock of the file that it opened, so a layout that two begin at once must have one such file.
#[test]
fn two_may_begin_one_layout() {
    for _ in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("out");
        let begun = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let (place, begun) = (&place, &begun);
                scope.spawn(move || {
                    begun.wait();
                    let layout = Layout::create(place).unwrap();
                    layout.publish(name, &empty_index()).unwrap();
                });
            }
        });
        assert_eq!(Layout::open(&place).unwrap().names().unwrap().len(), 4);
        assert!(
            !std::fs::read_dir(&place).unwrap().any(|e| e
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with('.'))
        );
    }
}

fn empty_index() -> Raw<Document> {
    let text = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    Raw::read(text.as_bytes().to_vec()).unwrap()
}
