//! An image with some of its documents other than they were: config, manifest and index written anew, every
//! other part where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use diag::{Diagnostic, Kind, Note};
use image::{Document, Layout, Source, TransportError, read_small};
use oci::{Descriptor, Digest, MediaType, Platform, Raw};
use serde_json::{Value, json};

use crate::World;
use crate::places::Opened;
use crate::platforms::{self, Chosen};

/// What is to become of the image of one platform. Documents are edited as JSON: what we know nothing of stays.
pub(crate) struct Draft {
    /// Its manifest.
    pub(crate) manifest: Value,
    /// Its config.
    pub(crate) config: Value,
}

/// The edited image, and where its parts are.
pub(crate) struct Edited<'a> {
    sources: Vec<&'a dyn Source>,
    /// New layers.
    layers: Layout,
    documents: BTreeMap<Digest, Vec<u8>>,
    top: Raw<Document>,
    /// The digests of each image's manifest and config, in the order in which they were edited.
    pub(crate) images: Vec<[Digest; 2]>,
}

/// Edits every platform's image, or that of the platform that is `wanted`, which then stands alone. `more` is
/// where parts of others may be.
pub(crate) fn edit<'a>(
    world: &World,
    from: &'a Opened<'_>,
    more: &[&'a dyn Source],
    layers: Layout,
    wanted: Option<&Platform>,
    mut each: impl FnMut(&Chosen, &mut Draft) -> Result<(), Diagnostic>,
) -> Result<Edited<'a>, Diagnostic> {
    let source = from.source.as_ref();
    let document = source.document(&from.name)?;
    let images = match wanted {
        Some(_) => {
            let chosen = platforms::choose(source, &document, wanted, &world.host, &from.shown)?;
            chosen.note_others(world.reporter.as_ref(), &from.shown);
            vec![chosen]
        }
        None => platforms::all(source, &document)?,
    };
    if images.is_empty() {
        let text = format!("cannot change {}: there is no image in it", from.shown);
        return Err(Diagnostic::new(Kind::Input, text).hint("name an image; what was read is an empty index"));
    }
    let mut documents = BTreeMap::new();
    let mut add = |value: &Value| {
        let bytes = value.to_string().into_bytes();
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        documents.insert(digest, bytes);
        (digest, size)
    };
    let mut drafts = Vec::new();
    for image in &images {
        world.reporter.check()?;
        let mut draft = Draft {
            manifest: parse(image.manifest.bytes(), &from.shown)?,
            config: parse(&read_small(source, &image.manifest().config)?, &from.shown)?,
        };
        each(image, &mut draft)?;
        drafts.push(draft);
    }
    if let Some(layer) = in_one_family(&images, &mut drafts) {
        let text = format!("the image is in OCI's format now: Docker's has none of layers as {layer}");
        world.reporter.note(Note::Info(text));
    }
    let mut renamed: BTreeMap<String, Renamed> = BTreeMap::new();
    let mut made = Vec::new();
    for (image, draft) in images.iter().zip(&mut drafts) {
        let (config, size) = add(&draft.config);
        point(&mut draft.manifest["config"], config, size);
        let (digest, size) = add(&draft.manifest);
        made.push([digest, config]);
        let media_type = draft.manifest["mediaType"].clone();
        renamed.insert(image.descriptor.digest.to_string(), Renamed { digest, size, media_type });
    }
    let top = match (document.value(), wanted) {
        (Document::Index(_), None) => index(&document, &renamed, &from.shown)?.to_string().into_bytes(),
        _ => {
            let manifest = renamed.values().next().and_then(|new| documents.get(&new.digest)).cloned();
            manifest.unwrap_or_default()
        }
    };
    let top = Raw::read(top)
        .map_err(|e| TransportError::Malformed { what: from.shown.clone(), why: e.to_string() })?;
    let mut sources: Vec<&dyn Source> = vec![source];
    sources.extend(more);
    Ok(Edited { sources, layers, documents, top, images: made })
}

impl Edited<'_> {
    /// Changes the index, if that is what it is.
    pub(crate) fn change_index(
        &mut self,
        change: impl FnOnce(&mut Value) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        if let Document::Index(_) = self.top.value() {
            let mut index = parse(self.top.bytes(), "the index")?;
            change(&mut index)?;
            let read = Raw::read(index.to_string().into_bytes());
            self.top = read.map_err(|e| TransportError::Malformed {
                what: "the index".to_owned(),
                why: e.to_string(),
            })?;
        }
        Ok(())
    }
}

fn parse(bytes: &[u8], shown: &str) -> Result<Value, Diagnostic> {
    let malformed =
        |e: serde_json::Error| TransportError::Malformed { what: shown.to_owned(), why: e.to_string() };
    Ok(serde_json::from_slice(bytes).map_err(malformed)?)
}

