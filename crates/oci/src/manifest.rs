use serde::{Deserialize, Serialize};

use crate::null::null_is_nothing;
use crate::{Annotations, Descriptor, MediaType};

/// An image manifest (image-spec, manifest.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// The manifest's own type; Docker always writes it, OCI advises to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The type of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// The image config.
    pub config: Descriptor,
    /// The layers, bottom first.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub layers: Vec<Descriptor>,
    /// What this manifest refers to (referrers API).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, deserialize_with = "null_is_nothing", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

/// An image index (image-spec, image-index.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The index's own type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The type of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// One image per platform.
    #[serde(default, deserialize_with = "null_is_nothing")]
    pub manifests: Vec<Descriptor>,
    /// What this index refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Free annotations.
    #[serde(default, deserialize_with = "null_is_nothing", skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn reads_what_go_writes_for_nothing() {
        let part = format!(
            r#"{{"mediaType":"a/b","digest":"{}","size":0,"urls":null,"annotations":null,"platform":null,"artifactType":null}}"#,
            Digest::of(b"")
        );
        let nulls = r#""annotations":null,"subject":null,"mediaType":null"#;
        let manifest: Manifest =
            serde_json::from_str(&format!(r#"{{"schemaVersion":2,"config":{part},"layers":null,{nulls}}}"#))
                .unwrap();
        assert_eq!((manifest.layers.len(), manifest.annotations.len()), (0, 0));
        assert_eq!(manifest.config, Descriptor::of(MediaType::new("a/b"), b""));
        let missing: Manifest =
            serde_json::from_str(&format!(r#"{{"schemaVersion":2,"config":{part}}}"#)).unwrap();
        assert_eq!(missing, manifest);
        let index: Index =
            serde_json::from_str(&format!(r#"{{"schemaVersion":2,"manifests":null,{nulls}}}"#)).unwrap();
        assert_eq!(index, serde_json::from_str(r#"{"schemaVersion":2}"#).unwrap());
        let written = String::from_utf8(crate::canonical_json(&index)).unwrap();
        assert_eq!(written, r#"{"schemaVersion":2,"manifests":[]}"#);
    }
}
