//! A package or foreign layer, unpacked once: one file that holds every body, the entry table, facts
//! about single files and named extra parts.
//!
//! Goals: written in one pass while a package streams by; loaded by one read from its end, without
//! touching the bodies; one file per package, never one per package file. It is derived data that
//! the cache may lose or find corrupted at any time, so its bytes are outside bytes: reading is
//! total and checked, and a version that this program does not know is simply not there.
//!
//! ```text
//! bodies          concatenated in the order of the archive
//! extras          each as it was given
//! table           entries by path: see `table.rs`; with facts inline
//! directory       name, offset and length of each extra
//! footer          48 bytes: magic, revision, offsets and lengths of table and directory
//! ```
//! Version rule: any change to these bytes, or to what a reader of packages puts there, counts
//! [`REVISION`] up; it is part of the cache key, and no old version is ever read.

mod read;
pub mod table;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Payload, PayloadReadError};
pub use write::{EntryId, PayloadError, Writer};

/// Part of the cache key of every payload.
pub const REVISION: u32 = 2;

const MAGIC: &[u8; 8] = b"dstlpayl";
const FOOTER: usize = 48;
