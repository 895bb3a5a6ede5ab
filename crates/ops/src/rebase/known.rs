//! Why an image is as it is once it stands upon another base: what was kept of the new base, and of what the image
//! itself brings.

use std::collections::BTreeMap;

use inventory::Contents;

use super::joint::Joint;
use crate::look::tree_path;
use crate::reasons::{PathReason, Reasons};

/// Joins the reasons of the new base and of the image; of the old base's packages and paths none is kept.
pub(super) fn joined(joint: &Joint<'_>, base: Option<Reasons>, image: Option<&Reasons>) -> Option<Reasons> {
    let Some(own) = image.map(|image| own(joint, image)).filter(|own| !is_empty(own)) else { return base };
    let Some(mut all) = base else { return Some(own) };
    all.recipe = own.recipe;
    all.variant = own.variant;
    // Paths name packages by their numbers: the image's come behind the base's.
    let before = all.packages.len();
    all.packages.extend(own.packages);
    all.paths.extend(own.paths.into_iter().map(|(path, reason)| (path, moved(reason, |n| n + before))));
    all.lines.extend(own.lines);
    Some(all)
}

/// What is said of the packages and paths that the layers above the base bring.
fn own(joint: &Joint<'_>, image: &Reasons) -> Reasons {
    let has = |of: &Contents, name: &str| of.packages.iter().any(|p| p.name == name);
    let mut numbers = BTreeMap::new();
    let mut packages = Vec::new();
    for (n, package) in image.packages.iter().enumerate() {
        if has(joint.whole, &package.name) && !has(joint.old, &package.name) {
            numbers.insert(n, packages.len());
            packages.push(package.clone());
        }
    }
    let above = |path: &str| {
        let declared = joint.whole.real_path(tree_path(path.as_bytes()), false).ok();
        let file = declared.and_then(|real| joint.whole.file(real));
        file.is_some_and(|f| f.layer >= joint.above && !joint.whole.appended.contains_key(&f.entry.path))
    };
    let kept = |reason: &PathReason| !matches!(reason, PathReason::Package(n) if !numbers.contains_key(n));
    let paths = image.paths.iter().filter(|(path, reason)| kept(reason) && above(path));
    Reasons {
        packages,
        paths: paths.map(|(p, r)| (p.clone(), moved(r.clone(), |n| numbers[&n]))).collect(),
        lines: image
            .lines
            .iter()
            .filter(|(path, _)| above(path))
            .map(|(p, l)| (p.clone(), l.clone()))
            .collect(),
        ..image.clone()
    }
}

fn moved(reason: PathReason, to: impl Fn(usize) -> usize) -> PathReason {
    match reason {
        PathReason::Package(n) => PathReason::Package(to(n)),
        other => other,
    }
}

fn is_empty(reasons: &Reasons) -> bool {
    reasons.packages.is_empty() && reasons.paths.is_empty() && reasons.lines.is_empty()
}
