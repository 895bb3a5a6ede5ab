use std::io::{self, Write};

/// Writes a body whose length is not known before it ends (RFC 9112 §7.1). Only [`finish`] ends it:
/// dropped before, the other side sees that it was cut off and takes nothing.
///
/// [`finish`]: ChunkedWriter::finish
pub struct ChunkedWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
}

/// What a chunk holds: large enough for its frame to cost nothing.
const CHUNK: usize = 1 << 17;

impl<W: Write> ChunkedWriter<W> {
    /// A body that goes to `out`.
    pub fn new(out: W) -> ChunkedWriter<W> {
        ChunkedWriter { out, buffer: Vec::with_capacity(CHUNK) }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The connection fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.send()?;
        self.out.write_all(b"0\r\n\r\n")?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        write!(self.out, "{:x}\r\n", self.buffer.len())?;
        self.out.write_all(&self.buffer)?;
        self.out.write_all(b"\r\n")?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for ChunkedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..n]);
        if self.buffer.len() == CHUNK {
            self.send()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.out.flush()
    }
}
