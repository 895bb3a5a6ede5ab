use std::collections::BTreeMap;

use oci::{
    Annotations, ContainerConfig, Descriptor, History, ImageConfig, Index, Manifest, MediaType, Platform,
    Raw, RootFs,
};

use crate::{Document, Layer, Sink, TransportError};

/// An image of one platform, as values; its layers are blobs of the sink that they were written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What it runs on.
    pub platform: Platform,
    /// The manifest.
    pub manifest: Raw<Manifest>,
    /// The image config.
    pub config: Raw<ImageConfig>,
    /// The layers, bottom first.
    pub layers: Vec<Layer>,
}

/// What an image stands upon: somebody else's, whose layers stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upon {
    /// Its layers, bottom first; blobs of the sink.
    pub layers: Vec<Layer>,
    /// Its history, which tells of as many layers.
    pub history: Vec<History>,
    /// The annotations of its manifest; ours take the place of those with the same name.
    pub annotations: Annotations,
}

/// Makes an image of layers: one history entry each, by title. `created` is RFC 3339.
pub fn assemble(
    platform: Platform,
    config: ContainerConfig,
    created: Option<String>,
    layers: Vec<Layer>,
    annotations: Annotations,
) -> Image {
    assemble_upon(Upon::default(), platform, config, created, layers, annotations)
}

/// The same upon another image.
pub fn assemble_upon(
    below: Upon,
    platform: Platform,
    config: ContainerConfig,
    created: Option<String>,
    own: Vec<Layer>,
    annotations: Annotations,
) -> Image {
    let Upon { mut layers, mut history, annotations: mut all } = below;
    all.extend(annotations);
    history.extend(own.iter().map(|layer| History {
        created: created.clone(),
        created_by: Some(layer.title.clone()),
        ..History::default()
    }));
    layers.extend(own);
    let config = Raw::write(ImageConfig {
        created: created.clone(),
        author: None,
        architecture: platform.architecture.clone(),
        os: platform.os.clone(),
        variant: platform.variant.clone(),
        config,
        history,
        rootfs: RootFs { kind: "layers".to_owned(), diff_ids: layers.iter().map(|l| l.diff_id).collect() },
        other: BTreeMap::new(),
    });
    let manifest = Raw::write(Manifest {
        schema_version: 2,
        media_type: Some(MediaType::MANIFEST),
        artifact_type: None,
        config: Descriptor::of(MediaType::CONFIG, config.bytes()),
        layers: layers.iter().map(|l| l.descriptor.clone()).collect(),
        subject: None,
        annotations: all,
    });
    Image { platform, manifest, config, layers }
}

/// The index of images, one a platform, in the order given.
pub fn index(images: &[Image], annotations: Annotations) -> Raw<Index> {
    let manifests = images.iter().map(|image| {
        let part = Descriptor::of(MediaType::MANIFEST, image.manifest.bytes());
        Descriptor { platform: Some(image.platform.clone()), ..part }
    });
    Raw::write(Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests: manifests.collect(),
        subject: None,
        annotations,
    })
}

/// Puts configs and manifests of images, whose layers are there, into a sink and names their index.
pub fn publish(
    sink: &dyn Sink,
    name: &str,
    images: &[Image],
    index: &Raw<Index>,
) -> Result<(), TransportError> {
    for image in images {
        let config = Descriptor::of(MediaType::CONFIG, image.config.bytes());
        sink.put(&config, &mut image.config.bytes())?;
        let manifest = Descriptor::of(MediaType::MANIFEST, image.manifest.bytes());
        sink.put(&manifest, &mut image.manifest.bytes())?;
    }
    let document: Raw<Document> = crate::transport::parse_document("the index", index.bytes().to_vec())?;
    sink.publish(name, &document)
}
