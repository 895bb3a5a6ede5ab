//! What others read out of what we write.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use bstr::ByteSlice;
use image::oci_archive::ArchiveName;
use image::{Codec, Layout, NoCache, OciArchive, validate};
use oci::{Platform, Reference};
use rootfs::{Entry, Node};
use testkit::skip;

use crate::trees::{differences, differences_of_export, read_tar, walk};
use crate::world::{Files, devices, layout, tree_of, world, write_with};

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

pub(crate) fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn gnu_tar_unpacks_our_tree() {
    if !has("tar") || !is_root() {
        skip!("needs GNU tar and root");
    }
    let store = tempfile::tempdir().unwrap();
    let layout = Layout::create(store.path()).unwrap();
    let mut files = Files::new();
    let mut groups = world(&mut files);
    groups[1].segments[0].entries.extend(devices());
    let layers = write_with(&layout, &groups, &files.bodies(), &NoCache, Codec::Gzip(6), 2);
    let to = tempfile::tempdir().unwrap();
    for layer in &layers {
        run(Command::new("tar")
            .args([
                "--numeric-owner",
                "--same-owner",
                "--delay-directory-restore",
                "--xattrs",
                "--xattrs-include=*",
            ])
            .arg("-xpzf")
            .arg(layout.blob_path(&layer.descriptor.digest))
            .arg("-C")
            .arg(to.path()));
    }
    let wanted = tree_of(&groups);
    assert_eq!(differences(&wanted, &walk(to.path())), Vec::<String>::new());
}

#[test]
fn bsdtar_lists_our_layers() {
    if !has("bsdtar") {
        skip!("no bsdtar");
    }
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    let mut files = Files::new();
    let groups = world(&mut files);
    let layers = write_with(&layout, &groups, &files.bodies(), &NoCache, Codec::Gzip(6), 2);
    for (layer, group) in layers.iter().zip(&groups) {
        let blob = layout.blob_path(&layer.descriptor.digest);
        let told = run(Command::new("bsdtar").env("LC_ALL", "C.UTF-8").arg("-tf").arg(blob));
        let name = |e: &Entry| match e.node {
            Node::Dir if e.path.is_empty() => "./".to_owned(),
            Node::Dir => format!("{}/", e.path),
            _ => e.path.to_string(),
        };
        let wanted: Vec<String> = group.segments.iter().flat_map(|s| &s.entries).map(name).collect();
        assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
    }
}

/// Prints members of a gzipped tar in stream mode, which stops after a first gzip member.
const PYTHON: &str = r#"
import hashlib, sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as t:
    for m in t:
        content = hashlib.sha256(t.extractfile(m).read()).hexdigest() if m.isreg() else ""
        link = m.linkname if m.issym() or m.islnk() else ""
        print(ascii(m.name), m.type.decode(), oct(m.mode), m.uid, m.gid, int(m.mtime), ascii(link), content)
"#;

#[test]
fn python_streams_our_layers() {
    if !has("python3") {
        skip!("no python3");
    }
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    let mut files = Files::new();
    let groups = world(&mut files);
    let layers = write_with(&layout, &groups, &files.bodies(), &NoCache, Codec::Gzip(6), 2);
    for (layer, group) in layers.iter().zip(&groups) {
        let blob = fs::read(layout.blob_path(&layer.descriptor.digest)).unwrap();
        let mut python = Command::new("python3");
        let mut child =
            python.args(["-c", PYTHON]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || stdin.write_all(&blob));
        let out = child.wait_with_output().unwrap();
        feeder.join().unwrap().unwrap();
        assert!(out.status.success());
        let told = String::from_utf8(out.stdout).unwrap();
        let wanted: Vec<String> = group.segments.iter().flat_map(|s| &s.entries).map(python_line).collect();
        assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
    }
}

fn python_line(e: &Entry) -> String {
    let (kind, link, content) = match &e.node {
        Node::Dir => (5, String::new(), String::new()),
        Node::File(body) => (0, String::new(), body.digest.hex()),
        Node::Symlink(to) => (2, to.to_string(), String::new()),
        Node::Hardlink(to) => (1, to.to_string(), String::new()),
        Node::Special(_) => unreachable!("the world has none"),
    };
    let ascii = |text: &str| {
        let escaped =
            text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\x{:02x}", c as u32) });
        format!("'{}'", escaped.collect::<String>())
    };
    let name = if e.path.is_empty() { "." } else { e.path.to_str().unwrap() };
    let (uid, gid, mtime) = (e.uid, e.gid, e.mtime);
    format!("{} {kind} 0o{:o} {uid} {gid} {mtime} {} {content}", ascii(name), e.mode, ascii(&link))
        .trim_end()
        .to_owned()
        + if content.is_empty() { " " } else { "" }
}

