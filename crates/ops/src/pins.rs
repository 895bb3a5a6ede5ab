//! From a recipe to its lock: the step that `build`, `lock` and `update` share.
//!
//! Read what is there; if it fits, nothing is asked of anybody. Else: indexes → universe → closure per
//! platform and variant → package files → facts → a new lock, written last and whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind, Note};
use lockfile::{Fit, Lockfile};
use oci::{Digest, Platform};
use package::{Arch, Closure, Identity, Pin};
use recipe::Resolved;
use rootfs::PayloadIx;
use solve::apk::Compat;
use store::{StoreError, write_atomically};
use trust::{RsaKeyring, Verified};

use crate::apk_world::signatures::say_unsigned;
use crate::apko_lock;
use crate::base;
use crate::documents;
use crate::ecosystem::{self, Before, Ecosystem, Wish};
use crate::packages::{Supply, blob_name, bring};
use crate::payloads::{self, Parcel};
use crate::recipes::{Loaded, is_of_no_use, utf8};
use crate::records::{self, LastSeen};
use crate::report::{ExplainRow, LockReport, LockState};
use crate::request::{LockMode, LockPlace};
use crate::scripts;
use crate::shop::Shop;
use crate::whole;

/// Revision of the rules of composition: counts up when the same packages and recipe would become
/// another tree.
pub(crate) const COMPOSITION: u32 = 1;

/// A recipe with its lock.
pub(crate) struct Pinned {
    pub(crate) lock: Lockfile,
    pub(crate) ecosystem: Ecosystem,
    pub(crate) report: LockReport,
}

/// How to go about it.
pub(crate) struct How<'a> {
    pub(crate) place: &'a LockPlace,
    pub(crate) mode: LockMode,
    pub(crate) dry_run: bool,
    /// A lock that fits is looked at package by package, and made anew where it is not whole.
    pub(crate) look_inside: bool,
    /// Written into a new lock.
    pub(crate) codec: String,
}

/// The lock of a recipe, made, completed or moved as `how` says.
pub(crate) fn pins(shop: &Shop<'_>, recipe: &Loaded, how: &How<'_>) -> Result<Pinned, Diagnostic> {
    // Taken for `classes` it would leave in what the user asked to leave out, and say nothing.
    if recipe.variants.iter().any(|v| v.slim == recipe::Slim::Reach) {
        let text = format!("cannot resolve {}: this distil does not slim by `reach`", recipe.typed);
        return Err(
            Diagnostic::new(Kind::Input, text).hint("write `slim: classes` (the default) or `slim: none`")
        );
    }
    if let Some(file) = &how.place.apko {
        return apko_lock::pinned(shop, recipe, how, &shop.path(file));
    }
    let ecosystem = Ecosystem::of(shop, recipe, how.place)?;
    let path = lock_path(shop, recipe, how.place);
    let old = read_lock(shop, &path)?;
    let vendor = how.place.vendor.as_ref().map(|dir| shop.path(dir));
    documents::bring_keys(shop, old.as_ref().map_or(&[], |l| &l.keys), vendor.as_deref())?;
    let wanted = Wanted::of(shop, &recipe.variants, how.place.compat)?;
    let fit = old.as_ref().map(|lock| lock.fit(&wanted.requests, &wanted.platforms, COMPOSITION));
    let supply = |lock| supply(shop, recipe, how, &ecosystem, lock);
    let fit = match (&old, fit) {
        (Some(lock), Some(Fit::Fits)) if how.look_inside && how.mode == LockMode::Keep && !how.dry_run => {
            whole::look(shop, recipe, &supply(lock))?.map_or(Some(Fit::Fits), |why| {
                shop.world.reporter.note(Note::Info(format!("the lock is not as it was written: {why}")));
                Some(Fit::Drifted(vec![why]))
            })
        }
        (_, fit) => fit,
    };
    let frozen = matches!(how.mode, LockMode::Locked | LockMode::Frozen);
    match (old, fit, how.mode) {
        (Some(lock), Some(Fit::Fits), LockMode::Keep | LockMode::Locked | LockMode::Frozen) => {
            let report = report(shop, recipe, &path, LockState::Kept, &lock, Vec::new());
            Ok(Pinned { lock, ecosystem, report })
        }
        (Some(_), Some(Fit::Drifted(drift)), _) if frozen => {
            Err(drifted(shop, recipe, how.place, ("build", &path), drift))
        }
        (None, _, _) if frozen => Err(Diagnostic::new(
            Kind::Input,
            format!("cannot build {}: there is no lock at {}", recipe.typed, path.display()),
        )
        .hint(format!("write one with `{}`", how.place.command(shop.world, "lock", &recipe.typed)))),
        (old, _, mode) => {
            let keep = old.as_ref().filter(|_| mode == LockMode::Keep);
            let resolved = resolve(shop, recipe, &wanted, old.as_ref(), keep, how, &ecosystem)?;
            finish(shop, recipe, &path, old.as_ref(), resolved, how, ecosystem)
        }
    }
}

