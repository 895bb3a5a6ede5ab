//! `distil diff`: what is other between two images.

mod config;
mod links;

use std::collections::BTreeMap;

use bstr::BStr;
use diag::Diagnostic;
use inventory::{Contents, File, Package};
use oci::Digest;
use rootfs::{Aspect, Difference, Entry, Node};
use serde::Serialize;

pub use self::config::ConfigChange;
use self::links::Links;
use crate::World;
use crate::look::{FileKind, FileRow, Look, Subject, absolute, kind, look};

/// What is other between two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// The first.
    pub from: Side,
    /// The second.
    pub to: Side,
    /// Nothing is other of what is listed here.
    pub same: bool,
    /// The config, by key.
    pub config: Vec<ConfigChange>,
    /// The packages, by name.
    pub packages: Vec<PackageDiff>,
    /// The files, by path.
    pub files: Vec<FileDiff>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Its name.
    pub image: String,
    /// Its manifest.
    pub manifest: Digest,
    /// Its config, which engines call it by.
    pub config_digest: Digest,
    /// Its platform.
    pub platform: String,
    /// Bytes of its layers as they are stored.
    pub stored: u64,
    /// Bytes of its files.
    pub files: u64,
    /// How many layers it has, and of these how many at the bottom both have.
    pub layers: usize,
    /// How many layers at the bottom are those of the other.
    pub shared_layers: usize,
    /// Package databases that were not read: what it has of their packages is not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageDiff {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its architecture in the first, where that was another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch_before: Option<String>,
    /// `deb`, `apk` or `rpm`.
    pub kind: &'static str,
    /// Its version in the first.
    pub before: Option<String>,
    /// Its version in the second.
    pub after: Option<String>,
    /// Bytes of its files in the first.
    pub size_before: u64,
    /// Bytes of its files in the second.
    pub size_after: u64,
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// The path.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Of what changed: `kind`, `content`, `target`, `device`, `mode`, `owner`, `time`, `attributes`,
    /// `links` (it was another name of a file and is one of its own, or of another file, or the other way round).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aspects: Vec<&'static str>,
    /// With `links`: the path that it was another name of in the first; none was a file of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_before: Option<String>,
    /// Likewise in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_after: Option<String>,
    /// In the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FileRow>,
    /// In the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FileRow>,
}

impl FileDiff {
    /// Of what is other in its `links`: what it was in the first and is in the second, in words.
    pub fn link_words(&self) -> (String, String) {
        let words = |path: &Option<String>| match path {
            Some(path) => format!("another name of {path}"),
            None => "a file of its own".to_owned(),
        };
        (words(&self.link_before), words(&self.link_after))
    }
}

/// Compares two images. Times of files count only where `times` says so: they are other after every build that is
/// not reproducible.
///
/// # Errors
/// One of them is not there, or cannot be read.
pub fn diff(world: &World, from: &Subject, to: &Subject, times: bool) -> Result<DiffReport, Diagnostic> {
    Ok(compare(&look(world, from)?, &look(world, to)?, times))
}

/// The same of images that were looked into: what the page of `distil report` compares by, too.
pub(crate) fn compare(a: &Look, b: &Look, times: bool) -> DiffReport {
    let (config, packages, files) =
        (config::changes(a, b, times), packages(&a.contents, &b.contents), files(a, b, times));
    let same = config.is_empty() && packages.is_empty() && files.is_empty();
    let ids = |look: &Look| look.contents.layers.iter().map(|l| l.diff_id).collect::<Vec<_>>();
    let shared = ids(a).iter().zip(&ids(b)).take_while(|(a, b)| a == b).count();
    DiffReport { from: side(a, shared), to: side(b, shared), same, config, packages, files }
}

fn side(look: &Look, shared_layers: usize) -> Side {
    Side {
        image: look.shown.clone(),
        manifest: look.contents.digest,
        config_digest: look.contents.manifest.config.digest,
        platform: look.contents.platform().to_string(),
        stored: look.contents.stored_size(),
        files: look.contents.files_size(),
        layers: look.contents.layers.len(),
        shared_layers,
        unread: look.unread(),
    }
}

