//! `distil diff` for people.

mod markdown;

use std::collections::BTreeMap;

use ops::diff::{DiffReport, FileDiff, PackageDiff, Side};
use ops::look::{AttributeRow, DeviceRow, FileKind, FileRow};

pub(crate) use self::markdown::markdown;
use super::size::count;
use super::style::escaped;

/// How many characters of an attribute's value are shown.
const MOST_VALUE: usize = 42;

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
    unread(diff).iter().for_each(|line| out.push_str(&format!("  {}\n", escaped(line))));
    if diff.same {
        out.push_str(&format!("{}\n", nothing(diff)));
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
        out.push_str(&format!("packages ({})\n", tally_packages(diff)));
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
        out.push_str(&format!("files ({})\n", tally_files(diff)));
    }
    for file in &diff.files {
        out.push_str(&format!("  {} {}\n", sign_of(file), escaped(&file_words(file))));
    }
    out
}

/// Nothing of what is compared differs: of two manifests that is not to say that they are one.
fn nothing(diff: &DiffReport) -> &'static str {
    let same_config = diff.from.config_digest == diff.to.config_digest;
    match diff.from.manifest == diff.to.manifest {
        true => "nothing differs",
        false if same_config => "nothing differs: it is the same image, stored another way",
        false => "nothing differs but when and how it was made: times, history, or how layers are stored",
    }
}

/// Whose packages are not known: that one has none of a package says nothing then (P6).
fn unread(diff: &DiffReport) -> Vec<String> {
    let line = |side: &Side| {
        let (image, databases) = (&side.image, side.unread.join(", "));
        format!("packages of {image} are not compared: {databases} was not read")
    };
    [&diff.from, &diff.to].into_iter().filter(|side| !side.unread.is_empty()).map(line).collect()
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

fn sign_of(file: &FileDiff) -> &'static str {
    sign(file.before.is_some(), file.after.is_some())
}

fn tally_packages(diff: &DiffReport) -> String {
    tally(diff.packages.iter().map(|p| (p.before.is_some(), p.after.is_some())))
}

fn tally_files(diff: &DiffReport) -> String {
    tally(diff.files.iter().map(|f| (f.before.is_some(), f.after.is_some())))
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
    let arch = p.arch_before.as_ref().map(|was| format!(" ({was} -> {})", p.arch)).unwrap_or_default();
    match (&p.before, &p.after) {
        (Some(before), Some(after)) if before == after => format!("{after}{arch}"),
        (Some(before), Some(after)) => format!("{before} -> {after}{arch}"),
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
    match (&file.before, &file.after) {
        (Some(before), Some(after)) => {
            // Of a link the mode says nothing (path_resolution(7)).
            let link = [before.kind, after.kind].contains(&FileKind::Symlink) && before.kind != after.kind;
            let told = file.aspects.iter().filter(|aspect| !(link && **aspect == "mode"));
            let words = told.map(|aspect| match *aspect {
                "links" => links_words(file, before, after),
                aspect => aspect_words(aspect, before, after),
            });
            format!("{}{}: {}", file.path, slash(after), words.collect::<Vec<_>>().join(", "))
        }
        (Some(row), None) | (None, Some(row)) => format!("{}{}{}", file.path, slash(row), about(row)),
        (None, None) => file.path.clone(),
    }
}

/// What there is at a path that only one has: where it leads, how large it is, its mode, its owner where that is not
/// root, its attributes.
fn about(row: &FileRow) -> String {
    let mut words = Vec::new();
    match (row.kind, &row.device) {
        (FileKind::File, _) => words.push(diag::bytes(row.size)),
        (_, Some(device)) => words.push(device_words(device)),
        (FileKind::Fifo, _) => words.push("fifo".to_owned()),
        _ => {}
    }
    if row.kind != FileKind::Symlink {
        words.push(format!("mode {}", row.mode));
    }
    if (row.uid, row.gid) != (0, 0) {
        words.push(format!("owner {}:{}", row.uid, row.gid));
    }
    words.extend(row.xattrs.iter().map(|x| format!("{} {}", x.name, value(x))));
    let target = row.target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    match words.is_empty() {
        true => target,
        false => format!("{target} ({})", words.join(", ")),
    }
}

fn device_words(device: &DeviceRow) -> String {
    format!("{} device {}:{}", device.kind, device.major, device.minor)
}

fn value(attribute: &AttributeRow) -> String {
    let text = attribute.means.as_ref().unwrap_or(&attribute.value);
    shortened(text, MOST_VALUE)
}

/// At most so many characters, and a sign that there were more.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Which file it is a name of; copies take room that names do not.
fn links_words(file: &FileDiff, before: &FileRow, after: &FileRow) -> String {
    let size = |link: &Option<String>, row: &FileRow| match link {
        None => format!(" of {}", diag::bytes(row.size)),
        Some(_) => String::new(),
    };
    let (was, is) = file.link_words();
    format!("{was}{} -> {is}{}", size(&file.link_before, before), size(&file.link_after, after))
}

fn aspect_words(aspect: &str, before: &FileRow, after: &FileRow) -> String {
    match aspect {
        "kind" => format!("{} -> {}", kind_words(before), kind_words(after)),
        "content" if before.size != after.size => {
            format!("{} -> {}", diag::bytes(before.size), diag::bytes(after.size))
        }
        "target" => {
            let target = |row: &FileRow| row.target.clone().unwrap_or_default();
            format!("-> {} instead of {}", target(after), target(before))
        }
        "device" => format!("{} -> {}", kind_words(before), kind_words(after)),
        "mode" => format!("mode {} -> {}", before.mode, after.mode),
        "owner" => format!("owner {}:{} -> {}:{}", before.uid, before.gid, after.uid, after.gid),
        "time" => format!("time {} -> {}", before.mtime, after.mtime),
        "attributes" => attributes(before, after),
        other => other.to_owned(),
    }
}

fn kind_words(row: &FileRow) -> String {
    match (row.kind, &row.target, &row.device) {
        (FileKind::File, ..) => format!("file of {}", diag::bytes(row.size)),
        (FileKind::Symlink, Some(target), _) => format!("link to {target}"),
        (_, _, Some(device)) => device_words(device),
        (kind, ..) => kind.word().to_owned(),
    }
}

fn attributes(before: &FileRow, after: &FileRow) -> String {
    let by_name = |row: &FileRow| -> BTreeMap<String, String> {
        row.xattrs.iter().map(|x| (x.name.clone(), x.value.clone())).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let shown = |row: &FileRow, name: &str| {
        row.xattrs.iter().find(|x| x.name == name).map_or_else(|| "none".to_owned(), value)
    };
    let words = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let words = words.map(|name| format!("{name} {} -> {}", shown(before, name), shown(after, name)));
    words.collect::<Vec<_>>().join(", ")
}
