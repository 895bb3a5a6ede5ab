//! Images from a source to a sink, byte for byte: blobs beside each other, then manifests, then indexes,
//! then the name. Memory does not depend on the size of a blob.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use diag::{Note, Reporter, Silent, TaskId, Unit};
use oci::{Descriptor, Digest, Raw};

use crate::transport::{parse_document, read_small};
use crate::{Document, Sink, Source, Steady, TransportError};

/// An index in an index in an index: nothing real goes deeper.
const MAX_DEPTH: u32 = 4;
/// Manifests and indexes of one image, at most; they are held in memory until their blobs are there.
const MAX_DOCUMENTS: usize = 4096;
/// And their bytes together.
const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// How many questions are asked at once where most likely nothing is to be sent.
const ASKING: usize = 8;
/// How often a part is begun anew that came wrong or could not be written.
const ATTEMPTS: u32 = 3;

/// How an image is copied.
pub struct Copy<'a> {
    /// How many blobs are on their way at once, at least one.
    pub threads: usize,
    /// Progress, and whether to go on.
    pub reporter: &'a dyn Reporter,
    /// Where else the sink may have a blob, to be asked for [`Sink::mount`].
    pub elsewhere: &'a (dyn Fn(&Digest) -> Vec<String> + Sync),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Of the index or manifest that the name leads to.
    pub digest: Digest,
    /// Blobs that went over.
    pub sent: u64,
    /// And their bytes.
    pub sent_bytes: u64,
    /// Blobs that the sink took over from another place of its own.
    pub mounted: u64,
    /// Blobs that were there.
    pub present: u64,
    /// Every name led to it already, and all of it was there: nothing was done.
    pub unchanged: bool,
    /// The blobs that were looked at, which are all there now.
    pub blobs: Vec<Digest>,
}

/// Copies an image with all its platforms, byte for byte, and publishes it as `to_name`.
pub fn copy(
    source: &dyn Source,
    name: &str,
    sink: &dyn Sink,
    to_name: &str,
) -> Result<Digest, TransportError> {
    let document = source.document(name)?;
    let quietly = Copy { threads: 1, reporter: &Silent, elsewhere: &|_| Vec::new() };
    quietly.run(source, &document, sink, &[to_name]).map(|copied| copied.digest)
}

