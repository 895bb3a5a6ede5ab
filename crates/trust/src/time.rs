use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, in seconds since 1970-01-01 00:00:00 UTC. Nobody here asks the clock: `now` is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The moment `seconds` later; stops at the ends of what can be written.
    pub fn plus(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds))
    }
}

impl From<i64> for Time {
    fn from(seconds: i64) -> Time {
        Time(seconds)
    }
}

/// RFC 3339, as in `2026-11-21T09:17:36Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{} s since 1970", self.0),
        }
    }
}
