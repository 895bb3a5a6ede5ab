//! The image that a recipe stands upon (`baseimage`): an OCI layout of the user's, and what apk's index
//! beside it says of its packages. Nobody signed either; summary and lock name it by digest (promise P1).

use std::collections::BTreeSet;
use std::path::PathBuf;

use bstr::ByteSlice;
use diag::{Diagnostic, Kind};
use image::{Document, Layer, Layout, REF_NAME, Sink, Source, Upon, read_document, read_small};
use oci::{Descriptor, History, ImageConfig, Manifest, Platform};
use package::{Arch, Shelf, Universe, parse_dependency};
use recipe::{BaseImage, Resolved};
use rootfs::{Payloads, Tree};
use trust::Verified;

use crate::base_tree;
use crate::pins::platform;
use crate::recipes::{find, missing};
use crate::shop::Shop;

/// The word of a lock's request for an image below, its digest and its packages.
const BELOW: &str = "below";

/// How deep indexes lie in indexes.
const MOST_DEPTH: u32 = 4;

/// The largest list of packages that is read, in bytes.
const MOST_INDEX: u64 = 256 << 20;

/// The repository that stands for the image when packages are chosen.
pub(crate) fn id(base: &BaseImage) -> String {
    format!("base image {}", base.image.path)
}

/// An image below, of one platform.
pub(crate) struct Base {
    layout: Layout,
    descriptor: Descriptor,
    manifest: Manifest,
    pub(crate) config: ImageConfig,
    /// Its packages as apk's installed database has them.
    pub(crate) installed: Vec<u8>,
    /// As the recipe calls it.
    shown: String,
}

/// Opens the image of a recipe for an architecture.
pub(crate) fn open(shop: &Shop<'_>, base: &BaseImage, arch: &Arch) -> Result<Base, Diagnostic> {
    let dir = find(shop, &base.image);
    let shown = base.image.path.clone();
    let doing = |d: Diagnostic| d.while_doing(format!("cannot build upon {shown}"));
    // What it has by name may change; blobs are what their digests say.
    shop.own.read(&dir.join("index.json")).map_err(|e| doing(no_layout(base, &e)))?;
    let layout = Layout::open(&dir).map_err(|e| doing(e.into()))?;
    let wanted = platform(arch)?;
    let index = layout.index().map_err(|e| doing(e.into()))?;
    let mut found = Vec::new();
    look(&layout, &index.manifests, &wanted, 0, &mut found).map_err(|e| doing(e.into()))?;
    let (descriptor, manifest, config) = only(found, &shown, &wanted)?;
    if manifest.layers.len() != config.rootfs.diff_ids.len() {
        let text = format!("cannot build upon {shown}: its config and its manifest have other layers");
        return Err(Diagnostic::new(Kind::Input, text));
    }
    let installed = installed(shop, base, arch)?;
    Ok(Base { layout, descriptor, manifest, config, installed, shown })
}

fn no_layout(base: &BaseImage, e: &std::io::Error) -> Diagnostic {
    missing(&base.image, e).hint("name the directory of an OCI layout, with `index.json` and `blobs`")
}

type Found = (Descriptor, Manifest, ImageConfig);

/// The images for a platform, each once, as their configs say; indexes may lie in the index. What the index
/// says is for another platform is not read: a layout may lack it.
fn look(
    source: &dyn Source,
    parts: &[Descriptor],
    wanted: &Platform,
    depth: u32,
    found: &mut Vec<Found>,
) -> Result<(), image::TransportError> {
    let elsewhere = |p: &Descriptor| p.platform.as_ref().is_some_and(|platform| !may_be(platform, wanted));
    for part in parts {
        if part.media_type.is_index()
            && depth < MOST_DEPTH
            && let Document::Index(inner) = read_document(source, part)?.value()
        {
            look(source, &inner.manifests, wanted, depth + 1, found)?;
        }
        let known = found.iter().any(|(image, _, _)| image.digest == part.digest);
        if known || !part.media_type.is_manifest() || elsewhere(part) {
            continue;
        }
        if let Document::Manifest(manifest) = read_document(source, part)?.value() {
            // What lies beside images (signatures, SBOMs) has no config of theirs.
            let config = read_small(source, &manifest.config)?;
            let Ok(config) = serde_json::from_slice::<ImageConfig>(&config) else { continue };
            if is_for(&config, wanted) {
                found.push((part.clone(), manifest.clone(), config));
            }
        }
    }
    Ok(())
}

/// The one image of them; the order of an index means nothing.
fn only(mut found: Vec<Found>, shown: &str, wanted: &Platform) -> Result<Found, Diagnostic> {
    match found.len() {
        0 => Err(Diagnostic::new(
            Kind::Input,
            format!("cannot build upon {shown}: it has no image for {wanted}"),
        )
        .hint(
            "list the architectures that it has under `archs:`, or take the image for all of them, as `crane \
             pull --format=oci` and `distil build -o oci:DIR` do",
        )),
        1 => Ok(found.remove(0)),
        several => {
            let text = format!("cannot build upon {shown}: it has {several} images for {wanted}");
            let named = |(image, _, _): &Found| match image.annotations.get(REF_NAME) {
                Some(name) => format!("{name}: {}", image.digest),
                None => image.digest.to_string(),
            };
            let error =
                Diagnostic::new(Kind::Input, text).hint("put the one that is meant into a layout of its own");
            Err(found.iter().map(named).fold(error, Diagnostic::detail))
        }
    }
}

