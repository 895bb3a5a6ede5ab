use std::borrow::Cow;
use std::collections::BTreeMap;

use bstr::BString;

use crate::{Entry, Node, Owner, Tree};

/// A path that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The path.
    pub path: BString,
    /// Who had brought it.
    pub owner: Owner,
    /// The reason, as it is shown: `documentation`, `drop: /usr/share/x/**`.
    pub why: Cow<'static, str>,
}

/// A composed file system: the tree of the image, what it stands on, what was left out.
#[derive(Debug, Clone, Default)]
pub struct Rootfs {
    /// The image below, where there is one.
    pub lower: Option<Tree>,
    /// What we write.
    pub tree: Tree,
    /// What was left out, by path.
    pub cut: Vec<Cut>,
}

impl Tree {
    /// Leaves out every entry that `why` gives a reason for, and says which, by path. Where the
    /// first name of a hard-linked file goes, the next name by path becomes the file.
    pub fn cut(&mut self, mut why: impl FnMut(&Entry) -> Option<Cow<'static, str>>) -> Vec<Cut> {
        let mut cut = Vec::new();
        let mut lost: BTreeMap<BString, Entry> = BTreeMap::new();
        let mut kept = Vec::with_capacity(self.entries().len());
        for entry in std::mem::take(self).into_entries() {
            match why(&entry) {
                None => kept.push(entry),
                Some(why) => {
                    cut.push(Cut { path: entry.path.clone(), owner: entry.owner, why });
                    if matches!(entry.node, Node::File(_)) {
                        lost.insert(entry.path.clone(), entry);
                    }
                }
            }
        }
        promote_links(&mut kept, &lost);
        *self = Tree::from_sorted(kept).expect("a part of a sorted list is sorted");
        cut
    }
}

/// Makes the first remaining link to each lost file the file, and lets the others link to it.
fn promote_links(kept: &mut [Entry], lost: &BTreeMap<BString, Entry>) {
    let mut heirs: BTreeMap<&BString, BString> = BTreeMap::new();
    for entry in kept {
        let Node::Hardlink(target) = &entry.node else { continue };
        let Some((first, file)) = lost.get_key_value(target) else { continue };
        match heirs.get(first) {
            Some(heir) => entry.node = Node::Hardlink(heir.clone()),
            None => {
                heirs.insert(first, entry.path.clone());
                entry.node = file.node.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryPayload, PayloadIx};

    #[test]
    fn promotes_the_next_name_of_a_file() {
        let body = MemoryPayload::new(PayloadIx(0)).add(b"x");
        let link = |p: &str| Entry::new(p, Node::Hardlink("a".into()), 0o644, Owner::Package(0));
        let file = Entry::new("a", Node::File(body), 0o644, Owner::Package(0));
        let mut tree = Tree::from_entries(vec![file, link("b"), link("c"), link("d")]);
        let cut = tree.cut(|e| (e.path == "a" || e.path == "c").then_some("because".into()));
        assert_eq!(cut.iter().map(|c| c.path.to_string()).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(tree.get("b").unwrap().node, Node::File(body));
        assert_eq!(tree.get("d").unwrap().node, Node::Hardlink("b".into()));
    }
}
