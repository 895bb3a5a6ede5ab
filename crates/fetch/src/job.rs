use std::io;

use diag::Diagnostic;
use url::Url;

/// A file to bring, and where it may be found.
#[derive(Debug, Clone)]
pub struct Job {
    /// What people call it; for progress and errors.
    pub name: String,
    /// Its addresses, best first: http, https and file URLs.
    pub urls: Vec<Url>,
    /// How large it is, or may be.
    pub size: Size,
}

/// What is known of a file's size beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Exactly this, because it was signed.
    Exact(u64),
    /// At most this.
    AtMost(u64),
}

impl Size {
    pub(crate) fn most(self) -> u64 {
        match self {
            Size::Exact(n) | Size::AtMost(n) => n,
        }
    }

    pub(crate) fn exact(self) -> Option<u64> {
        match self {
            Size::Exact(n) => Some(n),
            Size::AtMost(_) => None,
        }
    }
}

/// Where bytes go, and who judges them.
///
/// A sink that can keep what arrived before the connection broke says so by [`kept`](Sink::kept), and
/// the next attempt continues from there, if need be from another mirror.
pub trait Sink {
    /// How many bytes it holds already, from this run or an earlier one.
    fn kept(&self) -> u64;
    /// Forgets them: what follows begins at the first byte.
    fn restart(&mut self) -> io::Result<()>;
    /// Takes the next bytes. An error ends the job: no mirror can help a full disk.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// All bytes have come; checks and keeps them. A refusal (a wrong digest) makes the client try
    /// again from the start, and then the next mirror.
    fn finish(&mut self) -> Result<(), Diagnostic>;
}

/// Collects in memory, for small files; nothing is checked but the size.
impl Sink for Vec<u8> {
    fn kept(&self) -> u64 {
        self.len() as u64
    }
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
    fn finish(&mut self) -> Result<(), Diagnostic> {
        Ok(())
    }
}
