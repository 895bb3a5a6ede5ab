//! apk's own vectors (and apko's) for versions and dependencies, from the data beside the checkout.

#![allow(clippy::disallowed_methods, reason = "reads the tables beside the checkout")]

use package::version::{Order, apk};
use package::{Op, parse_dependency};

fn table(name: &str) -> Option<String> {
    let path = testkit::shared_data(&format!("apk/tables/{name}"))?;
    Some(std::fs::read_to_string(path).expect("a readable table"))
}

/// `A <op> B`, tab-separated, where the operator may be negated.
fn check(text: &str) -> usize {
    for line in text.lines() {
        let [a, op, b] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        let (negated, op) = op.strip_prefix('!').map_or((false, op), |op| (true, op));
        let op = parse_dependency(&format!("x{op}{b}")).unwrap_or_else(|_| panic!("{line}")).op;
        assert_eq!(op.admits(a, b), !negated, "{line}");
        let order = Order::Apk.compare(a, b);
        if matches!(op, Op::Less | Op::Equal | Op::Greater) {
            assert_eq!(order.is_lt(), op == Op::Less, "{line}");
            assert_eq!(order.is_gt(), op == Op::Greater, "{line}");
        }
        assert_eq!(order, Order::Apk.compare(b, a).reverse(), "{line}");
    }
    text.lines().count()
}

#[test]
fn versions_compare_as_apk_says() {
    let Some(text) = table("version_compare.apk-tools-3.0.6.tsv") else {
        testkit::skip!("no ../shared/data/apk");
    };
    assert_eq!(check(&text), 738);
    assert_eq!(check(&table("version_match_fuzzy.apk-tools-3.0.6.tsv").unwrap()), 16);
    assert_eq!(check(&table("version_compare.apko.tsv").unwrap()), 734);
}

#[test]
fn versions_are_valid_where_apk_says() {
    let Some(text) = table("version_validity.apk-tools-3.0.6.json") else {
        testkit::skip!("no ../shared/data/apk");
    };
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut seen = 0;
    for (kind, verdict) in [("valid", true), ("invalid", false)] {
        for version in table[kind].as_array().unwrap() {
            let version = version.as_str().unwrap();
            assert_eq!(apk::is_valid(version), verdict, "{version}");
            seen += 1;
        }
    }
    assert_eq!(seen, 31);
}

/// Two rows differ from apko on purpose: `name@edge=1.2.3` is a name with a tag for apk, and only
/// apko reads the version of `so:libfoo.so.6=6` as `0.6`.
#[test]
fn dependencies_split_as_apko_says() {
    let Some(text) = table("constraint_parse.apko.json") else { testkit::skip!("no ../shared/data/apk") };
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut differing = Vec::new();
    for row in table.as_array().unwrap() {
        let word = |key: &str| row[key].as_str().unwrap();
        let read = parse_dependency(word("input")).unwrap();
        let op = match read.op {
            Op::Any => "versionAny",
            Op::Equal => "versionEqual",
            Op::Greater => "versionGreater",
            Op::Less => "versionLess",
            Op::GreaterEqual => "versionGreaterEqual",
            Op::LessEqual => "versionLessEqual",
            Op::Fuzzy => "versionTilde",
            other => panic!("{other:?}"),
        };
        let ours = (read.name, read.version, op, read.tag.unwrap_or(""));
        if ours != (word("name"), word("version"), word("op"), word("pin")) {
            differing.push((word("input"), ours));
        }
    }
    assert_eq!(table.as_array().unwrap().len(), 14);
    assert_eq!(
        differing,
        [
            ("name@edge=1.2.3", ("name", "1.2.3", "versionEqual", "edge")),
            ("so:libfoo.so.6=6", ("so:libfoo.so.6", "6", "versionEqual", "")),
        ]
    );
}
