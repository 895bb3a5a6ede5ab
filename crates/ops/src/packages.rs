//! Pinned package files, brought into the store: from the cache, `--vendor`, the mirrors, and where
//! they have left those, the snapshot archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use diag::{Diagnostic, Explain, Kind, Note};
use fetch::{Fault, FetchError, Job, Size, Url};
use lockfile::{LockedPin, Lockfile};
use oci::{Algorithm, Digest};
use package::{Identity, Pin};
use store::StoreError;

use crate::blobs::{BlobSink, Expected};
use crate::ecosystem::Ecosystem;
use crate::parallel;
use crate::request::LockPlace;
use crate::shop::Shop;

/// The digest by which a pin's file is found among the blobs; none of an apk package that was never here.
pub(crate) fn blob_name(shop: &Shop<'_>, pin: &Pin) -> Option<Digest> {
    match (pin.sha256, pin.identity) {
        (Some(digest), _) | (None, Identity::Whole(digest)) => Some(digest),
        (None, Identity::ApkControl(_)) => {
            let text = shop.cache.read(APK_FILES, &expected(pin).key())?;
            Digest::from_hex(Algorithm::Sha256, std::str::from_utf8(&text).ok()?).ok()
        }
    }
}

/// Which blob turned out to be the package of an apk identity. Nothing is believed for it: who unpacks
/// the blob looks at its control part again.
const APK_FILES: &str = "apk-file";

/// What the file of a pin must turn out to be.
fn expected(pin: &Pin) -> Expected {
    match (pin.sha256, pin.identity) {
        (Some(digest), _) | (None, Identity::Whole(digest)) => Expected::Digest(digest, pin.size),
        (None, Identity::ApkControl(sha1)) => Expected::ApkControl(sha1, pin.size),
    }
}

/// Remembers under which name a file was kept, where its own is none.
fn kept_as(shop: &Shop<'_>, expected: &Expected, blob: Digest) -> Result<(), Diagnostic> {
    let Expected::ApkControl(..) = expected else { return Ok(()) };
    shop.cache.put::<_, Diagnostic>(APK_FILES, &expected.key(), |w| {
        w.write_all(blob.hex().as_bytes())
            .map_err(|e| Diagnostic::new(Kind::Machine, format!("cannot write the cache: {e}")))
    })
}

/// Where packages may come from besides the cache.
pub(crate) struct Supply<'a> {
    pub(crate) ecosystem: &'a Ecosystem,
    pub(crate) lock: &'a Lockfile,
    pub(crate) place: &'a LockPlace,
    /// As it was typed, for hints.
    pub(crate) recipe: &'a str,
    /// The flag, `--frozen` or `--offline`, by which nothing is asked of the network.
    pub(crate) no_network: Option<&'static str>,
}

/// Brings every package of the lock that `wanted` says yes to into the store.
pub(crate) fn bring(
    shop: &Shop<'_>,
    supply: &Supply<'_>,
    wanted: impl Fn(&LockedPin) -> bool,
) -> Result<(), Diagnostic> {
    let absent: Vec<&Pin> = supply
        .lock
        .packages
        .iter()
        .filter(|row| wanted(row))
        .map(|row| &row.pin)
        .filter(|pin| blob_name(shop, pin).is_none_or(|name| shop.blobs.contains(&name) != Some(pin.size)))
        .collect();
    let found = parallel::spread(&absent, shop.world.threads, |pin| {
        Ok(from_vendor(shop, supply, pin)? || from_directory(shop, supply, pin)?)
    })?;
    let missing: BTreeMap<String, &Pin> = absent
        .into_iter()
        .zip(found)
        .filter(|(_, found)| !found)
        .map(|(pin, _)| (expected(pin).key(), pin))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if let Some(flag) = supply.no_network {
        return Err(not_here(&missing.values().copied().collect::<Vec<_>>(), flag));
    }
    fetch(shop, supply, &missing)
}

fn fetch(shop: &Shop<'_>, supply: &Supply<'_>, missing: &BTreeMap<String, &Pin>) -> Result<(), Diagnostic> {
    let mut known: BTreeMap<&str, Vec<Url>> = BTreeMap::new();
    let mut jobs = Vec::new();
    for pin in missing.values() {
        if !known.contains_key(pin.repository.as_str()) {
            let bases = supply.ecosystem.bases(shop, supply.lock, &pin.repository)?;
            known.insert(&pin.repository, bases);
        }
        let urls = known[pin.repository.as_str()]
            .iter()
            .filter_map(|base| base.join(&escape(&pin.path)).ok())
            .collect();
        jobs.push(Job { name: format!("{} {}", pin.name, pin.version), urls, size: Size::Exact(pin.size) });
    }
    let pins: Vec<(Expected, &Pin)> = missing.values().map(|pin| (expected(pin), *pin)).collect();
    let total = pins.iter().map(|(_, p)| p.size).sum();
    let reporter = shop.world.reporter.as_ref();
    let _task = reporter.task(&format!("fetching {} packages", pins.len()), Some(total), diag::Unit::Bytes);
    let parallel = shop.world.surroundings.outside()?.fetch.parallel;
    let done = shop
        .client()?
        .fetch_all(&jobs, parallel, reporter, |i| BlobSink::open(&shop.blobs, &jobs[i].name, pins[i].0));
    let mut lost = Vec::new();
    for (outcome, (expected, pin)) in done.into_iter().zip(&pins) {
        match outcome {
            Ok(sink) => sink.blob.map_or(Ok(()), |blob| kept_as(shop, expected, blob))?,
            // A wrong digest or a full disk is no matter of a package having left the mirror.
            Err(e) if e.kind() != Kind::Network => return Err(e.into()),
            Err(e) => lost.push((*pin, e)),
        }
    }
    if lost.is_empty() { Ok(()) } else { Err(gone(shop, supply, &lost)) }
}

