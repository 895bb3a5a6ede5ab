//! The tree of an image as the page's script wants it: columns in the order of a walk, which a hundred
//! thousand files fill with some three megabytes and a browser reads in milliseconds.

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, ByteSlice};
use serde::Serialize;

use crate::escape::{inert, shown};
use crate::page::{File, FileKind, Image};

/// One row for each path: a directory, then what is in it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Columns {
    /// The last part of each path.
    names: Vec<String>,
    /// How many directories it is below, the root's own entries 0.
    depths: Vec<u16>,
    /// Bytes.
    sizes: Vec<u64>,
    /// Which row of `facts`.
    fact: Vec<u32>,
    /// What many paths have in common: kind, mode, owner, group, layer, package, capabilities. A package of -1 is
    /// none, and below that stands who brought the path instead: -2 is the first of `makers`.
    facts: Vec<Facts>,
    /// Who brings paths that no package owns.
    makers: Vec<String>,
    /// Where links lead, by row.
    links: BTreeMap<usize, String>,
    /// Major and minor numbers of devices, by row.
    devices: BTreeMap<usize, String>,
}

impl Columns {
    /// The tree of an image, directories that no layer brings included.
    pub(crate) fn of(image: &Image) -> Columns {
        let mut files: Vec<&File> = image.files.iter().filter(|f| !f.path.is_empty()).collect();
        files.sort_by(|a, b| in_walk(&a.path, &b.path));
        let mut out = Columns::default();
        let mut seen: BTreeMap<Facts, u32> = BTreeMap::new();
        let mut made: BTreeSet<&BStr> = BTreeSet::new();
        for file in files {
            for dir in parents(file.path.as_bstr()) {
                if made.insert(dir) {
                    out.push(dir, 0, IMPLICIT, &mut seen);
                }
            }
            if file.kind == FileKind::Directory && !made.insert(file.path.as_bstr()) {
                continue;
            }
            if let Some(link) = &file.link {
                out.links.insert(out.names.len(), shown(link));
            }
            if let Some((major, minor)) = file.device {
                out.devices.insert(out.names.len(), format!("{major}:{minor}"));
            }
            let owner = out.owner(file);
            out.push(file.path.as_bstr(), file.size, facts(file, owner), &mut seen);
        }
        out
    }

    fn owner(&mut self, file: &File) -> i64 {
        match file.package {
            Some(package) => i64::from(package),
            None if file.made_by.is_empty() => -1,
            None => {
                let maker = inert(&file.made_by);
                let at = self.makers.iter().position(|m| *m == maker).unwrap_or_else(|| {
                    self.makers.push(maker);
                    self.makers.len() - 1
                });
                -2 - i64::try_from(at).unwrap_or_default()
            }
        }
    }

    fn push(&mut self, path: &BStr, size: u64, facts: Facts, seen: &mut BTreeMap<Facts, u32>) {
        let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
        self.names.push(shown(name));
        self.depths.push(u16::try_from(path.iter().filter(|b| **b == b'/').count()).unwrap_or(u16::MAX));
        self.sizes.push(size);
        let next = u32::try_from(self.facts.len()).unwrap_or(u32::MAX);
        let at = *seen.entry(facts).or_insert_with(|| {
            self.facts.push(facts);
            next
        });
        self.fact.push(at);
    }
}

type Facts = (&'static str, u32, u32, u32, u32, i64, u8);

/// A directory that no layer brings: engines make it with this mode, for root.
const IMPLICIT: Facts = ("d", 0o755, 0, 0, u32::MAX, -1, 0);

fn facts(file: &File, owner: i64) -> Facts {
    let kind = match file.kind {
        FileKind::Directory => "d",
        FileKind::File => "f",
        FileKind::Symlink => "l",
        FileKind::Hardlink => "h",
        FileKind::CharDevice => "c",
        FileKind::BlockDevice => "b",
        FileKind::Fifo => "p",
    };
    (kind, file.mode, file.uid, file.gid, file.layer, owner, u8::from(file.capabilities))
}

/// The directories above a path, from the top.
fn parents(path: &BStr) -> impl Iterator<Item = &BStr> {
    path.find_iter("/").map(|slash| path[..slash].as_bstr()).collect::<Vec<_>>().into_iter()
}

/// The order of a walk: a directory comes before what is in it, and nothing stands between.
pub(crate) fn in_walk(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.split(|c| *c == b'/').cmp(b.split(|c| *c == b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File { path: path.into(), mode: 0o644, size: 3, ..File::default() }
    }

    #[test]
    fn a_walk_with_the_directories_that_nobody_brought() {
        let dir = File { kind: FileKind::Directory, ..file("usr") };
        let files = vec![file("usr/lib/b"), file("usr-x"), dir, file("usr/lib/a"), file("usr/lib.d/x")];
        let image = Image { files, ..Image::default() };
        let columns = Columns::of(&image);
        assert_eq!(columns.names, ["usr", "lib", "a", "b", "lib.d", "x", "usr-x"]);
        assert_eq!(columns.depths, [0, 1, 2, 2, 1, 2, 0]);
        assert_eq!(columns.sizes.iter().sum::<u64>(), 4 * 3 + 3);
        assert_eq!(columns.facts.len(), 3, "{:?}", columns.facts);
    }

    #[test]
    fn devices_are_what_they_are() {
        let device = |path, kind, numbers| File { kind, device: Some(numbers), ..file(path) };
        let files = vec![
            device("c", FileKind::CharDevice, (1, 5)),
            device("b", FileKind::BlockDevice, (8, 0)),
            File { kind: FileKind::Fifo, ..file("p") },
        ];
        let columns = Columns::of(&Image { files, ..Image::default() });
        assert_eq!(columns.facts.iter().map(|f| f.0).collect::<Vec<_>>(), ["b", "c", "p"]);
        assert_eq!(columns.devices.values().collect::<Vec<_>>(), ["8:0", "1:5"]);
    }

    #[test]
    fn a_hundred_thousand_files_are_a_few_megabytes() {
        let name = |i: u32| format!("usr/lib/python3/dist-packages/pkg{}/module_{i}.py", i / 40);
        let files = (0..100_000).map(|i| file(&name(i))).collect();
        let block = crate::escape::data_block(&Columns::of(&Image { files, ..Image::default() }));
        assert!(block.len() < 4_000_000, "{} bytes", block.len());
    }
}
