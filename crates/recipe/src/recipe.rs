use std::collections::BTreeMap;
use std::sync::Arc;

use package::Arch;

use crate::archives::Distribution;
use crate::place::{Source, Spanned};
use crate::{
    Allow, BaseImage, Certificate, Entrypoint, Group, KeySource, OwnFile, Part, PathChange, Port, Repository,
    RunAs, RuntimeKey, Slim, Snapshot, Strategy, User, World,
};

/// A recipe as it is written, its includes merged in (by [`crate::load`]) or not (by [`crate::parse`]).
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The file, as the user named it.
    pub file: String,
    /// What it is built upon; none once that is merged in.
    pub include: Option<Spanned<IncludeName>>,
    /// What the untagged image is made of.
    pub body: Body,
    /// The variants by name; see [`Variant::inherited`].
    pub variants: BTreeMap<String, Spanned<Variant>>,
    /// The package world where the recipe itself tells none: what its local directories turned out to
    /// hold, or what the command line stands for. Set by who can look; see
    /// [`Recipe::undecided_directories`].
    pub world_hint: Option<World>,
    /// The texts that it was read from (without a byte order mark): the file, then what it includes, then
    /// what that includes. apko's lock files hold a checksum of them in this order.
    pub sources: Vec<Arc<Source>>,
}

/// What `include:` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeName {
    /// An image of the catalogue.
    Catalogue(String),
    /// A file.
    Path(String),
}

impl IncludeName {
    /// With a `/`, or ending in `.yaml` or `.yml`, it is a path; else a name of the catalogue.
    pub fn read(text: &str) -> IncludeName {
        if text.contains('/') || text.ends_with(".yaml") || text.ends_with(".yml") {
            IncludeName::Path(text.to_owned())
        } else {
            IncludeName::Catalogue(text.to_owned())
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            IncludeName::Catalogue(text) | IncludeName::Path(text) => text,
        }
    }
}

/// One of the variants.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Variants whose bodies come first, in this order.
    pub of: Vec<Spanned<String>>,
    /// What it changes.
    pub body: Body,
    /// It comes from an include only. Such a variant can be named by `of:` and on the command line, but
    /// is not built unless the recipe lists it itself: what an image is tagged as is decided by its recipe.
    pub inherited: bool,
}

/// What can be said of an image, in a recipe and in each of its variants.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // field by field as in `Resolved`, where each is described
pub struct Body {
    pub contents: Contents,
    pub allow: Vec<Spanned<Allow>>,
    pub certificates: Vec<Spanned<Certificate>>,
    pub providers: Vec<Spanned<String>>,
    pub run_as: Option<Spanned<RunAs>>,
    /// What an include says; it counts for apk recipes only.
    pub inherited_run_as: Option<Spanned<RunAs>>,
    pub users: Vec<Spanned<User>>,
    pub groups: Vec<Spanned<Group>>,
    pub entrypoint: Option<Spanned<Entrypoint>>,
    pub cmd: Option<Spanned<Vec<String>>>,
    pub environment: BTreeMap<String, Spanned<String>>,
    pub work_dir: Option<Spanned<String>>,
    pub stop_signal: Option<Spanned<String>>,
    pub ports: Vec<Spanned<Port>>,
    pub volumes: Vec<Spanned<String>>,
    pub paths: Vec<Spanned<PathChange>>,
    pub labels: BTreeMap<String, Spanned<String>>,
    pub annotations: BTreeMap<String, Spanned<String>>,
    pub archs: Option<Spanned<Vec<Spanned<ArchWord>>>>,
    pub strategy: Option<Spanned<Strategy>>,
    pub budget: Option<Spanned<u32>>,
    pub vcs_url: Option<Spanned<String>>,
}

/// `contents`.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // field by field as in `Resolved`
pub struct Contents {
    pub distribution: Option<Spanned<Distribution>>,
    pub snapshot: Option<Spanned<Snapshot>>,
    pub repositories: Vec<Spanned<Repository>>,
    pub build_repositories: Vec<Spanned<Repository>>,
    pub runtime_repositories: Vec<Spanned<Repository>>,
    pub keyring: Vec<Spanned<KeySource>>,
    pub runtime_keyring: Vec<Spanned<RuntimeKey>>,
    pub packages: Vec<Spanned<PackageLine>>,
    pub files: Vec<Spanned<OwnFile>>,
    pub slim: Option<Spanned<Slim>>,
    pub keep: Vec<Spanned<String>>,
    pub drop: Vec<Spanned<String>>,
    pub base_image: Option<Spanned<BaseImage>>,
}

/// A line of `packages`. Its syntax depends on the package world, which only the merged recipe
/// decides; so it is kept as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLine {
    /// `libc6 (>= 2.36)`, or `!name`.
    pub text: String,
    /// Of the map form, which part is taken.
    pub part: Option<Part>,
}

/// A word of `archs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchWord {
    /// Every architecture of the world.
    All,
    /// The machine that builds.
    Host,
    /// This one.
    One(Arch),
    /// `armhf`, which is arm/v7 to Debian and arm/v6 to apk.
    Armhf,
}
