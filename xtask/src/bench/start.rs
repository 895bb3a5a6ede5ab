use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::measure::series;
use super::table::{Quantity, Row};

/// `distil --version`: what every command pays before it does anything; and the binary itself.
pub(super) fn version(bench: &Bench) -> Result<Vec<Row>> {
    let mut version = Command::new(&bench.distil);
    version.arg("--version");
    let runs = series(bench.runs.max(25), &|| Ok(()), &version)?;
    let size = std::fs::metadata(&bench.distil)?.len() as f64 / 1e6;
    Ok(vec![
        Row::new("start-up (--version)", Quantity::Seconds(runs.wall())).target(Quantity::Seconds(0.002)),
        Row::new("binary, stripped", Quantity::Megabytes(size)).target(Quantity::Megabytes(20.0)),
    ])
}
