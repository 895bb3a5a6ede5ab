use oci::{DiffId, Platform};
use serde::Deserialize;

use crate::engine::encode;
use crate::http::Request;
use crate::{Engine, EngineError};

/// An image that an engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// The engine's id: the digest of the config, or with containerd's image store of the manifest.
    pub id: String,
    /// Names that lead to it.
    pub names: Vec<String>,
    /// What it runs on.
    pub platform: Platform,
    /// Bytes, as the engine counts them.
    pub size: u64,
    /// Its layers.
    pub diff_ids: Vec<DiffId>,
}

impl Engine {
    /// The image of that name or id, if the engine has it.
    ///
    /// # Errors
    /// The engine fails.
    pub fn image(&self, name: &str) -> Result<Option<LoadedImage>, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            id: String,
            #[serde(default)]
            repo_tags: Option<Vec<String>>,
            os: String,
            architecture: String,
            #[serde(default)]
            variant: Option<String>,
            #[serde(default)]
            size: u64,
            #[serde(rename = "RootFS")]
            root: RootFs,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct RootFs {
            #[serde(default)]
            layers: Vec<DiffId>,
        }
        let verb = format!("look at {name} in {}", self.describe());
        let target = self.target(&format!("/images/{}/json", encode(name)));
        let request = Request { method: "GET", target: &target, content_type: None };
        let found = self.ask::<Inspected>(&verb, request, &[])?;
        Ok(found.map(|image| LoadedImage {
            id: image.id,
            names: image.repo_tags.unwrap_or_default(),
            platform: Platform {
                os: image.os,
                variant: image.variant.filter(|v| !v.is_empty()),
                ..Platform::linux(&image.architecture)
            },
            size: image.size,
            diff_ids: image.root.layers,
        }))
    }

    /// Gives an image one more name, as `acme/app:1`.
    ///
    /// # Errors
    /// The engine fails, or has no such image.
    pub fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        let verb = format!("name {image} {repository}:{tag} in {}", self.describe());
        let path = format!("/images/{}/tag?repo={}&tag={}", encode(image), encode(repository), encode(tag));
        self.tell(&verb, "POST", &path)
    }

    /// Takes a name away, and the image if it was its last; false where there was none.
    ///
    /// # Errors
    /// The engine fails, or a container needs the image.
    pub fn remove_image(&self, name: &str) -> Result<bool, EngineError> {
        let verb = format!("remove {name} from {}", self.describe());
        self.delete(&verb, &format!("/images/{}", encode(name)))
    }
}
