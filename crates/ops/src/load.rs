//! `distil copy --load`: an image from anywhere into an engine or a cluster, as `build --load` brings there
//! what it built.

use diag::{Diagnostic, Kind};
use engine::Importer;
use oci::{Platform, Reference};

use crate::World;
use crate::deliver::with_tag;
use crate::engines;
use crate::image_name::ImageName;
use crate::places::{Opened, open_source};
use crate::report::Loaded;
use crate::transfer::{Only, reference_of};

/// What is to be loaded.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// The image.
    pub from: ImageName,
    /// Into each of these; none is the Docker or Podman that answers first.
    pub into: Vec<Option<Importer>>,
    /// What it is to be called there, a name without a transport; without one, as where it comes from.
    pub name: Option<String>,
    /// The platform; without one the image must have no more than one.
    pub platform: Option<Platform>,
}

/// Loads one platform of an image; what an engine has already is only named.
///
/// # Errors
/// It is not there or has several platforms; it has no name that an engine could call it by; no engine
/// answers, or a command is missing or fails. What was loaded before into another engine stays there.
pub fn load(world: &World, request: &LoadRequest) -> Result<Vec<Loaded>, Diagnostic> {
    let given = request.name.as_deref().map(|text| name(&request.from, text)).transpose()?;
    let from = open_source(world, &request.from)?;
    let names = [with_tag(given.map_or_else(|| own_name(&from), Ok)?)];
    let doing = |d: Diagnostic| d.while_doing(format!("cannot load {}", from.shown));
    let image = Only::chosen(world, &from, request.platform.as_ref(), &doing)?.alone().map_err(doing)?;
    let mut loaded = Vec::new();
    for into in &request.into {
        world.reporter.check()?;
        loaded.extend(match into {
            Some(importer) => engines::import(world, importer, &image, &from.shown, None, &names)?,
            None => engines::load(world, &engines::connect(world)?, &image, &from.shown, None, &names)?,
        });
    }
    Ok(loaded)
}

/// A name as an engine has it: `oci:out` would be one too, and was meant as a place.
fn name(from: &ImageName, text: &str) -> Result<Reference, Diagnostic> {
    let plain = match text.parse()? {
        ImageName::Stored(name) => name == text && text.parse::<oci::Digest>().is_err(),
        ImageName::Registry(_) => !text.starts_with("docker://"),
        _ => false,
    };
    text.parse().ok().filter(|_| plain).ok_or_else(|| {
        let why = "an engine calls an image by a name alone, as acme/app:1";
        Diagnostic::new(Kind::Usage, format!("cannot load {from} as {text}: {why}"))
            .hint(format!("copy it to a place without --load: `distil copy {from} {text}`"))
    })
}

/// What it is called where it comes from.
fn own_name(from: &Opened<'_>) -> Result<Reference, Diagnostic> {
    reference_of(from).ok_or_else(|| {
        let shown = &from.shown;
        Diagnostic::new(Kind::Usage, format!("cannot load {shown}: it says no name for the engine"))
            .hint(format!("give it one: `distil copy {shown} NAME --load`"))
    })
}
