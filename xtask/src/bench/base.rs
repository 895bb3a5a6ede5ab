use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Bench;
use super::measure::{measure, pairs, series};
use super::table::{Quantity, Row};
use crate::run::show;

/// The command line of a build, with all its state in `home`.
pub(super) fn build(bench: &Bench, home: &Path) -> Command {
    let mut build = distil(bench, home);
    build.args(["build", "base", "--arch", "amd64", "--variant", "latest", "--quiet"]);
    build
}

/// The program, with all its state in `home`.
pub(super) fn distil(bench: &Bench, home: &Path) -> Command {
    let mut distil = Command::new(&bench.distil);
    distil.env("DISTIL_CACHE_DIR", home.join("cache")).env("DISTIL_DATA_DIR", home.join("data"));
    distil
}

/// A home in which `base` has been locked, its packages downloaded, and built once.
pub(super) fn prepared(bench: &Bench) -> Result<PathBuf> {
    prepared_in(bench, "home")
}

/// The same in a folder of its own, for a bench that changes what is there.
pub(super) fn prepared_in(bench: &Bench, folder: &str) -> Result<PathBuf> {
    let home = bench.room.path().join(folder);
    if !home.exists() {
        std::fs::create_dir_all(&home)?;
        measure(&build(bench, &home)).context("the first build")?;
    }
    Ok(home)
}

/// Runs a step that is not measured.
pub(super) fn succeed(command: &mut Command) -> Result<()> {
    let done = command.output()?;
    match done.status.success() {
        true => Ok(()),
        false => bail!("{}: {}", show(command), String::from_utf8_lossy(&done.stderr).trim_end()),
    }
}

/// Nothing changed since the last build.
pub(super) fn warm(bench: &Bench) -> Result<Vec<Row>> {
    let home = prepared(bench)?;
    let runs = series(bench.runs.max(15), &|| Ok(()), &build(bench, &home))?;
    Ok(vec![
        Row::new("warm build base", Quantity::Seconds(runs.wall())).target(Quantity::Seconds(0.010)),
        Row::new("warm build base, RSS", Quantity::Megabytes(runs.rss())).target(Quantity::Megabytes(25.0)),
    ])
}

/// Packages and lock are there; everything derived from them, and the image, are not.
pub(super) fn cold(bench: &Bench) -> Result<Vec<Row>> {
    let home = prepared(bench)?;
    let runs = series(bench.runs, &|| forget(&home), &build(bench, &home))?;
    Ok(vec![
        Row::new("cold build base", Quantity::Seconds(runs.wall())).target(Quantity::Seconds(0.4)),
        Row::new("cold build base, RSS", Quantity::Megabytes(runs.rss())).target(Quantity::Megabytes(100.0)),
    ])
}

/// Forgets what is derived and the images, keeps what was downloaded and locked.
pub(super) fn forget(home: &Path) -> Result<()> {
    for (folder, keep) in [("cache", "blobs"), ("data", "locks")] {
        for entry in std::fs::read_dir(home.join(folder))? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with(keep) {
                std::fs::remove_dir_all(&path)?;
            } else if path.is_file() {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

/// The same packages, unpacked by mmdebstrap from a local archive into a tar file, uncompressed.
pub(super) fn beside_mmdebstrap(bench: &Bench) -> Result<Vec<Row>> {
    let home = prepared(bench)?;
    let (archive, names) = local_archive(bench, &home)?;
    let mut peer = Command::new("mmdebstrap");
    peer.args(["--variant=extract", "--mode=auto", "--architectures=amd64", "--quiet"])
        .arg(format!("--include={}", names.join(",")))
        .args(["trixie", "-"])
        .arg(format!("deb [trusted=yes] copy://{} ./", archive.display()));
    let (ours, theirs, ratio) = pairs(bench.runs, &|| forget(&home), &build(bench, &home), &peer)?;
    Ok(vec![
        Row::new("cold build base, gzip included", Quantity::Seconds(ours.wall())).beside(
            "mmdebstrap, no compression",
            Quantity::Seconds(theirs.wall()),
            ratio,
        ),
        Row::new("cold build base, RSS", Quantity::Megabytes(ours.rss())).beside(
            "mmdebstrap",
            Quantity::Megabytes(theirs.rss()),
            ours.rss() / theirs.rss(),
        ),
    ])
}

/// A flat archive of the locked packages, and their names. Dependencies are left out of its index:
/// both sides are to unpack the same set, and apt would ask for what distil leaves out.
fn local_archive(bench: &Bench, home: &Path) -> Result<(PathBuf, Vec<String>)> {
    let archive = bench.room.path().join("archive");
    std::fs::create_dir_all(&archive)?;
    let mut lock = distil(bench, home);
    let done = lock.args(["lock", "base", "--quiet", "--vendor"]).arg(&archive).output()?;
    if !done.status.success() {
        bail!("distil lock --vendor: {}", String::from_utf8_lossy(&done.stderr).trim_end());
    }
    let (mut index, mut names) = (String::new(), Vec::new());
    for deb in debs(&archive)? {
        let said = Command::new("dpkg-deb").arg("--field").arg(&deb).output()?;
        let fields = String::from_utf8(said.stdout)?;
        if !["amd64", "all"].iter().any(|a| fields.contains(&format!("\nArchitecture: {a}\n"))) {
            continue;
        }
        let mut kept = true;
        for line in fields.lines() {
            if !line.starts_with(' ') {
                kept = !["Depends:", "Pre-Depends:", "Recommends:"].iter().any(|f| line.starts_with(f));
            }
            if kept {
                index.push_str(line);
                index.push('\n');
            }
        }
        let name = fields.lines().find_map(|l| l.strip_prefix("Package: ")).context("a package's name")?;
        names.push(name.to_owned());
        let file = deb.strip_prefix(&archive)?.display().to_string();
        let (size, hash) = (deb.metadata()?.len(), sha256(&deb)?);
        index.push_str(&format!("Filename: ./{file}\nSize: {size}\nSHA256: {hash}\n\n"));
    }
    if names.is_empty() {
        bail!("distil lock --vendor left no packages in {}", archive.display());
    }
    std::fs::write(archive.join("Packages"), index)?;
    Ok((archive, names))
}

/// apt copies nothing that its index has no strong hash of.
fn sha256(file: &Path) -> Result<String> {
    let said = Command::new("sha256sum").arg(file).output()?;
    let said = String::from_utf8(said.stdout)?;
    Ok(said.split_whitespace().next().context("sha256sum says nothing")?.to_owned())
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "deb") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
