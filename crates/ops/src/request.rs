//! What is asked of the verbs.

use std::path::PathBuf;

use oci::Reference;

use crate::target::Target;

/// How a build treats its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockMode {
    /// Keep pins that still satisfy, resolve the rest, write.
    Keep,
    /// Move every pin to the newest.
    Update,
    /// The lock must fit.
    Locked,
    /// The lock must fit; no index and no network at all.
    Frozen,
}

/// Which lock, and what takes the mirror's place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockPlace {
    /// Elsewhere than beside the recipe.
    pub file: Option<PathBuf>,
    /// A directory that holds packages and indexes.
    pub vendor: Option<PathBuf>,
    /// An older index than seen before is accepted.
    pub allow_rollback: bool,
}

/// `distil build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// Recipe files or catalogue names, at least one.
    pub recipes: Vec<String>,
    /// Only these architectures, as typed (`host` is possible); empty: all of the recipe.
    pub archs: Vec<String>,
    /// Only these variants; empty: all.
    pub variants: Vec<String>,
    /// Names given with `-t`.
    pub names: Vec<Reference>,
    /// Where it goes besides the local store.
    pub targets: Vec<Target>,
    /// Load the host's platform into the engine.
    pub load: bool,
    /// The lock.
    pub lock: LockPlace,
    /// How it is treated.
    pub mode: LockMode,
    /// `--compression`, as typed.
    pub compression: Option<String>,
}

/// `distil lock` and `distil update`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// Recipe file or catalogue name.
    pub recipe: String,
    /// The lock.
    pub lock: LockPlace,
    /// Keep or update.
    pub mode: LockMode,
    /// Only solve.
    pub dry_run: bool,
}
