//! Names and packages as numbers.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::num::NonZeroU32;

use package::shelf::{Link, LinkList, Links, RecordLinks};
use package::version::apk;
use package::{Dependency, Identity, Op, RecordId, Sha1, Universe};

use super::grouped::Grouped;
use super::request::Preferred;
use super::words::{Numbers, Words};

/// A name of a package, or one that packages provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameIx(u32);

/// A package: records of several repositories with one identity are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PkgIx(u32);

/// A version; [`VersionIx::is_empty`] is that of virtual provisions, and of dependencies on any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct VersionIx(u32);

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

impl VersionIx {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A dependency by numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dep {
    pub(super) name: NameIx,
    pub(super) version: VersionIx,
    pub(super) op: Op,
    pub(super) conflict: bool,
}

/// Who has a name, and in which version: the empty one for a virtual provision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) package: PkgIx,
    pub(super) version: VersionIx,
}

/// What a package says of itself.
#[derive(Debug, Clone)]
pub(super) struct Package<'u> {
    /// In the first repository that has it.
    pub(super) record: RecordId,
    /// Of its identity.
    mark: u32,
    pub(super) name: NameIx,
    pub(super) version: VersionIx,
    pub(super) priority: u32,
    /// A mask of the tags of the repositories that have it; bit 0 is for those without a tag.
    pub(super) tags: u64,
    /// Nothing in it: apk takes such packages from any repository.
    pub(super) is_empty: bool,
    /// The record says something that apk does not understand, or is of another architecture.
    pub(super) uninstallable: bool,
    /// An earlier answer had it.
    pub(super) preferred: bool,
    /// Why the request will not have it.
    pub(super) barred: Option<&'u str>,
}

/// Where the links of a package begin among all, and where they end.
#[derive(Debug, Clone, Copy)]
struct Span {
    depends: u32,
    provides: u32,
    install_if: u32,
    end: u32,
}

/// All names and packages of a universe.
pub(super) struct Pool<'u> {
    pub(super) universe: &'u Universe,
    names: Words<'u>,
    versions: Words<'u>,
    /// For each name, who has it, in the order of the repositories and their indexes.
    providers: Grouped<Provider>,
    pub(super) packages: Vec<Package<'u>>,
    /// Their links, apart: walks look at these, and seldom at the rest.
    spans: Vec<Span>,
    /// The records of packages that several repositories have, without their first.
    also: HashMap<PkgIx, Vec<RecordId>>,
    deps: Vec<Dep>,
    /// Tags in the order of their first repository; the first is bit 1 of a mask.
    pub(super) tags: Vec<&'u str>,
    /// For each name, the packages that have it in their `install_if`.
    waiting: Grouped<PkgIx>,
}

/// The bit of repositories without a tag.
pub(super) const UNTAGGED: u64 = 1;

/// A shelf while its records are read.
struct Reading<'u, 'n> {
    links: Links<'u>,
    names: &'n [u32],
    versions: &'n [u32],
    tags: u64,
    arch: &'n str,
}

