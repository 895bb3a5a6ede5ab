//! Where an image goes: skopeo's transport names (containers-transports(5)).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use diag::{Explain, Kind};
use oci::Reference;

use crate::image_name::{ImageName, ImageNameError};

/// A place that a build writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `oci:DIR[:TAG]`: an OCI layout directory.
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The tag in it; without one, the image's name.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: a tar of an OCI layout.
    LayoutArchive {
        /// The file.
        file: PathBuf,
        /// The tag in it.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:REF]`: what `docker load` reads.
    DockerArchive {
        /// The file.
        file: PathBuf,
        /// The name in it.
        reference: Option<Reference>,
    },
    /// What `apko build` writes: a docker archive of every platform, each an image of its own that is
    /// called NAME:TAG-ARCHITECTURE. No text names it.
    ArchiveOfEach {
        /// The file.
        file: PathBuf,
        /// NAME:TAG.
        reference: Reference,
    },
    /// What `apko build` writes into a directory: an OCI layout whose index is the image's own. No text
    /// names it.
    LayoutOfOne {
        /// The directory.
        dir: PathBuf,
    },
    /// `docker://REF`: a registry.
    Registry {
        /// The name there, whole.
        reference: Reference,
    },
    /// `docker-daemon:REF`: a running Docker or Podman.
    Daemon {
        /// The name there.
        reference: Reference,
    },
    /// `--load=kind` and its like: every image under its own names. No `-o` names it.
    Importer {
        /// What takes them.
        importer: engine::Importer,
    },
}

impl Target {
    /// The file that it becomes, and the target's name for messages; none of directories and engines.
    pub(crate) fn file(&self) -> Option<(String, &Path)> {
        let (transport, file) = match self {
            Target::LayoutArchive { file, .. } => ("oci-archive:", file),
            Target::DockerArchive { file, .. } => ("docker-archive:", file),
            Target::ArchiveOfEach { file, .. } => ("", file),
            Target::Layout { .. }
            | Target::LayoutOfOne { .. }
            | Target::Registry { .. }
            | Target::Daemon { .. }
            | Target::Importer { .. } => return None,
        };
        Some((format!("{transport}{}", file.display()), file))
    }
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No transport that we write to.
    #[error("cannot write to `{text}`: it names no place that distil build writes to")]
    Transport {
        /// What was given.
        text: String,
    },
    /// The transport has no path or name after it.
    #[error("cannot write to `{text}`: the {what} is missing after the colon")]
    Missing {
        /// What was given.
        text: String,
        /// `directory`, `file` or `name`.
        what: &'static str,
    },
    /// The name after the path is not one.
    #[error("cannot write to `{text}`: {why}")]
    Name {
        /// What was given.
        text: String,
        /// Why not.
        why: String,
    },
}

impl Explain for TargetError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            TargetError::Transport { .. } | TargetError::Missing { .. } => Some(
                "use docker://REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF] or docker-daemon:REF"
                    .to_owned(),
            ),
            TargetError::Name { .. } => None,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        let name: ImageName = text.parse().map_err(|e| TargetError::from_name(text, e))?;
        Target::of(name).ok_or_else(|| TargetError::Transport { text: text.to_owned() })
    }
}

impl Target {
    /// The place that an image's name means; none of the local store, where every build goes anyway.
    fn of(name: ImageName) -> Option<Target> {
        match name {
            ImageName::Layout { dir, tag } => Some(Target::Layout { dir, tag }),
            ImageName::LayoutArchive { file, tag } => Some(Target::LayoutArchive { file, tag }),
            ImageName::DockerArchive { file, reference, at: None } => {
                Some(Target::DockerArchive { file, reference })
            }
            ImageName::Daemon(reference) => Some(Target::Daemon { reference }),
            ImageName::Registry(reference) => Some(Target::Registry { reference }),
            // What counts images that are there names none that is to be.
            ImageName::DockerArchive { at: Some(_), .. } | ImageName::Stored(_) => None,
        }
    }
}

impl TargetError {
    fn from_name(text: &str, error: ImageNameError) -> TargetError {
        let text = text.to_owned();
        match error {
            ImageNameError::Transport { .. } => TargetError::Transport { text },
            ImageNameError::Missing { what, .. } => TargetError::Missing { text, what },
            ImageNameError::Host { .. } => {
                TargetError::Name { text, why: "it names a registry, and no repository in it".to_owned() }
            }
            ImageNameError::Name { why, .. } => TargetError::Name { text, why },
            ImageNameError::Path { .. } => TargetError::Name { text, why: "it looks like a path".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_skopeos_names() {
        let layout =
            |dir: &str, tag: Option<&str>| Target::Layout { dir: dir.into(), tag: tag.map(str::to_owned) };
        assert_eq!("oci:out".parse(), Ok(layout("out", None)));
        assert_eq!("oci:/a/b:1.0".parse(), Ok(layout("/a/b", Some("1.0"))));
        assert_eq!("oci:out:acme/app:1.0".parse(), Ok(layout("out", Some("acme/app:1.0"))));
        assert!(matches!(
            "docker-archive:x.tar:a/b:1".parse(),
            Ok(Target::DockerArchive { reference: Some(_), .. })
        ));
        let on = Target::Registry { reference: "ghcr.io/a/b:1".parse().unwrap() };
        assert_eq!("docker://ghcr.io/a/b:1".parse(), Ok(on.clone()));
        assert_eq!("ghcr.io/a/b:1".parse(), Ok(on));
        for bad in ["out", "oci:", "docker-archive:", "docker-daemon:", "docker-archive:x:B"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
