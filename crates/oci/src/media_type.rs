use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A media type, kept as it was written; the ones that we know have names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

macro_rules! known {
    ($($name:ident = $text:literal;)*) => {
        impl MediaType {
            $(#[doc = concat!("`", $text, "`")]
            pub const $name: MediaType = MediaType(Cow::Borrowed($text));)*
        }
    };
}

known! {
    INDEX = "application/vnd.oci.image.index.v1+json";
    MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    CONFIG = "application/vnd.oci.image.config.v1+json";
    LAYER_TAR = "application/vnd.oci.image.layer.v1.tar";
    LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
    LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd";
    EMPTY = "application/vnd.oci.empty.v1+json";
    DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
    DOCKER_LAYER_TAR = "application/vnd.docker.image.rootfs.diff.tar";
    DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    DOCKER_LAYER_FOREIGN_TAR = "application/vnd.docker.image.rootfs.foreign.diff.tar";
    DOCKER_LAYER_FOREIGN_GZIP = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    LAYER_NONDISTRIBUTABLE_TAR = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    LAYER_NONDISTRIBUTABLE_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
}

/// The same bytes under a name of Docker's and one of OCI's (image-spec, media-types.md "Compatibility Matrix").
/// Docker has no name for zstd that others read.
const SAME: [(MediaType, MediaType); 7] = [
    (MediaType::DOCKER_MANIFEST_LIST, MediaType::INDEX),
    (MediaType::DOCKER_MANIFEST, MediaType::MANIFEST),
    (MediaType::DOCKER_CONFIG, MediaType::CONFIG),
    (MediaType::DOCKER_LAYER_TAR, MediaType::LAYER_TAR),
    (MediaType::DOCKER_LAYER_GZIP, MediaType::LAYER_GZIP),
    (MediaType::DOCKER_LAYER_FOREIGN_TAR, MediaType::LAYER_NONDISTRIBUTABLE_TAR),
    (MediaType::DOCKER_LAYER_FOREIGN_GZIP, MediaType::LAYER_NONDISTRIBUTABLE_GZIP),
];

impl MediaType {
    /// Any media type, by its text.
    pub fn new(text: impl Into<String>) -> MediaType {
        MediaType(Cow::Owned(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What OCI calls it; itself where it is not Docker's.
    pub fn as_oci(&self) -> MediaType {
        let found = SAME.iter().find(|(docker, _)| docker == self);
        found.map_or_else(|| self.clone(), |(_, oci)| oci.clone())
    }

    /// What Docker calls it, if it has a name there.
    pub fn as_docker(&self) -> Option<MediaType> {
        let found = SAME.iter().find(|(docker, oci)| docker == self || oci == self);
        found.map(|(docker, _)| docker.clone())
    }

    /// An OCI index or a Docker manifest list.
    pub fn is_index(&self) -> bool {
        *self == MediaType::INDEX || *self == MediaType::DOCKER_MANIFEST_LIST
    }

    /// An OCI or Docker image manifest.
    pub fn is_manifest(&self) -> bool {
        *self == MediaType::MANIFEST || *self == MediaType::DOCKER_MANIFEST
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
