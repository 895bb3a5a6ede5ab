//! The one place where the verbs ask which package world a recipe is of. What each answer means stands
//! in [`crate::deb_world`] and [`crate::apk_world`]; what comes out of either is common data.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bstr::BString;
use compose::{ApkKey, DebRecord, PackageTree, Record};
use diag::{Diagnostic, Kind};
use fetch::Url;
use inventory::PackageKind;
use lockfile::{KeyPin, LockedPin, Lockfile, SuitePin};
use package::{Arch, Closure, Identity, Pin, Record as IndexRecord, Sha1, Shelf, Universe};
use recipe::{Resolved, World};
use rootfs::actions::Actions;
use rootfs::{Bodies, Tree, payload};
use solve::apk::Compat;
use trust::{Receipt, RsaKeyring, Verified};

use crate::apk_world::everywhere::{self, Barred};
use crate::apk_world::keys::Keys;
use crate::apk_world::sources::Share;
use crate::apk_world::{self, Repositories};
use crate::base;
use crate::closed::{Links, Need, Says};
use crate::deb_world;
use crate::documents::{Document, folder};
use crate::images::Order;
use crate::payloads::Unpacked;
use crate::place::Place;
use crate::recipes::Loaded;
use crate::records::LastSeen;
use crate::report::ExplainRow;
use crate::request::LockPlace;
use crate::scripts::Scripts;
use crate::shop::Shop;

/// A package world, with the sources of a recipe in it.
pub(crate) enum Ecosystem {
    /// Debian's.
    Deb(deb_world::Sources),
    /// apk's.
    Apk(Repositories),
}

/// All indexes that were read, from one moment.
pub(crate) struct Indexes {
    /// What the lock says of each suite, in the order of the sources.
    pub(crate) suites: Vec<SuitePin>,
    /// What the solver sees.
    pub(crate) universes: Universes,
    /// The records of dates, written only once a lock was.
    pub(crate) seen: BTreeMap<String, LastSeen>,
    /// By which packages themselves may be signed (apk); a good signature is asked of none.
    pub(crate) package_keys: RsaKeyring,
    /// Keys that were fetched.
    pub(crate) keys: Vec<KeyPin>,
}

/// What the solver sees of the indexes, by variant and architecture: a variant chooses from what it names
/// itself.
#[derive(Default)]
pub(crate) struct Universes(BTreeMap<(String, Arch), Verified<Universe>>);

impl Universes {
    /// For a variant and an architecture.
    pub(crate) fn insert(&mut self, variant: &str, arch: &Arch, universe: Verified<Universe>) {
        self.0.insert((variant.to_owned(), arch.clone()), universe);
    }

    /// Of a variant, for one of its architectures.
    ///
    /// # Errors
    /// None was read, which is our own mistake.
    pub(crate) fn of(&self, variant: &Resolved, arch: &Arch) -> Result<&Verified<Universe>, Diagnostic> {
        let name = Loaded::variant_name(variant);
        let none = || Diagnostic::new(Kind::Internal, format!("no index was read for {name} on {arch}"));
        self.0.get(&(name.to_owned(), arch.clone())).ok_or_else(none)
    }
}

/// What was seen before, and what the user says to going back.
pub(crate) struct Before {
    /// Dates of the lock, by suite and (apk) by `SUITE/PATH` of an index.
    pub(crate) lock: BTreeMap<String, i64>,
    /// Keys of the lock that were fetched.
    pub(crate) keys: Vec<KeyPin>,
    /// `--allow-rollback`.
    pub(crate) allow_rollback: bool,
}

impl Before {
    /// What a lock knows.
    pub(crate) fn of(lock: Option<&Lockfile>, allow_rollback: bool) -> Before {
        let mut before = Before { lock: BTreeMap::new(), keys: Vec::new(), allow_rollback };
        for suite in lock.iter().flat_map(|l| &l.suites) {
            before.lock.extend(suite.date.map(|date| (suite.id.clone(), date)));
            let dated =
                suite.indexes.iter().filter_map(|i| Some((format!("{}/{}", suite.id, i.path), i.date?)));
            before.lock.extend(dated);
        }
        before.keys.extend(lock.iter().flat_map(|l| &l.keys).cloned());
        before
    }
}

