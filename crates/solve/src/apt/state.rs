//! What apt calls the dependency cache: which version of each package is the candidate, which is
//! going to be installed, and whether relations hold. Functions are named after apt 2.6's
//! (apt-pkg/depcache.cc), without the branches for installed packages, since there are none.

use std::collections::HashSet;
use std::rc::Rc;

use package::Standing;

use super::pool::{Choice, Clause, PkgIx, Pool, TargetIx, VerIx};

pub(crate) struct State<'u> {
    pub(crate) pool: Pool<'u>,
    cells: Vec<Cell>,
    clock: u64,
    /// Packages that an earlier answer had: taken where apt would take an installed one.
    pub(crate) kept: HashSet<PkgIx>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cell {
    loaded: bool,
    pub(crate) candidate: Option<VerIx>,
    /// A candidate that was given up, and when.
    discarded: Option<(VerIx, u64)>,
    pub(crate) install: Option<VerIx>,
    pub(crate) marked_install: bool,
    pub(crate) protected: bool,
    pub(crate) auto: bool,
}

impl<'u> State<'u> {
    pub(crate) fn new(pool: Pool<'u>) -> State<'u> {
        State { pool, cells: Vec::new(), clock: 0, kept: HashSet::new() }
    }

    fn load(&mut self, p: PkgIx) {
        if p.at() >= self.cells.len() {
            self.cells.resize(self.pool.packages.len().max(p.at() + 1), Cell::default());
        }
        if !self.cells[p.at()].loaded {
            let candidate = self.best_version(p, |_| true);
            let cell = &mut self.cells[p.at()];
            (cell.loaded, cell.candidate) = (true, candidate);
        }
    }

    pub(crate) fn cell(&mut self, p: PkgIx) -> Cell {
        self.load(p);
        self.cells[p.at()]
    }

    pub(crate) fn cell_mut(&mut self, p: PkgIx) -> &mut Cell {
        self.load(p);
        &mut self.cells[p.at()]
    }

    /// apt's policy: the highest pin, then the highest version; and ours, that another repository
    /// without a priority of its own never shadows the distribution.
    pub(crate) fn best_version(&self, p: PkgIx, good: impl Fn(VerIx) -> bool) -> Option<VerIx> {
        let package = &self.pool.packages[p.at()];
        let best = |third_party: bool| {
            let mut best: Option<VerIx> = None;
            for &v in package.versions.iter() {
                let version = &self.pool.versions[v.at()];
                if (version.standing == Standing::ThirdParty) != third_party || version.pin <= 0 || !good(v) {
                    continue;
                }
                if best.is_none_or(|b| version.pin > self.pool.versions[b.at()].pin) {
                    best = Some(v);
                }
            }
            best
        };
        best(false).or_else(|| best(true))
    }

    pub(crate) fn set_candidate(&mut self, v: VerIx) {
        let p = self.pool.versions[v.at()].package;
        let cell = self.cell_mut(p);
        if cell.candidate == Some(v) {
            return;
        }
        if cell.marked_install {
            cell.install = Some(v);
        }
        cell.candidate = Some(v);
        cell.discarded = None;
        self.update(p);
    }

    /// Gives a candidate up without telling those that point at it, as apt does: until the next
    /// [`State::update`] that reaches them, relations still count it.
    pub(crate) fn discard_candidate(&mut self, p: PkgIx) {
        let installed = self.cell(p).install;
        self.replace_candidate(p, installed);
    }

    /// The same, even where it is about to be installed.
    pub(crate) fn drop_candidate(&mut self, p: PkgIx) {
        self.replace_candidate(p, None);
    }

    fn replace_candidate(&mut self, p: PkgIx, new: Option<VerIx>) {
        self.clock += 1;
        let now = self.clock;
        let cell = self.cell_mut(p);
        if let Some(old) = cell.candidate.filter(|c| new != Some(*c)) {
            cell.discarded = Some((old, now));
            cell.candidate = new;
        }
    }

    /// apt's `Update`: works out again what points at a package or at what its candidate provides.
    pub(crate) fn update(&mut self, p: PkgIx) {
        self.clock += 1;
        let candidate = self.cell(p).candidate;
        let provided = candidate.map(|v| self.pool.versions[v.at()].provides.as_slice()).unwrap_or_default();
        for t in self.pool.packages[p.at()].own.iter().chain(provided) {
            self.pool.targets[t.at()].updated = self.clock;
        }
    }

    fn candidate_as_of(&mut self, p: PkgIx, updated: u64) -> Option<VerIx> {
        let cell = self.cell(p);
        match cell.discarded {
            Some((old, when)) if when > updated => Some(old),
            _ => cell.candidate,
        }
    }

    /// Walks what a choice can be met by, among the versions that `pick` gives for a package.
    fn hits(
        &mut self,
        parent: VerIx,
        clause: &Clause<'u>,
        choice: &Choice<'u>,
        mut pick: impl FnMut(&mut Self, PkgIx) -> Option<VerIx>,
        mut found: impl FnMut(VerIx) -> bool,
    ) -> bool {
        let target = &self.pool.targets[choice.target.at()];
        let (real, providers) = (target.real, Rc::clone(&target.providers));
        if let Some(p) = real.filter(|p| !self.is_ignorable_package(parent, clause, *p))
            && let Some(v) = pick(self, p)
            && choice.bound.admits(self.pool.versions[v.at()].version)
            && found(v)
        {
            return true;
        }
        for provider in providers.iter() {
            let owner = self.pool.versions[provider.version.at()].package;
            if self.is_ignorable_provider(parent, clause, owner) {
                continue;
            }
            let hit = pick(self, owner) == Some(provider.version) && choice.bound.admits(provider.provided);
            if hit && found(provider.version) {
                return true;
            }
        }
        false
    }

    /// Conflicts never apply to oneself, nor among the architectures of a `same` package.
    pub(crate) fn is_ignorable_package(&self, parent: VerIx, clause: &Clause<'u>, p: PkgIx) -> bool {
        if !clause.kind.is_negative() {
            return false;
        }
        let parent = &self.pool.versions[parent.at()];
        let (own, other) = (&self.pool.packages[parent.package.at()], &self.pool.packages[p.at()]);
        own.name == other.name
            && (parent.package == p || (parent.multi_arch == package::MultiArch::Same && !clause.implicit))
    }

    pub(crate) fn is_ignorable_provider(&self, parent: VerIx, clause: &Clause<'u>, owner: PkgIx) -> bool {
        if !clause.kind.is_negative() {
            return false;
        }
        let own = &self.pool.packages[self.pool.versions[parent.at()].package.at()];
        own.name == self.pool.packages[owner.at()].name || clause.implicit
    }

    /// Does what is going to be installed hit the choice (apt's `DepInstall`, not inverted)?
    pub(crate) fn install_hits(&mut self, parent: VerIx, clause: &Clause<'u>, choice: &Choice<'u>) -> bool {
        self.hits(parent, clause, choice, |s, p| s.cell(p).install, |_| true)
    }

    /// Do the candidates hit it, as far as apt knows (`DepCVer`, not inverted)?
    pub(crate) fn candidate_hits(&mut self, parent: VerIx, clause: &Clause<'u>, choice: &Choice<'u>) -> bool {
        let updated = self.pool.targets[choice.target.at()].updated;
        self.hits(parent, clause, choice, |s, p| s.candidate_as_of(p, updated), |_| true)
    }

    /// The candidates that hit a choice (`FromDependency`).
    pub(crate) fn candidates(
        &mut self,
        parent: VerIx,
        clause: &Clause<'u>,
        choice: &Choice<'u>,
    ) -> Vec<VerIx> {
        let mut out = Vec::new();
        if !self.candidate_hits(parent, clause, choice) {
            return out;
        }
        let collect = |v| {
            out.push(v);
            false
        };
        self.hits(parent, clause, choice, |s, p| s.cell(p).candidate, collect);
        out
    }

    /// Does a clause hold with what is going to be installed (`DepGInstall`)?
    pub(crate) fn holds(&mut self, parent: VerIx, clause: &Clause<'u>) -> bool {
        let hit = clause.choices.iter().any(|c| self.install_hits(parent, clause, c));
        hit != clause.kind.is_negative()
    }

    /// Is a package that will be installed broken (`InstBroken`)?
    pub(crate) fn is_broken(&mut self, p: PkgIx) -> bool {
        let Some(v) = self.cell(p).install else { return false };
        let clauses = self.pool.clauses(v);
        !clauses.iter().all(|clause| self.holds(v, clause))
    }

    pub(crate) fn installed(&self) -> Vec<PkgIx> {
        let set = self.cells.iter().enumerate().filter(|(_, c)| c.install.is_some());
        set.map(|(i, _)| PkgIx(i as u32)).collect()
    }

    pub(crate) fn broken_count(&mut self) -> usize {
        self.installed().into_iter().filter(|p| self.is_broken(*p)).count()
    }

    /// All versions that satisfy a choice, candidates or not (`AllTargets`).
    pub(crate) fn all_targets(
        &mut self,
        parent: VerIx,
        clause: &Clause<'u>,
        choice: &Choice<'u>,
    ) -> Vec<VerIx> {
        let target = &self.pool.targets[choice.target.at()];
        let (real, providers) = (target.real, Rc::clone(&target.providers));
        let mut out = Vec::new();
        if let Some(p) = real.filter(|p| !self.is_ignorable_package(parent, clause, *p)) {
            let versions = self.pool.packages[p.at()].versions.iter().copied();
            out.extend(versions.filter(|v| choice.bound.admits(self.pool.versions[v.at()].version)));
        }
        for provider in providers.iter() {
            let owner = self.pool.versions[provider.version.at()].package;
            if !self.is_ignorable_provider(parent, clause, owner) && choice.bound.admits(provider.provided) {
                out.push(provider.version);
            }
        }
        out
    }

    pub(crate) fn target_name(&self, t: TargetIx) -> &'u str {
        self.pool.names[self.pool.targets[t.at()].name.at()]
    }

