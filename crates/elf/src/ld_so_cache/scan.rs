use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use super::{Library, compare, compare_names, flags, one_family};
use crate::{Kind, Machine, Summary};

/// A tree of files as `ldconfig -r` sees one. Paths are absolute; symbolic links stay inside the tree.
pub trait Root {
    /// The directory behind a path, as the one path of it without symbolic links; two paths are the
    /// same directory when this says so.
    fn directory(&self, path: &BStr) -> Option<BString>;

    /// What is in a directory, in any order.
    fn list(&self, directory: &BStr) -> Vec<Listed>;

    /// The object behind a path (links followed): the one path of its file, and what it is.
    fn object(&self, path: &BStr) -> Option<(BString, Summary)>;

    /// The text behind a path; for `ld.so.conf` and what it includes.
    fn text(&self, path: &BStr) -> Option<Vec<u8>>;
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: BString,
    /// A symbolic link, rather than a regular file or directory. Other things are not listed.
    pub link: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// In the order of the cache.
    pub libraries: Vec<Library>,
    /// For [`super::Cache::unused_hwcaps`].
    pub unused_hwcaps: Vec<BString>,
    /// Links that `ldconfig` would make, since the cache names sonames, not files.
    pub links: Vec<SonameLink>,
}

/// A link from a soname to the file that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SonameLink {
    /// Absolute path of the link.
    pub path: BString,
    /// The file, in the same directory.
    pub target: BString,
}

/// Includes within includes; glibc knows no bound.
const DEEPEST_INCLUDE: u32 = 16;

/// Finds what `ldconfig` would put into the cache of a tree, for a machine: the directories of
/// `/etc/ld.so.conf`, then `built_in` ones, each with its `glibc-hwcaps`.
pub fn scan(root: &dyn Root, machine: Machine, built_in: &[&str]) -> Scan {
    let mut directories = Directories { root, all: Vec::new() };
    directories.add_from_file(b"/etc/ld.so.conf".as_bstr(), DEEPEST_INCLUDE);
    for path in built_in {
        directories.add(path.as_bytes());
    }
    let mut out = Scan::default();
    for directory in &directories.all {
        let best = best_of(root, machine, directory);
        if let (Some(name), true) = (&directory.hwcaps, best.is_empty()) {
            out.unused_hwcaps.push(name.clone());
        }
        for (soname, candidate) in best {
            out.add(root, directory, soname, candidate);
        }
    }
    out.libraries.sort_by(compare);
    let used = |name: &BString| out.libraries.iter().any(|l| l.hwcaps.as_ref() == Some(name));
    out.unused_hwcaps.retain(|name| !used(name));
    out.unused_hwcaps.sort();
    out.unused_hwcaps.dedup();
    out.links.sort();
    out
}

struct Directory {
    /// As the configuration wrote it; entries of the cache begin with it.
    path: BString,
    /// The same without symbolic links.
    real: BString,
    hwcaps: Option<BString>,
}

struct Directories<'a> {
    root: &'a dyn Root,
    all: Vec<Directory>,
}

impl Directories<'_> {
    fn add_from_file(&mut self, path: &BStr, depth: u32) {
        let Some(text) = self.root.text(path) else { return };
        for line in text.lines() {
            let line = line.split_str("#").next().unwrap_or_default().trim_ascii_start();
            let word = |word: &str| {
                let rest = line.strip_prefix(word.as_bytes())?;
                (rest.starts_with(b" ") || rest.starts_with(b"\t")).then_some(rest)
            };
            if line.is_empty() || word("hwcap").is_some() {
                continue;
            }
            match word("include") {
                Some(patterns) => {
                    for pattern in patterns.split(|b| matches!(b, b' ' | b'\t')).filter(|p| !p.is_empty()) {
                        self.include(path, pattern, depth);
                    }
                }
                None => self.add(line),
            }
        }
    }

    fn include(&mut self, from: &BStr, pattern: &[u8], depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let mut whole = BString::default();
        if !pattern.starts_with(b"/") {
            let parent = from.rfind_byte(b'/').map_or(from.as_bytes(), |i| &from[..i]);
            whole.extend_from_slice(parent);
            whole.push(b'/');
        }
        whole.extend_from_slice(pattern);
        let slash = whole.rfind_byte(b'/').unwrap_or(0);
        let (directory, pattern) = (whole[..slash].to_vec(), &whole[slash + 1..]);
        let Some(real) = self.root.directory(directory.as_bstr()) else { return };
        let mut names: Vec<BString> = self.root.list(real.as_bstr()).into_iter().map(|l| l.name).collect();
        names.sort();
        for name in names.iter().filter(|name| matches(pattern, name)) {
            let path = join(&directory, name);
            self.add_from_file(path.as_bstr(), depth);
        }
    }

    fn add(&mut self, line: &[u8]) {
        // `dir=type` once told libc5 from libc6.
        let path = line.split_str("=").next().unwrap_or_default().trim_ascii_end();
        let end = path.iter().rposition(|b| *b != b'/').map_or(0, |i| i + 1);
        let path = BString::from(&path[..end]);
        if path.is_empty() || !self.add_single(path.clone(), None) {
            return;
        }
        let hwcaps = join(&path, b"glibc-hwcaps");
        let Some(real) = self.root.directory(hwcaps.as_bstr()) else { return };
        let mut names = self.root.list(real.as_bstr());
        names.sort_by(|a, b| a.name.cmp(&b.name));
        for Listed { name, .. } in names {
            if !name.starts_with(b".") && !name.contains(&b':') {
                self.add_single(join(&hwcaps, &name), Some(name));
            }
        }
    }

    /// Says whether the directory exists and was not there yet.
    fn add_single(&mut self, path: BString, hwcaps: Option<BString>) -> bool {
        let Some(real) = self.root.directory(path.as_bstr()) else { return false };
        let new = self.all.iter().all(|d| d.real != real);
        if new {
            self.all.push(Directory { path, real, hwcaps });
        }
        new
    }
}

