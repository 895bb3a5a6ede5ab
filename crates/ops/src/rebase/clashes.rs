//! Whether the image's own packages can be beside those of the new base: Debian's `Conflicts` and `Breaks` (Policy 7.3,
//! 7.4), apk's `!name` among dependencies (apk-package(5)), whichever of the two says it.
//!
//! What is together already is no reason to refuse: somebody wanted it so.

use diag::Diagnostic;
use inventory::{Package, PackageKind};

use super::joint::Joint;
use super::needs::{listed, of_kind, others, own, titled};
use crate::ecosystem;

/// Two packages that cannot be together.
struct Clash<'a> {
    package: &'a Package,
    /// Beside what it cannot be, as it says it.
    clause: String,
    /// What is that, by its name or by what it provides.
    other: &'a Package,
}

/// None of the image's own packages excludes one of the new base's, or is excluded by one.
///
/// # Errors
/// There are two that exclude each other, and that were not together over the old base.
pub(super) fn check(joint: &Joint<'_>) -> Result<(), Diagnostic> {
    let mut told = Vec::new();
    for kind in [PackageKind::Deb, PackageKind::Apk] {
        let (before, own) = (clashes(kind, &of_kind(joint.whole, kind)), own(joint, kind));
        let all: Vec<&Package> = own.iter().copied().chain(others(joint, kind)).collect();
        let is_own = |package: &Package| own.iter().any(|own| std::ptr::eq(*own, package));
        for clash in clashes(kind, &all) {
            let by_own = is_own(clash.package);
            if by_own != is_own(clash.other) && !before.iter().any(|before| before.is(&clash)) {
                told.push(clash.told(by_own));
            }
        }
    }
    let hint = "build the image again upon the new base, or name another that its packages can be beside";
    listed(told, None).map_or(Ok(()), |error| Err(error.hint(hint)))
}

/// All that there are in a set.
fn clashes<'a>(kind: PackageKind, all: &[&'a Package]) -> Vec<Clash<'a>> {
    let mut clashes = Vec::new();
    for (package, excluded) in all.iter().zip(ecosystem::excludes(kind, all)) {
        for clause in excluded {
            let with = |n: usize| Clash { package, clause: clause.clause.clone(), other: all[n] };
            clashes.extend(clause.met_by.iter().copied().map(with));
        }
    }
    clashes
}

impl Clash<'_> {
    /// Whether the same packages say the same, in whatever versions.
    fn is(&self, other: &Clash<'_>) -> bool {
        let names = |clash: &Clash<'_>| (clash.package.name.clone(), clash.other.name.clone());
        names(self) == names(other) && self.clause == other.clause
    }

    fn told(&self, by_own: bool) -> String {
        let (package, clause, other) = (titled(self.package), &self.clause, titled(self.other));
        match by_own {
            true => format!("its package {package} excludes `{clause}`, and the new base has {other}"),
            false => {
                format!("the new base's package {package} excludes `{clause}`, and the image brings {other}")
            }
        }
    }
}
