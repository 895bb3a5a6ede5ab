//! Package databases of an image: dpkg's, those of distroless images, apk's; rpm's are recognised.

mod apk_database;
mod dpkg;

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};
use rootfs::Node;
use rootfs::path::{file_name, parent};

use crate::{Contents, Database, Package, PackageKind};

pub use dpkg::{Diversion, parse_diversions, parse_md5sums, parse_status};

const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
const STATUS: &str = "var/lib/dpkg/status";
const STATUS_DIR: &str = "var/lib/dpkg/status.d";
const INFO_DIR: &str = "var/lib/dpkg/info";
const DIVERSIONS: &str = "var/lib/dpkg/diversions";
/// Where apk 2 has it, and where apk 3 of a merged `/usr` has it.
const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
const APK_WORLD: &str = "etc/apk/world";
/// Berkeley DB, ndb and SQLite (rpm's macro `_db_backend`), in the old and the new directory (`_dbpath`), and
/// in that of rpm-ostree.
const RPM: [&str; 9] = [
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/share/rpm/Packages",
    "usr/share/rpm/Packages.db",
    "usr/share/rpm/rpmdb.sqlite",
];

/// What chisel says of the slices of Debian packages that it took (chisel's documentation, "Chisel manifest").
const CHISEL: &str = "var/lib/chisel/manifest.wall";

/// The longest package database that is kept, in bytes; Debian's of some thousand packages has 5 MB.
pub(crate) const MOST_TEXT: u64 = 64 << 20;

/// A database's file, and the layer that it is from.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) layer: usize,
}

/// The databases' files, by path.
pub(crate) type Texts = BTreeMap<BString, Text>;

/// A package with its paths as its database has them.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) package: Package,
    pub(crate) paths: Vec<BString>,
}

/// What databases say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) packages: Vec<Listed>,
    pub(crate) databases: Vec<Database>,
}

/// Where the databases of an image are: links on the way are followed, as whoever asks a database does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) status: BString,
    pub(crate) status_dir: BString,
    pub(crate) info_dir: BString,
    pub(crate) diversions: BString,
    apk: Vec<BString>,
    apk_world: BString,
}

impl Places {
    /// Those of a tree in which `real` follows links; what has none stays as it is.
    pub(crate) fn in_tree(real: impl Fn(&BStr) -> Option<BString>) -> Places {
        let real = |path: &str| real(BStr::new(path)).unwrap_or_else(|| path.into());
        let mut apk: Vec<BString> = APK.iter().map(|path| real(path)).collect();
        apk.dedup();
        Places {
            status: real(STATUS),
            status_dir: real(STATUS_DIR),
            info_dir: real(INFO_DIR),
            diversions: real(DIVERSIONS),
            apk,
            apk_world: real(APK_WORLD),
        }
    }
}

/// Is a path one whose content is kept while a layer is read? That a link leads to a database from its own path
/// shows later, so whatever could be one is kept: images that are updated as a whole have dpkg's in a directory of
/// that name below `/usr`.
pub(crate) fn is_text(path: &BStr) -> bool {
    let (name, directory) = (file_name(path), parent(path).unwrap_or_default());
    let is_dpkg = |directory: &BStr| file_name(directory).starts_with(b"dpkg");
    match name.as_bytes() {
        b"status" | b"diversions" => is_dpkg(directory),
        b"installed" => directory.ends_with(b"apk/db"),
        name if file_name(directory) == "info" && name.ends_with(b".list") => {
            parent(directory).is_some_and(is_dpkg)
        }
        _ => {
            file_name(directory) == "status.d"
                || path == APK_WORLD
                || OS_RELEASE.iter().any(|release| path == *release)
        }
    }
}

/// Is it a text that is kept for others to read: accounts, and what packages of Debian say of their licences?
pub(crate) fn is_notice(path: &BStr) -> bool {
    let package = || path.strip_prefix(b"usr/share/doc/")?.strip_suffix(b"/copyright");
    path == "etc/passwd" || path == "etc/group" || package().is_some_and(|name| !name.contains(&b'/'))
}

/// Reads all that there are.
pub(crate) fn read(texts: &Texts, places: &Places) -> Found {
    let mut found = Found::default();
    dpkg::read(texts, places, &mut found);
    for path in &places.apk {
        if let Some(text) = texts.get(path) {
            let read = apk_database::read(&text.bytes);
            found.databases.push(Database {
                kind: PackageKind::Apk,
                path: path.clone(),
                packages: read.as_ref().map(Vec::len).map_err(Clone::clone),
            });
            let mut packages = read.unwrap_or_default();
            if let Some(world) = texts.get(&places.apk_world) {
                apk_database::ask(&world.bytes, &mut packages);
            }
            found.packages.extend(packages);
        }
    }
    found
}

/// Names the databases that are there and were not read.
pub(crate) fn add_unread(contents: &mut Contents, texts: &Texts) {
    let rpm = RPM.iter().map(|path| (PackageKind::Rpm, *path));
    let apk = APK.iter().map(|path| (PackageKind::Apk, *path));
    let deb = [STATUS, CHISEL].map(|path| (PackageKind::Deb, path));
    for (kind, asked) in rpm.chain(deb).chain(apk) {
        let Ok(path) = contents.real_path(asked, true) else { continue };
        let size = size_at(contents, path.as_bstr());
        let known = texts.contains_key(&path) || contents.databases.iter().any(|d| d.path == path);
        if size == 0 || known {
            continue;
        }
        let why = match kind {
            PackageKind::Rpm => "distil does not read rpm's databases",
            _ if asked == CHISEL => "distil does not read chisel's manifests",
            _ if size > MOST_TEXT => "it is longer than 64 MiB",
            _ => "its layer has it under another name, or more than 256 MiB of databases",
        };
        contents.databases.push(Database { kind, path, packages: Err(why.to_owned()) });
    }
}

/// The length of a file by any of its names; 0 of all else.
fn size_at(contents: &Contents, path: &BStr) -> u64 {
    let Some(file) = contents.file(path) else { return 0 };
    match &file.entry.node {
        Node::Hardlink(first) => contents.file(first).map_or(0, |first| first.size()),
        _ => file.size(),
    }
}

/// What dpkg-divert put where.
pub(crate) fn diversions(texts: &Texts, places: &Places) -> Vec<dpkg::Diversion> {
    texts.get(&places.diversions).map(|t| parse_diversions(&t.bytes)).unwrap_or_default()
}
