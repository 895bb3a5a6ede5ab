//! `distil lock` and `distil update`: pins written, completed, moved, or proved again.

use std::path::Path;

use deb::release::parse_release;
use diag::{Diagnostic, Kind, Note};
use image::Codec;
use lockfile::{Lockfile, SuitePin};
use trust::{Policy, Time};

use crate::World;
use crate::indexes::{keyring, suite_dir};
use crate::packages::{blob_name, vendor_path};
use crate::pins::{self, How, lock_path, read_lock};
use crate::recipes;
use crate::report::LockReport;
use crate::request::LockRequest;
use crate::shop::Shop;
use crate::sources::{Place, Source, sources};

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
    let recipe = recipes::load(&shop, &request.recipe)?;
    let how = How {
        place: &request.lock,
        mode: request.mode,
        dry_run: request.dry_run,
        codec: format!("{} revision {}", Codec::default(), Codec::REVISION),
    };
    let pinned = pins::pins(&shop, &recipe, &how)?;
    if let Some(dir) = &request.lock.vendor
        && !request.dry_run
    {
        vendor(&shop, &pinned.lock, &pinned.sources, &shop.path(dir))?;
    }
    Ok(LockOutcome { report: pinned.report, lock: pinned.lock })
}

/// Copies packages, signed documents and indexes of a lock into a directory.
fn vendor(shop: &Shop<'_>, lock: &Lockfile, all: &[Source], dir: &Path) -> Result<(), Diagnostic> {
    for row in &lock.packages {
        let Some(name) = blob_name(&row.pin) else { continue };
        copy(shop, &name, &dir.join(vendor_path(&row.pin)))?;
    }
    for suite in &lock.suites {
        let Some(source) = all.iter().find(|s| s.id == suite.id) else { continue };
        let base = dir.join(archive_of(suite)).join(suite_dir(source));
        if let Some(document) = &suite.inrelease {
            copy(shop, document, &base.join("InRelease"))?;
        }
        for index in &suite.indexes {
            // An index that became a shelf long ago may have left the cache; then it is named as missing
            // by `lock --verify`, not here.
            if shop.blobs.contains(&index.digest).is_some() {
                copy(shop, &index.digest, &base.join(&index.path))?;
            }
        }
    }
    Ok(())
}

fn archive_of(suite: &SuitePin) -> &str {
    suite.id.rsplit_once('/').map_or(suite.id.as_str(), |(archive, _)| archive)
}

fn copy(shop: &Shop<'_>, name: &oci::Digest, to: &Path) -> Result<(), Diagnostic> {
    let bytes = shop.blobs.read(name)?;
    Ok(store::write_atomically(to, &bytes)?)
}

/// Proves a lock again: each signed document it names is genuine, names the indexes, and those name the
/// packages with the same size and digest. Gives a line for each suite.
///
/// # Errors
/// What is missing, by name; or what does not agree.
pub fn verify(world: &World, request: &LockRequest) -> Result<Vec<String>, Diagnostic> {
    let shop = Shop::open(world)?;
    let recipe = recipes::load(&shop, &request.recipe)?;
    let path = lock_path(&shop, &recipe, &request.lock);
    let lock = read_lock(&shop, &path)?.ok_or_else(|| {
        Diagnostic::new(Kind::Input, format!("cannot verify {}: there is no such lock", path.display()))
            .hint(format!("write one with `{}`", request.lock.command(world, "lock", &request.recipe)))
    })?;
    let mut all: Vec<Source> = Vec::new();
    for variant in &recipe.variants {
        all.extend(sources(variant)?);
    }
    let vendor = request.lock.vendor.as_ref().map(|d| shop.path(d));
    let mut out = Vec::new();
    let mut proved = std::collections::BTreeSet::new();
    for suite in &lock.suites {
        if let Some(word) = &suite.unsigned {
            out.push(format!("{}: not signed, declared by you ({word})", suite.id));
            continue;
        }
        let source = all.iter().find(|s| s.id == suite.id).ok_or_else(|| {
            Diagnostic::new(Kind::Input, format!("cannot verify {}: the recipe no longer names it", suite.id))
                .hint(format!(
                    "bring the lock up to the recipe with `{}`",
                    request.lock.command(world, "lock", &request.recipe)
                ))
        })?;
        let packages = prove_suite(&shop, &lock, suite, source, vendor.as_deref(), &mut proved)?;
        out.push(format!("{}: signed by {}, {packages} packages", suite.id, suite.signed_by.join(", ")));
    }
    let unsigned = |id: &str| lock.suites.iter().any(|s| s.id == id && s.unsigned.is_some());
    if let Some(row) =
        lock.packages.iter().find(|p| !unsigned(&p.pin.repository) && !proved.contains(&key(&p.pin)))
    {
        return Err(Diagnostic::new(
            Kind::Trust,
            format!("cannot verify {} {}: no signed index names that file", row.pin.name, row.pin.version),
        )
        .hint("the lock was changed by hand; restore it, or lock again"));
    }
    Ok(out)
}

