//! `name/suite`: where the chosen version needs versions that are no candidates, those of the same
//! source become candidates (apt 2.6, depcache.cc, `SetCandidateRelease`).

use super::pool::{Choice, Clause, Kind, Limit, PkgIx, VerIx};
use super::state::State;

impl<'u> State<'u> {
    /// Lets candidates follow a source, as far as the dependencies of `v` need it; false (and
    /// nothing changed) if that does not help.
    pub(crate) fn follow_source(&mut self, v: VerIx, word: &str, changed: &mut Vec<(PkgIx, VerIx)>) -> bool {
        self.set_candidate(v);
        let keep = changed.len();
        let clauses = self.pool.clauses(v);
        for clause in clauses.iter().filter(|c| matches!(c.kind, Kind::Depends | Kind::PreDepends)) {
            if clause.choices.iter().any(|choice| self.is_fine(v, clause, choice)) {
                continue;
            }
            if clause.choices.iter().any(|choice| self.switch(choice, word, changed)) {
                continue;
            }
            for (p, old) in changed.split_off(keep) {
                if self.cell(p).candidate != Some(old) {
                    self.set_candidate(old);
                }
            }
            return false;
        }
        true
    }

    /// Would a candidate do as it is?
    fn is_fine(&mut self, parent: VerIx, clause: &Clause<'u>, choice: &Choice<'u>) -> bool {
        let found = self.candidates(parent, clause, choice);
        found.into_iter().any(|c| {
            let clauses = self.pool.clauses(c);
            clauses
                .iter()
                .all(|own| self.holds(c, own) || own.choices.iter().any(|x| self.candidate_hits(c, own, x)))
        })
    }

    fn switch(&mut self, choice: &Choice<'u>, word: &str, changed: &mut Vec<(PkgIx, VerIx)>) -> bool {
        let Some(p) = self.pool.targets[choice.target.at()].real else { return false };
        if matches!(choice.bound, Limit::None) {
            return false;
        }
        let universe = self.pool.universe;
        let from = |s: &Self, v: VerIx| {
            s.pool.versions[v.at()].records.iter().any(|id| universe.source(*id).answers_to(word))
        };
        let versions = self.pool.packages[p.at()].versions.clone();
        let Some(v) = versions.iter().copied().find(|v| from(self, *v)) else { return false };
        if !choice.bound.admits(self.pool.versions[v.at()].version) {
            return false;
        }
        if changed.iter().any(|(c, _)| *c == p) && self.cell(p).candidate == Some(v) {
            return true;
        }
        let Some(old) = self.cell(p).candidate else { return false };
        changed.push((p, old));
        if self.follow_source(v, word, changed) {
            return true;
        }
        self.set_candidate(old);
        false
    }
}
