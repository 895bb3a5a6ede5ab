//! apko's own choice, for `--compat apko`: written anew from how apko v1.2.39 (`pkg/apk/apk/repo.go`)
//! behaves.
//!
//! Unlike apk's it is a plain greedy walk. Whatever contradicts a versioned demand, or provides what a
//! chosen package provides, is disqualified for good; of the open demands the one with the fewest
//! candidates is met first, by the best of these, whose own demands follow at once. So it takes a
//! provider that nobody named, and fails where two lines name two versions. Conditions (`install_if`)
//! are only looked at among what one line brings. Two things are ours: versions compare as apk's do
//! (apko cannot read six of apk's own test vectors and misjudges two), and where apko's answer hangs on
//! the random order of a map, the order is that of the index.
//!
//! With an earlier answer, what was in it is taken before what was not, wherever apko would compare:
//! apko itself has only its lock, which is the whole answer or refused.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use package::Op;
use package::version::apk;

use super::pool::{Dep, NameIx, PkgIx, Pool, UNTAGGED, VersionIx};
use super::unsatisfiable::{Fact, Problem, Unsatisfiable};

/// No real chain of dependencies is as long.
const DEEPEST: usize = 300;

/// A demand as apko reads it.
#[derive(Clone)]
struct Want<'u> {
    text: String,
    name: NameIx,
    conflict: bool,
    /// [`Op::Any`] for operators that apko does not know.
    op: Op,
    version: Cow<'u, str>,
    /// The bit of its tag.
    tag: u64,
}

pub(super) struct Apko<'p, 'u> {
    pool: &'p Pool<'u>,
    disqualified: HashMap<PkgIx, String>,
    selected: HashMap<NameIx, PkgIx>,
}

/// What a line has so far: by name, and by origin.
#[derive(Default)]
struct Existing<'u> {
    packages: HashMap<NameIx, PkgIx>,
    origins: HashMap<&'u str, VersionIx>,
}

/// The facts from the demand that failed to its end.
type Failure = Vec<Fact>;

/// Chooses for these lines (`text`, the dependency, the bit of its tag): packages in install order.
pub(super) fn choose<'u>(pool: &Pool<'u>, lines: &[(&str, Dep, u64)]) -> Result<Vec<PkgIx>, Unsatisfiable> {
    let mut apko = Apko { pool, disqualified: HashMap::new(), selected: HashMap::new() };
    for i in 0..pool.packages.len() {
        let package = &pool.packages[i];
        let why = package.uninstallable.then_some("it cannot be installed here").or(package.barred);
        if let Some(why) = why {
            apko.disqualified.insert(PkgIx::from_place(i), why.to_owned());
        }
    }
    let wants: Vec<Want<'u>> =
        lines.iter().map(|(text, dep, tag)| want(pool, (*text).to_owned(), dep, *tag)).collect();
    apko.world(&wants).map_err(|(text, failure)| {
        let mut facts = vec![Fact::Asked { ask: text, package: String::new() }];
        facts.extend(failure);
        Unsatisfiable::one(Problem::Chain(facts))
    })
}

fn want<'u>(pool: &Pool<'u>, text: String, dep: &Dep, tag: u64) -> Want<'u> {
    let op = match dep.op {
        Op::Identity | Op::LessFuzzy | Op::GreaterFuzzy => Op::Any,
        op => op,
    };
    let version = library_version(pool.text(dep.name), dep.op, pool.version(dep.version));
    Want { text, name: dep.name, conflict: dep.conflict, op, version, tag }
}

/// apko makes old versions of libraries (`so:x=1`) older than those that melange gives now
/// (`so:x=1.2-r0`).
fn library_version<'u>(name: &str, op: Op, version: &'u str) -> Cow<'u, str> {
    let has_equals = matches!(op, Op::Equal | Op::LessEqual | Op::GreaterEqual);
    let is_release = version
        .rsplit_once("-r")
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    match name.starts_with("so:") && has_equals && !is_release {
        true => Cow::Owned(format!("0.{version}")),
        false => Cow::Borrowed(version),
    }
}

