use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use apk::Limits;
use apk::index::{read_index, signed_part};
use package::{Arch, Shelf, ShelfSource, Universe};
use solve::apk::{Request, Solver, solve};

use super::Bench;
use super::base::{distil, forget};
use super::index::times;
use super::measure::{measure, pairs, series};
use super::table::{Quantity, Row};

/// The recipe that is measured: what Alpine's release medium has, for one architecture.
const PACKAGES: [&str; 3] = ["alpine-base", "openssh", "openssl"];

/// Warm and cold builds from a local repository, beside apko where there is one (`DISTIL_TEST_APKO`, or
/// on the PATH), whose cache is warm.
pub(super) fn build(bench: &Bench) -> Result<Vec<Row>> {
    let home = bench.room.path().join("apk");
    let recipe = recipe(&home)?;
    let mut ours = distil(bench, &home);
    ours.arg("build").arg(&recipe).args(["--quiet", "--arch", "amd64"]).current_dir(&home);
    measure(&ours).context("the first build")?;
    let mut warm = series(bench.runs.max(15), &|| Ok(()), &ours)?;
    let mut cold = series(bench.runs, &|| forget(&home), &ours)?;
    let what = format!("{} of a local repository", PACKAGES.join(" + "));
    let mut beside = None;
    if let Some(theirs) = apko(&home, &recipe)? {
        let (a, b, ratio) = pairs(bench.runs, &|| forget(&home), &ours, &theirs)?;
        let (again, theirs_warm, warm_ratio) = pairs(bench.runs.max(15), &|| Ok(()), &ours, &theirs)?;
        (cold, warm) = (a, again);
        let times = [(b.wall(), ratio), (theirs_warm.wall(), warm_ratio)];
        beside = Some((b, times));
    }
    let row = |how: &str, seconds: f64, target: f64, n: usize| {
        let row = Row::new(&format!("{how} build of {what}"), Quantity::Seconds(seconds));
        let row = row.target(Quantity::Seconds(target));
        match &beside {
            Some((_, times)) => row.beside("apko, its cache warm", Quantity::Seconds(times[n].0), times[n].1),
            None => row,
        }
    };
    let memory = |how: &str, megabytes: f64| {
        let row = Row::new(&format!("{how} build of the same, RSS"), Quantity::Megabytes(megabytes));
        let row = row.target(Quantity::Megabytes(20.0));
        match &beside {
            Some((theirs, ..)) => {
                row.beside("apko", Quantity::Megabytes(theirs.rss()), megabytes / theirs.rss())
            }
            None => row,
        }
    };
    let mut rows = vec![
        row("cold", cold.wall(), 0.1, 0),
        memory("cold", cold.rss()),
        row("warm", warm.wall(), 0.010, 1),
        memory("warm", warm.rss()),
    ];
    rows.extend(beside_apk(bench, &home, &ours)?);
    Ok(rows)
}

/// The same packages put by the real apk into an empty root: no layer is compressed there, no image made.
fn beside_apk(bench: &Bench, home: &Path, ours: &Command) -> Result<Vec<Row>> {
    let apk = testkit::apk::real_apk().map_err(|why| anyhow!("{why}"))?;
    let root = apk.root();
    let (medium, keys) = (data("apk/alpine-3.19.1-iso")?, data("apk/keys/alpine/x86_64")?);
    let mut theirs = root.command(&[&medium], Some(&keys));
    theirs.args(["add", "--initdb", "--no-scripts"]).args(PACKAGES);
    let afresh = || {
        if root.path().exists() {
            std::fs::remove_dir_all(root.path())?;
        }
        std::fs::create_dir_all(root.path())?;
        forget(home)
    };
    let (ours, theirs, ratio) = pairs(bench.runs, &afresh, ours, &theirs)?;
    let beside = "apk 2.14.0 add into an empty root";
    Ok(vec![
        Row::new("cold build of the same", Quantity::Seconds(ours.wall()))
            .target(Quantity::Seconds(0.1))
            .beside(beside, Quantity::Seconds(theirs.wall()), ratio),
        Row::new("cold build of the same, RSS", Quantity::Megabytes(ours.rss()))
            .target(Quantity::Megabytes(20.0))
            .beside(beside, Quantity::Megabytes(theirs.rss()), ours.rss() / theirs.rss()),
    ])
}

fn data(path: &str) -> Result<PathBuf> {
    testkit::shared_data(path).with_context(|| format!("no ../shared/data/{path}"))
}

