//! `distil diff --markdown`: tables for the comment of a pull request, never longer than one may be.

use ops::diff::{ConfigChange, DiffReport, FileDiff, PackageDiff};
use ops::look::{FileKind, FileRow};

use super::{file_words, nothing, shortened, sign_of, signed, tally_files, tally_packages, unread, versions};
use crate::render::size::count;

/// Most bytes of it all. GitHub takes 65,536 characters, other forges more: this leaves room for words around it.
const MOST: usize = 60_000;

/// Most characters of one name, value or line: a path may have 4096.
const MOST_TEXT: usize = 600;

/// What headings, sentences and the ends of lists take, at most.
const AROUND: usize = 1500;

pub(crate) fn markdown(diff: &DiffReport) -> String {
    let mut out = head(diff);
    for line in unread(diff) {
        out.push_str(&format!("\n{}.\n", cell(&shortened(&capital(&line), MOST_TEXT))));
    }
    if diff.same {
        out.push_str(&format!("\n{}.\n", capital(nothing(diff))));
    }
    let config: Vec<String> = diff.config.iter().map(config_row).collect();
    let files: Vec<String> = in_order(&diff.files).into_iter().map(file_row).collect();
    let length = |rows: &[String]| rows.iter().map(|r| r.len() + 1).sum::<usize>();
    let packages: Vec<String> = diff.packages.iter().map(package_row).collect();
    // Each may have its part of the place, and what the others leave.
    let place = MOST.saturating_sub(out.len() + AROUND);
    let most = (place / 3).max(place.saturating_sub(length(&packages) + length(&files)));
    let config = fit(config, most);
    let place = place - length(&config.rows);
    let most = (place / 2).max(place.saturating_sub(length(&files)));
    let packages = match length(&packages) > most {
        true => fit(largest_first(&diff.packages).into_iter().map(package_row).collect(), most),
        false => fit(packages, most),
    };
    let files = fit(files, place - length(&packages.rows));
    if !diff.config.is_empty() {
        out.push_str("\n#### Config\n\n| key | before | after |\n|---|---|---|\n");
        config.write(&mut out, "key", "keys");
    }
    if !diff.packages.is_empty() {
        let tally = tally_packages(diff);
        out.push_str(&format!(
            "\n#### Packages: {tally}\n\n| package | before | after | size |\n|---|---|---|---:|\n"
        ));
        packages.write(&mut out, "package", "packages");
    }
    if !diff.files.is_empty() {
        out.push_str(&format!("\n<details><summary>Files: {}</summary>\n\n", tally_files(diff)));
        files.write(&mut out, "file", "files");
        out.push_str("\n</details>\n");
    }
    out
}

