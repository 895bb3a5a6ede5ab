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

mod apk_contents;
mod apko_config;
mod appended;
pub mod archives;
mod ask;
mod catalogue;
mod chosen;
mod entrypoint;
mod error;
pub mod keys;
mod load;
mod merge;
mod node;
mod place;
mod read;
mod recipe;
mod repository;
mod request;
mod resolve;
mod resolved;
pub mod schema;
mod system;
mod walk;
mod world;

pub use apk_contents::{BaseImage, RuntimeKey};
pub use apko_config::{apko_config, apko_yaml};
pub use appended::Appended;
pub use ask::{Ask, Want};
pub use catalogue::names as catalogue_names;
pub use chosen::Overruled;
pub use entrypoint::Entrypoint;
pub use error::{Problem, RecipeError};
pub use load::{Loader, NoFiles, load, load_catalogue};
pub use place::{At, Source, Spanned, without_user};
pub use read::parse;
pub use recipe::{ArchWord, Body, Contents, IncludeName, PackageLine, Recipe, Variant};
pub use repository::{ApkRepository, DebRepository, LocalRepository, Repository, SignedBy};
pub use request::request_text;
pub use resolved::{
    Allow, Certificate, FileBody, KeySource, Layering, LocalPath, OwnFile, Part, Resolved, Slim, Snapshot,
    Strategy, World,
};
pub use schema::schema;
pub use system::{Capabilities, Group, PathChange, PathKind, Port, Protocol, RunAs, User};
