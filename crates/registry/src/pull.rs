use std::io::{self, Read};

use fetch::{Fault, Method, Response};
use image::{Carried, TransportError};
use oci::{Descriptor, Hasher};

use crate::Repository;
use crate::endpoint::{Answer, Call, Endpoint};
use crate::error::{Asked, Cause, Error};

/// What brings this much is no failed attempt, however it ends.
const PROGRESS: u64 = 64 << 10;

impl Repository {
    /// A blob from byte `from` on. The reader goes on where a connection broke, and asks the place itself
    /// where a mirror fails in the middle.
    pub(crate) fn open_blob(&self, of: &Descriptor, from: u64) -> Result<BlobReader<'_>, TransportError> {
        let mut reader = BlobReader {
            repository: self,
            part: of.clone(),
            at: from,
            reader: self.trusted(0),
            round: 0,
            before: from,
            open: None,
            asked: None,
            hash: None,
        };
        if reader.endpoint().1 && from == 0 {
            reader.hash = Some(Hasher::new(of.digest.algorithm()));
        }
        if from < of.size {
            reader.open_again()?;
        }
        Ok(reader)
    }
}

/// The bytes of a blob; exactly as many as its descriptor says, or an error.
pub(crate) struct BlobReader<'a> {
    repository: &'a Repository,
    part: Descriptor,
    at: u64,
    /// Which of the places it is read from.
    reader: usize,
    round: u32,
    /// Where the last attempt began.
    before: u64,
    open: Option<Answer>,
    /// What was asked last.
    asked: Option<Asked>,
    /// Of what a mirror gave, all of it: whoever takes the bytes checks them too, but cannot know that
    /// the place itself may have better ones.
    hash: Option<Hasher>,
}

impl<'a> BlobReader<'a> {
    fn doing(&self) -> String {
        format!("read {} of", self.part.digest)
    }

    fn asked(&self, endpoint: &Endpoint) -> Asked {
        let path = || format!("blobs/{}", self.part.digest);
        self.asked.clone().unwrap_or_else(|| endpoint.asked_before(self.doing(), Method::Get, &path()))
    }

    /// Where it is read from now, and whether that is a mirror.
    fn endpoint(&self) -> (&'a Endpoint, bool) {
        let mut readers = self.repository.readers().skip(self.reader);
        match (readers.next(), readers.next()) {
            (Some(mirror), Some(_)) => (mirror, true),
            (last, _) => (last.unwrap_or(self.repository.home()), false),
        }
    }

    /// Opens it where it is to go on; passes over mirrors that do not have it.
    fn open_again(&mut self) -> Result<(), Error> {
        loop {
            let doing = self.doing();
            let (endpoint, is_mirror) = self.endpoint();
            match endpoint.open(&self.part, self.at, &doing) {
                Ok(answer) => {
                    self.asked = Some(answer.asked.clone());
                    self.open = Some(answer);
                    return Ok(());
                }
                Err(error) if is_mirror => {
                    let note = diag::Note::Detail(format!("{error}; asking elsewhere"));
                    endpoint.host.options.reporter.note(note);
                    self.leave_mirror();
                }
                Err(error) => endpoint.host.again(&mut self.round, error)?,
            }
        }
    }

    fn leave_mirror(&mut self) {
        self.reader = self.repository.trusted(self.reader + 1);
        self.hash = None;
    }

    /// After a break: whether it is worth another attempt, and the attempt.
    fn go_on(&mut self, fault: Fault) -> Result<(), Error> {
        self.open = None;
        let (endpoint, is_mirror) = self.endpoint();
        let error = Error::new(self.asked(endpoint), Cause::Fault(fault));
        if is_mirror {
            self.leave_mirror();
            return self.open_again();
        }
        if self.at - self.before >= PROGRESS {
            self.round = 0;
        }
        self.before = self.at;
        endpoint.host.again(&mut self.round, error)?;
        self.open_again()
    }

