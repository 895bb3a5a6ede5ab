use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use diag::{Reporter, Unit};
use image::{Source, artifact, read_small};
use oci::{Descriptor, DiffId, Digest, History, ImageConfig, Manifest};

use crate::changes::{Stacked, Story};
use crate::maker::read_maker;
use crate::{
    Contents, InventoryError, LayerContents, Listing, names, ownership, packages, parse_os_release,
    read_layer,
};

/// Remembers what was read of layers; may forget at any time.
pub trait Listings: Sync {
    /// What [`remember`](Listings::remember) was given for a layer of this digest, if that had this diff id: by
    /// the diff id alone, which a config claims, an image would be taken for what it only says it is.
    fn recall(&self, layer: &Digest, diff_id: &DiffId) -> Option<Listing>;
    /// Keeps it, if it can; `layer` is the digest as stored.
    fn remember(&self, layer: &Digest, listing: &Listing);
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Listings for Forgetful {
    fn recall(&self, _: &Digest, _: &DiffId) -> Option<Listing> {
        None
    }
    fn remember(&self, _: &Digest, _: &Listing) {}
}

/// How an image is read.
pub struct Reading<'a> {
    /// Where its parts are.
    pub source: &'a dyn Source,
    /// What was read of layers before.
    pub listings: &'a dyn Listings,
    /// Only so many of its layers, from the lowest: the image as it was with these. None means all.
    pub up_to: Option<usize>,
    /// How many layers are read at once.
    pub threads: usize,
    /// Told of bytes, asked whether to go on.
    pub reporter: &'a dyn Reporter,
}

/// Most entries in all layers together: some 200 bytes of memory each.
const MOST_ENTRIES: usize = 8_000_000;

/// Most layers; Docker runs no image of more than 127.
const MOST_LAYERS: usize = 4096;

/// Reads an image of one platform, given its manifest and the manifest's digest.
///
/// # Errors
/// It is no image, a part of it is missing, damaged or malformed, or a hard link leads nowhere. It has not so
/// many layers.
pub fn read(with: &Reading<'_>, digest: Digest, manifest: &Manifest) -> Result<Contents, InventoryError> {
    if let Some(what) = artifact(manifest) {
        return Err(InventoryError::Artifact { image: digest, what });
    }
    let wrong = |why: String| InventoryError::Config { config: manifest.config.digest, why };
    let config = read_small(with.source, &manifest.config)?;
    let mut config: ImageConfig = serde_json::from_slice(&config).map_err(|e| wrong(e.to_string()))?;
    if manifest.layers.len() != config.rootfs.diff_ids.len() {
        let (a, b) = (config.rootfs.diff_ids.len(), manifest.layers.len());
        return Err(wrong(format!("it names {a} layers, and the manifest has {b}")));
    }
    if manifest.layers.len() > MOST_LAYERS {
        return Err(InventoryError::TooMuch { what: format!("it has more than {MOST_LAYERS} layers") });
    }
    let mut manifest = manifest.clone();
    if let Some(count) = with.up_to {
        cut(&mut manifest, &mut config, count)?;
    }
    let listings = list(with, &manifest, &config)?;
    let entries: usize = listings.iter().map(|l| l.entries.len()).sum();
    if entries > MOST_ENTRIES {
        return Err(too_many());
    }
    contents(digest, manifest, config, listings)
}

/// Leaves the lowest layers alone, and what is told of them.
fn cut(manifest: &mut Manifest, config: &mut ImageConfig, count: usize) -> Result<(), InventoryError> {
    let layers = manifest.layers.len();
    if count == 0 || count > layers {
        return Err(InventoryError::NoLayer { asked: count, layers });
    }
    let is_layer = |step: &History| step.empty_layer != Some(true);
    if config.history.iter().filter(|step| is_layer(step)).count() == layers {
        let mut left = count;
        config.history.retain(|step| {
            let kept = left > 0;
            left -= usize::from(kept && is_layer(step));
            kept
        });
    } else {
        config.history.clear();
    }
    manifest.layers.truncate(count);
    config.rootfs.diff_ids.truncate(count);
    Ok(())
}

fn too_many() -> InventoryError {
    InventoryError::TooMuch { what: format!("its layers have more than {MOST_ENTRIES} entries") }
}

