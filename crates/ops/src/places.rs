//! Images opened where they are: a name of the command line becomes a source to read from.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind};
use image::{DockerArchive, Layout, OciArchive, Room, Source, TransportError};
use oci::{Digest, Reference};

use crate::World;
use crate::image_name::{ImageName, host_alone, is_cut_digest, is_registry};
use crate::registries;

/// An image to be read.
pub(crate) struct Opened<'a> {
    /// Where it is.
    pub(crate) source: Box<dyn Source + Send + 'a>,
    /// What [`Source::document`] is to be asked for.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) shown: String,
    /// Host and path, where it is a repository of a registry.
    pub(crate) repository: Option<(String, String)>,
}

/// Opens the place of an image. That the image is in it shows when its document is read, but of the local
/// store, whose names are at hand.
pub(crate) fn open_source<'a>(world: &'a World, name: &ImageName) -> Result<Opened<'a>, Diagnostic> {
    open(world, name, false)
}

/// How much two names on registries have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Near {
    /// The registry.
    Registry,
    /// And the repository in it.
    Repository,
}

/// The same for what is then written to `to`: where the two are so `near`, what is read is read from the place
/// itself and from none of its mirrors. One that is behind has the image that a name led to once, and that would
/// become the new one there.
pub(crate) fn open_source_for<'a>(
    world: &'a World,
    name: &ImageName,
    to: &ImageName,
    near: Near,
) -> Result<Opened<'a>, Diagnostic> {
    let home = match (name, to) {
        (ImageName::Registry(from), ImageName::Registry(to)) => {
            // As the settings rewrite both.
            let (from, to) = (registries::repository(world, from)?, registries::repository(world, to)?);
            let found = match (from.host() == to.host(), from.path() == to.path()) {
                (true, true) => Some(Near::Repository),
                (true, false) => Some(Near::Registry),
                _ => None,
            };
            found >= Some(near)
        }
        _ => false,
    };
    open(world, name, home)
}

/// `home`: from no mirror.
fn open<'a>(world: &'a World, name: &ImageName, home: bool) -> Result<Opened<'a>, Diagnostic> {
    let shown = name.to_string();
    let open = |source: Box<dyn Source + Send + 'a>, name: String| Opened {
        source,
        name,
        shown: shown.clone(),
        repository: None,
    };
    let dir = unpacked(world);
    match name {
        ImageName::Stored(text) => {
            let (store, name) = stored(world, text)?;
            Ok(open(Box::new(store), name))
        }
        ImageName::Layout { dir, tag } => {
            let path = world.working_dir.join(dir);
            let layout = Layout::open(&path).map_err(|e| unopened(&shown, &path, e))?;
            Ok(open(Box::new(layout), tag.clone().unwrap_or_default()))
        }
        ImageName::LayoutArchive { file, tag } => {
            let path = world.working_dir.join(file);
            let archive =
                OciArchive::open_in(&path, room(world, &dir)).map_err(|e| unopened(&shown, &path, e))?;
            Ok(open(Box::new(archive), tag.clone().unwrap_or_default()))
        }
        ImageName::DockerArchive { file, reference, at } => {
            let path = world.working_dir.join(file);
            let archive =
                DockerArchive::open_in(&path, room(world, &dir)).map_err(|e| unopened(&shown, &path, e))?;
            let at = at.map(|at| format!("@{at}"));
            let name = reference.as_ref().map(ToString::to_string).or(at).unwrap_or_default();
            Ok(open(Box::new(archive), name))
        }
        ImageName::Registry(reference) => {
            let repository = registries::repository(world, reference)?;
            let repository = if home { repository.at_home() } else { repository };
            let place = (repository.host().to_owned(), repository.path().to_owned());
            let opened = open(Box::new(repository), registries::name_in_repository(reference));
            Ok(Opened { repository: Some(place), ..opened })
        }
        ImageName::Daemon(reference) => {
            let engine = crate::engines::connect(world)?;
            let (mut name, reporter) = (reference.to_string(), world.reporter.as_ref());
            if reference.tag.is_none() && reference.digest.is_none() {
                // For a name alone Docker gives the images of all its tags; the one that it means has an id.
                let meant = engine.image(&name).map_err(Diagnostic::from)?;
                name = meant.map_or(name, |image| image.id);
            }
            let archive = DockerArchive::spool(&dir, |out| {
                engine.save(&name, out, reporter).map(drop).map_err(Diagnostic::from)
            })?;
            // An engine may be asked for an id, or spell the name its own way; there is only the one image.
            Ok(open(Box::new(archive), String::new()))
        }
    }
}

/// Where archives lie while they are read that come from an engine, or that are compressed.
pub(crate) fn unpacked(world: &World) -> PathBuf {
    world.cache_dir.join("saved")
}

