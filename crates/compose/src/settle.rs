use std::collections::BTreeMap;

use bstr::BString;

use crate::draft::Draft;
use rootfs::Node;

/// Makes the first name by path of each hard-linked file the file, so that in any sorted run of
/// entries a link comes behind its target.
pub(crate) fn order_hard_links(draft: &mut Draft<'_>) {
    let mut names: BTreeMap<BString, Vec<BString>> = BTreeMap::new();
    for entry in draft.entries.values() {
        if let Node::Hardlink(target) = &entry.node {
            names.entry(target.clone()).or_default().push(entry.path.clone());
        }
    }
    for (target, links) in names {
        let first = &links[0];
        if *first > target {
            continue;
        }
        let Some(file) = draft.entries.get(&target).map(|e| e.node.clone()) else { continue };
        for path in links.iter().skip(1).chain([&target]) {
            if let Some(entry) = draft.entries.get_mut(path) {
                entry.node = Node::Hardlink(first.clone());
            }
        }
        if let Some(entry) = draft.entries.get_mut(first) {
            entry.node = file;
        }
    }
}
