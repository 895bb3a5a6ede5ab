use oci::{Digest, Hasher};

/// What bytes must turn out to be, judged while they pass. A digest for most; apk's packages prove
/// themselves by a chain of hashes instead.
pub trait Expect {
    /// The next bytes.
    fn update(&mut self, bytes: &[u8]);
    /// All bytes have passed.
    ///
    /// # Errors
    /// They are not what was expected.
    fn finish(self) -> Result<(), Mismatch>;
    /// The most bytes that can be right; more are refused at once.
    fn cap(&self) -> u64;
    /// Another digest by which the blob is to be found.
    fn alias(&self) -> Option<Digest> {
        None
    }
}

/// How bytes differ from what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another length.
    #[error("it has {found} bytes where {expected} were promised")]
    Size {
        /// Promised.
        expected: u64,
        /// At hand (of one that is too long: what had come when it was refused).
        found: u64,
    },
    /// Another content.
    #[error("its digest is {found} where {expected} was promised")]
    Digest {
        /// Promised.
        expected: Box<Digest>,
        /// At hand.
        found: Box<Digest>,
    },
    /// The very bytes that were promised, and who made them made them wrong: all places have the same.
    #[error("{0}")]
    Malformed(String),
    /// A proof of another kind failed.
    #[error("{0}")]
    Other(String),
}

/// Bytes of a known size and digest.
#[derive(Debug, Clone)]
pub struct ExpectDigest {
    digest: Digest,
    size: u64,
    exact: bool,
    seen: u64,
    hasher: Hasher,
}

impl ExpectDigest {
    /// Expects `size` bytes of `digest`.
    pub fn new(digest: Digest, size: u64) -> ExpectDigest {
        ExpectDigest { digest, size, exact: true, seen: 0, hasher: Hasher::new(digest.algorithm()) }
    }

    /// Expects `digest`, of at most `size` bytes.
    pub fn at_most(digest: Digest, size: u64) -> ExpectDigest {
        ExpectDigest { exact: false, ..ExpectDigest::new(digest, size) }
    }
}

impl Expect for ExpectDigest {
    fn update(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    fn finish(self) -> Result<(), Mismatch> {
        if self.exact && self.seen != self.size {
            return Err(Mismatch::Size { expected: self.size, found: self.seen });
        }
        let found = self.hasher.finish();
        if found != self.digest {
            return Err(Mismatch::Digest { expected: Box::new(self.digest), found: Box::new(found) });
        }
        Ok(())
    }

    fn cap(&self) -> u64 {
        self.size
    }

    fn alias(&self) -> Option<Digest> {
        matches!(self.digest, Digest::Sha512(_)).then_some(self.digest)
    }
}

/// Bytes of which nothing is known but a bound: what we make ourselves, or what a signature inside
/// is about to prove.
#[derive(Debug, Clone, Copy)]
pub struct ExpectAnything {
    /// The most bytes.
    pub cap: u64,
}

impl Expect for ExpectAnything {
    fn update(&mut self, _: &[u8]) {}

    fn finish(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn cap(&self) -> u64 {
        self.cap
    }
}
