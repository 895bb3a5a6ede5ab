//! Small made-up universes, each with every subset tried.

use std::fmt::Write as _;

use diag::Explain;
use package::{RecordId, Universe};

use super::reader::universe;
use crate::apk::{Compat, Fact, Preferred, Problem, Request, Solution, solve, validate};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "v", "w", "so:x"];
const VERSIONS: [&str; 3] = ["1", "2_rc1", "2-r1"];

fn dependency(dice: &mut Dice) -> String {
    let not = if dice.roll(9) == 0 { "!" } else { "" };
    let name = dice.one_of(&NAMES);
    let bound = match dice.roll(4) {
        0 => format!("{}{}", dice.one_of(&["=", "<", ">", ">=", "~"]), dice.one_of(&VERSIONS)),
        _ => String::new(),
    };
    format!("{not}{name}{bound}")
}

fn list(dice: &mut Dice, most: usize, mut word: impl FnMut(&mut Dice) -> String) -> String {
    (0..dice.roll(most + 1)).map(|_| word(dice)).collect::<Vec<_>>().join(" ")
}

/// At most ten packages.
fn index(dice: &mut Dice) -> String {
    let mut text = String::new();
    for i in 0..4 + dice.roll(7) {
        let (name, version) = (NAMES[dice.roll(5)], dice.one_of(&VERSIONS));
        let provided = |dice: &mut Dice| match dice.roll(2) {
            0 => format!("{}={}", NAMES[5 + dice.roll(3)], dice.one_of(&VERSIONS)),
            _ => NAMES[5 + dice.roll(3)].to_owned(),
        };
        let (depends, provides) = (list(dice, 2, dependency), list(dice, 1, provided));
        let conditions =
            if dice.roll(5) == 0 { list(dice, 2, |d| d.one_of(&NAMES).to_owned()) } else { String::new() };
        write!(text, "C:{i}{name}{version}\nP:{name}\nV:{version}\nI:1\nD:{depends}\np:{provides}\n")
            .unwrap();
        write!(text, "i:{conditions}\nk:{}\n\n", dice.roll(3)).unwrap();
    }
    text
}

fn is_satisfiable(universe: &Universe, request: &Request) -> bool {
    let all: Vec<RecordId> = universe.ids().collect();
    (0..1u32 << all.len()).any(|bits| {
        let set: Vec<RecordId> =
            all.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, id)| *id).collect();
        validate(universe, request, &set).is_empty()
    })
}

fn ids(solution: &Solution) -> Vec<RecordId> {
    solution.chosen.iter().map(|c| c.id).collect()
}

#[test]
fn what_is_found_fits_and_what_cannot_be_is_not_found() {
    let mut dice = Dice(3);
    let (mut found, mut impossible, mut given_up) = (0, 0, 0);
    for round in 0..1500 {
        let text = index(&mut dice);
        let universe = universe([(None, text.as_str())]);
        let world: Vec<String> = (0..1 + dice.roll(3)).map(|_| dependency(&mut dice)).collect();
        let request = Request { arch: "amd64".to_owned(), world, ..Request::default() };
        match solve(&universe, &request) {
            Ok(solution) => {
                found += 1;
                let wrong = validate(&universe, &request, &ids(&solution));
                assert!(wrong.is_empty(), "{round}: {wrong:?} {:?}\n{text}", request.world);
                for chosen in &solution.chosen {
                    assert!(!chosen.because.is_empty(), "{round}: {:?}", universe.record(chosen.id));
                }
            }
            // Too slow for all of them without optimization.
            Err(_) if round % 5 > 0 => {}
            Err(_) if is_satisfiable(&universe, &request) => given_up += 1,
            Err(_) => impossible += 1,
        }
    }
    assert!(found > 400 && impossible > 50, "both verdicts occur: {found} {impossible}");
    // apk's algorithm never goes back, and chooses no virtual name by itself.
    assert!(given_up > 0, "{given_up}");
}

#[test]
fn an_earlier_answer_is_kept_where_it_fits() {
    assert!(kept_answers(Compat::Apk) > 150);
    assert!(kept_answers(Compat::Apko) > 120);
}

fn has_twins(universe: &Universe) -> bool {
    let mut all: Vec<_> =
        universe.ids().map(|id| universe.record(id)).map(|r| (r.name(), r.version())).collect();
    all.sort_unstable();
    all.windows(2).any(|w| w[0] == w[1])
}

