use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::Scope;

const BUFFER: usize = 256 << 10;
/// Buffers on their way to the sender and back.
const BUFFERS: usize = 4;

/// Reads on a thread of its own, some buffers ahead of who asks.
///
/// Reading and hashing a layer takes about as long as sending it, and a sender that hashes leaves its
/// connection idle meanwhile.
pub(crate) struct Ahead {
    full: Receiver<io::Result<(Vec<u8>, usize)>>,
    empty: Sender<Vec<u8>>,
    buffer: Vec<u8>,
    given: usize,
    length: usize,
}

impl Ahead {
    /// Reads what `open` gives until its end or its first error. The thread ends with this reader.
    pub(crate) fn new<'scope, R: Read>(
        scope: &'scope Scope<'scope, '_>,
        open: impl FnOnce() -> io::Result<R> + Send + 'scope,
    ) -> Ahead {
        let (to_sender, full) = sync_channel(BUFFERS);
        let (empty, to_fill) = channel();
        for _ in 0..BUFFERS {
            // The other end is here.
            let _ = empty.send(vec![0; BUFFER]);
        }
        scope.spawn(move || {
            let read_all = || {
                let mut bytes = open()?;
                for mut buffer in to_fill {
                    let got = fill(&mut bytes, &mut buffer)?;
                    // Who sends has stopped, or has all.
                    if to_sender.send(Ok((buffer, got))).is_err() || got == 0 {
                        break;
                    }
                }
                Ok(())
            };
            if let Err(error) = read_all() {
                let _ = to_sender.send(Err(error));
            }
        });
        Ahead { full, empty, buffer: Vec::new(), given: 0, length: 0 }
    }
}

/// As much as is there; what was read before an error comes first.
fn fill(bytes: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match bytes.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.given == self.length {
            let spent = std::mem::take(&mut self.buffer);
            if !spent.is_empty() {
                let _ = self.empty.send(spent);
            }
            (self.given, self.length) = (0, 0);
            // A thread that is gone said its error, or its end, before.
            let Ok(next) = self.full.recv() else { return Ok(0) };
            (self.buffer, self.length) = next?;
        }
        let some = buf.len().min(self.length - self.given);
        buf[..some].copy_from_slice(&self.buffer[self.given..self.given + some]);
        self.given += some;
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `left` bytes in pieces of odd sizes, then fails or ends.
    struct Odd {
        left: usize,
        size: usize,
        fails: bool,
    }

    impl Read for Odd {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.left == 0 && self.fails {
                return Err(io::Error::other("gone"));
            }
            self.size = self.size % 300_001 + 9_973;
            let some = self.left.min(self.size).min(buf.len());
            for (n, byte) in buf[..some].iter_mut().enumerate() {
                *byte = (self.left - n) as u8;
            }
            self.left -= some;
            Ok(some)
        }
    }

    fn read(length: usize, fails: bool) -> (Vec<u8>, io::Result<usize>) {
        std::thread::scope(|scope| {
            let mut ahead = Ahead::new(scope, move || Ok(Odd { left: length, size: 1, fails }));
            let mut all = Vec::new();
            let done = ahead.read_to_end(&mut all);
            (all, done)
        })
    }

    #[test]
    fn gives_what_it_reads_and_then_how_it_ended() {
        for length in [0, 1, BUFFER - 1, BUFFER, 9 * BUFFER + 5] {
            let meant: Vec<u8> = (0..length).map(|n| (length - n) as u8).collect();
            let (all, done) = read(length, false);
            assert!(all == meant && done.unwrap() == length, "{length}");
            let (all, done) = read(length, true);
            assert!(all == meant, "{length}");
            assert_eq!(done.unwrap_err().to_string(), "gone");
        }
    }

    #[test]
    fn what_cannot_be_opened_is_said_and_a_reader_may_stop_early() {
        std::thread::scope(|scope| {
            let mut shut = Ahead::new(scope, || Err::<Odd, _>(io::Error::other("shut")));
            assert_eq!(shut.read(&mut [0; 9]).unwrap_err().to_string(), "shut");
            let mut long = Ahead::new(scope, || Ok(Odd { left: 1 << 30, size: 1, fails: false }));
            assert!(long.read(&mut [0; 9]).unwrap() > 0);
            // Ends here, or the scope would never: nobody takes the other bytes.
        });
    }
}
