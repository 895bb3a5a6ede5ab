use std::io;
use std::time::Duration;

use diag::{Cancelled, Explain, Kind};
use image::TransportError;
use oci::Digest;
use process::ProcessError;

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
    /// The image cannot be read.
    #[error("cannot load {image}: {source}")]
    Image {
        /// Its name where it comes from.
        image: String,
        /// What is wrong with it.
        source: Box<TransportError>,
    },
    /// It is not there for that platform, or for several.
    #[error("cannot load {image}{}: it is there for {}", wanted_for(.wanted.as_deref()), list(.platforms))]
    Platform {
        /// Its name where it comes from.
        image: String,
        /// What was asked for.
        wanted: Option<String>,
        /// What there is.
        platforms: Vec<String>,
    },
    /// No image can be given such a name.
    #[error("cannot give an image the name {name}: its digest is what it is")]
    Name {
        /// The name.
        name: String,
    },
    /// The engine says that it took the image, but has none that is equal.
    #[error("cannot load {image}: {engine} took it, but has no image {wanted} now")]
    Another {
        /// Its name where it comes from.
        image: String,
        /// The engine, as [`Engine::describe`](crate::Engine::describe) has it.
        engine: String,
        /// The digest of its config.
        wanted: Digest,
    },
    /// What names an importer is none.
    #[error("cannot load into `{text}`: {why}")]
    NoImporter {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A command that imports images is not there, or was ended.
    #[error("cannot load {image} into {place}: {source}")]
    Command {
        /// The image.
        image: String,
        /// As `the kind cluster dev`.
        place: String,
        /// Its program.
        program: &'static str,
        /// What is wrong.
        source: Box<ProcessError>,
    },
    /// A command that imports images ran, and failed.
    #[error("cannot load {image} into {place}: {program} says: {said}")]
    Import {
        /// The image.
        image: String,
        /// As `the kind cluster dev`.
        place: String,
        /// Its program.
        program: &'static str,
        /// Its own words.
        said: String,
    },
    /// It has no such image.
    #[error("cannot find the image `{name}` in {engine}")]
    NoImage {
        /// The name.
        name: String,
        /// The engine, as [`Engine::describe`](crate::Engine::describe) has it.
        engine: String,
        /// Names that it has.
        known: Vec<String>,
    },
    /// What the engine gives cannot be kept here.
    #[error("cannot keep a copy of {image} while it is read: {error}")]
    Keep {
        /// The image.
        image: String,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// The user stopped it.
    #[error(transparent)]
    Stopped(Cancelled),
    /// A container did not end.
    #[error("cannot run {image}: it did not end within {} s, and is stopped now", limit.as_secs())]
    Unending {
        /// The image.
        image: String,
        /// How long it was given.
        limit: Duration,
    },
}

fn wanted_for(platform: Option<&str>) -> String {
    platform.map(|p| format!(" for {p}")).unwrap_or_default()
}

fn list(platforms: &[String]) -> String {
    if platforms.is_empty() { "no platform".to_owned() } else { platforms.join(", ") }
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
        match self {
            EngineError::Image { source, .. } => source.kind(),
            EngineError::Platform { .. } | EngineError::Name { .. } | EngineError::NoImporter { .. } => {
                Kind::Usage
            }
            EngineError::NoImage { .. } => Kind::Input,
            _ => Kind::Machine,
        }
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
            EngineError::Platform { wanted: None, .. } => "an engine takes one: choose it with --arch",
            EngineError::Platform { .. } => "build it for that platform, or load another with --arch",
            EngineError::Name { .. } => "leave out the `@` and what follows",
            EngineError::Another { .. } => "something else may load or prune images there: load it again",
            EngineError::Image { source, .. } => return source.hint(),
            EngineError::NoImage { name, known, .. } => {
                let near =
                    diag::nearest(name, known.iter().map(String::as_str), 1).first().map(|n| n.to_string());
                return Some(match near {
                    Some(near) => format!("there is `{near}`; `docker images` lists all"),
                    None => format!(
                        "`docker images` lists what there is; an image of a registry is called docker://{name}"
                    ),
                });
            }
            EngineError::NoImporter { .. } => {
                "write --load, --load=containerd[:NAMESPACE], --load=kind[:CLUSTER] or --load=k3d[:CLUSTER]"
            }
            EngineError::Command { program, source, .. } => {
                let missing = matches!(**source, ProcessError::Missing { .. });
                return match missing {
                    true => Some(format!(
                        "install {program}, or put it into PATH; `-o docker-archive:FILE` writes what it would import"
                    )),
                    false => source.hint(),
                };
            }
            EngineError::Import { program: "ctr", said, .. } if said.contains("permission denied") => {
                "containerd's socket is root's: run as root, or write `-o docker-archive:FILE` and import that"
            }
            EngineError::Import { program: "ctr", .. } => {
                "is containerd running? CONTAINERD_ADDRESS names its socket where it is not /run/containerd/containerd.sock"
            }
            EngineError::Import { program: "kind", .. } => {
                "`kind get clusters` lists the clusters; choose one with --load=kind:CLUSTER"
            }
            EngineError::Import { .. } => {
                "`k3d cluster list` lists the clusters; choose one with --load=k3d:CLUSTER"
            }
            EngineError::Keep { .. } => "free space in the cache directory, or name another with --cache-dir",
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
