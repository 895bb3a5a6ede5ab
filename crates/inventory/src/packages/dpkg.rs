use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice};

use super::{Found, Listed, Places, Texts};
use crate::{Database, Package, PackageKind};

/// A path that dpkg-divert moved away (dpkg-divert(1)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// Where packages have it.
    pub from: BString,
    /// Where it is.
    pub to: BString,
    /// The package whose own file stays; `:` for the administrator's.
    pub by: String,
}

/// Reads dpkg's database, and the directory of paragraphs that distroless images have.
pub(super) fn read(texts: &Texts, places: &Places, found: &mut Found) {
    if let Some(text) = texts.get(&places.status) {
        let packages = parse_status(&text.bytes);
        // `dpkg --print-foreign-architectures` leaves an empty one in images that have status.d.
        if !packages.is_empty() || text.bytes.iter().any(|b| !b.is_ascii_whitespace()) {
            found.databases.push(database(&places.status, packages.len()));
        }
        found.packages.extend(packages.into_iter().map(|package| {
            let paths = list_of(texts, &places.info_dir, &package);
            Listed { package, paths }
        }));
    }
    let mut count = 0;
    let prefix = BString::from([places.status_dir.as_slice(), b"/"].concat());
    for (path, text) in texts.range(prefix.clone()..).take_while(|(p, _)| p.starts_with(&prefix)) {
        if path.ends_with(b".md5sums") {
            continue;
        }
        let sums = texts.get(&BString::from([path.as_slice(), b".md5sums"].concat()));
        let mut paths = sums.map(|t| parse_md5sums(&t.bytes)).unwrap_or_default();
        for package in parse_status(&text.bytes) {
            count += 1;
            // One file, one package: of more, the first has the paths.
            found.packages.push(Listed { package, paths: std::mem::take(&mut paths) });
        }
    }
    if count > 0 {
        found.databases.push(database(&places.status_dir, count));
    }
}

fn database(path: &BString, packages: usize) -> Database {
    Database { kind: PackageKind::Deb, path: path.clone(), packages: Ok(packages) }
}

/// `info/NAME.list`, or `info/NAME:ARCH.list` where several architectures may have it.
fn list_of(texts: &Texts, info_dir: &BString, package: &Package) -> Vec<BString> {
    let (name, arch) = (&package.name, &package.arch);
    let names = [format!("/{name}:{arch}.list"), format!("/{name}.list")];
    let text =
        names.iter().find_map(|name| texts.get(BStr::new(&[info_dir.as_slice(), name.as_bytes()].concat())));
    text.map(|t| t.bytes.lines().filter(|l| !l.is_empty()).map(BString::from).collect()).unwrap_or_default()
}

/// Reads paragraphs of packages as `var/lib/dpkg/status` and `status.d` have them (deb822(5), dpkg(1) "Package
/// states"). Packages that left only their configuration are none; paragraphs without a name or version are passed over.
pub fn parse_status(bytes: &[u8]) -> Vec<Package> {
    let mut packages = Vec::new();
    let mut fields: BTreeMap<Vec<u8>, BString> = BTreeMap::new();
    let mut last: Option<Vec<u8>> = None;
    for line in bytes.lines().chain([&b""[..]]) {
        if line.trim_ascii().is_empty() {
            packages.extend(package(&std::mem::take(&mut fields)));
            last = None;
        } else if matches!(line[0], b' ' | b'\t') {
            // Continuations of what people read are of no use here.
            if let Some(key) = last.as_ref().filter(|k| *k != b"description" && *k != b"conffiles")
                && let Some(value) = fields.get_mut(key)
            {
                value.extend_from_slice(line);
            }
        } else if let Some((key, value)) = line.split_once_str(":") {
            let key = key.to_ascii_lowercase();
            fields.insert(key.clone(), value.trim_ascii().into());
            last = Some(key);
        }
    }
    packages
}

fn package(fields: &BTreeMap<Vec<u8>, BString>) -> Option<Package> {
    let field = |name: &str| {
        let text = fields.get(name.as_bytes())?.to_str_lossy().into_owned();
        Some(text).filter(|t| !t.is_empty())
    };
    let state = field("status").unwrap_or_else(|| "install ok installed".to_owned());
    if matches!(state.split_whitespace().last(), Some("not-installed" | "config-files")) {
        return None;
    }
    let list = |names: &[&str]| -> Vec<String> {
        let all = names.iter().filter_map(|name| field(name));
        let split = |text: String| -> Vec<String> {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        };
        all.flat_map(split).collect()
    };
    let name = field("package")?;
    Some(Package {
        kind: PackageKind::Deb,
        version: field("version")?,
        arch: field("architecture").unwrap_or_default(),
        source: field("source").filter(|s| *s != name),
        installed_size: field("installed-size").and_then(|s| s.parse::<u64>().ok()?.checked_mul(1024)),
        maintainer: field("maintainer"),
        licence: None,
        description: field("description"),
        depends: list(&["pre-depends", "depends"]),
        provides: list(&["provides"]),
        excludes: list(&["conflicts", "breaks"]),
        asked: field("essential").filter(|word| word == "yes").map(|_| "Essential: yes".to_owned()),
        files: Vec::new(),
        missing: Vec::new(),
        layer: 0,
        name,
    })
}

/// The paths of a list of MD5 sums (`HEX  PATH`); lines of another form are passed over.
pub fn parse_md5sums(bytes: &[u8]) -> Vec<BString> {
    let path = |line: &[u8]| {
        let (sum, path) = line.split_once_str("  ")?;
        let sound = sum.len() == 32 && sum.iter().all(u8::is_ascii_hexdigit) && !path.is_empty();
        sound.then(|| BString::from(path))
    };
    bytes.lines().filter_map(path).collect()
}

/// Reads `var/lib/dpkg/diversions`: three lines each. What is left over is passed over.
pub fn parse_diversions(bytes: &[u8]) -> Vec<Diversion> {
    let lines: Vec<&[u8]> = bytes.lines().collect();
    let path = |line: &[u8]| BString::from(line.trim_start_with(|c| c == '/'));
    let one = |three: &[&[u8]]| Diversion {
        from: path(three[0]),
        to: path(three[1]),
        by: three[2].to_str_lossy().into_owned(),
    };
    lines.chunks_exact(3).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paragraphs_and_their_states() {
        let text = b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nInstalled-Size: 2\nDepends: b (>= 1),\n c | d\nBreaks: e (<< 1)\nConflicts: f,\n g\nSource: s (2)\nDescription: short\n long\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: half\n\nno field\nPackage: late\nVersion: 2";
        let packages = parse_status(text);
        let names: Vec<&str> = packages.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "late"]);
        let a = &packages[0];
        assert_eq!(a.depends, ["b (>= 1)", "c | d"]);
        assert_eq!(a.excludes, ["f", "g", "e (<< 1)"]);
        assert_eq!((a.installed_size, a.source.as_deref()), (Some(2048), Some("s (2)")));
        assert_eq!(a.description.as_deref(), Some("short"));
        assert_eq!(packages[1].arch, "");
    }

    #[test]
    fn reads_sums_and_diversions() {
        let sums =
            b"00000000000000000000000000000000  usr/a b\nbad  x\n00000000000000000000000000000000 usr/c\n";
        assert_eq!(parse_md5sums(sums), ["usr/a b"]);
        let one = Diversion { from: "bin/sh".into(), to: "bin/sh.distrib".into(), by: "dash".to_owned() };
        assert_eq!(parse_diversions(b"/bin/sh\n/bin/sh.distrib\ndash\nrest\n"), [one]);
    }
}
