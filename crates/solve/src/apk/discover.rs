//! What the request can reach, and in which order names are decided.
//!
//! A walk in depth: a name's packages and what these depend on; then what waits for the name or its
//! packages in an `install_if`, and what else its packages provide. A name gets its place when all
//! of that has one. Asked names come first, names of packages before names that are only provided,
//! and then those that got their place last. Written with a stack of its own: an index decides how deep it goes.

use std::ops::Range;

use super::pool::{NameIx, PkgIx, Pool};

/// What the walk found, by name.
pub(super) struct Found {
    /// Place in the order of deciding, the highest first; 0 for a name that was not seen.
    pub(super) order: Vec<u32>,
    /// In the order of seeing.
    pub(super) seen: Vec<NameIx>,
    waiting: Waiting,
}

/// Who waits for a name in an `install_if`: one list after the other.
struct Waiting {
    items: Vec<NameIx>,
    /// The part of each name.
    places: Vec<Range<u32>>,
}

impl Found {
    /// Who waits for the name in an `install_if`.
    pub(super) fn waiting(&self, name: NameIx) -> &[NameIx] {
        self.waiting.of(name)
    }
}

impl Waiting {
    fn of(&self, name: NameIx) -> &[NameIx] {
        let place = &self.places[name.at()];
        &self.items[place.start as usize..place.end as usize]
    }

    /// Most names have nobody who waits for them.
    fn note(&mut self, name: NameIx, waiting: &[NameIx]) {
        if !waiting.is_empty() {
            let start = self.items.len() as u32;
            self.items.extend(waiting);
            self.places[name.at()] = start..self.items.len() as u32;
        }
    }
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
    /// What waits for the n-th package of a name (m is 0), and what it provides, from the m-th on.
    Provided(NameIx, usize, usize),
    Order(NameIx),
    /// What the packages of a name wait for themselves.
    Conditions(NameIx),
}

pub(super) struct Discovery<'p, 'u> {
    pool: &'p Pool<'u>,
    asked: &'p [NameIx],
    found: Found,
    is_seen: Vec<bool>,
    /// Packages whose dependencies were walked.
    walked: Vec<bool>,
    /// Packages all of whose provided names were seen.
    spread: Vec<bool>,
    steps: Vec<Step>,
    last: u32,
}

/// Walks from these names.
pub(super) fn discover(pool: &Pool<'_>, asked: &[NameIx]) -> Found {
    let waiting = Waiting { items: Vec::new(), places: vec![0..0; pool.name_count()] };
    let mut walk = Discovery {
        pool,
        asked,
        found: Found { order: vec![0; pool.name_count()], seen: Vec::new(), waiting },
        is_seen: vec![false; pool.name_count()],
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
                if let Some(&next) = self.found.waiting(name).get(from) {
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
        if std::mem::replace(&mut self.is_seen[name.at()], true) {
            return;
        }
        self.found.waiting.note(name, &self.pool.waiting_for(name));
        self.found.seen.push(name);
        self.steps.push(Step::Conditions(name));
        self.steps.push(Step::Order(name));
        self.steps.push(Step::Provided(name, 0, 0));
        self.steps.push(Step::Waiting(name, 0));
        self.steps.push(Step::Packages(name, 0));
    }

    fn packages(&mut self, name: NameIx, from: usize) {
        let pool = self.pool;
        for (i, provider) in pool.providers(name).iter().enumerate().skip(from) {
            let package = provider.package;
            if !std::mem::replace(&mut self.walked[package.at()], true) {
                self.steps.push(Step::Packages(name, i + 1));
                let depends = pool.depends(package).iter().rev();
                self.steps.extend(depends.filter(|d| !self.is_seen[d.name.at()]).map(|d| Step::Name(d.name)));
                return;
            }
        }
    }

    fn provided(&mut self, name: NameIx, at: usize, from: usize) {
        let pool = self.pool;
        let mut from = from;
        for (i, provider) in pool.providers(name).iter().enumerate().skip(at) {
            let package = provider.package;
            let provides = pool.provides(package);
            while !self.spread[package.at()] && from <= provides.len() {
                from += 1;
                let next = match from {
                    // The package's own name stands for what waits for it.
                    1 if pool.waiting_by_name(pool.packages[package.at()].name).is_empty() => continue,
                    1 => None,
                    _ if self.is_seen[provides[from - 2].name.at()] => continue,
                    _ => Some(provides[from - 2].name),
                };
                self.steps.push(Step::Provided(name, i, from));
                match next {
                    Some(provided) => self.enter(provided),
                    None => self.enter_waiting(pool.packages[package.at()].name),
                }
                return;
            }
            self.spread[package.at()] = true;
            from = 0;
        }
    }

    /// Only what waits for the name, not the name.
    fn enter_waiting(&mut self, name: NameIx) {
        let unseen;
        let waiting = match self.is_seen[name.at()] {
            true => self.found.waiting(name),
            false => {
                unseen = self.pool.waiting_for(name);
                &unseen
            }
        };
        let new = waiting.iter().rev().filter(|n| !self.is_seen[n.at()]);
        self.steps.extend(new.copied().map(Step::Name));
    }

    fn order(&mut self, name: NameIx) {
        self.last += 1;
        let is_asked = self.asked.contains(&name);
        let own = |p: PkgIx| self.pool.packages[p.at()].name == name;
        let has_package = self.pool.providers(name).iter().any(|p| own(p.package));
        let flags = if is_asked { ASKED } else { 0 } | if has_package { HAS_PACKAGE } else { 0 };
        self.found.order[name.at()] = flags | self.last;
    }

    fn conditions(&mut self, name: NameIx) {
        let pool = self.pool;
        let packages = pool.providers(name).iter().rev();
        let conditions = packages.flat_map(|p| pool.install_if(p.package).iter().rev());
        self.steps.extend(conditions.map(|d| Step::Name(d.name)));
    }
}
