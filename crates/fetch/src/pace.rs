use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::options::Floor;

/// Gives up connections that bring next to nothing: each byte of a server that gives one a second would
/// begin the [`idle_timeout`](crate::Options::idle_timeout) anew, and a download would never end.
///
/// It stands right above the socket. Above TLS it would see nothing of a record that comes byte by byte.
#[derive(Debug)]
pub(crate) struct Pace {
    floor: Floor,
    idle: Duration,
}

impl Pace {
    pub(crate) fn new(floor: Floor, idle: Duration) -> Pace {
        Pace { floor, idle }
    }
}

impl<In: Transport> Connector<In> for Pace {
    type Out = PacedTransport<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let (floor, idle) = (self.floor, self.idle);
        let over = |below| PacedTransport { below, floor, idle, window: None, clock: Arc::new(Instant::now) };
        Ok(chained.map(over))
    }
}

/// What came on a connection was too little for too long.
#[derive(Debug, thiserror::Error)]
#[error("it gave only {got} bytes in {} s", waited.as_secs_f64())]
pub(crate) struct TooSlow {
    pub(crate) got: u64,
    pub(crate) waited: Duration,
}

pub(crate) struct PacedTransport<In> {
    below: In,
    floor: Floor,
    idle: Duration,
    /// None before the first bytes of an answer: how long a server may think is another question, which the
    /// time of a single read answers.
    window: Option<Window>,
    clock: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl<In> fmt::Debug for PacedTransport<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacedTransport").field("window", &self.window).finish_non_exhaustive()
    }
}

/// What came in the time that was spent waiting for it. A reader who has no time to read costs nothing: what
/// came meanwhile lies ready when it asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Window {
    waited: Duration,
    got: u64,
}

impl Window {
    /// Counts a read. A window that was full before it is over, and another begins.
    fn note(&mut self, floor: Floor, waited: Duration, got: u64) {
        if self.waited >= floor.time {
            *self = Window::default();
        }
        self.waited += waited;
        self.got += got;
    }

    /// Asked before the next read, such that nothing is lost of what came.
    fn verdict(&self, floor: Floor) -> Result<(), TooSlow> {
        if self.waited < floor.time || self.got >= floor.bytes {
            return Ok(());
        }
        Err(TooSlow { got: self.got, waited: self.waited })
    }
}

impl<In: Transport> PacedTransport<In> {
    /// A request that gives its server more patience for one silence has a window of two of them.
    fn floor_of(&self, timeout: NextTimeout) -> Floor {
        match timeout.per_read.map(|time| *time) {
            Some(patience) if patience > self.idle => Floor { time: patience * 2, ..self.floor },
            _ => self.floor,
        }
    }
}

