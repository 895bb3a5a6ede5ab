//! `distil report`: what is in an image, as one page.

mod accounts;
mod changes;
mod conversion;
mod copyright;
mod document;

use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind};
use oci::Platform;
use report::{Before, Page};

use crate::World;
use crate::diff::{DiffReport, compare};
use crate::image_name::ImageName;
use crate::look::{Look, Subject, look};

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

/// What was read for a page.
pub struct Report {
    page: Page,
    look: Look,
    against: Option<Earlier>,
}

/// The image before, and what `distil diff` says of the two.
struct Earlier {
    look: Look,
    diff: DiffReport,
}

/// Looks into the image, or both, and compares them.
///
/// # Errors
/// There is no such image, it has not the platform, or it cannot be read.
pub fn read(world: &World, request: &ReportRequest) -> Result<Report, Diagnostic> {
    let at = |name: &ImageName| {
        look(world, &Subject { image: name.clone(), platform: request.platform.clone(), up_to: None })
    };
    let now = at(&request.image)?;
    let earlier = |name| {
        let before = at(name)?;
        let diff = compare(&before, &now, false);
        Ok::<_, Diagnostic>(Earlier { look: before, diff })
    };
    let against = request.against.as_ref().map(earlier).transpose()?;
    let before = |earlier: &Earlier| Before {
        image: conversion::image(&earlier.look),
        changes: changes::changes(&earlier.diff, &now),
    };
    let page = Page {
        image: conversion::image(&now),
        against: against.as_ref().map(before),
        program: request.program.clone(),
    };
    Ok(Report { page, look: now, against })
}

/// What the page says, for programs.
pub fn findings(report: &Report) -> serde_json::Value {
    document::document(report)
}

/// The page as HTML.
pub fn html(report: &Report) -> String {
    report::page(&report.page)
}

/// Writes the page, whole or not at all; gives its length in bytes.
///
/// # Errors
/// It cannot be written there.
pub fn write(world: &World, file: &Path, report: &Report) -> Result<u64, Diagnostic> {
    let path: PathBuf = world.working_dir.join(file);
    if path.is_dir() {
        let text = format!("cannot write {}: it is a directory", file.display());
        return Err(Diagnostic::new(Kind::Usage, text)
            .hint(format!("name a file: -o {}", file.join("report.html").display())));
    }
    let text = html(report);
    store::write_atomically(&path, text.as_bytes())?;
    Ok(text.len() as u64)
}
