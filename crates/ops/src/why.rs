//! `distil why`: why a path or a package is in an image.

use bstr::{BStr, BString, ByteSlice};
use diag::{Diagnostic, Kind, nearest};
use inventory::{ChangeKind, PackageKind};
use oci::Digest;
use rootfs::path::{file_name, parent};
use serde::Serialize;

use crate::World;
use crate::look::{FileRow, Look, Subject, Whose, absolute, look, tree_path, typed_path};
use crate::reasons::{Because, PackageReason, PathReason};
use crate::tree::no_package;

/// Why something is in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The image.
    pub image: String,
    /// Its manifest.
    pub manifest: Digest,
    /// The path, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathWhy>,
    /// The package that was asked for, or that owns the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageWhy>,
    /// The packages that brought links which the path itself is, where they are others: who wants a program by one
    /// of its names need not be who wants the program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link_packages: Vec<PackageWhy>,
}

/// Why a path is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathWhy {
    /// The links on the way to it, in the order in which they are met.
    pub followed: Vec<Followed>,
    /// What is there.
    pub file: FileRow,
    /// What each layer did to it, the lowest first.
    pub layers: Vec<LayerTouch>,
    /// How many paths below a directory belong to which package; the most first. A path that nobody owns counts for
    /// the empty name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<(String, usize)>,
    /// Of a directory that several packages have, and so none alone: which, as NAME, or NAME:ARCHITECTURE where two are
    /// called so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// The lines of the recipe that declare it or change it, `FILE:LINE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Of a path that nobody is known to own: databases that were not read, whose packages may own it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// It came with a layer of `append`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appended: Option<Appended>,
}

/// What `append` wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// The layer; the lowest is 1.
    pub layer: usize,
    /// The package whose file was there: a database, or what the build kept, goes on naming it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Where none was a package's: the rule of distil's that made what was there, or `recipe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// A link on the way to a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Where it is.
    pub path: String,
    /// Where it leads.
    pub target: String,
    /// The layer that it is from; the lowest is 1.
    pub layer: usize,
    /// The package that owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Where no package owns it: the rule of distil's that made it, or `recipe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// It is the path that was asked for, or what that leads to, and no directory above it.
    #[serde(skip)]
    whole: bool,
}

/// What a layer did to a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerTouch {
    /// The layer's number; the lowest is 1.
    pub layer: usize,
    /// `added`, `replaced`, `touched` or `deleted`.
    pub what: &'static str,
    /// The command that made the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// Why a package is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageWhy {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: String,
    /// `deb`, `apk` or `rpm`.
    pub kind: &'static str,
    /// The source package, if it is another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Bytes of its files.
    pub size: u64,
    /// How many paths it has.
    pub files: usize,
    /// The layer that brought it; the lowest is 1.
    pub layer: usize,
    /// From the recipe to it, where the build kept that; the package itself last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Step>,
    /// Everybody who wants it: by the build's reasons, else by what the packages of the image say they need.
    pub needed_by: Vec<Need>,
    /// Why it is there although no package needs it, as far as the image says: `Essential: yes`, or the line of
    /// `/etc/apk/world`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The reasons of the build were at hand.
    pub from_build: bool,
}

/// A package on the way from the recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Why: what the recipe says, or what the step before says it needs.
    pub because: String,
    /// Where the recipe says it, `FILE:LINE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Somebody who wants a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// The package; empty for the recipe.
    pub by: String,
    /// What it says.
    pub requirement: String,
}

