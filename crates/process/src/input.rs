use std::io::{self, Write};
use std::process::ChildStdin;

/// What a program reads.
pub enum Input<'a> {
    /// Nothing: its standard input is at its end.
    Nothing,
    /// These bytes.
    Bytes(&'a [u8]),
    /// What this writes. If it fails, the program is ended before it sees an end of its input, so that
    /// half an archive is never taken for a whole one.
    Stream(&'a mut (dyn FnMut(&mut dyn Write) -> io::Result<()> + Send)),
}

impl Input<'_> {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Input::Nothing)
    }

    /// Writes it all. The pipe stays open for the caller, who closes it or ends its reader first.
    pub(crate) fn write(self, pipe: &mut ChildStdin) -> io::Result<()> {
        let mut wire = Wire { pipe, gone: false };
        let written = match self {
            Input::Nothing => Ok(()),
            Input::Bytes(bytes) => wire.write_all(bytes),
            Input::Stream(write) => write(&mut wire),
        };
        // A program may end without reading it all; then its own words say why.
        if wire.gone { Ok(()) } else { written }
    }
}

/// Remembers that the reader went away: whoever writes may wrap that error beyond recognition.
struct Wire<'a> {
    pipe: &'a mut ChildStdin,
    gone: bool,
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pipe.write(bytes);
        self.gone |= matches!(&written, Err(e) if e.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}
