//! Work that waits for the network, done beside each other.

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
