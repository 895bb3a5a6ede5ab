//! The threads behind a layer: one reads trees into raw fragments, some compress them, one hashes
//! the tar, and the caller's collects in order, hashes the blob and writes it.
//!
//! All queues are bounded, and each stage waits only for later ones: the reader for all others, the
//! collector for the compressors. Whoever fails drops his end, and the others come to an end.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use oci::{DiffId, Digest};
use rootfs::{ReadAt, SegmentPlan, tar};

use crate::cache::{NewCacheEntry, SegmentCache};
use crate::compress::{Fragment, FragmentWriter};
use crate::hash_state::Resumable;
use crate::layer::{Cause, HashedBlob};
use crate::memo::Known;
use crate::segment::stream_tar;
use crate::{Codec, LayerWriter, NewBlob, Segment, SegmentKey, gzip};

const SEGMENT: &str = "segment";
const TRAILER: usize = 24;
const MAGIC: u32 = 0x3167_6573;

/// A segment of the cache: its compressed bytes, then 24 bytes about them.
pub(crate) struct Cached {
    segment: Segment,
    bytes: Box<dyn ReadAt>,
}

impl Cached {
    pub(crate) fn load(cache: &dyn SegmentCache, key: SegmentKey) -> Option<Cached> {
        let entry = cache.get(SEGMENT, &key.0.hex())?;
        let len = entry.len.checked_sub(TRAILER as u64)?;
        let mut trailer = [0; TRAILER];
        entry.bytes.read_exact_at(len, &mut trailer).ok()?;
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| trailer[at + i]));
        let wide = |at: usize| u64::from(number(at)) | u64::from(number(at + 4)) << 32;
        let segment = Segment { key, raw_len: wide(0), len, crc32: number(16) };
        (wide(8) == len && number(20) == MAGIC).then_some(Cached { segment, bytes: entry.bytes })
    }
}

/// What is to be written, and what is known of it.
pub(crate) struct Plan<'a> {
    pub(crate) segments: &'a [SegmentPlan],
    pub(crate) keys: &'a [SegmentKey],
    pub(crate) cached: &'a [Option<Cached>],
    /// After how many segments the hashes of blob and tar go on, and from what.
    pub(crate) resume: Option<(usize, (Resumable, Resumable))>,
    /// Where it is known the tar is not hashed.
    pub(crate) diff_id: Option<DiffId>,
    pub(crate) writer: &'a LayerWriter<'a>,
}

/// A layer that waits to be committed.
pub(crate) struct Written<'a> {
    pub(crate) known: Known,
    pub(crate) blob: Box<dyn NewBlob + 'a>,
    /// After how many segments, and the states of the hashes of blob and tar.
    pub(crate) saved: Vec<(usize, Vec<u8>, Vec<u8>)>,
}

/// Why there is no layer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// For good.
    Failed(Cause),
    /// The n-th segment of the cache is damaged.
    Cached(usize),
    /// The outcome is not what was remembered.
    Unlike,
}

impl Stop {
    pub(crate) fn write(error: io::Error) -> Stop {
        Stop::Failed(Cause::Write(error))
    }
}

/// What the collector is told, in order.
enum Item {
    /// A fragment, when it is compressed.
    Fragment(Receiver<Result<Fragment, String>>),
    /// All of a segment, from the cache.
    Cached(usize),
    /// The segment is complete.
    End(usize),
    /// The reader failed.
    Failed(Cause),
}

/// What the hash of the tar is told.
enum Raw {
    Bytes(Arc<Vec<u8>>),
    /// A segment is complete; its CRC-32, where the cache says one.
    End(usize, Option<u32>),
}

type Work = (Arc<Vec<u8>>, SyncSender<Result<Fragment, String>>);

pub(crate) fn run<'a>(plan: &Plan<'a>) -> Result<Written<'a>, Stop> {
    let depth = plan.writer.threads.max(1) + 1;
    let (order, ordered) = sync_channel(depth);
    let (work, works) = sync_channel::<Work>(depth);
    let (raw, raws) = sync_channel(depth);
    let works = Mutex::new(works);
    thread::scope(|scope| {
        let works = &works;
        for _ in 0..plan.writer.threads.max(1) {
            scope.spawn(move || compress(works, plan.writer.codec));
        }
        let tar = scope.spawn(move || hash_tar(plan, &raws));
        scope.spawn(move || read(plan, &order, &work, &raw));
        let collected = collect(plan, ordered);
        let hashed = tar.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (collected, hashed) {
            // Where the hash of the tar stopped the others, its reason is the reason.
            (Err(Stop::Unlike), Err(reason)) => Err(reason),
            (collected, hashed) => finish(plan, collected?, hashed?),
        }
    })
}

