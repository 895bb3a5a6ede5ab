//! `distil ls`: the images of the local store, or the tags of a repository.

use std::collections::BTreeSet;

use diag::{Diagnostic, Kind, Note};
use image::{DockerArchive, Layout, OciArchive, REF_NAME, Source, entry_name, read_document, read_small};
use oci::{Descriptor, Digest, ImageConfig, Index, MediaType, Reference};
use serde::Serialize;

use crate::World;
use crate::image_name::ImageName;
use crate::places::{meant_instead, room, unopened, unpacked};
use crate::platforms;
use crate::registries::repository;

/// An image, or a name of which no more is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name there.
    pub name: String,
    /// Of its index or manifest; a registry lists only tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Its platforms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Bytes of its layers and configs as they are stored, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was made, as its config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// Lists the local store, or what `place` names: images of the store, a repository's tags, the images of a
/// layout, an archive or an engine.
///
/// # Errors
/// The place cannot be read.
pub fn ls(world: &World, place: Option<&ImageName>) -> Result<Vec<Listed>, Diagnostic> {
    let shown = || place.map(ToString::to_string).unwrap_or_default();
    let mut all = match place {
        None => stored(world)?,
        Some(ImageName::Stored(name)) => of_name(world, stored(world)?, name)?,
        Some(ImageName::Registry(reference)) => tags(world, reference)?,
        Some(ImageName::Layout { dir, .. }) => {
            let path = world.working_dir.join(dir);
            let layout = Layout::open(&path).map_err(|e| unopened(&shown(), &path, e))?;
            let index = layout.index()?;
            images(world, &layout, &index)
        }
        Some(ImageName::LayoutArchive { file, .. }) => {
            let path = world.working_dir.join(file);
            let archive = OciArchive::open_in(&path, room(world, &unpacked(world)));
            let archive = archive.map_err(|e| unopened(&shown(), &path, e))?;
            images(world, &archive, archive.index())
        }
        Some(ImageName::DockerArchive { file, .. }) => {
            let path = world.working_dir.join(file);
            let archive = DockerArchive::open_in(&path, room(world, &unpacked(world)));
            let archive = archive.map_err(|e| unopened(&shown(), &path, e))?;
            archive.names().into_iter().filter(|name| is_sound(world, name)).map(named).collect()
        }
        Some(ImageName::Daemon(_)) => {
            let text = "cannot list the images of an engine: that is the engine's own affair";
            return Err(
                Diagnostic::new(Kind::Usage, text).hint("`docker images` or `podman images` lists them")
            );
        }
    };
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn named(name: String) -> Listed {
    Listed { name, digest: None, platforms: Vec::new(), size: None, created: None }
}

fn stored(world: &World) -> Result<Vec<Listed>, Diagnostic> {
    let dir = world.data_dir.join("images");
    // What cannot be looked at is told below.
    if let Ok(false) = dir.join("oci-layout").try_exists() {
        return Ok(Vec::new());
    }
    let store = Layout::open(dir)?;
    let index = store.index()?;
    Ok(images(world, &store, &index))
}

fn tags(world: &World, reference: &Reference) -> Result<Vec<Listed>, Diagnostic> {
    if reference.tag.is_some() || reference.digest.is_some() {
        let text = format!("cannot list docker://{reference}: that is one image, not a repository");
        return Err(Diagnostic::new(Kind::Usage, text)
            .hint(format!("list its repository: `distil ls docker://{}`", reference.name())));
    }
    let tags = repository(world, reference)?.tags()?;
    Ok(tags.into_iter().map(|tag| named(format!("{}:{tag}", reference.name()))).collect())
}

/// Those whose repository is `name`, or the one that is called so, or has that digest.
fn of_name(world: &World, all: Vec<Listed>, name: &str) -> Result<Vec<Listed>, Diagnostic> {
    let is_own = |l: &Listed| {
        let has_digest = l.digest.is_some_and(|digest| digest.to_string() == name);
        l.name == name || has_digest || l.name.parse::<Reference>().is_ok_and(|r| r.name() == name)
    };
    let (own, others): (Vec<Listed>, Vec<Listed>) = all.into_iter().partition(is_own);
    if !own.is_empty() {
        return Ok(own);
    }
    let near = diag::nearest(name, others.iter().map(|l| l.name.as_str()), 1);
    let digests: Vec<Digest> = others.iter().filter_map(|l| l.digest).collect();
    let hint = meant_instead(world, name, near.first().copied(), &digests).unwrap_or_else(|| {
        format!("`distil ls` lists what there is; a repository of Docker Hub is docker://{name}")
    });
    let text = format!("cannot list {name}: the local store has no image of that name");
    Err(Diagnostic::new(Kind::Input, text).hint(hint))
}

/// The images of an index of names; one that cannot be read is listed, and said.
fn images(world: &World, source: &dyn Source, index: &Index) -> Vec<Listed> {
    let of = |part: &Descriptor| {
        let tag = || part.annotations.get(REF_NAME).cloned();
        let name = entry_name(index, part).or_else(tag).filter(|name| is_sound(world, name));
        let name = name.unwrap_or_default();
        match look(source, part) {
            Ok(listed) => Listed { name, ..listed },
            Err(e) => {
                world.reporter.note(Note::Warning(format!("{name} is damaged: {e}")));
                Listed { digest: Some(part.digest), ..named(name) }
            }
        }
    };
    index.manifests.iter().map(of).collect()
}

/// Whether a name that stands in somebody's file may be printed as one: of the characters that names are
/// made of (image-spec, annotations.md "org.opencontainers.image.ref.name"), such that it can be no second
/// line. Where it is not, that is said.
fn is_sound(world: &World, name: &str) -> bool {
    let sound = name.chars().all(|c| c.is_ascii_alphanumeric() || "-._:@/+".contains(c));
    if !sound {
        let start: String = name.chars().take(60).collect();
        world.reporter.note(Note::Warning(format!("`{}` is no name of an image", start.escape_debug())));
    }
    sound
}

fn look(source: &dyn Source, part: &Descriptor) -> Result<Listed, Diagnostic> {
    let document = read_document(source, part)?;
    let (mut platforms, mut seen, mut size, mut created) = (Vec::new(), BTreeSet::new(), 0u64, None);
    for image in platforms::all(source, &document)? {
        let manifest = image.manifest();
        // Of an index in the index, too.
        platforms.extend(image.platform.as_ref().map(ToString::to_string));
        for part in manifest.layers.iter().chain([&manifest.config]).filter(|p| seen.insert(p.digest)) {
            size = size.saturating_add(part.size);
        }
        if created.is_none() && is_config(&manifest.config.media_type) {
            let config = serde_json::from_slice::<ImageConfig>(&read_small(source, &manifest.config)?).ok();
            created = config.and_then(|c| c.created).filter(|text| is_time(text));
        }
    }
    Ok(Listed { name: String::new(), digest: Some(part.digest), platforms, size: Some(size), created })
}

/// Is it made of what RFC 3339 makes times of? What else stands there is not shown as one.
fn is_time(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"-:.+TtZz".contains(&b))
}

fn is_config(kind: &MediaType) -> bool {
    *kind == MediaType::CONFIG || *kind == MediaType::DOCKER_CONFIG
}
