//! Which blobs lie in which repositories of a registry, as far as this machine has seen: a push asks the
//! registry to take them from there instead of sending them again. Only ever a guess, which the registry checks;
//! it may be deleted at any time.

use std::collections::HashMap;
use std::path::PathBuf;

use oci::Digest;

use crate::World;

/// Larger, the older half is forgotten; about 5,000 blobs.
const MOST: usize = 512 << 10;

/// How many repositories are tried for a blob.
const TRIES: usize = 2;

/// What is known of one registry.
pub(crate) struct KnownBlobs {
    file: PathBuf,
    lines: Vec<(Digest, String)>,
}

impl KnownBlobs {
    /// What was seen on `host` before.
    pub(crate) fn of(world: &World, host: &str) -> KnownBlobs {
        let name = Digest::of(host.as_bytes()).hex();
        let file = world.cache_dir.join("registries").join(&name[..16]);
        let text = store::read_small(&file).unwrap_or_default();
        let line = |line: &str| {
            let (digest, repository) = line.split_once(' ')?;
            Some((digest.parse().ok()?, repository.to_owned()))
        };
        let lines = String::from_utf8_lossy(&text).lines().filter_map(line).collect();
        KnownBlobs { file, lines }
    }

    /// Where blobs may be beside `repository`, the last seen first.
    pub(crate) fn beside(&self, repository: &str) -> HashMap<Digest, Vec<String>> {
        let mut places: HashMap<Digest, Vec<String>> = HashMap::new();
        for (digest, other) in self.lines.iter().rev().filter(|(_, other)| other != repository) {
            let known = places.entry(*digest).or_default();
            if known.len() < TRIES && !known.contains(other) {
                known.push(other.clone());
            }
        }
        places
    }

    /// These are in `repository`. That it cannot be written down is no failure.
    pub(crate) fn note(mut self, repository: &str, blobs: impl IntoIterator<Item = Digest>) {
        let before = self.lines.len();
        for digest in blobs {
            if !self.lines.iter().any(|(d, r)| *d == digest && r == repository) {
                self.lines.push((digest, repository.to_owned()));
            }
        }
        if self.lines.len() == before {
            return;
        }
        let text = |lines: &[(Digest, String)]| -> String {
            lines.iter().map(|(digest, repository)| format!("{digest} {repository}\n")).collect()
        };
        let mut all = text(&self.lines);
        if all.len() > MOST {
            all = text(&self.lines[self.lines.len() / 2..]);
        }
        let _ = store::write_atomically(&self.file, all.as_bytes());
    }
}
