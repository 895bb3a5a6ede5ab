//! Package databases of an image: dpkg's, those of distroless images, apk's; rpm's are recognised.

mod apk_database;
mod dpkg;

use std::collections::BTreeMap;

use bstr::{BStr, BString};

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

/// Is a path one whose content is kept while a layer is read?
pub(crate) fn is_text(path: &BStr) -> bool {
    let inside = |directory: &str| {
        let rest = path.strip_prefix(directory.as_bytes()).and_then(|p| p.strip_prefix(b"/"));
        rest.filter(|name| !name.contains(&b'/'))
    };
    let exact = [STATUS, DIVERSIONS, APK_WORLD].iter().chain(&OS_RELEASE).chain(&APK).any(|p| *path == **p);
    exact || inside(STATUS_DIR).is_some() || inside(INFO_DIR).is_some_and(|name| name.ends_with(b".list"))
}

/// Is it a text that is kept for others to read: accounts, and what packages of Debian say of their licences?
pub(crate) fn is_notice(path: &BStr) -> bool {
    let package = || path.strip_prefix(b"usr/share/doc/")?.strip_suffix(b"/copyright");
    path == "etc/passwd" || path == "etc/group" || package().is_some_and(|name| !name.contains(&b'/'))
}

/// Reads all that there are.
pub(crate) fn read(texts: &Texts) -> Found {
    let mut found = Found::default();
    dpkg::read(texts, &mut found);
    for path in APK {
        if let Some(text) = texts.get(BStr::new(path)) {
            let read = apk_database::read(&text.bytes);
            found.databases.push(Database {
                kind: PackageKind::Apk,
                path: path.into(),
                packages: read.as_ref().map(Vec::len).map_err(Clone::clone),
            });
            let mut packages = read.unwrap_or_default();
            if let Some(world) = texts.get(BStr::new(APK_WORLD)) {
                apk_database::ask(&world.bytes, &mut packages);
            }
            found.packages.extend(packages);
        }
    }
    found
}

/// Names the databases that are there and were not read.
pub(crate) fn add_unread(contents: &mut Contents) {
    let mut add = |kind, path: &str, why: &str| {
        if contents.file(path).is_some_and(|f| f.size() > 0)
            && !contents.databases.iter().any(|d| d.path == path)
        {
            contents.databases.push(Database { kind, path: path.into(), packages: Err(why.to_owned()) });
        }
    };
    RPM.iter().for_each(|path| add(PackageKind::Rpm, path, "distil does not read rpm's databases"));
    add(PackageKind::Deb, STATUS, "it is longer than 64 MiB");
    APK.iter().for_each(|path| add(PackageKind::Apk, path, "it is longer than 64 MiB"));
}

/// What dpkg-divert put where.
pub(crate) fn diversions(texts: &Texts) -> Vec<dpkg::Diversion> {
    texts.get(BStr::new(DIVERSIONS)).map(|t| parse_diversions(&t.bytes)).unwrap_or_default()
}
