use std::collections::{HashMap, HashSet};
use std::fmt;

use diag::{Explain, Kind as ErrorKind};
use package::{RecordId, Universe};

use super::pool::{Choice, Clause, PkgIx, Pool, VerIx};
use super::request::{Ask, Request};
use super::state::State;

/// No set of packages fits the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsatisfiable {
    /// Why not; never empty.
    pub problems: Vec<Problem>,
}

/// One reason why a request cannot be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A package line for an architecture that is not asked for.
    UnknownArch {
        /// The line.
        ask: String,
        /// The architecture.
        arch: String,
    },
    /// No index has a package of that name.
    Unknown {
        /// The line.
        ask: String,
        /// The name.
        name: String,
        /// Names that look alike.
        nearest: Vec<String>,
    },
    /// The package is there, but not in a version (or from a source) that the line admits.
    NoVersion {
        /// The line.
        ask: String,
        /// Versions and where they are.
        available: Vec<String>,
    },
    /// A virtual name with several providers.
    Virtual {
        /// The line.
        ask: String,
        /// Who provides it.
        providers: Vec<String>,
    },
    /// A chain from a package line to what cannot be.
    Chain(Vec<Fact>),
}

/// A step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The user asked for a package.
    Asked {
        /// The line.
        ask: String,
        /// Name and version that it means.
        package: String,
    },
    /// A package needs something.
    Needs {
        /// Name and version.
        package: String,
        /// The clause.
        requirement: String,
    },
    /// No index has it, and nothing provides it.
    NotThere {
        /// The name.
        name: String,
    },
    /// It is there, but in other versions.
    OnlyVersions {
        /// The name.
        name: String,
        /// Versions and where they are.
        versions: Vec<String>,
    },
    /// Two packages exclude one another.
    Excludes {
        /// Name and version of one.
        package: String,
        /// `Conflicts` or `Breaks`, and the clause; empty for two versions of one package.
        clause: String,
        /// Name and version of the other.
        other: String,
    },
    /// The packages that the search could not reconcile, where no shorter chain was found.
    Undecided {
        /// Package lines.
        asks: Vec<String>,
    },
}

impl Unsatisfiable {
    pub(crate) fn one(problem: Problem) -> Unsatisfiable {
        Unsatisfiable { problems: vec![problem] }
    }
}

impl Problem {
    pub(crate) fn unknown(ask: &Ask, universe: &Universe) -> Problem {
        let names = universe.shelves().flat_map(|(shelf, _)| shelf.names());
        let nearest = alike(&ask.name, names.collect()).into_iter().map(str::to_owned).collect();
        Problem::Unknown { ask: ask.text.clone(), name: ask.name.clone(), nearest }
    }

    pub(crate) fn no_version(ask: &Ask, pool: &Pool<'_>, p: PkgIx) -> Problem {
        Problem::NoVersion { ask: ask.text.clone(), available: available(pool, p) }
    }
}

/// Names that may have been meant: those that go on from the word (a library's name lacks its soname more
/// often than a letter), then those that look alike.
fn alike<'a>(word: &str, names: Vec<&'a str>) -> Vec<&'a str> {
    const MOST: usize = 4;
    let rank = |name: &str| match name.get(word.len()..)? {
        "-dev" => Some(1),
        rest if rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains("-d") => Some(0),
        rest if rest.ends_with("-doc") || rest.contains("-dbg") || rest.contains("-dev") => Some(3),
        _ => Some(2),
    };
    let longer = names.iter().filter(|n| word.len() > 2 && n.starts_with(word));
    let mut found: Vec<(Option<u8>, usize, &str)> = longer.map(|n| (rank(n), n.len(), *n)).collect();
    found.sort_unstable();
    found.dedup();
    let near = diag::nearest(word, names.iter().copied(), 3);
    let longer: Vec<&str> = found.into_iter().map(|(.., n)| n).collect();
    let near = near.into_iter().filter(|n| !longer.contains(n));
    longer.iter().copied().chain(near).take(MOST).collect()
}

