//! Names and packages as numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use package::{Dependency, Identity, Op, Record, RecordId, Sha1, Universe, parse_dependencies};

use super::request::Preferred;

/// A name of a package, or one that packages provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameIx(u32);

/// A package: records of several repositories with one identity are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PkgIx(u32);

impl NameIx {
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

impl PkgIx {
    pub(super) fn from_place(place: usize) -> PkgIx {
        PkgIx(place as u32)
    }

    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// A dependency whose name is a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dep<'u> {
    pub(super) name: NameIx,
    pub(super) conflict: bool,
    pub(super) op: Op,
    pub(super) version: &'u str,
}

/// Who has a name, and in which version: "" for a virtual provision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provider<'u> {
    pub(super) package: PkgIx,
    pub(super) version: &'u str,
}

/// What a package says of itself.
#[derive(Debug, Clone)]
pub(super) struct Package<'u> {
    /// In the first repository that has it.
    pub(super) record: RecordId,
    /// In the others, in their order.
    also: Vec<RecordId>,
    pub(super) name: NameIx,
    pub(super) version: &'u str,
    pub(super) sha1: Option<Sha1>,
    pub(super) priority: u32,
    /// A mask of the tags of the repositories that have it; bit 0 is for those without a tag.
    pub(super) tags: u64,
    /// Nothing in it: apk takes such packages from any repository.
    pub(super) is_empty: bool,
    /// The record says something that apk does not understand, or is of another architecture.
    pub(super) uninstallable: bool,
    /// An earlier answer had it.
    pub(super) preferred: bool,
    depends: Range<u32>,
    provides: Range<u32>,
    install_if: Range<u32>,
}

/// All names and packages of a universe.
pub(super) struct Pool<'u> {
    pub(super) universe: &'u Universe,
    names: FastMap<&'u str, NameIx>,
    pub(super) texts: Vec<&'u str>,
    /// For each name, who has it, in the order of the repositories and their indexes.
    providers: Grouped<Provider<'u>>,
    pub(super) packages: Vec<Package<'u>>,
    deps: Vec<Dep<'u>>,
    /// Tags in the order of their first repository; the first is bit 1 of a mask.
    pub(super) tags: Vec<&'u str>,
    /// For each name, the packages that have it in their `install_if`.
    waiting: Grouped<PkgIx>,
}

/// A map whose keys nobody chooses to collide: an index is signed.
pub(super) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

type Firsts = FastMap<u64, PkgIx>;

/// The bit of repositories without a tag.
pub(super) const UNTAGGED: u64 = 1;

impl<'u> Pool<'u> {
    /// Reads every record: what a request reaches is most of an index anyway.
    pub(super) fn new(universe: &'u Universe, arch: &str) -> Pool<'u> {
        let mut tags: Vec<&str> = Vec::new();
        for tag in universe.shelves().filter_map(|(_, source)| source.tag.as_deref()) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let mut pool = Pool {
            universe,
            names: HashMap::with_capacity_and_hasher(3 * universe.len(), BuildHasherDefault::default()),
            texts: Vec::with_capacity(3 * universe.len()),
            providers: Grouped::default(),
            packages: Vec::with_capacity(universe.len()),
            deps: Vec::with_capacity(8 * universe.len()),
            tags,
            waiting: Grouped::default(),
        };
        pool.read_all(arch);
        pool
    }

    /// Marks what an earlier answer had, and nothing else.
    pub(super) fn prefer(&mut self, prefer: &[&Preferred]) {
        let wanted: HashMap<&str, &str> =
            prefer.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        for package in &mut self.packages {
            let version = wanted.get(self.texts[package.name.at()]);
            package.preferred = version.is_some_and(|v| *v == package.version);
        }
    }

    fn read_all(&mut self, arch: &str) {
        let universe = self.universe;
        let mut firsts = Firsts::with_capacity_and_hasher(universe.len(), BuildHasherDefault::default());
        for (i, (shelf, _)) in universe.shelves().enumerate() {
            let mut rows: Vec<(u32, u32)> = shelf.records().map(|r| (r.ordinal(), r.row())).collect();
            rows.sort_unstable();
            for (_, row) in rows {
                let id = RecordId { shelf: i as u16, row };
                let record = universe.record(id);
                // apk passes over a record without an identity.
                let Some(identity) = record.identity() else { continue };
                let next = PkgIx(self.packages.len() as u32);
                let package = self.first(&mut firsts, &identity, next);
                if package == next {
                    let package = self.read(id, record, identity, arch);
                    self.packages.push(package);
                } else {
                    let tag = self.tag_of(id);
                    let package = &mut self.packages[package.at()];
                    package.also.push(id);
                    package.tags |= tag;
                }
            }
        }
        self.group();
    }

    /// Of records with one identity the first speaks for all: its package, or `next` for a new one.
    fn first(&self, firsts: &mut Firsts, identity: &Identity, next: PkgIx) -> PkgIx {
        let bytes = match identity {
            Identity::Whole(digest) => digest.as_bytes(),
            Identity::ApkControl(sha1) => &sha1.0,
        };
        // Eight bytes of a hash are enough to find it, not to be sure.
        let mut key = bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        loop {
            let found = *firsts.entry(key).or_insert(next);
            let is_same =
                |p: &Package<'_>| self.universe.record(p.record).identity().as_ref() == Some(identity);
            if self.packages.get(found.at()).is_none_or(is_same) {
                return found;
            }
            key = key.wrapping_add(1);
        }
    }

    /// Makes the lists by name.
    fn group(&mut self) {
        let all = || self.packages.iter().enumerate().map(|(i, p)| (PkgIx(i as u32), p));
        let providers = all().flat_map(|(package, p)| {
            let own = (p.name, Provider { package, version: p.version });
            let provided = self.slice(&p.provides).iter();
            std::iter::once(own)
                .chain(provided.map(move |d| (d.name, Provider { package, version: d.version })))
        });
        let providers = Grouped::new(self.texts.len(), providers);
        let waiting = all().flat_map(|(ix, p)| self.slice(&p.install_if).iter().map(move |d| (d.name, ix)));
        let waiting = Grouped::new(self.texts.len(), waiting);
        (self.providers, self.waiting) = (providers, waiting);
    }

    /// The number of a name; one that nothing has gets a number too.
    pub(super) fn name(&mut self, text: &'u str) -> NameIx {
        let next = NameIx(self.texts.len() as u32);
        let name = *self.names.entry(text).or_insert(next);
        if name == next {
            self.texts.push(text);
        }
        name
    }

    pub(super) fn text(&self, name: NameIx) -> &'u str {
        self.texts[name.at()]
    }

