//! An image from where it is to where it is wanted: what `push`, `pull`, `copy` and `build --push` have in
//! common.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use diag::{Diagnostic, Kind};
use image::oci_archive::{self, ArchiveName};
use image::{Copied, Copy, Layout, Sink, Source, Steady, TransportError, docker_archive};
use oci::{Descriptor, Digest, Platform, Raw, Reference};
use serde::Serialize;

use crate::World;
use crate::deliver::with_tag;
use crate::image_name::ImageName;
use crate::known_blobs::KnownBlobs;
use crate::known_tars::KnownTars;
use crate::places::{Opened, name_in_store};
use crate::platforms;
use crate::registries;

/// How many blobs are on their way at once.
const AT_ONCE: usize = 4;

/// An image that is where it was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Where it came from.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// The digest of its index or manifest; of what forgets that, of its config.
    pub digest: Digest,
    /// What an engine calls it, or an archive for one: its digest is not kept there.
    pub id: Option<String>,
    /// Its platforms, where it has an index.
    pub platforms: Vec<String>,
    /// Blobs that went over.
    pub sent: u64,
    /// And their bytes.
    pub sent_bytes: u64,
    /// Blobs that the registry took from another of its repositories.
    pub mounted: u64,
    /// Blobs that were there.
    pub present: u64,
    /// It was there under that name already.
    pub unchanged: bool,
}

/// Brings an image to `to`: with all its platforms, or the one that is `wanted`.
pub(crate) fn carry(
    world: &World,
    from: &Opened<'_>,
    to: &ImageName,
    wanted: Option<&Platform>,
) -> Result<Moved, Diagnostic> {
    let doing = |d: Diagnostic| d.while_doing(format!("cannot copy {} to {to}", from.shown));
    let one = Only::chosen(world, from, wanted, &doing)?;
    let moved = place(world, from, to, &one).map_err(doing);
    // What broke off because the user asked for it is no fault of anything.
    world.reporter.check()?;
    moved
}

fn place(world: &World, from: &Opened<'_>, to: &ImageName, one: &Only<'_>) -> Result<Moved, Diagnostic> {
    match to {
        ImageName::Stored(name) => to_store(world, from, one, name),
        ImageName::Registry(reference) => to_registry(world, from, one, reference),
        ImageName::Layout { dir, tag } => {
            let name = tag.as_deref().unwrap_or_default();
            Layout::fill(world.working_dir.join(dir), |sink| {
                let copied = copy(world, one, sink, name, &HashMap::new())?;
                Ok(told(from, to, one, copied))
            })
        }
        ImageName::LayoutArchive { file, tag } => {
            let called = archive_name(tag.as_deref(), reference_of(from));
            let steady = Steady::new(one, world.reporter.as_ref());
            let digest = oci_archive::save(&steady, "", &called, &world.working_dir.join(file))?;
            Ok(written(from, to, one, digest, None))
        }
        ImageName::DockerArchive { at: Some(_), .. } => {
            let text = "that counts the images of an archive which is there, and archives are written anew";
            Err(Diagnostic::new(Kind::Usage, text)
                .hint("give the image a name, or none: docker-archive:FILE[:REF]"))
        }
        ImageName::DockerArchive { file, reference, at: None } => {
            let image = one.alone()?;
            let names = reference.clone().or_else(|| reference_of(from)).map(with_tag);
            let names: Vec<Reference> = names.into_iter().collect();
            let steady = Steady::new(&image, world.reporter.as_ref());
            let tars = KnownTars::of(world);
            let path = world.working_dir.join(file);
            let id = docker_archive::save(&tars.with(&steady), "", None, &names, &path)?;
            Ok(written(from, to, &image, id, Some(id.to_string())))
        }
        ImageName::Daemon(reference) => to_engine(world, from, one, reference),
    }
}

