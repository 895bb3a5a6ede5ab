//! Several architectures under one name: whether each has the packages that the others have.
//!
//! A repository's architectures are built one after the other, so that for an hour the newest version is
//! there for one of them only. apk knows one architecture and takes the newest; apko takes what all have
//! (`disqualifyDifference` of its `pkg/apk/apk/repo.go`), or fails where there is no such version.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diag::Note;
use lockfile::Lockfile;
use oci::Platform;
use package::{Arch, RecordId, Universe};
use trust::Verified;

use crate::shop::Shop;

/// How many packages the warning names.
const MOST_NAMED: usize = 3;

/// Records that may not be chosen, each with the reason.
pub(crate) type Barred = HashMap<RecordId, String>;

/// For each architecture of a variant the records whose name and version another of them has not. What is
/// in a base image (the repository with `base` as its id) is there already.
pub(crate) fn not_everywhere(
    universes: &[(&Arch, &Verified<Universe>)],
    base: Option<&str>,
) -> BTreeMap<Arch, Barred> {
    let has: Vec<(&Arch, HashSet<(&str, &str)>)> = universes
        .iter()
        .map(|(arch, universe)| {
            let universe = universe.value();
            let key = |id| (universe.record(id).name(), universe.record(id).version());
            (*arch, universe.ids().map(key).collect())
        })
        .collect();
    let barred = |universe: &Universe| -> Barred {
        let lacking = |id: RecordId| {
            if base == Some(universe.source(id).repository.as_str()) {
                return None;
            }
            let key = (universe.record(id).name(), universe.record(id).version());
            let (arch, _) = has.iter().find(|(_, all)| !all.contains(&key))?;
            Some((id, format!("{} has it not, and apko takes what all `archs` have", arch.as_str())))
        };
        universe.ids().filter_map(lacking).collect()
    };
    universes.iter().map(|(arch, universe)| ((*arch).clone(), barred(universe.value()))).collect()
}

/// Says which packages are of another version on one platform than on another.
pub(crate) fn say_different(shop: &Shop<'_>, lock: &Lockfile) {
    let mut versions: BTreeMap<&str, BTreeMap<&Platform, BTreeSet<&str>>> = BTreeMap::new();
    for row in &lock.packages {
        let by_platform = versions.entry(&row.pin.name).or_default();
        by_platform.entry(&row.platform).or_default().insert(&row.pin.version);
    }
    let mut different = versions.iter().filter_map(|(name, by_platform)| {
        let (platform, first) = by_platform.iter().next()?;
        let (other, second) = by_platform.iter().find(|(_, v)| *v != first)?;
        let shown = |v: &BTreeSet<&str>| v.iter().copied().collect::<Vec<_>>().join(", ");
        Some(format!("{name} ({} on {platform}, {} on {other})", shown(first), shown(second)))
    });
    let mut named: Vec<String> = different.by_ref().take(MOST_NAMED).collect();
    let more = different.count();
    if named.is_empty() {
        return;
    }
    named.extend((more > 0).then(|| format!("{more} more")));
    let text = format!(
        "not every platform has the same versions: {}; `--compat apko` takes what all of them have",
        named.join(", ")
    );
    shop.world.reporter.note(Note::Warning(text));
}
