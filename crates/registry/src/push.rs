use std::io::Read;
use std::thread::Scope;

use image::{Source, TransportError};
use oci::{Descriptor, Hasher};

use crate::Repository;
use crate::error::Error;
use crate::feed::{Feed, InMemory, OfSource, is_at_end, mismatch};
use crate::uploads::Upload;

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
            let mut hash = Hasher::new(part.digest.algorithm());
            hash.update(&all);
            return Err(TransportError::mismatch(part, &hash.finish(), all.len() as u64));
        }
        self.push(&Feed::new(part, &InMemory(all), &self.home().host))
    }

    fn push(&self, feed: &Feed<'_>) -> Result<(), TransportError> {
        std::thread::scope(|scope| self.push_from_beside(scope, feed))
    }

    /// Sends on this thread what is read and checked on others.
    fn push_from_beside<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        feed: &'scope Feed<'_>,
    ) -> Result<(), TransportError> {
        let host = &self.home().host;
        let (mut upload, mut at_once) = (None, feed.part.size);
        let (mut round, mut breaks, mut arrived, mut resumed) = (0, 0, 0, false);
        loop {
            host.check()?;
            let error = match self.attempt(scope, feed, &mut upload, at_once) {
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
    fn attempt<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        feed: &'scope Feed<'_>,
        upload: &mut Option<Upload<'scope>>,
        at_once: u64,
    ) -> Result<(), Error> {
        let upload = match upload {
            Some(upload) => upload,
            None => upload.insert(Upload::begin(self, feed.part)?),
        };
        let size = feed.part.size;
        if upload.at == 0 && at_once == size {
            return upload.finish(&feed.piece(scope, 0, size));
        }
        let chunk = at_once.min(self.home().host.options.chunk).max(upload.smallest).max(1);
        while upload.at < size {
            let (from, left) = (upload.at, size - upload.at);
            upload.patch(&feed.piece(scope, from, left.min(chunk)))?;
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
            let more = last && !is_at_end(bytes)?;
            if got < most || more || (last && hash.clone().finish() != part.digest) {
                upload.cancel();
                return Err(mismatch(part, taken, &hash.finish(), more));
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
        let (mut round, mut at_once, mut renewed) = (0, piece.len(), false);
        while upload.at < end {
            let from = usize::try_from(upload.at.saturating_sub(start)).unwrap_or(0);
            let rest = &piece[from..];
            if let Err(error) = upload.patch(&&rest[..rest.len().min(at_once)]) {
                if error.status() == Some(413) && at_once > SMALLEST {
                    at_once = (at_once / 2).max(SMALLEST);
                    continue;
                }
                // Its time was over before the first byte came, as that of one which a mount began long ago.
                if error.status() == Some(404) && start == 0 && !renewed {
                    renewed = true;
                    *upload = self.home().host.retrying(false, || Upload::begin(self, upload.part))?;
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
