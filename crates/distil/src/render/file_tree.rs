//! `distil tree` for people.

use ops::look::{FileKind, FileRow};
use ops::tree::{TreeReport, TreeRow};

use super::size::count;
use super::style::escaped;

/// Which columns a tree has beside size, layer and owner.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Columns {
    /// Mode and owner in numbers, and the time.
    pub(crate) long: bool,
    /// The time.
    pub(crate) time: bool,
}

/// Sizes, layers and owners in columns, and the tree at the end of the line, where it may be as wide as it is.
pub(crate) fn text(tree: &TreeReport, columns: Columns) -> String {
    let widest = |of: &dyn Fn(&FileRow) -> String| {
        tree.files.iter().map(|row| of(&row.file).chars().count()).max().unwrap_or(0)
    };
    let width = widest(&owner).clamp(5, 30);
    let layer = widest(&|file| file.layer.to_string()).max(5);
    let ids_width = widest(&ids).max(7);
    let mut out = String::new();
    let mut line = |long: [&str; 2], time: &str, short: [&str; 3], path: &str| {
        if columns.long {
            out.push_str(&format!("{}  {:>ids_width$}  ", long[0], long[1]));
        }
        out.push_str(&format!("{:>8}  ", short[0]));
        if columns.long || columns.time {
            out.push_str(&format!("{time:<19}  "));
        }
        out.push_str(&format!("{:>layer$}  {:<width$}  {path}\n", short[1], short[2]));
    };
    if !tree.files.is_empty() {
        line(["MODE      ", "UID:GID"], "TIME (UTC)", ["SIZE", "LAYER", "OWNER"], "PATH");
    }
    // Whether a branch goes on, by level.
    let mut open: Vec<bool> = Vec::new();
    for row in &tree.files {
        open.truncate(row.depth.saturating_sub(1));
        let file = &row.file;
        let path = format!("{}{}", branch(&open, row), escaped(&name(row, columns.long)));
        let short = [&size(row, columns.long), &file.layer.to_string(), &owner(file)];
        line([&letters(file), &ids(file)], &time(file.mtime), short.map(String::as_str), &path);
        if row.depth > 0 {
            open.push(!row.last);
        }
    }
    out.push_str(&format!("{} in {}\n", diag::bytes(tree.size), count(tree.count as u64, "path", "paths")));
    out
}

fn size(row: &TreeRow, long: bool) -> String {
    match (row.file.kind, row.file.device) {
        (FileKind::Directory, _) => diag::bytes(row.sum),
        (FileKind::File, _) => diag::bytes(row.file.size),
        // The file itself is not shown.
        (FileKind::Hardlink, _) if row.file.size > 0 => diag::bytes(row.file.size),
        (_, Some(device)) if long => format!("{}:{}", device.major, device.minor),
        _ => String::new(),
    }
}

fn ids(file: &FileRow) -> String {
    format!("{}:{}", file.uid, file.gid)
}

/// Kind and mode as `ls -l` writes them.
fn letters(file: &FileRow) -> String {
    let kind = match (file.kind, file.device) {
        (FileKind::Directory, _) => 'd',
        (FileKind::Symlink, _) => 'l',
        (FileKind::Fifo, _) => 'p',
        (FileKind::Device, Some(device)) if device.kind == "block" => 'b',
        (FileKind::Device, _) => 'c',
        (FileKind::File | FileKind::Hardlink, _) => '-',
    };
    let mode = u32::from_str_radix(&file.mode, 8).unwrap_or(0);
    let mut out = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    out
}

/// A time of day as UTC has it; what is out of every calendar as a number, as find(1) prints it.
fn time(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(at) => at.to_string().replace('T', " ").trim_end_matches('Z').to_owned(),
        Err(_) => format!("@{seconds}"),
    }
}

fn branch(open: &[bool], row: &TreeRow) -> String {
    if row.depth == 0 {
        return String::new();
    }
    let above: String = open.iter().map(|goes_on| if *goes_on { "│   " } else { "    " }).collect();
    above + if row.last { "└── " } else { "├── " }
}

fn name(row: &TreeRow, long: bool) -> String {
    let file = &row.file;
    let end = file.path.rsplit('/').next().unwrap_or_default();
    let name = if row.depth == 0 { file.path.as_str() } else { end };
    let special = !long && file.mode.len() == 4 && !file.mode.starts_with('0');
    let mode =
        if special && file.kind == FileKind::File { format!(" (mode {})", file.mode) } else { String::new() };
    match (file.kind, &file.target) {
        (FileKind::Directory, _) if file.path == "/" => name.to_owned(),
        (FileKind::Directory, _) => format!("{name}/"),
        (FileKind::Symlink, Some(target)) => format!("{name} -> {target}"),
        (FileKind::Hardlink, Some(target)) => format!("{name} = {target}"),
        (FileKind::Device, _) if !long => match file.device {
            Some(device) => format!("{name} ({} device {}:{})", device.kind, device.major, device.minor),
            None => format!("{name} (device)"),
        },
        (FileKind::Fifo, _) if !long => format!("{name} (fifo)"),
        _ => format!("{name}{mode}"),
    }
}

/// The package, or in brackets what else it is from.
pub(crate) fn owner(file: &FileRow) -> String {
    match (&file.package, &file.made_by) {
        (Some(package), _) => package.clone(),
        (None, Some(by)) => format!("({by})"),
        (None, None) => String::from("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: FileKind, mode: &str) -> FileRow {
        FileRow {
            path: "/x".to_owned(),
            kind,
            size: 0,
            mode: mode.to_owned(),
            uid: 0,
            gid: 0,
            mtime: 0,
            layer: 1,
            package: None,
            made_by: None,
            target: None,
            device: None,
            digest: None,
            xattrs: Vec::new(),
        }
    }

    #[test]
    fn modes_as_ls_writes_them() {
        for (kind, mode, text) in [
            (FileKind::File, "0644", "-rw-r--r--"),
            (FileKind::File, "4755", "-rwsr-xr-x"),
            (FileKind::File, "6644", "-rwSr-Sr--"),
            (FileKind::Directory, "1777", "drwxrwxrwt"),
            (FileKind::Directory, "1770", "drwxrwx--T"),
            (FileKind::Symlink, "0777", "lrwxrwxrwx"),
            (FileKind::Fifo, "0000", "p---------"),
        ] {
            assert_eq!(letters(&file(kind, mode)), text, "{mode}");
        }
        let device = |kind| FileRow {
            device: Some(ops::look::DeviceRow { kind, major: 1, minor: 3 }),
            ..file(FileKind::Device, "0666")
        };
        assert_eq!(letters(&device("char")), "crw-rw-rw-");
        assert_eq!(letters(&device("block")), "brw-rw-rw-");
    }

    #[test]
    fn times_of_every_number() {
        assert_eq!(time(1_793_512_673), "2026-11-01 05:57:53");
        assert_eq!(time(-1), "1969-12-31 23:59:59");
        assert_eq!(time(i64::MAX), "@9223372036854775807");
    }
}
