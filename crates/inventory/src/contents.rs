use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Manifest, Platform};
use rootfs::path::{ResolveError, follow};
use rootfs::{Entry, Node, Owner};

use crate::{APPEND, Maker, OsRelease};

/// What is in an image of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its config.
    pub config: ImageConfig,
    /// Its layers, bottom first.
    pub layers: Vec<LayerContents>,
    /// What a container sees, sorted by path. Of files with several names one is a
    /// [`Node::File`], the others are [`Node::Hardlink`]s to it: it is one that a package owns before others, of these one
    /// in the lowest layer, of these the first; directories that no layer has are there, the
    /// root (path empty) always, root's and 0755.
    pub files: Vec<File>,
    /// Its packages, sorted by name and architecture.
    pub packages: Vec<Package>,
    /// The package databases that were found.
    pub databases: Vec<Database>,
    /// What `etc/os-release` says, else `usr/lib/os-release`.
    pub os_release: Option<OsRelease>,
    /// Who made the image, as far as it tells.
    pub maker: Maker,
    /// Accounts and what packages of Debian say of their licences: `etc/passwd`, `etc/group` and
    /// `usr/share/doc/*/copyright`, where they are files of no more than 1 MiB. [`Contents::notice`] finds one.
    pub notices: BTreeMap<BString, Vec<u8>>,
    /// What layers of `distil append` wrote, by path, with the number of the package whose database lists the path all the
    /// same. By that it is not the package's.
    pub appended: BTreeMap<BString, Option<usize>>,
}

/// A layer: where it came from and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerContents {
    /// Its descriptor in the manifest: type, digest and size as stored.
    pub descriptor: Descriptor,
    /// The digest of its tar.
    pub diff_id: DiffId,
    /// The length of its tar in bytes.
    pub unpacked: u64,
    /// The entry of the config's history that tells of it.
    pub history: Option<History>,
    /// What it did to the layers below, sorted by path. A directory that is there already, and is the same but for
    /// its time, is none.
    pub changes: Vec<Change>,
    /// What it has as hard links to files of layers below it, sorted by path.
    pub links: Vec<Link>,
    /// What it did to the packages, by name.
    pub packages: Vec<PackageChange>,
    /// Bytes of files of the layers below that no name leads to since this layer, by its deletions, replacements and
    /// repetitions: they are still stored.
    pub hides: u64,
}

/// What a layer did to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange {
    /// Which system it belongs to.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its architecture, in its system's word.
    pub arch: String,
    /// Its version before; none where it is new.
    pub before: Option<String>,
    /// Its version after; none where it is gone.
    pub after: Option<String>,
}

/// What a layer did to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path.
    pub path: BString,
    /// What it did.
    pub kind: ChangeKind,
    /// The length of the file that it brings, or took away; 0 for what is no file.
    pub size: u64,
}

/// How a layer changes a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Nothing was there below.
    Added,
    /// It has other bytes, another target or is another kind of thing.
    Replaced,
    /// Only mode, owner, time or attributes are others, or not even those: a builder repeated it.
    Touched,
    /// It is gone, by a whiteout or under an opaque directory.
    Deleted,
}

/// One path of the merged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// What is there. Its owner is [`Owner::Package`] with the number of a package in
    /// [`Contents::packages`], or [`Owner::Implicit`] where none says that it is its own. The payload of its body is the
    /// layer's number.
    pub entry: Entry,
    /// The number of the layer that it is from, counted from 0: the last that has it. Of a directory that no layer has
    /// as a member, the first with something in it.
    pub layer: usize,
}

/// Which system a package belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageKind {
    /// dpkg.
    Deb,
    /// apk.
    Apk,
    /// rpm.
    Rpm,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Which system it belongs to.
    pub kind: PackageKind,
    /// Its name.
    pub name: String,
    /// Its version, as its system writes it.
    pub version: String,
    /// Its architecture, in its system's word; empty where the database has none.
    pub arch: String,
    /// The source package (`Source`, apk's origin), if it is named otherwise than the package.
    pub source: Option<String>,
    /// What it says to take when installed, in bytes.
    pub installed_size: Option<u64>,
    /// Who maintains it.
    pub maintainer: Option<String>,
    /// Its licence, where the database knows it (apk does; Debian's stands in its copyright file).
    pub licence: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// What it needs, a requirement each, as its system writes it.
    pub depends: Vec<String>,
    /// What it provides beside its name, likewise.
    pub provides: Vec<String>,
    /// Beside what it cannot be, likewise: Debian's `Conflicts` and `Breaks`. apk says that among what it needs.
    pub excludes: Vec<String>,
    /// Why it is there although no package needs it, as far as the image says: Debian's `Essential: yes`
    /// (Policy 3.8), or the line of `/etc/apk/world` that asks for it (apk-world(5)).
    pub asked: Option<String>,
    /// Its paths in the image, directories too, sorted: links on the way are followed, so these are paths of
    /// [`Contents::files`].
    pub files: Vec<BString>,
    /// Files that the database lists and the image lacks.
    pub missing: Vec<BString>,
    /// The number of the layer that most of its files are from, counted from 0; of a package without files, the layer
    /// whose database has it first in this version.
    pub layer: usize,
}

