use crate::Time;

/// The two dates of a signed index (Debian `Release`: `Date` and `Valid-Until`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// When the archive made it.
    pub date: Time,
    /// Until when the archive stands by it, if it says so.
    pub valid_until: Option<Time>,
}

/// What is asked of the dates of an index, by promise P3. Plain values in, a named refusal out; which
/// file they stand in is no matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The clock.
    pub now: Time,
    /// By how many seconds the archive's clock may be ahead of ours; apt allows 10.
    pub skew: i64,
    /// The oldest that is accepted, in seconds, where the user sets a limit (`max-age`).
    pub max_age: Option<i64>,
    /// The newest date that was seen of this origin and suite, by the lock or this machine.
    pub not_before: Option<Time>,
    /// Whether `Valid-Until` counts; a pinned snapshot has outlived its own by nature.
    pub expiry_counts: bool,
}

/// Why an index is not fresh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreshnessError {
    /// `Valid-Until` is over.
    #[error("cannot use {what}: it was valid until {until}, and it is {now} now")]
    Expired {
        /// The index, as people know it.
        what: String,
        /// Its end.
        until: Time,
        /// The clock.
        now: Time,
    },
    /// It is dated in the future.
    #[error("cannot use {what}: it is dated {date}, which is in the future (it is {now} now)")]
    Future {
        /// The index, as people know it.
        what: String,
        /// Its date.
        date: Time,
        /// The clock.
        now: Time,
    },
    /// It is older than the user accepts.
    #[error("cannot use {what}: it is dated {date}, more than {} before now ({now})", span(*max_age))]
    TooOld {
        /// The index, as people know it.
        what: String,
        /// Its date.
        date: Time,
        /// The limit in seconds.
        max_age: i64,
        /// The clock.
        now: Time,
    },
    /// A newer one has been seen: the mirror went back, or somebody replays an old state.
    #[error("cannot use {what}: it is dated {date}, but one of {seen} has been seen before")]
    Rollback {
        /// The index, as people know it.
        what: String,
        /// Its date.
        date: Time,
        /// The newest date that was seen.
        seen: Time,
    },
}

impl diag::Explain for FreshnessError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Trust
    }
    fn hint(&self) -> Option<String> {
        Some(match self {
            FreshnessError::Expired { .. } => {
                "use a mirror that is kept up to date, or pin `snapshot:` to build from the archive's past"
                    .into()
            }
            FreshnessError::Future { .. } => "check this machine's clock".into(),
            FreshnessError::TooOld { .. } => {
                "use a mirror that is kept up to date, or raise `max-age`".into()
            }
            FreshnessError::Rollback { .. } => {
                "another mirror may be newer; `--allow-rollback` accepts the older state".into()
            }
        })
    }
}

impl Freshness {
    /// The rules for what is current.
    pub fn at(now: Time) -> Freshness {
        Freshness { now, skew: 10, max_age: None, not_before: None, expiry_counts: true }
    }

    /// The rules for a pinned moment of the archive's past: only a date in the future is refused.
    pub fn of_the_past(now: Time) -> Freshness {
        Freshness { expiry_counts: false, ..Freshness::at(now) }
    }

    /// The same with an oldest age in seconds.
    pub fn max_age(self, seconds: Option<i64>) -> Freshness {
        Freshness { max_age: seconds, ..self }
    }

    /// The same, and nothing older than `seen` is accepted.
    pub fn not_before(self, seen: Option<Time>) -> Freshness {
        Freshness { not_before: seen, ..self }
    }

    /// Checks the dates of `what`. The first rule that is broken is named: future, rollback, expiry,
    /// age.
    pub fn check(&self, what: &str, dates: Dates) -> Result<(), FreshnessError> {
        let what = || what.to_owned();
        let Freshness { now, .. } = *self;
        let date = dates.date;
        if date > now.plus(self.skew) {
            return Err(FreshnessError::Future { what: what(), date, now });
        }
        if let Some(seen) = self.not_before.filter(|seen| date < *seen) {
            return Err(FreshnessError::Rollback { what: what(), date, seen });
        }
        let until = dates.valid_until.filter(|_| self.expiry_counts);
        if let Some(until) = until.filter(|until| *until < now) {
            return Err(FreshnessError::Expired { what: what(), until, now });
        }
        if let Some(max_age) = self.max_age.filter(|age| date.plus(*age) < now) {
            return Err(FreshnessError::TooOld { what: what(), date, max_age, now });
        }
        Ok(())
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const NOW: Time = Time(1_795_000_000);

    fn dates(age: i64, valid_for: Option<i64>) -> Dates {
        Dates { date: NOW.plus(-age), valid_until: valid_for.map(|v| NOW.plus(v - age)) }
    }

    fn refusal(rules: Freshness, dates: Dates) -> String {
        rules.check("x InRelease", dates).unwrap_err().to_string()
    }

    #[test]
    fn accepts_what_is_fresh() {
        let rules = Freshness::at(NOW).max_age(Some(2 * DAY)).not_before(Some(NOW.plus(-DAY)));
        assert_eq!(rules.check("x", dates(DAY, Some(7 * DAY))), Ok(()));
        assert_eq!(rules.check("x", dates(-10, None)), Ok(()));
        assert_eq!(Freshness::of_the_past(NOW).check("x", dates(4000 * DAY, Some(7 * DAY))), Ok(()));
    }

    #[test]
    fn names_each_refusal_with_its_dates() {
        let rules = Freshness::at(NOW);
        assert!(matches!(
            rules.check("x", dates(8 * DAY, Some(7 * DAY))),
            Err(FreshnessError::Expired { .. })
        ));
        assert!(matches!(rules.check("x", dates(-11, None)), Err(FreshnessError::Future { .. })));
        assert!(refusal(rules, dates(8 * DAY, Some(7 * DAY))).contains("valid until 2026-11-17T"));
        let text = refusal(rules.max_age(Some(3 * DAY)), dates(3 * DAY + 1, None));
        assert!(text.contains("more than 3 d before now"), "{text}");
        let text = refusal(rules.not_before(Some(NOW)), dates(1, None));
        assert!(text.contains("has been seen before"), "{text}");
        // The past may be old, never newer than now or older than what the lock remembers.
        let past = Freshness::of_the_past(NOW);
        assert!(matches!(past.check("x", dates(-11, None)), Err(FreshnessError::Future { .. })));
    }
}
