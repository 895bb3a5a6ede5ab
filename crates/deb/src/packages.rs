//! Indexes of packages: `Packages`, `Packages.gz`, `Packages.xz` to the bytes of a
//! [`package::Shelf`].
//!
//! Decompression takes most of the time, so blocks are decoded on several threads and the records are
//! read beside them (`xz_blocks.rs`). The scan itself looks for line ends only and
//! borrows every value.

use std::io::Read;

use diag::{Explain, Kind};
use oci::{Algorithm, Digest};
use package::shelf::BuildError;
use package::{Identity, MultiArch, Priority, RecordDraft, ShelfBuilder, World};

use crate::release::{Compression, is_inside};
use crate::xz_blocks;

/// One record may not be larger; the largest of Debian has 60 kB.
const MAX_STANZA: usize = 8 << 20;
/// How much is decoded before the records in it are read.
const CHUNK: usize = 1 << 20;

/// An index that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// It cannot be decompressed.
    #[error("cannot decompress package index: {0}")]
    Decompress(#[source] std::io::Error),
    /// It decompresses to more than was signed for.
    #[error("cannot read package index: it decompresses to more than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// A record that does not follow the format.
    #[error("cannot read package index: line {line}: {fault}")]
    Stanza {
        /// From 1, in the decompressed text.
        line: u64,
        /// What is wrong.
        #[source]
        fault: StanzaFault,
    },
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaFault {
    /// A line that is neither field nor continuation.
    #[error("it is neither a field nor a continuation")]
    Line,
    /// A field that stands twice.
    #[error("the field `{0}` stands twice")]
    Duplicate(&'static str),
    /// A field that must be there.
    #[error("the record before it has no field `{0}`")]
    Missing(&'static str),
    /// A value out of its form.
    #[error("`{field}` is `{value}`, which is {why}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value, shortened.
        value: String,
        /// Why not.
        why: &'static str,
    },
    /// Only MD5 or SHA-1.
    #[error("the record before it has neither SHA256 nor SHA512")]
    WeakOnly,
    /// Longer than any honest record.
    #[error("the record is longer than {MAX_STANZA} bytes")]
    TooLong,
    /// It cannot be put on a shelf.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl Explain for PackagesError {
    fn kind(&self) -> Kind {
        match self {
            PackagesError::Stanza { fault: StanzaFault::WeakOnly, .. } => Kind::Trust,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PackagesError::Stanza { fault: StanzaFault::WeakOnly, .. } => {
                "ask the archive's owner to publish SHA256 or SHA512; MD5 and SHA-1 can be forged".into()
            }
            _ => "the archive publishes a malformed index; tell its owner, or use another mirror".into(),
        })
    }
}

/// Reads an index into the bytes of a shelf.
///
/// `limit` bounds the decompressed size; a release file says it ([`crate::release::IndexFile`]).
/// `threads` bounds how many decode (one is enough below some 24 MiB, where `xz` makes one block);
/// the caller's reads beside them.
///
/// The caller has compared `bytes` with a digest: with several blocks, xz's own sums are not checked.
pub fn read_packages(
    bytes: &[u8],
    compression: Compression,
    limit: u64,
    threads: u32,
) -> Result<Vec<u8>, PackagesError> {
    let mut scan = Scan::default();
    if compression == Compression::None {
        if bytes.len() as u64 > limit {
            return Err(PackagesError::TooLarge { limit });
        }
        scan.read(bytes)?;
    } else if threads > 1
        && compression == Compression::Xz
        && let Some(blocks) = xz_blocks::blocks(bytes).filter(|b| b.len() > 1)
    {
        let total = blocks.iter().try_fold(0u64, |sum, b| sum.checked_add(b.plain));
        if total.is_none_or(|total| total > limit) {
            return Err(PackagesError::TooLarge { limit });
        }
        let threads = threads.min(16) as usize;
        xz_blocks::with_decoded(bytes, &blocks, threads, |reader| scan.read_stream(reader, limit))?;
    } else {
        scan.read_stream(&mut *decompressor(bytes, compression, limit, threads)?, limit)?;
    }
    Ok(scan.builder.finish())
}

/// A reader of the decompressed bytes.
pub fn decompressor(
    bytes: &[u8],
    compression: Compression,
    limit: u64,
    threads: u32,
) -> Result<Box<dyn Read + '_>, PackagesError> {
    Ok(match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Compression::Xz => {
            // Threads hold whole blocks: bounded by what the index may become, and by a fixed sum
            // above which the decoder falls back to one thread.
            let stream = liblzma::stream::MtStreamBuilder::new()
                .threads(threads.clamp(1, 16))
                .memlimit_threading(limit.saturating_mul(2).clamp(64 << 20, 512 << 20))
                .memlimit_stop(256 << 20)
                .decoder()
                .map_err(|e| PackagesError::Decompress(e.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(bytes, stream))
        }
    })
}

