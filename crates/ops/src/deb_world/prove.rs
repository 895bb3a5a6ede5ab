//! A suite of a lock, proved again from its signed document.

use std::path::{Path, PathBuf};

use deb::release::parse_release;
use diag::{Diagnostic, Kind};
use lockfile::{Lockfile, SuitePin};
use trust::{Policy, Time};

use super::indexes::{keyring, shelf_of, suite_dir};
use super::sources::Source;
use crate::documents::{Document, find, folder};
use crate::ecosystem::{Proved, named, signers};
use crate::shop::Shop;

/// The folder of an archive in a vendor directory: the id without its suite.
pub(crate) fn vendor_folder(repository: &str) -> PathBuf {
    folder(repository.rsplit_once('/').map_or(repository, |(archive, _)| archive))
}

fn release_of(suite: &SuitePin, source: &Source) -> Option<Document> {
    let dir = vendor_folder(&suite.id).join(suite_dir(source));
    Some(Document {
        digest: suite.inrelease?,
        place: dir.join("InRelease"),
        what: format!("the signed document of {}", suite.id),
    })
}

fn indexes_of(suite: &SuitePin, source: &Source) -> Vec<Document> {
    let dir = vendor_folder(&suite.id).join(suite_dir(source));
    let document = |index: &lockfile::IndexPin| Document {
        digest: index.digest,
        place: dir.join(&index.path),
        what: format!("the index {} of {}", index.path, suite.id),
    };
    suite.indexes.iter().map(document).collect()
}

/// Everything that a suite of a lock rests on.
pub(crate) fn documents(suite: &SuitePin, source: &Source) -> Vec<Document> {
    release_of(suite, source).into_iter().chain(indexes_of(suite, source)).collect()
}

/// Proves the packages of a suite: its document is genuine and names the indexes. Calls `proved` with
/// each package that they name with the lock's size and digest, and gives the certificates that signed.
pub(crate) fn prove<'l>(
    shop: &Shop<'_>,
    (lock, suite): (&'l Lockfile, &SuitePin),
    source: &Source,
    vendor: Option<&Path>,
    proved: Proved<'_, 'l>,
) -> Result<Vec<String>, Diagnostic> {
    let document = release_of(suite, source).ok_or_else(|| {
        Diagnostic::new(Kind::Input, format!("cannot verify {}: the lock names no signed document", suite.id))
    })?;
    let signed = find(shop, &document, vendor)?;
    let keys = keyring(shop, source)?;
    let text = trust::verify(&signed, &keys, &Policy::past(), Time(shop.world.now))?;
    let signed_by = signers(text.receipt());
    let release = text.parse(|b: &Vec<u8>| parse_release(b))?;
    for (index, document) in suite.indexes.iter().zip(indexes_of(suite, source)) {
        let bytes = release.admit(&index.path, find(shop, &document, vendor)?)?;
        let shelf = shelf_of(bytes.value(), &index.path, release.value(), shop.world.threads)?;
        for row in lock.packages.iter().filter(|p| p.pin.repository == suite.id) {
            if let Some(record) = named(&shelf, &row.pin) {
                proved(&row.pin, &record);
            }
        }
    }
    Ok(signed_by)
}
