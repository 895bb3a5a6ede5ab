//! Images opened where they are: a name of the command line becomes a source to read from.

use diag::{Diagnostic, Kind};
use image::{DockerArchive, Layout, OciArchive, Source};
use oci::{Digest, Reference};

use crate::World;
use crate::image_name::{ImageName, is_registry};
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
    let shown = name.to_string();
    let open = |source: Box<dyn Source + Send + 'a>, name: String| Opened {
        source,
        name,
        shown: shown.clone(),
        repository: None,
    };
    match name {
        ImageName::Stored(text) => {
            let (store, name) = stored(world, text)?;
            Ok(open(Box::new(store), name))
        }
        ImageName::Layout { dir, tag } => {
            let path = world.working_dir.join(dir);
            let layout = Layout::open(path).map_err(|e| no_layout(&shown, e.into()))?;
            Ok(open(Box::new(layout), tag.clone().unwrap_or_default()))
        }
        ImageName::LayoutArchive { file, tag } => {
            let archive = OciArchive::open(world.working_dir.join(file))?;
            Ok(open(Box::new(archive), tag.clone().unwrap_or_default()))
        }
        ImageName::DockerArchive { file, reference } => {
            let archive = DockerArchive::open(&world.working_dir.join(file))?;
            let name = reference.as_ref().map(ToString::to_string).unwrap_or_default();
            Ok(open(Box::new(archive), name))
        }
        ImageName::Registry(reference) => {
            let repository = registries::repository(world, reference)?;
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
            let archive = DockerArchive::spool(&world.cache_dir.join("saved"), |out| {
                engine.save(&name, out, reporter).map(drop).map_err(Diagnostic::from)
            })?;
            // An engine may be asked for an id, or spell the name its own way; there is only the one image.
            Ok(open(Box::new(archive), String::new()))
        }
    }
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
    let nothing = |known: &[String]| {
        let near = diag::nearest(&name, known.iter().map(String::as_str), 1);
        let hint = match (near.first(), known) {
            (Some(near), _) => format!("there is `{near}`; `distil ls` lists all"),
            (None, []) => "nothing was built or pulled yet: `distil build`, `distil pull REF`".to_owned(),
            (None, _) if is_registry(text) => {
                format!("`distil ls` lists what there is; in its registry it is called docker://{text}")
            }
            (None, _) => format!(
                "`distil ls` lists what there is; an image of Docker Hub is called docker://{text}, \
                 one of an engine docker-daemon:{text}"
            ),
        };
        let text = format!("cannot find `{name}`: the local store has no image of that name");
        Diagnostic::new(Kind::Input, text).hint(hint)
    };
    let dir = world.data_dir.join("images");
    if !dir.join("oci-layout").exists() {
        return Err(nothing(&[]));
    }
    let store = Layout::open(dir)?;
    let index = store.index()?;
    let names: Vec<String> = store.names()?.into_iter().map(|(name, _)| name).collect();
    let there = names.contains(&name) || index.manifests.iter().any(|d| d.digest.to_string() == name);
    if there { Ok((store, name)) } else { Err(nothing(&names)) }
}

fn no_layout(shown: &str, error: Diagnostic) -> Diagnostic {
    error.while_doing(format!("cannot read {shown}"))
}
