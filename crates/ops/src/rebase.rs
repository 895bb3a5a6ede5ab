//! `distil rebase`: the layers of an image upon another base, without building it again.
//!
//! The story, for each platform: the old base's layers are the image's first ones; what lies above must mean the
//! same over the new base ([`joint`]), and its packages must find there what they need ([`needs`]) and nothing that they
//! cannot be beside ([`clashes`]); then the new base's layers take the old ones' place, config values that the image took
//! from its base become the new base's, and files that both have a part in are made again, in a layer of their own.

mod beneath;
mod clashes;
mod config;
mod joint;
mod known;
mod needs;
mod packages;

use std::collections::BTreeMap;

use diag::{Diagnostic, Kind};
use image::{Codec, LayerWriter, Layout, Source, read_small};
use inventory::Contents;
use oci::{Descriptor, Digest, Platform, Raw, Reference};
use rootfs::{LayerGroup, Payloads, SegmentPlan};
use serde_json::{Value, json};

use self::beneath::Hiding;
use self::joint::Joint;
use crate::World;
use crate::append::not_of_windows;
use crate::build::image_store;
use crate::edited::{Draft, edit};
use crate::image_name::ImageName;
use crate::look::{Look, look_at};
use crate::places::{Near, Opened, open_source_for};
use crate::platforms::{self, Chosen};
use crate::reasons::{self, Reasons};
use crate::shop::Shop;
use crate::transfer::{Moved, carry};

/// The annotations by which an image names its base (image-spec, annotations.md).
const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// What is to be put upon what.
#[derive(Debug, Clone)]
pub struct RebaseRequest {
    /// The image.
    pub image: ImageName,
    /// The base that it was made upon; without it, what its annotations name.
    pub old_base: Option<ImageName>,
    /// The base that it is to stand upon.
    pub new_base: ImageName,
    /// Only this platform, which then stands alone.
    pub platform: Option<Platform>,
    /// Where the result goes.
    pub to: ImageName,
}

/// Swaps an image's base.
///
/// # Errors
/// The old base is not what the image begins with, or something of the image would mean another thing over the new
/// one: each with what differs. Nothing is then written.
pub fn rebase(world: &World, request: &RebaseRequest) -> Result<Moved, Diagnostic> {
    let doing = |d: Diagnostic| d.while_doing(format!("cannot rebase {}", request.image));
    let shop = Shop::open(world)?;
    let open = |name: &ImageName| open_source_for(world, name, &request.to, Near::Repository);
    let from = open(&request.image)?;
    let old_name = match &request.old_base {
        Some(name) => name.clone(),
        None => annotated(&from).map_err(doing)?,
    };
    let (old, new) = (open(&old_name)?, open(&request.new_base)?);
    let store = image_store(world)?;
    let bases = Bases { world, request, from: &from, old: &old, new: &new };
    let also: [&dyn Source; 1] = [new.source.as_ref()];
    let (mut known, mut upon, mut hiding) = (Vec::new(), Vec::new(), Hiding::default());
    let mut edited = edit(world, &from, &also, store.clone(), request.platform.as_ref(), |image, draft| {
        not_of_windows(&draft.config).map_err(doing)?;
        let swapped = bases.swap(&shop, &store, image, draft, &mut hiding).map_err(doing)?;
        known.push(swapped.reasons);
        upon.push(swapped.base);
        Ok(())
    })?;
    let upon = edited.images.iter().map(|[manifest, _]| manifest.to_string()).zip(upon).collect();
    edited.change_index(|index| bases.swap_in_index(index, &upon))?;
    hiding.tell(&request.image.to_string(), world.reporter.as_ref());
    reasons::remember_all(world, &edited.images, &known);
    let changed = Opened {
        source: Box::new(edited),
        name: String::new(),
        shown: from.shown.clone(),
        repository: from.repository.clone(),
    };
    carry(world, &changed, &request.to, None)
}

