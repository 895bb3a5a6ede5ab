use std::collections::HashMap;

use package::{Cause, Closure, Dependency, Pin, RecordId, Shelf, Universe, parse_dependency};

use super::apko;
use super::discover::discover;
use super::explain::explain;
use super::order::install_order;
use super::pool::{Dep, NameIx, PkgIx, Pool, Provider, UNTAGGED};
use super::request::{Compat, Preferred, Request};
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
        let pinned = |c: &Chosen| {
            let tag = tag_of(universe, c.id);
            pin(universe, c.id, &c.because).map(|pin| Pin { tag, ..pin })
        };
        Closure { pins: self.chosen.iter().filter_map(pinned).collect(), left_out: Vec::new() }
    }
}

/// The tag that apk notes of a package: of the repository that it comes from, unless one without a tag has
/// it, too (`get_tag` of apk 2.14's `src/solver.c`).
fn tag_of(universe: &Universe, id: RecordId) -> Option<String> {
    let tag = universe.source(id).tag.clone()?;
    let record = universe.record(id);
    let has = |shelf: &Shelf| {
        let same = |row: u32| {
            let other = shelf.record(row);
            other.version() == record.version() && other.identity() == record.identity()
        };
        shelf.rows_named(record.name()).any(same)
    };
    let plain = universe.shelves().any(|(shelf, source)| source.tag.is_none() && has(shelf));
    (!plain).then_some(tag)
}

/// Chooses packages for a request, as `apk add` would on an empty system.
///
/// With [`Request::prefer`], those versions are kept as apk keeps what is installed; if that leads
/// nowhere, those of them that what would be chosen freely still admits.
pub fn solve(universe: &Universe, request: &Request) -> Result<Solution, Unsatisfiable> {
    Solver::new(universe, &request.arch).solve(request)
}

/// A universe that is read for one architecture, for several requests: reading it is half the work.
pub struct Solver<'u> {
    pool: Pool<'u>,
}

impl<'u> Solver<'u> {
    /// Reads all records.
    pub fn new(universe: &'u Universe, arch: &str) -> Solver<'u> {
        Solver { pool: Pool::new(universe, arch) }
    }

    /// As [`solve`]; the request is for the architecture that was read.
    pub fn solve(&mut self, request: &'u Request) -> Result<Solution, Unsatisfiable> {
        let (world, run): (_, Run<'u>) = match request.compat {
            Compat::Apk => (World::read(&request.world)?, Solver::run),
            Compat::Apko => (World::read_all(&request.world)?, Solver::run_as_apko),
        };
        self.pool.bar(&request.barred);
        if request.prefer.is_empty() {
            return run(self, &world, &[]);
        }
        let all: Vec<&Preferred> = request.prefer.iter().collect();
        if let Ok(solution) = run(self, &world, &all) {
            return Ok(solution);
        }
        let free = run(self, &world, &[])?;
        let universe = self.pool.universe;
        let fitting: Vec<&Preferred> =
            all.into_iter().filter(|p| is_admitted(universe, &world, &free, p)).collect();
        Ok(run(self, &world, &fitting).unwrap_or(free))
    }

    fn run(&mut self, world: &World<'u>, prefer: &[&Preferred]) -> Result<Solution, Unsatisfiable> {
        self.pool.prefer(prefer);
        let lines: Vec<Dep> = world.lines.iter().map(|(_, d)| self.pool.dep(d)).collect();
        let pool = &self.pool;
        let names: Vec<NameIx> = lines.iter().map(|d| d.name).collect();
        let found = discover(pool, &names);
        let mut state = State::new(pool, &found);
        for (line, (_, d)) in lines.iter().zip(&world.lines) {
            state.apply_line(line, tag_mask(pool, d));
        }
        state.run();
        let order = install_order(&mut state, &lines);
        if state.errors > 0 {
            return Err(explain(&state, world, &lines, &order));
        }
        let met_by = |dep: &Dep| state.names[dep.name.at()].chosen.map(|p| p.package);
        let because = causes(pool, world, &lines, &order, met_by);
        let record = |p: PkgIx| pool.record_of(p, state.packages[p.at()].allowed);
        let chosen = order.iter().zip(because).map(|(p, because)| Chosen { id: record(*p), because });
        Ok(Solution { chosen: chosen.collect() })
    }

    /// apko's own choice.
    fn run_as_apko(&mut self, world: &World<'u>, prefer: &[&Preferred]) -> Result<Solution, Unsatisfiable> {
        self.pool.prefer(prefer);
        let deps: Vec<Dep> = world.lines.iter().map(|(_, d)| self.pool.dep(d)).collect();
        let pool = &self.pool;
        let tag = |d: &Dependency<'_>| d.tag.and_then(|tag| pool.tag(tag)).unwrap_or(0);
        let lines = world.lines.iter().zip(&deps);
        let lines: Vec<_> = lines.map(|((text, d), dep)| (*text, *dep, tag(d))).collect();
        let order = apko::choose(pool, &lines)?;
        let met_by = |dep: &Dep| {
            let fits = |p: &&Provider| order.contains(&p.package) && pool.is_met(None, dep, Some(**p));
            pool.providers(dep.name).iter().find(fits).map(|p| p.package)
        };
        let because = causes(pool, world, &deps, &order, met_by);
        let tags = lines.iter().fold(UNTAGGED, |all, (.., tag)| all | tag);
        let chosen = order.iter().zip(because);
        let chosen = chosen.map(|(p, because)| Chosen { id: pool.record_of(*p, tags), because });
        Ok(Solution { chosen: chosen.collect() })
    }
}

/// A run of one of the algorithms, with these packages preferred.
type Run<'u> = fn(&mut Solver<'u>, &World<'u>, &[&Preferred]) -> Result<Solution, Unsatisfiable>;

/// The lines of a request, keyed by name and sorted as apk sorts them.
pub(super) struct World<'a> {
    pub(super) lines: Vec<(&'a str, Dependency<'a>)>,
}

