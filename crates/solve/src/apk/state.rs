//! The state of the search, and how constraints spread.

use std::collections::{BTreeSet, VecDeque};

use super::discover::Found;
use super::grouped::Grouped;
use super::pool::{Dep, NameIx, PkgIx, Pool, Provider, UNTAGGED};
use super::trouble::{Demand, Trouble};

/// Which queue a name waits in to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Queue {
    #[default]
    None,
    /// It has one option left, and all that could forbid it is decided.
    Now,
    /// One of its providers may be chosen by itself.
    Selectable,
    /// None may; perhaps another name brings one.
    Rest,
}

#[derive(Debug, Clone, Default)]
pub(super) struct NameState {
    /// Place in the order of deciding; 0 for a name that was not seen.
    order: u32,
    /// Decided: [`NameState::chosen`] has it, or nobody does.
    pub(super) is_locked: bool,
    pub(super) chosen: Option<Provider>,
    pub(super) requirers: u32,
    /// Dependencies of its providers may have become impossible.
    pub(super) look_at_depends: bool,
    /// Conditions of its providers may have come true.
    pub(super) look_at_conditions: bool,
    is_dirty: bool,
    queue: Queue,
    /// Some provider's `install_if` is satisfied.
    pub(super) has_triggered: bool,
    /// No provider's `install_if` can be satisfied any more.
    pub(super) none_can_trigger: bool,
    /// An `install_if` hangs on its absence.
    pub(super) is_condition: bool,
    pub(super) has_options: bool,
    pub(super) has_selectable: bool,
    pub(super) requirers_decided: bool,
    pub(super) merged_depends: u32,
    pub(super) merged_provides: u32,
    pub(super) has_virtual: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct PackageState {
    pub(super) is_selectable: bool,
    /// Mask of tags that who needs it allows.
    pub(super) allowed: u64,
    pub(super) tag_ok: bool,
    pub(super) tag_preferred: bool,
    pub(super) is_triggered: bool,
    pub(super) cannot_trigger: bool,
    pub(super) conflicts: u32,
    /// It was an option when its name's options were last compared.
    pub(super) is_option: bool,
    pub(super) was_option: bool,
    pub(super) is_wrong: bool,
}

pub(super) struct State<'p, 'u> {
    pub(super) pool: &'p Pool<'u>,
    pub(super) names: Vec<NameState>,
    pub(super) packages: Vec<PackageState>,
    /// For each name, the seen names one of whose providers depends on it.
    pub(super) needed_by: Grouped<NameIx>,
    pub(super) found: &'p Found,
    dirty: VecDeque<NameIx>,
    now: VecDeque<NameIx>,
    selectable: BTreeSet<(u32, NameIx)>,
    rest: BTreeSet<(u32, NameIx)>,
    pub(super) errors: u32,
    /// Where they happened, and all demands in their order: for explanations.
    pub(super) troubles: Vec<Trouble>,
    pub(super) demands: Vec<Demand>,
    /// Packages that went out since they have a name (the second) that all have which another one (the third)
    /// can be chosen from.
    pub(super) excluded: Vec<(PkgIx, NameIx, NameIx)>,
    /// The tag of the package line that is being applied.
    line_tag: u64,
}

impl NameState {
    pub(super) fn is_seen(&self) -> bool {
        self.order > 0
    }
}

/// For each name, the seen names one of whose providers depends on it, in the order of apk's table.
fn needs(pool: &Pool<'_>, found: &Found) -> Grouped<NameIx> {
    let mut seen = found.seen.clone();
    pool.sort(&mut seen);
    let mut last = vec![None; pool.name_count()];
    let mut all = Vec::new();
    for name in seen {
        // The providers of one name may repeat a dependency.
        for dep in pool.providers(name).iter().flat_map(|p| pool.depends(p.package)) {
            if last[dep.name.at()].replace(name) != Some(name) {
                all.push((dep.name, name));
            }
        }
    }
    Grouped::new(pool.name_count(), all.iter().copied())
}

impl<'p, 'u> State<'p, 'u> {
    pub(super) fn new(pool: &'p Pool<'u>, found: &'p Found) -> State<'p, 'u> {
        let packages = (0..pool.packages.len()).map(|i| first_state(pool, PkgIx::from_place(i))).collect();
        let mut names = vec![NameState::default(); found.order.len()];
        for name in &found.seen {
            let state = &mut names[name.at()];
            state.order = found.order[name.at()];
            let mut providers = pool.providers(*name).iter();
            state.none_can_trigger = providers.all(|p| pool.install_if(p.package).is_empty());
        }
        State {
            pool,
            names,
            packages,
            needed_by: needs(pool, found),
            found,
            dirty: VecDeque::new(),
            now: VecDeque::new(),
            selectable: BTreeSet::new(),
            rest: BTreeSet::new(),
            errors: 0,
            troubles: Vec::new(),
            demands: Vec::new(),
            excluded: Vec::new(),
            line_tag: 0,
        }
    }

