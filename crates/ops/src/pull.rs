//! `distil pull`: an image into the local store.

use diag::{Diagnostic, Kind};
use oci::{Platform, Reference};

use crate::World;
use crate::image_name::{ImageName, host_alone};
use crate::places::open_source;
use crate::transfer::{Moved, carry};

/// What is to be pulled.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// The image.
    pub name: ImageName,
    /// What the store is to call it, as [`ImageName::in_store`] reads it; without it, what the registry does.
    pub to: Option<ImageName>,
    /// Only this platform.
    pub platform: Option<Platform>,
}

/// Pulls an image with all its platforms, or one.
///
/// # Errors
/// It is not there or not what its digest says; the store then has nothing of that name that it did not have.
pub fn pull(world: &World, request: &PullRequest) -> Result<Moved, Diagnostic> {
    let name = &request.name;
    if let ImageName::Stored(text) = name {
        return Err(Diagnostic::new(
            Kind::Usage,
            format!("cannot pull {name}: that is a name of the local store"),
        )
        .hint(match host_alone(text) {
            Some(host) => format!("name an image of that registry: `distil pull {host}/REPOSITORY:TAG`"),
            None => {
                format!("of Docker Hub it is `distil pull docker://{text}`; else put the registry before it")
            }
        }));
    }
    let to = match &request.to {
        Some(to @ ImageName::Stored(_)) => to.clone(),
        Some(other) => {
            let text = format!("cannot pull {name} to {other}: what is pulled goes to the local store");
            return Err(Diagnostic::new(Kind::Usage, text)
                .hint(format!("write it there with `distil copy {name} {other}`")));
        }
        None => own_name(name)?,
    };
    let from = open_source(world, name)?;
    carry(world, &from, &to, request.platform.as_ref())
}

/// What the store calls an image that is given no other name there.
fn own_name(name: &ImageName) -> Result<ImageName, Diagnostic> {
    let of = |r: &Reference| ImageName::Stored(r.to_string());
    match name {
        ImageName::Registry(r) | ImageName::Daemon(r) => Ok(of(r)),
        ImageName::DockerArchive { reference: Some(r), .. } => Ok(of(r)),
        _ => Err(Diagnostic::new(
            Kind::Usage,
            format!("cannot pull {name}: it says no name for the local store"),
        )
        .hint(format!("give it one: `distil pull {name} NAME`"))),
    }
}
