//! The few files of an image whose words are wanted: accounts, and what packages say of their licences.

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use image::Source;
use inventory::{Contents, InventoryError, visit_layer};
use rootfs::Node;

use crate::World;

/// The longest text that is read, in bytes: more is no account file and no copyright.
const MOST: u64 = 1 << 20;

/// The texts, by the path that was asked for.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<BString, Vec<u8>>);

impl Texts {
    /// The text of a path, links followed; none where there is no such file, or a longer one.
    pub(super) fn find(&self, path: &str) -> Option<&[u8]> {
        self.0.get(BStr::new(path)).map(Vec::as_slice)
    }
}

/// Where a package of Debian says its licence.
pub(super) fn copyright(package: &str) -> String {
    format!("usr/share/doc/{package}/copyright")
}

/// Reads them from the layers that have them, and from no other.
pub(super) fn read(world: &World, source: &dyn Source, contents: &Contents) -> Result<Texts, InventoryError> {
    let silent = contents.packages.iter().filter(|p| p.licence.is_none());
    let asked = silent.map(|p| copyright(&p.name)).chain(["etc/passwd", "etc/group"].map(str::to_owned));
    // By layer, then by the path in it: who asked for it.
    let mut wanted: BTreeMap<usize, BTreeMap<BString, BTreeSet<String>>> = BTreeMap::new();
    for path in asked {
        let Ok(real) = contents.real_path(&path, true) else { continue };
        let Some(file) = contents.file(&real) else { continue };
        let named = match &file.entry.node {
            Node::Hardlink(first) => first.clone(),
            _ => real,
        };
        let Some(file) = contents.file(&named).filter(|f| matches!(f.entry.node, Node::File(_))) else {
            continue;
        };
        if file.size() <= MOST {
            wanted.entry(file.layer).or_default().entry(named).or_default().insert(path);
        }
    }
    let mut texts = Texts::default();
    for (layer, mut paths) in wanted {
        let part = &contents.layers[layer].descriptor;
        visit_layer(source, part, world.reporter.as_ref(), None, &mut |member, _, body| {
            // Two names of one file may stand in the layer in the other order: then its words are not found.
            if let Some(askers) = paths.get(member.path.as_bstr()).filter(|_| member.size <= MOST) {
                let mut text = Vec::new();
                body.read_to_end(&mut text)?;
                for asker in askers {
                    texts.0.insert(asker.as_str().into(), text.clone());
                }
                paths.remove(member.path.as_bstr());
            }
            Ok(!paths.is_empty())
        })?;
    }
    Ok(texts)
}
