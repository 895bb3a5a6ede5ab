use oci::Manifest;

/// What a manifest is of, where it is of no image: artifacts have another type of config or of layers
/// (image-spec, manifest.md, "Guidelines for Artifact Usage").
pub fn artifact(manifest: &Manifest) -> Option<String> {
    let config = manifest.config.media_type.as_str();
    let known =
        ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
    if let Some(kind) = &manifest.artifact_type {
        return Some(format!("an artifact of type {kind}"));
    }
    // Old tools leave it to the content.
    if !known.contains(&config) && config != "application/octet-stream" {
        return Some(format!("an artifact with a config of type {config}"));
    }
    let file_system = |kind: &str| kind.contains("tar") || kind.contains("rootfs");
    let other = manifest.layers.iter().find(|l| !file_system(l.media_type.as_str()))?;
    Some(format!("something with a layer of type {}", other.media_type))
}