    /// The one package to act on for a choice (`SmartTargetPkg`).
    pub(crate) fn smart_target(&self, parent: VerIx, choice: &Choice<'u>) -> Option<PkgIx> {
        let target = &self.pool.targets[choice.target.at()];
        let own = self.pool.versions[parent.at()].package;
        if let Some(p) = target.real
            && (target.providers.is_empty() || !self.pool.packages[p.at()].versions.is_empty())
        {
            return Some(p);
        }
        let owner = |v: VerIx| self.pool.versions[v.at()].package;
        let other = target.providers.iter().map(|p| owner(p.version)).find(|p| *p != own);
        other.or(target.real)
    }

    /// The packages whose score a choice changes.
    pub(crate) fn scored_targets(
        &mut self,
        v: VerIx,
        clause: &Clause<'u>,
        choice: &Choice<'u>,
    ) -> Vec<PkgIx> {
        let target = &self.pool.targets[choice.target.at()];
        let (real, providers) = (target.real, Rc::clone(&target.providers));
        let mut out = Vec::new();
        if let Some(p) = real.filter(|p| !self.is_ignorable_package(v, clause, *p)) {
            if !matches!(choice.bound, super::pool::Limit::None) {
                let meets = |i: VerIx| choice.bound.admits(self.pool.versions[i.at()].version);
                if !self.cells.get(p.at()).and_then(|c| c.install).is_some_and(meets) {
                    return out;
                }
            }
            out.push(p);
        }
        let mut owners = Vec::new();
        for provider in providers.iter() {
            let owner = self.pool.versions[provider.version.at()].package;
            let counts = !self.is_ignorable_provider(v, clause, owner)
                && self.cell(owner).install == Some(provider.version)
                && choice.bound.admits(provider.provided);
            if counts && !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        out.append(&mut owners);
        out
    }

    /// What is going to be installed and provides a package's name, itself aside.
    pub(crate) fn installed_providers(&mut self, p: PkgIx) -> Vec<PkgIx> {
        let mut out = Vec::new();
        for t in self.pool.packages[p.at()].own.clone() {
            for provider in Rc::clone(&self.pool.targets[t.at()].providers).iter().filter(|x| !x.implicit) {
                let owner = self.pool.versions[provider.version.at()].package;
                if self.cell(owner).install == Some(provider.version) && !out.contains(&owner) {
                    out.push(owner);
                }
            }
        }
        out
    }
}
