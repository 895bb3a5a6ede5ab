//! Another look at the options of a name: what became impossible, whose conditions came true, and
//! what all options that are left have in common.

use package::Op;

use super::pool::{Dep, NameIx, PkgIx, Provider};
use super::state::State;
use super::trouble::Demand;

/// What the providers of a name have in common.
#[derive(Default)]
struct Merge {
    first: Option<PkgIx>,
    options: u32,
    tag_not_ok: bool,
    has_selectable: bool,
    has_triggered: bool,
    none_can_trigger: bool,
}

impl State<'_, '_> {
    /// Looks again at the options of a name: what became impossible, whose conditions came true, and
    /// what all that remain have in common, which then holds whichever is chosen.
    pub(super) fn reconsider(&mut self, name: NameIx) {
        let state = &mut self.names[name.at()];
        let look_at_depends = std::mem::take(&mut state.look_at_depends);
        let look_at_conditions = std::mem::take(&mut state.look_at_conditions);
        let mut merge = Merge { none_can_trigger: true, ..Merge::default() };
        for provider in self.pool.providers(name) {
            self.consider(name, provider, look_at_depends, look_at_conditions, &mut merge);
        }
        let state = &mut self.names[name.at()];
        state.has_options = merge.options > 1 || merge.tag_not_ok;
        state.has_triggered = merge.has_triggered;
        state.none_can_trigger = merge.none_can_trigger;
        let again =
            std::mem::replace(&mut state.has_selectable, merge.has_selectable) != merge.has_selectable;
        if let Some(first) = merge.first {
            self.spread_common(name, first, merge.options);
        }
        let decided = self.needed_by.of(name).iter().all(|by| self.names[by.at()].is_locked);
        self.names[name.at()].requirers_decided = decided;
        self.queue_name(name, again);
    }

    fn consider(&mut self, name: NameIx, p: &Provider, depends: bool, conditions: bool, merge: &mut Merge) {
        let package = p.package;
        self.packages[package.at()].is_option = false;
        if depends && self.packages[package.at()].is_selectable {
            let list = self.pool.depends(package);
            if !list.iter().all(|dep| self.can_be_met(package, dep)) {
                self.disqualify(package);
            }
        }
        if !self.packages[package.at()].is_selectable {
            return;
        }
        if conditions {
            self.look_at_install_if(package);
        }
        let state = &mut self.packages[package.at()];
        merge.has_triggered |= state.is_triggered;
        merge.none_can_trigger &= state.cannot_trigger;
        merge.has_selectable |= state.is_triggered;
        if self.names[name.at()].requirers == 0 {
            return;
        }
        state.is_option = true;
        merge.tag_not_ok |= !state.tag_ok;
        merge.first.get_or_insert(package);
        for dep in self.pool.depends(package).iter().filter(|d| !d.conflict) {
            advance(&mut self.names[dep.name.at()].merged_depends, merge.options);
        }
        let own = (self.pool.packages[package.at()].name, p.version.is_empty());
        let provided = self.pool.provides(package).iter().map(|d| (d.name, d.version.is_empty()));
        for (name, is_virtual) in std::iter::once(own).chain(provided) {
            let state = &mut self.names[name.at()];
            if advance(&mut state.merged_provides, merge.options) {
                state.has_virtual |= is_virtual;
            }
        }
        merge.options += 1;
        merge.has_selectable |= self.is_selectable_by_itself(p);
    }

    fn look_at_install_if(&mut self, package: PkgIx) {
        let conditions = self.pool.install_if(package);
        let state = &self.packages[package.at()];
        if !state.is_triggered && !state.cannot_trigger {
            let (mut is_triggered, mut cannot_trigger) = (true, false);
            for dep in conditions {
                let name = &mut self.names[dep.name.at()];
                if !name.is_locked {
                    is_triggered = false;
                    if dep.conflict {
                        name.is_condition = true;
                        self.queue_name(dep.name, false);
                    }
                    break;
                }
                if !self.pool.is_met(Some(package), dep, name.chosen) {
                    (is_triggered, cannot_trigger) = (false, true);
                    break;
                }
            }
            let state = &mut self.packages[package.at()];
            (state.is_triggered, state.cannot_trigger) = (is_triggered, cannot_trigger);
        }
        if self.packages[package.at()].is_triggered {
            for dep in conditions {
                let from = self.names[dep.name.at()].chosen.map(|c| c.package);
                self.inherit(package, from);
            }
        }
    }

    /// What all options need is needed; what all provide, nobody else may.
    fn spread_common(&mut self, name: NameIx, first: PkgIx, options: u32) {
        for p in self.pool.providers(name) {
            let state = &mut self.packages[p.package.at()];
            state.was_option = state.is_option;
        }
        for dep in self.pool.depends(first) {
            let is_common = is_complete(&mut self.names[dep.name.at()].merged_depends, options);
            if options == 1 {
                if is_common {
                    self.apply(Some((first, name)), dep);
                }
            } else if is_common && self.names[dep.name.at()].requirers == 0 {
                self.names[dep.name.at()].requirers = 1;
                self.demands.push(Demand { by: Some((first, name)), dep: Dep { op: Op::Any, ..*dep } });
                self.requirers_changed(dep.name);
                for p in self.pool.providers(dep.name) {
                    self.inherit(p.package, Some(first));
                }
            }
        }
        let own = self.pool.packages[first.at()].name;
        let provided = || std::iter::once(own).chain(self.pool.provides(first).iter().map(|d| d.name));
        let common: Vec<NameIx> = provided().collect();
        for &provided in &common {
            if is_complete(&mut self.names[provided.at()].merged_provides, options) {
                let skip_virtual = self.names[provided.at()].has_virtual;
                self.exclude_others(provided, name, skip_virtual);
            }
        }
        for provided in common {
            self.names[provided.at()].has_virtual = false;
        }
    }

    /// Whoever provides `name` must provide `wanted` too.
    fn exclude_others(&mut self, name: NameIx, wanted: NameIx, skip_virtual: bool) {
        if name == wanted {
            return;
        }
        for p in self.pool.providers(name) {
            let package = p.package;
            if self.pool.packages[package.at()].name == wanted
                || !self.packages[package.at()].is_selectable
                || skip_virtual && p.version.is_empty()
            {
                continue;
            }
            let stays = |d: &Dep| d.name == wanted || skip_virtual && d.version.is_empty();
            if !self.pool.provides(package).iter().any(stays) {
                self.excluded.push((package, name, wanted));
                self.disqualify(package);
            }
        }
    }
}

/// Counts an option, if all before it were counted.
fn advance(count: &mut u32, options: u32) -> bool {
    let counts = *count == options;
    *count += u32::from(counts);
    counts
}

/// Did all options count? Sets it back.
fn is_complete(count: &mut u32, options: u32) -> bool {
    std::mem::take(count) == options
}
