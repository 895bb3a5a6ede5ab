//! The archives table: the one place with host names of distributions.

use std::fmt;

use crate::{Snapshot, World};

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

    /// Which built-in keys sign its apk repositories; none for archives of deb packages.
    pub fn apk_keys(self) -> Option<KeySet> {
        match self {
            Archive::Alpine => Some(KeySet::Alpine),
            Archive::Wolfi => Some(KeySet::Wolfi),
            _ => None,
        }
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

/// Hosts and paths that serve an archive; `*` stands for one label or several. Debian's own names for
/// its mirrors and caches are all below its domain, and all have the same paths.
const HOSTS: &[(Archive, &str, &str)] = &[
    (Archive::Debian, "*.debian.org", "/debian"),
    (Archive::Debian, "*.debian.net", "/debian"),
    (Archive::DebianSecurity, "*.debian.org", "/debian-security"),
    (Archive::DebianSecurity, "*.debian.net", "/debian-security"),
    // The archive's root at this host is the archive itself, too.
    (Archive::DebianSecurity, "security.debian.org", ""),
    (Archive::DebianSnapshot, "snapshot.debian.org", "/archive"),
    (Archive::Alpine, "*.alpinelinux.org", "/alpine"),
    (Archive::Wolfi, "packages.wolfi.dev", "/os"),
];

/// Which archive a URL counts as, and the path below the archive's base (without slashes around it).
///
/// Scheme, user information and the scheme's own port do not matter; another port is another server.
pub fn archive_of(url: &str) -> Option<(Archive, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    HOSTS.iter().filter(|(_, pattern, _)| host_matches(&host, pattern)).find_map(|(archive, _, base)| {
        let below = path.strip_prefix(base)?;
        (below.is_empty() || below.starts_with('/')).then(|| (*archive, below.trim_matches('/')))
    })
}

/// Where Alpine publishes its keys.
const AT_ALPINE: &str = "https://alpinelinux.org/keys/";

/// The built-in keys to which the URL of a key file leads, and the name of the one that is meant; apko
/// files name such URLs in `keyring`, and need not be answered from the network.
pub fn builtin_key(url: &str) -> Option<(KeySet, &str)> {
    let name = url.rsplit('/').next().filter(|name| name.ends_with(".rsa.pub"))?;
    if let Some((archive, _)) = archive_of(url) {
        return archive.apk_keys().map(|keys| (keys, name));
    }
    let at_alpine = [AT_ALPINE, "https://git.alpinelinux.org/aports/plain/main/alpine-keys/"];
    at_alpine.iter().any(|base| url.strip_prefix(base) == Some(name)).then_some((KeySet::Alpine, name))
}

/// Where a built-in key of that name is published.
pub fn builtin_key_url(keys: KeySet, name: &str) -> Option<String> {
    match keys {
        KeySet::Alpine => Some(format!("{AT_ALPINE}{name}")),
        KeySet::Wolfi => Some(format!("{}/{name}", Archive::Wolfi.default_url())),
        KeySet::Debian12 | KeySet::Debian13 => None,
    }
}

fn host_matches(host: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => host == pattern,
        Some((before, after)) => host
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|labels| !labels.is_empty()),
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

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::Debian12 => f.write_str("debian-12"),
            Distribution::Debian13 => f.write_str("debian-13"),
            Distribution::Alpine(release) => write!(f, "alpine-{release}"),
            Distribution::Wolfi => f.write_str("wolfi"),
        }
    }
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
    /// By its word: `debian-12`, `debian-13`, `alpine-3.NN`, `alpine-edge`, `wolfi`.
    pub fn by_name(word: &str) -> Option<Distribution> {
        match word {
            "debian-12" => Some(Distribution::Debian12),
            "debian-13" => Some(Distribution::Debian13),
            "wolfi" => Some(Distribution::Wolfi),
            "alpine-edge" => Some(Distribution::Alpine("edge".to_owned())),
            _ => {
                let release = word.strip_prefix("alpine-")?;
                let minor = release.strip_prefix("3.")?;
                let digits = (1..=3).contains(&minor.len()) && minor.bytes().all(|b| b.is_ascii_digit());
                digits.then(|| Distribution::Alpine(release.to_owned()))
            }
        }
    }

    /// The one that an unknown word may mean: by Debian's code name, else by its family's newest release
    /// (a number says nothing of what was meant: `debian-99` is no `debian-12`).
    pub(crate) fn likely(word: &str) -> Option<&'static str> {
        let word = word.to_ascii_lowercase();
        let family = word.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        match (word.as_str(), family) {
            (_, "bookworm")
            | ("debian-bookworm" | "debian12" | "debian:12" | "debian_12" | "oldstable", _) => {
                Some("debian-12")
            }
            (_, "trixie" | "stable" | "debian") => Some("debian-13"),
            (_, "wolfi" | "chainguard") => Some("wolfi"),
            (_, "alpine") => None,
            _ => diag::nearest(family, ["debian", "wolfi"], 1).first().map(|near| match *near {
                "debian" if word.ends_with("12") => "debian-12",
                "debian" => "debian-13",
                _ => "wolfi",
            }),
        }
    }

    /// The world of its packages.
    pub fn world(&self) -> World {
        match self {
            Distribution::Debian12 | Distribution::Debian13 => World::Deb,
            Distribution::Alpine(_) | Distribution::Wolfi => World::Apk,
        }
    }

    /// `VERSION_ID` of Debian's os-release, and its code name; none for apk worlds.
    pub fn debian_release(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Distribution::Debian12 => Some(("12", "bookworm")),
            Distribution::Debian13 => Some(("13", "trixie")),
            _ => None,
        }
    }

    /// Who signs it.
    pub fn keys(&self) -> KeySet {
        match self {
            Distribution::Debian12 => KeySet::Debian12,
            Distribution::Debian13 => KeySet::Debian13,
            Distribution::Alpine(_) => KeySet::Alpine,
            Distribution::Wolfi => KeySet::Wolfi,
        }
    }

    /// The apk repositories that the shorthand stands for, as paths below the archive's base
    /// (`v3.22/main`); empty for deb worlds.
    pub fn apk_repositories(&self) -> Vec<(Archive, String)> {
        match self {
            Distribution::Alpine(release) => {
                let branch = if release == "edge" { "edge".to_owned() } else { format!("v{release}") };
                ["main", "community"].map(|part| (Archive::Alpine, format!("{branch}/{part}"))).to_vec()
            }
            Distribution::Wolfi => vec![(Archive::Wolfi, String::new())],
            _ => Vec::new(),
        }
    }

    /// The architectures that an apk distribution has packages for; none of deb worlds.
    ///
    /// Alpine: the release notes of 3.20 (riscv64) and 3.21 (loongarch64).
    pub(crate) fn apk_archs(&self) -> Option<Vec<&'static str>> {
        let since = match self {
            Distribution::Wolfi => return Some(vec!["amd64", "arm64"]),
            Distribution::Alpine(release) => {
                release.split_once('.').and_then(|(_, minor)| minor.parse().ok())
            }
            _ => return None,
        };
        let has = |first: u32| since.is_none_or(|minor: u32| minor >= first);
        let mut all = vec!["i386", "amd64", "arm64", "armel", "armhf"];
        all.extend(has(21).then_some("loong64"));
        all.push("ppc64el");
        all.extend(has(20).then_some("riscv64"));
        all.push("s390x");
        Some(all)
    }

    /// The suites that the shorthand stands for: release, updates, security; empty for apk worlds.
    pub fn suites(&self) -> Vec<Suite> {
        let Some((_, code)) = self.debian_release() else { return Vec::new() };
        let keys = self.keys();
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
