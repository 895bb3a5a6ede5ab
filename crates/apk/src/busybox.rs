//! The links that `busybox --install -s` makes: for each of its programs one, where nothing else stands.
//!
//! Which there are stands in `/etc/busybox-paths.d` since Alpine 3.14; before that only in the program
//! itself, whose tables are read then ([`applet_paths`]).

use std::collections::HashSet;

use bstr::{BStr, BString, ByteSlice};
use rootfs::path::{follow, normalise, parent};
use rootfs::{Entry, Node, Owner, Tree};

use crate::busybox_table::applet_paths;

/// The files of an image that its links are made from: their contents are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyboxFiles {
    /// Lists of links, each with the program that it is of (`/bin/busybox`).
    pub lists: Vec<(BString, BString)>,
    /// Without a list: the program itself.
    pub program: Option<BString>,
}

/// What `bbsuid --install` links to itself: the programs that need root for what they do.
const SETUID: [&str; 8] = [
    "bin/mount",
    "bin/su",
    "bin/umount",
    "usr/bin/crontab",
    "usr/bin/passwd",
    "usr/bin/traceroute",
    "usr/bin/traceroute6",
    "usr/bin/vlock",
];

/// Looks for busybox in a tree; none if it is not there.
pub fn busybox_files(tree: &Tree) -> Option<BusyboxFiles> {
    let program = file_behind(tree, "bin/busybox")?;
    let folder = BStr::new("etc/busybox-paths.d");
    let lists: Vec<(BString, BString)> = tree
        .below(folder)
        .filter(|e| matches!(e.node, Node::File(_)))
        .map(|list| {
            let own = format!("bin/{}", rootfs::path::file_name(list.path.as_bstr()));
            let of = if file_behind(tree, &own).is_some() { own.as_str() } else { "bin/busybox" };
            (list.path.clone(), format!("/{of}").into())
        })
        .collect();
    let program = lists.is_empty().then_some(program);
    Some(BusyboxFiles { lists, program })
}

/// The path of the file that a path means, once links are followed.
fn file_behind(tree: &Tree, path: &str) -> Option<BString> {
    let real = follow(path.into(), true, |p| link_at(tree, p)).ok()?;
    matches!(tree.get(&real)?.node, Node::File(_) | Node::Hardlink(_)).then_some(real)
}

fn link_at<'a>(tree: &'a Tree, path: &BStr) -> Option<&'a BStr> {
    match &tree.get(path)?.node {
        Node::Symlink(target) => Some(target.as_bstr()),
        _ => None,
    }
}

/// The links, and directories for them that are not there, as entries of nobody's package; `contents`
/// are those of [`BusyboxFiles`], lists first. Where something stands already nothing is made, so
/// `coreutils` keeps its own `ls`. `None` where there is no list, and the program's tables are not
/// found beyond doubt: then `busybox --install` is something that is not done.
pub fn busybox_links(
    tree: &Tree,
    files: &BusyboxFiles,
    contents: &[Vec<u8>],
    mtime: i64,
) -> Option<Vec<Entry>> {
    let mut made = Made { tree, entries: Vec::new(), there: HashSet::new(), mtime };
    if file_behind(tree, "bin/bbsuid").is_some() {
        for path in SETUID {
            made.link(path.as_bytes(), "/bin/bbsuid".into());
        }
    }
    // busybox-extras before busybox, as the trigger has it.
    let mut lists: Vec<_> = files.lists.iter().zip(contents).collect();
    lists.sort_by_key(|((_, program), _)| program == "/bin/busybox");
    for ((_, program), list) in lists {
        for path in list.lines() {
            made.link(path.trim_ascii(), program.as_bstr());
        }
    }
    if let (Some(_), Some(program)) = (&files.program, contents.get(files.lists.len())) {
        for path in applet_paths(program)? {
            made.link(path.as_bytes(), "/bin/busybox".into());
        }
    }
    Some(made.entries)
}

struct Made<'a> {
    tree: &'a Tree,
    entries: Vec<Entry>,
    /// Their paths.
    there: HashSet<BString>,
    mtime: i64,
}

