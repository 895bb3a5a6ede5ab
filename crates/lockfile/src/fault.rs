use diag::{Excerpt, Explain, Kind};

/// A lock that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It is not TOML, or has unknown keys, or wrong types.
    #[error("cannot read lock {file}: {why}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
        /// Where.
        at: Option<Box<Excerpt>>,
    },
    /// A newer distil wrote it.
    #[error("cannot read lock {file}: its format is {found}, and this distil knows formats up to {known}")]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// An index names what no lock can hold: [`read`](crate::read()) would refuse it, or take it for another.
    #[error("cannot lock {subject}: its `{key}` {why}")]
    Unwritable {
        /// `package libc6`, `suite debian/trixie`.
        subject: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A value that cannot be meant.
    #[error("cannot read lock {file}: `{key}` of {subject} {why}")]
    Value {
        /// The file.
        file: String,
        /// `package libc6`, `suite debian/trixie`.
        subject: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: &'static str,
        /// Where.
        at: Option<Box<Excerpt>>,
    },
}

impl Explain for LockError {
    fn kind(&self) -> Kind {
        Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            LockError::Newer { .. } => "use the distil that wrote it, or a newer one".into(),
            LockError::Unwritable { .. } => {
                "take another version, or another package, and tell whoever made the repository's index"
                    .into()
            }
            _ => "locks are written by `distil lock`; restore the file, or delete it and lock again".into(),
        })
    }

    fn excerpt(&self) -> Option<Excerpt> {
        match self {
            LockError::Syntax { at, .. } | LockError::Value { at, .. } => at.as_deref().cloned(),
            LockError::Newer { .. } | LockError::Unwritable { .. } => None,
        }
    }
}
