use package::{Cause, Closure, Dependency, RecordId, Universe, parse_dependency};

use super::discover::discover;
use super::explain::explain;
use super::order::install_order;
use super::pool::{Dep, NameIx, PkgIx, Pool, UNTAGGED};
use super::request::{Preferred, Request};
use super::state::State;
use super::unsatisfiable::{Problem, Unsatisfiable};
use crate::apt::{Chosen, pin};

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// In apk's install order.
    pub chosen: Vec<Chosen>,
}

impl Solution {
    /// The closure; apk leaves nothing out.
    ///
    /// A record without an identity cannot be pinned, and is never chosen.
    pub fn closure(&self, universe: &Universe) -> Closure {
        let pins = self.chosen.iter().filter_map(|c| pin(universe, c.id, &c.because)).collect();
        Closure { pins, left_out: Vec::new() }
    }
}

/// Chooses packages for a request, as `apk add` would on an empty system.
///
/// With [`Request::prefer`], those versions are kept as apk keeps what is installed; if that leads
/// nowhere, those of them that what would be chosen freely still admits.
pub fn solve(universe: &Universe, request: &Request) -> Result<Solution, Unsatisfiable> {
    let world = World::read(&request.world)?;
    if request.prefer.is_empty() {
        return run(universe, request, &world, &[]);
    }
    if let Ok(solution) = run(universe, request, &world, &request.prefer) {
        return Ok(solution);
    }
    let free = run(universe, request, &world, &[])?;
    let fitting: Vec<Preferred> =
        request.prefer.iter().filter(|p| is_admitted(universe, &world, &free, p)).cloned().collect();
    Ok(run(universe, request, &world, &fitting).unwrap_or(free))
}

/// The lines of a request, keyed by name and sorted as apk sorts them.
pub(super) struct World<'a> {
    pub(super) lines: Vec<(&'a str, Dependency<'a>)>,
}

impl<'a> World<'a> {
    pub(super) fn read(texts: &'a [String]) -> Result<World<'a>, Unsatisfiable> {
        let mut lines: Vec<(&str, Dependency<'_>)> = Vec::new();
        for text in texts {
            let wrong = |why: &str| {
                Unsatisfiable::one(Problem::NotADependency { ask: text.clone(), why: why.to_owned() })
            };
            let line = parse_dependency(text).map_err(|e| wrong(e.why))?;
            if !line.has_valid_version() {
                return Err(wrong("apk has no such version"));
            }
            match lines.iter_mut().find(|(_, other)| other.name == line.name) {
                Some(same) => *same = (text, line),
                None => lines.push((text, line)),
            }
        }
        lines.sort_by_cached_key(|(_, d)| (d.name.to_ascii_lowercase(), d.name));
        Ok(World { lines })
    }
}

fn run(
    universe: &Universe,
    request: &Request,
    world: &World<'_>,
    prefer: &[Preferred],
) -> Result<Solution, Unsatisfiable> {
    let mut pool = Pool::new(universe, &request.arch, prefer);
    let lines: Vec<Dep<'_>> = world.lines.iter().map(|(_, d)| pool.dep(d)).collect();
    let tags: Vec<u64> = world.lines.iter().map(|(_, d)| tag_mask(&pool, d)).collect();
    let names: Vec<NameIx> = lines.iter().map(|d| d.name).collect();
    let found = discover(&pool, &names);
    let mut state = State::new(&pool, found);
    for (line, tag) in lines.iter().zip(&tags) {
        state.apply_line(line, *tag);
    }
    state.run();
    let order = install_order(&mut state, &lines);
    if state.errors > 0 {
        return Err(explain(&state, world, &lines, &order));
    }
    Ok(Solution { chosen: collect(&state, world, &lines, &order) })
}

/// A tag that no repository has allows none.
fn tag_mask(pool: &Pool<'_>, line: &Dependency<'_>) -> u64 {
    line.tag.map_or(UNTAGGED, |tag| pool.tag(tag).unwrap_or(0))
}

/// The chosen packages, each with its reasons.
fn collect(state: &State<'_, '_>, world: &World<'_>, lines: &[Dep<'_>], order: &[PkgIx]) -> Vec<Chosen> {
    let pool = state.pool;
    let mut because: Vec<Vec<Cause>> = vec![Vec::new(); pool.packages.len()];
    let chosen = |dep: &Dep<'_>| state.names[dep.name.at()].chosen.filter(|_| !dep.conflict);
    for ((text, _), line) in world.lines.iter().zip(lines) {
        if let Some(p) = chosen(line) {
            because[p.package.at()].push(Cause::Asked((*text).to_owned()));
        }
    }
    for &package in order {
        for dep in pool.depends(package) {
            if let Some(p) = chosen(dep).filter(|p| p.package != package) {
                let by = pool.text(pool.packages[package.at()].name).to_owned();
                because[p.package.at()].push(Cause::Needed { by, requirement: pool.show(dep) });
            }
        }
    }
    let cause = |package: PkgIx| {
        let conditions = pool.install_if(package).iter().filter_map(|dep| Some((dep, chosen(dep)?)));
        let by = |p: PkgIx| pool.text(pool.packages[p.at()].name).to_owned();
        conditions
            .map(|(dep, p)| Cause::InstallIf { by: by(p.package), condition: pool.show(dep) })
            .collect::<Vec<_>>()
    };
    let mut out = Vec::with_capacity(order.len());
    for &package in order {
        let mut causes = std::mem::take(&mut because[package.at()]);
        if causes.is_empty() {
            causes = cause(package);
        }
        let id: RecordId = pool.record_of(package, state.packages[package.at()].allowed);
        out.push(Chosen { id, because: causes });
    }
    out
}

/// Do the lines and dependencies of a solution admit another version of one of its packages?
fn is_admitted(universe: &Universe, world: &World<'_>, solution: &Solution, other: &Preferred) -> bool {
    let admits = |d: Dependency<'_>| d.name != other.name || d.admits(&other.version, None) != d.conflict;
    world.lines.iter().all(|(_, d)| admits(*d))
        && solution.chosen.iter().all(|c| {
            let depends = universe.record(c.id).depends();
            package::parse_dependencies(depends).flatten().all(admits)
        })
}
