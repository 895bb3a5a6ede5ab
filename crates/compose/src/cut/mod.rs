//! Leaving out what no program reads, by classes of paths that are data.
//!
//! A file goes when a glob of [`CLASSES`] (or of the recipe's `drop`) has it and none of the recipe's
//! `keep`. A directory that is matched goes when nothing stays in it, a link when what it led to went.
//! Licences stay reachable: `copyright` files, the links to them, and links between directories of
//! documentation are never left out by a class.

mod table;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use bstr::{BStr, BString, ByteSlice};
use recipe::Slim;
use rootfs::path::{follow, parent};
use rootfs::{Cut, Entry, Node, Owner, Tree};

use crate::GlobError;
use crate::globs::Globs;

pub use table::{CLASSES, Class, documentation};

/// The reason of links that would lead to nothing.
pub const LINK_TO_CUT: &str = "links to what was left out";

/// The reason of directories that only existed for what was left out.
pub const EMPTY: &str = "nothing is left in it";

/// The globs of all classes in one set, so that a path is looked up once.
struct Classes {
    globs: Globs,
    except: Globs,
    /// Of each glob, its class.
    class_of: Vec<&'static Class>,
    /// Of each exception, its class.
    excepts: Vec<&'static Class>,
}

static CLASS_GLOBS: LazyLock<Classes> = LazyLock::new(|| {
    let flat = |of: fn(&Class) -> &'static [&'static str]| {
        CLASSES.iter().flat_map(move |c| of(c).iter().map(move |glob| (*glob, c)))
    };
    let (globs, class_of): (Vec<_>, Vec<_>) = flat(|c| c.globs).unzip();
    let (except, excepts): (Vec<_>, Vec<_>) = flat(|c| c.except).unzip();
    let read = |texts: &[&str]| Globs::new(texts).expect("the globs of the table are read by a test");
    Classes { globs: read(&globs), except: read(&except), class_of, excepts }
});

impl Classes {
    /// The first class in the order of the table that leaves a path out.
    fn of(&self, path: &BStr) -> Option<&'static Class> {
        let found = self.globs.which(path);
        if found.is_empty() {
            return None;
        }
        let excepted: Vec<&str> = self.except.which(path).into_iter().map(|n| self.excepts[n].name).collect();
        found.into_iter().map(|n| self.class_of[n]).find(|c| !excepted.contains(&c.name))
    }
}

/// What decides.
pub(crate) struct Cutter {
    classes: Option<&'static Classes>,
    keep: Globs,
    drop: Globs,
}

type Reason = Option<Cow<'static, str>>;

impl Cutter {
    /// `keep` and `drop` are the recipe's globs.
    pub(crate) fn new(slim: Slim, keep: &[String], drop: &[String]) -> Result<Cutter, GlobError> {
        let classes = (slim != Slim::None).then(|| &*CLASS_GLOBS);
        Ok(Cutter { classes, keep: Globs::new(keep)?, drop: Globs::new(drop)? })
    }

    /// Leaves out of `tree` and says what, by path.
    pub(crate) fn apply(&self, tree: &mut Tree) -> Vec<Cut> {
        if self.classes.is_none() && self.drop.is_empty() {
            return Vec::new();
        }
        let mut reasons: Vec<Reason> = tree.entries().iter().map(|e| self.reason(e)).collect();
        save_licences(tree, &mut reasons);
        self.drop_dangling(tree, &mut reasons);
        keep_needed_directories(tree, &mut reasons);
        let mut reasons = reasons.into_iter();
        tree.cut(|_| reasons.next().flatten())
    }

    fn reason(&self, entry: &Entry) -> Reason {
        let path = entry.path.as_bstr();
        if path.is_empty() || self.keep.matches(path) {
            return None;
        }
        if self.drop.matches(path) {
            let text = self.drop.texts().join(", ");
            return Some(Cow::Owned(format!("drop: {text}")));
        }
        let classes = self.classes?;
        if entry.owner == Owner::Implicit {
            return Some(Cow::Borrowed(EMPTY));
        }
        let class = classes.of(path)?;
        // A link between directories of documentation stands for the licence behind it.
        if matches!(entry.node, Node::Symlink(_)) && parent(path) == Some(b"usr/share/doc".as_bstr()) {
            return None;
        }
        Some(Cow::Borrowed(class.name))
    }

