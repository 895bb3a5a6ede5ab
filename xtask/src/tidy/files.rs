use super::Source;

/// Lines that a Rust file may have; past it, nobody finds anything.
const LONGEST: usize = 900;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "core", "helper", "helpers", "misc", "type", "types", "manager", "managers"];

/// Words of unfinished code. Put together here, so that this file does not contain them.
const UNFINISHED: &[(&str, &str)] = &[
    (concat!("#[", "ignore"), "an ignored test: mend it, or skip visibly with testkit::skip!"),
    (concat!("todo", "!("), "unfinished code"),
    (concat!("unimplemented", "!("), "unfinished code"),
    (concat!("dbg", "!("), "left over from debugging"),
];

/// Ends of the distributions' host names. `recipe`'s table of archives alone may name a host to
/// fetch from, so that mirrors, snapshots and tests all go through it.
const HOSTS: &[&str] = &["debian.org", "alpinelinux.org", "wolfi.dev", "ubuntu.com"];

/// Hosts of documents, trackers and people; nothing is fetched from them.
const DOCUMENTS: &[&str] = &["www.debian.org", "manpages.debian.org", "wiki.debian.org", "bugs.debian.org"];

/// Files that may name a host, and why.
const MAY_NAME_HOSTS: &[(&str, &str)] = &[
    ("crates/recipe/src/archives", "the table of archives"),
    ("crates/recipe/tests/", "the table's tests"),
    ("docs/recipe.md", "shows what the table knows"),
    ("xtask/src/tidy/files.rs", "this rule"),
    ("crates/trust/keys/", "the keys' own provenance"),
];

/// Rooms in which `unsafe` may stand, with a comment on its invariant.
const MAY_BE_UNSAFE: &[&str] = &["crates/process/", "crates/entry/", "crates/store/"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources {
        check_path(source, &mut faults);
        check_hosts(source, &mut faults);
        if source.path.ends_with(".rs") {
            check_rust(source, &mut faults);
        }
    }
    faults
}

fn check_path(source: &Source, faults: &mut Vec<String>) {
    for part in source.path.split('/') {
        let stem = part.split_once('.').map_or(part, |(s, _)| s);
        if EMPTY_NAMES.contains(&stem) {
            faults.push(format!("{}: a name that says nothing: {stem}", source.path));
        }
    }
    let room = source.path.strip_prefix("crates/").and_then(|p| p.split_once('/'));
    if let Some((_, "src/lib.rs")) = room
        && !source.text.starts_with("//!")
    {
        faults.push(format!("{}: does not open with why the room exists (//!)", source.path));
    }
}

fn check_rust(source: &Source, faults: &mut Vec<String>) {
    let path = &source.path;
    let lines = source.text.lines().count();
    if lines > LONGEST {
        faults.push(format!("{path}: {lines} lines; split it ({LONGEST} is the most)"));
    }
    for (number, line) in (1..).zip(source.text.lines()) {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        for (word, why) in UNFINISHED {
            if code.contains(word) {
                faults.push(format!("{path}:{number}: {word}: {why}"));
            }
        }
        let allowed = MAY_BE_UNSAFE.iter().any(|room| path.starts_with(room));
        if !allowed && is_unsafe(code) {
            faults.push(format!("{path}:{number}: unsafe code outside {}", MAY_BE_UNSAFE.join(", ")));
        }
        if let Some(name) = empty_type(code) {
            faults.push(format!("{path}:{number}: a name that says nothing: {name}"));
        }
    }
}

fn is_unsafe(code: &str) -> bool {
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code"];
    // A string that speaks of it is none.
    words.iter().any(|w| code.find(w).is_some_and(|at| code[..at].matches('"').count().is_multiple_of(2)))
}

/// A module or type whose whole name is one of the empty ones.
fn empty_type(code: &str) -> Option<&str> {
    let code = code.strip_prefix("pub ").or(code.strip_prefix("pub(crate) ")).unwrap_or(code);
    let rest = ["mod ", "struct ", "enum ", "trait "].iter().find_map(|k| code.strip_prefix(k))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = &rest[..end];
    let empty = EMPTY_NAMES.contains(&name.to_lowercase().as_str()) || name.ends_with("Manager");
    empty.then_some(name)
}

fn check_hosts(source: &Source, faults: &mut Vec<String>) {
    if MAY_NAME_HOSTS.iter().any(|(path, _)| source.path.starts_with(path)) {
        return;
    }
    for (number, line) in (1..).zip(source.text.lines()) {
        for host in HOSTS {
            for (at, _) in line.match_indices(host) {
                if names_a_host(line, at, host) {
                    faults.push(format!(
                        "{}:{number}: a host under {host}: only recipe's table of archives names one (tests: testkit::mirror)",
                        source.path
                    ));
                }
            }
        }
    }
}

/// Whether the word around `at` is a host to fetch from, rather than a document's or an address.
fn names_a_host(line: &str, at: usize, host: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let before = line[..at].trim_end_matches(part);
    let after = &line[at + host.len()..];
    if after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-') {
        return false;
    }
    let whole = &line[before.len()..at + host.len()];
    let is_address = before.ends_with('@');
    !is_address && !DOCUMENTS.contains(&whole) && (whole == host || whole.ends_with(&format!(".{host}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&[Source { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn hosts_stand_in_one_table() {
        let line = "let url = \"http://ftp.debian.org/debian\";";
        assert_eq!(faults("crates/deb/src/x.rs", line).len(), 1);
        assert_eq!(faults("crates/recipe/src/archives.rs", line), [""; 0]);
        for fine in [
            "// https://www.debian.org/doc/debian-policy/",
            "Maintainer <a@lists.debian.org>",
            "http://notdebian.org/",
            "http://debian.organic.example/",
        ] {
            assert_eq!(faults("docs/x.md", fine), [""; 0], "{fine}");
        }
    }

    #[test]
    fn names_say_something() {
        assert_eq!(faults("crates/deb/src/util.rs", "").len(), 1);
        assert_eq!(faults("crates/deb/src/helpers/x.rs", "").len(), 1);
        assert_eq!(faults("crates/deb/src/x.rs", "pub struct LayerManager;").len(), 1);
        assert_eq!(faults("crates/deb/src/x.rs", "mod media_type;\nuse core::fmt;"), [""; 0]);
    }

    #[test]
    fn unfinished_unsafe_and_endless_code_is_found() {
        assert_eq!(faults("crates/deb/src/x.rs", concat!("#[", "ignore]\nfn x() { todo", "!() }")).len(), 2);
        assert_eq!(faults("crates/deb/src/x.rs", "let x = unsafe { y() };").len(), 1);
        assert_eq!(faults("crates/store/src/x.rs", "let x = unsafe { y() };"), [""; 0]);
        assert_eq!(faults("crates/deb/src/x.rs", &"\n".repeat(901)).len(), 1);
        assert_eq!(faults("crates/deb/src/lib.rs", "mod x;").len(), 1);
    }
}
