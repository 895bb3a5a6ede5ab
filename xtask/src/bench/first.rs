use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Bench;
use super::base::{build, prepared};
use super::measure::pairs;
use super::table::{Quantity, Row};

/// A build on a machine that has nothing, beside curl fetching the same files, all at once.
pub(super) fn beside_curl(bench: &Bench) -> Result<Vec<Row>> {
    let urls = urls(&prepared(bench)?)?;
    let fresh = bench.room.path().join("fresh");
    let out = bench.room.path().join("curl");
    std::fs::create_dir_all(&out)?;
    let mut curl = Command::new("curl");
    curl.args(["-sSfL", "--parallel", "--parallel-max", "16", "--remove-on-error"]);
    for (n, url) in urls.iter().enumerate() {
        curl.arg("-o").arg(out.join(n.to_string())).arg(url);
    }
    let forget = || match std::fs::remove_dir_all(&fresh) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    };
    let (ours, theirs, ratio) = pairs(bench.runs.min(5), &forget, &build(bench, &fresh), &curl)?;
    let bytes = std::fs::read_dir(&out)?.map(|e| Ok(e?.metadata()?.len())).sum::<Result<u64>>()?;
    let what = format!("first build base ({} files, {:.1} MB)", urls.len(), bytes as f64 / 1e6);
    let most = Quantity::Seconds(2.0 * theirs.wall());
    Ok(vec![Row::new(&what, Quantity::Seconds(ours.wall())).target(most).beside(
        "curl --parallel, the same files",
        Quantity::Seconds(theirs.wall()),
        ratio,
    )])
}

/// Everything that the first build of `base` asks the mirror for, as its lock has it.
fn urls(home: &Path) -> Result<Vec<String>> {
    let mirror = testkit::mirror().context("apt of this machine has no Debian mirror")?;
    let file = home.join("data/locks/base.lock");
    let lock = lockfile::read(&file.display().to_string(), &std::fs::read_to_string(&file)?)?;
    let base = |id: &str| match id.split_once('/') {
        Some(("debian", suite)) => Ok((mirror.debian.clone(), suite.to_owned())),
        Some(("debian-security", suite)) => Ok((mirror.security.clone(), suite.to_owned())),
        _ => bail!("the lock of base names {id}"),
    };
    let mut urls = Vec::new();
    for suite in &lock.suites {
        let (base, name) = base(&suite.id)?;
        urls.push(format!("{base}/dists/{name}/InRelease"));
        urls.extend(suite.indexes.iter().map(|i| format!("{base}/dists/{name}/{}", i.path)));
    }
    for row in &lock.packages {
        let url = format!("{}/{}", base(&row.pin.repository)?.0, row.pin.path);
        // A package for all architectures stands in the lock once for each.
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    Ok(urls)
}