/// What is wanted of a universe.
pub(crate) struct Wish<'a> {
    pub(crate) variant: &'a Resolved,
    pub(crate) arch: &'a Arch,
    /// Versions to keep where they still fit.
    pub(crate) prefer: Vec<&'a Pin>,
    /// What may not be chosen for this architecture.
    pub(crate) barred: Option<&'a Barred>,
}

impl Ecosystem {
    /// The world of a recipe, and the sources of all its variants.
    pub(crate) fn of(shop: &Shop<'_>, recipe: &Loaded, place: &LockPlace) -> Result<Ecosystem, Diagnostic> {
        let apk = |v: &Resolved| v.world == World::Apk;
        if !recipe.variants.iter().any(apk) {
            if place.compat == Compat::Apko {
                let text =
                    format!("cannot resolve {} as apko does: its packages are deb packages", recipe.typed);
                return Err(Diagnostic::new(Kind::Usage, text).hint("leave --compat away"));
            }
            return Ok(Ecosystem::Deb(deb_world::Sources::of(shop, recipe)?));
        }
        if let Some(other) = recipe.variants.iter().find(|v| !apk(v)) {
            let name = Loaded::variant_name(other);
            let text = format!(
                "cannot resolve {}: not all of its variants are of apk packages ({name})",
                recipe.typed
            );
            return Err(Diagnostic::new(Kind::Input, text).hint("name the distribution above the variants"));
        }
        let repositories = Repositories::of(shop, recipe, place)?;
        apk_world::closure::check_tags(recipe, &repositories)?;
        apk_world::closure::say_overruled(shop, recipe, place.compat);
        Ok(Ecosystem::Apk(repositories))
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
            Ecosystem::Apk(repositories) => apk_world::indexes::read(shop, repositories, archs, before),
        }
    }

    /// What may not be chosen for an architecture of a variant because another of them has it not: nothing,
    /// unless the user wants what apko takes.
    pub(crate) fn barred(
        &self,
        indexes: &Indexes,
        variant: &Resolved,
    ) -> Result<BTreeMap<Arch, Barred>, Diagnostic> {
        match self {
            Ecosystem::Apk(r) if r.alike => {
                let of = |arch| Ok((arch, indexes.universes.of(variant, arch)?));
                let universes = variant.archs.iter().map(of).collect::<Result<Vec<_>, Diagnostic>>()?;
                let base = variant.base_image.as_ref().map(base::id);
                Ok(everywhere::not_everywhere(&universes, base.as_deref()))
            }
            _ => Ok(BTreeMap::new()),
        }
    }

    /// Says which packages of a new lock are of several versions. Debian's always are somewhere: rebuilds
    /// of one architecture have versions of their own.
    pub(crate) fn say_different(&self, shop: &Shop<'_>, lock: &Lockfile) {
        if let Ecosystem::Apk(_) = self {
            everywhere::say_different(shop, lock);
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
            Ecosystem::Apk(r) => apk_world::closure::closure(universe, wish, r.compat, explain),
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
            Ecosystem::Apk(r) => r.find(repository).map_or(Ok(Vec::new()), |s| s.place.bases(shop)),
        }
    }

    /// The directory that a repository is, if it is one of the user's.
    pub(crate) fn directory(&self, repository: &str) -> Option<&Path> {
        let place = match self {
            Ecosystem::Deb(sources) => sources.find(repository).map(|s| &s.place),
            Ecosystem::Apk(repositories) => repositories.find(repository).map(|s| &s.place),
        };
        match place? {
            Place::Directory(dir) => Some(dir),
            _ => None,
        }
    }

    /// The folder of a repository in a vendor directory, below which packages have their own paths.
    pub(crate) fn vendor_folder(&self, repository: &str) -> PathBuf {
        match self {
            Ecosystem::Deb(_) => deb_world::prove::vendor_folder(repository),
            Ecosystem::Apk(_) => folder(repository),
        }
    }

    /// Is the suite of a lock still among the sources?
    pub(crate) fn has(&self, suite: &str) -> bool {
        match self {
            Ecosystem::Deb(sources) => sources.find(suite).is_some(),
            Ecosystem::Apk(repositories) => repositories.find(suite).is_some(),
        }
    }

    /// Does the recipe, or the command line, say now that a suite is taken unsigned? What a lock says of it
    /// is what is in question.
    pub(crate) fn goes_unsigned(&self, suite: &str) -> bool {
        match self {
            Ecosystem::Deb(sources) => sources.find(suite).is_some_and(|s| s.trusted),
            Ecosystem::Apk(r) => r.ignore_signatures || r.goes_unsigned(suite),
        }
    }

    /// Does a variant take packages from that repository?
    pub(crate) fn serves(&self, variant: &Resolved, repository: &str) -> bool {
        let name = Loaded::variant_name(variant);
        match self {
            Ecosystem::Deb(sources) => {
                let mut own = sources.shares.iter().filter(|s| s.variant == name).flat_map(|s| &s.list);
                own.any(|&i| sources.all[i].id == repository)
            }
            Ecosystem::Apk(r) => r.shares.iter().any(|s| s.variant == name && s.names(repository)),
        }
    }

    /// What a suite of a lock rests on.
    pub(crate) fn documents(&self, suite: &SuitePin) -> Vec<Document> {
        match self {
            Ecosystem::Deb(sources) => {
                let source = sources.find(&suite.id);
                source.map_or_else(Vec::new, |s| deb_world::prove::documents(suite, s))
            }
            Ecosystem::Apk(_) => apk_world::prove::documents(suite),
        }
    }

    /// Proves the packages of a suite again; calls `proved` with each, and gives who signed.
    pub(crate) fn prove<'l>(
        &self,
        shop: &Shop<'_>,
        of: (&'l Lockfile, &SuitePin),
        vendor: Option<&Path>,
        proved: Proved<'_, 'l>,
    ) -> Result<Vec<String>, Diagnostic> {
        match self {
            Ecosystem::Deb(sources) => match sources.find(&of.1.id) {
                Some(source) => deb_world::prove::prove(shop, of, source, vendor, proved),
                None => Ok(Vec::new()),
            },
            Ecosystem::Apk(repositories) => apk_world::prove::prove(shop, of, repositories, vendor, proved),
        }
    }
}

