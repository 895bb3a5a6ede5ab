//! The install order, as apk makes it: for each line of the request in the order of names, what a
//! package depends on before it, and what waited for it right after it. On the way each dependency
//! is checked once more against what was chosen.

use super::pool::{Dep, NameIx, PkgIx, Provider};
use super::state::State;

enum Step<'p> {
    /// What a package (or, for none, the request) depends on.
    Dependency(Option<PkgIx>, &'p Dep),
    /// Errors rise to whom they make impossible.
    Rise(PkgIx, PkgIx),
    Install(PkgIx),
    /// What waits for the package, by its own name (0) and what it provides, from the m-th on.
    Waiting(PkgIx, usize, usize),
}

/// Walks from the lines of the request.
pub(super) fn install_order<'p, 'u>(state: &mut State<'p, 'u>, world: &'p [Dep]) -> Vec<PkgIx> {
    let mut walk = Walk {
        is_done: vec![false; state.names.len()],
        is_in: vec![false; state.packages.len()],
        order: Vec::new(),
        steps: Vec::new(),
        state,
    };
    for line in world {
        walk.steps.push(Step::Dependency(None, line));
        while let Some(step) = walk.steps.pop() {
            walk.take(step);
        }
    }
    walk.order
}

struct Walk<'s, 'p, 'u> {
    state: &'s mut State<'p, 'u>,
    is_done: Vec<bool>,
    is_in: Vec<bool>,
    order: Vec<PkgIx>,
    steps: Vec<Step<'p>>,
}

impl<'p, 'u> Walk<'_, 'p, 'u> {
    fn take(&mut self, step: Step<'p>) {
        match step {
            Step::Dependency(of, dep) => {
                let chosen = self.state.names[dep.name.at()].chosen;
                if !self.state.pool.is_met(of, dep, chosen) {
                    self.state.mark_wrong(of);
                }
                if let (Some(of), Some(chosen)) = (of, chosen) {
                    self.steps.push(Step::Rise(of, chosen.package));
                }
                self.enter(dep.name);
            }
            Step::Rise(of, from) => {
                if self.state.packages[from.at()].is_wrong {
                    self.state.mark_wrong(Some(of));
                }
            }
            Step::Install(package) => self.order.push(package),
            Step::Waiting(package, name, from) => self.waiting(package, name, from),
        }
    }

    fn enter(&mut self, name: NameIx) {
        if std::mem::replace(&mut self.is_done[name.at()], true) {
            return;
        }
        let Some(Provider { package, .. }) = self.state.names[name.at()].chosen else { return };
        if std::mem::replace(&mut self.is_in[package.at()], true) {
            return;
        }
        let pool = self.state.pool;
        self.is_done[pool.packages[package.at()].name.at()] = true;
        for provided in pool.provides(package) {
            self.is_done[provided.name.at()] = true;
        }
        self.steps.push(Step::Waiting(package, 0, 0));
        self.steps.push(Step::Install(package));
        let depends = pool.depends(package).iter().rev();
        self.steps.extend(depends.map(|dep| Step::Dependency(Some(package), dep)));
    }

    fn waiting(&mut self, package: PkgIx, at: usize, from: usize) {
        let pool = self.state.pool;
        let name = match at {
            0 => pool.packages[package.at()].name,
            _ => match pool.provides(package).get(at - 1) {
                Some(provided) => provided.name,
                None => return,
            },
        };
        let Some(&waiting) = self.state.found.waiting(name).get(from) else {
            self.steps.push(Step::Waiting(package, at + 1, 0));
            return;
        };
        self.steps.push(Step::Waiting(package, at, from + 1));
        let state = &self.state.names[waiting.at()];
        let Some(chosen) = state.chosen.filter(|_| state.is_seen() && !self.is_done[waiting.at()]) else {
            return;
        };
        let is_met = |dep: &Dep| {
            (dep.conflict || self.is_done[dep.name.at()])
                && pool.is_met(Some(chosen.package), dep, self.state.names[dep.name.at()].chosen)
        };
        if pool.install_if(chosen.package).iter().all(is_met) {
            self.enter(waiting);
        }
    }
}