fn head(diff: &DiffReport) -> String {
    let (from, to) = (&diff.from, &diff.to);
    let name = |text: &str| cell(&shortened(text, MOST_TEXT));
    let mut out = format!("### {} → {}\n\n", name(&from.image), name(&to.image));
    out.push_str("| | before | after |\n|---|---:|---:|\n");
    let mut row = |name: &str, before: String, after: String| {
        out.push_str(&format!("| {name} | {before} | {after} |\n"));
    };
    if from.platform != to.platform {
        row("platform", name(&from.platform), name(&to.platform));
    }
    row("stored", diag::bytes(from.stored), diag::bytes(to.stored));
    row("files", diag::bytes(from.files), diag::bytes(to.files));
    row("layers", from.layers.to_string(), to.layers.to_string());
    row("manifest", format!("`{}`", from.manifest), format!("`{}`", to.manifest));
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// Rows that are shown, and how many are not.
struct Shown {
    rows: Vec<String>,
    more: usize,
}

/// The first of the rows that fit into so many bytes.
fn fit(mut rows: Vec<String>, most: usize) -> Shown {
    let mut length = 0;
    let fitting = |row: &&String| {
        length += row.len() + 1;
        length <= most
    };
    let shown = rows.iter().take_while(fitting).count();
    let more = rows.len() - shown;
    rows.truncate(shown);
    Shown { rows, more }
}

impl Shown {
    fn write(&self, out: &mut String, one: &str, several: &str) {
        self.rows.iter().for_each(|row| out.push_str(&format!("{row}\n")));
        if self.more > 0 {
            let more = count(self.more as u64, &format!("more {one}"), &format!("more {several}"));
            out.push_str(&format!(
                "\n… and {more}, for which a comment has no room: `distil diff --json` has all.\n"
            ));
        }
    }
}

fn config_row(change: &ConfigChange) -> String {
    let key = cell(&shortened(&change.key, MOST_TEXT));
    format!("| {key} | {} | {} |", value(change.before.as_ref()), value(change.after.as_ref()))
}

fn package_row(p: &PackageDiff) -> String {
    let name = cell(&shortened(&p.name, MOST_TEXT));
    let (before, after) = match &p.arch_before {
        Some(_) if p.before == p.after => (None, Some(versions(p))),
        _ => (p.before.clone(), p.after.clone()),
    };
    format!("| {name} | {} | {} | {} |", value(before.as_ref()), value(after.as_ref()), signed(p))
}

fn largest_first(packages: &[PackageDiff]) -> Vec<&PackageDiff> {
    let mut all: Vec<&PackageDiff> = packages.iter().collect();
    all.sort_by_key(|p| std::cmp::Reverse(p.size_after.abs_diff(p.size_before)));
    all
}

fn file_row(file: &FileDiff) -> String {
    format!("- {}", code(&shortened(&format!("{} {}", sign_of(file), file_words(file)), MOST_TEXT)))
}

fn value(text: Option<&String>) -> String {
    text.map(|v| code(&shortened(v, MOST_TEXT))).unwrap_or_default()
}

/// The most telling first, and of these by path.
fn in_order(files: &[FileDiff]) -> Vec<&FileDiff> {
    let mut all: Vec<&FileDiff> = files.iter().collect();
    all.sort_by_key(|file| weight(file));
    all
}

/// 0 for new powers (setuid and setgid programs, devices, capabilities, what everybody may write), then other changes
/// of what a path is and whose, new programs, other bytes, what is new, what is gone.
fn weight(file: &FileDiff) -> u8 {
    let has = |aspect: &str| file.aspects.contains(&aspect);
    let (before, after) = (file.before.as_ref(), file.after.as_ref());
    let Some(now) = after else { return 5 };
    if power(now) && before.is_none_or(|was| powers(was) != powers(now)) {
        return 0;
    }
    let program = now.kind == FileKind::File && mode(now) & 0o111 != 0;
    match before {
        Some(_) if ["kind", "device", "mode", "owner", "attributes"].into_iter().any(has) => 1,
        None if program => 2,
        Some(_) if has("content") || has("target") => 3,
        None => 4,
        Some(_) => 6,
    }
}

fn mode(row: &FileRow) -> u32 {
    u32::from_str_radix(&row.mode, 8).unwrap_or(0)
}

fn power(row: &FileRow) -> bool {
    let (set_id, open, device, attributes) = powers(row);
    set_id != 0 || open || device.is_some() || attributes
}

/// Setuid and setgid, whether everybody may write, which device, whether it has capabilities.
fn powers(row: &FileRow) -> (u32, bool, Option<ops::look::DeviceRow>, bool) {
    let mode = mode(row);
    let open = mode & 0o002 != 0 && mode & 0o1000 == 0 && row.kind != FileKind::Symlink;
    let set_id = if row.kind == FileKind::File { mode & 0o6000 } else { 0 };
    (set_id, open, row.device, row.xattrs.iter().any(|x| x.name == "security.capability"))
}

/// Text in a table: nothing of it is Markdown or HTML.
fn cell(text: &str) -> String {
    text.chars().map(|c| if "<>&|`*_[]\\~!@\n\r".contains(c) { entity(c) } else { c.to_string() }).collect()
}

/// Text as code. Between backticks a bar and a backslash mean different things in a table and beside one, and
/// could end it: such text is written in HTML.
fn code(text: &str) -> String {
    if !text.contains(['`', '|', '\\', '\n', '\r']) && !text.trim().is_empty() {
        return format!("`{text}`");
    }
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '/' || c == ' ';
    let inner: String = text.chars().map(|c| if plain(c) { c.to_string() } else { entity(c) }).collect();
    format!("<code>{inner}</code>")
}

/// A character of which Markdown makes nothing.
fn entity(c: char) -> String {
    match c {
        '\n' | '\r' => " ".to_owned(),
        c => format!("&#{};", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_is_markdown() {
        assert_eq!(cell("a|b<i>@x\n"), "a&#124;b&#60;i&#62;&#64;x ");
        assert_eq!(code("a b"), "`a b`");
        assert_eq!(code("a`b|c"), "<code>a&#96;b&#124;c</code>");
        // Before a bar a backslash would take the bar's own away.
        let evil = code(r"\|![](https://x.example/p.png)");
        assert!(!evil.contains(['|', '\\', '[', ':', '!']), "{evil}");
    }
}
