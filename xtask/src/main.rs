//! The workshop: what is done to the project, as opposed to what it does. `cargo xtask` lists it.
//!
//! One binary instead of shell scripts, so that it is checked like everything else. The price: it
//! is compiled before it helps.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for a terminal")]
#![allow(clippy::disallowed_methods, reason = "it asks the machine: clock, environment, files")]

mod apt_parity;
mod bench;
mod fuzz;
mod run;
mod scripts;
mod test;
mod tidy;

use std::process::ExitCode;

/// A verb: its name, what it does in a line, and the function that does it.
type Task = (&'static str, &'static str, fn(&[String]) -> anyhow::Result<()>);

const TASKS: &[Task] = &[
    (
        "test",
        "install what the tests need (as root), run all (or as cargo test's words say), name the skipped",
        test::run,
    ),
    ("tidy", "hold the tree to the rules of the house", tidy::run),
    ("lint", "fmt, clippy, tidy, and cargo deny where there is one", tidy::lint),
    ("bench", "measure beside the peers: [NAME]… [--runs N]", bench::run),
    ("apt-parity", "our answers beside apt's: [--sample N] [--seed S] [--distribution D]", apt_parity::run),
    (
        "scripts",
        "packages fully accounted for: [--sample N] [--seed S] [--catalogue] [--apk DIR]",
        scripts::run,
    ),
    ("fuzz", "run the fuzz targets: [TARGET]… [--seconds N] [--jobs N]; --seed makes the corpora", fuzz::run),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    let Some((_, _, task)) = TASKS.iter().find(|(name, ..)| *name == verb) else {
        eprintln!("usage: cargo xtask TASK");
        for (name, what, _) in TASKS {
            eprintln!("  {name:<12} {what}");
        }
        return ExitCode::from(2);
    };
    match task(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {verb}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
