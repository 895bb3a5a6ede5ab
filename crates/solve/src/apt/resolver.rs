//! apt 2.6's problem resolver (apt-pkg/algorithms.cc, `ResolveInternal`) for an empty system: what
//! marking left broken is repaired from the highest score to the lowest, by keeping packages back.

use std::collections::HashMap;

use package::Priority;

use super::pool::{Clause, Kind, PkgIx, VerIx};
use super::state::State;

/// `pkgProblemResolver::MaxCounter`.
const MAX_ROUNDS: u32 = 20;

pub(crate) struct Resolver {
    scores: HashMap<PkgIx, i64>,
    /// What the user asked for.
    protected: Vec<PkgIx>,
    /// Packages that were upgraded once already (`Upgradable` cleared).
    tried: Vec<PkgIx>,
}

/// What to do with a package whose or-group stays broken.
#[derive(Clone, Copy, PartialEq)]
enum OrOp {
    Remove,
    Keep,
}

impl Resolver {
    pub(crate) fn new(protected: Vec<PkgIx>) -> Resolver {
        Resolver { scores: HashMap::new(), protected, tried: Vec::new() }
    }

    /// Repairs; false if something stays broken.
    pub(crate) fn resolve<'u>(&mut self, s: &mut State<'u>) -> bool {
        if s.broken_count() == 0 {
            return true;
        }
        self.make_scores(s);
        let mut order = s.installed();
        order.sort_by_key(|p| (std::cmp::Reverse(self.score(*p)), s.pool.packages[p.at()].seen, *p));
        for round in 0..MAX_ROUNDS {
            let mut changed = false;
            let mut i = 0;
            while i < order.len() {
                let p = order[i];
                i += 1;
                if let Some(v) = s.cell(p).install
                    && s.is_broken(p)
                {
                    changed |= self.investigate(s, p, v, round);
                    // Marking may have brought in packages that were not there when scores were made.
                    for new in s.installed() {
                        if !order.contains(&new) {
                            order.push(new);
                        }
                    }
                }
            }
            if !changed {
                break;
            }
        }
        s.broken_count() == 0
    }

    fn score(&self, p: PkgIx) -> i64 {
        self.scores.get(&p).copied().unwrap_or(0)
    }

    fn investigate<'u>(&mut self, s: &mut State<'u>, p: PkgIx, v: VerIx, round: u32) -> bool {
        let clauses = s.pool.clauses(v);
        let mut changed = false;
        let mut kill: Vec<PkgIx> = Vec::new();
        for clause in clauses.iter() {
            let in_or = clause.choices.len() > 1;
            let before = kill.len();
            let mut op = OrOp::Remove;
            let mut settled = false;
            for choice in 0..clause.choices.len() {
                if s.holds(v, clause) {
                    settled = true;
                    break;
                }
                match self.consider(s, p, v, clause, choice, &mut op, &mut kill) {
                    Step::Nothing => {}
                    Step::Changed => changed = true,
                }
                if !in_or && self.is_done(s, p) {
                    break;
                }
            }
            if in_or && !settled && before == kill.len() {
                match op {
                    OrOp::Remove if !s.cell(p).protected => {
                        s.mark_delete(p);
                        changed = true;
                    }
                    OrOp::Remove => {}
                    OrOp::Keep => {
                        s.mark_keep(p);
                        changed = true;
                    }
                }
            }
            if !in_or && self.is_done(s, p) {
                break;
            }
        }
        if s.cell(p).install.is_some() {
            changed |= self.apply_kill_list(s, p, &kill, round);
        }
        changed
    }

    fn is_done<'u>(&self, s: &mut State<'u>, p: PkgIx) -> bool {
        s.cell(p).install.is_none()
    }

    #[allow(clippy::too_many_arguments)]
    fn consider<'u>(
        &mut self,
        s: &mut State<'u>,
        p: PkgIx,
        v: VerIx,
        clause: &Clause<'u>,
        choice: usize,
        op: &mut OrOp,
        kill: &mut Vec<PkgIx>,
    ) -> Step {
        let negative = clause.kind.is_negative();
        let in_or = clause.choices.len() > 1;
        let choice = &clause.choices[choice];
        let targets = s.all_targets(v, clause, choice);
        if targets.is_empty() && !negative && !s.cell(p).protected {
            if in_or {
                return Step::Nothing;
            }
            s.mark_keep(p);
            return Step::Changed;
        }
        for target in targets {
            let other = s.pool.versions[target.at()].package;
            if negative && s.cell(other).install != Some(target) {
                continue;
            }
            if !negative || self.score(p) <= self.score(other) {
                if s.cell(p).protected {
                    if self.upgrade(s, other) {
                        let limit = self.score(p);
                        if self.score(other) > limit {
                            self.scores.insert(other, limit);
                        }
                        return Step::Nothing;
                    }
                    continue;
                }
                let was_installed = s.cell(p).marked_install;
                s.mark_keep(p);
                *op = OrOp::Keep;
                if in_or && was_installed {
                    s.mark_install(p, false, 0, false);
                }
                return Step::Changed;
            }
            if clause.kind == Kind::Breaks && !s.candidate_hits(v, clause, choice) {
                s.mark_install(other, false, 0, false);
                continue;
            }
            if !s.cell(other).protected {
                kill.push(other);
            }
        }
        Step::Nothing
    }

    fn apply_kill_list<'u>(&mut self, s: &mut State<'u>, p: PkgIx, kill: &[PkgIx], round: u32) -> bool {
        let mut changed = false;
        for &other in kill {
            let kept = s.mark_keep(other);
            if (!kept || round > 1) && self.score(p) > self.score(other) {
                let score = self.score(p);
                self.scores.insert(other, score);
                changed = true;
            }
            changed |= kept;
        }
        changed
    }

    /// `DoUpgrade`: installs a package after all, if that can be made to hold.
    fn upgrade<'u>(&mut self, s: &mut State<'u>, p: PkgIx) -> bool {
        if self.tried.contains(&p) || s.cell(p).candidate.is_none() || self.protected.contains(&p) {
            return false;
        }
        self.tried.push(p);
        let was_kept = !s.cell(p).marked_install;
        if !s.mark_install(p, false, 0, false) {
            return false;
        }
        let Some(v) = s.cell(p).install else { return false };
        let clauses = s.pool.clauses(v);
        let mut failed = false;
        for clause in clauses.iter() {
            failed = self.upgrade_clause(s, v, clause, failed);
            if failed {
                break;
            }
        }
        if failed {
            if was_kept {
                s.mark_keep(p);
            } else {
                s.mark_delete(p);
            }
        }
        !failed
    }

    fn upgrade_clause<'u>(
        &mut self,
        s: &mut State<'u>,
        v: VerIx,
        clause: &Clause<'u>,
        mut failed: bool,
    ) -> bool {
        for choice in &clause.choices {
            if s.holds(v, clause) {
                break;
            }
            let target = s.smart_target(v, choice);
            if target.is_some_and(|t| s.cell(t).protected) {
                failed = true;
            } else if s.candidate_hits(v, clause, choice) != clause.kind.is_negative() {
                if target.is_some_and(|t| self.upgrade(s, t)) {
                    return false;
                }
                failed = true;
            } else if clause.kind.is_negative() {
                break;
            } else {
                failed = true;
            }
        }
        failed
    }

    /// `MakeScores`.
    fn make_scores<'u>(&mut self, s: &mut State<'u>) {
        let installed = s.installed();
        let precious = |s: &State<'u>, p: PkgIx| {
            let package = &s.pool.packages[p.at()];
            package.essential || package.important
        };
        for &p in &installed {
            let Some(v) = s.cell(p).install else { continue };
            let own = i64::from(precious(s, p)) * 100 + of_priority(s.pool.versions[v.at()].priority);
            *self.scores.entry(p).or_default() += own;
            self.add_along_relations(s, v);
        }
        let old = self.scores.clone();
        let raised = self.inherit(s, &installed, &old);
        for p in raised {
            let transfer = (self.score(p) - old.get(&p).copied().unwrap_or(0)).abs();
            for other in s.installed_providers(p) {
                *self.scores.entry(other).or_default() += transfer;
            }
        }
        for &p in &installed {
            let more = i64::from(self.protected.contains(&p)) * 10_000 + i64::from(precious(s, p)) * 5000;
            *self.scores.entry(p).or_default() += more;
        }
    }

    fn add_along_relations<'u>(&mut self, s: &mut State<'u>, v: VerIx) {
        let (strong, weak) = (s.pool.clauses(v), s.pool.weak_clauses(v));
        for clause in strong.iter().chain(weak.iter()) {
            let weight = match clause.kind {
                Kind::Suggests => continue,
                Kind::Conflicts | Kind::Breaks => -1,
                _ => 1,
            };
            for choice in &clause.choices {
                for p in s.scored_targets(v, clause, choice) {
                    *self.scores.entry(p).or_default() += weight;
                }
            }
        }
    }

    /// One level of inheritance: what depends on a package adds its own score, if positive.
    fn inherit<'u>(
        &mut self,
        s: &mut State<'u>,
        installed: &[PkgIx],
        old: &HashMap<PkgIx, i64>,
    ) -> Vec<PkgIx> {
        let mut raised = Vec::new();
        for &parent in installed {
            let gain = old.get(&parent).copied().unwrap_or(0);
            let Some(v) = s.cell(parent).install.filter(|_| gain > 0) else { continue };
            let (strong, weak) = (s.pool.clauses(v), s.pool.weak_clauses(v));
            let wanted = |k: Kind| matches!(k, Kind::Depends | Kind::PreDepends | Kind::Recommends);
            for clause in strong.iter().chain(weak.iter()).filter(|c| wanted(c.kind)) {
                for choice in &clause.choices {
                    let real = s.pool.targets[choice.target.at()].real;
                    if let Some(p) = real.filter(|p| s.cell(*p).install.is_some()) {
                        *self.scores.entry(p).or_default() += gain;
                        raised.push(p);
                    }
                }
            }
        }
        raised.sort_unstable();
        raised.dedup();
        raised
    }
}

enum Step {
    Nothing,
    Changed,
}

/// `PrioMap`.
fn of_priority(priority: Priority) -> i64 {
    match priority {
        Priority::Unknown => 0,
        Priority::Required => 3,
        Priority::Important => 2,
        Priority::Standard => 1,
        Priority::Optional => -1,
        Priority::Extra => -2,
    }
}
