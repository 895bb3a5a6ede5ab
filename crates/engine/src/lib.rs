//! Docker and Podman, spoken to over their own socket: is one there, take this image, what is its
//! id, give it back, run it.
//!
//! Both answer the Docker Engine API (HTTP/1.1 over a Unix socket), of which eight calls are used here.
//! So the client is written out: one connection for each call, `Connection: close`, bodies streamed
//! both ways and bounded. The price is a small HTTP reader of our own; what it saves is an async
//! runtime and a dependency on a `docker` command that Podman users do not have. A remote engine is
//! reached over plain `tcp://` only; TLS and `ssh://` are refused with what to do instead.
//!
//! What has no such socket takes an archive through a command of its own ([`Importer`]): containerd, kind
//! and k3d. Their own protocols are internals that change; the commands stay.
//!
//! Which sockets there may be is computed by [`candidates`] from values that the binary read from its
//! environment; nothing here reads it.

mod candidates;
mod context;
mod endpoint;
mod engine;
mod fault;
pub mod http;
mod image;
mod importer;
mod load;
mod load_image;
mod run;
mod save;

pub use candidates::{Candidate, Choice, candidates};
pub use context::{Context, current_context, read_context};
pub use endpoint::Endpoint;
pub use engine::{About, Engine, connect};
pub use fault::EngineError;
pub use image::LoadedImage;
pub use importer::Importer;
pub use load::Loaded;
pub use load_image::Taken;
pub use run::{Ran, Run};
