//! The one place where the verbs ask which package world a recipe is of. What each answer means stands
//! in [`crate::deb_world`] and [`crate::apk_world`]; what comes out of either is common data.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bstr::BString;
use compose::{DebRecord, PackageTree, Record};
use diag::{Diagnostic, Kind};
use fetch::Url;
use lockfile::{LockedPin, Lockfile, SuitePin};
use package::{Arch, Closure, Identity, Pin, Shelf, Universe};
use recipe::Resolved;
use rootfs::actions::Actions;
use rootfs::{Bodies, Tree, payload};
use trust::Verified;

use crate::deb_world;
use crate::documents::Document;
use crate::payloads::Unpacked;
use crate::recipes::Loaded;
use crate::records::LastSeen;
use crate::report::ExplainRow;
use crate::scripts::Scripts;
use crate::shop::Shop;

/// A package world, with the sources of a recipe in it.
pub(crate) enum Ecosystem {
    /// Debian's.
    Deb(Vec<deb_world::Source>),
}

/// All indexes that were read, from one moment.
pub(crate) struct Indexes {
    /// What the lock says of each suite, in the order of the sources.
    pub(crate) suites: Vec<SuitePin>,
    /// What the solver sees, by architecture.
    pub(crate) universes: BTreeMap<Arch, Verified<Universe>>,
    /// The records of dates, written only once a lock was.
    pub(crate) seen: BTreeMap<String, LastSeen>,
}

/// What was seen before, and what the user says to going back.
pub(crate) struct Before {
    /// Dates of the lock, by suite.
    pub(crate) lock: BTreeMap<String, i64>,
    /// `--allow-rollback`.
    pub(crate) allow_rollback: bool,
}

/// What is wanted of a universe.
pub(crate) struct Wish<'a> {
    pub(crate) variant: &'a Resolved,
    pub(crate) arch: &'a Arch,
    /// Versions to keep where they still fit.
    pub(crate) prefer: Vec<&'a Pin>,
}

impl Ecosystem {
    /// The world of a recipe, and the sources of all its variants.
    pub(crate) fn of(recipe: &Loaded) -> Result<Ecosystem, Diagnostic> {
        if recipe.variants.iter().any(|v| v.world == recipe::World::Apk) {
            return Err(Diagnostic::new(
                Kind::Input,
                format!("cannot resolve {}: its packages are apk packages", recipe.typed),
            )
            .hint(
                "this distil makes images of Debian packages; name a `distribution: debian-13` (or 12) recipe",
            ));
        }
        Ok(Ecosystem::Deb(union(recipe, deb_world::sources::sources)?))
    }

    /// Reads the indexes of all sources for `archs`: fetched, verified, fresh.
    pub(crate) fn read_indexes(
        &self,
        shop: &Shop<'_>,
        archs: &[Arch],
        before: &Before,
    ) -> Result<Indexes, Diagnostic> {
        match self {
            Ecosystem::Deb(sources) => deb_world::indexes::read(shop, sources, archs, before),
        }
    }

    /// Chooses packages; rows of tables that applied go to `explain`.
    pub(crate) fn closure(
        &self,
        universe: &Verified<Universe>,
        wish: &Wish<'_>,
        explain: &mut Vec<ExplainRow>,
    ) -> Result<Verified<Closure>, Diagnostic> {
        match self {
            Ecosystem::Deb(_) => deb_world::closure::closure(universe, wish, explain),
        }
    }

    /// The bases of a repository, best first: its mirrors, then archives of the past.
    pub(crate) fn bases(
        &self,
        shop: &Shop<'_>,
        lock: &Lockfile,
        repository: &str,
    ) -> Result<Vec<Url>, Diagnostic> {
        match self {
            Ecosystem::Deb(sources) => deb_world::indexes::package_bases(shop, sources, lock, repository),
        }
    }

    /// The folder of a repository in a vendor directory, below which packages have their own paths.
    pub(crate) fn vendor_folder(&self, repository: &str) -> PathBuf {
        match self {
            Ecosystem::Deb(_) => deb_world::prove::vendor_folder(repository),
        }
    }

    /// Is the suite of a lock still among the sources?
    pub(crate) fn has(&self, suite: &str) -> bool {
        match self {
            Ecosystem::Deb(sources) => sources.iter().any(|s| s.id == suite),
        }
    }