/// Called with each package that is proved, and with what its index says of it.
pub(crate) type Proved<'f, 'l> = &'f mut dyn FnMut(&'l Pin, &IndexRecord<'_>);

/// Who signed, as a lock names them: certificates by fingerprint, keys of apk's by file name.
pub(crate) fn signers(receipt: &Receipt) -> Vec<String> {
    match receipt {
        Receipt::Signed(signed) => signed.by.iter().map(|s| s.certificate.to_string()).collect(),
        Receipt::SignedRsa(signed) => signed.by.iter().map(|s| s.key.clone()).collect(),
        _ => Vec::new(),
    }
}

/// The record by which an index names the package of a pin, and its file, as the lock has them.
pub(crate) fn named<'s>(shelf: &'s Shelf, pin: &Pin) -> Option<IndexRecord<'s>> {
    shelf.rows_named(&pin.name).map(|row| shelf.record(row)).find(|record| {
        record.version() == pin.version
            && record.arch() == pin.arch.as_str()
            && record.path() == pin.path
            && record.size() == pin.size
            && record.identity() == Some(pin.identity)
            && record.source() == pin.source.as_deref().unwrap_or(&pin.name)
            && record.sha256().is_none_or(|said| pin.sha256.is_none_or(|locked| said == locked))
    })
}

