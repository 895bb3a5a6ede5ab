use std::collections::{BTreeMap, BTreeSet, VecDeque};

use package::{Cause, Closure, CutEdge, LeftOut, Reason, Universe};

use super::pool::{Kind, PkgIx, Pool};
use super::request::Request;
use super::solution::{Solution, pin};
use super::state::State;

/// A closure after the edges that only maintainer scripts need were cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// What stays, in install order, and what was left out, with the edges.
    pub closure: Closure,
    /// The rows of the table that applied, whether or not they made a package unreachable.
    pub applied: Vec<Applied>,
}

/// A row of the table of cut edges that met a package of the solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The row.
    pub edge: CutEdge,
    /// Did what it points at stay all the same, because something else needs it or the user named it?
    pub still_there: bool,
}

/// Cuts the edges of the table from a solution and keeps what is still reachable from what the user
/// named; that always stays. `removed` are names that the recipe takes out by hand (`!name`).
pub fn prune(
    universe: &Universe,
    request: &Request,
    solution: &Solution,
    cut: &[CutEdge],
    removed: &[&str],
) -> Pruned {
    let graph = Graph::load(universe, request, solution);
    let kept = graph.reach(cut, removed);
    let applied = graph.applied(cut, &kept);
    let mut closure = Closure::default();
    for (chosen, p) in solution.chosen.iter().zip(graph.packages.clone()) {
        let name = graph.state.pool.name_text(p);
        if kept.contains(&p) {
            let because = graph.causes(&chosen.because, cut, &kept);
            closure.pins.extend(pin(universe, chosen.id, &because));
            continue;
        }
        let reason = match removed.contains(&name) {
            true => Reason::Removed,
            false => Reason::OnlyForScripts { edges: graph.edges_to(p, cut, &kept) },
        };
        closure.left_out.extend(pin(universe, chosen.id, &chosen.because).map(|pin| LeftOut { pin, reason }));
    }
    Pruned { closure, applied }
}

struct Graph<'u> {
    state: State<'u>,
    /// As the solution has them.
    packages: Vec<PkgIx>,
    asked: Vec<PkgIx>,
    /// By needing package: clause name (as written), needed package.
    edges: BTreeMap<PkgIx, Vec<(&'u str, PkgIx)>>,
}

impl<'u> Graph<'u> {
    fn load(universe: &'u Universe, request: &'u Request, solution: &Solution) -> Graph<'u> {
        let mut state = State::new(Pool::new(universe, request));
        let (mut packages, mut asked) = (Vec::new(), Vec::new());
        for chosen in &solution.chosen {
            let Some(v) = state.pool.version_of(chosen.id) else { continue };
            let p = state.pool.versions[v.at()].package;
            state.cell_mut(p).install = Some(v);
            packages.push(p);
            if chosen.because.iter().any(|c| matches!(c, Cause::Asked(_))) {
                asked.push(p);
            }
        }
        let mut edges: BTreeMap<PkgIx, Vec<(&'u str, PkgIx)>> = BTreeMap::new();
        for &p in &packages {
            let Some(v) = state.cell(p).install else { continue };
            let clauses = state.pool.clauses(v);
            for clause in clauses.iter().filter(|c| !c.kind.is_negative()) {
                for choice in &clause.choices {
                    // A hidden edge is there because something at run time needs it: never cut.
                    let name = if matches!(clause.kind, Kind::Hidden(_)) { "" } else { choice.text.name };
                    let met = state.installed_for(choice.target, choice.bound);
                    edges
                        .entry(p)
                        .or_default()
                        .extend(met.into_iter().filter(|o| *o != p).map(|o| (name, o)));
                }
            }
        }
        Graph { state, packages, asked, edges }
    }

    fn is_cut(&self, p: PkgIx, dependency: &str, cut: &[CutEdge]) -> bool {
        let package = self.state.pool.name_text(p);
        cut.iter().any(|edge| edge.cuts(package, dependency))
    }

    fn reach(&self, cut: &[CutEdge], removed: &[&str]) -> BTreeSet<PkgIx> {
        let stays = |p: &PkgIx| !removed.contains(&self.state.pool.name_text(*p));
        let mut kept: BTreeSet<PkgIx> = self.asked.iter().copied().filter(stays).collect();
        let mut queue: VecDeque<PkgIx> = kept.iter().copied().collect();
        while let Some(p) = queue.pop_front() {
            for (dependency, other) in self.edges.get(&p).into_iter().flatten() {
                if !self.is_cut(p, dependency, cut) && stays(other) && kept.insert(*other) {
                    queue.push_back(*other);
                }
            }
        }
        kept
    }

    fn applied(&self, cut: &[CutEdge], kept: &BTreeSet<PkgIx>) -> Vec<Applied> {
        let mut out: Vec<Applied> = Vec::new();
        for edge in cut {
            let mut met = None;
            for p in kept.iter().filter(|p| edge.cuts(self.state.pool.name_text(**p), edge.dependency)) {
                for (dependency, other) in self.edges.get(p).into_iter().flatten() {
                    if *dependency == edge.dependency {
                        met = Some(met.unwrap_or(false) || kept.contains(other));
                    }
                }
            }
            out.extend(met.map(|still_there| Applied { edge: *edge, still_there }));
        }
        out
    }

    /// The cut edges on the ways by which a package would have been reached.
    fn edges_to(&self, p: PkgIx, cut: &[CutEdge], kept: &BTreeSet<PkgIx>) -> Vec<(String, String, String)> {
        let (mut seen, mut stack) = (BTreeSet::from([p]), vec![p]);
        let mut out = BTreeSet::new();
        while let Some(at) = stack.pop() {
            for (by, edges) in &self.edges {
                for (dependency, _) in edges.iter().filter(|(_, other)| *other == at) {
                    let name = self.state.pool.name_text(*by);
                    if let Some(edge) =
                        cut.iter().find(|edge| kept.contains(by) && edge.cuts(name, dependency))
                    {
                        out.insert((name.to_owned(), (*dependency).to_owned(), edge.reason.to_owned()));
                    } else if !kept.contains(by) && seen.insert(*by) {
                        stack.push(*by);
                    }
                }
            }
        }
        out.into_iter().collect()
    }

    /// Causes that come from what stays, by edges that stay.
    fn causes(&self, causes: &[Cause], cut: &[CutEdge], kept: &BTreeSet<PkgIx>) -> Vec<Cause> {
        let names: BTreeSet<&str> = kept.iter().map(|p| self.state.pool.name_text(*p)).collect();
        let stays = |cause: &&Cause| match cause {
            Cause::Asked(_) => true,
            Cause::Hidden { by, .. } | Cause::InstallIf { by, .. } => names.contains(by.as_str()),
            Cause::Needed { by, requirement } => {
                let alternatives = package::parse_relations(requirement).unwrap_or_default();
                let mut all = alternatives.iter().flat_map(|r| &r.alternatives);
                names.contains(by.as_str()) && !all.any(|a| cut.iter().any(|edge| edge.cuts(by, a.name)))
            }
        };
        causes.iter().filter(stays).cloned().collect()
    }
}
