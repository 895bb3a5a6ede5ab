//! What tests need and users never see: a made-up Debian archive with verbs, apk repositories and the
//! real apk as their judge ([`apk`]), hostile packages, a registry that misbehaves ([`registry`]), daemons
//! that stop with the test, and tests that say so when they skip.
//!
//! A test builds its world in three lines instead of keeping fixtures in the repository:
//!
//! ```
//! use testkit::{Package, World};
//! let dir = tempfile::tempdir().unwrap();
//! let world = World::new()
//!     .package(Package::new("libfoo1", "1.0-1").file("/usr/lib/libfoo.so.1", b"not quite ELF"))
//!     .package(Package::new("foo", "1.0-1").depends("libfoo1 (>= 1.0)").script("postinst", "#!/bin/sh\nexit 0\n"))
//!     .publish(dir.path());
//! assert!(world.path("dists/stable/InRelease").exists());
//! ```
//!
//! The writers here share no code with the readers they test: a mistake would otherwise be made
//! twice and cancel out. The price is a second, small writer of ar, tar and Release. No room may
//! depend on this crate but as a dev-dependency; it depends on no room, so it builds first.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, processes, environment")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot make its world must fail")]

pub mod apk;
mod apt_mirror;
pub mod ar;
mod chained;
mod date;
pub mod hostile;
pub mod http;
mod key;
pub mod machine;
mod package;
mod port;
mod published;
pub mod registry;
mod shared;
mod shown;
mod skip;
pub mod tar;
mod wait;
mod world;

pub use apk::{ApkKey, ApkPackage, ApkRepository};
pub use apt_mirror::{Mirror, mirror};
pub use chained::ChainedPackage;
pub use date::rfc2822;
pub use key::{Key, SignWith};
pub use package::{Compression, Package, gzip};
pub use port::Port;
pub use published::Published;
pub use shared::{shared_data, workspace};
pub use shown::{Shown, shown_commands};
pub use skip::record_skip;
pub use wait::wait_for;
pub use world::{Checksum, World};