fn available(pool: &Pool<'_>, p: PkgIx) -> Vec<String> {
    let versions = pool.packages[p.at()].versions.iter().map(|v| &pool.versions[v.at()]);
    versions.map(|v| format!("{} ({})", v.version, pool.universe.source(v.record).repository)).collect()
}

impl fmt::Display for Unsatisfiable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.first() {
            Some(Problem::UnknownArch { ask, arch }) => {
                write!(
                    f,
                    "cannot choose package `{ask}`: packages of {arch} are not indexed for this architecture"
                )
            }
            Some(Problem::Unknown { ask, name, .. }) => {
                write!(f, "cannot find package `{ask}`: no index has the name `{name}`")
            }
            Some(Problem::NoVersion { ask, .. }) => {
                write!(f, "cannot choose package `{ask}`: no version of it fits")
            }
            Some(Problem::Virtual { ask, .. }) => {
                write!(f, "cannot choose package `{ask}`: it is a virtual name with several providers")
            }
            _ => write!(f, "cannot solve the packages asked for: they do not fit together"),
        }
    }
}

impl std::error::Error for Unsatisfiable {}

impl Explain for Unsatisfiable {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unsatisfiable
    }

    fn details(&self) -> Vec<String> {
        let mut out = Vec::new();
        for problem in &self.problems {
            match problem {
                Problem::NoVersion { available, .. } => {
                    out.extend(available.iter().map(|v| format!("there is {v}")));
                }
                Problem::Virtual { providers, .. } => {
                    out.extend(providers.iter().map(|p| format!("provided by {p}")));
                }
                Problem::Chain(facts) => crate::put_chain(&mut out, facts),
                _ => {}
            }
        }
        out
    }

    fn hint(&self) -> Option<String> {
        Some(match self.problems.first()? {
            Problem::Unknown { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean {}?", nearest.join(", "))
            }
            Problem::Unknown { .. } => {
                "check the name and whether its repository is in `repositories:`".to_owned()
            }
            Problem::UnknownArch { .. } => {
                "leave the architecture out: each one of `archs:` is solved on its own, with its own packages"
                    .to_owned()
            }
            Problem::NoVersion { .. } => "relax the version, or add the repository that has it".to_owned(),
            Problem::Virtual { providers, .. } => format!("name one: {}", providers.join(", ")),
            Problem::Chain(_) => {
                "remove or replace one of the packages named above, or relax its version".to_owned()
            }
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Asked { ask, package } => write!(f, "you asked for `{ask}`, which is {package}"),
            Fact::Needs { package, requirement } => write!(f, "{package} needs {requirement}"),
            Fact::NotThere { name } => write!(f, "no index has {name}, and no package provides it"),
            Fact::OnlyVersions { name, versions } => {
                write!(f, "{name} exists only as {}", versions.join(", "))
            }
            Fact::Excludes { package, clause, other } if clause.is_empty() => {
                write!(f, "{package} and {other} cannot both be installed")
            }
            Fact::Excludes { package, clause, other } => write!(f, "{package} {clause}, which is {other}"),
            Fact::Undecided { asks } => write!(f, "no choice of alternatives reconciles {}", asks.join(", ")),
        }
    }
}

/// Works out why, over all versions and alternatives rather than the ones that apt tried.
pub(crate) fn explain(universe: &Universe, request: &Request, asked: &[RecordId]) -> Unsatisfiable {
    let mut search = Derivation {
        state: State::new(Pool::new(universe, request)),
        impossible: HashMap::new(),
        why: HashMap::new(),
        forced: Vec::new(),
    };
    let asked: Vec<VerIx> = asked.iter().filter_map(|id| search.state.pool.version_of(*id)).collect();
    search.rule_out(&asked);
    for (ask, v) in request.asks.iter().zip(&asked) {
        if search.impossible.contains_key(v) {
            let mut facts = vec![search.asked_fact(ask, *v)];
            search.follow_impossible(*v, &mut facts, &mut HashSet::new());
            return Unsatisfiable::one(Problem::Chain(facts));
        }
    }
    let facts = search.force(request, &asked);
    let undecided = || vec![Fact::Undecided { asks: request.asks.iter().map(|a| a.text.clone()).collect() }];
    Unsatisfiable::one(Problem::Chain(facts.unwrap_or_else(undecided)))
}

