//! `distil append`: files or a tar archive as one more layer of an image.
//!
//! The story: read what is to be appended; for each platform see where its paths lead in the image (through
//! `/lib → usr/lib`), write the layer, let config and manifest name it, and keep why what is below is there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bstr::{BStr, BString, ByteSlice};
use compose::OwnBody;
use diag::{Diagnostic, Kind};
use image::{Codec, Layer, LayerWriter, Layout};
use inventory::Contents;
use oci::Platform;
use rootfs::{Entry, LayerGroup, Node, Owner, Payloads, SegmentPlan};
use serde_json::{Value, json};

use crate::World;
use crate::build::image_store;
use crate::edited::{Draft, edit};
use crate::image_name::ImageName;
use crate::look::look_at;
use crate::own_bodies;
use crate::places::{Near, Opened, open_source_for};
use crate::reasons;
use crate::shop::Shop;
use crate::transfer::{Moved, carry};

/// What is to be appended to what.
#[derive(Debug, Clone)]
pub struct AppendRequest {
    /// The image.
    pub image: ImageName,
    /// Files and directories of the user's, and where each goes.
    pub files: Vec<(String, String)>,
    /// Tar archives, compressed or not.
    pub tars: Vec<PathBuf>,
    /// Whose everything is to be; without it files are root's, and members of archives whose they were.
    pub owner: Option<(u32, u32)>,
    /// Only this platform, which then stands alone.
    pub platform: Option<Platform>,
    /// How the layer is compressed.
    pub codec: Codec,
    /// Where the result goes.
    pub to: ImageName,
}

/// Appends a layer. The same files over the same image give the same digest.
///
/// # Errors
/// The image or a file cannot be read, an archive is hostile, a path leads where it cannot be; nothing is then
/// written.
pub fn append(world: &World, request: &AppendRequest) -> Result<Moved, Diagnostic> {
    let shop = Shop::open(world)?;
    let mut payloads = Payloads::new();
    let asked = asked_for(&shop, request, &mut payloads)?;
    let from = open_source_for(world, &request.image, &request.to, Near::Repository)?;
    let store = image_store(world)?;
    let mut known = Vec::new();
    let edited = edit(world, &from, &[], store.clone(), request.platform.as_ref(), |image, draft| {
        not_of_windows(&draft.config)
            .map_err(|d| d.while_doing(format!("cannot append to {}", from.shown)))?;
        let platform = image.platform.as_ref().or(request.platform.as_ref());
        let mut below = look_at(world, &from, platform, None)?;
        let entries = placed(&asked, &below.contents, world.epoch.unwrap_or(0))?;
        let layer = write(&shop, &store, &payloads, entries, request.codec)?;
        add(draft, &layer, world.epoch);
        below.ask_registry(world, &request.image);
        known.push(below.reasons);
        Ok(())
    })?;
    // Of the layers below they hold as they did; which paths are others by now, the layers themselves tell.
    reasons::remember_all(world, &edited.images, &known);
    let changed = Opened {
        source: Box::new(edited),
        name: String::new(),
        shown: from.shown.clone(),
        repository: from.repository.clone(),
    };
    carry(world, &changed, &request.to, None)
}

/// In layers of Windows files are below `Files/`, beside what is in the registry (image-spec, layer.md): a member at
/// a path as others have it would be no file there.
pub(crate) fn not_of_windows(config: &Value) -> Result<(), Diagnostic> {
    if config["os"] != json!("windows") {
        return Ok(());
    }
    Err(Diagnostic::new(Kind::Input, "it has an image for Windows, whose layers are of another form")
        .hint("choose an image for Linux, of several platforms with --platform linux/amd64"))
}

