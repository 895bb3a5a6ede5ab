//! Which of an image's platforms a verb works on.

use std::collections::BTreeSet;

use diag::{Diagnostic, Kind, Note, Reporter};
use image::{Document, Source, TransportError, read_document, read_small};
use oci::{Descriptor, Digest, ImageConfig, Manifest, MediaType, Platform, Raw};

/// How deep indexes lie in indexes.
const MOST_DEPTH: u32 = 4;
/// How many images and indexes one index leads to; the largest real ones have some dozens.
const MOST_PARTS: usize = 4096;

/// One platform's image.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Its manifest's descriptor: that of the index, or one made for a manifest that stands alone.
    pub(crate) descriptor: Descriptor,
    /// Its manifest.
    pub(crate) manifest: Raw<Document>,
    /// What it runs on, where index or config say so; not of what is no image.
    pub(crate) platform: Option<Platform>,
    /// Images of the index that suit as well, and were not chosen because they come later.
    pub(crate) others: Vec<Digest>,
}

impl Chosen {
    /// Says that there was a choice: two images of one platform need not be one in two compressions.
    pub(crate) fn note_others(&self, reporter: &dyn Reporter, shown: &str) {
        let (Some(first), Some(platform)) = (self.others.first(), &self.platform) else { return };
        let digest = self.descriptor.digest;
        let more = match self.others.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let text = format!("{shown} has several images for {platform}: {digest} is taken, not {first}{more}");
        reporter.note(Note::Info(text));
    }

    /// The manifest's value.
    pub(crate) fn manifest(&self) -> &Manifest {
        match self.manifest.value() {
            Document::Manifest(manifest) => manifest,
            // Kept out by `read`.
            Document::Index(_) => unreachable!("an index is never chosen"),
        }
    }
}

/// The image of the platform that is `wanted`; without one the only image, or the host's. `shown` is the
/// image's name for messages.
///
/// # Errors
/// There is none such, or several and none of the host's: the platforms are named (usage). Or the image
/// cannot be read.
pub(crate) fn choose(
    source: &dyn Source,
    document: &Raw<Document>,
    wanted: Option<&Platform>,
    host: &Platform,
    shown: &str,
) -> Result<Chosen, Diagnostic> {
    let images = images(source, document)?;
    // Of several the first of the best, as containerd has it: the same image in another compression, or
    // for another release of Windows, comes later in its index.
    let fits = |wanted: &Platform| {
        let suits = |i: &&Listed| i.platform.as_ref().map_or(0, |p| suitability(p, wanted));
        let best = images.iter().map(|i| suits(&i)).max().filter(|best| *best > 0);
        best.and_then(|best| images.iter().find(|i| suits(i) == best))
    };
    let found = match wanted {
        Some(wanted) => fits(wanted),
        None if images.len() == 1 => images.first(),
        None => fits(host),
    };
    match found {
        Some(one) => {
            let alike = |i: &&Listed| i.platform.is_some() && !std::ptr::eq(*i, one) && i.suits_as(one);
            let others = images.iter().filter(alike).map(|i| i.descriptor.digest).collect();
            Ok(Chosen { others, ..one.read(source)? })
        }
        None => Err(unclear(shown, &images, wanted, host)),
    }
}

/// Every image of the document, one a platform, in the order of its index.
pub(crate) fn all(source: &dyn Source, document: &Raw<Document>) -> Result<Vec<Chosen>, Diagnostic> {
    images(source, document)?.iter().map(|image| image.read(source)).collect()
}

/// How well an image of the platform `offered` suits `wanted`; 0: not at all. A processor runs what was made
/// for a lower variant, and a word alone means a usual one (containerd, platforms.Normalize and
/// platforms.Only); where no variant is asked for, any is better than none.
fn suitability(offered: &Platform, wanted: &Platform) -> u32 {
    let variant = |platform: &Platform| {
        let usual = match platform.architecture.as_str() {
            "arm64" => Some(8),
            "arm" => Some(7),
            "amd64" => Some(1),
            _ => None,
        };
        let own = platform.variant.as_deref().map(|v| v.trim_start_matches('v').parse::<u8>().ok());
        own.unwrap_or(usual)
    };
    if offered.os != wanted.os || offered.architecture != wanted.architecture {
        return 0;
    }
    match (variant(offered), variant(wanted)) {
        _ if offered.variant == wanted.variant => 1_000,
        (offered, wanted) if offered == wanted && offered.is_some() => 900,
        (Some(offered), Some(wanted)) if offered < wanted => 100 + u32::from(offered),
        _ if wanted.variant.is_none() => 1,
        _ => 0,
    }
}

