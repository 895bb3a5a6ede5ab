//! Marking for installation, as apt 2.6 does it (apt-pkg/depcache.cc): depth first, dependencies in
//! the order of the fields, the first alternative that works.

use super::pool::{Clause, NameIx, PkgIx, VerIx};
use super::state::State;

/// apt stops here too.
const MAX_DEPTH: u32 = 3000;

impl<'u> State<'u> {
    fn may_change(&mut self, p: PkgIx, install: bool, depth: u32, from_user: bool) -> bool {
        if depth > MAX_DEPTH || self.pool.packages[p.at()].versions.is_empty() {
            return false;
        }
        let cell = self.cell(p);
        from_user || cell.marked_install == install || !cell.protected
    }

    /// `MarkKeep`: not installed after all.
    pub(crate) fn mark_keep(&mut self, p: PkgIx) -> bool {
        if !self.may_change(p, false, 0, false) {
            return false;
        }
        let cell = self.cell_mut(p);
        if cell.marked_install {
            cell.marked_install = false;
            cell.install = None;
            self.update(p);
        }
        true
    }

    /// `MarkDelete`: as `MarkKeep`, but essential packages and what the user asked for stay.
    pub(crate) fn mark_delete(&mut self, p: PkgIx) -> bool {
        let package = &self.pool.packages[p.at()];
        let precious = package.essential || package.important;
        let cell = self.cell(p);
        if self.pool.packages[p.at()].versions.is_empty() || cell.protected || precious {
            return false;
        }
        if cell.install.is_none() {
            return true;
        }
        if !cell.auto {
            return false;
        }
        let cell = self.cell_mut(p);
        cell.marked_install = false;
        cell.install = None;
        self.update(p);
        true
    }

    fn change_to_install(&mut self, p: PkgIx, from_user: bool) {
        let cell = self.cell_mut(p);
        if cell.protected && cell.install == cell.candidate {
            return;
        }
        cell.marked_install = true;
        cell.install = cell.candidate;
        cell.auto = !from_user;
        self.update(p);
    }

    fn discard_install(&mut self, p: PkgIx) {
        let cell = self.cell_mut(p);
        cell.install = None;
        cell.marked_install = false;
        self.update(p);
        self.discard_candidate(p);
    }

    /// `MarkInstall`.
    pub(crate) fn mark_install(&mut self, p: PkgIx, with_depends: bool, depth: u32, from_user: bool) -> bool {
        if !self.may_change(p, true, depth, from_user) {
            return false;
        }
        let cell = self.cell(p);
        let Some(candidate) = cell.candidate else { return false };
        if !cell.protected && cell.marked_install && !self.is_broken(p) {
            return true;
        }
        if with_depends && !self.is_satisfiable_by_candidates(p, candidate) {
            return false;
        }
        if from_user {
            self.change_to_install(p, true);
        }
        let fail_early = !cell.protected && !from_user;
        if !with_depends {
            if !from_user {
                self.change_to_install(p, false);
            }
            return true;
        }
        let (to_install, to_remove) = self.collect_dependencies(candidate, cell.protected);
        let mut failed = false;
        if !self.remove_conflicts(candidate, &to_remove, cell.protected, from_user) {
            if fail_early {
                return false;
            }
            failed = true;
        }
        if !from_user {
            self.change_to_install(p, false);
        }
        self.cell_mut(p).protected = true;
        let installed = self.install_dependencies(candidate, depth, &to_install, cell.protected, from_user);
        if !installed && fail_early {
            self.discard_install(p);
        }
        self.cell_mut(p).protected = cell.protected;
        installed && !failed
    }

    /// `IsInstallOkDependenciesSatisfiableByCandidates`.
    fn is_satisfiable_by_candidates(&mut self, p: PkgIx, candidate: VerIx) -> bool {
        let clauses = self.pool.clauses(candidate);
        for clause in clauses.iter().filter(|c| !c.kind.is_negative()) {
            let possible = clause.choices.iter().any(|choice| {
                self.install_hits(candidate, clause, choice) || self.candidate_hits(candidate, clause, choice)
            });
            if possible {
                continue;
            }
            if !self.cell(p).protected {
                self.drop_candidate(p);
                self.cell_mut(p).marked_install = false;
            }
            return false;
        }
        true
    }

    fn collect_dependencies(&mut self, v: VerIx, protected: bool) -> (Vec<usize>, Vec<usize>) {
        let clauses = self.pool.clauses(v);
        let (mut to_install, mut to_remove) = (Vec::new(), Vec::new());
        for (i, clause) in clauses.iter().enumerate() {
            if self.holds(v, clause) && !protected {
                continue;
            }
            let list = if clause.kind.is_negative() { &mut to_remove } else { &mut to_install };
            list.push(i);
        }
        (to_install, to_remove)
    }

