//! `distil report`: what is in an image, as one page.

mod accounts;
mod conversion;
mod copyright;

use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind};
use oci::Platform;
use report::{Image, Page};

use crate::World;
use crate::image_name::ImageName;
use crate::look::{Subject, look};

/// What a report is about.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    /// The image.
    pub image: ImageName,
    /// The image before, to compare with.
    pub against: Option<ImageName>,
    /// Of several platforms this one; none means the host's.
    pub platform: Option<Platform>,
    /// The program that makes the page, as `distil 1.0.0`.
    pub program: String,
}

/// Looks into the image, or both, and gives what the page shows.
///
/// # Errors
/// There is no such image, it has not the platform, or it cannot be read.
pub fn read(world: &World, request: &ReportRequest) -> Result<Page, Diagnostic> {
    let platform = request.platform.as_ref();
    let image = image(world, &request.image, platform)?;
    let against = request.against.as_ref().map(|name| self::image(world, name, platform)).transpose()?;
    Ok(Page { image, against, program: request.program.clone() })
}

fn image(world: &World, name: &ImageName, platform: Option<&Platform>) -> Result<Image, Diagnostic> {
    let subject = Subject { image: name.clone(), platform: platform.cloned() };
    Ok(conversion::image(&look(world, &subject)?))
}

/// What the page says, for programs.
pub fn findings(page: &Page) -> impl serde::Serialize + '_ {
    report::findings(page)
}

/// The page as HTML.
pub fn html(page: &Page) -> String {
    report::page(page)
}

/// Writes the page, whole or not at all; gives its length in bytes.
///
/// # Errors
/// It cannot be written there.
pub fn write(world: &World, file: &Path, page: &Page) -> Result<u64, Diagnostic> {
    let path: PathBuf = world.working_dir.join(file);
    if path.is_dir() {
        let text = format!("cannot write {}: it is a directory", file.display());
        return Err(Diagnostic::new(Kind::Usage, text)
            .hint(format!("name a file: -o {}", file.join("report.html").display())));
    }
    let text = html(page);
    store::write_out(&path, text.as_bytes())?;
    Ok(text.len() as u64)
}
