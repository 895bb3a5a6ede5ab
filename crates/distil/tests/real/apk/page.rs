//! The page of differences, made of the classes and of where they were seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::differences::CLASSES;

/// The text between the page's own words and its end is what was found: with `DISTIL_BLESS` it is
/// written anew.
pub(super) fn hold(
    classes: &BTreeMap<&'static str, BTreeSet<String>>,
    recipes: &BTreeMap<String, Result<usize, String>>,
) {
    let found = render(classes, recipes);
    let path = testkit::workspace().join("docs/apko-differences.md");
    if std::env::var_os("DISTIL_BLESS").is_some() {
        std::fs::write(&path, &found).expect("the page");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("the page"), found, "set DISTIL_BLESS=1 to write it");
}

const HEAD: &str = include_str!("page_head.md");

fn render(
    classes: &BTreeMap<&'static str, BTreeSet<String>>,
    recipes: &BTreeMap<String, Result<usize, String>>,
) -> String {
    let mut text = HEAD.to_owned();
    for class in CLASSES {
        let Some(seen) = classes.get(class.name) else { continue };
        let seen = if seen.len() == recipes.values().filter(|r| r.is_ok()).count() {
            "all".to_owned()
        } else {
            seen.iter().cloned().collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(text, "| {} | {} | {} | {seen} |", class.name, class.right, class.why);
    }
    text.push_str("\n## What was compared\n\n| recipe | paths in our image |\n|---|---|\n");
    for (name, paths) in recipes {
        let paths = match paths {
            Ok(paths) => paths.to_string(),
            Err(key) => format!("apko v0.30.34 does not know `{key}` yet"),
        };
        let _ = writeln!(text, "| {name} | {paths} |");
    }
    text
}
