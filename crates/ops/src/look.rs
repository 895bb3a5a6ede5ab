//! An image opened to look into it: what is in it, with what is known of its making.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};
use diag::Diagnostic;
use image::{Document, Source, read_document};
use inventory::{Contents, File, Forgetful, Listing, Listings, Reading, parse_listing};
use oci::{Descriptor, DiffId, Digest, Platform};
use rootfs::path::parent;
use rootfs::{CAPABILITY, Device, Node, Owner, Xattr, capabilities, shown, typed};
use serde::Serialize;
use store::{Cache, StoreError};

use crate::World;
use crate::image_name::ImageName;
use crate::places::{Opened, open_source};
use crate::platforms;
use crate::reasons::{self, PathReason, Reasons};
use crate::why::nothing_at;

/// Which image, and for which platform.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The image.
    pub image: ImageName,
    /// Of several platforms this one; none means the host's.
    pub platform: Option<Platform>,
    /// As it is with so many of its layers, from the lowest; none means all.
    pub up_to: Option<usize>,
}

/// An image that was looked into.
pub struct Look {
    /// Its name for people.
    pub shown: String,
    /// The digest of what the name leads to: the index, or the manifest itself.
    pub digest: Digest,
    /// The platforms that there are under the name.
    pub platforms: Vec<String>,
    /// What is in it.
    pub contents: Contents,
    /// Why it is so, where the build kept that.
    pub reasons: Option<Reasons>,
    /// What BuildKit laid beside it in the index.
    pub attestations: Vec<Attestation>,
    /// Whether its manifest is its own: engines and Docker's archives keep none, so one is made, without annotations.
    pub own_manifest: bool,
}

/// A manifest of statements about an image, in the same index (BuildKit, docs/attestations/attestation-storage.md).
/// Nothing of it was checked: it tells that somebody says something, and of what kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attestation {
    /// The manifest.
    pub digest: Digest,
    /// What kinds of statements: in-toto's predicate types.
    pub predicates: Vec<String>,
}

/// Whose a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The package with that number.
    Package(usize),
    /// A documented rule of distil made it.
    Rule(String),
    /// The recipe's own file.
    Recipe,
    /// Nobody says.
    Nobody,
}

/// Opens an image and reads what is in it. Of layers that were read before nothing is read again.
///
/// # Errors
/// There is no such image, it has not the platform, or it cannot be read.
pub fn look(world: &World, subject: &Subject) -> Result<Look, Diagnostic> {
    let opened = open_source(world, &subject.image)?;
    let look = look_at(world, &opened, subject.platform.as_ref(), subject.up_to)?;
    let own_manifest = !matches!(subject.image, ImageName::Daemon(_) | ImageName::DockerArchive { .. });
    Ok(Look { own_manifest, ..look })
}

/// The same of an image that is open.
pub(crate) fn look_at(
    world: &World,
    opened: &Opened<'_>,
    platform: Option<&Platform>,
    up_to: Option<usize>,
) -> Result<Look, Diagnostic> {
    let source = opened.source.as_ref();
    let document = source.document(&opened.name)?;
    let chosen = platforms::choose(source, &document, platform, &world.host, &opened.shown)?;
    chosen.note_others(world.reporter.as_ref(), &opened.shown);
    let cache = Cache::open(&world.cache_dir);
    // A cache that cannot be had costs time, and nothing else.
    let listings: &dyn Listings = match &cache {
        Ok(cache) => &Remembered(cache),
        Err(_) => &Forgetful,
    };
    let reporter = world.reporter.as_ref();
    let with = Reading { source, listings, up_to, threads: world.threads, reporter };
    let doing = |d: Diagnostic| d.while_doing(format!("cannot look into {}", opened.shown));
    let contents =
        inventory::read(&with, chosen.descriptor.digest, chosen.manifest()).map_err(|e| doing(e.into()))?;
    let platforms = platforms::names(source, &document);
    let mut look = Look {
        shown: opened.shown.clone(),
        digest: document.digest(),
        platforms,
        contents,
        reasons: None,
        attestations: attestations(source, document.value(), &chosen.descriptor.digest),
        own_manifest: true,
    };
    // Reasons are those of the whole image: a path below may be somebody else's.
    if look.contents.layers.len() == chosen.manifest().layers.len() {
        let of = |digest: &Digest| reasons::recall(world, digest);
        look.learn(of(&chosen.descriptor.digest).or_else(|| of(&chosen.manifest().config.digest)));
    }
    Ok(look)
}

