use std::io::{self, Read};

use crate::Summary;

/// What is found out about a file's content while it passes, as a payload keeps it: the line of a
/// script from its `#!` on, without line feed, at most 256 bytes (Linux reads no more); or
/// [`Summary::encode`], which never begins with `#!`; or nothing.
pub fn fact_of(content: &[u8]) -> Option<Vec<u8>> {
    if content.starts_with(b"#!") {
        let line = content.split(|&b| b == b'\n').next().unwrap_or_default();
        return Some(line[..line.len().min(256)].to_vec());
    }
    if !content.starts_with(b"\x7fELF") {
        return None;
    }
    // An ELF file that contradicts itself is somebody's test data; it has no facts.
    Summary::read(content).ok().flatten().map(|summary| summary.encode())
}

/// Passes a body on and keeps what [`fact_of`] needs of it: all of an ELF file, the first bytes of
/// any other.
pub struct FactReader<R> {
    body: R,
    kept: Vec<u8>,
    most: u64,
}

impl<R: Read> FactReader<R> {
    /// Keeps at most `most` bytes of an ELF file; a larger one has no facts.
    pub fn new(body: R, most: u64) -> FactReader<R> {
        FactReader { body, kept: Vec::new(), most }
    }

    /// What was found out, once the body has passed.
    pub fn fact(&self) -> Option<Vec<u8>> {
        fact_of(&self.kept)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let head = 256usize.saturating_sub(self.kept.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(head);
        self.kept.extend_from_slice(head);
        if self.kept.starts_with(b"\x7fELF") {
            let room = usize::try_from(self.most).unwrap_or(usize::MAX).saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&rest[..room.min(rest.len())]);
        }
    }
}

impl<R: Read> Read for FactReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.body.read(buffer)?;
        self.keep(&buffer[..got]);
        Ok(got)
    }
}
