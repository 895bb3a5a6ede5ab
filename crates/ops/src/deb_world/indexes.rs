//! The indexes of a recipe's sources: fetched, verified, fresh, and put together to what the solver
//! sees. Here the chain from signature to record is closed.

use std::collections::BTreeMap;

use deb::packages::read_packages;
use deb::release::{Compression, IndexFile, Release, parse_release};
use diag::{Diagnostic, Kind, Note};
use fetch::{Job, Size, Url};
use lockfile::{IndexPin, Lockfile, SuitePin};
use oci::Digest;
use package::{Arch, Shelf, ShelfSource, Universe};
use recipe::archives::Archive;
use trust::{Dates, Freshness, Keyring, Policy, Receipt, RsaKeyring, Time, Verified};

use super::sources::{self, Keys, Source, Sources};
use crate::blobs::{BlobSink, Expected, failures};
use crate::ecosystem::{Before, Indexes, Universes};
use crate::parallel::each;
use crate::place::Place;
use crate::recipes::own_file;
use crate::records::{self, LastSeen};
use crate::shop::Shop;

/// More than any `InRelease` has (Debian's is 0.14 MB).
const MOST_RELEASE: u64 = 16 << 20;
/// More than any index has decompressed, where the release does not say it (Debian's is 57 MB).
const MOST_INDEX: u64 = 1 << 30;
/// Counts up when the same index would become another shelf.
const SHELF: u32 = 1;

/// Reads the indexes of `sources` for `archs`.
pub(crate) fn read(
    shop: &Shop<'_>,
    sources: &Sources,
    archs: &[Arch],
    before: &Before,
) -> Result<Indexes, Diagnostic> {
    let records = records::read(shop.world);
    let suites = each(&sources.all, |source| {
        shop.world.reporter.check()?;
        read_suite(shop, source, before, &records)
    })?;
    let wanted = wanted_indexes(&suites, sources, archs)?;
    let shelves = shelves(shop, &suites, &sources.all, &wanted)?;
    let mut out = Indexes {
        suites: Vec::new(),
        universes: Universes::default(),
        seen: BTreeMap::new(),
        package_keys: RsaKeyring::empty(),
        keys: Vec::new(),
    };
    for (share, arch) in sources.shares.iter().flat_map(|s| s.archs.iter().map(move |arch| (s, arch))) {
        let mut parts = Vec::new();
        for &i in &share.list {
            let (suite, source) = (&suites[i], &sources.all[i]);
            let here = wanted.iter().zip(&shelves).filter(|(w, _)| w.suite == i && w.archs.contains(arch));
            for (w, shelf) in here {
                let part = (shelf.clone(), shelf_source(source, suite, &w.component));
                // The shelf was made from bytes with just this digest, or read back by it.
                parts.push(suite.release.admit_hashed(&w.file.path, w.file.size, w.file.digest, part)?);
            }
            for shelf in &suite.local {
                let part = (shelf.clone(), shelf_source(source, suite, ""));
                parts.push(Verified::declared_by_user(part, unsigned_word(source)));
            }
        }
        out.universes.insert(&share.variant, arch, Verified::all(parts).map(universe));
    }
    for (i, (suite, source)) in suites.iter().zip(&sources.all).enumerate() {
        out.suites.push(suite_pin(suite, source, wanted.iter().filter(|w| w.suite == i)));
        if let (Some(date), Some(document), false) =
            (suite.release.value().date, suite.document, source.snapshot)
        {
            out.seen.insert(source.id.clone(), LastSeen { date, document });
        }
    }
    Ok(out)
}

fn universe(parts: Vec<(Shelf, ShelfSource)>) -> Universe {
    let mut universe = Universe::new();
    parts.into_iter().for_each(|(shelf, source)| universe.add(shelf, source));
    universe
}

/// A suite that was read.
struct Suite {
    release: Verified<Release>,
    /// Digest of the signed document as it came.
    document: Option<Digest>,
    /// Bases of the archive, the one that answered first.
    bases: Vec<Url>,
    /// Shelves of local packages.
    local: Vec<Shelf>,
}

