//! `oci-archive:FILE`: an OCI layout of one image as a tar archive, the same bytes for the same image.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use oci::{Descriptor, Digest, Index, MediaType, Raw, Reference};

use crate::archive::{ArchiveWriter, Verified, write_whole};
use crate::compressed::{self, Room};
use crate::copy::parts_of;
use crate::layout::{INDEX_FILE, LAYOUT_FILE, LAYOUT_JSON, check_layout, empty_index, find, read_index};
use crate::members::Members;
use crate::transport::parse_document;
use crate::{Document, REF_NAME, Source, TransportError};

/// The annotation by which containerd and Docker (25 and later) name what they load.
pub(crate) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What an image is called in its archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveName {
    /// The layout's own name of it.
    pub tag: Option<String>,
    /// The name by which an engine loads it.
    pub reference: Option<Reference>,
}

impl ArchiveName {
    /// A reference, and its tag.
    pub fn of(reference: &Reference) -> ArchiveName {
        let tag = reference.tag.clone().unwrap_or_else(|| "latest".to_owned());
        ArchiveName { tag: Some(tag), reference: Some(reference.clone()) }
    }
}

/// Writes an image with all its platforms into a file, whole or not at all.
pub fn save(
    source: &dyn Source,
    name: &str,
    called: &ArchiveName,
    path: &Path,
) -> Result<Digest, TransportError> {
    write_whole(path, |out| write(source, name, called, out))
}

/// Writes an image with all its platforms. Every part is checked on the way.
pub fn write(
    source: &dyn Source,
    name: &str,
    called: &ArchiveName,
    out: &mut dyn Write,
) -> Result<Digest, TransportError> {
    let document = source.document(name)?;
    let mut top = Descriptor::of(document.value().media_type(), document.bytes());
    let mut parts = parts_of(source, document.value())?;
    parts.push(top.clone());
    parts.sort_by_key(|part| part.digest);
    if let Some(tag) = &called.tag {
        top.annotations.insert(REF_NAME.to_owned(), tag.clone());
    }
    if let Some(reference) = &called.reference {
        top.annotations.insert(CONTAINERD_NAME.to_owned(), reference.to_string());
    }
    let index = Index { manifests: vec![top.clone()], ..empty_index() };
    let mut archive = ArchiveWriter::new(out);
    archive.file(LAYOUT_FILE, LAYOUT_JSON)?;
    archive.file(INDEX_FILE, &oci::canonical_json(&index))?;
    archive.dir("blobs")?;
    for algorithm in ["sha256", "sha512"] {
        let of_it: Vec<&Descriptor> =
            parts.iter().filter(|p| p.digest.algorithm().name() == algorithm).collect();
        if of_it.is_empty() {
            continue;
        }
        archive.dir(&format!("blobs/{algorithm}"))?;
        for part in of_it {
            let name = format!("blobs/{algorithm}/{}", part.digest.hex());
            archive.blob(&name, part.size, &mut Verified::new(&mut *source.blob(part, 0)?, part))?;
        }
    }
    archive.finish()?;
    Ok(document.digest())
}

/// `index.json` and `oci-layout`, in bytes.
const MAX_JSON: u64 = 4 << 20;

/// An archive to read an image from. Where its members are is found out once, by reading their
/// headers.
#[derive(Debug)]
pub struct OciArchive {
    members: Members,
    index: Index,
}

impl OciArchive {
    /// Opens an archive.
    pub fn open(path: impl Into<PathBuf>) -> Result<OciArchive, TransportError> {
        OciArchive::over(Members::scan(&path.into())?)
    }

    /// The same, where the file may be compressed with gzip, zstd or xz as a whole; it is unpacked in `room` for as long
    /// as this value lives.
    ///
    /// # Errors
    /// It is no such archive, its compression is damaged, or there is no room.
    pub fn open_in(path: &Path, room: Room<'_>) -> Result<OciArchive, TransportError> {
        OciArchive::over(compressed::members(path, room)?)
    }

    fn over(members: Members) -> Result<OciArchive, TransportError> {
        let shown = members.shown();
        check_layout(&shown, &members.read(LAYOUT_FILE, MAX_JSON)?)?;
        let index = read_index(&shown, &members.read(INDEX_FILE, MAX_JSON)?)?;
        Ok(OciArchive { members, index })
    }

    /// Its index of names.
    pub fn index(&self) -> &Index {
        &self.index
    }
}

impl Source for OciArchive {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        let part = find(&self.index, name, &self.members.shown())?;
        let bytes = crate::read_small(self, part)?;
        parse_document(&part.digest.to_string(), bytes)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let name = format!("blobs/{}/{}", of.digest.algorithm().name(), of.digest.hex());
        let member = self.members.open(name.as_bytes(), from)?;
        let absent = || TransportError::NoBlob { digest: of.digest, place: self.members.shown() };
        Ok(Box::new(member.ok_or_else(absent)?))
    }
}

/// The types of the layers that we know how to read.
pub(crate) fn is_zstd(kind: &MediaType) -> bool {
    kind.as_str().ends_with("+zstd")
}

/// Is the layer compressed with gzip?
pub(crate) fn is_gzip(kind: &MediaType) -> bool {
    kind.as_str().ends_with("gzip")
}

/// The tar of a layer.
pub(crate) fn open_layer<'a>(
    kind: &MediaType,
    blob: Box<dyn Read + Send + 'a>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(if is_zstd(kind) {
        Box::new(zstd::Decoder::new(blob)?)
    } else if is_gzip(kind) {
        Box::new(flate2::read::MultiGzDecoder::new(blob))
    } else {
        blob
    })
}
