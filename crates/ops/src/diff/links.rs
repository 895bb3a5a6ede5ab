use std::collections::HashMap;

use bstr::{BStr, ByteSlice};
use inventory::Contents;
use rootfs::Node;

/// Which paths of an image are names of one file, as far as another image has them as files too: a name that only one
/// has is told as one that came or went, and which of the names is called the first does not matter.
pub(super) struct Links<'a> {
    /// Of each name but the first.
    first: HashMap<&'a BStr, &'a BStr>,
}

impl<'a> Links<'a> {
    pub(super) fn among(image: &'a Contents, other: &Contents) -> Links<'a> {
        let is_file = |path: &BStr| {
            let file = other.file(path);
            file.is_some_and(|f| matches!(f.entry.node, Node::File(_) | Node::Hardlink(_)))
        };
        let mut named: HashMap<&BStr, Vec<&BStr>> = HashMap::new();
        for file in &image.files {
            if let Node::Hardlink(body) = &file.entry.node {
                named.entry(body.as_bstr()).or_insert_with(|| vec![body.as_bstr()]).push(file.path());
            }
        }
        let mut first = HashMap::new();
        for mut names in named.into_values() {
            names.retain(|path| is_file(path));
            if let Some(one) = names.iter().min().copied() {
                first.extend(names.into_iter().filter(|name| *name != one).map(|name| (name, one)));
            }
        }
        Links { first }
    }

    /// The first of the names of what is at a path; none where that is itself.
    pub(super) fn of(&self, path: &BStr) -> Option<&'a BStr> {
        self.first.get(path).copied()
    }
}
