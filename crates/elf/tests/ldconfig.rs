//! The cache against the machine's own `ldconfig`, on the machine's own libraries and on a made-up tree.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read the machine's files")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bstr::{BStr, BString, ByteSlice};
use elf::ld_so_cache::{Cache, Listed, Root, compare, read, scan, write};
use elf::{Endian, Machine, Summary};

/// A directory of the machine as a root. Links in it are resolved by us, as in a chroot.
struct Directory(PathBuf);

impl Directory {
    fn resolve(&self, path: &BStr) -> Option<PathBuf> {
        let mut todo: Vec<BString> = path.rsplit_str("/").map(BString::from).collect();
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_bytes() {
                b"" | b"." => {}
                b".." => drop(at.pop()),
                name => {
                    let next = at.join(Path::new(std::ffi::OsStr::from_bytes(name)));
                    let host = self.0.join(next.strip_prefix("/").unwrap());
                    let Ok(target) = fs::read_link(&host) else {
                        fs::symlink_metadata(&host).ok()?;
                        at = next;
                        continue;
                    };
                    links += 1;
                    if links > 40 {
                        return None;
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    todo.extend(target.as_os_str().as_bytes().rsplit_str("/").map(BString::from));
                }
            }
        }
        Some(at)
    }

    fn host(&self, path: &BStr) -> Option<(BString, PathBuf)> {
        let inside = self.resolve(path)?;
        let host = self.0.join(inside.strip_prefix("/").unwrap());
        Some((inside.as_os_str().as_bytes().into(), host))
    }
}

impl Root for Directory {
    fn directory(&self, path: &BStr) -> Option<BString> {
        self.host(path).filter(|(_, host)| host.is_dir()).map(|(inside, _)| inside)
    }

    fn list(&self, directory: &BStr) -> Vec<Listed> {
        let Some((_, host)) = self.host(directory) else { return Vec::new() };
        let entries = fs::read_dir(host).unwrap().flatten();
        entries
            .map(|e| Listed {
                name: e.file_name().as_bytes().into(),
                link: e.file_type().unwrap().is_symlink(),
            })
            .collect()
    }

    fn object(&self, path: &BStr) -> Option<(BString, Summary)> {
        let (inside, host) = self.host(path)?;
        let bytes = fs::read(host).ok()?;
        Some((inside, Summary::read(bytes.as_slice()).ok()??))
    }

    fn text(&self, path: &BStr) -> Option<Vec<u8>> {
        fs::read(self.host(path)?.1).ok()
    }
}

fn ldconfig() -> Option<PathBuf> {
    let program = PathBuf::from("/sbin/ldconfig");
    let debian = fs::read_to_string("/etc/os-release").is_ok_and(|t| t.contains("ID=debian"));
    (program.exists() && debian && cfg!(target_arch = "x86_64")).then_some(program)
}

const BUILT_IN: [&str; 4] = ["/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/", "/usr/lib/"];

fn ours(root: &Path, generator: BString) -> (Vec<u8>, Vec<(BString, BString)>) {
    let found = scan(&Directory(root.to_owned()), Machine::X86_64, &BUILT_IN);
    let links = found.links.into_iter().map(|l| (l.path, l.target)).collect();
    let cache = Cache { libraries: found.libraries, unused_hwcaps: found.unused_hwcaps, generator };
    (write(&cache, Endian::Little), links)
}

#[test]
fn writes_what_the_machines_own_ldconfig_writes() {
    let Some(ldconfig) = ldconfig() else { testkit::skip!("no ldconfig of a Debian amd64 machine") };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cache");
    let run = Command::new(ldconfig).arg("-X").arg("-C").arg(&file).output().unwrap();
    let theirs = fs::read(&file).unwrap_or_else(|_| panic!("{run:?}"));
    let parsed = read(&theirs).unwrap();
    assert!(parsed.libraries.len() > 20, "{}", parsed.libraries.len());
    assert!(parsed.libraries.is_sorted_by(|a, b| compare(a, b).is_le()));
    let (ours, _) = ours(Path::new("/"), parsed.generator.clone());
    assert_eq!(read(&ours).unwrap().libraries, parsed.libraries);
    assert!(ours == theirs, "the same libraries in other bytes");
}