/// The format of package files, which what an index says of them tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// `.deb`.
    Deb,
    /// `.apk`, with this control part.
    Apk(Sha1),
}

impl Format {
    /// Of the file that has this identity.
    pub(crate) fn of(identity: &Identity) -> Format {
        match identity {
            Identity::Whole(_) => Format::Deb,
            Identity::ApkControl(sha1) => Format::Apk(*sha1),
        }
    }

    /// Part of a payload's key: counts up when the same file would become another payload.
    pub(crate) fn revision(self) -> String {
        match self {
            Format::Deb => deb::REVISION.to_string(),
            Format::Apk(_) => format!("apk{}", apk::REVISION),
        }
    }

    /// Reads a package, front to back, into a payload; gives what it says beside its files. If it carries
    /// a signature by one of `keys`, that must be good.
    pub(crate) fn unpack<W: Write>(
        self,
        package: impl Read,
        keys: &RsaKeyring,
        out: &mut payload::Writer<W>,
    ) -> Result<Control, Diagnostic> {
        match self {
            Format::Deb => Ok(Control::Deb(Box::new(deb::unpack(package, &deb::Limits::default(), out)?))),
            Format::Apk(control) => {
                let keys = Some(keys).filter(|keys| !keys.is_empty());
                let proof = apk::Proof { control: Some(control), keys };
                let unpacked = apk::unpack(package, &proof, &apk::Limits::default(), out)?;
                Ok(Control::Apk(Box::new(unpacked.files)))
            }
        }
    }

    /// The name of a payload's part with what the package says beside its files.
    pub(crate) fn control_part(self) -> &'static str {
        match self {
            Format::Deb => deb::CONTROL_PART,
            Format::Apk(_) => apk::CONTROL_PART,
        }
    }

    /// Reads that part; none if it is damaged.
    pub(crate) fn control(self, bytes: &[u8]) -> Option<Control> {
        match self {
            Format::Deb => deb::ControlFiles::decode(bytes).ok().map(|c| Control::Deb(Box::new(c))),
            Format::Apk(_) => apk::ControlFiles::decode(bytes).ok().map(|c| Control::Apk(Box::new(c))),
        }
    }

    /// Looks whether the package that was unpacked is the one that is meant: a payload is found by the
    /// file's digest, and who named the digest may have been wrong.
    pub(crate) fn check(self, control: &Control) -> Result<(), Diagnostic> {
        match (self, control) {
            (Format::Apk(expected), Control::Apk(files)) if files.control != expected => {
                Err(apk::ApkError::ControlHash { expected, found: files.control }.into())
            }
            _ => Ok(()),
        }
    }
}

/// What a package says beside its files.
pub(crate) enum Control {
    /// Of a `.deb`.
    Deb(Box<deb::ControlFiles>),
    /// Of an `.apk`.
    Apk(Box<apk::ControlFiles>),
}

impl Control {
    /// The name, version and architecture that the package gives itself, the last in its own world's word.
    pub(crate) fn own_words(&self) -> (&str, &str, &str) {
        match self {
            Control::Deb(c) => (c.control.package(), c.control.version(), c.control.architecture()),
            Control::Apk(c) => (&c.info.name, &c.info.version, &c.info.arch),
        }
    }

    /// What it says of other packages.
    pub(crate) fn says(&self) -> Says {
        match self {
            Control::Deb(c) => deb_world::links::says(&c.control),
            Control::Apk(c) => apk_world::links::says(&c.info),
        }
    }

    /// Is it a package for what an index says is one for `arch`?
    pub(crate) fn is_for(&self, arch: &Arch) -> bool {
        match self {
            Control::Deb(c) => c.control.architecture() == arch.as_str(),
            Control::Apk(c) => match c.info.arch.as_str() {
                // Alpine's indexes are made with `--rewrite-arch`: in them, what fits all machines is for
                // the one whose index it is. Packages made by hand may say nothing.
                "noarch" | "all" | "" => true,
                word => Arch::from_apk(word).map_or(word == arch.as_str(), |a| a == *arch),
            },
        }
    }
}

