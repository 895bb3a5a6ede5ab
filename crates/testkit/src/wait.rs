use std::time::{Duration, Instant};

/// How long anything may take that another thread or process does soon. Only what never comes takes so long, and
/// a machine may have much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Gives what `seen` sees, which another thread or process does soon. Three minutes without it fail the test: a
/// wait without an end would stop all the others.
#[track_caller]
pub fn wait_for<T>(what: &str, seen: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, seen).unwrap_or_else(|| panic!("three minutes without {what}"))
}

/// The same within this time; none after it.
pub(crate) fn within<T>(patience: Duration, mut seen: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        // The last look begins after the end: who was held up himself has missed nothing.
        let is_over = Instant::now() > end;
        if let Some(there) = seen() {
            return Some(there);
        }
        if is_over {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_comes_and_ends_without() {
        let mut times = 0;
        let third = || {
            times += 1;
            (times == 3).then_some(times)
        };
        assert_eq!(wait_for("the third", third), 3);
        assert_eq!(within(Duration::ZERO, || None::<()>), None);
        // What comes while whoever waits is held up beyond the end is seen all the same.
        let mut late = false;
        let held_up = || {
            let seen = late.then_some(());
            std::thread::sleep(Duration::from_millis(5));
            late = true;
            seen
        };
        assert_eq!(within(Duration::from_millis(1), held_up), Some(()));
    }
}
