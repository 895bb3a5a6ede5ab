//! The vocabulary of the OCI image specification: digests, descriptors, platforms, references,
//! manifests, configs and indexes. Parse, print and compare; no disk, no network.
//!
//! Why our own types: what we write is hashed, so every map is ordered (`BTreeMap`) and every
//! document is serialised the same way everywhere; what we read from others is kept byte for byte
//! ([`Raw`]), so a foreign digest survives a round trip. The price is a few hundred lines that a
//! crate would also offer.

mod config;
mod descriptor;
mod digest;
mod manifest;
mod media_type;
mod null;
mod platform;
mod raw;
mod reference;

pub use config::{ContainerConfig, Empty, Healthcheck, History, ImageConfig, RootFs};
pub use descriptor::{Annotations, Descriptor};
pub use digest::{Algorithm, DiffId, Digest, DigestError, Hasher};
pub use manifest::{Index, Manifest};
pub use media_type::MediaType;
pub use platform::{Platform, PlatformError};
pub use raw::{Raw, canonical_json};
pub use reference::{Reference, ReferenceError};