impl Made<'_> {
    fn link(&mut self, path: &[u8], target: &BStr) {
        let Ok(path) = normalise(path) else { return };
        let Ok(path) = follow(path.as_bstr(), false, |p| link_at(self.tree, p)) else { return };
        if path.is_empty() || self.has(path.as_bstr()) {
            return;
        }
        let missing: Vec<BString> = std::iter::successors(parent(path.as_bstr()), |p| parent(p))
            .take_while(|p| !p.is_empty() && !self.has(p))
            .map(BString::from)
            .collect();
        // Below a file there is no place for a link.
        let above = missing.last().map_or(path.as_bstr(), |m| m.as_bstr());
        let root = parent(above).filter(|p| !p.is_empty());
        if root.is_some_and(|p| self.tree.get(p).is_some_and(|e| !e.is_dir())) {
            return;
        }
        for directory in missing.into_iter().rev() {
            self.put(directory, Node::Dir, 0o755);
        }
        self.put(path, Node::Symlink(target.into()), 0o777);
    }

    fn has(&self, path: &BStr) -> bool {
        self.tree.get(path).is_some() || self.there.contains(path)
    }

    fn put(&mut self, path: BString, node: Node, mode: u32) {
        self.there.insert(path.clone());
        self.entries.push(Entry { mtime: self.mtime, ..Entry::new(path, node, mode, Owner::Derived) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[(&str, Option<&str>)]) -> Tree {
        let mut payload = rootfs::MemoryPayload::new(rootfs::PayloadIx(0));
        let entry = |(path, link): &(&str, Option<&str>)| match link {
            Some("") => Entry::implicit_dir(*path),
            Some(target) => Entry::new(*path, Node::Symlink((*target).into()), 0o777, Owner::Derived),
            None => Entry::new(*path, Node::File(payload.add(b"")), 0o755, Owner::Derived),
        };
        Tree::from_entries(paths.iter().map(entry).collect())
    }

    fn made(tree: &Tree, contents: &[&[u8]]) -> Vec<String> {
        let files = busybox_files(tree).unwrap();
        let contents: Vec<Vec<u8>> = contents.iter().map(|c| c.to_vec()).collect();
        let made = busybox_links(tree, &files, &contents, 0).unwrap();
        made.iter().map(|e| e.path.to_string()).collect()
    }

    #[test]
    fn a_list_is_followed_where_nothing_stands() {
        let merged = tree(&[
            ("bin", Some("usr/bin")),
            ("usr", Some("")),
            ("usr/bin", Some("")),
            ("usr/bin/busybox", None),
            ("usr/bin/ls", None),
            ("etc/busybox-paths.d/busybox", None),
        ]);
        assert_eq!(
            made(&merged, &[b"bin/ls\nbin/cat\n\n../x\nsbin/ip\nbin/cat\nbin/ls/x\n"]),
            ["usr/bin/cat", "sbin", "sbin/ip"]
        );
        assert_eq!(busybox_files(&tree(&[("bin/cat", None)])), None);
    }

    #[test]
    fn without_a_list_the_program_says_its_names() {
        let old = tree(&[("bin", Some("")), ("bin/busybox", None), ("bin/bbsuid", None)]);
        let program = b"\x7fELF..\x33\x31\x41\x23\x12\x01\
            [\0[[\0ash\0awk\0cat\0chroot\0env\0ifconfig\0init\0ls\0mount\0\0BusyBox v1\0";
        let paths = made(&old, &[program]);
        assert_eq!(paths[..3], ["bin/mount", "bin/su", "bin/umount"]);
        let rest = ["sbin", "sbin/ifconfig", "sbin/init", "bin/ls"];
        assert_eq!(paths[paths.len() - 4..], rest, "mount is there already");
        let alone = tree(&[("bin/busybox", None)]);
        let files = busybox_files(&alone).unwrap();
        assert_eq!(busybox_links(&alone, &files, &[b"no table".to_vec()], 0), None);
    }
}
