//! Why an image is as it is: kept beside the store when it is built, by the digests of its manifest and of its config
//! (which engines keep), for `why` to tell later. Not inside the image: it names lines of the recipe.
//!
//! The document is JSON, `data_dir/reasons/sha256/HEX.json`. Version rule: a reader passes over a document whose
//! `schema` it does not know; fields are only ever added to one that it knows.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bstr::ByteSlice;
use compose::Composition;
use diag::{Diagnostic, Note};
use image::{Document, Pruned, Source, TransportError, read_document, read_small};
use lockfile::LockedPin;
use oci::{Descriptor, Digest, MediaType, Reference};
use package::Cause;
use recipe::{Resolved, World as PackageWorld};
use rootfs::{Entry, Node, Owner};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::look::absolute;
use crate::recipes::Loaded;
use crate::registries;

/// The type of the document, for who attaches it to an image on a registry.
pub const MEDIA_TYPE: &str = "application/vnd.distil.reasons.v1+json";

/// Which documents this program understands.
const SCHEMA: u32 = 1;

/// Where they are in the data directory.
const REASONS: &str = "reasons";

/// The longest document that is read, in bytes.
const MOST: u64 = 64 << 20;

/// Why the image of one platform has what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    /// The version of the document.
    pub schema: u32,
    /// The recipe, as it was typed.
    pub recipe: String,
    /// The variant; `latest` is the untagged one.
    pub variant: String,
    /// The packages, in install order.
    pub packages: Vec<PackageReason>,
    /// Whose paths are that no package database tells: links of packages, what rules made, the recipe's own files.
    pub paths: BTreeMap<String, PathReason>,
    /// The lines of the recipe that declare a path or change it, `FILE:LINE`; paths as the recipe writes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<String, Vec<String>>,
}

/// Why a package is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageReason {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: String,
    /// Who wants it.
    pub because: Vec<Because>,
}

/// Who wants a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The recipe names it.
    Asked {
        /// What stands there.
        text: String,
        /// `FILE:LINE`, where one line says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
    /// A package needs it.
    Needed {
        /// The package.
        by: String,
        /// What it says, or what a table of distil's says for it.
        requirement: String,
    },
}

/// Whose a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathReason {
    /// The package with that number in [`Reasons::packages`].
    Package(usize),
    /// A documented rule made it (docs/derived.md).
    Rule(String),
    /// The recipe's own file.
    Recipe,
}

/// What is to be kept of an image that was made.
pub(crate) fn of(
    recipe: &Loaded,
    variant: (&str, &Resolved),
    rows: &[&LockedPin],
    made: &Composition,
) -> Reasons {
    let (tag, variant) = variant;
    let because = |cause: &Cause| match cause {
        Cause::Asked(text) => Because::Asked { text: text.clone(), at: line_of(recipe, text) },
        Cause::Needed { by, requirement } => {
            Because::Needed { by: by.clone(), requirement: requirement.clone() }
        }
        Cause::Hidden { by, reason } => {
            Because::Needed { by: by.clone(), requirement: format!("by distil's table: {reason}") }
        }
        Cause::InstallIf { by, condition } => {
            Because::Needed { by: by.clone(), requirement: format!("installed if there is {condition}") }
        }
    };
    let package = |row: &&LockedPin| PackageReason {
        name: row.pin.name.clone(),
        version: row.pin.version.clone(),
        arch: row.pin.arch.to_string(),
        because: row.pin.because.iter().map(because).collect(),
    };
    Reasons {
        schema: SCHEMA,
        recipe: recipe.typed.clone(),
        variant: tag.to_owned(),
        packages: rows.iter().map(package).collect(),
        paths: paths(made, variant.world),
        lines: lines(variant),
    }
}

fn lines(variant: &Resolved) -> BTreeMap<String, Vec<String>> {
    let files = variant.files.iter().map(|file| (&file.path, &file.at));
    let mut lines = BTreeMap::<String, Vec<String>>::new();
    for (path, at) in files.chain(variant.paths.iter().map(|change| (&change.path, &change.at))) {
        lines.entry(path.clone()).or_default().push(format!("{}:{}", at.file(), at.line()));
    }
    lines
}

/// The one line of the recipe, or of what it includes, that lists a package by this text.
fn line_of(recipe: &Loaded, text: &str) -> Option<String> {
    let says = |line: &str| {
        let Some(item) = line.trim_start().strip_prefix("- ") else { return false };
        let item = item.split(" #").next().unwrap_or_default().trim();
        let plain = |s: &str| s.trim_matches(['"', '\'']) == text;
        let named = item.strip_prefix("{").is_some_and(|map| {
            map.split([',', '}'])
                .any(|part| part.trim().strip_prefix("name:").is_some_and(|n| plain(n.trim())))
        });
        plain(item) || named || item.strip_prefix("name:").is_some_and(|n| plain(n.trim()))
    };
    let inline = |line: &str| {
        let list = line.split_once("packages:").map(|(_, rest)| rest.trim()).unwrap_or_default();
        let items = list.strip_prefix('[').and_then(|l| l.split(']').next()).unwrap_or_default();
        items.split(',').any(|item| item.trim().trim_matches(['"', '\'']) == text)
    };
    let found = recipe.sources.iter().flat_map(|source| {
        let lines = (1..).zip(source.text.lines()).filter(|(_, line)| says(line) || inline(line));
        lines.map(|(number, _)| format!("{}:{number}", source.name)).collect::<Vec<_>>()
    });
    let mut found: Vec<String> = found.collect();
    if found.len() == 1 { found.pop() } else { None }
}