/// `%` and `+` in file names are data; a `?` or `#` would end the path.
fn escape(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// Looks into `--vendor DIR`: where `distil lock --vendor` puts a package (`DIR/ARCHIVE/PATH`), where a copy of
/// its repository has it (`DIR/PATH`), and for the bare file, by its name or its digest.
fn from_vendor(shop: &Shop<'_>, supply: &Supply<'_>, pin: &Pin) -> Result<bool, Diagnostic> {
    let Some(dir) = &supply.place.vendor else { return Ok(false) };
    let dir = shop.path(dir);
    let mut others = Vec::new();
    for path in vendored(supply.ecosystem, pin) {
        match from_file(shop, pin, &dir.join(path)) {
            Some(Ok(())) => return Ok(true),
            Some(Err(StoreError::Mismatch { what, mismatch })) => others.push(format!("{what}: {mismatch}")),
            Some(Err(StoreError::Io { path, source, .. })) if is_no_package(&source) => {
                others.push(format!("{}: {source}", path.display()));
            }
            Some(Err(e)) => return Err(e.into()),
            None => {}
        }
    }
    for other in others {
        let note = format!("{other}: it is not the package of the lock; looking elsewhere");
        shop.world.reporter.note(Note::Warning(note));
    }
    Ok(false)
}

/// Where a package may lie in a vendor directory, each place once.
fn vendored(ecosystem: &Ecosystem, pin: &Pin) -> Vec<PathBuf> {
    let name = pin.path.rsplit('/').next().unwrap_or_default();
    let mut all = vec![vendor_path(ecosystem, pin), PathBuf::from(&pin.path), PathBuf::from(name)];
    all.extend(pin.sha256.map(|digest| digest.hex().into()));
    let mut seen = BTreeSet::new();
    all.retain(|path| seen.insert(path.clone()));
    all
}

/// A pipe, or longer than the package may be.
fn is_no_package(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::FileTooLarge | std::io::ErrorKind::InvalidInput)
}

/// Looks into the directory that a local repository is.
fn from_directory(shop: &Shop<'_>, supply: &Supply<'_>, pin: &Pin) -> Result<bool, Diagnostic> {
    let Some(dir) = supply.ecosystem.directory(&pin.repository) else { return Ok(false) };
    match from_file(shop, pin, &shop.path(dir).join(&pin.path)) {
        Some(Err(e)) => Err(another(shop, supply, pin, e)),
        Some(Ok(())) => Ok(true),
        None => {
            let update = supply.place.command(shop.world, "update", supply.recipe);
            let text = format!("cannot get {}: {}/{} is not there", titled(pin), pin.repository, pin.path);
            Err(Diagnostic::new(Kind::Network, text).hint(format!(
                "put the file back, name a directory that has it with --vendor, or take what is there now with \
                 `{update}`"
            )))
        }
    }
}

/// A file of a local repository that is not the one of the pin. Its index is not to blame where somebody
/// signed that: then to take what is there now is no way out.
fn another(shop: &Shop<'_>, supply: &Supply<'_>, pin: &Pin, e: StoreError) -> Diagnostic {
    let doing = format!("cannot take {} from {}", titled(pin), pin.repository);
    let e = match e {
        // One byte more than the index says is as wrong as one that differs.
        StoreError::Io { ref path, ref source, .. } if source.kind() == std::io::ErrorKind::FileTooLarge => {
            let text = format!("{} is longer than the {} bytes of the package", path.display(), pin.size);
            Diagnostic::new(Kind::Trust, text)
        }
        // The cache's disk, or the directory's: no index has a part in it.
        StoreError::Io { ref source, .. } if !is_no_package(source) => {
            return Diagnostic::from(e).while_doing(doing);
        }
        e => Diagnostic::from(e),
    };
    if e.kind == Kind::Input {
        return e.while_doing(doing);
    }
    let update = supply.place.command(shop.world, "update", supply.recipe);
    let signed = supply.lock.suites.iter().any(|s| s.id == pin.repository && s.unsigned.is_none());
    let hint = match signed {
        true => format!(
            "a signed index named another file than this one: it was changed since. Put the genuine one back; if the \
             change is yours, have the index made and signed again, and take what is there now with `{update}`"
        ),
        false => format!(
            "the file is not the one that the directory's index (or the lock) names: put that one back; if the \
             change is yours, make the index again, and take what is there now with `{update}`"
        ),
    };
    e.while_doing(doing).hint(hint)
}

