//! The indexes of a recipe's repositories: fetched, verified, and put together to what the solver sees.
//! Here the chain from signature to record is closed.
//!
//! apk's indexes have no date. The newest build time of their records stands for one (promise P3): an
//! archive that only ever adds builds never goes back in it. Where one takes back its newest build, that
//! looks like a replay, and `--allow-rollback` accepts it. Nothing expires.

use std::collections::BTreeMap;

use apk::{Limits, index};
use diag::{Diagnostic, Kind, Note};
use fetch::{Job, Size, Url};
use lockfile::{IndexPin, SuitePin};
use oci::Digest;
use package::{Arch, Shelf, ShelfSource, Universe};
use trust::{FreshnessError, Receipt, RsaKeyring, RsaVerifyError, Time, Verified};

use super::Repositories;
use super::keys::Keys;
use super::sources::{Share, Source};
use crate::base;
use crate::ecosystem::{Before, Indexes, Universes};
use crate::parallel::each;
use crate::place::Place;
use crate::records::{self, LastSeen};
use crate::shop::Shop;

/// Counts up when the same index would become another shelf.
const SHELF: u32 = 2;

/// An index to read.
struct Wanted<'a> {
    source: &'a Source,
    arch: &'a Arch,
    /// The variants that take packages from it, at least one.
    by: Vec<&'a Share>,
}

impl<'a> Wanted<'a> {
    /// The indexes of all repositories. One address may stand there twice, with a tag and without: it is read
    /// once.
    fn all(repositories: &'a Repositories, archs: &'a [Arch]) -> Vec<Wanted<'a>> {
        let mut all: Vec<Wanted<'_>> = Vec::new();
        for source in &repositories.list {
            if all.iter().any(|w| w.source.id == source.id) {
                continue;
            }
            for arch in archs {
                let by = repositories.shares.iter().filter(|s| s.archs.contains(arch) && s.names(&source.id));
                all.push(Wanted { source, arch, by: by.collect() });
            }
        }
        all.retain(|w| !w.by.is_empty());
        all
    }
}

/// An index that was read.
struct Read {
    /// The one shelf, for each who wanted it with who vouches for it there.
    shelves: Vec<Verified<Shelf>>,
    pin: IndexPin,
}

/// What is looked at while indexes are read.
struct Reading<'a> {
    shop: &'a Shop<'a>,
    keys: &'a Keys,
    before: &'a Before,
    records: &'a BTreeMap<String, LastSeen>,
    /// The user's word: `--ignore-signatures`.
    ignore_signatures: bool,
    /// There are several, so that it must be said which one an error is about.
    variants: bool,
}

