use bstr::{BString, ByteSlice};

use super::layout::*;
use super::{Cache, Library};

/// Names of all libraries together; real caches have some 100 KB. Entries may share names, so that
/// without a bound a small file could claim much.
const MOST_NAME_BYTES: usize = 16 << 20;

/// Why bytes are not a cache.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the library cache: {what}")]
pub struct CacheError {
    /// What is wrong.
    pub what: &'static str,
}

impl diag::Explain for CacheError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }
    fn hint(&self) -> Option<String> {
        Some("run ldconfig where the file was made".to_owned())
    }
}

fn wrong<T>(what: &'static str) -> Result<T, CacheError> {
    Err(CacheError { what })
}

/// Takes a cache apart; total. [`Cache::unused_hwcaps`] stays empty: nothing in the file points to them.
///
/// # Errors
/// Another format, or offsets that leave the file.
pub fn read(bytes: &[u8]) -> Result<Cache, CacheError> {
    let file = File::new(skip_old_format(bytes)?)?;
    let count = file.word(MAGIC.len())? as usize;
    if file.bytes.len().saturating_sub(HEADER) / ENTRY < count {
        return wrong("it claims more libraries than it has room for");
    }
    let (generator, hwcaps) = file.extensions()?;
    let mut out = Cache { generator, ..Cache::default() };
    let mut left = MOST_NAME_BYTES;
    for i in 0..count {
        let library = file.library(HEADER + i * ENTRY, &hwcaps)?;
        let taken = library.soname.len() + library.path.len();
        let Some(rest) = left.checked_sub(taken) else { return wrong("its names exceed 16 MiB") };
        left = rest;
        out.libraries.push(library);
    }
    Ok(out)
}

/// `ldconfig -c compat` puts the format of glibc 2.1 in front.
fn skip_old_format(bytes: &[u8]) -> Result<&[u8], CacheError> {
    if !bytes.starts_with(OLD_MAGIC) {
        return Ok(bytes);
    }
    let count = bytes.get(12..16).and_then(|b| b.first_chunk()).map(|b| u32::from_ne_bytes(*b));
    let Some(count) = count else { return wrong("it ends in its header") };
    let at = (count as usize).saturating_mul(OLD_ENTRY).saturating_add(OLD_HEADER);
    match at.checked_next_multiple_of(8).and_then(|at| bytes.get(at..)) {
        Some(new) => Ok(new),
        None => wrong("it has only the format of before glibc 2.2"),
    }
}

struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> File<'a> {
    fn new(bytes: &'a [u8]) -> Result<File<'a>, CacheError> {
        if !bytes.starts_with(MAGIC) {
            return wrong("it does not begin with glibc-ld.so.cache1.1");
        }
        match bytes.get(28) {
            Some(&ENDIAN_BIG) => Ok(File { bytes, little: false }),
            // Before glibc 2.33 the flag was not set.
            Some(&ENDIAN_LITTLE | 0) => Ok(File { bytes, little: true }),
            Some(_) => wrong("it marks itself as invalid"),
            None => wrong("it ends in its header"),
        }
    }

    fn word(&self, at: usize) -> Result<u32, CacheError> {
        let bytes = self.bytes.get(at..).and_then(|b| b.first_chunk());
        let Some(bytes) = bytes else { return wrong("an offset leaves the file") };
        Ok(if self.little { u32::from_le_bytes(*bytes) } else { u32::from_be_bytes(*bytes) })
    }

    fn double(&self, at: usize) -> Result<u64, CacheError> {
        let (first, second) = (u64::from(self.word(at)?), u64::from(self.word(at + 4)?));
        Ok(if self.little { first | second << 32 } else { second | first << 32 })
    }

    fn string(&self, at: u32) -> Result<BString, CacheError> {
        let from = self.bytes.get(at as usize..).unwrap_or_default();
        match from.find_byte(0) {
            Some(end) if end <= 4096 => Ok(from[..end].into()),
            Some(_) => wrong("a name is longer than 4096 bytes"),
            None => wrong("a name leaves the file"),
        }
    }

    fn library(&self, at: usize, hwcaps: &[BString]) -> Result<Library, CacheError> {
        let capabilities = self.double(at + 16)?;
        let extended = capabilities & HWCAP_EXTENSION != 0;
        let name = match extended {
            true => match hwcaps.get((capabilities & 0xffff_ffff) as usize) {
                Some(name) => Some(name.clone()),
                None => return wrong("an entry names a hardware directory that it does not list"),
            },
            false => None,
        };
        let level = if extended { capabilities >> ISA_LEVEL_SHIFT & ISA_LEVEL_MASK } else { 0 };
        Ok(Library {
            flags: self.word(at)? as i32,
            soname: self.string(self.word(at + 4)?)?,
            path: self.string(self.word(at + 8)?)?,
            hwcaps: name,
            isa_level: level as u16,
        })
    }

    /// Generator, and the names of hardware directories.
    fn extensions(&self) -> Result<(BString, Vec<BString>), CacheError> {
        let (mut generator, mut hwcaps) = (BString::default(), Vec::new());
        let at = self.word(32)? as usize;
        if at == 0 {
            return Ok((generator, hwcaps));
        }
        if self.word(at)? != EXTENSION_MAGIC {
            return wrong("its extensions do not begin as such");
        }
        // glibc passes over sections that it does not know; more than a few are a lie.
        for i in 0..self.word(at.saturating_add(4))?.min(64) as usize {
            let section = at + 8 + i * SECTION;
            let (from, len) = (self.word(section + 8)? as usize, self.word(section + 12)? as usize);
            let Some(bytes) = from.checked_add(len).and_then(|end| self.bytes.get(from..end)) else {
                return wrong("a section leaves the file");
            };
            match self.word(section)? {
                TAG_GENERATOR => generator = bytes.into(),
                TAG_HWCAPS => {
                    for name in (0..len / 4).take(4096) {
                        hwcaps.push(self.string(self.word(from + name * 4)?)?);
                    }
                }
                _ => {}
            }
        }
        Ok((generator, hwcaps))
    }
}
