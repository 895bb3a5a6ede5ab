use std::sync::Arc;
use std::time::Duration;

use diag::Secret;
use image::{Document, Sink, TransportError};
use oci::{Descriptor, Digest, Index, Manifest, MediaType, Platform, Raw};
use registry::{Client, Credentials, Login, Options, Proof, Repository};
use testkit::registry::{Registry, Setup};

/// Fetches without patience: what is tried again is tried at once.
pub(crate) fn quick() -> fetch::Options {
    fetch::Options {
        backoff: Duration::from_millis(1),
        longest_wait: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(20),
        attempts: 4,
        ..fetch::Options::default()
    }
}

pub(crate) fn client(options: Options) -> Client {
    Client::new(&fetch::Client::new(quick()), options)
}

/// A repository of the registry, as nobody in particular.
pub(crate) fn open(registry: &Registry, path: &str) -> Repository {
    open_with(registry, path, Options::default())
}

pub(crate) fn open_with(registry: &Registry, path: &str, options: Options) -> Repository {
    client(options).repository(&format!("{}/{path}", registry.host()).parse().unwrap()).unwrap()
}

pub(crate) fn plain() -> Registry {
    Registry::start(Setup::default())
}

/// The same bytes for the same seed, hard to compress.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn sha512(bytes: &[u8]) -> Digest {
    let mut hash = oci::Hasher::new(oci::Algorithm::Sha512);
    hash.update(bytes);
    hash.finish()
}

pub(crate) fn layer(bytes: &[u8]) -> Descriptor {
    Descriptor::of(MediaType::LAYER_GZIP, bytes)
}

/// An image in memory: documents and blobs that a test can look at.
pub(crate) struct Made {
    pub(crate) document: Raw<Document>,
    /// Manifests below an index, and blobs.
    pub(crate) parts: Vec<(Descriptor, Vec<u8>)>,
}

/// An image of one platform with layers of these bytes.
pub(crate) fn image(architecture: &str, layers: &[Vec<u8>]) -> Made {
    let config = format!(r#"{{"architecture":"{architecture}","os":"linux","rootfs":{{"type":"layers"}}}}"#);
    let config = config.into_bytes();
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::MANIFEST),
        artifact_type: None,
        config: Descriptor::of(MediaType::CONFIG, &config),
        layers: layers.iter().map(|l| layer(l)).collect(),
        subject: None,
        annotations: oci::Annotations::new(),
    };
    let mut parts: Vec<_> = layers.iter().map(|l| (layer(l), l.clone())).collect();
    parts.push((manifest.config.clone(), config));
    Made { document: Raw::write(Document::Manifest(manifest)), parts }
}

/// An index over images, one for each architecture.
pub(crate) fn index(images: Vec<(&str, Made)>) -> Made {
    let mut parts = Vec::new();
    let mut manifests = Vec::new();
    for (architecture, made) in images {
        let mut part = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
        part.platform = Some(Platform::linux(architecture));
        parts.extend(made.parts);
        parts.push((part.clone(), made.document.bytes().to_vec()));
        manifests.push(part);
    }
    let index = Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests,
        subject: None,
        annotations: oci::Annotations::new(),
    };
    Made { document: Raw::write(Document::Index(index)), parts }
}

impl Made {
    pub(crate) fn push(&self, to: &dyn Sink, name: &str) -> Result<Digest, TransportError> {
        for (part, bytes) in &self.parts {
            to.put(part, &mut &bytes[..])?;
        }
        to.publish(name, &self.document)?;
        Ok(self.document.digest())
    }
}

/// One login for every host.
pub(crate) struct One(pub(crate) Proof);

impl Credentials for One {
    fn login(&self, _: &str, _: &str) -> Result<Option<Login>, diag::Diagnostic> {
        Ok(Some(Login { secret: self.0.clone(), from: "a test's file".to_owned() }))
    }
}

pub(crate) fn password(user: &str, password: &str) -> Options {
    let proof = Proof::Basic { user: user.to_owned(), password: Secret::new(password) };
    Options { credentials: Arc::new(One(proof)), ..Options::default() }
}

/// What a user would be told.
pub(crate) fn told(error: impl Into<diag::Diagnostic>) -> diag::Diagnostic {
    error.into()
}

/// All that a user would see of an error.
pub(crate) fn shown(error: &diag::Diagnostic) -> String {
    format!("{error}\n{}\n{}", error.details.join("\n"), error.hint.clone().unwrap_or_default())
}