fn read_suite(
    shop: &Shop<'_>,
    source: &Source,
    before: &Before,
    records: &BTreeMap<String, LastSeen>,
) -> Result<Suite, Diagnostic> {
    if let Place::Directory(dir) = &source.place {
        return super::local_packages::read(shop, source, dir).map(|shelf| Suite {
            release: Verified::declared_by_user(Release::default(), unsigned_word(source)),
            document: None,
            bases: Vec::new(),
            local: vec![shelf],
        });
    }
    let bases = source.place.bases(shop)?;
    let suite = match source.trusted {
        true => unsigned_release(shop, source, bases)?,
        false => signed_release(shop, source, bases, records)?,
    };
    check_release(source, suite.release.value())?;
    check_dates(shop, source, suite.release.value(), before, records)?;
    Ok(suite)
}

/// The bases of a repository's archive, best first: its mirrors, then the snapshot archive at the time
/// of the lock's index.
pub(crate) fn package_bases(
    shop: &Shop<'_>,
    sources: &Sources,
    lock: &Lockfile,
    repository: &str,
) -> Result<Vec<Url>, Diagnostic> {
    let Some(source) = sources.find(repository) else { return Ok(Vec::new()) };
    let mut out = source.place.bases(shop)?;
    let suite = lock.suites.iter().find(|s| s.id == repository);
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

/// Where the release file of a suite lies, relative to the archive.
pub(crate) fn suite_dir(source: &Source) -> String {
    match source.suite.ends_with('/') {
        true => source.suite.trim_start_matches("./").trim_start_matches('/').to_owned(),
        false => format!("dists/{}/", source.suite),
    }
}

fn signed_release(
    shop: &Shop<'_>,
    source: &Source,
    mut bases: Vec<Url>,
    records: &BTreeMap<String, LastSeen>,
) -> Result<Suite, Diagnostic> {
    let keys = keyring(shop, source)?;
    if shop.world.offline
        && let Some(last) = records.get(&source.id)
        && let Ok(bytes) = shop.blobs.read(&last.document)
    {
        return verified(shop, source, &bytes, &keys, bases);
    }
    // Each place is tried until one is genuine; the first complaint about trust is the one to hear,
    // since a mirror that merely lacks the suite says less.
    let mut first: Option<Diagnostic> = None;
    for i in 0..bases.len() {
        let found = fetch_release(shop, source, &bases[i], "InRelease").and_then(|bytes| {
            let mut order = bases.clone();
            order[..=i].rotate_right(1);
            verified(shop, source, &bytes, &keys, order)
        });
        match found {
            Ok(suite) => return Ok(suite),
            Err(d) => {
                shop.world.reporter.note(Note::Detail(d.to_string()));
                let louder = first.as_ref().is_none_or(|f| f.kind == Kind::Network && d.kind == Kind::Trust);
                if louder {
                    first = Some(d);
                }
            }
        }
    }
    bases.clear();
    Err(first.unwrap_or_else(|| {
        Diagnostic::new(Kind::Usage, format!("cannot read {}: it has no usable address", source.id))
    }))
}

fn fetch_release(shop: &Shop<'_>, source: &Source, base: &Url, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let url = base
        .join(&format!("{}{name}", suite_dir(source)))
        .map_err(|e| Diagnostic::new(Kind::Input, format!("cannot read {}: {e}", source.id)))?;
    let job =
        Job { name: format!("{} {name}", source.id), urls: vec![url], size: Size::AtMost(MOST_RELEASE) };
    Ok(shop.client()?.fetch_bytes(&job, shop.world.reporter.as_ref())?)
}

fn verified(
    shop: &Shop<'_>,
    source: &Source,
    bytes: &[u8],
    keys: &Keyring,
    bases: Vec<Url>,
) -> Result<Suite, Diagnostic> {
    let policy = if source.snapshot { Policy::past() } else { Policy::current() };
    let doing = || format!("cannot trust {}", source.id);
    let text = trust::verify(bytes, keys, &policy, Time(shop.world.now))
        .map_err(|e| Diagnostic::from(e).while_doing(doing()))?;
    let release = text
        .parse(|b: &Vec<u8>| parse_release(b))
        .map_err(|e| Diagnostic::from(e).while_doing(format!("cannot read {}", source.id)))?;
    // Reading finds and deletes a damaged copy, which `put` would take for the document.
    let _ = shop.blobs.read(&Digest::of(bytes));
    let document = shop.blobs.put(bytes)?;
    Ok(Suite { release, document: Some(document), bases, local: Vec::new() })
}

/// `[trusted=yes]`: the release file without its signature, if there is one at all.
fn unsigned_release(shop: &Shop<'_>, source: &Source, bases: Vec<Url>) -> Result<Suite, Diagnostic> {
    let mut last = None;
    for name in ["InRelease", "Release"] {
        for base in &bases {
            match fetch_release(shop, source, base, name) {
                Ok(bytes) => {
                    let text = if name == "InRelease" { without_frame(&bytes) } else { bytes.clone() };
                    let release = parse_release(&text)?;
                    let document = shop.blobs.put(&bytes)?;
                    let release = Verified::declared_by_user(release, unsigned_word(source));
                    return Ok(Suite { release, document: Some(document), bases, local: Vec::new() });
                }
                Err(d) => last = Some(d),
            }
        }
    }
    Err(last
        .unwrap_or_else(|| Diagnostic::new(Kind::Usage, format!("cannot read {}: no address", source.id))))
}

/// The text of a clear-signed document of which nobody asks whether it is genuine.
fn without_frame(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let Some(rest) = text.strip_prefix("-----BEGIN PGP SIGNED MESSAGE-----") else { return bytes.to_vec() };
    let body = rest.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body.split("\n-----BEGIN PGP SIGNATURE-----").next().unwrap_or_default();
    body.lines().map(|l| format!("{}\n", l.strip_prefix("- ").unwrap_or(l))).collect::<String>().into_bytes()
}

pub(crate) fn unsigned_word(source: &Source) -> String {
    match source.place {
        Place::Directory(_) => format!("local directory {}", source.id),
        _ => format!("[trusted=yes] {}", source.id),
    }
}

/// The keys whose signature a source must carry.
pub(crate) fn keyring(shop: &Shop<'_>, source: &Source) -> Result<Keyring, Diagnostic> {
    match &source.keys {
        Keys::Builtin(set) => Ok(sources::builtin(*set)),
        Keys::None => Ok(Keyring::empty()),
        Keys::Files(files, fingerprints) => {
            let mut ring = Keyring::empty();
            for file in files {
                ring = ring.merge(Keyring::from_bytes(&own_file(shop, file)?, &file.path)?);
            }
            if files.is_empty() {
                ring = trust::debian_keys::all();
            }
            let wanted =
                |f: &trust::Fingerprint| fingerprints.iter().any(|w| f.to_string().replace(' ', "") == *w);
            if !fingerprints.is_empty() {
                ring = ring.only(|f| wanted(f));
            }
            Ok(ring)
        }
    }
}

/// A genuine release file of another suite is no answer: a mirror could serve an old release's.
fn check_release(source: &Source, release: &Release) -> Result<(), Diagnostic> {
    let named = [&release.suite, &release.codename];
    if source.suite.ends_with('/') || named.iter().all(|n| n.is_empty()) {
        return Ok(());
    }
    // `stable-security` and `trixie/updates` are spelled in several ways in old archives.
    let plain = source.suite.replace('/', "-");
    if named.iter().any(|n| **n == source.suite || **n == plain) {
        return Ok(());
    }
    Err(Diagnostic::new(
        Kind::Trust,
        format!(
            "cannot trust {}: the mirror gave the release file of {} ({})",
            source.id, release.codename, release.suite
        ),
    )
    .hint("the mirror mixes suites up, or somebody replays another one; use another mirror"))
}

fn check_dates(
    shop: &Shop<'_>,
    source: &Source,
    release: &Release,
    before: &Before,
    records: &BTreeMap<String, LastSeen>,
) -> Result<(), Diagnostic> {
    let Some(date) = release.date else {
        return match source.trusted {
            true => Ok(()),
            false => Err(Diagnostic::new(
                Kind::Trust,
                format!("cannot trust {}: its release file has no Date", source.id),
            )
            .hint("ask the archive's owner to publish one; without it a replay cannot be told")),
        };
    };
    let now = Time(shop.world.now);
    let mut rules = if source.snapshot { Freshness::of_the_past(now) } else { Freshness::at(now) };
    rules.expiry_counts &= !source.ignore_valid_until;
    rules = rules.max_age(source.max_age.and_then(|s| i64::try_from(s).ok()));
    if !before.allow_rollback {
        let lock = before.lock.get(&source.id).copied();
        let record = records.get(&source.id).map(|r| r.date).filter(|_| !source.snapshot);
        rules = rules.not_before(lock.max(record).map(Time));
    }
    Ok(rules.check(&source.id, Dates { date: Time(date), valid_until: release.valid_until.map(Time) })?)
}

/// An index to read.
struct Wanted {
    suite: usize,
    component: String,
    archs: Vec<Arch>,
    file: IndexFile,
}

fn wanted_indexes(suites: &[Suite], sources: &Sources, archs: &[Arch]) -> Result<Vec<Wanted>, Diagnostic> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (i, (suite, source)) in suites.iter().zip(&sources.all).enumerate() {
        if matches!(source.place, Place::Directory(_)) {
            continue;
        }
        let release = suite.release.value();
        let mut found = false;
        let archs = sources.archs_of(i, archs);
        for &arch in &archs {
            let files: Vec<(String, IndexFile)> = if source.suite.ends_with('/') {
                release.flat_index().into_iter().map(|f| (String::new(), f)).collect()
            } else {
                let of = |c: &String| {
                    release
                        .package_indexes(c, arch.as_str())
                        .into_iter()
                        .map(|f| (c.clone(), f))
                        .collect::<Vec<_>>()
                };
                source.components.iter().flat_map(of).collect()
            };
            for (component, file) in files {
                found = true;
                match wanted.iter_mut().find(|w| w.suite == i && w.file == file) {
                    Some(same) => same.archs.push(arch.clone()),
                    None => wanted.push(Wanted { suite: i, component, archs: vec![arch.clone()], file }),
                }
            }
        }
        if !found && source.archs.is_none() {
            let words: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
            return Err(Diagnostic::new(
                Kind::Input,
                format!(
                    "cannot read {}: it has no index of {} for {}",
                    source.id,
                    source.components.join(", "),
                    words.join(", ")
                ),
            )
            .hint("check the components and architectures that the archive offers"));
        }
    }
    Ok(wanted)
}

