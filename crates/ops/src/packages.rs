//! Pinned package files, brought into the store: from the cache, `--vendor`, the mirrors, and where
//! they have left those, the snapshot archive.

use std::collections::BTreeMap;

use diag::{Diagnostic, Kind, Note};
use fetch::{Job, Size, Url};
use lockfile::{LockedPin, Lockfile, SuitePin};
use oci::Digest;
use package::{Identity, Pin};
use recipe::archives::Archive;
use store::{ExpectDigest, StoreError};

use crate::blobs::BlobSink;
use crate::indexes::bases;
use crate::request::LockPlace;
use crate::shop::Shop;
use crate::sources::{Place, Source};

/// The digest by which a pin's file is found among the blobs.
pub(crate) fn blob_name(pin: &Pin) -> Option<Digest> {
    match (pin.sha256, pin.identity) {
        (Some(digest), _) | (None, Identity::Whole(digest)) => Some(digest),
        (None, Identity::ApkControl(_)) => None,
    }
}

/// Where packages may come from besides the cache.
pub(crate) struct Supply<'a> {
    pub(crate) sources: &'a [Source],
    pub(crate) lock: &'a Lockfile,
    pub(crate) place: &'a LockPlace,
    /// `--frozen` and `--offline`: nothing is asked of the network.
    pub(crate) no_network: bool,
}

/// Brings every package of the lock that `wanted` says yes to into the store.
pub(crate) fn bring(
    shop: &Shop<'_>,
    supply: &Supply<'_>,
    wanted: impl Fn(&LockedPin) -> bool,
) -> Result<(), Diagnostic> {
    let mut missing: BTreeMap<Digest, &Pin> = BTreeMap::new();
    for row in supply.lock.packages.iter().filter(|p| wanted(p)) {
        let Some(name) = blob_name(&row.pin) else { continue };
        if shop.blobs.contains(&name) != Some(row.pin.size) && !from_vendor(shop, supply, &row.pin, name)? {
            missing.insert(name, &row.pin);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if supply.no_network {
        return Err(gone(&missing.values().copied().collect::<Vec<_>>(), None));
    }
    fetch(shop, supply, &missing)
}

fn fetch(shop: &Shop<'_>, supply: &Supply<'_>, missing: &BTreeMap<Digest, &Pin>) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<&str, Vec<Url>> = BTreeMap::new();
    let mut jobs = Vec::new();
    for pin in missing.values() {
        if !known.contains_key(pin.repository.as_str()) {
            known.insert(&pin.repository, places(shop, supply, &pin.repository)?);
        }
        let urls = known[pin.repository.as_str()]
            .iter()
            .filter_map(|base| base.join(&escape(&pin.path)).ok())
            .collect();
        jobs.push(Job { name: format!("{} {}", pin.name, pin.version), urls, size: Size::Exact(pin.size) });
    }
    let pins: Vec<(&Digest, &&Pin)> = missing.iter().collect();
    let total = pins.iter().map(|(_, p)| p.size).sum();
    let reporter = shop.world.reporter.as_ref();
    let _task = reporter.task(&format!("fetching {} packages", pins.len()), Some(total), diag::Unit::Bytes);
    let parallel = shop.world.surroundings.outside()?.fetch.parallel;
    let done = shop.client()?.fetch_all(&jobs, parallel, reporter, |i| {
        BlobSink::open(&shop.blobs, &jobs[i].name, *pins[i].0, pins[i].1.size)
    });
    let mut lost = Vec::new();
    let mut first: Option<Diagnostic> = None;
    for (outcome, (_, pin)) in done.into_iter().zip(&pins) {
        if let Err(e) = outcome {
            let d = Diagnostic::from(e);
            // A wrong digest or a full disk is no matter of a package having left the mirror.
            if d.kind != Kind::Network {
                return Err(d);
            }
            lost.push(**pin);
            first.get_or_insert(d);
        }
    }
    if lost.is_empty() { Ok(()) } else { Err(gone(&lost, first)) }
}

/// The bases of a repository's archive, best first: its mirrors, then the snapshot archive at the time
/// of the lock's index.
fn places(shop: &Shop<'_>, supply: &Supply<'_>, repository: &str) -> Result<Vec<Url>, Diagnostic> {
    let Some(source) = supply.sources.iter().find(|s| s.id == repository) else { return Ok(Vec::new()) };
    let mut out = bases(shop, source)?;
    let suite = supply.lock.suites.iter().find(|s| s.id == repository);
    if let (Place::Archive(archive @ (Archive::Debian | Archive::DebianSecurity), _), Some(suite)) =
        (&source.place, suite)
    {
        for moment in moments(suite) {
            for mirror in shop.world.surroundings.outside()?.mirrors.of(Archive::DebianSnapshot) {
                out.extend(mirror.base.join(&format!("{archive}/{moment}/")));
            }
        }
    }
    Ok(out)
}

/// The moments at which the snapshot archive surely had what an index names: a day after its date
/// (the archive is imported a few times a day), then the date itself.
fn moments(suite: &SuitePin) -> Vec<String> {
    let Some(date) = suite.date else { return Vec::new() };
    let compact = |t: i64| trust::Time(t).to_string().replace(['-', ':'], "");
    vec![compact(date + 86_400), compact(date)]
}

/// `%` and `+` in file names are data; a `?` or `#` would end the path.
fn escape(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// Looks into `--vendor DIR`: `DIR/ARCHIVE/PATH`, or any file of that name in it.
fn from_vendor(shop: &Shop<'_>, supply: &Supply<'_>, pin: &Pin, name: Digest) -> Result<bool, Diagnostic> {
    let Some(dir) = &supply.place.vendor else { return Ok(false) };
    let path = shop.path(dir).join(vendor_path(pin));
    let Ok(bytes) = shop.own.read(&path) else { return Ok(false) };
    let mut ingest = shop.blobs.ingest(&path.display().to_string(), ExpectDigest::new(name, pin.size))?;
    match ingest.write(&bytes).and_then(|()| ingest.commit()) {
        Ok(_) => Ok(true),
        Err(StoreError::Mismatch { what, mismatch }) => {
            let note = format!("{what} is not the package of the lock: {mismatch}; looking elsewhere");
            shop.world.reporter.note(Note::Warning(note));
            Ok(false)
        }
        Err(e) => Err(e.into()),
    }
}

/// Where a package lies in a vendor directory.
pub(crate) fn vendor_path(pin: &Pin) -> String {
    let archive = pin.repository.rsplit_once('/').map_or(pin.repository.as_str(), |(a, _)| a);
    format!("{archive}/{}", pin.path)
}

fn gone(pins: &[&Pin], first: Option<Diagnostic>) -> Diagnostic {
    let what = match pins {
        [one] => format!("{} {}", one.name, one.version),
        many => format!("{} of the lock's packages", many.len()),
    };
    let mut d = Diagnostic::new(Kind::Network, format!("cannot get {what}"));
    if let Some(first) = first {
        d = d.detail(first.to_string());
    }
    for pin in pins {
        d = d.detail(format!(
            "{} {} ({}) is not in the cache, and was not to be had from {}",
            pin.name, pin.version, pin.arch, pin.repository
        ));
    }
    d.hint(
        "let it use the network, name a directory that has them with --vendor, or take what the archive has now \
         with `distil update`",
    )
}
