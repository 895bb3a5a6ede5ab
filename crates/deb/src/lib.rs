//! Debian's formats: release files, indexes of packages, and package files.
//!
//! Bytes in, values out: nothing here opens a file or a socket. The price: whoever calls brings
//! the bytes, already verified.

mod date;
pub mod edges;
pub mod packages;
pub mod release;
