//! Images among real registries and engines, with skopeo, Docker and Podman as second opinions.

use std::io::{self, Cursor, Read, Seek, Write};
use std::path::Path;
use std::process::Command;

use image::{Layout, Sink};
use oci::{Algorithm, Descriptor, Digest, Hasher, MediaType};
use testkit::skip;
use testkit::tar::{Entry, tar};

use crate::foreign::{noise, put, put_layers, put_parts, sound};
use crate::run::Machine;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
}

#[track_caller]
fn skopeo(machine: &Machine, words: &[&str]) -> String {
    let out = Command::new("skopeo").args(words).current_dir(machine.path("work")).output().unwrap();
    assert!(out.status.success(), "skopeo {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn skopeo_agrees_on_what_was_pushed_and_pulled() {
    let registry = match testkit::machine::registry() {
        Ok(registry) => registry,
        Err(why) => skip!("{why}"),
    };
    if !has("skopeo") {
        skip!("no skopeo");
    }
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &BOTH);
    let name = |tag: &str| format!("{}/acme/app:{tag}", registry.address());
    machine.distil(&["push", "oci:in:1", &name("ours")]).good();
    let ours = format!("docker://{}", name("ours"));
    let raw = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &ours];
    assert_eq!(skopeo(&machine, &raw), image.digest);
    skopeo(&machine, &["copy", "-q", "--all", "--src-tls-verify=false", &ours, "oci:theirs:1"]);
    assert_eq!(sound(&machine, "theirs", "1").document.digest.to_string(), image.digest);
    // And the other way.
    let theirs = format!("docker://{}", name("theirs"));
    skopeo(&machine, &["copy", "-q", "--all", "--dest-tls-verify=false", "oci:in:1", &theirs]);
    assert_eq!(machine.distil(&["pull", &theirs, "app"]).good().digests(), [&*image.digest]);
    machine.distil(&["copy", "app", "oci:back:1"]).good();
    assert_eq!(sound(&machine, "back", "1").document.digest.to_string(), image.digest);
    let tags = machine.distil(&["ls", &format!("{}/acme/app", registry.address())]).good().stdout;
    assert_eq!(tags, format!("{}\n{}\n", name("ours"), name("theirs")));
    // Docker's own registry removes no tags, and says so.
    let by_digest = format!("docker://{}/acme/app@{}", registry.address(), image.digest);
    machine.distil(&["rm", &ours]).fails(4, &["removes no tags", &format!("distil rm {by_digest}")]);
    machine.distil(&["rm", &by_digest]).good();
}

/// What is put into an image of Docker's format is of Docker's format, or all of it becomes OCI's: others refuse a
/// mixture ("unsupported docker v2s2 media type").
#[test]
fn skopeo_and_podman_take_an_image_of_dockers_format_that_was_changed() {
    let registry = match testkit::machine::registry() {
        Ok(registry) => registry,
        Err(why) => skip!("{why}"),
    };
    if !has("skopeo") {
        skip!("no skopeo");
    }
    let machine = Machine::new();
    put(&machine, "in", "1", &BOTH);
    machine.write("work/x", "x");
    machine.distil(&["append", "oci:in:1", "--file", "x:/base", "-o", "oci:in:new"]).good();
    let name = |tag: &str| format!("{}/dk/app:{tag}", registry.address());
    let docker = |tag: &str| format!("docker://{}", name(tag));
    let format = ["copy", "-q", "--all", "--format", "v2s2", "--dest-tls-verify=false", "oci:in:1"];
    skopeo(&machine, &[&format[..], &[&docker("base")]].concat());
    let append = ["append", &name("base"), "--file", "x:/x", "-o"];
    machine.distil(&[&append[..], &[&name("app")]].concat()).good();
    machine.distil(&[&append[..], &[&name("zstd"), "--compression", "zstd"]].concat()).good();
    for (from, old, new, to) in [
        (name("app"), name("base"), "oci:in:new".to_owned(), name("on-oci")),
        ("oci:in:new".to_owned(), "oci:in:1".to_owned(), name("app"), name("on-docker")),
    ] {
        let words = ["rebase", &from, "--old-base", &old, "--new-base", &new, "-o", &to];
        machine.distil(&words).good();
    }
    for tag in ["app", "zstd", "on-oci", "on-docker"] {
        let to = format!("oci:taken:{tag}");
        skopeo(&machine, &["copy", "-q", "--all", "--src-tls-verify=false", &docker(tag), &to]);
        assert_eq!(machine.distil(&["extract", &to, "/x", "-o", "-"]).good().stdout, "x", "{tag}");
        if let Some(refused) = pulled_by_podman(&machine, &name(tag)) {
            skip!("podman pulls nothing here: {refused}");
        }
    }
}

