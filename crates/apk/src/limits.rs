use std::fmt;
use std::io::{self, Read};

/// What a package or index may take before it is refused. The defaults fit everything in Alpine and
/// Wolfi; the source of each number stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the part with the signatures, unpacked. One of 4096 bits takes 1 KiB.
    pub signature_bytes: u64,
    /// Bytes of the control part, compressed or not. apko allows 10 MiB; melange puts its whole
    /// configuration in.
    pub control_bytes: u64,
    /// Members of the control part.
    pub control_members: u64,
    /// Bytes of the data, whatever the package says of itself; apko's bound.
    pub data_bytes: u64,
    /// Bytes of the data where the package declares no size.
    pub undeclared_bytes: u64,
    /// The data may be this many times the declared size, which counts no headers …
    pub ratio: u64,
    /// … and this much more.
    pub slack_bytes: u64,
    /// Members of the data.
    pub members: u64,
    /// An ELF file up to this size is held in memory while its headers are read; a larger one is
    /// kept without facts.
    pub elf_bytes: u64,
    /// Bytes of an index as it comes. Alpine's community has 2 MiB.
    pub index_bytes: u64,
    /// Bytes of an index unpacked. apko's bound is 300 MiB; Wolfi's has 30 MiB.
    pub index_text_bytes: u64,
    /// Bytes of one line of an index. Wolfi has lines of 72 KiB, `linux-firmware-any`'s dependencies.
    pub line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            signature_bytes: 256 << 10,
            control_bytes: 10 << 20,
            control_members: 256,
            data_bytes: 16 << 30,
            undeclared_bytes: 512 << 20,
            ratio: 4,
            slack_bytes: 64 << 20,
            members: 1_000_000,
            elf_bytes: 1 << 30,
            index_bytes: 128 << 20,
            index_text_bytes: 300 << 20,
            line_bytes: 4 << 20,
        }
    }
}

impl Limits {
    /// How many bytes the data may become, given the size that the package declares; 0 is none.
    pub fn data_cap(&self, declared: u64) -> u64 {
        let cap = match declared {
            0 => self.undeclared_bytes,
            size => size.saturating_mul(self.ratio).saturating_add(self.slack_bytes),
        };
        cap.min(self.data_bytes)
    }
}

/// More bytes came out of a part than it may hold. Travels inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverLimit(pub(crate) u64);

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0)
    }
}

impl std::error::Error for OverLimit {}

/// Finds an [`OverLimit`] in an error that came through a reader.
pub(crate) fn over_limit(error: &io::Error) -> Option<u64> {
    error.get_ref()?.downcast_ref::<OverLimit>().map(|l| l.0)
}

/// Passes bytes on, up to a number of them; one more is an [`OverLimit`].
pub(crate) struct Capped<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R> Capped<R> {
    pub(crate) fn new(inner: R, limit: u64) -> Capped<R> {
        Capped { inner, left: limit, limit }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        match self.left.checked_sub(got as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(OverLimit(self.limit))),
        }
        Ok(got)
    }
}
