use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use diag::Reporter;
use image::{Source, TransportError, docker_archive};
use oci::{Digest, Platform, Reference};
use process::{Input, Program};

use crate::EngineError;
use crate::load_image::{choose, unreadable, with_tag};

/// What takes an image archive through a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Importer {
    /// `ctr --namespace NAMESPACE images import -`.
    Containerd {
        /// Kubernetes' own (`k8s.io`) where nothing else is said.
        namespace: String,
    },
    /// `kind load image-archive FILE --name CLUSTER`.
    Kind {
        /// kind's default where there is none.
        cluster: Option<String>,
    },
    /// `k3d image import FILE --cluster CLUSTER`.
    K3d {
        /// k3d's default where there is none.
        cluster: Option<String>,
    },
}

/// Kubernetes' images are in this namespace of containerd.
const KUBERNETES: &str = "k8s.io";
/// Unpacking on several nodes takes a while.
const PATIENT: Duration = Duration::from_secs(600);

impl FromStr for Importer {
    type Err = EngineError;

    /// Reads `containerd[:NAMESPACE]`, `kind[:CLUSTER]` or `k3d[:CLUSTER]`.
    fn from_str(text: &str) -> Result<Importer, EngineError> {
        let refuse = |why| EngineError::NoImporter { text: text.to_owned(), why };
        let (what, name) = text.split_once(':').map_or((text, None), |(what, name)| (what, Some(name)));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // What begins with a hyphen would be a flag to the command.
        if name.is_some_and(|n| n.is_empty() || n.starts_with('-') || !n.chars().all(plain)) {
            return Err(refuse("the name after the colon is none"));
        }
        let cluster = name.map(str::to_owned);
        match what {
            "containerd" => {
                Ok(Importer::Containerd { namespace: cluster.unwrap_or_else(|| KUBERNETES.to_owned()) })
            }
            "kind" => Ok(Importer::Kind { cluster }),
            "k3d" => Ok(Importer::K3d { cluster }),
            _ => Err(refuse("nothing of that name takes images")),
        }
    }
}

impl fmt::Display for Importer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Importer::Containerd { namespace } => write!(f, "containerd's namespace {namespace}"),
            Importer::Kind { cluster: Some(cluster) } => write!(f, "the kind cluster {cluster}"),
            Importer::Kind { cluster: None } => f.write_str("kind"),
            Importer::K3d { cluster: Some(cluster) } => write!(f, "the k3d cluster {cluster}"),
            Importer::K3d { cluster: None } => f.write_str("k3d"),
        }
    }
}

impl Importer {
    /// Brings the image `name` of `source`, of that platform or of its only one, there under `names` (`latest`
    /// where one has no tag); gives the digest of its config. `dir` is a directory of ours, for commands
    /// that read a file: it has the archive while they run.
    ///
    /// # Errors
    /// The image cannot be read or has no such platform; there is no such command, or it fails, in its own
    /// words; the user stopped it.
    pub fn load_image(
        &self,
        source: &dyn Source,
        name: &str,
        platform: Option<&Platform>,
        names: &[Reference],
        dir: &Path,
        reporter: &dyn Reporter,
    ) -> Result<Digest, EngineError> {
        let names = names.iter().map(with_tag).collect::<Result<Vec<_>, _>>()?;
        let id = choose(source, name, platform)?.config.digest;
        match self {
            Importer::Containerd { .. } => {
                let mut failed = None;
                let mut write = |out: &mut dyn io::Write| {
                    let written = docker_archive::write(source, name, platform, &names, out);
                    written.map(drop).map_err(|error| {
                        let shown = io::Error::other(error.to_string());
                        failed = Some(error);
                        shown
                    })
                };
                let ran = self.run(name, None, Input::Stream(&mut write), reporter);
                match (ran, failed) {
                    // The cause itself, not that the command was ended for it.
                    (Err(EngineError::Command { source, .. }), Some(error))
                        if matches!(*source, process::ProcessError::Input { .. }) =>
                    {
                        return Err(unreadable(name, error));
                    }
                    (ran, _) => ran?,
                }
            }
            Importer::Kind { .. } | Importer::K3d { .. } => {
                let archive = docker_archive::pass(source, name, platform, &names, dir);
                let archive = archive.map_err(|e: TransportError| unreadable(name, e))?;
                self.run(name, Some(archive.path()), Input::Nothing, reporter)?;
            }
        }
        Ok(id)
    }

    fn run(
        &self,
        image: &str,
        file: Option<&Path>,
        input: Input<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(), EngineError> {
        let program = self.program();
        let place = self.to_string();
        let command = self.command(file).within(PATIENT);
        let task = reporter.task(&format!("loading into {place}"), None, diag::Unit::Items);
        let ran = command.run(input, reporter);
        drop(task);
        let ran = ran.map_err(|error| match error {
            process::ProcessError::Stopped(stopped) => EngineError::Stopped(stopped),
            error => EngineError::Command {
                image: image.to_owned(),
                place: place.clone(),
                program,
                source: Box::new(error),
            },
        })?;
        if ran.is_good() {
            return Ok(());
        }
        Err(EngineError::Import { image: image.to_owned(), place, program, said: ran.complaint() })
    }

    fn program(&self) -> &'static str {
        match self {
            Importer::Containerd { .. } => "ctr",
            Importer::Kind { .. } => "kind",
            Importer::K3d { .. } => "k3d",
        }
    }

    fn command(&self, file: Option<&Path>) -> Program {
        let program = Program::new(self.program());
        let file = file.map(Path::as_os_str).unwrap_or_else(|| "-".as_ref());
        let (words, flag, cluster) = match self {
            Importer::Containerd { namespace } => {
                return program.words(["--namespace", namespace, "images", "import", "-"]);
            }
            Importer::Kind { cluster } => (["load", "image-archive"], "--name", cluster),
            Importer::K3d { cluster } => (["image", "import"], "--cluster", cluster),
        };
        let program = program.words(words).word(file);
        match cluster {
            Some(cluster) => program.word(flag).word(cluster),
            None => program,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_follows_load() {
        let kind = |cluster: Option<&str>| Importer::Kind { cluster: cluster.map(str::to_owned) };
        for (text, wanted) in [
            ("kind", kind(None)),
            ("kind:dev", kind(Some("dev"))),
            ("k3d:a.b", Importer::K3d { cluster: Some("a.b".to_owned()) }),
            ("containerd", Importer::Containerd { namespace: "k8s.io".to_owned() }),
            ("containerd:default", Importer::Containerd { namespace: "default".to_owned() }),
        ] {
            assert_eq!(text.parse::<Importer>().unwrap(), wanted, "{text}");
        }
        for bad in ["", "minikube", "kind:", "kind:--name", "kind:a b", "docker"] {
            let error = diag::Diagnostic::from(bad.parse::<Importer>().unwrap_err());
            assert_eq!(error.kind, diag::Kind::Usage);
            assert!(error.hint.as_deref().unwrap().contains("--load=kind[:CLUSTER]"), "{bad}: {error:?}");
        }
    }
}