/// The file that stands for a soname within its directory.
struct Candidate {
    name: BString,
    link: bool,
    real: BString,
    flags: i32,
    isa_level: u16,
}

impl Candidate {
    /// A file is preferred to a link, then the higher version to the lower.
    fn beats(&self, other: &Candidate) -> bool {
        match (self.link, other.link) {
            (false, true) => true,
            (true, false) => false,
            _ => compare_names(other.name.as_bstr(), self.name.as_bstr()).is_lt(),
        }
    }
}

fn best_of(root: &dyn Root, machine: Machine, directory: &Directory) -> BTreeMap<BString, Candidate> {
    let mut best: BTreeMap<BString, Candidate> = BTreeMap::new();
    let mut listed = root.list(directory.real.as_bstr());
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    for Listed { name, link } in listed.into_iter().filter(|l| is_library_name(&l.name)) {
        let Some((real, object)) = root.object(join(&directory.real, &name).as_bstr()) else { continue };
        let Some(flags) = flags(&object).filter(|_| one_family(object.machine, machine)) else { continue };
        if object.kind != Kind::Shared || !object.dynamic {
            continue;
        }
        let mut soname = object.soname.unwrap_or_else(|| name.clone());
        // A link counts as such when it is named as the soname, or is the `.so` that linkers use;
        // any other name is treated as a file of its own.
        let link = link && (name == soname || (name.ends_with(b".so") && soname.starts_with(&name)));
        if link {
            soname = name.clone();
        }
        let isa_level = isa_level(object.isa_needed);
        let candidate = Candidate { name, link, real, flags, isa_level };
        match best.get(&soname) {
            Some(other) if !candidate.beats(other) => {}
            _ => {
                best.insert(soname, candidate);
            }
        }
    }
    best
}

impl Scan {
    fn add(&mut self, root: &dyn Root, directory: &Directory, soname: BString, candidate: Candidate) {
        let in_hwcaps = directory.hwcaps.is_some();
        // Elsewhere the cache names the soname, so that a newer file needs no new cache.
        let file = if in_hwcaps { &candidate.name } else { &soname };
        let path = join(&directory.path, file);
        if !in_hwcaps && !candidate.link {
            let behind = root.object(join(&directory.real, &soname).as_bstr());
            if behind.is_none_or(|(real, _)| real != candidate.real) && !is_loader(&soname) {
                let path = join(&directory.real, &soname);
                self.links.push(SonameLink { path, target: candidate.name.clone() });
            }
        }
        self.libraries.push(Library {
            soname,
            path,
            flags: candidate.flags,
            hwcaps: directory.hwcaps.clone(),
            isa_level: if in_hwcaps { candidate.isa_level } else { 0 },
        });
    }
}

/// The highest level of the set, as the loader compares it.
fn isa_level(needed: u32) -> u16 {
    (u32::BITS - needed.leading_zeros()).saturating_sub(1) as u16
}

/// Loaders and libraries by their names, as glibc's `_dl_is_dso`; without files that a package
/// manager or prelink is about to move into place.
fn is_library_name(name: &[u8]) -> bool {
    let begins = [&b"lib"[..], b"ld-", b"ld.so", b"ld64.so"].iter().any(|p| name.starts_with(p));
    let temporary = name.ends_with(b".dpkg-new")
        || name.ends_with(b".dpkg-tmp")
        || name.contains(&b';')
        || name.contains_str(".#prelink#");
    begins && name.contains_str(".so") && !temporary
}

/// Debian's `ldconfig` leaves links to loaders alone.
fn is_loader(soname: &[u8]) -> bool {
    soname.starts_with(b"ld-") || soname.starts_with(b"ld.so") || soname.starts_with(b"ld64.so")
}

fn join(directory: &[u8], name: &[u8]) -> BString {
    let mut path = BString::from(directory);
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// `*` and `?` of a shell pattern, without a leading dot.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    fn rest(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', after)) => (0..=name.len()).any(|i| rest(after, &name[i..])),
            Some((b'?', after)) => !name.is_empty() && rest(after, &name[1..]),
            Some((byte, after)) => name.first() == Some(byte) && rest(after, &name[1..]),
        }
    }
    let hidden = name.starts_with(b".") && !pattern.starts_with(b".");
    !hidden && pattern.iter().filter(|b| **b == b'*').count() <= 4 && rest(pattern, name)
}