fn to_store(world: &World, from: &Opened<'_>, one: &Only<'_>, name: &str) -> Result<Moved, Diagnostic> {
    let reference = name.parse::<Reference>().ok();
    let digest = name.parse().ok().or_else(|| reference.as_ref().and_then(|r| r.digest));
    one.is(digest.as_ref())?;
    // A tag beside a digest is what it is called from now on; without one the name keeps the digest.
    let stored = match reference {
        Some(reference) if reference.tag.is_some() => Reference { digest: None, ..reference }.to_string(),
        Some(reference) if reference.digest.is_some() => reference.to_string(),
        _ => name_in_store(name),
    };
    let store = crate::build::image_store(world)?;
    let copied = copy(world, one, &store, &stored, &HashMap::new())?;
    if let Some((host, path)) = &from.repository {
        KnownBlobs::of(world, host).note(path, copied.blobs.iter().copied());
    }
    Ok(told(from, &ImageName::Stored(stored), one, copied))
}

fn to_registry(
    world: &World,
    from: &Opened<'_>,
    one: &Only<'_>,
    reference: &Reference,
) -> Result<Moved, Diagnostic> {
    one.is(reference.digest.as_ref())?;
    let repository = registries::repository(world, reference)?;
    let known = KnownBlobs::of(world, repository.host());
    let beside = match &from.repository {
        // Where it comes from is sure to have it.
        Some((host, path)) if host == repository.host() && path != repository.path() => {
            one.blobs()?.into_iter().map(|digest| (digest, vec![path.clone()])).collect()
        }
        _ => known.beside(repository.path()),
    };
    // With a tag and a digest it is the tag that is set.
    let called = match &reference.tag {
        Some(tag) => tag.clone(),
        None => registries::name_in_repository(reference),
    };
    let copied = copy(world, one, &repository, &called, &beside)?;
    known.note(repository.path(), copied.blobs.iter().copied());
    let whole = ImageName::Registry(with_tag(reference.clone()));
    Ok(told(from, &whole, one, copied))
}

fn to_engine(
    world: &World,
    from: &Opened<'_>,
    one: &Only<'_>,
    reference: &Reference,
) -> Result<Moved, Diagnostic> {
    let image = one.alone()?;
    let engine = crate::engines::connect(world)?;
    let name = with_tag(reference.clone());
    let to = ImageName::Daemon(name.clone());
    let (tars, reporter) = (KnownTars::of(world), world.reporter.as_ref());
    let taken = engine.load_image(&tars.with(&image), &from.shown, None, &[name], reporter)?;
    let config = docker_archive::choose(&image, "", None)?.config.digest;
    let (sent_bytes, unchanged) = (taken.sent, taken.sent == 0);
    Ok(Moved { sent_bytes, unchanged, ..written(from, &to, &image, config, Some(taken.id)) })
}

/// Copies what `one` is to a sink.
fn copy(
    world: &World,
    one: &Only<'_>,
    sink: &dyn Sink,
    name: &str,
    beside: &HashMap<Digest, Vec<String>>,
) -> Result<Copied, Diagnostic> {
    let elsewhere = |digest: &Digest| beside.get(digest).cloned().unwrap_or_default();
    let copy = Copy { threads: AT_ONCE, reporter: world.reporter.as_ref(), elsewhere: &elsewhere };
    Ok(copy.run(one.source, &one.document, sink, &[name])?)
}

fn told(from: &Opened<'_>, to: &ImageName, one: &Only<'_>, copied: Copied) -> Moved {
    Moved {
        sent: copied.sent,
        sent_bytes: copied.sent_bytes,
        mounted: copied.mounted,
        present: copied.present,
        unchanged: copied.unchanged,
        ..written(from, to, one, copied.digest, None)
    }
}

fn written(from: &Opened<'_>, to: &ImageName, one: &Only<'_>, digest: Digest, id: Option<String>) -> Moved {
    Moved {
        from: from.shown.clone(),
        to: to.to_string(),
        digest,
        id,
        platforms: platforms::names(one.source, &one.document),
        sent: 0,
        sent_bytes: 0,
        mounted: 0,
        present: 0,
        unchanged: false,
    }
}

/// What an archive calls an image: as the name says, else as it is called where it comes from.
pub(crate) fn archive_name(tag: Option<&str>, own: Option<Reference>) -> ArchiveName {
    let own = own.map(with_tag);
    match tag {
        None => own.as_ref().map(ArchiveName::of).unwrap_or_default(),
        Some(name) if name.contains([':', '/']) => match name.parse() {
            Ok(reference) => ArchiveName::of(&with_tag(reference)),
            Err(_) => ArchiveName { tag: Some(name.to_owned()), reference: None },
        },
        Some(tag) => ArchiveName {
            tag: Some(tag.to_owned()),
            reference: own.map(|own| Reference { tag: Some(tag.to_owned()), digest: None, ..own }),
        },
    }
}