/// The reader: trees into raw fragments.
fn read(plan: &Plan<'_>, order: &SyncSender<Item>, work: &SyncSender<Work>, raw: &SyncSender<Raw>) {
    for (n, segment) in plan.segments.iter().enumerate() {
        let hashing = plan.hashes_tar(n);
        let fresh = plan.cached[n].is_none();
        if !fresh && order.send(Item::Cached(n)).is_err() {
            return;
        }
        if fresh || hashing {
            let mut emit = |bytes: Vec<u8>| {
                let bytes = Arc::new(bytes);
                if hashing && raw.send(Raw::Bytes(Arc::clone(&bytes))).is_err() {
                    return ControlFlow::Break(());
                }
                if fresh { hand_out(bytes, order, work) } else { ControlFlow::Continue(()) }
            };
            let size = plan.writer.codec.fragment();
            match stream_tar(&segment.entries, plan.writer.bodies, size, fresh, &mut emit) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(error) => {
                    // The collector may be gone already; then its own error stands.
                    let _ = order.send(Item::Failed(Cause::Tar(error)));
                    return;
                }
            }
        }
        let crc32 = plan.cached[n].as_ref().map(|c| c.segment.crc32);
        if hashing && raw.send(Raw::End(n, crc32)).is_err() {
            return;
        }
        if order.send(Item::End(n)).is_err() {
            return;
        }
    }
}

fn hand_out(bytes: Arc<Vec<u8>>, order: &SyncSender<Item>, work: &SyncSender<Work>) -> ControlFlow<()> {
    let (done, fragment) = sync_channel(1);
    if order.send(Item::Fragment(fragment)).is_err() || work.send((bytes, done)).is_err() {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

fn compress(works: &Mutex<Receiver<Work>>, codec: Codec) {
    let mut writer = FragmentWriter::new(codec);
    loop {
        let next = works.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((bytes, done)) = next else { return };
        let fragment = match &mut writer {
            Ok(writer) => writer.compress(&bytes),
            Err(why) => Err(why.clone()),
        };
        // Nobody waits any more once the collector has failed.
        let _ = done.send(fragment);
    }
}

struct HashedTar {
    diff_id: Option<DiffId>,
    saved: Vec<(usize, Vec<u8>)>,
}

fn hash_tar(plan: &Plan<'_>, raws: &Receiver<Raw>) -> Result<HashedTar, Stop> {
    let mut hash = plan.resume.as_ref().map_or_else(Resumable::new, |(_, (_, diff))| diff.clone());
    let mut crc = crc32fast::Hasher::new();
    let mut saved = Vec::new();
    for raw in raws {
        match raw {
            Raw::Bytes(bytes) => {
                hash.update(&bytes);
                crc.update(&bytes);
            }
            Raw::End(n, wanted) => {
                let found = std::mem::take(&mut crc).finalize();
                if wanted.is_some_and(|wanted| wanted != found) {
                    return Err(Stop::Cached(n));
                }
                saved.push((n + 1, hash.save()));
            }
        }
    }
    hash.update(&tar::END);
    let diff_id = plan.diff_id.is_none().then(|| DiffId(hash.finish()));
    Ok(HashedTar { diff_id, saved })
}

/// The blob so far.
struct Collected<'a> {
    blob: HashedBlob<'a>,
    crc: crc32fast::Hasher,
    raw_len: u64,
    segments: Vec<Segment>,
    saved: Vec<(usize, Vec<u8>)>,
}

impl Collected<'_> {
    fn count(&mut self, raw_len: u64, crc32: u32) {
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(crc32, raw_len));
        self.raw_len += raw_len;
    }
}

fn collect<'a>(plan: &Plan<'a>, ordered: Receiver<Item>) -> Result<Collected<'a>, Stop> {
    let blob = plan.writer.out.new_blob().map_err(Stop::write)?;
    let blob = HashedBlob { blob, hash: Resumable::new(), len: 0, hashing: plan.resume.is_none() };
    let (crc, raw_len) = (crc32fast::Hasher::new(), 0);
    let mut all = Collected { blob, crc, raw_len, segments: Vec::new(), saved: Vec::new() };
    if matches!(plan.writer.codec, Codec::Gzip(_)) {
        all.blob.write(&gzip::HEADER)?;
    }
    let mut fresh: Option<Fresh<'_>> = None;
    for item in ordered {
        match item {
            Item::Cached(n) => copy_cached(plan, n, &mut all)?,
            Item::Fragment(fragment) => {
                let fragment = fragment.recv().map_err(|e| Stop::Failed(Cause::Compress(e.to_string())))?;
                let fragment = fragment.map_err(|why| Stop::Failed(Cause::Compress(why)))?;
                all.blob.write(&fragment.bytes)?;
                all.count(fragment.raw_len, fragment.crc32);
                let key = plan.keys[all.segments.len()];
                let fresh = match &mut fresh {
                    Some(fresh) => fresh,
                    none => none.insert(Fresh::begin(plan.writer.cache, key).map_err(Stop::write)?),
                };
                fresh.push(&fragment).map_err(Stop::write)?;
            }
            Item::End(n) => {
                if plan.cached[n].is_none() {
                    let fresh = match fresh.take() {
                        Some(fresh) => fresh,
                        None => Fresh::begin(plan.writer.cache, plan.keys[n]).map_err(Stop::write)?,
                    };
                    all.segments.push(fresh.commit().map_err(Stop::write)?);
                }
                end_segment(plan, n, &mut all);
            }
            Item::Failed(cause) => return Err(Stop::Failed(cause)),
        }
    }
    // The reader went away without a word only if the hash of the tar did; its error stands.
    if all.segments.len() != plan.segments.len() {
        return Err(Stop::Unlike);
    }
    Ok(all)
}

