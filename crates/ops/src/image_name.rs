//! What an image is called on the command line: skopeo's transports (containers-transports(5)), a bare
//! `HOST/REPOSITORY` for a registry, and any other bare name for the local store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use diag::{Explain, Kind};
use oci::Reference;

/// Docker's own registry, as names write it; its host is another (`registry-1.docker.io`).
const DOCKER_HUB: &str = "docker.io";

/// Where Docker Hub keeps the images whose names have one word.
const OFFICIAL: &str = "library";

/// A place that holds an image, or is to hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageName {
    /// `NAME[:TAG]`, or `store:NAME[:TAG]`: in the local image store.
    Stored(String),
    /// `docker://REGISTRY/REPOSITORY[:TAG][@DIGEST]`, or the same without `docker://` where the first word
    /// is a host. The registry is never left out.
    Registry(Reference),
    /// `oci:DIR[:TAG]`: an OCI layout directory.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The name in it, or a digest.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: a tar of an OCI layout.
    LayoutArchive {
        /// The file.
        file: PathBuf,
        /// The name in it.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:REF|:@N]`: what `docker save` writes and `docker load` reads.
    DockerArchive {
        /// The file.
        file: PathBuf,
        /// The name in it, or the digest of a config: both are spelled alike.
        reference: Option<Reference>,
        /// `@N`, as skopeo has it: which of its images, from 0, where names do not tell them apart.
        at: Option<usize>,
    },
    /// `docker-daemon:REF`: in a running Docker or Podman.
    Daemon(Reference),
}

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageNameError {
    /// No transport of that name.
    #[error("cannot understand `{text}`: there is no transport `{transport}`")]
    Transport {
        /// What was given.
        text: String,
        /// The word before the colon.
        transport: String,
    },
    /// The transport has no path or name after it.
    #[error("cannot understand `{text}`: the {what} is missing after the colon")]
    Missing {
        /// What was given.
        text: String,
        /// `directory`, `file` or `name`.
        what: &'static str,
    },
    /// A path without a transport.
    #[error("cannot understand `{text}`: it looks like a path, and not like the name of an image")]
    Path {
        /// What was given.
        text: String,
    },
    /// A registry, without a repository.
    #[error("cannot understand `{text}`: it names a registry, and no repository in it")]
    Host {
        /// What was given.
        text: String,
        /// The registry: a host, perhaps with its port.
        host: String,
    },
    /// The name is not one.
    #[error("cannot understand `{text}`: {why}")]
    Name {
        /// What was given.
        text: String,
        /// Why not.
        why: String,
    },
}

/// The transports, as hints list them.
const TRANSPORTS: &str = "use REGISTRY/REPOSITORY:TAG, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], \
     docker-daemon:REF, or the name of an image in the local store (`distil ls` lists them)";

