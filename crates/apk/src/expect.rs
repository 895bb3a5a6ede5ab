use oci::{Digest, Hasher};
use package::Sha1;
use store::{Expect, Mismatch};

use crate::head::HeadReader;
use crate::{ApkError, Limits};

/// The chain from a signed index to a package's bytes, judged while they come in: the control part
/// against `C:`, the data against the control part's `datahash`. A package that is not what the index
/// named never becomes a blob; the blob's own SHA-256, which the lock keeps, is the store's to say.
///
/// Signatures and what is in the data are [`unpack`](crate::unpack())'s business.
pub struct ExpectApk {
    size: Option<u64>,
    limits: Limits,
    seen: u64,
    state: State,
}

enum State {
    Head(Box<HeadReader>),
    Data { hasher: Box<Hasher>, expected: Digest },
    Wrong(Mismatch),
}

impl ExpectApk {
    /// Expects the package whose control part is `control` (`C:`), of `size` bytes (`S:`) if the
    /// index says so.
    pub fn new(control: Sha1, size: Option<u64>, limits: &Limits) -> ExpectApk {
        let state = State::Head(Box::new(HeadReader::new(limits, Some(control))));
        ExpectApk { size, limits: limits.clone(), seen: 0, state }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<(), ApkError> {
        let State::Head(reader) = &mut self.state else { return Ok(()) };
        let Some((head, used)) = reader.push(bytes)? else { return Ok(()) };
        let missing = ApkError::Missing { part: crate::Part::Control, what: "datahash" };
        let expected = head.files.info.data_hash.ok_or(missing)?;
        let mut hasher = Hasher::sha256();
        hasher.update(&bytes[used..]);
        self.state = State::Data { hasher: Box::new(hasher), expected };
        Ok(())
    }
}

impl Expect for ExpectApk {
    fn update(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        match &mut self.state {
            State::Head(_) => {
                let Err(error) = self.head(bytes) else { return };
                // Bytes that agree with the index are nobody's on the way: who made them made them so.
                let agreed = matches!(&self.state, State::Head(reader) if reader.agreed());
                self.state = State::Wrong(match agreed {
                    true => Mismatch::Malformed(error.to_string()),
                    false => Mismatch::Other(error.to_string()),
                });
            }
            State::Data { hasher, .. } => hasher.update(bytes),
            State::Wrong(_) => {}
        }
    }

    fn finish(self) -> Result<(), Mismatch> {
        if let Some(expected) = self.size.filter(|size| *size != self.seen) {
            return Err(Mismatch::Size { expected, found: self.seen });
        }
        match self.state {
            State::Head(reader) => Err(Mismatch::Other(reader.unfinished().to_string())),
            State::Wrong(mismatch) => Err(mismatch),
            State::Data { hasher, expected } => {
                let found = hasher.finish();
                if found == expected {
                    return Ok(());
                }
                Err(Mismatch::Digest { expected: Box::new(expected), found: Box::new(found) })
            }
        }
    }

    fn cap(&self) -> u64 {
        self.size.unwrap_or(self.limits.data_bytes)
    }
}
