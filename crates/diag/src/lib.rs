//! What people are told: diagnostics (what failed, why, what to do) and progress.
//!
//! A room's error enum implements [`Explain`] beside its definition; [`Diagnostic`] is the common
//! value that the binary renders and maps to an exit code. Nothing here prints: the binary owns the
//! terminal. The price: every error enum says its [`Kind`] itself.

use std::error::Error;
use std::fmt;

mod bytes;
mod nearest;
mod progress;
mod secret;

pub use bytes::bytes;
pub use nearest::nearest;
pub use progress::{Cancelled, Note, Reporter, Silent, Task, TaskId, Unit};
pub use secret::Secret;

/// What sort of failure it is; the binary maps it to the documented exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Findings, or tests that failed (exit 1).
    Findings,
    /// The command line (2).
    Usage,
    /// The recipe or another input, policy and `--locked` drift too (3).
    Input,
    /// Network, mirror or registry; a pin gone from everywhere (4).
    Network,
    /// Hash, signature, expiry, rollback (5).
    Trust,
    /// No solution; two packages on one path (6).
    Unsatisfiable,
    /// Disk, permissions, no engine (7).
    Machine,
    /// Our bug (70).
    Internal,
}

/// Beside each error enum: its kind and what to do about it.
///
/// The message itself is `Display` in the grammar "cannot <verb> <object>: <cause>", lower case, no
/// full stop; causes that have a type of their own are `source()`.
pub trait Explain: Error {
    /// What sort of failure.
    fn kind(&self) -> Kind;
    /// What the user can do, in one sentence.
    fn hint(&self) -> Option<String> {
        None
    }
    /// Lines between message and hint: a chain of reasons, a list of what is missing.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }
    /// Where in the user's file.
    fn excerpt(&self) -> Option<Excerpt> {
        None
    }
}

/// A place in a user's file, with the line itself, so that rendering needs no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters the caret underlines, at least 1.
    pub width: u32,
    /// The text of the line.
    pub text: String,
    /// Said beside the caret.
    pub label: Option<String>,
}

/// A failure, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Report>);

/// The parts of a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its kind.
    pub kind: Kind,
    /// "cannot <verb> <object>".
    pub message: String,
    /// The chain of causes, nearest first.
    pub causes: Vec<String>,
    /// Lines of detail.
    pub details: Vec<String>,
    /// The place in a file.
    pub excerpt: Option<Excerpt>,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic of only a kind and a message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Diagnostic {
        Diagnostic(Box::new(Report {
            kind,
            message: message.into(),
            causes: Vec::new(),
            details: Vec::new(),
            excerpt: None,
            hint: None,
        }))
    }

    /// The same of another sort: what fails below may be somebody else's fault here.
    pub fn of_kind(mut self, kind: Kind) -> Diagnostic {
        self.0.kind = kind;
        self
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same with a line of detail.
    pub fn detail(mut self, line: impl Into<String>) -> Diagnostic {
        self.0.details.push(line.into());
        self
    }

    /// The same with what we were doing put before it: the old message becomes the first cause.
    pub fn while_doing(mut self, message: impl Into<String>) -> Diagnostic {
        let inner = std::mem::replace(&mut self.0.message, message.into());
        self.0.causes.insert(0, inner);
        self
    }
}

impl std::ops::Deref for Diagnostic {
    type Target = Report;
    fn deref(&self) -> &Report {
        &self.0
    }
}

impl<E: Explain> From<E> for Diagnostic {
    fn from(error: E) -> Diagnostic {
        let message = error.to_string();
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // An enum that already shows its source in its own message is not repeated.
            if !message.contains(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        Diagnostic(Box::new(Report {
            kind: error.kind(),
            message,
            causes,
            details: error.details(),
            excerpt: error.excerpt(),
            hint: error.hint(),
        }))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}