/// What the index says to be statements about an image. What cannot be read is named all the same.
fn attestations(source: &dyn Source, document: &Document, image: &Digest) -> Vec<Attestation> {
    let Document::Index(index) = document else { return Vec::new() };
    let about = |part: &&Descriptor| {
        let says = |key: &str| part.annotations.get(key).map(String::as_str);
        says("vnd.docker.reference.type") == Some("attestation-manifest")
            && says("vnd.docker.reference.digest") == Some(&image.to_string())
    };
    let read = |part: &Descriptor| {
        let document = read_document(source, part).ok();
        let predicates = match document.as_ref().map(|d| d.value()) {
            Some(Document::Manifest(manifest)) => {
                let kinds =
                    manifest.layers.iter().filter_map(|l| l.annotations.get("in-toto.io/predicate-type"));
                kinds.cloned().collect()
            }
            _ => Vec::new(),
        };
        Attestation { digest: part.digest, predicates }
    };
    index.manifests.iter().filter(about).map(read).collect()
}

/// Gives packages what only the build knows to be theirs: databases of distroless images list files with sums, and
/// links have none.
fn own_links(contents: &mut Contents, reasons: &Reasons) {
    let there: HashMap<(&str, &str), u32> =
        (0..).zip(&contents.packages).map(|(n, p)| ((p.name.as_str(), p.version.as_str()), n)).collect();
    let meant = |p: &reasons::PackageReason| there.get(&(p.name.as_str(), p.version.as_str())).copied();
    let numbers: Vec<Option<u32>> = reasons.packages.iter().map(meant).collect();
    for (path, reason) in &reasons.paths {
        if let PathReason::Package(n) = reason
            && let Some(Some(package)) = numbers.get(*n)
            && let Some(at) = contents.position(path.trim_start_matches('/'))
            && contents.files[at].package().is_none()
            && !contents.appended.contains_key(&contents.files[at].entry.path)
        {
            let file = &mut contents.files[at];
            file.entry.owner = Owner::Package(*package);
            let path = file.entry.path.clone();
            let package = &mut contents.packages[*package as usize];
            if let Err(at) = package.files.binary_search(&path) {
                package.files.insert(at, path);
            }
        }
    }
}

impl Look {
    /// Takes what is known of its making.
    pub(crate) fn learn(&mut self, reasons: Option<Reasons>) {
        if let Some(reasons) = &reasons {
            own_links(&mut self.contents, reasons);
        }
        self.reasons = reasons;
    }

    /// Asks the registry that an image is on for the reasons that somebody attached to it, where the machine has none.
    pub(crate) fn ask_registry(&mut self, world: &World, name: &ImageName) {
        if let (None, ImageName::Registry(image)) = (&self.reasons, name) {
            let reasons = reasons::referred(world, image, &self.contents.digest);
            self.learn(reasons);
        }
    }

    /// What is at a path that was typed, links followed inside the image. A link that leads nowhere is itself what
    /// is there.
    ///
    /// # Errors
    /// Nothing is there.
    pub(crate) fn at(&self, typed: &str) -> Result<&File, Diagnostic> {
        let path = typed_path(typed);
        let led = self.contents.real_path(&path, true);
        if let Some(file) = led.as_ref().ok().and_then(|real| self.contents.file(real)) {
            return Ok(file);
        }
        let itself = self.contents.real_path(&path, false).ok().and_then(|p| self.contents.file(p));
        match (itself, led) {
            (Some(link), _) => Ok(link),
            (None, Err(e)) => Err(Diagnostic::from(e)
                .while_doing(format!("cannot find {} in {}", absolute(path.as_bstr()), self.shown))
                .hint(format!("`distil tree {}` shows where links lead", self.shown))),
            (None, Ok(_)) => Err(nothing_at(self, typed)),
        }
    }

