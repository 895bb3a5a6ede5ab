//! The container of a package: an ar archive of `debian-binary`, `control.tar` and `data.tar`, in
//! this order (deb(5)).
//!
//! Stricter than dpkg, which passes over whatever follows data.tar: a second control.tar or data.tar
//! is where two readers see two packages. Members whose names begin with `_` are passed over, as
//! deb(5) says.

use std::io::{self, BufRead, BufReader, Read};

use bstr::BString;

use crate::DebError;
use crate::limits::{Capped, Limits, OverLimit};

/// One of the two tar archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// Control files and maintainer scripts.
    Control,
    /// The files.
    Data,
}

impl Which {
    /// The member's name without suffix.
    pub fn name(self) -> &'static str {
        match self {
            Which::Control => "control.tar",
            Which::Data => "data.tar",
        }
    }
}

/// A package file that is being read, front to back.
pub struct Archive<R: Read> {
    input: BufReader<R>,
    /// Where the next byte of `input` stands in the file.
    at: u64,
}

/// A header of ar (ar(5)): name, then times and owners that say nothing here, then size.
struct Header {
    name: BString,
    size: u64,
}

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;
/// `debian-binary` is a line of four bytes; later minor versions may add lines.
const VERSION_BYTES: u64 = 1024;

impl<R: Read> Archive<R> {
    /// Reads up to the first tar: the magic and a format version of 2.
    pub fn open(input: R) -> Result<Archive<R>, DebError> {
        let mut archive = Archive { input: BufReader::with_capacity(1 << 16, input), at: 0 };
        let mut magic = [0; 8];
        if archive.fill(&mut magic)? != MAGIC.len() || &magic != MAGIC {
            return Err(DebError::NotAr);
        }
        let version = archive.member()?.ok_or(DebError::Missing { member: "debian-binary" })?;
        if version.name != "debian-binary" {
            return Err(DebError::Order { found: version.name, wanted: "debian-binary" });
        }
        if version.size > VERSION_BYTES {
            return Err(DebError::TooLarge { what: "debian-binary".into(), limit: VERSION_BYTES });
        }
        let mut text = vec![0; version.size as usize];
        archive.fill_all(&mut text)?;
        archive.skip_padding(version.size)?;
        // deb(5): any 2.x is ours, further lines are to be ignored.
        let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
        if !line.starts_with(b"2.") || !line[2..].iter().all(u8::is_ascii_digit) || line.len() < 3 {
            return Err(DebError::Version { found: line.into() });
        }
        Ok(archive)
    }

    /// Gives the unpacked bytes of the next tar to `read`, which must read all of them; at most
    /// `cap` bytes. Calls go: control, data, [`Archive::finish`].
    pub fn tar<T>(
        &mut self,
        which: Which,
        limits: &Limits,
        cap: u64,
        read: impl FnOnce(&mut dyn Read) -> Result<T, DebError>,
    ) -> Result<T, DebError> {
        let header = self.find(which)?;
        let compression = Compression::of(&header.name, which)?;
        if which == Which::Control && header.size > limits.control_bytes {
            return Err(DebError::TooLarge { what: header.name, limit: limits.control_bytes });
        }
        let mut raw = (&mut self.input).take(header.size);
        let decoder = compression.decoder(&mut raw, limits).map_err(|e| DebError::io(which, e))?;
        let mut capped = Capped::new(decoder, cap);
        let value = read(&mut capped).map_err(|e| e.in_member(which))?;
        // The check at the end of a compressed stream comes only with its last byte.
        let more = io::copy(&mut capped, &mut io::sink()).map_err(|e| DebError::io(which, e))?;
        drop(capped);
        let unread = raw.limit();
        if more != 0 || unread != 0 {
            // Either the file ends before the member does, or the member has more than its stream.
            let ended = raw.fill_buf()?.is_empty();
            return Err(if ended { DebError::Truncated } else { DebError::Garbage { member: which.name() } });
        }
        self.at += header.size;
        self.skip_padding(header.size)?;
        Ok(value)
    }

