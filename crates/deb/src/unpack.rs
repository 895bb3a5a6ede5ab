use std::io::{self, Read, Write};

use rootfs::payload::{self, PayloadError};
use rootfs::tar;

use crate::archive::{Archive, Which};
use crate::{ControlFiles, DebError, Limits};

/// Part of a payload's cache key, beside the package's digest and [`payload::REVISION`]: counts up
/// when [`unpack`] would make another payload of the same package.
pub const REVISION: u32 = 1;

/// The name of the payload's part that holds [`ControlFiles::encode`].
pub const CONTROL_PART: &str = "deb";

/// Reads a package, front to back, into a payload: its files, what they are (see [`fact_of`]), and
/// its control files as the part [`CONTROL_PART`]. The caller finishes the payload.
///
/// Nothing is judged but form: owners, setuid bits and attributes are data for composition. Devices
/// and FIFOs are refused here: no package of Debian's has one, and no container may.
///
/// # Errors
/// Each way of being malformed is its own [`DebError`]; what was written so far is worthless then.
pub fn unpack<W: Write>(
    package: impl Read,
    limits: &Limits,
    out: &mut payload::Writer<W>,
) -> Result<ControlFiles, DebError> {
    let mut archive = Archive::open(package)?;
    let cap = limits.control_bytes;
    let control = archive.tar(Which::Control, limits, cap, |r| ControlFiles::read(r, limits))?;
    let cap = limits.data_cap(control.control.installed_kib());
    archive.tar(Which::Data, limits, cap, |r| unpack_files(r, limits, cap, out))?;
    archive.finish()?;
    out.extra(CONTROL_PART, &control.encode()).map_err(refused)?;
    Ok(control)
}

/// Reads only what control.tar says and stops there; for a look at many packages.
pub fn read_control_files(package: impl Read, limits: &Limits) -> Result<ControlFiles, DebError> {
    let mut archive = Archive::open(package)?;
    archive.tar(Which::Control, limits, limits.control_bytes, |r| ControlFiles::read(r, limits))
}

fn unpack_files<W: Write>(
    input: &mut dyn Read,
    limits: &Limits,
    cap: u64,
    out: &mut payload::Writer<W>,
) -> Result<(), DebError> {
    let tar_limits = tar::Limits { members: limits.members, body_bytes: cap, ..tar::Limits::default() };
    let failed = |source| DebError::Tar { member: Which::Data.name(), source };
    let mut reader = tar::Reader::new(input, tar_limits);
    while let Some(member) = reader.next().map_err(failed)? {
        if let tar::Kind::Special(_) = member.kind {
            return Err(DebError::Member { path: member.path, why: "it is a device or FIFO" });
        }
        let mut seen = Seen::new(&mut reader, limits.elf_bytes.min(member.size));
        let id = out.append(member, &mut seen).map_err(refused)?;
        if let Some(fact) = seen.fact() {
            out.fact(id, fact);
        }
    }
    Ok(())
}

fn refused(error: PayloadError) -> DebError {
    match error {
        // The tar reader's own errors come back through the body that the payload read.
        PayloadError::Io { error, .. } if error.kind() == io::ErrorKind::UnexpectedEof => DebError::Truncated,
        PayloadError::Io { error, .. } => {
            DebError::Tar { member: Which::Data.name(), source: tar::TarError::Io(error) }
        }
        other => DebError::Payload(other),
    }
}

/// What is found out about a file's content while it passes, as a payload keeps it: the line of a
/// script from its `#!` on, without line feed, at most 256 bytes (Linux reads no more); or
/// [`elf::Summary::encode`], which never begins with `#!`; or nothing.
pub fn fact_of(content: &[u8]) -> Option<Vec<u8>> {
    if content.starts_with(b"#!") {
        let line = content.split(|&b| b == b'\n').next().unwrap_or_default();
        return Some(line[..line.len().min(256)].to_vec());
    }
    if !content.starts_with(b"\x7fELF") {
        return None;
    }
    // An ELF file that contradicts itself is somebody's test data; it has no facts.
    elf::Summary::read(content).ok().flatten().map(|summary| summary.encode())
}

/// Passes a body on and keeps what [`fact_of`] needs of it: all of an ELF file, the first bytes of
/// any other.
struct Seen<R> {
    body: R,
    kept: Vec<u8>,
    most: u64,
}

impl<R: Read> Seen<R> {
    fn new(body: R, most: u64) -> Seen<R> {
        Seen { body, kept: Vec::new(), most }
    }

    fn fact(&self) -> Option<Vec<u8>> {
        fact_of(&self.kept)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let head = 256usize.saturating_sub(self.kept.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(head);
        self.kept.extend_from_slice(head);
        if self.kept.starts_with(b"\x7fELF") {
            let room = usize::try_from(self.most).unwrap_or(usize::MAX).saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&rest[..room.min(rest.len())]);
        }
    }
}

impl<R: Read> Read for Seen<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.body.read(buffer)?;
        self.keep(&buffer[..got]);
        Ok(got)
    }
}