/// The platforms of an index as texts, for messages and lists, those of indexes in it too; what is no image, or
/// cannot be read, is left out.
pub(crate) fn names(source: &dyn Source, document: &Raw<Document>) -> Vec<String> {
    let images = match document.value() {
        Document::Manifest(_) => Vec::new(),
        Document::Index(_) => images(source, document).unwrap_or_default(),
    };
    images.iter().filter_map(|i| Some(i.platform.as_ref()?.to_string())).collect()
}

/// An image of an index.
struct Listed {
    descriptor: Descriptor,
    platform: Option<Platform>,
    /// Where the document is the manifest itself.
    read: Option<Raw<Document>>,
}

impl Listed {
    /// Is it for the same system, processor and variant? The release of Windows may be another.
    fn suits_as(&self, other: &Listed) -> bool {
        let key = |l: &Listed| {
            l.platform.as_ref().map(|p| (p.os.clone(), p.architecture.clone(), p.variant.clone()))
        };
        key(self) == key(other)
    }

    fn read(&self, source: &dyn Source) -> Result<Chosen, Diagnostic> {
        let manifest = match &self.read {
            Some(manifest) => manifest.clone(),
            None => read_document(source, &self.descriptor)?,
        };
        if let Document::Index(_) = manifest.value() {
            let (what, why) =
                (self.descriptor.digest.to_string(), "it is an index, and is called a manifest");
            return Err(TransportError::Malformed { what, why: why.to_owned() }.into());
        }
        let (descriptor, platform) = (self.descriptor.clone(), self.platform.clone());
        Ok(Chosen { descriptor, manifest, platform, others: Vec::new() })
    }
}

fn images(source: &dyn Source, document: &Raw<Document>) -> Result<Vec<Listed>, Diagnostic> {
    let mut found = Vec::new();
    match document.value() {
        Document::Manifest(manifest) => {
            let descriptor = Descriptor::of(document.value().media_type(), document.bytes());
            let platform = platform_of(source, manifest)?;
            found.push(Listed { descriptor, platform, read: Some(document.clone()) });
        }
        Document::Index(index) => {
            Look { source, seen: BTreeSet::new() }.at(&index.manifests, 0, &mut found)?
        }
    }
    Ok(found)
}

/// A look through indexes in indexes: each part once, and not too many of them.
struct Look<'a> {
    source: &'a dyn Source,
    seen: BTreeSet<Digest>,
}

impl Look<'_> {
    fn at(&mut self, parts: &[Descriptor], depth: u32, found: &mut Vec<Listed>) -> Result<(), Diagnostic> {
        for part in parts {
            let wanted = is_image(part) || (part.media_type.is_index() && depth < MOST_DEPTH);
            if !wanted || !self.seen.insert(part.digest) {
                continue;
            }
            if self.seen.len() > MOST_PARTS {
                let what = "the index".to_owned();
                let why = format!("it leads to more than {MOST_PARTS} images and indexes");
                return Err(TransportError::Malformed { what, why }.into());
            }
            if part.media_type.is_index() {
                if let Document::Index(inner) = read_document(self.source, part)?.value() {
                    self.at(&inner.manifests, depth + 1, found)?;
                }
                continue;
            }
            // An index may leave the platform out (image-spec: it is optional); the config has it.
            let platform = match &part.platform {
                Some(platform) => Some(platform.clone()),
                None => match read_document(self.source, part)?.value() {
                    Document::Manifest(manifest) => platform_of(self.source, manifest)?,
                    Document::Index(_) => None,
                },
            };
            found.push(Listed { descriptor: part.clone(), platform, read: None });
        }
        Ok(())
    }
}

/// Not what BuildKit lays beside images (attestations, of the platform unknown/unknown).
fn is_image(part: &Descriptor) -> bool {
    let unknown = |p: &Platform| p.os == "unknown" || p.architecture == "unknown";
    part.media_type.is_manifest() && !part.platform.as_ref().is_some_and(unknown)
}

