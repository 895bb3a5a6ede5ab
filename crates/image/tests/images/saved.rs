//! Archives of other tools, read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{Codec, DockerArchive, Layout, OciArchive, Room, Source, TransportError, validate};
use oci::{Descriptor, Digest, MediaType, Platform, Reference};
use testkit::skip;
use testkit::tar::Entry;

use crate::others::{has, run};
use crate::trees::differences;
use crate::world::layout;

/// Name and body, or `-> target`.
type Member<'a> = (&'a str, &'a [u8]);

/// A tar archive of files, links (`-> target`) and nothing else.
fn tar(dir: &Path, members: &[Member<'_>]) -> PathBuf {
    let entry = |(name, body): &Member<'_>| match body.strip_prefix(b"-> ") {
        Some(target) => Entry::symlink(name, target),
        None => Entry::file(name, 0o644, *body),
    };
    let entries: Vec<Entry> = members.iter().map(entry).collect();
    let file = dir.join("saved.tar");
    fs::write(&file, testkit::tar::tar(&entries)).unwrap();
    file
}

/// A layer of one file.
fn layer(name: &str) -> Vec<u8> {
    testkit::tar::tar(&[Entry::file(name, 0o644, name.repeat(2000))])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn config(layers: &[&[u8]]) -> Vec<u8> {
    let ids: Vec<String> = layers.iter().map(|l| Digest::of(l).to_string()).collect();
    serde_json::to_vec(&serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": ids },
    }))
    .unwrap()
}

fn opened(file: &Path, name: &str) -> image::Validated {
    validate(&DockerArchive::open(file).unwrap(), name).unwrap()
}

#[test]
fn of_docker_before_25_with_links_for_layers_that_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (layer("a"), layer("b"));
    let config = config(&[&a, &b, &a]);
    let list = br#"[{"Config":"c.json","RepoTags":["app:1","acme/app:2"],"Layers":["1/layer.tar","2/layer.tar","3/layer.tar"]}]"#;
    let members: [Member<'_>; 6] = [
        ("1/layer.tar", &a),
        ("2/layer.tar", &b),
        ("3/layer.tar", b"-> ../1/layer.tar"),
        ("c.json", &config),
        ("manifest.json", list),
        ("repositories", b"{}"),
    ];
    let file = tar(dir.path(), &members);
    for name in ["", "app:1", "docker.io/library/app:1", "acme/app:2"] {
        let valid = opened(&file, name);
        assert_eq!(valid.problems, Vec::<String>::new());
        assert_eq!(valid.images[0].manifest.config.digest, Digest::of(&config));
        let kinds: Vec<_> = valid.images[0].manifest.layers.iter().map(|l| l.media_type.clone()).collect();
        assert_eq!(kinds, [MediaType::LAYER_TAR, MediaType::LAYER_TAR, MediaType::LAYER_TAR]);
    }
    let error = DockerArchive::open(&file).unwrap().document("app:3").unwrap_err();
    assert!(matches!(&error, TransportError::NoImage { known, .. } if known.len() == 2), "{error}");
}

#[test]
fn of_kaniko_with_compressed_layers() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (layer("a"), layer("b"));
    let config = config(&[&a, &b]);
    let (a, b) = (gzip(&a), zstd::encode_all(&b[..], 3).unwrap());
    let list = br#"[{"Config":"sha256:c","RepoTags":null,"Layers":["a.tar.gz","b.tar"]}]"#;
    let file =
        tar(dir.path(), &[("sha256:c", &config), ("a.tar.gz", &a), ("b.tar", &b), ("manifest.json", list)]);
    let valid = opened(&file, "");
    assert_eq!(valid.problems, Vec::<String>::new());
    let layers = &valid.images[0].manifest.layers;
    assert_eq!(layers[0], Descriptor::of(MediaType::LAYER_GZIP, &a));
    assert_eq!(layers[1], Descriptor::of(MediaType::LAYER_ZSTD, &b));
}

