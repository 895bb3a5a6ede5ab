//! `cargo xtask bench`: ours beside the peer, in one run on one machine, against the targets.
//!
//! Runs of both sides alternate, so that a slow minute of the machine hits both; a ratio is the
//! median of the ratios of neighbours. A row that cannot be measured says why and fails the run.

mod apk;
mod base;
mod changed;
mod first;
mod growth;
mod index;
mod made_up;
mod measure;
mod plot;
mod registry;
mod start;
mod table;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, run as run_command, target_dir};
use table::Row;

/// What every bench is given.
pub(crate) struct Bench {
    /// The release binary.
    distil: std::path::PathBuf,
    /// How often each side runs.
    runs: usize,
    /// Room for caches and outputs, gone at the end.
    room: tempfile::TempDir,
}

/// A bench: its name, and the function that makes its rows.
type Entry = (&'static str, fn(&Bench) -> Result<Vec<Row>>);

const BENCHES: &[Entry] = &[
    ("start", start::version),
    ("warm-base", base::warm),
    ("cold-base", base::cold),
    ("peer-base", base::beside_mmdebstrap),
    ("changed", changed::one_package),
    ("first", first::beside_curl),
    ("index", index::load),
    ("solve", index::solve_beside_apt),
    ("apk", apk::build),
    ("solve-apk", apk::solve_beside_apk),
    ("registry", registry::transfers),
    ("growth", growth::curves),
];

pub(crate) fn run(words: &[String]) -> Result<()> {
    if words.first().is_some_and(|w| w == "--one") {
        // The small process that a measured one is started from.
        return measure::one(&words[1..]);
    }
    if cfg!(debug_assertions) {
        // Some rows are measured in this process: it must be optimised, too.
        let mut again = cargo();
        return run_command(
            again.args(["run", "--release", "--quiet", "--package", "xtask", "--", "bench"]).args(words),
        );
    }
    let (mut names, mut runs) = (Vec::new(), 7);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => runs = words.next().context("--runs needs a number")?.parse()?,
            name => names.push(name),
        }
    }
    if let Some(unknown) = names.iter().find(|n| !BENCHES.iter().any(|(b, _)| b == *n)) {
        let known: Vec<&str> = BENCHES.iter().map(|(b, _)| *b).collect();
        bail!("no bench {unknown}; there are {}", known.join(", "));
    }
    run_command(cargo().args(["build", "--release", "--package", "distil"]))?;
    let room = tempfile::Builder::new().prefix("distil-bench").tempdir()?;
    // apt's downloader runs as a user of its own and must reach the peer's archive.
    std::fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let bench = Bench { distil: target_dir().join("release/distil"), runs, room };
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (name, entry) in BENCHES.iter().filter(|(b, _)| names.is_empty() || names.contains(b)) {
        eprintln!("bench: {name}");
        match entry(&bench) {
            Ok(more) => rows.extend(more),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    print!("{}", table::render(&rows));
    for line in &failed {
        eprintln!("bench: FAILED {line}");
    }
    if !failed.is_empty() {
        bail!("{} of the benches could not be measured", failed.len());
    }
    Ok(())
}
