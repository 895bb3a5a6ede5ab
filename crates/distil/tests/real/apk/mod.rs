//! Images of apk packages: from Alpine's real packages, and from a repository like Wolfi's.

mod apko;
mod differences;
mod looking;
mod options;
mod page;
mod run;
mod scanners;
mod tagged;
mod upon;
mod wolfi;

use std::path::{Path, PathBuf};

use crate::distil::Home;

/// A repository of packages, whom it is signed by, and for which machines.
pub(crate) struct Source {
    pub(crate) repository: PathBuf,
    pub(crate) keys: Vec<PathBuf>,
    /// As an image says it.
    pub(crate) arch: &'static str,
}

/// The packages of the 3.19.1 release medium, for this machine.
pub(crate) fn alpine() -> Option<Source> {
    of_medium("apk/alpine-3.19.1-iso", "apk/keys/alpine/x86_64", "amd64")
}

/// The packages of the 3.13.4 medium for the Raspberry Pi.
pub(crate) fn alpine_arm64() -> Option<Source> {
    of_medium("apk/alpine-3.13.4-rpi", "apk/keys/alpine/aarch64", "arm64")
}

fn of_medium(repository: &str, keys: &str, arch: &'static str) -> Option<Source> {
    let keys = std::fs::read_dir(testkit::shared_data(keys)?).ok()?;
    let mut keys: Vec<PathBuf> = keys.flatten().map(|e| e.path()).collect();
    keys.sort();
    Some(Source { repository: testkit::shared_data(repository)?, keys, arch })
}

impl Source {
    /// A recipe of these packages; `more` is what it says beyond them.
    pub(crate) fn recipe(&self, packages: &str, more: &str) -> String {
        let keys: String = self.keys.iter().map(|k| format!("\n    - {}", k.display())).collect();
        let packages: String = packages.split(' ').map(|p| format!("\n    - {p}")).collect();
        format!(
            "archs: [{}]\ncontents:\n  repositories: [{}]\n  keyring:{keys}\n  packages:{packages}\n{more}",
            self.arch,
            self.repository.display(),
        )
    }

    /// The folder of the keys, for the real apk.
    pub(crate) fn key_folder(&self) -> &Path {
        self.keys[0].parent().expect("a folder")
    }
}

/// What the images of Alpine's packages ask for: name, packages.
pub(crate) const ALPINE: [(&str, &str); 4] = [
    ("alpine-base", "alpine-base"),
    ("alpine-static", "alpine-baselayout-data alpine-release ca-certificates-bundle tzdata"),
    ("alpine-openssl", "alpine-baselayout alpine-release apk-tools ca-certificates-bundle openssl"),
    ("alpine-sshd", "alpine-base openssh"),
];

/// Writes a recipe and gives the word that builds it.
pub(crate) fn written(home: &Home, name: &str, text: &str) -> String {
    home.write(&format!("{name}.yaml"), text);
    format!("./{name}.yaml")
}
