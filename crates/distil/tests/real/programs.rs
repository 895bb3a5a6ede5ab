//! Programs for the images, compiled for the architecture of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::distil::{has, program_source};

/// An architecture, and who compiles for it.
pub(crate) struct Target {
    /// As Debian calls it.
    pub(crate) arch: &'static str,
    pub(crate) cc: &'static str,
    pub(crate) cxx: &'static str,
    /// Rust's flags for a static program.
    rust: &'static [&'static str],
    /// The target that rustup may have; none for this machine's own.
    rust_target: Option<&'static str>,
}

/// This machine.
pub(crate) const NATIVE: Target = Target {
    arch: if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
    cc: "cc",
    cxx: "c++",
    rust: &["-Ctarget-feature=+crt-static"],
    rust_target: None,
};

/// Under emulation, by Debian's cross compilers.
pub(crate) const ARM64: Target = Target {
    arch: "arm64",
    cc: "aarch64-linux-gnu-gcc",
    cxx: "aarch64-linux-gnu-g++",
    rust: &["--target", "aarch64-unknown-linux-musl", "-Clinker=aarch64-linux-gnu-gcc"],
    rust_target: Some("aarch64-unknown-linux-musl"),
};

impl Target {
    /// A C program, or none where there is no compiler.
    pub(crate) fn c(&self, source: &str, to: &Path, flags: &[&str]) -> Option<PathBuf> {
        self.made_by(self.cc, source, to, flags)
    }

    pub(crate) fn cxx(&self, source: &str, to: &Path, flags: &[&str]) -> Option<PathBuf> {
        self.made_by(self.cxx, source, to, flags)
    }

    /// A static Rust program, or none where rustup lacks the target: it is never required.
    pub(crate) fn static_rust(&self, source: &str, to: &Path) -> Option<PathBuf> {
        let installed = |target: &str| {
            let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
            let dir = asked.map(|a| String::from_utf8_lossy(&a.stdout).trim().to_owned()).unwrap_or_default();
            !dir.is_empty() && Path::new(&dir).exists()
        };
        match self.rust_target {
            Some(target) if !installed(target) || !has(self.cc) => None,
            _ => self.made_by("rustc", source, to, self.rust),
        }
    }

    fn made_by(&self, compiler: &str, source: &str, to: &Path, flags: &[&str]) -> Option<PathBuf> {
        if !has(compiler) {
            return None;
        }
        let out = to.join(format!("{source}.{}", self.arch));
        let run = Command::new(compiler).arg(program_source(source)).arg("-o").arg(&out).args(flags).output();
        let run = run.unwrap_or_else(|e| panic!("{compiler}: {e}"));
        assert!(run.status.success(), "{compiler}: {}", String::from_utf8_lossy(&run.stderr));
        Some(out)
    }
}
