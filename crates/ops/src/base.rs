//! The image that a recipe stands upon (`baseimage`): an OCI layout of the user's, and what apk's index
//! beside it says of its packages. Nobody signed either; summary and lock name it by digest (promise P1).

use std::collections::BTreeSet;
use std::path::PathBuf;

use bstr::ByteSlice;
use diag::{Diagnostic, Kind};
use image::{Document, Layer, Layout, Sink, Source, Upon, read_document, read_small};
use oci::{Descriptor, History, ImageConfig, Manifest, MediaType, Platform};
use package::{Arch, Shelf, Universe, parse_dependency};
use recipe::{BaseImage, Resolved};
use rootfs::{Payloads, Tree, flatten};
use trust::Verified;

use crate::own_bodies;
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
    let found = look(&layout, &index.manifests, &wanted, 0).map_err(|e| doing(e.into()))?;
    let Some((descriptor, manifest, config)) = found else {
        let text = format!("cannot build upon {shown}: it has no image for {wanted}");
        return Err(Diagnostic::new(Kind::Input, text).hint(
            "list the architectures that it has under `archs:`, or take the image for all of them, as `crane \
             pull --format=oci` and `distil build -o oci:DIR` do",
        ));
    };
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

type Found = Option<(Descriptor, Manifest, ImageConfig)>;

/// The first image for a platform, as its config says; indexes may lie in the index.
fn look(
    layout: &Layout,
    parts: &[Descriptor],
    wanted: &Platform,
    depth: u32,
) -> Result<Found, image::TransportError> {
    for part in parts.iter().filter(|p| p.media_type.is_index() || p.media_type.is_manifest()) {
        match read_document(layout, part)?.value() {
            Document::Index(inner) if depth < MOST_DEPTH => {
                if let Some(found) = look(layout, &inner.manifests, wanted, depth + 1)? {
                    return Ok(Some(found));
                }
            }
            Document::Index(_) => {}
            Document::Manifest(manifest) => {
                // What lies beside images (signatures, SBOMs) has no config of theirs.
                let config = read_small(layout, &manifest.config)?;
                let Ok(config) = serde_json::from_slice::<ImageConfig>(&config) else { continue };
                if is_for(&config, wanted) {
                    return Ok(Some((part.clone(), manifest.clone(), config)));
                }
            }
        }
    }
    Ok(None)
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
        let mut layers = Vec::new();
        for layer in &self.manifest.layers {
            let path = self.layout.blob_path(&layer.digest);
            let (digest, _, _) = shop.own.ingest(&path, &shop.blobs)?;
            if digest != layer.digest {
                let text = format!("cannot build upon {}: its layer {} is damaged", self.shown, layer.digest);
                return Err(Diagnostic::new(Kind::Input, text)
                    .detail(format!("its content is {digest}"))
                    .hint("pull the base image again"));
            }
            let what = format!("the layer {digest} of {}", self.shown);
            layers.push(own_bodies::archive_tree(shop, &what, &digest, payloads)?);
        }
        Ok(flatten(layers))
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
            if descriptor.media_type == MediaType::DOCKER_LAYER_GZIP {
                descriptor.media_type = MediaType::LAYER_GZIP;
            }
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
