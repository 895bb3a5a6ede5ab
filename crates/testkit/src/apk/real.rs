use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::shared_data;

/// Packages of the 3.19.1 medium that make `apk` run: itself, its libraries and musl's loader.
const PARTS: [&str; 5] = ["apk-tools-2", "musl-1", "libcrypto3-", "libssl3-", "zlib-"];

/// Alpine's own apk 2.14, taken from its release medium (`../shared/data/apk`), run beside the
/// machine's system: nothing is installed.
#[derive(Debug)]
pub struct RealApk {
    home: tempfile::TempDir,
}

/// The real apk, or why this machine cannot run it.
pub fn real_apk() -> Result<RealApk, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the real apk is for Linux on x86_64".to_owned());
    }
    let medium = shared_data("apk/alpine-3.19.1-iso/x86_64").ok_or("no ../shared/data/apk")?;
    let home = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&medium).map_err(|e| e.to_string())?.flatten().map(|e| e.path()).collect();
    files.sort();
    for part in PARTS {
        let named = |f: &&PathBuf| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(part));
        let file = files.iter().find(named).ok_or_else(|| format!("the medium has no {part}"))?;
        let mut tar = Command::new("tar");
        tar.args(["--warning=no-unknown-keyword", "--no-same-owner", "-xzf"]).arg(file);
        let run = tar.arg("-C").arg(home.path()).output().map_err(|e| format!("tar: {e}"))?;
        if !run.status.success() {
            return Err(format!("tar: {}", String::from_utf8_lossy(&run.stderr)));
        }
    }
    Ok(RealApk { home })
}

impl RealApk {
    /// `apk`, ready for its words.
    pub fn command(&self) -> Command {
        let at = |path: &str| self.home.path().join(path);
        let mut command = Command::new(at("lib/ld-musl-x86_64.so.1"));
        let libraries = format!("{}:{}", at("lib").display(), at("usr/lib").display());
        command.arg("--library-path").arg(libraries).arg(at("sbin/apk")).stdin(Stdio::null());
        command
    }

    /// Whether it believes the file: `apk verify` with these keys. What it said, either way.
    pub fn verify(&self, keys: &Path, file: &Path) -> Result<String, String> {
        let mut command = self.command();
        command.arg("--keys-dir").arg(keys).arg("verify").arg(file);
        said(command.output())
    }

    /// A world of its own in a temporary folder.
    pub fn root(&self) -> ApkRoot<'_> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        ApkRoot { apk: self, path: dir.path().join("root"), _dir: Some(dir), arch: None }
    }

    /// A tree that is already there, such as an image laid out by `docker export`.
    pub fn at(&self, root: &Path) -> ApkRoot<'_> {
        ApkRoot { apk: self, path: root.to_path_buf(), _dir: None, arch: None }
    }
}

/// A root file system under the real apk's hand.
#[derive(Debug)]
pub struct ApkRoot<'a> {
    apk: &'a RealApk,
    path: PathBuf,
    _dir: Option<tempfile::TempDir>,
    arch: Option<String>,
}

impl ApkRoot<'_> {
    /// Of another architecture than x86_64.
    pub fn arch(mut self, arch: &str) -> Self {
        self.arch = Some(arch.to_owned());
        self
    }

    /// With a merged `/usr` before anything is installed: Alpine's apk makes `/lib/apk` first, and then
    /// cannot put Wolfi's link in the place of `/lib`. (Wolfi's own apk is patched.)
    pub fn merged_usr(self) -> Self {
        for dir in ["usr/bin", "usr/lib"] {
            std::fs::create_dir_all(self.path.join(dir)).expect("a folder");
        }
        for (link, target) in
            [("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib")]
        {
            std::os::unix::fs::symlink(target, self.path.join(link)).expect("a link");
        }
        self
    }

    /// Top of the tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `apk add --initdb --no-scripts` of these from these repositories. Needs root: apk gives files
    /// their owners and makes device nodes.
    pub fn add(&self, repositories: &[&Path], keys: &Path, packages: &[&str]) -> Result<String, String> {
        std::fs::create_dir_all(&self.path).map_err(|e| e.to_string())?;
        let mut command = self.command(repositories, Some(keys));
        command.args(["add", "--initdb", "--no-scripts"]).args(packages);
        said(command.output())
    }

    /// `apk add --simulate` of these into this tree: what it would do.
    pub fn simulate(&self, repositories: &[&Path], keys: &Path, packages: &[&str]) -> Result<String, String> {
        let mut command = self.command(repositories, Some(keys));
        command.args(["add", "--simulate", "--no-network"]).args(packages);
        said(command.output())
    }

    /// `apk add --simulate` into an empty root: the solver's answer, as `(name, version)` in the order
    /// of installation, or its complaint.
    pub fn solve(
        &self,
        repositories: &[&Path],
        keys: &Path,
        packages: &[&str],
    ) -> Result<Vec<(String, String)>, String> {
        // With --simulate apk makes no database, and without one it does nothing.
        for file in ["lib/apk/db/installed", "lib/apk/db/triggers", "etc/apk/world"] {
            let file = self.path.join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).map_err(|e| e.to_string())?;
            std::fs::write(file, "").map_err(|e| e.to_string())?;
        }
        let mut command = self.command(repositories, Some(keys));
        command.args(["add", "--simulate"]).args(packages);
        Ok(installed_lines(&said(command.output())?))
    }

    /// `apk audit --system`: every path that is not as the database says, with apk's letter before it.
    pub fn audit(&self) -> Result<Vec<String>, String> {
        let mut command = self.command(&[], None);
        command.args(["audit", "--system"]);
        Ok(said(command.output())?.lines().map(str::to_owned).collect())
    }

    /// `apk info -v`: what the database holds, `name-version`, in apk's order.
    pub fn installed(&self) -> Result<Vec<String>, String> {
        let mut command = self.command(&[], None);
        command.args(["info", "-v"]);
        Ok(said(command.output())?.lines().map(str::to_owned).collect())
    }

    /// `apk --root … --repository … --keys-dir …`, without a cache or the tree's own repositories.
    pub fn command(&self, repositories: &[&Path], keys: Option<&Path>) -> Command {
        let mut command = self.apk.command();
        command.arg("--root").arg(&self.path).args(["--no-cache", "--no-progress", "--repositories-file"]);
        command.arg("/dev/null");
        for repository in repositories {
            command.arg("--repository").arg(repository);
        }
        if let Some(keys) = keys {
            command.arg("--keys-dir").arg(keys);
        }
        if let Some(arch) = &self.arch {
            command.arg("--arch").arg(arch);
        }
        command
    }
}

/// The lines `(1/2) Installing musl (1.2.4-r0)` of what apk printed.
pub fn installed_lines(printed: &str) -> Vec<(String, String)> {
    let one = |line: &str| {
        let (name, version) = line.split_once(" Installing ")?.1.split_once(" (")?;
        Some((name.to_owned(), version.split_once(')')?.0.to_owned()))
    };
    printed.lines().filter_map(one).collect()
}

/// What a program printed, as success or as failure.
fn said(run: std::io::Result<Output>) -> Result<String, String> {
    let run = run.map_err(|e| e.to_string())?;
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match run.status.success() {
        true => Ok(printed(&run.stdout)),
        false => Err(printed(&run.stdout) + &printed(&run.stderr)),
    }
}
