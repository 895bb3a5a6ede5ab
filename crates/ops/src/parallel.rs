//! Work done beside each other: what waits for the network, and what keeps processors busy.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use diag::{Diagnostic, Kind};

/// Runs `f` for each on threads of their own (network waits), and gives the first error in order.
pub(crate) fn each<T: Sync, U: Send>(
    items: &[T],
    f: impl Fn(&T) -> Result<U, Diagnostic> + Sync,
) -> Result<Vec<U>, Diagnostic> {
    let results: Vec<Result<U, Diagnostic>> = std::thread::scope(|scope| {
        let running: Vec<_> = items.iter().map(|item| scope.spawn(|| f(item))).collect();
        let join = |r: std::thread::ScopedJoinHandle<'_, Result<U, Diagnostic>>| {
            r.join().unwrap_or_else(|_| Err(Diagnostic::new(Kind::Internal, "a thread panicked")))
        };
        running.into_iter().map(join).collect()
    });
    results.into_iter().collect()
}

/// Runs `f` for each on so many threads, and gives the answers in order, or the first error in order of
/// those that came; after an error nothing more is begun.
pub(crate) fn spread<T: Sync, U: Send>(
    items: &[T],
    threads: usize,
    f: impl Fn(&T) -> Result<U, Diagnostic> + Sync,
) -> Result<Vec<U>, Diagnostic> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<U, Diagnostic>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(slot)) = (items.get(i), done.get(i)) else { return };
            let outcome = f(item);
            if outcome.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    // Where one was not begun, another failed: the error is among those that came.
    done.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_their_order_and_an_error_ends_it() {
        let numbers: Vec<usize> = (0..100).collect();
        let double = |n: &usize| Ok(n * 2);
        assert_eq!(spread(&numbers, 3, double).unwrap(), numbers.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(spread(&[], 3, double).unwrap().is_empty());
        let five = |n: &usize| if *n == 5 { Err(Diagnostic::new(Kind::Input, "five")) } else { Ok(*n) };
        assert_eq!(spread(&numbers, 2, five).unwrap_err().to_string(), "five");
        // Whatever the scheduler does: a thread that met an error begins nothing more.
        let begun = AtomicUsize::new(0);
        let fail = |_: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(Diagnostic::new(Kind::Input, "every one"))
        };
        assert_eq!(spread(&numbers, 3, fail).unwrap_err().to_string(), "every one");
        assert!((1..=3).contains(&begun.into_inner()), "the rest was begun");
    }
}
