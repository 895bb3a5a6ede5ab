//! Which package's file stands where two bring one, by apk's rules (apk-tools 2.14,
//! `apk_db_install_archive_entry`), for [`rootfs::MergeRules::overwrites`].

use std::collections::HashMap;

use bstr::BString;
use package::{Dependency, parse_dependency};
use rootfs::{Part, Tree};

use crate::PkgInfo;

/// Who has a path that two packages bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Winner {
    /// The one that was installed first keeps it.
    Earlier,
    /// The one installed later takes it.
    Later,
}

/// Decides between two packages, in install order; none is a conflict.
///
/// Packages of one origin take each other's files silently, the later one's stays. Else the later one
/// takes it if it says that it replaces the earlier one, unless the earlier one says the same of the
/// later one with a higher `replaces_priority`. A package that replaces, but came first, keeps it.
pub fn winner(earlier: &PkgInfo, later: &PkgInfo) -> Option<Winner> {
    let same_origin = !later.origin.is_empty() && earlier.origin == later.origin;
    if earlier.name == later.name || same_origin {
        return Some(Winner::Later);
    }
    match (priority(earlier, later), priority(later, earlier)) {
        (Some(first), second) if second.is_none_or(|second| first > second) => Some(Winner::Earlier),
        (_, Some(_)) => Some(Winner::Later),
        (_, None) => None,
    }
}

/// With which priority `package` replaces files of `other`, if it does.
fn priority(package: &PkgInfo, other: &PkgInfo) -> Option<u32> {
    let names = |d: Dependency<'_>| d.name == other.name && !d.conflict && d.admits(&other.version, None);
    let replaces = package.replaces.iter().any(|r| parse_dependency(r).is_ok_and(names));
    replaces.then_some(package.replaces_priority)
}

/// Does the package of the first number replace files of the second's? For packages in install order.
pub fn overwrites(packages: &[&PkgInfo], first: usize, second: usize) -> bool {
    let (Some(a), Some(b)) = (packages.get(first), packages.get(second)) else { return false };
    if first > second { winner(b, a) == Some(Winner::Later) } else { winner(a, b) == Some(Winner::Earlier) }
}

/// Lets all packages agree on their directories, as apk does (`apk_db_dir_apply_diri_permissions`):
/// the lowest owner's mode counts, and of several by that owner what all of them allow. Before a
/// merge, which takes the first.
pub fn agree_on_directories(parts: &mut [Part]) {
    let mut agreed: HashMap<BString, (u32, u32, u32)> = HashMap::new();
    for entry in parts.iter().flat_map(|p| p.tree.entries()).filter(|e| e.is_dir()) {
        let found = (entry.uid, entry.gid, entry.mode);
        let known = agreed.entry(entry.path.clone()).or_insert(found);
        if (entry.uid, entry.gid) < (known.0, known.1) {
            *known = found;
        } else if (entry.uid, entry.gid) == (known.0, known.1) {
            known.2 &= entry.mode;
        }
    }
    for part in parts {
        let mut entries = std::mem::take(&mut part.tree).into_entries();
        for entry in entries.iter_mut().filter(|e| e.is_dir()) {
            if let Some(found) = agreed.get(&entry.path) {
                (entry.uid, entry.gid, entry.mode) = *found;
            }
        }
        part.tree = Tree::from_entries(entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_pkginfo;

    fn info(name: &str, more: &str) -> PkgInfo {
        parse_pkginfo(format!("pkgname = {name}\npkgver = 1.0-r0\n{more}").as_bytes()).unwrap()
    }

    #[test]
    fn origin_and_replaces_decide() {
        let plain = info("a", "");
        let of = |origin: &str| info("b", &format!("origin = {origin}\n"));
        assert_eq!(winner(&plain, &info("b", "")), None);
        assert_eq!(winner(&info("a", "origin = x\n"), &of("x")), Some(Winner::Later));
        assert_eq!(winner(&info("a", "origin = x\n"), &of("y")), None);
        let replacing = |more: &str| info("b", &format!("replaces = a{more}\n"));
        assert_eq!(winner(&plain, &replacing("")), Some(Winner::Later));
        assert_eq!(winner(&plain, &replacing("<1.0-r0")), None);
        assert_eq!(winner(&plain, &replacing("<=1.0-r0")), Some(Winner::Later));
        assert_eq!(winner(&replacing(""), &plain), Some(Winner::Earlier));
        let both = |name: &str, other: &str, priority: u32| {
            info(name, &format!("replaces = {other}\nreplaces_priority = {priority}\n"))
        };
        assert_eq!(winner(&both("a", "b", 2), &both("b", "a", 1)), Some(Winner::Earlier));
        assert_eq!(winner(&both("a", "b", 1), &both("b", "a", 1)), Some(Winner::Later));
        let (a, b) = (both("a", "b", 2), both("b", "a", 1));
        let packages = [&a, &b];
        assert!(overwrites(&packages, 0, 1) && !overwrites(&packages, 1, 0));
    }
}