/// Has podman pull it; gives why it can pull nothing on this machine, whatever it is.
#[track_caller]
fn pulled_by_podman(machine: &Machine, name: &str) -> Option<String> {
    if !has("podman") {
        return Some("it is not there".to_owned());
    }
    let at = |sub: &str| machine.path(sub).display().to_string();
    let mut podman = Command::new("podman");
    podman.args(["--root", &at("podman"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
    let out = podman.args(["pull", "-q", "--tls-verify=false", name]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!said.contains("media type"), "{name}: {said}");
    (!out.status.success()).then_some(said)
}

/// A layer of one file of so many MiB of noise, made, compressed and summed as it goes: it is never whole in memory.
fn large_layer(layout: &Layout, mib: u64) -> (Descriptor, Digest) {
    let empty = tar(&[Entry::file("noise", 0o644, "").claims(mib << 20)]);
    let (head, end) = empty.split_at(512);
    let pieces = std::iter::once(head.to_vec())
        .chain((1..=mib).map(|n| noise(2 * n, 1 << 20)))
        .chain(std::iter::once(end.to_vec()));
    let mut raw = Summed::of(Pieces { rest: pieces, now: Cursor::default() });
    let mut stored = Summed::of(tempfile::tempfile().unwrap());
    testkit::gzip(&mut raw, &mut stored).unwrap();
    let part = Descriptor::new(MediaType::LAYER_GZIP, stored.sum.finish(), stored.len);
    stored.inner.rewind().unwrap();
    layout.put(&part, &mut stored.inner).unwrap();
    (part, raw.sum.finish())
}

/// Pieces, one after the other.
struct Pieces<I> {
    rest: I,
    now: Cursor<Vec<u8>>,
}

impl<I: Iterator<Item = Vec<u8>>> Read for Pieces<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let got = self.now.read(buffer)?;
            if got > 0 {
                return Ok(got);
            }
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.now = Cursor::new(next);
        }
    }
}

/// What passes, summed and counted.
struct Summed<T> {
    inner: T,
    sum: Hasher,
    len: u64,
}