fn key(pin: &package::Pin) -> (String, String, u64, String) {
    let identity = format!("{:?}", pin.identity);
    (pin.repository.clone(), pin.path.clone(), pin.size, identity)
}

type Proved = std::collections::BTreeSet<(String, String, u64, String)>;

fn prove_suite(
    shop: &Shop<'_>,
    lock: &Lockfile,
    suite: &SuitePin,
    source: &Source,
    vendor: Option<&Path>,
    proved: &mut Proved,
) -> Result<usize, Diagnostic> {
    let base = vendor.map(|v| v.join(archive_of(suite)).join(suite_dir(source)));
    let document = suite.inrelease.ok_or_else(|| {
        Diagnostic::new(Kind::Input, format!("cannot verify {}: the lock names no signed document", suite.id))
    })?;
    let signed = find(shop, &document, base.as_deref().map(|b| b.join("InRelease")), || {
        format!("the signed document of {} ({document})", suite.id)
    })?;
    let keys = keyring(shop, source)?;
    let text = trust::verify(&signed, &keys, &Policy::past(), Time(shop.world.now))?;
    let release = text.parse(|b: &Vec<u8>| parse_release(b))?;
    let mut found = 0;
    for index in &suite.indexes {
        let bytes = find(shop, &index.digest, base.as_deref().map(|b| b.join(&index.path)), || {
            format!("the index {} of {} ({})", index.path, suite.id, index.digest)
        })?;
        let bytes = release.admit(&index.path, bytes)?;
        let shelf =
            crate::indexes::shelf_of(bytes.value(), &index.path, release.value(), shop.world.threads)?;
        for row in lock.packages.iter().filter(|p| p.pin.repository == suite.id) {
            let same = |record: &package::Record<'_>| {
                record.version() == row.pin.version
                    && record.path() == row.pin.path
                    && record.size() == row.pin.size
                    && record.identity() == Some(row.pin.identity)
            };
            if shelf.rows_named(&row.pin.name).any(|r| same(&shelf.record(r))) && proved.insert(key(&row.pin))
            {
                found += 1;
            }
        }
    }
    debug_assert!(!matches!(source.place, Place::Directory(_)));
    Ok(found)
}

fn find(
    shop: &Shop<'_>,
    digest: &oci::Digest,
    vendored: Option<std::path::PathBuf>,
    what: impl Fn() -> String,
) -> Result<Vec<u8>, Diagnostic> {
    if let Ok(bytes) = shop.blobs.read(digest) {
        return Ok(bytes);
    }
    let bytes = vendored.and_then(|path| shop.own.read(&path).ok());
    let mut hasher = oci::Hasher::new(digest.algorithm());
    match bytes {
        Some(bytes) => {
            hasher.update(&bytes);
            if hasher.finish() == *digest {
                return Ok(bytes);
            }
            Err(Diagnostic::new(
                Kind::Trust,
                format!("cannot verify: {} was changed in the vendor directory", what()),
            ))
        }
        None => Err(Diagnostic::new(
            Kind::Input,
            format!("cannot verify: {} is neither in the cache nor vendored", what()),
        )
        .hint(
            "verify on the machine that made the lock, or keep the documents with `distil lock --vendor DIR`",
        )),
    }
}