fn contents(
    digest: Digest,
    manifest: Manifest,
    config: ImageConfig,
    listings: Vec<Listing>,
) -> Result<Contents, InventoryError> {
    let mut stacked = Stacked::default();
    let mut layers = Vec::new();
    let history = told(&config.history, manifest.layers.len());
    for ((listing, descriptor), history) in listings.into_iter().zip(&manifest.layers).zip(history) {
        let (diff_id, unpacked) = (listing.diff_id, listing.unpacked);
        let Story { changes, links, packages, hides } = stacked.put(listing, &descriptor.digest)?;
        let descriptor = descriptor.clone();
        layers.push(LayerContents {
            descriptor,
            diff_id,
            unpacked,
            history,
            changes,
            links,
            packages,
            hides,
        });
    }
    let Stacked { view, texts, places, found, .. } = stacked;
    let ours = ours(&config);
    let maker = read_maker(&config, &manifest.annotations, ours);
    let mut all = Contents {
        digest,
        manifest,
        config,
        layers,
        files: view.into_files(),
        packages: Vec::new(),
        databases: found.databases.clone(),
        os_release: None,
        maker,
        notices: BTreeMap::new(),
        appended: BTreeMap::new(),
    };
    let real = ["etc/os-release", "usr/lib/os-release"].iter().find_map(|p| {
        let real = all.real_path(p, true).ok()?;
        texts.get(&real)
    });
    all.os_release = real.map(|text| parse_os_release(&text.bytes));
    ownership::assign(&mut all, found.packages, &packages::diversions(&texts, &places));
    names::settle(&mut all);
    packages::add_unread(&mut all, &texts);
    let notices = texts.into_iter().filter(|(path, _)| packages::is_notice(path.as_ref()));
    all.notices = notices.map(|(path, text)| (path, text.bytes)).collect();
    Ok(all)
}

/// What our own builds write as the story of the last layer.
fn ours(config: &ImageConfig) -> Option<&'static str> {
    const TITLE: &str = "derived and own files";
    let last = config.history.last()?.created_by.as_deref()?;
    last.ends_with(TITLE).then_some("history: created by \"… derived and own files\"")
}

/// The history of each layer; nothing where it tells of another number of them.
fn told(history: &[History], layers: usize) -> Vec<Option<History>> {
    let mut told: Vec<Option<History>> =
        history.iter().filter(|h| h.empty_layer != Some(true)).cloned().map(Some).collect();
    if told.len() != layers {
        told = vec![None; layers];
    }
    told
}

/// Reads the layers that are not remembered, several at once.
fn list(
    with: &Reading<'_>,
    manifest: &Manifest,
    config: &ImageConfig,
) -> Result<Vec<Listing>, InventoryError> {
    let parts: Vec<(&Descriptor, &DiffId)> = manifest.layers.iter().zip(&config.rootfs.diff_ids).collect();
    let mut all: Vec<Option<Listing>> =
        parts.iter().map(|(part, diff_id)| with.listings.recall(&part.digest, diff_id)).collect();
    let mut todo: Vec<usize> = (0..parts.len()).filter(|n| all[*n].is_none()).collect();
    if !todo.is_empty() {
        // The largest first, so that the last to end is a small one.
        todo.sort_by_key(|n| std::cmp::Reverse(parts[*n].0.size));
        let made = read_all(with, &parts, &todo)?;
        made.into_iter().for_each(|(n, listing)| all[n] = Some(listing));
    }
    Ok(all.into_iter().flatten().collect())
}

fn read_all(
    with: &Reading<'_>,
    parts: &[(&Descriptor, &DiffId)],
    todo: &[usize],
) -> Result<Vec<(usize, Listing)>, InventoryError> {
    let total = todo.iter().fold(0u64, |all, n| all.saturating_add(parts[*n].0.size));
    let task = with.reporter.task("reading layers", Some(total), Unit::Bytes);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Ok(Vec::new()));
    let work = || {
        while let Some(&n) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (part, diff_id) = parts[n];
            let outcome = read_layer(with.source, part, diff_id, with.reporter, &task);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match (outcome, &mut *done) {
                (Ok(listing), Ok(all)) => {
                    with.listings.remember(&part.digest, &listing);
                    all.push((n, listing));
                    let entries: usize = all.iter().map(|(_, l): &(usize, Listing)| l.entries.len()).sum();
                    if entries > MOST_ENTRIES {
                        next.store(todo.len(), Ordering::Relaxed);
                        *done = Err(too_many());
                    }
                }
                (Err(e), Ok(_)) => {
                    next.store(todo.len(), Ordering::Relaxed);
                    *done = Err(e);
                }
                (_, Err(_)) => {}
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..with.threads.min(todo.len()) {
            scope.spawn(work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
