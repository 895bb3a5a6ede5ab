//! `distil history` and the line of `distil extract` for people.

use ops::extract::Extracted;
use ops::history::{HistoryReport, HistoryStep, LayerStory, PackageStep};

use super::inspection::one_line;
use super::size::count;
use super::style::escaped;

/// How many packages of a layer are named.
const MOST: usize = 8;

pub(crate) fn text(history: &HistoryReport, files: bool) -> String {
    let mut out = format!("{} ({})\n", history.image, history.platform);
    for step in &history.steps {
        out.push_str(&step_lines(step));
        if let Some(layer) = step.layer.as_ref().filter(|_| files) {
            for change in &layer.changes {
                let size =
                    if change.size > 0 { format!(" ({})", diag::bytes(change.size)) } else { String::new() };
                out.push_str(&format!("       {:<8} {}{size}\n", change.what, escaped(&change.path)));
            }
        }
    }
    out
}

fn step_lines(step: &HistoryStep) -> String {
    let by = one_line(step.created_by.as_deref().or(step.comment.as_deref()).unwrap_or("(nothing is told)"));
    let day = step.created.as_deref().and_then(|c| c.split_once('T')).map_or("", |(day, _)| day);
    let Some(layer) = &step.layer else { return format!("    -  {day:<10}           {by}\n") };
    let mut out = format!("  {:>3}  {day:<10}  {:>8} {by}\n", layer.number, diag::bytes(layer.size));
    out.push_str(&format!("       {}\n", did(layer)));
    if !layer.packages.is_empty() {
        out.push_str(&format!("       {}\n", packages(&layer.packages)));
    }
    out
}

fn did(layer: &LayerStory) -> String {
    let parts = [
        (layer.added, "added"),
        (layer.replaced, "replaced"),
        (layer.touched, "touched"),
        (layer.deleted, "deleted"),
    ];
    let words: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let mut text = if words.is_empty() { "no path changed".to_owned() } else { words.join(", ") };
    if layer.hides > 0 {
        text.push_str(&format!("; hides {} below", diag::bytes(layer.hides)));
    }
    text
}

fn packages(steps: &[PackageStep]) -> String {
    let one = |p: &PackageStep| match (&p.before, &p.after) {
        (None, Some(version)) => format!("+{} {version}", p.name),
        (Some(version), None) => format!("-{} {version}", p.name),
        (before, after) => {
            format!("{} {} -> {}", p.name, before.as_deref().unwrap_or(""), after.as_deref().unwrap_or(""))
        }
    };
    let named: Vec<String> = steps.iter().take(MOST).map(one).collect();
    let more = steps.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}: {}{more}", count(steps.len() as u64, "package", "packages"), named.join(", "))
}

/// What was taken out.
pub(crate) fn extracted(done: &Extracted, place: &str) -> String {
    let what = count(done.entries as u64, "entry", "entries");
    format!("wrote {} to {place} ({what}, {})", done.path, diag::bytes(done.bytes))
}