/// Takes the hash of the blob up where an earlier build left it, and saves it where it goes on.
fn end_segment(plan: &Plan<'_>, n: usize, all: &mut Collected<'_>) {
    if let Some((upto, (digest, _))) = &plan.resume
        && n + 1 == *upto
    {
        all.blob.hash = digest.clone();
        all.blob.hashing = true;
    }
    if plan.hashes_tar(n) {
        all.saved.push((n + 1, all.blob.hash.save()));
    }
}

fn copy_cached(plan: &Plan<'_>, n: usize, all: &mut Collected<'_>) -> Result<(), Stop> {
    let Some(cached) = &plan.cached[n] else { return Err(Stop::Unlike) };
    let mut buffer = vec![0; 256 << 10];
    let mut at = 0;
    while at < cached.segment.len {
        let want = usize::try_from(cached.segment.len - at).unwrap_or(usize::MAX).min(buffer.len());
        cached.bytes.read_exact_at(at, &mut buffer[..want]).map_err(|_| Stop::Cached(n))?;
        all.blob.write(&buffer[..want])?;
        at += want as u64;
    }
    all.count(cached.segment.raw_len, cached.segment.crc32);
    all.segments.push(cached.segment);
    Ok(())
}

/// A segment that goes into the cache while it goes into the blob.
struct Fresh<'a> {
    entry: Box<dyn NewCacheEntry + 'a>,
    segment: Segment,
    crc: crc32fast::Hasher,
}

impl<'a> Fresh<'a> {
    fn begin(cache: &'a dyn SegmentCache, key: SegmentKey) -> io::Result<Fresh<'a>> {
        let segment = Segment { key, raw_len: 0, crc32: 0, len: 0 };
        Ok(Fresh { entry: cache.begin(SEGMENT, &key.0.hex())?, segment, crc: crc32fast::Hasher::new() })
    }

    fn push(&mut self, fragment: &Fragment) -> io::Result<()> {
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(fragment.crc32, fragment.raw_len));
        self.segment.raw_len += fragment.raw_len;
        self.segment.len += fragment.bytes.len() as u64;
        self.entry.write_all(&fragment.bytes)
    }

    fn commit(mut self) -> io::Result<Segment> {
        self.segment.crc32 = self.crc.finalize();
        let mut trailer = Vec::with_capacity(TRAILER);
        trailer.extend_from_slice(&self.segment.raw_len.to_le_bytes());
        trailer.extend_from_slice(&self.segment.len.to_le_bytes());
        trailer.extend_from_slice(&self.segment.crc32.to_le_bytes());
        trailer.extend_from_slice(&MAGIC.to_le_bytes());
        self.entry.write_all(&trailer)?;
        self.entry.commit()?;
        Ok(self.segment)
    }
}

/// The end of the archive and of the blob.
fn finish<'a>(plan: &Plan<'a>, mut all: Collected<'a>, tar_hash: HashedTar) -> Result<Written<'a>, Stop> {
    let failed = |why| Stop::Failed(Cause::Compress(why));
    let mut writer = FragmentWriter::new(plan.writer.codec).map_err(failed)?;
    let end = writer.compress(&tar::END).map_err(failed)?;
    all.blob.write(&end.bytes)?;
    all.count(end.raw_len, end.crc32);
    if matches!(plan.writer.codec, Codec::Gzip(_)) {
        let trailer = gzip::trailer(all.crc.clone().finalize(), all.raw_len);
        all.blob.write(&trailer)?;
    }
    let diff_id = plan.diff_id.or(tar_hash.diff_id).ok_or(Stop::Unlike)?;
    let digest: Digest = all.blob.hash.finish();
    let saved = all.saved.into_iter().zip(tar_hash.saved).map(|((n, digest), (_, diff))| (n, digest, diff));
    let known = Known { digest, size: all.blob.len, diff_id, segments: all.segments };
    Ok(Written { known, blob: all.blob.blob, saved: saved.collect() })
}

impl Plan<'_> {
    /// Is the tar of the n-th segment hashed?
    fn hashes_tar(&self, n: usize) -> bool {
        self.diff_id.is_none() && self.resume.as_ref().is_none_or(|(upto, _)| n >= *upto)
    }
}
