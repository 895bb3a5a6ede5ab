//! `lib/apk/db/installed`, byte for byte as apk 2.14 writes it (`apk_db_fdb_write`): of each package,
//! sorted by name, the index's fields, then its directories and files with their sums. Scanners read
//! it, and so does `apk` in the image.

use bstr::{BStr, BString, ByteSlice, ByteVec};
use package::Sha1;
use rootfs::path::{file_name, parent};
use rootfs::{Entry, Node, Tree, Xattr};
use sha1::Digest as _;

use crate::{ApkError, ControlFiles, PkgInfo};

/// A package as it is installed.
#[derive(Clone, Copy)]
pub struct Installed<'a> {
    /// What it says of itself, and its files in its own order.
    pub files: &'a ControlFiles,
    /// What it unpacks to: modes and owners.
    pub tree: &'a Tree,
    /// The size of its file in bytes (`S:`).
    pub size: u64,
    /// Its architecture as the index has it, in apk's word: an index of Alpine has no `noarch`.
    pub arch: &'a str,
    /// The `@tag` of its repository.
    pub tag: Option<&'a str>,
}

/// Writes the database. `listed` says whether the n-th package still has a path of its own: files that
/// another package replaced, and files that were left out of the image, are not listed. Directories
/// are asked for too.
///
/// One oddity is apk's and kept, as the database is compared with apk's: what a package without
/// directories replaces, and its tag, is written with the next package that has some (2.14.0 keeps it in a buffer
/// that is only emptied there), and not at all behind the last.
pub fn write_installed(packages: &[Installed<'_>], listed: &dyn Fn(usize, &BStr) -> bool) -> BString {
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by(|a, b| packages[*a].files.info.name.cmp(&packages[*b].files.info.name));
    let (mut out, mut late) = (BString::default(), BString::default());
    for n in order {
        push_fields(&mut out, &packages[n]);
        push_replaces(&mut late, &packages[n].files.info);
        if let Some(tag) = packages[n].tag {
            late.push_str(format!("s:{tag}\n"));
        }
        if !packages[n].files.files.is_empty() {
            out.append(&mut late);
        }
        push_files(&mut out, &packages[n], &|path| listed(n, path));
        out.push(b'\n');
    }
    out
}

fn push_fields(out: &mut BString, package: &Installed<'_>) {
    let PkgInfo { name, version, origin, commit, build_time, .. } = &package.files.info;
    let info = &package.files.info;
    let mut line = |key: &str, value: &[u8]| {
        out.push_str(key);
        out.push_str(value);
        out.push(b'\n');
    };
    line("C:", package.files.control.q1().as_bytes());
    line("P:", name.as_bytes());
    line("V:", version.as_bytes());
    if !package.arch.is_empty() {
        line("A:", package.arch.as_bytes());
    }
    line("S:", package.size.to_string().as_bytes());
    line("I:", info.size.to_string().as_bytes());
    line("T:", &info.description);
    line("U:", &info.url);
    line("L:", &info.license);
    let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    for (key, value) in [
        ("o:", origin.as_bytes()),
        ("m:", &info.maintainer),
        ("t:", number(*build_time).as_bytes()),
        ("c:", commit.as_bytes()),
        ("k:", number(info.provider_priority.into()).as_bytes()),
        ("D:", info.depends.join(" ").as_bytes()),
        ("p:", info.provides.join(" ").as_bytes()),
        ("i:", info.install_if.join(" ").as_bytes()),
    ] {
        if !value.is_empty() {
            line(key, value);
        }
    }
}

fn push_replaces(out: &mut BString, info: &PkgInfo) {
    // A package of no size is not unpacked by apk, which therefore does not see what it replaces.
    if info.size == 0 {
        return;
    }
    if !info.replaces.is_empty() {
        out.push_str(format!("r:{}\n", info.replaces.join(" ")));
    }
    if info.replaces_priority != 0 {
        out.push_str(format!("q:{}\n", info.replaces_priority));
    }
}

/// Directories in the order in which the package names them or a file in them, each with its files.
fn push_files(out: &mut BString, package: &Installed<'_>, listed: &dyn Fn(&BStr) -> bool) {
    for (directory, files) in by_directory(package) {
        let files: Vec<_> = files.into_iter().filter(|(file, _)| listed(file.as_bstr())).collect();
        if files.is_empty() && !listed(directory) {
            continue;
        }
        out.push_str("F:");
        out.push_str(directory);
        out.push(b'\n');
        if let Some(entry) = package.tree.get(directory) {
            push_acl(out, "M:", entry, 0o755);
        }
        for (path, sum) in files {
            out.push_str("R:");
            out.push_str(file_name(path.as_bstr()));
            out.push(b'\n');
            if let Some(entry) = package.tree.get(path) {
                push_acl(out, "a:", entry, 0o644);
            }
            if let Some(sum) = sum {
                out.push_str(format!("Z:{}\n", sum.q1()));
            }
        }
    }
}

type Listed<'a> = (&'a BStr, Vec<(&'a BString, Option<Sha1>)>);

fn by_directory<'a>(package: &Installed<'a>) -> Vec<Listed<'a>> {
    let mut directories: Vec<Listed<'a>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for file in &package.files.files {
        let is_dir = package.tree.get(&file.path).is_some_and(Entry::is_dir);
        let path = file.path.as_bstr();
        let directory = if is_dir { path } else { parent(path).unwrap_or_default() };
        let at = *places.entry(directory).or_insert_with(|| {
            directories.push((directory, Vec::new()));
            directories.len() - 1
        });
        if !is_dir {
            directories[at].1.push((&file.path, file.sha1));
        }
    }
    directories
}

