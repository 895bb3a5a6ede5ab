//! A repository of a lock, proved again from its signed indexes.

use std::path::Path;

use apk::{Limits, index};
use diag::{Diagnostic, Kind};
use lockfile::{IndexPin, Lockfile, SuitePin};
use package::Arch;

use super::Repositories;
use super::indexes::{make_shelf, shelf_of};
use super::keys::Keys;
use super::sources::Trusted;
use crate::documents::{Document, find, folder};
use crate::ecosystem::{Proved, named, signers};
use crate::shop::Shop;

/// Everything that a repository of a lock rests on.
pub(crate) fn documents(suite: &SuitePin) -> Vec<Document> {
    suite.indexes.iter().map(|index| document(suite, index)).collect()
}

fn document(suite: &SuitePin, index: &IndexPin) -> Document {
    Document {
        digest: index.digest,
        place: folder(&suite.id).join(&index.path),
        what: format!("the index {} of {}", index.path, suite.id),
    }
}

/// Proves the packages of a repository: its indexes are genuine, and name them. Calls `proved` with each
/// package that they name with the lock's size and identity, and gives the names of the keys that signed.
pub(crate) fn prove<'l>(
    shop: &Shop<'_>,
    (lock, suite): (&'l Lockfile, &SuitePin),
    repositories: &Repositories,
    vendor: Option<&Path>,
    proved: Proved<'_, 'l>,
) -> Result<Vec<String>, Diagnostic> {
    let offline = shop.world.offline.then_some("--offline");
    let keys = Keys::load(shop, &repositories.trusted, &lock.keys, offline)?;
    let mut signed_by: Vec<String> = Vec::new();
    for pin in &suite.indexes {
        let bytes = find(shop, &document(suite, pin), vendor)?;
        let folder = pin.path.split('/').next().unwrap_or_default();
        let arch = Arch::from_apk(folder).map_err(|e| Diagnostic::new(Kind::Input, e.to_string()))?;
        let doing = || format!("cannot verify {}", suite.id);
        // Whoever takes packages from it must trust somebody who signed it.
        let takers = repositories.shares.iter().filter(|s| s.archs.contains(&arch) && s.names(&suite.id));
        let takers: Vec<&Trusted> = takers.map(|s| &s.trusted).collect();
        let verify = |trusted: &Trusted| {
            index::verify(&bytes, &keys.ring(trusted, folder), &Limits::default())
                .map_err(|e| Diagnostic::from(e).while_doing(doing()))
        };
        for (i, trusted) in takers.iter().enumerate().skip(1) {
            if !takers[..i].contains(trusted) {
                verify(trusted)?;
            }
        }
        let genuine = verify(takers.first().copied().unwrap_or(&repositories.trusted))?;
        let new = signers(genuine.receipt()).into_iter().filter(|key| !signed_by.contains(key));
        signed_by.extend(new.collect::<Vec<_>>());
        let shelf = genuine.choose(|signed| shelf_of(make_shelf(signed, &arch)?))?;
        for row in lock.packages.iter().filter(|p| p.pin.repository == suite.id) {
            if let Some(record) = named(shelf.value(), &row.pin) {
                proved(&row.pin, &record);
            }
        }
    }
    Ok(signed_by)
}