/// A package's name, system and architecture.
type Key = (String, &'static str, String);

/// Its version and the bytes of its files.
type State = (String, u64);

fn states(contents: &Contents) -> BTreeMap<Key, State> {
    let mut sizes = vec![0; contents.packages.len()];
    contents.files.iter().for_each(|f| f.package().into_iter().for_each(|n| sizes[n] += f.size()));
    let row = |(p, size): (&Package, u64)| {
        ((p.name.clone(), p.kind.word(), p.arch.clone()), (p.version.clone(), size))
    };
    contents.packages.iter().zip(sizes).map(row).collect()
}

fn packages(a: &Contents, b: &Contents) -> Vec<PackageDiff> {
    let (mut before, mut after) = (states(a), states(b));
    let other_platform = a.platform() != b.platform();
    let mut rows = Vec::new();
    let row = |key: Key, old: Option<State>, new: Option<State>, arch_before: Option<String>| PackageDiff {
        name: key.0,
        kind: key.1,
        arch: key.2,
        arch_before,
        size_before: old.as_ref().map_or(0, |o| o.1),
        size_after: new.as_ref().map_or(0, |n| n.1),
        before: old.map(|o| o.0),
        after: new.map(|n| n.0),
    };
    for key in before.keys().cloned().collect::<Vec<_>>() {
        if let Some(new) = after.remove(&key)
            && let Some(old) = before.remove(&key)
            && old.0 != new.0
        {
            rows.push(row(key, Some(old), Some(new), None));
        }
    }
    // Of what is left one name on either side is one package, built for something else.
    for key in after.keys().cloned().collect::<Vec<_>>() {
        if let (Some(was), Some(_)) = (only(&before, &key), only(&after, &key))
            && let (Some(old), Some(new)) = (before.remove(&was), after.remove(&key))
            // That of another platform it is for another architecture is no news.
            && !(other_platform && old.0 == new.0)
        {
            rows.push(row(key, Some(old), Some(new), Some(was.2)));
        }
    }
    rows.extend(before.into_iter().map(|(key, old)| row(key, Some(old), None, None)));
    rows.extend(after.into_iter().map(|(key, new)| row(key, None, Some(new), None)));
    rows.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    rows
}

/// The one key with this name and system, if it is one.
fn only(all: &BTreeMap<Key, State>, key: &Key) -> Option<Key> {
    let first = (key.0.clone(), key.1, String::new());
    let mut named = all.range(first..).map(|(k, _)| k).take_while(|k| (&k.0, k.1) == (&key.0, key.1));
    let one = named.next()?;
    named.next().is_none().then(|| one.clone())
}

fn files(a: &Look, b: &Look, times: bool) -> Vec<FileDiff> {
    let links = (Links::among(&a.contents, &b.contents), Links::among(&b.contents, &a.contents));
    let (mut left, mut right) = (a.contents.files.iter().peekable(), b.contents.files.iter().peekable());
    let mut all = Vec::new();
    loop {
        let (before, after) = match (left.peek(), right.peek()) {
            (None, None) => return all,
            (Some(l), Some(r)) if l.path() == r.path() => (left.next(), right.next()),
            (Some(l), Some(r)) if l.path() < r.path() => (left.next(), None),
            (Some(_), None) => (left.next(), None),
            _ => (None, right.next()),
        };
        let Some(path) = before.or(after).map(File::path) else { return all };
        let (link_before, link_after) = (links.0.of(path), links.1.of(path));
        let (change, mut aspects) = match (before, after) {
            (Some(before), Some(after)) => {
                let (before, after) = (named(&a.contents, &before.entry), named(&b.contents, &after.entry));
                ("changed", aspects(&before, &after, times))
            }
            (Some(_), None) => ("removed", Vec::new()),
            _ => ("added", Vec::new()),
        };
        let relinked = link_before != link_after;
        aspects.extend(relinked.then_some("links"));
        if change == "changed" && aspects.is_empty() {
            continue;
        }
        let link = |path: Option<&BStr>| path.filter(|_| relinked).map(absolute);
        all.push(FileDiff {
            path: absolute(path),
            change,
            aspects,
            link_before: link(link_before),
            link_after: link(link_after),
            before: before.map(|f| row(a, f)),
            after: after.map(|f| row(b, f)),
        });
    }
}

/// A row; of a further name of a file with the file's own size and content.
fn row(look: &Look, file: &File) -> FileRow {
    let row = look.row(file);
    let target = match &file.entry.node {
        Node::Hardlink(target) => look.contents.file(target),
        _ => None,
    };
    let Some(FileRow { kind, size, digest, .. }) = target.map(|f| look.row(f)) else { return row };
    FileRow { kind, size, digest, target: None, ..row }
}

/// A further name of a file as the file: which of the names is the first does not matter.
fn named(contents: &Contents, entry: &Entry) -> Entry {
    let file = match &entry.node {
        Node::Hardlink(target) => contents.file(target).map_or(entry, |f| &f.entry),
        _ => entry,
    };
    Entry { node: file.node.clone(), ..entry.clone() }
}

fn aspects(before: &Entry, after: &Entry, times: bool) -> Vec<&'static str> {
    let difference = Difference { path: &before.path, before: Some(before), after: Some(after) };
    let content = match (kind(&before.node), kind(&after.node)) {
        (FileKind::Device, FileKind::Device) => "device",
        (a, b) if a != b => "kind",
        _ => "content",
    };
    let word = |aspect: Aspect| match aspect {
        Aspect::Presence => None,
        Aspect::Kind => Some("kind"),
        Aspect::Content => Some(content),
        Aspect::Target => Some("target"),
        Aspect::Mode => Some("mode"),
        Aspect::Owner => Some("owner"),
        Aspect::Mtime => times.then_some("time"),
        Aspect::Xattrs => Some("attributes"),
    };
    difference.aspects().into_iter().filter_map(word).collect()
}
