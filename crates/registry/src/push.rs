use std::io::{self, Read};
use std::sync::Mutex;

use diag::Diagnostic;
use fetch::Body;
use image::{Carried, Source, TransportError};
use oci::{Descriptor, Digest, Hasher};

use crate::error::Error;
use crate::host::locked;
use crate::uploads::Upload;
use crate::{Repository, host::Host};

/// Parts that come as a stream are sent in pieces of so many bytes, which are kept until they have
/// arrived.
const PIECE: usize = 2 << 20;
/// What brought this much is no failed attempt, however it ended.
const PROGRESS: u64 = 64 << 10;
/// A registry that takes no more than this at once takes nothing.
const SMALLEST: usize = 64 << 10;
/// No registry asks for larger ones.
const LARGEST_PIECE: u64 = 64 << 20;

impl Repository {
    /// Sends a part that can be read again: in one request; where that breaks, what has not arrived; where
    /// the registry does not take it, in pieces.
    pub(crate) fn push_from(&self, part: &Descriptor, source: &dyn Source) -> Result<(), TransportError> {
        self.push(&Feed::new(part, &OfSource { part, source }, &self.home().host))
    }

    /// Sends a part that comes once: a small one as above, else in pieces that are kept in memory until
    /// they have arrived.
    pub(crate) fn push_stream(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        if part.size > PIECE as u64 {
            return self.push_pieces(part, bytes);
        }
        let mut all = Vec::new();
        bytes.take(part.size + 1).read_to_end(&mut all).map_err(TransportError::io("read", part.digest))?;
        if all.len() as u64 != part.size {
            return Err(mismatch(part, all.len() as u64, &Digest::of(&all)));
        }
        self.push(&Feed::new(part, &InMemory(all), &self.home().host))
    }

    fn push(&self, feed: &Feed<'_>) -> Result<(), TransportError> {
        let host = &self.home().host;
        let (mut upload, mut at_once) = (None, feed.part.size);
        let (mut round, mut breaks, mut arrived, mut resumed) = (0, 0, 0, false);
        loop {
            host.check()?;
            let error = match self.attempt(feed, &mut upload, at_once) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if let Some(failure) = feed.failure() {
                if let Some(upload) = upload.take() {
                    upload.cancel();
                }
                return Err(failure);
            }
            match error.status() {
                // A limit of the registry, or of a proxy before it, is one of a request.
                Some(413) if at_once > SMALLEST as u64 => {
                    at_once = (at_once / 2).min(host.options.chunk).max(SMALLEST as u64);
                }
                // What was thought to have arrived did not, or not as it was: all anew, once.
                Some(400) if std::mem::take(&mut resumed) => upload = None,
                // Nothing to do with bytes: the upload is over, or is somewhere else than we think.
                Some(404 | 416) if upload.is_some() && breaks < 3 => {}
                Some(_) if !error.is_transient(true) => return Err(error.into()),
                _ => {
                    breaks += 1;
                    // A limit may also show as a connection that is closed in our face.
                    if breaks >= 2 && arrived == 0 {
                        at_once = at_once.min(host.options.chunk);
                    }
                    host.again(&mut round, error)?;
                }
            }
            breaks += 1;
            // It may all have arrived, and only the answer not.
            if self.is_there(feed.part) {
                return Ok(());
            }
            upload = upload.and_then(|mut u| host.retrying(false, || u.look()).is_ok().then_some(u));
            let at = upload.as_ref().map_or(0, |u| u.at);
            resumed |= at > 0;
            if at >= arrived + PROGRESS {
                (arrived, round) = (at, 0);
            }
        }
    }

    fn is_there(&self, part: &Descriptor) -> bool {
        use image::Sink as _;
        self.has(part).unwrap_or(false)
    }

