//! The choice among the providers of a name.

use std::cmp::Ordering;

use super::pool::{NameIx, Provider};
use super::state::State;
use super::trouble::Trouble;

impl State<'_, '_> {
    /// Decides a name: its best provider, or nobody.
    pub(super) fn decide(&mut self, name: NameIx) {
        let state = &self.names[name.at()];
        let (is_required, is_wanted) = (state.requirers > 0, state.requirers > 0 || state.has_triggered);
        let mut best: Option<Provider> = None;
        for p in self.pool.providers(name).iter().filter(|_| is_wanted) {
            let package = &self.packages[p.package.at()];
            let comes_in = package.is_triggered && package.tag_ok && package.is_selectable;
            if (is_required || comes_in)
                && self.is_selectable_by_itself(p)
                && best.is_none_or(|best| self.compare(p, &best).is_gt())
            {
                best = Some(*p);
            }
        }
        let Some(chosen) = best else {
            self.assign(name, None);
            if is_required {
                self.errors += 1;
                self.troubles.push(Trouble::Nothing(name));
            }
            return;
        };
        let package = &self.packages[chosen.package.at()];
        if !package.is_selectable || !package.tag_ok {
            self.mark_wrong(Some(chosen.package));
            self.troubles.push(Trouble::Nothing(name));
        }
        let pool = self.pool;
        let own = &pool.packages[chosen.package.at()];
        self.assign(own.name, Some(Provider { package: chosen.package, version: own.version }));
        for d in pool.provides(chosen.package) {
            self.assign(d.name, Some(Provider { package: chosen.package, version: d.version }));
        }
        for d in pool.depends(chosen.package) {
            self.apply(Some((chosen.package, name)), d);
        }
    }

    /// Which of two is the better choice for the name that they provide.
    pub(super) fn compare(&self, a: &Provider, b: &Provider) -> Ordering {
        let (x, y) = (&self.packages[a.package.at()], &self.packages[b.package.at()]);
        let (p, q) = (&self.pool.packages[a.package.at()], &self.pool.packages[b.package.at()]);
        let is_same_name = p.name == q.name;
        let kept = || {
            let counts = is_same_name || !a.version.is_empty() || !b.version.is_empty();
            if counts { p.preferred.cmp(&q.preferred) } else { Ordering::Equal }
        };
        let own_version =
            || if is_same_name { self.pool.compare(p.version, q.version) } else { Ordering::Equal };
        (x.is_selectable.cmp(&y.is_selectable))
            .then(x.was_option.cmp(&y.was_option))
            .then(y.conflicts.cmp(&x.conflicts))
            .then(x.tag_ok.cmp(&y.tag_ok))
            .then(x.tag_preferred.cmp(&y.tag_preferred))
            .then_with(kept)
            .then_with(|| self.pool.compare(a.version, b.version))
            .then_with(own_version)
            .then_with(|| p.priority.cmp(&q.priority))
            .then_with(|| p.preferred.cmp(&q.preferred))
            .then_with(|| q.record.shelf.cmp(&p.record.shelf))
    }

    fn assign(&mut self, name: NameIx, chosen: Option<Provider>) {
        let state = &self.names[name.at()];
        if state.is_locked {
            let is_virtual = |p: &Option<Provider>| p.is_none_or(|p| p.version.is_empty());
            if !(is_virtual(&chosen) && is_virtual(&state.chosen)) {
                let before = state.chosen.map(|p| p.package);
                self.mark_wrong(chosen.map(|p| p.package));
                self.mark_wrong(before);
                self.troubles.push(Trouble::Clash(name, chosen.map(|p| p.package), before));
            }
            return;
        }
        let is_required = state.requirers > 0;
        self.lock(name, chosen);
        let pool = self.pool;
        let package = chosen.map(|p| p.package);
        if let Some(package) = package.filter(|p| !is_required && self.packages[p.at()].is_triggered) {
            for dep in pool.install_if(package) {
                if !self.names[dep.name.at()].is_locked {
                    self.apply(Some((package, name)), dep);
                }
            }
        }
        let is_virtual = chosen.is_none_or(|p| p.version.is_empty());
        for other in pool.providers(name) {
            if Some(other.package) != package && !(is_virtual && other.version.is_empty()) {
                self.disqualify(other.package);
            }
        }
        self.look_at_needing(name);
        match package {
            Some(package) => self.look_at_waiting_for_package(package),
            None => self.look_at_waiting(name),
        }
    }
}
