use std::fmt;
use std::io::{self, Read};

/// What a package file may take before it is refused. The defaults fit every package of Debian
/// 12 and 13; the source of each number stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of control.tar, compressed or not. apt allows 64 MiB; the largest in Debian is 9 MiB
    /// (a symbols file and a list of sums).
    pub control_bytes: u64,
    /// Members of control.tar.
    pub control_members: u64,
    /// Bytes of data.tar, whatever the package says of itself.
    pub data_bytes: u64,
    /// Bytes of data.tar where the control paragraph names no Installed-Size.
    pub undeclared_bytes: u64,
    /// data.tar may be this many times Installed-Size, which rounds each file up to 1 KiB and
    /// counts nothing for tar's headers …
    pub ratio: u64,
    /// … and this much more.
    pub slack_bytes: u64,
    /// Members of data.tar.
    pub members: u64,
    /// Memory of the xz decoder. `xz -9` needs 65 MiB.
    pub xz_memory: u64,
    /// Binary logarithm of the window that a zstd frame may ask for. `zstd --ultra -22` needs 27.
    pub zstd_window_log: u32,
    /// An ELF file up to this size is held in memory while its headers are read; a larger one is
    /// kept without facts.
    pub elf_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            control_bytes: 16 << 20,
            control_members: 4096,
            data_bytes: 16 << 30,
            undeclared_bytes: 512 << 20,
            ratio: 4,
            slack_bytes: 16 << 20,
            members: 250_000,
            xz_memory: 192 << 20,
            zstd_window_log: 27,
            elf_bytes: 1 << 30,
        }
    }
}

impl Limits {
    /// How many bytes data.tar may become, given the package's Installed-Size in KiB.
    pub fn data_cap(&self, installed_kib: Option<u64>) -> u64 {
        let declared = match installed_kib {
            Some(kib) => kib.saturating_mul(1024).saturating_mul(self.ratio).saturating_add(self.slack_bytes),
            None => self.undeclared_bytes,
        };
        declared.min(self.data_bytes)
    }
}

/// More bytes came out of a member than it may hold. Travels inside an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverLimit(pub(crate) u64);

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0)
    }
}

impl std::error::Error for OverLimit {}

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
