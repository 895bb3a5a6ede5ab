use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use oci::{Digest, Hasher};
use serde::{Deserialize, Serialize};

/// One thing that an answer depended on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// A file with this content.
    File {
        /// Its path, absolute or relative to the working directory.
        path: PathBuf,
        /// What the file system said of it.
        stat: Stat,
        /// Its content.
        digest: Digest,
        /// It was changed so shortly before it was read that its times cannot tell a later change:
        /// its content is hashed each time (git's "racily clean").
        racy: bool,
    },
    /// A directory with these names in it.
    Directory {
        /// Its path.
        path: PathBuf,
        /// The digest of its sorted names.
        digest: Digest,
    },
    /// A symbolic link to this.
    Link {
        /// Its path.
        path: PathBuf,
        /// Its target, as written.
        target: PathBuf,
    },
    /// Nothing was there.
    Absent {
        /// The path.
        path: PathBuf,
    },
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    pub(crate) size: u64,
    pub(crate) mtime_ns: i128,
    pub(crate) ctime_ns: i128,
    pub(crate) inode: u64,
    pub(crate) mode: u32,
}

/// The coarsest time stamps that are in use (ext3, HFS+, FAT).
const COARSEST_NS: i128 = 2_000_000_000;

impl Stat {
    #[cfg(unix)]
    pub(crate) fn of(m: &Metadata) -> Stat {
        use std::os::unix::fs::MetadataExt;
        let ns = |s: i64, n: i64| i128::from(s) * 1_000_000_000 + i128::from(n);
        Stat {
            size: m.len(),
            mtime_ns: ns(m.mtime(), m.mtime_nsec()),
            ctime_ns: ns(m.ctime(), m.ctime_nsec()),
            inode: m.ino(),
            mode: m.mode(),
        }
    }

    /// Could the file change after `began` without its times telling?
    pub(crate) fn is_racy(&self, began_ns: i128) -> bool {
        self.mtime_ns.max(self.ctime_ns) > began_ns - COARSEST_NS
    }
}

/// Is it still so?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it was, and its times prove it.
    Same,
    /// As it was, but it had to be hashed to know: worth remembering anew.
    SameByContent,
    /// Not as it was.
    Changed,
}

impl Seen {
    /// The path that it is about.
    pub fn path(&self) -> &Path {
        match self {
            Seen::File { path, .. }
            | Seen::Directory { path, .. }
            | Seen::Link { path, .. }
            | Seen::Absent { path } => path,
        }
    }

    /// Is it about a file's content?
    pub fn is_file(&self) -> bool {
        matches!(self, Seen::File { .. })
    }

    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Seen::Absent { path } => match fs::symlink_metadata(path) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Verdict::Same,
                _ => Verdict::Changed,
            },
            Seen::Link { path, target } => match fs::read_link(path) {
                Ok(now) if now == *target => Verdict::Same,
                _ => Verdict::Changed,
            },
            Seen::Directory { path, digest } => match listing(path) {
                Ok(now) if now == *digest => Verdict::Same,
                _ => Verdict::Changed,
            },
            Seen::File { path, stat, digest, racy } => {
                let Ok(m) = fs::metadata(path) else { return Verdict::Changed };
                let now = Stat::of(&m);
                if now == *stat && !racy {
                    return Verdict::Same;
                }
                if now.size != stat.size || now.mode != stat.mode {
                    return Verdict::Changed;
                }
                match hash_file(path) {
                    Ok(found) if found == *digest => Verdict::SameByContent,
                    _ => Verdict::Changed,
                }
            }
        }
    }
}

pub(crate) fn hash_file(path: &Path) -> std::io::Result<Digest> {
    use std::io::Read;
    let mut file = fs::File::open(path)?;
    let mut hasher = Hasher::sha256();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

pub(crate) fn listing(path: &Path) -> std::io::Result<Digest> {
    use std::os::unix::ffi::OsStrExt;
    let mut names = fs::read_dir(path)?.map(|e| Ok(e?.file_name())).collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    let mut hasher = Hasher::sha256();
    for name in names {
        hasher.update(name.as_bytes());
        hasher.update(&[0]);
    }
    Ok(hasher.finish())
}
