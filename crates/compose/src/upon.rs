//! Upon an image of somebody's: rules see its files and ours as one tree, and what we write is the
//! difference.

use std::collections::{BTreeMap, HashMap};

use apk::{InstalledRecord, overwrites, parse_installed, write_world};
use bstr::{BStr, BString, ByteSlice};
use oci::ContainerConfig;
use package::parse_dependency;
use recipe::RunAs;
use rootfs::path::follow;
use rootfs::tar::BLOCK;
use rootfs::{Bodies, Clash, MemoryPayload, MergeError, Node, Owner, Tree, changes, stack};

use crate::accounts::Accounts;
use crate::draft::DraftError;
use crate::merge::are_alike;
use crate::{Base, ComposeError, PackageTree};

/// apk's own list of what is installed.
const DATABASE: &str = "lib/apk/db/installed";

/// The records of the image's packages: those of its own database, and of what only the user's index names.
/// An index has no files, and may be of another day than the image.
pub(crate) fn records(base: &Base<'_>, bodies: &dyn Bodies) -> Result<BString, DraftError> {
    let real = follow(DATABASE.as_bytes().as_bstr(), true, |p| link_at(base.tree, p))?;
    let own = match base.tree.get(&real).map(|e| &e.node) {
        Some(Node::File(body)) => {
            bodies.read(body).map_err(|error| DraftError::Read { path: real, error })?
        }
        _ => Vec::new(),
    };
    Ok(installed(base.installed, &own))
}

fn link_at<'a>(tree: &'a Tree, path: &BStr) -> Option<&'a BStr> {
    match &tree.get(path)?.node {
        Node::Symlink(target) => Some(target.as_bstr()),
        _ => None,
    }
}

/// Whose the files of the image are, by their real paths: a database may say `lib/x` where `/lib` is a link.
fn owners<'a>(tree: &Tree, records: &'a [InstalledRecord]) -> HashMap<BString, &'a InstalledRecord> {
    let files = records.iter().flat_map(|r| r.files.iter().map(move |f| (f.path.as_bstr(), r)));
    files.filter_map(|(path, r)| Some((follow(path, false, |p| link_at(tree, p)).ok()?, r))).collect()
}

