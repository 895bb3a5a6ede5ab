//! What apt does at the end: new packages that nothing needs any more are not installed after all
//! (apt 2.6: depcache.cc `MarkRequired`, private-install.cc `DoAutomaticRemove`). Such packages come
//! from an alternative that was tried first and given up.

use std::collections::HashSet;
use std::rc::Rc;

use super::pool::{Kind, PkgIx, VerIx};
use super::state::State;

impl<'u> State<'u> {
    /// Takes out what nothing needs, or only suggests or recommends.
    pub(crate) fn sweep(&mut self) {
        let needed = self.needed();
        let mut dropped: Vec<PkgIx> = self
            .installed()
            .into_iter()
            .filter(|p| !needed.contains(p))
            .filter(|p| self.mark_delete(*p))
            .collect();
        // Two dropped packages may have been one another's reason.
        while self.broken_count() != 0 && !dropped.is_empty() {
            let Some(i) = (0..dropped.len()).find(|i| self.is_wanted(dropped[*i])) else { break };
            let p = dropped.remove(i);
            self.mark_install(p, false, 0, false);
        }
    }

    fn needed(&mut self) -> HashSet<PkgIx> {
        let mut needed = HashSet::new();
        let mut stack: Vec<PkgIx> = Vec::new();
        for p in self.installed() {
            let package = &self.pool.packages[p.at()];
            if package.essential || package.important || !self.cell(p).auto {
                stack.push(p);
            }
        }
        while let Some(p) = stack.pop() {
            if !needed.insert(p) {
                continue;
            }
            let Some(v) = self.cell(p).install else { continue };
            let (strong, weak) = (self.pool.clauses(v), self.pool.weak_clauses(v));
            for clause in strong.iter().chain(weak.iter()).filter(|c| !c.kind.is_negative()) {
                for choice in &clause.choices {
                    stack.extend(self.installed_for(choice.target, choice.bound));
                }
            }
        }
        needed
    }

    /// Everything that is going to be installed and meets a choice.
    pub(crate) fn installed_for(
        &mut self,
        target: super::pool::TargetIx,
        bound: super::pool::Limit<'u>,
    ) -> Vec<PkgIx> {
        let t = &self.pool.targets[target.at()];
        let (real, providers) = (t.real, Rc::clone(&t.providers));
        let mut out = Vec::new();
        if let Some(p) = real
            && let Some(v) = self.cell(p).install
            && bound.admits(self.pool.versions[v.at()].version)
        {
            out.push(p);
        }
        for provider in providers.iter().filter(|x| bound.admits(x.provided)) {
            let owner = self.pool.versions[provider.version.at()].package;
            if self.cell(owner).install == Some(provider.version) {
                out.push(owner);
            }
        }
        out
    }

    /// Does a package that will be installed point at it (or at what it provides)?
    fn is_wanted(&mut self, p: PkgIx) -> bool {
        let Some(candidate) = self.cell(p).candidate else { return false };
        for other in self.installed() {
            let Some(v) = self.cell(other).install else { continue };
            let clauses = self.pool.clauses(v);
            for clause in clauses.iter().filter(|c| matches!(c.kind, Kind::Depends | Kind::PreDepends)) {
                for choice in &clause.choices {
                    if self.points_at(choice.target, candidate) {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn points_at(&self, target: super::pool::TargetIx, v: VerIx) -> bool {
        let t = &self.pool.targets[target.at()];
        t.real == Some(self.pool.versions[v.at()].package) || t.providers.iter().any(|x| x.version == v)
    }
}
