//! `distil diff` for people and for pages.

use ops::diff::{DiffReport, FileDiff, PackageDiff, Side};
use ops::look::{FileKind, FileRow};

use super::size::count;
use super::style::escaped;

pub(crate) fn text(diff: &DiffReport) -> String {
    let mut out = format!("{}\n{}\n", side("-", &diff.from), side("+", &diff.to));
    out.push_str(&format!(
        "  size {} -> {} stored, {} -> {} of files; {} shared\n",
        diag::bytes(diff.from.stored),
        diag::bytes(diff.to.stored),
        diag::bytes(diff.from.files),
        diag::bytes(diff.to.files),
        count(diff.from.shared_layers as u64, "layer", "layers"),
    ));
    if diff.same {
        out.push_str("nothing differs\n");
    }
    if !diff.config.is_empty() {
        out.push_str("config\n");
    }
    for change in &diff.config {
        out.push_str(&format!(
            "  {} {}\n",
            sign(change.before.is_some(), change.after.is_some()),
            escaped(&change.key)
        ));
        change.before.iter().for_each(|v| out.push_str(&format!("      - {}\n", escaped(v))));
        change.after.iter().for_each(|v| out.push_str(&format!("      + {}\n", escaped(v))));
    }
    if !diff.packages.is_empty() {
        out.push_str(&format!(
            "packages ({})\n",
            tally(diff.packages.iter().map(|p| (p.before.is_some(), p.after.is_some())))
        ));
    }
    for p in &diff.packages {
        out.push_str(&format!(
            "  {} {} {} ({})\n",
            sign(p.before.is_some(), p.after.is_some()),
            p.name,
            versions(p),
            signed(p)
        ));
    }
    if !diff.files.is_empty() {
        out.push_str(&format!(
            "files ({})\n",
            tally(diff.files.iter().map(|f| (f.before.is_some(), f.after.is_some())))
        ));
    }
    for file in &diff.files {
        out.push_str(&format!(
            "  {} {}\n",
            sign(file.before.is_some(), file.after.is_some()),
            escaped(&file_words(file))
        ));
    }
    out
}

fn side(sign: &str, side: &Side) -> String {
    format!("{sign} {} ({}) {}", side.image, side.platform, side.manifest)
}

fn sign(before: bool, after: bool) -> &'static str {
    match (before, after) {
        (false, _) => "+",
        (true, false) => "-",
        (true, true) => "~",
    }
}

fn tally(all: impl Iterator<Item = (bool, bool)>) -> String {
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for (before, after) in all {
        match (before, after) {
            (false, _) => added += 1,
            (true, false) => removed += 1,
            (true, true) => changed += 1,
        }
    }
    format!("{added} added, {removed} removed, {changed} changed")
}

fn versions(p: &PackageDiff) -> String {
    match (&p.before, &p.after) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

fn signed(p: &PackageDiff) -> String {
    match p.size_after >= p.size_before {
        true => format!("+{}", diag::bytes(p.size_after - p.size_before)),
        false => format!("-{}", diag::bytes(p.size_before - p.size_after)),
    }
}

fn file_words(file: &FileDiff) -> String {
    let slash = |row: &FileRow| if row.kind == FileKind::Directory { "/" } else { "" };
    let (Some(before), Some(after)) = (&file.before, &file.after) else {
        let row = file.before.as_ref().or(file.after.as_ref());
        let size = row.filter(|r| r.kind == FileKind::File).map(|r| format!(" ({})", diag::bytes(r.size)));
        return format!("{}{}{}", file.path, row.map(slash).unwrap_or_default(), size.unwrap_or_default());
    };
    let words: Vec<String> = file.aspects.iter().map(|aspect| aspect_words(aspect, before, after)).collect();
    format!("{}{}: {}", file.path, slash(after), words.join(", "))
}

fn aspect_words(aspect: &str, before: &FileRow, after: &FileRow) -> String {
    match aspect {
        "kind" => format!("{} -> {}", before.kind.word(), after.kind.word()),
        "content" if before.size != after.size => {
            format!("{} -> {}", diag::bytes(before.size), diag::bytes(after.size))
        }
        "target" => {
            let target = |row: &FileRow| row.target.clone().unwrap_or_default();
            format!("-> {} instead of {}", target(after), target(before))
        }
        "mode" => format!("mode {} -> {}", before.mode, after.mode),
        "owner" => format!("owner {}:{} -> {}:{}", before.uid, before.gid, after.uid, after.gid),
        "time" => format!("time {} -> {}", before.mtime, after.mtime),
        other => other.to_owned(),
    }
}

/// Tables for a pull request; long lists fold.
pub(crate) fn markdown(diff: &DiffReport) -> String {
    let mut out = format!("### {} → {}\n\n", cell(&diff.from.image), cell(&diff.to.image));
    out.push_str("| | before | after |\n|---|---:|---:|\n");
    out.push_str(&format!(
        "| stored | {} | {} |\n",
        diag::bytes(diff.from.stored),
        diag::bytes(diff.to.stored)
    ));
    out.push_str(&format!("| files | {} | {} |\n", diag::bytes(diff.from.files), diag::bytes(diff.to.files)));
    out.push_str(&format!("| layers | {} | {} |\n", diff.from.layers, diff.to.layers));
    out.push_str(&format!("| manifest | `{}` | `{}` |\n", diff.from.manifest, diff.to.manifest));
    if diff.same {
        out.push_str("\nNothing differs.\n");
    }
    let value = |v: &Option<String>| v.as_ref().map(|v| code(v)).unwrap_or_default();
    if !diff.config.is_empty() {
        out.push_str("\n#### Config\n\n| key | before | after |\n|---|---|---|\n");
        for c in &diff.config {
            out.push_str(&format!("| {} | {} | {} |\n", cell(&c.key), value(&c.before), value(&c.after)));
        }
    }
    if !diff.packages.is_empty() {
        out.push_str("\n#### Packages\n\n| package | before | after | size |\n|---|---|---|---:|\n");
        for p in &diff.packages {
            out.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                cell(&p.name),
                value(&p.before),
                value(&p.after),
                signed(p)
            ));
        }
    }
    if !diff.files.is_empty() {
        let tally = tally(diff.files.iter().map(|f| (f.before.is_some(), f.after.is_some())));
        out.push_str(&format!("\n<details><summary>Files: {tally}</summary>\n\n"));
        for file in &diff.files {
            let sign = sign(file.before.is_some(), file.after.is_some());
            out.push_str(&format!("- {}\n", code(&format!("{sign} {}", file_words(file)))));
        }
        out.push_str("\n</details>\n");
    }
    out
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