/// The packages' tree over the image's. A file of a package of the image gives way as between packages that
/// are installed one after the other; what both bring alike stays the image's.
pub(crate) fn stacked(
    base: &Base<'_>,
    packages: &[PackageTree<'_>],
    bodies: &dyn Bodies,
    tree: Tree,
) -> Result<Tree, ComposeError> {
    let below = parse_installed(&records(base, bodies)?).map_err(ComposeError::BasePackages)?;
    let owners = owners(base.tree, &below);
    let mut upper = Vec::new();
    for entry in tree.into_entries() {
        let old = base.tree.get(&entry.path).filter(|old| !old.is_dir() && !entry.is_dir());
        let (Some(old), Some(record)) = (old, owners.get(&entry.path)) else {
            upper.push(entry);
            continue;
        };
        let new = match entry.owner {
            Owner::Package(n) => packages.get(n as usize).and_then(PackageTree::apk),
            _ => None,
        };
        let first = record.info();
        if new.is_none_or(|new| overwrites(&[&first, &new.info], 1, 0)) {
            upper.push(entry);
        } else if !are_alike(old, &entry) && !new.is_some_and(|new| overwrites(&[&first, &new.info], 0, 1)) {
            return Err(conflict(
                entry.path,
                format!("{} (of the base image)", record.name),
                entry.owner,
                packages,
            ));
        }
    }
    let upper = Tree::from_sorted(upper).expect("some of a sorted tree");
    let clash = |clash: Clash| conflict(clash.path, "the base image".to_owned(), clash.owner, packages);
    stack(base.tree, upper).map_err(clash)
}

fn conflict(path: BString, first: String, owner: Owner, packages: &[PackageTree<'_>]) -> ComposeError {
    let name = match owner {
        Owner::Package(n) => packages.get(n as usize).map(|p| p.pin.name.clone()),
        _ => None,
    };
    let second = name.unwrap_or_else(|| "distil itself".to_owned()).into();
    MergeError::Conflict { path, first: first.into(), second }.into()
}

/// What our layers must say, of the finished tree.
pub(crate) fn difference(base: &Base<'_>, whole: &Tree, derived: &mut MemoryPayload) -> Tree {
    changes(base.tree, whole, &mut || derived.add(b""))
}

/// The image's execution parameters with ours: what runs, as whom and where stays as it is, and so do its
/// variables. (apko drops all variables of the image.) Labels are ours alone, as with apko: the image's
/// say what it is itself. What Docker keeps beside (`OnBuild`, `Shell`) is for its own builds upon the image.
pub(crate) fn config(base: &ContainerConfig, ours: ContainerConfig) -> ContainerConfig {
    let mut all = base.clone();
    let key = |line: &str| line.split('=').next().unwrap_or_default().to_owned();
    for line in ours.env {
        if !all.env.iter().any(|there| key(there) == key(&line)) {
            all.env.push(line);
        }
    }
    all.exposed_ports.extend(ours.exposed_ports);
    all.volumes.extend(ours.volumes);
    all.labels = ours.labels;
    all.other = ours.other;
    all
}

/// The number of the image's user; none for root.
pub(crate) fn user(base: &Base<'_>, accounts: &Accounts) -> Option<u32> {
    let name = base.config.user.split(':').next().unwrap_or_default();
    match name.parse() {
        Ok(uid) => Some(uid),
        Err(_) if name.is_empty() => None,
        Err(_) => accounts.run_as(&RunAs::Name(name.to_owned())),
    }
}

/// The records of both databases, by name; of one that both have, ours.
pub(crate) fn installed(base: &[u8], ours: &[u8]) -> BString {
    let mut records: BTreeMap<BString, Vec<u8>> = BTreeMap::new();
    let mut record: Vec<u8> = Vec::new();
    for line in base.lines().chain([&b""[..]]).chain(ours.lines()).chain([&b""[..]]) {
        if !line.is_empty() {
            record.extend_from_slice(line);
            record.push(b'\n');
        } else if !record.is_empty() {
            let record = std::mem::take(&mut record);
            let name = record.lines().find_map(|l| l.strip_prefix(b"P:")).unwrap_or_default();
            records.insert(name.into(), record);
        }
    }
    let mut out = BString::default();
    for record in records.into_values() {
        out.extend_from_slice(&record);
        out.push(b'\n');
    }
    out
}

/// Takes the files out of a database that are no longer its packages': a file has one owner.
pub(crate) fn without(database: &[u8], is_theirs: &dyn Fn(&BStr) -> bool) -> BString {
    let mut out = BString::default();
    let (mut directory, mut left_out) = (BString::default(), false);
    for line in database.lines() {
        match line.split_at_checked(2) {
            Some((b"F:", path)) => (directory, left_out) = (path.into(), false),
            Some((b"R:", name)) => {
                let path = if directory.is_empty() { name.to_vec() } else { [&directory, name].join(&b'/') };
                left_out = !is_theirs(path.as_bstr());
            }
            // Of the file before it.
            Some((b"a:" | b"Z:", _)) => {}
            _ => left_out = false,
        }
        if !left_out {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    out
}

/// When the newest of the image's packages was built, seconds since the epoch.
pub(crate) fn newest(installed: &[u8]) -> Option<u64> {
    let times = installed.lines().filter_map(|line| line.strip_prefix(b"t:")?.to_str().ok()?.parse().ok());
    times.max()
}

/// Members of both archives.
pub(crate) fn archives(base: &[u8], ours: &[u8]) -> Vec<u8> {
    let is_end = |block: &[u8]| block.iter().all(|b| *b == 0);
    let mut end = base.len() - base.len() % BLOCK;
    while end >= BLOCK && is_end(&base[end - BLOCK..end]) {
        end -= BLOCK;
    }
    [&base[..end], ours].concat()
}

/// The image's world with what the recipe asks for: apk's has one line of a name, and the recipe's
/// counts. Without a world of the image, all its packages are asked for: apk would remove them otherwise.
pub(crate) fn world(base: Option<&[u8]>, installed: &[u8], ours: &[u8]) -> BString {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all: Vec<u8>;
    let base = match base {
        Some(base) => base,
        None => {
            all = installed.lines().filter_map(|l| l.strip_prefix(b"P:")).collect::<Vec<_>>().join(&b'\n');
            &all
        }
    };
    let (base, ours) = (text(base), text(ours));
    let name = |line: &str| parse_dependency(line).map(|d| d.name.to_owned()).ok();
    let new: Vec<_> = ours.split_whitespace().map(name).collect();
    let old = base.split_whitespace().filter(|line| !new.contains(&name(line)));
    write_world(old.chain(ours.split_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_meet_by_name() {
        let all = installed(b"P:b\nV:1\n\nP:d\nV:1\n", b"P:c\nV:2\nF:\n\nP:b\nV:3\n\n");
        assert_eq!(all, "P:b\nV:3\n\nP:c\nV:2\nF:\n\nP:d\nV:1\n\n");
    }

    #[test]
    fn a_file_that_is_anothers_is_left_out() {
        let database = b"P:b\nV:1\nF:\nR:x\nF:usr\nM:0:0:755\nR:x\na:0:0:755\nZ:Q1\nR:y\nZ:Q1\n\nP:c\n\n";
        let all = without(database, &|path| path != "usr/x");
        assert_eq!(all, "P:b\nV:1\nF:\nR:x\nF:usr\nM:0:0:755\nR:y\nZ:Q1\n\nP:c\n\n");
        assert_eq!(without(database, &|_| true), &database[..]);
    }

    #[test]
    fn archives_lose_the_end_between_them() {
        let (a, b) = (vec![1; BLOCK], vec![2; 2 * BLOCK]);
        let base = [a.clone(), vec![0; 2 * BLOCK]].concat();
        assert_eq!(archives(&base, &b), [a, b.clone()].concat());
        assert_eq!(archives(b"", &b), b);
    }

    #[test]
    fn the_recipe_has_the_word_of_a_name() {
        assert_eq!(world(Some(b"a=1\nb\n"), b"", b"a\nc\n"), "a\nb\nc\n");
        assert_eq!(world(None, b"P:x\nV:1\n\nP:y\n", b"a\n"), "a\nx\ny\n");
    }

    #[test]
    fn a_variable_of_the_image_stays() {
        let config_of = |env: &[&str]| ContainerConfig {
            env: env.iter().map(|e| (*e).to_owned()).collect(),
            ..ContainerConfig::default()
        };
        let base = ContainerConfig { user: "7".to_owned(), ..config_of(&["PATH=/b", "A=1"]) };
        let made = config(&base, config_of(&["PATH=/o", "Z=2"]));
        assert_eq!((made.user.as_str(), made.env), ("7", config_of(&["PATH=/b", "A=1", "Z=2"]).env));
    }
}
