//! `distil push`: an image to a registry.

use diag::{Diagnostic, Kind};
use image::Source;
use oci::{MediaType, Platform, Reference};

use crate::World;
use crate::attached::attach;
use crate::image_name::{ImageName, on_a_registry};
use crate::places::{Near, name_in_store, open_source_for};
use crate::registries::repository;
use crate::transfer::{Moved, carry};
use crate::{platforms, reasons};

/// What is to be pushed.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// The image, as [`ImageName::in_store`] reads it.
    pub name: ImageName,
    /// Where to; without it where its own name says.
    pub to: Option<ImageName>,
    /// Only this platform.
    pub platform: Option<Platform>,
    /// Attach what is known of why the image is as it is; it names lines of the recipe.
    pub reasons: bool,
}

/// Pushes an image with all its platforms, or one.
///
/// # Errors
/// It is not there, its name says no registry, or the registry does not take it; nothing is then named there.
pub fn push(world: &World, request: &PushRequest) -> Result<Moved, Diagnostic> {
    let to = match &request.to {
        Some(to @ ImageName::Registry(_)) => to.clone(),
        Some(other) => {
            let text = format!("cannot push {} to {other}: that is no registry", request.name);
            return Err(Diagnostic::new(Kind::Usage, text).hint(
                "name it REGISTRY/REPOSITORY:TAG or docker://REPOSITORY:TAG; `distil copy` writes to other places",
            ));
        }
        None => own_registry(&request.name)?,
    };
    // As `copy` does.
    let from = open_source_for(world, &request.name, &to, Near::Registry)?;
    let moved = carry(world, &from, &to, request.platform.as_ref())?;
    if request.reasons {
        attach_reasons(world, &to, &moved)?;
    }
    Ok(moved)
}

/// Lets each platform's manifest have its reasons as a referrer.
fn attach_reasons(world: &World, to: &ImageName, moved: &Moved) -> Result<(), Diagnostic> {
    let ImageName::Registry(reference) = to else { return Ok(()) };
    let doing = |d: Diagnostic| d.while_doing(format!("cannot attach the reasons to {to}"));
    let repository = repository(world, reference)?;
    let document = repository.document(&moved.digest.to_string()).map_err(|e| doing(e.into()))?;
    let mut attached = 0;
    for image in platforms::all(&repository, &document).map_err(doing)? {
        if let Some(bytes) = reasons::document(world, &image.descriptor.digest) {
            let kind = MediaType::new(reasons::MEDIA_TYPE);
            attach(&repository, &image.descriptor, &kind, &bytes).map_err(doing)?;
            attached += 1;
        }
    }
    if attached == 0 {
        let text = format!("cannot attach the reasons to {to}: this machine keeps none of it");
        return Err(Diagnostic::new(Kind::Input, text)
            .hint("the image itself is pushed; leave --reasons away, or push it from where it was made"));
    }
    Ok(())
}

/// Where an image's own name says that it belongs.
fn own_registry(name: &ImageName) -> Result<ImageName, Diagnostic> {
    if let ImageName::Stored(text) = name
        // By a digest it may be called on a registry as well as by a tag.
        && let Some(reference) = [text.clone(), name_in_store(text)].iter().find_map(|name| {
            name.parse::<Reference>().ok().filter(|r| r.tag.is_some() || r.digest.is_some())
        })
        && reference.registry.is_some()
    {
        return Ok(ImageName::Registry(on_a_registry(reference)));
    }
    let text = match name {
        ImageName::Registry(_) => format!("cannot push {name}: it is there, and no other place is named"),
        _ => format!("cannot push {name}: its name says no registry"),
    };
    Err(Diagnostic::new(Kind::Usage, text)
        .hint(format!("say where to: `distil push {name} REGISTRY/REPOSITORY:TAG`")))
}
