//! Does our solver choose what apt chooses? Draws requests, asks the machine's apt in a private
//! root with the mirror's own signed indexes, compares set by set, checks each of our answers on its
//! own, and compares the verdict "cannot be met" with dose-debcheck's.

mod draw;
mod peer;
pub(crate) mod root;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use package::Universe;
use solve::apt::{Request, Solution, solve, validate};

use draw::{Case, Kind};
use peer::{Answer, Chosen};
use root::Root;

/// What the user asked of this task.
struct Options {
    sample: usize,
    seed: u64,
    distribution: String,
    only: Vec<String>,
}

/// Runs `apt-parity --sample N --seed S [--distribution debian-13|debian-12] [--only "REQUEST"]…`.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let options = read_options(args)?;
    let root = Root::prepare(&options.distribution)?;
    println!("{}, indexes of {}", peer::apt_version()?, options.distribution);
    for line in root.describe()? {
        println!("  {line}");
    }
    let universe = root.universe(false)?;
    let with_foreign = root.universe(true)?;
    println!("  {} records, {} with {}", universe.len(), with_foreign.len(), root::FOREIGN);
    let cases = if options.only.is_empty() {
        draw::draw(&universe, &with_foreign, options.sample, options.seed)
    } else {
        options.only.iter().map(|text| Case::parse(text)).collect()
    };
    println!("{} requests (seed {})", cases.len(), options.seed);
    let answers = peer::ask_apt(&root, &cases)?;
    let doses = peer::ask_dose(&root, [&universe, &with_foreign], &cases)?;
    let mut tally = Tally::default();
    for ((case, apt), installable) in cases.iter().zip(&answers).zip(&doses) {
        let universe = if case.foreign { &with_foreign } else { &universe };
        tally.take(universe, case, apt, *installable);
    }
    tally.print();
    if tally.invalid > 0 {
        bail!("{} of our answers are not valid", tally.invalid);
    }
    Ok(())
}

fn read_options(args: &[String]) -> Result<Options> {
    let mut options = Options { sample: 100, seed: 1, distribution: "debian-13".into(), only: Vec::new() };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} wants a value"));
        match word.as_str() {
            "--sample" => options.sample = value()?.parse().context("--sample wants a number")?,
            "--seed" => options.seed = value()?.parse().context("--seed wants a number")?,
            "--distribution" => options.distribution = value()?.clone(),
            "--only" => options.only.push(value()?.clone()),
            _ => bail!(
                "unknown option {word}; usage: apt-parity --sample N --seed S [--distribution D] [--only REQUEST]…"
            ),
        }
    }
    Ok(options)
}

#[derive(Default)]
struct Tally {
    by_kind: BTreeMap<&'static str, (usize, usize)>,
    verdicts: usize,
    same_verdict: usize,
    unsatisfiable: usize,
    invalid: usize,
    /// apt refuses, and so must we.
    refused: usize,
    /// apt refuses, but there is a set.
    found_more: usize,
    packages: usize,
    ours: Duration,
    slowest: Duration,
}

