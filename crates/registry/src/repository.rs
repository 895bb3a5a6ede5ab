use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::sync::Mutex;

use fetch::Method;
use image::{Document, Sink, Source, TransportError};
use oci::{Descriptor, Digest, Raw};

use crate::endpoint::{Access, Answer, Call, Endpoint};
use crate::error::{Cause, Error};
use crate::host::locked;
use crate::uploads::{Begun, Upload};

/// A repository of a registry: images by tag and by digest, read and written.
///
/// As a [`Source`] and a [`Sink`], names are a tag or the text of a digest; an empty one is `latest`.
/// Reads go to the mirrors of the settings first; writes never do, and lists only where they must.
pub struct Repository {
    name: String,
    home: Endpoint,
    mirrors: Vec<Endpoint>,
    /// Uploads that a mount began because it could not mount.
    pub(crate) begun: Mutex<HashMap<Digest, Begun>>,
    /// Mirrors, by their place, that gave other bytes than were asked for.
    distrusted: Mutex<BTreeSet<usize>>,
}

impl Repository {
    pub(crate) fn new(name: String, home: Endpoint, mirrors: Vec<Endpoint>) -> Repository {
        Repository { name, home, mirrors, begun: Mutex::default(), distrusted: Mutex::default() }
    }

    /// `host/repository`, as it was asked for, before rewriting.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The registry that writes go to, as people call it.
    pub fn host(&self) -> &str {
        &self.home.host.name
    }

    /// Its path in that registry: what another repository mounts from.
    pub fn path(&self) -> &str {
        &self.home.repository
    }

    /// The same place without its mirrors: what it says of its names is what they lead to there and now.
    ///
    /// For a verb that changes here what it has read: a mirror may know a tag as it was, and nothing of what
    /// a mirror has need be here.
    pub fn at_home(&self) -> Repository {
        Repository::new(self.name.clone(), self.home.clone(), Vec::new())
    }

    pub(crate) fn home(&self) -> &Endpoint {
        &self.home
    }

    /// Where it is read from, in order; the place itself is the last.
    pub(crate) fn readers(&self) -> impl Iterator<Item = &Endpoint> {
        self.mirrors.iter().chain([&self.home])
    }

    /// The first place from `from` on that has given no wrong bytes.
    pub(crate) fn trusted(&self, from: usize) -> usize {
        let distrusted = locked(&self.distrusted);
        (from..).find(|n| *n >= self.mirrors.len() || !distrusted.contains(n)).unwrap_or(from)
    }

    /// Reads no more blobs from this place.
    pub(crate) fn distrust(&self, mirror: usize) {
        locked(&self.distrusted).insert(mirror);
    }

    /// Asks each reader in turn; the error is that of the place itself.
    pub(crate) fn first<T>(
        &self,
        mut ask: impl FnMut(&Endpoint, bool) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for mirror in &self.mirrors {
            match ask(mirror, true) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    let note = format!("{error}; asking {} instead", self.home.name());
                    self.home.host.options.reporter.note(diag::Note::Detail(note));
                }
            }
        }
        ask(&self.home, false)
    }

    /// Asks for a list, which only the place itself has whole: a mirror has of it what was fetched through
    /// it once. Where the place itself does not answer, a mirror's stands in if there is something in it,
    /// with a warning; the error is that of the place itself.
    pub(crate) fn list<T>(
        &self,
        what: &str,
        mut ask: impl FnMut(&Endpoint, bool) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let error = match ask(&self.home, false) {
            Ok(all) => return Ok(all),
            Err(error) => error,
        };
        let reporter = &self.home.host.options.reporter;
        for mirror in &self.mirrors {
            match ask(mirror, true) {
                Ok(some) if !some.is_empty() => {
                    let text = format!("{error}; {what} are those that its mirror {} has", mirror.name());
                    reporter.note(diag::Note::Warning(text));
                    return Ok(some);
                }
                Ok(_) => {}
                Err(other) => reporter.note(diag::Note::Detail(format!("{other}; asking elsewhere"))),
            }
        }
        Err(error)
    }
}

impl Source for Repository {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        self.read_manifest(name)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        if is_document(of) {
            let document = self.read_manifest(&of.digest.to_string())?;
            let mut bytes = io::Cursor::new(document.bytes().to_vec());
            bytes.set_position(from);
            return Ok(Box::new(bytes));
        }
        Ok(Box::new(self.open_blob(of, from)?))
    }
}

