use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use diag::{Reporter, Task};
use image::{Source, Steady, TransportError};
use oci::{Descriptor, DiffId, Digest, Hasher};
use rootfs::tar::{Limits, Member, Reader, TarError};
use rootfs::{Body, PayloadIx};

use crate::listing::Builder;
use crate::packages::{MOST_TEXT, is_notice, is_text};
use crate::{InventoryError, Listing};

/// What a layer's tar may be long: as much as its bodies may be, and headers.
const MOST_BYTES: u64 = 40 << 30;

/// What is handed from the decompressor to the reader at a time.
const CHUNK: usize = 1 << 18;

/// All that is kept of one layer.
const MOST_TEXTS: u64 = 256 << 20;

/// The longest account file or copyright that is kept, in bytes; the kernel's has 100 kB.
const MOST_NOTICE: u64 = 1 << 20;

/// All of those in one layer: they leave databases their room.
const MOST_NOTICES: u64 = 64 << 20;

fn limits() -> Limits {
    Limits { foreign: true, ..Limits::default() }
}

/// Reads a layer: every member with the SHA-256 of its content, and the package databases. The layer's own digest
/// and its diff id are checked.
///
/// # Errors
/// The layer cannot be had, is damaged or malformed, or is another than the config names.
pub fn read_layer(
    source: &dyn Source,
    part: &Descriptor,
    diff_id: &DiffId,
    reporter: &dyn Reporter,
    task: &Task<'_>,
) -> Result<Listing, InventoryError> {
    let mut builder = Builder::default();
    let (mut kept, mut notices) = (0, 0);
    let (found, unpacked) = visit_layer(source, part, reporter, Some(task), &mut |member, at, body| {
        let size = member.size;
        let text = is_text(member.path.as_ref()) && size <= MOST_TEXT && kept + size <= MOST_TEXTS;
        let notice = is_notice(member.path.as_ref()) && size <= MOST_NOTICE && notices + size <= MOST_NOTICES;
        kept += if text { size } else { 0 };
        notices += if notice { size } else { 0 };
        let mut hasher = Hasher::sha256();
        let mut bytes = Vec::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = body.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hasher.update(&buffer[..n]);
            if text || notice {
                bytes.extend_from_slice(&buffer[..n]);
            }
        }
        let body = Body { digest: hasher.finish(), size, payload: PayloadIx(0), offset: at };
        builder.take(member, body, (text || notice).then_some(bytes))?;
        Ok(true)
    })?;
    match found {
        Some(found) if found == *diff_id => Ok(builder.finish(found, unpacked)),
        Some(found) => {
            let (wanted, found) = (diff_id.to_string(), found.to_string());
            Err(InventoryError::OtherTar { layer: part.digest, wanted, found })
        }
        None => unreachable!("every member was taken"),
    }
}

