//! A private root for apt: its own sources, lists and an empty status.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use deb::release::Compression;
use package::{Shelf, ShelfSource, Universe};

/// The second architecture of the Multi-Arch requests.
pub(super) const FOREIGN: &str = "arm64";
/// Where the keys of Debian's archives lie on a machine with apt.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(crate) struct Root {
    directory: PathBuf,
    codename: &'static str,
}

impl Root {
    /// Makes (or refreshes) the root and lets apt fetch and verify the indexes.
    pub(crate) fn prepare(distribution: &str) -> Result<Root> {
        let codename = match distribution {
            "debian-13" => "trixie",
            "debian-12" => "bookworm",
            other => bail!("no table for {other}; debian-13 and debian-12 are known"),
        };
        let base =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        let directory = std::path::absolute(base.join("apt-parity").join(codename))?;
        for part in
            ["etc/apt/apt.conf.d", "etc/apt/preferences.d", "lists/partial", "cache/archives/partial", "dpkg"]
        {
            fs::create_dir_all(directory.join(part)).with_context(|| format!("cannot make {part}"))?;
        }
        fs::write(directory.join("dpkg/status"), "")?;
        let root = Root { directory, codename };
        for (file, archs) in [("one.list", "amd64".to_owned()), ("two.list", format!("amd64,{FOREIGN}"))] {
            fs::write(root.directory.join("etc/apt").join(file), root.sources(&archs)?)?;
        }
        let update = root.apt(true).arg("update").output().context("cannot run apt-get")?;
        if !update.status.success() {
            bail!("apt-get update failed: {}", String::from_utf8_lossy(&update.stderr));
        }
        Ok(root)
    }

    fn sources(&self, archs: &str) -> Result<String> {
        let (main, security) = mirrors()?;
        let name = self.codename;
        let line =
            |uri: &str, suite: &str| format!("deb [arch={archs} signed-by={KEYS}] {uri} {suite} main\n");
        Ok(line(&main, name)
            + &line(&main, &format!("{name}-updates"))
            + &line(&security, &format!("{name}-security")))
    }

    /// apt-get in this root, for one or two architectures.
    pub(crate) fn apt(&self, foreign: bool) -> Command {
        let at = |part: &str| self.directory.join(part).display().to_string();
        let which = if foreign { "two" } else { "one" };
        let mut command = Command::new("apt-get");
        command.env("LC_ALL", "C").env_remove("APT_CONFIG");
        let mut option = |text: String| {
            command.args(["-o", &text]);
        };
        option(format!("Dir::Etc={}", at("etc/apt")));
        option("Dir::Etc::sourceparts=-".into());
        option(format!("Dir::Etc::sourcelist={}", at(&format!("etc/apt/{which}.list"))));
        option(format!("Dir::State={}", at("")));
        option(format!("Dir::State::lists={}", at("lists")));
        option(format!("Dir::State::status={}", at("dpkg/status")));
        option(format!("Dir::State::extended_states={}", at("dpkg/extended_states")));
        option(format!("Dir::Cache={}", at("cache")));
        option(format!("Dir::Cache::pkgcache={}", at(&format!("cache/{which}.bin"))));
        option(format!("Dir::Cache::srcpkgcache={}", at(&format!("cache/{which}-src.bin"))));
        option("APT::Architecture=amd64".into());
        option("APT::Architectures::=amd64".into());
        if foreign {
            option(format!("APT::Architectures::={FOREIGN}"));
        }
        option("Acquire::Languages=none".into());
        option("Acquire::GzipIndexes=false".into());
        option("APT::Sandbox::User=root".into());
        option("Debug::NoLocking=true".into());
        command
    }

    /// Suite, date and size of each index, for the record.
    pub(super) fn describe(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for suite in self.suites() {
            let path = self.list(&format!("{suite}_InRelease"))?;
            let text = fs::read(&path)?;
            let body = signed_text(&text);
            let release = deb::release::parse_release(&body)?;
            let date = String::from_utf8_lossy(&body)
                .lines()
                .find(|l| l.starts_with("Date:"))
                .unwrap_or("")
                .to_owned();
            lines.push(format!("{} ({}), {date}", release.codename, release.suite));
        }
        Ok(lines)
    }

