//! `distil copy`: an image from anywhere to anywhere.

use diag::Diagnostic;
use oci::Platform;

use crate::World;
use crate::image_name::ImageName;
use crate::places::{Near, open_source_for};
use crate::transfer::{Moved, carry};

/// What is to be copied.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// The image.
    pub from: ImageName,
    /// Where to.
    pub to: ImageName,
    /// Only this platform.
    pub platform: Option<Platform>,
}

/// Copies an image with all its platforms, or one.
///
/// # Errors
/// It is not there, or cannot be written; nothing is then under the new name that was not there before.
pub fn copy(world: &World, request: &CopyRequest) -> Result<Moved, Diagnostic> {
    // Within a registry no layer is read, so that a mirror could spare nothing: what has a name there gets another
    // one, or another repository, and that is to be what the registry itself has under it.
    let from = open_source_for(world, &request.from, &request.to, Near::Registry)?;
    carry(world, &from, &request.to, request.platform.as_ref())
}