/// Takes a pin's file from there; none if there is none.
fn from_file(shop: &Shop<'_>, pin: &Pin, path: &Path) -> Option<Result<(), StoreError>> {
    let bytes = match shop.own.read_at_most(path, pin.size) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(source) => return Some(Err(StoreError::Io { verb: "read", path: path.to_owned(), source })),
    };
    let expected = expected(pin);
    let ingest = shop.blobs.ingest(&path.display().to_string(), expected.judge());
    let kept = ingest.and_then(|mut ingest| ingest.write(&bytes).and_then(|()| ingest.commit()));
    // Not to know its name again costs another look at the file, no more.
    Some(kept.map(|(blob, _)| drop(kept_as(shop, &expected, blob))))
}

/// Where a package lies in a vendor directory.
pub(crate) fn vendor_path(ecosystem: &Ecosystem, pin: &Pin) -> PathBuf {
    ecosystem.vendor_folder(&pin.repository).join(&pin.path)
}

/// `libc6 2.41-12 (and 13 more packages)`, the largest first: it is the one that was tried first.
fn subject(pins: &[&Pin], of: &str) -> String {
    let one = pins.iter().max_by_key(|p| p.size).map_or_else(String::new, |p| titled(p));
    match pins.len() {
        1 => one,
        2 => format!("{one} (and 1 more package{of})"),
        n => format!("{one} (and {} more packages{of})", n - 1),
    }
}

fn titled(pin: &Pin) -> String {
    format!("{} {}", pin.name, pin.version)
}

/// Every package by name, a line for each repository.
fn listed(mut d: Diagnostic, pins: &[&Pin]) -> Diagnostic {
    let mut by_repository: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for pin in pins {
        let text = format!("{} ({})", titled(pin), pin.arch);
        by_repository.entry(&pin.repository).or_default().push(text);
    }
    for (repository, packages) in by_repository {
        d = d.detail(format!("of {repository}: {}", packages.join(", ")));
    }
    d
}

fn not_here(pins: &[&Pin], flag: &str) -> Diagnostic {
    let what = subject(pins, "");
    let text = format!("cannot get {what}: not in the cache, and {flag} asks nobody");
    listed(Diagnostic::new(Kind::Network, text), pins).hint(format!(
        "run once without {flag} while there is a network, or name a directory that has them with --vendor"
    ))
}

/// The cause first, and once: what the first place said that did not just lack the file.
fn gone(shop: &Shop<'_>, supply: &Supply<'_>, lost: &[(&Pin, FetchError)]) -> Diagnostic {
    let pins: Vec<&Pin> = lost.iter().map(|(pin, _)| *pin).collect();
    let update = supply.place.command(shop.world, "update", supply.recipe);
    if lost.iter().all(|(_, e)| e.is_not_found()) {
        let text = format!(
            "cannot get {}: no longer on any mirror ({})",
            subject(&pins, " of the lock"),
            statuses(lost)
        );
        return listed(Diagnostic::new(Kind::Network, text), &pins).hint(format!(
            "take what the archive has now with `{update}`, or name a directory that has them with --vendor; \
             a mirror may also lag behind"
        ));
    }
    let failed = |e: &&FetchError| !e.is_not_found();
    let first = lost.iter().filter(|(_, e)| failed(&e)).max_by_key(|(pin, _)| pin.size);
    let Some((_, error)) = first else { return Diagnostic::new(Kind::Internal, "cannot say what failed") };
    let at = error.tried.iter().find(|t| !matches!(t.fault, Fault::NotFound { .. }));
    let cause = at.map_or_else(|| "no address is known for it".to_owned(), |t| t.fault.to_string());
    let one_place = pins.iter().all(|p| p.repository == pins[0].repository);
    let of = if one_place { " from the same mirror" } else { "" };
    let d = Diagnostic::new(Kind::Network, format!("cannot fetch {}: {cause}", subject(&pins, of)));
    let d = match error.tried.as_slice() {
        [one] if one.times <= 1 => d.detail(one.url.to_string()),
        _ => error.details().into_iter().fold(d, Diagnostic::detail),
    };
    let hint = at.and_then(|t| t.fault.hint()).unwrap_or_else(|| "use another mirror".to_owned());
    let hint = format!("{hint}; what was fetched is kept");
    if pins.len() == 1 { d.hint(hint) } else { listed(d, &pins).hint(hint) }
}

/// What the mirrors said of files that they do not have: `404`.
fn statuses(lost: &[(&Pin, FetchError)]) -> String {
    let tried = lost.iter().flat_map(|(_, e)| &e.tried);
    let said: BTreeSet<&str> = tried
        .filter_map(|t| match &t.fault {
            Fault::NotFound { status } => Some(status.as_str()),
            _ => None,
        })
        .collect();
    said.into_iter().collect::<Vec<_>>().join(", ")
}