    fn suites(&self) -> [String; 3] {
        let name = self.codename;
        [name.to_owned(), format!("{name}-updates"), format!("{name}-security")]
    }

    fn list(&self, end: &str) -> Result<PathBuf> {
        let lists = self.directory.join("lists");
        let mut found = Vec::new();
        for entry in fs::read_dir(&lists)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|n| n.to_string_lossy().ends_with(&format!("_dists_{end}"))) {
                found.push(path);
            }
        }
        found.pop().with_context(|| format!("apt has no list that ends with {end} in {}", lists.display()))
    }

    /// The same records as apt sees, in the order of its sources.
    pub(super) fn universe(&self, foreign: bool) -> Result<Universe> {
        let mut universe = Universe::new();
        let archs = if foreign { vec!["amd64", FOREIGN] } else { vec!["amd64"] };
        for suite in self.suites() {
            for arch in &archs {
                let path = self.list(&format!("{suite}_main_binary-{arch}_Packages"))?;
                let bytes = fs::read(&path)?;
                let shelf = deb::packages::read_packages(&bytes, Compression::None, u64::MAX, 1)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let mut source = ShelfSource::distribution(format!("debian/{suite}"));
                source.codename.clone_from(&suite);
                universe.add(Shelf::from_bytes(shelf)?, source);
            }
        }
        Ok(universe)
    }

    /// The Packages files, for dose.
    pub(super) fn packages_files(&self, foreign: bool) -> Result<Vec<PathBuf>> {
        let archs = if foreign { vec!["amd64", FOREIGN] } else { vec!["amd64"] };
        let mut out = Vec::new();
        for suite in self.suites() {
            for arch in &archs {
                out.push(self.list(&format!("{suite}_main_binary-{arch}_Packages"))?);
            }
        }
        Ok(out)
    }

    /// Where apt's answers for these very indexes are kept.
    pub(super) fn answers(&self) -> Result<PathBuf> {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for suite in self.suites() {
            for b in fs::read(self.list(&format!("{suite}_InRelease"))?)? {
                hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        let directory = self.directory.join(format!("answers-{hash:016x}"));
        fs::create_dir_all(&directory)?;
        Ok(directory)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// The text between the marks of a clear-signed file; apt has verified it already.
fn signed_text(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let inner = text.split_once("\n\n").map_or("", |(_, rest)| rest);
    inner.split("\n-----BEGIN PGP SIGNATURE").next().unwrap_or("").as_bytes().to_vec()
}

/// Where apt on this machine finds Debian's archives: the main one and that of security updates.
fn mirrors() -> Result<(String, String)> {
    let (mut main, mut security) = (None, None);
    for uri in configured_uris()? {
        let slot = if uri.trim_end_matches('/').ends_with("security") { &mut security } else { &mut main };
        slot.get_or_insert(uri);
    }
    let main = main.context("apt's configuration names no Debian archive")?;
    let beside = || format!("{}-security", main.trim_end_matches('/'));
    let security = security.unwrap_or_else(beside);
    Ok((main, security))
}

fn configured_uris() -> Result<Vec<String>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|e| e.path()));
    }
    files.sort();
    let mut uris = Vec::new();
    for text in files.iter().filter_map(|f| fs::read_to_string(f).ok()) {
        for line in text.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
            let words = || line.split_whitespace();
            if let Some(rest) = line.strip_prefix("URIs:") {
                uris.extend(rest.split_whitespace().map(str::to_owned));
            } else if words().next() == Some("deb") {
                uris.extend(words().find(|w| w.contains("://")).map(str::to_owned));
            }
        }
    }
    uris.retain(|u| u.trim_end_matches('/').rsplit('/').next().is_some_and(|end| end.starts_with("debian")));
    Ok(uris)
}
