//! Whether packages have over the new base what they have over the old one.
//!
//! What an image lacks already is no reason to refuse: distroless images are without what only maintainer scripts
//! need. Asked is what packages say, as the image's databases have it; files that no package owns say nothing.

use diag::{Diagnostic, Kind};
use inventory::{Contents, Package, PackageKind};

use super::joint::Joint;
use crate::ecosystem;

/// How many are told of.
const MOST: usize = 10;

/// What a package had and would not have any more.
struct Lost<'a> {
    package: &'a Package,
    /// What it needs, as it says it.
    clause: String,
    /// What met that.
    had: &'a Package,
    /// What there would be of that name.
    has: Option<&'a Package>,
}

/// The image's own packages find over the new base what they need and had.
///
/// # Errors
/// Something that one needs would be there no more.
pub(super) fn check(joint: &Joint<'_>) -> Result<(), Diagnostic> {
    let mut lost = Vec::new();
    for kind in [PackageKind::Deb, PackageKind::Apk] {
        let (before, own) = (of_kind(joint.whole, kind), own(joint, kind));
        let after: Vec<&Package> = own.iter().copied().chain(others(joint, kind)).collect();
        let now = ecosystem::needs(kind, &after);
        for (package, had) in before.iter().zip(ecosystem::needs(kind, &before)) {
            let Some(at) = own.iter().position(|own| std::ptr::eq(*own, *package)) else { continue };
            for (was, is) in had.into_iter().zip(&now[at]) {
                let Some(had) = was.met_by.first().map(|n| before[*n]) else { continue };
                if is.met_by.is_empty() && !is.excused {
                    let has = after.iter().find(|other| other.name == had.name).copied();
                    lost.push(Lost { package, clause: was.clause, had, has });
                }
            }
        }
    }
    let had = lost.first().map(|first| format!("upon the old base it has {}", titled(first.had)));
    let hint = "build the image again upon the new base, or name another that has what it needs";
    listed(lost.iter().map(Lost::told).collect(), had).map_or(Ok(()), |error| Err(error.hint(hint)))
}

/// The first as what is wrong, with what is to be said about it, and the others below; none of none.
pub(super) fn listed(mut told: Vec<String>, of_the_first: Option<String>) -> Option<Diagnostic> {
    let rest = told.split_off(told.len().min(1));
    let mut error = Diagnostic::new(Kind::Input, told.pop()?);
    for line in of_the_first.into_iter().chain(rest.iter().take(MOST - 1).cloned()) {
        error = error.detail(line);
    }
    if rest.len() >= MOST {
        error = error.detail(format!("… and {} more", rest.len() + 1 - MOST));
    }
    Some(error)
}

pub(super) fn of_kind(of: &Contents, kind: PackageKind) -> Vec<&Package> {
    of.packages.iter().filter(|package| package.kind == kind).collect()
}

fn same(a: &Package, b: &Package) -> bool {
    (a.kind, &a.name, &a.arch) == (b.kind, &b.name, &b.arch)
}

/// The packages that the layers above the base brought, or have in another version.
pub(super) fn own<'a>(joint: &Joint<'a>, kind: PackageKind) -> Vec<&'a Package> {
    let is_base = |own: &Package| joint.old.packages.iter().any(|o| same(o, own) && o.version == own.version);
    of_kind(joint.whole, kind).into_iter().filter(|package| !is_base(package)).collect()
}

/// Those of the new base that these neither replace nor took away.
pub(super) fn others<'a>(joint: &Joint<'a>, kind: PackageKind) -> Vec<&'a Package> {
    let own = own(joint, kind);
    let has = |of: &Contents, package: &Package| of.packages.iter().any(|other| same(other, package));
    let is_gone = |package: &Package| has(joint.old, package) && !has(joint.whole, package);
    let stays = |package: &&Package| !own.iter().any(|own| same(own, package)) && !is_gone(package);
    of_kind(joint.new, kind).into_iter().filter(stays).collect()
}

impl Lost<'_> {
    fn told(&self) -> String {
        let has = self.has.map_or_else(|| format!("no {}", self.had.name), titled);
        format!("its package {} needs `{}`, and the new base has {has}", titled(self.package), self.clause)
    }
}

pub(super) fn titled(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}