/// `docker save ID1 ID2`, and two images that somebody gave one name.
#[test]
fn images_without_names_of_their_own_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let tars = [layer("a"), layer("b"), layer("c")];
    let configs = tars.each_ref().map(|t| config(&[t]));
    let file = |tags: [&str; 3]| {
        let [a, b, c] = tags;
        let list = format!(
            r#"[{{"Config":"a.json","RepoTags":{a},"Layers":["a.tar"]}},{{"Config":"b.json","RepoTags":{b},"Layers":["b.tar"]}},{{"Config":"c.json","RepoTags":{c},"Layers":["c.tar"]}}]"#
        );
        let members: [Member<'_>; 7] = [
            ("manifest.json", list.as_bytes()),
            ("a.json", &configs[0]),
            ("b.json", &configs[1]),
            ("c.json", &configs[2]),
            ("a.tar", &tars[0]),
            ("b.tar", &tars[1]),
            ("c.tar", &tars[2]),
        ];
        tar(dir.path(), &members)
    };
    let path = file(["null", r#"["x:1","x:1"]"#, "[]"]);
    let archive = DockerArchive::open(&path).unwrap();
    assert_eq!(archive.names(), ["@0", "x:1", "@2"]);
    let error = archive.document("").unwrap_err();
    assert!(
        matches!(&error, TransportError::Ambiguous { known, .. } if *known == archive.names()),
        "{error}"
    );
    for (at, config) in configs.iter().enumerate() {
        for name in [format!("@{at}"), Digest::of(config).to_string()] {
            assert_eq!(opened(&path, &name).images[0].manifest.config.digest, Digest::of(config));
        }
    }
    for none in ["@3".to_owned(), Digest::of(b"").to_string()] {
        let error = archive.document(&none).unwrap_err();
        assert!(matches!(&error, TransportError::NoImage { .. }), "{error}");
    }

    let archive =
        DockerArchive::open(&file([r#"["x:1"]"#, r#"["x:1","y:1"]"#, r#"["docker.io/library/x:1"]"#]));
    let archive = archive.unwrap();
    assert_eq!(archive.names(), ["@0", "y:1", "@2"]);
    let error = archive.document("x:1").unwrap_err();
    assert!(
        matches!(&error, TransportError::Ambiguous { known, .. } if *known == archive.names()),
        "{error}"
    );
}

#[test]
fn of_programs_that_write_null_and_paths_from_here() {
    let dir = tempfile::tempdir().unwrap();
    let a = layer("a");
    let of_a = config(&[&a]);
    let list = br#"[{"Config":"./c.json","RepoTags":null,"Layers":["./a/layer.tar"]}]"#;
    let file = tar(dir.path(), &[("manifest.json", list), ("c.json", &of_a), ("a/layer.tar", &a)]);
    assert_eq!(opened(&file, "").images[0].manifest.config.digest, Digest::of(&of_a));

    let empty = config(&[]);
    let list = br#"[{"Config":"c.json","RepoTags":[],"Layers":null}]"#;
    let file = tar(dir.path(), &[("manifest.json", list), ("c.json", &empty)]);
    assert_eq!(opened(&file, "").images[0].manifest.layers, []);
}

#[test]
fn what_is_not_what_it_says_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (layer("a"), layer("b"));
    let of_a = config(&[&a]);
    let list: &[u8] = br#"[{"Config":"c.json","RepoTags":[],"Layers":["l.tar"]}]"#;
    let refused = |members: &[Member<'_>]| {
        let file = tar(dir.path(), members);
        let document = DockerArchive::open(&file).and_then(|archive| {
            let document = archive.document("")?;
            let to = Layout::create(dir.path().join("to"))?;
            image::copy(&archive, "", &to, "x")?;
            Ok(document)
        });
        document.unwrap_err().to_string()
    };
    let gzipped = gzip(&b);
    let bomb = gzip(&vec![0; 1 << 20]);
    let outside: &[u8] = br#"[{"Config":"c.json","Layers":["../../etc/passwd"]}]"#;
    let cases: [(&[Member<'_>], &str); 9] = [
        (&[("manifest.json", list), ("c.json", &of_a), ("l.tar", &b)], "its content is"),
        (&[("manifest.json", list), ("c.json", &of_a), ("l.tar", &gzipped)], "diff id"),
        (&[("manifest.json", list), ("c.json", &of_a), ("l.tar", &bomb[..bomb.len() - 9])], "cannot read"),
        (&[("manifest.json", list), ("c.json", &of_a)], "it has no l.tar"),
        (&[("manifest.json", list), ("l.tar", &a)], "it has no c.json"),
        (&[("manifest.json", list), ("c.json", b"[]"), ("l.tar", &a)], "c.json: "),
        (&[("manifest.json", list), ("c.json", &of_a), ("l.tar", b"-> /etc/passwd")], "it has no l.tar"),
        (&[("manifest.json", outside), ("c.json", &of_a)], "it has no ../../etc/passwd"),
        (&[("c.json", &of_a), ("l.tar", &a)], "it has no manifest.json"),
    ];
    for (members, why) in cases {
        let error = refused(members);
        assert!(error.contains(why), "{error} has no {why}");
    }
    let both = [("manifest.json", list), ("c.json", &of_a[..]), ("c.json", &of_a), ("l.tar", &a)];
    assert!(refused(&both).contains("member `c.json`: it is there twice"));
    let many: &[u8] = br#"[{"Config":"c.json","Layers":["l.tar","l.tar"]}]"#;
    assert!(refused(&[("manifest.json", many), ("c.json", &of_a), ("l.tar", &a)]).contains("2 layers"));
    let loops =
        [("manifest.json", list), ("c.json", &of_a[..]), ("l.tar", b"-> m.tar"), ("m.tar", b"-> l.tar")];
    assert!(refused(&loops).contains("it has no l.tar"));
    let whole = dir.path().join("whole.tar.gz");
    fs::write(&whole, gzip(&a)).unwrap();
    assert!(DockerArchive::open(&whole).unwrap_err().to_string().contains("`gzip -d`"));
}

/// Ours, and those that others make of it.
#[test]
fn of_us_skopeo_podman_and_docker() {
    let dir = tempfile::tempdir().unwrap();
    let (store, images, tree) = layout(&dir.path().join("store"), Codec::Gzip(6));
    let ours = dir.path().join("ours.tar");
    let name: Reference = "example.org/app:1".parse().unwrap();
    let platform = Platform::linux("amd64");
    image::docker_archive::save(&store, "app:1", Some(&platform), std::slice::from_ref(&name), &ours)
        .unwrap();
    let same = |file: &Path, who: &str| {
        let valid = opened(file, "example.org/app:1");
        assert_eq!(valid.problems, Vec::<String>::new(), "{who}");
        let (got, wrote) = (&valid.images[0], &images[0]);
        assert_eq!(got.manifest.config.digest, wrote.config.digest(), "{who}");
        assert_eq!(got.config.rootfs.diff_ids, wrote.config.value().rootfs.diff_ids, "{who}");
        assert_eq!(differences(&tree, &got.tree), Vec::<String>::new(), "{who}");
    };
    same(&ours, "ours");
    if has("skopeo") {
        let theirs = dir.path().join("skopeo.tar");
        run(Command::new("skopeo").args(["copy", "-q"]).args([
            format!("docker-archive:{}", ours.display()),
            format!("docker-archive:{}:{name}", theirs.display()),
        ]));
        same(&theirs, "skopeo");
    }
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => skip!("{why}"),
    };
    let theirs = dir.path().join("docker.tar");
    docker.run(&["load", "-q", "-i", ours.to_str().unwrap()]).unwrap();
    docker.run(&["save", "-o", theirs.to_str().unwrap(), &name.to_string()]).unwrap();
    same(&theirs, "docker");
    // `docker save | gzip`, by gzip itself.
    run(Command::new("gzip").arg(&theirs));
    let room = Room { dir: &dir.path().join("room"), reporter: &diag::Silent };
    let archive = DockerArchive::open_in(&dir.path().join("docker.tar.gz"), room).unwrap();
    let valid = validate(&archive, "example.org/app:1").unwrap();
    assert_eq!(valid.images[0].manifest.config.digest, images[0].config.digest());
}

/// As gzip, zstd and xz leave it, several of their parts one after the other too.
#[test]
fn compressed_as_a_whole() {
    use testkit::Compression::{Gzip, Xz, Zstd};
    let dir = tempfile::tempdir().unwrap();
    let (a, room) = (layer("a"), dir.path().join("room"));
    let (of_a, with) = (config(&[&a]), Room { dir: &room, reporter: &diag::Silent });
    let list: &[u8] = br#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l.tar"]}]"#;
    let plain = tar(dir.path(), &[("manifest.json", list), ("c.json", &of_a), ("l.tar", &a)]);
    let wanted = DockerArchive::open(&plain).unwrap().document("app:1").unwrap();
    let bytes = fs::read(&plain).unwrap();
    let (head, tail) = bytes.split_at(700);
    let there = || fs::read_dir(&room).unwrap().count();
    // Of a process that was killed.
    fs::create_dir(&room).unwrap();
    fs::write(room.join(".archive.1-0.distil-tmp"), "x").unwrap();
    for (word, kind) in [("gzip", Gzip), ("zstd", Zstd), ("xz", Xz)] {
        let whole = kind.compress(&bytes);
        let file = dir.path().join(format!("saved.tar{}", kind.suffix()));
        for stored in [whole.clone(), [kind.compress(head), kind.compress(tail)].concat()] {
            fs::write(&file, stored).unwrap();
            let archive = DockerArchive::open_in(&file, with).unwrap();
            assert_eq!(archive.document("app:1").unwrap().bytes(), wanted.bytes(), "{word}");
            assert_eq!(there(), 1);
            assert_eq!(validate(&archive, "app:1").unwrap().problems, Vec::<String>::new());
        }
        assert_eq!(there(), 0, "{word}");
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x10;
        let none =
            kind.compress(b"no archive of tar at all, and longer than its header is, which has 512 bytes");
        let cases = [
            (&damaged[..], word),
            (&whole[..whole.len() - 9], word),
            (&none[..], "tar archive"),
            // All zeros are a tar that is empty, for as long as one is padded.
            (&kind.compress(&vec![0; 64 << 20]), "padding"),
        ];
        // That of zstd need not have a sum; layers and configs have.
        for (stored, why) in cases.into_iter().skip(usize::from(kind == Zstd)) {
            fs::write(&file, stored).unwrap();
            let error = DockerArchive::open_in(&file, with).unwrap_err().to_string();
            let shown = file.display().to_string();
            assert!(error.contains(why) && error.contains(&shown), "{word}: {error} has no {why}");
            assert_eq!(there(), 0);
        }
    }
    let file = dir.path().join("saved.tar.bz2");
    fs::write(&file, b"BZh91AY&SY").unwrap();
    assert!(DockerArchive::open_in(&file, with).unwrap_err().to_string().contains("`bzip2 -d`"));
    // No room: a file is where the directory would be.
    fs::write(&file, Gzip.compress(&bytes)).unwrap();
    let error = DockerArchive::open_in(&file, Room { dir: &plain, ..with }).unwrap_err().to_string();
    assert!(error.starts_with("cannot unpack into"), "{error}");
}

#[test]
fn a_layout_is_read_from_a_compressed_archive() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _) = layout(&dir.path().join("store"), Codec::Gzip(6));
    let file = dir.path().join("layout.tar");
    let digest = image::oci_archive::save(&store, "app:1", &Default::default(), &file).unwrap();
    fs::write(&file, testkit::Compression::Zstd.compress(&fs::read(&file).unwrap())).unwrap();
    let room = Room { dir: &dir.path().join("room"), reporter: &diag::Silent };
    let archive = OciArchive::open_in(&file, room).unwrap();
    assert_eq!(archive.document("").unwrap().digest(), digest);
    assert_eq!(validate(&archive, "").unwrap().problems, Vec::<String>::new());
    assert!(OciArchive::open(&file).unwrap_err().to_string().contains("`zstd -d`"));
}
