use package::{Dependency, Identity, RecordId, Sha1, Universe, parse_dependencies, parse_dependency};

use super::request::Request;

/// What is wrong with a set of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A demand that no package of the set meets.
    Unmet {
        /// The package whose demand it is; "" for a line of the request.
        by: String,
        /// The dependency.
        requirement: String,
    },
    /// A package that another, or a line, excludes.
    Excluded {
        /// The package whose demand it is; "" for a line of the request.
        by: String,
        /// The dependency, with its `!`.
        requirement: String,
        /// The excluded package.
        package: String,
    },
    /// Two packages have one name, and not both as a virtual one.
    SameName {
        /// The name.
        name: String,
        /// The packages.
        packages: [String; 2],
    },
}

/// Checks a set on its own, knowing nothing of how it was found: every line and every dependency is
/// met, nothing that is excluded is there, and no name has two owners. Of several lines with one name
/// the last counts. Says nothing of whether the set is the one that apk chooses.
pub fn validate(universe: &Universe, request: &Request, set: &[RecordId]) -> Vec<Violation> {
    let packages: Vec<Package<'_>> = set.iter().map(|id| Package::read(universe, *id)).collect();
    let mut out = Vec::new();
    let lines: Vec<Dependency<'_>> = request.world.iter().filter_map(|l| parse_dependency(l).ok()).collect();
    for (i, line) in lines.iter().enumerate() {
        if !lines[i + 1..].iter().any(|later| later.name == line.name) {
            check(&packages, None, line, &mut out);
        }
    }
    for package in &packages {
        for dep in parse_dependencies(package.depends).flatten() {
            check(&packages, Some(package), &dep, &mut out);
        }
    }
    for (i, one) in packages.iter().enumerate() {
        for other in &packages[i + 1..] {
            for (name, version) in &one.names {
                let clashes = |n: &(&str, &str)| n.0 == *name && !(n.1.is_empty() && version.is_empty());
                if other.names.iter().any(clashes) {
                    let packages = [one.show(), other.show()];
                    out.push(Violation::SameName { name: (*name).to_owned(), packages });
                }
            }
        }
    }
    out
}

struct Package<'u> {
    id: RecordId,
    sha1: Option<Sha1>,
    depends: &'u str,
    /// Its own name, then what it provides.
    names: Vec<(&'u str, &'u str)>,
}

impl<'u> Package<'u> {
    fn read(universe: &'u Universe, id: RecordId) -> Package<'u> {
        let record = universe.record(id);
        let mut names = vec![(record.name(), record.version())];
        names.extend(parse_dependencies(record.provides()).flatten().map(|d| (d.name, d.version)));
        let sha1 = match record.identity() {
            Some(Identity::ApkControl(sha1)) => Some(sha1),
            _ => None,
        };
        Package { id, sha1, depends: record.depends(), names }
    }

    fn show(&self) -> String {
        format!("{} {}", self.names[0].0, self.names[0].1)
    }

    fn meets(&self, dep: &Dependency<'_>) -> bool {
        self.names.iter().any(|(name, version)| *name == dep.name && dep.admits(version, self.sha1))
    }
}

fn check(packages: &[Package<'_>], by: Option<&Package<'_>>, dep: &Dependency<'_>, out: &mut Vec<Violation>) {
    let by_text = || by.map(Package::show).unwrap_or_default();
    let mut meets = packages.iter().filter(|p| p.meets(dep));
    if !dep.conflict {
        if meets.next().is_none() {
            out.push(Violation::Unmet { by: by_text(), requirement: dep.to_string() });
        }
        return;
    }
    for package in meets.filter(|p| by.is_none_or(|by| by.id != p.id)) {
        let requirement = dep.to_string();
        out.push(Violation::Excluded { by: by_text(), requirement, package: package.show() });
    }
}
