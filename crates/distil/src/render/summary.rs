//! The summary of a build and of a lock: what people read on standard error.

use std::time::Duration;

use ops::report::{BuildReport, Built, BuiltPlatform, ExplainRow, LockReport, LockState};

use super::size::{bytes, count, duration};
use super::style::Style;

/// Age in seconds after which a catalogue's packages are called old.
const OLD: i64 = 7 * 24 * 3600;

/// A build, image by image.
pub(crate) fn build(report: &BuildReport, now: i64, took: Duration, explain: bool, style: Style) -> String {
    let mut out = String::new();
    for lock in &report.locks {
        out.push_str(&lock_lines(lock, now, style));
    }
    for image in &report.images {
        out.push_str(&image_lines(image, explain, style));
    }
    for place in &report.written {
        out.push_str(&format!("  written  {place}\n"));
    }
    for loaded in &report.loaded {
        out.push_str(&format!("  loaded   {} into {} as {}\n", loaded.name, loaded.engine, loaded.id));
    }
    let what = if report.unchanged { "nothing changed" } else { "done" };
    out.push_str(&format!("{} in {}\n", style.strong(what), duration(took)));
    if report.written.is_empty()
        && report.loaded.is_empty()
        && let Some(image) = report.images.first()
    {
        let run =
            if image.runs { format!(", then docker run --rm {}", image.names[0]) } else { String::new() };
        let next = format!("next: distil build {} --load{run}", image.typed);
        out.push_str(&format!("{}\n", style.faint(&next)));
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
    let mut out = format!(
        "{} packages as of {}; lock {} {state}\n",
        style.strong(&lock.recipe),
        day(lock.as_of),
        lock.path
    );
    for change in &lock.changes {
        out.push_str(&format!("  {change}\n"));
    }
    for source in &lock.unsigned {
        out.push_str(&format!(
            "  {} {source} is not signed; you declared it trusted\n",
            style.warning("unsigned")
        ));
    }
    if lock.catalogue && now - lock.as_of > OLD && lock.state == LockState::Kept {
        out.push_str(&format!(
            "{} these packages are {} days old; `distil update {}` refreshes them\n",
            style.warning("warning:"),
            (now - lock.as_of) / 86_400,
            lock.recipe
        ));
    }
    out
}

fn image_lines(image: &Built, explain: bool, style: Style) -> String {
    let mut out = format!("{} {}\n", style.strong(&image.names.join(" ")), image.digest);
    for p in &image.platforms {
        out.push_str(&format!(
            "  {:<16} {:>8} ({} unpacked), {}, {}, {}\n",
            p.platform.to_string(),
            bytes(p.size),
            bytes(p.unpacked),
            count(p.packages.len() as u64, "package", "packages"),
            count(p.layers as u64, "layer", "layers"),
            scripts(p),
        ));
        for left in &p.scripts.not_replaced {
            out.push_str(&format!(
                "    {} {} {}: {}\n",
                style.warning("not replaced"),
                left.package,
                left.script,
                left.commands.join("; ")
            ));
        }
        if explain {
            p.explain.iter().for_each(|row| out.push_str(&explain_line(row)));
        }
    }
    out
}

/// One rule that applied.
pub(crate) fn explain_line(row: &ExplainRow) -> String {
    format!("    {:<12} {}: {}\n", row.rule, row.subject, row.reason)
}

fn scripts(p: &BuiltPlatform) -> String {
    let s = &p.scripts;
    let total = s.nothing + s.replaced + s.not_replaced.len();
    match s.not_replaced.len() {
        0 => format!("{} accounted for", count(total as u64, "script", "scripts")),
        n => format!("{}, {n} not replaced", count(total as u64, "script", "scripts")),
    }
}

/// `2026-11-18`, in UTC.
pub(crate) fn day(seconds: i64) -> String {
    let (y, m, d) = civil(seconds.div_euclid(86_400));
    format!("{y:04}-{m:02}-{d:02}")
}

/// Days since 1970-01-01 to year, month, day (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", civil_from_days).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (yoe + era * 400 + i64::from(m <= 2), m, d)
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