struct Scan {
    builder: ShelfBuilder,
    /// Lines before the bytes in hand.
    line: u64,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan { builder: ShelfBuilder::new(World::Debian), line: 0 }
    }
}

impl Scan {
    fn read_stream(&mut self, reader: &mut dyn Read, limit: u64) -> Result<(), PackagesError> {
        let mut buffer = vec![0; 2 * CHUNK];
        let (mut filled, mut total) = (0, 0u64);
        loop {
            if filled == buffer.len() {
                if filled > MAX_STANZA {
                    return Err(PackagesError::Stanza { line: self.line + 1, fault: StanzaFault::TooLong });
                }
                buffer.resize(2 * filled, 0);
            }
            let taken = match reader.read(&mut buffer[filled..]) {
                Ok(taken) => taken,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(PackagesError::Decompress(e)),
            };
            total += taken as u64;
            if total > limit {
                return Err(PackagesError::TooLarge { limit });
            }
            if taken == 0 {
                return self.read(&buffer[..filled]);
            }
            // A record's end may lie across the seam.
            let from = filled.saturating_sub(1);
            filled += taken;
            if let Some(end) = memchr::memmem::rfind(&buffer[from..filled], b"\n\n").map(|at| from + at + 2) {
                self.read(&buffer[..end])?;
                buffer.copy_within(end..filled, 0);
                filled -= end;
            }
        }
    }

    /// Reads whole records.
    fn read(&mut self, bytes: &[u8]) -> Result<(), PackagesError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if rest[0] == b'\n' {
                rest = &rest[1..];
                self.line += 1;
                continue;
            }
            let mut stanza = Stanza::default();
            let read = stanza.read(rest).and_then(|used| {
                stanza.take_file_fields()?;
                self.builder.push(&stanza.draft)?;
                Ok(used)
            });
            match read {
                Ok(used) => rest = &rest[used..],
                Err(fault) => return Err(PackagesError::Stanza { line: self.line + stanza.lines, fault }),
            }
            self.line += stanza.lines;
        }
        Ok(())
    }
}

/// Reads the control paragraph of one package file (`control` of a .deb): the same record, but
/// without the fields that say where the file lies. The caller sets path, size and identity.
pub fn read_control(paragraph: &[u8]) -> Result<RecordDraft<'_>, StanzaFault> {
    let mut stanza = Stanza::default();
    let used = stanza.read(paragraph)?;
    if paragraph[used..].iter().any(|b| !b.is_ascii_whitespace()) {
        return Err(StanzaFault::Line);
    }
    stanza.require_identity()?;
    Ok(stanza.draft)
}

macro_rules! fields {
    ($($variant:ident = $name:literal,)*) => {
        /// The fields that are kept.
        #[derive(Clone, Copy, PartialEq)]
        enum Field { $($variant,)* }

        const FIELDS: &[(Field, &str)] = &[$((Field::$variant, $name),)*];

        impl Field {
            fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            /// By the usual spelling, which nearly every archive writes.
            fn exactly(text: &[u8]) -> Option<Field> {
                $(if text == $name.as_bytes() { return Some(Field::$variant); })*
                None
            }
        }
    };
}

