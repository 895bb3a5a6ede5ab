//! What the request can reach, and in which order names are decided.
//!
//! A walk in depth: a name's packages and what these depend on; then what waits for the name or its
//! packages in an `install_if`, and what else its packages provide. A name gets its place when all
//! of that has one. Asked names come first, names of packages before names that are only provided,
//! and then those that got their place last. Written with a stack of its own: an index decides how deep it goes.

use super::pool::{NameIx, PkgIx, Pool};

/// What the walk found, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) is_seen: bool,
    /// Place in the order of deciding: the highest first.
    pub(super) order: u32,
    /// Who waits for it in an `install_if`.
    pub(super) waiting: Box<[NameIx]>,
}

const ASKED: u32 = 1 << 31;
const HAS_PACKAGE: u32 = 1 << 30;

/// One step to take; those of one name lie on the stack in reverse.
enum Step {
    Name(NameIx),
    /// The packages of a name, from the n-th on, with what they depend on.
    Packages(NameIx, usize),
    /// What waits for the name, from the n-th on.
    Waiting(NameIx, usize),
    /// What waits for the n-th package of a name, and the m-th of what it provides.
    Provided(NameIx, usize, usize),
    Order(NameIx),
    /// What the packages of a name wait for themselves.
    Conditions(NameIx),
}

pub(super) struct Discovery<'p, 'u> {
    pool: &'p Pool<'u>,
    asked: &'p [NameIx],
    found: Vec<Found>,
    /// Packages whose dependencies were walked.
    walked: Vec<bool>,
    /// Packages all of whose provided names were seen.
    spread: Vec<bool>,
    steps: Vec<Step>,
    last: u32,
}

/// Walks from these names.
pub(super) fn discover(pool: &Pool<'_>, asked: &[NameIx]) -> Vec<Found> {
    let mut walk = Discovery {
        pool,
        asked,
        found: vec![Found::default(); pool.texts.len()],
        walked: vec![false; pool.packages.len()],
        spread: vec![false; pool.packages.len()],
        steps: Vec::new(),
        last: 0,
    };
    for &name in asked {
        walk.steps.push(Step::Name(name));
        while let Some(step) = walk.steps.pop() {
            walk.take(step);
        }
    }
    walk.found
}

impl Discovery<'_, '_> {
    fn take(&mut self, step: Step) {
        match step {
            Step::Name(name) => self.enter(name),
            Step::Packages(name, from) => self.packages(name, from),
            Step::Waiting(name, from) => {
                if let Some(&next) = self.found[name.at()].waiting.get(from) {
                    self.steps.push(Step::Waiting(name, from + 1));
                    self.enter(next);
                }
            }
            Step::Provided(name, package, from) => self.provided(name, package, from),
            Step::Order(name) => self.order(name),
            Step::Conditions(name) => self.conditions(name),
        }
    }

    fn enter(&mut self, name: NameIx) {
        if self.is_seen(name) {
            return;
        }
        let waiting = self.pool.waiting_for(name);
        self.found[name.at()] = Found { is_seen: true, order: 0, waiting };
        self.steps.push(Step::Conditions(name));
        self.steps.push(Step::Order(name));
        self.steps.push(Step::Provided(name, 0, 0));
        self.steps.push(Step::Waiting(name, 0));
        self.steps.push(Step::Packages(name, 0));
    }

    fn is_seen(&self, name: NameIx) -> bool {
        self.found[name.at()].is_seen
    }

    fn packages(&mut self, name: NameIx, from: usize) {
        let Some(provider) = self.pool.providers(name).get(from) else { return };
        let package = provider.package;
        self.steps.push(Step::Packages(name, from + 1));
        if !std::mem::replace(&mut self.walked[package.at()], true) {
            self.steps.extend(self.pool.depends(package).iter().rev().map(|d| Step::Name(d.name)));
        }
    }

    fn provided(&mut self, name: NameIx, at: usize, from: usize) {
        let Some(provider) = self.pool.providers(name).get(at) else { return };
        let package = provider.package;
        let next = match from {
            // The package's own name stands for what waits for it.
            0 => Some(self.pool.packages[package.at()].name),
            _ => self.pool.provides(package).get(from - 1).map(|p| p.name),
        };
        if self.spread[package.at()] || next.is_none() {
            self.spread[package.at()] = true;
            self.steps.push(Step::Provided(name, at + 1, 0));
            return;
        }
        self.steps.push(Step::Provided(name, at, from + 1));
        match next {
            Some(own) if from == 0 => self.enter_waiting(own),
            Some(provided) => self.enter(provided),
            None => {}
        }
    }

    /// Only what waits for the name, not the name.
    fn enter_waiting(&mut self, name: NameIx) {
        let waiting = self.pool.waiting_for(name);
        self.steps.extend(waiting.iter().rev().copied().map(Step::Name));
    }

    fn order(&mut self, name: NameIx) {
        self.last += 1;
        let is_asked = self.asked.contains(&name);
        let own = |p: PkgIx| self.pool.packages[p.at()].name == name;
        let has_package = self.pool.providers(name).iter().any(|p| own(p.package));
        let flags = if is_asked { ASKED } else { 0 } | if has_package { HAS_PACKAGE } else { 0 };
        self.found[name.at()].order = flags | self.last;
    }

    fn conditions(&mut self, name: NameIx) {
        let pool = self.pool;
        let packages = pool.providers(name).iter().rev();
        let conditions = packages.flat_map(|p| pool.install_if(p.package).iter().rev());
        self.steps.extend(conditions.map(|d| Step::Name(d.name)));
    }
}
