//! What changed from one image to another.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::columns::in_walk;
use crate::escape::shown;
use crate::page::{File, FileKind, Image};

/// What happened to a package or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Only the new image has it.
    Added,
    /// Only the old one had it.
    Removed,
    /// Both have it, not the same.
    Changed,
}

impl Mark {
    /// One word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Mark::Added => "added",
            Mark::Removed => "removed",
            Mark::Changed => "changed",
        }
    }

    /// One character, which tells without colour.
    pub(crate) fn sign(self) -> char {
        match self {
            Mark::Added => '+',
            Mark::Removed => '−',
            Mark::Changed => '~',
        }
    }
}

/// A package that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    /// What happened.
    pub mark: Mark,
    /// Its name.
    pub name: String,
    /// Version before; empty where there was none.
    pub before: String,
    /// Version now.
    pub after: String,
    /// Bytes of its files before.
    pub size_before: u64,
    /// Bytes of its files now.
    pub size_after: u64,
}

/// A path that is not the same in both; directories are left out, they say nothing of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// What happened.
    pub mark: Mark,
    /// The path, as text.
    pub path: String,
    /// Bytes before.
    pub before: u64,
    /// Bytes now.
    pub after: u64,
}

/// All that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// By name.
    pub packages: Vec<PackageChange>,
    /// Packages that are the same.
    pub same_packages: u64,
    /// In the order of a walk.
    pub files: Vec<FileChange>,
    /// Files that are the same.
    pub same_files: u64,
}

impl Comparison {
    /// From `before` to `after`.
    pub fn of(before: &Image, after: &Image) -> Comparison {
        let (packages, same_packages) = packages(before, after);
        let (files, same_files) = files(before, after);
        Comparison { packages, same_packages, files, same_files }
    }

    /// How many packages have the mark.
    pub(crate) fn packages_with(&self, mark: Mark) -> u64 {
        self.packages.iter().filter(|p| p.mark == mark).count() as u64
    }

    /// How many files have the mark.
    pub(crate) fn files_with(&self, mark: Mark) -> u64 {
        self.files.iter().filter(|f| f.mark == mark).count() as u64
    }
}

/// A package by what a person takes for its identity, and all its versions with their bytes.
type Versions<'a> = BTreeMap<(&'a str, &'a str), (BTreeSet<&'a str>, u64)>;

fn versions(image: &Image) -> Versions<'_> {
    let mut out = Versions::new();
    for (package, (bytes, _)) in image.packages.iter().zip(image.owned()) {
        let entry = out.entry((package.name.as_str(), package.kind.as_str())).or_default();
        entry.0.insert(package.version.as_str());
        entry.1 += bytes;
    }
    out
}

fn packages(before: &Image, after: &Image) -> (Vec<PackageChange>, u64) {
    let (old, new) = (versions(before), versions(after));
    let (mut out, mut same) = (Vec::new(), 0);
    let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        let (was, is) = (old.get(&name), new.get(&name));
        let mark = match (was, is) {
            (Some(was), Some(is)) if was.0 == is.0 => {
                same += 1;
                continue;
            }
            (Some(_), Some(_)) => Mark::Changed,
            (None, _) => Mark::Added,
            (_, None) => Mark::Removed,
        };
        let text = |v: Option<&(BTreeSet<&str>, u64)>| {
            v.map_or_else(String::new, |v| v.0.iter().copied().collect::<Vec<_>>().join(", "))
        };
        let size = |v: Option<&(BTreeSet<&str>, u64)>| v.map_or(0, |v| v.1);
        out.push(PackageChange {
            mark,
            name: name.0.to_owned(),
            before: text(was),
            after: text(is),
            size_before: size(was),
            size_after: size(is),
        });
    }
    (out, same)
}

fn files(before: &Image, after: &Image) -> (Vec<FileChange>, u64) {
    let (old, new) = (in_order(before), in_order(after));
    let (mut out, mut same) = (Vec::new(), 0);
    let (mut i, mut j) = (0, 0);
    loop {
        let order = match (old.get(i), new.get(j)) {
            (None, None) => return (out, same),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => in_walk(&was.path, &is.path),
        };
        match order {
            Ordering::Less => {
                out.push(change(Mark::Removed, Some(old[i]), None));
                i += 1;
            }
            Ordering::Greater => {
                out.push(change(Mark::Added, None, Some(new[j])));
                j += 1;
            }
            Ordering::Equal => {
                if is_same(old[i], new[j]) {
                    same += 1;
                } else {
                    out.push(change(Mark::Changed, Some(old[i]), Some(new[j])));
                }
                (i, j) = (i + 1, j + 1);
            }
        }
    }
}

