use std::io::Read;

use diag::{Diagnostic, Explain as _};
use fetch::{Method, Response};
use image::{Document, TransportError};
use oci::{Descriptor, Digest, MediaType, Raw};

use crate::Repository;
use crate::endpoint::{Access, Call, Endpoint};
use crate::error::{Asked, Cause, Error};
use crate::repository::is_document;

/// The largest manifest, in bytes; registries need not take a larger one (distribution-spec "Pushing
/// manifests").
pub(crate) const LARGEST: u64 = 4 << 20;

/// What we can read, in the order in which we like it.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Docker's header with the digest of what a name leads to.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A tag or a digest, as it stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Tag(String),
    Digest(Digest),
}

impl Name {
    /// The tag or digest that was written; an empty one means `latest`.
    pub(crate) fn of(text: &str) -> Result<Name, String> {
        if text.contains(':') {
            return text.parse().map(Name::Digest).map_err(|e: oci::DigestError| e.to_string());
        }
        let tag = if text.is_empty() { "latest" } else { text };
        // The grammar stands in oci::Reference, which has names for it.
        match format!("x:{tag}").parse::<oci::Reference>() {
            Ok(reference) => reference.tag.map(Name::Tag).ok_or_else(|| format!("`{tag}` is not a tag")),
            Err(e) => Err(format!("`{}` is not a tag: {}", tag.escape_debug(), e.why)),
        }
    }
}

