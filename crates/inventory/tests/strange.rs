//! Strange images, made up layer by layer, against what umoci unpacks and what Docker exports of them: whiteouts
//! beside links of their own layer, links across layers, names that are no text.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

mod images;
#[path = "../../image/tests/images/trees.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod trees;

use std::path::{Path, PathBuf};
use std::process::Command;

use image::{Document, Layout, Source};
use inventory::{Contents, Forgetful, Reading};
use oci::{Descriptor, Digest, MediaType};
use rootfs::Tree;
use testkit::tar::Entry;

fn file(path: impl AsRef<[u8]>, body: &str) -> Entry {
    Entry::file(path, 0o644, body)
}

fn dir(path: &str) -> Entry {
    Entry::dir(path, 0o755)
}

fn ran(command: &mut Command) {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// An OCI layout of layers as they are given, with the name `x`.
fn layout(dir: &Path, layers: &[Vec<Entry>]) -> PathBuf {
    let blobs = dir.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("a directory");
    let put = |kind: MediaType, bytes: &[u8]| {
        let part = Descriptor::of(kind, bytes);
        std::fs::write(blobs.join(part.digest.hex()), bytes).expect("a blob");
        part
    };
    let tars: Vec<Vec<u8>> = layers.iter().map(testkit::tar::tar).collect();
    let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::of(tar)).collect();
    let parts: Vec<Descriptor> = tars.iter().map(|tar| put(MediaType::LAYER_TAR, tar)).collect();
    let config = serde_json::json!({ "architecture": "amd64", "os": "linux", "config": { "Cmd": ["/x"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = put(MediaType::CONFIG, config.to_string().as_bytes());
    let manifest = serde_json::json!({ "schemaVersion": 2, "mediaType": MediaType::MANIFEST, "config": config, "layers": parts });
    let mut image = put(MediaType::MANIFEST, manifest.to_string().as_bytes());
    image.annotations.insert(image::REF_NAME.to_owned(), "x".to_owned());
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [image] });
    std::fs::write(dir.join("index.json"), index.to_string()).expect("an index");
    std::fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a layout");
    dir.to_owned()
}

fn read(layout: &Path) -> Contents {
    let source = Layout::open(layout).expect("a layout");
    let document = source.document("x").expect("the image");
    let Document::Manifest(manifest) = document.value() else { panic!("one image") };
    let with =
        Reading { source: &source, listings: &Forgetful, up_to: None, threads: 2, reporter: &diag::Silent };
    inventory::read(&with, document.digest(), manifest).expect("it is read")
}

fn tree(contents: &Contents) -> Tree {
    Tree::from_sorted(contents.files.iter().map(|f| f.entry.clone()).collect()).expect("sorted")
}

/// What umoci makes of it; it unpacks as root only where owners are.
fn umoci(dir: &Path, layout: &Path) -> Tree {
    let bundle = dir.join("bundle");
    ran(Command::new("umoci").args(["unpack", "--image", &format!("{}:x", layout.display())]).arg(&bundle));
    let tree = trees::walk(&bundle.join("rootfs"));
    std::fs::remove_dir_all(bundle).expect("the bundle goes");
    tree
}

/// What Docker makes of it: loaded, and a container's files exported.
fn docker(docker: &testkit::machine::Docker, dir: &Path, layout: &Path) -> Tree {
    let archive = dir.join("archive.tar");
    let (from, to) =
        (format!("oci:{}:x", layout.display()), format!("docker-archive:{}:x:1", archive.display()));
    ran(Command::new("skopeo").args(["copy", "-q", "--insecure-policy", &from, &to]));
    docker.run(&["load", "-i", &archive.display().to_string()]).expect("docker loads");
    let container = docker.run(&["create", "--network", "none", "x:1"]).expect("a container");
    let export = dir.join("export.tar");
    docker.run(&["export", "-o", &export.display().to_string(), container.trim()]).expect("an export");
    let tree = trees::read_tar(&export);
    docker.run(&["rm", container.trim()]).expect("the container goes");
    docker.run(&["rmi", "x:1"]).expect("the image goes");
    std::fs::remove_file(archive).expect("the archive goes");
    tree
}

/// What can be had of root, umoci and skopeo; why not.
fn machine() -> Result<tempfile::TempDir, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("not root: umoci cannot give files away".to_owned());
    }
    match ["umoci", "skopeo"].into_iter().find(|program| !has(program)) {
        Some(none) => Err(format!("no {none}")),
        None => tempfile::tempdir().map_err(|e| e.to_string()),
    }
}

