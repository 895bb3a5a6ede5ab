use std::collections::BTreeMap;
use std::fmt;

use oci::Platform;

use crate::{LockedPin, Lockfile};

/// What is different between two locks, for one package name on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The platforms on which it is so.
    pub platforms: Vec<Platform>,
    /// The package.
    pub name: String,
    /// Its version before, and the size of the file.
    pub before: Option<(String, u64)>,
    /// Its version now, and the size of the file.
    pub after: Option<(String, u64)>,
    /// Both are there, and the version now is the lower one.
    pub lowered: bool,
}

/// Compares two locks; the same change on several platforms is said once.
pub fn changes(before: &Lockfile, after: &Lockfile) -> Vec<Change> {
    let order = after.order();
    let (before, after) = (table(before), table(after));
    let mut out: Vec<Change> = Vec::new();
    for key in before.keys().chain(after.keys().filter(|k| !before.contains_key(*k))) {
        let side = |t: &Table<'_>| t.get(key).map(|p| (p.pin.version.clone(), p.pin.size));
        let (b, a) = (side(&before), side(&after));
        if b.as_ref().map(|x| &x.0) == a.as_ref().map(|x| &x.0) {
            continue;
        }
        let version = |x: &Option<(String, u64)>| x.as_ref().map(|x| x.0.clone());
        let same = |c: &&mut Change| {
            c.name == key.1 && version(&c.before) == version(&b) && version(&c.after) == version(&a)
        };
        match out.iter_mut().find(same) {
            Some(change) => change.platforms.push(key.0.clone()),
            None => out.push(Change {
                platforms: vec![key.0.clone()],
                name: key.1.to_owned(),
                lowered: matches!((&b, &a), (Some(b), Some(a)) if order.compare(&b.0, &a.0).is_gt()),
                before: b,
                after: a,
            }),
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

type Table<'a> = BTreeMap<(&'a Platform, &'a str), &'a LockedPin>;

fn table(lock: &Lockfile) -> Table<'_> {
    lock.packages.iter().map(|p| ((&p.platform, p.pin.name.as_str()), p)).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (None, Some((v, size))) => write!(f, "added    {} {v} ({size} bytes)", self.name)?,
            (Some((v, size)), None) => write!(f, "removed  {} {v} ({size} bytes)", self.name)?,
            (Some((b, _)), Some((a, _))) => {
                let word = if self.lowered { "lowered " } else { "upgraded" };
                write!(f, "{word} {} {b} -> {a}", self.name)?;
            }
            (None, None) => write!(f, "{}", self.name)?,
        }
        let platforms: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        write!(f, " [{}]", platforms.join(", "))
    }
}
