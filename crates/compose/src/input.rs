use std::collections::HashMap;

use bstr::BString;
use elf::Summary;
use oci::Digest;
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
}

/// One package, unpacked.
#[derive(Debug, Clone)]
pub struct PackageTree<'a> {
    /// Which it is, and why it is here.
    pub pin: &'a Pin,
    /// Its files.
    pub tree: Tree,
    /// What it asks for beyond them.
    pub actions: Actions,
    /// Its control paragraph, byte for byte; empty in other package worlds.
    pub control: BString,
    /// Its `md5sums`, byte for byte; empty if it has none.
    pub md5sums: BString,
    /// Its field `Replaces`; empty if it has none.
    pub replaces: String,
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
