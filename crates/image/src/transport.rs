use std::io::{self, Read, Write};

use diag::Diagnostic;
use oci::{Descriptor, DiffId, Digest, Hasher, MediaType, Raw};
use serde::{Deserialize, Serialize};
use store::StoreError;

/// What a name of an image leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AnyDocument", untagged)]
#[expect(clippy::large_enum_variant, reason = "a handful at a time; a box would only be in the way")]
pub enum Document {
    /// Several platforms.
    Index(oci::Index),
    /// One image.
    Manifest(oci::Manifest),
}

impl Document {
    /// Its type, as it says itself, else by its shape.
    pub fn media_type(&self) -> MediaType {
        match self {
            Document::Index(index) => index.media_type.clone().unwrap_or(MediaType::INDEX),
            Document::Manifest(manifest) => manifest.media_type.clone().unwrap_or(MediaType::MANIFEST),
        }
    }
}

/// Tells the two apart by what they have. A document with the parts of both would be another image
/// to another reader (CVE-2021-41190), so it is refused.
#[derive(Deserialize)]
struct AnyDocument(serde_json::Value);

impl TryFrom<AnyDocument> for Document {
    type Error = String;

    fn try_from(AnyDocument(value): AnyDocument) -> Result<Document, String> {
        let has = |key: &str| value.get(key).is_some();
        let kind = value.get("mediaType").and_then(|v| v.as_str()).map(|t| MediaType::new(t.to_owned()));
        let parts = (has("manifests"), has("config") || has("layers"));
        match (parts, kind) {
            ((true, false), kind) if kind.as_ref().is_none_or(MediaType::is_index) => {
                serde_json::from_value(value).map(Document::Index).map_err(|e| e.to_string())
            }
            ((false, true), kind) if kind.as_ref().is_none_or(MediaType::is_manifest) => {
                serde_json::from_value(value).map(Document::Manifest).map_err(|e| e.to_string())
            }
            // An index that has lost an empty list is still called one.
            ((false, false), Some(kind)) if kind.is_index() => {
                serde_json::from_value(value).map(Document::Index).map_err(|e| e.to_string())
            }
            ((true, true), _) => Err("it is an index and a manifest at once".to_owned()),
            // https://distribution.github.io/distribution/spec/deprecated-schema-v1/
            ((false, false), _) if has("fsLayers") => {
                Err("it is of Docker's old format (schema 1): pull and push it with a tool of today"
                    .to_owned())
            }
            ((false, false), _) => Err("it is neither an index nor a manifest".to_owned()),
            (_, Some(kind)) => Err(format!("its parts are not those of its type {kind}")),
            (_, None) => Err("it has no type".to_owned()),
        }
    }
}

