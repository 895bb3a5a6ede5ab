//! `docs/scripts.md` says of apk what the rules say: its last tables are made from the data.
#![allow(clippy::disallowed_methods, reason = "compares with a file of the repository")]

use std::fmt::Write;

use apk::scripts::rules::{COMMANDS, FILES, Instead, Rule, SOURCES, STATE};

#[test]
fn the_page_is_made_from_the_rules() {
    let path = testkit::workspace().join("docs/scripts.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let made = made_page(&page);
    if std::env::var_os("DISTIL_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        page == made,
        "docs/scripts.md differs from the rules; make it with DISTIL_UPDATE_DOCS=1 cargo test -p apk --test scripts_doc"
    );
}

/// The page with everything below the line "<!-- made from …" made anew.
fn made_page(page: &str) -> String {
    const MARK: &str = "<!-- made from crates/apk/src/scripts/rules.rs: edit there -->\n";
    let mut out = page.split(MARK).next().unwrap_or_default().to_owned();
    out.push_str(MARK);
    table(&mut out, "Commands of apk's scripts", COMMANDS);
    table(&mut out, "Their files that are made otherwise", FILES);
    table(&mut out, "Their files of the running system", STATE);
    table(&mut out, "Files that they source", SOURCES);
    out
}

fn table(out: &mut String, title: &str, rules: &[Rule]) {
    write!(out, "\n### {title}\n\n| rule | covers | what happens instead |\n|---|---|---|\n").unwrap();
    for rule in rules {
        let covers: Vec<String> = rule.commands.iter().chain(rule.paths).map(|c| format!("`{c}`")).collect();
        let instead = match rule.instead {
            Instead::Nothing(why) => format!("nothing: {why}"),
            Instead::Derived(what) => format!("derived: {what}"),
            Instead::Applied(what) => format!("applied: {what}"),
            Instead::Reads => "nothing: the command only reads; both ways are taken".into(),
        };
        writeln!(out, "| {} | {} | {instead} |", rule.id, covers.join(" ")).unwrap();
    }
}

#[test]
fn rules_are_told_apart() {
    // One name may cover commands and paths for one reason, never for two.
    let all = [COMMANDS, FILES, STATE, SOURCES].concat();
    for rule in &all {
        assert!(!rule.commands.is_empty() || !rule.paths.is_empty(), "{}", rule.id);
        assert!(rule.paths.iter().all(|p| p.starts_with('/')), "{}", rule.id);
        let kinds = all.iter().filter(|r| r.id == rule.id).map(|r| std::mem::discriminant(&r.instead));
        assert_eq!(kinds.collect::<std::collections::HashSet<_>>().len(), 1, "{}", rule.id);
    }
}
