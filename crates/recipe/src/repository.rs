use package::Arch;

use crate::LocalPath;

/// A repository that the recipe adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repository {
    /// apt's.
    Deb(DebRepository),
    /// apk's, by its base URL.
    Apk(ApkRepository),
    /// A local directory of package files; unsigned, the user's own word.
    Local(LocalRepository),
}

/// An apt repository: one suite of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebRepository {
    /// Base URI, no trailing slash: `http://`, `https://` or `file:`. User information is kept, and
    /// never shown.
    pub uri: String,
    /// Suite or code name; ends with `/` for a flat repository, where it is a path.
    pub suite: String,
    /// Components, empty for a flat repository.
    pub components: Vec<String>,
    /// Only for these architectures (`arch=`).
    pub archs: Option<Vec<Arch>>,
    /// Whose signature is asked for; none: the distribution's keys, if the URI is under a host of the table.
    pub signed_by: Vec<SignedBy>,
    /// `[trusted=yes]`: no signature is asked for. Named in summary, lock and SBOM.
    pub trusted: bool,
    /// `check-valid-until=no`.
    pub ignore_valid_until: bool,
    /// Oldest Release file that is accepted, in seconds.
    pub max_age: Option<u64>,
    /// `by-hash=`: yes or no against what the Release file offers.
    pub by_hash: Option<bool>,
    /// apt's pin priority. None: never shadows a distribution package, unless a line names it.
    pub priority: Option<i32>,
}

impl DebRepository {
    /// Is it flat: without `dists/` and components?
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }
}

/// Whose signature a repository must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A file of keys.
    Keys(LocalPath),
    /// A fingerprint, 40 hexadecimal digits in upper case.
    Fingerprint(String),
}

/// An apk repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApkRepository {
    /// `@tag` before it: only packages that name the tag come from it.
    pub tag: Option<String>,
    /// Base URL or local path, no trailing slash.
    pub url: String,
}

/// A local directory of package files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRepository {
    /// The directory.
    pub directory: LocalPath,
    /// `@tag` before it (apk).
    pub tag: Option<String>,
}
