//! The summary of a build and of a lock: what people read on standard error.

use std::time::Duration;

use ops::report::{BuildReport, Built, BuiltPlatform, ExplainRow, LockReport, LockState};
use ops::request::command_line;

use crate::environment::Environment;

use super::size::{count, duration};
use super::style::Style;

/// Age in seconds after which a catalogue's packages are called old.
const OLD: i64 = 7 * 24 * 3600;

/// A build, image by image.
pub(crate) fn build(
    report: &BuildReport,
    env: &Environment,
    took: Duration,
    explain: bool,
    style: Style,
) -> String {
    let mut out = String::new();
    for lock in &report.locks {
        out.push_str(&lock_lines(lock, env.now, style));
    }
    for image in &report.images {
        out.push_str(&image_lines(image, explain, style));
    }
    for place in &report.written {
        out.push_str(&style.line(&format!("  written  {place}")));
    }
    for pushed in &report.pushed {
        out.push_str(&style.line(&format!("  pushed   {}: {}", pushed.to, crate::transfers::story(pushed))));
    }
    for loaded in &report.loaded {
        out.push_str(
            &style.line(&format!("  loaded   {} into {} as {}", loaded.name, loaded.engine, loaded.id)),
        );
    }
    let what = if report.unchanged { "nothing changed" } else { "done" };
    out.push_str(&style.line(&format!("{} in {}", style.strong(what), duration(took))));
    if report.written.is_empty()
        && report.pushed.is_empty()
        && report.loaded.is_empty()
        && let Some(image) = report.images.first()
    {
        let run =
            if image.runs { format!(", then docker run --rm {}", image.names[0]) } else { String::new() };
        // With the user's own flags: without them it would be another image, or another lock.
        let mut words = vec!["distil".to_owned()];
        words.extend(env.arguments.iter().cloned());
        words.push("--load".to_owned());
        let next = format!("next: {}{run}", command_line(&words));
        out.push_str(&style.line(&style.faint(&next)));
    }
    out
}

/// A lock.
pub(crate) fn lock_lines(lock: &LockReport, now: i64, style: Style) -> String {
    let state = match lock.state {
        LockState::Written => "written",
        LockState::Kept => "kept",
        LockState::Changed => "changed",
        LockState::Simulated => "not written (dry run)",
    };
    let mut out = style.line(&format!(
        "{} {}; lock {} {state}",
        style.strong(&lock.recipe),
        lock.as_of.map_or_else(
            || "takes nothing from an archive".to_owned(),
            |t| format!("packages as of {}", day(t))
        ),
        lock.path
    ));
    for change in &lock.changes {
        out.push_str(&style.line(&format!("  {change}")));
    }
    for source in &lock.unsigned {
        out.push_str(&style.line(&format!(
            "  {} {source} is not signed; you declared it trusted",
            style.warning("unsigned")
        )));
    }
    let age = lock.as_of.map_or(0, |then| now - then);
    if lock.catalogue && age > OLD && lock.state == LockState::Kept {
        out.push_str(&style.line(&format!(
            "{} these packages are {} days old; `distil update {}` refreshes them",
            style.warning("warning:"),
            age / 86_400,
            lock.recipe
        )));
    }
    out
}

fn image_lines(image: &Built, explain: bool, style: Style) -> String {
    let mut out = format!("{} {}\n", style.strong(&image.names.join(" ")), image.digest);
    for p in &image.platforms {
        out.push_str(&style.line(&format!(
            "  {:<16} {:>8} ({} unpacked), {}, {}, {}",
            p.platform.to_string(),
            diag::bytes(p.size),
            diag::bytes(p.unpacked),
            count(p.packages.len() as u64, "package", "packages"),
            count(p.layers as u64, "layer", "layers"),
            scripts(p),
        )));
        for left in &p.scripts.not_replaced {
            out.push_str(&style.line(&format!(
                "    {} {} {}: {}",
                style.warning("not replaced"),
                left.package,
                left.script,
                left.commands.join("; ")
            )));
        }
        if explain {
            p.explain.iter().for_each(|row| out.push_str(&explain_line(row, style)));
        }
    }
    out
}

/// One rule that applied.
pub(crate) fn explain_line(row: &ExplainRow, style: Style) -> String {
    style.line(&format!("    {:<12} {}: {}", row.rule, row.subject, row.reason))
}

fn scripts(p: &BuiltPlatform) -> String {
    let s = &p.scripts;
    let total = s.nothing + s.replaced + s.not_replaced.len();
    match s.not_replaced.len() {
        0 => format!("{} accounted for", count(total as u64, "script", "scripts")),
        n => format!("{}, {n} not replaced", count(total as u64, "script", "scripts")),
    }
}

/// `2026-11-18`, in UTC: the day of RFC 3339.
pub(crate) fn day(seconds: i64) -> String {
    let text = trust::Time(seconds).to_string();
    text.split_once('T').map_or(text.clone(), |(day, _)| day.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(1_795_219_200), "2026-11-21");
        assert_eq!(day(951_782_400), "2000-02-29");
    }
}