/// Owner and mode, unless they are what apk takes for granted.
fn push_acl(out: &mut BString, key: &str, entry: &Entry, usual: u32) {
    let mode = if matches!(entry.node, Node::Symlink(_)) { 0o777 } else { entry.mode };
    // Of a hard link apk notes what stands in the archive at the link: no attributes.
    let xattrs = if matches!(entry.node, Node::Hardlink(_)) { &[][..] } else { &entry.xattrs[..] };
    if (entry.uid, entry.gid, mode) == (0, 0, usual) && xattrs.is_empty() {
        return;
    }
    out.push_str(format!("{key}{}:{}:{mode:o}", entry.uid, entry.gid));
    if !xattrs.is_empty() {
        out.push_str(format!(":{}", xattr_sum(xattrs).q1()));
    }
    out.push(b'\n');
}

/// apk's sum of extended attributes: by name, each name and value behind its length as 32 bits, high
/// byte first (`apk_fileinfo_hash_xattr`).
fn xattr_sum(xattrs: &[Xattr]) -> Sha1 {
    let mut sum = sha1::Sha1::new();
    for xattr in xattrs {
        for bytes in [xattr.name.as_slice(), &xattr.value] {
            sum.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            sum.update(bytes);
        }
    }
    Sha1(sum.finalize().into())
}

/// A record of an installed database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledRecord {
    /// `P:`.
    pub name: String,
    /// `V:`.
    pub version: String,
    /// `A:`, in apk's word.
    pub arch: String,
    /// `o:`.
    pub origin: String,
    /// `C:`; none where it is not one of format 2.
    pub control: Option<Sha1>,
    /// `D:`, `p:` and `i:` as they stand.
    pub depends: String,
    /// See [`depends`](InstalledRecord::depends).
    pub provides: String,
    /// See [`depends`](InstalledRecord::depends).
    pub install_if: String,
    /// `r:`, likewise.
    pub replaces: String,
    /// `q:`; 0 where it says nothing.
    pub replaces_priority: u32,
    /// `I:`, in bytes.
    pub installed_size: Option<u64>,
    /// `m:`.
    pub maintainer: String,
    /// `L:`.
    pub license: String,
    /// `T:`.
    pub description: String,
    /// Directories and files in the order of the database; a file with its sum.
    pub files: Vec<crate::ListedFile>,
}

impl InstalledRecord {
    /// What [`overwrites`](crate::overwrites) asks of a package, of one that is installed: its name, version,
    /// origin and what it replaces.
    pub fn info(&self) -> PkgInfo {
        let mut info = PkgInfo::empty(b"");
        (info.name, info.version) = (self.name.clone(), self.version.clone());
        info.origin = self.origin.clone();
        info.replaces = self.replaces.split_whitespace().map(str::to_owned).collect();
        info.replaces_priority = self.replaces_priority;
        info
    }
}

/// Reads an installed database, apk's form or apko's, as it lies in a base image.
///
/// # Errors
/// A line is not `X:value`, a path climbs, or a record has no name or version.
pub fn parse_installed(bytes: &[u8]) -> Result<Vec<InstalledRecord>, ApkError> {
    let (mut records, mut record) = (Vec::new(), InstalledRecord::default());
    let (mut directory, mut any) = (BString::default(), false);
    for (number, line) in (1..).zip(bytes.lines().chain([&b""[..]])) {
        let wrong = |why: &str| ApkError::Database { line: number, why: why.to_owned() };
        if line.is_empty() {
            if any && (record.name.is_empty() || record.version.is_empty()) {
                return Err(wrong("the record before it has no name or version"));
            }
            if any {
                records.push(std::mem::take(&mut record));
            }
            (directory, any) = (BString::default(), false);
            continue;
        }
        any = true;
        let &[key, b':', ref value @ ..] = line else { return Err(wrong("it is not `X:value`")) };
        let text = || value.to_str().map(str::to_owned).map_err(|_| wrong("it is not UTF-8"));
        match key {
            b'P' => record.name = text()?,
            b'V' => record.version = text()?,
            b'A' => record.arch = text()?,
            b'o' => record.origin = text()?,
            b'D' => record.depends = text()?,
            b'p' => record.provides = text()?,
            b'i' => record.install_if = text()?,
            b'r' => record.replaces = text()?,
            b'q' => record.replaces_priority = text()?.parse().map_err(|_| wrong("it is no number"))?,
            b'I' => record.installed_size = text()?.parse().ok(),
            b'm' => record.maintainer = value.to_str_lossy().into_owned(),
            b'L' => record.license = value.to_str_lossy().into_owned(),
            b'T' => record.description = value.to_str_lossy().into_owned(),
            b'C' => record.control = value.to_str().ok().and_then(Sha1::from_q1),
            b'F' => {
                directory = path_of(&[], value).ok_or_else(|| wrong("the path is not one of a tree"))?;
                record.files.push(crate::ListedFile { path: directory.clone(), sha1: None });
            }
            b'R' => {
                let path =
                    path_of(&directory, value).ok_or_else(|| wrong("the path is not one of a tree"))?;
                record.files.push(crate::ListedFile { path, sha1: None });
            }
            b'Z' => {
                let file = record.files.last_mut().ok_or_else(|| wrong("a sum before any file"))?;
                file.sha1 = value.to_str().ok().and_then(Sha1::from_q1);
            }
            _ => {}
        }
    }
    Ok(records)
}

fn path_of(directory: &[u8], name: &[u8]) -> Option<BString> {
    let path = if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() };
    if path.is_empty() { Some(BString::default()) } else { rootfs::path::normalise(&path).ok() }
}