struct Derivation<'u> {
    state: State<'u>,
    /// Versions that can never be installed, and the clause that nothing meets.
    impossible: HashMap<VerIx, usize>,
    /// Why a version must be installed: by whom, and which clause.
    why: HashMap<VerIx, Option<(VerIx, usize)>>,
    forced: Vec<VerIx>,
}

impl<'u> Derivation<'u> {
    fn show(&self, v: VerIx) -> String {
        let version = &self.state.pool.versions[v.at()];
        format!("{} {}", self.state.pool.name_text(version.package), version.version)
    }

    fn asked_fact(&self, ask: &Ask, v: VerIx) -> Fact {
        Fact::Asked { ask: ask.text.clone(), package: self.show(v) }
    }

    /// Marks as impossible what needs only impossible things, until nothing changes.
    fn rule_out(&mut self, asked: &[VerIx]) {
        let mut reached: Vec<VerIx> = asked.to_vec();
        let mut seen: HashSet<VerIx> = reached.iter().copied().collect();
        let mut i = 0;
        while i < reached.len() {
            let v = reached[i];
            i += 1;
            for clause in self.state.pool.clauses(v).iter().filter(|c| !c.kind.is_negative()) {
                reached.extend(self.state.options(v, clause).into_iter().filter(|o| seen.insert(*o)));
            }
        }
        loop {
            let before = self.impossible.len();
            for &v in reached.iter().rev() {
                if self.impossible.contains_key(&v) {
                    continue;
                }
                let clauses = self.state.pool.clauses(v);
                for (i, clause) in clauses.iter().enumerate().filter(|(_, c)| !c.kind.is_negative()) {
                    if self.state.options(v, clause).iter().all(|o| self.impossible.contains_key(o)) {
                        self.impossible.insert(v, i);
                        break;
                    }
                }
            }
            if self.impossible.len() == before {
                return;
            }
        }
    }

    fn follow_impossible(&mut self, v: VerIx, facts: &mut Vec<Fact>, seen: &mut HashSet<VerIx>) {
        let Some(&i) = self.impossible.get(&v).filter(|_| seen.insert(v)) else { return };
        let clause = self.state.pool.clauses(v)[i].clone();
        facts.push(Fact::Needs { package: self.show(v), requirement: text_of(&clause) });
        let options = self.state.options(v, &clause);
        if let Some(first) = options.first() {
            return self.follow_impossible(*first, facts, seen);
        }
        for choice in &clause.choices {
            facts.push(self.absence(choice));
        }
    }

    fn absence(&mut self, choice: &Choice<'u>) -> Fact {
        let name = self.state.target_name(choice.target).to_owned();
        let target = &self.state.pool.targets[choice.target.at()];
        let mut versions = target.real.map(|p| available(&self.state.pool, p)).unwrap_or_default();
        for provider in target.providers.iter() {
            let owner = self.show(provider.version);
            versions.push(match provider.provided {
                "" => format!("provided without a version by {owner}"),
                version => format!("{version}, provided by {owner}"),
            });
        }
        if versions.is_empty() { Fact::NotThere { name } } else { Fact::OnlyVersions { name, versions } }
    }

