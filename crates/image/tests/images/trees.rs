//! Trees as others made them of our images, and how they differ from what we meant. The tests of the
//! whole program include this file too, and compare real images.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use oci::Digest;
use rootfs::{Body, Device, Entry, Node, Owner, PayloadIx, Tree, Xattr, tar};

/// The tree below a directory of this machine.
pub(crate) fn walk(top: &Path) -> Tree {
    let mut names = BTreeMap::new();
    let mut entries = Vec::new();
    let mut todo = vec![top.to_owned()];
    while let Some(dir) = todo.pop() {
        for path in fs::read_dir(&dir).expect("a directory").flatten().map(|e| e.path()) {
            let meta = fs::symlink_metadata(&path).expect("an entry");
            let name = path.strip_prefix(top).expect("below the top").as_os_str().as_bytes().to_vec();
            let mut entry =
                Entry::new(name.clone(), node(&path, &meta), meta.mode() & 0o7777, Owner::Derived);
            (entry.uid, entry.gid, entry.mtime) = (meta.uid(), meta.gid(), meta.mtime());
            match entry.node {
                Node::Dir => todo.push(path),
                Node::File(_) => {
                    entry.xattrs = xattrs(&path);
                    names.entry(meta.ino()).or_insert_with(Vec::new).push(name);
                }
                _ => (),
            }
            entries.push(entry);
        }
    }
    let mut tree = Tree::from_entries(entries);
    for mut group in names.into_values() {
        group.sort();
        for other in &group[1..] {
            tree.get_mut(other).expect("an entry").node = Node::Hardlink(group[0].clone().into());
        }
    }
    tree
}

fn node(path: &Path, meta: &fs::Metadata) -> Node {
    match meta.mode() & 0o170_000 {
        0o040_000 => Node::Dir,
        0o120_000 => Node::Symlink(fs::read_link(path).expect("a link").as_os_str().as_bytes().into()),
        0o020_000 => Node::Special(Device::Char {
            major: rustix::fs::major(meta.rdev()),
            minor: rustix::fs::minor(meta.rdev()),
        }),
        0o010_000 => Node::Special(Device::Fifo),
        _ => Node::File(body(&fs::read(path).expect("a file"))),
    }
}

fn body(bytes: &[u8]) -> Body {
    Body { digest: Digest::of(bytes), size: bytes.len() as u64, payload: PayloadIx(0), offset: 0 }
}

fn xattrs(path: &Path) -> Vec<Xattr> {
    let mut names = vec![0; 4096];
    let len = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut out = Vec::new();
    for name in names[..len].split(|b| *b == 0).filter(|n| !n.is_empty()) {
        let mut value = vec![0; 4096];
        let got = rustix::fs::lgetxattr(path, name, &mut value[..]).expect("an attribute");
        value.truncate(got);
        out.push(Xattr { name: name.into(), value });
    }
    out.sort();
    out
}

/// The tree in a tar archive, as `docker export` writes one.
pub(crate) fn read_tar(path: &Path) -> Tree {
    let mut entries = Vec::new();
    let file = fs::File::open(path).expect("an archive");
    tar::read_entries(file, &tar::Limits::default(), |member, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        entries.push(member.into_entry(Some(body(&bytes)), Owner::Derived));
        Ok::<(), tar::TarError>(())
    })
    .expect("a tar archive that we read");
    Tree::from_entries(entries)
}

/// What of `tree` is not in `found` as it should be, but for the root itself.
pub(crate) fn differences(tree: &Tree, found: &Tree) -> Vec<String> {
    let all = rootfs::diff(tree, found);
    all.iter().filter(|d| !d.path.is_empty()).map(|d| format!("{} {:?}", d.path, d.aspects())).collect()
}

/// What Docker makes in every container (moby, daemon/initlayer/setup_unix.go), whatever stood there.
const MADE: [&str; 8] = [
    ".dockerenv",
    "dev/console",
    "dev/pts",
    "dev/shm",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
];

/// Directories it makes those in: they may be new, and if they are ours, their times are its own.
const MADE_IN: [&str; 4] = ["dev", "etc", "proc", "sys"];

/// What `docker export` should give of `ours` and does not, or gives otherwise; but for what the engine
/// makes. Nothing else is forgiven: mode, owner, size, digest, link, time, and attributes of the kernel's
/// (`security.*`), which are those that Docker exports.
pub(crate) fn differences_of_export(ours: &Tree, exported: &Tree) -> Vec<String> {
    let of = |tree: &Tree| {
        let mut tree = tree.clone();
        let made = |path: &[u8]| MADE.iter().any(|m| m.as_bytes() == path);
        let forgiven = |path: &[u8]| MADE_IN.iter().any(|m| m.as_bytes() == path);
        tree.retain(|e| !made(&e.path) && (!forgiven(&e.path) || ours.get(&e.path).is_some()));
        let entries = tree.into_entries().into_iter().map(|mut e| {
            e.xattrs.retain(|x| x.name.starts_with(b"security."));
            if forgiven(&e.path) {
                e.mtime = 0;
            }
            e
        });
        Tree::from_entries(entries.collect())
    };
    differences(&of(ours), &of(exported))
}
