//! What the user writes: the recipe. Text with spans in, plain decided values out.
//!
//! The room reads YAML into a tree that remembers where everything stood, walks it by hand (so that
//! every mistake has a line, a caret and the nearest known key), merges `include` and variants, and
//! gives one [`Resolved`] per variant: values that compose and ops read without knowing YAML.
//! It reads no file and resolves no package: includes come through a [`Loader`], the host's
//! architecture is passed in.
//!
//! The price of walking by hand instead of deriving: keys stand in tables here and in the JSON
//! Schema, and a test holds the two together.

pub mod archives;
mod ask;
mod repository;
mod resolved;
mod system;

pub use ask::{Ask, Want};
pub use repository::{ApkRepository, DebRepository, LocalRepository, Repository, SignedBy};
pub use resolved::{
    Allow, Certificate, FileBody, KeySource, Layering, LocalPath, OwnFile, Part, Resolved, Slim, Snapshot,
    Strategy, World,
};
pub use system::{Capabilities, Group, PathChange, PathKind, Port, Protocol, RunAs, User};
