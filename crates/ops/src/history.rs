//! `distil history`: how an image came to be, layer by layer.

use diag::Diagnostic;
use inventory::{ChangeKind, LayerContents, PackageChange};
use oci::{DiffId, Digest, History};
use serde::Serialize;

use crate::World;
use crate::look::{Look, Subject, absolute, look};

/// How an image came to be, the bottom first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// The image.
    pub image: String,
    /// Its manifest.
    pub manifest: Digest,
    /// Its platform.
    pub platform: String,
    /// The steps; those without a layer too.
    pub steps: Vec<HistoryStep>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryStep {
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By which command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The layer that it made; none where it changed only the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerStory>,
}

/// What a layer brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerStory {
    /// Its number; the lowest is 1.
    pub number: usize,
    /// As it is stored.
    pub digest: Digest,
    /// Its tar.
    pub diff_id: DiffId,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes of its tar.
    pub unpacked: u64,
    /// Paths that are new.
    pub added: usize,
    /// Paths that are another thing now.
    pub replaced: usize,
    /// Paths of which only mode, owner, time or attributes are others, or nothing.
    pub touched: usize,
    /// Paths that are gone.
    pub deleted: usize,
    /// Bytes of files below that have no name any more since its deletions, replacements and repetitions: they are
    /// still stored.
    pub hides: u64,
    /// Packages that came, went, or have another version.
    pub packages: Vec<PackageStep>,
    /// Every path that it changed.
    pub changes: Vec<PathStep>,
}

/// What a layer did to a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageStep {
    /// Its name.
    pub name: String,
    /// Its version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its version after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What a layer did to a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathStep {
    /// The path.
    pub path: String,
    /// `added`, `replaced`, `touched` or `deleted`.
    pub what: &'static str,
    /// The length of the file that it brings or takes away.
    pub size: u64,
}

/// Tells how an image came to be.
///
/// # Errors
/// There is no such image, or it cannot be read.
pub fn history(world: &World, subject: &Subject) -> Result<HistoryReport, Diagnostic> {
    let look = look(world, subject)?;
    Ok(HistoryReport {
        image: look.shown.clone(),
        manifest: look.contents.digest,
        platform: look.contents.platform().to_string(),
        steps: steps(&look),
    })
}

fn steps(look: &Look) -> Vec<HistoryStep> {
    let layers = &look.contents.layers;
    let history = &look.contents.config.history;
    let told = history.iter().filter(|h| h.empty_layer != Some(true)).count() == layers.len();
    // A history that tells of another number of layers is that of another image.
    if !told || history.is_empty() {
        return layers.iter().enumerate().map(|(n, l)| step(None, Some(story(n, l)))).collect();
    }
    let mut next = layers.iter().enumerate();
    let one = |entry: &History| {
        let layer = if entry.empty_layer == Some(true) { None } else { next.next() };
        step(Some(entry), layer.map(|(n, l)| story(n, l)))
    };
    history.iter().map(one).collect()
}

fn step(history: Option<&History>, layer: Option<LayerStory>) -> HistoryStep {
    let text = |field: fn(&History) -> &Option<String>| history.and_then(|h| field(h).clone());
    HistoryStep {
        created: text(|h| &h.created),
        created_by: text(|h| &h.created_by),
        comment: text(|h| &h.comment),
        layer,
    }
}

fn story(n: usize, layer: &LayerContents) -> LayerStory {
    let count = |kind| layer.changes.iter().filter(|c| c.kind == kind).count();
    let package = |c: &PackageChange| PackageStep {
        name: c.name.clone(),
        before: c.before.clone(),
        after: c.after.clone(),
    };
    LayerStory {
        number: n + 1,
        digest: layer.descriptor.digest,
        diff_id: layer.diff_id,
        size: layer.descriptor.size,
        unpacked: layer.unpacked,
        added: count(ChangeKind::Added),
        replaced: count(ChangeKind::Replaced),
        touched: count(ChangeKind::Touched),
        deleted: count(ChangeKind::Deleted),
        hides: layer.hides,
        packages: layer.packages.iter().map(package).collect(),
        changes: layer
            .changes
            .iter()
            .map(|c| PathStep { path: absolute(bstr::BStr::new(&c.path)), what: c.kind.word(), size: c.size })
            .collect(),
    }
}
