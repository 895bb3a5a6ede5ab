use bstr::BString;
use diag::{Cancelled, Explain, Kind};
use image::TransportError;
use oci::Digest;
use rootfs::tar::TarError;

/// Why an image cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// A part of it could not be had, or is damaged.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The bytes of a layer could not be had, or are not compressed as they seem.
    #[error("cannot read the layer {layer}: {error}")]
    Layer {
        /// The layer, as it is stored.
        layer: Digest,
        /// The cause.
        #[source]
        error: std::io::Error,
    },
    /// Its tar is none.
    #[error("cannot read the layer {layer}")]
    Tar {
        /// The layer, as it is stored.
        layer: Digest,
        /// The cause.
        #[source]
        error: TarError,
    },
    /// Its bytes are not those that the manifest names.
    #[error("cannot use the layer {layer}: its content is {found}")]
    Damaged {
        /// The layer, as the manifest names it.
        layer: Digest,
        /// What came.
        found: String,
    },
    /// Its tar is not the one that the config names.
    #[error("cannot use the layer {layer}: its tar is {found}, and the config names {wanted}")]
    OtherTar {
        /// The layer, as it is stored.
        layer: Digest,
        /// What the config says.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// A hard link leads nowhere.
    #[error("cannot use the layer {layer}: the hard link /{path} leads to /{target}, and nothing is there")]
    Link {
        /// The layer, as it is stored.
        layer: Digest,
        /// The link.
        path: BString,
        /// Where it leads.
        target: BString,
    },
    /// Layers without end.
    #[error("cannot look into the image: {what}")]
    TooMuch {
        /// What there is too much of.
        what: String,
    },
    /// The config is malformed, or of another image.
    #[error("cannot read the image config {config}: {why}")]
    Config {
        /// The config.
        config: Digest,
        /// What is wrong.
        why: String,
    },
    /// It is something else that registries keep.
    #[error("cannot look into {image}: it is no image but {what}")]
    Artifact {
        /// The manifest.
        image: Digest,
        /// What it is.
        what: String,
    },
    /// It has not so many layers.
    #[error("cannot look at the image as of layer {asked}: {}", has(*.layers))]
    NoLayer {
        /// How many were asked for.
        asked: usize,
        /// How many it has.
        layers: usize,
    },
    /// The user asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

fn has(layers: usize) -> String {
    match layers {
        1 => "it has one layer".to_owned(),
        several => format!("it has {several} layers"),
    }
}

impl Explain for InventoryError {
    fn kind(&self) -> Kind {
        match self {
            InventoryError::Transport(e) => e.kind(),
            InventoryError::Cancelled(e) => e.kind(),
            InventoryError::Layer { error, .. } => match error.kind() {
                std::io::ErrorKind::InvalidData
                | std::io::ErrorKind::InvalidInput
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::Other => Kind::Input,
                _ => Kind::Machine,
            },
            InventoryError::Damaged { .. } | InventoryError::OtherTar { .. } => Kind::Trust,
            InventoryError::NoLayer { .. } => Kind::Usage,
            InventoryError::Tar { .. }
            | InventoryError::Link { .. }
            | InventoryError::TooMuch { .. }
            | InventoryError::Config { .. }
            | InventoryError::Artifact { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            InventoryError::Transport(e) => e.hint(),
            InventoryError::Damaged { .. } => {
                Some("the image is not whole where it was read from; copy it there again".to_owned())
            }
            InventoryError::OtherTar { .. } | InventoryError::Link { .. } | InventoryError::Config { .. } => {
                Some("no engine can run it: tell its maker".to_owned())
            }
            InventoryError::Layer { .. } | InventoryError::Tar { .. } => Some(
                "the layer is damaged, or of a kind that no engine unpacks: copy the image again, or tell its maker"
                    .to_owned(),
            ),
            InventoryError::NoLayer { .. } => Some("the lowest is 1; `distil history` tells of each".to_owned()),
            InventoryError::Artifact { .. } => {
                Some("name the image that it belongs to".to_owned())
            }
            InventoryError::TooMuch { .. } | InventoryError::Cancelled(_) => None,
        }
    }
}
