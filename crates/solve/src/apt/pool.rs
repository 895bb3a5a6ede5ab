//! The part of a universe that a request reaches, in apt's terms: packages (a name on one
//! architecture) with versions, and targets (what a relation can point at) with their providers.
//! Everything is loaded on first touch, so a request pays for what it reaches, not for the index.

use std::collections::HashMap;
use std::rc::Rc;

use super::request::Request;
use package::version::Order;
use package::{
    Alternative, ArchQualifier, Comparison, HiddenEdge, MultiArch, Priority, Record, RecordId, Standing,
    Universe, parse_relations,
};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(pub(crate) u32);
        impl $name {
            pub(crate) fn at(self) -> usize { self.0 as usize }
        }
    )*};
}

index! {
    /// A package: name and architecture (`all` counts as native).
    PkgIx;
    /// A version of a package.
    VerIx;
    /// What a relation points at.
    TargetIx;
    /// A distinct name.
    NameIx;
    /// An architecture of the request; 0 is the native one.
    ArchIx;
}

/// The architectures of a request and its universe.
pub(crate) struct Pool<'u> {
    pub(crate) universe: &'u Universe,
    pub(crate) archs: Vec<&'u str>,
    pub(crate) names: Vec<&'u str>,
    name_of: HashMap<&'u str, NameIx>,
    pub(crate) packages: Vec<Package>,
    package_of: HashMap<(NameIx, ArchIx), PkgIx>,
    pub(crate) versions: Vec<Version<'u>>,
    pub(crate) targets: Vec<Target<'u>>,
    target_of: HashMap<(NameIx, Scope), TargetIx>,
    hidden: &'u [HiddenEdge],
    /// Relations that could not be read, by the version that has them.
    pub(crate) malformed: Vec<(VerIx, package::RelationError)>,
}

pub(crate) struct Package {
    pub(crate) name: NameIx,
    pub(crate) arch: ArchIx,
    /// Highest first; equal ones in the order of the shelves.
    pub(crate) versions: Rc<[VerIx]>,
    pub(crate) essential: bool,
    pub(crate) important: bool,
    /// apt's package id, as far as its order goes.
    pub(crate) seen: (u16, u32),
    /// Targets whose own package this is.
    pub(crate) own: Vec<TargetIx>,
}

pub(crate) struct Version<'u> {
    pub(crate) package: PkgIx,
    /// The record to take it from: that of the highest pin, then of the first shelf.
    pub(crate) record: RecordId,
    /// All records that are this version.
    pub(crate) records: Vec<RecordId>,
    pub(crate) version: &'u str,
    pub(crate) pin: i32,
    pub(crate) standing: Standing,
    pub(crate) multi_arch: MultiArch,
    pub(crate) priority: Priority,
    clauses: Option<Rc<[Clause<'u>]>>,
    weak: Option<Rc<[Clause<'u>]>>,
    /// Targets that it provides, as far as they were loaded.
    pub(crate) provides: Vec<TargetIx>,
}

/// Which architectures a relation's target may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The package on this architecture, and whoever provides it there.
    On(ArchIx),
    /// `name:any`.
    Any,
    /// `name:ARCH`, as written.
    Exactly(ArchIx),
}

