use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::DiffId;
use crate::null::null_is_nothing;

/// The image config (image-spec, config.md): what runs, as whom, and from which layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// RFC 3339 time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// GOARCH.
    pub architecture: String,
    /// GOOS.
    pub os: String,
    /// CPU variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Execution parameters.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub config: ContainerConfig,
    /// The layers.
    pub rootfs: RootFs,
    /// How each layer came to be.
    #[serde(default, deserialize_with = "null_is_nothing", skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<History>,
    /// Keys of which nothing is known here: `os.version`, Docker's own (`docker_version`, `container_config`), others'.
    #[serde(flatten, deserialize_with = "without_nulls")]
    pub other: BTreeMap<String, Value>,
}

/// Of keys that are not known a `null` says nothing, either.
fn without_nulls<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Value>, D::Error> {
    let mut all = BTreeMap::<String, Value>::deserialize(d)?;
    all.retain(|_, value| !value.is_null());
    Ok(all)
}

/// Execution parameters (config.md, `config`); Docker's capitalised names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerConfig {
    /// `uid`, `uid:gid` or a name.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `port/protocol`.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=value`.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// What always runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Its default arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Docker's health check; read by Docker and Podman, no part of OCI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Directories to mount volumes on.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Empty>,
    /// Where the process starts.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Free labels.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that ends the process.
    #[serde(deserialize_with = "null_is_nothing", skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Keys of which nothing is known here: Docker's `OnBuild`, `Shell`, `ArgsEscaped`, `StopTimeout` and others.
    #[serde(flatten, deserialize_with = "without_nulls")]
    pub other: BTreeMap<String, Value>,
}

/// `{}`: the value of Docker's sets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// Docker's health check; times are nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["CMD", "/probe", …]`.
    #[serde(deserialize_with = "null_is_nothing")]
    pub test: Vec<String>,
    /// Between two probes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<i64>,
    /// Of one probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<i64>,
    /// During which failures do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<i64>,
    /// Failures in a row until unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Keys of which nothing is known here, as `StartInterval`.
    #[serde(flatten, deserialize_with = "without_nulls")]
    pub other: BTreeMap<String, Value>,
}

/// The layers, bottom first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the uncompressed tars.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub diff_ids: Vec<DiffId>,
}

/// How a layer came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// RFC 3339 time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The command that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// No layer belongs to this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_layer: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_docker_writes_for_nothing() {
        let text = r#"{"architecture":"amd64","os":"linux","history":null,"config":{"User":null,"ExposedPorts":null,
            "Env":null,"Entrypoint":null,"Cmd":["sh"],"Volumes":null,"Labels":null,"OnBuild":null},
            "rootfs":{"type":"layers","diff_ids":null}}"#;
        let config: ImageConfig = serde_json::from_str(text).unwrap();
        let cmd = ContainerConfig { cmd: Some(vec!["sh".to_owned()]), ..ContainerConfig::default() };
        assert_eq!((config.config, config.history.len()), (cmd, 0));
        let bare =
            r#"{"architecture":"amd64","os":"linux","config":null,"rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert_eq!(serde_json::from_str::<ImageConfig>(bare).unwrap().config, ContainerConfig::default());
        let missing = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}"#;
        assert_eq!(serde_json::from_str::<ImageConfig>(missing).unwrap().rootfs.diff_ids, []);
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        let text = r#"{"architecture":"amd64","os":"linux","config":{"User":"7","Healthcheck":{"Test":["CMD","x"],"StartInterval":5},
            "ArgsEscaped":true,"OnBuild":["RUN x"],"Shell":["/bin/sh"],"StopTimeout":0},"rootfs":{"type":"layers","diff_ids":[]},
            "docker_version":"20","os.version":"10.0"}"#;
        let config: ImageConfig = serde_json::from_str(text).unwrap();
        let keys: Vec<&String> = config.config.other.keys().collect();
        assert_eq!(keys, ["ArgsEscaped", "OnBuild", "Shell", "StopTimeout"]);
        let written = String::from_utf8(crate::canonical_json(&config)).unwrap();
        assert_eq!(written, text.replace("\n            ", ""), "as it was, in the same order");
    }
}
