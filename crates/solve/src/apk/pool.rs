//! Names and packages as numbers. Only what the request reaches is ever read from the shelves.

use std::collections::HashMap;
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
    pub(super) fn from_place(place: usize) -> NameIx {
        NameIx(place as u32)
    }

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
    /// In the order of the repositories that have it.
    pub(super) records: Vec<RecordId>,
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

/// All names and packages that are reached.
pub(super) struct Pool<'u> {
    pub(super) universe: &'u Universe,
    arch: &'u str,
    names: HashMap<&'u str, NameIx>,
    pub(super) texts: Vec<&'u str>,
    /// For each name, who has it, in the order of the repositories and their indexes.
    providers: Vec<Option<Box<[Provider<'u>]>>>,
    pub(super) packages: Vec<Package<'u>>,
    deps: Vec<Dep<'u>>,
    by_record: HashMap<RecordId, PkgIx>,
    /// Of records with one identity the first, which speaks for all.
    firsts: HashMap<Identity, RecordId>,
    /// Tags in the order of their first repository; the first is bit 1 of a mask.
    tags: Vec<&'u str>,
    prefer: HashMap<(&'u str, &'u str), ()>,
    /// For each name that an `install_if` has, the packages whose it is.
    waiting: HashMap<&'u str, Vec<RecordId>>,
}

/// The bit of repositories without a tag.
pub(super) const UNTAGGED: u64 = 1;