impl Tally {
    fn take(&mut self, universe: &Universe, case: &Case, apt: &Answer, installable: bool) {
        let request = case.request();
        let start = Instant::now();
        let ours = solve(universe, &request);
        let took = start.elapsed();
        self.ours += took;
        self.slowest = self.slowest.max(took);
        let chosen = ours.as_ref().ok().map(|solution| names(universe, solution));
        if let Ok(solution) = &ours {
            self.packages += solution.chosen.len();
            self.check(universe, case, &request, solution);
        }
        self.verdicts += 1;
        self.unsatisfiable += usize::from(!installable);
        if chosen.is_some() == installable {
            self.same_verdict += 1;
        } else {
            let word = |yes: bool| if yes { "can be met" } else { "cannot be met" };
            println!(
                "VERDICT {case}: ours {}, dose-debcheck's {}",
                word(chosen.is_some()),
                word(installable)
            );
        }
        let counts = self.by_kind.entry(case.kind.name()).or_default();
        counts.0 += 1;
        let equal = match (&chosen, apt) {
            (Some(ours), Answer::Set(theirs)) => ours == theirs,
            (None, Answer::Refused(_)) => true,
            // apt gives up on it, but there is a set: ours is checked above, and dose-debcheck agrees.
            (Some(_), Answer::Refused(_)) if installable => {
                self.found_more += 1;
                counts.1 += 1;
                println!("APT GIVES UP {case}");
                return;
            }
            _ => false,
        };
        self.refused += usize::from(matches!(apt, Answer::Refused(_)));
        if equal {
            counts.1 += 1;
            return;
        }
        println!("DIFFERS {case}");
        match (&chosen, apt) {
            (Some(ours), Answer::Set(theirs)) => {
                show("only ours", ours.difference(theirs));
                show("only apt's", theirs.difference(ours));
            }
            (Some(_), Answer::Refused(why)) => println!("    apt refuses: {why}"),
            (None, Answer::Set(theirs)) => {
                println!("    ours refuses, apt takes {}", theirs.len());
                if let Err(error) = &ours {
                    println!("    {}", diag::Explain::details(error).join("; "));
                }
            }
            (None, Answer::Refused(_)) => {}
        }
    }

    fn check(&mut self, universe: &Universe, case: &Case, request: &Request, solution: &Solution) {
        let ids: Vec<_> = solution.chosen.iter().map(|c| c.id).collect();
        let violations = validate(universe, &request.arch, &ids);
        for violation in &violations {
            println!("INVALID {case}: {violation}");
        }
        self.invalid += usize::from(!violations.is_empty());
    }

    fn print(&self) {
        let (mut all, mut equal) = (0, 0);
        for (kind, (n, same)) in &self.by_kind {
            println!("  {kind:<14} {same:>4} of {n:>4} equal");
            (all, equal) = (all + n, equal + same);
        }
        println!(
            "answers as apt's, or a set where apt gives up: {equal} of {all}, {:.2} %",
            percent(equal, all)
        );
        println!(
            "  exactly as apt's, refusals included: {} of {all}, {:.2} % (it refuses {})",
            equal - self.found_more,
            percent(equal - self.found_more, all),
            self.refused + self.found_more
        );
        println!(
            "  apt gives up, dose-debcheck says it can be met, ours is a valid set: {}",
            self.found_more
        );
        println!(
            "verdicts: {} of {} as dose-debcheck's, {:.2} % ({} cannot be met)",
            self.same_verdict,
            self.verdicts,
            percent(self.same_verdict, self.verdicts),
            self.unsatisfiable
        );
        println!("answers that are not valid: {}", self.invalid);
        println!(
            "our time: {:.1} ms on average, {:.1} ms at most, {} packages chosen",
            self.ours.as_secs_f64() * 1e3 / self.verdicts.max(1) as f64,
            self.slowest.as_secs_f64() * 1e3,
            self.packages
        );
    }
}

fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

fn names(universe: &Universe, solution: &Solution) -> BTreeSet<Chosen> {
    let of = |c: &solve::apt::Chosen| {
        let r = universe.record(c.id);
        Chosen { name: r.name().into(), arch: r.arch().into(), version: r.version().into() }
    };
    solution.chosen.iter().map(of).collect()
}

fn show<'a>(label: &str, set: impl Iterator<Item = &'a Chosen>) {
    let words: Vec<String> = set.map(ToString::to_string).collect();
    if !words.is_empty() {
        println!("    {label}: {}", words.join(" "));
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::One => "one name",
            Kind::Popular => "popular set",
            Kind::Random => "random set",
            Kind::Versioned => "versioned",
            Kind::Conflicting => "conflicting",
            Kind::MultiArch => "Multi-Arch",
            Kind::Impossible => "unsatisfiable",
        }
    }
}
