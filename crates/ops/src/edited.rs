//! An image with some of its documents other than they were: config, manifest and index written anew, every
//! other part where it was.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use diag::{Diagnostic, Kind};
use image::{Document, Layout, Source, TransportError, read_small};
use oci::{Descriptor, Digest, Platform, Raw};
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
        Some(_) => vec![platforms::choose(source, &document, wanted, &world.host, &from.shown)?],
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
    let mut renamed: BTreeMap<String, (Digest, usize)> = BTreeMap::new();
    for image in &images {
        world.reporter.check()?;
        let mut draft = Draft {
            manifest: parse(image.manifest.bytes(), &from.shown)?,
            config: parse(&read_small(source, &image.manifest().config)?, &from.shown)?,
        };
        each(image, &mut draft)?;
        let (digest, size) = add(&draft.config);
        draft.manifest["config"]["digest"] = json!(digest);
        draft.manifest["config"]["size"] = json!(size);
        renamed.insert(image.descriptor.digest.to_string(), add(&draft.manifest));
    }
    let top = match (document.value(), wanted) {
        (Document::Index(_), None) => index(&document, &renamed, &from.shown)?.to_string().into_bytes(),
        _ => {
            let manifest = renamed.values().next().and_then(|(digest, _)| documents.get(digest)).cloned();
            manifest.unwrap_or_default()
        }
    };
    let top = Raw::read(top)
        .map_err(|e| TransportError::Malformed { what: from.shown.clone(), why: e.to_string() })?;
    let mut sources: Vec<&dyn Source> = vec![source];
    sources.extend(more);
    Ok(Edited { sources, layers, documents, top })
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
    renamed: &BTreeMap<String, (Digest, usize)>,
    shown: &str,
) -> Result<Value, Diagnostic> {
    let mut index = parse(document.bytes(), shown)?;
    let Some(parts) = index["manifests"].as_array_mut() else { return Ok(index) };
    parts.retain(|part| part["digest"].as_str().is_some_and(|digest| renamed.contains_key(digest)));
    for part in &mut *parts {
        if let Some((digest, size)) = part["digest"].as_str().and_then(|old| renamed.get(old)) {
            (part["digest"], part["size"]) = (json!(digest), json!(size));
        }
    }
    if parts.len() < renamed.len() {
        let text = format!("cannot change {shown}: there are indexes in its index");
        return Err(Diagnostic::new(Kind::Input, text).hint("choose one image of it with --platform"));
    }
    Ok(index)
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
