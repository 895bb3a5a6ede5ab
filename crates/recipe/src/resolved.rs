use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use oci::Digest;
use package::Arch;

use crate::archives::Distribution;
use crate::{Ask, At, BaseImage, Group, Overruled, PathChange, Port, Repository, RunAs, RuntimeKey, User};

/// One variant of a recipe after include, variants and defaults: plain values, no spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The variant's name; none is the untagged one (`latest`).
    pub variant: Option<String>,
    /// Which package world all its packages come from.
    pub world: World,
    /// The distribution of the shorthand `distribution:`.
    pub distribution: Option<Distribution>,
    /// The moment of the snapshot archive to which the distribution is pinned.
    pub snapshot: Option<Snapshot>,
    /// Further repositories, in the order of the recipe.
    pub repositories: Vec<Repository>,
    /// apk: repositories for the build only, which the image does not keep.
    pub build_repositories: Vec<Repository>,
    /// apk: repositories that the image keeps for its own package manager, and the build does not use.
    pub runtime_repositories: Vec<Repository>,
    /// Keys that sign the apk repositories of the recipe.
    pub keyring: Vec<KeySource>,
    /// apk: keys for the image's own package manager.
    pub runtime_keyring: Vec<RuntimeKey>,
    /// apk: the image to build upon.
    pub base_image: Option<BaseImage>,
    /// The packages asked for, in order, each text once.
    pub packages: Vec<Ask>,
    /// Names that `!name` removed: they are in no ask, and must not stay in the closure. apk: with the
    /// constraint that may follow (`name<2`), which then is a conflict with those versions.
    pub removed: Vec<String>,
    /// Of which packages only a part is taken, by name.
    pub parts: BTreeMap<String, Part>,
    /// The user's own files, in order.
    pub files: Vec<OwnFile>,
    /// How much of the packages is cut away.
    pub slim: Slim,
    /// Globs of absolute paths that win over `slim`.
    pub keep: Vec<String>,
    /// Globs of absolute paths that are cut besides; `keep` wins over it.
    pub drop: Vec<String>,
    /// What the recipe allows in a word.
    pub allow: BTreeSet<Allow>,
    /// Certificates for the CA bundle and the Java keystore.
    pub certificates: Vec<Certificate>,
    /// apk: whatever provides one of these names has certificates for the CA bundle.
    pub certificate_providers: Vec<String>,
    /// The user of the image; always set in the deb world.
    pub run_as: Option<RunAs>,
    /// Users to add to `/etc/passwd`.
    pub users: Vec<User>,
    /// Groups to add to `/etc/group`.
    pub groups: Vec<Group>,
    /// OCI `Entrypoint`: the shell fragment, s6 or the command.
    pub entrypoint: Option<Vec<String>>,
    /// s6 supervises the services; its package is among the asks.
    pub service_bundle: bool,
    /// The script for `/bin/sh -c`, if the entrypoint is one.
    pub shell_fragment: Option<String>,
    /// apk: lines of `packages` that later ones take the word from; they are still in `packages` and
    /// `removed`, as apko counts them all. See [`Resolved::with_last_words`].
    pub overruled: Vec<Overruled>,
    /// What s6 runs, by name: `/sv/NAME/run` holds `#!/bin/execlineb` and the command.
    pub services: BTreeMap<String, String>,
    /// OCI `Cmd`.
    pub cmd: Option<Vec<String>>,
    /// OCI `Env`, values as they were written.
    pub environment: BTreeMap<String, String>,
    /// OCI `WorkingDir`, absolute.
    pub work_dir: Option<String>,
    /// OCI `StopSignal`.
    pub stop_signal: Option<String>,
    /// OCI `ExposedPorts`.
    pub ports: Vec<Port>,
    /// OCI `Volumes`, absolute.
    pub volumes: Vec<String>,
    /// Changes to the finished tree, in order.
    pub paths: Vec<PathChange>,
    /// OCI `Labels`; apk: the annotations, too.
    pub labels: BTreeMap<String, String>,
    /// Annotations of manifest and index, with what `vcs_url` says.
    pub annotations: BTreeMap<String, String>,
    /// `URL@REVISION` of the recipe's source, as written.
    pub vcs_url: Option<String>,
    /// The architectures to build, each once, in the order of the recipe.
    pub archs: Vec<Arch>,
    /// How the tree is cut into layers.
    pub layering: Layering,
}

impl Resolved {
    /// Without the lines that others take the word from: what apk itself makes of them.
    pub fn with_last_words(&self) -> Resolved {
        let mut last = self.clone();
        let lost = |text: &str| self.overruled.iter().any(|o| o.lost.value == text);
        last.packages.retain(|ask| !lost(&ask.text));
        last.removed.retain(|line| !lost(&format!("!{line}")));
        last
    }

    /// Every file and directory of the user's that the variant names: what a warm build must look at.
    pub fn local_paths(&self) -> Vec<&LocalPath> {
        let files = self.files.iter().filter_map(|file| match &file.body {
            FileBody::Local(path) => Some(path),
            FileBody::Inline(_) | FileBody::Url { .. } => None,
        });
        let certificates = self.certificates.iter().filter_map(|certificate| match certificate {
            Certificate::File(path) => Some(path),
            Certificate::Inline { .. } => None,
        });
        let keys = self.keyring.iter().filter_map(|key| match key {
            KeySource::Local(path) => Some(path),
            KeySource::Url(_) => None,
        });
        let repositories = self.repositories.iter().chain(&self.build_repositories);
        let repositories = repositories.flat_map(Repository::local_paths);
        let base = self.base_image.iter().flat_map(|b| [&b.image, &b.apkindex]);
        files.chain(certificates).chain(keys).chain(repositories).chain(base).collect()
    }
}

