//! The documented exit codes; the one place where a kind of failure becomes a number.

use std::process::ExitCode;

use diag::Kind;

/// Everything went well.
pub(crate) const DONE: u8 = 0;

/// The user stopped it: what a shell says of a program that SIGINT ended.
pub(crate) const STOPPED: u8 = 130;

/// The exit code of a kind of failure.
pub(crate) fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Findings => 1,
        Kind::Usage => 2,
        Kind::Input => 3,
        Kind::Network => 4,
        Kind::Trust => 5,
        Kind::Unsatisfiable => 6,
        Kind::Machine => 7,
        Kind::Internal => 70,
    }
}

/// The same as the process's status.
pub(crate) fn status(code: u8) -> ExitCode {
    ExitCode::from(code)
}