impl Copy<'_> {
    /// Brings `document` of `source` and all that it needs to `sink`, and lets `names` lead to it. A body
    /// that breaks off goes on where it did; what comes wrong is read again, and refused if it stays so.
    ///
    /// # Errors
    /// A part is missing, wrong or cannot be written; the user stopped it. No name leads to half an image.
    pub fn run(
        &self,
        source: &dyn Source,
        document: &Raw<Document>,
        sink: &dyn Sink,
        names: &[&str],
    ) -> Result<Copied, TransportError> {
        let digest = document.digest();
        check(self.reporter)?;
        let missing = missing_names(sink, &digest, names)?;
        let named = missing.is_empty() && !names.is_empty();
        let top = Descriptor::of(document.value().media_type(), document.bytes());
        let mut plan = Plan::default();
        if !sink.has_whole(&top)? {
            plan.add(source, Some(sink), document.value(), 0)?;
        }
        let blobs = plan.blobs.iter().map(|part| part.digest).collect();
        let (count, absent) = self.parts(source, sink, plan, named)?;
        for (part, bytes) in &absent {
            check(self.reporter)?;
            sink.put(part, &mut &bytes[..])?;
        }
        check(self.reporter)?;
        if named {
            sink.found(&top, document.bytes())?;
        }
        for name in &missing {
            sink.publish(name, document)?;
        }
        let (sent, mounted) = (count.sent.into_inner(), count.mounted.into_inner());
        Ok(Copied {
            digest,
            sent,
            sent_bytes: count.sent_bytes.into_inner(),
            mounted,
            present: count.present.into_inner(),
            unchanged: named && sent + mounted == 0 && absent.is_empty(),
            blobs,
        })
    }

    /// Brings every blob, and gives the documents that must be brought after them. Where the name is there, most
    /// likely so is all else, and there is nothing to do but ask.
    fn parts(
        &self,
        source: &dyn Source,
        sink: &dyn Sink,
        plan: Plan,
        named: bool,
    ) -> Result<(Count, Vec<Part>), TransportError> {
        let Plan { mut blobs, documents, .. } = plan;
        // The largest first: none is left alone at the end.
        blobs.sort_by_key(|part| std::cmp::Reverse(part.size));
        let count = Count::default();
        let present: Vec<AtomicBool> = documents.iter().map(|_| AtomicBool::new(false)).collect();
        let threads = if named { self.threads.max(ASKING) } else { self.threads };
        let together = Together { reporter: self.reporter, failed: AtomicBool::new(false) };
        on_threads(threads, blobs.len() + documents.len(), &together, &|n| match blobs.get(n) {
            Some(part) => self.blob(source, sink, part, &together, &count),
            None => {
                check(&together)?;
                let n = n - blobs.len();
                let (part, bytes) = &documents[n];
                if sink.has_document(part)? {
                    sink.found(part, bytes)?;
                    present[n].store(true, Ordering::Relaxed);
                }
                Ok(())
            }
        })?;
        let absent =
            documents.into_iter().zip(present).filter(|(_, present)| !present.load(Ordering::Relaxed));
        Ok((count, absent.map(|(document, _)| document).collect()))
    }

    fn blob(
        &self,
        source: &dyn Source,
        sink: &dyn Sink,
        part: &Descriptor,
        reporter: &dyn Reporter,
        count: &Count,
    ) -> Result<(), TransportError> {
        check(reporter)?;
        if sink.has(part)? {
            count.present.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        for from in (self.elsewhere)(&part.digest) {
            if sink.mount(part, &from)? {
                // The sink was told a digest and no size; where the source does not say either that there are as many
                // bytes as the manifest says, whoever has them does. It is an error if they are not.
                if source.size(part) != Some(part.size) {
                    sink.has(part)?;
                }
                count.mounted.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
        let steady = Steady::new(source, reporter);
        for attempt in 1.. {
            match sink.put_from(part, &steady) {
                Ok(()) => break,
                Err(error) => {
                    check(reporter)?;
                    if attempt == ATTEMPTS || !error.may_pass() {
                        return Err(error);
                    }
                }
            }
        }
        count.sent.fetch_add(1, Ordering::Relaxed);
        count.sent_bytes.fetch_add(part.size, Ordering::Relaxed);
        Ok(())
    }
}

/// Those that do not lead to it yet.
fn missing_names<'n>(
    sink: &dyn Sink,
    digest: &Digest,
    names: &[&'n str],
) -> Result<Vec<&'n str>, TransportError> {
    let mut missing = Vec::new();
    for name in names {
        if sink.published(name)? != Some(*digest) {
            missing.push(*name);
        }
    }
    Ok(missing)
}

/// An error once the user, or another thread's fault, asks to stop.
fn check(reporter: &dyn Reporter) -> Result<(), TransportError> {
    reporter.check().map_err(TransportError::Stopped)
}

/// Tells transfers beside each other to stop once one of them has failed: an image is whole or not there, and a
/// refusal that is told when gigabytes are through is told too late.
struct Together<'a> {
    reporter: &'a dyn Reporter,
    failed: AtomicBool,
}

impl Reporter for Together<'_> {
    fn begin(&self, label: &str, total: Option<u64>, unit: Unit) -> TaskId {
        self.reporter.begin(label, total, unit)
    }
    fn advance(&self, task: TaskId, by: u64) {
        self.reporter.advance(task, by);
    }
    fn end(&self, task: TaskId) {
        self.reporter.end(task);
    }
    fn note(&self, note: Note) {
        self.reporter.note(note);
    }
    fn cancelled(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.reporter.cancelled()
    }
}

