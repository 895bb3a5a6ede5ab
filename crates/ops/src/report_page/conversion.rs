//! From what was read to what is shown.

use bstr::ByteSlice;
use compose::policy::table;
use inventory::{Contents, LayerContents};
use recipe::Allow;
use report::{Config, File, FileKind, Image, Layer, Package, Role};
use rootfs::path::{file_name, parent};
use rootfs::{Device, Entry, Node};

use super::{accounts, copyright::licences};
use crate::look::{Look, Whose};
use crate::reasons::{Because, Reasons};

/// An image for the page.
pub(super) fn image(look: &Look) -> Image {
    let contents = &look.contents;
    let platform = contents.platform().to_string();
    let platforms = if look.platforms.is_empty() { vec![platform.clone()] } else { look.platforms.clone() };
    let system = contents.os_release.as_ref();
    Image {
        name: look.shown.clone(),
        digest: look.digest.to_string(),
        platform,
        platforms,
        created: contents.config.created.clone(),
        made_by: contents.maker.tool.clone().unwrap_or_default(),
        system: system.map(|s| s.pretty.clone().unwrap_or_else(|| s.id.clone())).unwrap_or_default(),
        config: config(contents),
        layers: contents.layers.iter().map(layer).collect(),
        packages: contents.packages.iter().map(|p| package(p, look)).collect(),
        files: contents.files.iter().map(|f| file(look, f)).collect(),
        notes: notes(contents),
    }
}

fn config(contents: &Contents) -> Config {
    let run = &contents.config.config;
    let (passwd, group) = (contents.notice("etc/passwd"), contents.notice("etc/group"));
    let pair = |(name, value): (&String, &String)| (name.clone(), value.clone());
    Config {
        run_as: accounts::run_as(&run.user, passwd.unwrap_or_default(), group.unwrap_or_default()),
        entrypoint: run.entrypoint.clone().unwrap_or_default(),
        cmd: run.cmd.clone().unwrap_or_default(),
        env: run.env.clone(),
        working_dir: run.working_dir.clone(),
        ports: run.exposed_ports.keys().cloned().collect(),
        volumes: run.volumes.keys().cloned().collect(),
        stop_signal: run.stop_signal.clone(),
        healthcheck: run.healthcheck.as_ref().map(|h| h.test.clone()).unwrap_or_default(),
        others: run.other.iter().map(|(key, value)| (key.clone(), value.to_string())).collect(),
        labels: run.labels.iter().map(pair).collect(),
        annotations: contents.manifest.annotations.iter().map(pair).collect(),
    }
}

fn layer(layer: &LayerContents) -> Layer {
    let history = layer.history.as_ref();
    let told = history.and_then(|h| h.created_by.clone().or_else(|| h.comment.clone()));
    Layer {
        digest: layer.descriptor.digest.to_string(),
        compressed: layer.descriptor.size,
        unpacked: layer.unpacked,
        made_by: told.unwrap_or_default(),
        changes: layer.changes.len() as u64,
    }
}

fn package(package: &inventory::Package, look: &Look) -> Package {
    let copyright = format!("usr/share/doc/{}/copyright", package.name);
    let from_text = || look.contents.notice(&copyright).map(licences);
    let reasons = look.reasons.as_ref().filter(|r| r.package(&package.name, &package.version).is_some());
    Package {
        name: package.name.clone(),
        version: package.version.clone(),
        arch: package.arch.clone(),
        kind: package.kind.word().to_owned(),
        licence: package.licence.clone().or_else(from_text).unwrap_or_default(),
        why: reasons.map(|reasons| why(reasons, &package.name)).unwrap_or_default(),
    }
}

/// From the package up to the line of the recipe.
fn why(reasons: &Reasons, name: &str) -> Vec<String> {
    let mut chain = reasons.chain(name).unwrap_or_default();
    let Some(first) = chain.first().copied() else { return Vec::new() };
    let asked = first.because.iter().find_map(|because| match because {
        Because::Asked { text, at } => Some(
            at.clone()
                .map_or_else(|| format!("`{text}` in {}", reasons.recipe), |at| format!("`{text}` in {at}")),
        ),
        Because::Needed { .. } => None,
    });
    // The package itself is what the row is about.
    chain.pop();
    let mut out: Vec<String> = chain.iter().rev().map(|p| p.name.clone()).collect();
    out.extend(asked);
    out
}

fn file(look: &Look, file: &inventory::File) -> File {
    let entry = &file.entry;
    let made_by = match look.whose(file) {
        Whose::Rule(rule) => format!("distil: {rule}"),
        Whose::Recipe => "recipe".to_owned(),
        Whose::Package(_) | Whose::Nobody => String::new(),
    };
    let (kind, link) = match &entry.node {
        Node::Dir => (FileKind::Directory, None),
        Node::File(_) => (FileKind::File, None),
        Node::Symlink(target) => (FileKind::Symlink, Some(target.clone())),
        Node::Hardlink(first) => (FileKind::Hardlink, Some([b"/", first.as_bytes()].concat().into())),
        Node::Special(Device::Char { .. }) => (FileKind::CharDevice, None),
        Node::Special(Device::Block { .. }) => (FileKind::BlockDevice, None),
        Node::Special(Device::Fifo) => (FileKind::Fifo, None),
    };
    let device = match entry.node {
        Node::Special(Device::Char { major, minor } | Device::Block { major, minor }) => Some((major, minor)),
        _ => None,
    };
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    File {
        path: entry.path.clone(),
        kind,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        size: file.size(),
        layer: number(file.layer),
        package: file.package().map(number),
        made_by,
        link,
        device,
        capabilities: entry.xattrs.iter().any(|x| x.name == rootfs::CAPABILITY),
        role: role(&look.contents, entry),
    }
}

/// A shell or a package manager, as the policy of distroless images knows them.
fn role(contents: &Contents, entry: &Entry) -> Option<Role> {
    let path = entry.path.as_bstr();
    let place = parent(path).is_some_and(table::is_of_programs);
    let row = table::find(file_name(path), place)?;
    let runs = |e: &Entry| matches!(e.node, Node::File(_) | Node::Hardlink(_)) && e.mode & 0o111 != 0;
    let is_program = match entry.node {
        // A link elsewhere is a word of something else: /etc/alternatives has one for each of its programs.
        Node::Symlink(_) => {
            let behind = contents.real_path(path, true).ok().and_then(|real| contents.file(real));
            place && behind.is_some_and(|file| runs(&file.entry))
        }
        _ => runs(entry),
    };
    match row.word {
        _ if !is_program => None,
        Allow::Shell => Some(Role::Shell),
        Allow::PackageManager => Some(Role::PackageManager),
        _ => None,
    }
}

fn notes(contents: &Contents) -> Vec<String> {
    let unread = contents.databases.iter().filter_map(|d| {
        let why = d.packages.as_ref().err()?;
        Some(format!("The packages in /{} are not listed: {why}", d.path.to_str_lossy()))
    });
    unread.collect()
}