    /// Reads to the end: nothing may follow but members that deb(5) says to pass over.
    pub fn finish(mut self) -> Result<(), DebError> {
        while let Some(header) = self.member()? {
            if !header.name.starts_with(b"_") {
                return Err(DebError::Extra { member: header.name });
            }
            self.skip(header.size)?;
        }
        Ok(())
    }

    fn find(&mut self, which: Which) -> Result<Header, DebError> {
        loop {
            let header = self.member()?.ok_or(DebError::Missing { member: which.name() })?;
            if header.name.starts_with(which.name().as_bytes()) {
                return Ok(header);
            }
            if !header.name.starts_with(b"_") {
                return Err(DebError::Order { found: header.name, wanted: which.name() });
            }
            self.skip(header.size)?;
        }
    }

    /// The next header, none at the end of the file.
    fn member(&mut self) -> Result<Option<Header>, DebError> {
        let at = self.at;
        let mut raw = [0; HEADER];
        match self.fill(&mut raw)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(DebError::Truncated),
        }
        if &raw[58..] != b"`\n" {
            return Err(DebError::Header { at, why: "it does not end as a header does" });
        }
        let name = raw[..16].trim_ascii_end();
        // GNU's ar ends a name with a slash; dpkg takes both.
        let name = name.strip_suffix(b"/").unwrap_or(name);
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_graphic() && *b != b'/') {
            return Err(DebError::Header { at, why: "its name is not one of a package's member" });
        }
        let digits = raw[48..58].trim_ascii_end();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(DebError::Header { at, why: "its size is no number" });
        }
        // At most ten digits: no overflow.
        let size = digits.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
        Ok(Some(Header { name: name.into(), size }))
    }

    /// Members begin at even places.
    fn skip_padding(&mut self, size: u64) -> Result<(), DebError> {
        let mut byte = [0];
        if size % 2 == 1 && self.fill(&mut byte)? == 1 && byte != *b"\n" && byte != [0] {
            return Err(DebError::Header { at: self.at, why: "the padding before it is not a line feed" });
        }
        Ok(())
    }

    fn skip(&mut self, size: u64) -> Result<(), DebError> {
        let got = io::copy(&mut (&mut self.input).take(size), &mut io::sink())?;
        self.at += got;
        if got != size {
            return Err(DebError::Truncated);
        }
        self.skip_padding(size)
    }

    fn fill_all(&mut self, buffer: &mut [u8]) -> Result<(), DebError> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(DebError::Truncated) }
    }

    /// Fills as much of `buffer` as there is.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, DebError> {
        let mut have = 0;
        while have < buffer.len() {
            match self.input.read(&mut buffer[have..]) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.at += have as u64;
        Ok(have)
    }
}

/// How a tar is packed, by the suffix of its member's name. dpkg also reads bzip2 and lzma, with
/// which Debian's archive has packed nothing since 2014.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    fn of(name: &BString, which: Which) -> Result<Compression, DebError> {
        match &name[which.name().len()..] {
            b"" => Ok(Compression::None),
            b".gz" => Ok(Compression::Gzip),
            b".xz" => Ok(Compression::Xz),
            b".zst" => Ok(Compression::Zstd),
            _ => Err(DebError::Compression { member: name.clone() }),
        }
    }

    fn decoder<'a, B: BufRead + 'a>(self, input: B, limits: &Limits) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Compression::None => Box::new(input),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    limits.xz_memory,
                    liblzma::stream::CONCATENATED,
                )?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(limits.zstd_window_log)?;
                Box::new(decoder)
            }
        })
    }
}

/// Finds an [`OverLimit`] in an error that came through a reader.
pub(crate) fn over_limit(error: &io::Error) -> Option<u64> {
    error.get_ref().and_then(|e| e.downcast_ref::<OverLimit>()).map(|o| o.0)
}