impl<In: Transport> Transport for PacedTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.below.buffers()
    }

    /// No floor here: a peer that takes next to nothing lets its window fill up, opens it again by whole
    /// segments (RFC 9293 section 3.8.6.2.2), and so is silent for longer than the time of a single write.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.window = None;
        self.below.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let floor = self.floor_of(timeout);
        let Some(mut window) = self.window else {
            let came = self.below.await_input(timeout)?;
            self.window = Some(Window::default());
            return Ok(came);
        };
        // Before the first read there is nothing to judge.
        if window != Window::default() {
            window.verdict(floor).map_err(|slow| Error::Other(Box::new(slow)))?;
        }
        let before = self.below.buffers().input().len();
        let begun = (self.clock)();
        let came = self.below.await_input(timeout)?;
        let got = self.below.buffers().input().len().saturating_sub(before);
        window.note(floor, (self.clock)().saturating_duration_since(begun), got as u64);
        self.window = Some(window);
        Ok(came)
    }

    fn is_open(&mut self) -> bool {
        self.below.is_open()
    }

    fn is_tls(&self) -> bool {
        self.below.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ureq::unversioned::transport::LazyBuffers;

    use super::*;

    const FLOOR: Floor = Floor { bytes: 1024, time: Duration::from_secs(60) };

    /// How many reads of so many bytes, each after so many seconds, are made before it is given up.
    fn lasts(seconds: u64, bytes: u64) -> Option<(u32, TooSlow)> {
        let mut window = Window::default();
        (1..10_000).find_map(|n| {
            window.note(FLOOR, Duration::from_secs(seconds), bytes);
            window.verdict(FLOOR).err().map(|slow| (n, slow))
        })
    }

    #[test]
    fn what_drips_is_given_up() {
        let (reads, slow) = lasts(1, 1).unwrap();
        assert_eq!((reads, slow.got, slow.waited.as_secs()), (60, 60, 60));
        assert_eq!(slow.to_string(), "it gave only 60 bytes in 60 s");
        // A read may be longer than what was left of the window.
        let (reads, slow) = lasts(25, 300).unwrap();
        assert_eq!((reads, slow.got, slow.waited.as_secs()), (3, 900, 75));
    }

    #[test]
    fn what_is_slow_and_honest_is_not() {
        // A kilobyte a second, and what one of eight has of it; a packet of a satellite now and then.
        for (seconds, bytes) in [(1, 1024), (1, 128), (29, 1400), (0, 1), (0, 0)] {
            assert!(lasts(seconds, bytes).is_none(), "{bytes} bytes in {seconds} s");
        }
    }

    #[test]
    fn what_came_before_counts_for_its_own_window() {
        let mut window = Window::default();
        window.note(FLOOR, Duration::from_secs(60), 1 << 30);
        assert!(window.verdict(FLOOR).is_ok());
        window.note(FLOOR, Duration::from_secs(60), 1);
        assert_eq!(window.verdict(FLOOR).unwrap_err().got, 1);
    }

    /// A connection whose reads take as long, and bring as much, as it is told.
    #[derive(Debug)]
    struct Told {
        buffers: LazyBuffers,
        /// What the next read takes and brings.
        next: (Duration, usize),
        passed: Arc<Mutex<Duration>>,
    }

    impl Transport for Told {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }
        fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
            Ok(())
        }
        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            let (time, bytes) = self.next;
            *self.passed.lock().unwrap() += time;
            self.buffers.input_append_buf();
            self.buffers.input_appended(bytes);
            Ok(true)
        }
        fn is_open(&mut self) -> bool {
            true
        }
    }

    /// A connection on a clock that only its reads, and the test, let go on.
    struct Line {
        passed: Arc<Mutex<Duration>>,
        paced: PacedTransport<Told>,
        patience: Duration,
    }

    impl Line {
        fn new() -> Line {
            let passed: Arc<Mutex<Duration>> = Arc::default();
            let (begun, time) = (Instant::now(), Arc::clone(&passed));
            let below = Told {
                buffers: LazyBuffers::new(1 << 10, 1),
                next: Default::default(),
                passed: Arc::clone(&passed),
            };
            let clock = Arc::new(move || begun + *time.lock().unwrap());
            let idle = Duration::from_secs(30);
            let paced = PacedTransport { below, floor: FLOOR, idle, window: None, clock };
            Line { passed, paced, patience: idle }
        }

        /// Asks for something, and reads one byte after `think` seconds.
        fn ask(&mut self, think: u64) {
            self.paced.transmit_output(0, NextTimeout::default()).unwrap();
            self.read(think, 1).unwrap();
        }

        fn read(&mut self, seconds: u64, bytes: usize) -> Result<bool, Error> {
            self.paced.below.next = (Duration::from_secs(seconds), bytes);
            let per_read = Some(self.patience.into());
            let came = self.paced.await_input(NextTimeout { per_read, ..NextTimeout::default() });
            let all = self.paced.buffers().input().len();
            self.paced.buffers().input_consume(all);
            came
        }
    }

    #[test]
    fn only_time_counts_in_which_bytes_are_waited_for() {
        let mut line = Line::new();
        line.ask(29);
        for _ in 0..100 {
            // Of a slow reader nobody is blamed.
            *line.passed.lock().unwrap() += Duration::from_secs(600);
            line.read(0, 1).unwrap();
        }
        line.read(29, 1).unwrap();
        line.read(29, 1).unwrap();
        line.read(29, 1).unwrap();
        assert!(line.read(29, 1).is_err());
        // Another request on the same connection has its own time.
        line.ask(29);
        line.read(29, 1).unwrap();
        line.read(29, 1).unwrap();
    }

    #[test]
    fn who_is_given_patience_may_be_silent_for_as_long() {
        let mut line = Line::new();
        line.patience = Duration::from_secs(300);
        // As TLS does, whose server says something of its own before it thinks.
        line.ask(0);
        line.read(299, 1).unwrap();
        line.read(299, 1).unwrap();
        line.read(2, 1).unwrap();
        assert!(line.read(1, 1).is_err());
    }
}
