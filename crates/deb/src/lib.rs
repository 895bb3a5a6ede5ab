//! Debian's formats: release files, indexes of packages, and package files.
//!
//! Bytes in, values out: nothing here opens a file or a socket. The price: whoever calls brings
//! the bytes, already verified.

pub mod archive;
mod control;
mod control_files;
mod date;
mod deb_error;
mod declared_line;
pub mod edges;
mod limits;
pub mod packages;
pub mod release;
pub mod scripts;
mod sysusers;
mod tmpfiles;
mod triggers;
mod unpack;
mod xz_blocks;

pub use control::Control;
pub use control_files::{ControlFiles, Script, ScriptKind};
pub use deb_error::DebError;
pub use limits::Limits;
pub use sysusers::parse_sysusers;
pub use tmpfiles::{Tmpfiles, parse_tmpfiles};
pub use triggers::{Trigger, parse_triggers};
pub use unpack::{CONTROL_PART, REVISION, read_control_files, unpack};
