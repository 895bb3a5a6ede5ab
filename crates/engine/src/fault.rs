use std::io;
use std::time::Duration;

use diag::{Explain, Kind};

use crate::http::HttpError;

/// Why an engine could not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What names the engine is no address.
    #[error("cannot reach a container engine at `{text}`: {why}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An address of a kind that we do not speak.
    #[error("cannot reach a container engine at {text}: distil does not speak {scheme} to an engine")]
    Transport {
        /// What was given.
        text: String,
        /// `ssh`, `https` …
        scheme: String,
    },
    /// The chosen Docker context is not there, or says nothing.
    #[error("cannot use the Docker context `{name}`: {why}")]
    Context {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody answers.
    #[error("cannot find a container engine: neither Docker nor Podman answers")]
    None {
        /// Each place that was tried: the endpoint, whence it was known, and what happened.
        tried: Vec<String>,
    },
    /// There is one, but not for this user.
    #[error("cannot use the container engine at {at}: permission denied")]
    Denied {
        /// The endpoint.
        at: String,
        /// Each place that was tried, as in [`EngineError::None`].
        tried: Vec<String>,
    },
    /// The conversation broke off.
    #[error("cannot {verb}: {source}")]
    Http {
        /// What was to be done, as `load the image into Docker at /run/docker.sock`.
        verb: String,
        /// What happened.
        source: HttpError,
    },
    /// The engine understood and refuses.
    #[error("cannot {verb}: the engine says: {said} (HTTP status {status})")]
    Refused {
        /// What was to be done.
        verb: String,
        /// HTTP's status.
        status: u16,
        /// The engine's own words.
        said: String,
    },
    /// The engine began, and failed: its disk is full, the archive is not to its taste.
    #[error("cannot {verb}: the engine says: {said}")]
    Failed {
        /// What was to be done.
        verb: String,
        /// The engine's own words.
        said: String,
    },
    /// The answer is not one of the engine API.
    #[error("cannot {verb}: the answer is not one of the Docker Engine API: {why}")]
    Answer {
        /// What was to be done.
        verb: String,
        /// What is strange.
        why: String,
    },
    /// A container did not end.
    #[error("cannot run {image}: it did not end within {} s, and is stopped now", limit.as_secs())]
    Unending {
        /// The image.
        image: String,
        /// How long it was given.
        limit: Duration,
    },
}

impl EngineError {
    pub(crate) fn answer(verb: &str, why: impl ToString) -> EngineError {
        EngineError::Answer { verb: verb.to_owned(), why: why.to_string() }
    }
}

impl From<EngineError> for io::Error {
    fn from(error: EngineError) -> io::Error {
        io::Error::other(error)
    }
}

impl Explain for EngineError {
    fn kind(&self) -> Kind {
        Kind::Machine
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            EngineError::Address { .. } => "correct DOCKER_HOST (or CONTAINER_HOST), or unset it",
            EngineError::Transport { scheme, .. } if scheme == "ssh" => {
                "forward the socket with `ssh -nNT -L /tmp/engine.sock:/run/docker.sock HOST` and set DOCKER_HOST=unix:///tmp/engine.sock; \
                 or write a file with `-o docker-archive:FILE` and load it there"
            }
            EngineError::Transport { .. } => {
                "use a Unix socket or plain tcp://; or write a file with `-o docker-archive:FILE` and load it there"
            }
            EngineError::Context { .. } => "see `docker context ls`, or name the socket in DOCKER_HOST",
            EngineError::None { .. } => {
                "start one (`systemctl start docker`, or `systemctl --user start podman.socket`), or name its socket in DOCKER_HOST; \
                 `-o docker-archive:FILE` needs no engine"
            }
            EngineError::Denied { .. } => {
                "add yourself to the group that owns the socket (`sudo usermod -aG docker $USER`, then log in anew), \
                 or use Podman or rootless Docker"
            }
            EngineError::Failed { said, .. } | EngineError::Refused { said, .. }
                if said.contains("no space left") =>
            {
                "free space where the engine keeps its images (`docker system df`, `docker system prune`)"
            }
            EngineError::Http { .. } => {
                "look at the engine's own log (`journalctl -u docker`), then run the command again"
            }
            EngineError::Answer { .. } => "is what listens there really Docker or Podman?",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn details(&self) -> Vec<String> {
        match self {
            EngineError::None { tried } | EngineError::Denied { tried, .. } => tried.clone(),
            _ => Vec::new(),
        }
    }
}