/// A recipe of the medium's packages, trusted by Alpine's keys.
fn recipe(home: &Path) -> Result<PathBuf> {
    let medium = data("apk/alpine-3.19.1-iso")?;
    let mut keys = String::new();
    for key in std::fs::read_dir(data("apk/keys/alpine/x86_64")?)? {
        keys.push_str(&format!("    - {}\n", key?.path().display()));
    }
    let text = format!(
        "archs: [amd64]\ncontents:\n  repositories: [{}]\n  keyring:\n{keys}  packages: [{}]\n",
        medium.display(),
        PACKAGES.join(", ")
    );
    std::fs::create_dir_all(home)?;
    let recipe = home.join("recipe.yaml");
    std::fs::write(&recipe, text)?;
    Ok(recipe)
}

/// apko's build of the recipe into a layout, where the machine has apko.
fn apko(home: &Path, recipe: &Path) -> Result<Option<Command>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("apko")).find(|p| p.exists());
    let Some(program) = std::env::var_os("DISTIL_TEST_APKO").map(PathBuf::from).or(on_path) else {
        eprintln!("bench: no apko on the PATH or in DISTIL_TEST_APKO: ours alone");
        return Ok(None);
    };
    let out = home.join("apko-out");
    std::fs::create_dir_all(&out)?;
    let mut apko = Command::new(program);
    apko.arg("build").arg(recipe).arg("bench").arg(&out).args(["--arch", "amd64", "--log-level", "error"]);
    apko.args(["--sbom=false", "--vcs=false", "--cache-dir"]).arg(home.join("apko-cache"));
    Ok(Some(apko))
}

/// The largest world of the data on the whole index of Alpine 3.19, beside the real apk, which reads
/// and verifies the indexes in the same run.
pub(super) fn solve_beside_apk(bench: &Bench) -> Result<Vec<Row>> {
    let index = data("apk/alpine-3.19-full-index")?;
    let worlds = std::fs::read_to_string(data("apk/golden/full-3.19.worlds.tsv")?)?;
    let world = worlds.lines().find_map(|l| l.strip_prefix("kde\t")).context("no world kde in the data")?;
    let arch = Arch::from_apk("x86_64").map_err(|e| anyhow!("{e}"))?;
    let mut universe = Universe::new();
    for part in ["main", "community"] {
        let bytes = std::fs::read(index.join(part).join("x86_64/APKINDEX.tar.gz"))?;
        let limits = Limits::default();
        let read = read_index(signed_part(&bytes, &limits)?.bytes, &arch, &limits)?;
        universe.add(Shelf::from_bytes(read.shelf)?, ShelfSource::distribution(format!("alpine/{part}")));
    }
    let request = Request::lines("amd64", world.split(' '));
    let mut chosen = 0;
    let first = times(bench.runs, || {
        let Ok(solution) = solve(&universe, &request) else { bail!("cannot solve kde") };
        chosen = black_box(solution.chosen.len());
        Ok(())
    })?;
    let mut solver = Solver::new(&universe, "amd64");
    let again = times(bench.runs, || {
        black_box(solver.solve(&request).map(|s| s.chosen.len()).map_err(|_| anyhow!("cannot solve kde"))?);
        Ok(())
    })?;
    let apk = testkit::apk::real_apk().map_err(|why| anyhow!("{why}"))?;
    let root = apk.root();
    let (main, community) = (index.join("main"), index.join("community"));
    let keys = data("apk/keys/alpine/x86_64")?;
    let words: Vec<&str> = world.split(' ').collect();
    // Makes the empty database, too.
    root.solve(&[&main, &community], &keys, &words).map_err(|why| anyhow!("{why}"))?;
    let mut theirs = root.command(&[&main, &community], Some(&keys));
    theirs.args(["add", "--simulate"]).args(&words);
    let theirs = series(bench.runs, &|| Ok(()), &theirs)?.wall();
    let row = |how: &str, seconds: f64| {
        let row =
            Row::new(&format!("solve kde, {chosen} packages of 23,030, {how}"), Quantity::Seconds(seconds));
        let row = row.target(Quantity::Seconds(0.020));
        row.beside("apk 2.14.0, start-up and indexes included", Quantity::Seconds(theirs), seconds / theirs)
    };
    Ok(vec![row("the first of a universe", first), row("another of the same", again)])
}
