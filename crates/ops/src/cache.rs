//! `distil cache`: how much there is, what may go, and whether it is sound.

use std::time::{Duration, UNIX_EPOCH};

use diag::{Diagnostic, Note};
use image::Layout;
use serde::Serialize;

use crate::World;
use crate::build::image_store;
use crate::reasons;

/// One kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `packages and indexes`, `payload`, `segment`, `images` …
    pub kind: String,
    /// How many.
    pub objects: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freed {
    /// How many objects.
    pub objects: u64,
    /// Their bytes on disk.
    pub bytes: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many objects were checked.
    pub checked: u64,
    /// Those that were damaged, and are deleted now.
    pub bad: Vec<String>,
}

/// How much of what there is.
///
/// # Errors
/// A directory cannot be read.
pub fn info(world: &World) -> Result<Vec<Row>, Diagnostic> {
    let usage = store::info(&world.cache_dir)?;
    let mut rows: Vec<Row> =
        usage.into_iter().map(|u| Row { kind: u.kind, objects: u.objects, bytes: u.bytes }).collect();
    let images = image_store(world)?;
    rows.push(Row {
        kind: "images".to_owned(),
        objects: images.names()?.len() as u64,
        bytes: images.size()?,
    });
    Ok(rows)
}

/// Deletes what was not used for `age` seconds (none: everything), and image parts without a name.
/// Everything in the cache can be fetched or made again.
///
/// # Errors
/// A directory cannot be read.
pub fn prune(world: &World, age: Option<u64>) -> Result<Freed, Diagnostic> {
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(world.now).unwrap_or(0));
    let since = age.map(|age| now.checked_sub(Duration::from_secs(age)).unwrap_or(UNIX_EPOCH));
    let reporter = &world.reporter;
    let waiting = || reporter.note(Note::Info("waiting for another distil to finish".to_owned()));
    let swept = store::prune(&world.cache_dir, since, waiting)?;
    let dir = image_store(world)?.dir().to_owned();
    let parts = Layout::open(dir)?.prune()?;
    if parts.is_none() {
        reporter.note(Note::Info("images are left as they are: another distil writes one".to_owned()));
    }
    let (objects, bytes) = parts.map_or((0, 0), |pruned| {
        reasons::forget(world, &pruned);
        (pruned.blobs, pruned.bytes)
    });
    Ok(Freed { objects: swept.objects + objects, bytes: swept.bytes + bytes })
}

/// Hashes every blob and checks every derived object and every image; what is damaged is deleted.
///
/// # Errors
/// A directory cannot be read.
pub fn verify(world: &World) -> Result<Found, Diagnostic> {
    let checked = store::verify(&world.cache_dir)?;
    let mut found = Found { checked: checked.checked, bad: checked.damaged };
    let images = image_store(world)?;
    for (name, part) in images.names()? {
        found.checked += 1;
        if images.drop_damaged(&part.digest) {
            found.bad.push(format!("image {name}"));
        }
    }
    Ok(found)
}