impl Sink for Repository {
    fn has(&self, part: &Descriptor) -> Result<bool, TransportError> {
        if is_document(part) {
            return Ok(self.find_manifest(&part.digest)?);
        }
        Ok(self.has_blob(part)?)
    }

    /// Not [`Sink::has_whole`]: a registry takes a manifest only when it has what that needs, but blobs can be deleted
    /// afterwards, by hand or by a collector that is at fault.
    fn has_document(&self, part: &Descriptor) -> Result<bool, TransportError> {
        Ok(is_document(part) && self.find_manifest(&part.digest)?)
    }

    fn published(&self, name: &str) -> Result<Option<Digest>, TransportError> {
        Ok(self.published_digest(name)?)
    }

    fn found(&self, part: &Descriptor, bytes: &[u8]) -> Result<(), TransportError> {
        self.note_found(part, bytes)
    }

    fn mount(&self, part: &Descriptor, from: &str) -> Result<bool, TransportError> {
        Ok(self.mount_blob(part, from)?)
    }

    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        if is_document(part) { self.put_document(part, bytes) } else { self.push_stream(part, bytes) }
    }

    fn put_from(&self, part: &Descriptor, source: &dyn Source) -> Result<(), TransportError> {
        if is_document(part) {
            return self.put_document(part, &mut *source.blob(part, 0)?);
        }
        self.push_from(part, source)
    }

    fn publish(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError> {
        self.write_manifest(name, document)
    }
}

impl Repository {
    /// Whether a blob is known to be there, with the size that its descriptor says; an error where it has another: a
    /// manifest that says it would be there for good, and nobody could read the image.
    pub(crate) fn has_blob(&self, part: &Descriptor) -> Result<bool, Error> {
        let doing = format!("find {} in", part.digest);
        let path = format!("blobs/{}", part.digest);
        let call = Call { access: Access::Write, ..Call::new(&doing, Method::Head, &path, &[200, 404]) };
        let Some(response) = self.home.ask_if_said(&call)?.filter(|r| r.status == 200) else {
            return Ok(false);
        };
        // Some registries say no length of what is only asked about, and some proxies that it has none.
        match response.length() {
            None => Ok(true),
            Some(length) if length == part.size => Ok(true),
            Some(0) => Ok(false),
            Some(length) => {
                let cause = Cause::OtherSize { said: part.size, there: Some(length) };
                Err(Error::new(response.asked.clone(), cause))
            }
        }
    }

    pub(crate) fn mount_blob(&self, part: &Descriptor, from: &str) -> Result<bool, Error> {
        let doing = format!("mount {} from {from} in", part.digest);
        let from_pair = url::form_urlencoded::byte_serialize(from.as_bytes()).collect::<String>();
        let path = format!("blobs/uploads/?mount={}&from={from_pair}", part.digest);
        let access = Access::MountFrom(from);
        let call = Call { access, ..Call::new(&doing, Method::Post, &path, &[201, 202]) };
        let Some(mut response) = self.ask_to_mount(&call)? else { return Ok(false) };
        response.drain();
        let mounted = response.status == 201;
        // Otherwise an upload has begun; the blob goes there when it comes.
        let begun = if mounted { None } else { Begun::of(self, &response).ok() };
        let before = {
            let mut all = locked(&self.begun);
            if let Some(begun) = begun { all.insert(part.digest, begun) } else { all.remove(&part.digest) }
        };
        // What another repository could not give in vain.
        if let Some(begun) = before {
            Upload::at(self, part, begun).cancel();
        }
        Ok(mounted)
    }

    /// None where the registry does not mount: what may not be read there, or is unknown there, cannot be
    /// mounted, and some fail over it each time (500) or never answer; it is then sent.
    fn ask_to_mount(&self, call: &Call<'_>) -> Result<Option<Answer>, Error> {
        let host = &self.home.host;
        let mut round = 0;
        loop {
            host.check()?;
            match self.home.send(call) {
                Ok(response) => return Ok(Some(response)),
                Err(error) if error.is_refusal() => return Ok(None),
                Err(error) if error.is_trouble() || error.is_fault() => {
                    if round > 0 || error.is_stall() || host.again(&mut round, error).is_err() {
                        // But for one that the user wanted.
                        return host.check().map(|()| None);
                    }
                }
                Err(error) => host.again(&mut round, error)?,
            }
        }
    }
}

/// Whether a registry keeps it as a manifest and not as a blob.
pub(crate) fn is_document(part: &Descriptor) -> bool {
    part.media_type.is_index() || part.media_type.is_manifest()
}
