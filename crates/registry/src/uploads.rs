use fetch::{Body, Method};
use oci::Descriptor;
use url::Url;

use crate::endpoint::{Access, Answer, Call, Target};
use crate::error::{Cause, Error};
use crate::host::locked;
use crate::onward::onward;
use crate::{Repository, parse_range};

/// An upload that a registry keeps for us (distribution-spec "Pushing blobs").
pub(crate) struct Upload<'a> {
    repository: &'a Repository,
    pub(crate) part: &'a Descriptor,
    location: Url,
    /// How many bytes the registry has.
    pub(crate) at: u64,
    /// Pieces that are not the last must have so many (`OCI-Chunk-Min-Length`).
    pub(crate) smallest: u64,
    /// Whether it says how many bytes it has where it should say which is the last.
    counts: bool,
}

/// Where an upload that has no bytes yet goes on, and the least that its pieces must have.
pub(crate) struct Begun {
    location: Url,
    smallest: u64,
}

impl Begun {
    pub(crate) fn of(repository: &Repository, response: &Answer) -> Result<Begun, Error> {
        let smallest = response.header("oci-chunk-min-length").and_then(|v| v.trim().parse().ok());
        Ok(Begun { location: repository.location(response)?, smallest: smallest.unwrap_or(0) })
    }
}

impl<'a> Upload<'a> {
    /// Begins one, or takes the one that a mount began; once, for who sends it tries again.
    pub(crate) fn begin(repository: &'a Repository, part: &'a Descriptor) -> Result<Upload<'a>, Error> {
        let begun = locked(&repository.begun).remove(&part.digest);
        if let Some(begun) = begun {
            return Ok(Upload::at(repository, part, begun));
        }
        let doing = format!("send {} to", part.digest);
        let call = Call::new(&doing, Method::Post, "blobs/uploads/", &[202]);
        let mut response = repository.home().send(&Call { access: Access::Write, ..call })?;
        response.drain();
        Ok(Upload::at(repository, part, Begun::of(repository, &response)?))
    }

    pub(crate) fn at(repository: &'a Repository, part: &'a Descriptor, begun: Begun) -> Upload<'a> {
        let Begun { location, smallest } = begun;
        Upload { repository, part, location, at: 0, smallest, counts: false }
    }

    /// Sends the last bytes, or all, and asks for the blob to be kept under its digest.
    pub(crate) fn finish(&self, body: &dyn Body) -> Result<(), Error> {
        let mut url = self.location.clone();
        url.query_pairs_mut().append_pair("digest", &self.part.digest.to_string());
        let mut headers = vec![("content-type", "application/octet-stream".to_owned())];
        if self.at > 0 && body.length() > 0 {
            headers.push(("content-range", self.range(body)));
        }
        let digest = &self.part.digest;
        let sent = self.send(Method::Put, &url, &headers, body, &[201, 204]);
        let mut response = sent.map_err(|e| e.of_digest(digest))?;
        response.drain();
        let said = response.header("docker-content-digest").map(str::trim).filter(|d| !d.is_empty());
        let Some(said) = said.filter(|said| *said != digest.to_string()) else { return Ok(()) };
        if said.starts_with(&format!("{}:", digest.algorithm().name())) {
            return Err(Error::mismatch(response.asked.clone(), "what the registry keeps", digest, said));
        }
        // Docker's own calls everything by its SHA-256, and finds it under the digest that we gave, too.
        if self.repository.has_blob(self.part)? {
            return Ok(());
        }
        let algorithm = digest.algorithm().name();
        let instead = format!("it keeps the part as {}", crate::said::shown(said));
        Err(Error::new(response.asked.clone(), Cause::Algorithm { algorithm, instead }))
    }

    /// Sends the next bytes.
    pub(crate) fn patch(&mut self, body: &dyn Body) -> Result<(), Error> {
        let headers =
            [("content-type", "application/octet-stream".to_owned()), ("content-range", self.range(body))];
        let url = self.location.clone();
        let mut response = self.send(Method::Patch, &url, &headers, body, &[202])?;
        response.drain();
        self.location = self.repository.location(&response)?;
        let (before, sent) = (self.at, self.at + body.length());
        // What it says to have counts; what it does not say it has. One byte more than there was is a
        // registry that counts where the specification wants the last one's place (`0-1000` of a thousand);
        // were it not, the digest would tell.
        let said = response.header("range").and_then(parse_range).filter(|at| *at > 0);
        self.counts |= said == Some(sent + 1);
        self.at = said.map_or(sent, |at| at - u64::from(self.counts));
        if self.at > sent {
            let why = format!("it has {} bytes of the {sent} that were sent", self.at);
            return Err(Error::new(response.asked.clone(), Cause::Malformed { why }));
        }
        if self.at <= before {
            // Sent again it would be the same, for ever.
            let why = format!("it took bytes, and says that it has {} as before", self.at);
            return Err(Error::new(response.asked.clone(), Cause::Malformed { why }));
        }
        Ok(())
    }

    /// Asks how much has arrived; an error if it is not to be known.
    pub(crate) fn look(&mut self) -> Result<(), Error> {
        let url = self.location.clone();
        let mut response = self.send(Method::Get, &url, &[], &(), &[204])?;
        response.drain();
        let asked = response.asked.clone();
        let malformed = |why: &str| {
            let why = why.to_owned();
            Error::new(asked.clone(), Cause::Malformed { why })
        };
        let range = response.header("range").ok_or_else(|| malformed("it says not how much it has"))?;
        let at = parse_range(range).ok_or_else(|| malformed("how much it has is no range"))?;
        let at = at.saturating_sub(u64::from(self.counts));
        if at == 0 || at > self.part.size {
            // `0-0` is said of no byte and of one.
            return Err(malformed("how much it has cannot be"));
        }
        self.location = self.repository.location(&response).unwrap_or(url);
        self.at = at;
        Ok(())
    }

    /// Forgets it; the registry would some day itself, so that a failure is none.
    pub(crate) fn cancel(self) {
        let _ = self.send(Method::Delete, &self.location, &[], &(), &[200, 202, 204, 404]);
    }

    fn range(&self, body: &dyn Body) -> String {
        format!("{}-{}", self.at, (self.at + body.length()).saturating_sub(1))
    }

    fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&'static str, String)],
        body: &dyn Body,
        takes: &[u16],
    ) -> Result<Answer, Error> {
        let doing = format!("send {} to", self.part.digest);
        let target = Target::Url(url);
        let access = Access::Write;
        self.repository.home().send(&Call { doing: &doing, method, target, access, headers, body, takes })
    }
}

impl Repository {
    /// Where an upload goes on: of the answer's `Location`, which may be a path.
    pub(crate) fn location(&self, response: &Answer) -> Result<Url, Error> {
        let malformed = |why: String| Error::new(response.asked.clone(), Cause::Malformed { why });
        let text = response.header("location").ok_or_else(|| malformed("it says not where to".into()))?;
        onward(&response.url, text).map_err(malformed)
    }
}
