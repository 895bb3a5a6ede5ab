//! Why a request failed: from the names that were decided wrongly back to its lines.

use std::collections::{HashMap, VecDeque};

use package::Universe;

use super::pool::{Dep, NameIx, PkgIx, Pool, Provider, UNTAGGED};
use super::solution::World;
use super::state::State;
use super::unsatisfiable::{Fact, Problem, Unsatisfiable};

/// Explains the end of a failed run: `order` is what would have been installed.
pub(super) fn explain(
    state: &State<'_, '_>,
    world: &World<'_>,
    lines: &[Dep],
    order: &[PkgIx],
) -> Unsatisfiable {
    let unknown = unknown_lines(state.pool, world, lines);
    if !unknown.is_empty() {
        return Unsatisfiable { problems: unknown };
    }
    let why = Why { state, world, lines, order, came: reached(state, lines) };
    let undecided = || {
        let asks = world.lines.iter().map(|(text, _)| (*text).to_owned()).collect();
        vec![Fact::Undecided { asks }]
    };
    let facts = why
        .impossible()
        .or_else(|| why.contradiction())
        .or_else(|| why.same_name())
        .or_else(|| why.troubled())
        .or_else(|| why.ruled_out());
    Unsatisfiable::one(Problem::Chain(facts.unwrap_or_else(undecided)))
}

/// Lines whose tag or name nobody has, or that only records name which tie no file to the index.
fn unknown_lines(pool: &Pool<'_>, world: &World<'_>, lines: &[Dep]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((text, line), dep) in world.lines.iter().zip(lines) {
        let ask = (*text).to_owned();
        if let Some(tag) = line.tag.filter(|tag| pool.tag(tag).is_none()) {
            let known = pool.tags.iter().map(|t| (*t).to_owned()).collect();
            problems.push(Problem::UnknownTag { ask, tag: tag.to_owned(), known });
        } else if !line.conflict && pool.providers(dep.name).is_empty() {
            if pool.universe.named(line.name).next().is_some() {
                problems.push(Problem::NoHash { ask, name: line.name.to_owned() });
                continue;
            }
            let nearest = nearest(pool.universe, line.name);
            problems.push(Problem::Unknown { ask, name: line.name.to_owned(), nearest });
        }
    }
    problems
}

/// Packages, or for a name like `so:libz.so.1` provided names, that may have been meant.
fn nearest(universe: &Universe, word: &str) -> Vec<String> {
    let shelves = || universe.shelves().map(|(shelf, _)| shelf);
    let found = match word.contains(':') {
        true => diag::nearest(word, shelves().flat_map(|s| s.provided_names()), 3),
        false => diag::nearest(word, shelves().flat_map(|s| s.names()), 3),
    };
    found.into_iter().map(str::to_owned).collect()
}

/// How a package came in.
#[derive(Clone, Copy)]
enum Came {
    Line(usize),
    By(PkgIx, usize),
    InstallIf(PkgIx),
}

/// For each chosen package the shortest way from a line.
fn reached(state: &State<'_, '_>, lines: &[Dep]) -> HashMap<PkgIx, Came> {
    let mut came = HashMap::new();
    let mut queue = VecDeque::new();
    let chosen = |dep: &Dep| state.names[dep.name.at()].chosen.filter(|_| !dep.conflict);
    for (i, line) in lines.iter().enumerate() {
        if let Some(p) = chosen(line) {
            came.entry(p.package).or_insert(Came::Line(i));
            queue.push_back(p.package);
        }
    }
    while let Some(package) = queue.pop_front() {
        let mut meet = |to: PkgIx, how: Came| {
            if let std::collections::hash_map::Entry::Vacant(free) = came.entry(to) {
                free.insert(how);
                queue.push_back(to);
            }
        };
        for (i, dep) in state.pool.depends(package).iter().enumerate() {
            if let Some(p) = chosen(dep) {
                meet(p.package, Came::By(package, i));
            }
        }
        let own = state.pool.packages[package.at()].name;
        let names = state.pool.provides(package).iter().map(|d| d.name);
        for name in std::iter::once(own).chain(names) {
            for waiting in state.found.waiting(name) {
                let chosen = state.names[waiting.at()].chosen;
                if let Some(p) = chosen.filter(|p| state.packages[p.package.at()].is_triggered) {
                    meet(p.package, Came::InstallIf(package));
                }
            }
        }
    }
    came
}

/// Who demands something: a line of the request, or a chosen package.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Line(usize),
    Package(PkgIx),
}

pub(super) struct Why<'s, 'p, 'u> {
    pub(super) state: &'s State<'p, 'u>,
    world: &'s World<'s>,
    pub(super) lines: &'s [Dep],
    order: &'s [PkgIx],
    came: HashMap<PkgIx, Came>,
}

