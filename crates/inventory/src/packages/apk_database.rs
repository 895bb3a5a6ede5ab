use crate::packages::Listed;
use crate::{Package, PackageKind};

/// The packages of an installed database, with their paths.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Listed>, String> {
    let records = apk::parse_installed(bytes).map_err(|e| e.to_string())?;
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    let listed = |record: apk::InstalledRecord| {
        let source = Some(record.origin).filter(|o| !o.is_empty() && *o != record.name);
        let package = Package {
            kind: PackageKind::Apk,
            source,
            version: record.version,
            arch: record.arch,
            installed_size: record.installed_size,
            maintainer: some(record.maintainer),
            licence: some(record.license),
            description: some(record.description),
            depends: words(&record.depends),
            provides: words(&record.provides),
            excludes: Vec::new(),
            asked: None,
            files: Vec::new(),
            missing: Vec::new(),
            layer: 0,
            name: record.name,
        };
        Listed { package, paths: record.files.into_iter().map(|f| f.path).collect() }
    };
    Ok(records.into_iter().map(listed).collect())
}

/// Tells packages which line of `/etc/apk/world` asks for them.
pub(super) fn ask(world: &[u8], packages: &mut [Listed]) {
    let world = String::from_utf8_lossy(world);
    for line in world.split_whitespace().filter(|line| !line.starts_with('!')) {
        let end = line.find(['<', '>', '=', '~', '@']).unwrap_or(line.len());
        let asked = packages.iter_mut().map(|l| &mut l.package).filter(|p| p.name == line[..end]);
        asked.for_each(|p| p.asked = Some(format!("/etc/apk/world: {line}")));
    }
}
