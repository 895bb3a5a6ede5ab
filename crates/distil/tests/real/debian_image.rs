//! An ordinary image of Debian, as people have it: debootstrap's minimal system, in an OCI layout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use oci::Digest;
use serde_json::{Value, json};

use crate::distil::has;

/// The layout's directory, whose one image is called `13`; why there is none. Made once and kept beside the
/// tests' other leftovers: debootstrap takes half a minute.
pub(crate) fn layout() -> Result<&'static Path, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(make).as_deref().map_err(Clone::clone)
}

fn make() -> Result<PathBuf, String> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-13");
    if kept.join("index.json").exists() {
        return Ok(kept);
    }
    if !has("debootstrap") {
        return Err("no debootstrap".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        return Err("not root: debootstrap needs to be".to_owned());
    }
    let mirror = testkit::mirror().ok_or("no mirror in apt's configuration")?;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let root = dir.path().join("root");
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .args(["--variant=minbase", "--include=ca-certificates,curl", "trixie"])
        .arg(&root)
        .arg(&mirror.debian);
    let done = debootstrap.output().expect("debootstrap runs");
    if !done.status.success() {
        return Err(format!("debootstrap: {}", String::from_utf8_lossy(&done.stdout)));
    }
    let to = dir.path().join("layout");
    let tar = dir.path().join("layer.tar");
    let packed = Command::new("tar")
        .args([
            "--numeric-owner",
            "--sort=name",
            "--exclude=./var/cache/apt/*",
            "--exclude=./var/lib/apt/lists/*",
        ])
        .args(["--exclude=./dev/*", "-cf"])
        .args([&tar, Path::new("-C"), &root, Path::new(".")])
        .status();
    assert!(packed.expect("tar runs").success());
    let diff_id = Digest::of(&fs::read(&tar).expect("the layer"));
    assert!(Command::new("gzip").arg("-n").arg(&tar).status().expect("gzip runs").success());
    let layer = fs::read(dir.path().join("layer.tar.gz")).expect("the layer");
    write_layout(&to, "13", &layer, "layer.v1.tar+gzip", &diff_id);
    fs::rename(&to, &kept).expect("a directory in its place");
    Ok(kept)
}

/// Writes a layout with one image of one layer, by hand: nothing of ours has a say in it.
pub(crate) fn write_layout(to: &Path, name: &str, layer: &[u8], kind: &str, diff_id: &Digest) {
    fs::create_dir_all(to.join("blobs/sha256")).expect("a directory");
    let layer = blob(to, layer);
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({
        "architecture": architecture, "os": "linux", "config": { "Cmd": ["bash"], "Env": ["PATH=/usr/bin:/bin"] },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created_by": "by hand" }],
    });
    let named = |mut descriptor: Value, kind: &str| {
        descriptor["mediaType"] = json!(format!("application/vnd.oci.image.{kind}"));
        descriptor
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": named(blob(to, config.to_string().as_bytes()), "config.v1+json"),
        "layers": [named(layer, kind)],
    });
    let mut manifest = named(blob(to, manifest.to_string().as_bytes()), "manifest.v1+json");
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(to.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").expect("a file");
    fs::write(to.join("index.json"), index.to_string()).expect("a file");
}

fn blob(to: &Path, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    fs::write(to.join("blobs/sha256").join(digest.hex()), bytes).expect("a blob");
    json!({ "digest": digest, "size": bytes.len() })
}