    /// Follows what has only one way until two things exclude one another.
    fn force(&mut self, request: &Request, asked: &[VerIx]) -> Option<Vec<Fact>> {
        for &v in asked {
            if self.why.insert(v, None).is_none() {
                self.forced.push(v);
            }
        }
        loop {
            let before = self.forced.len();
            if let Some((a, b, clause)) = self.clash() {
                let mut facts = self.chain_to(request, asked, a);
                facts.extend(self.chain_to(request, asked, b));
                facts.push(Fact::Excludes { package: self.show(a), clause, other: self.show(b) });
                return Some(facts);
            }
            for v in self.forced.clone() {
                let clauses = self.state.pool.clauses(v);
                for (i, clause) in clauses.iter().enumerate().filter(|(_, c)| !c.kind.is_negative()) {
                    let mut options = self.state.options(v, clause);
                    options.retain(|o| !self.impossible.contains_key(o));
                    let open: Vec<VerIx> =
                        options.iter().copied().filter(|o| self.opponent(*o).is_none()).collect();
                    match open.as_slice() {
                        [] => return Some(self.dead_end(request, asked, v, clause, &options)),
                        [only] if !self.why.contains_key(only) => {
                            self.why.insert(*only, Some((v, i)));
                            self.forced.push(*only);
                        }
                        _ => {}
                    }
                }
            }
            if self.forced.len() == before {
                return None;
            }
        }
    }

    fn dead_end(
        &mut self,
        request: &Request,
        asked: &[VerIx],
        v: VerIx,
        clause: &Clause<'u>,
        options: &[VerIx],
    ) -> Vec<Fact> {
        let mut facts = self.chain_to(request, asked, v);
        facts.push(Fact::Needs { package: self.show(v), requirement: text_of(clause) });
        for &option in options.iter().take(4) {
            if let Some((opponent, clause)) = self.opponent(option) {
                for fact in self.chain_to(request, asked, opponent) {
                    if !facts.contains(&fact) {
                        facts.push(fact);
                    }
                }
                facts.push(Fact::Excludes { package: self.show(option), clause, other: self.show(opponent) });
            }
        }
        facts
    }

    fn clash(&mut self) -> Option<(VerIx, VerIx, String)> {
        for (i, &a) in self.forced.clone().iter().enumerate() {
            for &b in &self.forced.clone()[i + 1..] {
                if let Some(clause) = self.exclusion(a, b) {
                    return Some((a, b, clause));
                }
                if let Some(clause) = self.exclusion(b, a) {
                    return Some((b, a, clause));
                }
            }
        }
        None
    }

    /// A forced version that excludes another, and by which clause.
    fn opponent(&mut self, v: VerIx) -> Option<(VerIx, String)> {
        self.forced
            .clone()
            .into_iter()
            .filter(|f| *f != v)
            .find_map(|f| self.exclusion(f, v).or_else(|| self.exclusion(v, f)).map(|clause| (f, clause)))
    }

    fn exclusion(&mut self, a: VerIx, b: VerIx) -> Option<String> {
        let (x, y) = (&self.state.pool.versions[a.at()], &self.state.pool.versions[b.at()]);
        if x.package == y.package {
            return (a != b).then(String::new);
        }
        let clauses = self.state.pool.clauses(a);
        for clause in clauses.iter().filter(|c| c.kind.is_negative()) {
            for choice in &clause.choices {
                if self.state.all_targets(a, clause, choice).contains(&b) {
                    let verb =
                        if clause.kind == super::pool::Kind::Breaks { "breaks" } else { "conflicts with" };
                    return Some(format!("{verb} {}", choice.text));
                }
            }
        }
        None
    }

    fn chain_to(&self, request: &Request, asked: &[VerIx], v: VerIx) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut at = v;
        while let Some(Some((by, i))) = self.why.get(&at).copied() {
            let Some(clause) = self.loaded_clause(by, i) else { break };
            facts.push(Fact::Needs { package: self.show(by), requirement: clause });
            at = by;
        }
        if let Some(i) = asked.iter().position(|a| *a == at) {
            facts.push(self.asked_fact(&request.asks[i], at));
        }
        facts.reverse();
        facts
    }

    fn loaded_clause(&self, v: VerIx, i: usize) -> Option<String> {
        self.state.pool.loaded_clauses(v)?.get(i).map(text_of)
    }
}

fn text_of(clause: &Clause<'_>) -> String {
    package::Relation { alternatives: clause.choices.iter().map(|c| c.text).collect() }.to_string()
}
