use std::io;
use std::path::{Path, PathBuf};

use diag::{Explain, Kind};
use oci::Digest;

use crate::Mismatch;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system said no.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, `lock` …
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The bytes are not what was expected.
    #[error("cannot keep {what}: {mismatch}")]
    Mismatch {
        /// What was to be kept, as people know it.
        what: String,
        /// How it differs.
        mismatch: Mismatch,
    },
    /// There is no such blob.
    #[error("cannot read blob {digest}: the store does not have it")]
    Absent {
        /// Its name.
        digest: Digest,
    },
    /// A blob is no longer what its name says; it was deleted.
    #[error("cannot use blob {digest}: it was damaged on disk, and is deleted now")]
    Damaged {
        /// Its name.
        digest: Digest,
    },
}

impl StoreError {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { verb, path, source }
    }
}

impl Explain for StoreError {
    fn kind(&self) -> Kind {
        match self {
            StoreError::Io { .. } => Kind::Machine,
            StoreError::Mismatch { mismatch: Mismatch::Malformed(_), .. } => Kind::Input,
            StoreError::Mismatch { .. } => Kind::Trust,
            StoreError::Absent { .. } | StoreError::Damaged { .. } => Kind::Machine,
        }
    }

    fn hint(&self) -> Option<String> {
        let StoreError::Io { verb, source, .. } = self else {
            return match self {
                StoreError::Damaged { .. } => {
                    Some("run the command again; what was damaged is fetched anew".into())
                }
                StoreError::Mismatch { mismatch: Mismatch::Malformed(_), .. } => Some(
                    "these are the bytes that the index names, so every mirror has the same: take another version, \
                     and tell its maker"
                        .into(),
                ),
                _ => None,
            };
        };
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                "free some space (`distil cache prune`), or put the cache elsewhere with --cache-dir".into(),
            ),
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => {
                Some("choose directories that you may write to: --cache-dir, --data-dir, --lock".into())
            }
            // Below /proc a new directory is "not found".
            _ if *verb == "make" => Some(
                "no directory can be made there; choose others with --cache-dir, --data-dir, --lock".into(),
            ),
            _ => None,
        }
    }
}