/// How the packages of a variant hang together.
pub(crate) fn links(variant: &Resolved, compat: Compat, all: &[&Says]) -> Links {
    match variant.world {
        World::Deb => deb_world::links::links(variant, all),
        World::Apk => apk_world::links::links(variant, compat, all),
    }
}

/// What each package of an image needs, and which of them are that; all are of one kind.
pub(crate) fn needs(kind: PackageKind, all: &[&inventory::Package]) -> Vec<Vec<Need>> {
    let says: Vec<Says> = all.iter().map(|package| said(kind, package)).collect();
    let says: Vec<&Says> = says.iter().collect();
    match kind {
        PackageKind::Deb => deb_world::links::needs_of(&says),
        PackageKind::Apk => apk_world::links::needs_of(&says),
        // Its databases are not read.
        PackageKind::Rpm => Vec::new(),
    }
}

/// Beside what each package of an image cannot be, and which others of them are that; all are of one kind.
pub(crate) fn excludes(kind: PackageKind, all: &[&inventory::Package]) -> Vec<Vec<Need>> {
    let says: Vec<Says> = all.iter().map(|package| said(kind, package)).collect();
    let says: Vec<&Says> = says.iter().collect();
    let archs: Vec<&str> = all.iter().map(|package| package.arch.as_str()).collect();
    match kind {
        PackageKind::Deb => deb_world::links::excludes_of(&says, &archs),
        PackageKind::Apk => apk_world::links::excludes_of(&says),
        PackageKind::Rpm => Vec::new(),
    }
}

/// What a package of an image says of others, as its database has it.
fn said(kind: PackageKind, package: &inventory::Package) -> Says {
    let separator = if kind == PackageKind::Deb { ", " } else { " " };
    Says {
        name: package.name.clone(),
        version: package.version.clone(),
        provides: package.provides.join(separator),
        requires: package.depends.clone(),
        excludes: package.excludes.clone(),
        install_if: String::new(),
    }
}

/// Reads the scripts of one package, in the tree that they would run in.
pub(crate) fn scripts(package: &Unpacked, arch: &Arch, tree: &Tree) -> Scripts {
    match &package.control {
        Control::Deb(control) => deb_world::scripts::read(package, control, arch, tree),
        Control::Apk(control) => apk_world::scripts::read(package, control, tree),
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
        // No Alpine or Wolfi image has systemd, and apko does not read its files either.
        Control::Apk(_) => Ok(()),
    }
}

/// A package as composition takes it.
pub(crate) fn package_tree<'a>(
    row: &'a LockedPin,
    package: &'a Unpacked,
    actions: Actions,
) -> PackageTree<'a> {
    let record = match &package.control {
        Control::Deb(control) => Record::Deb(DebRecord {
            control: BString::from(control.control.raw()),
            md5sums: control.md5sums.clone(),
            replaces: control.control.field("Replaces").map(ToString::to_string).unwrap_or_default(),
        }),
        Control::Apk(control) => Record::Apk(control),
    };
    PackageTree { pin: &row.pin, tree: package.payload.tree.clone(), actions, record }
}

/// The keys for an image's own package manager: those by which the build trusts. None in the deb world.
pub(crate) fn apk_keys(shop: &Shop<'_>, order: &Order<'_>) -> Result<Vec<ApkKey>, Diagnostic> {
    match order.recipe.world {
        World::Deb => Ok(Vec::new()),
        World::Apk => {
            let share = Share::of(shop, order.recipe);
            let keys = Keys::load(shop, &share.trusted, &order.lock.keys, order.no_network)?;
            Ok(keys.files(order.arch.apk().unwrap_or_default()))
        }
    }
}
