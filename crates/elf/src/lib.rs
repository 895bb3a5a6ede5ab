//! What an ELF file asks of the image around it, and the cache in which glibc looks libraries up.
//!
//! A [`Summary`] is all that composing, checking and slimming need of an object: what loads it, which
//! libraries and symbol versions it needs, which it offers. It is read once, when a package is unpacked,
//! and kept beside the body ([`Summary::encode`]), so that no later step opens the file again.
//! [`ld_so_cache`] writes what glibc's `ldconfig` would write, byte for byte, without running it.
//!
//! Only program headers are read, as the kernel and the loader do: section headers may be stripped or
//! lie. The price is that nothing is said of relocatable objects but their header. Bytes are outside
//! bytes: every reader is total and bounds its memory, whatever the headers claim.

mod encode;
mod fact;
pub mod ld_so_cache;
mod machine;
mod reader;
mod source;
mod summary;

pub use encode::DecodeError;
pub use fact::{FactReader, fact_of};
pub use machine::Machine;
pub use reader::ReadError;
pub use source::ReadAt;
pub use summary::{Class, Endian, Kind, Summary, VersionNeed};