/// Says why `what`, a path or the name of a package, is in an image.
///
/// # Errors
/// There is no such image, or nothing of that name in it.
pub fn why(world: &World, subject: &Subject, what: &str) -> Result<Why, Diagnostic> {
    let mut look = look(world, subject)?;
    // They are those of the whole image.
    if subject.up_to.is_none() {
        look.ask_registry(world, &subject.image);
    }
    let (path, package) = if let Some(n) = package_named(&look, what) {
        (None, Some(n))
    } else {
        let typed = meant(&look, what)?;
        let file = look.at(&typed)?;
        (Some(path_why(&look, file, &typed)), file.package())
    };
    let of_links = path.iter().flat_map(|p| &p.followed).filter(|link| link.whole);
    let mut others: Vec<usize> = of_links
        .filter_map(|link| look.contents.file(typed_path(&link.path))?.package())
        .filter(|n| Some(*n) != package)
        .collect();
    others.dedup();
    Ok(Why {
        image: look.shown.clone(),
        manifest: look.contents.digest,
        path,
        package: package.map(|n| package_why(&look, n)),
        link_packages: others.into_iter().map(|n| package_why(&look, n)).collect(),
    })
}

/// A word without a slash is a package first.
fn package_named(look: &Look, what: &str) -> Option<usize> {
    let (name, arch) = what.split_once(':').map_or((what, None), |(name, arch)| (name, Some(arch)));
    look.contents.packages.iter().position(|p| p.name == name && arch.is_none_or(|a| a == p.arch))
}

/// The path that is meant: as typed, or the one file of that name.
fn meant(look: &Look, what: &str) -> Result<String, Diagnostic> {
    let name = rootfs::typed(what);
    if what.contains('/') || look.contents.file(&name).is_some() {
        return Ok(what.to_owned());
    }
    let named = look.contents.files.iter().filter(|f| file_name(f.path()) == name);
    let found: Vec<String> = named.map(|f| absolute(f.path())).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] if look
            .contents
            .packages
            .iter()
            .any(|p| nearest(what, [p.name.as_str()], 1) == [p.name.as_str()]) =>
        {
            Err(no_package(look, what))
        }
        [] => Err(nothing_at(look, what)),
        several => {
            let text =
                format!("cannot tell which `{what}` of {} is meant: it has {}", look.shown, several.len());
            let error = Diagnostic::new(Kind::Usage, text).hint("write the whole path");
            Err(several.iter().take(10).fold(error, |e, path| e.detail(path.clone())))
        }
    }
}

/// There is nothing at a path: whether a layer took it away, and what looks like it.
pub(crate) fn nothing_at(look: &Look, typed: &str) -> Diagnostic {
    let path = typed_path(typed);
    let real = look.contents.real_path(&path, true).unwrap_or(path);
    let followed = links(look, typed);
    let error = nothing_there(look, &real);
    followed.iter().fold(error, |e, link| e.detail(format!("{} leads to {}", link.path, link.target)))
}

fn nothing_there(look: &Look, real: &BString) -> Diagnostic {
    let shown = absolute(real.as_bstr());
    let touched = touches(look, real.as_bstr());
    if let Some(gone) = touched.iter().rev().find(|t| t.what == ChangeKind::Deleted.word()) {
        let by = gone.created_by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
        let text = format!("cannot find {shown} in {}: layer {} deleted it{by}", look.shown, gone.layer);
        let error = Diagnostic::new(Kind::Input, text);
        let before = gone.layer - 1;
        return match touched.iter().find(|t| t.what == ChangeKind::Added.word()) {
            Some(added) => error.hint(format!(
                "it came with layer {}; `distil extract {} {shown} --up-to-layer {before}` takes it from there",
                added.layer, look.shown
            )),
            None => error,
        };
    }
    let error =
        Diagnostic::new(Kind::Input, format!("cannot find {shown} in {}: nothing is there", look.shown));
    match near(look, real.as_bstr()).as_slice() {
        [] => error.hint(format!("`distil tree {}` lists what there is", look.shown)),
        near => error.hint(format!("there is {}", near.join(", "))),
    }
}

