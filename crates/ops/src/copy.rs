//! `distil copy`: an image from anywhere to anywhere.

use diag::Diagnostic;
use oci::Platform;

use crate::World;
use crate::image_name::ImageName;
use crate::places::open_source;
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
    let from = open_source(world, &request.from)?;
    carry(world, &from, &request.to, request.platform.as_ref())
}