fn supply<'a>(
    shop: &Shop<'_>,
    recipe: &'a Loaded,
    how: &How<'a>,
    ecosystem: &'a Ecosystem,
    lock: &'a Lockfile,
) -> Supply<'a> {
    let no_network = shop.world.offline.then_some("--offline");
    Supply { ecosystem, lock, place: how.place, recipe: &recipe.typed, no_network }
}

/// What a recipe asks for, in the words of a lock.
pub(crate) struct Wanted {
    pub(crate) requests: BTreeMap<String, Vec<String>>,
    pub(crate) platforms: Vec<Platform>,
    pub(crate) archs: Vec<Arch>,
}

impl Wanted {
    pub(crate) fn of(shop: &Shop<'_>, variants: &[Resolved], compat: Compat) -> Result<Wanted, Diagnostic> {
        let mut wanted = Wanted { requests: BTreeMap::new(), platforms: Vec::new(), archs: Vec::new() };
        for variant in variants {
            // Lines that count for nothing are asked of nobody.
            let counted = match compat {
                Compat::Apk => &variant.with_last_words(),
                Compat::Apko => variant,
            };
            let mut lines: Vec<String> = recipe::request_text(counted).lines().map(str::to_owned).collect();
            lines.extend(base::request_lines(shop, variant)?);
            if compat == Compat::Apko {
                lines.push("compat apko".to_owned());
            }
            wanted.requests.insert(Loaded::variant_name(variant).to_owned(), lines);
            for arch in &variant.archs {
                if !wanted.archs.contains(arch) {
                    wanted.archs.push(arch.clone());
                    wanted.platforms.push(platform(arch)?);
                }
            }
        }
        Ok(wanted)
    }
}

/// The platform of an architecture.
pub(crate) fn platform(arch: &Arch) -> Result<Platform, Diagnostic> {
    arch.platform().map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))
}

/// Where the lock of a recipe is.
pub(crate) fn lock_path(shop: &Shop<'_>, recipe: &Loaded, place: &LockPlace) -> PathBuf {
    match (&place.file, recipe.catalogue) {
        (Some(file), _) => shop.path(file),
        (None, true) => shop.world.data_dir.join("locks").join(format!("{}.lock", recipe.name)),
        (None, false) => shop.path(&recipe.typed).with_extension("lock"),
    }
}

