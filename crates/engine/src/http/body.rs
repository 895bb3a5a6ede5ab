use std::io::{self, BufRead, Read};

/// The body of a response. It ends where its framing says; one that ends before is an error, never
/// a short body.
pub struct Body<R> {
    reader: R,
    left: Left,
}

#[derive(Clone, Copy)]
enum Left {
    /// So many bytes.
    Sized(u64),
    /// So many of this chunk; `first`: no chunk was read yet, so no line end is due before its size.
    Chunk { left: u64, first: bool },
    /// Whatever comes until the connection closes.
    UntilClosed,
    /// Nothing.
    Over,
}

/// A chunk's size line, extensions and all; and each trailer field.
const MAX_LINE: u64 = 4096;

impl<R: BufRead> Body<R> {
    pub(super) fn sized(reader: R, length: u64) -> Body<R> {
        Body { reader, left: Left::Sized(length) }
    }

    pub(super) fn chunked(reader: R) -> Body<R> {
        Body { reader, left: Left::Chunk { left: 0, first: true } }
    }

    pub(super) fn until_closed(reader: R) -> Body<R> {
        Body { reader, left: Left::UntilClosed }
    }

    fn next_chunk(&mut self, first: bool) -> io::Result<u64> {
        if !first && !self.line()?.is_empty() {
            return Err(malformed("a chunk is longer than it says"));
        }
        let line = self.line()?;
        let digits = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(digits)
            .ok()
            .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u64::from_str_radix(d, 16).ok())
            .ok_or_else(|| malformed("a chunk has no size"))?;
        if size == 0 {
            self.pass_trailer()?;
        }
        Ok(size)
    }

    fn pass_trailer(&mut self) -> io::Result<()> {
        for _ in 0..64 {
            if self.line()?.is_empty() {
                return Ok(());
            }
        }
        Err(malformed("its trailer does not end"))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        (&mut self.reader).take(MAX_LINE).read_until(b'\n', &mut out)?;
        match out.as_slice() {
            [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => Ok(line.to_vec()),
            _ if out.len() as u64 == MAX_LINE => Err(malformed("a line of it does not end")),
            _ => Err(cut_off()),
        }
    }

    fn read_some(&mut self, buffer: &mut [u8], left: u64) -> io::Result<u64> {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match self.reader.read(&mut buffer[..room])? {
            0 => Err(cut_off()),
            n => Ok(n as u64),
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed in the middle of the answer")
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.left {
                Left::Over | Left::Sized(0) => return Ok(0),
                Left::UntilClosed => return self.reader.read(buffer),
                Left::Sized(left) => {
                    let n = self.read_some(buffer, left)?;
                    self.left = Left::Sized(left - n);
                    return Ok(n as usize);
                }
                Left::Chunk { left: 0, first } => {
                    self.left = match self.next_chunk(first)? {
                        0 => Left::Over,
                        left => Left::Chunk { left, first: false },
                    };
                }
                Left::Chunk { left, .. } => {
                    let n = self.read_some(buffer, left)?;
                    self.left = Left::Chunk { left: left - n, first: false };
                    return Ok(n as usize);
                }
            }
        }
    }
}
