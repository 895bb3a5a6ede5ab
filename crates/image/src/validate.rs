use std::collections::BTreeMap;
use std::io::{self, Read};

use bstr::{BStr, BString, ByteSlice};
use oci::{Descriptor, DiffId, Hasher, ImageConfig, Index, Manifest, MediaType, Platform};
use rootfs::{Body, Entry, Node, Owner, PayloadIx, Tree, tar};

use crate::oci_archive::{is_gzip, is_zstd};
use crate::transport::read_document;
use crate::{Document, Source, TransportError};

/// What [`validate`] saw.
#[derive(Debug)]
pub struct Validated {
    /// What the name leads to.
    pub document: Descriptor,
    /// Its images, in order.
    pub images: Vec<ValidImage>,
    /// Everything that is wrong; empty for a valid image.
    pub problems: Vec<String>,
}

/// One image of a [`Validated`].
#[derive(Debug)]
pub struct ValidImage {
    /// The manifest.
    pub manifest: Manifest,
    /// The config.
    pub config: ImageConfig,
    /// The tree that the layers give, one over the other. Bodies can be compared by digest and size;
    /// their places mean nothing, and owners are the layers' numbers.
    pub tree: Tree,
}

/// Checks an image to the last byte: every digest, size and diff id, media types, platforms,
/// agreement of index, manifest and config, one gzip member a layer, strict tar, parents before
/// children, hard links to files of the same layer. The oracle of our tests, for images that we
/// write; a foreign image may be called invalid for what its readers take.
///
/// # Errors
/// What it cannot look at: no such image, a part that cannot be read. What is wrong is in the result.
pub fn validate(source: &dyn Source, name: &str) -> Result<Validated, TransportError> {
    let document = source.document(name)?;
    let top = Descriptor::of(document.value().media_type(), document.bytes());
    let mut all = Validated { document: top, images: Vec::new(), problems: Vec::new() };
    match document.value() {
        Document::Index(index) => all.check_index(source, index)?,
        Document::Manifest(manifest) => all.check_manifest(source, manifest, None)?,
    }
    Ok(all)
}

