//! Images opened where they are: a name of the command line becomes a source to read from, or a sink to
//! write to.

use diag::{Diagnostic, Kind};
use image::{DockerArchive, Layout, OciArchive, Sink, Source};
use oci::{Digest, Reference};

use crate::World;
use crate::image_name::ImageName;

/// An image to be read.
pub(crate) struct Opened<'a> {
    /// Where it is.
    pub(crate) source: Box<dyn Source + Send + 'a>,
    /// What [`Source::document`] is to be asked for.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) shown: String,
}

/// Opens the place of an image. That the image is in it shows when its document is read, but of the local
/// store, whose names are at hand.
pub(crate) fn open_source<'a>(world: &'a World, name: &ImageName) -> Result<Opened<'a>, Diagnostic> {
    let shown = name.to_string();
    let open =
        |source: Box<dyn Source + Send + 'a>, name: String| Opened { source, name, shown: shown.clone() };
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
        ImageName::Registry(_) | ImageName::Daemon(_) => Err(Diagnostic::new(
            Kind::Usage,
            format!("cannot read {shown}: nothing is read from there"),
        )
        .hint("name an image of the local store, oci:DIR[:TAG], oci-archive:FILE or docker-archive:FILE")),
    }
}

/// Opens a place that images are written to part by part; archives of one image and engines are written
/// whole, by whoever has the image.
pub(crate) fn open_sink<'a>(world: &'a World, name: &ImageName) -> Result<Box<dyn Sink + 'a>, Diagnostic> {
    match name {
        ImageName::Stored(_) => Ok(Box::new(crate::build::image_store(world)?)),
        ImageName::Layout { dir, .. } => Ok(Box::new(Layout::create(world.working_dir.join(dir))?)),
        other => Err(Diagnostic::new(Kind::Usage, format!("cannot write {other} part by part"))
            .hint("write to the local store or to oci:DIR[:TAG]")),
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