/// Does `count` things on so many threads; after an error nothing more is begun, and what is under way hears of it.
fn on_threads(
    threads: usize,
    count: usize,
    together: &Together<'_>,
    each: &(dyn Fn(usize) -> Result<(), TransportError> + Sync),
) -> Result<(), TransportError> {
    let next = AtomicUsize::new(0);
    let fault: Mutex<Option<TransportError>> = Mutex::new(None);
    let work = || {
        while !together.failed.load(Ordering::Acquire) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                break;
            }
            if let Err(error) = each(n) {
                // The first is the cause, and kept before the others hear of it: what they fail with is that they stop.
                fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                together.failed.store(true, Ordering::Release);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            scope.spawn(work);
        }
        work();
    });
    fault.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[derive(Default)]
struct Count {
    sent: AtomicU64,
    sent_bytes: AtomicU64,
    mounted: AtomicU64,
    present: AtomicU64,
}

/// A manifest or index within the document, and its bytes.
type Part = (Descriptor, Vec<u8>);

/// What there is to copy.
#[derive(Default)]
struct Plan {
    /// Each once.
    blobs: Vec<Descriptor>,
    /// Manifests and indexes within the document, each after what it needs.
    documents: Vec<Part>,
    seen: BTreeSet<Digest>,
    /// Documents read so far, and their bytes.
    count: usize,
    bytes: usize,
}

impl Plan {
    fn add(
        &mut self,
        source: &dyn Source,
        sink: Option<&dyn Sink>,
        document: &Document,
        depth: u32,
    ) -> Result<(), TransportError> {
        let parts: Vec<&Descriptor> = match document {
            Document::Manifest(manifest) => {
                let parts = manifest.layers.iter().chain([&manifest.config]);
                return self.add_blobs(parts);
            }
            Document::Index(_) if depth >= MAX_DEPTH => {
                return Err(too_much("indexes are nested deeper than 4"));
            }
            Document::Index(index) => index.manifests.iter().collect(),
        };
        for part in parts {
            if self.seen.contains(&part.digest) || is_elsewhere(part) {
                continue;
            }
            if part.media_type.is_index() || part.media_type.is_manifest() {
                if let Some(sink) = sink
                    && sink.has_whole(part)?
                {
                    continue;
                }
                let bytes = read_small(source, part)?;
                let inner = parse_document(&part.digest.to_string(), bytes.clone())?;
                self.bytes += bytes.len();
                self.count += 1;
                if self.count > MAX_DOCUMENTS || self.bytes > MAX_DOCUMENT_BYTES {
                    return Err(too_much("it has more than 4096 manifests, or more than 64 MiB of them"));
                }
                self.add(source, sink, inner.value(), depth + 1)?;
                self.documents.push((part.clone(), bytes));
            } else {
                self.blobs.push(part.clone());
            }
            self.seen.insert(part.digest);
        }
        Ok(())
    }
}

/// Everything that `document` needs, each part once: manifests and indexes, and blobs but for those that
/// stay elsewhere.
pub(crate) fn parts_of(source: &dyn Source, document: &Document) -> Result<Vec<Descriptor>, TransportError> {
    let mut plan = Plan::default();
    plan.add(source, None, document, 0)?;
    let documents = plan.documents.into_iter().map(|(part, _)| part);
    Ok(documents.chain(plan.blobs).collect())
}

impl Plan {
    fn add_blobs<'a>(&mut self, parts: impl Iterator<Item = &'a Descriptor>) -> Result<(), TransportError> {
        for part in parts {
            if part.media_type.is_index() || part.media_type.is_manifest() {
                // No image has that, and followed as deep as it goes it would be a way to exhaust us.
                let why = format!("its part {} is called a {}", part.digest, part.media_type);
                return Err(TransportError::Malformed { what: "the manifest".to_owned(), why });
            }
            if !is_elsewhere(part) && self.seen.insert(part.digest) {
                self.blobs.push(part.clone());
            }
        }
        Ok(())
    }
}

fn too_much(why: &str) -> TransportError {
    TransportError::Malformed { what: "the index".to_owned(), why: why.to_owned() }
}

/// Layers that may not be passed on stay where their makers keep them (image-spec, layer.md
/// "Non-Distributable Layers"), as every other tool leaves them.
fn is_elsewhere(part: &Descriptor) -> bool {
    let kind = part.media_type.as_str();
    kind.contains(".nondistributable.") || kind.contains(".foreign.")
}