/// The smallest library with a soname that `ldconfig` takes: one segment, a dynamic section, its strings.
fn library(soname: Option<&str>, isa: Option<u32>) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    let strings = format!("\0{}\0", soname.unwrap_or_default());
    let phdrs = 64 + 3 * 56;
    let note_at = phdrs as u64;
    let dynamic_at = note_at + 48;
    let strings_at = dynamic_at + 4 * 16;
    let end = strings_at + strings.len() as u64;
    out.extend(3u16.to_le_bytes());
    out.extend(62u16.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    for word in [0u64, 64, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 3, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    let property = isa.map_or(0u32, |_| 0x6474_e553);
    for (kind, at, len, align) in
        [(1u32, 0, end, 4096u64), (2, dynamic_at, 64, 8), (property, note_at, 48, 8)]
    {
        out.extend(kind.to_le_bytes());
        out.extend(4u32.to_le_bytes());
        for word in [at, at, at, len, len, align] {
            out.extend(word.to_le_bytes());
        }
    }
    for word in [4u32, 16, 5, 0x0055_4e47, 0xc000_8002, 4, isa.unwrap_or(0), 0, 0, 0, 0, 0] {
        out.extend(word.to_le_bytes());
    }
    let soname_tag = if soname.is_some() { 14 } else { 1000 };
    for (tag, value) in [(5u64, strings_at), (10, strings.len() as u64), (soname_tag, 1), (0, 0)] {
        out.extend(tag.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(strings.as_bytes());
    out
}

#[test]
fn treats_links_versions_and_hardware_directories_as_ldconfig_does() {
    let Some(ldconfig) = ldconfig() else { testkit::skip!("no ldconfig of a Debian amd64 machine") };
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let put = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let link = |path: &str, target: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    put("etc/ld.so.conf", b"# first\ninclude /etc/ld.so.conf.d/*.conf\n\t/opt/lib/ # last\nhwcap 0 nosegneg\ninclude more/*.txt\n");
    put("etc/ld.so.conf.d/b.conf", b"/opt/b//\n/opt/alias=libc6\n");
    put("etc/ld.so.conf.d/a.conf", b"/opt/none\n/opt/a\n");
    put("etc/ld.so.conf.d/.hidden.conf", b"/opt/hidden\n");
    put("etc/more/x.txt", b"/opt/more\n");
    link("opt/alias", "a");
    put("opt/hidden/libhidden.so.1", &library(Some("libhidden.so.1"), None));
    put("opt/more/libmore.so.1", &library(Some("libmore.so.1"), None));
    // Two versions of one soname without a link; numbers, not letters.
    put("opt/a/libtwo.so.1.9", &library(Some("libtwo.so.1"), None));
    put("opt/a/libtwo.so.1.10", &library(Some("libtwo.so.1"), None));
    // A link of another name, a link for linkers, a library without soname, things that are none.
    put("opt/b/libreal.so.3.2", &library(Some("libreal.so.3"), None));
    link("opt/b/libreal.so.3", "libreal.so.3.2");
    link("opt/b/libreal.so", "libreal.so.3");
    link("opt/b/libother.so.7", "libreal.so.3.2");
    link("opt/b/libdangling.so.1", "nothing");
    put("opt/b/libplugin.so", &library(None, None));
    put("opt/b/libtext.so", b"GROUP ( /lib/libc.so.6 )");
    put("opt/b/notalib.so", &library(Some("notalib.so"), None));
    // The same soname in two directories and in hardware directories, one of them empty.
    put("opt/lib/libtwo.so.1", &library(Some("libtwo.so.1"), None));
    put("usr/lib/libtwo.so.1", &library(Some("libtwo.so.1"), None));
    put("usr/lib/glibc-hwcaps/x86-64-v3/libtwo.so.1.11", &library(Some("libtwo.so.1"), Some(4)));
    put("usr/lib/glibc-hwcaps/x86-64-v2/libtwo.so.1.11", &library(Some("libtwo.so.1"), Some(3)));
    put("usr/lib/glibc-hwcaps/x86-64-v2/liba10.so.1", &library(Some("liba10.so.1"), None));
    fs::create_dir_all(root.join("usr/lib/glibc-hwcaps/x86-64-v4")).unwrap();
    put("usr/lib/liba10.so.1", &library(Some("liba10.so.1"), None));
    put("usr/lib/liba9.so.1", &library(Some("liba9.so.1"), None));
    link("lib", "usr/lib");

    let generator: BString = "some ldconfig".into();
    let (mine, links) = ours(root, generator.clone());
    assert_eq!(links, [(BString::from("/opt/a/libtwo.so.1"), BString::from("libtwo.so.1.10")),]);
    let run = Command::new(ldconfig).arg("-r").arg(root).output().unwrap();
    let Ok(theirs) = fs::read(root.join("etc/ld.so.cache")) else {
        testkit::skip!("ldconfig -r needs root: {run:?}")
    };
    let mut theirs = read(&theirs).unwrap();
    theirs.generator = generator;
    assert_eq!(read(&mine).unwrap().libraries, theirs.libraries);
    theirs.unused_hwcaps = vec!["x86-64-v4".into()];
    assert!(mine == write(&theirs, Endian::Little));
    assert_eq!(fs::read_link(root.join("opt/a/libtwo.so.1")).unwrap(), Path::new("libtwo.so.1.10"));
}