    fn next(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        loop {
            let left = self.part.size - self.at;
            let (endpoint, _) = self.endpoint();
            let host = &endpoint.host;
            if host.options.reporter.cancelled() {
                self.open = None;
                return Err(Error::new(self.asked(endpoint), Cause::Fault(Fault::Cancelled)));
            }
            let Some(response) = &mut self.open else {
                self.open_again()?;
                continue;
            };
            let most = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match response.read(&mut buf[..most]) {
                Ok(0) => {
                    let expected = Some(self.part.size);
                    let cause = "it was closed".to_owned();
                    self.go_on(Fault::Dropped { got: self.at, expected, cause })?;
                }
                Ok(n) => {
                    self.at += n as u64;
                    if let Some(hash) = &mut self.hash {
                        hash.update(&buf[..n]);
                    }
                    if self.at == self.part.size {
                        self.close()?;
                    }
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let fault = host.fetch.fault_of_read(e, &response.url, self.at, Some(self.part.size));
                    self.go_on(fault)?;
                }
            }
        }
    }

    /// All has come: there must be no more, and the connection is free for the next request.
    fn close(&mut self) -> Result<(), Error> {
        let Some(mut response) = self.open.take() else { return Ok(()) };
        let is_wrong = self.hash.take().is_some_and(|hash| hash.finish() != self.part.digest);
        let has_more = matches!(response.read(&mut [0; 1]), Ok(1..));
        match self.endpoint() {
            // Whoever takes the bytes sees whether they are right, and asks again; elsewhere then.
            (_, true) if is_wrong || has_more => self.repository.distrust(self.reader),
            (_, false) if has_more => {
                let cause = Cause::OtherSize { said: self.part.size, there: None };
                return Err(Error::new(response.asked.clone(), cause));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.at >= self.part.size {
            return Ok(0);
        }
        self.next(buf).map_err(|error| io::Error::other(Carried(error.into())))
    }
}

impl Endpoint {
    /// Asks for a blob from byte `from` on, once. A server that gives all of it anyway is heard out.
    fn open(&self, part: &Descriptor, from: u64, doing: &str) -> Result<Answer, Error> {
        let path = format!("blobs/{}", part.digest);
        let range = [("range", format!("bytes={from}-"))];
        let whole = Call::new(doing, Method::Get, &path, &[200, 206]);
        let mut response = match from {
            0 => self.send(&whole)?,
            _ => self.send(&Call { headers: &range, takes: &[200, 206, 416], ..whole })?,
        };
        if response.status == 416 {
            // There is such a byte: it is parts that this server does not give.
            response.drain();
            response = self.send(&whole)?;
        }
        let asked = response.asked.clone();
        let begins = if response.status == 206 { first_byte(&response).unwrap_or(from) } else { 0 };
        if begins > from {
            let why = format!("it gives the blob from byte {begins} where byte {from} was asked for");
            return Err(Error::new(asked, Cause::Malformed { why }));
        }
        if let Some(length) = response.length()
            && begins.saturating_add(length) != part.size
        {
            let there = Some(begins.saturating_add(length));
            return Err(Error::new(asked, Cause::OtherSize { said: part.size, there }));
        }
        self.skip(&mut response, from - begins, asked)?;
        Ok(response)
    }

    fn skip(&self, response: &mut Response, bytes: u64, asked: Asked) -> Result<(), Error> {
        let (mut left, mut scrap) = (bytes, vec![0; if bytes > 0 { 64 << 10 } else { 0 }]);
        while left > 0 {
            let most = scrap.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let fault = match response.read(&mut scrap[..most]) {
                Ok(0) => {
                    Fault::Dropped { got: bytes - left, expected: Some(bytes), cause: "it was closed".into() }
                }
                Ok(n) => {
                    left -= n as u64;
                    continue;
                }
                Err(e) => self.host.fetch.fault_of_read(e, &response.url, bytes - left, Some(bytes)),
            };
            return Err(Error::new(asked, Cause::Fault(fault)));
        }
        Ok(())
    }
}

/// Where a part begins (`Content-Range: bytes 10-99/100`).
fn first_byte(response: &Response) -> Option<u64> {
    let range = response.header("content-range")?.trim().strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}
