//! Which accounts of base-passwd an image uses, so that they are in its passwd and group: an image
//! without the package base-passwd has none of its own, and carries no more than it needs.

use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use package::base_accounts::{group_named, user_named};
use recipe::{Resolved, RunAs};
use rootfs::actions::{Account, Actions, Change, FileAction, Named};
use rootfs::{Entry, Node, Owner};

use crate::draft::{Draft, DraftError};
use crate::{ComposeInput, OwnBody};

/// Users and groups that something names or that own something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Users by name.
    pub(crate) users: BTreeSet<BString>,
    /// Groups by name.
    pub(crate) groups: BTreeSet<BString>,
    /// Users by number.
    pub(crate) uids: BTreeSet<u32>,
    /// Groups by number.
    pub(crate) gids: BTreeSet<u32>,
}

/// Configuration is short; a longer file of `/etc` is data.
const LONGEST: u64 = 64 << 10;

impl Uses {
    /// What packages ask for by name: in scripts, sysusers.d and tmpfiles.d.
    pub(crate) fn add_actions(&mut self, actions: &Actions) {
        for named in &actions.named {
            match named {
                Named::User(name) => self.users.insert(name.clone()),
                Named::Group(name) => self.groups.insert(name.clone()),
            };
        }
        for member in &actions.memberships {
            self.users.insert(member.user.clone());
            self.groups.insert(member.group.clone());
        }
        for user in &actions.users {
            self.add(None, user.group.as_ref());
        }
        for over in &actions.overrides {
            self.add(Some(&over.user), Some(&over.group));
        }
        for step in &actions.steps {
            match &step.action {
                FileAction::Directory { attributes, .. }
                | FileAction::File { attributes, .. }
                | FileAction::Copy { attributes, .. } => {
                    self.add(attributes.user.as_ref(), attributes.group.as_ref());
                }
                FileAction::Change { change: Change::Owner { user, group }, .. } => {
                    self.add(user.as_ref(), group.as_ref());
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, user: Option<&Account>, group: Option<&Account>) {
        match user {
            Some(Account::Id(id)) => drop(self.uids.insert(*id)),
            Some(Account::Name(name)) => drop(self.users.insert(name.clone())),
            None => {}
        }
        match group {
            Some(Account::Id(id)) => drop(self.gids.insert(*id)),
            Some(Account::Name(name)) => drop(self.groups.insert(name.clone())),
            None => {}
        }
    }

    /// What packages' configuration says, cut or not: files of `/etc`, and units of systemd.
    pub(crate) fn add_configuration(&mut self, draft: &Draft<'_>) -> Result<(), DraftError> {
        for entry in draft.entries.values().filter(|e| matches!(e.owner, Owner::Package(_))) {
            let Node::File(body) = &entry.node else { continue };
            if body.size > LONGEST || !is_configuration(entry.path.as_bstr()) {
                continue;
            }
            let text = draft
                .read_body(body)
                .map_err(|error| DraftError::Read { path: entry.path.clone(), error })?;
            for line in text.lines() {
                self.add_directive(line);
            }
        }
        Ok(())
    }

    /// A line whose first word is a key for an account, and whose next is one of base-passwd:
    /// `user www-data;`, `User=www-data`, `listen.group = www-data`, `export APACHE_RUN_USER=www-data`.
    fn add_directive(&mut self, line: &[u8]) {
        let Some((first, mut rest)) = word(line, b" \t$:") else { return };
        let mut key = first;
        if matches!(key, b"export" | b"set") {
            let Some((next, after)) = word(rest, b" \t") else { return };
            (key, rest) = (next, after);
        }
        let key = key.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|e| key.ends_with(e.as_bytes()));
        let (is_user, is_group) =
            (ends(&["user", "username", "owner"]), ends(&["group", "groupname", "groups"]));
        let Some((name, rest)) = word(rest, b" \t=:\"'").filter(|_| is_user || is_group) else { return };
        if is_group && group_named(name).is_some() {
            self.groups.insert(name.into());
        }
        if is_user && user_named(name).is_some() {
            self.users.insert(name.into());
            // `user www-data adm;`, `user=www-data:adm`.
            if let Some((group, _)) = word(rest, b" \t:").filter(|(g, _)| group_named(g).is_some()) {
                self.groups.insert(group.into());
            }
        }
    }

    /// Who owns what in the image.
    pub(crate) fn add_owners<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>) {
        for entry in entries {
            self.uids.insert(entry.uid);
            self.gids.insert(entry.gid);
        }
    }

    /// What the recipe says: who runs the image, who owns the user's own files.
    pub(crate) fn add_recipe(&mut self, input: &ComposeInput<'_>) {
        let recipe: &Resolved = input.recipe;
        match &recipe.run_as {
            Some(RunAs::Uid(uid)) => drop(self.uids.insert(*uid)),
            Some(RunAs::Numbers { uid, gid }) => {
                self.uids.insert(*uid);
                self.gids.insert(*gid);
            }
            Some(RunAs::Name(name)) => drop(self.users.insert(name.as_str().into())),
            None => {}
        }
        for file in &recipe.files {
            self.uids.extend(file.uid);
            self.gids.extend(file.gid);
        }
        for change in &recipe.paths {
            self.uids.extend(change.uid);
            self.gids.extend(change.gid);
        }
        self.gids.extend(recipe.users.iter().filter_map(|u| u.gid));
        for body in input.own_files.iter().flatten() {
            if let OwnBody::Tree(tree) = body {
                self.add_owners(tree.entries());
            }
        }
    }
}

fn is_configuration(path: &BStr) -> bool {
    let unit = [b".service".as_slice(), b".socket"].iter().any(|e| path.ends_with(e));
    path.starts_with(b"etc/") || (unit && path.starts_with(b"usr/lib/systemd/system/"))
}

/// The word that comes after any of `between`, and what follows it.
fn word<'l>(text: &'l [u8], between: &[u8]) -> Option<(&'l [u8], &'l [u8])> {
    let start = text.iter().position(|b| !between.contains(b))?;
    let rest = &text[start..];
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
    let end = rest.iter().position(|b| !part(b)).unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(line: &str) -> (Vec<String>, Vec<String>) {
        let mut uses = Uses::default();
        uses.add_directive(line.as_bytes());
        let shown = |names: BTreeSet<BString>| names.iter().map(ToString::to_string).collect();
        (shown(uses.users), shown(uses.groups))
    }

    #[test]
    fn reads_directives_that_name_accounts() {
        for (line, users, groups) in [
            ("user www-data;", &["www-data"][..], &[][..]),
            ("user  www-data adm;", &["www-data"], &["adm"]),
            ("User=www-data", &["www-data"], &[]),
            ("Group=mail", &[], &["mail"]),
            ("listen.owner = www-data", &["www-data"], &[]),
            ("export APACHE_RUN_USER=www-data", &["www-data"], &[]),
            (": ${APACHE_RUN_GROUP:=www-data}", &[], &[]),
            ("server.username             = \"www-data\"", &["www-data"], &[]),
            ("\tcache_effective_user proxy", &["proxy"], &[]),
            ("$FileGroup adm", &[], &["adm"]),
            ("SystemGroup lpadmin", &[], &[]),
            ("# user www-data", &[], &[]),
            ("; user = www-data", &[], &[]),
            ("the user list is long", &[], &[]),
            ("user nginx;", &[], &[]),
            ("user", &[], &[]),
            ("", &[], &[]),
        ] {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(uses(line), (owned(users), owned(groups)), "{line}");
        }
    }
}
