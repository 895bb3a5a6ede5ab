use std::io::Read;
use std::time::Duration;

use diag::{Reporter, Task, Unit};
use url::Url;

use crate::client::fault_of_body;
use crate::{Client, Fault, FetchError, Job, Redacted, Request, Response, Sink, Tried, retry};

/// A file that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its size in bytes.
    pub size: u64,
    /// How many of them came over the line in this run.
    pub transferred: u64,
    /// The job's address that gave it.
    pub from: Redacted,
}

/// An attempt that brings this much is no failed one, however it ends: a slow line that breaks every
/// few megabytes still gets there, and a server that sends a byte per connection does not hold us.
const PROGRESS: u64 = 64 * 1024;

impl Client {
    /// Brings a file into `sink`.
    ///
    /// Goes through the job's addresses, best first; after a round of failures waits and begins
    /// anew, [`Options::attempts`](crate::Options::attempts) times. A connection that broke is
    /// continued where it broke. The error lists every address with its fault.
    pub fn fetch(
        &self,
        job: &Job,
        sink: &mut dyn Sink,
        reporter: &dyn Reporter,
    ) -> Result<Fetched, FetchError> {
        let task = reporter.task(&job.name, job.size.exact(), Unit::Bytes);
        task.advance(sink.kept());
        let mut run = Run { client: self, job, sink, reporter, task, transferred: 0, tried: Vec::new() };
        let outcome = run.rounds();
        let tried = std::mem::take(&mut run.tried);
        outcome.ok_or_else(|| FetchError { name: job.name.clone(), tried })
    }

    /// Brings a small file into memory.
    pub fn fetch_bytes(&self, job: &Job, reporter: &dyn Reporter) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        self.fetch(job, &mut bytes, reporter)?;
        Ok(bytes)
    }
}

struct Run<'a> {
    client: &'a Client,
    job: &'a Job,
    sink: &'a mut dyn Sink,
    reporter: &'a dyn Reporter,
    task: Task<'a>,
    transferred: u64,
    tried: Vec<Tried>,
}

