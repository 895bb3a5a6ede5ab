//! `distil lock` and `distil update`: pins written, completed, moved, or proved again.

use std::collections::BTreeSet;
use std::path::Path;

use diag::{Diagnostic, Kind, Note};
use image::Codec;
use lockfile::{Fit, Lockfile};
use oci::Digest;
use package::{Identity, Pin};
use rootfs::PayloadIx;
use trust::RsaKeyring;

use crate::World;
use crate::closed::Says;
use crate::documents;
use crate::ecosystem::Ecosystem;
use crate::packages::{Supply, blob_name, bring, vendor_path};
use crate::payloads::{self, Parcel};
use crate::pins::{self, COMPOSITION, How, Wanted, lock_path, read_lock};
use crate::recipes;
use crate::report::LockReport;
use crate::request::LockRequest;
use crate::shop::Shop;
use crate::whole;

/// As often as a build: each attempt deletes the damaged objects that it finds.
const ATTEMPTS: usize = 100;

/// What came of it.
#[derive(Debug)]
pub struct LockOutcome {
    /// What happened.
    pub report: LockReport,
    lock: Lockfile,
}

impl LockOutcome {
    /// The pins of a variant (none: the untagged one) as product JSON.
    ///
    /// # Errors
    /// The lock has no such variant.
    pub fn json(&self, variant: Option<&str>) -> Result<String, Diagnostic> {
        let variant = variant.unwrap_or("latest");
        if !self.lock.requests.contains_key(variant) {
            let known: Vec<&str> = self.lock.requests.keys().map(String::as_str).collect();
            return Err(Diagnostic::new(
                Kind::Usage,
                format!("cannot show the variant {variant}: the lock has none of that name"),
            )
            .hint(format!("it has {}", known.join(", "))));
        }
        let bytes = lockfile::json_view(&self.lock, variant);
        String::from_utf8(bytes).map_err(|e| Diagnostic::new(Kind::Internal, e.to_string()))
    }
}

/// Locks or updates, as the request's mode says.
///
/// # Errors
/// Whatever stands in the way; the lock on disk is then as it was.
pub fn lock(world: &World, request: &LockRequest) -> Result<LockOutcome, Diagnostic> {
    for _ in 1..ATTEMPTS {
        match lock_once(world, request) {
            // A corrupt cache is never an error: what was damaged is deleted by now, and fetched anew.
            Err(d) if d.to_string().contains("damaged on disk") => {
                world.reporter.note(Note::Warning(format!("{d}; beginning anew")));
            }
            done => return done,
        }
    }
    lock_once(world, request)
}

fn lock_once(world: &World, request: &LockRequest) -> Result<LockOutcome, Diagnostic> {
    let shop = Shop::open(world)?;
    let recipe = recipes::load(&shop, &request.recipe, &request.above)?;
    let how = How {
        place: &request.lock,
        mode: request.mode,
        dry_run: request.dry_run,
        look_inside: true,
        codec: format!("{} revision {}", Codec::default(), Codec::REVISION),
    };
    let pinned = pins::pins(&shop, &recipe, &how)?;
    if let Some(dir) = &request.lock.vendor
        && !request.dry_run
    {
        vendor(&shop, &pinned.lock, &pinned.ecosystem, &shop.path(dir))?;
    }
    Ok(LockOutcome { report: pinned.report, lock: pinned.lock })
}

/// Copies packages, signed documents and indexes of a lock into a directory.
fn vendor(shop: &Shop<'_>, lock: &Lockfile, ecosystem: &Ecosystem, dir: &Path) -> Result<(), Diagnostic> {
    for row in &lock.packages {
        let Some(name) = blob_name(shop, &row.pin) else { continue };
        copy(shop, &name, &dir.join(vendor_path(ecosystem, &row.pin)))?;
    }
    let keys = lock.keys.iter().map(documents::key);
    for document in lock.suites.iter().flat_map(|suite| ecosystem.documents(suite)).chain(keys) {
        // An index that became a shelf long ago may have left the cache; then it is named as missing
        // by `lock --verify`, not here.
        if shop.blobs.contains(&document.digest).is_some() {
            copy(shop, &document.digest, &dir.join(document.place))?;
        }
    }
    Ok(())
}

