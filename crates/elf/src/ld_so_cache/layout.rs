//! Where things are in the file (glibc, sysdeps/generic/dl-cache.h).

pub(super) const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
/// The format of before 2.2, in front of the new one where `ldconfig -c compat` wrote.
pub(super) const OLD_MAGIC: &[u8; 11] = b"ld.so-1.7.0";
pub(super) const OLD_HEADER: usize = 16;
pub(super) const OLD_ENTRY: usize = 12;

/// Magic, number of entries, length of strings, flags and padding, offset of extensions, three unused words.
pub(super) const HEADER: usize = 20 + 4 + 4 + 4 + 4 + 12;
/// Flags, soname, path, an unused word, hardware capabilities (64 bits).
pub(super) const ENTRY: usize = 4 + 4 + 4 + 4 + 8;

pub(super) const ENDIAN_LITTLE: u8 = 2;
pub(super) const ENDIAN_BIG: u8 = 3;

pub(super) const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// Tag, flags, offset, size.
pub(super) const SECTION: usize = 16;
pub(super) const TAG_GENERATOR: u32 = 0;
pub(super) const TAG_HWCAPS: u32 = 1;

/// In the hardware capabilities of an entry: the low half is an index into the section of names.
pub(super) const HWCAP_EXTENSION: u64 = 1 << 62;
pub(super) const ISA_LEVEL_SHIFT: u32 = 32;
pub(super) const ISA_LEVEL_MASK: u64 = 0x3ff;
