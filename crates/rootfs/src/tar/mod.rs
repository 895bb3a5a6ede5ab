//! Tar archives, in and out, as values.
//!
//! In: a reader stricter than any extractor ([`Reader`]). Where two readers of this world could
//! see different files in one archive (a PAX size beside another ustar size, repeated records,
//! bytes after the end), it refuses; six advisories against tar parsers of 2025 and 2026 were of
//! that kind (RUSTSEC-2025-0111, RUSTSEC-2026-0067, -0068, -0112, -0113, GHSA-3cv2-h65g-fgmm).
//! Out: one spelling per entry ([`header`]), so that the bytes of a layer are a function of its tree.
//!
//! Formats: POSIX.1-2017 `pax` (ustar and PAX records), GNU's long names and base-256 numbers.

mod number;
mod pax;
mod read;
mod sparse;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Kind, Limits, Member, Reader, TarError, read_entries};
pub use write::{END, REVISION, Writer, header, padding};

/// Tar's unit.
pub const BLOCK: usize = 512;