    /// The lines of the recipe that declare a path, change it, or unpack an archive above it.
    pub(crate) fn lines(&self, file: &File) -> Vec<String> {
        let Some(reasons) = self.reasons.as_ref().filter(|_| !self.is_appended(file)) else {
            return Vec::new();
        };
        let declared = |path: &str| self.contents.real_path(tree_path(path.as_bytes()), false).ok();
        let made = self.whose(file) == Whose::Recipe;
        let of = |path: &BStr| -> Vec<String> {
            let here = reasons.lines.iter().filter(|(p, _)| declared(p).is_some_and(|p| p == path));
            here.flat_map(|(_, lines)| lines.clone()).collect()
        };
        let above = std::iter::successors(Some(file.path()), |path| parent(path));
        let mut found = above.take(if made { usize::MAX } else { 1 }).map(of);
        found.find(|lines| !lines.is_empty()).unwrap_or_default()
    }

    /// Databases that are there and were not read: what nobody is known to own may be their packages'.
    pub(crate) fn unread(&self) -> Vec<String> {
        let unread = self.contents.databases.iter().filter(|d| d.packages.is_err());
        unread.map(|d| absolute(d.path.as_bstr())).collect()
    }

    /// Whose a file is.
    pub fn whose(&self, file: &File) -> Whose {
        if let Some(package) = file.package() {
            return Whose::Package(package);
        }
        match self.kept(file).filter(|_| !self.is_appended(file)) {
            Some(PathReason::Rule(rule)) => Whose::Rule(rule.clone()),
            Some(PathReason::Recipe) => Whose::Recipe,
            Some(PathReason::Package(_)) | None => Whose::Nobody,
        }
    }

    /// What the build kept of a path.
    pub(crate) fn kept(&self, file: &File) -> Option<&PathReason> {
        self.reasons.as_ref()?.paths.get(&absolute(file.path()))
    }

    /// Is a file one that `append` wrote?
    fn is_appended(&self, file: &File) -> bool {
        self.contents.appended.contains_key(&file.entry.path)
    }

    /// A row of a list.
    pub fn row(&self, file: &File) -> FileRow {
        let (package, made_by) = match self.whose(file) {
            Whose::Package(n) => (Some(self.contents.packages[n].name.clone()), None),
            Whose::Rule(rule) => (None, Some(rule)),
            Whose::Recipe => (None, Some("recipe".to_owned())),
            Whose::Nobody => (None, None),
        };
        let entry = &file.entry;
        let (target, digest) = match &entry.node {
            Node::Symlink(target) => (Some(shown(target)), None),
            Node::Hardlink(target) => (Some(absolute(target.as_bstr())), None),
            Node::File(body) => (None, Some(body.digest)),
            _ => (None, None),
        };
        FileRow {
            path: absolute(file.path()),
            kind: kind(&entry.node),
            size: file.size(),
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            mtime: entry.mtime,
            layer: file.layer + 1,
            package,
            made_by,
            target,
            device: device(&entry.node),
            digest,
            xattrs: entry.xattrs.iter().map(attribute).collect(),
        }
    }
}

/// A file for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// Its path, from the root.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// The length of a regular file; else 0.
    pub size: u64,
    /// Permission bits, octal.
    pub mode: String,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// The layer that it is from; the lowest is 1.
    pub layer: usize,
    /// The package that owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Where no package owns it: the rule of distil's that made it, or `recipe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// Where a link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Which device it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRow>,
    /// SHA-256 of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Its extended attributes, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<AttributeRow>,
}

