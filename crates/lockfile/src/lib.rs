//! The lock: which package files an image is made of, fixed by hash, with the reasons.
//!
//! Goals of the format (TOML, version 1), in this order: **complete** (a build takes its packages from
//! nothing else), **checkable without network** (what was asked stands in it, so drift is seen without
//! an index), **readable** (each package says why it is there), **small diffs** (a line a fact, stable
//! order), **byte-reproducible** (one spelling), **mirror-independent** (paths are relative to the
//! archive, no credentials), and **old versions stay readable**: a newer `format` is refused with the
//! version that wrote it named, an older one is read.
//!
//! Nothing here solves or downloads.

mod changes;
mod facts;
mod fault;
mod fit;
mod text;
mod view;

pub use changes::{Change, changes};
pub use facts::{IndexPin, KeyPin, LockedPin, ScriptFact, SuitePin};
pub use fault::LockError;
pub use fit::Fit;
pub use text::{FORMAT, Lockfile, check, read, write};
pub use view::json_view;
