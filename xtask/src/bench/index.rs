use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use deb::release::Compression;
use package::{Shelf, ShelfSource, Universe};
use solve::apt::{Request, solve};

use super::Bench;
use super::measure::{median, series};
use super::table::{Quantity, Row};
use crate::apt_parity::root::Root;
use crate::run::run as run_command;

/// The largest request of the house: a desktop with everything it depends on.
const DESKTOP: &str = "kde-standard";

/// trixie's main index: for the first time (xz decoded, parsed, made a shelf), and from then on.
pub(super) fn load(bench: &Bench) -> Result<Vec<Row>> {
    let packed = trixie(bench)?;
    let mut shelf = Vec::new();
    let first = times(bench.runs, || {
        shelf = deb::packages::read_packages(&packed, Compression::Xz, 1 << 30, 2)?;
        Ok(())
    })?;
    let file = bench.room.path().join("shelf");
    std::fs::write(&file, &shelf)?;
    let mut records = 0;
    let again = times(bench.runs.max(25), || {
        let shelf = Shelf::from_bytes(std::fs::read(&file)?)?;
        records = black_box(shelf.rows_named("libc6").len() + shelf.len() as usize);
        Ok(())
    })?;
    let what = |how: &str| format!("load trixie main, {records} records, {how}");
    Ok(vec![
        Row::new(&what("for the first time"), Quantity::Seconds(first)).target(Quantity::Seconds(0.3)),
        Row::new(&what("as a shelf"), Quantity::Seconds(again)).target(Quantity::Seconds(0.010)),
    ])
}

/// A desktop's closure, and apt's own simulated installation of it (its caches already built).
pub(super) fn solve_beside_apt(bench: &Bench) -> Result<Vec<Row>> {
    let root = Root::prepare("debian-13")?;
    let mut universe = Universe::new();
    let shelf = deb::packages::read_packages(&trixie(bench)?, Compression::Xz, 1 << 30, 2)?;
    universe.add(Shelf::from_bytes(shelf)?, ShelfSource::distribution("debian/trixie"));
    let request = Request::names("amd64", [DESKTOP]);
    let mut chosen = 0;
    let ours = times(bench.runs, || {
        let Ok(solution) = solve(&universe, &request) else { bail!("cannot solve {DESKTOP}") };
        chosen = black_box(solution.chosen.len());
        Ok(())
    })?;
    let mut apt: Command = root.apt(false);
    apt.args(["-s", "--no-install-recommends", "install", DESKTOP]);
    let theirs = series(bench.runs, &|| Ok(()), &apt)?.wall();
    let row = Row::new(&format!("solve {DESKTOP}, {chosen} packages"), Quantity::Seconds(ours));
    Ok(vec![row.target(Quantity::Seconds(0.020)).beside(
        "apt-get -s, start-up included",
        Quantity::Seconds(theirs),
        ours / theirs,
    )])
}

/// The index as the mirror of this machine's apt has it.
fn trixie(bench: &Bench) -> Result<Vec<u8>> {
    let file = bench.room.path().join("Packages.xz");
    if !file.exists() {
        let mirror = testkit::mirror().context("apt of this machine has no Debian mirror")?;
        let url = format!("{}/dists/trixie/main/binary-amd64/Packages.xz", mirror.debian);
        run_command(Command::new("curl").args(["-sSfL", "-o"]).arg(&file).arg(url))?;
    }
    Ok(std::fs::read(file)?)
}

/// Median seconds of some runs, after one that does not count.
pub(super) fn times(runs: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut seconds = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(median(seconds))
}
