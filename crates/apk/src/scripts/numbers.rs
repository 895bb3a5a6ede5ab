use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use rootfs::Tree;
use rootfs::actions::{Account, Actions, Change, FileAction, Step};

use crate::{ControlFiles, NamedOwner};

/// The first number that busybox tries for an account of the system (`CONFIG_FIRST_SYSTEM_ID`), and
/// the last (`CONFIG_LAST_SYSTEM_ID`).
const SYSTEM: std::ops::RangeInclusive<u32> = 100..=999;

/// Gives accounts their numbers, as busybox's `addgroup -S` and `adduser -S` would one after the
/// other: the first that is free, groups and users apart. `passwd` and `group` are the image's files
/// as packages brought them.
///
/// What is there already, by name or by the number that is asked for, is not made again; such requests are
/// taken away. Names of accounts in the literal changes of files become numbers too, so that nothing
/// has to be looked up later; a name that nobody has changes nothing.
///
/// Gives the users that cannot be made, since another has the number that is asked for.
pub fn number_accounts(actions: &mut Actions, passwd: &BStr, group: &BStr) -> Vec<BString> {
    let mut without = Vec::new();
    let mut users = Numbers::of_file(passwd);
    let mut groups = Numbers::of_file(group);
    actions.groups.retain_mut(|wanted| {
        wanted.gid = groups.add(&wanted.name, wanted.gid);
        wanted.gid.is_some()
    });
    actions.users.retain_mut(|user| {
        let Some(uid) = users.add(&user.name, user.uid) else {
            if users.find(&user.name).is_none() {
                without.push(user.name.clone());
            }
            return false;
        };
        let gid = match &user.group {
            Some(account) => groups.number_of(account),
            // A group of the same name and number.
            None => groups.add(&user.name, Some(uid)).or_else(|| groups.find(&user.name)),
        };
        user.uid = Some(uid);
        user.group = gid.map(Account::Id).or(user.group.take());
        true
    });
    actions.steps.retain_mut(|step| {
        let (user, group) = match &mut step.action {
            FileAction::Directory { attributes, .. }
            | FileAction::File { attributes, .. }
            | FileAction::Copy { attributes, .. } => (&mut attributes.user, &mut attributes.group),
            FileAction::Change { change: Change::Owner { user, group }, .. } => (user, group),
            _ => return true,
        };
        *user = user.take().and_then(|u| users.number_of(&u)).map(Account::Id);
        *group = group.take().and_then(|g| groups.number_of(&g)).map(Account::Id);
        let changes_nothing = user.is_none() && group.is_none();
        !(changes_nothing && matches!(step.action, FileAction::Change { change: Change::Owner { .. }, .. }))
    });
    without
}

/// The owners of a package's files by their names in the archive, which apk prefers to the numbers
/// there: those are of the machine that built it. To be applied before what scripts do, once
/// [`number_accounts`] has said who they are.
pub fn owners(files: &ControlFiles) -> Vec<Step> {
    let named = |name: &BString| (!name.is_empty()).then(|| Account::Name(name.clone()));
    let step = |owner: &NamedOwner| {
        let change = Change::Owner { user: named(&owner.user), group: named(&owner.group) };
        let action = FileAction::Change { path: owner.path.clone(), change, recursive: false };
        Step { when: Vec::new(), action }
    };
    files.owners.iter().map(step).collect()
}

/// A package's tree with the owners that its archive names, as the image's `passwd` and `group` have
/// them: what apk notes in its database. `None` where the archive names nobody but root.
pub fn with_owners(tree: &Tree, files: &ControlFiles, passwd: &BStr, group: &BStr) -> Option<Tree> {
    if files.owners.is_empty() {
        return None;
    }
    let (users, groups) = (Numbers::of_file(passwd), Numbers::of_file(group));
    let mut owned = tree.clone();
    for owner in &files.owners {
        let Some(entry) = owned.get_mut(&owner.path) else { continue };
        entry.uid = users.find(&owner.user).unwrap_or(entry.uid);
        entry.gid = groups.find(&owner.group).unwrap_or(entry.gid);
    }
    Some(owned)
}

#[derive(Default)]
struct Numbers {
    by_name: BTreeMap<BString, u32>,
    taken: BTreeSet<u32>,
}

impl Numbers {
    /// Of passwd(5) or group(5), which have name and number in the same places.
    fn of_file(text: &BStr) -> Numbers {
        let mut numbers = Numbers::default();
        for line in text.lines() {
            let mut fields = line.split_str(":");
            let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else { continue };
            let Some(number) = number.to_str().ok().and_then(|n| n.parse().ok()) else { continue };
            numbers.by_name.entry(name.into()).or_insert(number);
            numbers.taken.insert(number);
        }
        numbers
    }

    /// The number of an account that is new; `None` where it cannot be made.
    fn add(&mut self, name: &BString, wanted: Option<u32>) -> Option<u32> {
        if self.by_name.contains_key(name) {
            return None;
        }
        let free = |n: &u32| !self.taken.contains(n);
        let number = match wanted {
            Some(number) => Some(number).filter(free),
            None => SYSTEM.into_iter().find(free),
        }?;
        self.by_name.insert(name.clone(), number);
        self.taken.insert(number);
        Some(number)
    }

    fn find(&self, name: &BString) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    fn number_of(&self, account: &Account) -> Option<u32> {
        match account {
            Account::Id(id) => Some(*id),
            Account::Name(name) => self.find(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootfs::actions::{Group, User};

    fn user(name: &str, uid: Option<u32>, group: Option<&str>) -> User {
        User {
            name: name.into(),
            uid,
            group: group.map(|g| Account::Name(g.into())),
            comment: "".into(),
            home: "/".into(),
            shell: "/sbin/nologin".into(),
        }
    }

    /// What busybox 1.36.1 of Alpine 3.19 made of the same commands in the same order.
    #[test]
    fn numbers_are_those_that_busybox_gives() {
        let passwd =
            BStr::new("root:x:0:0:root:/root:/bin/ash\nguest:x:405:100:guest:/dev/null:/sbin/nologin\n");
        let group = BStr::new("root:x:0:root\nusers:x:100:games\nnogroup:x:65533:\n");
        let names = ["chrony", "dhcpcd"];
        let mut actions = Actions {
            groups: names.iter().map(|n| Group { name: (*n).into(), gid: None }).collect(),
            users: vec![
                user("chrony", None, Some("chrony")),
                user("dhcpcd", None, Some("dhcpcd")),
                user("one", None, Some("nogroup")),
                user("two", Some(333), Some("nogroup")),
                user("three", Some(1000), None),
                user("guest", None, None),
                user("clash", Some(405), None),
                user("two", None, None),
            ],
            ..Actions::default()
        };
        number_accounts(&mut actions, passwd, group);
        let numbers: Vec<_> = actions.groups.iter().map(|g| g.gid.unwrap()).collect();
        assert_eq!(numbers, [101, 102]);
        let users: Vec<_> =
            actions.users.iter().map(|u| (u.uid.unwrap(), u.group.clone().unwrap())).collect();
        let id = Account::Id;
        assert_eq!(
            users,
            [(100, id(101)), (101, id(102)), (102, id(65533)), (333, id(65533)), (1000, id(1000))]
        );
    }
}
