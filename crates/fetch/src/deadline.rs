use std::time::{Duration, Instant};

/// A moment to come, on the machine's steady clock. For rooms above that keep something that gets old,
/// as a token, and may not look at a clock themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// So far from now; a hundred years at most, which no clock fails to count.
    pub fn after(time: Duration) -> Deadline {
        Deadline(Instant::now() + time.min(Duration::from_secs(100 * 365 * 86_400)))
    }

    /// Whether it has come.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.0
    }
}
