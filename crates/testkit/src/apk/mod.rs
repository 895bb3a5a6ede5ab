//! apk's world made up: packages of format 2, signed repositories, and the real `apk` as a judge.
//!
//! ```
//! use testkit::apk::{ApkKey, ApkPackage, ApkRepository};
//! let dir = tempfile::tempdir().unwrap();
//! let repository = ApkRepository::new(dir.path())
//!     .add(ApkPackage::new("libfoo", "1.0-r0").provides("so:libfoo.so.1=1").file("usr/lib/libfoo.so.1", 0o755, "x"))
//!     .add(ApkPackage::new("foo", "1.0-r0").depends("so:libfoo.so.1"))
//!     .publish(&ApkKey::test_only(1));
//! assert!(repository.index("x86_64").exists());
//! ```
//!
//! A .apk is three gzip members, one after another: signatures, control part, data. Each is a tar
//! archive, the first two without an end, so that the whole unpacks as one archive. A signature is over
//! the compressed bytes of the control part, whose `.PKGINFO` names the SHA-256 of the data; the index
//! names the SHA-1 of the control part.

mod archive;
mod built;
mod debian;
mod elf_object;
mod elf_words;
mod examples;
pub mod hostile;
mod key;
mod package;
mod real;
mod repository;
mod test_only_primes;
mod wolfi;
mod wolfi_like;

pub use archive::Style;
pub use built::BuiltApk;
pub use elf_object::elf_object;
pub use examples::{ExampleRepositories, example_repositories};
pub use key::{Algorithm, ApkKey, Signer};
pub use package::{ApkPackage, CHECKSUM};
pub use real::{ApkRoot, RealApk, installed_lines, real_apk};
pub use repository::{ApkRepository, PublishedApk};
pub use wolfi_like::{wolfi_like, wolfi_like_packages};