fn platform_of(source: &dyn Source, manifest: &Manifest) -> Result<Option<Platform>, Diagnostic> {
    let kind = &manifest.config.media_type;
    if *kind != MediaType::CONFIG && *kind != MediaType::DOCKER_CONFIG {
        return Ok(None);
    }
    let config: ImageConfig = match serde_json::from_slice(&read_small(source, &manifest.config)?) {
        Ok(config) => config,
        Err(e) => {
            let what = format!("the config {}", manifest.config.digest);
            return Err(TransportError::Malformed { what, why: e.to_string() }.into());
        }
    };
    let variant = config.variant;
    Ok(Some(Platform { os: config.os, architecture: config.architecture, os_version: None, variant }))
}

fn unclear(shown: &str, images: &[Listed], wanted: Option<&Platform>, host: &Platform) -> Diagnostic {
    let mut there: Vec<String> =
        images.iter().filter_map(|i| Some(i.platform.as_ref()?.to_string())).collect();
    there.dedup();
    let text = match wanted {
        Some(wanted) => format!("cannot find {wanted} in {shown}: it has no image for that platform"),
        None if there.is_empty() => format!("cannot find an image in {shown}: there is none in it"),
        None => {
            format!(
                "cannot choose a platform of {shown}: it has {}, and none is this machine's, {host}",
                images.len()
            )
        }
    };
    // Where there is nothing to choose, it is not what was asked for.
    let kind = if images.is_empty() { Kind::Input } else { Kind::Usage };
    let error = Diagnostic::new(kind, text);
    match there.first() {
        Some(first) => {
            error.hint(format!("it has {}; choose with --platform, as --platform {first}", there.join(", ")))
        }
        None => error.hint("what was read is an artifact or an empty index; name another image"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{Cursor, Read};

    use oci::Digest;

    use super::*;

    #[derive(Default)]
    struct Blobs(HashMap<Digest, Vec<u8>>);

    impl Source for Blobs {
        fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
            unreachable!("documents are given")
        }

        fn blob(&self, of: &Descriptor, _: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
            let missing = || TransportError::NoBlob { digest: of.digest, place: "blobs".to_owned() };
            Ok(Box::new(Cursor::new(self.0.get(&of.digest).ok_or_else(missing)?)))
        }
    }

    impl Blobs {
        fn put(&mut self, kind: MediaType, value: &serde_json::Value) -> Descriptor {
            let bytes = value.to_string().into_bytes();
            let descriptor = Descriptor::of(kind, &bytes);
            self.0.insert(descriptor.digest, bytes);
            descriptor
        }

        fn image(&mut self, platform: &str) -> Descriptor {
            let platform: Platform = platform.parse().unwrap();
            let config = serde_json::json!({
                "os": platform.os, "architecture": platform.architecture, "variant": platform.variant,
                "rootfs": { "type": "layers", "diff_ids": [] },
            });
            let config = self.put(MediaType::CONFIG, &config);
            let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [] });
            let mut image = self.put(MediaType::MANIFEST, &manifest);
            image.platform = Some(platform);
            image
        }

        fn chosen(&self, parts: &[Descriptor], wanted: Option<&str>) -> Result<String, Diagnostic> {
            let index = serde_json::json!({ "schemaVersion": 2, "manifests": parts });
            let document = Raw::read(index.to_string().into_bytes()).unwrap();
            let wanted = wanted.map(|w| w.parse().unwrap());
            let one = choose(self, &document, wanted.as_ref(), &Platform::linux("amd64"), "base:latest")?;
            Ok(one.platform.unwrap().to_string())
        }
    }

    #[test]
    fn the_hosts_where_there_are_several() {
        let mut blobs = Blobs::default();
        let (amd, arm, v7) =
            (blobs.image("linux/amd64"), blobs.image("linux/arm64/v8"), blobs.image("linux/arm/v7"));
        let both = [arm.clone(), amd.clone()];
        assert_eq!(blobs.chosen(&both, None).unwrap(), "linux/amd64");
        assert_eq!(blobs.chosen(&both, Some("linux/arm64")).unwrap(), "linux/arm64/v8");
        assert_eq!(blobs.chosen(std::slice::from_ref(&arm), None).unwrap(), "linux/arm64/v8");
        let error = blobs.chosen(&[arm.clone(), v7], None).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.hint.as_deref().unwrap().contains("linux/arm64/v8, linux/arm/v7"), "{error:?}");
        let error = blobs.chosen(&both, Some("linux/s390x")).unwrap_err();
        assert_eq!(
            error.message,
            "cannot find linux/s390x in base:latest: it has no image for that platform"
        );
    }

    #[test]
    fn where_there_is_none_the_image_is_at_fault() {
        let error = Blobs::default().chosen(&[], None).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Input, "cannot find an image in base:latest: there is none in it")
        );
    }

    #[test]
    fn the_first_of_the_best() {
        let mut blobs = Blobs::default();
        let (v5, v6, v7) =
            (blobs.image("linux/arm/v5"), blobs.image("linux/arm/v6"), blobs.image("linux/arm/v7"));
        let all = [v5.clone(), v6.clone(), v7.clone()];
        assert_eq!(blobs.chosen(&all, Some("linux/arm")).unwrap(), "linux/arm/v7");
        assert_eq!(blobs.chosen(&[v5.clone(), v6.clone()], Some("linux/arm/v7")).unwrap(), "linux/arm/v6");
        assert!(blobs.chosen(&[v7, v6.clone()], Some("linux/arm/v5")).is_err());
        // The same image twice, in another compression: the first.
        let (gzip, mut zstd) = (blobs.image("linux/amd64"), v5);
        zstd.platform.clone_from(&gzip.platform);
        assert_eq!(blobs.chosen(&[gzip.clone(), zstd.clone()], None).unwrap(), "linux/amd64");
        let chosen = |parts: &[Descriptor]| {
            let index = serde_json::json!({ "schemaVersion": 2, "manifests": parts });
            let document = Raw::read(index.to_string().into_bytes()).unwrap();
            choose(&blobs, &document, None, &Platform::linux("amd64"), "x").unwrap().descriptor.digest
        };
        assert_eq!(chosen(&[gzip.clone(), zstd.clone()]), gzip.digest);
        assert_eq!(chosen(&[zstd.clone(), gzip.clone()]), zstd.digest);
        // And it is known that there was another, of whatever release of its system.
        let mut later = zstd.clone();
        later.platform.as_mut().unwrap().os_version = Some("10".to_owned());
        let others = |parts: &[Descriptor]| {
            let index = serde_json::json!({ "schemaVersion": 2, "manifests": parts });
            let document = Raw::read(index.to_string().into_bytes()).unwrap();
            choose(&blobs, &document, None, &Platform::linux("amd64"), "x").unwrap().others
        };
        assert_eq!(others(&[gzip.clone(), later.clone(), v6.clone()]), [later.digest]);
        assert!(others(&[v6.clone(), gzip, v6]).is_empty());
    }

    #[test]
    fn indexes_that_repeat_themselves_are_read_once() {
        let mut blobs = Blobs::default();
        let mut part = blobs.image("linux/amd64");
        for _ in 0..MOST_DEPTH {
            let parts = vec![part; 1_000];
            part =
                blobs.put(MediaType::INDEX, &serde_json::json!({ "schemaVersion": 2, "manifests": parts }));
        }
        assert_eq!(blobs.chosen(&[part.clone(), part], None).unwrap(), "linux/amd64");
    }

    #[test]
    fn names_are_those_of_all_images_that_can_be_chosen() {
        let mut blobs = Blobs::default();
        let (amd, arm) = (blobs.image("linux/amd64"), blobs.image("linux/arm64"));
        let mut attestation = blobs.image("linux/s390x");
        attestation.platform = Some("unknown/unknown".parse().unwrap());
        let parts = serde_json::json!({ "schemaVersion": 2, "manifests": [arm, attestation] });
        let inner = blobs.put(MediaType::INDEX, &parts);
        let bare = Descriptor { platform: None, ..amd };
        let index = serde_json::json!({ "schemaVersion": 2, "manifests": [bare, inner] });
        let document = Raw::read(index.to_string().into_bytes()).unwrap();
        assert_eq!(names(&blobs, &document), ["linux/amd64", "linux/arm64"]);
    }

    #[test]
    fn what_buildkit_lays_beside_images_is_none() {
        let mut blobs = Blobs::default();
        let (image, mut attestation) = (blobs.image("linux/s390x"), blobs.image("linux/amd64"));
        attestation.platform = Some("unknown/unknown".parse().unwrap());
        assert_eq!(blobs.chosen(&[image.clone(), attestation], None).unwrap(), "linux/s390x");
        // An index may say nothing of platforms.
        let bare = Descriptor { platform: None, ..image };
        assert_eq!(blobs.chosen(&[bare], None).unwrap(), "linux/s390x");
    }
}
