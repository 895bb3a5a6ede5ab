//! What apk, its scripts and apko would have made of packages of apk's world.
//!
//! The order is apko's, so that its files build the same tree: accounts, apk's state, devices, the recipe's
//! paths, certificates, keys, services, busybox, library cache; then what stands in apk's database, over
//! the tree as it has become. The user's own files, which apko has not, come before the recipe's paths.

mod accounts;
mod busybox;
mod certificates;
mod database;
mod devices;
mod grouping;
mod java_truststore;
mod keys;
mod library_cache;
mod partial;
mod services;

use apk::scripts::Owners;
use bstr::{BString, ByteSlice};
use rootfs::actions::{Account, Actions, Group};
use rootfs::{Owner, Tree};

use crate::accounts::Accounts;
use crate::draft::{Draft, DraftError};
use crate::{ComposeError, ComposeInput, Note, PackageTree, Rule, own};

pub(crate) use grouping::by_origin;
pub(crate) use java_truststore::add_to_java;
pub use keys::ApkKeyError;
pub(crate) use partial::add_databases;

/// Before anything that packages ask for: accounts get their numbers, and what apk has in every root is
/// noted as ours. Gives a note for each account that cannot be made.
pub(crate) fn begin(draft: &mut Draft<'_>, actions: &mut Actions) -> Result<Vec<Note>, DraftError> {
    let ours = draft.entries.values().filter(|e| e.owner == Owner::Derived);
    let rule = |path: &BString| {
        let state = path.contains_str("lib/apk") || path.starts_with(b"etc/apk");
        if state { Rule::ApkState } else { Rule::Directories }
    };
    let ours: Vec<_> = ours.map(|e| (e.path.clone(), rule(&e.path))).collect();
    draft.made.extend(ours);
    let (passwd, group) = account_files(draft)?;
    let without = apk::scripts::number_accounts(actions, passwd.as_bstr(), group.as_bstr());
    name_groups(actions, &group);
    Ok(without.into_iter().map(|name| Note::NoAccount { name }).collect())
}

fn account_files(draft: &Draft<'_>) -> Result<(Vec<u8>, Vec<u8>), DraftError> {
    let text = |path: &str| draft.read(path.as_bytes().as_bstr()).map(Option::unwrap_or_default);
    Ok((text("etc/passwd")?, text("etc/group")?))
}

/// The packages' trees with the owners that their archives name, to be merged instead of those with the
/// archives' numbers: by them files are told apart and packages agree about their directories. None where
/// no package names anybody but root. After [`begin`].
pub(crate) fn owned_trees(
    draft: &Draft<'_>,
    packages: &[PackageTree<'_>],
    actions: &Actions,
) -> Result<Option<Vec<Tree>>, DraftError> {
    if packages.iter().filter_map(PackageTree::apk).all(|files| files.owners.is_empty()) {
        return Ok(None);
    }
    let (passwd, group) = account_files(draft)?;
    let owners = Owners::of(passwd.as_bstr(), group.as_bstr(), actions);
    let owned = |p: &PackageTree<'_>| {
        let named = p.apk().and_then(|files| owners.applied(&p.tree, files));
        named.unwrap_or_else(|| p.tree.clone())
    };
    Ok(Some(packages.iter().map(owned).collect()))
}

/// A user whom no group was named for got one of its own number, which needs a line.
fn name_groups(actions: &mut Actions, group: &[u8]) {
    for user in &actions.users {
        let Some(Account::Id(gid)) = user.group else { continue };
        let number = gid.to_string();
        let has_line = group.lines().any(|l| l.split(|b| *b == b':').nth(2) == Some(number.as_bytes()));
        if !has_line && actions.groups.iter().all(|g| g.gid != Some(gid)) {
            actions.groups.push(Group { name: user.name.clone(), gid: Some(gid) });
        }
    }
}

/// Makes what no package brings, and puts the user's files and changes where they belong.
pub(crate) fn derive(
    draft: &mut Draft<'_>,
    input: &ComposeInput<'_>,
    accounts: &Accounts,
    actions: &Actions,
) -> Result<Vec<Note>, ComposeError> {
    let mut notes = accounts::write(draft, input.recipe, accounts, actions)?;
    let below = database::begin(draft)?;
    keys::put_trusted(draft, input)?;
    own::put_files(draft, input)?;
    devices::make(draft)?;
    own::change_paths(draft, input.recipe)?;
    notes.extend(certificates::make(draft, input)?);
    keys::put_runtime(draft, input)?;
    services::make(draft, input.recipe)?;
    let note = busybox::make(draft)?;
    library_cache::make(draft, input)?;
    database::finish(draft, input, &below)?;
    notes.extend(note);
    let idle = !input.recipe.services.is_empty() && !input.recipe.service_bundle;
    notes.extend(idle.then_some(Note::ServicesNotRun));
    Ok(notes)
}
