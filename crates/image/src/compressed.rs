//! Archives that are compressed as a whole (`docker save app | gzip`): undone into a file beside which nothing is kept.
//!
//! Members of an archive are wanted in any order, and of compressed bytes only the beginning can be found; so the tar is
//! written out once. It is read as a tar while it is written: what is none stops there, and what an archive may be long
//! ([`rootfs::tar::Limits`]) it may be here, so a small file cannot fill the disk with what is no archive.
#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use diag::{Reporter, Task, Unit};
use rootfs::tar::TarError;

use crate::TransportError;
use crate::members::Members;
use crate::passing::passing;

/// Where an archive may be unpacked while it is read, and who is told.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// A directory of ours, made if need be. What processes left there that were killed is removed.
    pub dir: &'a Path,
    /// Told of bytes, asked whether to go on.
    pub reporter: &'a dyn Reporter,
}

/// What a whole archive is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Xz,
    /// Known, and not read.
    Bzip2,
}

/// What `xz -9` needs, with room.
const MOST_MEMORY: u64 = 192 << 20;

/// The largest window of zstd that is read, as a power of two: `zstd --ultra -22` has it.
const WINDOW: u32 = 27;

impl Compression {
    /// By the first bytes of a file (RFC 1952, RFC 8878, the .xz format), which is then at its beginning again.
    pub(crate) fn of(file: &mut File) -> io::Result<Option<Compression>> {
        let mut first = Vec::new();
        file.take(6).read_to_end(&mut first)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(match first.as_slice() {
            [0x1f, 0x8b, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Compression::Xz),
            [b'B', b'Z', b'h', ..] => Some(Compression::Bzip2),
            _ => None,
        })
    }

    /// The program that makes it, and undoes it with `-d`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }

    /// What it holds; several members or frames are one, as they are for these programs. None for what is not read.
    fn undone<'a>(self, input: impl Read + 'a) -> io::Result<Option<Box<dyn Read + 'a>>> {
        Ok(Some(match self {
            Compression::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 18, input)))
            }
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::new(input)?;
                decoder.window_log_max(WINDOW)?;
                Box::new(decoder)
            }
            Compression::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(MOST_MEMORY, flags)?;
                Box::new(liblzma::read::XzDecoder::new_stream(input, stream))
            }
            Compression::Bzip2 => return Ok(None),
        }))
    }
}

/// The members of an archive, which may be compressed.
///
/// # Errors
/// It cannot be read, its compression is damaged or not known, it is no tar archive, or there is no room for it.
pub(crate) fn members(path: &Path, room: Room<'_>) -> Result<Members, TransportError> {
    let read = |e| TransportError::io("read", path.display())(e);
    let mut file = File::open(path).map_err(read)?;
    let Some(compression) = Compression::of(&mut file).map_err(read)? else { return Members::scan(path) };
    let write = |e| TransportError::io("unpack into", room.dir.display())(e);
    let length = file.metadata().map_err(read)?.len();
    let label = format!("unpacking {}", path.display());
    let task = room.reporter.task(&label, Some(length), Unit::Bytes);
    let input = Told { file, room, task: &task };
    let Some(undone) = compression.undone(input).map_err(read)? else { return Members::scan(path) };
    let mut made = passing(room.dir).map_err(write)?;
    let mut unwritten = None;
    let out = BufWriter::with_capacity(1 << 18, &*made.file());
    let mut kept = Kept { input: undone, out, unwritten: &mut unwritten };
    let found = Members::read_headers(BufReader::with_capacity(1 << 18, &mut kept), path);
    let flushed = kept.out.flush();
    drop(kept);
    room.reporter.check().map_err(TransportError::Stopped)?;
    if let Some(error) = unwritten {
        return Err(write(error));
    }
    let members = found.map_err(|error| TransportError::Malformed {
        what: path.display().to_string(),
        why: match error {
            TarError::Io(error) => {
                format!(
                    "it is compressed with {}, and that is damaged or cut short: {error}",
                    compression.word()
                )
            }
            other => other.to_string(),
        },
    })?;
    flushed.map_err(write)?;
    Ok(members.at(made))
}

/// The compressed file: bytes are told of, and Ctrl-C is looked for.
struct Told<'a> {
    file: File,
    room: Room<'a>,
    task: &'a Task<'a>,
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.room.reporter.check().map_err(io::Error::other)?;
        let got = self.file.read(buffer)?;
        self.task.advance(got as u64);
        Ok(got)
    }
}

/// Gives what it reads, and keeps it.
struct Kept<'a, R, W> {
    input: R,
    out: W,
    unwritten: &'a mut Option<io::Error>,
}

impl<R: Read, W: Write> Read for Kept<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.input.read(buffer)?;
        if let Err(error) = self.out.write_all(&buffer[..got]) {
            *self.unwritten = Some(error);
            return Err(io::Error::other("it is not kept"));
        }
        Ok(got)
    }
}