    fn drop_dangling(&self, tree: &Tree, reasons: &mut [Reason]) {
        for (at, entry) in tree.entries().iter().enumerate() {
            let Node::Symlink(_) = &entry.node else { continue };
            if reasons[at].is_some() || self.keep.matches(entry.path.as_bstr()) {
                continue;
            }
            if entry.path.starts_with(b"usr/share/doc/") {
                continue;
            }
            let behind = target(tree, entry.path.as_bstr()).and_then(|to| tree.position(to));
            if behind.is_some_and(|to| gone(tree, reasons, to)) {
                reasons[at] = Some(Cow::Borrowed(LINK_TO_CUT));
            }
        }
    }
}

/// Will nothing be left of an entry? A directory stays for what stays in it.
fn gone(tree: &Tree, reasons: &[Reason], at: usize) -> bool {
    let entry = &tree.entries()[at];
    if reasons[at].is_none() {
        return false;
    }
    let kept = |e: &Entry| tree.position(&e.path).is_some_and(|at| reasons[at].is_none());
    !entry.is_dir() || !tree.below(entry.path.as_bstr()).any(kept)
}

fn target(tree: &Tree, path: &BStr) -> Option<BString> {
    let link = |p: &BStr| match &tree.get(p)?.node {
        Node::Symlink(to) => Some(to.as_bstr()),
        _ => None,
    };
    follow(path, true, link).ok()
}

/// What a `copyright` link leads to stays, whatever it is called.
fn save_licences(tree: &Tree, reasons: &mut [Reason]) {
    for entry in tree.below(b"usr/share/doc".as_bstr()) {
        if matches!(entry.node, Node::Symlink(_))
            && entry.path.ends_with(b"/copyright")
            && let Some(at) = target(tree, entry.path.as_bstr()).and_then(|to| tree.position(to))
        {
            reasons[at] = None;
        }
    }
}

fn keep_needed_directories(tree: &Tree, reasons: &mut [Reason]) {
    let mut needed: BTreeSet<&BStr> = BTreeSet::new();
    // Backwards, what is in a directory comes before the directory.
    for (at, entry) in tree.entries().iter().enumerate().rev() {
        if entry.is_dir() && needed.contains(entry.path.as_bstr()) {
            reasons[at] = None;
        }
        if reasons[at].is_none()
            && let Some(above) = parent(entry.path.as_bstr())
        {
            needed.insert(above);
        }
    }
}

