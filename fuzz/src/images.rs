use oci::{Digest, ImageConfig, Index, Manifest, Platform, Raw, Reference};

/// JSON of others: what is kept is kept byte for byte.
pub(crate) fn documents(data: &[u8]) {
    if let Ok(raw) = Raw::<Manifest>::read(data) {
        assert_eq!(raw.bytes(), data);
    }
    let _ = Raw::<Index>::read(data);
    let _ = Raw::<ImageConfig>::read(data);
}

/// References, digests and platforms: what is accepted prints and reads back the same.
pub(crate) fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        let shown = reference.to_string();
        assert_eq!(shown.parse::<Reference>().expect("what we printed"), reference, "{shown}");
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse::<Platform>().expect("what we printed"), platform);
    }
}

/// An archive of an image that somebody else made: opened, and every image in it validated.
pub(crate) fn oci_archive(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::io::Write::write_all(&mut file, data).expect("room for it");
    let Ok(archive) = image::OciArchive::open(file.path()) else { return };
    for descriptor in archive.index().manifests.iter().take(4) {
        if let Some(name) = descriptor.annotations.get(image::REF_NAME) {
            let _ = image::validate(&archive, name);
        }
    }
    let _ = image::validate(&archive, "");
}

/// The same of what `docker save` and its like wrote.
pub(crate) fn docker_archive(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::io::Write::write_all(&mut file, data).expect("room for it");
    let Ok(archive) = image::DockerArchive::open(file.path()) else { return };
    for name in archive.names().iter().take(4) {
        let _ = image::validate(&archive, name);
    }
    let _ = image::validate(&archive, "");
}
