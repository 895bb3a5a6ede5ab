//! The tree of an image below: what a container sees of it, by the same reading as `inspect` and `tree`, and its files'
//! contents in payloads of the cache, one for each layer.

use std::collections::BTreeSet;
use std::io;

use diag::{Diagnostic, Kind};
use image::Source;
use inventory::{Contents, Reading, visit_layer};
use oci::{Descriptor, Digest, Manifest};
use rootfs::payload::{PayloadError, Writer};
use rootfs::tar::{self, Member};
use rootfs::{Body, Entry, Node, Owner, Payloads, Tree};

use crate::look::Remembered;
use crate::payloads::{KIND, tree_of};
use crate::shop::Shop;

/// Reads it; entries are nobody's ([`Owner::Implicit`]), and a hard link is a file of its own with the same body.
///
/// # Errors
/// A layer cannot be had, is malformed, or is not what manifest and config say; the cache takes nothing.
pub(crate) fn read(
    shop: &Shop<'_>,
    source: &dyn Source,
    manifest: (Digest, &Manifest),
    payloads: &mut Payloads,
) -> Result<Tree, Diagnostic> {
    let (threads, reporter) = (shop.world.threads, shop.world.reporter.as_ref());
    let with = Reading { source, listings: &Remembered(&shop.cache), up_to: None, threads, reporter };
    let contents = inventory::read(&with, manifest.0, manifest.1)?;
    let bodies = bodies(shop, source, &contents, payloads)?;
    let found = |body: &Body| -> Result<Body, Diagnostic> {
        let layer = &contents.manifest.layers[body.payload.0 as usize];
        let kept = bodies[body.payload.0 as usize].as_ref().and_then(|kept| kept.get(name(body.offset)));
        match kept.map(|entry| &entry.node) {
            Some(Node::File(kept)) if kept.digest == body.digest => Ok(*kept),
            _ => {
                shop.cache.damaged(KIND, &key(layer));
                let text = format!(
                    "what the cache kept of the layer {} was damaged, and is deleted now",
                    layer.digest
                );
                Err(Diagnostic::new(Kind::Machine, text).hint("run the command again"))
            }
        }
    };
    let mut entries = Vec::new();
    for file in &contents.files {
        let entry = &file.entry;
        let node = match &entry.node {
            Node::Hardlink(first) => contents.file(first).map_or(&entry.node, |f| &f.entry.node),
            node => node,
        };
        let node = match node {
            Node::File(body) => Node::File(found(body)?),
            node => node.clone(),
        };
        entries.push(Entry { node, owner: Owner::Implicit, ..entry.clone() });
    }
    // Of an image without a root of its own there is none to be kept.
    entries.retain(|e| !e.path.is_empty() || *e != Entry::implicit_dir(e.path.clone()));
    Ok(Tree::from_sorted(entries).expect("the files of an image are sorted"))
}

/// The trees of the payloads of the layers that files are seen of.
fn bodies(
    shop: &Shop<'_>,
    source: &dyn Source,
    contents: &Contents,
    payloads: &mut Payloads,
) -> Result<Vec<Option<Tree>>, Diagnostic> {
    let number = |file: &inventory::File| match &file.entry.node {
        Node::File(body) => Some(body.payload.0),
        _ => None,
    };
    let seen: BTreeSet<u32> = contents.files.iter().filter_map(number).collect();
    let mut one = |(n, layer): (u32, &Descriptor)| {
        if !seen.contains(&n) {
            return Ok(None);
        }
        let key = key(layer);
        if !shop.cache.contains(KIND, &key) {
            keep(shop, source, layer, &key)?;
        }
        tree_of(shop, &key, payloads).map(Some)
    };
    (0..).zip(&contents.manifest.layers).map(&mut one).collect()
}

/// Keeps the bodies of a layer, called by where they are in its tar: paths may come twice, and lead through links.
fn keep(shop: &Shop<'_>, source: &dyn Source, layer: &Descriptor, key: &str) -> Result<(), Diagnostic> {
    let mut new = shop.cache.begin(KIND, key)?;
    let mut writer = Writer::new(io::BufWriter::with_capacity(1 << 18, &mut new));
    let mut failed: Option<PayloadError> = None;
    let reporter = shop.world.reporter.as_ref();
    let visited = visit_layer(source, layer, reporter, None, &mut |member, at, body| {
        if member.kind != tar::Kind::File {
            return Ok(true);
        }
        let plain = Member { path: name(at).into(), xattrs: Vec::new(), vendor: Vec::new(), ..member };
        match writer.append(plain, body) {
            Ok(_) => Ok(true),
            // What breaks off while it is read is told by whoever reads.
            Err(PayloadError::Io { error, .. }) => Err(error),
            Err(error) => {
                failed = Some(error);
                Ok(false)
            }
        }
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    visited?;
    writer.finish()?;
    Ok(new.commit()?)
}

fn key(layer: &Descriptor) -> String {
    format!("{}-layer-{}", layer.digest.hex(), rootfs::payload::REVISION)
}

fn name(at: u64) -> String {
    format!("{at:020}")
}
