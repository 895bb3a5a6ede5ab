//! A complete search: finds a set if there is one. It is the second opinion where apt's greedy
//! algorithm gives up, and the oracle of the tests; it knows nothing of packages, only clauses.
//!
//! Conflict-driven clause learning with two watched literals. Decisions are not by activity but by
//! need: the first clause of a chosen thing that nothing meets yet, its first open alternative. So
//! nothing is chosen without a reason, and preferences are those of the order of the literals.

/// A variable, or its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Literal(u32);

impl Literal {
    /// It is chosen.
    pub fn yes(variable: u32) -> Literal {
        Literal(variable << 1)
    }

    /// It is not.
    pub fn no(variable: u32) -> Literal {
        Literal(variable << 1 | 1)
    }

    fn variable(self) -> usize {
        (self.0 >> 1) as usize
    }

    fn is_no(self) -> bool {
        self.0 & 1 == 1
    }

    fn inverse(self) -> Literal {
        Literal(self.0 ^ 1)
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The variables that are chosen, in the order of choosing.
    Found(Vec<u32>),
    /// There is no solution.
    Impossible,
    /// The bound on conflicts was reached.
    GaveUp,
}

/// A set of clauses under search.
#[derive(Debug, Default)]
pub struct Search {
    clauses: Vec<Vec<Literal>>,
    watches: Vec<Vec<usize>>,
    value: Vec<Option<bool>>,
    level: Vec<usize>,
    reason: Vec<Option<usize>>,
    trail: Vec<Literal>,
    /// Length of the trail at each decision.
    decisions: Vec<usize>,
    propagated: usize,
    /// What a chosen variable requires, to be met by decisions: alternatives in order of preference.
    needs: Vec<Vec<Box<[u32]>>>,
    impossible: bool,
}

impl Search {
    /// Over this many variables.
    pub fn new(variables: u32) -> Search {
        let n = variables as usize;
        Search {
            watches: vec![Vec::new(); 2 * n],
            value: vec![None; n],
            level: vec![0; n],
            reason: vec![None; n],
            needs: vec![Vec::new(); n],
            ..Search::default()
        }
    }

    /// One of these must hold.
    pub fn add(&mut self, literals: &[Literal]) {
        let mut clause = literals.to_vec();
        let mut seen = std::collections::HashSet::new();
        clause.retain(|l| seen.insert(*l));
        if clause.iter().any(|l| seen.contains(&l.inverse())) {
            return;
        }
        match clause.as_slice() {
            [] => self.impossible = true,
            [only] => match self.holds(*only) {
                Some(false) => self.impossible = true,
                Some(true) => {}
                None => self.set(*only, None),
            },
            _ => {
                self.attach(clause);
            }
        }
    }

    /// If `variable` is chosen, so must one of these be, rather an earlier one.
    pub fn require(&mut self, variable: u32, options: &[u32]) {
        let mut literals = vec![Literal::no(variable)];
        literals.extend(options.iter().map(|o| Literal::yes(*o)));
        if options.contains(&variable) {
            return;
        }
        self.add(&literals);
        self.needs[variable as usize].push(options.into());
    }

    /// The two exclude one another.
    pub fn exclude(&mut self, a: u32, b: u32) {
        self.add(&[Literal::no(a), Literal::no(b)]);
    }

    /// Searches, for at most so many conflicts.
    pub fn run(&mut self, conflicts: usize) -> Outcome {
        let mut left = conflicts;
        while !self.impossible {
            if let Some(conflict) = self.propagate() {
                if self.decisions.is_empty() {
                    return Outcome::Impossible;
                }
                if left == 0 {
                    return Outcome::GaveUp;
                }
                left -= 1;
                self.learn(conflict);
            } else if let Some(next) = self.next_need() {
                self.decisions.push(self.trail.len());
                self.set(next, None);
            } else {
                return Outcome::Found(self.trail.iter().filter(|l| !l.is_no()).map(|l| l.0 >> 1).collect());
            }
        }
        Outcome::Impossible
    }

    fn holds(&self, l: Literal) -> Option<bool> {
        self.value[l.variable()].map(|v| v != l.is_no())
    }

    fn set(&mut self, l: Literal, reason: Option<usize>) {
        let v = l.variable();
        self.value[v] = Some(!l.is_no());
        self.level[v] = self.decisions.len();
        self.reason[v] = reason;
        self.trail.push(l);
    }

    fn attach(&mut self, clause: Vec<Literal>) -> usize {
        let ix = self.clauses.len();
        for l in &clause[..2] {
            self.watches[l.0 as usize].push(ix);
        }
        self.clauses.push(clause);
        ix
    }

    /// Follows what is forced; gives a clause that fails.
    fn propagate(&mut self) -> Option<usize> {
        while self.propagated < self.trail.len() {
            let failing = self.trail[self.propagated].inverse();
            self.propagated += 1;
            let mut watching = std::mem::take(&mut self.watches[failing.0 as usize]);
            let mut i = 0;
            while i < watching.len() {
                let ix = watching[i];
                match self.visit(ix, failing) {
                    Visit::Moved => {
                        watching.swap_remove(i);
                    }
                    Visit::Stays => i += 1,
                    Visit::Fails => {
                        self.watches[failing.0 as usize].append(&mut watching);
                        return Some(ix);
                    }
                }
            }
            self.watches[failing.0 as usize].append(&mut watching);
        }
        None
    }

