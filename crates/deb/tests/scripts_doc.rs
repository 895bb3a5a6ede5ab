//! `docs/scripts.md` says what the rules say: its tables are made from the data.

use std::fmt::Write;

use deb::scripts::rules::{COMMANDS, FILES, Instead, Rule, SOURCES, STATE, TRIGGERS};

#[test]
#[allow(clippy::disallowed_methods, reason = "compares with a file of the repository")]
fn the_page_is_made_from_the_rules() {
    let path = testkit::workspace().join("docs/scripts.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let made = made_page(&page);
    if std::env::var_os("DISTIL_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(
        page == made,
        "docs/scripts.md differs from the rules; make it with DISTIL_UPDATE_DOCS=1 cargo test -p deb --test scripts_doc"
    );
}

/// The page with everything between the line "<!-- made from …" and what is said of apk made anew.
fn made_page(page: &str) -> String {
    const MARK: &str = "<!-- made from crates/deb/src/scripts/rules: edit there -->\n";
    const END: &str = "\n## Alpine and Wolfi\n";
    let mut out = page.split(MARK).next().unwrap_or_default().to_owned();
    out.push_str(MARK);
    table(&mut out, "Commands", "The command, and words that are among its arguments.", COMMANDS);
    table(
        &mut out,
        "Files that are made otherwise",
        "Whatever a script does to these paths; with a slash at the end, everything below.",
        FILES,
    );
    table(
        &mut out,
        "Files of the running system",
        "Asked last, for what cannot be applied literally.",
        STATE,
    );
    table(&mut out, "Files that scripts source", "", SOURCES);
    out.push_str("\n## Triggers\n\n| trigger | rule | what happens instead |\n|---|---|---|\n");
    for rule in TRIGGERS {
        writeln!(out, "| `{}` | {} | {} |", rule.name, rule.id, instead(rule.instead)).unwrap();
    }
    if let Some(at) = page.find(END) {
        out.push_str(&page[at..]);
    }
    out
}

fn table(out: &mut String, title: &str, text: &str, rules: &[Rule]) {
    write!(out, "\n## {title}\n\n").unwrap();
    if !text.is_empty() {
        write!(out, "{text}\n\n").unwrap();
    }
    out.push_str("| rule | covers | what happens instead |\n|---|---|---|\n");
    for rule in rules {
        let covers: Vec<String> = rule.commands.iter().chain(rule.paths).map(|c| format!("`{c}`")).collect();
        writeln!(out, "| {} | {} | {} |", rule.id, covers.join(" "), instead(rule.instead)).unwrap();
    }
}

fn instead(instead: Instead) -> String {
    match instead {
        Instead::Nothing(why) => format!("nothing: {why}"),
        Instead::Derived(what) => format!("derived: {what}"),
        Instead::Applied(what) => format!("applied: {what}"),
        Instead::Reads => {
            "nothing: the command only reads; what it would say is not known, so both ways are taken".into()
        }
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