/// A package database of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Which system it belongs to.
    pub kind: PackageKind,
    /// Where it is.
    pub path: BString,
    /// How many packages it has, or why it was not read.
    pub packages: Result<usize, String>,
}

/// A member of a layer that is another name of a file of a layer below: unpacked, it is what is there then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its own path.
    pub path: BString,
    /// The path that it is another name of.
    pub target: BString,
    /// The number of the layer that has that, counted from 0.
    pub below: usize,
}

impl LayerContents {
    /// Is it a layer that `distil append` wrote, as its history says?
    pub fn is_appended(&self) -> bool {
        self.history.as_ref().is_some_and(|h| h.created_by.as_deref() == Some(APPEND))
    }
}

impl PackageKind {
    /// `deb`, `apk`, `rpm`: the word of package URLs (purl-spec).
    pub fn word(self) -> &'static str {
        match self {
            PackageKind::Deb => "deb",
            PackageKind::Apk => "apk",
            PackageKind::Rpm => "rpm",
        }
    }
}

impl ChangeKind {
    /// `added`, `replaced`, `touched`, `deleted`.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Replaced => "replaced",
            ChangeKind::Touched => "touched",
            ChangeKind::Deleted => "deleted",
        }
    }
}

impl File {
    /// Its path.
    pub fn path(&self) -> &BStr {
        self.entry.path.as_bstr()
    }

    /// The length of a regular file; 0 for all else, further names of a file too.
    pub fn size(&self) -> u64 {
        match &self.entry.node {
            Node::File(body) => body.size,
            _ => 0,
        }
    }

    /// The number of its package in [`Contents::packages`].
    pub fn package(&self) -> Option<usize> {
        match self.entry.owner {
            Owner::Package(n) => usize::try_from(n).ok(),
            _ => None,
        }
    }
}

impl Contents {
    /// The platform that the config names.
    pub fn platform(&self) -> Platform {
        let config = &self.config;
        Platform {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            os_version: None,
            variant: config.variant.clone(),
        }
    }

    /// What is at exactly this path (relative to the root); no link is followed.
    pub fn file(&self, path: impl AsRef<[u8]>) -> Option<&File> {
        self.position(path).map(|at| &self.files[at])
    }

    /// Where among [`files`](Contents::files) a path is.
    pub fn position(&self, path: impl AsRef<[u8]>) -> Option<usize> {
        self.files.binary_search_by(|f| f.path().as_bytes().cmp(path.as_ref())).ok()
    }

    /// The path that `path` leads to when links are followed inside the image; the last component only where
    /// `last` says so. Nothing need be there.
    ///
    /// # Errors
    /// Links go round in a circle, or the path becomes longer than Linux takes.
    pub fn real_path(&self, path: impl AsRef<[u8]>, last: bool) -> Result<BString, ResolveError> {
        let link = |p: &BStr| match self.file(p).map(|f| &f.entry.node) {
            Some(Node::Symlink(target)) => Some(target.as_bstr()),
            _ => None,
        };
        follow(path.as_ref().as_bstr(), last, link)
    }

    /// The text of one of [`notices`](Contents::notices), links followed.
    pub fn notice(&self, path: &str) -> Option<&[u8]> {
        let real = self.real_path(path, true).ok()?;
        let first = match &self.file(&real)?.entry.node {
            Node::Hardlink(first) => first,
            _ => &real,
        };
        self.notices.get(&real).or_else(|| self.notices.get(first)).map(Vec::as_slice)
    }

    /// Everything below a directory, not the directory itself.
    pub fn below<'a>(&'a self, directory: &'a BStr) -> impl Iterator<Item = &'a File> + 'a {
        let from = self.files.partition_point(|f| f.path() <= directory);
        let near = self.files[from..].iter().take_while(move |f| f.path().starts_with(directory));
        near.filter(move |f| directory.is_empty() || f.path().get(directory.len()) == Some(&b'/'))
    }

    /// The bytes of all regular files, each once.
    pub fn files_size(&self) -> u64 {
        self.files.iter().map(File::size).sum()
    }

    /// The bytes of all layers as they are stored.
    pub fn stored_size(&self) -> u64 {
        // Whoever wrote the manifest may have written any size.
        self.layers.iter().fold(0, |all, l| all.saturating_add(l.descriptor.size))
    }

    /// The bytes that a package's files take, each once.
    pub fn package_size(&self, package: usize) -> u64 {
        let owned = self.files.iter().filter(|f| f.package() == Some(package));
        owned.map(File::size).sum()
    }
}
