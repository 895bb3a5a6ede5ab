//! apko's own tests of its resolver, with apk's verdict beside.

use package::Universe;
use serde_json::Value;

use super::reader::universe;
use super::tables::{shown, table, words};
use crate::apk::{Compat, Request, Solution, Unsatisfiable, solve};

fn index(packages: &Value) -> String {
    let mut text = String::new();
    for (i, p) in packages.as_array().unwrap().iter().enumerate() {
        let word = |key: &str| p[key].as_str().unwrap_or_default();
        let list = |key: &str| words(&p[key]).join(" ");
        text += &format!(
            "C:{}-{}-{i}\nP:{}\nV:{}\n",
            word("name"),
            word("version"),
            word("name"),
            word("version")
        );
        text += &format!("D:{}\np:{}\no:{}\nI:1\n", list("depends"), list("provides"), word("origin"));
        text += &format!("k:{}\n\n", p["provider_priority"].as_u64().unwrap_or(0));
    }
    text
}

/// `name-version`, as the table has it.
fn dashed(universe: &Universe, solution: &Solution) -> Vec<String> {
    shown(universe, solution).iter().map(|s| s.replace(" (", "-").replace(')', "")).collect()
}

fn agrees(universe: &Universe, case: &Value, answer: &Result<Solution, Unsatisfiable>) -> bool {
    let Ok(solution) = answer else { return case["ok"] == Value::Bool(false) };
    let chosen = dashed(universe, solution);
    // Some rows have names only.
    let is_it = |wanted: &str, c: &String| {
        c == wanted || c.strip_prefix(wanted).is_some_and(|v| v.starts_with("-1.0.0"))
    };
    let has = |wanted: &&str| chosen.iter().any(|c| is_it(wanted, c));
    let expected = words(&case["expect"]);
    let in_order = || expected.iter().zip(&chosen).all(|(w, c)| is_it(w, c));
    case["ok"] != Value::Bool(false)
        && expected.iter().all(has)
        && (expected.is_empty() || expected.len() == chosen.len())
        && (case["ordered"] != Value::Bool(true) || in_order())
        && words(&case["expect_contains"]).iter().all(has)
        && !words(&case["expect_absent"]).iter().any(has)
        && case["count"].as_u64().is_none_or(|n| n == chosen.len() as u64)
}

fn agrees_with_apk(universe: &Universe, verdict: &Value, answer: &Result<Solution, Unsatisfiable>) -> bool {
    match answer {
        Ok(solution) => verdict["rc"] == 0 && words(&verdict["install"]) == dashed(universe, solution),
        Err(_) => verdict["rc"] != 0,
    }
}

#[test]
fn both_verdicts_on_apkos_cases() {
    let Some(table) = table("resolver_cases.apko.json") else { testkit::skip!("no ../shared/data/apk") };
    let cases = table["cases"].as_array().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let packages = if case["pkgs"] == "TREE" { &table["TREE"] } else { &case["pkgs"] };
        let repositories: Vec<String> = match case["repos"].as_array() {
            Some(repositories) => repositories.iter().map(index).collect(),
            None => vec![index(packages)],
        };
        let universe = universe(repositories.iter().map(|text| (None, text.as_str())));
        let mut request = Request::lines("amd64", words(&case["world"]));
        let name = case["name"].as_str().unwrap();
        let by_apk = solve(&universe, &request);
        if !agrees_with_apk(&universe, &case["apk_3.0.6"], &by_apk) {
            wrong.push(format!("apk: {name}: {by_apk:?}"));
        }
        request.compat = Compat::Apko;
        let by_apko = solve(&universe, &request);
        if !agrees(&universe, case, &by_apko) {
            let shown = by_apko.as_ref().map(|s| dashed(&universe, s));
            wrong.push(format!("apko: {name}: {shown:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), 20);
}