/// The world of packages an image is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum World {
    /// Debian and its kin.
    Deb,
    /// Alpine, Wolfi and their kin.
    Apk,
}

impl World {
    /// `deb` or `apk`.
    pub fn as_str(self) -> &'static str {
        match self {
            World::Deb => "deb",
            World::Apk => "apk",
        }
    }
}

/// A moment of a snapshot archive, as `20261101T000000Z`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Snapshot(pub(crate) String);

impl Snapshot {
    /// Reads `20261101T000000Z`: a moment that the calendar has, in UTC.
    pub fn read(text: &str) -> Option<Snapshot> {
        let b = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range).filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse::<u32>().ok()
        };
        if b.len() != 16 || b[8] != b'T' || b[15] != b'Z' {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let time = digits(9..11)? < 24 && digits(11..13)? < 60 && digits(13..15)? < 60;
        ((1..=days).contains(&day) && time).then(|| Snapshot(text.to_owned()))
    }

    /// The text, as the snapshot archive's URLs have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file of the user's, relative to the recipe that names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPath {
    /// As written.
    pub path: String,
    /// The recipe file that wrote it, as it was named.
    pub beside: String,
}

impl LocalPath {
    /// Where to look, in order: beside the recipe, then as written (so: the working directory).
    pub fn candidates(&self) -> Vec<PathBuf> {
        let plain = undotted(&self.path);
        let parent = std::path::Path::new(&self.beside).parent();
        match parent {
            Some(dir) if !plain.is_absolute() && !dir.as_os_str().is_empty() => {
                vec![undotted(dir.join(&self.path)), plain]
            }
            _ => vec![plain],
        }
    }
}

/// Without `.` in between, which would give one file several names. `..` stays: through a symbolic link
/// it leads elsewhere than the text says.
pub(crate) fn undotted(path: impl AsRef<std::path::Path>) -> PathBuf {
    use std::path::Component;
    path.as_ref().components().filter(|c| !matches!(c, Component::CurDir)).collect()
}

/// Where a key file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySource {
    /// A file of the user's.
    Local(LocalPath),
    /// An `https://` URL (apko's form).
    Url(String),
}

/// Which files of a package are taken; the package still owns them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Globs of absolute paths; empty means all.
    pub only: Vec<String>,
    /// Globs of absolute paths that are left out.
    pub drop: Vec<String>,
}

/// A file of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// Absolute path in the image; with `extract`, the directory into which the archive goes.
    pub path: String,
    /// Where the bytes come from.
    pub body: FileBody,
    /// The bytes are an archive whose entries are wanted.
    pub extract: bool,
    /// Permission bits with setuid, setgid and sticky; none: 0644 for inline text and downloads, for a
    /// local file 0755 where its owner may execute it, else 0644 (the umask has no say).
    pub mode: Option<u32>,
    /// Owner; 0 if unset (with `extract`: the archive's).
    pub uid: Option<u32>,
    /// Group; 0 if unset (with `extract`: the archive's).
    pub gid: Option<u32>,
    /// Where the recipe names it.
    pub at: At,
}

/// Where the bytes of an own file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileBody {
    /// Written in the recipe.
    Inline(String),
    /// A local file or directory.
    Local(LocalPath),
    /// Downloaded.
    Url {
        /// `https://` or `http://`.
        url: String,
        /// What the bytes must hash to.
        sha256: Digest,
    },
}

/// A certificate for the CA bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// A PEM file of the user's.
    File(LocalPath),
    /// Written in the recipe (apko's form).
    Inline {
        /// Name of the file it becomes.
        name: String,
        /// PEM.
        content: String,
    },
}

/// How much of the packages is cut away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slim {
    /// Nothing.
    None,
    /// Classes of files that no program reads: documentation and the like.
    Classes,
    /// What is not reached from the roots.
    Reach,
}

/// What a distroless image has not, unless the recipe says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Allow {
    /// A shell.
    Shell,
    /// A package manager.
    PackageManager,
    /// Files with setuid or setgid.
    Setuid,
    /// root as the user of the image.
    Root,
}

impl Allow {
    /// The word in the recipe.
    pub fn as_str(self) -> &'static str {
        match self {
            Allow::Shell => "shell",
            Allow::PackageManager => "package-manager",
            Allow::Setuid => "setuid",
            Allow::Root => "root",
        }
    }
}

/// The largest `budget`: overlayfs, and Docker with it, takes 127 layers, and one is for derived and own files.
pub(crate) const MOST_BUDGET: u32 = 126;

/// How the tree is cut into layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layering {
    /// The strategy.
    pub strategy: Strategy,
    /// Most layers of packages for `package` and `origin`, up to 126.
    pub budget: Option<u32>,
}

/// The ways to cut a tree into layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// One layer.
    Single,
    /// Packages; then derived and own files.
    Split,
    /// One layer per package, up to the budget.
    Package,
    /// One layer per source package (apk: origin), up to the budget.
    Origin,
}