#[test]
fn skopeo_reads_and_copies_every_form() {
    if !has("skopeo") {
        skip!("no skopeo");
    }
    for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
        let dir = tempfile::tempdir().unwrap();
        let (store, images, tree) = layout(&dir.path().join("store"), codec);
        let plain = Layout::create(dir.path().join("plain")).unwrap();
        let digest = image::copy(&store, "app:1", &plain, "1").unwrap();
        let oci = format!("oci:{}:1", plain.dir().display());
        let told = run(Command::new("skopeo").args(["inspect", "--format", "{{.Digest}}", &oci]));
        assert_eq!(told.trim(), digest.to_string());
        let name: Reference = "example.org/app:1".parse().unwrap();
        let archive = dir.path().join("oci.tar");
        image::oci_archive::save(&store, "app:1", &ArchiveName::of(&name), &archive).unwrap();
        for (n, from) in [oci, format!("oci-archive:{}", archive.display())].iter().enumerate() {
            let to = dir.path().join(format!("copy{n}"));
            run(Command::new("skopeo")
                .args(["copy", "-q", "--all", from])
                .arg(format!("oci:{}:x", to.display())));
            let valid = validate(&Layout::open(&to).unwrap(), "x").unwrap();
            assert_eq!((valid.document.digest, valid.problems), (digest, Vec::new()));
        }
        let docker = dir.path().join("docker.tar");
        let platform = Platform::linux("amd64");
        image::docker_archive::save(&store, "app:1", Some(&platform), &[name], &docker).unwrap();
        let to = dir.path().join("from-docker");
        let from = format!("docker-archive:{}", docker.display());
        run(Command::new("skopeo").args(["copy", "-q", &from]).arg(format!("oci:{}:x", to.display())));
        let valid = validate(&Layout::open(&to).unwrap(), "x").unwrap();
        assert_eq!(valid.images[0].config.rootfs, images[0].config.value().rootfs);
        assert_eq!(differences(&tree, &valid.images[0].tree), Vec::<String>::new());
        // And the other way: what skopeo writes, we read.
        let theirs = dir.path().join("theirs.tar");
        run(Command::new("skopeo")
            .args(["copy", "-q", "--all"])
            .arg(format!("oci:{}:x", to.display()))
            .arg(format!("oci-archive:{}:y", theirs.display())));
        let valid = validate(&OciArchive::open(&theirs).unwrap(), "y").unwrap();
        assert_eq!(differences(&tree, &valid.images[0].tree), Vec::<String>::new());
    }
}

#[test]
fn umoci_unpacks_our_tree() {
    if !has("umoci") || !is_root() {
        skip!("needs umoci and root");
    }
    let dir = tempfile::tempdir().unwrap();
    let (store, images, tree) = layout(&dir.path().join("store"), Codec::Gzip(6));
    // umoci takes a manifest, not an index, under a name.
    let plain = Layout::create(dir.path().join("plain")).unwrap();
    image::copy(&store, &images[0].manifest.digest().to_string(), &plain, "1").unwrap_err();
    let manifest = image::read_document(
        &store,
        &oci::Descriptor::of(oci::MediaType::MANIFEST, images[0].manifest.bytes()),
    );
    image::copy(&store, "app:1", &plain, "all").unwrap();
    image::Sink::publish(&plain, "1", &manifest.unwrap()).unwrap();
    let to = dir.path().join("bundle");
    run(Command::new("umoci")
        .args(["unpack", "--image"])
        .arg(format!("{}:1", plain.dir().display()))
        .arg(&to));
    let found = walk(&to.join("rootfs"));
    assert_eq!(differences(&tree, &found), Vec::<String>::new());
}

#[test]
fn docker_loads_our_archive_and_exports_our_tree() {
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => skip!("{why}"),
    };
    for codec in [Codec::Gzip(6), Codec::Zstd(3)] {
        let dir = tempfile::tempdir().unwrap();
        let (store, images, tree) = layout(&dir.path().join("store"), codec);
        let file = dir.path().join("docker.tar");
        let name: Reference =
            format!("written-by-us:{}", codec.to_string().replace(':', "-")).parse().unwrap();
        let platform = Platform::linux("amd64");
        image::docker_archive::save(&store, "app:1", Some(&platform), std::slice::from_ref(&name), &file)
            .unwrap();
        docker.run(&["load", "-q", "-i", file.to_str().unwrap()]).unwrap();
        let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &name.to_string()]).unwrap();
        assert_eq!(id.trim(), images[0].config.digest().to_string());
        let container = docker.run(&["create", "--network", "none", &name.to_string(), "/x"]).unwrap();
        let exported = dir.path().join("export.tar");
        docker.run(&["export", "-o", exported.to_str().unwrap(), container.trim()]).unwrap();
        docker.run(&["rm", container.trim()]).unwrap();
        let found = read_tar(&exported);
        assert_eq!(differences_of_export(&tree, &found), Vec::<String>::new());
    }
}

#[test]
fn an_engine_is_forgiven_its_own_files_and_nothing_else() {
    let file = |path: &str| Entry::new(path, Node::Dir, 0o755, rootfs::Owner::User);
    let tree = |paths: &[&str]| rootfs::Tree::from_entries(paths.iter().map(|p| file(p)).collect());
    let ours = tree(&["etc", "etc/hosts", "usr"]);
    let theirs = tree(&[".dockerenv", "dev", "dev/pts", "etc", "etc/mtab", "proc", "sys", "usr"]);
    assert_eq!(differences_of_export(&ours, &theirs), Vec::<String>::new());
    let more = tree(&["dev", "dev/null", "etc", "etc/passwd", "proc", "proc/1"]);
    let told = differences_of_export(&ours, &more);
    assert_eq!(told, ["dev/null [Presence]", "etc/passwd [Presence]", "proc/1 [Presence]", "usr [Presence]"]);
    let mut later = ours.clone();
    later.get_mut("etc").unwrap().mtime = 7;
    later.get_mut("usr").unwrap().mtime = 7;
    assert_eq!(differences_of_export(&ours, &later), ["usr [Mtime]"]);
}