/// What the image's own database does not say. apk's lists every path of a package; `md5sums` no links, and no
/// configuration.
fn paths(made: &Composition, world: PackageWorld) -> BTreeMap<String, PathReason> {
    let untold = |entry: &Entry| {
        world == PackageWorld::Deb
            && (!matches!(entry.node, Node::File(_)) || entry.path.starts_with(b"etc/"))
    };
    let mut paths = BTreeMap::new();
    for entry in made.rootfs.tree.entries().iter().filter(|e| !e.is_dir() || e.owner == Owner::User) {
        let reason = match entry.owner {
            Owner::Package(n) if untold(entry) => usize::try_from(n).ok().map(PathReason::Package),
            Owner::User => Some(PathReason::Recipe),
            _ => None,
        };
        if let (Some(reason), Ok(_)) = (reason, entry.path.to_str()) {
            paths.insert(absolute(entry.path.as_bstr()), reason);
        }
    }
    for rule in &made.made {
        if made.rootfs.tree.get(&rule.path).is_some_and(|e| !e.is_dir() && e.owner == Owner::Derived) {
            paths.insert(absolute(rule.path.as_bstr()), PathReason::Rule(rule.rule.name().to_owned()));
        }
    }
    paths
}

/// Keeps the reasons of an image, by the digest of its manifest or config. That they cannot be kept is said, and no error:
/// the image is as good.
pub(crate) fn remember(world: &World, image: &Digest, reasons: &Reasons) {
    let kept = serde_json::to_vec(reasons)
        .map_err(|e| e.to_string())
        .and_then(|text| store::write_atomically(&place(world, image), &text).map_err(|e| e.to_string()));
    if let Err(why) = kept {
        let text = format!("cannot keep why {image} is as it is (`distil why` will know less): {why}");
        world.reporter.note(Note::Warning(text));
    }
}

/// Keeps the reasons of images that others became, each by the digests of its manifest and config, where any are known.
pub(crate) fn remember_all(world: &World, images: &[[Digest; 2]], known: &[Option<Reasons>]) {
    for (digests, reasons) in images.iter().zip(known) {
        if let Some(reasons) = reasons {
            digests.iter().for_each(|digest| remember(world, digest, reasons));
        }
    }
}

/// Forgets why images are as they are that no name of the store leads to any more. Whoever builds one holds the store
/// until it has its name, and while `left` lives nobody does; so what is of nobody now, is of nobody, and half a file is
/// one of a process that was killed.
pub(crate) fn forget(world: &World, left: &Pruned) {
    for algorithm in ["sha256", "sha512"] {
        store::remove_files(&world.data_dir.join(REASONS).join(algorithm), |name| {
            store::is_passing_name(name) || name.strip_suffix(".json").is_some_and(|hex| !left.keeps(hex))
        });
    }
}

/// What was kept of an image, given the digest of its manifest or config.
pub fn recall(world: &World, manifest: &Digest) -> Option<Reasons> {
    Reasons::from_json(&document(world, manifest)?)
}

/// The same as bytes, for who attaches it to the image on a registry.
pub fn document(world: &World, manifest: &Digest) -> Option<Vec<u8>> {
    store::read_regular(&place(world, manifest), MOST).ok()
}

/// What somebody attached to an image on a registry (`distil push --reasons`). Nothing depends on it, so a registry
/// that cannot be asked, or has a document that cannot be read, is as good as one that has none; it is said with `-v`.
pub(crate) fn referred(world: &World, image: &Reference, manifest: &Digest) -> Option<Reasons> {
    let found = find_referrer(world, image, manifest);
    if let Err(d) = &found {
        let text = format!("the reasons of {image} could not be looked for: {d}");
        world.reporter.note(Note::Detail(text));
    }
    found.ok().flatten()
}

fn find_referrer(world: &World, image: &Reference, manifest: &Digest) -> Result<Option<Reasons>, Diagnostic> {
    let repository = registries::repository(world, image)?;
    let kind = MediaType::new(MEDIA_TYPE);
    for referrer in repository.referrers(manifest, Some(&kind)).map_err(Diagnostic::from)?.iter().take(8) {
        match read_referrer(&repository, referrer, manifest) {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            // Whoever may push there could hide all others behind a broken one.
            Err(error) => {
                let text = format!("the reasons {} of {image} cannot be read: {error}", referrer.digest);
                world.reporter.note(Note::Detail(text));
            }
        }
    }
    Ok(None)
}

