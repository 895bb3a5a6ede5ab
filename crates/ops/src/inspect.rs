//! `distil inspect`: what an image is, in one look.

use std::collections::BTreeMap;

use diag::Diagnostic;
use inventory::{Database, Package, PackageKind};
use oci::{ContainerConfig, Descriptor, DiffId, Digest};
use rootfs::Node;
use serde::Serialize;

use crate::World;
use crate::look::{Attestation, Look, Subject, look};

/// An image in one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its name.
    pub image: String,
    /// The digest of what the name leads to.
    pub digest: Digest,
    /// The digest of the manifest that was looked at.
    pub manifest: Digest,
    /// The digest of its config: what Docker calls the image's id.
    pub config_digest: Digest,
    /// The platform that was looked at.
    pub platform: String,
    /// All platforms under the name; empty where it leads to one image.
    pub platforms: Vec<String>,
    /// When it was made, as its config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Its operating system, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
    /// Who made it.
    pub maker: MakerRow,
    /// How large it is.
    pub size: Size,
    /// Execution parameters.
    pub config: ContainerConfig,
    /// Its layers, bottom first.
    pub layers: Vec<LayerRow>,
    /// Its package databases.
    pub databases: Vec<DatabaseRow>,
    /// Its packages, by name.
    pub packages: Vec<PackageRow>,
    /// The manifest's annotations.
    pub annotations: oci::Annotations,
    /// What BuildKit laid beside it in the index; not checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
    /// Who made it, as its config says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Keys of the image's config beside `config` that no other field tells of, as `os.version`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    /// `ID` of os-release.
    pub id: String,
    /// `VERSION_ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `PRETTY_NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who made an image, as it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MakerRow {
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The recipe, where distil made it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// `org.opencontainers.image.*` of labels and annotations, by the end of the name.
    pub says: BTreeMap<String, String>,
}

/// How large an image is, and of how much.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Bytes of its layers as they are stored.
    pub stored: u64,
    /// Bytes of its layers' tars.
    pub unpacked: u64,
    /// Bytes of the files that a container sees, each once.
    pub files: u64,
    /// How many regular files.
    pub file_count: usize,
    /// How many directories.
    pub directory_count: usize,
    /// How many links.
    pub link_count: usize,
    /// Bytes of layers' files that a container does not see: replaced, repeated or deleted by later layers.
    pub hidden: u64,
    /// Paths, directories aside, that no package owns, and no rule or recipe made.
    pub unowned: usize,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerRow {
    /// Its number; the lowest is 1.
    pub number: usize,
    /// As it is stored.
    pub digest: Digest,
    /// Its tar.
    pub diff_id: DiffId,
    /// How it is stored.
    pub media_type: String,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes of its tar.
    pub unpacked: u64,
    /// The command that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// A package database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseRow {
    /// `deb`, `apk` or `rpm`.
    pub kind: &'static str,
    /// Where it is.
    pub path: String,
    /// How many packages it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<usize>,
    /// Why it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageRow {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, in its system's word.
    pub arch: String,
    /// `deb`, `apk` or `rpm`.
    pub kind: &'static str,
    /// The source package, if it is another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Bytes of its files in the image.
    pub size: u64,
    /// Bytes that it says to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_size: Option<u64>,
    /// How many paths it has in the image.
    pub files: usize,
    /// Files of its list that the image lacks.
    pub missing: usize,
    /// The layer that brought it; the lowest is 1.
    pub layer: usize,
    /// Its licence, where the database knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Who maintains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<String>,
}

/// What says that distil made an image: it was built here, or made of one whose reasons were known.
const KEPT: &str = "this machine keeps its reasons";

/// Looks at an image.
///
/// # Errors
/// There is no such image, or it cannot be read.
pub fn inspect(world: &World, subject: &Subject) -> Result<Inspection, Diagnostic> {
    Ok(of(&look(world, subject)?))
}

/// The same of an image that was looked into.
pub(crate) fn of(look: &Look) -> Inspection {
    let contents = &look.contents;
    let maker = &contents.maker;
    let ours = look.reasons.is_some();
    let system = contents.os_release.as_ref().map(|os| System {
        id: os.id.clone(),
        version: os.version.clone(),
        name: os.pretty.clone(),
    });
    Inspection {
        image: look.shown.clone(),
        digest: look.digest,
        manifest: contents.digest,
        config_digest: contents.manifest.config.digest,
        platform: contents.platform().to_string(),
        platforms: look.platforms.clone(),
        created: contents.config.created.clone(),
        system,
        maker: MakerRow {
            tool: if ours { Some("distil".to_owned()) } else { maker.tool.clone() },
            evidence: if ours { Some(KEPT.to_owned()) } else { maker.evidence.clone() },
            recipe: look.reasons.as_ref().map(|r| r.recipe.clone()),
            says: maker.says.clone(),
        },
        size: size(look),
        config: contents.config.config.clone(),
        layers: layers(look),
        databases: contents.databases.iter().map(database).collect(),
        packages: packages(look),
        annotations: contents.manifest.annotations.clone(),
        attestations: look.attestations.clone(),
        author: contents.config.author.clone(),
        other: contents.config.other.clone(),
    }
}

fn size(look: &Look) -> Size {
    let contents = &look.contents;
    let mut size = Size {
        stored: contents.stored_size(),
        unpacked: contents.layers.iter().map(|l| l.unpacked).sum(),
        ..Size::default()
    };
    for file in &contents.files {
        match &file.entry.node {
            Node::File(_) => {
                size.file_count += 1;
                size.files += file.size();
            }
            Node::Dir => size.directory_count += 1,
            Node::Symlink(_) | Node::Hardlink(_) => size.link_count += 1,
            Node::Special(_) => {}
        }
        let is_nobodys = !file.entry.is_dir() && look.whose(file) == crate::look::Whose::Nobody;
        size.unowned += usize::from(is_nobodys);
    }
    size.hidden = contents.layers.iter().map(|layer| layer.hides).sum();
    size
}

/// The layers of an image, for people and programs.
pub(crate) fn layers(look: &Look) -> Vec<LayerRow> {
    let row = |(n, layer): (usize, &inventory::LayerContents)| {
        let Descriptor { digest, media_type, size, .. } = &layer.descriptor;
        LayerRow {
            number: n + 1,
            digest: *digest,
            diff_id: layer.diff_id,
            media_type: media_type.to_string(),
            size: *size,
            unpacked: layer.unpacked,
            created_by: layer.history.as_ref().and_then(|h| h.created_by.clone()),
        }
    };
    look.contents.layers.iter().enumerate().map(row).collect()
}

fn database(database: &Database) -> DatabaseRow {
    DatabaseRow {
        kind: database.kind.word(),
        path: crate::look::absolute(bstr::BStr::new(&database.path)),
        packages: database.packages.as_ref().ok().copied(),
        not_read: database.packages.as_ref().err().cloned(),
    }
}

/// The packages of an image, for people and programs.
pub(crate) fn packages(look: &Look) -> Vec<PackageRow> {
    let mut sizes = vec![0; look.contents.packages.len()];
    for file in &look.contents.files {
        if let Some(n) = file.package() {
            sizes[n] += file.size();
        }
    }
    let row = |(package, size): (&Package, u64)| PackageRow {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        kind: PackageKind::word(package.kind),
        source: package.source.clone(),
        size,
        installed_size: package.installed_size,
        files: package.files.len(),
        missing: package.missing.len(),
        layer: package.layer + 1,
        licence: package.licence.clone(),
        maintainer: package.maintainer.clone(),
    };
    look.contents.packages.iter().zip(sizes).map(row).collect()
}