    /// The bit of a tag; none if no repository has it.
    pub(super) fn tag(&self, tag: &str) -> Option<u64> {
        self.tags.iter().position(|t| *t == tag).map(tag_bit)
    }

    /// The tags of a mask.
    pub(super) fn tags_of(&self, mask: u64) -> impl Iterator<Item = String> {
        let all = self.tags.iter().enumerate();
        all.filter(move |(i, _)| tag_bit(*i) & mask != 0).map(|(_, tag)| (*tag).to_owned())
    }

    /// Who has the name.
    pub(super) fn providers(&self, name: NameIx) -> &[Provider<'u>] {
        self.providers.of(name)
    }

    fn read(&mut self, id: RecordId, record: Record<'u>, identity: Identity, arch: &str) -> Package<'u> {
        let name = self.name(record.name());
        let (depends, is_broken) = self.put(record.depends());
        let (provides, _) = self.put(record.provides());
        let (mut install_if, is_half) = self.put(record.install_if());
        if is_half {
            // apk keeps no part of an `install_if`.
            install_if.end = install_if.start;
        }
        let is_foreign = !matches!(record.arch(), "" | "all") && record.arch() != arch;
        Package {
            record: id,
            also: Vec::new(),
            name,
            version: record.version(),
            sha1: match identity {
                Identity::ApkControl(sha1) => Some(sha1),
                Identity::Whole(_) => None,
            },
            priority: record.provider_priority(),
            tags: self.tag_of(id),
            is_empty: record.installed_size() == 0,
            uninstallable: record.is_uninstallable() || is_broken || is_foreign,
            preferred: false,
            depends,
            provides,
            install_if,
        }
    }

    /// Notes a field as far as apk reads it: up to the first word that is no dependency. Also says
    /// whether anything is wrong with it.
    fn put(&mut self, field: &'u str) -> (Range<u32>, bool) {
        let start = self.deps.len() as u32;
        let mut is_broken = false;
        for word in parse_dependencies(field) {
            let Some(d) = word.ok().filter(|d| d.tag.is_none()) else {
                is_broken = true;
                break;
            };
            is_broken |= !d.has_valid_version();
            let dep = self.dep(&d);
            self.deps.push(dep);
        }
        (start..self.deps.len() as u32, is_broken)
    }

    pub(super) fn dep(&mut self, d: &Dependency<'u>) -> Dep<'u> {
        Dep { name: self.name(d.name), conflict: d.conflict, op: d.op, version: d.version }
    }

    fn tag_of(&self, id: RecordId) -> u64 {
        let tag = self.universe.source(id).tag.as_deref();
        tag.map_or(UNTAGGED, |tag| self.tag(tag).unwrap_or(UNTAGGED))
    }

    /// The record of a package to take: the first repository whose tag is allowed.
    pub(super) fn record_of(&self, package: PkgIx, allowed: u64) -> RecordId {
        let package = &self.packages[package.at()];
        let mut records = std::iter::once(package.record).chain(package.also.iter().copied());
        records.find(|id| self.tag_of(*id) & allowed != 0).unwrap_or(package.record)
    }

    pub(super) fn depends(&self, package: PkgIx) -> &[Dep<'u>] {
        self.slice(&self.packages[package.at()].depends)
    }

    pub(super) fn provides(&self, package: PkgIx) -> &[Dep<'u>] {
        self.slice(&self.packages[package.at()].provides)
    }

    pub(super) fn install_if(&self, package: PkgIx) -> &[Dep<'u>] {
        self.slice(&self.packages[package.at()].install_if)
    }

    fn slice(&self, range: &Range<u32>) -> &[Dep<'u>] {
        &self.deps[range.start as usize..range.end as usize]
    }

    /// The names of packages that have `name` in their `install_if`, and the names these provide.
    pub(super) fn waiting_for(&self, name: NameIx) -> Vec<NameIx> {
        let mut names: Vec<NameIx> = Vec::new();
        for &package in self.waiting_by_name(name) {
            names.push(self.packages[package.at()].name);
            names.extend(self.provides(package).iter().map(|p| p.name));
        }
        names.sort_by_cached_key(|n| self.bucket(*n));
        names.dedup();
        names
    }

    /// The packages that have `name` in their `install_if`, in the order of the index.
    pub(super) fn waiting_by_name(&self, name: NameIx) -> &[PkgIx] {
        self.waiting.of(name)
    }

    /// Where apk has the name in its hash table of names, whose order is that of all lists of names.
    /// Of names in one bucket those added last come first; here, those met last.
    pub(super) fn bucket(&self, name: NameIx) -> (u32, std::cmp::Reverse<NameIx>) {
        (murmur3(self.text(name).as_bytes(), 5381) % 20_000, std::cmp::Reverse(name))
    }

    /// Is a dependency met by what has its name? Nothing meets `!name` best. A package's own name
    /// never stands in its way.
    pub(super) fn is_met(&self, of: Option<PkgIx>, dep: &Dep<'_>, by: Option<Provider<'_>>) -> bool {
        let Some(by) = by else { return dep.conflict };
        if dep.conflict && of == Some(by.package) {
            return true;
        }
        let sought = Dependency { name: "", conflict: false, op: dep.op, version: dep.version, tag: None };
        let admits = sought.admits(by.version, self.packages[by.package.at()].sha1);
        admits != dep.conflict
    }

    /// A dependency as apk spells it.
    pub(super) fn show(&self, dep: &Dep<'_>) -> String {
        let name = self.text(dep.name);
        Dependency { name, conflict: dep.conflict, op: dep.op, version: dep.version, tag: None }.to_string()
    }
}

/// MurmurHash3 (x86, 32 bits), by Austin Appleby.
fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let mix = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, tail) = bytes.as_chunks::<4>();
    let mut h = words.iter().fold(seed, |h, w| {
        (h ^ mix(u32::from_le_bytes(*w))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let last = tail.iter().rev().fold(0, |k, b| k << 8 | u32::from(*b));
    if !tail.is_empty() {
        h ^= mix(last);
    }
    h ^= bytes.len() as u32;
    h = (h ^ h >> 16).wrapping_mul(0x85eb_ca6b);
    h = (h ^ h >> 13).wrapping_mul(0xc2b2_ae35);
    h ^ h >> 16
}

fn tag_bit(place: usize) -> u64 {
    // More tags than bits share the last one; nobody has so many repositories.
    1 << (place + 1).min(63)
}

/// A list for each name, all in one.
pub(super) struct Grouped<T> {
    /// Where each name's list ends; it begins where the one before ends.
    ends: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Grouped<T> {
    fn default() -> Grouped<T> {
        Grouped { ends: Vec::new(), items: Vec::new() }
    }
}

impl<T: Copy> Grouped<T> {
    /// Groups by name, and keeps the order within a group.
    pub(super) fn new(names: usize, all: impl Iterator<Item = (NameIx, T)> + Clone) -> Grouped<T> {
        let mut ends = vec![0u32; names + 1];
        let mut first = None;
        for (name, item) in all.clone() {
            ends[name.at() + 1] += 1;
            first.get_or_insert(item);
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        // Each start moves on to its end while the items are put down.
        let mut items = first.map_or_else(Vec::new, |first| vec![first; sum as usize]);
        for (name, item) in all {
            let at = &mut ends[name.at()];
            items[*at as usize] = item;
            *at += 1;
        }
        Grouped { ends, items }
    }

    pub(super) fn of(&self, name: NameIx) -> &[T] {
        let start = name.at().checked_sub(1).map_or(0, |before| self.end(before));
        self.items.get(start..self.end(name.at())).unwrap_or(&[])
    }

    /// Names that were added after grouping have nothing.
    fn end(&self, place: usize) -> usize {
        self.ends.get(place).map_or(self.items.len(), |end| *end as usize)
    }
}

/// Hashes eight bytes at a time.
#[derive(Default)]
pub(super) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
        }
    }

    fn write_u64(&mut self, word: u64) {
        let wide = u128::from(self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (wide >> 64) as u64 ^ wide as u64;
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
