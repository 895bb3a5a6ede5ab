//! What the page is made of: plain values, so that any reader of images can fill them.

use bstr::BString;
use serde::Serialize;

use crate::compare::Changes;

/// All that the page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The image.
    pub image: Image,
    /// The image that it is compared with.
    pub against: Option<Before>,
    /// The program that made the page, as `distil 1.0.0`.
    pub program: String,
}

/// The image before, and what changed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The image.
    pub image: Image,
    /// From it to the page's own.
    pub changes: Changes,
}

/// One platform's image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// As the user named it.
    pub name: String,
    /// Digest of the manifest.
    pub digest: String,
    /// The platform shown, as `linux/amd64`.
    pub platform: String,
    /// All platforms that the name leads to.
    pub platforms: Vec<String>,
    /// Time of the config, RFC 3339.
    pub created: Option<String>,
    /// Who made it: a program or a person; empty where nothing says so.
    pub made_by: String,
    /// The distribution in it, as its os-release calls itself; empty without one.
    pub system: String,
    /// How it runs.
    pub config: Config,
    /// Its layers, bottom first.
    pub layers: Vec<Layer>,
    /// Its packages. Files name them by their place here.
    pub packages: Vec<Package>,
    /// Its files after the last layer, in any order. Directories that no layer brings may be left out.
    pub files: Vec<File>,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
}

/// The execution part of an image config, and what else is written on the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Whom the image runs as.
    pub run_as: RunAs,
    /// What always runs.
    pub entrypoint: Vec<String>,
    /// Its default arguments.
    pub cmd: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Where the process starts; empty is `/`.
    pub working_dir: String,
    /// `port/protocol`.
    pub ports: Vec<String>,
    /// Directories to mount volumes on.
    pub volumes: Vec<String>,
    /// The signal that ends the process; empty is SIGTERM.
    pub stop_signal: String,
    /// Docker's health check.
    pub healthcheck: Vec<String>,
    /// Other keys of the config, as Docker's `OnBuild`, and their values as JSON.
    pub others: Vec<(String, String)>,
    /// Labels of the config.
    pub labels: Vec<(String, String)>,
    /// Annotations of the manifest.
    pub annotations: Vec<(String, String)>,
}

/// Whom an image runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunAs {
    /// As the config says it; empty is root.
    pub text: String,
    /// Its number, where it is one or the image's own passwd knows the name.
    pub uid: Option<u32>,
    /// The numbers of its groups.
    pub gids: Vec<u32>,
}

impl RunAs {
    /// Is it root? A name that nobody knows is not taken for root.
    pub fn is_root(&self) -> bool {
        self.uid == Some(0)
    }
}

/// A layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the blob.
    pub digest: String,
    /// Bytes of the blob.
    pub compressed: u64,
    /// Bytes of the tar in it.
    pub unpacked: u64,
    /// The command or rule that made it; empty where nothing says so.
    pub made_by: String,
    /// Paths that it adds, replaces, changes or deletes.
    pub changes: u64,
}

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: String,
    /// Which world it is of: `deb`, `apk`, `rpm`, `python` …
    pub kind: String,
    /// Its licence, where something says so.
    pub licence: String,
    /// Why it is in the image, nearest reason first; empty where nobody wrote that down.
    pub why: Vec<String>,
}

/// What a path is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// Bytes.
    #[default]
    File,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    Hardlink,
    /// A device that is read and written a character at a time.
    CharDevice,
    /// A device of blocks.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// What a program is known for, as the policy of distroless images names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A shell.
    Shell,
    /// Installs packages.
    PackageManager,
}

/// A path of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Its path without a slash in front; bytes, as tar has them.
    pub path: BString,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes; 0 of all but files.
    pub size: u64,
    /// Which of the layers it comes from.
    pub layer: u32,
    /// Which of the packages owns it.
    pub package: Option<u32>,
    /// Where no package owns it: who brought it, as `recipe`; empty where nobody says.
    pub made_by: String,
    /// Where a link leads.
    pub link: Option<BString>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// Has it file capabilities (capabilities(7))?
    pub capabilities: bool,
    /// A shell or a package manager?
    pub role: Option<Role>,
}

impl File {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &[u8] {
        self.path.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }
}

impl Image {
    /// Bytes of all layers as they are fetched.
    pub fn compressed(&self) -> u64 {
        self.layers.iter().map(|l| l.compressed).sum()
    }

    /// Bytes of all files that a container sees.
    pub fn unpacked(&self) -> u64 {
        self.files.iter().map(|f| f.size).sum()
    }

    /// Paths that are no directories.
    pub fn file_count(&self) -> u64 {
        self.files.iter().filter(|f| f.kind != FileKind::Directory).count() as u64
    }

    /// Bytes and number of the files of each package.
    pub(crate) fn owned(&self) -> Vec<(u64, u64)> {
        let mut out = vec![(0, 0); self.packages.len()];
        for file in self.files.iter().filter(|f| f.kind != FileKind::Directory) {
            if let Some(owned) = file.package.and_then(|p| out.get_mut(p as usize)) {
                owned.0 += file.size;
                owned.1 += 1;
            }
        }
        out
    }
}
