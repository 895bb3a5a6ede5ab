//! apk's own tests of its solver, and apko's, from the data beside the checkout.

use package::Universe;
use serde_json::Value;

use super::reader::universe;
use crate::apk::{Fact, Problem, Request, Solution, solve};

pub(super) fn table(name: &str) -> Option<Value> {
    let path = testkit::shared_data(&format!("apk/tables/{name}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(path).expect("a readable table")).unwrap())
}

pub(super) fn words(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().map(|w| w.as_str().unwrap()).collect()).unwrap_or_default()
}

/// `name (version)` of each chosen package, in order.
pub(super) fn shown(universe: &Universe, solution: &Solution) -> Vec<String> {
    let record = |c: &crate::apt::Chosen| universe.record(c.id);
    solution.chosen.iter().map(|c| format!("{} ({})", record(c).name(), record(c).version())).collect()
}

/// What apk says that it installs: the same shape, without tags.
pub(super) fn installed(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(") Installing ")?;
    let (name, version) = rest.split_once(' ')?;
    Some(format!("{} {version}", name.split('@').next()?))
}

#[test]
fn apks_own_cases() {
    let (Some(cases), Some(repos)) =
        (table("solver_cases.apk-tools-3.0.6.json"), table("solver_repos.apk-tools-3.0.6.json"))
    else {
        testkit::skip!("no ../shared/data/apk");
    };
    let (mut seen, mut wrong) = (0, Vec::new());
    for case in cases.as_array().unwrap() {
        let args: Vec<&str> = case["args"].as_str().unwrap().split(' ').collect();
        // What an image builder does not do: an installed system, virtual packages, forced worlds.
        let is_ours = |a: &str| !matches!(a, "-t" | "--force-broken-world");
        if !case["installed"].is_null() || !args.contains(&"add") || !args.iter().all(|a| is_ours(a)) {
            continue;
        }
        let named = args.iter().skip_while(|a| **a != "add").skip(1).copied();
        let world: Vec<&str> = words(&case["world"]).into_iter().chain(named).collect();
        let cache = case["cache"].as_str().into_iter();
        let indexes = words(&case["repos"]).into_iter().chain(cache).map(|line| {
            let (tag, file) = line.split_once(' ').map_or((None, line), |(t, f)| (t.strip_prefix('@'), f));
            (tag, repos[file].as_str().unwrap())
        });
        let universe = universe(indexes);
        let expected: Vec<&str> = words(&case["expect"]);
        let mut wanted: Vec<String> = expected.iter().filter_map(|l| installed(l)).collect();
        let fails = expected.iter().any(|l| l.starts_with("ERROR"));
        let name = case["name"].as_str().unwrap();
        let answer = solve(&universe, &Request::lines("amd64", world));
        seen += 1;
        match answer {
            Err(why) if fails => {
                let is_vague = |p: &Problem| matches!(p, Problem::Chain(f) if matches!(f.last(), Some(Fact::Undecided { .. } | Fact::Chosen { .. })));
                assert!(!why.problems.iter().any(is_vague), "{name}: {why:?}");
            }
            Ok(solution) if !fails => {
                let ours = shown(&universe, &solution);
                if ours != wanted {
                    let mut sorted = ours.clone();
                    sorted.sort();
                    let in_order = wanted.clone();
                    wanted.sort();
                    let what = if sorted == wanted { "order" } else { "set" };
                    wrong.push(format!("{name}: {what}: {in_order:?}, ours {ours:?}"));
                }
            }
            other => wrong.push(format!("{name}: {expected:?}, ours {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{seen} seen\n{}", wrong.join("\n"));
    assert_eq!(seen, 61);
}