    /// `RemoveConflictsIfNotUpgradeable`.
    fn remove_conflicts(&mut self, v: VerIx, to_remove: &[usize], protected: bool, from_user: bool) -> bool {
        let clauses = self.pool.clauses(v);
        let mut failed = false;
        for &i in to_remove {
            for hit in self.possible_solutions(v, &clauses[i]) {
                let other = self.pool.versions[hit.at()].package;
                let cell = self.cell(other);
                if cell.candidate != Some(hit) {
                    continue;
                }
                if cell.marked_install && !self.mark_keep(other) {
                    failed = true;
                    if !protected && !from_user {
                        break;
                    }
                } else if protected {
                    self.discard_candidate(other);
                    self.cell_mut(other).protected = true;
                }
            }
            if failed && !protected && !from_user {
                break;
            }
        }
        !failed
    }

    /// `InstallDependencies`.
    fn install_dependencies(
        &mut self,
        v: VerIx,
        depth: u32,
        to_install: &[usize],
        protected: bool,
        from_user: bool,
    ) -> bool {
        let clauses = self.pool.clauses(v);
        let mut failed = false;
        for &i in to_install {
            let clause = &clauses[i];
            if self.holds(v, clause) {
                if protected {
                    failed |= !self.protect_only_solution(v, clause, depth);
                }
                continue;
            }
            if !self.install_first_possible(v, clause, depth, protected) {
                failed = true;
                if !protected && !from_user {
                    break;
                }
            }
        }
        !failed
    }

    fn protect_only_solution(&mut self, v: VerIx, clause: &Clause<'u>, depth: u32) -> bool {
        let mut possible = self.unsorted_solutions(v, clause);
        possible.sort_unstable();
        possible.dedup();
        self.drop_ruled_out(&mut possible);
        let [only] = possible.as_slice() else { return true };
        let p = self.pool.versions[only.at()].package;
        if self.cell(p).protected {
            return true;
        }
        self.cell_mut(p).protected = true;
        self.mark_install(p, true, depth + 1, false)
    }

    fn install_first_possible(&mut self, v: VerIx, clause: &Clause<'u>, depth: u32, protected: bool) -> bool {
        let possible = self.possible_solutions(v, clause);
        for &solution in &possible {
            let p = self.pool.versions[solution.at()].package;
            if self.cell(p).candidate != Some(solution) {
                continue;
            }
            if protected && possible.len() == 1 {
                if !self.mark_install(p, false, depth + 1, false) {
                    continue;
                }
                self.cell_mut(p).protected = true;
            }
            if self.mark_install(p, true, depth + 1, false) {
                return true;
            }
        }
        false
    }

    fn unsorted_solutions(&mut self, v: VerIx, clause: &Clause<'u>) -> Vec<VerIx> {
        clause.choices.iter().flat_map(|choice| self.candidates(v, clause, choice)).collect()
    }

    /// `getAllPossibleSolutions`, sorted: what was kept before all else, then choice by choice.
    fn possible_solutions(&mut self, v: VerIx, clause: &Clause<'u>) -> Vec<VerIx> {
        let (mut kept, mut fresh) = (Vec::new(), Vec::new());
        for choice in &clause.choices {
            let mut found = self.candidates(v, clause, choice);
            let name = self.pool.targets[choice.target.at()].name;
            let own_group = self.pool.targets[choice.target.at()].real.is_some();
            let keys: Vec<Preference> =
                found.iter().map(|f| self.preference(*f, own_group.then_some(name))).collect();
            let mut order: Vec<usize> = (0..found.len()).collect();
            order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
            found = order.into_iter().map(|i| found[i]).collect();
            for f in found {
                let is_kept = self.kept.contains(&self.pool.versions[f.at()].package);
                if is_kept { kept.push(f) } else { fresh.push(f) }
            }
        }
        kept.append(&mut fresh);
        kept.dedup();
        if !clause.kind.is_negative() {
            self.drop_ruled_out(&mut kept);
        }
        kept
    }

    /// Drops what was protected as not to be installed.
    fn drop_ruled_out(&mut self, solutions: &mut Vec<VerIx>) {
        solutions.retain(|s| {
            let cell = self.cell(self.pool.versions[s.at()].package);
            !cell.protected || cell.marked_install
        });
    }

    /// `CompareProviders`; smaller is better.
    fn preference(&mut self, v: VerIx, group: Option<NameIx>) -> Preference {
        let version = &self.pool.versions[v.at()];
        let (p, priority) = (version.package, version.priority);
        let protected = self.cell(p).protected;
        let package = &self.pool.packages[p.at()];
        Preference {
            protected: !protected,
            other_group: group != Some(package.name),
            not_essential: !package.essential,
            not_important: !package.important,
            arch: package.arch.0,
            // apt counts `Unknown` (0) as better than `required` (1).
            priority: (priority != package::Priority::Unknown, priority),
            seen: std::cmp::Reverse((package.seen, p.0)),
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    protected: bool,
    other_group: bool,
    not_essential: bool,
    not_important: bool,
    arch: u32,
    priority: (bool, package::Priority),
    /// Of equal ones, the name that the indexes mention last.
    seen: std::cmp::Reverse<((u16, u32), u32)>,
}
