use std::collections::{BTreeMap, BTreeSet};

use bstr::{BStr, BString, ByteSlice};
use rootfs::actions::{Account, Actions, Change, FileAction};
use rootfs::{Entry, Node, Tree};

use crate::ControlFiles;

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

/// Who has which number in an image: what apk asks for the owners of a package's files, which it takes by
/// the names in the archive, and by the numbers there (of the machine that built it) only where the image
/// has no such name.
pub struct Owners {
    users: Numbers,
    groups: Numbers,
}

impl Owners {
    /// Of the image's `passwd` and `group`, and the accounts that scripts make, once
    /// [`number_accounts`] has given them their numbers.
    pub fn of(passwd: &BStr, group: &BStr, made: &Actions) -> Owners {
        let mut owners = Owners { users: Numbers::of_file(passwd), groups: Numbers::of_file(group) };
        for user in &made.users {
            owners.users.add(&user.name, user.uid);
        }
        for group in &made.groups {
            owners.groups.add(&group.name, group.gid);
        }
        owners
    }

    /// A package's tree with the owners that its archive names; `None` where it names nobody but root.
    pub fn applied(&self, tree: &Tree, files: &ControlFiles) -> Option<Tree> {
        if files.owners.is_empty() {
            return None;
        }
        let mut owned = tree.clone();
        for owner in &files.owners {
            let Some(entry) = owned.get_mut(&owner.path) else { continue };
            entry.uid = self.users.find(&owner.user).unwrap_or(entry.uid);
            entry.gid = self.groups.find(&owner.group).unwrap_or(entry.gid);
        }
        let link = |e: &Entry| match &e.node {
            Node::Hardlink(file) => Some((e.path.clone(), file.clone())),
            _ => None,
        };
        for (path, file) in owned.entries().iter().filter_map(link).collect::<Vec<_>>() {
            let Some((uid, gid)) = owned.get(&file).map(|e| (e.uid, e.gid)) else { continue };
            if let Some(entry) = owned.get_mut(&path) {
                (entry.uid, entry.gid) = (uid, gid);
            }
        }
        Some(owned)
    }
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