/// How many answers stay as they were when later versions of all their packages come.
fn kept_answers(compat: Compat) -> usize {
    let mut dice = Dice(11);
    let mut kept = 0;
    for round in 0..600 {
        let old = index(&mut dice);
        // Later versions of the same packages come.
        let new = format!("{old}{}", old.replace("C:", "C:new").replace("\nV:", "\nV:9"));
        let (before, after) = (universe([(None, old.as_str())]), universe([(None, new.as_str())]));
        let mut request = Request::lines("amd64", [NAMES[dice.roll(5)], NAMES[dice.roll(5)]]);
        request.compat = compat;
        let Ok(solution) = solve(&before, &request) else { continue };
        let pins = |universe: &Universe, solution: &Solution| -> Vec<Preferred> {
            let records = solution.chosen.iter().map(|c| universe.record(c.id));
            records
                .map(|r| Preferred { name: r.name().to_owned(), version: r.version().to_owned() })
                .collect()
        };
        request.prefer = pins(&before, &solution);
        let again = solve(&before, &request).unwrap();
        let (mut again, mut first) = (ids(&again), ids(&solution));
        if compat == Compat::Apko {
            // Its order hangs on what it thought of on the way.
            again.sort();
            first.sort();
        }
        // apko may have thought of another package of that name and version.
        if compat == Compat::Apk || !has_twins(&before) {
            assert_eq!(again, first, "{round}: the same index, the same answer\n{old}");
        }
        let Ok(later) = solve(&after, &request) else { continue };
        if compat == Compat::Apk {
            assert!(validate(&after, &request, &ids(&later)).is_empty(), "{round}");
        }
        let stays = pins(&after, &later).iter().filter(|p| request.prefer.contains(p)).count();
        kept += usize::from(stays == request.prefer.len() && stays > 0);
    }
    kept
}

/// Larger than [`index`], and of names that are there.
fn large_index(dice: &mut Dice, part: usize) -> String {
    let mut text = String::new();
    for i in 0..6 + dice.roll(18) {
        let (name, version) = (NAMES[dice.roll(5)], dice.one_of(&VERSIONS));
        let provided = |dice: &mut Dice| match dice.roll(3) {
            0 => NAMES[5 + dice.roll(3)].to_owned(),
            _ => format!("{}={}", dice.one_of(&NAMES), dice.one_of(&VERSIONS)),
        };
        let (depends, provides) = (list(dice, 3, dependency), list(dice, 2, provided));
        let conditions = if dice.roll(4) == 0 { list(dice, 2, dependency) } else { String::new() };
        let arch = if dice.roll(12) == 0 { "s390x" } else { "x86_64" };
        write!(text, "C:{part}-{i}{name}{version}\nP:{name}\nV:{version}\nI:1\nA:{arch}\nD:{depends}\n")
            .unwrap();
        write!(text, "p:{provides}\ni:{conditions}\nk:{}\n\n", dice.roll(3)).unwrap();
    }
    text
}

#[test]
fn every_failure_has_its_reason() {
    let mut dice = Dice(5);
    let (mut failures, mut vague) = (0, Vec::new());
    for round in 0..3000 {
        let (main, edge) = (large_index(&mut dice, 0), large_index(&mut dice, 1));
        let universe = universe([(None, main.as_str()), (Some("edge"), edge.as_str())]);
        let line = |dice: &mut Dice| {
            let text = dependency(dice);
            if dice.roll(6) == 0 && !text.contains(['<', '>', '=', '~']) {
                format!("{text}@edge")
            } else {
                text
            }
        };
        let world: Vec<String> = (0..1 + dice.roll(6)).map(|_| line(&mut dice)).collect();
        let request = Request { arch: "amd64".to_owned(), world, ..Request::default() };
        let Err(why) = solve(&universe, &request) else { continue };
        failures += 1;
        let is_vague = |p: &Problem| {
            let Problem::Chain(facts) = p else { return false };
            let ends = matches!(
                facts.last(),
                Some(Fact::Undecided { .. } | Fact::Chosen { .. } | Fact::RuledOut { .. })
            );
            // What comes in since something is absent comes from no line.
            ends || !matches!(facts.first(), Some(Fact::Asked { .. } | Fact::ComesIn { .. }))
        };
        if why.problems.iter().any(is_vague) {
            let facts = why.details().join("\n");
            vague.push(format!("{round}: {:?}: {why}\n{facts}\n{main}--- edge\n{edge}", request.world));
        }
    }
    assert!(failures > 900, "{failures}");
    assert!(vague.is_empty(), "{} of {failures}\n{}", vague.len(), vague.join("\n"));
}
