use fetch::{Method, Response};
use image::{Document, TransportError};
use oci::{Annotations, Descriptor, Digest, Index, MediaType, Raw};
use url::form_urlencoded::byte_serialize;

use crate::Repository;
use crate::endpoint::{Call, Endpoint};
use crate::error::{Cause, Error};
use crate::host::locked;
use crate::manifests::{LARGEST, Name, descriptor, subject};

/// Says that the registry keeps track of referrers itself (distribution-spec "Pushing manifests with
/// subject").
const SUBJECT: &str = "oci-subject";

/// How often a fallback index is written when others write it too.
const MOST_WRITES: u32 = 5;

/// More referrers of one thing than this are refused.
const MOST: usize = 100_000;

impl Repository {
    /// What refers to a manifest: signatures, SBOMs, attestations; of one type, or of all. A registry that
    /// does not keep track of them has an index under a tag (distribution-spec "Referrers tag schema").
    pub fn referrers(
        &self,
        of: &Digest,
        artifact_type: Option<&MediaType>,
    ) -> Result<Vec<Descriptor>, Error> {
        let mut found = self.list("its referrers", |endpoint, once| {
            match endpoint.referrers(of, artifact_type, once)? {
                Some(found) => Ok(found),
                None => Ok(endpoint.fallback(of, once)?.map(|i| i.manifests).unwrap_or_default()),
            }
        })?;
        // A registry may leave the filtering to us, and the fallback always does.
        found.retain(|d| artifact_type.is_none() || d.artifact_type.as_ref() == artifact_type);
        Ok(found)
    }

    /// After a manifest was written: makes what it refers to know of it, where the registry did not.
    pub(crate) fn note_subject(
        &self,
        written: &Response,
        media_type: &MediaType,
        document: &Raw<Document>,
    ) -> Result<(), TransportError> {
        let Some(subject) = subject(document.value()) else { return Ok(()) };
        if written.header(SUBJECT).is_some() {
            return Ok(());
        }
        self.note_referrer(subject, media_type, document)
    }

    /// Of a manifest that was there already: whoever wrote it may have been stopped before what it refers to
    /// knew of it. Costs nothing where it refers to nothing, and where it is known a question or two.
    pub(crate) fn note_found(&self, part: &Descriptor, bytes: &[u8]) -> Result<(), TransportError> {
        let document = Raw::<Document>::read(bytes.to_vec())
            .map_err(|e| TransportError::Malformed { what: part.digest.to_string(), why: e.to_string() })?;
        match subject(document.value()) {
            Some(subject) if !self.home().keeps_referrers(&subject.digest)? => {
                self.note_referrer(subject, &part.media_type, &document)
            }
            _ => Ok(()),
        }
    }

    fn note_referrer(
        &self,
        subject: &Descriptor,
        media_type: &MediaType,
        document: &Raw<Document>,
    ) -> Result<(), TransportError> {
        let entry = descriptor(media_type, document);
        self.change_fallback(&subject.digest, |index| {
            if index.manifests.iter().any(|d| d.digest == entry.digest) {
                return false;
            }
            index.manifests.push(entry.clone());
            true
        })
    }

    /// After a manifest was deleted: makes what it referred to forget it.
    pub(crate) fn forget_referrer(&self, subject: &Digest, referrer: &Digest) -> Result<(), TransportError> {
        let home = self.home();
        if home.keeps_referrers(subject)? || home.fallback(subject, false)?.is_none() {
            return Ok(());
        }
        self.change_fallback(subject, |index| {
            let before = index.manifests.len();
            index.manifests.retain(|d| d.digest != *referrer);
            index.manifests.len() != before
        })
    }

