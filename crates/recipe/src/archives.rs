//! The archives table: the one place with host names of distributions.

use std::fmt;

use crate::Snapshot;

/// An archive that can have mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Archive {
    /// Debian's main archive.
    Debian,
    /// Debian's security updates.
    DebianSecurity,
    /// Everything both ever had.
    DebianSnapshot,
    /// Alpine Linux.
    Alpine,
    /// Wolfi.
    Wolfi,
}

/// All of them.
pub const ARCHIVES: [Archive; 5] =
    [Archive::Debian, Archive::DebianSecurity, Archive::DebianSnapshot, Archive::Alpine, Archive::Wolfi];

impl Archive {
    /// The word of `--mirror ARCHIVE=URL` and of the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Archive::Debian => "debian",
            Archive::DebianSecurity => "debian-security",
            Archive::DebianSnapshot => "debian-snapshot",
            Archive::Alpine => "alpine",
            Archive::Wolfi => "wolfi",
        }
    }

    /// By its word.
    pub fn by_name(word: &str) -> Option<Archive> {
        ARCHIVES.into_iter().find(|a| a.as_str() == word)
    }

    /// The environment variable that gives its mirror: `DISTIL_MIRROR_DEBIAN_SECURITY`.
    pub fn variable(self) -> String {
        format!("DISTIL_MIRROR_{}", self.as_str().to_ascii_uppercase().replace('-', "_"))
    }

    /// Where it is found if nobody says otherwise; no trailing slash.
    pub fn default_url(self) -> &'static str {
        match self {
            Archive::Debian => "https://ftp.debian.org/debian",
            Archive::DebianSecurity => "https://security.debian.org/debian-security",
            Archive::DebianSnapshot => "https://snapshot.debian.org/archive",
            Archive::Alpine => "https://dl-cdn.alpinelinux.org/alpine",
            Archive::Wolfi => "https://packages.wolfi.dev/os",
        }
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A distribution that `distribution:` knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distribution {
    /// Debian 12, bookworm.
    Debian12,
    /// Debian 13, trixie.
    Debian13,
    /// Alpine, by its release (`3.22`) or `edge`.
    Alpine(String),
    /// Wolfi.
    Wolfi,
}

/// Which built-in keys sign a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeySet {
    /// Debian 12's archive, security and stable keys.
    Debian12,
    /// Debian 13's.
    Debian13,
    /// Alpine's.
    Alpine,
    /// Wolfi's.
    Wolfi,
}

/// One suite of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// The archive it is in.
    pub archive: Archive,
    /// Its name under `dists/`.
    pub suite: String,
    /// Its components.
    pub components: Vec<String>,
    /// Who signs it.
    pub keys: KeySet,
}

impl Distribution {
    /// The suites that the shorthand stands for: release, updates, security; empty for apk worlds.
    pub fn suites(&self) -> Vec<Suite> {
        let (code, keys) = match self {
            Distribution::Debian12 => ("bookworm", KeySet::Debian12),
            Distribution::Debian13 => ("trixie", KeySet::Debian13),
            _ => return Vec::new(),
        };
        let suite = |archive, suffix: &str| Suite {
            archive,
            suite: format!("{code}{suffix}"),
            components: vec!["main".to_owned()],
            keys,
        };
        vec![
            suite(Archive::Debian, ""),
            suite(Archive::Debian, "-updates"),
            suite(Archive::DebianSecurity, "-security"),
        ]
    }
}

/// Where the snapshot archive has an archive at a moment, below its base URL: `debian/20261101T000000Z`.
pub fn snapshot_path(archive: Archive, moment: &Snapshot) -> Option<String> {
    match archive {
        Archive::Debian | Archive::DebianSecurity => Some(format!("{archive}/{}", moment.as_str())),
        _ => None,
    }
}
