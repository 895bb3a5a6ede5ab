//! This machine's record of the newest index that was seen of each suite (promise P3).

use std::collections::BTreeMap;
use std::path::PathBuf;

use diag::Diagnostic;
use oci::Digest;
use serde::{Deserialize, Serialize};
use store::{FileLock, write_atomically};

use crate::World;

/// What was seen last of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastSeen {
    /// Its date, seconds since the epoch.
    pub(crate) date: i64,
    /// The digest of the signed document.
    pub(crate) document: Digest,
}

type Records = BTreeMap<String, LastSeen>;

/// The newest that was seen of each suite. A record that cannot be read is none: it only ever adds a
/// refusal, and the lock has its own dates.
pub(crate) fn read(world: &World) -> Records {
    let text = store::read_small(&path(world)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Remembers what was seen, never backwards unless `back` says so.
pub(crate) fn remember(world: &World, seen: &Records, back: bool) -> Result<(), Diagnostic> {
    if seen.is_empty() {
        return Ok(());
    }
    let _lock = FileLock::exclusive(&path(world).with_extension("lock"), || ())?;
    let mut records = read(world);
    let mut changed = false;
    for (id, new) in seen {
        let newer = records.get(id).is_none_or(|old| new.date > old.date || (back && new != old));
        if newer {
            records.insert(id.clone(), *new);
            changed = true;
        }
    }
    if changed {
        let text = serde_json::to_vec_pretty(&records).unwrap_or_default();
        write_atomically(&path(world), &text)?;
    }
    Ok(())
}

fn path(world: &World) -> PathBuf {
    world.data_dir.join("indexes-seen.json")
}
