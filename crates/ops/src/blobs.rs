//! Downloads that become blobs.

use std::io;

use apk::ExpectApk;
use diag::{Diagnostic, Kind};
use fetch::{FetchError, Sink};
use oci::Digest;
use package::Sha1;
use store::{Blobs, Expect, ExpectDigest, Ingest, Mismatch};

/// What a file must turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// So many bytes of this digest.
    Digest(Digest, u64),
    /// At most so many bytes of this digest.
    AtMost(Digest, u64),
    /// An apk package of that size whose control part has this SHA-1, and the data that the control part
    /// names.
    ApkControl(Sha1, u64),
}

impl Expected {
    /// A name for the unfinished download, over processes.
    pub(crate) fn key(&self) -> String {
        match self {
            Expected::Digest(digest, _) | Expected::AtMost(digest, _) => digest.hex(),
            Expected::ApkControl(sha1, size) => format!("{}-{size}", sha1.hex()),
        }
    }

    /// Judges bytes by it.
    pub(crate) fn judge(&self) -> Judge {
        match *self {
            Expected::Digest(digest, size) => Judge::Digest(Box::new(ExpectDigest::new(digest, size))),
            Expected::AtMost(digest, size) => Judge::Digest(Box::new(ExpectDigest::at_most(digest, size))),
            Expected::ApkControl(sha1, size) => {
                Judge::Apk(Box::new(ExpectApk::new(sha1, Some(size), &apk::Limits::default())))
            }
        }
    }
}

/// Judges bytes while they pass.
pub(crate) enum Judge {
    Digest(Box<ExpectDigest>),
    Apk(Box<ExpectApk>),
}

impl Expect for Judge {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Judge::Digest(expect) => expect.update(bytes),
            Judge::Apk(expect) => expect.update(bytes),
        }
    }

    fn finish(self) -> Result<(), Mismatch> {
        match self {
            Judge::Digest(expect) => expect.finish(),
            Judge::Apk(expect) => expect.finish(),
        }
    }

    fn cap(&self) -> u64 {
        match self {
            Judge::Digest(expect) => expect.cap(),
            Judge::Apk(expect) => expect.cap(),
        }
    }

    fn alias(&self) -> Option<Digest> {
        match self {
            Judge::Digest(expect) => expect.alias(),
            Judge::Apk(expect) => expect.alias(),
        }
    }
}

/// A download of which is known what it must be, resumable over processes.
pub(crate) struct BlobSink<'a> {
    ingest: Option<Ingest<'a, Judge>>,
    blobs: &'a Blobs,
    name: String,
    expected: Expected,
    /// The blob's SHA-256, once it is there.
    pub(crate) blob: Option<Digest>,
}

impl<'a> BlobSink<'a> {
    pub(crate) fn open(blobs: &'a Blobs, name: &str, expected: Expected) -> Result<BlobSink<'a>, Diagnostic> {
        let mut sink = BlobSink { ingest: None, blobs, name: name.to_owned(), expected, blob: None };
        sink.ingest = Some(sink.begin()?);
        Ok(sink)
    }

    fn begin(&self) -> Result<Ingest<'a, Judge>, Diagnostic> {
        Ok(self.blobs.resume(&self.expected.key(), &self.name, self.expected.judge())?)
    }
}

impl Sink for BlobSink<'_> {
    fn kept(&self) -> u64 {
        self.ingest.as_ref().map_or(0, Ingest::len)
    }

    fn restart(&mut self) -> io::Result<()> {
        let expect = self.expected.judge();
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
    if !mismatch || d.kind == Kind::Input {
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
