use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use oci::{Descriptor, DiffId, Digest, Hasher, ImageConfig, Manifest, MediaType, Raw, Reference};
use serde::Deserialize;

use crate::compressed::{self, Room};
use crate::members::Members;
use crate::oci_archive::open_layer;
use crate::passing::passing;
use crate::{Document, Source, TransportError};

/// `manifest.json`, in bytes.
const MAX_LIST: u64 = 4 << 20;
/// A config, in bytes.
const MAX_CONFIG: u64 = 16 << 20;
/// The tar of a compressed layer, in bytes.
pub(super) const MAX_LAYER: u64 = 64 << 30;

/// An archive to read images from: of Docker of any age (25 and later lay an OCI layout in it), Podman,
/// skopeo, Buildah, kaniko, ko. It has no manifest, so one is made: the same for the same archive. Layers are
/// taken as they lie there, compressed or not; that their tars are those of the config is checked.
#[derive(Debug)]
pub struct DockerArchive {
    members: Members,
    images: Vec<ArchivedImage>,
    /// Which images have a name, as Docker completes it.
    named: BTreeMap<String, BTreeSet<usize>>,
    /// Which member has which blob, of the images that were asked for.
    blobs: Mutex<BTreeMap<Digest, String>>,
}

/// An image of `manifest.json` (moby, image/tarexport).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArchivedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl DockerArchive {
    /// Opens an archive.
    ///
    /// # Errors
    /// It cannot be read, is no tar archive, or has no `manifest.json`, as archives of Docker before 1.10.
    pub fn open(path: &Path) -> Result<DockerArchive, TransportError> {
        DockerArchive::over(Members::scan(path)?)
    }

    /// The same, where the file may be compressed with gzip, zstd or xz as a whole, as `docker save | gzip` does; it is
    /// unpacked in `room` for as long as this value lives.
    ///
    /// # Errors
    /// Those of [`DockerArchive::open`]; the compression is damaged; there is no room.
    pub fn open_in(path: &Path, room: Room<'_>) -> Result<DockerArchive, TransportError> {
        DockerArchive::over(compressed::members(path, room)?)
    }

    /// An archive that comes as a stream, as from an engine: kept in `dir`, which is made if need be, as long as
    /// this value lives.
    ///
    /// # Errors
    /// Those of `write`, and of [`DockerArchive::open`].
    pub fn spool<E: From<TransportError>>(
        dir: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<DockerArchive, E> {
        let mut made = passing(dir).map_err(TransportError::io("write into", dir.display()))?;
        let mut out = BufWriter::with_capacity(1 << 18, made.file());
        write(&mut out)?;
        out.flush().map_err(TransportError::io("write into", dir.display()))?;
        drop(out);
        let members = Members::scan(made.path())?;
        Ok(DockerArchive::over(members.at(made))?)
    }

    fn over(members: Members) -> Result<DockerArchive, TransportError> {
        let list = members.read("manifest.json", MAX_LIST)?;
        let images: Vec<ArchivedImage> = serde_json::from_slice(&list)
            .map_err(|e| malformed(&members, format!("its manifest.json: {e}")))?;
        let mut named: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (at, image) in images.iter().enumerate() {
            for tag in image.repo_tags.iter().flatten() {
                named.entry(whole(tag)).or_default().insert(at);
            }
        }
        Ok(DockerArchive { members, images, named, blobs: Mutex::default() })
    }

    /// What its images are called: every name that only one of them has, and `@N`, counted from 0, of one that has
    /// none of its own.
    pub fn names(&self) -> Vec<String> {
        (0..self.images.len()).flat_map(|at| self.names_of(at)).collect()
    }

    fn names_of(&self, at: usize) -> Vec<String> {
        let tags = self.images[at].repo_tags.iter().flatten();
        let own = |tag: &&String| self.named.get(&whole(tag)).is_some_and(|images| images.len() == 1);
        let mut seen = BTreeSet::new();
        let own: Vec<String> = tags.filter(own).filter(|tag| seen.insert(*tag)).cloned().collect();
        if own.is_empty() { vec![format!("@{at}")] } else { own }
    }

    /// Which image has a config of that digest.
    fn configured(&self, digest: &Digest) -> Result<Vec<usize>, TransportError> {
        for (at, image) in self.images.iter().enumerate() {
            if Digest::of(&self.members.read(&image.config, MAX_CONFIG)?) == *digest {
                return Ok(vec![at]);
            }
        }
        Ok(Vec::new())
    }

    fn find(&self, name: &str) -> Result<&ArchivedImage, TransportError> {
        let counted = name.strip_prefix('@').and_then(|at| at.parse::<usize>().ok());
        let found: Vec<usize> = match (name.parse::<Digest>(), counted) {
            _ if name.is_empty() => (0..self.images.len()).collect(),
            (Ok(digest), _) => self.configured(&digest)?,
            (_, Some(at)) => Some(at).filter(|at| *at < self.images.len()).into_iter().collect(),
            _ => self.named.get(&whole(name)).into_iter().flatten().copied().collect(),
        };
        let first = |at: &usize| self.names_of(*at).into_iter().find(|name| is_printable(name));
        let typed = |at: &usize| first(at).unwrap_or_else(|| format!("@{at}"));
        let (name, place) = (name.to_owned(), self.members.shown());
        match found.as_slice() {
            [one] => Ok(&self.images[*one]),
            [] => {
                let known = self.names().into_iter().filter(|name| is_printable(name)).collect();
                Err(TransportError::NoImage { name, place, known })
            }
            several => {
                let known = several.iter().map(typed).collect();
                Err(TransportError::Ambiguous { name, place, known })
            }
        }
    }

    fn manifest(&self, image: &ArchivedImage) -> Result<Manifest, TransportError> {
        let malformed = |why: String| malformed(&self.members, why);
        let bytes = self.members.read(&image.config, MAX_CONFIG)?;
        let config: ImageConfig =
            serde_json::from_slice(&bytes).map_err(|e| malformed(format!("{}: {e}", image.config)))?;
        let diff_ids = &config.rootfs.diff_ids;
        let names = image.layers.as_deref().unwrap_or_default();
        if diff_ids.len() != names.len() {
            let (there, said) = (names.len(), diff_ids.len());
            return Err(malformed(format!("it has {there} layers, and its config names {said}")));
        }
        let mut known = BTreeMap::from([(Digest::of(&bytes), image.config.clone())]);
        let mut layers = Vec::new();
        for (name, diff_id) in names.iter().zip(diff_ids) {
            let layer = self.layer(name, diff_id)?;
            known.insert(layer.digest, name.clone());
            layers.push(layer);
        }
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
        Ok(Manifest {
            schema_version: 2,
            media_type: Some(MediaType::MANIFEST),
            artifact_type: None,
            config: Descriptor::of(MediaType::CONFIG, &bytes),
            layers,
            subject: None,
            annotations: oci::Annotations::new(),
        })
    }

    /// The descriptor of a layer. A bare tar is called by its diff id, and whoever reads it sees whether that
    /// is its digest; a compressed one is read once for its digest, and for whether it holds that tar.
    fn layer(&self, name: &str, diff_id: &DiffId) -> Result<Descriptor, TransportError> {
        let absent = || malformed(&self.members, format!("it has no {name}"));
        let size = self.members.size(name.as_bytes()).ok_or_else(absent)?;
        let fail = |e| TransportError::io("read", format!("{name} of {}", self.members.shown()))(e);
        let mut first = Vec::new();
        let open = || self.members.open(name.as_bytes(), 0)?.ok_or_else(absent);
        open()?.take(4).read_to_end(&mut first).map_err(fail)?;
        let kind = match first.as_slice() {
            [0x1f, 0x8b, ..] => MediaType::LAYER_GZIP,
            [0x28, 0xb5, 0x2f, 0xfd] => MediaType::LAYER_ZSTD,
            _ => MediaType::LAYER_TAR,
        };
        if kind == MediaType::LAYER_TAR {
            // Of a bare tar the two are one, and only of a bare tar.
            let digest = diff_id.0;
            return Ok(Descriptor::new(kind, digest, size));
        }
        let (digest, found) = hash_both(&kind, open()?).map_err(fail)?;
        if found != diff_id.0 {
            return Err(TransportError::Mismatch {
                wanted: format!("the layer {name} with the diff id {diff_id}"),
                found: found.to_string(),
                place: self.members.shown(),
            });
        }
        Ok(Descriptor::new(kind, digest, size))
    }
}

