//! Images that nobody built here, in a layout of the machine's.

use image::{Layout, Sink, validate};
use oci::{Descriptor, Digest, MediaType, Raw};
use serde_json::{Value, json};
use testkit::Compression;
use testkit::tar::{Entry, tar};

use crate::run::Machine;

/// An image to be put into layouts.
pub(crate) struct Foreign {
    /// Its index's digest.
    pub(crate) digest: String,
    /// Each platform's config.
    pub(crate) configs: Vec<Digest>,
    /// Each platform's layers, by their tars.
    pub(crate) diff_ids: Vec<Vec<String>>,
}

/// A layer of one file in its directories, the same for the same words.
pub(crate) fn layer(path: &str, text: &str) -> Vec<u8> {
    let above = path.match_indices('/').map(|(at, _)| Entry::dir(&path[..at], 0o755));
    let entries: Vec<Entry> = above.chain([Entry::file(path, 0o644, text.repeat(50))]).collect();
    tar(&entries)
}

/// Bytes that no compressor makes smaller.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(len / 8).flatten().collect()
}

/// Puts an image of these platforms into the layout `work/DIR`, called `name`: two layers that all share, and one
/// of each.
pub(crate) fn put(machine: &Machine, dir: &str, name: &str, platforms: &[&str]) -> Foreign {
    let layers = |platform: &str| {
        vec![
            layer("etc/os-release", "NAME=none\n"),
            layer("usr/lib/shared", "shared "),
            layer("usr/bin/app", &format!("app of {platform} ")),
        ]
    };
    put_layers(machine, dir, name, platforms, layers)
}

/// The same with these layers.
pub(crate) fn put_layers(
    machine: &Machine,
    dir: &str,
    name: &str,
    platforms: &[&str],
    layers: impl Fn(&str) -> Vec<Vec<u8>>,
) -> Foreign {
    put_parts(machine, dir, name, platforms, |layout, platform| {
        let part = |tar: &Vec<u8>| {
            (put_blob(layout, MediaType::LAYER_GZIP, &Compression::Gzip.compress(tar)), Digest::of(tar))
        };
        layers(platform).iter().map(part).collect()
    })
}

fn put_blob(layout: &Layout, kind: MediaType, bytes: &[u8]) -> Descriptor {
    let part = Descriptor::of(kind, bytes);
    layout.put(&part, &mut &bytes[..]).expect("a blob");
    part
}

/// The same with layers that the function puts into the layout itself, each with the digest of its tar.
pub(crate) fn put_parts(
    machine: &Machine,
    dir: &str,
    name: &str,
    platforms: &[&str],
    layers: impl Fn(&Layout, &str) -> Vec<(Descriptor, Digest)>,
) -> Foreign {
    let layout = Layout::create(machine.path("work").join(dir)).expect("a layout");
    let put = |kind: MediaType, bytes: &[u8]| put_blob(&layout, kind, bytes);
    let mut foreign = Foreign { digest: String::new(), configs: Vec::new(), diff_ids: Vec::new() };
    let mut manifests = Vec::new();
    for platform in platforms {
        let (parts, ids): (Vec<Descriptor>, Vec<Digest>) = layers(&layout, platform).into_iter().unzip();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let platform: oci::Platform = platform.parse().expect("a platform");
        let config = json!({
            "created": "2026-01-02T03:04:05Z", "architecture": platform.architecture, "os": platform.os,
            "variant": platform.variant, "config": { "Env": ["PATH=/usr/bin"], "Cmd": ["/usr/bin/app"] },
            "rootfs": { "type": "layers", "diff_ids": ids },
            "history": ids.iter().map(|_| json!({ "created_by": "a test" })).collect::<Vec<Value>>(),
        });
        let config = put(MediaType::CONFIG, config.to_string().as_bytes());
        foreign.configs.push(config.digest);
        foreign.diff_ids.push(ids);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MediaType::MANIFEST, "config": config, "layers": parts,
            // Spaces and order are somebody else's: only bytes that are kept have this digest.
            "annotations": { "z": "1", "a": "2" },
        });
        let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest");
        manifests.push(Descriptor { platform: Some(platform), ..put(MediaType::MANIFEST, &manifest) });
    }
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::INDEX, "manifests": manifests });
    let index = Raw::read(serde_json::to_vec_pretty(&index).expect("an index")).expect("an index");
    layout.publish(name, &index).expect("a name");
    foreign.digest = index.digest().to_string();
    foreign
}

/// What `name` leads to in the layout `work/DIR`; everything in it is as it should be.
#[track_caller]
pub(crate) fn sound(machine: &Machine, dir: &str, name: &str) -> image::Validated {
    let layout = Layout::open(machine.path("work").join(dir)).expect("a layout");
    let valid = validate(&layout, name).unwrap_or_else(|e| panic!("{dir}:{name}: {e}"));
    assert_eq!(valid.problems, Vec::<String>::new(), "{dir}:{name}");
    valid
}