    /// Sends what the registry does not have yet.
    fn attempt<'a>(
        &'a self,
        feed: &Feed<'a>,
        upload: &mut Option<Upload<'a>>,
        at_once: u64,
    ) -> Result<(), Error> {
        let upload = match upload {
            Some(upload) => upload,
            None => upload.insert(Upload::begin(self, feed.part)?),
        };
        let size = feed.part.size;
        if upload.at == 0 && at_once == size {
            return upload.finish(&Piece { feed, from: 0, length: size });
        }
        let chunk = at_once.min(self.home().host.options.chunk).max(upload.smallest).max(1);
        while upload.at < size {
            let (from, left) = (upload.at, size - upload.at);
            upload.patch(&Piece { feed, from, length: left.min(chunk) })?;
        }
        upload.finish(&())
    }

    fn push_pieces(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        let mut upload = self.home().host.retrying(false, || Upload::begin(self, part))?;
        let pieces = upload.smallest.clamp(PIECE as u64, LARGEST_PIECE);
        let mut piece = Vec::new();
        let mut hash = Hasher::new(part.digest.algorithm());
        let mut taken = 0;
        while taken < part.size {
            piece.clear();
            let most = pieces.min(part.size - taken);
            let read = (&mut *bytes).take(most).read_to_end(&mut piece);
            let got = read.map_err(TransportError::io("read", part.digest))? as u64;
            hash.update(&piece);
            taken += got;
            let last = taken == part.size;
            if got < most || (last && (!is_at_end(bytes)? || hash.clone().finish() != part.digest)) {
                upload.cancel();
                return Err(mismatch(part, taken, &hash.finish()));
            }
            self.push_piece(&mut upload, &piece, taken)?;
        }
        let finished = self.home().host.retrying(false, || match upload.finish(&()) {
            Err(error) if error.is_transient(true) && self.is_there(part) => Ok(()),
            // It was kept, and forgot that it was an upload.
            Err(error) if error.status() == Some(404) && self.is_there(part) => Ok(()),
            other => other,
        });
        Ok(finished?)
    }

    /// Sends one piece, which ends at byte `end`; after a break, what of it has not arrived.
    fn push_piece<'a>(
        &'a self,
        upload: &mut Upload<'a>,
        piece: &[u8],
        end: u64,
    ) -> Result<(), TransportError> {
        let start = end - piece.len() as u64;
        let (mut round, mut at_once) = (0, piece.len());
        while upload.at < end {
            let from = usize::try_from(upload.at.saturating_sub(start)).unwrap_or(0);
            let rest = &piece[from..];
            if let Err(error) = upload.patch(&&rest[..rest.len().min(at_once)]) {
                if error.status() == Some(413) && at_once > SMALLEST {
                    at_once = (at_once / 2).max(SMALLEST);
                    continue;
                }
                self.home().host.again(&mut round, error.clone())?;
                let looked = self.home().host.retrying(false, || upload.look());
                if looked.is_err() && start == 0 {
                    *upload = self.home().host.retrying(false, || Upload::begin(self, upload.part))?;
                } else if looked.is_err() || upload.at < start {
                    // What it lost of earlier pieces is not here any more.
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

fn is_at_end(bytes: &mut dyn Read) -> Result<bool, TransportError> {
    let more = bytes.read(&mut [0]).map_err(TransportError::io("read", "what is to be sent"))?;
    Ok(more == 0)
}

fn mismatch(part: &Descriptor, size: u64, found: &Digest) -> TransportError {
    TransportError::Mismatch {
        wanted: format!("{} ({} bytes)", part.digest, part.size),
        found: format!("{found} ({size} bytes)"),
        place: "the source".to_owned(),
    }
}

/// Bytes that can be read again.
trait Again: Sync {
    /// From byte `from` on.
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError>;
}

struct OfSource<'a> {
    part: &'a Descriptor,
    source: &'a dyn Source,
}

impl Again for OfSource<'_> {
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError> {
        Ok(self.source.blob(self.part, from)?)
    }
}

struct InMemory(Vec<u8>);

impl Again for InMemory {
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.0.len());
        Ok(Box::new(&self.0[from..]))
    }
}

/// A part that is sent, and what was seen of it so far.
struct Feed<'a> {
    part: &'a Descriptor,
    bytes: &'a dyn Again,
    host: &'a Host,
    tally: Mutex<Tally>,
}

/// Each byte is hashed once, however often it is sent.
struct Tally {
    hash: Hasher,
    at: u64,
    /// Why it could not be read, which is not the registry's doing.
    failure: Option<TransportError>,
}

impl<'a> Feed<'a> {
    fn new(part: &'a Descriptor, bytes: &'a dyn Again, host: &'a Host) -> Feed<'a> {
        let tally = Tally { hash: Hasher::new(part.digest.algorithm()), at: 0, failure: None };
        Feed { part, bytes, host, tally: Mutex::new(tally) }
    }

    fn failure(&self) -> Option<TransportError> {
        locked(&self.tally).failure.take()
    }

    fn fail(&self, failure: TransportError) -> io::Error {
        let shown = Carried(Diagnostic::new(diag::Kind::Machine, failure.to_string()));
        locked(&self.tally).failure = Some(failure);
        io::Error::other(shown)
    }
}

/// Some bytes of a part as the body of a request.
struct Piece<'a> {
    feed: &'a Feed<'a>,
    from: u64,
    length: u64,
}

impl Body for Piece<'_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.feed.bytes.open(self.from).map_err(|e| self.feed.fail(e))?;
        Ok(Box::new(Checked { feed: self.feed, bytes, at: self.from, end: self.from + self.length }))
    }
}

/// Gives the last bytes of a part only when all are those of its digest: before they have arrived, the
/// registry has no whole blob.
struct Checked<'a> {
    feed: &'a Feed<'a>,
    bytes: Box<dyn Read + 'a>,
    at: u64,
    end: u64,
}

impl Checked<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let part = self.feed.part;
        let mut tally = locked(&self.feed.tally);
        let new = usize::try_from(tally.at.saturating_sub(self.at)).unwrap_or(usize::MAX).min(bytes.len());
        self.at += bytes.len() as u64;
        if self.at > tally.at {
            tally.hash.update(&bytes[new..]);
            tally.at = self.at;
        }
        if self.at < part.size {
            return Ok(());
        }
        let found = tally.hash.clone().finish();
        if found != part.digest || !is_at_end(&mut *self.bytes)? {
            return Err(mismatch(part, self.at, &found));
        }
        Ok(())
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let feed = self.feed;
        if feed.host.options.reporter.cancelled() {
            return Err(feed.fail(TransportError::Stopped(diag::Cancelled)));
        }
        match self.bytes.read(&mut buf[..most]) {
            Ok(0) => {
                let found = locked(&feed.tally).hash.clone().finish();
                Err(feed.fail(mismatch(feed.part, self.at, &found)))
            }
            Ok(n) => {
                self.take(&buf[..n]).map_err(|e| feed.fail(e))?;
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => Err(feed.fail(TransportError::io("read", feed.part.digest)(e))),
        }
    }
}
