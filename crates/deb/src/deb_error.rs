use std::io;

use bstr::BString;
use rootfs::payload::PayloadError;
use rootfs::tar::TarError;

use crate::archive::{Which, over_limit};

/// Why a package file is refused. One that its index signed and that is refused all the same is
/// malformed, not forged: [`diag::Kind::Input`].
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// The bytes could not be had, or what they go to could not be written.
    #[error("cannot read the package: {0}")]
    Io(#[from] io::Error),
    /// The file does not begin as ar archives do.
    #[error("cannot read the package: it is not an ar archive")]
    NotAr,
    /// A header of ar is malformed.
    #[error("cannot read the package: the ar header at byte {at}: {why}")]
    Header {
        /// Where it begins.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The file stops in the middle.
    #[error("cannot read the package: it stops in the middle")]
    Truncated,
    /// A member is not there.
    #[error("cannot read the package: it has no member {member}")]
    Missing {
        /// Which.
        member: &'static str,
    },
    /// Another member stands where one must.
    #[error("cannot read the package: member {found} stands where {wanted} must")]
    Order {
        /// What is there.
        found: BString,
        /// What must be.
        wanted: &'static str,
    },
    /// A member after data.tar, which another reader might take for the real one.
    #[error("cannot read the package: member {member} follows data.tar")]
    Extra {
        /// Which.
        member: BString,
    },
    /// The format is not 2.x.
    #[error("cannot read the package: its format is {found:?}, not 2.0")]
    Version {
        /// What it says.
        found: BString,
    },
    /// A suffix that we do not know.
    #[error("cannot read the package: member {member} is packed in a way that is not known")]
    Compression {
        /// Which.
        member: BString,
    },
    /// The packed bytes are broken, or ask for more memory than they may.
    #[error("cannot unpack {member}: {source}")]
    Decode {
        /// Which tar.
        member: &'static str,
        /// What the decoder says.
        source: io::Error,
    },
    /// Something follows the end of a packed stream within its member.
    #[error("cannot unpack {member}: there is something after its end")]
    Garbage {
        /// Which tar.
        member: &'static str,
    },
    /// More comes out than may.
    #[error("cannot read the package: {what} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: BString,
        /// The limit.
        limit: u64,
    },
    /// A tar is refused.
    #[error("cannot unpack {member}: {}", cause(.why))]
    Tar {
        /// Which tar.
        member: &'static str,
        /// Why; not the `source`, whose words are in the message already.
        why: TarError,
    },
    /// A member of data.tar is refused for what it is beside the others.
    #[error("cannot unpack data.tar: member `{path}`: {why}")]
    Member {
        /// Its path.
        path: BString,
        /// What is wrong.
        why: &'static str,
    },
    /// The members of data.tar do not make a tree.
    #[error(transparent)]
    Payload(PayloadError),
    /// The control paragraph is not one.
    #[error("cannot read the control file: {why}")]
    Control {
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

impl DebError {
    pub(crate) fn io(which: Which, error: io::Error) -> DebError {
        match over_limit(&error) {
            Some(limit) => DebError::TooLarge { what: which.name().into(), limit },
            None if error.kind() == io::ErrorKind::UnexpectedEof => DebError::Truncated,
            None => DebError::Decode { member: which.name(), source: error },
        }
    }

    /// Tells of errors that came up through the tar reader what they were.
    pub(crate) fn in_member(self, which: Which) -> DebError {
        match self {
            DebError::Tar { why: TarError::TooMuch { what, limit }, .. } if what.contains("content") => {
                DebError::TooLarge { what: which.name().into(), limit }
            }
            DebError::Tar { why: TarError::Io(e), .. } => DebError::io(which, e),
            other => other,
        }
    }
}

/// The tar reader's words without its own "cannot read", which ours already says.
fn cause(error: &TarError) -> String {
    let text = error.to_string();
    text.strip_prefix("cannot read the tar archive: ").unwrap_or(&text).to_owned()
}

impl diag::Explain for DebError {
    fn kind(&self) -> diag::Kind {
        match self {
            DebError::Io(_) => diag::Kind::Machine,
            _ => diag::Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            DebError::Io(_) => return None,
            DebError::TooLarge { .. } => {
                "a package that unpacks to far more than its Installed-Size is refused; leave it out, or \
                 report it to whoever built it"
                    .into()
            }
            DebError::Compression { .. } => "repack it with `dpkg-deb -Zxz -b`".into(),
            _ => "the package is malformed: leave it out, or report it to whoever built it".into(),
        })
    }
}