/// The base that an image says it was made upon.
fn annotated(from: &Opened<'_>) -> Result<ImageName, Diagnostic> {
    let document = from.source.document(&from.name)?;
    let of = |all: &oci::Annotations| Some((all.get(BASE_NAME)?.clone(), all.get(BASE_DIGEST).cloned()));
    let mut found = match document.value() {
        image::Document::Index(index) => of(&index.annotations),
        image::Document::Manifest(manifest) => of(&manifest.annotations),
    };
    if found.is_none() {
        let images = platforms::all(from.source.as_ref(), &document)?;
        found = images.first().and_then(|image| of(&image.manifest().annotations));
    }
    let Some((name, digest)) = found else {
        return Err(Diagnostic::new(Kind::Usage, "its annotations name no base")
            .hint("say which it was made upon: --old-base REF"));
    };
    // Of an index the digest may be that of one platform's manifest, which is no name of all of them.
    let name = match digest {
        Some(digest) if !name.contains('@') => format!("{}@{digest}", without_tag(&name)),
        _ => name,
    };
    Ok(name.parse()?)
}

fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

/// An image and its two bases.
struct Bases<'a> {
    world: &'a World,
    request: &'a RebaseRequest,
    from: &'a Opened<'a>,
    old: &'a Opened<'a>,
    new: &'a Opened<'a>,
}

/// What became of the image of one platform.
struct Swapped {
    /// Why the result is as it is.
    reasons: Option<Reasons>,
    /// The manifest that it stands upon.
    base: Digest,
}

/// A base of one platform.
struct Base {
    layers: Vec<Descriptor>,
    config: Value,
    annotations: Value,
    look: Look,
    digest: Digest,
}

