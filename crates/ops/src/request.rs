//! What is asked of the verbs.

use std::path::PathBuf;

use oci::Reference;
pub use recipe::Appended;
pub use solve::apk::Compat;

use crate::World;
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
    /// Whose choice of apk packages is wanted; it is part of what a lock answers.
    pub compat: Compat,
    /// An apk index that nobody signed, or nobody known, is taken.
    pub ignore_signatures: bool,
    /// An apk package must be there for all architectures in the same version, as with apko; so it is
    /// with [`Compat::Apko`], too.
    pub alike: bool,
    /// A lock of apko's that takes the place of ours.
    pub apko: Option<PathBuf>,
}

/// What a command line says of a recipe besides naming it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Above {
    /// What it puts on top.
    pub appended: Appended,
    /// Where the recipe and what it includes are looked for at last.
    pub include_paths: Vec<PathBuf>,
    /// It is apko's command line: what does not tell its package world is of apk packages.
    pub apk: bool,
    /// Where the recipe has no `vcs-url`, the git checkout that it stands in tells.
    pub vcs: bool,
}

impl LockPlace {
    /// A command that a hint offers, with the user's own flags: without them it would be about another
    /// lock than the one that was complained of.
    pub(crate) fn command(&self, world: &World, verb: &str, recipe: &str) -> String {
        let mut words = vec!["distil".to_owned(), verb.to_owned()];
        // What `distil` reads without an argument needs none in a hint either.
        words.extend((recipe != "distil.yaml").then(|| recipe.to_owned()));
        for (flag, path) in [("--lock", &self.file), ("--vendor", &self.vendor)] {
            words.extend(path.iter().flat_map(|p| [flag.to_owned(), p.display().to_string()]));
        }
        words.extend(
            (self.compat == Compat::Apko)
                .then(|| ["--compat", "apko"].map(str::to_owned))
                .into_iter()
                .flatten(),
        );
        words.extend(world.repeated.iter().cloned());
        command_line(&words)
    }
}

/// Words as they are typed at a shell.
pub fn command_line(words: &[String]) -> String {
    words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@+,%~".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
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
    /// What is put on top of them.
    pub above: Above,
    /// Names given with `-t`.
    pub names: Vec<Reference>,
    /// Where it goes besides the local store.
    pub targets: Vec<Target>,
    /// Load the host's platform into the engine.
    pub load: bool,
    /// Push each under its names.
    pub push: bool,
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
    /// What is put on top of it.
    pub above: Above,
    /// The lock.
    pub lock: LockPlace,
    /// Keep or update.
    pub mode: LockMode,
    /// Only solve.
    pub dry_run: bool,
}