/// Reads the indexes of `repositories` for `archs`.
pub(crate) fn read(
    shop: &Shop<'_>,
    repositories: &Repositories,
    archs: &[Arch],
    before: &Before,
) -> Result<Indexes, Diagnostic> {
    let offline = shop.world.offline.then_some("--offline");
    let keys = Keys::load(shop, &repositories.trusted, &before.keys, offline)?;
    let records = records::read(shop.world);
    let ignore_signatures = repositories.ignore_signatures;
    let variants = repositories.shares.len() > 1;
    let reading = Reading { shop, keys: &keys, before, records: &records, ignore_signatures, variants };
    let wanted = Wanted::all(repositories, archs);
    let read = each(&wanted, |wanted| {
        shop.world.reporter.check()?;
        reading.index(wanted)
    })?;
    let found: Vec<(Wanted<'_>, Read)> =
        wanted.into_iter().zip(read).filter_map(|(wanted, read)| Some((wanted, read?))).collect();
    put_together(shop, repositories, archs, found, keys)
}

fn put_together(
    shop: &Shop<'_>,
    repositories: &Repositories,
    archs: &[Arch],
    found: Vec<(Wanted<'_>, Read)>,
    keys: Keys,
) -> Result<Indexes, Diagnostic> {
    let mut out = Indexes {
        suites: Vec::new(),
        universes: Universes::default(),
        seen: BTreeMap::new(),
        package_keys: RsaKeyring::empty(),
        keys: keys.pins.clone(),
    };
    for arch in archs {
        // First, so that of the same package its own record counts.
        let below = repositories.base.iter().map(|below| {
            let place = ShelfSource::distribution(base::id(below));
            base::shelf(shop, below, arch)?.choose(|shelf| Ok::<_, Diagnostic>((shelf.clone(), place)))
        });
        let below = below.collect::<Result<Vec<_>, _>>()?;
        for share in repositories.shares.iter().filter(|s| s.archs.contains(arch)) {
            let mut parts = below.clone();
            for source in &share.list {
                parts.extend(part(share, source, arch, &found)?);
            }
            if parts.is_empty() && !share.list.is_empty() {
                return Err(nothing_for(share, arch));
            }
            out.universes.insert(&share.variant, arch, Verified::all(parts).map(universe));
        }
        if let Ok(word) = arch.apk() {
            // Of all variants: a signature that is there must be good, whoever looks at it.
            out.package_keys = out.package_keys.merge(keys.ring(&repositories.trusted, word));
        }
    }
    for (wanted, read) in found {
        let source = wanted.source;
        if let Some(date) = read.pin.date {
            let key = record_key(shop, source, &read.pin.path);
            out.seen.insert(key, LastSeen { date, document: read.pin.digest });
        }
        match out.suites.iter_mut().find(|s| s.id == source.id) {
            Some(suite) => join(suite, read),
            None => out.suites.push(suite_pin(source, read)),
        }
    }
    Ok(out)
}

/// What a variant has of a repository for an architecture.
fn part(
    share: &Share,
    source: &Source,
    arch: &Arch,
    found: &[(Wanted<'_>, Read)],
) -> Result<Option<Verified<(Shelf, ShelfSource)>>, Diagnostic> {
    let Some((wanted, read)) = found.iter().find(|(w, _)| w.source.id == source.id && w.arch == arch) else {
        return Ok(None);
    };
    let vouched = wanted.by.iter().zip(&read.shelves).find(|(by, _)| by.variant == share.variant);
    let place = ShelfSource { tag: source.tag.clone(), ..ShelfSource::distribution(&source.id) };
    vouched.map(|(_, shelf)| shelf.choose(|shelf| Ok((shelf.clone(), place)))).transpose()
}

fn universe(parts: Vec<(Shelf, ShelfSource)>) -> Universe {
    let mut universe = Universe::new();
    parts.into_iter().for_each(|(shelf, source)| universe.add(shelf, source));
    universe
}

fn nothing_for(share: &Share, arch: &Arch) -> Diagnostic {
    let ids: Vec<&str> = share.list.iter().map(|s| s.id.as_str()).collect();
    let word = arch.apk().unwrap_or_else(|_| arch.as_str());
    Diagnostic::new(Kind::Input, format!("cannot read {}: no index for {word}", ids.join(", "))).hint(
        format!("list the architectures that are there under `archs:` (a recipe without is for all nine, as with apko); this one is `{word}/APKINDEX.tar.gz`"),
    )
}

/// By what a lock has the date of an index.
fn lock_key(source: &Source, path: &str) -> String {
    format!("{}/{path}", source.id)
}

/// By what the machine's record has it. Many projects have a directory `./packages`, each its own.
fn record_key(shop: &Shop<'_>, source: &Source, path: &str) -> String {
    match &source.place {
        Place::Directory(dir) => shop.path(dir).join(path).display().to_string(),
        Place::Archive(..) | Place::Url(_) => lock_key(source, path),
    }
}

impl Reading<'_> {
    /// The index of a repository for an architecture. A directory may have none for it.
    fn index(&self, wanted: &Wanted<'_>) -> Result<Option<Read>, Diagnostic> {
        let source = wanted.source;
        let word = wanted.arch.apk().map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))?;
        let path = format!("{word}/APKINDEX.tar.gz");
        if let Place::Directory(dir) = &source.place {
            let Some(bytes) = self.read_file(source, dir, &path)? else { return Ok(None) };
            return self.judged(wanted, path, &bytes).map(Some);
        }
        let last =
            self.records.get(&record_key(self.shop, source, &path)).filter(|_| self.shop.world.offline);
        if let Some(last) = last
            && let Ok(bytes) = self.shop.blobs.read(&last.document)
        {
            return self.judged(wanted, path, &bytes).map(Some);
        }
        self.fetch_from_any(wanted, &path).map(Some)
    }

    fn read_file(
        &self,
        source: &Source,
        dir: &std::path::Path,
        path: &str,
    ) -> Result<Option<Vec<u8>>, Diagnostic> {
        let failed = |e: &std::io::Error| {
            let text = format!("cannot read packages from {}: {e}", source.id);
            Diagnostic::new(Kind::Input, text).hint("name a directory that holds ARCH/APKINDEX.tar.gz")
        };
        // Of the directory itself there must be one.
        self.shop.own.names(dir).map_err(|e| failed(&e))?;
        match self.shop.own.read_at_most(&dir.join(path), Limits::default().index_bytes) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&e)),
        }
    }

    /// Each place is tried until one is genuine; the first complaint about trust is the one to hear,
    /// since a mirror that merely lacks the index says less.
    fn fetch_from_any(&self, wanted: &Wanted<'_>, path: &str) -> Result<Read, Diagnostic> {
        let source = wanted.source;
        let mut first: Option<Diagnostic> = None;
        for base in source.place.bases(self.shop)? {
            let found = self
                .fetch(source, &base, path)
                .and_then(|bytes| self.judged(wanted, path.to_owned(), &bytes));
            match found {
                Ok(read) => return Ok(read),
                Err(d) => {
                    self.shop.world.reporter.note(Note::Detail(d.to_string()));
                    let louder =
                        first.as_ref().is_none_or(|f| f.kind == Kind::Network && d.kind == Kind::Trust);
                    if louder {
                        first = Some(d);
                    }
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            Diagnostic::new(Kind::Usage, format!("cannot read {}: it has no usable address", source.id))
                .hint("write an http or https URL, or the path of a directory")
        }))
    }

    fn fetch(&self, source: &Source, base: &Url, path: &str) -> Result<Vec<u8>, Diagnostic> {
        let url = base
            .join(path)
            .map_err(|e| Diagnostic::new(Kind::Input, format!("cannot read {}: {e}", source.id)))?;
        let size = Size::AtMost(Limits::default().index_bytes);
        let job = Job { name: format!("{} {path}", source.id), urls: vec![url], size };
        self.shop.client()?.fetch_bytes(&job, self.shop.world.reporter.as_ref()).map_err(|e| {
            let missing = e.is_not_found();
            let d = Diagnostic::from(e);
            match missing {
                true => d.hint(
                    "the repository may not be there, or not for this architecture: look at the address, and at `archs:` (a recipe without is for all nine, as with apko)",
                ),
                false => d,
            }
        })
    }

    /// Bytes that are an index, and to each who wants it somebody vouches for them whom it trusts.
    fn judged(&self, wanted: &Wanted<'_>, path: String, bytes: &[u8]) -> Result<Read, Diagnostic> {
        let (source, arch) = (wanted.source, wanted.arch);
        let mut signed: Vec<Verified<&[u8]>> = Vec::new();
        for (i, share) in wanted.by.iter().enumerate() {
            let same = wanted.by[..i].iter().position(|other| other.trusted == share.trusted);
            signed.push(match same {
                Some(at) => signed[at].clone(),
                None => self.vouched(wanted, share, &path, bytes)?,
            });
        }
        let is_signed = |v: &Verified<&[u8]>| matches!(v.receipt(), Receipt::SignedRsa(_));
        let all_signed = signed.iter().all(is_signed);
        if !all_signed && signed.iter().any(is_signed) && !self.ignore_signatures {
            return Err(of_two_minds(wanted, &path, |i| is_signed(&signed[i])));
        }
        // Reading finds and deletes a damaged copy, which `put` would take for the index.
        let _ = self.shop.blobs.read(&Digest::of(bytes));
        let digest = self.shop.blobs.put(bytes)?;
        // What is signed is the same for all of them, whoever signed it.
        let mut made: Option<Shelf> = None;
        let mut shelves = Vec::new();
        for signed in &signed {
            shelves.push(signed.choose(|signed| {
                match &made {
                    Some(shelf) => Ok(shelf.clone()),
                    None => shelf(self.shop, signed, &digest, arch)
                        .map(|shelf| made.insert(shelf).clone())
                        .map_err(|d| d.while_doing(format!("cannot read {} ({path})", source.id))),
                }
            })?);
        }
        let date = made.as_ref().filter(|_| all_signed).map(newest);
        if let Some(date) = date {
            self.check_date(source, &path, date)?;
        }
        Ok(Read { shelves, pin: IndexPin { path, size: bytes.len() as u64, digest, date } })
    }

    /// Bytes that are an index, and somebody vouches for them whom a variant trusts.
    fn vouched<'b>(
        &self,
        wanted: &Wanted<'_>,
        share: &Share,
        path: &str,
        bytes: &'b [u8],
    ) -> Result<Verified<&'b [u8]>, Diagnostic> {
        let source = wanted.source;
        let word = wanted.arch.apk().unwrap_or_default();
        let must = self.must_be_signed(share, source, path);
        match index::verify(bytes, &self.keys.ring(&share.trusted, word), &Limits::default()) {
            Ok(signed) => Ok(signed),
            Err(apk::ApkError::Signature(e)) => match self.taken_anyway(source, must, bytes, &e)? {
                Some(declared) => Ok(declared),
                None => {
                    let d = self.unvouched(source, path, e);
                    let d = d.while_doing(format!("cannot trust {} ({path})", source.id));
                    let whose = || {
                        format!("for {}: what only another variant trusts is nothing to it", share.variant)
                    };
                    Err(if self.variants { d.detail(whose()) } else { d })
                }
            },
            Err(e) => Err(malformed(source, path, e, must)),
        }
    }

    /// A local directory needs no signature where the recipe names no key: that it names the directory is
    /// the user's word. So is `--ignore-signatures`. A bad signature by a key that the recipe trusts is
    /// refused all the same, and so is an index that was signed when it was last seen: else who takes a
    /// signature away takes the check with it.
    fn taken_anyway<'a>(
        &self,
        source: &Source,
        must_be_signed: bool,
        bytes: &'a [u8],
        error: &RsaVerifyError,
    ) -> Result<Option<Verified<&'a [u8]>>, Diagnostic> {
        let local = !must_be_signed;
        if !(local || self.ignore_signatures) || matches!(error, RsaVerifyError::Refused { .. }) {
            return Ok(None);
        }
        let signed = index::signed_part(bytes, &Limits::default())?;
        let word = if local { "local directory" } else { "--ignore-signatures" };
        Ok(Some(Verified::declared_by_user(signed.bytes, format!("{word} {}", source.id))))
    }

    /// What there is to do where nobody vouches for an index.
    fn unvouched(&self, source: &Source, path: &str, error: RsaVerifyError) -> Diagnostic {
        let lost = matches!(error, RsaVerifyError::NotSigned) && self.was_signed(source, path);
        match lost && matches!(source.place, Place::Directory(_)) {
            true => Diagnostic::from(error).hint(
                "it was signed when it was last seen, and an index that lost its signature is refused: put the signed \
                 one back, or sign it again (`abuild-sign`, `melange sign-index`)",
            ),
            false => unvouched(source, error),
        }
    }

    fn was_signed(&self, source: &Source, path: &str) -> bool {
        self.before.lock.contains_key(&lock_key(source, path))
            || self.records.contains_key(&record_key(self.shop, source, path))
    }

    /// Of what is not the user's own, of what a key of the variant is meant for, and of what was signed before.
    fn must_be_signed(&self, share: &Share, source: &Source, path: &str) -> bool {
        !matches!(source.place, Place::Directory(_))
            || !share.trusted.keyring.is_empty()
            || self.was_signed(source, path)
    }

    fn check_date(&self, source: &Source, path: &str, date: i64) -> Result<(), Diagnostic> {
        if self.before.allow_rollback {
            return Ok(());
        }
        let lock = self.before.lock.get(&lock_key(source, path)).copied();
        let record = self.records.get(&record_key(self.shop, source, path)).map(|r| r.date);
        let seen = lock.max(record);
        match seen.filter(|seen| date < *seen) {
            Some(seen) => {
                let what = format!("{} (by its newest build)", source.id);
                Err(FreshnessError::Rollback { what, date: Time(date), seen: Time(seen) }.into())
            }
            None => Ok(()),
        }
    }
}

