use bstr::ByteSlice;

use super::layout::*;
use super::strings::Strings;
use super::{Cache, compare, is_little};
use crate::Endian;

/// The bytes of the cache. Libraries may come in any order; they are put into [`compare`]'s.
pub fn write(cache: &Cache, endian: Endian) -> Vec<u8> {
    let mut libraries: Vec<_> = cache.libraries.iter().collect();
    libraries.sort_by(|a, b| compare(a, b));
    let mut hwcaps: Vec<&[u8]> =
        libraries.iter().filter_map(|l| l.hwcaps.as_ref()).map(|h| h.as_bytes()).collect();
    hwcaps.sort();
    hwcaps.dedup();
    let names = libraries.iter().flat_map(|l| [l.soname.as_bytes(), l.path.as_bytes()]);
    let unused = cache.unused_hwcaps.iter().map(|h| h.as_bytes());
    let strings = Strings::lay_out(names.chain(hwcaps.iter().copied()).chain(unused));

    let strings_at = HEADER + libraries.len() * ENTRY;
    let extension_at = (strings_at + strings.bytes.len()).next_multiple_of(4);
    let string_at = |s: &[u8]| strings_at as u32 + strings.offset(s);

    let mut out = Out { bytes: MAGIC.to_vec(), little: is_little(endian) };
    out.word(libraries.len() as u32);
    out.word(strings.bytes.len() as u32);
    out.bytes.extend([if out.little { ENDIAN_LITTLE } else { ENDIAN_BIG }, 0, 0, 0]);
    out.word(extension_at as u32);
    out.bytes.extend([0; 12]);
    for library in &libraries {
        out.word(library.flags as u32);
        out.word(string_at(&library.soname));
        out.word(string_at(&library.path));
        out.word(0);
        let index = library.hwcaps.as_ref().and_then(|h| hwcaps.binary_search(&h.as_bytes()).ok());
        let level = u64::from(library.isa_level) & ISA_LEVEL_MASK;
        out.double(index.map_or(0, |i| HWCAP_EXTENSION | level << ISA_LEVEL_SHIFT | i as u64));
    }
    out.bytes.extend_from_slice(&strings.bytes);
    out.bytes.resize(extension_at, 0);
    write_extensions(&mut out, &cache.generator, hwcaps.iter().map(|h| string_at(h)).collect());
    out.bytes
}

fn write_extensions(out: &mut Out, generator: &[u8], hwcaps: Vec<u32>) {
    let sections = if hwcaps.is_empty() { 1 } else { 2 };
    let hwcaps_at = (out.bytes.len() + 8 + sections * SECTION) as u32;
    let hwcaps_len = hwcaps.len() as u32 * 4;
    out.word(EXTENSION_MAGIC);
    out.word(sections as u32);
    for word in [TAG_GENERATOR, 0, hwcaps_at + hwcaps_len, generator.len() as u32] {
        out.word(word);
    }
    if !hwcaps.is_empty() {
        for word in [TAG_HWCAPS, 0, hwcaps_at, hwcaps_len] {
            out.word(word);
        }
    }
    for name in hwcaps {
        out.word(name);
    }
    out.bytes.extend_from_slice(generator);
}

struct Out {
    bytes: Vec<u8>,
    little: bool,
}

impl Out {
    fn word(&mut self, word: u32) {
        self.bytes.extend(if self.little { word.to_le_bytes() } else { word.to_be_bytes() });
    }

    fn double(&mut self, double: u64) {
        self.bytes.extend(if self.little { double.to_le_bytes() } else { double.to_be_bytes() });
    }
}
