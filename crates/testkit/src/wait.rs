use std::time::{Duration, Instant};

/// Gives what `seen` sees, which another thread or process does soon. A minute without it fails the test: a
/// wait without an end would stop all the others.
#[track_caller]
pub fn wait_for<T>(what: &str, seen: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(60), seen).unwrap_or_else(|| panic!("a minute without {what}"))
}

/// The same within this time; none after it.
pub(crate) fn within<T>(patience: Duration, mut seen: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(there) = seen() {
            return Some(there);
        }
        if Instant::now() > end {
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
    }
}