impl Explain for ImageNameError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        if let ImageNameError::Name { text, .. } = self
            && let Some((_, bare)) = text.rsplit_once("...@")
        {
            let host = bare.split('/').next().unwrap_or_default();
            return Some(format!("`distil login {host}` keeps a login; the name is {bare}"));
        }
        if let ImageNameError::Host { host, .. } = self {
            return Some(format!("name one of its repositories: docker://{host}/REPOSITORY"));
        }
        if let ImageNameError::Name { text, why } = self
            && text.contains("@sha")
            && why.contains("is not a digest")
        {
            return Some("write the whole digest, as `distil inspect` shows it, or a tag".to_owned());
        }
        if let ImageNameError::Path { text } = self {
            return Some(format!(
                "say what is there: oci:{text} (a layout), oci-archive:{text} or docker-archive:{text}"
            ));
        }
        Some(TRANSPORTS.to_owned())
    }
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<ImageName, ImageNameError> {
        let missing = |what| ImageNameError::Missing { text: text.to_owned(), what };
        let Some((transport, rest)) = text.split_once(':') else { return bare(text) };
        match transport {
            "oci" | "oci-archive" => {
                let (path, tag) = path_and_name(rest);
                if path.is_empty() {
                    return Err(missing(if transport == "oci" { "directory" } else { "file" }));
                }
                let (path, tag) = (PathBuf::from(path), tag.map(str::to_owned));
                Ok(match transport {
                    "oci" => ImageName::Layout { dir: path, tag },
                    _ => ImageName::LayoutArchive { file: path, tag },
                })
            }
            "docker-archive" => {
                let (path, name) = path_and_name(rest);
                if path.is_empty() {
                    return Err(missing("file"));
                }
                let file = PathBuf::from(path);
                if let Some(at) = name.and_then(|n| n.strip_prefix('@')?.parse().ok()) {
                    return Ok(ImageName::DockerArchive { file, reference: None, at: Some(at) });
                }
                let reference = name.map(|n| reference(text, n)).transpose()?;
                Ok(ImageName::DockerArchive { file, reference, at: None })
            }
            "docker-daemon" | "store" | "docker" if rest.trim_start_matches('/').is_empty() => {
                Err(missing("name"))
            }
            "docker-daemon" => Ok(ImageName::Daemon(reference(text, rest)?)),
            "store" => reference(text, rest).map(|_| ImageName::Stored(rest.to_owned())),
            "docker" => match rest.strip_prefix("//") {
                Some(name) => {
                    let reference = reference(text, name)?;
                    if let Some(host) = host_alone(name) {
                        return Err(ImageNameError::Host { text: text.to_owned(), host });
                    }
                    Ok(ImageName::Registry(on_a_registry(reference)))
                }
                // `docker:27` is an image of the local store, as any other word would be.
                None => bare(text),
            },
            "dir" | "docker-tarball" | "containers-storage" | "http" | "https" | "ostree" | "sif"
            | "tarball" => {
                let text = match rest.rsplit_once('@') {
                    Some((_, bare)) if bare.contains('/') => format!("{transport}:...@{bare}"),
                    _ => text.to_owned(),
                };
                Err(ImageNameError::Transport { text, transport: transport.to_owned() })
            }
            _ => bare(text),
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, name: Option<String>| match name {
            Some(name) => write!(f, ":{name}"),
            None => Ok(()),
        };
        match self {
            ImageName::Stored(name) if is_registry(name) => write!(f, "store:{name}"),
            ImageName::Stored(name) => f.write_str(name),
            ImageName::Registry(reference) => write!(f, "docker://{reference}"),
            ImageName::Layout { dir, tag } => {
                write!(f, "oci:{}", dir.display())?;
                with(f, tag.clone())
            }
            ImageName::LayoutArchive { file, tag } => {
                write!(f, "oci-archive:{}", file.display())?;
                with(f, tag.clone())
            }
            ImageName::DockerArchive { file, reference, at } => {
                write!(f, "docker-archive:{}", file.display())?;
                with(f, at.map(|at| format!("@{at}")))?;
                with(f, reference.as_ref().map(ToString::to_string))
            }
            ImageName::Daemon(reference) => write!(f, "docker-daemon:{reference}"),
        }
    }
}

impl ImageName {
    /// A name of the verbs that work on the local store: without a transport it is always meant there, with
    /// one it is what [`FromStr`] makes of it.
    ///
    /// # Errors
    /// It is no name.
    pub fn in_store(text: &str) -> Result<ImageName, ImageNameError> {
        match text.parse()? {
            ImageName::Registry(_) if !text.starts_with("docker://") => {
                Ok(ImageName::Stored(text.to_owned()))
            }
            other => Ok(other),
        }
    }
}

/// A name without a transport: of a registry where its first word is a host, as Docker tells them apart.
fn bare(text: &str) -> Result<ImageName, ImageNameError> {
    // A digest alone names what the local store has under it.
    if text.parse::<oci::Digest>().is_ok() {
        return Ok(ImageName::Stored(text.to_owned()));
    }
    if text.starts_with(['/', '.']) || text.ends_with(".tar") && text.contains('/') {
        return Err(ImageNameError::Path { text: text.to_owned() });
    }
    let reference = reference(text, text)?;
    Ok(match reference.registry {
        Some(_) => ImageName::Registry(on_a_registry(reference)),
        None => ImageName::Stored(text.to_owned()),
    })
}

/// The host, where a name is nothing but one, perhaps with its port. As Docker tells hosts from repositories, where
/// another word follows; no official image of Docker Hub is called so.
pub(crate) fn host_alone(name: &str) -> Option<String> {
    let reference: Reference = name.parse().ok()?;
    let word = &reference.repository;
    let is_host = !word.contains('/') && (word.contains('.') || word == "localhost");
    let port = reference.tag.as_deref().is_none_or(|tag| tag.parse::<u16>().is_ok());
    (reference.registry.is_none() && reference.digest.is_none() && is_host && port).then(|| name.to_owned())
}

/// Whether it is the beginning of a digest, as lists show them.
pub(crate) fn is_cut_digest(text: &str) -> bool {
    let hex = ["sha256:", "sha512:"].iter().find_map(|sort| text.strip_prefix(sort));
    let is_hex = |hex: &str| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit());
    hex.is_some_and(is_hex) && text.parse::<oci::Digest>().is_err()
}

pub(crate) fn is_registry(name: &str) -> bool {
    name.parse::<Reference>().is_ok_and(|r| r.registry.is_some())
}

