use std::collections::BTreeSet;
use std::io::{self, Write};

use bstr::BString;
use oci::{Descriptor, DiffId, Digest, Hasher};
use rootfs::{Bodies, LayerGroup};

use crate::hash_state::Resumable;
use crate::memo::{Known, Saved, Saves};
use crate::pipeline::{self, Cached, Plan, Stop};
use crate::segment::TarStreamError;
use crate::{BlobSink, Codec, Segment, SegmentCache, SegmentKey, summed};

/// A layer that is written: its blob is in the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Type, digest and size of the blob.
    pub descriptor: Descriptor,
    /// Digest of the tar.
    pub diff_id: DiffId,
    /// What it is made of; none for a layer that somebody else made.
    pub segments: Vec<Segment>,
    /// Said in the image's history.
    pub title: String,
}

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// The content of a file could not be had.
    #[error("cannot write layer `{layer}`: cannot read the content of /{path}: {error}")]
    Read {
        /// The layer's title.
        layer: String,
        /// The file.
        path: BString,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// The content of a file is not what was unpacked: the payload is damaged.
    #[error("cannot write layer `{layer}`: the content of /{path} is {found} instead of {wanted}")]
    Content {
        /// The layer's title.
        layer: String,
        /// The file.
        path: BString,
        /// As the tree says.
        wanted: Box<Digest>,
        /// As it was read.
        found: Box<Digest>,
    },
    /// Writing the blob or the cache failed.
    #[error("cannot write layer `{layer}`: {error}")]
    Write {
        /// The layer's title.
        layer: String,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// The compressor failed: a bug.
    #[error("cannot compress layer `{layer}`: {why}")]
    Compress {
        /// The layer's title.
        layer: String,
        /// What it said.
        why: String,
    },
}

/// Writes layers into a sink: segments from the cache where they are there, compressed in parallel
/// where not. A layer's bytes depend on its entries and the codec only.
///
/// Memory: some fragments for each thread, whatever the size of the layer.
pub struct LayerWriter<'a> {
    /// The contents of files.
    pub bodies: &'a dyn Bodies,
    /// Segments of earlier builds, and where those of this one are kept.
    pub cache: &'a dyn SegmentCache,
    /// Where the blob goes.
    pub out: &'a dyn BlobSink,
    /// How it is compressed.
    pub codec: Codec,
    /// Threads that compress, at least 1; a few more hash and read.
    pub threads: usize,
}

impl LayerWriter<'_> {
    /// Writes one layer, or finds that it is there already.
    pub fn write(&self, group: &LayerGroup) -> Result<Layer, LayerError> {
        let keys: Vec<SegmentKey> = group.segments.iter().map(|s| SegmentKey::of(s, self.codec)).collect();
        let prefixes = prefixes(&keys, self.codec);
        let whole = prefixes[keys.len()];
        let mut known = Known::load(self.cache, &whole, &keys);
        let write = |error| LayerError::Write { layer: group.title.clone(), error };
        if let Some(known) = &known
            && self.out.has_blob(&known.digest, known.size).map_err(write)?
        {
            return Ok(self.layer(group, known.clone()));
        }
        // Cached segments that turned out to be damaged while they were copied.
        let mut distrusted = BTreeSet::new();
        loop {
            match self.attempt(group, &keys, &prefixes, known.as_ref(), &distrusted) {
                Ok(written) => return Ok(self.layer(group, written)),
                Err(Stop::Cached(n)) if distrusted.insert(n) => {}
                Err(Stop::Cached(_) | Stop::Unlike) => {
                    known = None;
                    distrusted.extend(0..keys.len());
                }
                Err(Stop::Failed(cause)) => return Err(cause.in_layer(&group.title)),
            }
        }
    }

    fn attempt(
        &self,
        group: &LayerGroup,
        keys: &[SegmentKey],
        prefixes: &[Digest],
        known: Option<&Known>,
        distrusted: &BTreeSet<usize>,
    ) -> Result<Known, Stop> {
        let cached: Vec<Option<Cached>> = (0..keys.len())
            .map(|n| if distrusted.contains(&n) { None } else { Cached::load(self.cache, keys[n]) })
            .collect();
        let mut saves = Saves::load(self.cache, keys.first());
        // A layer that is known needs no hash of its tar; else as much of it is skipped as was
        // hashed before and is still in the cache.
        let unbroken = cached.iter().take_while(|c| c.is_some()).count();
        let resume = match known {
            Some(_) => None,
            None => (1..=unbroken).rev().find_map(|n| Some((n, saves.find(&prefixes[n])?))),
        };
        let plan = Plan {
            segments: &group.segments,
            keys,
            cached: &cached,
            resume,
            diff_id: known.map(|k| k.diff_id),
            writer: self,
        };
        let written = pipeline::run(&plan)?;
        if known.is_some_and(|k| (k.digest, k.size) != (written.known.digest, written.known.size)) {
            return Err(Stop::Unlike);
        }
        written.blob.commit(&written.known.digest, written.known.size).map_err(Stop::write)?;
        if known.is_none() {
            // Others look into a layer by what it is called, and what is zstd may be called gzip.
            if let Codec::Gzip(_) = self.codec {
                summed::remember(self.cache, &written.known.digest, &written.known.diff_id);
            }
            written.known.store(self.cache, &prefixes[keys.len()]).map_err(Stop::write)?;
            for (n, digest, diff) in written.saved {
                saves.add(Saved { prefix: prefixes[n], digest, diff });
            }
            saves.store(self.cache, keys.first()).map_err(Stop::write)?;
        }
        Ok(written.known)
    }

    fn layer(&self, group: &LayerGroup, known: Known) -> Layer {
        Layer {
            descriptor: Descriptor::new(self.codec.media_type(), known.digest, known.size),
            diff_id: known.diff_id,
            segments: known.segments,
            title: group.title.clone(),
        }
    }
}

/// Names of the first 0, 1, … all segments of a layer.
fn prefixes(keys: &[SegmentKey], codec: Codec) -> Vec<Digest> {
    let mut prefix = Digest::of(format!("layer {} {codec}\n", Codec::REVISION).as_bytes());
    let mut out = vec![prefix];
    for key in keys {
        let mut hash = Hasher::sha256();
        hash.update(prefix.as_bytes());
        hash.update(key.0.as_bytes());
        prefix = hash.finish();
        out.push(prefix);
    }
    out
}

/// Why a layer stopped, before the layer has a name.
#[derive(Debug)]
pub(crate) enum Cause {
    Tar(TarStreamError),
    Write(io::Error),
    Compress(String),
}

impl Cause {
    fn in_layer(self, layer: &str) -> LayerError {
        let layer = layer.to_owned();
        match self {
            Cause::Tar(TarStreamError::Read { path, error }) => LayerError::Read { layer, path, error },
            Cause::Tar(TarStreamError::Content { path, wanted, found }) => {
                LayerError::Content { layer, path, wanted, found }
            }
            Cause::Write(error) => LayerError::Write { layer, error },
            Cause::Compress(why) => LayerError::Compress { layer, why },
        }
    }
}

/// The blob as it is written, its hash and its length.
pub(crate) struct HashedBlob<'a> {
    pub(crate) blob: Box<dyn crate::NewBlob + 'a>,
    pub(crate) hash: Resumable,
    pub(crate) len: u64,
    /// Off while what is written was hashed by an earlier build.
    pub(crate) hashing: bool,
}

impl HashedBlob<'_> {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.hashing {
            self.hash.update(bytes);
        }
        self.len += bytes.len() as u64;
        self.blob.write_all(bytes).map_err(Stop::write)
    }
}