impl Validated {
    fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(what());
        }
    }

    fn check_index(&mut self, source: &dyn Source, index: &Index) -> Result<(), TransportError> {
        self.require(index.schema_version == 2, || "the index's schemaVersion is not 2".into());
        self.require(index.media_type == Some(MediaType::INDEX), || "the index does not say its type".into());
        let mut platforms: Vec<&Platform> = Vec::new();
        for part in &index.manifests {
            match &part.platform {
                Some(platform) if platforms.contains(&platform) => {
                    self.problem(format!("the index has {platform} twice"));
                }
                Some(platform) => platforms.push(platform),
                None => self.problem(format!("the index does not say the platform of {}", part.digest)),
            }
            match read_document(source, part)?.value() {
                Document::Manifest(manifest) => self.check_manifest(source, manifest, Some(part))?,
                Document::Index(_) => self.problem("there is an index in the index"),
            }
        }
        Ok(())
    }

    fn check_manifest(
        &mut self,
        source: &dyn Source,
        manifest: &Manifest,
        part: Option<&Descriptor>,
    ) -> Result<(), TransportError> {
        self.require(manifest.schema_version == 2, || "the manifest's schemaVersion is not 2".into());
        self.require(manifest.media_type == Some(MediaType::MANIFEST), || {
            "the manifest does not say its type".into()
        });
        self.require(part.is_none_or(|p| p.media_type == MediaType::MANIFEST), || {
            "the index gives another type than the manifest".into()
        });
        self.require(manifest.config.media_type == MediaType::CONFIG, || {
            format!("the config's type is {}", manifest.config.media_type)
        });
        let bytes = crate::read_small(source, &manifest.config)?;
        let config: ImageConfig = match serde_json::from_slice(&bytes) {
            Ok(config) => config,
            Err(e) => {
                self.problem(format!("the config is malformed: {e}"));
                return Ok(());
            }
        };
        self.check_config(&config, manifest, part);
        let mut paths = BTreeMap::new();
        for (n, layer) in manifest.layers.iter().enumerate() {
            self.check_layer(source, n, layer, config.rootfs.diff_ids.get(n), &mut paths)?;
        }
        let tree = Tree::from_entries(paths.into_values().collect());
        self.images.push(ValidImage { manifest: manifest.clone(), config, tree });
        Ok(())
    }

    fn check_config(&mut self, config: &ImageConfig, manifest: &Manifest, part: Option<&Descriptor>) {
        if let Some(platform) = part.and_then(|p| p.platform.as_ref()) {
            let same = platform.os == config.os
                && platform.architecture == config.architecture
                && platform.variant == config.variant;
            self.require(same, || format!("the index says {platform}, the config something else"));
        }
        self.require(config.rootfs.kind == "layers", || format!("rootfs.type is {}", config.rootfs.kind));
        let (ids, layers) = (config.rootfs.diff_ids.len(), manifest.layers.len());
        self.require(ids == layers, || format!("{ids} diff ids for {layers} layers"));
        let made = config.history.iter().filter(|h| h.empty_layer != Some(true)).count();
        self.require(config.history.is_empty() || made == layers, || {
            format!("the history tells of {made} layers, there are {layers}")
        });
    }

    fn check_layer(
        &mut self,
        source: &dyn Source,
        n: usize,
        layer: &Descriptor,
        diff_id: Option<&DiffId>,
        paths: &mut BTreeMap<BString, Entry>,
    ) -> Result<(), TransportError> {
        let kind = &layer.media_type;
        let known = [MediaType::LAYER_TAR, MediaType::LAYER_GZIP, MediaType::LAYER_ZSTD];
        self.require(known.contains(kind), || format!("layer {n} is of type {kind}"));
        let mut hash = Hasher::new(layer.digest.algorithm());
        let mut size = 0;
        let mut blob = source.blob(layer, 0)?;
        let counted = Tee { from: &mut *blob, hash: &mut hash, len: &mut size };
        let outcome = read_layer(counted, kind, n, paths);
        // What the decoder has not asked for belongs to the blob too.
        let mut rest = Tee { from: &mut *blob, hash: &mut hash, len: &mut size };
        let left = io::copy(&mut rest, &mut io::sink()).map_err(TransportError::io("read", layer.digest))?;
        let found = hash.finish();
        self.require(left == 0 || outcome.is_err(), || format!("layer {n} has {left} bytes after its end"));
        self.require(found == layer.digest && size == layer.size, || {
            format!("layer {n} is {found} ({size} bytes), not {} ({})", layer.digest, layer.size)
        });
        match outcome {
            Ok((tar, problems)) => {
                self.problems.extend(problems);
                self.require(diff_id == Some(&tar), || {
                    format!("the tar of layer {n} is {tar}, the config differs")
                });
            }
            Err(e) => self.problem(format!("layer {n}: {e}")),
        }
        Ok(())
    }
}

/// Hashes and counts what passes.
struct Tee<'a, R: ?Sized> {
    from: &'a mut R,
    hash: &'a mut Hasher,
    len: &'a mut u64,
}

impl<R: Read + ?Sized> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(buffer)?;
        self.hash.update(&buffer[..got]);
        *self.len += got as u64;
        Ok(got)
    }
}

fn read_layer(
    blob: impl Read,
    kind: &MediaType,
    n: usize,
    paths: &mut BTreeMap<BString, Entry>,
) -> Result<(DiffId, Vec<String>), tar::TarError> {
    // One byte at a time at the end, so that a second gzip member is left over and seen.
    if is_gzip(kind) {
        let mut member = flate2::bufread::GzDecoder::new(io::BufReader::with_capacity(1 << 16, blob));
        let out = read_tar(&mut member, n, paths)?;
        let mut rest = member.into_inner();
        let mut extra = [0];
        let more = rest.read(&mut extra)? > 0;
        let mut out = out;
        if more {
            out.1.push(format!("layer {n} is more than one gzip member"));
        }
        Ok(out)
    } else if is_zstd(kind) {
        read_tar(&mut zstd::Decoder::new(blob)?, n, paths)
    } else {
        let mut blob = blob;
        read_tar(&mut blob, n, paths)
    }
}

/// What a layer itself has at a path.
#[derive(PartialEq, Eq)]
enum Own {
    Dir,
    File,
    Other,
}

