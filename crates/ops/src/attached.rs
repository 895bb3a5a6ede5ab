//! Documents about an image, attached to it on a registry: manifests that refer to it (image-spec, manifest.md
//! "Guidelines for Artifact Usage").

use diag::Diagnostic;
use image::{Document, Sink};
use oci::{Annotations, Descriptor, Digest, Manifest, MediaType, Raw};
use registry::Repository;

/// The content of `application/vnd.oci.empty.v1+json`.
const NOTHING: &[u8] = b"{}";

/// Attaches `bytes` to `subject`, which is there; gives the digest of the manifest that says so. The same again
/// is the same manifest.
pub(crate) fn attach(
    repository: &Repository,
    subject: &Descriptor,
    kind: &MediaType,
    bytes: &[u8],
) -> Result<Digest, Diagnostic> {
    let put = |part: Descriptor, bytes: &[u8]| {
        if !repository.has(&part)? {
            repository.put(&part, &mut &bytes[..])?;
        }
        Ok::<_, Diagnostic>(part)
    };
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::MANIFEST),
        artifact_type: Some(kind.clone()),
        config: put(Descriptor::of(MediaType::EMPTY, NOTHING), NOTHING)?,
        layers: vec![put(Descriptor::of(kind.clone(), bytes), bytes)?],
        subject: Some(Descriptor::new(subject.media_type.clone(), subject.digest, subject.size)),
        annotations: Annotations::new(),
    };
    let document = Raw::write(Document::Manifest(manifest));
    repository.publish(&document.digest().to_string(), &document)?;
    Ok(document.digest())
}