    /// Follows all that is forced, then decides the next name, until none is left.
    pub(super) fn run(&mut self) {
        loop {
            while let Some(name) = self.dirty.pop_front() {
                if std::mem::take(&mut self.names[name.at()].is_dirty) {
                    self.reconsider(name);
                }
            }
            let Some(name) = self.next_name() else { return };
            self.decide(name);
        }
    }

    fn next_name(&mut self) -> Option<NameIx> {
        while let Some(name) = self.now.pop_front() {
            if std::mem::take(&mut self.names[name.at()].queue) == Queue::Now {
                return Some(name);
            }
        }
        let (_, name) = self.selectable.pop_last().or_else(|| self.rest.pop_last())?;
        self.names[name.at()].queue = Queue::None;
        Some(name)
    }

    fn leave_queue(&mut self, name: NameIx) {
        let state = &mut self.names[name.at()];
        let key = (state.order, name);
        match std::mem::take(&mut state.queue) {
            Queue::Selectable => self.selectable.remove(&key),
            Queue::Rest => self.rest.remove(&key),
            // Its place in the line is passed over when it is reached.
            Queue::Now | Queue::None => false,
        };
    }

    fn queue_dirty(&mut self, name: NameIx) {
        let state = &mut self.names[name.at()];
        if state.is_dirty || state.is_locked || state.requirers == 0 && !state.look_at_conditions {
            return;
        }
        state.is_dirty = true;
        self.dirty.push_back(name);
    }

    pub(super) fn queue_name(&mut self, name: NameIx, again: bool) {
        let state = &mut self.names[name.at()];
        if state.is_locked || state.queue == Queue::Now {
            return;
        }
        let is_ready =
            state.requirers_decided && state.requirers > 0 && state.has_selectable && !state.has_options;
        if state.queue == Queue::None {
            if state.requirers == 0 && !state.has_triggered && !state.is_condition {
                return;
            }
        } else if !is_ready && !again {
            return;
        }
        let (order, has_selectable) = (state.order, state.has_selectable);
        self.leave_queue(name);
        let state = &mut self.names[name.at()];
        if is_ready {
            state.queue = Queue::Now;
            self.now.push_back(name);
        } else if has_selectable {
            state.queue = Queue::Selectable;
            self.selectable.insert((order, name));
        } else {
            state.queue = Queue::Rest;
            self.rest.insert((order, name));
        }
    }

    /// Decides a name for good.
    pub(super) fn lock(&mut self, name: NameIx, chosen: Option<Provider>) {
        self.leave_queue(name);
        let state = &mut self.names[name.at()];
        state.is_dirty = false;
        state.is_locked = true;
        state.chosen = chosen;
    }

    pub(super) fn look_at_needing(&mut self, name: NameIx) {
        for i in 0..self.needed_by.of(name).len() {
            let by = self.needed_by.of(name)[i];
            self.names[by.at()].look_at_depends = true;
            self.queue_dirty(by);
        }
    }

    pub(super) fn look_at_waiting(&mut self, name: NameIx) {
        let found = self.found;
        for &by in found.waiting(name) {
            let state = &mut self.names[by.at()];
            if state.is_seen() && !state.none_can_trigger {
                state.look_at_conditions = true;
                self.queue_dirty(by);
            }
        }
    }

