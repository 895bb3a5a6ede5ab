//! `cargo xtask test`: everything, on any machine, with an honest count at the end.

mod count;
mod needs;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, show};
use count::Count;

pub(crate) fn run(words: &[String]) -> Result<()> {
    let have = needs::install()?;
    let skips = tempfile::NamedTempFile::new()?;
    let mut tests = cargo();
    tests.args(["test", "--no-fail-fast"]);
    // With words, what they choose: `cargo xtask test --package deb`.
    if words.is_empty() {
        tests.arg("--workspace")
    } else {
        tests.args(words)
    };
    tests.env("DISTIL_TEST_SKIPS", skips.path());
    tests.env("CARGO_TERM_COLOR", "never");
    have.tell(&mut tests);
    eprintln!("xtask: {}", show(&tests));
    let mut child = tests.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let mut count = Count::default();
    let out = child.stdout.take().context("cargo has a standard output")?;
    for line in BufReader::new(out).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        count.read(&line);
        writeln!(std::io::stdout(), "{line}")?;
    }
    let status = child.wait()?;
    let skipped = std::fs::read_to_string(skips.path())?;
    count.skip(&skipped);
    println!("\n{count}");
    if !status.success() {
        bail!("some tests failed");
    }
    Ok(())
}
