use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use bstr::BString;
use oci::{Descriptor, Digest, Hasher};
use rootfs::{Body, Entry, Node, Owner, PayloadIx, tar};
use store::WholeFile;

use crate::{Carried, TransportError};

/// Writes the tar of an image: root's files, 0644, at the beginning of time.
pub(crate) struct ArchiveWriter<'a> {
    tar: tar::Writer<&'a mut dyn Write>,
}

impl<'a> ArchiveWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> ArchiveWriter<'a> {
        ArchiveWriter { tar: tar::Writer::new(out) }
    }

    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), TransportError> {
        self.blob(name, bytes.len() as u64, &mut &bytes[..])
    }

    pub(crate) fn blob(&mut self, name: &str, size: u64, bytes: &mut dyn Read) -> Result<(), TransportError> {
        if size == 0 {
            // The tar writer reads nothing then, and nobody would see that there is more.
            bytes.read(&mut [0]).map_err(TransportError::io("write", name))?;
        }
        // The tar writer looks at nothing but the size.
        let body = Body { digest: Digest::Sha256([0; 32]), size, payload: PayloadIx(0), offset: 0 };
        self.append(name, Node::File(body), 0o644, bytes)
    }

    pub(crate) fn dir(&mut self, name: &str) -> Result<(), TransportError> {
        self.append(name, Node::Dir, 0o755, &mut io::empty())
    }

    fn append(
        &mut self,
        name: &str,
        node: Node,
        mode: u32,
        bytes: &mut dyn Read,
    ) -> Result<(), TransportError> {
        let entry = Entry::new(BString::from(name), node, mode, Owner::Derived);
        self.tar.append(&entry, bytes).map_err(TransportError::io("write", name))
    }

    pub(crate) fn finish(self) -> Result<(), TransportError> {
        self.tar.finish().and_then(|out| out.flush()).map_err(TransportError::io("write", "the archive"))
    }
}

/// Passes bytes on and fails at their end if they are not what a descriptor promises.
pub(crate) struct Verified<'a> {
    bytes: &'a mut dyn Read,
    wanted: &'a Descriptor,
    hash: Option<Hasher>,
    size: u64,
}

impl<'a> Verified<'a> {
    pub(crate) fn new(bytes: &'a mut dyn Read, wanted: &'a Descriptor) -> Verified<'a> {
        Verified { bytes, wanted, hash: Some(Hasher::new(wanted.digest.algorithm())), size: 0 }
    }

    fn check(&mut self) -> io::Result<()> {
        let Some(hash) = self.hash.take() else { return Ok(()) };
        let found = hash.finish();
        if found == self.wanted.digest && self.size == self.wanted.size {
            return Ok(());
        }
        // Of what goes on nobody has seen the end.
        if self.size == self.wanted.size {
            self.size += self.bytes.read(&mut [0])? as u64;
        }
        let error = TransportError::mismatch(self.wanted, &found, self.size);
        Err(io::Error::new(io::ErrorKind::InvalidData, Carried(error.into())))
    }
}

impl Read for Verified<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.bytes.read(buffer)?;
        self.size += got as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..got]);
        }
        // A reader that knows the size stops there and does not ask for the end.
        if got == 0 && !buffer.is_empty() || self.size >= self.wanted.size {
            self.check()?;
        }
        Ok(got)
    }
}

/// Writes a file that has its name when it is complete; see [`WholeFile`].
pub(crate) fn write_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, TransportError>,
) -> Result<T, TransportError> {
    let mut out = BufWriter::with_capacity(1 << 18, WholeFile::begin(path)?);
    let done = write(&mut out)?;
    let file = out.into_inner().map_err(|e| TransportError::io("write", path.display())(e.into_error()))?;
    file.finish()?;
    Ok(done)
}
