//! Small made-up universes, each with every subset tried.

use std::fmt::Write as _;

use package::{RecordId, Universe};

use super::reader::universe;
use crate::apk::{Compat, Preferred, Request, Solution, solve, validate};

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
