//! Who agrees with the real apk on the recorded worlds of Alpine 3.19's whole index: distil, apko
//! (`DISTIL_TEST_APKO`), and distil with apko's rules.
//!
//! `cargo run --release --package xtask --example apk_worlds`
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement for a terminal")]

use std::path::{Path, PathBuf};
use std::process::Command;

use apk::Limits;
use apk::index::{read_index, signed_part};
use package::{Arch, Shelf, ShelfSource, Universe};
use solve::apk::{Compat, Request, solve};

type Failure = Box<dyn std::error::Error>;
/// `name version` of each package in install order; none for a refusal.
type Answer = Option<Vec<String>>;

fn main() -> Result<(), Failure> {
    let data = testkit::shared_data("apk").ok_or("no ../shared/data/apk")?;
    let index = data.join("alpine-3.19-full-index");
    let universe = universe(&index)?;
    let apko = std::env::var_os("DISTIL_TEST_APKO").map(PathBuf::from);
    let room = tempfile::tempdir()?;
    let worlds = std::fs::read_to_string(data.join("golden/full-3.19.worlds.tsv"))?;
    let mut tally = [Tally::default(), Tally::default(), Tally::default()];
    let mut alike = 0;
    let mut all = 0;
    for (name, world) in worlds.lines().filter_map(|line| line.split_once('\t')) {
        all += 1;
        let real = recorded(&std::fs::read_to_string(data.join(format!("golden/full-3.19/{name}.txt")))?);
        let ours = |compat| -> Answer {
            let request = Request { compat, ..Request::lines("amd64", world.split(' ')) };
            let solution = solve(&universe, &request).ok()?;
            let records = solution.chosen.iter().map(|c| universe.record(c.id));
            Some(records.map(|r| format!("{} {}", r.name(), r.version())).collect())
        };
        let (distil, as_apko) = (ours(Compat::Apk), ours(Compat::Apko));
        tally[0].count(name, &real, &distil);
        tally[1].count(name, &real, &as_apko);
        if let Some(program) = &apko {
            let theirs = apko_says(program, room.path(), &data, world)?;
            tally[2].count(name, &real, &theirs);
            alike += usize::from(set(&theirs) == set(&as_apko));
        }
    }
    println!(
        "| {all} worlds | same verdict and set as apk 2.14.0 | same order, too | other |\n|---|---|---|---|"
    );
    for (who, tally) in ["distil", "distil --compat apko", "apko"].iter().zip(&tally) {
        if *who != "apko" || apko.is_some() {
            println!("| {who} | {} | {} | {} |", tally.sets, tally.orders, tally.others.join(", "));
        }
    }
    println!("\ndistil --compat apko and apko: the same set on {alike} of {all}");
    Ok(())
}

#[derive(Default)]
struct Tally {
    sets: usize,
    orders: usize,
    others: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: &str, real: &Answer, answer: &Answer) {
        self.orders += usize::from(answer == real);
        if set(answer) == set(real) {
            self.sets += 1;
            return;
        }
        let count = |a: &Answer| a.as_ref().map_or("refused".to_owned(), |a| a.len().to_string());
        self.others.push(format!("{name} ({} for {})", count(answer), count(real)));
    }
}

fn set(answer: &Answer) -> Answer {
    let mut all = answer.clone()?;
    all.sort();
    Some(all)
}

fn universe(index: &Path) -> Result<Universe, Failure> {
    let (arch, limits) = (Arch::from_apk("x86_64")?, Limits::default());
    let mut universe = Universe::new();
    for part in ["main", "community"] {
        let bytes = std::fs::read(index.join(part).join("x86_64/APKINDEX.tar.gz"))?;
        let read = read_index(signed_part(&bytes, &limits)?.bytes, &arch, &limits)?;
        universe.add(Shelf::from_bytes(read.shelf)?, ShelfSource::distribution(part));
    }
    Ok(universe)
}

/// What apk 2.14.0 printed.
fn recorded(log: &str) -> Answer {
    let lines = testkit::apk::installed_lines(log);
    log.contains("# rc=0").then(|| lines.iter().map(|(n, v)| format!("{n} {v}")).collect())
}

fn apko_says(program: &Path, room: &Path, data: &Path, world: &str) -> Result<Answer, Failure> {
    let mut text = "archs: [amd64]\ncontents:\n  repositories:\n".to_owned();
    for part in ["main", "community"] {
        text += &format!("    - {}\n", data.join("alpine-3.19-full-index").join(part).display());
    }
    text += "  keyring:\n";
    for key in std::fs::read_dir(data.join("keys/alpine/x86_64"))? {
        text += &format!("    - {}\n", key?.path().display());
    }
    text += "  packages:\n";
    for line in world.split(' ') {
        text += &format!("    - {}\n", serde_json::to_string(line)?);
    }
    let config = room.join("apko.yaml");
    std::fs::write(&config, text)?;
    let mut apko = Command::new(program);
    apko.arg("show-packages").arg(&config).args(["--arch", "x86_64", "--log-level", "error", "--cache-dir"]);
    let said = apko.arg(room.join("cache")).output()?;
    let lines = String::from_utf8(said.stdout)?;
    Ok(said.status.success().then(|| lines.lines().map(str::to_owned).collect()))
}
