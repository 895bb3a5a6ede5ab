use std::cell::Cell;

use anyhow::Result;

use super::Bench;
use super::base::{distil, prepared_in, succeed};
use super::made_up::random;
use super::measure::series;
use super::table::{Quantity, Row};

/// `base` and one package more, of which each run has a new version in its lock: 1 MB that does not
/// compress. Downloading and decoding it is the lock's work, as it is for a user.
pub(super) fn one_package(bench: &Bench) -> Result<Vec<Row>> {
    let home = prepared_in(bench, "home-changed")?;
    let dir = bench.room.path().join("changed");
    std::fs::create_dir_all(dir.join("debs"))?;
    let command = |words: &[&str]| {
        let mut command = distil(bench, &home);
        command.args(words).args(["app.yaml", "--offline", "--quiet"]).current_dir(&dir);
        command
    };
    let version = Cell::new(0_u32);
    let change = || {
        let n = version.get() + 1;
        version.set(n);
        let package = testkit::Package::new("changed", &n.to_string())
            .arch("all")
            .compression(testkit::Compression::None)
            .file("/usr/share/doc/changed/copyright", "free\n")
            .file("/srv/data", random(n, 1 << 20));
        std::fs::write(dir.join("debs/changed.deb"), package.deb())?;
        let recipe = format!(
            "include: base\ncontents:\n  repositories: [./debs]\n  packages: [changed (= {n})]\narchs: [amd64]\n"
        );
        std::fs::write(dir.join("app.yaml"), recipe)?;
        succeed(&mut command(&["lock"]))
    };
    change()?;
    succeed(&mut command(&["build", "--variant", "latest"]))?;
    let runs = series(bench.runs, &change, &command(&["build", "--locked", "--variant", "latest"]))?;
    Ok(vec![
        Row::new("warm build base, one package of 1 MB changed", Quantity::Seconds(runs.wall()))
            .target(Quantity::Seconds(0.1)),
        Row::new("the same, RSS", Quantity::Megabytes(runs.rss())).target(Quantity::Megabytes(100.0)),
    ])
}
