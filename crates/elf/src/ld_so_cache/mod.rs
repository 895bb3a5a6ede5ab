//! `/etc/ld.so.cache`: which file has which soname, for glibc's loader.
//!
//! Three steps: [`scan`] walks the directories that `ldconfig` would walk, in any tree that can say
//! what is in it ([`Root`]); [`write`] makes the bytes; [`read`] takes them apart again. The bytes are
//! those of glibc's own `ldconfig` since 2.32 (format `glibc-ld.so.cache1.1` with extensions, the
//! default there), so that a later run of it changes nothing.
//!
//! Without a cache the loader searches its built-in directories, one `openat` a try; what it then does
//! not find are libraries in other directories of `/etc/ld.so.conf`, and `dlopen` callers that read the
//! cache themselves (Python's `ctypes.util.find_library`).
//!
//! Not written: hardware subdirectories from before glibc-hwcaps (`tls`, `haswell`), which glibc 2.37
//! dropped, and the compatibility format of before 2.32.

mod layout;
mod read;
mod scan;
mod strings;
mod write;

use std::cmp::Ordering;

use bstr::{BStr, BString, ByteSlice};

use crate::{Class, Endian, Machine, Summary};

pub use read::{CacheError, read};
pub use scan::{Listed, Root, Scan, SonameLink, scan};
pub use write::write;

/// What a cache holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cache {
    /// In the order of the file: [`compare`].
    pub libraries: Vec<Library>,
    /// Names of `glibc-hwcaps` subdirectories that hold no library; their names are in the file all the same.
    pub unused_hwcaps: Vec<BString>,
    /// Who wrote it, as `ldconfig (Debian GLIBC 2.41-12) stable release version 2.41`; see [`debian_generator`].
    pub generator: BString,
}

/// One library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// What is looked up.
    pub soname: BString,
    /// Absolute path.
    pub path: BString,
    /// Kind and processor; see [`flags`].
    pub flags: i32,
    /// The `glibc-hwcaps` subdirectory it is in (`x86-64-v3`).
    pub hwcaps: Option<BString>,
    /// The ISA level that a library in such a subdirectory says it needs, else 0.
    pub isa_level: u16,
}

/// The flags of a library, or nothing when no glibc would load such an object from a cache.
///
/// The values are glibc's `FLAG_*` (elf/ldconfig.h, sysdeps/generic/ldconfig.h).
pub fn flags(object: &Summary) -> Option<i32> {
    const LIBC6: i32 = 3;
    let wide = object.class == Class::Elf64;
    let abi = match object.machine {
        Machine::X86 if !wide => 0,
        Machine::X86_64 if wide => 0x0300,
        Machine::X86_64 => 0x0800,
        Machine::AARCH64 if wide => 0x0a00,
        // EF_ARM_ABI_FLOAT_HARD and EF_ARM_ABI_FLOAT_SOFT.
        Machine::ARM if object.flags & 0x400 != 0 => 0x0900,
        Machine::ARM if object.flags & 0x200 != 0 => 0x0b00,
        Machine::ARM => 0,
        Machine::S390 if wide => 0x0400,
        Machine::S390 => 0,
        Machine::PPC64 if wide => 0x0500,
        // EF_RISCV_FLOAT_ABI: soft and double; glibc has no single.
        Machine::RISCV => match object.flags & 6 {
            0 => 0x0f00,
            4 => 0x1000,
            _ => return None,
        },
        Machine::LOONGARCH => match object.flags & 7 {
            1 => 0x1100,
            3 => 0x1200,
            _ => return None,
        },
        _ => return None,
    };
    Some(LIBC6 | abi)
}

/// Would the `ldconfig` of one machine take objects of the other? Those of a family do.
fn one_family(a: Machine, b: Machine) -> bool {
    let x86 = [Machine::X86, Machine::X86_64];
    let arm = [Machine::ARM, Machine::AARCH64];
    a == b || (x86.contains(&a) && x86.contains(&b)) || (arm.contains(&a) && arm.contains(&b))
}

/// What Debian's `ldconfig` says of itself, from the version of the package `libc6`.
pub fn debian_generator(version: &str) -> BString {
    let without_epoch = version.split_once(':').map_or(version, |(_, v)| v);
    let upstream = without_epoch.rsplit_once('-').map_or(without_epoch, |(upstream, _)| upstream);
    format!("ldconfig (Debian GLIBC {without_epoch}) stable release version {upstream}").into()
}

/// The order of entries: sonames downwards by [`compare_names`], then flags downwards, then those of
/// `glibc-hwcaps` by name before the others. Equal ones stay in the order of their directories.
pub fn compare(a: &Library, b: &Library) -> Ordering {
    compare_names(b.soname.as_bstr(), a.soname.as_bstr()).then_with(|| b.flags.cmp(&a.flags)).then_with(
        || match (&a.hwcaps, &b.hwcaps) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        },
    )
}

/// glibc's order of library names: runs of digits by their number, and after every other character.
pub fn compare_names(a: &BStr, b: &BStr) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (take_number(&mut a), take_number(&mut b));
                if x != y {
                    return x.cmp(&y);
                }
            }
            (Some(x), _) if x.is_ascii_digit() => return Ordering::Greater,
            (Some(_), Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (x, y) => return x.cmp(&y),
        }
    }
}

fn take_number(from: &mut &[u8]) -> i32 {
    let digits = from.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = from.split_at(digits);
    *from = rest;
    // glibc adds up in an int; names with such numbers do not occur, but must not panic.
    number.iter().fold(0, |n: i32, d| n.wrapping_mul(10).wrapping_add(i32::from(d - b'0')))
}

fn is_little(endian: Endian) -> bool {
    endian == Endian::Little
}
