use std::path::Path;

use image::{Codec, Image, Layer, LayerWriter, Layout, NoCache, SegmentCache};
use oci::{Annotations, ContainerConfig, Platform};
use rootfs::{
    Body, Device, Entry, LayerGroup, MemoryPayload, Node, Owner, PayloadIx, Payloads, SegmentPlan, Tree,
    Xattr,
};

/// Bodies in memory, and entries made in one line each.
pub(crate) struct Files {
    payload: MemoryPayload,
}

impl Files {
    pub(crate) fn new() -> Files {
        Files { payload: MemoryPayload::new(PayloadIx(0)) }
    }

    pub(crate) fn body(&mut self, content: &[u8]) -> Body {
        self.payload.add(content)
    }

    pub(crate) fn file(&mut self, path: &str, content: &[u8]) -> Entry {
        let body = self.body(content);
        Entry { mtime: 1_700_000_000, ..Entry::new(path, Node::File(body), 0o644, Owner::Package(0)) }
    }

    pub(crate) fn bodies(self) -> Payloads {
        let mut all = Payloads::new();
        all.add(self.payload);
        all
    }
}

pub(crate) fn dir(path: &str) -> Entry {
    Entry { mtime: 1_600_000_000, ..Entry::new(path, Node::Dir, 0o755, Owner::Package(0)) }
}

pub(crate) fn link(path: &str, to: &str) -> Entry {
    Entry::new(path, Node::Symlink(to.into()), 0o777, Owner::Package(0))
}

/// Bytes that compress as programs do: some of it repeats, some is noise.
pub(crate) fn program(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state % 4 {
            0 => out.extend_from_slice(&state.to_le_bytes()),
            1 => out.extend_from_slice(b"\x48\x89\xe5\x48\x83\xec\x10\xe8"),
            2 if out.len() > 64 => {
                let from = (state >> 8) as usize % (out.len() - 64);
                out.extend_from_within(from..from + 64);
            }
            _ => out.extend_from_slice(&[0; 16]),
        }
    }
    out.truncate(len);
    out
}

/// Two groups with everything that a tree can have but devices, which need root to unpack.
pub(crate) fn world(files: &mut Files) -> Vec<LayerGroup> {
    let mut secret = files.file("usr/bin/ping", &program(1, 90_000));
    secret.xattrs = vec![Xattr { name: "user.distil".into(), value: b"\x01\x00\xff=\n".to_vec() }];
    secret.mode = 0o4755;
    let owned = Entry { uid: 65532, gid: 3_000_000, ..files.file("home/nonroot/.profile", b"") };
    let hard = Entry::new("usr/bin/ping6", Node::Hardlink("usr/bin/ping".into()), 0o4755, Owner::Package(0));
    let hard = Entry { xattrs: secret.xattrs.clone(), mtime: secret.mtime, ..hard };
    let long = format!("usr/{}/{}", "d".repeat(120), "f".repeat(200));
    let mut directories: Vec<Entry> =
        ["", "home", "home/nonroot", "tmp", "usr", "usr/bin", "usr/lib"].map(dir).into();
    directories[3].mode = 0o1777;
    directories.push(dir(long.rsplit_once('/').unwrap().0));
    directories.sort_by(|a, b| a.path.cmp(&b.path));
    let package = vec![secret, hard, files.file("usr/lib/libx.so.1", &program(2, 3_500_000))];
    let names = vec![files.file(&long, b"long"), files.file("usr/lib/naïve ünï", b"utf-8")];
    let own = vec![
        dir("etc"),
        files.file("etc/passwd", b"root:x:0:0::/root:/sbin/nologin\n"),
        link("lib", "usr/lib"),
    ];
    let segments = |all: Vec<Vec<Entry>>| all.into_iter().map(|entries| SegmentPlan { entries }).collect();
    vec![
        LayerGroup { title: "packages".into(), segments: segments(vec![directories, package, names]) },
        LayerGroup {
            title: "own files".into(),
            segments: segments(vec![own, vec![dir("home"), dir("home/nonroot"), owned]]),
        },
    ]
}

pub(crate) fn devices() -> Vec<Entry> {
    vec![
        Entry::new("null", Node::Special(Device::Char { major: 1, minor: 3 }), 0o666, Owner::User),
        Entry::new("pipe", Node::Special(Device::Fifo), 0o600, Owner::User),
    ]
}

/// What the layers of `groups` should unpack to.
pub(crate) fn tree_of(groups: &[LayerGroup]) -> Tree {
    let entries = groups.iter().flat_map(|g| &g.segments).flat_map(|s| s.entries.clone()).collect();
    Tree::from_entries(entries)
}

pub(crate) fn write_with(
    layout: &Layout,
    groups: &[LayerGroup],
    bodies: &Payloads,
    cache: &dyn SegmentCache,
    codec: Codec,
    threads: usize,
) -> Vec<Layer> {
    let writer = LayerWriter { bodies, cache, out: layout, codec, threads };
    groups.iter().map(|g| writer.write(g).unwrap()).collect()
}

pub(crate) fn config() -> ContainerConfig {
    ContainerConfig { user: "65532".into(), env: vec!["PATH=/usr/bin".into()], ..ContainerConfig::default() }
}

/// One image for two platforms in a layout, named `app:1`.
pub(crate) fn layout(dir: &Path, codec: Codec) -> (Layout, Vec<Image>, Tree) {
    let layout = Layout::create(dir).unwrap();
    let mut files = Files::new();
    let groups = world(&mut files);
    let bodies = files.bodies();
    let layers = write_with(&layout, &groups, &bodies, &NoCache, codec, 2);
    let images: Vec<Image> = [Platform::linux("amd64"), Platform::linux("arm64").with_variant("v8")]
        .map(|platform| {
            let created = Some("2023-11-14T22:13:20Z".to_owned());
            image::assemble(platform, config(), created, layers.clone(), Annotations::new())
        })
        .into();
    let index = image::index(&images, Annotations::new());
    image::publish(&layout, "app:1", &images, &index).unwrap();
    (layout, images, tree_of(&groups))
}