impl<'u> Pool<'u> {
    /// Reads every record: what a request reaches is most of an index anyway.
    pub(super) fn new(universe: &'u Universe, arch: &str) -> Pool<'u> {
        let mut tags: Vec<&str> = Vec::new();
        for tag in universe.shelves().filter_map(|(_, source)| source.tag.as_deref()) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let shelves = || universe.shelves().map(|(shelf, _)| shelf);
        let (names, own_names) = Words::new(shelves().map(|s| s.link_names()).collect());
        let (mut versions, own_versions) = Words::new(shelves().map(|s| s.link_versions()).collect());
        // No version is number 0 of every shelf; now of none, too.
        versions.number("");
        let mut pool = Pool {
            universe,
            names,
            versions,
            providers: Grouped::default(),
            packages: Vec::with_capacity(universe.len()),
            spans: Vec::with_capacity(universe.len()),
            also: HashMap::new(),
            deps: Vec::with_capacity(shelves().map(|s| s.links().len()).sum()),
            tags,
            waiting: Grouped::default(),
        };
        pool.read_all(arch, &own_names, &own_versions);
        pool
    }

    /// Marks what may not be chosen, and nothing else.
    pub(super) fn bar(&mut self, barred: &'u HashMap<RecordId, String>) {
        for package in &mut self.packages {
            package.barred = barred.get(&package.record).map(String::as_str);
        }
    }

    /// Marks what an earlier answer had, and nothing else.
    pub(super) fn prefer(&mut self, prefer: &[&Preferred]) {
        let wanted: HashMap<&str, &str> =
            prefer.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        let (names, versions) = (&self.names, &self.versions);
        for package in &mut self.packages {
            let version = match wanted.is_empty() {
                true => None,
                false => wanted.get(names.text(package.name.0)),
            };
            package.preferred = version.is_some_and(|v| *v == versions.text(package.version.0));
        }
    }

    fn read_all(&mut self, arch: &str, names: &Numbers, versions: &Numbers) {
        let universe = self.universe;
        let mut firsts = vec![0; (2 * universe.len()).next_power_of_two()];
        for (i, (shelf, _)) in universe.shelves().enumerate() {
            let shelf_of = |row| RecordId { shelf: i as u16, row };
            let tags = self.tag_of(shelf_of(0));
            let reading =
                Reading { links: shelf.links(), names: &names[i], versions: &versions[i], tags, arch };
            let mut rows: Vec<u32> = vec![0; shelf.len() as usize];
            for record in shelf.records() {
                if let Some(place) = rows.get_mut(record.ordinal() as usize) {
                    *place = record.row();
                }
            }
            for row in rows {
                let id = shelf_of(row);
                let links = reading.links.of(row);
                // apk passes over a record without an identity.
                let Some(mark) = links.identity else { continue };
                let next = PkgIx(self.packages.len() as u32);
                let package = self.first(&mut firsts, mark.get(), id, next);
                if package == next {
                    self.read(id, &links, &reading);
                } else {
                    self.also.entry(package).or_default().push(id);
                    self.packages[package.at()].tags |= tags;
                }
            }
        }
        self.group();
    }

    /// Of records with one identity the first speaks for all: its package, or `next` for a new one.
    /// `firsts` has open addressing by the mark of the identity: package + 1, or 0.
    fn first(&self, firsts: &mut [u32], mark: u32, id: RecordId, next: PkgIx) -> PkgIx {
        let mut slot = mark as usize & (firsts.len() - 1);
        let identity = |id| self.universe.record(id).identity();
        while let Some(found) = firsts[slot].checked_sub(1) {
            let other = &self.packages[found as usize];
            if other.mark == mark && identity(other.record) == identity(id) {
                return PkgIx(found);
            }
            slot = (slot + 1) & (firsts.len() - 1);
        }
        firsts[slot] = next.0 + 1;
        next
    }

    /// Makes the lists by name.
    fn group(&mut self) {
        let all = || self.packages.iter().enumerate().map(|(i, p)| (PkgIx(i as u32), p));
        let providers = all().flat_map(|(package, p)| {
            let own = (p.name, Provider { package, version: p.version });
            let provided = self.provides(package).iter();
            std::iter::once(own)
                .chain(provided.map(move |d| (d.name, Provider { package, version: d.version })))
        });
        let providers = Grouped::new(self.names.len(), providers);
        let waiting = all().flat_map(|(ix, _)| self.install_if(ix).iter().map(move |d| (d.name, ix)));
        let waiting = Grouped::new(self.names.len(), waiting);
        (self.providers, self.waiting) = (providers, waiting);
    }

    /// How many names there are.
    pub(super) fn name_count(&self) -> usize {
        self.names.len()
    }

    pub(super) fn text(&self, name: NameIx) -> &'u str {
        self.names.text(name.0)
    }