fn read_referrer(
    source: &dyn Source,
    referrer: &Descriptor,
    manifest: &Digest,
) -> Result<Option<Reasons>, TransportError> {
    let document = read_document(source, referrer)?;
    let Document::Manifest(about) = document.value() else { return Ok(None) };
    let is_about = about.subject.as_ref().is_some_and(|s| s.digest == *manifest);
    match about.layers.first().filter(|part| is_about && part.media_type.as_str() == MEDIA_TYPE) {
        Some(part) => Ok(Reasons::from_json(&read_small(source, part)?)),
        None => Ok(None),
    }
}

fn place(world: &World, manifest: &Digest) -> PathBuf {
    let algorithm = manifest.algorithm().name();
    world.data_dir.join(REASONS).join(algorithm).join(format!("{}.json", manifest.hex()))
}

impl Reasons {
    /// The reasons of a document, from beside the store or from a registry; none where it is another version, or none.
    pub fn from_json(bytes: &[u8]) -> Option<Reasons> {
        let reasons: Reasons = serde_json::from_slice(bytes).ok()?;
        (reasons.schema == SCHEMA).then_some(reasons)
    }

    /// What is known of a package. Of another version nothing is: a layer above the build's brought it.
    pub fn package(&self, name: &str, version: &str) -> Option<&PackageReason> {
        self.packages.iter().find(|p| p.name == name && p.version == version)
    }

    /// The shortest way from the recipe to a package: who asked, and through which packages, the package itself last.
    /// None where it is not in the document.
    pub fn chain(&self, name: &str) -> Option<Vec<&PackageReason>> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (n, package) in self.packages.iter().enumerate() {
            places.entry(&package.name).or_insert(n);
        }
        let find = |name: &str| places.get(name).copied();
        let mut from: Vec<Option<usize>> = vec![None; self.packages.len()];
        let start = find(name)?;
        let (mut seen, mut queue) = (vec![false; self.packages.len()], vec![start]);
        seen[start] = true;
        let mut next = 0;
        while let Some(&at) = queue.get(next) {
            next += 1;
            let package = &self.packages[at];
            if package.because.iter().any(|b| matches!(b, Because::Asked { .. })) {
                let way = std::iter::successors(Some(at), |n| from[*n]);
                return Some(way.map(|n| &self.packages[n]).collect());
            }
            for cause in &package.because {
                if let Because::Needed { by, .. } = cause
                    && let Some(upper) = find(by)
                    && !std::mem::replace(&mut seen[upper], true)
                {
                    from[upper] = Some(at);
                    queue.push(upper);
                }
            }
        }
        Some(vec![&self.packages[start]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(rows: &[(&str, &[&str])]) -> Reasons {
        let because = |text: &&str| match text.strip_prefix("asked ") {
            Some(text) => Because::Asked { text: text.to_owned(), at: None },
            None => Because::Needed { by: (*text).to_owned(), requirement: "it".to_owned() },
        };
        let package = |(name, because_of): &(&str, &[&str])| PackageReason {
            name: (*name).to_owned(),
            version: "1".to_owned(),
            arch: "amd64".to_owned(),
            because: because_of.iter().map(because).collect(),
        };
        Reasons {
            schema: SCHEMA,
            recipe: "app.yaml".to_owned(),
            variant: "latest".to_owned(),
            packages: rows.iter().map(package).collect(),
            paths: BTreeMap::new(),
            lines: BTreeMap::new(),
        }
    }

    fn names(reasons: &Reasons, of: &str) -> Vec<String> {
        reasons.chain(of).unwrap().iter().map(|p| p.name.clone()).collect()
    }

    #[test]
    fn the_shortest_way_from_the_recipe() {
        let all = reasons(&[
            ("libc6", &["a", "b", "libc6"]),
            ("a", &["c"]),
            ("b", &["asked b"]),
            ("c", &["asked c"]),
            ("loop1", &["loop2"]),
            ("loop2", &["loop1"]),
        ]);
        assert_eq!(names(&all, "libc6"), ["b", "libc6"]);
        assert_eq!(names(&all, "a"), ["c", "a"]);
        assert_eq!(names(&all, "b"), ["b"]);
        assert_eq!(names(&all, "loop1"), ["loop1"]);
        assert!(all.chain("nothing").is_none());
    }

    #[test]
    fn documents_of_another_version_are_passed_over() {
        let mut all = reasons(&[("a", &["asked a"])]);
        assert_eq!(Reasons::from_json(&serde_json::to_vec(&all).unwrap()), Some(all.clone()));
        all.schema = 2;
        assert_eq!(Reasons::from_json(&serde_json::to_vec(&all).unwrap()), None);
        assert_eq!(Reasons::from_json(b"{"), None);
    }
}
