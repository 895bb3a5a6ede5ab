use std::path::PathBuf;

use crate::{Context, Endpoint, EngineError};

/// A place where an engine may listen, and why we think so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The place.
    pub endpoint: Endpoint,
    /// Whence it is known, for messages: `DOCKER_HOST`, `Docker's own socket` …
    pub because: String,
}

/// What the user's environment says about engines; the binary fills it in.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_TLS_VERIFY` is set and not empty.
    pub docker_tls: bool,
    /// The context that `DOCKER_CONTEXT` or Docker's `config.json` names, if it is not `default`.
    pub docker_context: Option<Context>,
    /// `CONTAINER_HOST`, Podman's counterpart.
    pub container_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
}

/// The places to try, best first. What the user chose is the only one; else the usual sockets, in
/// the order of Docker's command: `DOCKER_HOST`, then a context (`resolveContextName` of docker/cli),
/// then `CONTAINER_HOST`, then Docker's, rootless Docker's, Docker Desktop's and Podman's own sockets.
///
/// # Errors
/// What the user chose is no address, or of a kind that we do not speak.
pub fn candidates(choice: &Choice) -> Result<Vec<Candidate>, EngineError> {
    let set = |text: &Option<String>| text.as_ref().filter(|t| !t.trim().is_empty()).cloned();
    let only = |text: &str, because: String| {
        let endpoint: Endpoint = text.parse()?;
        if choice.docker_tls && matches!(endpoint, Endpoint::Tcp { .. }) {
            return Err(EngineError::Transport { text: text.to_owned(), scheme: "TLS".to_owned() });
        }
        Ok(vec![Candidate { endpoint, because }])
    };
    if let Some(host) = set(&choice.docker_host) {
        return only(&host, "DOCKER_HOST".to_owned());
    }
    if let Some(context) = &choice.docker_context {
        let name = context.name.clone();
        return match &context.host {
            Ok(host) => only(host, format!("the Docker context `{name}`")),
            Err(why) => Err(EngineError::Context { name, why: why.clone() }),
        };
    }
    if let Some(host) = set(&choice.container_host) {
        return only(&host, "CONTAINER_HOST".to_owned());
    }
    let run = |name: &str| choice.runtime_dir.as_ref().map(|dir| dir.join(name));
    let usual = [
        (Some(PathBuf::from("/var/run/docker.sock")), "Docker's own socket"),
        (run("docker.sock"), "rootless Docker's socket"),
        (choice.home.as_ref().map(|h| h.join(".docker/run/docker.sock")), "Docker Desktop's socket"),
        (run("podman/podman.sock"), "Podman's socket of this user"),
        (Some(PathBuf::from("/run/podman/podman.sock")), "Podman's socket of the machine"),
    ];
    let candidate = |(path, because): (Option<PathBuf>, &str)| {
        Some(Candidate { endpoint: Endpoint::Unix(path?), because: because.to_owned() })
    };
    Ok(usual.into_iter().filter_map(candidate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(choice: &Choice) -> Vec<String> {
        candidates(choice).unwrap().iter().map(|c| format!("{} ({})", c.endpoint, c.because)).collect()
    }

    #[test]
    fn what_the_user_chose_is_the_only_place() {
        let context = Context { name: "far".to_owned(), host: Ok("tcp://far:2375".to_owned()) };
        let mut choice = Choice {
            docker_host: Some("unix:///a.sock".to_owned()),
            docker_context: Some(context),
            container_host: Some("unix:///p.sock".to_owned()),
            ..Choice::default()
        };
        assert_eq!(listed(&choice), ["/a.sock (DOCKER_HOST)"]);
        choice.docker_host = Some(String::new());
        assert_eq!(listed(&choice), ["tcp://far:2375 (the Docker context `far`)"]);
        choice.docker_tls = true;
        assert!(matches!(candidates(&choice), Err(EngineError::Transport { .. })));
        choice.docker_context = Some(crate::read_context("typo", None));
        let error = candidates(&choice).unwrap_err().to_string();
        assert_eq!(error, "cannot use the Docker context `typo`: there is no context of that name");
        choice.docker_context = None;
        assert_eq!(listed(&choice), ["/p.sock (CONTAINER_HOST)"]);
    }

    #[test]
    fn else_the_usual_sockets_in_order() {
        let choice = Choice {
            runtime_dir: Some("/run/user/1000".into()),
            home: Some("/home/me".into()),
            ..Choice::default()
        };
        assert_eq!(
            listed(&choice),
            [
                "/var/run/docker.sock (Docker's own socket)",
                "/run/user/1000/docker.sock (rootless Docker's socket)",
                "/home/me/.docker/run/docker.sock (Docker Desktop's socket)",
                "/run/user/1000/podman/podman.sock (Podman's socket of this user)",
                "/run/podman/podman.sock (Podman's socket of the machine)",
            ]
        );
        assert_eq!(listed(&Choice::default()).len(), 2);
    }
}
