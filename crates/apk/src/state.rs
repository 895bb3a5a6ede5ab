//! The small files of apk's own state.

use bstr::{BString, ByteVec};
use rootfs::{Entry, Node, Owner, Part, Tree, tar};

use crate::ControlFiles;

/// The directories that apk makes in an empty root before it unpacks anything (`apk_db_create`), for
/// [`rootfs::MergeRules::start`]: `/proc` is 0555, and stays so whatever a package says. Where a package
/// makes `/lib` a link into `/usr`, the database is there. Its device nodes are not in the tree: who
/// runs a container makes `/dev`.
pub fn initial_tree(parts: &[Part], mtime: i64) -> Tree {
    let link = |p: &Part| p.tree.get("lib").is_some_and(|e| matches!(e.node, Node::Symlink(_)));
    let lib: &[&str] = if parts.iter().any(link) {
        &["usr", "usr/lib", "usr/lib/apk", "usr/lib/apk/db"]
    } else {
        &["lib", "lib/apk", "lib/apk/db"]
    };
    let directory = |path: &&str| {
        let mode = match *path {
            "proc" => 0o555,
            "tmp" => 0o1777,
            _ => 0o755,
        };
        Entry { mtime, ..Entry::new(*path, Node::Dir, mode, Owner::Derived) }
    };
    let others =
        ["dev", "etc", "etc/apk", "proc", "tmp", "var", "var/cache", "var/cache/apk", "var/cache/misc"];
    Tree::from_entries(lib.iter().chain(&others).map(directory).collect())
}

/// `lib/apk/db/triggers`: of each package with a trigger the hash of its control part and the
/// directories that it watches.
pub fn write_triggers<'a>(packages: impl IntoIterator<Item = &'a ControlFiles>) -> BString {
    let mut out = BString::default();
    for package in packages.into_iter().filter(|p| !p.info.triggers.is_empty()) {
        out.push_str(format!("{} {}\n", package.control.q1(), package.info.triggers.join(" ")));
    }
    out
}

/// `lib/apk/db/scripts.tar`: every script of every package, in install order, for a later `apk upgrade`
/// or `apk del` in the image. Members are called `NAME-VERSION.HASH.KIND` and have the time `mtime`,
/// where apk puts the time of its run; else the bytes are those of apk 2.14 (`apk_tar_write_entry`).
pub fn write_scripts<'a>(packages: impl IntoIterator<Item = &'a ControlFiles>, mtime: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for package in packages {
        for script in &package.scripts {
            let (info, hash) = (&package.info, package.control.q1());
            // Base64 has slashes, and apk puts them into the name all the same.
            let name = format!("{}-{}.{hash}.{}", info.name, info.version, script.kind.name());
            if name.len() >= 100 {
                push_member(&mut out, "././@LongLink", b'L', &[name.as_bytes(), b"\0"].concat(), mtime);
            }
            push_member(&mut out, &name, b'0', &script.bytes, mtime);
        }
    }
    out.extend_from_slice(&tar::END);
    out
}

/// A member with apk's header: GNU's magic, root by name, and sizes and times without a final NUL.
fn push_member(out: &mut Vec<u8>, name: &str, kind: u8, body: &[u8], mtime: u64) {
    let mut header = [0; tar::BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(99)]);
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:012o}", body.len()).as_bytes());
    put(136, format!("{:012o}", mtime & 0o777_777_777_777).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar  ");
    put(265, b"root");
    put(297, b"root");
    let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    out.resize(out.len() + tar::padding(body.len() as u64), 0);
}

/// `etc/apk/world`: what was asked for, a request a line, sorted and each once as apk keeps it.
pub fn write_world<'a>(requests: impl IntoIterator<Item = &'a str>) -> BString {
    let mut requests: Vec<&str> = requests.into_iter().collect();
    requests.sort_unstable();
    requests.dedup();
    requests.iter().map(|r| format!("{r}\n")).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Script, ScriptKind, parse_pkginfo};

    #[test]
    fn a_long_name_is_whole() {
        let name = "n".repeat(120);
        let info = parse_pkginfo(format!("pkgname = {name}\npkgver = 1\n").as_bytes()).unwrap();
        let scripts = vec![Script::new(ScriptKind::PostInstall, "#!/bin/sh\n")];
        let (control, files, owners) = (package::Sha1([0; 20]), Vec::new(), Vec::new());
        let files = ControlFiles { info, scripts, control, files, owners };
        let bytes = write_scripts([&files], 7);
        let mut reader = tar::Reader::new(bytes.as_slice(), tar::Limits::default());
        let member = reader.next().unwrap().unwrap();
        assert_eq!(member.path, format!("{name}-1.Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=.post-install"));
        assert_eq!((member.mode, member.mtime), (0o755, 7));
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn what_was_asked_stands_in_the_world_once() {
        assert_eq!(write_world(["b", "a=1", "b"]), "a=1\nb\n");
    }
}