/// Everything that is to be appended, by the path that was asked for.
fn asked_for(
    shop: &Shop<'_>,
    request: &AppendRequest,
    payloads: &mut Payloads,
) -> Result<Vec<Entry>, Diagnostic> {
    let mut all = BTreeMap::new();
    let mut take = |entry: Entry| {
        let (uid, gid) = request.owner.unwrap_or((entry.uid, entry.gid));
        all.insert(entry.path.clone(), Entry { uid, gid, owner: Owner::User, ..entry });
    };
    let time = shop.world.epoch.unwrap_or(0);
    for (file, path) in &request.files {
        let target = inside(path, file)?;
        match own_bodies::named(shop, file, payloads)? {
            OwnBody::File { body, executable } => {
                let mode = if executable { 0o755 } else { 0o644 };
                take(Entry { mtime: time, ..Entry::new(target, Node::File(body), mode, Owner::User) });
            }
            OwnBody::Tree(tree) => {
                for entry in tree.into_entries() {
                    allowed(&entry, file, "directory")?;
                    let path = [target.as_bytes(), b"/", entry.path.as_bytes()].concat();
                    take(Entry { path: path.into(), mtime: time, ..entry });
                }
                take(Entry { mtime: time, ..Entry::new(target, Node::Dir, 0o755, Owner::User) });
            }
        }
    }
    for file in &request.tars {
        let shown = file.display().to_string();
        let (digest, _, _) = shop.own.ingest(&shop.path(file), &shop.blobs)?;
        let refused = |d: Diagnostic| {
            let d = d.while_doing(format!("cannot append {shown}"));
            if d.hint.is_some() { d } else { d.hint("make the archive anew, with paths below its own root") }
        };
        let tree = own_bodies::archive_tree(shop, &shown, &digest, payloads).map_err(refused)?;
        for entry in tree.into_entries() {
            allowed(&entry, &shown, "archive")?;
            take(entry);
        }
    }
    all.remove(BStr::new(""));
    Ok(all.into_values().collect())
}

/// `/opt/app` as a tree has it; a directory's name takes the file's own.
fn inside(path: &str, file: &str) -> Result<BString, Diagnostic> {
    let own = file.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let whole = if path.ends_with('/') { format!("{path}{own}") } else { path.to_owned() };
    let parts: Vec<&str> = whole.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    let target = BString::from(parts.join("/"));
    let nowhere = parts.is_empty() || parts.contains(&"..") || !path.starts_with('/');
    let why = match (nowhere, takes_away(&target)) {
        (true, _) => "that is no path of a file in an image",
        (false, true) => "that name would take a file of the image away",
        (false, false) => return Ok(target),
    };
    let own = own.trim_start_matches(".wh.");
    Err(Diagnostic::new(Kind::Usage, format!("cannot append {file} as `{path}`: {why}"))
        .hint(format!("write --file {file}:/opt/{}", if own.is_empty() { "file" } else { own })))
}

/// Whether engines would take the path for what a layer takes away (image-spec, layer.md, "Whiteouts").
fn takes_away(path: &BString) -> bool {
    path.split_str("/").any(|part| part.starts_with(rootfs::WHITEOUT))
}

/// What a layer must not smuggle in: names that take files of lower layers away, and devices. `from` is the
/// archive or directory that has it.
fn allowed(entry: &Entry, from: &str, what: &str) -> Result<(), Diagnostic> {
    let why = match &entry.node {
        _ if takes_away(&entry.path) => "its name would take a file of the image away",
        Node::Special(_) => "it is a device or a pipe",
        _ => return Ok(()),
    };
    let text = format!("cannot append {from}: member `{}`: {why}", entry.path.escape_ascii());
    Err(Diagnostic::new(Kind::Input, text).hint(format!("leave it out of the {what}")))
}

