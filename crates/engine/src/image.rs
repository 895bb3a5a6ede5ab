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

    /// Ids of the images that were made or came last, at most `most`; none where the engine does not say.
    pub(crate) fn newest_images(&self, most: usize) -> Vec<String> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "Id")]
            id: String,
        }
        let verb = format!("list the images of {}", self.describe());
        let target = self.target("/images/json");
        let request = Request { method: "GET", target: &target, content_type: None };
        // Docker lists the newest first.
        let listed = self.ask::<Vec<Listed>>(&verb, request, &[]).ok().flatten().unwrap_or_default();
        listed.into_iter().take(most).map(|image| image.id).collect()
    }

    /// Whether an archive that it loads may leave out layers that it has: Docker with a store of its own. With
    /// containerd's store it wants every blob, and so does Podman ("Some layer tarfiles are missing in the
    /// tarball").
    pub(crate) fn takes_layers_by_name(&self) -> bool {
        #[derive(Deserialize)]
        struct Info {
            #[serde(rename = "DriverStatus", default)]
            driver: Option<Vec<Vec<String>>>,
        }
        if self.about().name != "Docker" {
            return false;
        }
        let verb = format!("ask {} for its storage", self.describe());
        let target = self.target("/info");
        let request = Request { method: "GET", target: &target, content_type: None };
        let Ok(Some(info)) = self.ask::<Info>(&verb, request, &[]) else { return false };
        let of_containerd =
            |row: &Vec<String>| row.iter().any(|word| word.contains("containerd.snapshotter"));
        info.driver.is_some_and(|rows| !rows.iter().any(of_containerd))
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