/// That, for archives in files.
pub(crate) fn room<'a>(world: &'a World, dir: &'a Path) -> Room<'a> {
    Room { dir, reporter: world.reporter.as_ref() }
}

/// The name of an image in the local store: with a tag, or a digest alone.
pub(crate) fn name_in_store(text: &str) -> String {
    if text.parse::<Digest>().is_ok() {
        return text.to_owned();
    }
    match text.parse::<Reference>() {
        Ok(Reference { digest: Some(digest), .. }) => digest.to_string(),
        Ok(reference) if reference.tag.is_none() => format!("{text}:latest"),
        _ => text.to_owned(),
    }
}

/// The local store and an image's name in it.
fn stored(world: &World, text: &str) -> Result<(Layout, String), Diagnostic> {
    let name = name_in_store(text);
    let nothing = |known: &[String], digests: &[Digest]| {
        let near = diag::nearest(&name, known.iter().map(String::as_str), 1);
        let hint = meant_instead(world, text, near.first().copied(), digests);
        let hint = hint.unwrap_or_else(|| match known {
            [] => format!(
                "nothing was built or pulled yet: `distil build`, `distil pull REF`; an image of Docker Hub is \
                 called docker://{text}, one of an engine docker-daemon:{text}"
            ),
            _ if is_registry(text) => {
                format!("`distil ls` lists what there is; in its registry it is called docker://{text}")
            }
            _ => format!(
                "`distil ls` lists what there is; an image of Docker Hub is called docker://{text}, \
                 one of an engine docker-daemon:{text}"
            ),
        });
        let text = format!("cannot find `{name}`: the local store has no image of that name");
        Diagnostic::new(Kind::Input, text).hint(hint)
    };
    let dir = world.data_dir.join("images");
    // What cannot be looked at is told below.
    if let Ok(false) = dir.join("oci-layout").try_exists() {
        return Err(nothing(&[], &[]));
    }
    let store = Layout::open(dir)?;
    let index = store.index()?;
    let names: Vec<String> = store.names()?.into_iter().map(|(name, _)| name).collect();
    let there = names.contains(&name) || index.manifests.iter().any(|d| d.digest.to_string() == name);
    if there {
        return Ok((store, name));
    }
    let digests: Vec<Digest> = index.manifests.iter().map(|d| d.digest).collect();
    Err(nothing(&names, &digests))
}

/// What may be typed for a name that the store does not have: of something else that it looks like, or the name that
/// is `near` to it. `digests` are those of the store's images.
pub(crate) fn meant_instead(
    world: &World,
    text: &str,
    near: Option<&str>,
    digests: &[Digest],
) -> Option<String> {
    if let Some(transport) = transport_of(&world.working_dir.join(text)) {
        return Some(format!("an image in a file or directory is called {transport}:{text}"));
    }
    if is_cut_digest(text) {
        let meant: BTreeSet<String> = digests.iter().map(ToString::to_string).collect();
        let meant: Vec<String> = meant.into_iter().filter(|digest| digest.starts_with(text)).collect();
        return Some(match meant.as_slice() {
            [] => "no digest in the store begins so; `distil ls` lists what there is".to_owned(),
            meant => format!("write the whole digest: {}", meant.join(", or ")),
        });
    }
    if let Some(near) = near {
        // As every verb reads it.
        return Some(format!("there is `{}`; `distil ls` lists all", ImageName::Stored(near.to_owned())));
    }
    let host = host_alone(text)?;
    Some(format!("`distil ls` lists what there is; of a registry name a repository: {host}/REPOSITORY"))
}

/// An input that cannot be read is the input's fault, and it may be another sort than it was called.
pub(crate) fn unopened(shown: &str, path: &Path, error: TransportError) -> Diagnostic {
    let gone = matches!(&error, TransportError::Io { verb: "read", error, .. } if matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    ));
    let malformed = matches!(error, TransportError::Malformed { .. });
    let told = Diagnostic::from(error).while_doing(format!("cannot read {shown}"));
    if !gone && !malformed {
        return told;
    }
    told.of_kind(Kind::Input).hint(match transport_of(path) {
        Some(transport) => format!("there is an image in it by another way: {transport}:{}", path.display()),
        None if !path.exists() => {
            "nothing is there; look at the path, which is taken from the working directory".to_owned()
        }
        None if malformed => {
            "it is damaged, or holds no image: have it written anew where it came from".to_owned()
        }
        None => "a layout is a directory with `oci-layout` and `index.json`, an archive is a file".to_owned(),
    })
}

/// By which transport a path of this machine holds images, if it does.
fn transport_of(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return Layout::open(path).is_ok().then_some("oci");
    }
    // Anything but a file may never end.
    if !path.is_file() {
        return None;
    }
    match (OciArchive::open(path), DockerArchive::open(path)) {
        (Ok(_), _) => Some("oci-archive"),
        (_, Ok(_)) => Some("docker-archive"),
        _ => None,
    }
}
