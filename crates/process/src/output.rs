use std::io::Read;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a program writes into one of its pipes, as far as it was asked for.
pub(crate) struct Output {
    state: Arc<Mutex<State>>,
    ended: Receiver<()>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Output {
    /// Reads on a thread of its own, at most `limit` bytes; what comes after is read and dropped, so
    /// that the program never waits for a full pipe.
    pub(crate) fn gather(mut pipe: impl Read + Send + 'static, limit: usize) -> Output {
        let state = Arc::new(Mutex::new(State::default()));
        let (tell, ended) = mpsc::channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = pipe.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let room = limit - state.bytes.len();
                state.bytes.extend_from_slice(&buffer[..n.min(room)]);
                state.too_long |= n > room;
            }
            let _ = tell.send(());
        });
        Output { state, ended }
    }

    /// Whether more came than was asked for.
    pub(crate) fn is_too_long(&self) -> bool {
        self.locked().too_long
    }

    fn length(&self) -> usize {
        self.locked().bytes.len()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came, once the pipe is closed. An agent that the program left behind may hold the pipe
    /// open for days, so after the program's own end nothing more may come for `patience` only.
    pub(crate) fn finish(self, patience: Duration) -> Vec<u8> {
        let mut before = self.length();
        while self.ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) && self.length() > before {
            before = self.length();
        }
        std::mem::take(&mut self.locked().bytes)
    }
}
