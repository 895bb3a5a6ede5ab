//! What `distil diff` found, in short phrases for the page.

use std::collections::{BTreeMap, BTreeSet};

use report::{Changes, ConfigChange, Mark, PackageChange, PathChange};

use crate::diff::{DiffReport, FileDiff, PackageDiff};
use crate::look::{AttributeRow, FileKind, FileRow, Look};

/// All that is other, and how much of the image now is the same.
pub(super) fn changes(diff: &DiffReport, now: &Look) -> Changes {
    let there = diff.packages.iter().filter(|p| p.after.is_some()).count();
    // The root is in every image.
    let paths = now.contents.files.iter().filter(|f| !f.path().is_empty()).count();
    let other = diff.files.iter().filter(|f| f.after.is_some() && f.path != "/").count();
    Changes {
        config: diff
            .config
            .iter()
            .map(|c| ConfigChange { key: c.key.clone(), before: c.before.clone(), after: c.after.clone() })
            .collect(),
        packages: packages(&diff.packages),
        same_packages: now.contents.packages.len().saturating_sub(there) as u64,
        paths: diff.files.iter().map(path).collect(),
        same_paths: paths.saturating_sub(other) as u64,
    }
}

fn packages(all: &[PackageDiff]) -> Vec<PackageChange> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|p| *names.entry(&p.name).or_default() += 1);
    let row = |p: &PackageDiff| {
        let arch = |version: &String, arch: &String| match p.arch_before {
            Some(_) => format!("{version} ({arch})"),
            None => version.clone(),
        };
        PackageChange {
            // Of several of one name each is told from the others.
            name: if names[p.name.as_str()] > 1 {
                format!("{} ({})", p.name, p.arch)
            } else {
                p.name.clone()
            },
            before: p.before.as_ref().map(|v| arch(v, p.arch_before.as_ref().unwrap_or(&p.arch))),
            after: p.after.as_ref().map(|v| arch(v, &p.arch)),
            size_before: p.size_before,
            size_after: p.size_after,
        }
    };
    all.iter().map(row).collect()
}

fn path(file: &FileDiff) -> PathChange {
    let (before, after) = (file.before.as_ref(), file.after.as_ref());
    let is_dir = after.or(before).is_some_and(|row| row.kind == FileKind::Directory);
    let slash = if is_dir && file.path != "/" { "/" } else { "" };
    let size = |row: Option<&FileRow>| row.filter(|r| r.kind == FileKind::File).map(|r| r.size);
    PathChange {
        mark: Mark::of(before, after),
        path: format!("{}{slash}", file.path),
        before: size(before),
        after: size(after),
        said: match (before, after) {
            (Some(before), Some(after)) => {
                let links = |(was, is): (String, String)| vec![format!("{was} → {is}")];
                let said = |aspect: &&str| match *aspect {
                    "links" => links(file.link_words()),
                    aspect => change(aspect, before, after),
                };
                file.aspects.iter().flat_map(said).collect()
            }
            (row, None) | (None, row) => row.map(state).unwrap_or_default(),
        },
    }
}

/// What came or went: what it is, its mode, its owner where that is not root, its attributes.
fn state(row: &FileRow) -> Vec<String> {
    let mut said = Vec::new();
    if !matches!(row.kind, FileKind::File | FileKind::Directory) {
        said.push(kind(row));
    }
    // Of a link, the mode says nothing (path_resolution(7)).
    if row.kind != FileKind::Symlink {
        said.push(format!("mode {}", mode(row)));
    }
    if (row.uid, row.gid) != (0, 0) {
        said.push(format!("owner {}:{}", row.uid, row.gid));
    }
    said.extend(row.xattrs.iter().map(|x| format!("{} {}", x.name, value(x))));
    said
}

/// What is other in one respect, as `diff` calls it.
fn change(aspect: &str, before: &FileRow, after: &FileRow) -> Vec<String> {
    let target = |row: &FileRow| row.target.clone().unwrap_or_default();
    match aspect {
        "kind" | "device" => vec![format!("{} → {}", kind(before), kind(after))],
        "target" => vec![format!("leads to {} → {}", target(before), target(after))],
        // Other kinds begin with other modes, and that of a link says nothing.
        "mode" if before.kind != after.kind && [before.kind, after.kind].contains(&FileKind::Symlink) => {
            Vec::new()
        }
        "mode" => vec![format!("mode {} → {}", mode(before), mode(after))],
        "owner" => vec![format!("owner {}:{} → {}:{}", before.uid, before.gid, after.uid, after.gid)],
        "attributes" => attributes(before, after),
        other => vec![other.to_owned()],
    }
}

/// What it is, with where a link leads and which device it is.
fn kind(row: &FileRow) -> String {
    match (&row.target, &row.device) {
        (Some(target), _) => format!("link to {target}"),
        (_, Some(device)) => format!("{} device {}:{}", device.kind, device.major, device.minor),
        _ => row.kind.word().to_owned(),
    }
}

/// Octal, and what of it gives rights to whoever runs the file.
fn mode(row: &FileRow) -> String {
    let is_file = row.kind == FileKind::File && row.mode.len() == 4;
    let word = match row.mode.as_bytes().first() {
        Some(b'4' | b'5') if is_file => " (setuid)",
        Some(b'2' | b'3') if is_file => " (setgid)",
        Some(b'6' | b'7') if is_file => " (setuid and setgid)",
        _ => "",
    };
    format!("{}{word}", row.mode)
}

fn attributes(before: &FileRow, after: &FileRow) -> Vec<String> {
    let by_name = |row: &FileRow| -> BTreeMap<String, AttributeRow> {
        row.xattrs.iter().map(|x| (x.name.clone(), x.clone())).collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let said = |name: &&String| match (old.get(*name), new.get(*name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(format!("{name} {} → {}", value(old), value(new))),
        (Some(old), None) => Some(format!("removed {name} {}", value(old))),
        (None, new) => new.map(|new| format!("added {name} {}", value(new))),
    };
    names.iter().filter_map(said).collect()
}

/// In words where these are known.
fn value(attribute: &AttributeRow) -> &str {
    attribute.means.as_ref().unwrap_or(&attribute.value)
}
