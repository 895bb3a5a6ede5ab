//! `cargo xtask fuzz`: every target for a while, from seeds of real data.
//!
//! The targets are in `fuzz/`, outside the workspace: cargo-fuzz needs a nightly compiler. What
//! they run is `fuzz/src/lib.rs`, which a test of this crate's CI run feeds on stable, too.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::run::{find, run as run_command};

pub(crate) fn run(words: &[String]) -> Result<()> {
    let (mut names, mut seconds, mut jobs, mut seed) = (Vec::new(), 60_u32, 1_usize, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().with_context(|| format!("{word} needs a number"));
        match word.as_str() {
            "--seconds" => seconds = number()?.parse()?,
            "--jobs" => jobs = number()?.parse()?,
            "--seed" => seed = true,
            name => names.push(name.to_owned()),
        }
    }
    let fuzz = testkit::workspace().join("fuzz");
    if seed {
        return run_command(Command::new("cargo").current_dir(&fuzz).args([
            "run",
            "--release",
            "--bin",
            "seed",
        ]));
    }
    let all = targets(&fuzz)?;
    let chosen = if names.is_empty() { all.clone() } else { names };
    if let Some(unknown) = chosen.iter().find(|n| !all.contains(n)) {
        bail!("no target {unknown}; there are {}", all.join(", "));
    }
    if find("cargo-fuzz").is_none() {
        bail!("no cargo-fuzz: cargo install cargo-fuzz");
    }
    run_command(Command::new("cargo").current_dir(&fuzz).args(["+nightly", "fuzz", "build", "--release"]))?;
    run_all(&fuzz, chosen, seconds, jobs)
}

/// The targets, as cargo-fuzz knows them: the files of `fuzz_targets`.
fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(fuzz.join("fuzz_targets")).context("fuzz/fuzz_targets")? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|s| s.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Runs the targets, `jobs` at a time; one line for each, and all crashes at the end.
fn run_all(fuzz: &Path, targets: Vec<String>, seconds: u32, jobs: usize) -> Result<()> {
    let waiting = Mutex::new(VecDeque::from(targets));
    let crashed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(target) = { waiting.lock().expect("no panic").pop_front() } {
                    match fuzz_one(fuzz, &target, seconds) {
                        Ok(line) => println!("{target:<20} {line}"),
                        Err(error) => {
                            println!("{target:<20} FAILED");
                            crashed.lock().expect("no panic").push(format!("{target}: {error:#}"));
                        }
                    }
                }
            });
        }
    });
    let crashed = crashed.into_inner().expect("no panic");
    if crashed.is_empty() {
        return Ok(());
    }
    bail!("{}", crashed.join("\n"));
}

/// One target for `seconds`; libFuzzer's last line. Inputs grow to 1 MiB, one may take 25 s and 2 GB.
/// The binary is run as it was built, so that edits meanwhile change nothing.
fn fuzz_one(fuzz: &Path, target: &str, seconds: u32) -> Result<String> {
    let mut run = Command::new(built(fuzz)?.join(target));
    let [seeds, corpus, artifacts] = ["seeds", "corpus", "artifacts"].map(|f| fuzz.join(f).join(target));
    for folder in [&corpus, &artifacts] {
        std::fs::create_dir_all(folder)?;
    }
    // libdeflate has one static table in several objects, which is no fault.
    run.env("ASAN_OPTIONS", "detect_odr_violation=0").arg(&corpus);
    if seeds.is_dir() {
        run.arg(&seeds);
    }
    run.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", artifacts.display()));
    run.args(["-max_len=1048576", "-timeout=25", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    let done = run.stdin(Stdio::null()).output().with_context(|| format!("cannot start {target}"))?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if !done.status.success() {
        let from = said.lines().count().saturating_sub(40);
        bail!("{}", said.lines().skip(from).collect::<Vec<_>>().join("\n"));
    }
    let executed = said.lines().rev().find(|l| l.starts_with("Done "));
    Ok(executed.unwrap_or("done").to_owned())
}

/// Where cargo-fuzz put its binaries: below the host's triple, for the sanitizer's sake.
fn built(fuzz: &Path) -> Result<PathBuf> {
    let said = Command::new("rustc").arg("-vV").output()?;
    let said = String::from_utf8(said.stdout)?;
    let host = said.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc names no host")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| fuzz.join("target"), PathBuf::from);
    Ok(target.join(host).join("release"))
}
