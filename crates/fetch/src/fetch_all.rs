use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use diag::{Diagnostic, Reporter};

use crate::{Client, Fault, FetchError, Job, Redacted, Sink, Tried};

impl Client {
    /// Brings many files, at most `parallel` at once, the largest first so that none is left to run
    /// alone at the end.
    ///
    /// `open` makes the sink of a job, by its place in `jobs`, when its turn has come; what a sink does
    /// in [`Sink::finish`] (decode a package, say) runs while others download. The answers are in the
    /// order of `jobs`. One failure does not stop the rest, so that all that is missing is named; after
    /// Ctrl-C nothing more is begun.
    pub fn fetch_all<S: Sink + Send>(
        &self,
        jobs: &[Job],
        parallel: usize,
        reporter: &dyn Reporter,
        open: impl Fn(usize) -> Result<S, Diagnostic> + Sync,
    ) -> Vec<Result<S, FetchError>> {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(jobs[*i].size.most()));
        let next = AtomicUsize::new(0);
        let done: Vec<Mutex<Option<Result<S, FetchError>>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
        let work = || {
            while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = self.one(&jobs[i], reporter, || open(i));
                *done[i].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(outcome);
            }
        };
        std::thread::scope(|scope| {
            // This thread works too.
            for _ in 1..parallel.clamp(1, jobs.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let take = |(job, slot): (&Job, Mutex<Option<_>>)| {
            let slot = slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            slot.unwrap_or_else(|| Err(failure(job, Fault::Cancelled)))
        };
        jobs.iter().zip(done).map(take).collect()
    }

    fn one<S: Sink>(
        &self,
        job: &Job,
        reporter: &dyn Reporter,
        open: impl FnOnce() -> Result<S, Diagnostic>,
    ) -> Result<S, FetchError> {
        if reporter.cancelled() {
            return Err(failure(job, Fault::Cancelled));
        }
        let mut sink = open().map_err(|why| failure(job, Fault::Rejected(why)))?;
        self.fetch(job, &mut sink, reporter)?;
        Ok(sink)
    }
}

/// The failure of a job that was never tried at an address.
fn failure(job: &Job, fault: Fault) -> FetchError {
    let url = job.urls.first().map(Redacted::of);
    let tried = url.map(|url| Tried { url, times: 0, fault }).into_iter().collect();
    FetchError { name: job.name.clone(), tried }
}
