use std::collections::{BTreeMap, HashMap};

use bstr::{BStr, BString, ByteSlice};
use rootfs::Owner;
use rootfs::path::{file_name, normalise_foreign, parent};

use crate::Contents;
use crate::appended;
use crate::packages::Diversion;
use crate::packages::Listed;

/// Sorts packages, finds their paths in the tree, and gives files their owners: a database of before the merge of
/// `/usr` has `bin/x`, and the tree has `usr/bin/x` and a link. A file of several packages (a copyright of two
/// architectures) is the first's; a directory of several is nobody's.
pub(crate) fn assign(contents: &mut Contents, mut listed: Vec<Listed>, diversions: &[Diversion]) {
    listed.sort_by(|a, b| {
        let key = |l: &Listed| (l.package.name.clone(), l.package.arch.clone(), l.package.kind);
        key(a).cmp(&key(b))
    });
    let moved: HashMap<&BStr, &Diversion> = diversions.iter().map(|d| (d.from.as_bstr(), d)).collect();
    let mut parents = HashMap::new();
    let mut owners: BTreeMap<usize, (u32, bool)> = BTreeMap::new();
    for (n, Listed { package, paths }) in (0..).zip(&mut listed) {
        let mut seen: HashMap<BString, bool> = HashMap::new();
        for path in paths.iter() {
            let Ok(path) = normalise_foreign(path) else { continue };
            if path.is_empty() {
                continue;
            }
            let elsewhere = moved.get(path.as_bstr()).filter(|d| d.by != package.name);
            let path = elsewhere.map_or(path.as_bstr(), |d| d.to.as_bstr());
            let Some(real) = real(contents, &mut parents, path) else { continue };
            let at = contents.position(&real);
            if let Some(at) = at {
                owners.entry(at).and_modify(|o| o.1 |= o.0 != n).or_insert((n, false));
            }
            seen.insert(real, at.is_some());
        }
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        seen.into_iter().for_each(|(path, there)| if there { files.push(path) } else { missing.push(path) });
        files.sort();
        missing.sort();
        (package.files, package.missing) = (files, missing);
    }
    for (at, (package, shared)) in owners {
        let file = &mut contents.files[at];
        if !(shared && file.entry.is_dir()) {
            file.entry.owner = Owner::Package(package);
        }
    }
    contents.packages = listed.into_iter().map(|l| l.package).collect();
    appended::release(contents);
    place(contents);
}

/// Gives packages the layer that most of their files are from: a database may lie in another, and configuration
/// stays where it was when a later layer has a newer version.
fn place(contents: &mut Contents) {
    let mut counts: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); contents.packages.len()];
    for file in contents.files.iter().filter(|f| !f.entry.is_dir()) {
        if let Some(count) = file.package().and_then(|n| counts.get_mut(n)) {
            *count.entry(file.layer).or_default() += 1;
        }
    }
    for (package, counts) in contents.packages.iter_mut().zip(counts) {
        let most = counts.into_iter().max_by_key(|(layer, n)| (*n, std::cmp::Reverse(*layer)));
        package.layer = most.map_or(package.layer, |(layer, _)| layer);
    }
}

/// A path with the links on the way to it followed; each directory is looked up once.
fn real(
    contents: &Contents,
    parents: &mut HashMap<BString, Option<BString>>,
    path: &BStr,
) -> Option<BString> {
    let above = parent(path).unwrap_or_default();
    if above.is_empty() {
        return Some(path.into());
    }
    if !parents.contains_key(above) {
        parents.insert(above.into(), contents.real_path(above, true).ok());
    }
    let real = parents.get(above)?.as_ref()?;
    if real.is_empty() {
        return Some(file_name(path).into());
    }
    Some([real.as_slice(), b"/", file_name(path).as_bytes()].concat().into())
}
