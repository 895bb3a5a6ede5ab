use std::collections::HashMap;

use apk::ControlFiles;
use bstr::BString;
use elf::Summary;
use oci::{ContainerConfig, Digest};
use package::{Arch, Pin};
use recipe::Resolved;
use rootfs::actions::Actions;
use rootfs::{Bodies, Body, PayloadIx, Tree};

/// Everything a composition depends on.
pub struct ComposeInput<'a> {
    /// One variant of the recipe.
    pub recipe: &'a Resolved,
    /// The architecture of the image.
    pub arch: &'a Arch,
    /// The packages in install order; the n-th is `Owner::Package(n)` of the composition.
    pub packages: Vec<PackageTree<'a>>,
    /// apk: the public keys that the build trusts, of the recipe's `keyring` and its distribution, for
    /// `/etc/apk/keys` of the image. The recipe's `runtime_keyring` comes from the recipe itself.
    pub apk_keys: Vec<ApkKey>,
    /// The user's files, one for each of the recipe's `files`; none for inline ones.
    pub own_files: Vec<Option<OwnBody>>,
    /// The user's certificates (PEM), one for each of the recipe's `certificates`; none for inline ones.
    pub certificates: Vec<Option<Vec<u8>>>,
    /// What is known of ELF objects, by the digest of their content: of packages and own files.
    pub objects: &'a HashMap<Digest, Summary>,
    /// Gives the bytes of the packages' and own files.
    pub bodies: &'a dyn Bodies,
    /// The number that the payload of derived files will have.
    pub derived: PayloadIx,
    /// SOURCE_DATE_EPOCH, seconds since the epoch.
    pub epoch: Option<i64>,
    /// The image below, where there is one; apk only.
    pub base: Option<Base<'a>>,
}

/// An image that ours stands upon.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// What a container sees of it, with bodies that [`ComposeInput::bodies`] gives.
    pub tree: &'a Tree,
    /// Its execution parameters.
    pub config: &'a ContainerConfig,
    /// Its packages, in the form of apk's installed database.
    pub installed: &'a [u8],
}

/// One package, unpacked.
#[derive(Debug, Clone)]
pub struct PackageTree<'a> {
    /// Which it is, and why it is here.
    pub pin: &'a Pin,
    /// Its files.
    pub tree: Tree,
    /// What it asks for beyond them. Of an apk package too: what `apk::scripts` finds literally in its
    /// scripts. Links of busybox and rebuilt caches are rules of ours and need no action.
    pub actions: Actions,
    /// What it says of itself in the words of its world; every package of an image is of one world.
    pub record: Record<'a>,
}

/// What a package says of itself, in the words of its world.
#[derive(Debug, Clone)]
pub enum Record<'a> {
    /// A package of Debian's.
    Deb(DebRecord),
    /// A package of apk's: the payload's part [`apk::CONTROL_PART`], decoded. The size and the identity
    /// of its file are the pin's.
    Apk(&'a ControlFiles),
    /// Nothing: no tool will know of it.
    None,
}

/// What a package of Debian's says of itself.
#[derive(Debug, Clone, Default)]
pub struct DebRecord {
    /// Its control paragraph, byte for byte.
    pub control: BString,
    /// Its `md5sums`, byte for byte; empty if it has none.
    pub md5sums: BString,
    /// Its field `Replaces`; empty if it has none.
    pub replaces: String,
}

/// A public key for `/etc/apk/keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApkKey {
    /// The file's name, which signatures give: `alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub`.
    pub name: String,
    /// PEM.
    pub pem: Vec<u8>,
}

impl<'a> PackageTree<'a> {
    /// What a package of Debian's says.
    pub(crate) fn deb(&self) -> Option<&DebRecord> {
        match &self.record {
            Record::Deb(record) => Some(record),
            _ => None,
        }
    }

    /// What a package of apk's says.
    pub(crate) fn apk(&self) -> Option<&'a ControlFiles> {
        match self.record {
            Record::Apk(files) => Some(files),
            _ => None,
        }
    }
}

/// A file of the user's that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnBody {
    /// One file.
    File {
        /// Its content.
        body: Body,
        /// Its owner may execute it.
        executable: bool,
    },
    /// A directory, or an archive's entries: paths are relative to the place where it goes.
    Tree(Tree),
}