/// Fetches what is not there, and makes shelves of it.
fn shelves(
    shop: &Shop<'_>,
    suites: &[Suite],
    sources: &[Source],
    wanted: &[Wanted],
) -> Result<Vec<Shelf>, Diagnostic> {
    let here = |f: &IndexFile| shop.blobs.contains(&f.digest) == Some(f.size);
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|w| !shop.cache.contains("shelf", &shelf_key(&w.file)) && !here(&w.file))
        .collect();
    if !missing.is_empty() {
        let job = |w: &&Wanted| index_job(&suites[w.suite], &sources[w.suite], &w.file);
        let jobs: Vec<Job> = missing.iter().map(job).collect();
        failures(shop.client()?.fetch_all(&jobs, 4, shop.world.reporter.as_ref(), |i| {
            let IndexFile { digest, size, .. } = missing[i].file;
            BlobSink::open(&shop.blobs, &jobs[i].name, Expected::Digest(digest, size))
        }))?;
    }
    wanted.iter().map(|w| shelf(shop, &w.file)).collect()
}

fn index_job(suite: &Suite, source: &Source, file: &IndexFile) -> Job {
    let dir = suite_dir(source);
    let hashed = match source.by_hash {
        Some(false) => None,
        _ => suite.release.value().by_hash(&file.path, &file.digest),
    };
    let paths: Vec<String> = hashed.iter().chain([&file.path]).map(|p| format!("{dir}{p}")).collect();
    let urls = suite.bases.iter().flat_map(|b| paths.iter().filter_map(|p| b.join(p).ok())).collect();
    Job { name: format!("{} {}", source.id, file.path), urls, size: Size::Exact(file.size) }
}