impl Source for DockerArchive {
    /// `name` is one of its images' names, as Docker completes it, the digest of a config, or `@N`, as skopeo counts
    /// images from 0; with an empty one the only image there is.
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        let image = self.find(name)?;
        Ok(Raw::write(Document::Manifest(self.manifest(image)?)))
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let absent = || TransportError::NoBlob { digest: of.digest, place: self.members.shown() };
        let name = self.blobs.lock().unwrap_or_else(PoisonError::into_inner).get(&of.digest).cloned();
        let member = self.members.open(name.ok_or_else(absent)?.as_bytes(), from)?;
        Ok(Box::new(member.ok_or_else(absent)?))
    }
}

fn malformed(members: &Members, why: String) -> TransportError {
    TransportError::Malformed { what: members.shown(), why }
}

/// What somebody wrote into a file may be no name at all.
fn is_printable(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_graphic())
}

/// A name as Docker completes it; what is no name stays as it is.
fn whole(name: &str) -> String {
    let Ok(mut reference) = name.parse::<Reference>() else { return name.to_owned() };
    if reference.registry.as_deref().is_none_or(|r| r == "index.docker.io" || r == "localhost") {
        // Podman writes `localhost/` before names that have no registry.
        reference.registry = Some("docker.io".to_owned());
    }
    if reference.registry.as_deref() == Some("docker.io") && !reference.repository.contains('/') {
        reference.repository = format!("library/{}", reference.repository);
    }
    if reference.tag.is_none() && reference.digest.is_none() {
        reference.tag = Some("latest".to_owned());
    }
    reference.to_string()
}

/// The digests of a compressed layer and of its tar, in one pass.
fn hash_both(kind: &MediaType, layer: impl Read + Send) -> io::Result<(Digest, Digest)> {
    let mut outer = Hashing::new(layer);
    let mut inner = Hasher::new(oci::Algorithm::Sha256);
    let mut left = MAX_LAYER;
    {
        let mut tar = open_layer(kind, Box::new(&mut outer))?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match tar.read(&mut buffer) {
                Ok(0) => break,
                Ok(got) if got as u64 > left => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "its tar is larger than 64 GiB"));
                }
                Ok(got) => {
                    left -= got as u64;
                    inner.update(&buffer[..got]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
    // What follows the compressed data belongs to the blob.
    io::copy(&mut outer, &mut io::sink())?;
    Ok((outer.finish(), inner.finish()))
}

/// A reader that hashes what it gives.
pub(super) struct Hashing<R> {
    input: R,
    hash: Hasher,
}

impl<R> Hashing<R> {
    pub(super) fn new(input: R) -> Hashing<R> {
        Hashing { input, hash: Hasher::new(oci::Algorithm::Sha256) }
    }

    /// The digest of what was given.
    pub(super) fn finish(self) -> Digest {
        self.hash.finish()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        self.hash.update(&buffer[..got]);
        Ok(got)
    }
}