/// Bytes that are no index. Where somebody must have signed them they are nobody's word: it is a matter of
/// trust, not of the recipe; but of a directory that the user vouches for, and of a format that we name, they
/// are input.
fn malformed(source: &Source, path: &str, e: apk::ApkError, must_be_signed: bool) -> Diagnostic {
    let is_format = matches!(e, apk::ApkError::Format3);
    let doing = format!("cannot read {} ({path})", source.id);
    let d = Diagnostic::from(e);
    if is_format || d.kind != Kind::Input {
        return d.while_doing(doing);
    }
    match (&source.place, must_be_signed) {
        (Place::Directory(_), false) => {
            d.while_doing(doing).hint("the index is malformed: make it again with `apk index` or `melange index`")
        }
        (Place::Directory(_), true) => Diagnostic::new(Kind::Trust, d.to_string()).while_doing(doing).hint(
            "this is no index that anybody signed: it is damaged, or was changed since; put the genuine one back, or \
             make and sign it again",
        ),
        _ => Diagnostic::new(Kind::Trust, d.to_string()).while_doing(doing).hint(
            "what the mirror gave is no index that anybody signed: it is damaged, or was changed on the way; use \
             another mirror (`distil settings` shows which are asked), or try again later",
        ),
    }
}

/// One variant has the key by which an index is signed, and another takes it unsigned. Neither is the truth
/// for both, and a lock says it once.
fn of_two_minds(wanted: &Wanted<'_>, path: &str, is_signed: impl Fn(usize) -> bool) -> Diagnostic {
    let of = |signed: bool| {
        let all = wanted.by.iter().enumerate().filter(|(i, _)| is_signed(*i) == signed);
        all.map(|(_, share)| share.variant.as_str()).collect::<Vec<_>>().join(", ")
    };
    let text = format!("cannot trust {} ({path}): not all variants look at its signature", wanted.source.id);
    Diagnostic::new(Kind::Trust, text)
        .detail(format!("with a key that made it: {}", of(true)))
        .detail(format!("without: {}", of(false)))
        .hint("name that key in `keyring` above the variants")
}

