//! What went wrong on the way, where nothing that was chosen shows it: from the names for which the
//! algorithm found nothing back to the lines, by the demands in the order in which it met them.

use super::explain::Why;
use super::pool::{Dep, NameIx, PkgIx, Provider};
use super::unsatisfiable::Fact;

/// A demand that the algorithm took up.
#[derive(Clone, Copy)]
pub(super) struct Demand {
    /// The package that makes it, and the name for which that package was looked at; none for a line.
    pub(super) by: Option<(PkgIx, NameIx)>,
    pub(super) dep: Dep,
}

/// Where the algorithm knew that it fails.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// The name is needed, and none of its providers may be chosen, or only one that is not possible.
    Nothing(NameIx),
    /// A name that was decided before (for the second package, or for nobody) is one of the package's, too.
    Clash(NameIx, Option<PkgIx>, Option<PkgIx>),
}

/// No chain that a reader follows is longer.
const LONGEST: usize = 300;

impl Why<'_, '_, '_> {
    /// The first trouble that has a reason.
    pub(super) fn troubled(&self) -> Option<Vec<Fact>> {
        self.state.troubles.iter().find_map(|trouble| match *trouble {
            Trouble::Nothing(name) => {
                let mut facts = self.chain_to(name);
                facts.push(self.nothing_left(name, |_| true)?);
                Some(facts)
            }
            Trouble::Clash(name, package, before) => self.clash(name, package.or(before)?, before),
        })
    }

    fn clash(&self, name: NameIx, package: PkgIx, before: Option<PkgIx>) -> Option<Vec<Fact>> {
        let mut facts = self.chain_to_package(package);
        let before = before.filter(|before| *before != package);
        let text = self.pool().text(name).to_owned();
        match before {
            Some(before) => {
                facts.extend(self.chain_to_package(before));
                let (package, other) = (self.show(package), self.show(before));
                facts.push(Fact::Excludes { package, other, name: text });
            }
            None => facts.push(Fact::LeftOut { package: self.show(package), name: text }),
        }
        Some(facts)
    }

    /// Each provider of a name with what stands in its way.
    pub(super) fn nothing_left(&self, name: NameIx, fits: impl Fn(&Provider) -> bool) -> Option<Fact> {
        let all = self.pool().providers(name).iter().filter(|p| fits(p));
        let packages: Vec<String> =
            all.map(|p| format!("{}: {}", self.show(p.package), self.obstacle(name, *p))).collect();
        let name = self.pool().text(name).to_owned();
        (!packages.is_empty()).then_some(Fact::Disqualified { name, packages })
    }

    /// From a line to the first demand on a name, or to what came in by itself for it.
    fn chain_to(&self, name: NameIx) -> Vec<Fact> {
        let (mut facts, mut name) = (Vec::new(), name);
        let mut before = self.state.demands.len();
        // Each demand stands before the one that it led to; conditions are few.
        for _ in 0..LONGEST {
            let is_it = |d: &Demand| d.dep.name == name && !d.dep.conflict;
            let Some(i) = self.state.demands[..before].iter().position(is_it) else {
                let Some((package, condition)) = self.came_in(name) else { break };
                facts.push(self.comes_in_by(package));
                let Some(condition) = condition else { break };
                name = condition;
                continue;
            };
            let demand = self.state.demands[i];
            let Some((package, as_name)) = demand.by else {
                facts.extend(self.asked_for(&demand.dep));
                break;
            };
            let requirement = self.pool().show(&demand.dep);
            facts.push(Fact::Needs { package: self.show(package), requirement });
            (name, before) = (as_name, i);
        }
        facts.reverse();
        facts
    }

    fn chain_to_package(&self, package: PkgIx) -> Vec<Fact> {
        let facts = self.reason(package);
        if !facts.is_empty() {
            return facts;
        }
        let pool = self.pool();
        let names = pool.provides(package).iter().map(|d| d.name);
        let mut chains =
            std::iter::once(pool.packages[package.at()].name).chain(names).map(|n| self.chain_to(n));
        chains.find(|chain| !chain.is_empty()).unwrap_or_default()
    }

    /// A package of the name that came in by itself, and a condition of it.
    fn came_in(&self, name: NameIx) -> Option<(PkgIx, Option<NameIx>)> {
        let mut providers = self.pool().providers(name).iter();
        let p = providers.find(|p| self.state.packages[p.package.at()].is_triggered)?;
        let conditions = self.pool().install_if(p.package);
        Some((p.package, conditions.iter().find(|d| !d.conflict).map(|d| d.name)))
    }

    fn asked_for(&self, dep: &Dep) -> Option<Fact> {
        Some(self.asked(self.lines.iter().position(|line| line.name == dep.name)?, None))
    }

    /// What stands in the way of a provider.
    fn obstacle(&self, name: NameIx, p: Provider) -> String {
        let pool = self.pool();
        let own = &pool.packages[p.package.at()];
        if own.uninstallable {
            return "it cannot be installed here".to_owned();
        }
        if let Some(why) = own.barred {
            return why.to_owned();
        }
        let has = |n: NameIx| -> Option<Provider> {
            let provided = pool.provides(p.package).iter().find(|d| d.name == n);
            let version = if own.name == n { Some(own.version) } else { provided.map(|d| d.version) };
            Some(Provider { package: p.package, version: version? })
        };
        let forbids = |d: &&Demand| {
            let by = d.by.map(|by| by.0);
            by != Some(p.package)
                && has(d.dep.name).is_some_and(|as_this| !pool.is_met(by, &d.dep, Some(as_this)))
        };
        if let Some(d) = self.state.demands.iter().find(forbids) {
            return match d.by {
                None => format!("you asked for {}", pool.show(&d.dep)),
                Some((by, _)) => {
                    Fact::Needs { package: self.show(by), requirement: pool.show(&d.dep) }.to_string()
                }
            };
        }
        self.taken(p)
            .or_else(|| self.lacks(p.package))
            .or_else(|| self.not_allowed(p))
            .or_else(|| self.excluded(p.package))
            .unwrap_or_else(|| format!("another package has the name {}", pool.text(name)))
    }

    /// One of its names is another's, or was decided to be nobody's.
    fn taken(&self, p: Provider) -> Option<String> {
        let pool = self.pool();
        let own = &pool.packages[p.package.at()];
        let provided = pool.provides(p.package).iter().map(|d| (d.name, d.version));
        std::iter::once((own.name, own.version)).chain(provided).find_map(|(name, version)| {
            let state = &self.state.names[name.at()];
            let holder = state.chosen.filter(|c| c.package != p.package);
            match holder {
                Some(c) if c.version.is_empty() && version.is_empty() => None,
                Some(c) => Some(format!("{} has the name {}", self.show(c.package), pool.text(name))),
                None if state.is_locked && state.chosen.is_none() && !version.is_empty() => {
                    Some(format!("nothing was to have the name {}", pool.text(name)))
                }
                None => None,
            }
        })
    }

    /// Something that it needs cannot be had.
    fn lacks(&self, package: PkgIx) -> Option<String> {
        let pool = self.pool();
        let dep = pool.depends(package).iter().find(|dep| !self.state.can_be_met(package, dep))?;
        let what = match (dep.conflict, self.state.names[dep.name.at()].chosen) {
            (true, _) => format!("it excludes {}", pool.show(dep).trim_start_matches('!')),
            (false, _) => format!("it needs {}", pool.show(dep)),
        };
        Some(match self.state.names[dep.name.at()].chosen {
            Some(c) => format!("{what}, and {} is chosen", self.show(c.package)),
            None => format!("{what}, which cannot be had"),
        })
    }

    /// All that may be chosen for another name have one of its names, too.
    fn excluded(&self, package: PkgIx) -> Option<String> {
        let pool = self.pool();
        let (_, name, wanted) = self.state.excluded.iter().find(|e| e.0 == package)?;
        let (name, wanted) = (pool.text(*name), pool.text(*wanted));
        Some(format!("whatever is chosen for {wanted} has the name {name}, too"))
    }

    fn not_allowed(&self, p: Provider) -> Option<String> {
        if !self.state.packages[p.package.at()].tag_ok {
            return Some("nothing that needs it allows its repository's tag".to_owned());
        }
        let is_open = !self.state.is_selectable_by_itself(&p);
        is_open.then(|| "it provides the name without a version or priority".to_owned())
    }
}
