//! What verbs return. Values only: the binary decides how they look.

use oci::{Digest, Platform};
use package::Arch;
use serde::{Deserialize, Serialize};

use crate::transfer::Moved;

/// One image of a build: a recipe's variant, for all its platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// The recipe's own name (`base` of the catalogue, `app` of `app.yaml`).
    pub recipe: String,
    /// The recipe as it was typed.
    pub typed: String,
    /// It has an entrypoint or a command: the engine can run it as it is.
    pub runs: bool,
    /// The variant; `latest` is the untagged one.
    pub variant: String,
    /// The image's names, `-t` or recipe and variant.
    pub names: Vec<String>,
    /// The digest of the index.
    pub digest: Digest,
    /// Time in the config, seconds since the epoch.
    pub created: i64,
    /// Per platform, in the recipe's order.
    pub platforms: Vec<BuiltPlatform>,
}

/// One platform of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltPlatform {
    /// The platform.
    pub platform: Platform,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The digest of the config (what Docker calls the image id).
    pub config: Digest,
    /// Bytes of all layers as stored.
    pub size: u64,
    /// Bytes of all layers unpacked.
    pub unpacked: u64,
    /// How many layers.
    pub layers: usize,
    /// The packages, in install order.
    pub packages: Vec<PackageRow>,
    /// What became of the maintainer scripts.
    pub scripts: ScriptCount,
    /// What was cut and made.
    pub explain: Vec<ExplainRow>,
    /// Files of no package, no rule and no line of the recipe: always empty, and said if not.
    pub unowned: Vec<String>,
}

/// A package of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRow {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture.
    pub arch: Arch,
    /// Size of the package file.
    pub size: u64,
    /// The source that it came from, where no signature covers it: the user's word for it.
    pub unsigned: bool,
}

/// The sum of P9.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCount {
    /// Nothing to do in an image.
    pub nothing: usize,
    /// Replaced by rules of ours.
    pub replaced: usize,
    /// Not replaced: package, script, and the commands.
    pub not_replaced: Vec<LeftScript>,
}

/// A script of which something is left over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftScript {
    /// The package.
    pub package: String,
    /// `postinst`, `preinst` …
    pub script: String,
    /// The commands that nothing replaces.
    pub commands: Vec<String>,
}

/// A rule that applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainRow {
    /// `cut edge`, `hidden edge`, `class`, `derived`, `script`.
    pub rule: String,
    /// What it was about.
    pub subject: String,
    /// Why the rule exists.
    pub reason: String,
}

/// The outcome of `build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildReport {
    /// The images, in the order asked.
    pub images: Vec<Built>,
    /// One per recipe.
    pub locks: Vec<LockReport>,
    /// Where the images went, besides the local store.
    pub written: Vec<String>,
    /// What registries took.
    pub pushed: Vec<Moved>,
    /// What an engine took.
    pub loaded: Vec<Loaded>,
    /// Nothing had changed: no package was opened.
    pub unchanged: bool,
}

/// An image that an engine took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its name there.
    pub name: String,
    /// Its id there.
    pub id: String,
    /// Docker or Podman.
    pub engine: String,
}

/// What happened to a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReport {
    /// The recipe.
    pub recipe: String,
    /// The lock file.
    pub path: String,
    /// What became of it.
    pub state: LockState,
    /// The newest date of an index in it, seconds since the epoch; none where no archive is asked.
    pub as_of: Option<i64>,
    /// It belongs to a catalogue name, so `distil update NAME` refreshes it.
    pub catalogue: bool,
    /// What changed, one line each.
    pub changes: Vec<String>,
    /// Sources that no signature covers, by the user's word.
    pub unsigned: Vec<String>,
    /// Rows of the tables that applied to the closure.
    pub explain: Vec<ExplainRow>,
}

/// What became of a lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockState {
    /// There was none.
    Written,
    /// It fits and stays.
    Kept,
    /// It was completed or changed.
    Changed,
    /// It would be written or changed, but this was a dry run.
    Simulated,
}