fields! {
    Package = "Package",
    Version = "Version",
    Architecture = "Architecture",
    Source = "Source",
    Filename = "Filename",
    Size = "Size",
    InstalledSize = "Installed-Size",
    Sha256 = "SHA256",
    Sha512 = "SHA512",
    PreDepends = "Pre-Depends",
    Depends = "Depends",
    Provides = "Provides",
    Conflicts = "Conflicts",
    Breaks = "Breaks",
    Replaces = "Replaces",
    Section = "Section",
    MultiArch = "Multi-Arch",
    Essential = "Essential",
    Important = "Important",
    Protected = "Protected",
    Recommends = "Recommends",
    Suggests = "Suggests",
    Enhances = "Enhances",
    Priority = "Priority",
}

impl Field {
    /// Field names do not depend on case (deb822(5)).
    fn of(text: &[u8]) -> Option<Field> {
        match text {
            // What most lines are, and nobody here reads.
            b"Maintainer" | b"Description" | b"Description-md5" | b"Homepage" | b"MD5sum" | b"Tag" => None,
            _ => Field::exactly(text).or_else(|| {
                FIELDS
                    .iter()
                    .find(|(_, name)| text.eq_ignore_ascii_case(name.as_bytes()))
                    .map(|(field, _)| *field)
            }),
        }
    }
}

#[derive(Default)]
struct Stanza<'a> {
    draft: RecordDraft<'a>,
    sha256: &'a str,
    sha512: &'a str,
    seen: u32,
    lines: u64,
}

impl<'a> Stanza<'a> {
    /// Reads up to and with the empty line that ends the record; gives the bytes used.
    fn read(&mut self, bytes: &'a [u8]) -> Result<usize, StanzaFault> {
        let mut at = 0;
        while at < bytes.len() {
            self.lines += 1;
            let mut end = line_end(bytes, at);
            if end == at || (end == at + 1 && bytes[at] == b'\r') {
                return Ok((end + 1).min(bytes.len()));
            }
            let colon = memchr::memchr(b':', &bytes[at..end]).filter(|c| *c > 0).ok_or(StanzaFault::Line)?;
            let field = &bytes[at..at + colon];
            if matches!(field[0], b' ' | b'\t') {
                return Err(StanzaFault::Line);
            }
            let first_line = self.lines;
            while matches!(bytes.get(end + 1), Some(b' ' | b'\t')) {
                self.lines += 1;
                end = line_end(bytes, end + 1);
            }
            if let Some(field) = Field::of(field) {
                let value = std::str::from_utf8(bytes[at + colon + 1..end].trim_ascii());
                let not_text =
                    |_| StanzaFault::Value { field: field.name(), value: "…".into(), why: "not UTF-8" };
                let taken = value.map_err(not_text).and_then(|value| self.take(field, value));
                taken.inspect_err(|_| self.lines = first_line)?;
            }
            at = end + 1;
        }
        Ok(bytes.len())
    }

