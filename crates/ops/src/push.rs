//! `distil push`: an image to a registry.

use diag::{Diagnostic, Kind};
use oci::{Platform, Reference};

use crate::World;
use crate::image_name::{ImageName, on_a_registry};
use crate::places::{name_in_store, open_source};
use crate::transfer::{Moved, carry};

/// What is to be pushed.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// The image, as [`ImageName::in_store`] reads it.
    pub name: ImageName,
    /// Where to; without it where its own name says.
    pub to: Option<ImageName>,
    /// Only this platform.
    pub platform: Option<Platform>,
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
    let from = open_source(world, &request.name)?;
    carry(world, &from, &to, request.platform.as_ref())
}

/// Where an image's own name says that it belongs.
fn own_registry(name: &ImageName) -> Result<ImageName, Diagnostic> {
    if let ImageName::Stored(text) = name
        && let Ok(reference) = name_in_store(text).parse::<Reference>()
        && reference.registry.is_some()
    {
        return Ok(ImageName::Registry(on_a_registry(reference)));
    }
    let text = format!("cannot push {name}: its name says no registry");
    Err(Diagnostic::new(Kind::Usage, text)
        .hint(format!("say where to: `distil push {name} REGISTRY/REPOSITORY:TAG`")))
}
