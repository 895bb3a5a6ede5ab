use std::path::{Path, PathBuf};

use oci::Digest;
use serde::Deserialize;

use crate::EngineError;

/// A Docker context: a name that stands for an engine (docker-context(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// What would stand in `DOCKER_HOST`.
    pub host: String,
}

impl Context {
    /// The file that describes the context `name`, below Docker's directory (`~/.docker`): contexts are
    /// kept under the SHA-256 of their names.
    pub fn file(docker_config: &Path, name: &str) -> PathBuf {
        docker_config.join("contexts/meta").join(Digest::of(name.as_bytes()).hex()).join("meta.json")
    }
}

/// The context that Docker's `config.json` chooses; none for `default`, which is no context, and for
/// what cannot be read: Docker's own command says so, and better.
pub fn current_context(config_json: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "currentContext")]
        current: Option<String>,
    }
    let config: Config = serde_json::from_slice(config_json).ok()?;
    config.current.filter(|name| !name.is_empty() && name != "default")
}

/// Reads the description of the context `name` ([`Context::file`]).
///
/// # Errors
/// It is malformed, or has no endpoint for Docker.
pub fn read_context(name: &str, meta_json: &[u8]) -> Result<Context, EngineError> {
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "Endpoints")]
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Docker,
    }
    #[derive(Deserialize)]
    struct Docker {
        #[serde(rename = "Host")]
        host: String,
    }
    let meta: Meta = serde_json::from_slice(meta_json)
        .map_err(|e| EngineError::Context { name: name.to_owned(), why: e.to_string() })?;
    Ok(Context { name: name.to_owned(), host: meta.endpoints.docker.host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_context_as_docker_keeps_it() {
        let config = br#"{"auths": {}, "currentContext": "rootless"}"#;
        assert_eq!(current_context(config).as_deref(), Some("rootless"));
        for none in ["{}", r#"{"currentContext":"default"}"#, r#"{"currentContext":""}"#, "", "[1]"] {
            assert_eq!(current_context(none.as_bytes()), None, "{none}");
        }
        let file = Context::file(Path::new("/home/me/.docker"), "rootless");
        let hash = "12b961af5feb3e9d39f93b2cefb9a1a944f18d02cca0cac2f04f5a982240605f";
        assert_eq!(file, Path::new(&format!("/home/me/.docker/contexts/meta/{hash}/meta.json")));
        let meta = br#"{"Name":"rootless","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///run/user/1000/docker.sock","SkipTLSVerify":false}}}"#;
        assert_eq!(read_context("rootless", meta).unwrap().host, "unix:///run/user/1000/docker.sock");
        let error = read_context("k8s", br#"{"Endpoints":{"kubernetes":{}}}"#).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot use the Docker context `k8s`: missing field `docker`"),
            "{error}"
        );
    }
}
