use std::io;
use std::path::Path;

use store::Temporary;

/// A file in a directory of ours, made if need be, for an archive that stays as long as it is needed. Those of dead
/// processes are removed.
pub(crate) fn passing(dir: &Path) -> io::Result<Temporary> {
    const STEM: &str = "archive";
    #[allow(clippy::disallowed_methods, reason = "the directory is ours, whatever it is called")]
    std::fs::create_dir_all(dir)?;
    store::sweep(dir, STEM);
    Temporary::beside(dir, STEM)
}