/// The entries where the image has them, with the directories above them as they are there.
fn placed(asked: &[Entry], below: &Contents, time: i64) -> Result<Vec<Entry>, Diagnostic> {
    let mut layer: BTreeMap<BString, Entry> = BTreeMap::new();
    for entry in asked {
        let path = real(&entry.path, entry.is_dir(), below)?;
        if takes_away(&path) {
            return Err(clash(
                entry,
                "a link of the image leads to a name that would take a file of it away",
            ));
        }
        let there = below.file(&path).map(|f| &f.entry);
        match (there, entry.is_dir()) {
            // A directory that is there stays as it is.
            (Some(old), true) if old.is_dir() => continue,
            (Some(old), false) if old.is_dir() => return Err(clash(entry, "a directory is there")),
            (Some(_), true) => return Err(clash(entry, "a file is there")),
            _ => {}
        }
        let node = match &entry.node {
            Node::Hardlink(target) => Node::Hardlink(real(target, false, below)?),
            other => other.clone(),
        };
        layer.insert(path.clone(), Entry { path, node, ..entry.clone() });
    }
    let above: Vec<BString> = layer.keys().flat_map(|path| parents(path.as_bstr())).collect();
    for path in above {
        match (layer.get(&path), below.file(&path).map(|f| &f.entry)) {
            (Some(entry), _) if entry.is_dir() => {}
            (Some(entry), _) => return Err(clash(entry, "something else is to be below it")),
            (None, Some(old)) if old.is_dir() => {
                layer.insert(path, Entry { owner: Owner::Implicit, ..old.clone() });
            }
            (None, Some(old)) => {
                return Err(clash(old, "something is to be below it, and it is no directory"));
            }
            (None, None) => {
                layer.insert(path.clone(), Entry { mtime: time, ..Entry::implicit_dir(path) });
            }
        }
    }
    Ok(links_last(layer.into_values().collect()))
}

/// Where a path leads in the image: through its links, but of a file not through the last name.
fn real(path: &BString, last: bool, below: &Contents) -> Result<BString, Diagnostic> {
    below.real_path(path, last).map_err(|e| {
        Diagnostic::new(Kind::Input, format!("cannot append /{path}: {e}"))
            .hint("the image's links lead nowhere there; choose another path")
    })
}

fn parents(path: &BStr) -> Vec<BString> {
    path.find_iter("/").map(|at| BString::from(&path[..at])).collect()
}

/// A hard link comes after what it is another name of.
fn links_last(entries: Vec<Entry>) -> Vec<Entry> {
    let (links, others): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|e| matches!(e.node, Node::Hardlink(_)));
    others.into_iter().chain(links).collect()
}

fn clash(entry: &Entry, why: &str) -> Diagnostic {
    let text = format!("cannot append /{}: {why}", entry.path);
    Diagnostic::new(Kind::Input, text).hint("choose another path; `distil tree` shows what the image has")
}

fn write(
    shop: &Shop<'_>,
    store: &Layout,
    payloads: &Payloads,
    entries: Vec<Entry>,
    codec: Codec,
) -> Result<Layer, Diagnostic> {
    let threads = shop.world.threads;
    let writer = LayerWriter { bodies: payloads, cache: &shop.cache, out: store, codec, threads };
    let group = LayerGroup { title: inventory::APPEND.to_owned(), segments: vec![SegmentPlan { entries }] };
    Ok(writer.write(&group)?)
}

/// Lets manifest and config name the layer; nothing else of them is another.
pub(crate) fn add(draft: &mut Draft, layer: &Layer, epoch: Option<i64>) {
    list(&mut draft.manifest["layers"]).push(json!(layer.descriptor));
    draft.config["rootfs"]["type"] = json!("layers");
    let ids = list(&mut draft.config["rootfs"]["diff_ids"]);
    ids.push(json!(layer.diff_id));
    let is_first = ids.len() == 1;
    // Where the others are not told, one alone would be told of the wrong layer.
    if is_first || draft.config["history"].is_array() {
        let mut one = json!({ "created_by": layer.title });
        if let Some(epoch) = epoch {
            one["created"] = json!(trust::Time(epoch).to_string());
        }
        list(&mut draft.config["history"]).push(one);
    }
}

/// A list that is `null`, or not there, has nothing in it: so Go's programs write one.
fn list(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().unwrap_or_else(|| unreachable!("it is an array by now"))
}
