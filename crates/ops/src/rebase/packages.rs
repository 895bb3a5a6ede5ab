//! What apk keeps of packages, of an image upon a base (`baseimage`): the new base's, with what the image added.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use rootfs::tar::BLOCK;

/// Where apk keeps it (apk-tools, src/database.c); in `usr` since 3.0.
pub(super) const OF_APK: [&str; 7] = [
    "etc/apk/world",
    "lib/apk/db/installed",
    "lib/apk/db/scripts.tar",
    "lib/apk/db/triggers",
    "usr/lib/apk/db/installed",
    "usr/lib/apk/db/scripts.tar",
    "usr/lib/apk/db/triggers",
];

/// One of these files as it is over the new base, or why it cannot be told.
pub(super) fn joined(path: &str, old: &[u8], new: &[u8], whole: &[u8]) -> Result<Vec<u8>, String> {
    match path.rsplit('/').next() {
        Some("installed") => installed(old, new, whole),
        Some("scripts.tar") => scripts(old, new, whole),
        Some("triggers") => Ok(lines(old, new, whole, |_| None)),
        _ => Ok(lines(old, new, whole, |line| line.split(|b| b"<>=~@".contains(b)).next())),
    }
}

/// Records by their packages' names.
fn records(database: &[u8]) -> BTreeMap<BString, &BStr> {
    let all = database.split_str("\n\n").map(|record| record.trim_with(|c| c == '\n').as_bstr());
    let name = |record: &BStr| record.lines().find_map(|line| line.strip_prefix(b"P:")).map(BString::from);
    all.filter_map(|record| Some((name(record)?, record))).collect()
}

fn installed(old: &[u8], new: &[u8], whole: &[u8]) -> Result<Vec<u8>, String> {
    let (old, mut all, whole) = (records(old), records(new), records(whole));
    for (name, record) in &old {
        if whole.get(name) != Some(record) {
            return Err(format!("its layers changed what is said of the base's package {name}"));
        }
    }
    for (name, record) in whole.into_iter().filter(|(name, _)| !old.contains_key(name)) {
        match all.insert(name.clone(), record) {
            Some(theirs) if theirs != record => {
                return Err(format!("the new base has the package {name} by now, and the image brings it"));
            }
            _ => {}
        }
    }
    Ok(all.into_values().flat_map(|record| [record.as_bytes(), b"\n\n"].concat()).collect())
}

/// The new base's lines with the image's own, sorted, each once. Of lines of one name the image's counts.
fn lines(old: &[u8], new: &[u8], whole: &[u8], name: impl Fn(&[u8]) -> Option<&[u8]>) -> Vec<u8> {
    let of = |text: &[u8]| -> Vec<BString> { text.lines().map(BString::from).collect() };
    let (old, new, mut own) = (of(old), of(new), of(whole));
    own.retain(|line| !old.contains(line));
    let named = |line: &BString| own.iter().any(|o| name(o).is_some() && name(o) == name(line));
    let mut all: Vec<BString> = new.into_iter().filter(|line| !named(line)).collect();
    all.extend(own.iter().cloned());
    if name(b"").is_some() {
        all.sort();
    }
    all.dedup();
    all.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// The image's archive is its base's with members of its own behind them.
fn scripts(old: &[u8], new: &[u8], whole: &[u8]) -> Result<Vec<u8>, String> {
    match whole.strip_prefix(without_end(old)) {
        Some(own) => Ok([without_end(new), own].concat()),
        None => Err("the image's scripts do not begin with the old base's".to_owned()),
    }
}

/// A tar without the blocks of zeros that end it.
fn without_end(tar: &[u8]) -> &[u8] {
    let mut end = tar.len() - tar.len() % BLOCK;
    while end >= BLOCK && tar[end - BLOCK..end].iter().all(|b| *b == 0) {
        end -= BLOCK;
    }
    &tar[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_bases_packages_and_the_images_own() {
        let of = |path, old: &str, new: &str, whole: &str| {
            joined(path, old.as_bytes(), new.as_bytes(), whole.as_bytes())
                .map(|b| String::from_utf8(b).unwrap())
        };
        let (old, new) = ("P:a\nV:1\n\n", "P:a\nV:2\n\nP:c\nV:1\n\n");
        let path = "lib/apk/db/installed";
        let all = of(path, old, new, "P:a\nV:1\n\nP:b\nV:1\nF:x\n\n").unwrap();
        assert_eq!(all, "P:a\nV:2\n\nP:b\nV:1\nF:x\n\nP:c\nV:1\n\n");
        assert!(of(path, old, new, "P:a\nV:1\n\nP:c\nV:9\n\n").unwrap_err().contains("package c by now"));
        assert!(of(path, old, new, "P:b\nV:1\n\n").unwrap_err().contains("package a"));
        let world = of("etc/apk/world", "a\nz\n", "a\nc\nz\n", "a>1\nb\nz\n").unwrap();
        assert_eq!(world, "a>1\nb\nc\nz\n");
        assert_eq!(
            of("lib/apk/db/triggers", "Q1 /x\n", "Q2 /x\n", "Q1 /x\nQ0 /y\n").unwrap(),
            "Q2 /x\nQ0 /y\n"
        );
        let tar = |names: &[&str]| {
            let block = |name: &&str| format!("{name:<512}");
            names.iter().map(block).collect::<String>() + &"\0".repeat(1024)
        };
        let scripts = of("lib/apk/db/scripts.tar", &tar(&["a"]), &tar(&["b", "c"]), &tar(&["a", "own"]));
        assert_eq!(scripts.unwrap(), tar(&["b", "c", "own"]));
        assert!(of("lib/apk/db/scripts.tar", &tar(&["a"]), &tar(&["b"]), &tar(&["own"])).is_err());
    }
}
