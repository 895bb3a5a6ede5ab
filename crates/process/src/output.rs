use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// How much is read at once, and how often in a row: whoever writes without an end must not keep us from looking
/// at the clock.
const PIECE: usize = 16 << 10;
const PIECES: usize = 64;
/// How long nobody looks at a pipe that something else than the program holds open.
const PAUSE: Duration = Duration::from_millis(5);

/// What a program writes into one of its pipes, as far as it was asked for.
///
/// Nothing here waits for the pipe, so no thread is needed that may be late: what a program has written is in the
/// pipe before it ends, and is taken then.
pub(crate) struct Output<P> {
    /// None once it is at its end.
    pipe: Option<P>,
    bytes: Vec<u8>,
    limit: usize,
    too_long: bool,
}

impl<P: Read + AsFd> Output<P> {
    /// Keeps at most `limit` bytes; what comes after is read and dropped, so that the program never waits for a full
    /// pipe.
    pub(crate) fn of(pipe: P, limit: usize) -> io::Result<Output<P>> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Output { pipe: Some(pipe), bytes: Vec::new(), limit, too_long: false })
    }

    /// Takes what is there now; whether anything was.
    pub(crate) fn take(&mut self) -> bool {
        let mut came = false;
        let mut buffer = [0; PIECE];
        for _ in 0..PIECES {
            let Some(pipe) = &mut self.pipe else { break };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    let room = self.limit - self.bytes.len();
                    self.bytes.extend_from_slice(&buffer[..n.min(room)]);
                    self.too_long |= n > room;
                    came = true;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.pipe = None,
            }
        }
        came
    }

    /// Whether more came than was asked for.
    pub(crate) fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// What came, once the program has ended. An agent that it left behind may hold the pipe open for days, so
    /// after the program's own words more is waited for only as long as something comes within `patience`.
    pub(crate) fn finish(mut self, patience: Duration) -> Vec<u8> {
        let mut heard = Instant::now();
        loop {
            let came = self.take();
            let is_over = self.pipe.is_none() || self.bytes.len() == self.limit;
            match (is_over, came) {
                (false, true) => heard = Instant::now(),
                (false, false) if heard.elapsed() < patience => std::thread::sleep(PAUSE),
                _ => return self.bytes,
            }
        }
    }
}
