use std::collections::BTreeMap;

use bstr::BString;
use rootfs::Owner;

use crate::{ChangeKind, Contents};

/// How the history tells of a layer that `distil append` wrote. Layers of others are left to their databases: theirs may
/// be a package manager's work, or configuration that is meant to be edited (Policy 10.7).
pub const APPEND: &str = "distil append";

/// Takes from packages what layers of `append` wrote in their files' places, and notes all that these layers wrote:
/// databases go on listing a path that another file is at by now. A package whose own record came with such a layer, or
/// after it, keeps its files.
pub(crate) fn release(contents: &mut Contents) {
    let mut appended: BTreeMap<BString, Option<usize>> = BTreeMap::new();
    for (n, layer) in contents.layers.iter().enumerate().filter(|(_, layer)| layer.is_appended()) {
        let wrote = |kind| matches!(kind, ChangeKind::Added | ChangeKind::Replaced);
        for change in layer.changes.iter().filter(|change| wrote(change.kind)) {
            let Some(file) = contents.file(&change.path).filter(|file| file.layer == n) else { continue };
            let owner = file.package();
            if !owner.is_some_and(|package| contents.changes_since(n, package)) {
                appended.insert(change.path.clone(), owner);
            }
        }
    }
    for (path, package) in &appended {
        let (Some(package), Some(at)) = (*package, contents.position(path)) else { continue };
        contents.files[at].entry.owner = Owner::Implicit;
        let files = &mut contents.packages[package].files;
        if let Ok(at) = files.binary_search(path) {
            files.remove(at);
        }
    }
    contents.appended = appended;
}

impl Contents {
    /// Does a layer, or one above it, bring a package or another version of it?
    fn changes_since(&self, layer: usize, package: usize) -> bool {
        let package = &self.packages[package];
        let mut changes = self.layers[layer..].iter().flat_map(|layer| &layer.packages);
        changes.any(|c| {
            (c.kind, &c.name, &c.arch) == (package.kind, &package.name, &package.arch) && c.after.is_some()
        })
    }
}
