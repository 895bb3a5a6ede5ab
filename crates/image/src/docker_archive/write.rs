use std::collections::BTreeSet;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Platform, Reference};
use serde::Serialize;
use store::Temporary;

use super::read::{Hashing, MAX_LAYER};
use super::tar_sum::TarSum;
use crate::archive::{ArchiveWriter, Verified, write_whole};
use crate::oci_archive::{is_zstd, open_layer};
use crate::passing::passing;
use crate::{Document, Source, TransportError};

/// `manifest.json` of an archive (moby, image/tarexport): a list of images.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ArchivedImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// Writes the image of one platform into a file, whole or not at all. See [`write`].
pub fn save(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
    tags: &[Reference],
    path: &Path,
) -> Result<Digest, TransportError> {
    write_whole(path, |out| write(source, name, platform, tags, out))
}

/// An archive in a file that goes with this value: for programs that want a file's name.
#[derive(Debug)]
pub struct PassingArchive {
    file: Temporary,
    /// The digest of its image's config.
    pub id: Digest,
}

impl PassingArchive {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Writes the image of one platform into a file of `dir`, a directory of ours. See [`write`].
pub fn pass(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
    tags: &[Reference],
    dir: &Path,
) -> Result<PassingArchive, TransportError> {
    let fail = |e| TransportError::io("write into", dir.display())(e);
    let mut file = passing(dir).map_err(fail)?;
    let mut out = BufWriter::with_capacity(1 << 18, file.file());
    let id = write(source, name, platform, tags, &mut out)?;
    out.flush().map_err(fail)?;
    drop(out);
    Ok(PassingArchive { file, id })
}

/// Writes several platforms of one image into a file, whole or not at all, each under names of its own:
/// the format has no list of platforms, so an engine takes them for so many images. See [`write`].
pub fn save_each(
    source: &dyn Source,
    name: &str,
    platforms: &[(Platform, Vec<Reference>)],
    path: &Path,
) -> Result<(), TransportError> {
    let chosen = platforms.iter().map(|(platform, tags)| {
        Ok(Chosen { manifest: choose(source, name, Some(platform))?, tags: tags.clone(), there: 0 })
    });
    let chosen = chosen.collect::<Result<Vec<_>, TransportError>>()?;
    write_whole(path, |out| write_images(source, &chosen, out))
}

/// Writes the image of `platform`, or the only one, named `tags` where the engine loads it; gives
/// the config's digest, which is the engine's id of the image. Layers stay compressed with gzip,
/// which every `docker load` and `podman load` takes; zstd is undone, which older engines do not know.
pub fn write(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
    tags: &[Reference],
    out: &mut dyn Write,
) -> Result<Digest, TransportError> {
    write_above(source, name, platform, tags, 0, out)
}

/// The same without the lowest `there` layers, which the archive only names: for an engine that has them.
/// Docker looks a layer up by the layers below it and its own tar before it opens the archive's file of it
/// (moby, image/tarexport/load.go), so it takes such an archive; nobody else does.
pub fn write_above(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
    tags: &[Reference],
    there: usize,
    out: &mut dyn Write,
) -> Result<Digest, TransportError> {
    let chosen = Chosen { manifest: choose(source, name, platform)?, tags: tags.to_vec(), there };
    let id = chosen.manifest.config.digest;
    write_images(source, &[chosen], out)?;
    Ok(id)
}

/// An image of an archive.
struct Chosen {
    manifest: Manifest,
    tags: Vec<Reference>,
    /// How many of its layers, from the lowest on, are not written.
    there: usize,
}

fn write_images(source: &dyn Source, images: &[Chosen], out: &mut dyn Write) -> Result<(), TransportError> {
    // Before anything is written: an engine takes what it has seen until then.
    let configs = images.iter().map(|image| Config::read(source, &image.manifest));
    let configs = configs.collect::<Result<Vec<_>, _>>()?;
    let archived = |image: &Chosen| ArchivedImage {
        config: config_name(&image.manifest),
        repo_tags: image.tags.iter().map(ToString::to_string).collect(),
        layers: image.manifest.layers.iter().map(layer_name).collect(),
    };
    let list: Vec<ArchivedImage> = images.iter().map(archived).collect();
    let mut archive = ArchiveWriter::new(out);
    archive.file("manifest.json", &oci::canonical_json(&list))?;
    // One layer may stand in an image twice, and in several images.
    let mut written = BTreeSet::new();
    for (Chosen { manifest, there, .. }, config) in images.iter().zip(&configs) {
        if written.insert(config_name(manifest)) {
            archive.file(&config_name(manifest), &config.bytes)?;
        }
        for (layer, diff_id) in manifest.layers.iter().zip(&config.diff_ids).skip(*there) {
            let name = layer_name(layer);
            if written.insert(name.clone()) {
                write_layer(source, layer, diff_id, &name, &mut archive)?;
            }
        }
    }
    archive.finish()
}

/// The config of an image, which fits its manifest.
struct Config {
    bytes: Vec<u8>,
    diff_ids: Vec<DiffId>,
}

impl Config {
    fn read(source: &dyn Source, manifest: &Manifest) -> Result<Config, TransportError> {
        let bytes = crate::read_small(source, &manifest.config)?;
        let what = format!("the image config {}", manifest.config.digest);
        let config: ImageConfig = match serde_json::from_slice(&bytes) {
            Ok(config) => config,
            Err(e) => return Err(TransportError::Malformed { what, why: e.to_string() }),
        };
        let (said, there) = (config.rootfs.diff_ids.len(), manifest.layers.len());
        if said != there {
            let why = format!("it names {said} layers, and the image has {there}");
            return Err(TransportError::Malformed { what, why });
        }
        Ok(Config { bytes, diff_ids: config.rootfs.diff_ids })
    }
}

fn config_name(manifest: &Manifest) -> String {
    format!("{}.json", manifest.config.digest.hex())
}

fn layer_name(layer: &Descriptor) -> String {
    let end = if layer.media_type.as_str().ends_with("gzip") { "tar.gz" } else { "tar" };
    format!("{}.{end}", layer.digest.hex())
}

/// Writes a layer whose tar is the one that the config says.
fn write_layer(
    source: &dyn Source,
    layer: &Descriptor,
    diff_id: &DiffId,
    name: &str,
    archive: &mut ArchiveWriter<'_>,
) -> Result<(), TransportError> {
    let fits = |found: Option<DiffId>| match found.filter(|found| found != diff_id) {
        None => Ok(()),
        Some(found) => {
            let (wanted, found) = (diff_id.to_string(), found.to_string());
            Err(TransportError::OtherTar { layer: layer.digest.to_string(), wanted, found })
        }
    };
    if !is_zstd(&layer.media_type) {
        let known = source.tar(&layer.digest);
        fits(known)?;
        let mut blob = source.blob(layer, 0)?;
        let mut verified = Verified::new(&mut *blob, layer);
        if known.is_some() {
            return archive.blob(name, layer.size, &mut verified);
        }
        let mut summed = TarSum::new(verified);
        archive.blob(name, layer.size, &mut summed)?;
        let found = summed.finish(layer);
        // That a bare tar is itself costs nothing to find.
        found.iter().filter(|tar| tar.0 != layer.digest).for_each(|tar| source.found_tar(&layer.digest, tar));
        return fits(found);
    }
    let fail = |e| TransportError::io("read", layer.digest)(e);
    // The tar header wants the size first: once through to count and check, once to write. What comes the
    // second time is held to what came the first.
    let mut blob = source.blob(layer, 0)?;
    let mut checked = Verified::new(&mut *blob, layer);
    let mut first = Hashing::new(zstd::Decoder::new(&mut checked).map_err(fail)?);
    let size = io::copy(&mut (&mut first).take(MAX_LAYER + 1), &mut io::sink()).map_err(fail)?;
    if size > MAX_LAYER {
        let (what, why) = (layer.digest.to_string(), "its tar is larger than 64 GiB".to_owned());
        return Err(TransportError::Malformed { what, why });
    }
    let wanted = first.finish();
    io::copy(&mut checked, &mut io::sink()).map_err(fail)?;
    fits(Some(DiffId(wanted)))?;
    let raw = open_layer(&layer.media_type, source.blob(layer, 0)?).map_err(fail)?;
    let mut second = Hashing::new(raw.take(size));
    archive.blob(name, size, &mut second)?;
    let found = second.finish();
    if found == wanted {
        return Ok(());
    }
    Err(TransportError::Mismatch {
        wanted: format!("the tar {wanted} of {}", layer.digest),
        found: found.to_string(),
        place: "the source, read once more".to_owned(),
    })
}

/// The manifest of `platform`, or the only one: what [`write`] would write.
///
/// # Errors
/// There are several, or there is none such: [`TransportError::Platforms`]. It is no image, which an engine would
/// take for an empty one: [`TransportError::Artifact`]. Or it cannot be read.
pub fn choose(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Manifest, TransportError> {
    let manifest = choose_any(source, name, platform)?;
    match crate::artifact(&manifest) {
        Some(what) => Err(TransportError::Artifact { place: "a docker archive".to_owned(), what }),
        None => Ok(manifest),
    }
}

fn choose_any(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Manifest, TransportError> {
    let index = match source.document(name)?.value() {
        Document::Manifest(manifest) => return Ok(manifest.clone()),
        Document::Index(index) => index.clone(),
    };
    let wanted = |d: &&Descriptor| platform.is_none() || d.platform.as_ref() == platform;
    let mut found = index.manifests.iter().filter(wanted);
    match (found.next(), found.next()) {
        (Some(one), None) => match crate::read_document(source, one)?.value() {
            Document::Manifest(manifest) => Ok(manifest.clone()),
            Document::Index(_) => Err(TransportError::Malformed {
                what: one.digest.to_string(),
                why: "an index in an index has no single platform".to_owned(),
            }),
        },
        _ => Err(TransportError::Platforms {
            place: "a docker archive".to_owned(),
            platforms: index
                .manifests
                .iter()
                .filter_map(|d| Some(d.platform.as_ref()?.to_string()))
                .collect(),
        }),
    }
}
