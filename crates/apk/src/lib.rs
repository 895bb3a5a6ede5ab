//! apk's formats, as Alpine and Wolfi publish them: signed indexes, packages of format 2, and the
//! files of apk's own that stand in an image.
//!
//! Bytes in, values out, as in `deb`: nothing here opens a file or a socket. The price: whoever calls
//! brings the bytes and the keys.
//!
//! What is trusted rests on this chain. An index is signed ([`index::verify`]); it names each
//! package's control part by its SHA-1 (`C:`); the control part names the SHA-256 of the data; and
//! most packages are signed themselves, which is checked beside it ([`unpack`]). SHA-1 is apk's
//! choice; here it is computed so that collisions are seen, and the lock keeps the SHA-256 of the
//! whole file, so that after the first look nothing rests on it any more.

mod apk_error;
mod busybox;
mod busybox_table;
mod conflicts;
mod control_files;
mod expect;
mod head;
pub mod index;
mod installed;
mod limits;
pub mod lock_v1;
mod member_signature;
mod pkginfo;
pub mod scripts;
mod state;
mod unpack;

pub use apk_error::{ApkError, Part};
pub use busybox::{BusyboxFiles, busybox_files, busybox_links};
pub use busybox_table::applet_paths;
pub use conflicts::{Winner, agree_on_directories, overwrites, winner};
pub use control_files::{ControlFiles, ListedFile, NamedOwner, Script, ScriptKind};
pub use expect::ExpectApk;
pub use installed::{Installed, InstalledRecord, parse_installed, write_installed};
pub use limits::Limits;
pub use pkginfo::{PkgInfo, parse_pkginfo};
pub use state::{initial_tree, write_scripts, write_triggers, write_world};
pub use unpack::{CONTROL_PART, Proof, REVISION, Unpacked, own_signature, read_control_files, unpack};