fn copy(shop: &Shop<'_>, name: &oci::Digest, to: &Path) -> Result<(), Diagnostic> {
    let bytes = shop.blobs.read(name)?;
    Ok(store::write_atomically(to, &bytes)?)
}

/// Proves a lock again: each signed document it names is genuine, names the indexes, and those name the
/// packages as the lock has them; where an index does not say a file's SHA-256, the file itself is looked
/// at; and the set is what the recipe leads to, whole. Gives a line for each suite.
///
/// # Errors
/// What is missing, by name; or what does not agree.
pub fn verify(world: &World, request: &LockRequest) -> Result<Vec<String>, Diagnostic> {
    for _ in 1..ATTEMPTS {
        match verify_once(world, request) {
            Err(d) if d.to_string().contains("damaged on disk") => {
                world.reporter.note(Note::Warning(format!("{d}; beginning anew")));
            }
            done => return done,
        }
    }
    verify_once(world, request)
}

fn verify_once(world: &World, request: &LockRequest) -> Result<Vec<String>, Diagnostic> {
    let shop = Shop::open(world)?;
    let recipe = recipes::load(&shop, &request.recipe, &request.above)?;
    let path = lock_path(&shop, &recipe, &request.lock);
    let lock = read_lock(&shop, &path)?.ok_or_else(|| {
        Diagnostic::new(Kind::Input, format!("cannot verify {}: there is no such lock", path.display()))
            .hint(format!("write one with `{}`", request.lock.command(world, "lock", &request.recipe)))
    })?;
    let ecosystem = Ecosystem::of(&shop, &recipe, &request.lock)?;
    let vendor = request.lock.vendor.as_ref().map(|d| shop.path(d));
    documents::bring_keys(&shop, &lock.keys, vendor.as_deref())?;
    let mut out = Vec::new();
    let mut proved: Vec<(&Pin, Says)> = Vec::new();
    for suite in &lock.suites {
        if !ecosystem.has(&suite.id) {
            let text = format!("cannot verify {}: the recipe no longer names it", suite.id);
            return Err(Diagnostic::new(Kind::Input, text).hint(format!(
                "bring the lock up to the recipe with `{}`",
                request.lock.command(world, "lock", &request.recipe)
            )));
        }
        if let Some(word) = &suite.unsigned {
            if !ecosystem.goes_unsigned(&suite.id) {
                return Err(undeclared(&suite.id, &path));
            }
            out.push(format!("{}: not signed, declared by you ({word})", suite.id));
            continue;
        }
        let mut packages = BTreeSet::new();
        let signed_by = ecosystem.prove(&shop, (&lock, suite), vendor.as_deref(), &mut |pin, record| {
            packages.insert(file_of(pin));
            proved.push((pin, Says::by_index(record)));
        })?;
        let packages = packages.len();
        out.push(format!("{}: signed by {}, {packages} packages", suite.id, signed_by.join(", ")));
    }
    let unsigned = |id: &str| lock.suites.iter().any(|s| s.id == id && s.unsigned.is_some());
    let is_proved =
        |pin: &Pin| unsigned(&pin.repository) || proved.iter().any(|(p, _)| std::ptr::eq(*p, pin));
    if let Some(row) = lock.packages.iter().find(|row| !is_proved(&row.pin)) {
        return Err(Diagnostic::new(
            Kind::Trust,
            format!(
                "cannot verify {} {} ({}): no signed index names that package and that file",
                row.pin.name, row.pin.version, row.pin.arch
            ),
        )
        .hint("the lock was changed by hand; restore it, or lock again"));
    }
    let supply = Supply {
        ecosystem: &ecosystem,
        lock: &lock,
        place: &request.lock,
        recipe: &recipe.typed,
        no_network: world.offline.then_some("--offline"),
    };
    verify_files(&shop, &supply)?;
    let wanted = Wanted::of(&shop, &recipe.variants, request.lock.compat)?;
    if let Fit::Drifted(drift) = lock.fit(&wanted.requests, &wanted.platforms, COMPOSITION) {
        return Err(pins::drifted(&shop, &recipe, &request.lock, ("verify", &path), drift));
    }
    whole::prove(&shop, &recipe, &supply, &proved)?;
    Ok(out)
}