impl<'p, 'u> Why<'_, 'p, 'u> {
    pub(super) fn pool(&self) -> &'p Pool<'u> {
        self.state.pool
    }

    /// All demands on names, the lines first.
    fn demands(&self) -> impl Iterator<Item = (By, Dep)> {
        let pool = self.pool();
        let lines = self.lines.iter().enumerate().map(|(i, line)| (By::Line(i), *line));
        let packages = self.order.iter();
        lines
            .chain(packages.flat_map(move |&p| pool.depends(p).iter().map(move |dep| (By::Package(p), *dep))))
    }

    fn of(by: By) -> Option<PkgIx> {
        match by {
            By::Line(_) => None,
            By::Package(package) => Some(package),
        }
    }

    fn is_met(&self, by: By, dep: &Dep, provider: Option<Provider>) -> bool {
        self.pool().is_met(Self::of(by), dep, provider)
    }

    pub(super) fn show(&self, package: PkgIx) -> String {
        let pool = self.pool();
        let package = &pool.packages[package.at()];
        format!("{} {}", pool.text(package.name), pool.version(package.version))
    }

    /// A demand that nothing could ever meet.
    fn impossible(&self) -> Option<Vec<Fact>> {
        self.demands().find_map(|(by, dep)| {
            let last = self.never_met(by, &dep)?;
            Some(self.chain(by, &dep).into_iter().chain([last]).collect())
        })
    }

    fn never_met(&self, by: By, dep: &Dep) -> Option<Fact> {
        if dep.conflict {
            return None;
        }
        let pool = self.pool();
        let name = pool.text(dep.name).to_owned();
        let all = pool.providers(dep.name);
        if all.is_empty() {
            return Some(Fact::NotThere { name });
        }
        let fits: Vec<&Provider> = all.iter().filter(|p| self.is_met(by, dep, Some(**p))).collect();
        if fits.is_empty() {
            return Some(Fact::OnlyVersions { name, versions: self.versions(all.iter()) });
        }
        let package = |p: &Provider| &pool.packages[p.package.at()];
        if fits.iter().all(|p| package(p).uninstallable || package(p).barred.is_some()) {
            return Some(Fact::Uninstallable { name, versions: self.versions(fits.iter().copied()) });
        }
        if fits.iter().all(|p| !self.state.packages[p.package.at()].tag_ok) {
            let mut tags: Vec<String> = fits.iter().flat_map(|p| pool.tags_of(package(p).tags)).collect();
            tags.sort();
            tags.dedup();
            return Some(Fact::OnlyTagged { name, tags });
        }
        let is_open = |p: &Provider| !self.state.is_selectable_by_itself(p);
        if fits.iter().all(|p| is_open(p)) && self.state.names[dep.name.at()].chosen.is_none() {
            let mut providers: Vec<String> =
                fits.iter().map(|p| pool.text(package(p).name).to_owned()).collect();
            providers.sort();
            providers.dedup();
            return Some(Fact::Virtual { name, providers });
        }
        None
    }

    fn versions<'a>(&self, providers: impl Iterator<Item = &'a Provider>) -> Vec<String>
    where
        'u: 'a,
    {
        let pool = self.pool();
        let place = |p: &Provider| {
            let record = pool.record_of(p.package, UNTAGGED);
            let repository = &pool.universe.source(record).repository;
            if let Some(why) = pool.packages[p.package.at()].barred {
                return format!(
                    "{} ({repository}): {why}",
                    pool.version(pool.packages[p.package.at()].version)
                );
            }
            match pool.version(p.version) {
                "" => format!("a virtual name of {} ({repository})", self.show(p.package)),
                version => format!("{version} ({repository})"),
            }
        };
        let mut all: Vec<String> = providers.map(place).collect();
        all.dedup();
        all
    }

    /// A demand that what was chosen does not meet, with who made the choice.
    fn contradiction(&self) -> Option<Vec<Fact>> {
        self.demands().find_map(|(by, dep)| {
            let chosen = self.state.names[dep.name.at()].chosen;
            if self.is_met(by, &dep, chosen) {
                return None;
            }
            let mut facts = self.chain(by, &dep);
            let name = self.pool().text(dep.name).to_owned();
            match self.against(by, &dep, chosen) {
                Some(other) => facts.extend(other),
                None if !dep.conflict => {
                    facts.extend(self.nothing_left(dep.name, |p| self.is_met(by, &dep, Some(*p))));
                }
                None => {
                    let package = chosen.map_or_else(String::new, |p| self.show(p.package));
                    facts.push(Fact::Chosen { name, package });
                }
            }
            Some(facts)
        })
    }

    /// The demand that stands against another one on the same name: the chain to it.
    fn against(&self, by: By, dep: &Dep, chosen: Option<Provider>) -> Option<Vec<Fact>> {
        let pool = self.pool();
        let fits: Vec<Provider> =
            pool.providers(dep.name).iter().filter(|p| self.is_met(by, dep, Some(**p))).copied().collect();
        if let Some(chosen) = chosen.filter(|_| dep.conflict) {
            return Some(self.reason(chosen.package));
        }
        if let Some(chosen) = chosen {
            let stands = |(other, d): &(By, Dep)| {
                d.name == dep.name
                    && *other != by
                    && self.is_met(*other, d, Some(chosen))
                    && !fits.iter().any(|p| self.is_met(*other, d, Some(*p)))
            };
            if let Some((other, d)) = self.demands().find(stands) {
                return Some(self.chain(other, &d));
            }
        }
        fits.iter().find_map(|fit| self.forbidden(by, *fit))
    }

    /// Why a package that would fit was not possible.
    fn forbidden(&self, by: By, fit: Provider) -> Option<Vec<Fact>> {
        let pool = self.pool();
        let own = &pool.packages[fit.package.at()];
        let names = pool.provides(fit.package).iter().map(|d| (d.name, d.version));
        for (name, version) in std::iter::once((own.name, own.version)).chain(names) {
            let as_this = Provider { package: fit.package, version };
            let is_broken = |(other, d): &(By, Dep)| d.name == name && !self.is_met(*other, d, Some(as_this));
            if let Some((other, d)) = self.demands().find(|d| d.0 != by && is_broken(d)) {
                return Some(self.chain(other, &d));
            }
            let holder = self.state.names[name.at()].chosen.filter(|c| c.package != fit.package);
            if let Some(holder) = holder.filter(|c| !(c.version.is_empty() && version.is_empty())) {
                return Some(self.excludes(fit.package, holder.package, name));
            }
        }
        // What it needs itself may be taken or forbidden.
        pool.depends(fit.package).iter().find_map(|dep| {
            let chosen = self.state.names[dep.name.at()].chosen;
            if self.is_met(By::Package(fit.package), dep, chosen) {
                return None;
            }
            let needs = Fact::Needs { package: self.show(fit.package), requirement: pool.show(dep) };
            let last = self.never_met(By::Package(fit.package), dep).map(|fact| vec![fact]);
            let why = last.or_else(|| Some(self.reason(chosen?.package)))?;
            Some(std::iter::once(needs).chain(why).collect())
        })
    }

    fn excludes(&self, package: PkgIx, other: PkgIx, name: NameIx) -> Vec<Fact> {
        let mut facts = self.reason(other);
        facts.push(Fact::Excludes {
            package: self.show(package),
            other: self.show(other),
            name: self.pool().text(name).to_owned(),
        });
        facts
    }

    /// Two chosen packages with one name.
    fn same_name(&self) -> Option<Vec<Fact>> {
        let pool = self.pool();
        self.order.iter().find_map(|&package| {
            let own = &pool.packages[package.at()];
            let names = pool.provides(package).iter().map(|d| (d.name, d.version));
            let mut all = std::iter::once((own.name, own.version)).chain(names);
            let (name, holder) = all.find_map(|(name, version)| {
                let holder = self.state.names[name.at()].chosen?;
                let differs = holder.package != package || holder.version != version;
                (differs && !(holder.version.is_empty() && version.is_empty())).then_some((name, holder))
            })?;
            let mut facts = self.reason(package);
            if holder.package != package {
                facts.extend(self.excludes(package, holder.package, name));
            } else {
                let name = pool.text(name).to_owned();
                facts.push(Fact::Excludes { package: self.show(package), other: String::new(), name });
            }
            Some(facts)
        })
    }

    /// A chosen package that was not possible any more.
    fn ruled_out(&self) -> Option<Vec<Fact>> {
        let is_wrong = |p: &&PkgIx| !self.state.packages[p.at()].is_selectable;
        let package = *self.order.iter().find(is_wrong)?;
        let mut facts = self.reason(package);
        facts.push(Fact::RuledOut { package: self.show(package) });
        Some(facts)
    }

    /// From a line to a demand, the demand last.
    fn chain(&self, by: By, dep: &Dep) -> Vec<Fact> {
        match by {
            By::Line(i) => vec![self.asked(i, None)],
            By::Package(package) => {
                let mut facts = self.reason(package);
                facts.push(Fact::Needs { package: self.show(package), requirement: self.pool().show(dep) });
                facts
            }
        }
    }

    pub(super) fn asked(&self, line: usize, package: Option<PkgIx>) -> Fact {
        let package = package.map_or_else(String::new, |p| self.show(p));
        Fact::Asked { ask: self.world.lines[line].0.to_owned(), package }
    }

    pub(super) fn comes_in_by(&self, package: PkgIx) -> Fact {
        let pool = self.pool();
        let conditions: Vec<String> = pool.install_if(package).iter().map(|d| pool.show(d)).collect();
        Fact::ComesIn { package: self.show(package), conditions: conditions.join(" and ") }
    }

    /// From a line to a package.
    pub(super) fn reason(&self, package: PkgIx) -> Vec<Fact> {
        let pool = self.pool();
        let mut facts = Vec::new();
        let mut at = package;
        // Each step goes nearer to a line, so this ends.
        while let Some(came) = self.came.get(&at) {
            match *came {
                Came::Line(i) => {
                    facts.push(self.asked(i, Some(at)));
                    break;
                }
                Came::By(by, i) => {
                    let requirement = pool.show(&pool.depends(by)[i]);
                    facts.push(Fact::Needs { package: self.show(by), requirement });
                    at = by;
                }
                Came::InstallIf(by) => {
                    facts.push(self.comes_in_by(at));
                    at = by;
                }
            }
        }
        facts.reverse();
        facts
    }
}
