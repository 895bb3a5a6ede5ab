use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Arch, Identity};

/// One package of a closure, fixed to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    /// Package name.
    pub name: String,
    /// Version, in the order of its world.
    pub version: String,
    /// Architecture of the package (`all` is possible).
    pub arch: Arch,
    /// Source package (apk: origin), where it differs from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The id of the repository (a lock's `suites` has it): archive or `host/path`, a slash, the suite.
    pub repository: String,
    /// apk: the `@tag` of its repository, where it is in no repository without one. The installed database
    /// says it, and apk upgrades the package from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Path of the file, relative to the archive.
    pub path: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// What the signed index says of the file.
    pub identity: Identity,
    /// SHA-256 of the whole file, once it was seen (or said by the index).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Why it is here.
    pub because: Vec<Cause>,
}

/// Why a pin is in a closure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The user named it (the text as the user wrote it).
    Asked(String),
    /// Another package needs it: `by` is its name, `requirement` the clause as the index has it.
    Needed {
        /// The needing package.
        by: String,
        /// The clause, as `libc6 (>= 2.36)`.
        requirement: String,
    },
    /// The table of hidden edges has it.
    Hidden {
        /// The needing package.
        by: String,
        /// The reason in the table.
        reason: String,
    },
    /// It came in by itself because all of its `install_if` is there (apk): one cause for each of
    /// these conditions.
    InstallIf {
        /// The package that meets the condition.
        by: String,
        /// The condition, as `docs`.
        condition: String,
    },
}

/// The solved, ordered set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure {
    /// In install order: what a package needs comes before it, cycles broken the same way every time.
    pub pins: Vec<Pin>,
    /// Solved, but cut off again.
    pub left_out: Vec<LeftOut>,
}

/// A package that the solver chose and that a table of cut edges made unreachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The package.
    pub pin: Pin,
    /// Why it is not needed.
    pub reason: Reason,
}

/// Why a package was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Each remaining path to it goes through edges that only maintainer scripts need.
    OnlyForScripts {
        /// The edges cut: (package, dependency, reason of the table).
        edges: Vec<(String, String, String)>,
    },
    /// The recipe removed it (`!name`).
    Removed,
}