impl Bases<'_> {
    /// Edits the image of one platform.
    fn swap(
        &self,
        shop: &Shop<'_>,
        store: &Layout,
        image: &Chosen,
        draft: &mut Draft,
        hiding: &mut Hiding,
    ) -> Result<Swapped, Diagnostic> {
        let platform = image.platform.as_ref();
        let (old, mut new) = (self.base(self.old, platform)?, self.base(self.new, platform)?);
        let mut look = look_at(self.world, self.from, platform, None)?;
        look.ask_registry(self.world, &self.request.image);
        new.look.ask_registry(self.world, &self.request.new_base);
        let base_reasons = new.look.reasons.take();
        let whole = &look.contents;
        let count = below(whole, &old.look.contents, self.old)?;
        let joint = Joint { whole, old: &old.look.contents, new: &new.look.contents, above: count };
        joint.check_paths()?;
        beneath::check_links(&joint)?;
        let made =
            joint.made_again(&mut |layer, file| self.text(layer, file), self.world.epoch.unwrap_or(0))?;
        needs::check(&joint)?;
        clashes::check(&joint)?;
        hiding.look(&joint, &made.entries);
        let layers: Vec<Value> =
            new.layers.iter().chain(&whole.manifest.layers[count..]).map(|l| json!(l)).collect();
        draft.manifest["layers"] = json!(layers);
        config::rebase_annotations(&old.annotations, &new.annotations, &mut draft.manifest);
        self.name_base(&mut draft.manifest, new.digest);
        config::rebase(&old.config, &new.config, &mut draft.config)?;
        let reasons = known::joined(&joint, base_reasons, look.reasons.as_ref());
        let swapped = Swapped { reasons, base: new.digest };
        if made.entries.is_empty() {
            return Ok(swapped);
        }
        let mut payloads = Payloads::new();
        payloads.add(made.bodies);
        let (threads, codec) = (self.world.threads, Codec::default());
        let writer = LayerWriter { bodies: &payloads, cache: &shop.cache, out: store, codec, threads };
        let segments = vec![SegmentPlan { entries: made.entries }];
        let layer = writer.write(&LayerGroup { title: "distil rebase".to_owned(), segments })?;
        crate::append::add(draft, &layer, self.world.epoch);
        Ok(swapped)
    }

    /// What the index says is treated as what manifests say: of the whole image, and beside each manifest, which is
    /// found by its digest in `upon` with that of its new base.
    fn swap_in_index(&self, index: &mut Value, upon: &BTreeMap<String, Digest>) -> Result<(), Diagnostic> {
        let document = |opened: &Opened<'_>| opened.source.document(&opened.name);
        let (old, new) = (document(self.old)?, document(self.new)?);
        // Of a base that has none, an image has nothing in its own.
        if let (image::Document::Index(_), image::Document::Index(_)) = (old.value(), new.value()) {
            config::rebase_annotations(&annotations(&old), &annotations(&new), index);
        }
        self.name_base(index, new.digest());
        for part in index["manifests"].as_array_mut().into_iter().flatten() {
            let base = part["digest"].as_str().and_then(|digest| upon.get(digest)).copied();
            if let Some(base) = base {
                self.name_base(part, base);
            }
        }
        Ok(())
    }

    fn base(&self, opened: &Opened<'_>, platform: Option<&Platform>) -> Result<Base, Diagnostic> {
        let source = opened.source.as_ref();
        let document = source.document(&opened.name)?;
        let chosen = platforms::choose(source, &document, platform, &self.world.host, &opened.shown)?;
        let config = read_small(source, &chosen.manifest().config)?;
        Ok(Base {
            layers: chosen.manifest().layers.clone(),
            config: serde_json::from_slice(&config).unwrap_or(Value::Null),
            annotations: annotations(&chosen.manifest),
            look: look_at(self.world, opened, platform, None)?,
            digest: chosen.descriptor.digest,
        })
    }

    /// Where a document or its descriptor named the base, it names the new one: by its digest, and by a name that
    /// others can ask for. A place of this machine is none, and would make another image of each way to name one base.
    fn name_base(&self, document: &mut Value, base: Digest) {
        let Some(all) = document.get_mut("annotations").and_then(Value::as_object_mut) else { return };
        if let Some(digest) = all.get_mut(BASE_DIGEST) {
            *digest = json!(base);
        }
        if let Some(named) = all.get_mut(BASE_NAME) {
            match &self.request.new_base {
                ImageName::Registry(name) => {
                    *named = json!(Reference { digest: None, ..name.clone() }.to_string());
                }
                _ => drop(all.remove(BASE_NAME)),
            }
        }
    }

    /// The text of a small file, from whichever of the three has its layer.
    fn text(&self, layer: &Descriptor, path: &[u8]) -> Result<Vec<u8>, Diagnostic> {
        for opened in [self.from, self.old, self.new] {
            if opened.source.blob(layer, 0).is_ok() {
                return joint::read_file(opened.source.as_ref(), layer, path, self.world.reporter.as_ref());
            }
        }
        Err(Diagnostic::new(Kind::Input, format!("the layer {} is nowhere", layer.digest)))
    }
}

/// The annotations of a document as they stand there.
fn annotations<T>(document: &Raw<T>) -> Value {
    let whole: Value = serde_json::from_slice(document.bytes()).unwrap_or(Value::Null);
    whole["annotations"].clone()
}

/// How many of the image's layers are the old base's, which must be its first ones.
fn below(whole: &Contents, old: &Contents, base: &Opened<'_>) -> Result<usize, Diagnostic> {
    for (n, layer) in old.layers.iter().enumerate() {
        let found = whole.layers.get(n).map(|own| own.diff_id);
        if found == Some(layer.diff_id) {
            continue;
        }
        let error = Diagnostic::new(Kind::Input, format!("it does not stand upon {}", base.shown));
        let error = match found {
            Some(found) => error
                .detail(format!("layer {} of the image has the tar {found}", n + 1))
                .detail(format!("layer {} of the base has the tar {}", n + 1, layer.diff_id)),
            None => error.detail(format!(
                "it has {} layers, and the base {}",
                whole.layers.len(),
                old.layers.len()
            )),
        };
        return Err(error.hint("name the very image that it was made upon, by digest if its tag has moved"));
    }
    Ok(old.layers.len())
}
