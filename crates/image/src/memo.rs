//! What is kept of layers between builds, beside their segments. Fixed-size records, little-endian;
//! whatever does not make sense is as good as not there.

use std::io::{self, Write};

use oci::{DiffId, Digest};

use crate::cache::SegmentCache;
use crate::hash_state::Resumable;
use crate::{Segment, SegmentKey};

const KNOWN: &str = "layer";
const SAVES: &str = "layer-hashes";
/// Of hash states under one first segment; older ones are dropped.
const MAX_SAVES: usize = 1024;

/// The outcome of a list of segments.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) diff_id: DiffId,
    pub(crate) segments: Vec<Segment>,
}

const SEGMENT: usize = 20;

impl Known {
    pub(crate) fn load(cache: &dyn SegmentCache, layer: &Digest, keys: &[SegmentKey]) -> Option<Known> {
        let bytes = load(cache, KNOWN, &layer.hex(), 72 + keys.len() * SEGMENT)?;
        let (head, rest) = bytes.split_at_checked(72)?;
        if rest.len() != keys.len() * SEGMENT {
            return None;
        }
        let segments = keys.iter().zip(rest.chunks_exact(SEGMENT)).map(|(&key, record)| Segment {
            key,
            raw_len: number(&record[..8]),
            len: number(&record[8..16]),
            crc32: number(&record[16..]) as u32,
        });
        Some(Known {
            digest: sha256(&head[..32])?,
            diff_id: DiffId(sha256(&head[32..64])?),
            size: number(&head[64..]),
            segments: segments.collect(),
        })
    }

    pub(crate) fn store(&self, cache: &dyn SegmentCache, layer: &Digest) -> io::Result<()> {
        let mut entry = cache.begin(KNOWN, &layer.hex())?;
        entry.write_all(self.digest.as_bytes())?;
        entry.write_all(self.diff_id.0.as_bytes())?;
        entry.write_all(&self.size.to_le_bytes())?;
        for s in &self.segments {
            entry.write_all(&s.raw_len.to_le_bytes())?;
            entry.write_all(&s.len.to_le_bytes())?;
            entry.write_all(&s.crc32.to_le_bytes())?;
        }
        entry.commit()
    }
}

/// The two hashes of a layer after some of its segments.
pub(crate) struct Saved {
    /// Which segments.
    pub(crate) prefix: Digest,
    pub(crate) digest: Vec<u8>,
    pub(crate) diff: Vec<u8>,
}

/// Hash states of the layers that begin with one segment, oldest first: after a change of a later
/// segment hashing goes on from the last one that fits.
#[derive(Default)]
pub(crate) struct Saves(Vec<Saved>);

const SAVED: usize = 32 + 2 * Resumable::SAVED;

impl Saves {
    pub(crate) fn load(cache: &dyn SegmentCache, first: Option<&SegmentKey>) -> Saves {
        let bytes =
            first.and_then(|key| load(cache, SAVES, &key.0.hex(), MAX_SAVES * SAVED)).unwrap_or_default();
        let records = bytes.chunks_exact(SAVED).filter_map(|record| {
            let (prefix, states) = record.split_at(32);
            let (digest, diff) = states.split_at(Resumable::SAVED);
            Some(Saved { prefix: sha256(prefix)?, digest: digest.to_vec(), diff: diff.to_vec() })
        });
        Saves(records.collect())
    }

    /// The hashes of blob and tar after these segments.
    pub(crate) fn find(&self, prefix: &Digest) -> Option<(Resumable, Resumable)> {
        let saved = self.0.iter().rfind(|s| s.prefix == *prefix)?;
        Some((Resumable::restore(&saved.digest)?, Resumable::restore(&saved.diff)?))
    }

    pub(crate) fn add(&mut self, saved: Saved) {
        self.0.retain(|s| s.prefix != saved.prefix);
        self.0.push(saved);
    }

    pub(crate) fn store(&self, cache: &dyn SegmentCache, first: Option<&SegmentKey>) -> io::Result<()> {
        let Some(first) = first else { return Ok(()) };
        let mut entry = cache.begin(SAVES, &first.0.hex())?;
        for s in &self.0[self.0.len().saturating_sub(MAX_SAVES)..] {
            entry.write_all(s.prefix.as_bytes())?;
            entry.write_all(&s.digest)?;
            entry.write_all(&s.diff)?;
        }
        entry.commit()
    }
}

fn load(cache: &dyn SegmentCache, kind: &str, key: &str, max: usize) -> Option<Vec<u8>> {
    let entry = cache.get(kind, key)?;
    let len = usize::try_from(entry.len).ok().filter(|&len| len <= max)?;
    let mut bytes = vec![0; len];
    entry.bytes.read_exact_at(0, &mut bytes).ok()?;
    Some(bytes)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))
}

fn sha256(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::Sha256)
}