impl<T> Summed<T> {
    fn of(inner: T) -> Summed<T> {
        Summed { inner, sum: Hasher::new(Algorithm::Sha256), len: 0 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.len += bytes.len() as u64;
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.pass(&buffer[..got]);
        Ok(got)
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.pass(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[test]
fn half_a_gigabyte_and_a_hundred_layers() {
    let registry = match testkit::machine::registry() {
        Ok(registry) => registry,
        Err(why) => skip!("{why}"),
    };
    let machine = Machine::new();
    // It lies in the layout, the registry, the store, and a layout again.
    let disk = rustix::fs::statvfs(machine.path("work")).unwrap();
    if disk.f_bavail * disk.f_frsize < 3 << 30 {
        skip!("less than 3 GiB free in {}", machine.path("work").display());
    }
    let large =
        put_parts(&machine, "in", "large", &["linux/amd64"], |layout, _| vec![large_layer(layout, 500)]);
    let many = put_layers(&machine, "in", "many", &["linux/amd64"], |_| {
        (0..100).map(|n| tar(&[Entry::file(format!("file-{n}"), 0o644, noise(n, 4096))])).collect()
    });
    for (tag, image) in [("large", large), ("many", many)] {
        let name = format!("{}/acme/{tag}:1", registry.address());
        machine.distil(&["push", &format!("oci:in:{tag}"), &name]).good();
        assert_eq!(machine.distil(&["pull", &name]).good().digests(), [&*image.digest]);
        machine.distil(&["copy", &format!("store:{name}"), &format!("oci:out:{tag}")]).good();
        assert_eq!(sound(&machine, "out", tag).document.digest.to_string(), image.digest);
        if tag == "large" {
            continue;
        }
        machine.distil(&["copy", &name, "docker-archive:saved.tar"]).good();
        machine.distil(&["copy", "docker-archive:saved.tar", &format!("oci:again:{tag}")]).good();
        let config = sound(&machine, "again", tag).images[0].manifest.config.digest;
        assert_eq!(config, image.configs[0]);
    }
}

#[test]
fn docker_takes_and_gives_what_we_mean() {
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => skip!("{why}"),
    };
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &BOTH);
    let socket = format!("unix://{}", docker.socket().display());
    let distil = |words: &[&str]| {
        let mut command = machine.command(words);
        crate::run::Ran::of(command.env("DOCKER_HOST", &socket).output().unwrap())
    };
    distil(&["copy", "oci:in:1", "docker-daemon:app:1"])
        .fails(2, &["it has 2 platforms", "--platform linux/amd64"]);
    distil(&["copy", "oci:in:1", "docker-daemon:app:1", "--platform", "linux/amd64"]).good();
    let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", "app:1"]).unwrap();
    assert_eq!(id.trim(), image.configs[0].to_string());
    distil(&["pull", "docker-daemon:app:1", "back"]).good();
    distil(&["copy", "docker-daemon:app:1", "oci:out:1"]).good();
    let valid = sound(&machine, "out", "1");
    assert_eq!(valid.images[0].manifest.config.digest, image.configs[0]);
    let ids: Vec<String> = valid.images[0].config.rootfs.diff_ids.iter().map(ToString::to_string).collect();
    assert_eq!(ids, image.diff_ids[0]);
    distil(&["copy", "docker-daemon:nothing", "oci:out:2"]).fails(3, &["nothing"]);
    let Ok(registry) = testkit::machine::registry() else { skip!("no docker-registry") };
    let name = format!("{}/acme/app:1", registry.address());
    distil(&["push", "oci:in:1", &name]).good();
    // Docker lets a registry of the loopback speak http.
    docker.run(&["pull", "-q", &name]).unwrap();
    let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &name]).unwrap();
    assert_eq!(id.trim(), image.configs[0].to_string());
}

#[test]
fn podman_takes_and_gives_an_archive() {
    if !has("podman") {
        skip!("no podman");
    }
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "docker-archive:ours.tar:acme/app:1"]).good();
    let podman = |words: &[&str]| {
        let at = |sub: &str| machine.path(sub).display().to_string();
        let mut command = Command::new("podman");
        command.args(["--root", &at("podman"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
        let out = command.args(words).current_dir(machine.path("work")).output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (loaded, why) = podman(&["load", "-q", "-i", "ours.tar"]);
    if !loaded {
        skip!("podman loads nothing here: {why}");
    }
    for (format, file) in [("docker-archive", "saved.tar"), ("oci-archive", "oci.tar")] {
        let saved = podman(&["save", "-q", "--format", format, "-o", file, "acme/app:1"]);
        assert!(saved.0, "{}", saved.1);
        machine.distil(&["copy", &format!("{format}:{file}"), &format!("oci:out:{format}")]).good();
        let valid = sound(&machine, "out", format);
        let ids: Vec<String> =
            valid.images[0].config.rootfs.diff_ids.iter().map(ToString::to_string).collect();
        assert_eq!(ids, image.diff_ids[0], "{format}");
    }
    let listed = machine.distil(&["ls", "docker-archive:saved.tar"]).good().stdout;
    assert!(listed.contains("acme/app:1"), "{listed}");
    assert!(Path::new(&machine.path("work/saved.tar")).exists());
}
