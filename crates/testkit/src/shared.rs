use std::path::{Path, PathBuf};

/// The top of the workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the workspace is two folders above testkit")
}

/// A file or folder of the data that lies beside a checkout (`../shared/data`), where it is there.
///
/// Too large, or not ours, to be committed: real keys, apk indexes and packages, attack vectors.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let found = workspace().parent()?.join("shared/data").join(path);
    found.exists().then_some(found)
}