/// A lock cannot declare in the user's name what neither recipe nor command line says.
fn undeclared(suite: &str, lock: &Path) -> Diagnostic {
    let text = format!(
        "cannot verify {suite}: {} has it as unsigned, and nobody says so but the lock",
        lock.display()
    );
    Diagnostic::new(Kind::Trust, text).hint(
        "if the lock was changed by hand, restore it or lock again; a source is taken unsigned by [trusted=yes], as a \
         local directory where the recipe names no key, or by the flag that it was locked with",
    )
}

/// Looks at the files of which no index says the SHA-256: each is the one that the index names, has the sum
/// that the lock has, and calls itself what both call it.
fn verify_files(shop: &Shop<'_>, supply: &Supply<'_>) -> Result<(), Diagnostic> {
    // By what the index says alone: the lock's sum is what is in question.
    let mut by_index = supply.lock.clone();
    let mut locked: Vec<(&Pin, Digest)> = Vec::new();
    by_index.packages.clear();
    for row in &supply.lock.packages {
        let here = |sum| shop.blobs.contains(&sum) == Some(row.pin.size);
        let known = match (row.pin.identity, row.pin.sha256) {
            (_, None) | (Identity::Whole(Digest::Sha256(_)), _) => continue,
            (Identity::Whole(_), Some(_)) => false,
            // A blob of that sum is proof enough, once it is unpacked; another file may carry the same
            // control part with another signature before it.
            (Identity::ApkControl(_), Some(sum)) => here(sum),
        };
        if !known {
            let pin = Pin { sha256: None, ..row.pin.clone() };
            by_index.packages.push(lockfile::LockedPin { pin, ..row.clone() });
        }
        locked.extend(row.pin.sha256.map(|sum| (&row.pin, sum)));
    }
    bring(shop, &Supply { lock: &by_index, ..*supply }, |_| true)?;
    for row in &by_index.packages {
        let found = pins::sha256(shop, &row.pin);
        let same = |(pin, sum): &&(&Pin, Digest)| file_of(pin) == file_of(&row.pin) && Some(*sum) != found;
        if let (Some((pin, sum)), Some(found)) = (locked.iter().find(same), found) {
            let text =
                format!("cannot verify {} {}: its file is not the one of the lock", pin.name, pin.version);
            return Err(Diagnostic::new(Kind::Trust, text)
                .detail(format!("the lock has sha256 {}", sum.hex()))
                .detail(format!("the file that the index names has {}", found.hex()))
                .hint(
                    "the lock was changed by hand (restore it), or the package was signed anew since (lock again)",
                ));
        }
    }
    let parcels: Vec<Parcel> = locked.iter().map(|(pin, sum)| Parcel::new(*sum, pin)).collect();
    payloads::unpack_all(shop, parcels.iter().cloned(), &RsaKeyring::empty())?;
    parcels.iter().try_for_each(|parcel| payloads::open(shop, parcel, PayloadIx(0)).map(drop))
}

/// What one file in an archive is, however many platforms use it.
fn file_of(pin: &Pin) -> (&str, &str, u64, Identity) {
    (&pin.repository, &pin.path, pin.size, pin.identity)
}
