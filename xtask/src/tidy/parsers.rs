use super::Source;

/// Rooms whose functions read bytes from outside. `testkit` and `xtask` read their own.
fn is_room(path: &str) -> bool {
    path.starts_with("crates/") && path.contains("/src/") && !path.starts_with("crates/testkit/")
}

/// Public readers of outside bytes that no fuzz target covers. The table is `[package.metadata.covers]`
/// of fuzz/Cargo.toml: each target with the functions it runs, as `room::file::function`.
pub(super) fn check(sources: &[Source], table: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|s| s.path.ends_with(".rs") && is_room(&s.path)) {
        let module = module(&source.path);
        for (number, name) in readers(&source.text) {
            if !table.contains(&format!("\"{module}::{name}\"")) {
                faults.push(format!(
                    "{}:{number}: {module}::{name} reads outside bytes, but no target in fuzz/Cargo.toml covers it",
                    source.path
                ));
            }
        }
    }
    faults
}

/// `crates/elf/src/ld_so_cache/read.rs` as `elf::ld_so_cache::read`.
fn module(path: &str) -> String {
    let path = path.trim_start_matches("crates/").trim_end_matches(".rs").replacen("/src/", "::", 1);
    path.trim_end_matches("::lib").replace('/', "::")
}

/// `pub fn parse…` and `pub fn read…` that take bytes, text or a reader first.
fn readers(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let shipped = text.split("#[cfg(test)]").next().unwrap_or(text);
    for (number, line) in (1..).zip(shipped.lines()) {
        let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        let verb = name.split('_').next().unwrap_or_default();
        let start = text.lines().skip(number - 1).take(4).collect::<Vec<_>>().join(" ");
        let arguments = start.split_once('(').map_or("", |(_, a)| a);
        let first = arguments.split([',', ')']).next().unwrap_or_default();
        let from_outside = ["&[u8]", "&str", "dyn Read", "impl Read", "dyn BufRead", "impl BufRead", ": R"];
        if matches!(verb, "parse" | "read") && from_outside.iter().any(|t| first.contains(t)) {
            out.push((number, name));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_without_a_target_is_named() {
        let text = "pub fn parse_release(bytes: &[u8]) -> X {}\n    pub fn read_at(&self, at: u64) {}\npub fn read_tar(\n    reader: &mut dyn Read,\n) {}\nfn parse_inner(x: &str) {}\n";
        let source = || [Source { path: "crates/deb/src/release.rs".to_owned(), text: text.to_owned() }];
        let faults = check(&source(), "release = [\"deb::release::parse_release\"]");
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].starts_with("crates/deb/src/release.rs:3: deb::release::read_tar reads"),
            "{}",
            faults[0]
        );
        assert_eq!(check(&source(), "\"deb::release::parse_release\", \"deb::release::read_tar\""), [""; 0]);
    }
}