impl Run<'_> {
    fn rounds(&mut self) -> Option<Fetched> {
        let mut alive: Vec<&Url> = self.job.urls.iter().collect();
        for round in 0..self.client.options.attempts.max(1) {
            let mut asked: Option<Duration> = None;
            let mut again = Vec::new();
            for url in alive {
                let fault = match self.address(url) {
                    Ok(fetched) => return Some(fetched),
                    Err(fault) => fault,
                };
                if let Fault::Server { retry_after: Some(wait), .. } = &fault {
                    asked = Some(asked.map_or(*wait, |a| a.min(*wait)));
                }
                let ends = fault.ends_job();
                if fault.is_transient() {
                    again.push(url);
                }
                self.note(url, fault);
                if ends {
                    return None;
                }
            }
            alive = again;
            let last = round + 1 >= self.client.options.attempts;
            if alive.is_empty() || last || !self.pause(round, asked) {
                return None;
            }
        }
        None
    }

    fn pause(&mut self, round: u32, asked: Option<Duration>) -> bool {
        let wait = retry::wait(&self.client.options, round, asked);
        match retry::sleep(wait, self.reporter) {
            Ok(()) => true,
            Err(fault) => {
                if let Some(last) = self.tried.last_mut() {
                    last.fault = fault;
                }
                false
            }
        }
    }

    fn note(&mut self, url: &Url, fault: Fault) {
        let url = Redacted::of(url);
        // What failed last stands last.
        let before = self.tried.iter().position(|t| t.url == url).map(|i| self.tried.remove(i));
        let times = before.map_or(0, |t| t.times) + 1;
        self.tried.push(Tried { url, times, fault });
    }

    /// One address, as long as it helps.
    fn address(&mut self, url: &Url) -> Result<Fetched, Fault> {
        let mut validator = None;
        let mut fresh_start = false;
        loop {
            let before = self.sink.kept();
            let transferred = self.transferred;
            let fault = match self.attempt(url, &mut validator) {
                Ok(()) => return Ok(self.fetched(url)),
                Err(fault) => fault,
            };
            let progress = self.transferred - transferred >= PROGRESS;
            let resumable =
                matches!(fault, Fault::Dropped { .. } | Fault::Stalled { .. } | Fault::Slow { .. });
            if resumable && progress && self.sink.kept() > before {
                continue;
            }
            // What was kept may itself be what is wrong: once more, from the first byte.
            if before > 0 && !fresh_start && blames_what_was_kept(&fault) {
                fresh_start = true;
                self.restart()?;
                continue;
            }
            return Err(fault);
        }
    }

    fn fetched(&self, url: &Url) -> Fetched {
        Fetched { size: self.sink.kept(), transferred: self.transferred, from: Redacted::of(url) }
    }

    fn attempt(&mut self, url: &Url, validator: &mut Option<String>) -> Result<(), Fault> {
        self.reporter.check().map_err(|_| Fault::Cancelled)?;
        let mut kept = self.sink.kept();
        if self.job.size.exact() == Some(kept) {
            return self.finish();
        }
        // Without a digest to come, only a server that knows its file by name may continue it.
        if kept > 0
            && (kept > self.job.size.most() || (self.job.size.exact().is_none() && validator.is_none()))
        {
            self.restart()?;
            kept = 0;
        }
        let mut response = self.client.send(request(url, kept, validator.as_deref()))?;
        match response.status {
            200 => {
                if kept > 0 {
                    self.restart()?;
                }
            }
            206 if continues_at(&response, kept) => {}
            206 | 416 => {
                return Err(Fault::Protocol { cause: format!("it does not continue at byte {kept}") });
            }
            _ => return Err(fault_of_status(&mut response)),
        }
        *validator = validator_of(&response);
        self.body(url, &mut response)?;
        self.finish()
    }

    fn body(&mut self, url: &Url, response: &mut Response) -> Result<(), Fault> {
        let most = self.job.size.most();
        let mut got = self.sink.kept();
        let declared = response.length().map(|n| got.saturating_add(n));
        if declared.is_some_and(|d| d > most) {
            return Err(Fault::TooLarge { most });
        }
        let expected = self.job.size.exact().or(declared);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.reporter.check().map_err(|_| Fault::Cancelled)?;
            let read = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    let idle = self.client.options.idle_timeout;
                    return Err(fault_of_body(e, url, idle, got, expected));
                }
            };
            got += read as u64;
            if got > most {
                self.restart()?;
                return Err(Fault::TooLarge { most });
            }
            self.sink.write(&buffer[..read]).map_err(keep)?;
            self.transferred += read as u64;
            self.task.advance(read as u64);
        }
        match self.job.size.exact() {
            Some(expected) if got < expected && declared == Some(got) => {
                Err(Fault::TooShort { got, expected })
            }
            // No length was declared, so the end of the connection looked like the end of the file.
            Some(expected) if got < expected => {
                Err(Fault::Dropped { got, expected: Some(expected), cause: "it was closed".into() })
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        self.sink.finish().map_err(|why| match self.sink.restart() {
            Ok(()) => Fault::Rejected(why),
            Err(e) => keep(e),
        })
    }

    fn restart(&mut self) -> Result<(), Fault> {
        self.sink.restart().map_err(keep)
    }
}

fn keep(error: std::io::Error) -> Fault {
    Fault::Keep { cause: error.to_string() }
}

fn blames_what_was_kept(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Rejected(_) | Fault::Protocol { .. } | Fault::TooLarge { .. } | Fault::TooShort { .. }
    )
}

fn request(url: &Url, kept: u64, validator: Option<&str>) -> Request {
    let request = Request::get(url.clone());
    if kept == 0 {
        return request;
    }
    let request = request.header("Range", format!("bytes={kept}-"));
    match validator {
        Some(validator) => request.header("If-Range", validator),
        None => request,
    }
}

/// What names this version of the file (RFC 9110 section 13.1.5): a strong ETag, else its date.
fn validator_of(response: &Response) -> Option<String> {
    let strong = response.header("etag").filter(|tag| tag.starts_with('"'));
    strong.or_else(|| response.header("last-modified")).map(str::to_owned)
}

/// Whether the part begins where ours ends (`Content-Range: bytes 10-99/100`).
fn continues_at(response: &Response, kept: u64) -> bool {
    let range = response.header("content-range").and_then(|r| r.trim().strip_prefix("bytes "));
    range.and_then(|r| r.split_once('-')).and_then(|(first, _)| first.trim().parse().ok()) == Some(kept)
}

fn fault_of_status(response: &mut Response) -> Fault {
    let status = response.status;
    let retry_after = response.retry_after();
    response.drain();
    match status {
        404 | 410 => Fault::NotFound { status: status.to_string() },
        401 | 403 | 407 => Fault::Forbidden { status },
        408 | 425 | 429 | 500..=599 => Fault::Server { status, retry_after },
        _ => Fault::Status { status },
    }
}