pub(crate) fn read_lock(shop: &Shop<'_>, path: &Path) -> Result<Option<Lockfile>, Diagnostic> {
    match shop.own.read(path) {
        Ok(bytes) => {
            let name = path.display().to_string();
            Ok(Some(lockfile::read(&name, &utf8(&name, bytes)?)?))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => {
            let kind = if is_of_no_use(&e) { Kind::Input } else { Kind::Machine };
            Err(Diagnostic::new(kind, format!("cannot read lock {}: {e}", path.display()))
                .hint("name a lock that you may read with --lock"))
        }
    }
}

/// What was resolved.
struct Resolution {
    lock: Lockfile,
    seen: BTreeMap<String, LastSeen>,
    explain: Vec<ExplainRow>,
    /// By which packages may be signed.
    package_keys: RsaKeyring,
}

fn resolve(
    shop: &Shop<'_>,
    recipe: &Loaded,
    wanted: &Wanted,
    old: Option<&Lockfile>,
    keep: Option<&Lockfile>,
    how: &How<'_>,
    ecosystem: &Ecosystem,
) -> Result<Resolution, Diagnostic> {
    let before = Before::of(old, how.place.allow_rollback);
    let indexes = ecosystem.read_indexes(shop, &wanted.archs, &before)?;
    let codec = keep.map_or_else(|| how.codec.clone(), |l| l.codec.clone());
    let mut lock = Lockfile::new(COMPOSITION, codec, wanted.requests.clone(), indexes.suites.clone());
    let mut explain = Vec::new();
    let barred = recipe.variants.iter().map(|variant| ecosystem.barred(&indexes, variant));
    let barred = barred.collect::<Result<Vec<_>, _>>()?;
    for (arch, platform) in wanted.archs.iter().zip(&wanted.platforms) {
        shop.world.reporter.check()?;
        let mut closures: Vec<(String, Verified<Closure>)> = Vec::new();
        for (variant, barred) in recipe.variants.iter().zip(&barred).filter(|(v, _)| v.archs.contains(arch)) {
            let universe = indexes.universes.of(variant, arch)?;
            let prefer = preferred(keep, platform, &closures);
            let wish = Wish { variant, arch, prefer, barred: barred.get(arch) };
            let closure = ecosystem.closure(universe, &wish, &mut explain).map_err(|d| {
                d.while_doing(format!("cannot resolve {} for {platform}", named(recipe, variant)))
            })?;
            closures.push((Loaded::variant_name(variant).to_owned(), closure));
        }
        lock.add(platform, closures);
    }
    lock.keys = indexes.keys;
    ecosystem.say_different(shop, &lock);
    explain.sort_by(|a, b| (&a.rule, &a.subject).cmp(&(&b.rule, &b.subject)));
    explain.dedup();
    Ok(Resolution { lock, seen: indexes.seen, explain, package_keys: indexes.package_keys })
}

fn named(recipe: &Loaded, variant: &Resolved) -> String {
    match &variant.variant {
        Some(v) => format!("{} ({v})", recipe.typed),
        None => recipe.typed.clone(),
    }
}

/// What an earlier lock has, and what the variants before this one chose: one version each.
fn preferred<'a>(
    keep: Option<&'a Lockfile>,
    platform: &Platform,
    closures: &'a [(String, Verified<Closure>)],
) -> Vec<&'a Pin> {
    let rows = keep.into_iter().flat_map(|l| &l.packages);
    let locked = rows.filter(|p| p.platform == *platform).map(|p| &p.pin);
    locked.chain(closures.iter().flat_map(|(_, c)| &c.value().pins)).collect()
}

