//! `distil tree` for people.

use ops::look::{FileKind, FileRow};
use ops::tree::{TreeReport, TreeRow};

use super::size::count;
use super::style::escaped;

/// Sizes, layers and owners in columns, and the tree at the end of the line, where it may be as wide as it is.
pub(crate) fn text(tree: &TreeReport) -> String {
    let owner = |row: &TreeRow| owner(&row.file).chars().count();
    let width = tree.files.iter().map(owner).max().unwrap_or(0).clamp(5, 30);
    let layer = tree.files.iter().map(|row| row.file.layer.to_string().len()).max().unwrap_or(1).max(5);
    let mut out = String::new();
    if !tree.files.is_empty() {
        out.push_str(&format!("{:>8}  {:>layer$}  {:<width$}  PATH\n", "SIZE", "LAYER", "OWNER"));
    }
    // Whether a branch goes on, by level.
    let mut open: Vec<bool> = Vec::new();
    for row in &tree.files {
        open.truncate(row.depth.saturating_sub(1));
        let size = if row.file.kind == FileKind::Directory { row.sum } else { row.file.size };
        let size = if row.file.kind == FileKind::Directory || row.file.kind == FileKind::File {
            diag::bytes(size)
        } else {
            String::new()
        };
        let branch = branch(&open, row);
        let number = row.file.layer;
        out.push_str(&format!(
            "{size:>8}  {number:>layer$}  {:<width$}  {branch}{}\n",
            owner_of(row),
            escaped(&name(row))
        ));
        if row.depth > 0 {
            open.push(!row.last);
        }
    }
    out.push_str(&format!("{} in {}\n", diag::bytes(tree.size), count(tree.count as u64, "path", "paths")));
    out
}

fn branch(open: &[bool], row: &TreeRow) -> String {
    if row.depth == 0 {
        return String::new();
    }
    let above: String = open.iter().map(|goes_on| if *goes_on { "│   " } else { "    " }).collect();
    above + if row.last { "└── " } else { "├── " }
}

fn name(row: &TreeRow) -> String {
    let file = &row.file;
    let end = file.path.rsplit('/').next().unwrap_or_default();
    let name = if row.depth == 0 { file.path.as_str() } else { end };
    let special = file.mode.len() == 4 && !file.mode.starts_with('0');
    let mode =
        if special && file.kind == FileKind::File { format!(" (mode {})", file.mode) } else { String::new() };
    match (file.kind, &file.target) {
        (FileKind::Directory, _) if file.path == "/" => name.to_owned(),
        (FileKind::Directory, _) => format!("{name}/"),
        (FileKind::Symlink, Some(target)) => format!("{name} -> {target}"),
        (FileKind::Hardlink, Some(target)) => format!("{name} = {target}"),
        (FileKind::Device, _) => format!("{name} (device)"),
        (FileKind::Fifo, _) => format!("{name} (fifo)"),
        _ => format!("{name}{mode}"),
    }
}

fn owner_of(row: &TreeRow) -> String {
    owner(&row.file)
}

/// The package, or in brackets what else it is from.
pub(crate) fn owner(file: &FileRow) -> String {
    match (&file.package, &file.made_by) {
        (Some(package), _) => package.clone(),
        (None, Some(by)) => format!("({by})"),
        (None, None) => String::from("-"),
    }
}