    /// What a suite of a lock rests on.
    pub(crate) fn documents(&self, suite: &SuitePin) -> Vec<Document> {
        match self {
            Ecosystem::Deb(sources) => {
                let source = sources.iter().find(|s| s.id == suite.id);
                source.map_or_else(Vec::new, |s| deb_world::prove::documents(suite, s))
            }
        }
    }

    /// Proves the packages of a suite again; calls `proved` with each.
    pub(crate) fn prove(
        &self,
        shop: &Shop<'_>,
        of: (&Lockfile, &SuitePin),
        vendor: Option<&Path>,
        proved: &mut dyn FnMut(&Pin),
    ) -> Result<(), Diagnostic> {
        match self {
            Ecosystem::Deb(sources) => match sources.iter().find(|s| s.id == of.1.id) {
                Some(source) => deb_world::prove::prove(shop, of, source, vendor, proved),
                None => Ok(()),
            },
        }
    }
}

/// The sources of all variants, each once.
fn union<S: PartialEq>(
    recipe: &Loaded,
    sources: impl Fn(&Resolved) -> Result<Vec<S>, Diagnostic>,
) -> Result<Vec<S>, Diagnostic> {
    let mut all: Vec<S> = Vec::new();
    for variant in &recipe.variants {
        let more: Vec<S> = sources(variant)?.into_iter().filter(|s| !all.contains(s)).collect();
        all.extend(more);
    }
    Ok(all)
}

/// Does an index name the file of a pin, as the lock has it?
pub(crate) fn names(shelf: &Shelf, pin: &Pin) -> bool {
    shelf.rows_named(&pin.name).map(|row| shelf.record(row)).any(|record| {
        record.version() == pin.version
            && record.path() == pin.path
            && record.size() == pin.size
            && record.identity() == Some(pin.identity)
    })
}

/// The format of package files, which what an index says of them tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// `.deb`.
    Deb,
}

impl Format {
    /// Of the file that has this identity.
    pub(crate) fn of(_: &Identity) -> Format {
        Format::Deb
    }

    /// Part of a payload's key: counts up when the same file would become another payload.
    pub(crate) fn revision(self) -> String {
        match self {
            Format::Deb => deb::REVISION.to_string(),
        }
    }

    /// Reads a package, front to back, into a payload.
    pub(crate) fn unpack<W: Write>(
        self,
        package: impl Read,
        out: &mut payload::Writer<W>,
    ) -> Result<(), Diagnostic> {
        match self {
            Format::Deb => Ok(deb::unpack(package, &deb::Limits::default(), out).map(drop)?),
        }
    }

    /// The name of a payload's part with what the package says beside its files.
    pub(crate) fn control_part(self) -> &'static str {
        match self {
            Format::Deb => deb::CONTROL_PART,
        }
    }

    /// Reads that part; none if it is damaged.
    pub(crate) fn control(self, bytes: &[u8]) -> Option<Control> {
        match self {
            Format::Deb => deb::ControlFiles::decode(bytes).ok().map(Control::Deb),
        }
    }
}

/// What a package says beside its files.
pub(crate) enum Control {
    /// Of a `.deb`.
    Deb(deb::ControlFiles),
}

/// Reads the scripts of one package, in the tree that they would run in.
pub(crate) fn scripts(package: &Unpacked, arch: &Arch, tree: &Tree) -> Scripts {
    match &package.control {
        Control::Deb(control) => deb_world::scripts::read(package, control, arch, tree),
    }
}

/// Adds what a package's files declare for a later moment than installation.
pub(crate) fn declared(
    shop: &Shop<'_>,
    package: &Unpacked,
    bodies: &dyn Bodies,
    actions: &mut Actions,
) -> Result<(), Diagnostic> {
    match &package.control {
        Control::Deb(_) => deb_world::scripts::declared(shop, package, bodies, actions),
    }
}

/// A package as composition takes it.
pub(crate) fn package_tree<'a>(
    row: &'a LockedPin,
    package: &'a Unpacked,
    actions: Actions,
) -> PackageTree<'a> {
    let tree = package.payload.tree.clone();
    match &package.control {
        Control::Deb(control) => PackageTree {
            pin: &row.pin,
            tree,
            actions,
            record: Record::Deb(DebRecord {
                control: BString::from(control.control.raw()),
                md5sums: control.md5sums.clone(),
                replaces: control.control.field("Replaces").map(ToString::to_string).unwrap_or_default(),
            }),
        },
    }
}