    pub(super) fn look_at_waiting_for_package(&mut self, package: PkgIx) {
        self.look_at_waiting(self.pool.packages[package.at()].name);
        for provided in self.pool.provides(package) {
            self.look_at_waiting(provided.name);
        }
    }

    pub(super) fn disqualify(&mut self, package: PkgIx) {
        self.packages[package.at()].is_selectable = false;
        self.look_at_needing(self.pool.packages[package.at()].name);
        for provided in self.pool.provides(package) {
            self.look_at_needing(provided.name);
        }
        self.look_at_waiting_for_package(package);
    }

    pub(super) fn mark_wrong(&mut self, package: Option<PkgIx>) {
        let Some(package) = package else { return };
        if !std::mem::replace(&mut self.packages[package.at()].is_wrong, true) {
            self.errors += 1;
        }
    }

    pub(super) fn requirers_changed(&mut self, name: NameIx) {
        self.queue_name(name, false);
        self.look_at_waiting(name);
        self.queue_dirty(name);
    }

    /// Hands on which tags may be used: from who needs the package, or from a package line.
    pub(super) fn inherit(&mut self, package: PkgIx, from: Option<PkgIx>) {
        let allowed = from.map(|from| self.packages[from.at()].allowed);
        let tags = self.pool.packages[package.at()].tags;
        let state = &mut self.packages[package.at()];
        match allowed {
            Some(allowed) => state.allowed |= allowed,
            None => {
                state.allowed |= self.line_tag;
                state.tag_preferred = tags & self.line_tag != 0;
            }
        }
        state.tag_ok |= tags & state.allowed != 0;
    }

    /// Applies one line of the request; `tag` is its tag's bit.
    pub(super) fn apply_line(&mut self, dep: &Dep, tag: u64) {
        self.line_tag = tag;
        self.apply(None, dep);
        self.line_tag = 0;
    }

    /// Takes up a demand of a package that is looked at for a name.
    pub(super) fn apply(&mut self, by: Option<(PkgIx, NameIx)>, dep: &Dep) {
        self.demands.push(Demand { by, dep: *dep });
        let by = by.map(|(package, _)| package);
        if !dep.conflict {
            self.names[dep.name.at()].requirers += 1;
            if self.names[dep.name.at()].requirers == 1 {
                self.requirers_changed(dep.name);
            }
        }
        for provider in self.pool.providers(dep.name) {
            let package = provider.package;
            let is_met = self.pool.is_met(by, dep, Some(*provider));
            let state = &mut self.packages[package.at()];
            state.conflicts += u32::from(!is_met);
            if state.is_selectable && state.conflicts > 0 {
                self.disqualify(package);
            }
            if is_met {
                self.inherit(package, by);
            }
        }
    }

    pub(super) fn can_be_met(&self, of: PkgIx, dep: &Dep) -> bool {
        let name = &self.names[dep.name.at()];
        if name.is_locked {
            return self.pool.is_met(Some(of), dep, name.chosen);
        }
        if name.requirers == 0 && dep.conflict {
            return true;
        }
        let mut providers = self.pool.providers(dep.name).iter();
        providers
            .any(|p| self.packages[p.package.at()].is_selectable && self.pool.is_met(Some(of), dep, Some(*p)))
    }

    /// May it be chosen without anybody naming it? A virtual provision only by its priority.
    pub(super) fn is_selectable_by_itself(&self, provider: &Provider) -> bool {
        let package = &self.pool.packages[provider.package.at()];
        !provider.version.is_empty() || package.priority > 0 || self.names[package.name.at()].requirers > 0
    }
}

fn first_state(pool: &Pool<'_>, ix: PkgIx) -> PackageState {
    let package = &pool.packages[ix.at()];
    let tag_preferred = package.is_empty || package.tags & UNTAGGED != 0;
    PackageState {
        is_selectable: !package.uninstallable && package.barred.is_none(),
        allowed: UNTAGGED,
        tag_ok: tag_preferred,
        tag_preferred,
        cannot_trigger: pool.install_if(ix).is_empty(),
        ..PackageState::default()
    }
}
