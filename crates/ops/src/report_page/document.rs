//! What the page says, for programs, in the words of the other commands: an image as `inspect` and each of its files
//! as `tree` writes it, the changes as `diff` does.

use inventory::Contents;
use report::{Image, Surface};
use serde::Serialize;
use serde_json::{Value, json};

use super::Report;
use crate::inspect;
use crate::look::Look;

pub(super) fn document(report: &Report) -> Value {
    let page = &report.page;
    let mut out = json!({
        "program": page.program,
        "image": image(&report.look, &page.image),
        "surface": Surface::of(&page.image).findings,
    });
    if let (Some(before), Some(earlier)) = (&page.against, &report.against) {
        out["against"] = image(&earlier.look, &before.image);
        out["surface_before"] = value(&Surface::of(&before.image).findings);
        out["changes"] = value(&earlier.diff);
    }
    out
}

fn image(look: &Look, image: &Image) -> Value {
    let mut out = value(&inspect::of(look));
    out["run_as"] = value(&image.config.run_as);
    out["notes"] = value(&image.notes);
    out["packages"] = packages(look, image);
    out["files"] = files(&look.contents, look, image);
    out
}

/// With what only the page has: licences that copyright files name, and reasons.
fn packages(look: &Look, image: &Image) -> Value {
    let row = |(row, package): (inspect::PackageRow, &report::Package)| {
        let mut out = value(&row);
        if !package.licence.is_empty() {
            out["licence"] = Value::from(package.licence.as_str());
        }
        if !package.why.is_empty() {
            out["why"] = value(&package.why);
        }
        out
    };
    inspect::packages(look).into_iter().zip(&image.packages).map(row).collect()
}

/// With what a program is known for, where it is.
fn files(contents: &Contents, look: &Look, image: &Image) -> Value {
    let row = |(file, shown): (&inventory::File, &report::File)| {
        let mut out = value(&look.row(file));
        if let Some(role) = shown.role {
            out["role"] = value(&role);
        }
        out
    };
    contents.files.iter().zip(&image.files).map(row).collect()
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).expect("plain values with text as keys are JSON")
}
