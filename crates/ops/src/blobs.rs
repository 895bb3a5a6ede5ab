//! Downloads that become blobs.

use std::io;

use diag::Diagnostic;
use fetch::{FetchError, Sink};
use oci::Digest;
use store::{Blobs, ExpectDigest, Ingest};

/// A download of known digest and size, resumable over processes.
pub(crate) struct BlobSink<'a> {
    ingest: Option<Ingest<'a, ExpectDigest>>,
    blobs: &'a Blobs,
    name: String,
    digest: Digest,
    size: u64,
    exact: bool,
    /// The blob's SHA-256, once it is there.
    pub(crate) blob: Option<Digest>,
}

impl<'a> BlobSink<'a> {
    pub(crate) fn open(
        blobs: &'a Blobs,
        name: &str,
        digest: Digest,
        size: u64,
    ) -> Result<BlobSink<'a>, Diagnostic> {
        let mut sink =
            BlobSink { ingest: None, blobs, name: name.to_owned(), digest, size, exact: true, blob: None };
        sink.ingest = Some(sink.begin()?);
        Ok(sink)
    }

    /// A download of which the digest is known, but the size only roughly.
    pub(crate) fn of_digest(
        blobs: &'a Blobs,
        name: &str,
        digest: Digest,
        most: u64,
    ) -> Result<BlobSink<'a>, Diagnostic> {
        let mut sink = BlobSink {
            ingest: None,
            blobs,
            name: name.to_owned(),
            digest,
            size: most,
            exact: false,
            blob: None,
        };
        sink.ingest = Some(sink.begin()?);
        Ok(sink)
    }

    fn expect(&self) -> ExpectDigest {
        match self.exact {
            true => ExpectDigest::new(self.digest, self.size),
            false => ExpectDigest::at_most(self.digest, self.size),
        }
    }

    fn begin(&self) -> Result<Ingest<'a, ExpectDigest>, Diagnostic> {
        Ok(self.blobs.resume(&self.digest.hex(), &self.name, self.expect())?)
    }
}

impl Sink for BlobSink<'_> {
    fn kept(&self) -> u64 {
        self.ingest.as_ref().map_or(0, Ingest::len)
    }

    fn restart(&mut self) -> io::Result<()> {
        let expect = self.expect();
        match &mut self.ingest {
            Some(ingest) => ingest.restart(expect).map_err(io::Error::other),
            None => {
                self.ingest = Some(self.begin().map_err(|d| io::Error::other(d.to_string()))?);
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.ingest {
            Some(ingest) => ingest.write(bytes).map_err(as_io),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn finish(&mut self) -> Result<(), Diagnostic> {
        let Some(ingest) = self.ingest.take() else { return Ok(()) };
        let (blob, _) = ingest.commit().map_err(refused)?;
        self.blob = Some(blob);
        Ok(())
    }
}

/// Bytes that are not the promised ones: the store cannot know that it was a mirror that gave them.
fn refused(e: store::StoreError) -> Diagnostic {
    let mismatch = matches!(e, store::StoreError::Mismatch { .. });
    let d = Diagnostic::from(e);
    if !mismatch {
        return d;
    }
    d.hint(
        "the mirror's file is damaged, or was changed on the way; use another mirror (`distil settings` \
         shows which are asked), or try again later",
    )
}

/// The kind of the system's refusal survives, so that a full disk is said to be one.
fn as_io(e: store::StoreError) -> io::Error {
    match &e {
        store::StoreError::Io { source, .. } => io::Error::new(source.kind(), e.to_string()),
        _ => io::Error::other(e),
    }
}

/// The sinks of downloads, or the first failure with how many more there are.
pub(crate) fn failures<S>(done: Vec<Result<S, FetchError>>) -> Result<Vec<S>, Diagnostic> {
    let failed = done.iter().filter(|d| d.is_err()).count();
    let mut sinks = Vec::new();
    for outcome in done {
        match outcome {
            Ok(sink) => sinks.push(sink),
            Err(e) if failed > 1 => {
                return Err(
                    Diagnostic::from(e).detail(format!("and {} more that could not be fetched", failed - 1))
                );
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(sinks)
}