fn read_tar(
    raw: &mut dyn Read,
    n: usize,
    paths: &mut BTreeMap<BString, Entry>,
) -> Result<(DiffId, Vec<String>), tar::TarError> {
    let (mut hash, mut len) = (Hasher::sha256(), 0);
    let mut problems = Vec::new();
    let mut own: BTreeMap<BString, Own> = BTreeMap::new();
    let mut gone = Vec::new();
    let tee = Tee { from: raw, hash: &mut hash, len: &mut len };
    tar::read_entries(tee, &tar::Limits::default(), |member, body| {
        let path = member.path.clone();
        let parent = rootfs::path::parent(path.as_bstr()).unwrap_or_default();
        // Docker's overlay driver unpacks each layer by itself and makes what is missing, root's and
        // 0755: such a directory would lose its mode and owner.
        if !parent.is_empty() && own.get(parent) != Some(&Own::Dir) {
            problems.push(format!("layer {n}: /{path} comes without or before its directory"));
        }
        if let tar::Kind::Hardlink(target) = &member.kind
            && own.get(target) != Some(&Own::File)
        {
            problems.push(format!("layer {n}: /{path} is a link to /{target}, which is no file before it"));
        }
        let kind = match member.kind {
            tar::Kind::Dir => Own::Dir,
            tar::Kind::File => Own::File,
            _ => Own::Other,
        };
        if own.insert(path.clone(), kind).is_some() {
            problems.push(format!("layer {n}: /{path} is there twice"));
        }
        let entry = read_entry(member, body, n)?;
        if rootfs::path::file_name(path.as_bstr()).starts_with(b".wh.") {
            gone.push(path);
            return Ok(());
        }
        match (&entry.node, paths.get(&path).map(|e| &e.node)) {
            (Node::Dir, Some(Node::Dir) | None) | (_, None) => {}
            (Node::Dir, _) | (_, Some(Node::Dir)) => {
                problems.push(format!("layer {n}: /{path} is a directory in one layer only"));
            }
            _ => {}
        }
        paths.insert(path, entry);
        Ok::<(), tar::TarError>(())
    })?;
    for whiteout in gone {
        // Of its own layer it hides nothing.
        paths.retain(|p, _| own.contains_key(p) || !hides(whiteout.as_bstr(), p.as_bstr()));
    }
    Ok((DiffId(hash.finish()), problems))
}

/// Does a whiteout (image-spec, layer.md) hide a path of the layers below? An opaque one hides what is in its
/// directory, another the path that it names with what is below.
fn hides(whiteout: &BStr, path: &BStr) -> bool {
    let above = rootfs::path::parent(whiteout).unwrap_or_default();
    let inside = |directory: &[u8]| match path.strip_prefix(directory) {
        Some(rest) if directory.is_empty() => !rest.is_empty(),
        Some(rest) => rest.starts_with(b"/"),
        None => false,
    };
    match rootfs::path::file_name(whiteout).strip_prefix(b".wh.") {
        Some(b".wh..opq") => inside(above),
        Some(name) => {
            let gone = if above.is_empty() { name.to_vec() } else { [above.as_bytes(), b"/", name].concat() };
            path == gone.as_bstr() || inside(&gone)
        }
        None => false,
    }
}

fn read_entry(member: tar::Member, body: &mut dyn Read, n: usize) -> Result<Entry, tar::TarError> {
    let mut hash = Hasher::sha256();
    let mut size = 0;
    io::copy(&mut Tee { from: body, hash: &mut hash, len: &mut size }, &mut io::sink())?;
    let number = u32::try_from(n).unwrap_or(u32::MAX);
    let body = Body { digest: hash.finish(), size, payload: PayloadIx(number), offset: 0 };
    Ok(member.into_entry(Some(body), Owner::Package(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whiteout_hides_what_it_names_and_nothing_beside_it() {
        let hidden = |whiteout: &str, path: &str| hides(BStr::new(whiteout), BStr::new(path));
        for (whiteout, path, expected) in [
            ("o/.wh..wh..opq", "o/a", true),
            ("o/.wh..wh..opq", "o/a/b", true),
            ("o/.wh..wh..opq", "o", false),
            ("o/.wh..wh..opq", "other", false),
            ("o/.wh..wh..opq", "other/a", false),
            (".wh..wh..opq", "a/b", true),
            (".wh..wh..opq", "", false),
            ("o/.wh.a", "o/a", true),
            ("o/.wh.a", "o/a/b", true),
            ("o/.wh.a", "o/ab", false),
            (".wh.o", "o/a", true),
            (".wh.o", "other", false),
        ] {
            assert_eq!(hidden(whiteout, path), expected, "{whiteout} {path}");
        }
    }
}
