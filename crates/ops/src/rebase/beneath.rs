//! Single files of the base that the image's own layers are about: those that they give other names to, and those
//! that they have themselves at the same paths.

use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use diag::{Diagnostic, Note, Reporter};
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

/// How many paths a warning names.
const MOST: usize = 10;

/// Paths of the image's own files that hide what another base has there by now.
#[derive(Default)]
pub(super) struct Hiding {
    /// As the old base had them: most often a builder's copy with another mode or owner.
    kept: BTreeSet<BString>,
    /// The image's own content.
    own: BTreeSet<BString>,
}

impl Hiding {
    /// Takes what one platform's image has of them. That is no fault (an application's configuration over its base's is
    /// meant so), but nobody else tells that a flawed file of the old base is there still.
    pub(super) fn look(&mut self, joint: &Joint<'_>, made_again: &[Entry]) {
        for file in joint.whole.files.iter().filter(|f| f.layer >= joint.above && !f.entry.is_dir()) {
            let path = file.path();
            let Some(own) = entry(joint.whole, path) else { continue };
            let (old, new) = (entry(joint.old, path), entry(joint.new, path));
            let unchanged = match (old, new) {
                (Some(old), Some(new)) => same(old, new),
                (old, new) => old.is_none() && new.is_none(),
            };
            if unchanged || made_again.iter().any(|made| made.path == path) {
                continue;
            }
            // Where only mode or owner changed, what the image has as the old base had.
            let is_kept = |old: &Entry| match new {
                Some(new) if same_content(old, new) => same(own, old),
                _ => same_content(own, old),
            };
            if old.is_some_and(is_kept) {
                self.kept.insert(path.into());
            } else if new.is_some_and(|new| !same_content(own, new)) {
                self.own.insert(path.into());
            }
        }
    }

    /// Says what there is of them.
    pub(super) fn tell(&self, image: &str, reporter: &dyn Reporter) {
        if !self.kept.is_empty() {
            reporter.note(Note::Warning(format!(
                "{image} keeps files of the old base in layers of its own, and the new base has them otherwise or no more: \
                 {}; an image built upon the new base would have the new ones",
                named(&self.kept)
            )));
        }
        if !self.own.is_empty() {
            reporter.note(Note::Warning(format!(
                "{image} has files of its own where the new base's are others than the old one's: {}",
                named(&self.own)
            )));
        }
    }
}

fn named(paths: &BTreeSet<BString>) -> String {
    let first: Vec<String> = paths.iter().take(MOST).map(|path| format!("/{path}")).collect();
    let more = match paths.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
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
