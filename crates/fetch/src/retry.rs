use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diag::Reporter;

use crate::{Fault, Options};

/// How long to wait after round `round` (from 0): twice as long each time, between half and the whole
/// of it by chance, so that many clients do not come back at once; at least what a server asked for.
pub(crate) fn wait(options: &Options, round: u32, asked: Option<Duration>) -> Duration {
    let whole = options.backoff.saturating_mul(1 << round.min(16));
    // Every RandomState has fresh random keys, which is all the chance that jitter needs.
    let chance = RandomState::new().hash_one(round) % 1024;
    let part = u32::try_from(chance).unwrap_or(0);
    let jittered = whole / 2 + whole / 2 * part / 1024;
    jittered.max(asked.unwrap_or_default()).min(options.longest_wait)
}

/// Sleeps in small steps, so that Ctrl-C is heard.
pub(crate) fn sleep(duration: Duration, reporter: &dyn Reporter) -> Result<(), Fault> {
    const STEP: Duration = Duration::from_millis(50);
    let mut left = duration;
    while !left.is_zero() {
        reporter.check().map_err(|_| Fault::Cancelled)?;
        let now = left.min(STEP);
        std::thread::sleep(now);
        left -= now;
    }
    reporter.check().map_err(|_| Fault::Cancelled)
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
pub fn parse_retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let then = Duration::from_secs(http_date(value)?);
    Some(then.saturating_sub(now))
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that is not obsolete.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, clock, "GMT"] = words[..] else { return None };
    let number = |t: &str| t.parse::<i64>().ok().filter(|n| (0..10_000).contains(n));
    let (day, year) = (number(day)?, number(year)?);
    let month = i64::try_from(MONTHS.iter().position(|m| *m == month)?).ok()? + 1;
    let [h, m, s] = clock.split(':').map(number).collect::<Option<Vec<_>>>()?[..] else { return None };
    // Days from civil, by Howard Hinnant: years begin in March, so the leap day is the last.
    let (y, m0) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * m0 + 2) / 5 + day - 1;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719_468;
    u64::try_from(days * 86_400 + h * 3600 + m * 60 + s).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_seconds() {
        assert_eq!(parse_retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for bad in ["", "soon", "Sun, 06 Foo 1994 08:49:37 GMT", "1 2 3 4 5 GMT", "-1"] {
            assert_eq!(parse_retry_after(bad), None, "{bad}");
        }
    }

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let options = Options { backoff: Duration::from_secs(1), ..Options::default() };
        for round in 0..40 {
            let wait = wait(&options, round, None);
            let whole = Duration::from_secs(1 << round.min(6)).min(options.longest_wait);
            assert!(wait >= whole / 2 && wait <= options.longest_wait, "{round}: {wait:?}");
        }
        assert_eq!(wait(&options, 0, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(wait(&options, 0, Some(Duration::from_secs(7000))), options.longest_wait);
    }
}
