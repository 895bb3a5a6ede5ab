use std::rc::Rc;

use package::version::Order;
use package::{Arch, Bound, Cause, Closure, Pin, RecordId, Universe};

use super::order::install_order;
use super::pool::{Kind, NameIx, PkgIx, Pool, Scope, VerIx};
use super::request::{Ask, Preferred, Request};
use super::resolver::Resolver;
use super::state::State;
use super::unsatisfiable::{Problem, Unsatisfiable, explain};

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// In install order.
    pub chosen: Vec<Chosen>,
    /// How it was found.
    pub method: Method,
}

/// How a set was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By apt's algorithm: the set that apt chooses.
    Apt,
    /// By the complete search, after apt's algorithm gave up: apt-get refuses the request, but there
    /// is a set that fits, mostly with versions that are no candidates.
    Search,
}

/// One chosen record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The record.
    pub id: RecordId,
    /// Why: who asked, and every clause of a chosen package that it meets.
    pub because: Vec<Cause>,
}

impl Solution {
    /// The closure, with nothing left out.
    ///
    /// A record without a file digest cannot be pinned; indexes have none such
    /// (`deb::packages` refuses them), so it is passed over.
    pub fn closure(&self, universe: &Universe) -> Closure {
        let pins = self.chosen.iter().filter_map(|c| pin(universe, c.id, &c.because)).collect();
        Closure { pins, left_out: Vec::new() }
    }
}

/// The pin of a record.
pub(crate) fn pin(universe: &Universe, id: RecordId, because: &[Cause]) -> Option<Pin> {
    let record = universe.record(id);
    Some(Pin {
        name: record.name().to_owned(),
        version: record.version().to_owned(),
        arch: Arch::new(record.arch()),
        source: Some(record.source()).filter(|s| *s != record.name()).map(str::to_owned),
        repository: universe.source(id).repository.clone(),
        tag: None,
        path: record.path().to_owned(),
        size: record.size(),
        identity: record.identity()?,
        sha256: record.sha256(),
        because: because.to_vec(),
    })
}

/// Chooses packages for a request, as apt would on an empty system.
///
/// With [`Request::prefer`], those versions are tried first; if that leads nowhere, those of them that
/// what would be chosen freely still admits.
pub fn solve(universe: &Universe, request: &Request) -> Result<Solution, Unsatisfiable> {
    if request.prefer.is_empty() {
        return run(universe, request, &[]);
    }
    let all: Vec<&Preferred> = request.prefer.iter().collect();
    let by_apt =
        |versions: &[&Preferred]| run(universe, request, versions).ok().filter(|s| s.method == Method::Apt);
    if let Some(solution) = by_apt(&all) {
        return Ok(solution);
    }
    let free = run(universe, request, &[])?;
    let fitting: Vec<&Preferred> = all.into_iter().filter(|p| is_admitted(universe, &free, p)).collect();
    Ok(by_apt(&fitting).unwrap_or(free))
}

/// Do the clauses of a solution admit another version of one of its packages?
fn is_admitted(universe: &Universe, solution: &Solution, other: &Preferred) -> bool {
    solution.chosen.iter().map(|c| universe.record(c.id)).all(|record| {
        let clauses = record.requires().flat_map(|field| package::parse_relations(field).unwrap_or_default());
        let mut named = clauses.flat_map(|clause| clause.alternatives).filter(|a| a.name == other.name);
        named.all(|a| a.bound.is_none_or(|bound| bound.admits(&other.version, Order::Debian)))
    })
}

fn run(universe: &Universe, request: &Request, versions: &[&Preferred]) -> Result<Solution, Unsatisfiable> {
    let mut state = State::new(Pool::new(universe, request));
    keep_earlier(&mut state, request, versions);
    let asked = select(&mut state, request)?;
    if mark(&mut state, request, &asked) {
        state.sweep();
        return Ok(collect(&mut state, request, &asked, Method::Apt));
    }
    let asked = asked_records(&state, &asked);
    second_opinion(universe, request, &asked).ok_or_else(|| explain(universe, request, &asked))
}

fn second_opinion(universe: &Universe, request: &Request, asked: &[RecordId]) -> Option<Solution> {
    let mut state = State::new(Pool::new(universe, request));
    let asked: Vec<VerIx> = asked.iter().filter_map(|id| state.pool.version_of(*id)).collect();
    let set = state.search(&asked)?;
    state.take(&asked, &set);
    Some(collect(&mut state, request, &asked, Method::Search))
}

fn asked_records(state: &State<'_>, asked: &[VerIx]) -> Vec<RecordId> {
    asked.iter().map(|v| state.pool.versions[v.at()].record).collect()
}

/// apt-get's own steps: mark what was named, then with dependencies, then repair.
fn mark(state: &mut State<'_>, request: &Request, asked: &[VerIx]) -> bool {
    let mut packages = Vec::new();
    for &v in asked {
        let p = state.pool.versions[v.at()].package;
        state.set_candidate(v);
        state.cell_mut(p).protected = true;
        state.mark_install(p, false, 0, true);
        if !packages.contains(&p) {
            packages.push(p);
        }
    }
    for (ask, v) in request.asks.iter().zip(asked) {
        if let Some(word) = &ask.suite {
            state.follow_source(*v, word, &mut Vec::new());
        }
    }
    for &p in &packages {
        state.mark_install(p, true, 0, true);
    }
    let repaired = Resolver::new(packages.clone()).resolve(state);
    repaired && packages.iter().all(|p| state.cell(*p).install.is_some())
}

