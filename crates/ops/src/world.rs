//! Everything that was decided before a verb begins. Below here nothing asks the environment, the
//! clock or the terminal.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use diag::{Diagnostic, Reporter};
use oci::Platform;

/// What a verb works with.
pub struct World {
    /// Downloads and derived objects.
    pub cache_dir: PathBuf,
    /// Images, the catalogue's locks, the record of index dates.
    pub data_dir: PathBuf,
    /// Relative names of the user's are meant from here.
    pub working_dir: PathBuf,
    /// Now, seconds since the epoch.
    pub now: i64,
    /// SOURCE_DATE_EPOCH, seconds since the epoch.
    pub epoch: Option<i64>,
    /// Open no socket.
    pub offline: bool,
    /// How many threads work at once, at least one.
    pub threads: usize,
    /// Our own executable: an input of every remembered answer.
    pub program: Option<PathBuf>,
    /// Flags of every command that the user gave and that a command in a hint must have too.
    pub repeated: Vec<String>,
    /// The platform that `host` means and that `--load` loads.
    pub host: Platform,
    /// Progress and notes.
    pub reporter: Arc<dyn Reporter>,
    /// What only some verbs need, found on first use.
    pub surroundings: Surroundings,
}

/// Mirrors, proxies, credentials, engines: read only when something must be fetched or loaded, so
/// that a build with nothing to do opens none of those files.
pub struct Surroundings {
    find: Box<dyn Fn() -> Result<Outside, Diagnostic> + Send + Sync>,
    found: OnceLock<Result<Outside, Diagnostic>>,
}

impl Surroundings {
    /// Surroundings that `find` finds when they are first wanted.
    pub fn new(find: impl Fn() -> Result<Outside, Diagnostic> + Send + Sync + 'static) -> Surroundings {
        Surroundings { find: Box::new(find), found: OnceLock::new() }
    }

    /// What there is.
    pub fn outside(&self) -> Result<&Outside, Diagnostic> {
        self.found.get_or_init(|| (self.find)()).as_ref().map_err(Clone::clone)
    }
}

/// What only fetching and loading need.
#[derive(Clone, Default)]
pub struct Outside {
    /// Where archives are.
    pub mirrors: crate::mirrors::Mirrors,
    /// How to fetch.
    pub fetch: fetch::Options,
    /// What the environment says of Docker and Podman.
    pub engines: engine::Choice,
    /// How registries are reached, and who knows the logins for them.
    pub registry: registry::Options,
    /// The same logins, where they are to be kept or taken away.
    pub logins: Arc<crate::logins::Logins>,
    /// What was decided, and by whom; for `distil settings`.
    pub decided: Vec<crate::settings::Row>,
}