/// Why an image cannot be read from somewhere or written to somewhere.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The other side failed.
    #[error("cannot {verb} {what}: {error}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what: a path, a digest.
        what: String,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// No image of that name.
    #[error("cannot find {} in {place}", called(.name))]
    NoImage {
        /// The name; an empty one means the only image.
        name: String,
        /// Where it was looked for.
        place: String,
        /// What may be typed instead: the names that are there, and digests of what has none.
        known: Vec<String>,
    },
    /// A name means several images.
    #[error("cannot choose {} in {place}: {} of its images {}", called(.name), .known.len(), if .name.is_empty() { "may be meant" } else { "are called so" })]
    Ambiguous {
        /// The name; an empty one where none was given.
        name: String,
        /// Where it was looked for.
        place: String,
        /// What is to be typed for each.
        known: Vec<String>,
    },
    /// Several images have no name, and another is to have none.
    #[error(
        "cannot write an image without a name to {place}: {there} of its images have none, and are not to be lost"
    )]
    Unnamed {
        /// The layout.
        place: String,
        /// How many there are.
        there: usize,
    },
    /// A part is missing.
    #[error("cannot find {digest} in {place}")]
    NoBlob {
        /// The part.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// A document is not what it should be.
    #[error("cannot read {what}: {why}")]
    Malformed {
        /// Which document.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// Bytes are not those that their descriptor promises.
    #[error("cannot take {wanted} from {place}: its content is {found}")]
    Mismatch {
        /// What was promised.
        wanted: String,
        /// What came.
        found: String,
        /// From where.
        place: String,
    },
    /// Content is of another length than its descriptor says.
    #[error("cannot take {digest} from {place}: its descriptor says {said} bytes, and it has {}", .there.map_or("more".to_owned(), |n| n.to_string()))]
    WrongSize {
        /// The part.
        digest: String,
        /// What its descriptor says, in bytes.
        said: u64,
        /// What it has; none where it goes on behind that, and nobody looked how far.
        there: Option<u64>,
        /// From where.
        place: &'static str,
    },
    /// The user pressed Ctrl-C.
    #[error("cannot go on: {0}")]
    Stopped(diag::Cancelled),
    /// An archive takes one platform and there are several, or not the one.
    #[error("cannot write {place}: it takes one platform, and the image has {}", list(.platforms))]
    Platforms {
        /// The archive.
        place: String,
        /// Platforms of the image.
        platforms: Vec<String>,
    },
    /// It is something else that registries keep.
    #[error("cannot write {place}: it is no image but {what}")]
    Artifact {
        /// The archive.
        place: String,
        /// What it is.
        what: String,
    },
    /// A layer does not hold what the config says.
    #[error("cannot write the layer {layer}: its tar is {found}, and the image config says {wanted}")]
    OtherTar {
        /// The layer.
        layer: String,
        /// The diff id of the config.
        wanted: String,
        /// That of its tar.
        found: String,
    },
    /// The place says itself what is wrong and what helps: a registry, an engine.
    #[error("{0}")]
    Place(Diagnostic),
}

impl From<Diagnostic> for TransportError {
    fn from(diagnostic: Diagnostic) -> TransportError {
        TransportError::Place(diagnostic)
    }
}

impl From<StoreError> for TransportError {
    fn from(error: StoreError) -> TransportError {
        match error {
            StoreError::Io { verb, path, source } => TransportError::io(verb, path.display())(source),
            other => TransportError::Place(other.into()),
        }
    }
}

/// A whole diagnostic on its way through an [`io::Error`]: the reader of a part that comes over a
/// network fails with one, and whoever reads gets it back as [`TransportError::Place`].
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Carried(pub Diagnostic);

/// An image of that name, for messages.
fn called(name: &str) -> String {
    if name.is_empty() { "an image".to_owned() } else { format!("the image `{name}`") }
}

fn list(platforms: &[String]) -> String {
    if platforms.is_empty() { "none of those asked for".to_owned() } else { platforms.join(", ") }
}

impl TransportError {
    /// Is it worth another attempt? What is missing or malformed stays so; what broke off or came wrong over
    /// a wire may come right.
    pub fn may_pass(&self) -> bool {
        match self {
            TransportError::Io { error, .. } => !matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotFound
            ),
            TransportError::Mismatch { .. } | TransportError::WrongSize { there: None, .. } => true,
            _ => false,
        }
    }

    /// Why `found` and `size`, of what a source gave until there was more than there may be, are not those of
    /// `part`. Whether the descriptor is wrong or what came: content with the right digest is right, and none
    /// becomes longer on its way.
    pub fn mismatch(part: &Descriptor, found: &Digest, size: u64) -> TransportError {
        let place = "the source";
        if *found == part.digest || size > part.size {
            let there = Some(size).filter(|n| *found == part.digest && *n != part.size);
            let digest = part.digest.to_string();
            return TransportError::WrongSize { digest, said: part.size, there, place };
        }
        let (wanted, found) = (describe(&part.digest, part.size), describe(found, size));
        TransportError::Mismatch { wanted, found, place: place.to_owned() }
    }

    /// From a failed read or write, "cannot `verb` `what`"; what it [carries](Carried) speaks for itself.
    pub fn io(verb: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> TransportError {
        let what = what.to_string();
        move |error| match error.get_ref().and_then(|e| e.downcast_ref()) {
            Some(Carried(diagnostic)) => TransportError::Place(diagnostic.clone()),
            None => TransportError::Io { verb, what, error },
        }
    }
}

/// Where images are read from: a layout, an archive, a registry.
pub trait Source: Sync {
    /// What a name leads to, byte for byte.
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError>;
    /// The bytes of a part, from `from` on. The caller checks them.
    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError>;
    /// How many bytes a part has here, whatever its descriptor says; none where it takes more than a look to know.
    fn size(&self, _of: &Descriptor) -> Option<u64> {
        None
    }
    /// The digest of the tar in a layer, where it is known of the very bytes with that digest, and not from a config.
    fn tar(&self, _layer: &Digest) -> Option<DiffId> {
        None
    }
    /// Told of the tar that was found in a layer.
    fn found_tar(&self, _layer: &Digest, _tar: &DiffId) {}
}

/// Where images are written to.
pub trait Sink: Sync {
    /// Is that part there already?
    fn has(&self, part: &Descriptor) -> Result<bool, TransportError>;
    /// Takes a part over from a place that the sink knows (another repository of the registry);
    /// false where it cannot.
    fn mount(&self, _part: &Descriptor, _from: &str) -> Result<bool, TransportError> {
        Ok(false)
    }
    /// Is that index or manifest there with everything that it needs? False where that is not known.
    fn has_whole(&self, _part: &Descriptor) -> Result<bool, TransportError> {
        Ok(false)
    }
    /// Is that index or manifest there, so that it need not be written again? Nothing is said of what it needs. False
    /// where writing it costs no more than looking.
    fn has_document(&self, _part: &Descriptor) -> Result<bool, TransportError> {
        Ok(false)
    }
    /// The document that `name` leads to already, where the sink can say so and it is there. Nothing is said of what it needs.
    fn published(&self, _name: &str) -> Result<Option<Digest>, TransportError> {
        Ok(None)
    }
    /// Told of an index or manifest that was there already and is not written again: what belongs to it beside its bytes
    /// may have been cut off when it was written.
    fn found(&self, _part: &Descriptor, _bytes: &[u8]) -> Result<(), TransportError> {
        Ok(())
    }
    /// Writes a part; `bytes` are checked against the descriptor before anything is seen of them.
    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError>;
    /// Writes a part that `source` has. A sink at the end of a line that may break reads it again from
    /// where it broke, which it could not with the bytes of [`put`](Sink::put).
    fn put_from(&self, part: &Descriptor, source: &dyn Source) -> Result<(), TransportError> {
        self.put(part, &mut *source.blob(part, 0)?)
    }
    /// Lets `name` lead to `document`, whose parts are all there.
    fn publish(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError>;
}

/// Takes blobs whose digest is known only when they are written, as layers.
pub trait BlobSink: Sync {
    /// Is a blob of that digest and size there?
    fn has_blob(&self, digest: &Digest, size: u64) -> io::Result<bool>;
    /// A new blob. Nothing is seen of it before `commit`.
    fn new_blob(&self) -> io::Result<Box<dyn NewBlob + '_>>;
}

/// A blob that is being written; dropped without [`commit`](NewBlob::commit), it never was.
pub trait NewBlob: Write {
    /// Makes it visible under its digest, which the writer computed from what it wrote.
    fn commit(self: Box<Self>, digest: &Digest, size: u64) -> io::Result<()>;
}

/// Reads a small part in full and checks it.
pub fn read_small(source: &dyn Source, part: &Descriptor) -> Result<Vec<u8>, TransportError> {
    /// As registries limit manifests (distribution-spec: 4 MiB), with room for large configs.
    const MAX: u64 = 16 << 20;
    let malformed =
        |why: &str| TransportError::Malformed { what: part.digest.to_string(), why: why.to_owned() };
    if part.size > MAX {
        return Err(malformed("it is larger than 16 MiB"));
    }
    let mut bytes = Vec::new();
    let reader = source.blob(part, 0)?;
    reader.take(part.size + 1).read_to_end(&mut bytes).map_err(TransportError::io("read", part.digest))?;
    let mut hasher = Hasher::new(part.digest.algorithm());
    hasher.update(&bytes);
    let found = hasher.finish();
    if found != part.digest || bytes.len() as u64 != part.size {
        return Err(TransportError::mismatch(part, &found, bytes.len() as u64));
    }
    Ok(bytes)
}

fn describe(digest: &Digest, size: u64) -> String {
    format!("{digest} ({size} bytes)")
}

/// Reads an index or manifest that a descriptor leads to.
pub fn read_document(source: &dyn Source, part: &Descriptor) -> Result<Raw<Document>, TransportError> {
    parse_document(&part.digest.to_string(), read_small(source, part)?)
}

pub(crate) fn parse_document(what: &str, bytes: Vec<u8>) -> Result<Raw<Document>, TransportError> {
    Raw::read(bytes).map_err(|e| TransportError::Malformed { what: what.to_owned(), why: e.to_string() })
}