/// Earlier packages count as apt counts installed ones; their versions as candidates, as listed.
fn keep_earlier(state: &mut State<'_>, request: &Request, versions: &[&Preferred]) {
    let universe = state.pool.universe;
    for earlier in &request.prefer {
        for id in universe.named(&earlier.name).collect::<Vec<_>>() {
            let record = universe.record(id);
            if record.arch() != earlier.arch {
                continue;
            }
            let Some(v) = state.pool.version_of(id) else { continue };
            let p = state.pool.versions[v.at()].package;
            state.kept.insert(p);
            if record.version() == earlier.version && versions.contains(&earlier) {
                state.set_candidate(v);
            }
        }
    }
}

/// The version that each package line means, in the order of the lines.
fn select<'u>(state: &mut State<'u>, request: &'u Request) -> Result<Vec<VerIx>, Unsatisfiable> {
    let mut asked = Vec::new();
    for ask in &request.asks {
        asked.push(select_one(state, ask).map_err(Unsatisfiable::one)?);
    }
    Ok(asked)
}

fn select_one<'u>(state: &mut State<'u>, ask: &'u Ask) -> Result<VerIx, Problem> {
    let word = ask.arch.as_deref().unwrap_or(state.pool.archs[0]);
    let Some(arch) = state.pool.arch(word) else {
        return Err(Problem::UnknownArch { ask: ask.text.clone(), arch: word.to_owned() });
    };
    let name = state.pool.name(&ask.name);
    let p = state.pool.package(name, arch);
    if state.pool.packages[p.at()].versions.is_empty() {
        return select_provider(state, ask, name, arch);
    }
    let chosen = choose_version(state, ask, p);
    chosen.ok_or_else(|| Problem::no_version(ask, &state.pool, p))
}

/// The candidate if it is good; else the best of those that are.
fn choose_version(state: &mut State<'_>, ask: &Ask, p: PkgIx) -> Option<VerIx> {
    let candidate = state.cell(p).candidate;
    if ask.bound.is_none() && ask.suite.is_none() {
        return candidate;
    }
    let universe = state.pool.universe;
    let pool = &state.pool;
    let good = |v: VerIx| {
        let version = &pool.versions[v.at()];
        let in_bound = ask.bound.as_ref().is_none_or(|(comparison, bound)| {
            Bound { comparison: *comparison, version: bound }.admits(version.version, Order::Debian)
        });
        let from = |word: &String| version.records.iter().any(|id| universe.source(*id).answers_to(word));
        in_bound && ask.suite.as_ref().is_none_or(from)
    };
    let by_pin = candidate.filter(|c| good(*c)).or_else(|| state.best_version(p, good));
    // What was named exactly is taken even where its pin keeps it from being a candidate.
    by_pin.or_else(|| pool.packages[p.at()].versions.iter().copied().find(|v| good(*v)))
}

/// A virtual name stands for its provider, if there is exactly one.
fn select_provider<'u>(
    state: &mut State<'u>,
    ask: &'u Ask,
    name: NameIx,
    arch: super::pool::ArchIx,
) -> Result<VerIx, Problem> {
    let target = state.pool.target(name, Scope::On(arch));
    let mut found: Vec<VerIx> = Vec::new();
    for provider in Rc::clone(&state.pool.targets[target.at()].providers).iter() {
        let owner = state.pool.versions[provider.version.at()].package;
        if state.cell(owner).candidate == Some(provider.version) && !found.contains(&provider.version) {
            found.push(provider.version);
        }
    }
    match found.as_slice() {
        [only] if ask.bound.is_none() && ask.suite.is_none() => Ok(*only),
        [] => Err(Problem::unknown(ask, state.pool.universe)),
        several => Err(Problem::Virtual {
            ask: ask.text.clone(),
            providers: several
                .iter()
                .map(|v| state.pool.name_text(state.pool.versions[v.at()].package).to_owned())
                .collect(),
        }),
    }
}

fn collect(state: &mut State<'_>, request: &Request, asked: &[VerIx], method: Method) -> Solution {
    let order = install_order(state);
    let mut because: Vec<Vec<Cause>> = vec![Vec::new(); state.pool.packages.len()];
    for (ask, v) in request.asks.iter().zip(asked) {
        because[state.pool.versions[v.at()].package.at()].push(Cause::Asked(ask.text.clone()));
    }
    for &p in &order {
        let Some(v) = state.cell(p).install else { continue };
        let by = state.pool.name_text(p).to_owned();
        let clauses = state.pool.clauses(v);
        for clause in clauses.iter().filter(|c| !c.kind.is_negative()) {
            let requirement =
                package::Relation { alternatives: clause.choices.iter().map(|c| c.text).collect() };
            let cause = match clause.kind {
                Kind::Hidden(reason) => Cause::Hidden { by: by.clone(), reason: reason.to_owned() },
                _ => Cause::Needed { by: by.clone(), requirement: requirement.to_string() },
            };
            for choice in &clause.choices {
                for other in state.installed_for(choice.target, choice.bound) {
                    let list = &mut because[other.at()];
                    if other != p && list.last() != Some(&cause) {
                        list.push(cause.clone());
                    }
                }
            }
        }
    }
    let chosen = order.iter().filter_map(|p| {
        let v = state.cell(*p).install?;
        let id = state.pool.versions[v.at()].record;
        Some(Chosen { id, because: std::mem::take(&mut because[p.at()]) })
    });
    Solution { chosen: chosen.collect(), method }
}