/// The index with the new manifests in the old ones' places. What was said of the old ones (attestations that
/// BuildKit lays beside them) is true of the new ones no more, and is left out.
fn index(
    document: &Raw<Document>,
    renamed: &BTreeMap<String, Renamed>,
    shown: &str,
) -> Result<Value, Diagnostic> {
    let mut index = parse(document.bytes(), shown)?;
    let Some(parts) = index["manifests"].as_array_mut() else { return Ok(index) };
    parts.retain(|part| part["digest"].as_str().is_some_and(|digest| renamed.contains_key(digest)));
    for part in &mut *parts {
        if let Some(new) = part["digest"].as_str().and_then(|old| renamed.get(old)) {
            point(part, new.digest, new.size);
            if new.media_type.is_string() {
                part["mediaType"] = new.media_type.clone();
            }
        }
    }
    let has_oci = parts.iter().any(|part| part["mediaType"] == json!(MediaType::MANIFEST));
    if parts.len() < renamed.len() {
        let text = format!("cannot change {shown}: there are indexes in its index");
        return Err(Diagnostic::new(Kind::Input, text).hint("choose one image of it with --platform"));
    }
    if has_oci && index["mediaType"] == json!(MediaType::DOCKER_MANIFEST_LIST) {
        index["mediaType"] = json!(MediaType::INDEX);
    }
    Ok(index)
}

/// Lets a descriptor point at other content. The old content's own bytes and addresses, which it may have
/// (image-spec, descriptor.md), lead to what has another digest.
fn point(part: &mut Value, digest: Digest, size: usize) {
    (part["digest"], part["size"]) = (json!(digest), json!(size));
    for of_the_old in ["data", "urls"] {
        part.as_object_mut().and_then(|part| part.remove(of_the_old));
    }
}

/// A manifest that is another now.
struct Renamed {
    digest: Digest,
    size: usize,
    /// Its type, where it says one.
    media_type: Value,
}

/// Calls new layers as their manifests' format does: readers take no layer of the other's (podman: "unsupported docker
/// v2s2 media type"). Where Docker's format has no name for one, all of it becomes OCI's; gives which layer that was.
fn in_one_family(images: &[Chosen], drafts: &mut [Draft]) -> Option<MediaType> {
    let is_docker = |draft: &Draft| draft.manifest["mediaType"] == json!(MediaType::DOCKER_MANIFEST);
    let mut nameless = None;
    for (image, draft) in images.iter().zip(&mut *drafts) {
        let docker = is_docker(draft);
        // What was there stays as it is called.
        let old: BTreeSet<(String, &MediaType)> =
            image.manifest().layers.iter().map(|l| (l.digest.to_string(), &l.media_type)).collect();
        for layer in draft.manifest["layers"].as_array_mut().into_iter().flatten() {
            let Some(kind) = kind_of(layer) else { continue };
            if old.contains(&(layer["digest"].as_str().unwrap_or_default().to_owned(), &kind)) {
                continue;
            }
            match (docker, kind.as_docker()) {
                (true, Some(name)) => layer["mediaType"] = json!(name),
                (true, None) => nameless = Some(kind),
                (false, _) => layer["mediaType"] = json!(kind.as_oci()),
            }
        }
    }
    for draft in drafts.iter_mut().filter(|draft| nameless.is_some() && is_docker(draft)) {
        let Draft { manifest, .. } = draft;
        manifest["mediaType"] = json!(MediaType::MANIFEST);
        if let Some(kind) = kind_of(&manifest["config"]) {
            manifest["config"]["mediaType"] = json!(kind.as_oci());
        }
        for layer in manifest["layers"].as_array_mut().into_iter().flatten() {
            if let Some(kind) = kind_of(layer) {
                layer["mediaType"] = json!(kind.as_oci());
            }
        }
    }
    nameless
}

fn kind_of(part: &Value) -> Option<MediaType> {
    part["mediaType"].as_str().map(MediaType::new)
}

impl Source for Edited<'_> {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        Ok(self.top.clone())
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        if let Some(bytes) = self.documents.get(&of.digest) {
            let mut bytes = Cursor::new(&bytes[..]);
            bytes.set_position(from);
            return Ok(Box::new(bytes));
        }
        if let Ok(reader) = self.layers.blob(of, from) {
            return Ok(reader);
        }
        let mut fault = TransportError::NoBlob { digest: of.digest, place: "the image".to_owned() };
        for source in &self.sources {
            match source.blob(of, from) {
                Ok(reader) => return Ok(reader),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }
}
