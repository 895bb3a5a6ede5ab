//! Everything that distil keeps on disk between runs: blobs that were proved, objects derived from
//! them, remembered answers, and the way the user's own files are read.
//!
//! - A **blob** is named by its SHA-256 and gets its name only after what was expected of it held.
//! - A **derived** object may vanish at any time; each block of it is checked when it is touched, and
//!   one that fails is deleted and made again. Corruption here is never an error.
//! - A **memo** is an answer and what it depended on, so that nothing is done twice.
//!
//! Every file appears under its final name by a rename, whole. `kill -9` leaves only temporary files,
//! which hold a lock while their process lives and are collected by the next run. There is no
//! `fsync`: after a power cut a file may be short or zero, and the check on touch finds it; the price
//! of waiting for the disk would be paid by every build.
#![expect(clippy::disallowed_methods, reason = "this is the room that owns files")]

mod blobs;
mod cache;
mod expect;
mod fault;
mod filelock;
mod memo;
mod out_tree;
mod own_files;
mod regular;
mod seen;
mod temporary;
mod upkeep;
mod whole_file;

pub use blobs::{Blob, Blobs, CheckedBlob, Ingest};
pub use cache::{Cache, Derived, NewDerived, Usage};
pub use expect::{Expect, ExpectAnything, ExpectDigest, Mismatch};
pub use fault::StoreError;
pub use filelock::FileLock;
pub use memo::Memos;
pub use out_tree::{OutFile, OutTree};
pub use own_files::{OwnFiles, Standing};
pub use regular::{MOST_OWN, read_regular};
pub use seen::Seen;
pub use temporary::{Temporaries, Temporary, is_passing_name, read_small, sweep};
pub use upkeep::{Checkup, Freed, info, prune, remove_files, verify};
pub use whole_file::{WholeFile, stdout_is_taken, write_atomically, write_private};
