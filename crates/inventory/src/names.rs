use std::collections::BTreeMap;

use bstr::BString;
use rootfs::Node;

use crate::{Contents, File};

/// Chooses, of the names of a file, the one that is the file and has its bytes: one that a package owns before others, of
/// these the one in the lowest layer, of these the first. By path alone `/aaa` in the last layer would have the bytes
/// of a package's program in the first.
pub(crate) fn settle(contents: &mut Contents) {
    let mut named: BTreeMap<BString, Vec<usize>> = BTreeMap::new();
    for (n, file) in contents.files.iter().enumerate() {
        if let Node::Hardlink(first) = &file.entry.node {
            named.entry(first.clone()).or_default().push(n);
        }
    }
    for (first, mut all) in named {
        let Some(first) = contents.position(&first) else { continue };
        all.push(first);
        let rank = |n: &usize| {
            let file: &File = &contents.files[*n];
            (file.package().is_none(), file.layer, *n)
        };
        let Some(best) = all.iter().copied().min_by_key(rank).filter(|best| *best != first) else { continue };
        let body = contents.files[first].entry.node.clone();
        let path: BString = contents.files[best].path().into();
        for n in all {
            contents.files[n].entry.node =
                if n == best { body.clone() } else { Node::Hardlink(path.clone()) };
        }
    }
}
