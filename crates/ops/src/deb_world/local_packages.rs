//! A local directory of `.deb` files as a source: unsigned, by the user's word.

use std::path::Path;

use deb::packages::read_control;
use diag::{Diagnostic, Kind};
use oci::Digest;
use package::{Identity, Shelf, ShelfBuilder, World};

use super::sources::Source;
use crate::shop::Shop;

/// The records of all `.deb` files in a directory. Each is put among the blobs, so that a lock finds
/// it by its digest as it finds others.
pub(crate) fn read(shop: &Shop<'_>, source: &Source, dir: &Path) -> Result<Shelf, Diagnostic> {
    let dir = shop.path(dir);
    let failed = |e: &dyn std::fmt::Display| {
        Diagnostic::new(Kind::Input, format!("cannot read packages from {}: {e}", source.id))
    };
    let names =
        shop.own.names(&dir).map_err(|e| failed(&e).hint("name a directory that holds .deb files"))?;
    let mut builder = ShelfBuilder::new(World::Debian);
    for name in names.iter().filter(|n| n.extension().is_some_and(|e| e == "deb")) {
        let path = dir.join(name);
        let (digest, size, _) = shop.own.ingest(&path, &shop.blobs)?;
        let blob = shop.blobs.open_blob(&digest)?;
        let control = deb::read_control_files(blob, &deb::Limits::default()).map_err(|e| {
            Diagnostic::from(e).while_doing(format!("cannot read package {}", path.display()))
        })?;
        let mut draft =
            read_control(control.control.raw()).map_err(|e| failed(&format!("{}: {e}", name.display())))?;
        let file = name.to_string_lossy();
        draft.path = &file;
        draft.size = size;
        draft.identity = Some(Identity::Whole(digest));
        draft.sha256 = sha256(&digest);
        builder.push(&draft).map_err(|e| failed(&format!("{}: {e}", name.display())))?;
    }
    Shelf::from_bytes(builder.finish()).map_err(|e| Diagnostic::new(Kind::Internal, e.to_string()))
}

fn sha256(digest: &Digest) -> Option<Digest> {
    matches!(digest, Digest::Sha256(_)).then_some(*digest)
}
