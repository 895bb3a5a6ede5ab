use std::io::{self, Read, Write};

use elf::FactReader;
use rootfs::payload::{self, PayloadError};
use rootfs::tar;

use crate::archive::{Archive, Which};
use crate::{ControlFiles, DebError, Limits};

/// Part of a payload's cache key, beside the package's digest and [`payload::REVISION`]: counts up
/// when [`unpack`] would make another payload of the same package.
pub const REVISION: u32 = 1;

/// The name of the payload's part that holds [`ControlFiles::encode`].
pub const CONTROL_PART: &str = "deb";

/// Reads a package, front to back, into a payload: its files, what they are (see [`elf::fact_of`]), and
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
    let tar_limits =
        tar::Limits { members: limits.members, body_bytes: cap, plain_paths: true, ..tar::Limits::default() };
    let failed = |why| DebError::Tar { member: Which::Data.name(), why };
    let mut reader = tar::Reader::new(input, tar_limits);
    while let Some(member) = reader.next().map_err(failed)? {
        if let tar::Kind::Special(_) = member.kind {
            return Err(DebError::Member { path: member.path, why: "it is a device or FIFO" });
        }
        let mut seen = FactReader::new(&mut reader, limits.elf_bytes.min(member.size));
        let id = out.append(member, &mut seen).map_err(refused)?;
        if let Some(fact) = seen.fact() {
            out.fact(id, fact);
        }
    }
    Ok(())
}

fn refused(error: PayloadError) -> DebError {
    match error {
        PayloadError::Unwritten { error, .. } => DebError::Io(error),
        // The tar reader's own errors come back through the body that the payload read.
        PayloadError::Io { error, .. } if error.kind() == io::ErrorKind::UnexpectedEof => DebError::Truncated,
        PayloadError::Io { error, .. } => {
            DebError::Tar { member: Which::Data.name(), why: tar::TarError::Io(error) }
        }
        other => DebError::Payload(other),
    }
}
