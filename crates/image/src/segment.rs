use std::io;
use std::ops::ControlFlow;

use bstr::BString;
use oci::{Digest, Hasher};
use rootfs::{Bodies, Body, Entry, Node, SegmentPlan, tar};

use crate::Codec;

/// What a segment's bytes depend on: the entries as they are written, the tar writer and the codec.
/// Never which package or which build they came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey(pub Digest);

impl SegmentKey {
    /// The key of these entries under this codec.
    pub fn of(plan: &SegmentPlan, codec: Codec) -> SegmentKey {
        let mut hash = Hasher::sha256();
        hash.update(format!("segment {} {} {codec}\n", tar::REVISION, Codec::REVISION).as_bytes());
        for entry in &plan.entries {
            // The header is a function of everything but the content.
            hash.update(&tar::header(entry));
            if let Node::File(body) = &entry.node {
                hash.update(body.digest.as_bytes());
            }
        }
        SegmentKey(hash.finish())
    }
}

/// A run of compressed tar within a layer, made of the entries of one [`SegmentPlan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// What it was made from.
    pub key: SegmentKey,
    /// Bytes of tar.
    pub raw_len: u64,
    /// CRC-32 of these.
    pub crc32: u32,
    /// Bytes as compressed.
    pub len: u64,
}

/// Why the tar of a segment cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarStreamError {
    #[error("cannot read the content of /{path}: {error}")]
    Read {
        path: BString,
        #[source]
        error: io::Error,
    },
    #[error("cannot write /{path}: its content is not what was unpacked ({found} instead of {wanted})")]
    Content { path: BString, wanted: Box<Digest>, found: Box<Digest> },
}

/// Gives the tar of `entries` to `emit`, in buffers of `size` bytes but for the last, until that
/// says stop. With `verify` every body's SHA-256 is checked on the way.
pub(crate) fn stream_tar(
    entries: &[Entry],
    bodies: &dyn Bodies,
    size: usize,
    verify: bool,
    emit: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, TarStreamError> {
    let mut chunks = Chunks { buffer: Vec::with_capacity(size), size, emit, stopped: false };
    for entry in entries {
        chunks.push(&tar::header(entry));
        if let Node::File(body) = &entry.node {
            chunks.push_body(entry, body, bodies, verify)?;
            chunks.push(&tar::END[..tar::padding(body.size)]);
        }
        if chunks.stopped {
            return Ok(ControlFlow::Break(()));
        }
    }
    if !chunks.buffer.is_empty() {
        chunks.flush();
    }
    Ok(if chunks.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

struct Chunks<'a> {
    buffer: Vec<u8>,
    size: usize,
    emit: &'a mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    stopped: bool,
}

impl Chunks<'_> {
    fn flush(&mut self) {
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(self.size));
        self.stopped |= (self.emit)(full).is_break();
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.stopped {
            let n = bytes.len().min(self.size - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            if self.buffer.len() == self.size {
                self.flush();
            }
        }
    }

    fn push_body(
        &mut self,
        entry: &Entry,
        body: &Body,
        bodies: &dyn Bodies,
        verify: bool,
    ) -> Result<(), TarStreamError> {
        let mut hash = Hasher::sha256();
        let mut at = 0;
        while at < body.size && !self.stopped {
            let free = self.size - self.buffer.len();
            let n = usize::try_from(body.size - at).unwrap_or(usize::MAX).min(free);
            let from = self.buffer.len();
            self.buffer.resize(from + n, 0);
            bodies
                .read_at(body, at, &mut self.buffer[from..])
                .map_err(|error| TarStreamError::Read { path: entry.path.clone(), error })?;
            if verify {
                hash.update(&self.buffer[from..]);
            }
            at += n as u64;
            if self.buffer.len() == self.size {
                self.flush();
            }
        }
        if !verify || self.stopped {
            return Ok(());
        }
        let found = hash.finish();
        if found != body.digest {
            return Err(TarStreamError::Content {
                path: entry.path.clone(),
                wanted: Box::new(body.digest),
                found: Box::new(found),
            });
        }
        Ok(())
    }
}