impl<'u> Pool<'u> {
    pub(super) fn new(universe: &'u Universe, arch: &'u str, prefer: &'u [Preferred]) -> Pool<'u> {
        let mut tags: Vec<&str> = Vec::new();
        for tag in universe.shelves().filter_map(|(_, source)| source.tag.as_deref()) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        let mut waiting: HashMap<&str, Vec<RecordId>> = HashMap::new();
        let mut firsts = HashMap::with_capacity(universe.len());
        for id in universe.ids() {
            if let Some(identity) = universe.record(id).identity() {
                let first = firsts.entry(identity).or_insert(id);
                if index_place(universe, id) < index_place(universe, *first) {
                    *first = id;
                }
            }
            for dep in depend_list(universe.record(id).install_if()).unless_broken() {
                waiting.entry(dep.name).or_default().push(id);
            }
        }
        Pool {
            universe,
            arch,
            names: HashMap::new(),
            texts: Vec::new(),
            providers: Vec::new(),
            packages: Vec::new(),
            deps: Vec::new(),
            by_record: HashMap::new(),
            firsts,
            tags,
            prefer: prefer.iter().map(|p| ((p.name.as_str(), p.version.as_str()), ())).collect(),
            waiting,
        }
    }

    /// The number of a name, a new one where it has none.
    pub(super) fn name(&mut self, text: &'u str) -> NameIx {
        let next = NameIx(self.texts.len() as u32);
        let name = *self.names.entry(text).or_insert(next);
        if name == next {
            self.texts.push(text);
            self.providers.push(None);
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

    /// Who has the name. Reads them from the shelves the first time.
    pub(super) fn load(&mut self, name: NameIx) {
        if self.providers[name.at()].is_some() {
            return;
        }
        let text = self.text(name);
        let own = self.universe.named(text).map(|id| (id, None));
        let provided = self.universe.providers(text).map(|(id, version)| (id, Some(version)));
        let mut found: Vec<(RecordId, Option<&'u str>)> = own.chain(provided).collect();
        // A package's own name was noted before what it provides; equal records keep their order.
        found.sort_by_key(|(id, _)| index_place(self.universe, *id));
        let mut providers = Vec::with_capacity(found.len());
        for (id, version) in found {
            let Some((package, is_first)) = self.package(id) else { continue };
            if is_first {
                let version = version.unwrap_or(self.packages[package.at()].version);
                providers.push(Provider { package, version });
            }
        }
        self.providers[name.at()] = Some(providers.into());
    }

    /// Who has the name; empty unless it was loaded.
    pub(super) fn providers(&self, name: NameIx) -> &[Provider<'u>] {
        self.providers[name.at()].as_deref().unwrap_or(&[])
    }

    /// The package of a record, and whether the record is the one that it was made of. None for a
    /// record without an identity, which apk passes over.
    fn package(&mut self, id: RecordId) -> Option<(PkgIx, bool)> {
        if let Some(&known) = self.by_record.get(&id) {
            return Some((known, self.packages[known.at()].records[0] == id));
        }
        let record = self.universe.record(id);
        let identity = record.identity()?;
        let tag = self.tag_of(id);
        let first = self.firsts[&identity];
        if first != id {
            let (known, _) = self.package(first)?;
            let package = &mut self.packages[known.at()];
            package.records.push(id);
            package.tags |= tag;
            self.by_record.insert(id, known);
            return Some((known, false));
        }
        let new = PkgIx(self.packages.len() as u32);
        self.by_record.insert(id, new);
        let package = self.read(id, record, identity, tag);
        self.packages.push(package);
        Some((new, true))
    }

    fn read(&mut self, id: RecordId, record: Record<'u>, identity: Identity, tags: u64) -> Package<'u> {
        let depends = depend_list(record.depends());
        let provides = depend_list(record.provides());
        let install_if = depend_list(record.install_if());
        let uninstallable = record.is_uninstallable()
            || depends.is_broken
            || !matches!(record.arch(), "" | "all") && record.arch() != self.arch;
        Package {
            records: vec![id],
            name: self.name(record.name()),
            version: record.version(),
            sha1: match identity {
                Identity::ApkControl(sha1) => Some(sha1),
                Identity::Whole(_) => None,
            },
            priority: record.provider_priority(),
            tags,
            is_empty: record.installed_size() == 0,
            uninstallable,
            preferred: self.prefer.contains_key(&(record.name(), record.version())),
            depends: self.put(&depends.read),
            provides: self.put(&provides.read),
            install_if: self.put(&install_if.unless_broken()),
        }
    }

    fn put(&mut self, list: &[Dependency<'u>]) -> Range<u32> {
        let start = self.deps.len() as u32;
        for d in list {
            let dep = self.dep(d);
            self.deps.push(dep);
        }
        start..self.deps.len() as u32
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
        let records = &self.packages[package.at()].records;
        *records.iter().find(|id| self.tag_of(**id) & allowed != 0).unwrap_or(&records[0])
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
    pub(super) fn waiting_for(&mut self, name: NameIx) -> Vec<NameIx> {
        let mut names: Vec<NameIx> = Vec::new();
        for id in self.waiting.get(self.text(name)).cloned().unwrap_or_default() {
            let Some((package, true)) = self.package(id) else { continue };
            names.push(self.packages[package.at()].name);
            names.extend(self.provides(package).iter().map(|p| p.name));
        }
        names
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

/// Where a record stands: shelf by shelf, and there as in the index.
fn index_place(universe: &Universe, id: RecordId) -> (u16, u32) {
    (id.shelf, universe.record(id).ordinal())
}

fn tag_bit(place: usize) -> u64 {
    // More tags than bits share the last one; nobody has so many repositories.
    1 << (place + 1).min(63)
}

/// A field of an index, as far as apk reads it.
struct DependList<'a> {
    /// Up to the first word that is no dependency.
    read: Vec<Dependency<'a>>,
    is_broken: bool,
}

impl<'a> DependList<'a> {
    /// apk keeps no part of an `install_if`.
    fn unless_broken(self) -> Vec<Dependency<'a>> {
        if self.is_broken { Vec::new() } else { self.read }
    }
}

fn depend_list(field: &str) -> DependList<'_> {
    let mut list = DependList { read: Vec::new(), is_broken: false };
    for word in parse_dependencies(field) {
        match word {
            Ok(d) if d.tag.is_none() => {
                list.is_broken |= !d.has_valid_version();
                list.read.push(d);
            }
            _ => {
                list.is_broken = true;
                break;
            }
        }
    }
    list
}
