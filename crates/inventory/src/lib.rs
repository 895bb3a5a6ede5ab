//! What is in any image, whoever made it: its layers and what each did, its files with the layer and the package
//! that each is from, its packages, its operating system, its maker.
//!
//! Layers are read as a stream: nothing is unpacked, and of files' bodies only package databases are kept. What was
//! read of a layer ([`Listing`]) depends on nothing but its tar, so whoever calls may remember it by diff id
//! ([`Listings`]) and a second look reads no layer. Trees are stacked as overlay file systems stack them, which is how
//! Docker, containerd and Podman run images: a directory takes the place of a link below it.
//!
//! The price: tar is read as leniently as engines read it (`rootfs::tar::Limits::foreign`), unlike all that becomes
//! part of an image of ours; and rpm's databases are named, not read.

mod appended;
mod changes;
mod contents;
mod inventory_error;
mod listing;
mod maker;
mod names;
mod os_release;
mod ownership;
mod packages;
mod read;
mod stack;
mod unpack;

pub use appended::APPEND;
pub use contents::{
    Change, ChangeKind, Contents, Database, File, LayerContents, Link, Package, PackageChange, PackageKind,
};
pub use inventory_error::InventoryError;
pub use listing::{Listing, parse_listing};
pub use maker::Maker;
pub use os_release::{OsRelease, parse_os_release};
pub use packages::{Diversion, parse_diversions, parse_md5sums, parse_status};
pub use read::{Forgetful, Listings, Reading, read};
pub use unpack::{read_layer, visit_layer};
