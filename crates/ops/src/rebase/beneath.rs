//! Single files of the base that the image's own layers are about: those that they give other names to.

use bstr::{BStr, ByteSlice};
use diag::Diagnostic;
use inventory::Contents;
use rootfs::{Entry, Node};

use super::joint::{Joint, other};

/// Hard links of the layers above are what they were: unpacked upon the new base, one is whatever has its target's
/// name there, and without it the layer cannot be unpacked at all.
///
/// # Errors
/// The new base has another thing at a link's target, or nothing.
pub(super) fn check_links(joint: &Joint<'_>) -> Result<(), Diagnostic> {
    for link in joint.whole.layers[joint.above..].iter().flat_map(|layer| &layer.links) {
        if link.below >= joint.above {
            continue;
        }
        let target = link.target.as_bstr();
        let has = match (entry(joint.old, target), entry(joint.new, target)) {
            (Some(old), Some(new)) if same(old, new) => continue,
            (_, Some(Entry { node: Node::Dir, .. })) => "a directory",
            (_, Some(Entry { node: Node::Symlink(_), .. })) => "a link",
            (_, Some(_)) => "another file",
            (_, None) => "nothing",
        };
        let why = format!("it is a hard link to the base's /{target}, where the new base has {has}");
        return Err(other(link.path.as_bstr(), &why));
    }
    Ok(())
}

/// What is at a path; of a file with several names, what has its bytes.
fn entry<'a>(of: &'a Contents, path: &BStr) -> Option<&'a Entry> {
    let entry = &of.file(path)?.entry;
    match &entry.node {
        Node::Hardlink(first) => of.file(first).map(|file| &file.entry),
        _ => Some(entry),
    }
}

/// Whether both are one file to who opens it; their times may differ.
fn same(a: &Entry, b: &Entry) -> bool {
    let about = |e: &Entry| (e.mode, e.uid, e.gid, e.xattrs.clone());
    same_content(a, b) && about(a) == about(b)
}

fn same_content(a: &Entry, b: &Entry) -> bool {
    match (&a.node, &b.node) {
        (Node::File(a), Node::File(b)) => a.digest == b.digest,
        (a, b) => a == b,
    }
}