/// What there is to do where nobody vouches for a repository.
fn unvouched(source: &Source, error: RsaVerifyError) -> Diagnostic {
    let unsigned = matches!(error, RsaVerifyError::NotSigned);
    let changed = matches!(error, RsaVerifyError::Refused { .. });
    let local = matches!(source.place, Place::Directory(_));
    let d = Diagnostic::from(error);
    match (unsigned, changed && local) {
        (true, _) => d.hint(
            "a repository of your own is signed with `abuild-sign` or `melange sign-index`; what you have on \
             disk is taken unsigned, if you name its directory and the recipe names no key in `keyring`",
        ),
        (_, true) => d.hint(
            "the index is damaged, or was changed since it was signed; put the genuine one back, or make and sign \
             it again",
        ),
        _ => d,
    }
}

/// The newest build in an index, seconds since the epoch.
fn newest(shelf: &Shelf) -> i64 {
    let newest = (0..shelf.len()).map(|row| shelf.record(row).build_time()).max();
    newest.and_then(|t| i64::try_from(t).ok()).unwrap_or(0)
}

/// The shelf of an index, from the cache if it was made before.
fn shelf(shop: &Shop<'_>, signed: &[u8], digest: &Digest, arch: &Arch) -> Result<Shelf, Diagnostic> {
    let key = format!("{}-apk-{arch}-{SHELF}", digest.hex());
    if let Some(bytes) = shop.cache.read("shelf", &key)
        && let Ok(shelf) = Shelf::from_bytes(bytes)
    {
        return Ok(shelf);
    }
    let made = make_shelf(signed, arch)?;
    shop.cache.put::<_, Diagnostic>("shelf", &key, |w| {
        w.write_all(&made).map_err(|e| Diagnostic::new(Kind::Machine, format!("cannot write the cache: {e}")))
    })?;
    shelf_of(made)
}