/// Sums by reason, in the order of the reasons' names.
pub(crate) fn totals(cuts: &[Cut], size_of: impl Fn(&Cut) -> Option<u64>) -> Vec<crate::CutTotal> {
    let mut sums: std::collections::BTreeMap<&str, (u64, u64)> = std::collections::BTreeMap::new();
    for cut in cuts {
        if let Some(size) = size_of(cut) {
            let sum = sums.entry(&cut.why).or_default();
            *sum = (sum.0 + 1, sum.1 + size);
        }
    }
    let total = |(why, (files, bytes)): (&str, _)| crate::CutTotal { why: why.to_owned(), files, bytes };
    sums.into_iter().map(total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(lines: &[&str]) -> Tree {
        let entry = |line: &&str| {
            let (path, node) = match line.split_once(" -> ") {
                Some((path, to)) => (path, Node::Symlink(to.into())),
                None if line.ends_with('/') => (line.trim_end_matches('/'), Node::Dir),
                None => {
                    let mut memory = rootfs::MemoryPayload::new(rootfs::PayloadIx(0));
                    (*line, Node::File(memory.add(line.as_bytes())))
                }
            };
            Entry::new(path, node, 0o755, Owner::Package(0))
        };
        Tree::from_entries(lines.iter().map(entry).collect())
    }

    fn paths(tree: &Tree) -> Vec<String> {
        tree.entries().iter().map(|e| e.path.to_string()).collect()
    }

    #[test]
    fn licences_stay_reachable() {
        let mut t = tree(&[
            "usr/",
            "usr/share/",
            "usr/share/doc/",
            "usr/share/doc/gcc-14-base/",
            "usr/share/doc/gcc-14-base/changelog.Debian.gz",
            "usr/share/doc/gcc-14-base/copyright",
            "usr/share/doc/libgcc-s1 -> gcc-14-base",
            "usr/share/doc/odd/",
            "usr/share/doc/odd/LICENCE.txt",
            "usr/share/doc/odd/copyright -> LICENCE.txt",
            "usr/share/doc/none/",
            "usr/share/doc/none/README",
            "usr/share/man/",
            "usr/share/man/man1/",
            "usr/share/man/man1/x.1.gz",
            "usr/lib/",
            "usr/lib/x.1 -> ../share/man/man1/x.1.gz",
        ]);
        let cut = Cutter::new(Slim::Classes, &[], &[]).unwrap().apply(&mut t);
        assert_eq!(
            paths(&t),
            [
                "usr",
                "usr/lib",
                "usr/share",
                "usr/share/doc",
                "usr/share/doc/gcc-14-base",
                "usr/share/doc/gcc-14-base/copyright",
                "usr/share/doc/libgcc-s1",
                "usr/share/doc/odd",
                "usr/share/doc/odd/LICENCE.txt",
                "usr/share/doc/odd/copyright",
            ]
        );
        let why = |p: &str| cut.iter().find(|c| c.path == p).unwrap().why.to_string();
        assert_eq!(why("usr/share/doc/none"), "documentation");
        assert_eq!(why("usr/share/man/man1/x.1.gz"), "man");
        assert_eq!(why("usr/lib/x.1"), LINK_TO_CUT);
    }

    #[test]
    fn the_recipe_has_the_last_word() {
        let all = [
            "usr/share/doc/a/",
            "usr/share/doc/a/copyright",
            "usr/share/doc/a/keep.txt",
            "usr/share/doc/a/x.txt",
            "usr/lib/big.so",
        ];
        let mut t = tree(&all);
        let texts = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let keep = texts(&["/usr/share/doc/*/keep*"]);
        let drop = texts(&["/usr/lib/*.so", "/usr/share/doc/a/copyright"]);
        let cut = Cutter::new(Slim::Classes, &keep, &drop).unwrap().apply(&mut t);
        assert_eq!(paths(&t), ["usr/share/doc/a", "usr/share/doc/a/keep.txt"]);
        assert!(cut.iter().any(|c| c.path == "usr/lib/big.so" && c.why.starts_with("drop: ")));
        let mut t = tree(&all);
        assert!(Cutter::new(Slim::None, &[], &[]).unwrap().apply(&mut t).is_empty());
        assert_eq!(t.entries().len(), all.len());
    }

    #[test]
    fn character_sets_and_locales() {
        let mut t = tree(&[
            "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
            "usr/lib/x86_64-linux-gnu/gconv/CP1252.so",
            "usr/lib/x86_64-linux-gnu/gconv/CP1255.so",
            "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
            "usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache",
            "usr/lib/locale/C.utf8/LC_CTYPE",
            "usr/lib/locale/de_DE.utf8/LC_CTYPE",
            "usr/share/locale/de/LC_MESSAGES/x.mo",
            "usr/share/zoneinfo/Europe/Berlin",
        ]);
        Cutter::new(Slim::Classes, &[], &[]).unwrap().apply(&mut t);
        assert_eq!(
            paths(&t),
            [
                "usr/lib/locale/C.utf8/LC_CTYPE",
                "usr/lib/x86_64-linux-gnu/gconv/CP1252.so",
                "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
                "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
                "usr/share/zoneinfo/Europe/Berlin",
            ]
        );
    }

    #[test]
    fn the_documentation_has_the_table() {
        let page = testkit::workspace().join("docs/slimming.md");
        #[allow(clippy::disallowed_methods, reason = "a test reads the documentation")]
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains(&documentation()), "docs/slimming.md must contain:\n{}", documentation());
    }
}