/// Whether it is a tag by the grammar; nothing is none.
pub(crate) fn is_tag(text: &str) -> bool {
    !text.is_empty() && matches!(Name::of(text), Ok(Name::Tag(_)))
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Tag(tag) => f.write_str(tag),
            Name::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

impl Repository {
    pub(crate) fn name_of(&self, text: &str, doing: &str) -> Result<Name, Error> {
        Name::of(text).map_err(|why| {
            let home = self.home();
            let asked =
                Asked::of(home, format!("{doing} a manifest of"), Method::Get, &home.host.place(), None);
            Error::new(asked, Cause::Name(why))
        })
    }

    pub(crate) fn read_manifest(&self, text: &str) -> Result<Raw<Document>, TransportError> {
        let name = self.name_of(text, "read")?;
        Ok(self.first(|endpoint, once| endpoint.manifest(&name, once))?)
    }

    /// What a name leads to where it is written, whatever mirrors say; none where the registry does not
    /// say.
    pub(crate) fn published_digest(&self, text: &str) -> Result<Option<Digest>, Error> {
        let name = self.name_of(text, "find")?;
        let doing = format!("find the manifest `{name}` of");
        let path = format!("manifests/{name}");
        let headers = [("accept", ACCEPT.to_owned())];
        let call = Call::new(&doing, Method::Head, &path, &[200, 404]);
        let call = Call { access: Access::Write, headers: &headers, ..call };
        let response = self.home().ask_if_said(&call)?.filter(|r| r.status == 200);
        Ok(response.as_ref().and_then(|answer| content_digest(answer)).and_then(|d| d.parse().ok()))
    }

    /// Whether a manifest of this digest is known to be there.
    pub(crate) fn find_manifest(&self, digest: &Digest) -> Result<bool, Error> {
        let doing = format!("find the manifest {digest} in");
        let path = format!("manifests/{digest}");
        let headers = [("accept", ACCEPT.to_owned())];
        let call = Call::new(&doing, Method::Head, &path, &[200, 404]);
        let call = Call { access: Access::Write, headers: &headers, ..call };
        Ok(self.home().ask_if_said(&call)?.is_some_and(|r| r.status == 200))
    }

    /// The digest that a tag leads to, without reading the manifest where the registry says it; none if
    /// there is no such tag or manifest.
    pub fn digest_of(&self, name: &str) -> Result<Option<Digest>, Error> {
        let name = self.name_of(name, "find")?;
        self.first(|endpoint, once| match endpoint.digest_of(&name, once) {
            // A mirror that does not have it is no word on whether there is one.
            Ok(None) if once => Err(endpoint.not_there(&name)),
            other => other,
        })
    }

    /// Writes a manifest or index that goes to a digest.
    pub(crate) fn put_document(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        let mut all = Vec::new();
        let read = bytes.take(LARGEST.min(part.size) + 1).read_to_end(&mut all);
        read.map_err(TransportError::io("read", part.digest))?;
        let mut hash = oci::Hasher::new(part.digest.algorithm());
        hash.update(&all);
        let found = hash.finish();
        if found != part.digest || all.len() as u64 != part.size {
            return Err(TransportError::mismatch(part, &found, all.len() as u64));
        }
        let document = Raw::read(all)
            .map_err(|e| TransportError::Malformed { what: part.digest.to_string(), why: e.to_string() })?;
        self.write_document(&Name::Digest(part.digest), &part.media_type, &document)
    }

    /// Lets a name lead to a document, whose parts are all there.
    pub(crate) fn write_manifest(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError> {
        let name = self.name_of(name, "write")?;
        self.write_document(&name, &document.value().media_type(), document)
    }

    fn write_document(
        &self,
        name: &Name,
        media_type: &MediaType,
        document: &Raw<Document>,
    ) -> Result<(), TransportError> {
        let doing = format!("write the manifest `{name}` to");
        let path = format!("manifests/{name}");
        let headers = [("content-type", media_type.as_str().to_owned())];
        let body = document.bytes();
        let call = Call::new(&doing, Method::Put, &path, &[200, 201, 202]);
        let call = Call { access: Access::Write, headers: &headers, body: &body, ..call };
        let answer = self.home().ask(&call).map_err(|error| match name {
            Name::Digest(digest) => error.of_digest(digest),
            Name::Tag(_) => error,
        });
        let mut response = answer?;
        response.drain();
        if let (Some(said), Name::Tag(_)) = (content_digest(&response), name)
            && said != document.digest().to_string()
            && said.starts_with("sha256:")
        {
            let wanted = document.digest();
            return Err(
                Error::mismatch(response.asked.clone(), "what the registry keeps", &wanted, said).into()
            );
        }
        self.note_subject(&response, media_type, document)
    }

    /// Removes a tag, or, by its digest, a manifest with all of its tags; false if there is none.
    ///
    /// Blobs stay until the registry collects them. Registries may refuse either (405): Docker's own, up
    /// to 2.8, knows digests only.
    pub fn delete(&self, name: &str) -> Result<bool, TransportError> {
        let name = self.name_of(name, "delete")?;
        let subject = match &name {
            Name::Digest(_) => self.subject_of(&name)?,
            Name::Tag(_) => None,
        };
        let doing = match &name {
            Name::Tag(tag) => format!("delete the tag `{tag}` of"),
            Name::Digest(digest) => format!("delete the manifest {digest} of"),
        };
        let removed = self.remove(&doing, &format!("manifests/{name}"))?;
        if let (Some(subject), Name::Digest(digest)) = (subject, &name) {
            self.forget_referrer(&subject, digest)?;
        }
        Ok(removed)
    }

    /// Removes a blob; false if there is none. Manifests that need it are broken from then on.
    pub fn delete_blob(&self, digest: &Digest) -> Result<bool, Error> {
        self.remove(&format!("delete {digest} of"), &format!("blobs/{digest}"))
    }

    /// False if there was nothing. What is not there any more after an attempt that may have been done,
    /// and whose answer was lost, was removed by that.
    fn remove(&self, doing: &str, path: &str) -> Result<bool, Error> {
        let call = Call::new(doing, Method::Delete, path, &[200, 202, 204, 404]);
        let call = Call { access: Access::Delete, ..call };
        let mut may_be_done = false;
        let mut response = self.home().host.retrying(false, || {
            // Of a token server's trouble nothing follows.
            let sent = self.home().send(&call);
            sent.inspect_err(|e| may_be_done |= e.asked().method == Method::Delete && e.may_be_done())
        })?;
        response.drain();
        Ok(response.status != 404 || may_be_done)
    }

    /// The digest of what a manifest refers to, if it is there and refers to something.
    fn subject_of(&self, name: &Name) -> Result<Option<Digest>, Error> {
        match self.home().manifest(name, false) {
            Ok(document) => Ok(subject(document.value()).map(|s| s.digest)),
            Err(error) if error.status() == Some(404) => Ok(None),
            // One that we cannot read may still be deleted.
            Err(error) if error.kind() == diag::Kind::Trust || error.status().is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a document refers to (image-spec, manifest.md "subject").
pub(crate) fn subject(document: &Document) -> Option<&Descriptor> {
    match document {
        Document::Manifest(manifest) => manifest.subject.as_ref(),
        Document::Index(index) => index.subject.as_ref(),
    }
}

fn content_digest(response: &Response) -> Option<&str> {
    response.header(CONTENT_DIGEST).map(str::trim).filter(|d| !d.is_empty())
}

impl Endpoint {
    /// A document, checked against whatever digest there is.
    pub(crate) fn manifest(&self, name: &Name, once: bool) -> Result<Raw<Document>, Error> {
        let doing = format!("read the manifest `{name}` of");
        let path = format!("manifests/{name}");
        let headers = [("accept", ACCEPT.to_owned())];
        let call = Call { headers: &headers, ..Call::new(&doing, Method::Get, &path, &[200]) };
        let (response, bytes) = self.read(&call, LARGEST, once)?;
        let asked = || response.asked.clone();
        let computed = |algorithm| {
            let mut hash = oci::Hasher::new(algorithm);
            hash.update(&bytes);
            hash.finish()
        };
        if let Name::Digest(wanted) = name {
            let found = computed(wanted.algorithm());
            if found != *wanted {
                return Err(Error::mismatch(asked(), "its digest", wanted, found));
            }
        } else if let Some(said) = content_digest(&response)
            && let Ok(said) = said.parse::<Digest>()
        {
            let found = computed(said.algorithm());
            if found != said {
                return Err(Error::mismatch(asked(), "its digest", &said, found));
            }
        }
        let malformed = |why: String| Error::new(asked(), Cause::Malformed { why });
        let media_type = content_type(&response);
        if media_type.as_ref().is_some_and(|t| t.as_str().contains("docker.distribution.manifest.v1+")) {
            return Err(malformed("the image is of Docker's old format (schema 1); push it anew".to_owned()));
        }
        let document = Raw::<Document>::read(bytes).map_err(|e| malformed(e.to_string()))?;
        let own = document.value().media_type();
        match media_type {
            // Two readers that believe two of these see two images (CVE-2021-41190).
            Some(header) if is_type_of_manifest(&header) && header != own => {
                Err(malformed(format!("the registry calls it {header}, and it calls itself {own}")))
            }
            _ => Ok(document),
        }
    }

    fn digest_of(&self, name: &Name, once: bool) -> Result<Option<Digest>, Error> {
        let doing = format!("find the manifest `{name}` of");
        let path = format!("manifests/{name}");
        let headers = [("accept", ACCEPT.to_owned())];
        let call = Call { headers: &headers, ..Call::new(&doing, Method::Head, &path, &[200]) };
        let said = match (self.host.retrying(once, || self.send(&call)), name) {
            (Ok(_), Name::Digest(digest)) => Some(*digest),
            (Ok(response), Name::Tag(_)) => content_digest(&response).and_then(|d| d.parse().ok()),
            (Err(error), _) if self.keeps_to_itself(&error) => None,
            (Err(error), _) => return Err(error),
        };
        if said.is_some() {
            return Ok(said);
        }
        // Not every registry, nor every proxy before one, knows `HEAD`; what `GET` says counts.
        match self.manifest(name, once) {
            Ok(document) => Ok(Some(document.digest())),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn not_there(&self, name: &Name) -> Error {
        let path = format!("manifests/{name}");
        let asked = self.asked_before(format!("find the manifest `{name}` of"), Method::Get, &path);
        let why = Diagnostic::new(diag::Kind::Network, "it is not there");
        Error::new(asked, Cause::Source(why))
    }
}

/// The type that the registry gives, without parameters.
fn content_type(response: &Response) -> Option<MediaType> {
    let text = response.header("content-type")?.split(';').next().unwrap_or_default().trim();
    (!text.is_empty()).then(|| MediaType::new(text.to_ascii_lowercase()))
}

/// `application/json` and `text/plain`, which simple servers give to everything, say nothing.
fn is_type_of_manifest(media_type: &MediaType) -> bool {
    media_type.is_index() || media_type.is_manifest()
}

/// The descriptor of a document that was written under this type.
pub(crate) fn descriptor(media_type: &MediaType, document: &Raw<Document>) -> Descriptor {
    let mut part = Descriptor::of(media_type.clone(), document.bytes());
    let (kind, annotations) = match document.value() {
        Document::Manifest(m) => {
            let kind = m.artifact_type.clone().unwrap_or_else(|| m.config.media_type.clone());
            (Some(kind), &m.annotations)
        }
        Document::Index(i) => (i.artifact_type.clone(), &i.annotations),
    };
    part.artifact_type = kind;
    part.annotations.clone_from(annotations);
    debug_assert!(is_document(&part));
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tags_or_digests() {
        let digest = Digest::of(b"x");
        assert_eq!(Name::of(&digest.to_string()), Ok(Name::Digest(digest)));
        assert_eq!(Name::of("").unwrap().to_string(), "latest");
        assert_eq!(Name::of("v1.0_a-b").unwrap().to_string(), "v1.0_a-b");
        assert!(is_tag("v1.0_a-b") && is_tag("_") && !is_tag("") && !is_tag(&digest.to_string()));
        for bad in ["a\nb", "\u{1b}[2J", "a:b", "\u{202e}x", " ", &"x".repeat(129)] {
            assert!(!is_tag(bad), "{bad:?}");
        }
        for bad in ["a/b", "..", "../x", "-x", "sha256:0", "a b", "a?b", "x@y", "%2e"] {
            assert!(Name::of(bad).is_err(), "{bad}");
        }
    }
}