/// May an image be for a platform, by what its descriptor says? Of arm that may leave the variant out.
fn may_be(said: &Platform, wanted: &Platform) -> bool {
    let same = said.os == wanted.os && said.architecture == wanted.architecture;
    same && (wanted.architecture != "arm" || said.variant.is_none() || said.variant == wanted.variant)
}

/// Of arm the variants are other machines; of others the word is often left out.
fn is_for(config: &ImageConfig, wanted: &Platform) -> bool {
    let same = config.os == wanted.os && config.architecture == wanted.architecture;
    same && (wanted.architecture != "arm" || config.variant == wanted.variant)
}

/// `APKINDEX/ARCH/APKINDEX`: the image's own `lib/apk/db/installed`, by apko's convention.
fn installed(shop: &Shop<'_>, base: &BaseImage, arch: &Arch) -> Result<Vec<u8>, Diagnostic> {
    let word = arch.apk().map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))?;
    let path: PathBuf = find(shop, &base.apkindex).join(word).join("APKINDEX");
    shop.own.read_at_most(&path, MOST_INDEX).map_err(|e| {
        Diagnostic::new(
            Kind::Input,
            format!("cannot read the packages of {}: {}: {e}", base.image.path, path.display()),
        )
        .hint(format!(
            "put the image's `lib/apk/db/installed` at {word}/APKINDEX in the directory that `apkindex` names"
        ))
    })
}

/// The records of the image's packages, as an index has them.
pub(crate) fn shelf(shop: &Shop<'_>, base: &BaseImage, arch: &Arch) -> Result<Verified<Shelf>, Diagnostic> {
    let installed = installed(shop, base, arch)?;
    let word = arch.apk().unwrap_or_default();
    // Of a database the lines of files are no lines of an index; `i:[]` is how apko spells none.
    let of_index = |line: &&[u8]| !b"FMRaZqsf".contains(line.first().unwrap_or(&b' ')) && *line != b"i:[]";
    let mut text = installed.lines().filter(of_index).collect::<Vec<_>>().join(&b'\n');
    text.push(b'\n');
    let doing = |d: Diagnostic| d.while_doing(format!("cannot read the packages of {}", base.image.path));
    let made = apk::index::read_records(&text, word, &apk::Limits::default()).map_err(|e| doing(e.into()))?;
    Ok(Verified::declared_by_user(crate::apk_world::indexes::shelf_of(made)?, id(base)))
}

/// The image's packages, by name and version.
pub(crate) fn packages(universe: &Universe, base: &BaseImage) -> Vec<(String, String)> {
    let id = id(base);
    let shelves = universe.shelves().filter(|(_, source)| source.repository == id);
    let row = |shelf: &Shelf, row: u32| {
        let record = shelf.record(row);
        (record.name().to_owned(), record.version().to_owned())
    };
    shelves.flat_map(|(shelf, _)| (0..shelf.len()).map(|n| row(shelf, n)).collect::<Vec<_>>()).collect()
}

/// What a lock says of the image of a variant: its digest on each platform, and which of the packages that
/// are asked for it has already.
pub(crate) fn request_lines(shop: &Shop<'_>, variant: &Resolved) -> Result<Vec<String>, Diagnostic> {
    let Some(base) = &variant.base_image else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for arch in &variant.archs {
        let (below, platform) = (open(shop, base, arch)?, platform(arch)?);
        let packages = oci::Digest::of(&below.installed);
        let digest = below.descriptor.digest;
        lines.push(format!("{BELOW} {platform} {} {digest} packages {packages}", below.shown));
        let there = names(&below.installed);
        for ask in variant.packages.iter().filter(|ask| there.contains(ask.name.as_str())) {
            lines.push(format!("{BELOW} {platform} has {}", ask.name));
        }
    }
    lines.dedup();
    Ok(lines)
}

/// Everything that the image's packages are or provide.
fn names(installed: &[u8]) -> BTreeSet<&str> {
    let fields = installed.lines().filter_map(|l| l.strip_prefix(b"P:").or_else(|| l.strip_prefix(b"p:")));
    let words = fields.flat_map(|f| f.to_str().unwrap_or_default().split_whitespace());
    words.filter_map(|word| parse_dependency(word).ok().map(|d| d.name)).collect()
}

/// Images below that a lock names, for people.
pub(crate) fn named_in(lock: &lockfile::Lockfile) -> Vec<String> {
    let lines = lock.requests.values().flatten().filter_map(|l| l.strip_prefix(BELOW));
    let image = |line: &str| {
        let (rest, _) = line.trim_start().split_once(" packages sha256:")?;
        let (platform, rest) = rest.split_once(' ')?;
        let (path, digest) = rest.rsplit_once(' ')?;
        Some(format!("base image {path}@{digest} ({platform})"))
    };
    let mut all: Vec<String> = lines.filter_map(image).collect();
    all.sort();
    all.dedup();
    all
}

