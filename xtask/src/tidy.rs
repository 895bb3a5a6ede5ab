//! `cargo xtask tidy`: the rules of the house that the compiler does not hold. Each fault names the
//! place, the rule and, where it is not plain, the way out. A test runs it, so it cannot be forgotten.

mod documents;
mod files;
mod floors;
mod parsers;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, run as run_command};

/// A file of the tree: its path from the top, and its text.
pub(crate) struct Source {
    path: String,
    text: String,
}

pub(crate) fn run(_: &[String]) -> Result<()> {
    let faults = faults(testkit::workspace())?;
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} breaches of the rules", faults.len());
    }
    println!("tidy: {} rooms on their floors, files and documents in order", floors::FLOORS.len());
    Ok(())
}

/// Formatting, lints and tidiness: what `.ci/run` asks before it runs tests.
pub(crate) fn lint(words: &[String]) -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"]))?;
    // The bans of clippy.toml hold for what ships; tests may read files and clocks.
    run_command(cargo().args(["clippy", "--workspace", "--", "-D", "warnings"]))?;
    let tests = ["-A", "clippy::disallowed_methods", "-A", "clippy::disallowed_types"];
    run_command(
        cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).args(tests),
    )?;
    run(words)?;
    let deny = cargo().args(["deny", "--version"]).output().is_ok_and(|o| o.status.success());
    if !deny {
        println!("lint: no cargo-deny here: licences, bans and sources are not checked");
        return Ok(());
    }
    run_command(cargo().args(["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

fn faults(top: &Path) -> Result<Vec<String>> {
    let sources = sources(top)?;
    let mut faults = floors::check(&floors::arrows()?);
    faults.extend(files::check(&sources));
    faults.extend(documents::check(&sources, &|path| top.join(path).exists()));
    let table = std::fs::read_to_string(top.join("fuzz/Cargo.toml")).context("fuzz/Cargo.toml")?;
    faults.extend(parsers::check(&sources, &table));
    Ok(faults)
}

/// All text files that are or could be committed.
fn sources(top: &Path) -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    git.current_dir(top).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.output().context("cannot run git")?;
    if !listed.status.success() {
        bail!("cannot list the tree's files: {}", String::from_utf8_lossy(&listed.stderr));
    }
    let names = String::from_utf8(listed.stdout).context("a file name that is not UTF-8")?;
    let mut out = Vec::new();
    for path in names.split('\0').filter(|n| !n.is_empty()) {
        // Deleted but not yet committed; or binary: the rules are about text.
        if let Ok(text) = std::fs::read_to_string(top.join(path)) {
            out.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_tree_is_tidy() {
        let faults = super::faults(testkit::workspace()).unwrap();
        assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    }
}