/// Paths that look like one that is not there: the same name elsewhere, or another in the same directory.
fn near(look: &Look, path: &BStr) -> Vec<String> {
    let name = file_name(path);
    let same = look.contents.files.iter().filter(|f| file_name(f.path()) == name && !name.is_empty());
    let same: Vec<String> = same.take(3).map(|f| absolute(f.path())).collect();
    if !same.is_empty() {
        return same;
    }
    let above = parent(path).unwrap_or_default();
    let siblings: Vec<String> = look
        .contents
        .files
        .iter()
        .filter(|f| !f.path().is_empty() && parent(f.path()) == Some(above))
        .map(|f| absolute(f.path()))
        .collect();
    let wanted = absolute(path);
    nearest(&wanted, siblings.iter().map(String::as_str), 3).into_iter().map(str::to_owned).collect()
}

fn path_why(look: &Look, file: &inventory::File, typed: &str) -> PathWhy {
    let row = look.row(file);
    let mut followed = links(look, typed);
    // A link that leads nowhere is what is told of.
    if let Some(at) = followed.iter().position(|link| link.path == row.path) {
        followed.truncate(at);
    }
    let below = if file.entry.is_dir() { owners_below(look, file.path()) } else { Vec::new() };
    let (layers, lines) = (touches(look, file.path()), look.lines(file));
    let unread = match look.whose(file) {
        Whose::Nobody => look.unread(),
        _ => Vec::new(),
    };
    let (packages, appended) = (several(look, file), appended(look, file));
    PathWhy { followed, file: row, layers, below, packages, lines, unread, appended }
}

/// The packages that have a directory, which is no single one's.
fn several(look: &Look, file: &inventory::File) -> Vec<String> {
    if !file.entry.is_dir() || file.package().is_some() {
        return Vec::new();
    }
    let has =
        |p: &&inventory::Package| p.files.binary_search_by(|path| path.as_bstr().cmp(file.path())).is_ok();
    let all: Vec<&inventory::Package> = look.contents.packages.iter().filter(has).collect();
    let named = |package: &&inventory::Package| match all.iter().filter(|p| p.name == package.name).count() {
        1 => package.name.clone(),
        _ => format!("{}:{}", package.name, package.arch),
    };
    all.iter().map(named).collect()
}

fn appended(look: &Look, file: &inventory::File) -> Option<Appended> {
    let listed = look.contents.appended.get(file.path())?.map(|n| look.contents.packages[n].name.clone());
    let (package, made_by) = match (listed, look.kept(file)) {
        (Some(name), _) => (Some(name), None),
        (None, Some(PathReason::Package(n))) => {
            let packages = look.reasons.as_ref().map(|r| &r.packages);
            (packages.and_then(|p| p.get(*n)).map(|p| p.name.clone()), None)
        }
        (None, Some(PathReason::Rule(rule))) => (None, Some(rule.clone())),
        (None, Some(PathReason::Recipe)) => (None, Some("recipe".to_owned())),
        (None, None) => (None, None),
    };
    Some(Appended { layer: file.layer + 1, package, made_by })
}

/// The links on the way to a path, in the order in which they are met.
fn links(look: &Look, typed: &str) -> Vec<Followed> {
    let mut followed = Vec::new();
    let mut path = typed_path(typed);
    // As many as `real_path` follows.
    for _ in 0..=40 {
        let prefixes = path.find_iter("/").chain([path.len()]);
        let link = prefixes.into_iter().find_map(|end| {
            let file = look.contents.file(&path[..end])?;
            match &file.entry.node {
                rootfs::Node::Symlink(target) => Some((end, target, file)),
                _ => None,
            }
        });
        let Some((end, target, file)) = link else { break };
        let above = path[..end].rfind("/").map_or(&b""[..], |at| &path[..at]);
        let rest = &path[end..];
        let whole = match target.starts_with(b"/") {
            true => [target.as_bytes(), rest].concat(),
            false => [above, b"/", target.as_bytes(), rest].concat(),
        };
        let FileRow { path: at, layer, package, made_by, .. } = look.row(file);
        let (target, is_whole) = (rootfs::shown(target), rest.is_empty());
        followed.push(Followed { path: at, target, layer, package, made_by, whole: is_whole });
        path = tree_path(&whole);
    }
    followed
}