    pub(super) fn version(&self, version: VersionIx) -> &'u str {
        self.versions.text(version.0)
    }

    /// Compares two versions as apk does.
    pub(super) fn compare(&self, a: VersionIx, b: VersionIx) -> Ordering {
        if a == b { Ordering::Equal } else { apk::compare(self.version(a), self.version(b)) }
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
    pub(super) fn providers(&self, name: NameIx) -> &[Provider] {
        self.providers.of(name)
    }

    fn read(&mut self, id: RecordId, links: &RecordLinks<'_>, shelf: &Reading<'u, '_>) {
        let record = self.universe.record(id);
        let number = |numbers: &[u32], i: u32| numbers.get(i as usize).copied().unwrap_or(0);
        let (name, version) = (number(shelf.names, links.name), number(shelf.versions, links.version));
        let arch = record.arch();
        let is_foreign = arch != shelf.arch && !matches!(arch, "" | "all");
        let package = Package {
            record: id,
            mark: links.identity.map_or(0, NonZeroU32::get),
            name: NameIx(name),
            version: VersionIx(version),
            priority: record.provider_priority(),
            tags: shelf.tags,
            is_empty: record.installed_size() == 0,
            uninstallable: record.is_uninstallable() || links.is_broken || is_foreign,
            preferred: false,
            barred: None,
        };
        self.packages.push(package);
        let depends = self.put(links.depends, shelf);
        let provides = self.put(links.provides, shelf);
        let install_if = self.put(links.install_if, shelf);
        self.spans.push(Span { depends, provides, install_if, end: self.deps.len() as u32 });
    }

    /// Adds links, and says where they begin.
    fn put(&mut self, links: LinkList<'_>, shelf: &Reading<'_, '_>) -> u32 {
        let start = self.deps.len() as u32;
        let number = |numbers: &[u32], i: u32| numbers.get(i as usize).copied().unwrap_or(0);
        self.deps.extend(links.iter().map(|Link { name, conflict, op, version }| Dep {
            name: NameIx(number(shelf.names, name)),
            version: VersionIx(number(shelf.versions, version)),
            op,
            conflict,
        }));
        start
    }

    /// A line of a request; a name that nothing has gets a number too.
    pub(super) fn dep(&mut self, d: &Dependency<'u>) -> Dep {
        let (name, version) = (self.names.number(d.name), self.versions.number(d.version));
        Dep { name: NameIx(name), conflict: d.conflict, op: d.op, version: VersionIx(version) }
    }

    fn tag_of(&self, id: RecordId) -> u64 {
        let tag = self.universe.source(id).tag.as_deref();
        tag.map_or(UNTAGGED, |tag| self.tag(tag).unwrap_or(UNTAGGED))
    }

    /// The record of a package to take: the first repository whose tag is allowed.
    pub(super) fn record_of(&self, package: PkgIx, allowed: u64) -> RecordId {
        let first = self.packages[package.at()].record;
        let others = self.also.get(&package).into_iter().flatten().copied();
        let mut records = std::iter::once(first).chain(others);
        records.find(|id| self.tag_of(*id) & allowed != 0).unwrap_or(first)
    }

    pub(super) fn depends(&self, package: PkgIx) -> &[Dep] {
        let span = self.spans[package.at()];
        self.slice(span.depends, span.provides)
    }

    pub(super) fn provides(&self, package: PkgIx) -> &[Dep] {
        let span = self.spans[package.at()];
        self.slice(span.provides, span.install_if)
    }

    pub(super) fn install_if(&self, package: PkgIx) -> &[Dep] {
        let span = self.spans[package.at()];
        self.slice(span.install_if, span.end)
    }

    fn slice(&self, start: u32, end: u32) -> &[Dep] {
        &self.deps[start as usize..end as usize]
    }

    /// The names of packages that have `name` in their `install_if`, and the names these provide.
    pub(super) fn waiting_for(&self, name: NameIx) -> Vec<NameIx> {
        if self.waiting_by_name(name).is_empty() {
            return Vec::new();
        }
        let mut names: Vec<NameIx> = Vec::new();
        for &package in self.waiting_by_name(name) {
            names.push(self.packages[package.at()].name);
            names.extend(self.provides(package).iter().map(|p| p.name));
        }
        self.sort(&mut names);
        names.dedup();
        names
    }

    /// The packages that have `name` in their `install_if`, in the order of the index.
    pub(super) fn waiting_by_name(&self, name: NameIx) -> &[PkgIx] {
        self.waiting.of(name)
    }

    /// Sorts names as apk's hash table of names has them, whose order is that of all lists of names.
    /// Of names in one bucket those added last come first; here, those met last.
    pub(super) fn sort(&self, names: &mut [NameIx]) {
        // The bucket, and below it the name.
        let key = |name: NameIx| u64::from(self.names.hash(name.0) % 20_000) << 32 | u64::from(!name.0);
        let mut keys: Vec<u64> = names.iter().map(|name| key(*name)).collect();
        keys.sort_unstable();
        for (name, key) in names.iter_mut().zip(keys) {
            *name = NameIx(!(key as u32));
        }
    }

    /// Is a dependency met by what has its name? Nothing meets `!name` best. A package's own name
    /// never stands in its way.
    pub(super) fn is_met(&self, of: Option<PkgIx>, dep: &Dep, by: Option<Provider>) -> bool {
        let Some(by) = by else { return dep.conflict };
        if dep.conflict && of == Some(by.package) {
            return true;
        }
        self.admits(dep, by) != dep.conflict
    }

    fn admits(&self, dep: &Dep, by: Provider) -> bool {
        match dep.op {
            Op::Any => true,
            Op::Identity => {
                let wanted = Sha1::from_q1(self.version(dep.version));
                let record = self.universe.record(self.packages[by.package.at()].record);
                wanted.is_some_and(|sha1| record.identity() == Some(Identity::ApkControl(sha1)))
            }
            op if op.is_fuzzy() => {
                op.fits(apk::compare_fuzzy(self.version(by.version), self.version(dep.version)))
            }
            op => op.fits(self.compare(by.version, dep.version)),
        }
    }

    /// A dependency as apk spells it.
    pub(super) fn show(&self, dep: &Dep) -> String {
        let (name, version) = (self.text(dep.name), self.version(dep.version));
        Dependency { name, conflict: dep.conflict, op: dep.op, version, tag: None }.to_string()
    }
}

fn tag_bit(place: usize) -> u64 {
    // More tags than bits share the last one; nobody has so many repositories.
    1 << (place + 1).min(63)
}
