//! Which paths are names of one file.

use std::collections::BTreeMap;

use bstr::BString;
use rootfs::{Entry, Node};

use crate::draft::Draft;

/// The hard links of a tree, by the file that they name. Mode, owner and attributes are the file's: what
/// changes them changes them under all names, or the last one in the layer would have its way.
pub(crate) struct Names {
    links: BTreeMap<BString, Vec<BString>>,
}

impl Names {
    /// Those of the tree as it is now.
    pub(crate) fn of_tree(draft: &Draft<'_>) -> Names {
        let mut links: BTreeMap<BString, Vec<BString>> = BTreeMap::new();
        for entry in draft.entries.values() {
            if let Node::Hardlink(target) = &entry.node {
                links.entry(target.clone()).or_default().push(entry.path.clone());
            }
        }
        Names { links }
    }

    /// All names of what is at an entry's path: the entry's own, at least.
    pub(crate) fn of(&self, entry: &Entry) -> Vec<BString> {
        let file = match &entry.node {
            Node::Hardlink(target) => target,
            _ => &entry.path,
        };
        let links = self.links.get(file).into_iter().flatten();
        links.chain([file]).cloned().collect()
    }
}
