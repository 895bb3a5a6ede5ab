use std::path::{Path, PathBuf};

use oci::Digest;
use serde::Deserialize;

/// A Docker context: a name that stands for an engine (docker-context(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// What would stand in `DOCKER_HOST`; or why that is not known. A context that somebody chose is never
    /// passed over: the next engine would be another than the one that was meant.
    pub host: Result<String, String>,
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

/// Reads the description of the context `name` ([`Context::file`]), where there is one.
pub fn read_context(name: &str, meta_json: Option<&[u8]>) -> Context {
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
    let meta = meta_json.ok_or_else(|| "there is no context of that name".to_owned());
    let meta = meta.and_then(|json| serde_json::from_slice(json).map_err(|e| e.to_string()));
    Context { name: name.to_owned(), host: meta.map(|meta: Meta| meta.endpoints.docker.host) }
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
        let host = |meta: Option<&[u8]>| read_context("x", meta).host;
        assert_eq!(host(Some(meta)).unwrap(), "unix:///run/user/1000/docker.sock");
        let error = host(Some(br#"{"Endpoints":{"kubernetes":{}}}"#)).unwrap_err();
        assert!(error.starts_with("missing field `docker`"), "{error}");
        assert_eq!(host(None).unwrap_err(), "there is no context of that name");
    }
}