/// What each layer did to a path.
fn touches(look: &Look, path: &BStr) -> Vec<LayerTouch> {
    let touch = |(n, layer): (usize, &inventory::LayerContents)| {
        let at = layer.changes.binary_search_by(|c| c.path.as_bstr().cmp(path)).ok()?;
        Some(LayerTouch {
            layer: n + 1,
            what: layer.changes[at].kind.word(),
            created_by: layer.history.as_ref().and_then(|h| h.created_by.clone()),
        })
    };
    look.contents.layers.iter().enumerate().filter_map(touch).collect()
}

fn owners_below(look: &Look, directory: &BStr) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for file in look.contents.below(directory).filter(|f| !f.entry.is_dir()) {
        let name = match look.whose(file) {
            Whose::Package(n) => look.contents.packages[n].name.clone(),
            Whose::Rule(rule) => format!("rule {rule}"),
            Whose::Recipe => "recipe".to_owned(),
            Whose::Nobody => String::new(),
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts
}

fn package_why(look: &Look, n: usize) -> PackageWhy {
    let package = &look.contents.packages[n];
    let row = look.reasons.as_ref().and_then(|reasons| reasons.package(&package.name, &package.version));
    let reasons = look.reasons.as_ref().filter(|_| row.is_some());
    let needed_by = match row {
        Some(row) => row.because.iter().map(need).collect(),
        None => needs(look, package),
    };
    let chain = reasons.and_then(|r| r.chain(&package.name)).map(|c| steps(&c)).unwrap_or_default();
    PackageWhy {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        kind: package.kind.word(),
        source: package.source.clone(),
        size: look.contents.package_size(n),
        files: package.files.len(),
        layer: package.layer + 1,
        chain,
        needed_by,
        asked: package.asked.clone(),
        from_build: reasons.is_some(),
    }
}

fn need(because: &Because) -> Need {
    match because {
        Because::Asked { text, at } => {
            let at = at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
            Need { by: String::new(), requirement: format!("{at}{text}") }
        }
        Because::Needed { by, requirement } => Need { by: by.clone(), requirement: requirement.clone() },
    }
}

fn steps(chain: &[&PackageReason]) -> Vec<Step> {
    let step = |(n, package): (usize, &&PackageReason)| {
        let before = n.checked_sub(1).map(|n| chain[n].name.as_str());
        let (because, at) = package
            .because
            .iter()
            .find_map(|b| match (b, before) {
                (Because::Asked { text, at }, None) => Some((text.clone(), at.clone())),
                (Because::Needed { by, requirement }, Some(before)) if by == before => {
                    Some((requirement.clone(), None))
                }
                _ => None,
            })
            .unwrap_or_default();
        Step { name: package.name.clone(), version: package.version.clone(), because, at }
    };
    chain.iter().enumerate().map(step).collect()
}

/// Who of the image's packages says that it needs one, by its name or by what it provides.
fn needs(look: &Look, package: &inventory::Package) -> Vec<Need> {
    let word = |text: &str| -> String {
        let end = text.find(|c: char| c.is_whitespace() || "(<>=~[@".contains(c)).unwrap_or(text.len());
        match package.kind {
            // `libc6:any` (Policy 7.1); apk's `so:`, `cmd:` and `pc:` are parts of names.
            PackageKind::Deb => text[..end].split(':').next().unwrap_or_default().to_owned(),
            _ => text[..end].to_owned(),
        }
    };
    let mut names: Vec<String> = package.provides.iter().map(|p| word(p)).collect();
    names.push(package.name.clone());
    let mut found = Vec::new();
    for other in look.contents.packages.iter().filter(|o| o.kind == package.kind && o.name != package.name) {
        let wants = |d: &&String| {
            d.split('|').any(|one| !one.trim().starts_with('!') && names.contains(&word(one.trim())))
        };
        for requirement in other.depends.iter().filter(wants) {
            found.push(Need { by: other.name.clone(), requirement: requirement.clone() });
        }
    }
    found.sort();
    found.dedup();
    found
}