    fn visit(&mut self, ix: usize, failing: Literal) -> Visit {
        if self.clauses[ix][0] == failing {
            self.clauses[ix].swap(0, 1);
        }
        let first = self.clauses[ix][0];
        if self.holds(first) == Some(true) {
            return Visit::Stays;
        }
        let open = (2..self.clauses[ix].len()).find(|i| self.holds(self.clauses[ix][*i]) != Some(false));
        if let Some(i) = open {
            self.clauses[ix].swap(1, i);
            let watched = self.clauses[ix][1];
            self.watches[watched.0 as usize].push(ix);
            return Visit::Moved;
        }
        if self.holds(first) == Some(false) {
            return Visit::Fails;
        }
        self.set(first, Some(ix));
        Visit::Stays
    }

    /// The first alternative of the first need that nothing meets.
    fn next_need(&self) -> Option<Literal> {
        for l in self.trail.iter().filter(|l| !l.is_no()) {
            for options in &self.needs[l.variable()] {
                let value = |o: &u32| self.value[*o as usize];
                if options.iter().any(|o| value(o) == Some(true)) {
                    continue;
                }
                if let Some(open) = options.iter().find(|o| value(o).is_none()) {
                    return Some(Literal::yes(*open));
                }
            }
        }
        None
    }

    /// First unique implication point: learns a clause and goes back to where it forces something.
    fn learn(&mut self, conflict: usize) {
        let now = self.decisions.len();
        let mut seen = vec![false; self.value.len()];
        let mut learnt: Vec<Literal> = Vec::new();
        let (mut open, mut at) = (0, self.trail.len());
        let mut clause = conflict;
        let pivot = loop {
            for &l in &self.clauses[clause] {
                let v = l.variable();
                if seen[v] || self.holds(l) != Some(false) || self.level[v] == 0 {
                    continue;
                }
                seen[v] = true;
                if self.level[v] == now {
                    open += 1;
                } else {
                    learnt.push(l);
                }
            }
            loop {
                at -= 1;
                if seen[self.trail[at].variable()] {
                    break;
                }
            }
            let l = self.trail[at];
            open -= 1;
            match self.reason[l.variable()] {
                Some(reason) if open > 0 => clause = reason,
                _ => break l.inverse(),
            }
        };
        let back = learnt.iter().map(|l| self.level[l.variable()]).max().unwrap_or(0);
        self.undo(back);
        learnt.sort_by_key(|l| std::cmp::Reverse(self.level[l.variable()]));
        learnt.insert(0, pivot);
        let reason = if learnt.len() > 1 { Some(self.attach(learnt)) } else { None };
        self.set(pivot, reason);
    }

    fn undo(&mut self, level: usize) {
        let Some(&keep) = self.decisions.get(level) else { return };
        for l in self.trail.drain(keep..) {
            self.value[l.variable()] = None;
            self.reason[l.variable()] = None;
        }
        self.decisions.truncate(level);
        self.propagated = keep;
    }
}

enum Visit {
    Stays,
    Moved,
    Fails,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries every assignment.
    fn brute_force(variables: u32, clauses: &[Vec<Literal>]) -> bool {
        (0..1u32 << variables).any(|bits| {
            let holds = |l: &Literal| (bits >> l.variable() & 1 == 1) != l.is_no();
            clauses.iter().all(|c| c.iter().any(holds))
        })
    }

    #[test]
    fn agrees_with_trying_everything() {
        let mut seed = 7u64;
        let mut roll = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        let mut found = 0;
        for _ in 0..3000 {
            let n = 4 + roll(7) as u32;
            let mut search = Search::new(n);
            let mut clauses = vec![vec![Literal::yes(0)]];
            search.add(&clauses[0]);
            for _ in 0..n * 3 {
                let v = roll(u64::from(n)) as u32;
                if roll(3) > 0 {
                    let options: Vec<u32> = (0..1 + roll(3)).map(|_| roll(u64::from(n)) as u32).collect();
                    search.require(v, &options);
                    let mut clause = vec![Literal::no(v)];
                    clause.extend(options.iter().map(|o| Literal::yes(*o)));
                    clauses.push(clause);
                } else {
                    let other = roll(u64::from(n)) as u32;
                    search.exclude(v, other);
                    clauses.push(vec![Literal::no(v), Literal::no(other)]);
                }
            }
            match search.run(10_000) {
                Outcome::Found(set) => {
                    found += 1;
                    let holds = |l: &Literal| set.contains(&(l.variable() as u32)) != l.is_no();
                    assert!(clauses.iter().all(|c| c.iter().any(holds)), "{clauses:?} {set:?}");
                }
                Outcome::Impossible => assert!(!brute_force(n, &clauses), "{clauses:?}"),
                Outcome::GaveUp => panic!("gave up on {n} variables"),
            }
        }
        assert!(found > 500 && found < 2900, "both verdicts occur: {found}");
    }

    #[test]
    fn takes_the_earlier_alternative_and_nothing_without_a_need() {
        let mut search = Search::new(5);
        search.add(&[Literal::yes(0)]);
        search.require(0, &[1, 2]);
        search.require(1, &[3]);
        search.exclude(3, 0);
        assert_eq!(search.run(10), Outcome::Found(vec![0, 2]));
    }
}