/// A device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// `char` or `block`.
    pub kind: &'static str,
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeRow {
    /// Its name, as `security.capability`.
    pub name: String,
    /// Its value as `getfattr -e hex` prints it: `0x` and two digits a byte.
    pub value: String,
    /// What the value means, where that is known: capabilities as getcap(8) prints them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    Hardlink,
    /// A device.
    Device,
    /// A named pipe.
    Fifo,
}

impl FileKind {
    /// The word of JSON and `--type`.
    pub fn word(self) -> &'static str {
        match self {
            FileKind::Directory => "directory",
            FileKind::File => "file",
            FileKind::Symlink => "symlink",
            FileKind::Hardlink => "hardlink",
            FileKind::Device => "device",
            FileKind::Fifo => "fifo",
        }
    }
}

pub(crate) fn kind(node: &Node) -> FileKind {
    match node {
        Node::Dir => FileKind::Directory,
        Node::File(_) => FileKind::File,
        Node::Symlink(_) => FileKind::Symlink,
        Node::Hardlink(_) => FileKind::Hardlink,
        Node::Special(rootfs::Device::Fifo) => FileKind::Fifo,
        Node::Special(_) => FileKind::Device,
    }
}

fn device(node: &Node) -> Option<DeviceRow> {
    match *node {
        Node::Special(Device::Char { major, minor }) => Some(DeviceRow { kind: "char", major, minor }),
        Node::Special(Device::Block { major, minor }) => Some(DeviceRow { kind: "block", major, minor }),
        _ => None,
    }
}

fn attribute(xattr: &Xattr) -> AttributeRow {
    let means = if xattr.name == CAPABILITY { capabilities(&xattr.value) } else { None };
    let hex: String = xattr.value.iter().map(|b| format!("{b:02x}")).collect();
    AttributeRow { name: shown(&xattr.name), value: format!("0x{hex}"), means }
}

/// A path of a tree as people write it; bytes that are no UTF-8 as [`rootfs::shown`] has them.
pub(crate) fn absolute(path: &BStr) -> String {
    format!("/{}", shown(path))
}

/// A path that was typed, in a tree's form: bytes that are no UTF-8 may stand as [`rootfs::shown`] has them.
pub(crate) fn typed_path(text: &str) -> BString {
    tree_path(&typed(text))
}

/// A path in a tree's form; `..` stops at the root, as it does in a container.
pub(crate) fn tree_path(path: &[u8]) -> BString {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split_str("/") {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    bstr::join("/", parts).into()
}

/// Listings as derived objects of the cache.
pub(crate) struct Remembered<'a>(pub(crate) &'a Cache);

const KIND: &str = "listing";

impl Listings for Remembered<'_> {
    fn recall(&self, layer: &Digest, diff_id: &DiffId) -> Option<Listing> {
        let key = key(layer, diff_id);
        let listing = parse_listing(&self.0.read(KIND, &key)?);
        if listing.as_ref().is_none_or(|l| l.diff_id != *diff_id) {
            self.0.damaged(KIND, &key);
            return None;
        }
        listing
    }

    fn remember(&self, layer: &Digest, listing: &Listing) {
        // A full disk costs a second look its time, and nothing else.
        let _ = self.0.put::<(), StoreError>(KIND, &key(layer, &listing.diff_id), |out| {
            let _ = out.write_all(&listing.encode());
            Ok(())
        });
    }
}

/// Of both digests: a layer is what it was seen to be, not what a config says.
fn key(layer: &Digest, diff_id: &DiffId) -> String {
    Digest::of(format!("{layer} {diff_id}").as_bytes()).hex()
}

#[cfg(test)]
mod tests {
    use super::typed_path;

    #[test]
    fn paths_as_people_type_them() {
        for (typed, path) in
            [("/", ""), ("/etc/passwd", "etc/passwd"), ("./a//b/", "a/b"), ("../../x", "x"), ("a/../b", "b")]
        {
            assert_eq!(typed_path(typed), path);
        }
    }
}
