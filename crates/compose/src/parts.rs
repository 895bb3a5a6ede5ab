use std::borrow::Cow;
use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use recipe::Part;
use rootfs::path::parent;
use rootfs::{Cut, Entry, Node, Tree};

use crate::GlobError;
use crate::globs::Globs;

/// Takes a part of a package, before it meets others: what the recipe does not take cannot be in
/// anybody's way. The licence comes along unless it is dropped by name.
pub(crate) fn take_part(tree: &mut Tree, package: &str, part: &Part) -> Result<Vec<Cut>, GlobError> {
    let (only, drop) = (Globs::new(&part.only)?, Globs::new(&part.drop)?);
    let licence = format!("usr/share/doc/{package}/copyright");
    let directory = format!("usr/share/doc/{package}");
    let taken = |e: &Entry| {
        let path = e.path.as_bstr();
        if path.is_empty() {
            return true;
        }
        let is_licence = *path == *licence.as_str()
            || (*path == *directory.as_str() && matches!(e.node, Node::Symlink(_)));
        !drop.matches(path) && (only.is_empty() || only.matches(path) || is_licence)
    };
    let mut needed: BTreeSet<BString> = BTreeSet::new();
    for entry in tree.entries().iter().filter(|e| taken(e)) {
        let parents = std::iter::successors(parent(entry.path.as_bstr()), |p: &&BStr| parent(p));
        for above in parents {
            if !needed.insert(above.into()) {
                break;
            }
        }
    }
    Ok(tree.cut(|e| {
        let stays = taken(e) || (e.is_dir() && needed.contains(&e.path));
        (!stays).then_some(Cow::Borrowed("not taken from its package"))
    }))
}