fn shelf_key(file: &IndexFile) -> String {
    format!("{}-{SHELF}", file.digest.hex())
}

fn shelf(shop: &Shop<'_>, file: &IndexFile) -> Result<Shelf, Diagnostic> {
    let key = shelf_key(file);
    if let Some(bytes) = shop.cache.read("shelf", &key)
        && let Ok(shelf) = Shelf::from_bytes(bytes)
    {
        return Ok(shelf);
    }
    let bytes = shop.blobs.read(&file.digest)?;
    let made = make_shelf(&bytes, file, shop.world.threads)?;
    shop.cache.put::<_, Diagnostic>("shelf", &key, |w| {
        w.write_all(&made).map_err(|e| Diagnostic::new(Kind::Machine, format!("cannot write the cache: {e}")))
    })?;
    Shelf::from_bytes(made)
        .map_err(|e| Diagnostic::new(Kind::Internal, format!("cannot read what was just made: {e}")))
}

fn make_shelf(bytes: &[u8], file: &IndexFile, threads: usize) -> Result<Vec<u8>, Diagnostic> {
    let limit = file.plain_size.unwrap_or(MOST_INDEX).min(MOST_INDEX);
    let limit = if file.compression == Compression::None { file.size } else { limit };
    read_packages(bytes, file.compression, limit, u32::try_from(threads).unwrap_or(1))
        .map_err(|e| Diagnostic::from(e).while_doing(format!("cannot read index {}", file.path)))
}

