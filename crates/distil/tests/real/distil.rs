//! Runs the program in a world of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A cache, a data directory and a working directory.
pub(crate) struct Home {
    pub(crate) dir: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        let home = Home { dir: tempfile::tempdir().expect("a temporary directory") };
        std::fs::create_dir(home.work()).expect("a directory");
        home
    }

    /// The same downloads, nothing else: packages and indexes are linked from `other`.
    pub(crate) fn with_downloads_of(other: &Home) -> Home {
        let home = Home::new();
        let to = home.dir.path().join("cache");
        let copy = |what: &str| {
            let status = Command::new("cp")
                .args(["-al"])
                .arg(other.dir.path().join("cache").join(what))
                .arg(&to)
                .status();
            assert!(status.expect("cp").success());
        };
        std::fs::create_dir(&to).expect("a directory");
        copy("blobs");
        home
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// The program with a clean environment: only what a test gives it counts.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distil"));
        self.prepare(&mut command);
        command
    }

    pub(crate) fn prepare(&self, command: &mut Command) {
        let dir = self.dir.path();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir)
            .env("DISTIL_CACHE_DIR", dir.join("cache"))
            .env("DISTIL_DATA_DIR", dir.join("data"))
            .current_dir(self.work());
    }

    /// Runs it and gives standard output.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        done(patiently(self.command().args(words)))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// Runs it; again after a while where a mirror did not answer, or was in the middle of an update.
pub(crate) fn patiently(command: &mut Command) -> Output {
    for pause in [10, 60] {
        let output = command.output().expect("distil runs");
        if output.status.code() != Some(NETWORK) {
            return output;
        }
        std::thread::sleep(std::time::Duration::from_secs(pause));
    }
    command.output().expect("distil runs")
}

/// The exit code of whatever the network is to blame for.
const NETWORK: i32 = 4;

/// Standard output of a success.
pub(crate) fn done(output: Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A home in which static, base and cc were built once; none where there is no mirror, or it does not answer.
pub(crate) fn built() -> Option<&'static Home> {
    static HOME: OnceLock<Option<Home>> = OnceLock::new();
    HOME.get_or_init(|| {
        testkit::mirror()?;
        let home = Home::new();
        let output = patiently(home.command().args(["build", "static", "base-nossl", "base", "cc", "-q"]));
        if output.status.code() == Some(NETWORK) {
            testkit::record_skip(
                "distil::built",
                &String::from_utf8_lossy(&output.stderr).replace('\n', " | "),
            );
            return None;
        }
        done(output);
        Some(home)
    })
    .as_ref()
}

/// The digests that a build printed, by name.
pub(crate) fn digests(out: &str) -> Vec<(String, String)> {
    let line = |l: &str| l.split_once('@').map(|(n, d)| (n.to_owned(), d.to_owned()));
    let all: Vec<_> = out.lines().filter_map(line).collect();
    assert!(!all.is_empty(), "no digest in {out:?}");
    all
}

/// Is that program on the machine?
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).exists())
}

pub(crate) fn program_source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}
