use std::collections::{BTreeMap, BTreeSet};

use bstr::{BString, ByteSlice};
use rootfs::path::parent;
use rootfs::{Entry, LayerGroup, MemoryPayload, Node, Owner, SegmentPlan, Tree};

use crate::PackageTree;

/// Gives each layer that has packages' files the records of these packages, as apko does: scanners that
/// look at layers one by one then say which layer a package comes from. The last layer has the whole
/// database, which is the one that a container sees.
pub(crate) fn add_databases(
    groups: &mut [LayerGroup],
    tree: &Tree,
    packages: &[PackageTree<'_>],
    derived: &mut MemoryPayload,
) {
    let Ok(Some(whole)) = tree.resolve("lib/apk/db/installed") else { return };
    let (Owner::Derived, Node::File(body)) = (whole.owner, &whole.node) else { return };
    let Some(text) = derived.get(body).map(<[u8]>::to_vec) else { return };
    let records: BTreeMap<&[u8], &[u8]> = text
        .split_str("\n\n")
        .filter_map(|record| Some((record.lines().find_map(|l| l.strip_prefix(b"P:"))?, record)))
        .collect();
    for group in groups {
        let entries = || group.segments.iter().flat_map(|s| &s.entries);
        let there: BTreeSet<&BString> = entries().map(|e| &e.path).collect();
        if there.contains(&whole.path) {
            continue;
        }
        let name = |e: &Entry| match e.owner {
            Owner::Package(n) if !e.is_dir() => Some(packages.get(n as usize)?.pin.name.as_bytes()),
            _ => None,
        };
        let names: BTreeSet<&[u8]> = entries().filter_map(name).collect();
        let own = names.into_iter().filter_map(|name| records.get(name));
        let part: Vec<u8> = own.flat_map(|record| [*record, b"\n\n"].concat()).collect();
        if part.is_empty() {
            continue;
        }
        let above = std::iter::successors(parent(whole.path.as_bstr()), |p| parent(p));
        let missing = above.filter(|p| !p.is_empty() && !there.contains(&BString::from(*p)));
        let mut new: Vec<Entry> = missing.filter_map(|p| tree.get(p).cloned()).collect();
        new.reverse();
        new.push(Entry { node: Node::File(derived.add(&part)), ..whole.clone() });
        group.segments.push(SegmentPlan { entries: new });
    }
}