/// The shelf of an index that a release names, made anew.
pub(crate) fn shelf_of(
    bytes: &[u8],
    path: &str,
    release: &Release,
    threads: usize,
) -> Result<Shelf, Diagnostic> {
    let plain = path.trim_end_matches(".xz").trim_end_matches(".gz");
    let file = IndexFile {
        path: path.to_owned(),
        compression: Compression::of(path),
        size: bytes.len() as u64,
        digest: Digest::of(bytes),
        plain_size: release.files.get(plain).map(|f| f.size),
    };
    let made = make_shelf(bytes, &file, threads)?;
    Shelf::from_bytes(made).map_err(|e| Diagnostic::new(Kind::Internal, e.to_string()))
}

fn shelf_source(source: &Source, suite: &Suite, component: &str) -> ShelfSource {
    let release = suite.release.value();
    ShelfSource {
        repository: source.id.clone(),
        suite: release.suite.clone(),
        codename: release.codename.clone(),
        origin: release.origin.clone(),
        label: release.label.clone(),
        component: component.to_owned(),
        priority: source.priority.unwrap_or_else(|| release.default_priority()),
        standing: source.standing,
        tag: None,
    }
}

fn suite_pin<'a>(suite: &Suite, source: &Source, wanted: impl Iterator<Item = &'a Wanted>) -> SuitePin {
    let release = suite.release.value();
    let (signed_by, unsigned) = match suite.release.receipt() {
        Receipt::Signed(signed) => (signed.by.iter().map(|s| s.certificate.to_string()).collect(), None),
        Receipt::Declared { why } => (Vec::new(), Some(why.clone())),
        _ => (Vec::new(), None),
    };
    let snapshot = match &source.place {
        Place::Archive(_, path) if source.snapshot => {
            path.rsplit('/').find(|p| p.ends_with('Z')).map(str::to_owned)
        }
        _ => None,
    };
    SuitePin {
        id: source.id.clone(),
        components: source.components.clone(),
        snapshot,
        inrelease: suite.document,
        date: release.date,
        valid_until: release.valid_until,
        signed_by,
        unsigned,
        indexes: wanted
            .map(|w| IndexPin {
                path: w.file.path.clone(),
                size: w.file.size,
                digest: w.file.digest,
                date: None,
            })
            .collect(),
    }
}
