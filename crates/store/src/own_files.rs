use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use oci::{Digest, Hasher};

use crate::regular::{self, MOST_OWN, too_large};
use crate::seen::{Stat, listing};
use crate::{Blobs, ExpectAnything, Seen, StoreError};

/// Reads the user's own files, and remembers which: recipes, locks, keys, certificates, local
/// packages. What it saw becomes the inputs of a memo.
#[derive(Debug)]
pub struct OwnFiles {
    began_ns: i128,
    seen: Mutex<Vec<Seen>>,
}

/// What stands at a path of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, and its target as written.
    Link(PathBuf),
    /// A device, socket or pipe.
    Other,
}

impl Default for OwnFiles {
    fn default() -> OwnFiles {
        OwnFiles::new()
    }
}

impl OwnFiles {
    /// A reader; only what was changed well before now has times that can be believed later.
    pub fn new() -> OwnFiles {
        OwnFiles { began_ns: file_clock(), seen: Mutex::new(Vec::new()) }
    }

    /// The content of a regular file of no more than [`MOST_OWN`] bytes.
    ///
    /// # Errors
    /// As of [`OwnFiles::read_at_most`].
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read_at_most(path, MOST_OWN)
    }

    /// The content of a regular file of no more than `most` bytes: of what somebody else may have laid
    /// there, a pipe that never ends or a file that fills the memory.
    ///
    /// # Errors
    /// As the file system says (that it does not exist is remembered); `FileTooLarge` if it has more,
    /// `InvalidInput` if it is no regular file.
    pub fn read_at_most(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.pass(path, |chunk| {
            if (bytes.len() + chunk.len()) as u64 > most {
                return Err(too_large(most));
            }
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// A regular file's content, of any size, put among the blobs; its digest, size and mode.
    ///
    /// # Errors
    /// It is no regular file or cannot be read, or the blob cannot be written.
    pub fn ingest(&self, path: &Path, blobs: &Blobs) -> Result<(Digest, u64, u32), StoreError> {
        let mut ingest = blobs.ingest(&path.display().to_string(), ExpectAnything { cap: u64::MAX })?;
        let mut failed = None;
        let mode = self.pass(path, |chunk| {
            ingest.write(chunk).map_err(|e| {
                failed = Some(e);
                io::Error::other("the store refuses")
            })
        });
        match (failed, mode) {
            (Some(e), _) => Err(e),
            (None, Err(e)) => Err(StoreError::io("read", path)(e)),
            (None, Ok(mode)) => ingest.commit().map(|(digest, size)| (digest, size, mode)),
        }
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As the file system says.
    pub fn names(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut names =
            fs::read_dir(path)?.map(|e| Ok(PathBuf::from(e?.file_name()))).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        self.note(Seen::Directory { path: path.to_owned(), digest: listing(path)? });
        Ok(names)
    }

    /// What stands at a path, the link itself and not what it leads to.
    ///
    /// # Errors
    /// As the file system says.
    pub fn look(&self, path: &Path) -> io::Result<Standing> {
        let kind = fs::symlink_metadata(path)?.file_type();
        Ok(if kind.is_dir() {
            Standing::Directory
        } else if kind.is_symlink() {
            let target = fs::read_link(path)?;
            self.note(Seen::Link { path: path.to_owned(), target: target.clone() });
            Standing::Link(target)
        } else if kind.is_file() {
            Standing::File
        } else {
            Standing::Other
        })
    }

    /// Notes a file as an input without giving its content (the running program, say).
    ///
    /// # Errors
    /// As the file system says.
    pub fn depend_on(&self, path: &Path) -> io::Result<()> {
        self.pass(path, |_| Ok(())).map(drop)
    }

    /// Forgets what was seen of a path, because we are about to write it ourselves.
    pub fn forget(&self, path: &Path) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.retain(|s| s.path() != path);
        }
    }

    /// What was seen so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().map(|s| s.clone()).unwrap_or_default()
    }

    fn pass(&self, path: &Path, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u32> {
        let (mut file, metadata) = regular::open(path).inspect_err(|e| {
            if e.kind() == io::ErrorKind::NotFound {
                self.note(Seen::Absent { path: path.to_owned() });
            }
        })?;
        let stat = Stat::of(&metadata);
        let mut hasher = Hasher::sha256();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            each(&buffer[..n])?;
        }
        let racy = stat.is_racy(self.began_ns);
        self.note(Seen::File { path: path.to_owned(), stat, digest: hasher.finish(), racy });
        Ok(stat.mode)
    }

    fn note(&self, what: Seen) {
        if let Ok(mut seen) = self.seen.lock()
            && !seen.contains(&what)
        {
            seen.push(what);
        }
    }
}

/// The clock that file times are taken from.
pub(crate) fn file_clock() -> i128 {
    #[cfg(target_os = "linux")]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    #[cfg(not(target_os = "linux"))]
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}