    /// Changes the index under the fallback tag. Threads take turns; of two processes that write at once
    /// registries keep the last, so it is looked whether the change is still there. One that comes just
    /// after that look wins, as the specification knows (its conditional writes no registry at hand has).
    fn change_fallback(
        &self,
        subject: &Digest,
        change: impl Fn(&mut Index) -> bool,
    ) -> Result<(), TransportError> {
        let tag = fallback_tag(subject);
        let _turn = locked(&self.home().host.changing);
        for _ in 0..MOST_WRITES {
            let mut index = self.home().fallback(subject, false)?.unwrap_or_else(empty);
            // Somebody's, in the place of such an index: written back, it would itself be a referrer.
            index.subject = None;
            if !change(&mut index) {
                return Ok(());
            }
            self.write_manifest(&tag, &Raw::write(Document::Index(index)))?;
        }
        let home = self.home();
        let doing = format!("keep the referrers of {subject} in");
        let why = "others write them at the same time".to_owned();
        let asked = home.asked_before(doing, Method::Put, &format!("manifests/{tag}"));
        Err(Error::new(asked, Cause::Malformed { why }).into())
    }
}

/// Registries that do not know the path of referrers say so in several ways.
const TAKES: &[u16] = &[200, 400, 404, 405, 406];

impl Endpoint {
    /// Whether the registry keeps account of referrers itself; one that will not say does not.
    fn keeps_referrers(&self, of: &Digest) -> Result<bool, Error> {
        let doing = format!("list the referrers of {of} in");
        let path = format!("referrers/{of}");
        let answer = self.ask_if_said(&Call::new(&doing, Method::Get, &path, TAKES))?;
        Ok(answer.is_some_and(|answer| answer.status == 200))
    }

    /// By the registry's own account; none if it keeps none.
    fn referrers(
        &self,
        of: &Digest,
        artifact_type: Option<&MediaType>,
        once: bool,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let doing = format!("list the referrers of {of} in");
        let filter: String = match artifact_type {
            Some(kind) => {
                format!("?artifactType={}", byte_serialize(kind.as_str().as_bytes()).collect::<String>())
            }
            None => String::new(),
        };
        let path = format!("referrers/{of}{filter}");
        let mut found = Some(Vec::new());
        self.pages(&doing, &path, once, LARGEST, TAKES, |asked, response, bytes| {
            let malformed = |why: String| Error::new(asked.clone(), Cause::Malformed { why });
            match (&mut found, Raw::<Document>::read(bytes).map(|d| d.value().clone())) {
                (Some(found), Ok(Document::Index(index))) if response.status == 200 => {
                    found.extend(index.manifests);
                    if found.len() > MOST {
                        return Err(malformed(format!("there are more than {MOST}")));
                    }
                    Ok(true)
                }
                (_, Err(e)) if response.status == 200 => Err(malformed(e.to_string())),
                (_, Ok(_)) if response.status == 200 => Err(malformed("it is no index".to_owned())),
                _ => {
                    found = None;
                    Ok(false)
                }
            }
        })?;
        Ok(found)
    }

    /// The index under the fallback tag; none if there is none.
    fn fallback(&self, of: &Digest, once: bool) -> Result<Option<Index>, Error> {
        match self.manifest(&Name::Tag(fallback_tag(of)), once) {
            Ok(document) => match document.value() {
                Document::Index(index) => Ok(Some(index.clone())),
                Document::Manifest(_) => {
                    let doing = format!("list the referrers of {of} in");
                    let why = format!("`{}` is no index", fallback_tag(of));
                    let path = format!("manifests/{}", fallback_tag(of));
                    let asked = self.asked_before(doing, Method::Get, &path);
                    Err(Error::new(asked, Cause::Malformed { why }))
                }
            },
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `sha256-HEX`: algorithm and digest, each cut to what a tag may have.
fn fallback_tag(of: &Digest) -> String {
    let hex = of.hex();
    format!("{}-{}", of.algorithm().name(), &hex[..hex.len().min(64)])
}

fn empty() -> Index {
    Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests: Vec::new(),
        subject: None,
        annotations: Annotations::new(),
    }
}