/// The name of an image that an engine can call it by; none of what has only a path.
pub(crate) fn reference_of(from: &Opened<'_>) -> Option<Reference> {
    let text = match from.shown.parse().ok()? {
        ImageName::Registry(r) | ImageName::Daemon(r) => return Some(Reference { digest: None, ..r }),
        // A config's digest finds an image there, and names none.
        ImageName::DockerArchive { reference, .. } => {
            return reference.filter(|r| r.to_string().parse::<Digest>().is_err());
        }
        ImageName::Stored(name) => name,
        ImageName::Layout { tag, .. } | ImageName::LayoutArchive { tag, .. } => {
            tag.filter(|tag| tag.contains(':'))?
        }
    };
    let reference: Reference = text.parse().ok()?;
    Some(Reference { digest: None, ..reference })
}

/// A source with one image in it, whatever it is asked for.
pub(crate) struct Only<'a> {
    source: &'a dyn Source,
    document: Raw<image::Document>,
}

impl<'a> Only<'a> {
    /// What an opened place has under its name, or its image of the platform that is `wanted`; an error that
    /// does not say yet what was to be done says it by `doing`.
    pub(crate) fn chosen(
        world: &World,
        from: &'a Opened<'_>,
        wanted: Option<&Platform>,
        doing: &dyn Fn(Diagnostic) -> Diagnostic,
    ) -> Result<Only<'a>, Diagnostic> {
        let source = from.source.as_ref();
        let document = source.document(&from.name).map_err(|e| doing(e.into()))?;
        let document = match wanted {
            Some(_) => {
                let chosen = platforms::choose(source, &document, wanted, &world.host, &from.shown)?;
                chosen.note_others(world.reporter.as_ref(), &from.shown);
                chosen.manifest
            }
            None => document,
        };
        Ok(Only { source, document })
    }

    /// The image of the only platform, for what takes no more.
    pub(crate) fn alone(&self) -> Result<Only<'a>, Diagnostic> {
        let images = platforms::all(self, &self.document)?;
        if let [image] = images.as_slice() {
            return Ok(Only { source: self.source, document: image.manifest.clone() });
        }
        let there: Vec<String> =
            images.iter().filter_map(|i| Some(i.platform.as_ref()?.to_string())).collect();
        let text = format!("it has {} platforms, and there is room for one image there", images.len());
        Err(Diagnostic::new(Kind::Usage, text).hint(match there.first() {
            Some(first) => format!("choose one, as --platform {first}; it has {}", there.join(", ")),
            None => "name an image; what was read is an artifact or an empty index".to_owned(),
        }))
    }

    /// Whether it has the digest that the name it is to have says.
    fn is(&self, wanted: Option<&Digest>) -> Result<(), Diagnostic> {
        let digest = self.document.digest();
        match wanted.filter(|wanted| **wanted != digest) {
            None => Ok(()),
            Some(wanted) => {
                let text = format!("its digest is {digest}, and the name that it is to have says {wanted}");
                Err(Diagnostic::new(Kind::Usage, text).hint(
                    "give it a name without a digest; with --platform it is one image of an index, and has another digest",
                ))
            }
        }
    }

    /// Every blob of every platform.
    fn blobs(&self) -> Result<Vec<Digest>, Diagnostic> {
        let images = platforms::all(self, &self.document)?;
        let parts = images.iter().map(platforms::Chosen::manifest);
        let parts = parts.flat_map(|manifest| manifest.layers.iter().chain([&manifest.config]));
        Ok(parts.map(|part| part.digest).collect())
    }
}

impl Source for Only<'_> {
    fn document(&self, _: &str) -> Result<Raw<image::Document>, TransportError> {
        Ok(self.document.clone())
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        // Not every source has a manifest among its blobs.
        if of.digest == self.document.digest() {
            let mut bytes = Cursor::new(self.document.bytes());
            bytes.set_position(from);
            return Ok(Box::new(bytes));
        }
        self.source.blob(of, from)
    }
}