impl Base {
    /// What a container sees of it.
    pub(crate) fn tree(&self, shop: &Shop<'_>, payloads: &mut Payloads) -> Result<Tree, Diagnostic> {
        let manifest = (self.descriptor.digest, &self.manifest);
        base_tree::read(shop, &self.layout, manifest, payloads)
            .map_err(|d| d.while_doing(format!("cannot build upon {}", self.shown)))
    }

    /// Its layers, put into the store as they are, and its history.
    pub(crate) fn layers(&self, store: &Layout) -> Result<Upon, Diagnostic> {
        let mut layers = Vec::new();
        for (part, diff_id) in self.manifest.layers.iter().zip(&self.config.rootfs.diff_ids) {
            if !store.has(part)? {
                store.put(part, &mut *self.layout.blob(part, 0)?)?;
            }
            let mut descriptor = part.clone();
            // The same bytes under Docker's name.
            descriptor.media_type = descriptor.media_type.as_oci();
            layers.push(Layer { descriptor, diff_id: *diff_id, segments: Vec::new(), title: String::new() });
        }
        let mut history = self.config.history.clone();
        let told = history.iter().filter(|h| h.empty_layer != Some(true)).count();
        if told != layers.len() {
            let by = format!("base image {}", self.descriptor.digest);
            let one = History { created_by: Some(by), ..History::default() };
            history = vec![one; layers.len()];
        }
        Ok(Upon { layers, history, annotations: self.manifest.annotations.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{Cursor, Read};

    use image::TransportError;
    use oci::{Digest, MediaType, Raw};

    use super::*;

    /// Blobs by digest.
    #[derive(Default)]
    struct Blobs(HashMap<Digest, Vec<u8>>);

    impl Source for Blobs {
        fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
            unreachable!("parts are read by descriptor")
        }

        fn blob(&self, of: &Descriptor, _: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
            let missing = || TransportError::NoBlob { digest: of.digest, place: "blobs".to_owned() };
            Ok(Box::new(Cursor::new(self.0.get(&of.digest).ok_or_else(missing)?)))
        }
    }

    impl Blobs {
        fn put(&mut self, kind: MediaType, bytes: Vec<u8>) -> Descriptor {
            let descriptor = Descriptor::of(kind, &bytes);
            self.0.insert(descriptor.digest, bytes);
            descriptor
        }

        /// An image for an architecture; its author makes it another one.
        fn image(&mut self, arch: &str, author: &str) -> Descriptor {
            let config = format!(
                r#"{{"os":"linux","architecture":"{arch}","author":"{author}","rootfs":{{"type":"layers","diff_ids":[]}}}}"#
            );
            let config = self.put(MediaType::CONFIG, config.into_bytes());
            let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [] });
            let mut image = self.put(MediaType::MANIFEST, manifest.to_string().into_bytes());
            image.platform = Some(Platform::linux(arch));
            image
        }

        fn index(&mut self, parts: &[&Descriptor]) -> Descriptor {
            let index = serde_json::json!({ "schemaVersion": 2, "manifests": parts });
            self.put(MediaType::INDEX, index.to_string().into_bytes())
        }

        fn chosen(&self, parts: &[Descriptor]) -> Result<Digest, Diagnostic> {
            let (mut found, wanted) = (Vec::new(), Platform::linux("amd64"));
            look(self, parts, &wanted, 0, &mut found)?;
            only(found, "./base", &wanted).map(|(image, _, _)| image.digest)
        }
    }

    #[test]
    fn several_images_for_a_platform_are_none_that_is_meant() {
        let mut blobs = Blobs::default();
        let (mut first, mut second) = (blobs.image("amd64", "a"), blobs.image("amd64", "b"));
        for (image, name) in [(&mut first, "1"), (&mut second, "2")] {
            image.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        let error = blobs.chosen(&[first.clone(), second]).unwrap_err();
        assert_eq!(error.message, "cannot build upon ./base: it has 2 images for linux/amd64");
        // One image of two names is one.
        let index = blobs.index(&[&first]);
        assert_eq!(blobs.chosen(&[first.clone(), index, first.clone()]).unwrap(), first.digest);
        assert!(blobs.chosen(&[]).unwrap_err().message.ends_with("no image for linux/amd64"));
    }

    #[test]
    fn what_is_for_another_platform_may_be_missing() {
        let mut blobs = Blobs::default();
        let (other, image) = (blobs.image("arm64", "a"), blobs.image("amd64", "a"));
        let index = blobs.index(&[&other, &image]);
        blobs.0.remove(&other.digest);
        assert_eq!(blobs.chosen(std::slice::from_ref(&index)).unwrap(), image.digest);
        blobs.0.remove(&image.digest);
        assert!(blobs.chosen(&[index]).is_err());
    }
}