fn in_order(image: &Image) -> Vec<&File> {
    let mut files: Vec<&File> = image.files.iter().filter(|f| f.kind != FileKind::Directory).collect();
    files.sort_by(|a, b| in_walk(&a.path, &b.path));
    files
}

/// The same to whoever uses the image: which layer or package it is of does not count.
fn is_same(a: &File, b: &File) -> bool {
    let facts = |f: &File| (f.kind, f.mode, f.uid, f.gid, f.size, f.capabilities);
    facts(a) == facts(b) && a.link == b.link && a.digest == b.digest
}

fn change(mark: Mark, was: Option<&File>, is: Option<&File>) -> FileChange {
    let path = is.or(was).map(|f| shown(&f.path)).unwrap_or_default();
    let size = |f: Option<&File>| f.map_or(0, |f| f.size);
    FileChange { mark, path, before: size(was), after: size(is) }
}

/// The changed files as the script wants them: paths as what they share with the one before, and the rest.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeColumns<'a> {
    marks: String,
    shared: Vec<usize>,
    rest: Vec<&'a str>,
    before: Vec<u64>,
    after: Vec<u64>,
}

impl<'a> ChangeColumns<'a> {
    pub(crate) fn of(comparison: &'a Comparison) -> ChangeColumns<'a> {
        let mut out = ChangeColumns::default();
        let mut last = "";
        for file in &comparison.files {
            let shared = shared_directories(last, &file.path);
            out.marks.push(match file.mark {
                Mark::Added => '+',
                Mark::Removed => '-',
                Mark::Changed => '~',
            });
            // Counted in UTF-16, as the script's strings are.
            out.shared.push(file.path[..shared].encode_utf16().count());
            out.rest.push(&file.path[shared..]);
            out.before.push(file.before);
            out.after.push(file.after);
            last = &file.path;
        }
        out
    }
}

/// How many bytes at the beginning are the same, up to a slash.
fn shared_directories(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    b.as_bytes()[..same].iter().rposition(|c| *c == b'/').map_or(0, |slash| slash + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Package;

    fn image(packages: &[(&str, &str)], files: &[(&str, u64, u32)]) -> Image {
        let package = |(name, version): &(&str, &str)| Package {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            ..Package::default()
        };
        let file = |(path, size, mode): &(&str, u64, u32)| File {
            path: (*path).into(),
            size: *size,
            mode: *mode,
            package: Some(0),
            ..File::default()
        };
        Image {
            packages: packages.iter().map(package).collect(),
            files: files.iter().map(file).collect(),
            ..Image::default()
        }
    }

    #[test]
    fn added_removed_changed_and_the_same() {
        let before = image(
            &[("bash", "5.2"), ("libc6", "2.36"), ("tzdata", "2026a")],
            &[("usr/bin/bash", 10, 0o755), ("etc/passwd", 3, 0o644), ("a", 1, 0o644)],
        );
        let after = image(
            &[("libc6", "2.41"), ("tzdata", "2026a"), ("zlib1g", "1.3")],
            &[("a", 1, 0o644), ("etc/passwd", 3, 0o600), ("etc/new", 4, 0o644)],
        );
        let found = Comparison::of(&before, &after);
        let packages: Vec<_> = found.packages.iter().map(|p| (p.mark.sign(), p.name.as_str())).collect();
        assert_eq!(packages, [('−', "bash"), ('~', "libc6"), ('+', "zlib1g")]);
        assert_eq!(found.packages[0].size_before, 14, "bytes of its files");
        let files: Vec<_> = found.files.iter().map(|f| (f.mark.sign(), f.path.as_str())).collect();
        assert_eq!(files, [('+', "etc/new"), ('~', "etc/passwd"), ('−', "usr/bin/bash")]);
        assert_eq!((found.same_packages, found.same_files), (1, 1));
    }

    #[test]
    fn paths_in_columns_are_the_paths() {
        let empty = Image::default();
        let some =
            image(&[], &[("usr/\u{1d4b3}/lib/a", 1, 0), ("usr/\u{1d4b3}/lib/ab", 1, 0), ("usr/é", 1, 0)]);
        let found = Comparison::of(&empty, &some);
        let columns = ChangeColumns::of(&found);
        let mut last: Vec<u16> = Vec::new();
        for (i, file) in found.files.iter().enumerate() {
            let mut path = last[..columns.shared[i]].to_vec();
            path.extend(columns.rest[i].encode_utf16());
            assert_eq!(String::from_utf16(&path).unwrap(), file.path);
            last = path;
        }
        assert_eq!(columns.shared, [0, 4, 11], "{columns:?}");
    }
}
