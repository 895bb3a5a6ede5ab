use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::run::{find, is_root, run};

/// A program that some tests run, the Debian package that has it, and which tests those are.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("dockerd", "docker.io", "images run in real Docker"),
    ("docker-registry", "docker-registry", "a registry that others wrote"),
    ("skopeo", "skopeo", "digests as skopeo sees them"),
    ("umoci", "umoci", "trees as umoci unpacks them"),
    ("qemu-aarch64-static", "qemu-user-static", "arm64 images run"),
    ("mmdebstrap", "mmdebstrap", "bench: the peer"),
    ("dose-debcheck", "dose-distcheck", "verdicts on unsatisfiable requests"),
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", "probes for arm64"),
    ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu", "a C++ program on arm64"),
    ("ctr", "containerd", "trees as containerd mounts them"),
    ("busybox", "busybox-static", "small static programs inside images"),
    ("strace", "strace", "a warm build opens nothing"),
    ("g++", "g++", "a C++ program on cc"),
    ("openssl", "openssl", "a TLS server with a CA of its own"),
    ("gpgv", "gpgv", "signatures as gpgv judges them"),
    ("curl", "curl", "bench: a download by the same mirror"),
    ("python3", "python3", "layers as Python reads them"),
    ("xz", "xz-utils", "compressed archives by others"),
    ("ip", "iproute2", "a network namespace without routes"),
    ("setfattr", "attr", "extended attributes by others"),
    ("chromium", "chromium", "reports in a browser"),
    ("chromedriver", "chromium-driver", "reports in a browser"),
    ("debootstrap", "debootstrap", "an ordinary image of Debian"),
];

/// Files without a program of their own.
const FILES: &[(&str, &str, &str)] = &[
    ("/usr/aarch64-linux-gnu/include/stdio.h", "libc6-dev-arm64-cross", "probes for arm64"),
    ("/usr/aarch64-linux-gnu/lib/libgomp.so.1", "libgomp1-arm64-cross", "a C++ program on arm64"),
    ("/usr/include/openssl/ssl.h", "libssl-dev", "a TLS client"),
    ("/usr/lib/git-core", "git", "the tree's files"),
];

/// What was found or started; stops what it started.
pub(super) struct Machine {
    docker: Option<(Child, tempfile::TempDir)>,
}

/// Installs what is missing where we may (root, apt), else says what is missing.
pub(super) fn install() -> Result<Machine> {
    let missing = missing();
    if !missing.is_empty() && is_root() && find("apt-get").is_some() {
        let mut packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
        packages.dedup();
        eprintln!("xtask: apt-get install {}", packages.join(" "));
        let apt = || {
            let mut apt = Command::new("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).arg("-qq");
            apt
        };
        // A mirror that is away is no reason not to run the tests that need none.
        let done = run(apt().arg("update")).and_then(|()| {
            run(apt()
                .args(["install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"])
                .args(&packages))
        });
        if let Err(error) = done {
            eprintln!("xtask: {error:#}");
        }
    }
    for (what, package, why) in self::missing() {
        eprintln!("xtask: no {what} (Debian: {package}): skipping what needs it: {why}");
    }
    register_arm64();
    Ok(Machine { docker: start_docker()? })
}

fn missing() -> Vec<(&'static str, &'static str, &'static str)> {
    let programs = PROGRAMS.iter().filter(|(program, ..)| find(program).is_none());
    let files = FILES.iter().filter(|(file, ..)| !std::path::Path::new(file).exists());
    programs.chain(files).copied().collect()
}

impl Machine {
    /// Lets the tests know, through their environment.
    pub(super) fn tell(&self, tests: &mut Command) {
        if let Some((_, dir)) = &self.docker {
            tests.env("DISTIL_TEST_DOCKER", dir.path().join("docker.sock"));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some((daemon, dir)) = &mut self.docker {
            testkit::machine::stop_dockerd(daemon, dir.path());
        }
    }
}

/// One daemon for all tests: each would else start its own, at some seconds a time.
fn start_docker() -> Result<Option<(Child, tempfile::TempDir)>> {
    if std::env::var_os("DISTIL_TEST_DOCKER").is_some() || !is_root() || find("dockerd").is_none() {
        return Ok(None);
    }
    let dir = tempfile::Builder::new().prefix("distil-docker").tempdir()?;
    let daemon = testkit::machine::spawn_dockerd(dir.path()).context("cannot start dockerd")?;
    let mut docker = (daemon, dir);
    let Err(why) = testkit::machine::dockerd_answers(&mut docker.0, docker.1.path()) else {
        return Ok(Some(docker));
    };
    let log = std::fs::read_to_string(docker.1.path().join("log")).unwrap_or_default();
    let last: Vec<&str> = log.lines().rev().take(5).collect();
    eprintln!("xtask: {why}: {}", last.join(" | "));
    testkit::machine::stop_dockerd(&mut docker.0, docker.1.path());
    Ok(None)
}

/// Lets the kernel start arm64 programs under qemu, also inside a container (flag F).
fn register_arm64() {
    if !is_root() || find("qemu-aarch64-static").is_none() {
        return;
    }
    if let Err(why) = testkit::machine::register_arm64() {
        eprintln!("xtask: cannot register qemu for arm64: {why}");
    }
}