/// Calls `each` with every member of a layer, where in the tar its body begins, and the body, until it says no.
/// Then there is no diff id, and nothing was checked: whoever takes bytes checks them.
///
/// # Errors
/// The layer cannot be had, is damaged or malformed, or `each` fails.
pub fn visit_layer(
    source: &dyn Source,
    part: &Descriptor,
    reporter: &dyn Reporter,
    task: Option<&Task<'_>>,
    each: &mut dyn FnMut(Member, u64, &mut dyn Read) -> io::Result<bool>,
) -> Result<(Option<DiffId>, u64), InventoryError> {
    let layer = part.digest;
    // What breaks off goes on; bytes are told of and Ctrl-C is looked for below.
    let steady = Steady::new(source, &diag::Silent);
    let input = Counted {
        inner: steady.blob(part, 0)?,
        hasher: Hasher::new(layer.algorithm()),
        count: 0,
        most: part.size.saturating_add(1),
        reporter,
        task,
    };
    let (send, receive) = sync_channel(4);
    let (seen, stored) = std::thread::scope(|scope| {
        let feeding = scope.spawn(move || feed(input, &send));
        let mut pipe = Pipe { receive, chunk: Vec::new(), at: 0, hasher: Hasher::sha256(), count: 0 };
        let seen = visit(&mut pipe, each);
        if matches!(&seen, Err(error) if !matches!(error, TarError::Io(_))) {
            // Whether the layer is damaged or was made so shows at its end.
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        // The other side ends when nobody listens any more.
        drop(pipe.receive);
        let stored = feeding.join().unwrap_or_else(|_| Err(io::Error::other("the decompressor panicked")));
        (seen.map(|whole| (whole, DiffId(pipe.hasher.finish()), pipe.count)), stored)
    });
    reporter.check()?;
    let (whole, diff_id, unpacked) = match (seen, &stored) {
        (Ok(seen), _) => seen,
        // Damage explains what the tar looks like.
        (Err(_), Ok(found)) if found.0 != layer => return Err(damaged(part, found)),
        (Err(TarError::Io(error)), _) => return Err(unread(layer, error)),
        (Err(error), _) => return Err(InventoryError::Tar { layer, error }),
    };
    if !whole {
        return Ok((None, unpacked));
    }
    let found = stored.map_err(|error| unread(layer, error))?;
    if found != (layer, part.size) {
        return Err(damaged(part, &found));
    }
    Ok((Some(diff_id), unpacked))
}

/// A place speaks for itself, as a registry does.
fn unread(layer: Digest, error: io::Error) -> InventoryError {
    match TransportError::io("read", layer)(error) {
        TransportError::Io { error, .. } => InventoryError::Layer { layer, error },
        told => InventoryError::Transport(told),
    }
}

fn damaged(part: &Descriptor, found: &(Digest, u64)) -> InventoryError {
    InventoryError::Damaged { layer: part.digest, found: format!("{} ({} bytes)", found.0, found.1) }
}

/// Reads the tar, and to the end what follows it: that counts for the diff id. Was every member wanted?
fn visit(
    pipe: &mut Pipe,
    each: &mut dyn FnMut(Member, u64, &mut dyn Read) -> io::Result<bool>,
) -> Result<bool, TarError> {
    let mut tar = Reader::new(&mut *pipe, limits());
    while let Some(member) = tar.next()? {
        let at = tar.position();
        if !each(member, at, &mut tar)? {
            return Ok(false);
        }
    }
    io::copy(pipe, &mut io::sink())?;
    Ok(true)
}

/// Decompresses all of it and hands it over; what it was as stored.
fn feed(mut input: Counted<'_>, send: &SyncSender<io::Result<Vec<u8>>>) -> io::Result<(Digest, u64)> {
    let mut sent = 0u64;
    let outcome = decompressed(&mut input).and_then(|mut tar| {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            (&mut tar).take(CHUNK as u64).read_to_end(&mut chunk)?;
            sent += chunk.len() as u64;
            if sent > MOST_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than 40 GiB"));
            }
            if chunk.is_empty() {
                return Ok(true);
            }
            if send.send(Ok(chunk)).is_err() {
                return Ok(false);
            }
        }
    });
    match outcome {
        Ok(false) => return Ok((input.hasher.finish(), input.count)),
        Ok(true) => {}
        Err(e) => drop(send.send(Err(e))),
    }
    io::copy(&mut input, &mut io::sink())?;
    Ok((input.hasher.finish(), input.count))
}

/// The tar inside, by the first bytes, as engines look: gzip (RFC 1952, several members too), zstd (RFC 8878), or
/// as it is.
fn decompressed<'a>(input: &'a mut Counted<'_>) -> io::Result<Box<dyn Read + 'a>> {
    let mut head = [0; 4];
    let mut n = 0;
    while n < head.len() {
        match input.read(&mut head[n..])? {
            0 => break,
            more => n += more,
        }
    }
    let whole = io::Cursor::new(head[..n].to_vec()).chain(input);
    Ok(match &head[..n] {
        [0x1f, 0x8b, ..] => {
            Box::new(flate2::bufread::MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, whole)))
        }
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let mut decoder = zstd::Decoder::new(whole)?;
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
        _ => Box::new(io::BufReader::with_capacity(CHUNK, whole)),
    })
}

/// The stored bytes: hashed, counted, stopped where the user asks for it.
struct Counted<'a> {
    inner: Box<dyn Read + Send + 'a>,
    hasher: Hasher,
    count: u64,
    /// More than this are not wanted: it is damaged then.
    most: u64,
    reporter: &'a dyn Reporter,
    task: Option<&'a Task<'a>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reporter.check().map_err(io::Error::other)?;
        let left = usize::try_from(self.most - self.count).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let n = self.inner.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..n]);
        self.count += n as u64;
        if let Some(task) = self.task {
            task.advance(n as u64);
        }
        Ok(n)
    }
}

/// The tar, as it comes from the other thread.
struct Pipe {
    receive: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
    hasher: Hasher,
    count: u64,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            // Nobody sends any more: that is the end.
            let Ok(chunk) = self.receive.recv() else { return Ok(0) };
            (self.chunk, self.at) = (chunk?, 0);
            self.hasher.update(&self.chunk);
            self.count += self.chunk.len() as u64;
        }
        let rest = &self.chunk[self.at..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}