/// The whole name of an image on a registry, as Docker completes it: Docker Hub where no registry is named,
/// and there `library/` before a single word.
pub fn on_a_registry(mut reference: Reference) -> Reference {
    let registry = match reference.registry.take().as_deref() {
        None | Some("index.docker.io" | "registry-1.docker.io") => DOCKER_HUB.to_owned(),
        Some(other) => other.to_owned(),
    };
    if registry == DOCKER_HUB && !reference.repository.contains('/') {
        reference.repository = format!("{OFFICIAL}/{}", reference.repository);
    }
    Reference { registry: Some(registry), ..reference }
}

/// The first colon ends the path, as in skopeo.
fn path_and_name(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once(':') {
        Some((path, "")) => (path, None),
        Some((path, name)) => (path, Some(name)),
        None => (rest, None),
    }
}

fn reference(text: &str, name: &str) -> Result<Reference, ImageNameError> {
    name.parse().map_err(|e: oci::ReferenceError| {
        // What the error repeats of the name has no login in it.
        let prefix = text.strip_suffix(name).unwrap_or_default();
        ImageNameError::Name { text: format!("{prefix}{}", e.text), why: e.why }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ImageName {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn reads_skopeos_names() {
        let layout =
            |dir: &str, tag: Option<&str>| ImageName::Layout { dir: dir.into(), tag: tag.map(str::to_owned) };
        assert_eq!(read("oci:out"), layout("out", None));
        assert_eq!(read("oci:/a/b:1.0"), layout("/a/b", Some("1.0")));
        assert_eq!(read("oci:out:acme/app:1.0"), layout("out", Some("acme/app:1.0")));
        assert!(matches!(
            read("docker-archive:x.tar:a/b:1"),
            ImageName::DockerArchive { reference: Some(_), .. }
        ));
        assert!(matches!(read("docker-daemon:base"), ImageName::Daemon(_)));
        for bad in [
            "",
            "oci:",
            "oci::x",
            "docker-archive:",
            "docker-daemon:",
            "docker://",
            "docker-archive:x:B",
            "docker-archive:x:@",
            "docker-archive:x:@-1",
            "Base",
        ] {
            assert!(bad.parse::<ImageName>().is_err(), "{bad}");
        }
        let error = "dir:out".parse::<ImageName>().unwrap_err();
        assert_eq!(error.to_string(), "cannot understand `dir:out`: there is no transport `dir`");
    }

    #[test]
    fn tells_registries_from_the_store() {
        let on = |text: &str| match read(text) {
            ImageName::Registry(r) => r.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(on("ghcr.io/acme/app:1"), "ghcr.io/acme/app:1");
        assert_eq!(on("localhost:5000/app"), "localhost:5000/app");
        assert_eq!(on("localhost/app"), "localhost/app");
        assert_eq!(on("docker://alpine"), "docker.io/library/alpine");
        assert_eq!(on("docker://acme/app:1"), "docker.io/acme/app:1");
        assert_eq!(on("docker.io/alpine:3"), "docker.io/library/alpine:3");
        assert_eq!(on("index.docker.io/acme/app"), "docker.io/acme/app");
        for name in ["base", "base:nonroot", "acme/app:1", "docker:27", "store:base"] {
            let stored = name.trim_start_matches("store:").to_owned();
            assert_eq!(read(name), ImageName::Stored(stored));
        }
        assert_eq!(read("store:ghcr.io/a/b:1"), ImageName::Stored("ghcr.io/a/b:1".to_owned()));
        let digest = oci::Digest::of(b"x").to_string();
        assert_eq!(read(&digest), ImageName::Stored(digest));
    }

    #[test]
    fn a_host_alone_is_no_image() {
        for name in ["localhost:5000", "localhost", "ghcr.io", "127.0.0.1:5000"] {
            let error = format!("docker://{name}").parse::<ImageName>().unwrap_err();
            assert!(matches!(&error, ImageNameError::Host { host, .. } if host == name), "{error}");
            // Without a transport it may be a name of the store.
            assert_eq!(read(name), ImageName::Stored(name.to_owned()));
        }
        assert!(matches!(read("docker://redis:7"), ImageName::Registry(_)));
        assert!(is_cut_digest("sha256:9f75af03676b") && is_cut_digest("sha512:0"));
        for other in ["sha256:", "sha256:xyz", "base:1", &oci::Digest::of(b"x").to_string()] {
            assert!(!is_cut_digest(other), "{other}");
        }
    }

    #[test]
    fn is_written_as_it_is_read() {
        for text in [
            "base:1",
            "store:ghcr.io/a/b:1",
            "docker://ghcr.io/a/b:1",
            "oci:d:1",
            "oci-archive:f",
            "docker-archive:f:a:1",
            "docker-archive:f:@1",
            "docker-daemon:a:1",
        ] {
            assert_eq!(read(text).to_string(), text);
        }
    }
}