/// Layers with whiteouts beside and below their own links; each case in a directory of its own.
fn whiteouts() -> Vec<Vec<Entry>> {
    let lower = vec![
        dir("below"),
        dir("below/usr"),
        dir("below/usr/lib"),
        file("below/usr/lib/gone", "1"),
        file("below/usr/lib/stays", "2"),
        dir("opaque"),
        dir("opaque/usr"),
        dir("opaque/usr/lib"),
        file("opaque/usr/lib/old", "1"),
        dir("own"),
        file("own/link", "1"),
        file("own/hard", "2"),
        dir("own/dir"),
        file("own/dir/old", "3"),
        dir("replaced"),
        dir("replaced/lib"),
        file("replaced/lib/x", "1"),
        dir("replaced/usr"),
        file("replaced/usr/x", "1"),
        dir("absolute"),
        dir("absolute/a"),
        file("absolute/a/x", "1"),
    ];
    let upper = vec![
        // A whiteout below a link that this layer made before: it is of what the link leads to.
        dir("below"),
        dir("below/usr"),
        dir("below/usr/lib"),
        Entry::symlink("below/lib", "usr/lib"),
        file("below/lib/.wh.gone", ""),
        file("below/lib/new", "3"),
        dir("opaque"),
        dir("opaque/usr"),
        dir("opaque/usr/lib"),
        Entry::symlink("opaque/lib", "usr/lib"),
        file("opaque/lib/.wh..wh..opq", ""),
        file("opaque/lib/new", "2"),
        // A whiteout of what this layer brings itself.
        dir("own"),
        file("own/.wh.link", ""),
        Entry::symlink("own/link", "hard"),
        file("own/.wh.hard", ""),
        file("own/first", "4"),
        Entry::hardlink("own/hard", "own/first"),
        // The link comes after it, and takes the directory's place.
        dir("replaced"),
        file("replaced/lib/.wh.x", ""),
        Entry::symlink("replaced/lib", "usr"),
        dir("absolute"),
        dir("absolute/a"),
        Entry::symlink("absolute/b", "/absolute/a"),
        file("absolute/b/.wh.x", ""),
    ];
    vec![lower, upper]
}

/// The same for umoci alone: Docker loads no layer with a path twice.
fn repeated() -> Vec<Vec<Entry>> {
    let lower =
        vec![dir("a"), file("a/x", "1"), file("a/y", "1"), file("own", "1"), dir("d"), file("d/x", "1")];
    let upper = vec![
        dir("a"),
        Entry::symlink("b", "a"),
        file("b/.wh.x", ""),
        // The link goes again; what it was used for stays.
        dir("b"),
        file("b/.wh.y", ""),
        // Whiteouts behind what this layer brings.
        file("own", "2"),
        Entry::hardlink("other", "own"),
        file(".wh.own", ""),
        file(".wh.other", ""),
        dir("d"),
        file("d/new", "2"),
        Entry::symlink("d/link", "new"),
        file("d/.wh..wh..opq", ""),
        file("d/.wh.link", ""),
        file(".wh.d", ""),
    ];
    vec![lower, upper]
}

/// Asks umoci and, where Docker takes it, Docker.
fn compared(layers: &[Vec<Entry>], docker_too: bool) {
    let dir = match machine() {
        Ok(dir) => dir,
        Err(why) => testkit::skip!("{why}"),
    };
    let layout = layout(&dir.path().join("layout"), layers);
    let ours = tree(&read(&layout));
    assert_eq!(trees::differences(&ours, &umoci(dir.path(), &layout)), Vec::<String>::new(), "umoci");
    if !docker_too {
        return;
    }
    match testkit::machine::docker() {
        Ok(engine) => {
            let exported = docker(&engine, dir.path(), &layout);
            assert_eq!(trees::differences_of_export(&ours, &exported), Vec::<String>::new(), "docker export");
        }
        Err(why) => testkit::skip!("{why}"),
    }
}

#[test]
fn whiteouts_are_where_their_layers_links_lead() {
    compared(&whiteouts(), true);
}

#[test]
fn whiteouts_are_of_layers_below_wherever_they_stand() {
    compared(&repeated(), false);
}