fn finish(
    shop: &Shop<'_>,
    recipe: &Loaded,
    path: &Path,
    old: Option<&Lockfile>,
    resolved: Resolution,
    how: &How<'_>,
    ecosystem: Ecosystem,
) -> Result<Pinned, Diagnostic> {
    let Resolution { mut lock, seen, explain, package_keys } = resolved;
    // Before anything is fetched for it.
    lockfile::check(&lock)?;
    if !how.dry_run {
        bring(shop, &supply(shop, recipe, how, &ecosystem, &lock), |_| true)?;
        learn(shop, &mut lock, &package_keys)?;
        let vouched = |id: &str| lock.suites.iter().any(|s| s.id == id && s.unsigned.is_none());
        let vouched = |pin: &Pin| vouched(&pin.repository);
        let pins = lock.packages.iter().map(|row| &row.pin);
        say_unsigned(shop, pins, vouched, &package_keys, "the hash that the signed index has of it")?;
    }
    let changes = old
        .map(|old| lockfile::changes(old, &lock).iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    let state = match old {
        _ if how.dry_run => LockState::Simulated,
        None => LockState::Written,
        Some(old) if *old == lock => LockState::Kept,
        Some(_) => LockState::Changed,
    };
    if matches!(state, LockState::Written | LockState::Changed) {
        write_lock(shop, path, &lock)?;
    }
    if !how.dry_run {
        records::remember(shop.world, &seen, how.place.allow_rollback)?;
    }
    let report = LockReport { changes, explain, ..report(shop, recipe, path, state, &lock, Vec::new()) };
    Ok(Pinned { lock, ecosystem, report })
}

fn write_lock(shop: &Shop<'_>, path: &Path, lock: &Lockfile) -> Result<(), Diagnostic> {
    shop.own.forget(path);
    write_atomically(path, lockfile::write(lock).as_bytes()).map_err(|e| unwritten(path, e))?;
    // What was written is an input of the build from now on.
    shop.own
        .depend_on(path)
        .map_err(|e| Diagnostic::new(Kind::Machine, format!("cannot read {}: {e}", path.display())))
}

/// Why a lock is not written; its name is said once.
fn unwritten(path: &Path, error: StoreError) -> Diagnostic {
    use std::io::ErrorKind;
    let full = |e: &std::io::Error| matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    let what = format!("cannot write lock {}", path.display());
    match error {
        StoreError::Io { source, .. } => {
            let hint = match full(&source) {
                true => "free some space there, or write it elsewhere with --lock FILE",
                false => "write it elsewhere with --lock FILE, or make the directory writable",
            };
            Diagnostic::new(Kind::Machine, format!("{what}: {source}")).hint(hint)
        }
        other => Diagnostic::from(other).while_doing(what),
    }
}

/// Decodes every package of the lock, and writes down what was found: digest and scripts.
pub(crate) fn learn(shop: &Shop<'_>, lock: &mut Lockfile, keys: &RsaKeyring) -> Result<(), Diagnostic> {
    let parcels = lock.packages.iter().filter_map(|p| Some(Parcel::new(sha256(shop, &p.pin)?, &p.pin)));
    payloads::unpack_all(shop, parcels.collect::<Vec<_>>(), keys)?;
    let platforms: BTreeSet<Platform> = lock.packages.iter().map(|p| p.platform.clone()).collect();
    for platform in platforms {
        let rows: Vec<usize> =
            (0..lock.packages.len()).filter(|i| lock.packages[*i].platform == platform).collect();
        let mut unpacked = Vec::new();
        for &i in &rows {
            let pin = &lock.packages[i].pin;
            let digest = sha256(shop, pin)
                .ok_or_else(|| Diagnostic::new(Kind::Internal, format!("no digest of {}", pin.name)))?;
            let parcel = Parcel::new(digest, pin);
            unpacked.push((digest, payloads::open(shop, &parcel, PayloadIx(0))?));
        }
        let arch = Arch::of(&platform).map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))?;
        let world = scripts::together(unpacked.iter().map(|(_, u)| u));
        for (&i, (digest, unpacked)) in rows.iter().zip(&unpacked) {
            let facts = scripts::facts(&ecosystem::scripts(unpacked, &arch, &world).outcomes);
            lock.learn(i, *digest, facts);
        }
    }
    Ok(())
}

/// The SHA-256 of a pin's file: from the index, or (where that has SHA-512 only) from the store.
pub(crate) fn sha256(shop: &Shop<'_>, pin: &package::Pin) -> Option<Digest> {
    if let Some(digest) = pin.sha256 {
        return Some(digest);
    }
    match pin.identity {
        Identity::Whole(Digest::Sha256(d)) => Some(Digest::Sha256(d)),
        Identity::Whole(other) => {
            let bytes = shop.blobs.read(&other).ok()?;
            Some(Digest::of(&bytes))
        }
        Identity::ApkControl(_) => blob_name(shop, pin),
    }
}

pub(crate) fn drifted(
    shop: &Shop<'_>,
    recipe: &Loaded,
    place: &LockPlace,
    (verb, path): (&str, &Path),
    drift: Vec<String>,
) -> Diagnostic {
    let text = format!(
        "cannot {verb} {} from {}: the recipe has drifted from its lock",
        recipe.typed,
        path.display()
    );
    let d = drift.into_iter().fold(Diagnostic::new(Kind::Input, text), Diagnostic::detail);
    let command = place.command(shop.world, "lock", &recipe.typed);
    d.hint(format!("bring the lock up to the recipe with `{command}`"))
}

pub(crate) fn report(
    shop: &Shop<'_>,
    recipe: &Loaded,
    path: &Path,
    state: LockState,
    lock: &Lockfile,
    changes: Vec<String>,
) -> LockReport {
    let shown = path.strip_prefix(&shop.world.working_dir).unwrap_or(path);
    for suite in lock.suites.iter().filter(|s| s.unsigned.is_some()) {
        shop.world.reporter.note(Note::Detail(format!("{} is taken without a signature", suite.id)));
    }
    LockReport {
        recipe: recipe.name.clone(),
        path: shown.display().to_string(),
        state,
        as_of: lock.as_of(),
        catalogue: recipe.catalogue,
        changes,
        unsigned: lock.suites.iter().filter_map(|s| s.unsigned.clone()).chain(base::named_in(lock)).collect(),
        explain: Vec::new(),
    }
}