/// The records of an index without its signatures, as the bytes of a shelf.
pub(crate) fn make_shelf(signed: &[u8], arch: &Arch) -> Result<Vec<u8>, Diagnostic> {
    Ok(index::read_index(signed, arch, &Limits::default())?.shelf)
}

/// A shelf that was just made.
pub(crate) fn shelf_of(made: Vec<u8>) -> Result<Shelf, Diagnostic> {
    let failed = |e| Diagnostic::new(Kind::Internal, format!("cannot read what was just made: {e}"));
    Shelf::from_bytes(made).map_err(failed)
}

fn suite_pin(source: &Source, read: Read) -> SuitePin {
    let mut suite = SuitePin {
        id: source.id.clone(),
        components: Vec::new(),
        snapshot: None,
        inrelease: None,
        date: None,
        valid_until: None,
        signed_by: Vec::new(),
        unsigned: None,
        indexes: Vec::new(),
    };
    join(&mut suite, read);
    suite
}

/// Adds the index of one more architecture.
fn join(suite: &mut SuitePin, read: Read) {
    for shelf in &read.shelves {
        match shelf.receipt() {
            Receipt::SignedRsa(signed) => {
                let new = signed.by.iter().map(|s| &s.key).filter(|k| !suite.signed_by.contains(k));
                let new: Vec<String> = new.cloned().collect();
                suite.signed_by.extend(new);
            }
            Receipt::Declared { why } => suite.unsigned = Some(why.clone()),
            _ => {}
        }
    }
    suite.indexes.push(read.pin);
}
