//! `distil diff`: what is other between two images.

use std::collections::{BTreeMap, BTreeSet};

use diag::Diagnostic;
use inventory::{Contents, File, Package};
use oci::Digest;
use rootfs::{Aspect, Difference, Entry, Node};
use serde::Serialize;

use crate::World;
use crate::look::{FileRow, Look, Subject, absolute, look};

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
}

/// A key of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// The key, as `env PATH`, `user`, `entrypoint`.
    pub key: String,
    /// Its value in the first.
    pub before: Option<String>,
    /// Its value in the second.
    pub after: Option<String>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageDiff {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
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
    /// Of what changed: `kind`, `content`, `target`, `mode`, `owner`, `time`, `attributes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aspects: Vec<&'static str>,
    /// In the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<FileRow>,
    /// In the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<FileRow>,
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
    let (config, packages, files) = (config(a, b), packages(&a.contents, &b.contents), files(a, b, times));
    let same = config.is_empty() && packages.is_empty() && files.is_empty();
    let ids = |look: &Look| look.contents.layers.iter().map(|l| l.diff_id).collect::<Vec<_>>();
    let shared = ids(a).iter().zip(&ids(b)).take_while(|(a, b)| a == b).count();
    DiffReport { from: side(a, shared), to: side(b, shared), same, config, packages, files }
}

fn side(look: &Look, shared_layers: usize) -> Side {
    Side {
        image: look.shown.clone(),
        manifest: look.contents.digest,
        platform: look.contents.platform().to_string(),
        stored: look.contents.stored_size(),
        files: look.contents.files_size(),
        layers: look.contents.layers.len(),
        shared_layers,
    }
}

fn config(a: &Look, b: &Look) -> Vec<ConfigChange> {
    let (mut before, mut after) = (keys(&a.contents), keys(&b.contents));
    let all: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let change = |key: String| {
        let (before, after) = (before.remove(&key), after.remove(&key));
        (before != after).then_some(ConfigChange { key, before, after })
    };
    all.into_iter().filter_map(change).collect()
}

/// The config as flat keys; not when it was made, which says nothing of what runs.
fn keys(contents: &Contents) -> BTreeMap<String, String> {
    let config = &contents.config.config;
    let words = |words: &Vec<String>| serde_json::to_string(words).unwrap_or_default();
    let mut keys = BTreeMap::new();
    let mut put = |key: String, value: String| {
        if !value.is_empty() {
            keys.insert(key, value);
        }
    };
    put("platform".to_owned(), contents.platform().to_string());
    put("user".to_owned(), config.user.clone());
    put("working directory".to_owned(), config.working_dir.clone());
    put("stop signal".to_owned(), config.stop_signal.clone());
    put("entrypoint".to_owned(), config.entrypoint.as_ref().map(words).unwrap_or_default());
    put("cmd".to_owned(), config.cmd.as_ref().map(words).unwrap_or_default());
    if let Some(check) = &config.healthcheck {
        put("healthcheck".to_owned(), serde_json::to_string(check).unwrap_or_default());
    }
    for variable in &config.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        put(format!("env {name}"), format!("{name}={value}"));
    }
    config.exposed_ports.keys().for_each(|port| put(format!("port {port}"), port.clone()));
    config.volumes.keys().for_each(|path| put(format!("volume {path}"), path.clone()));
    config.labels.iter().for_each(|(name, value)| put(format!("label {name}"), format!("{name}={value}")));
    keys
}

fn packages(a: &Contents, b: &Contents) -> Vec<PackageDiff> {
    type Key = (String, String, &'static str);
    let by_key = |contents: &Contents| -> BTreeMap<Key, (String, u64)> {
        let mut sizes = vec![0; contents.packages.len()];
        contents.files.iter().for_each(|f| f.package().into_iter().for_each(|n| sizes[n] += f.size()));
        let row = |(p, size): (&Package, u64)| {
            ((p.name.clone(), p.arch.clone(), p.kind.word()), (p.version.clone(), size))
        };
        contents.packages.iter().zip(sizes).map(row).collect()
    };
    let (before, after) = (by_key(a), by_key(b));
    let all: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let row = |key: &Key| {
        let (old, new) = (before.get(key), after.get(key));
        (old.map(|o| &o.0) != new.map(|n| &n.0)).then(|| PackageDiff {
            name: key.0.clone(),
            arch: key.1.clone(),
            kind: key.2,
            before: old.map(|o| o.0.clone()),
            after: new.map(|n| n.0.clone()),
            size_before: old.map_or(0, |o| o.1),
            size_after: new.map_or(0, |n| n.1),
        })
    };
    all.into_iter().filter_map(row).collect()
}

fn files(a: &Look, b: &Look, times: bool) -> Vec<FileDiff> {
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
        let (change, aspects) = match (before, after) {
            (Some(before), Some(after)) => {
                let (before, after) = (named(&a.contents, &before.entry), named(&b.contents, &after.entry));
                ("changed", aspects(&before, &after, times))
            }
            (Some(_), None) => ("removed", Vec::new()),
            _ => ("added", Vec::new()),
        };
        if change == "changed" && aspects.is_empty() {
            continue;
        }
        let Some(path) = before.or(after).map(|f| absolute(f.path())) else { return all };
        let (before, after) = (before.map(|f| row(a, f)), after.map(|f| row(b, f)));
        all.push(FileDiff { path, change, aspects, before, after });
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
    let word = |aspect: Aspect| match aspect {
        Aspect::Presence => None,
        Aspect::Kind => Some("kind"),
        Aspect::Content => Some("content"),
        Aspect::Target => Some("target"),
        Aspect::Mode => Some("mode"),
        Aspect::Owner => Some("owner"),
        Aspect::Mtime => times.then_some("time"),
        Aspect::Xattrs => Some("attributes"),
    };
    difference.aspects().into_iter().filter_map(word).collect()
}
