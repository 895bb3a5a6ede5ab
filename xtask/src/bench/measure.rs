use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::run::show;

/// What one run of a program cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Seconds of processor, children included.
    pub(crate) cpu: f64,
    /// The largest resident set of any one process of it, in MB.
    pub(crate) rss: f64,
}

/// Runs the command once from a process of a few megabytes: Linux counts the parent's pages at the
/// time of the fork to the child, and those of a big parent would drown a small child's.
pub(crate) fn measure(command: &Command) -> Result<Cost> {
    let mut one = Command::new(std::env::current_exe()?);
    one.args(["bench", "--one"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => one.env(name, value),
            None => one.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        one.current_dir(dir);
    }
    let done = one.stdin(Stdio::null()).output()?;
    if !done.status.success() {
        bail!("{}: {}", show(command), String::from_utf8_lossy(&done.stderr).trim_end());
    }
    let line = done.stdout.rsplit(|b| *b == b'\n').find(|l| !l.is_empty()).context("no measurement")?;
    Ok(serde_json::from_slice(line)?)
}

/// The other side of [`measure`]: runs the words, prints the cost as a line of JSON.
pub(super) fn one(words: &[String]) -> Result<()> {
    let (program, rest) = words.split_first().context("nothing to measure")?;
    let start = Instant::now();
    let mut child = Command::new(program).args(rest).stdout(Stdio::null()).stdin(Stdio::null()).spawn()?;
    let status = child.wait()?;
    let wall = start.elapsed();
    if !status.success() {
        bail!("{status}");
    }
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    // Linux counts in KiB, macOS in bytes (getrusage(2)).
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let rss = used.max_rss() as f64 * unit / 1e6;
    let cost =
        Cost { wall: wall.as_secs_f64(), cpu: Duration::from_micros(cpu.unsigned_abs()).as_secs_f64(), rss };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Several runs of one program.
#[derive(Debug, Clone)]
pub(crate) struct Series(pub(crate) Vec<Cost>);

impl Series {
    /// Median seconds on the wall.
    pub(crate) fn wall(&self) -> f64 {
        median(self.0.iter().map(|c| c.wall).collect())
    }

    /// The median of ours/peer of neighbouring runs: what else the machine does hits both.
    pub(crate) fn ratio(&self, peer: &Series) -> f64 {
        median(self.0.iter().zip(&peer.0).map(|(x, y)| x.wall / y.wall).collect())
    }

    /// The largest resident set of all runs, in MB.
    pub(crate) fn rss(&self) -> f64 {
        self.0.iter().map(|c| c.rss).fold(0.0, f64::max)
    }
}

/// `runs` runs, after one that does not count. `before` is called ahead of each.
pub(crate) fn series(runs: usize, before: &dyn Fn() -> Result<()>, command: &Command) -> Result<Series> {
    before()?;
    measure(command)?;
    let mut costs = Vec::new();
    for _ in 0..runs {
        before()?;
        costs.push(measure(command)?);
    }
    Ok(Series(costs))
}

/// Both in turn; the second value is the median of ours/peer of neighbouring runs.
pub(crate) fn pairs(
    runs: usize,
    before: &dyn Fn() -> Result<()>,
    ours: &Command,
    peer: &Command,
) -> Result<(Series, Series, f64)> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        before()?;
        let (x, y) = (measure(ours)?, measure(peer)?);
        if run > 0 {
            a.push(x);
            b.push(y);
        }
    }
    let (a, b) = (Series(a), Series(b));
    let ratio = a.ratio(&b);
    Ok((a, b, ratio))
}

/// The middle value; of an even number, the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