impl<'a> World<'a> {
    pub(super) fn read(texts: &'a [String]) -> Result<World<'a>, Unsatisfiable> {
        let mut lines: Vec<(&str, Dependency<'_>)> = Vec::new();
        for text in texts {
            let line = read_line(text)?;
            match lines.iter_mut().find(|(_, other)| other.name == line.name) {
                Some(same) => *same = (text, line),
                None => lines.push((text, line)),
            }
        }
        lines.sort_by_cached_key(|(_, d)| (d.name.to_ascii_lowercase(), d.name));
        Ok(World { lines })
    }

    /// As apko has them: all, in the user's order.
    fn read_all(texts: &'a [String]) -> Result<World<'a>, Unsatisfiable> {
        let lines = texts.iter().map(|text| Ok((text.as_str(), read_line(text)?)));
        Ok(World { lines: lines.collect::<Result<_, Unsatisfiable>>()? })
    }
}

fn read_line(text: &str) -> Result<Dependency<'_>, Unsatisfiable> {
    let wrong =
        |why: &str| Unsatisfiable::one(Problem::NotADependency { ask: text.to_owned(), why: why.to_owned() });
    let line = parse_dependency(text).map_err(|e| wrong(e.why))?;
    if line.has_valid_version() { Ok(line) } else { Err(wrong("apk has no such version")) }
}

/// A tag that no repository has allows none.
fn tag_mask(pool: &Pool<'_>, line: &Dependency<'_>) -> u64 {
    line.tag.map_or(UNTAGGED, |tag| pool.tag(tag).unwrap_or(0))
}

/// Why each package is there: who asked for it or needs it; else which conditions brought it.
fn causes(
    pool: &Pool<'_>,
    world: &World<'_>,
    lines: &[Dep],
    order: &[PkgIx],
    met_by: impl Fn(&Dep) -> Option<PkgIx>,
) -> Vec<Vec<Cause>> {
    let mut because: HashMap<PkgIx, Vec<Cause>> = HashMap::new();
    let met_by = |dep: &Dep| met_by(dep).filter(|_| !dep.conflict);
    let name = |p: PkgIx| pool.text(pool.packages[p.at()].name).to_owned();
    for ((text, _), line) in world.lines.iter().zip(lines) {
        if let Some(p) = met_by(line) {
            because.entry(p).or_default().push(Cause::Asked((*text).to_owned()));
        }
    }
    for &package in order {
        for dep in pool.depends(package) {
            if let Some(p) = met_by(dep).filter(|p| *p != package) {
                let cause = Cause::Needed { by: name(package), requirement: pool.show(dep) };
                because.entry(p).or_default().push(cause);
            }
        }
    }
    let conditions = |package: PkgIx| {
        let met = pool.install_if(package).iter().filter_map(|dep| Some((dep, met_by(dep)?)));
        met.map(|(dep, p)| Cause::InstallIf { by: name(p), condition: pool.show(dep) }).collect()
    };
    order.iter().map(|p| because.remove(p).unwrap_or_else(|| conditions(*p))).collect()
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
