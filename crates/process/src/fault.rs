use std::io;
use std::time::Duration;

use diag::{Cancelled, Explain, Kind};

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is none of that name.
    #[error("cannot run {program}: there is no such program in PATH")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It is there and does not start.
    #[error("cannot run {program}: {error}")]
    Start {
        /// Its name.
        program: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// It took too long, and was ended with all that it had started.
    #[error("cannot wait for {program}: it did not end within {} s, and is stopped now", limit.as_secs_f32())]
    Late {
        /// Its name.
        program: String,
        /// How long it was given.
        limit: Duration,
    },
    /// It wrote more than was expected of it, and was ended.
    #[error("cannot use the answer of {program}: it is longer than {limit} bytes")]
    Talkative {
        /// Its name.
        program: String,
        /// How much it was given.
        limit: usize,
    },
    /// What it was to read could not be made; it was ended before it saw an end.
    #[error("cannot give {program} its input: {error}")]
    Input {
        /// Its name.
        program: String,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// The user stopped it.
    #[error(transparent)]
    Stopped(Cancelled),
}

impl Explain for ProcessError {
    fn kind(&self) -> Kind {
        Kind::Machine
    }

    fn hint(&self) -> Option<String> {
        match self {
            ProcessError::Missing { program } => {
                Some(format!("install {program}, or put its directory into PATH"))
            }
            ProcessError::Start { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("look at its mode: it must be executable".to_owned())
            }
            ProcessError::Late { program, .. } => {
                Some(format!("run {program} by hand to see what it waits for"))
            }
            _ => None,
        }
    }
}
