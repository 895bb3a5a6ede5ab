use std::io::{self, Read};
use std::sync::Mutex;
use std::thread::Scope;

use diag::Diagnostic;
use fetch::Body;
use image::{Carried, Source, TransportError};
use oci::{Descriptor, Digest, Hasher};

use crate::ahead::Ahead;
use crate::host::{Host, locked};

/// Of smaller parts reading and hashing is not worth a thread.
const WORTH_A_THREAD: u64 = 4 << 20;

/// Bytes that can be read again.
pub(crate) trait Again: Sync {
    /// From byte `from` on.
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError>;
}

pub(crate) struct OfSource<'a> {
    pub(crate) part: &'a Descriptor,
    pub(crate) source: &'a dyn Source,
}

impl Again for OfSource<'_> {
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError> {
        Ok(self.source.blob(self.part, from)?)
    }
}

pub(crate) struct InMemory(pub(crate) Vec<u8>);

impl Again for InMemory {
    fn open(&self, from: u64) -> Result<Box<dyn Read + '_>, TransportError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.0.len());
        Ok(Box::new(&self.0[from..]))
    }
}

/// A part that is sent, and what was seen of it so far.
pub(crate) struct Feed<'a> {
    pub(crate) part: &'a Descriptor,
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
    pub(crate) fn new(part: &'a Descriptor, bytes: &'a dyn Again, host: &'a Host) -> Feed<'a> {
        let tally = Tally { hash: Hasher::new(part.digest.algorithm()), at: 0, failure: None };
        Feed { part, bytes, host, tally: Mutex::new(tally) }
    }

    /// `length` bytes from byte `from` on, as the body of a request.
    pub(crate) fn piece<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        from: u64,
        length: u64,
    ) -> impl Body {
        Piece { feed: self, scope, from, length }
    }

    pub(crate) fn failure(&self) -> Option<TransportError> {
        locked(&self.tally).failure.take()
    }

    fn open(&self, from: u64, length: u64) -> io::Result<Checked<'_>> {
        let bytes = self.bytes.open(from).map_err(|e| self.fail(e))?;
        Ok(Checked { feed: self, bytes, at: from, end: from + length })
    }

    fn fail(&self, failure: TransportError) -> io::Error {
        let shown = Carried(Diagnostic::new(diag::Kind::Machine, failure.to_string()));
        locked(&self.tally).failure = Some(failure);
        io::Error::other(shown)
    }
}

/// Some bytes of a part as the body of a request.
struct Piece<'scope, 'env, 'a> {
    feed: &'scope Feed<'a>,
    scope: &'scope Scope<'scope, 'env>,
    from: u64,
    length: u64,
}

impl Body for Piece<'_, '_, '_> {
    fn length(&self) -> u64 {
        self.length
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let (feed, from, length) = (self.feed, self.from, self.length);
        if length < WORTH_A_THREAD {
            return Ok(Box::new(feed.open(from, length)?));
        }
        Ok(Box::new(Ahead::new(self.scope, move || feed.open(from, length))))
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
        let more = !is_at_end(&mut *self.bytes)?;
        if found != part.digest || more {
            return Err(mismatch(part, self.at, &found, more));
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
                Err(feed.fail(mismatch(feed.part, self.at, &found, false)))
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

pub(crate) fn is_at_end(bytes: &mut dyn Read) -> Result<bool, TransportError> {
    let more = bytes.read(&mut [0]).map_err(TransportError::io("read", "what is to be sent"))?;
    Ok(more == 0)
}

/// Of a source that gave `size` bytes with the digest `found`; `more` if it goes on behind them.
pub(crate) fn mismatch(part: &Descriptor, size: u64, found: &Digest, more: bool) -> TransportError {
    match more {
        true => {
            let digest = part.digest.to_string();
            TransportError::WrongSize { digest, said: part.size, there: None, place: "the source" }
        }
        false => TransportError::mismatch(part, found, size),
    }
}