    fn take(&mut self, field: Field, value: &'a str) -> Result<(), StanzaFault> {
        let bit = 1 << field as u32;
        if self.seen & bit != 0 {
            return Err(StanzaFault::Duplicate(field.name()));
        }
        self.seen |= bit;
        let draft = &mut self.draft;
        match field {
            Field::Package => draft.name = checked(field, value, is_name, "not a package name")?,
            Field::Version => draft.version = checked(field, value, is_word, "not a version")?,
            Field::Architecture => draft.arch = checked(field, value, is_name, "not an architecture")?,
            Field::Source => (draft.source, draft.source_version) = split_source(value),
            Field::Filename => {
                draft.path = checked(field, value, is_inside, "not a path inside the archive")?
            }
            Field::Size => draft.size = number(field, value)?,
            Field::InstalledSize => draft.installed_size = number(field, value)?.saturating_mul(1024),
            Field::Sha256 => self.sha256 = value,
            Field::Sha512 => self.sha512 = value,
            Field::PreDepends => draft.pre_depends = value,
            Field::Depends => draft.depends = value,
            Field::Provides => draft.provides = value,
            Field::Conflicts => draft.conflicts = value,
            Field::Breaks => draft.breaks = value,
            Field::Replaces => draft.replaces = value,
            Field::Recommends => draft.recommends = value,
            Field::Suggests => draft.suggests = value,
            Field::Enhances => draft.enhances = value,
            Field::Section => draft.section = value,
            Field::MultiArch => draft.multi_arch = multi_arch(value),
            Field::Essential => draft.essential = value == "yes",
            Field::Important | Field::Protected => draft.protected |= value == "yes",
            Field::Priority => draft.priority = priority(value),
        }
        Ok(())
    }

    fn require_identity(&self) -> Result<(), StanzaFault> {
        for (text, field) in
            [(self.draft.name, "Package"), (self.draft.version, "Version"), (self.draft.arch, "Architecture")]
        {
            if text.is_empty() {
                return Err(StanzaFault::Missing(field));
            }
        }
        Ok(())
    }

    fn take_file_fields(&mut self) -> Result<(), StanzaFault> {
        self.require_identity()?;
        if self.draft.path.is_empty() {
            return Err(StanzaFault::Missing("Filename"));
        }
        if self.seen & 1 << Field::Size as u32 == 0 {
            return Err(StanzaFault::Missing("Size"));
        }
        let sha256 = digest("SHA256", Algorithm::Sha256, self.sha256)?;
        let sha512 = digest("SHA512", Algorithm::Sha512, self.sha512)?;
        let strongest = sha512.or(sha256).ok_or(StanzaFault::WeakOnly)?;
        self.draft.identity = Some(Identity::Whole(strongest));
        self.draft.sha256 = sha256.filter(|_| sha512.is_some());
        Ok(())
    }
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n)
}

fn checked<'a>(
    field: Field,
    value: &'a str,
    good: fn(&str) -> bool,
    why: &'static str,
) -> Result<&'a str, StanzaFault> {
    if good(value) { Ok(value) } else { Err(bad_value(field.name(), value, why)) }
}

fn bad_value(field: &'static str, value: &str, why: &'static str) -> StanzaFault {
    StanzaFault::Value { field, value: value.chars().take(60).collect(), why }
}

fn number(field: Field, value: &str) -> Result<u64, StanzaFault> {
    let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|_| plain).ok_or_else(|| bad_value(field.name(), value, "not a number"))
}

fn digest(field: &'static str, algorithm: Algorithm, hex: &str) -> Result<Option<Digest>, StanzaFault> {
    if hex.is_empty() {
        return Ok(None);
    }
    Digest::from_hex(algorithm, hex)
        .map(Some)
        .map_err(|_| bad_value(field, hex, "not its hexadecimal digits"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_'))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
}

/// `gcc-14 (14.2.0-19)` or `gcc-14`.
fn split_source(value: &str) -> (&str, &str) {
    match value.split_once('(') {
        Some((name, version)) => (name.trim(), version.trim_end().trim_end_matches(')').trim()),
        None => (value, ""),
    }
}

fn multi_arch(value: &str) -> MultiArch {
    match value {
        "same" => MultiArch::Same,
        "foreign" => MultiArch::Foreign,
        "allowed" => MultiArch::Allowed,
        _ => MultiArch::No,
    }
}

fn priority(value: &str) -> Priority {
    match value {
        "required" => Priority::Required,
        "important" => Priority::Important,
        "standard" => Priority::Standard,
        "optional" => Priority::Optional,
        "extra" => Priority::Extra,
        _ => Priority::Unknown,
    }
}

#[cfg(test)]
#[path = "packages_tests.rs"]
mod tests;
