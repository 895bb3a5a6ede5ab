//! The second opinion: where apt's algorithm gives up, is there a set after all? It then is the
//! answer, since it holds; apt-get would refuse, mostly because it never considers versions that are
//! no candidates.

use std::collections::HashMap;

use super::pool::{Clause, Kind, VerIx};
use super::state::State;
use crate::search::{Literal, Outcome, Search};

/// Conflicts before the search gives up; real requests need a few dozen.
const MAX_CONFLICTS: usize = 20_000;

impl<'u> State<'u> {
    /// A set with these versions, candidates preferred; none if there is none (or it was not found
    /// in time). `self` must be fresh: its candidates are the preferences.
    pub(crate) fn search(&mut self, asked: &[VerIx]) -> Option<Vec<VerIx>> {
        let reached = self.reach(asked);
        let number: HashMap<VerIx, u32> = reached.iter().enumerate().map(|(i, v)| (*v, i as u32)).collect();
        let mut search = Search::new(reached.len() as u32);
        for v in asked {
            search.add(&[Literal::yes(number[v])]);
        }
        for &v in &reached {
            let clauses = self.pool.clauses(v);
            for clause in clauses.iter() {
                let options: Vec<u32> =
                    self.options(v, clause).iter().filter_map(|o| number.get(o).copied()).collect();
                if clause.kind.is_negative() {
                    options.iter().filter(|o| **o != number[&v]).for_each(|o| search.exclude(number[&v], *o));
                } else {
                    search.require(number[&v], &options);
                }
            }
            let p = self.pool.versions[v.at()].package;
            for other in self.pool.packages[p.at()].versions.iter().filter(|o| **o > v) {
                if let Some(o) = number.get(other) {
                    search.exclude(number[&v], *o);
                }
            }
        }
        match search.run(MAX_CONFLICTS) {
            Outcome::Found(set) => Some(set.into_iter().map(|i| reached[i as usize]).collect()),
            _ => None,
        }
    }

    /// All versions that a choice of alternatives can lead to, in order of preference.
    fn reach(&mut self, asked: &[VerIx]) -> Vec<VerIx> {
        let mut reached: Vec<VerIx> = Vec::new();
        let mut seen: HashMap<VerIx, ()> = HashMap::new();
        for v in asked {
            if seen.insert(*v, ()).is_none() {
                reached.push(*v);
            }
        }
        let mut i = 0;
        while i < reached.len() {
            let v = reached[i];
            i += 1;
            let clauses = self.pool.clauses(v);
            for clause in clauses.iter().filter(|c| !c.kind.is_negative()) {
                for option in self.options(v, clause) {
                    if seen.insert(option, ()).is_none() {
                        reached.push(option);
                    }
                }
            }
        }
        reached
    }

    /// What meets (or hits) a clause: candidates first, then other versions.
    pub(crate) fn options(&mut self, v: VerIx, clause: &Clause<'u>) -> Vec<VerIx> {
        let mut options: Vec<VerIx> =
            clause.choices.iter().flat_map(|choice| self.all_targets(v, clause, choice)).collect();
        options.sort_by_key(|o| {
            let p = self.pool.versions[o.at()].package;
            self.cell(p).candidate != Some(*o)
        });
        options
    }

    /// Installs a found set, as far as what was asked needs it.
    pub(crate) fn take(&mut self, asked: &[VerIx], set: &[VerIx]) {
        for &v in set {
            let p = self.pool.versions[v.at()].package;
            let cell = self.cell_mut(p);
            (cell.candidate, cell.install, cell.marked_install, cell.auto) = (Some(v), Some(v), true, true);
        }
        let mut needed = Vec::new();
        let mut stack: Vec<_> = asked.iter().map(|v| self.pool.versions[v.at()].package).collect();
        while let Some(p) = stack.pop() {
            if needed.contains(&p) {
                continue;
            }
            needed.push(p);
            let Some(v) = self.cell(p).install else { continue };
            let clauses = self.pool.clauses(v);
            for clause in clauses.iter().filter(|c| !matches!(c.kind, Kind::Conflicts | Kind::Breaks)) {
                for choice in &clause.choices {
                    stack.extend(self.installed_for(choice.target, choice.bound));
                }
            }
        }
        for p in self.installed() {
            if !needed.contains(&p) {
                let cell = self.cell_mut(p);
                (cell.install, cell.marked_install) = (None, false);
            }
        }
    }
}