pub(crate) struct Target<'u> {
    pub(crate) name: NameIx,
    /// The package of that name, for the scope of one architecture.
    pub(crate) real: Option<PkgIx>,
    /// In apt's order: what was met last comes first.
    pub(crate) providers: Rc<[Provider<'u>]>,
    /// When what is known about it was last worked out (see `State::candidate_as_of`).
    pub(crate) updated: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'u> {
    pub(crate) version: VerIx,
    /// The provided version, "" if none.
    pub(crate) provided: &'u str,
    /// By Multi-Arch rather than by a `Provides` field.
    pub(crate) implicit: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    PreDepends,
    Depends,
    Conflicts,
    Breaks,
    /// From the table of hidden edges, with its reason.
    Hidden(&'static str),
    Recommends,
    Suggests,
}

impl Kind {
    pub(crate) fn is_negative(self) -> bool {
        matches!(self, Kind::Conflicts | Kind::Breaks)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Clause<'u> {
    pub(crate) kind: Kind,
    pub(crate) choices: Vec<Choice<'u>>,
    /// A conflict that Multi-Arch implies among the architectures of one name.
    pub(crate) implicit: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'u> {
    pub(crate) target: TargetIx,
    pub(crate) bound: Limit<'u>,
    pub(crate) text: Alternative<'u>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit<'u> {
    None,
    Is(Comparison, &'u str),
    Not(&'u str),
}

impl Limit<'_> {
    /// apt's `CheckDep`: a version that is missing satisfies no bound.
    pub(crate) fn admits(self, version: &str) -> bool {
        match self {
            Limit::None => true,
            _ if version.is_empty() => false,
            Limit::Is(comparison, bound) => {
                package::Bound { comparison, version: bound }.admits(version, Order::Debian)
            }
            Limit::Not(bound) => Order::Debian.compare(version, bound).is_ne(),
        }
    }
}

impl<'u> Pool<'u> {
    pub(crate) fn new(universe: &'u Universe, request: &'u Request) -> Pool<'u> {
        let mut archs = vec![request.arch.as_str()];
        archs.extend(request.foreign.iter().map(String::as_str).filter(|a| *a != request.arch));
        Pool {
            universe,
            archs,
            names: Vec::new(),
            name_of: HashMap::new(),
            packages: Vec::new(),
            package_of: HashMap::new(),
            versions: Vec::new(),
            targets: Vec::new(),
            target_of: HashMap::new(),
            hidden: &request.hidden,
            malformed: Vec::new(),
        }
    }

    pub(crate) fn arch(&self, word: &str) -> Option<ArchIx> {
        if word == "all" {
            return Some(ArchIx(0));
        }
        self.archs.iter().position(|a| *a == word).map(|i| ArchIx(i as u32))
    }

    pub(crate) fn name(&mut self, name: &'u str) -> NameIx {
        let next = NameIx(self.names.len() as u32);
        *self.name_of.entry(name).or_insert_with(|| {
            self.names.push(name);
            next
        })
    }

    pub(crate) fn name_text(&self, p: PkgIx) -> &'u str {
        self.names[self.packages[p.at()].name.at()]
    }

    pub(crate) fn record(&self, v: VerIx) -> Record<'u> {
        self.universe.record(self.versions[v.at()].record)
    }

    /// The package of a name on an architecture, with its versions.
    pub(crate) fn package(&mut self, name: NameIx, arch: ArchIx) -> PkgIx {
        if let Some(&ix) = self.package_of.get(&(name, arch)) {
            return ix;
        }
        let ix = PkgIx(self.packages.len() as u32);
        self.package_of.insert((name, arch), ix);
        let word = self.archs[arch.at()];
        let text = self.names[name.at()];
        let mut records: Vec<(RecordId, Record<'u>)> = self
            .universe
            .named(text)
            .map(|id| (id, self.universe.record(id)))
            .filter(|(_, r)| r.arch() == word || (arch.0 == 0 && r.arch() == "all"))
            .collect();
        let seen =
            records.iter().map(|(id, r)| (id.shelf, r.mention())).min().unwrap_or((u16::MAX, u32::MAX));
        let essential = records.iter().any(|(_, r)| r.is_essential());
        let important = records.iter().any(|(_, r)| r.is_protected());
        records.sort_by(|a, b| Order::Debian.compare(b.1.version(), a.1.version()));
        let versions = self.add_versions(ix, &records);
        let own = Vec::new();
        self.packages.push(Package {
            name,
            arch,
            versions: versions.into(),
            essential,
            important,
            seen,
            own,
        });
        ix
    }

    fn add_versions(&mut self, package: PkgIx, records: &[(RecordId, Record<'u>)]) -> Vec<VerIx> {
        let mut versions: Vec<VerIx> = Vec::new();
        for (id, r) in records {
            let source = self.universe.source(*id);
            let same = versions.iter().rev().copied().find(|v| is_same_version(self.record(*v), *r));
            if let Some(v) = same {
                let known = &mut self.versions[v.at()];
                known.records.push(*id);
                if source.priority > known.pin {
                    (known.pin, known.record, known.standing) = (source.priority, *id, source.standing);
                }
                continue;
            }
            versions.push(VerIx(self.versions.len() as u32));
            self.versions.push(Version {
                package,
                record: *id,
                records: vec![*id],
                version: r.version(),
                pin: source.priority,
                standing: source.standing,
                multi_arch: r.multi_arch(),
                priority: r.priority(),
                clauses: None,
                weak: None,
                provides: Vec::new(),
            });
        }
        versions
    }

    pub(crate) fn target(&mut self, name: NameIx, scope: Scope) -> TargetIx {
        if let Some(&ix) = self.target_of.get(&(name, scope)) {
            return ix;
        }
        let ix = TargetIx(self.targets.len() as u32);
        self.target_of.insert((name, scope), ix);
        // Filled below; a provider's package may lead back here.
        self.targets.push(Target { name, real: None, providers: Rc::from([]), updated: 0 });
        let real = match scope {
            Scope::On(arch) => Some(self.package(name, arch)),
            _ => None,
        };
        let mut providers = Vec::new();
        self.collect_explicit(name, scope, &mut providers);
        self.collect_implicit(name, scope, &mut providers);
        // apt puts each new provider at the front of the list.
        providers.reverse();
        for p in &providers {
            self.versions[p.version.at()].provides.push(ix);
        }
        if let Some(p) = real {
            self.packages[p.at()].own.push(ix);
        }
        let target = &mut self.targets[ix.at()];
        (target.real, target.providers) = (real, providers.into());
        ix
    }

    /// By `Provides` fields.
    fn collect_explicit(&mut self, name: NameIx, scope: Scope, out: &mut Vec<Provider<'u>>) {
        let text = self.names[name.at()];
        let mut found: Vec<(RecordId, &'u str)> = self.universe.providers(text).collect();
        found.sort_by_key(|(id, _)| (id.shelf, self.universe.record(*id).ordinal()));
        for (id, provided) in found {
            let record = self.universe.record(id);
            let Some(arch) = self.arch(record.arch()) else { continue };
            let multi_arch = record.multi_arch();
            let reaches = match scope {
                Scope::On(wanted) => arch == wanted || multi_arch == MultiArch::Foreign,
                Scope::Any => multi_arch == MultiArch::Allowed,
                Scope::Exactly(wanted) => arch == wanted,
            };
            if !reaches {
                continue;
            }
            let Some(version) = self.version_of(id) else { continue };
            let owner = &self.packages[self.versions[version.at()].package.at()];
            let own = self.versions[version.at()].version;
            // apt adds no provides of a package to itself.
            let itself = owner.name == name && scope == Scope::On(owner.arch);
            if itself && (provided.is_empty() || provided == own) {
                continue;
            }
            let (provided, implicit) = match scope {
                Scope::Exactly(_) => (own, true),
                _ => (provided, false),
            };
            if !out.iter().any(|p| p.version == version && p.provided == provided) {
                out.push(Provider { version, provided, implicit });
            }
        }
    }

    /// By Multi-Arch: siblings that are `foreign`, any that are `allowed` for `:any`.
    fn collect_implicit(&mut self, name: NameIx, scope: Scope, out: &mut Vec<Provider<'u>>) {
        for i in 0..self.archs.len() as u32 {
            let arch = ArchIx(i);
            if scope == Scope::On(arch) || matches!(scope, Scope::Exactly(a) if a != arch) {
                continue;
            }
            let package = self.package(name, arch);
            for &version in Rc::clone(&self.packages[package.at()].versions).iter() {
                let v = &self.versions[version.at()];
                let reaches = match scope {
                    Scope::On(_) => v.multi_arch == MultiArch::Foreign,
                    Scope::Any => v.multi_arch == MultiArch::Allowed,
                    Scope::Exactly(_) => true,
                };
                if reaches {
                    out.push(Provider { version, provided: v.version, implicit: true });
                }
            }
        }
    }

    /// The version that a record is, loading its package.
    pub(crate) fn version_of(&mut self, id: RecordId) -> Option<VerIx> {
        let record = self.universe.record(id);
        let arch = self.arch(record.arch())?;
        let name = self.name(record.name());
        let package = self.package(name, arch);
        let versions = &self.packages[package.at()].versions;
        versions.iter().copied().find(|v| self.versions[v.at()].records.contains(&id))
    }

    /// Pre-Depends, Depends, Conflicts, Breaks, in apt's order; what Multi-Arch implies comes last.
    pub(crate) fn clauses(&mut self, v: VerIx) -> Rc<[Clause<'u>]> {
        if let Some(clauses) = &self.versions[v.at()].clauses {
            return Rc::clone(clauses);
        }
        let record = self.record(v);
        let mut clauses = Vec::new();
        for (kind, field) in [
            (Kind::PreDepends, record.pre_depends()),
            (Kind::Depends, record.depends()),
            (Kind::Conflicts, record.conflicts()),
            (Kind::Breaks, record.breaks()),
        ] {
            self.read_field(v, kind, field, &mut clauses);
        }
        for edge in self.hidden.iter().filter(|edge| edge.is_of(record.name())) {
            self.read_field(v, Kind::Hidden(edge.reason), edge.dependency, &mut clauses);
        }
        self.add_implicit(v, &mut clauses);
        let clauses: Rc<[Clause<'u>]> = clauses.into();
        self.versions[v.at()].clauses = Some(Rc::clone(&clauses));
        clauses
    }

    /// What [`Pool::clauses`] gave before.
    pub(crate) fn loaded_clauses(&self, v: VerIx) -> Option<&[Clause<'u>]> {
        self.versions[v.at()].clauses.as_deref()
    }

    /// Recommends and Suggests.
    pub(crate) fn weak_clauses(&mut self, v: VerIx) -> Rc<[Clause<'u>]> {
        if let Some(clauses) = &self.versions[v.at()].weak {
            return Rc::clone(clauses);
        }
        let record = self.record(v);
        let mut clauses = Vec::new();
        self.read_field(v, Kind::Recommends, record.recommends(), &mut clauses);
        self.read_field(v, Kind::Suggests, record.suggests(), &mut clauses);
        let clauses: Rc<[Clause<'u>]> = clauses.into();
        self.versions[v.at()].weak = Some(Rc::clone(&clauses));
        clauses
    }

    fn read_field(&mut self, v: VerIx, kind: Kind, field: &'u str, out: &mut Vec<Clause<'u>>) {
        if field.is_empty() {
            return;
        }
        let relations = match parse_relations(field) {
            Ok(relations) => relations,
            Err(error) => {
                self.malformed.push((v, error));
                return;
            }
        };
        let parent = self.packages[self.versions[v.at()].package.at()].arch;
        for relation in relations {
            if kind.is_negative() {
                for alternative in relation.alternatives {
                    for target in self.negative_targets(&alternative) {
                        out.push(Clause {
                            kind,
                            choices: vec![choice(target, alternative)],
                            implicit: false,
                        });
                    }
                }
                continue;
            }
            let choices =
                relation.alternatives.into_iter().map(|a| choice(self.target_from(&a, parent), a)).collect();
            out.push(Clause { kind, choices, implicit: false });
        }
    }

    /// Conflicts and Breaks reach a name on every architecture, unless they name one.
    fn negative_targets(&mut self, a: &Alternative<'u>) -> Vec<TargetIx> {
        match a.qualifier {
            None => {
                let name = self.name(a.name);
                (0..self.archs.len() as u32).map(|i| self.target(name, Scope::On(ArchIx(i)))).collect()
            }
            _ => vec![self.target_from(a, ArchIx(0))],
        }
    }

    fn target_from(&mut self, a: &Alternative<'u>, parent: ArchIx) -> TargetIx {
        let scope = match a.qualifier {
            None => Scope::On(parent),
            Some(ArchQualifier::Any) => Scope::Any,
            Some(ArchQualifier::Native) => Scope::Exactly(ArchIx(0)),
            Some(ArchQualifier::Arch(word)) => match self.arch(word) {
                Some(arch) => Scope::Exactly(arch),
                // An architecture that nobody asked for has no packages.
                None => Scope::Exactly(ArchIx(u32::MAX)),
            },
        };
        let name = self.name(a.name);
        self.target(name, scope)
    }

    /// One name on several architectures: `same` wants equal versions, all else excludes.
    fn add_implicit(&mut self, v: VerIx, out: &mut Vec<Clause<'u>>) {
        let (package, version, same) = {
            let v = &self.versions[v.at()];
            (v.package, v.version, v.multi_arch == MultiArch::Same)
        };
        let (name, own) = (self.packages[package.at()].name, self.packages[package.at()].arch);
        for i in (0..self.archs.len() as u32).filter(|i| *i != own.0) {
            let target = self.target(name, Scope::On(ArchIx(i)));
            let text = Alternative { name: self.names[name.at()], qualifier: None, bound: None };
            let (kind, bound) =
                if same { (Kind::Breaks, Limit::Not(version)) } else { (Kind::Conflicts, Limit::None) };
            out.push(Clause { kind, choices: vec![Choice { target, bound, text }], implicit: true });
        }
    }
}

fn choice<'u>(target: TargetIx, text: Alternative<'u>) -> Choice<'u> {
    let bound = text.bound.map_or(Limit::None, |b| Limit::Is(b.comparison, b.version));
    Choice { target, bound, text }
}

/// apt merges records of equal version that also agree in these fields.
fn is_same_version(a: Record<'_>, b: Record<'_>) -> bool {
    a.version() == b.version()
        && a.arch() == b.arch()
        && (a.identity() == b.identity() && a.identity().is_some()
            || a.installed_size() == b.installed_size()
                && a.depends() == b.depends()
                && a.pre_depends() == b.pre_depends()
                && a.conflicts() == b.conflicts()
                && a.breaks() == b.breaks()
                && a.replaces() == b.replaces()
                && a.multi_arch() == b.multi_arch())
}
