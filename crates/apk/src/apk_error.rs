use std::{fmt, io};

use bstr::BString;
use oci::Digest;
use package::Sha1;
use rootfs::payload::PayloadError;
use rootfs::tar::TarError;
use trust::RsaVerifyError;

use crate::limits::over_limit;

/// A part of a package or index: each is a gzip stream with a tar archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `.SIGN.*`.
    Signatures,
    /// `.PKGINFO`, scripts.
    Control,
    /// The files.
    Data,
    /// The records of an index.
    Index,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Signatures => "the signatures",
            Part::Control => "the control part",
            Part::Data => "the data",
            Part::Index => "the index",
        })
    }
}

/// Why a package or index of apk's is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApkError {
    /// The bytes could not be had.
    #[error("cannot read the package: {0}")]
    Io(#[from] io::Error),
    /// It is of apk's format 3.
    #[error("cannot read it: it is in format 3 of apk (ADB), and distil reads format 2")]
    Format3,
    /// Something else.
    #[error("cannot read it: it is not an apk file (no gzip stream at its beginning)")]
    NotApk,
    /// Something else where an index is to be.
    #[error("cannot read it: it is no index of apk's ({why})")]
    NotIndex {
        /// What it is instead.
        why: &'static str,
    },
    /// It ends too early.
    #[error("cannot unpack {part}: the file stops in the middle")]
    Truncated {
        /// Where.
        part: Part,
    },
    /// A gzip stream is damaged.
    #[error("cannot unpack {part}: {cause}")]
    Gzip {
        /// Where.
        part: Part,
        /// What the decoder says.
        cause: String,
    },
    /// Something follows the end.
    #[error("cannot unpack {part}: there is something after its end")]
    Garbage {
        /// After what.
        part: Part,
    },
    /// More comes out than may.
    #[error("cannot read {what}: it is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A tar archive is refused.
    #[error("cannot unpack {part}: {}", cause(.why))]
    Tar {
        /// Where.
        part: Part,
        /// Why; not the `source`, whose words are in the message already.
        why: TarError,
    },
    /// A member is refused for what it is beside the others.
    #[error("cannot unpack {part}: member `{path}`: {why}")]
    Member {
        /// Where.
        part: Part,
        /// Its path.
        path: BString,
        /// What is wrong.
        why: &'static str,
    },
    /// What must be there is not.
    #[error("cannot read {part}: it has no {what}")]
    Missing {
        /// Where.
        part: Part,
        /// What.
        what: &'static str,
    },
    /// `.PKGINFO` is malformed.
    #[error("cannot read .PKGINFO: {why}")]
    PkgInfo {
        /// What is wrong.
        why: String,
    },
    /// The package's or index's signature does not vouch.
    #[error(transparent)]
    Signature(#[from] RsaVerifyError),
    /// The control part is not what the index named.
    #[error("cannot trust the package: its control part is {found} where the index has {expected}", found = found.q1(), expected = expected.q1())]
    ControlHash {
        /// `C:` of the index.
        expected: Sha1,
        /// At hand.
        found: Sha1,
    },
    /// The control part was made to have another's SHA-1.
    #[error("cannot trust the package: its control part shows the traces of a SHA-1 collision")]
    Collision,
    /// The data is not what the control part names.
    #[error("cannot trust the package: its data is {found} where .PKGINFO has {expected}")]
    DataHash {
        /// `datahash`.
        expected: Box<Digest>,
        /// At hand.
        found: Box<Digest>,
    },
    /// A file is not what its own header says.
    #[error("cannot unpack /{path}: its SHA-1 is not the one beside it in the archive")]
    FileHash {
        /// The file.
        path: BString,
    },
    /// The members of the data do not make a tree.
    #[error(transparent)]
    Payload(PayloadError),
    /// An index cannot be read.
    #[error("cannot read the index, line {line}: {why}")]
    Index {
        /// Which line of APKINDEX, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// An installed database cannot be read.
    #[error("cannot read the installed database, line {line}: {why}")]
    Database {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The stored form of a package's control files is broken, or of another revision.
    #[error("cannot read the stored control files: {why}")]
    Stored {
        /// What is wrong.
        why: &'static str,
    },
}

impl ApkError {
    /// What an error that came up through the readers of a part was.
    pub(crate) fn io(part: Part, error: io::Error) -> ApkError {
        if let Some(limit) = over_limit(&error) {
            return ApkError::TooLarge { what: part.to_string(), limit };
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ApkError::Truncated { part },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                ApkError::Gzip { part, cause: error.to_string() }
            }
            _ => ApkError::Io(error),
        }
    }

    pub(crate) fn tar(part: Part, error: TarError) -> ApkError {
        match error {
            TarError::Io(error) => ApkError::io(part, error),
            TarError::TooMuch { what, limit } if what.contains("content") => {
                ApkError::TooLarge { what: part.to_string(), limit }
            }
            why => ApkError::Tar { part, why },
        }
    }
}

/// The tar reader's words without its own "cannot read", which ours already says.
fn cause(error: &TarError) -> String {
    let text = error.to_string();
    text.strip_prefix("cannot read the tar archive: ").unwrap_or(&text).to_owned()
}

impl diag::Explain for ApkError {
    fn kind(&self) -> diag::Kind {
        match self {
            ApkError::Io(_) => diag::Kind::Machine,
            ApkError::Signature(error) => error.kind(),
            ApkError::ControlHash { .. } | ApkError::Collision | ApkError::DataHash { .. } => {
                diag::Kind::Trust
            }
            _ => diag::Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            ApkError::Io(_) => return None,
            ApkError::Signature(error) => return error.hint(),
            ApkError::Format3 => {
                "build it with apk-tools 2, abuild or melange, or use a repository of format 2, as all of \
                 Alpine and Wolfi are"
                    .into()
            }
            ApkError::TooLarge { .. } => {
                "a file that unpacks to far more than it says is refused; leave it out, or report it to \
                 whoever built it"
                    .into()
            }
            ApkError::ControlHash { .. } | ApkError::DataHash { .. } | ApkError::Truncated { .. } => {
                "the mirror may be in the middle of an update, or something changed the file on the way; \
                 try again or use another mirror"
                    .into()
            }
            ApkError::Index { .. }
            | ApkError::NotIndex { .. }
            | ApkError::Gzip { part: Part::Index, .. }
            | ApkError::Tar { part: Part::Index, .. }
            | ApkError::Missing { part: Part::Index, .. } => {
                "the index is malformed: make it again (`apk index`), or report it to whoever made it".into()
            }
            _ => "the package is malformed: leave it out, or report it to whoever built it".into(),
        })
    }
}
