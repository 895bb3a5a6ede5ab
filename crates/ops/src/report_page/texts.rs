//! The few files of an image whose words are wanted: accounts, and what packages say of their licences.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};

use bstr::{BStr, BString};
use image::Source;
use inventory::{Contents, InventoryError, visit_layer};
use oci::Digest;
use rootfs::tar::Member;
use rootfs::{Body, Node};

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

/// Who asked for a body, and what it is: by layer and offset in its tar, as it was listed. Of a path that
/// stands in a layer twice, the last counts.
type Wanted = BTreeMap<(u32, u64), (Body, BTreeSet<String>)>;

/// Reads them from the layers that have them, and from no other. Every text is held to the digest that it
/// had when the whole layer was checked.
pub(super) fn read(world: &World, source: &dyn Source, contents: &Contents) -> Result<Texts, InventoryError> {
    let silent = contents.packages.iter().filter(|p| p.licence.is_none());
    let asked = silent.map(|p| copyright(&p.name)).chain(["etc/passwd", "etc/group"].map(str::to_owned));
    let mut wanted = Wanted::new();
    for path in asked {
        if let Some(body) = body_at(contents, &path).filter(|body| body.size <= MOST) {
            let at = wanted.entry((body.payload.0, body.offset));
            at.or_insert_with(|| (body, BTreeSet::new())).1.insert(path);
        }
    }
    let mut texts = Texts::default();
    for (n, layer) in contents.layers.iter().enumerate() {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        let mut left = wanted.range((n, 0)..=(n, u64::MAX)).count();
        if left == 0 {
            continue;
        }
        let mut each = |_: Member, offset: u64, bytes: &mut dyn io::Read| {
            let Some((body, askers)) = wanted.get(&(n, offset)) else { return Ok(true) };
            let mut text = Vec::new();
            bytes.take(MOST).read_to_end(&mut text)?;
            if Digest::of(&text) != body.digest {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its content changed since it was listed",
                ));
            }
            for asker in askers {
                texts.0.insert(asker.as_str().into(), text.clone());
            }
            left -= 1;
            Ok(left > 0)
        };
        visit_layer(source, &layer.descriptor, world.reporter.as_ref(), None, &mut each)?;
    }
    Ok(texts)
}

/// The body of the file that a path leads to.
fn body_at(contents: &Contents, path: &str) -> Option<Body> {
    let file = contents.file(contents.real_path(path, true).ok()?)?;
    let first = match &file.entry.node {
        Node::Hardlink(first) => contents.file(first)?,
        _ => file,
    };
    match first.entry.node {
        Node::File(body) => Some(body),
        _ => None,
    }
}
