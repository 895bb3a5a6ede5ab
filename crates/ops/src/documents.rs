//! The signed documents and indexes that a lock names, found again by digest.

use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind};
use lockfile::KeyPin;
use oci::{Digest, Hasher};

use crate::shop::Shop;

/// The most bytes of a document: an index that nobody compressed has some 60 MB.
const MOST_DOCUMENT: u64 = 1 << 30;

/// A document that a lock names.
pub(crate) struct Document {
    /// By which it is known.
    pub(crate) digest: Digest,
    /// Where it lies in a vendor directory.
    pub(crate) place: PathBuf,
    /// What messages call it.
    pub(crate) what: String,
}

/// A key that was fetched.
pub(crate) fn key(pin: &KeyPin) -> Document {
    let name = pin.url.rsplit('/').next().unwrap_or_default();
    Document {
        digest: pin.digest,
        place: folder("keys").join(format!("{}-{name}", pin.digest.short())),
        what: format!("the key {}", pin.url),
    }
}

/// Takes keys that the lock names and the cache has not from a vendor directory, if they are there.
pub(crate) fn bring_keys(shop: &Shop<'_>, keys: &[KeyPin], vendor: Option<&Path>) -> Result<(), Diagnostic> {
    let missing = keys.iter().map(key).filter(|k| shop.blobs.contains(&k.digest).is_none());
    for document in missing.filter(|k| vendor.is_some_and(|dir| dir.join(&k.place).exists())) {
        shop.blobs.put(&find(shop, &document, vendor)?)?;
    }
    Ok(())
}

/// The document's bytes: from the cache, else from a vendor directory.
pub(crate) fn find(
    shop: &Shop<'_>,
    document: &Document,
    vendor: Option<&Path>,
) -> Result<Vec<u8>, Diagnostic> {
    if let Ok(bytes) = shop.blobs.read(&document.digest) {
        return Ok(bytes);
    }
    let what = format!("{} ({})", document.what, document.digest);
    let vendored = |dir: &Path| shop.own.read_at_most(&dir.join(&document.place), MOST_DOCUMENT).ok();
    let Some(bytes) = vendor.and_then(vendored) else {
        let text = format!("cannot verify: {what} is neither in the cache nor vendored");
        return Err(Diagnostic::new(Kind::Input, text).hint(
            "verify on the machine that made the lock, or keep the documents with `distil lock --vendor DIR`",
        ));
    };
    let mut hasher = Hasher::new(document.digest.algorithm());
    hasher.update(&bytes);
    match hasher.finish() == document.digest {
        true => Ok(bytes),
        false => Err(Diagnostic::new(
            Kind::Trust,
            format!("cannot verify: {what} was changed in the vendor directory"),
        )
        .hint("restore the file, or fill the directory again with `distil lock --vendor DIR`")),
    }
}

/// A folder of a vendor directory, named after an archive: what an id may have besides names (`..`, a
/// slash at its beginning) would lead out of it.
pub(crate) fn folder(id: &str) -> PathBuf {
    id.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect()
}