impl<'p, 'u> Apko<'p, 'u> {
    fn world(&mut self, wants: &[Want<'u>]) -> Result<Vec<PkgIx>, (String, Failure)> {
        self.constrain(wants);
        let mut open: Vec<&Want<'u>> = wants.iter().collect();
        let mut known: HashMap<NameIx, PkgIx> = HashMap::new();
        while !open.is_empty() {
            let mut fewest: Option<(usize, &Want<'u>)> = None;
            for want in &open {
                let count = self.candidates(want).map_err(|e| (want.text.clone(), e))?.len();
                if fewest.is_none_or(|(least, _)| count < least) {
                    fewest = Some((count, want));
                }
            }
            let Some((_, want)) = fewest else { break };
            let package = self.best_for(want).map_err(|e| (want.text.clone(), e))?;
            known.insert(self.pool.packages[package.at()].name, package);
            open.retain(|w| w.text != want.text);
            self.disqualify_conflicts(package);
        }
        let mut order: Vec<PkgIx> = Vec::new();
        for want in wants {
            let (package, deps) = self.line(want, &known).map_err(|e| (want.text.clone(), e))?;
            for p in deps.into_iter().chain([package]) {
                let name = self.pool.packages[p.at()].name;
                if !order.iter().any(|o| self.pool.packages[o.at()].name == name) {
                    order.push(p);
                }
                known.entry(name).or_insert(p);
            }
        }
        Ok(order)
    }

    /// What one line brings: its package, and what that needs.
    fn line(
        &mut self,
        want: &Want<'u>,
        known: &HashMap<NameIx, PkgIx>,
    ) -> Result<(PkgIx, Vec<PkgIx>), Failure> {
        let mut existing = Existing { packages: known.clone(), origins: HashMap::new() };
        for package in known.values() {
            self.note_origin(&mut existing, *package);
        }
        let package = self.best_for(want)?;
        let deps = self.needs(package, want.tag, &mut Vec::new(), &mut existing)?;
        let mut added: Vec<PkgIx> = Vec::new();
        for dep in deps {
            if !self.has_name(&added, dep) {
                added.push(dep);
            }
        }
        let mut i = 0;
        while let Some(&dep) = added.get(i) {
            for waiting in self.waiting_for(dep) {
                let conditions = self.pool.install_if(waiting);
                if conditions.iter().all(|c| self.is_among(c, &added)) && !self.has_name(&added, waiting) {
                    added.push(waiting);
                }
            }
            i += 1;
        }
        Ok((package, added))
    }

    fn has_name(&self, among: &[PkgIx], package: PkgIx) -> bool {
        let name = |p: PkgIx| self.pool.packages[p.at()].name;
        among.iter().any(|p| name(*p) == name(package))
    }

    fn waiting_for(&self, package: PkgIx) -> Vec<PkgIx> {
        let own = &self.pool.packages[package.at()];
        let waits = |p: &PkgIx, op: Op| {
            let conditions = self.pool.install_if(*p).iter().filter(|c| c.name == own.name && c.op == op);
            conditions.into_iter().any(|c| c.op == Op::Any || c.version == own.version)
        };
        let all = self.pool.waiting_by_name(own.name);
        let bare: Vec<PkgIx> = all.iter().filter(|p| waits(p, Op::Any)).copied().collect();
        if bare.is_empty() { all.iter().filter(|p| waits(p, Op::Equal)).copied().collect() } else { bare }
    }

    fn is_among(&self, condition: &Dep, added: &[PkgIx]) -> bool {
        added.iter().map(|p| &self.pool.packages[p.at()]).any(|p| {
            p.name == condition.name
                && (condition.op == Op::Any || condition.op == Op::Equal && p.version == condition.version)
        })
    }

    /// What a package needs, deepest first.
    fn needs(
        &mut self,
        package: PkgIx,
        tag: u64,
        parents: &mut Vec<NameIx>,
        existing: &mut Existing<'u>,
    ) -> Result<Vec<PkgIx>, Failure> {
        let pool = self.pool;
        let own = &pool.packages[package.at()];
        if parents.contains(&own.name) {
            return Ok(Vec::new());
        }
        if parents.len() > DEEPEST {
            return Err(vec![Fact::Undecided { asks: vec![self.show(package)] }]);
        }
        let mut open: Vec<Want<'u>> =
            pool.depends(package).iter().map(|d| want(pool, pool.show(d), d, 0)).collect();
        self.constrain(&open);
        let mut found = Vec::new();
        loop {
            let mut options: BTreeMap<String, (Want<'u>, Vec<PkgIx>)> = BTreeMap::new();
            for want in open.into_iter().filter(|w| !w.conflict) {
                let why = |mut e: Failure, this: &Self| {
                    e.insert(0, Fact::Needs { package: this.show(package), requirement: want.text.clone() });
                    e
                };
                if self.is_met_already(package, &want).map_err(|e| why(e, self))? {
                    continue;
                }
                let allowed = UNTAGGED | tag;
                let candidates = self.filter(&want, allowed, existing.packages.get(&want.name).copied());
                if candidates.is_empty() {
                    return Err(why(self.none_left(&want), self));
                }
                options.insert(want.text.clone(), (want, candidates));
            }
            // Of equal counts the first text, as the map has them.
            let Some((_, lowest)) = options.iter().map(|(text, (_, c))| (c.len(), text.clone())).min() else {
                return Ok(found);
            };
            let Some((want, candidates)) = options.remove(&lowest) else { return Ok(found) };
            open = options.into_values().map(|(want, _)| want).collect();
            let Some(best) = self.best(&candidates, want.name, existing, UNTAGGED) else { return Ok(found) };
            self.disqualify_conflicts(best);
            let why = |mut e: Failure, this: &Self| {
                e.insert(0, Fact::Needs { package: this.show(package), requirement: want.text.clone() });
                e
            };
            self.pick(package).map_err(|e| why(e, self))?;
            parents.push(own.name);
            let below = self.needs(best, tag, parents, existing);
            parents.pop();
            let below = below.map_err(|e| why(e, self))?;
            for &p in &below {
                existing.packages.insert(pool.packages[p.at()].name, p);
                self.note_origin(existing, p);
            }
            found.extend(below);
            found.push(best);
        }
    }

    fn note_origin(&self, existing: &mut Existing<'u>, package: PkgIx) {
        let own = &self.pool.packages[package.at()];
        existing.origins.insert(self.origin(package), own.version);
    }

    fn origin(&self, package: PkgIx) -> &'u str {
        self.pool.universe.record(self.pool.packages[package.at()].record).source()
    }

    /// Does the package meet its own demand, or one that was selected before?
    fn is_met_already(&self, package: PkgIx, want: &Want<'_>) -> Result<bool, Failure> {
        let pool = self.pool;
        let own = &pool.packages[package.at()];
        if pool.provides(package).iter().any(|d| d.name == want.name)
            || own.name == want.name
                && is_valid(pool, own.version)
                && satisfies(want, pool.version(own.version))
        {
            return Ok(true);
        }
        let Some(&picked) = self.selected.get(&want.name) else { return Ok(false) };
        let picked_version = pool.version(pool.packages[picked.at()].version);
        let provided = |d: &Dep| {
            let version = library_version(pool.text(d.name), d.op, pool.version(d.version));
            // apko asks by the operator of the provision, which is `=`.
            d.name == want.name && !version.is_empty() && apk::compare(&version, &want.version).is_eq()
        };
        if want.version.is_empty()
            || pool.provides(picked).iter().any(provided)
            || satisfies(want, picked_version)
        {
            return Ok(true);
        }
        let name = pool.text(want.name).to_owned();
        Err(vec![Fact::Chosen { name, package: self.show(picked) }])
    }

    /// Disqualifies what contradicts demands with a version, and what is excluded.
    fn constrain(&mut self, wants: &[Want<'u>]) {
        let pool = self.pool;
        for want in wants {
            if want.conflict {
                for p in self.filter(want, UNTAGGED | want.tag, None) {
                    self.disqualify(p, || format!("it is excluded by {}", want.text));
                }
                continue;
            }
            if want.op == Op::Any {
                continue;
            }
            for provider in pool.providers(want.name) {
                let package = provider.package;
                let own = &pool.packages[package.at()];
                let contradicts = if own.name == want.name {
                    !is_valid(pool, own.version) || !satisfies(want, pool.version(own.version))
                } else {
                    let version = pool.version(provider.version);
                    let version = library_version(pool.text(want.name), Op::Equal, version);
                    !(provider.version.is_empty() || apk::is_valid(&version) && satisfies(want, &version))
                };
                if contradicts {
                    self.disqualify(package, || format!("it does not satisfy {}", want.text));
                }
            }
        }
    }

    /// Disqualifies whoever provides what the package provides.
    fn disqualify_conflicts(&mut self, package: PkgIx) {
        let pool = self.pool;
        for provided in pool.provides(package) {
            for other in pool.providers(provided.name) {
                // Virtual provisions of one name get on with each other.
                let excludes = !provided.version.is_empty() || !other.version.is_empty();
                if other.package != package && excludes {
                    let why = format!("{} already provides {}", self.show(package), pool.text(provided.name));
                    self.disqualify(other.package, || why);
                }
            }
        }
    }

    fn disqualify(&mut self, package: PkgIx, why: impl FnOnce() -> String) {
        self.disqualified.entry(package).or_insert_with(why);
    }

    fn pick(&mut self, package: PkgIx) -> Result<(), Failure> {
        let pool = self.pool;
        let own = &pool.packages[package.at()];
        let clash = |name: NameIx, other: PkgIx| {
            let name = pool.text(name).to_owned();
            vec![Fact::Excludes { package: self.show(package), other: self.show(other), name }]
        };
        match self.selected.get(&own.name) {
            Some(&same) if same == package => return Ok(()),
            Some(&other) => return Err(clash(own.name, other)),
            None => {}
        }
        let mut new = vec![own.name];
        for d in pool.provides(package) {
            let other = self.selected.get(&d.name).copied();
            if let Some(other) = other.or_else(|| new.contains(&d.name).then_some(package)) {
                return Err(clash(d.name, other));
            }
            if !d.version.is_empty() {
                new.push(d.name);
            }
        }
        self.selected.extend(new.into_iter().map(|name| (name, package)));
        Ok(())
    }

    fn candidates(&self, want: &Want<'_>) -> Result<Vec<PkgIx>, Failure> {
        let found = match want.conflict {
            // apko looks for a package with that very name.
            true => Vec::new(),
            false => self.filter(want, UNTAGGED | want.tag, None),
        };
        if found.is_empty() { Err(self.none_left(want)) } else { Ok(found) }
    }

    fn best_for(&self, want: &Want<'_>) -> Result<PkgIx, Failure> {
        let candidates = self.candidates(want)?;
        let best = self.best(&candidates, want.name, &Existing::default(), want.tag);
        best.ok_or_else(|| self.none_left(want))
    }

    /// Who may meet a demand. Any provision in a fitting version counts, whatever its name.
    fn filter(&self, want: &Want<'_>, allowed: u64, existing: Option<PkgIx>) -> Vec<PkgIx> {
        let pool = self.pool;
        let mut found: Vec<PkgIx> = Vec::new();
        for provider in pool.providers(want.name) {
            let package = provider.package;
            let own = &pool.packages[package.at()];
            let is_allowed = own.tags & allowed != 0 || existing == Some(package);
            if self.disqualified.contains_key(&package) || !is_allowed || found.contains(&package) {
                continue;
            }
            let provides = |d: &Dep| {
                let version = library_version(pool.text(d.name), d.op, pool.version(d.version));
                !version.is_empty() && apk::is_valid(&version) && satisfies(want, &version)
            };
            let fits = want.op == Op::Any
                || is_valid(pool, own.version)
                    && (satisfies(want, pool.version(own.version))
                        || pool.provides(package).iter().any(provides));
            if fits {
                found.push(package);
            }
        }
        found
    }

    fn best(&self, among: &[PkgIx], name: NameIx, existing: &Existing<'_>, tag: u64) -> Option<PkgIx> {
        among.iter().copied().min_by(|a, b| self.compare(*a, *b, name, existing, tag))
    }

    /// The better one is less.
    fn compare(&self, a: PkgIx, b: PkgIx, name: NameIx, existing: &Existing<'_>, tag: u64) -> Ordering {
        let (p, q) = (&self.pool.packages[a.at()], &self.pool.packages[b.at()]);
        let is_there = |x: PkgIx| {
            let own = &self.pool.packages[x.at()];
            let there = existing.packages.get(&own.name);
            there.is_some_and(|e| self.pool.packages[e.at()].version == own.version)
        };
        let has_origin =
            |x: PkgIx| existing.origins.get(self.origin(x)) == Some(&self.pool.packages[x.at()].version);
        let has_tag = |tags: u64| tags & tag.max(UNTAGGED) != 0;
        let (v, w) = (self.version_for(a, name), self.version_for(b, name));
        let by_name = match v.is_empty() || w.is_empty() {
            true => Ordering::Equal,
            false => apk::compare(&w, &v),
        };
        let of_package = || self.pool.compare(q.version, p.version);
        (is_there(b).cmp(&is_there(a)))
            .then_with(|| q.preferred.cmp(&p.preferred))
            .then_with(|| has_origin(b).cmp(&has_origin(a)))
            .then_with(|| has_tag(q.tags).cmp(&has_tag(p.tags)))
            .then(by_name)
            .then_with(|| if p.name == q.name { of_package() } else { Ordering::Equal })
            .then_with(|| q.priority.cmp(&p.priority))
            .then_with(of_package)
            .then_with(|| self.pool.text(p.name).cmp(self.pool.text(q.name)))
    }

    /// The version in which a package has a name; "" for a virtual provision.
    fn version_for(&self, package: PkgIx, name: NameIx) -> Cow<'u, str> {
        let own = &self.pool.packages[package.at()];
        if own.name == name {
            return Cow::Borrowed(self.pool.version(own.version));
        }
        let provided = self.pool.provides(package).iter().find(|d| d.name == name);
        provided.map_or(Cow::Borrowed(""), |d| {
            library_version(self.pool.text(name), d.op, self.pool.version(d.version))
        })
    }

    fn show(&self, package: PkgIx) -> String {
        let own = &self.pool.packages[package.at()];
        format!("{} {}", self.pool.text(own.name), self.pool.version(own.version))
    }

    /// Why nothing is left to meet a demand.
    fn none_left(&self, want: &Want<'_>) -> Failure {
        let pool = self.pool;
        let name = pool.text(want.name).to_owned();
        let all = pool.providers(want.name);
        if want.conflict {
            return vec![Fact::NotThere { name: want.text.clone() }];
        }
        if all.is_empty() {
            return vec![Fact::NotThere { name }];
        }
        let out: Vec<String> = all
            .iter()
            .filter_map(|p| Some(format!("{}: {}", self.show(p.package), self.disqualified.get(&p.package)?)))
            .collect();
        if out.is_empty() {
            vec![Fact::OnlyVersions { name, versions: self.versions(want) }]
        } else {
            vec![Fact::Disqualified { name, packages: out }]
        }
    }

    fn versions(&self, want: &Want<'_>) -> Vec<String> {
        self.pool.providers(want.name).iter().map(|p| self.show(p.package)).collect()
    }
}

fn is_valid(pool: &Pool<'_>, version: VersionIx) -> bool {
    apk::is_valid(pool.version(version))
}

fn satisfies(want: &Want<'_>, version: &str) -> bool {
    want.op == Op::Any || want.op.admits(version, &want.version)
}
