use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use package::base_accounts::{BaseGroup, BaseUser, GROUPS, USERS, group_named, group_numbered, user_named};
use recipe::{Resolved, RunAs, World};
use rootfs::actions::{Account, Actions};
use rootfs::{Entry, Node, Owner};

use crate::account_uses::Uses;
use crate::draft::{Draft, DraftError};
use crate::{AskedError, ComposeError, Rule};

/// Users and groups of the image: `/etc/passwd` and `/etc/group` as values (passwd(5), group(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: BString,
    uid: u32,
    gid: u32,
    comment: BString,
    home: BString,
    shell: BString,
    /// The recipe says so itself: nothing of it is changed.
    own: bool,
    /// The line that it was read from, which stays as it is (a password, say).
    line: Option<BString>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    line: Option<BString>,
    name: BString,
    gid: u32,
    members: Vec<BString>,
}

/// The contract of distroless images: same lines, same order.
const OURS: &str = "root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
";
const OUR_GROUPS: &str = "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n";

/// The shell of who does not log in. No program of that name need exist: what cannot be started lets
/// nobody in.
const NOLOGIN: &str = "/usr/sbin/nologin";

/// Where Debian puts accounts of packages that have no fixed number (adduser.conf, FIRST_SYSTEM_UID).
const SYSTEM: std::ops::RangeInclusive<u32> = 100..=999;

impl Accounts {
    /// The accounts of an image: what its packages bring as files, else the distroless ones; then what
    /// packages ask for, then what the recipe adds.
    pub(crate) fn gather(
        draft: &Draft<'_>,
        recipe: &Resolved,
        actions: &Actions,
    ) -> Result<Accounts, DraftError> {
        let text = |path: &str| draft.read(path.as_bytes().as_bstr());
        let mut accounts = match (text("etc/passwd")?, text("etc/group")?) {
            (None, None) if recipe.world == World::Deb => {
                Accounts::parse(OURS.as_bytes(), OUR_GROUPS.as_bytes())
            }
            (passwd, group) => Accounts::parse(&passwd.unwrap_or_default(), &group.unwrap_or_default()),
        };
        let (masters, groups) =
            (text("usr/share/base-passwd/passwd.master")?, text("usr/share/base-passwd/group.master")?);
        accounts.add_masters(&masters.unwrap_or_default(), &groups.unwrap_or_default());
        accounts.add_asked(actions);
        accounts.add_own(recipe);
        Ok(accounts)
    }

    fn parse(passwd: &[u8], group: &[u8]) -> Accounts {
        let users = passwd.lines().filter_map(parse_user).collect();
        Accounts { users, groups: group.lines().filter_map(parse_group).collect() }
    }

    /// Debian's full list, where the package base-passwd is in the image; our own accounts stay.
    fn add_masters(&mut self, passwd: &[u8], group: &[u8]) {
        let more = Accounts::parse(passwd, group);
        for user in more.users {
            if self.users.iter().all(|u| u.name != user.name && u.uid != user.uid) {
                self.users.push(User { line: None, ..user });
            }
        }
        for group in more.groups {
            // `nogroup` is a second name of nobody's number, which programs look up.
            if self.groups.iter().all(|g| g.name != group.name) {
                self.groups.push(Group { line: None, ..group });
            }
        }
    }

    fn add_asked(&mut self, actions: &Actions) {
        for group in &actions.groups {
            self.group_for(&group.name, group.gid);
        }
        for user in &actions.users {
            self.add_asked_user(user);
        }
        for member in &actions.memberships {
            self.group_for(&member.group, None);
            let group = self.groups.iter_mut().find(|g| g.name == member.group);
            if let Some(group) = group.filter(|g| !g.members.contains(&member.user)) {
                group.members.push(member.user.clone());
                group.line = None;
            }
        }
    }

    fn add_asked_user(&mut self, user: &rootfs::actions::User) {
        if self.users.iter().any(|u| u.name == user.name) {
            return;
        }
        let base = user_named(&user.name);
        let uid = user.uid.or(base.map(|u| u.uid)).unwrap_or_else(|| self.free_number());
        let gid = match &user.group {
            Some(Account::Id(gid)) => *gid,
            Some(Account::Name(name)) => self.group_for(name, None),
            None => self.group_for(&user.name, Some(uid)),
        };
        let or = |text: &BString, other: &str| if text.is_empty() { other.into() } else { text.clone() };
        self.users.push(User {
            name: user.name.clone(),
            uid,
            gid,
            comment: user.comment.clone(),
            home: or(&user.home, base.map_or("/nonexistent", |u| u.home)),
            shell: or(&user.shell, NOLOGIN),
            own: false,
            line: None,
        });
    }

    /// The number of a group, which is added where there is none of that name.
    fn group_for(&mut self, name: &BString, gid: Option<u32>) -> u32 {
        if let Some(group) = self.groups.iter().find(|g| g.name == *name) {
            return group.gid;
        }
        let free = |gid: &u32| self.groups.iter().all(|g| g.gid != *gid);
        let gid = gid.filter(free).or_else(|| group_named(name).map(|g| g.gid));
        let gid = gid.unwrap_or_else(|| self.free_number());
        self.groups.push(Group { line: None, name: name.clone(), gid, members: Vec::new() });
        gid
    }

    /// The lowest number of packages' accounts that is neither a user nor a group.
    fn free_number(&self) -> u32 {
        let users = self.users.iter().map(|u| u.uid);
        let taken: BTreeSet<u32> = users.chain(self.groups.iter().map(|g| g.gid)).collect();
        let is_free = |n: &u32| !taken.contains(n) && group_numbered(*n).is_none();
        SYSTEM.clone().find(is_free).unwrap_or(*SYSTEM.end())
    }

    /// Adds those accounts of base-passwd that the image uses, in the order of the table.
    pub(crate) fn add_used(&mut self, uses: &Uses) {
        for user in &USERS {
            if uses.users.contains(user.name.as_bytes().as_bstr()) || uses.uids.contains(&user.uid) {
                self.add_base_user(user);
            }
        }
        for group in &GROUPS {
            let named = uses.groups.contains(group.name.as_bytes().as_bstr());
            if named || uses.gids.contains(&group.gid) {
                self.add_base_group(group, named);
            }
        }
    }

    fn add_base_user(&mut self, user: &BaseUser) {
        if self.users.iter().any(|u| u.name == user.name || u.uid == user.uid) {
            return;
        }
        self.users.push(User {
            name: user.name.into(),
            uid: user.uid,
            gid: user.gid,
            comment: user.comment.into(),
            home: user.home.into(),
            shell: NOLOGIN.into(),
            own: false,
            line: None,
        });
        if let Some(group) = group_numbered(user.gid) {
            self.add_base_group(group, false);
        }
    }

    /// A second name for a number is legal, and made where something asks for the name: distroless
    /// images call `nogroup` nobody.
    fn add_base_group(&mut self, group: &BaseGroup, named: bool) {
        let there = |g: &Group| g.name == group.name || (g.gid == group.gid && !named);
        if !self.groups.iter().any(there) {
            self.groups.push(Group {
                line: None,
                name: group.name.into(),
                gid: group.gid,
                members: Vec::new(),
            });
        }
    }

    /// Nobody logs in with a shell that is not in the image.
    fn without_shell(&mut self, draft: &Draft<'_>) {
        for user in self.users.iter_mut().filter(|u| u.line.is_none() && !u.own) {
            let path = user.shell.trim_start_with(|c| c == '/').as_bstr();
            if draft.behind(path).is_none() {
                user.shell = NOLOGIN.into();
            }
        }
    }

    fn add_own(&mut self, recipe: &Resolved) {
        for group in &recipe.groups {
            self.groups.retain(|g| g.name != group.groupname.as_str());
            let members = group.members.iter().map(|m| m.as_str().into()).collect();
            self.groups.push(Group {
                line: None,
                name: group.groupname.as_str().into(),
                gid: group.gid,
                members,
            });
        }
        let (comment, shell) = match recipe.world {
            World::Deb => (None, "/sbin/nologin"),
            World::Apk => (Some("Account created by apko"), "/bin/sh"),
        };
        for user in &recipe.users {
            self.users.retain(|u| u.name != user.username.as_str());
            let home = user.homedir.clone().unwrap_or_else(|| format!("/home/{}", user.username));
            self.users.push(User {
                name: user.username.as_str().into(),
                uid: user.uid,
                gid: user.gid.unwrap_or(user.uid),
                comment: comment.unwrap_or(&user.username).into(),
                home: home.into(),
                shell: user.shell.as_deref().unwrap_or(shell).into(),
                own: true,
                line: None,
            });
        }
    }

    /// The number of a user, by name or number.
    pub(crate) fn uid(&self, account: &Account) -> Option<u32> {
        match account {
            Account::Id(id) => Some(*id),
            Account::Name(name) => {
                let user = self.users.iter().find(|u| u.name == *name).map(|u| u.uid);
                user.or_else(|| user_named(name).map(|u| u.uid))
            }
        }
    }

    /// The number of a group, by name or number.
    pub(crate) fn gid(&self, account: &Account) -> Option<u32> {
        match account {
            Account::Id(id) => Some(*id),
            Account::Name(name) => {
                let group = self.groups.iter().find(|g| g.name == *name).map(|g| g.gid);
                group.or_else(|| group_named(name).map(|g| g.gid))
            }
        }
    }

    /// The number of the image's user.
    pub(crate) fn run_as(&self, run_as: &RunAs) -> Option<u32> {
        match run_as {
            RunAs::Uid(uid) | RunAs::Numbers { uid, .. } => Some(*uid),
            RunAs::Name(name) => self.users.iter().find(|u| u.name == name.as_str()).map(|u| u.uid),
        }
    }

    /// Names of all users, for messages.
    pub(crate) fn names(&self) -> Vec<String> {
        self.users.iter().map(|u| u.name.to_string()).collect()
    }

    /// The text of `/etc/passwd`.
    pub(crate) fn passwd(&self) -> BString {
        let mut out = BString::default();
        for u in &self.users {
            if let Some(line) = &u.line {
                out.extend_from_slice(line);
                out.push(b'\n');
                continue;
            }
            let numbers = format!(":x:{}:{}:", u.uid, u.gid);
            for part in
                [u.name.as_bytes(), numbers.as_bytes(), &u.comment, b":", &u.home, b":", &u.shell, b"\n"]
            {
                out.extend_from_slice(part);
            }
        }
        out
    }

    /// The text of `/etc/group`.
    pub(crate) fn group(&self) -> BString {
        let mut out = BString::default();
        for g in &self.groups {
            if let Some(line) = &g.line {
                out.extend_from_slice(line);
                out.push(b'\n');
                continue;
            }
            out.extend_from_slice(&g.name);
            out.extend_from_slice(format!(":x:{}:", g.gid).as_bytes());
            out.extend_from_slice(&bstr::join(",", &g.members));
            out.push(b'\n');
        }
        out
    }

    /// Every user's name, home, and its owner and group.
    pub(crate) fn homes(&self) -> impl Iterator<Item = (&BString, &BString, u32, u32)> {
        self.users.iter().map(|u| (&u.name, &u.home, u.uid, u.gid))
    }

    /// Writes the two files and the homes, as images of Debian packages have them.
    pub(crate) fn write(&mut self, draft: &mut Draft<'_>, recipe: &Resolved) -> Result<(), ComposeError> {
        self.without_shell(draft);
        for (path, text) in [("etc/passwd", self.passwd()), ("etc/group", self.group())] {
            let same = draft.read(path.as_bytes().as_bstr())?.is_some_and(|old| old == text.as_slice());
            if !same && !text.is_empty() {
                draft.put_file(path, &text, 0o644, Rule::Accounts)?;
            }
        }
        make_directory(draft, "root", 0o700, 0, Rule::Accounts)?;
        make_directory(draft, "home", 0o755, 0, Rule::Accounts)?;
        make_directory(draft, "home/nonroot", 0o700, 65532, Rule::Accounts)?;
        for own in &recipe.users {
            let Some(user) = self.users.iter().find(|u| u.name == own.username.as_str()) else { continue };
            let home = user.home.trim_with(|c| c == '/');
            if home.is_empty() || user.home == "/dev/null" || user.home == "/nonexistent" {
                continue;
            }
            check_home(draft, recipe, &user.name, home.as_bstr())?;
            let mut entry = Entry::new(home, Node::Dir, 0o700, Owner::Derived);
            (entry.uid, entry.gid) = (user.uid, user.gid);
            if !draft.exists(entry.path.clone().as_bstr()) {
                draft.put_made(entry, Rule::Accounts).map_err(|error| AskedError::Home {
                    user: own.username.clone(),
                    home: user.home.to_string(),
                    at: Some(Box::new(own.at.clone())),
                    error,
                })?;
            }
        }
        Ok(())
    }
}

/// The home of a user of the recipe's is a directory, if there is anything: apko refuses the rest, too.
pub(crate) fn check_home(
    draft: &Draft<'_>,
    recipe: &Resolved,
    user: &BString,
    home: &BStr,
) -> Result<(), AskedError> {
    let own = recipe.users.iter().find(|u| *user == u.username.as_str());
    match draft.behind(home) {
        Some(there) if !there.is_dir() => Err(AskedError::Home {
            user: user.to_string(),
            home: format!("/{home}"),
            at: own.map(|u| Box::new(u.at.clone())),
            error: DraftError::NotDirectory { path: home.into() },
        }),
        _ => Ok(()),
    }
}

/// Makes a directory that no package brought.
pub(crate) fn make_directory(
    draft: &mut Draft<'_>,
    path: &str,
    mode: u32,
    owner: u32,
    rule: Rule,
) -> Result<(), DraftError> {
    if draft.exists(path.as_bytes().as_bstr()) {
        // A directory that only exists because something is in it has nobody's mode yet.
        let implicit =
            draft.entries.get(path.as_bytes().as_bstr()).is_some_and(|e| e.owner == Owner::Implicit);
        if !implicit {
            return Ok(());
        }
        draft.entries.remove(path.as_bytes().as_bstr());
    }
    let mut entry = Entry::new(path, Node::Dir, mode, Owner::Derived);
    (entry.uid, entry.gid) = (owner, owner);
    draft.put_made(entry, rule)
}

fn number(text: &[u8]) -> Option<u32> {
    text.to_str().ok()?.parse().ok()
}

/// Lines that are none (NIS's `+`, comments) are passed over.
fn parse_user(line: &[u8]) -> Option<User> {
    let parts: Vec<&[u8]> = line.split(|b| *b == b':').collect();
    let [name, _, uid, gid, comment, home, shell] = parts.as_slice() else { return None };
    let text = |t: &[u8]| BString::from(t);
    Some(User {
        name: text(name),
        uid: number(uid)?,
        gid: number(gid)?,
        comment: text(comment),
        home: text(home),
        shell: text(shell),
        own: false,
        line: Some(line.into()),
    })
}

fn parse_group(line: &[u8]) -> Option<Group> {
    let parts: Vec<&[u8]> = line.split(|b| *b == b':').collect();
    let [name, _, gid, members] = parts.as_slice() else { return None };
    let members = members.split(|b| *b == b',').filter(|m| !m.is_empty()).map(BString::from).collect();
    Some(Group { line: Some(line.into()), name: BString::from(*name), gid: number(gid)?, members })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootfs::actions;

    #[test]
    fn adds_what_packages_ask_for_without_two_of_one_number() {
        let mut accounts = Accounts::parse(OURS.as_bytes(), OUR_GROUPS.as_bytes());
        let user = |name: &str, uid, group| actions::User {
            name: name.into(),
            uid,
            group,
            comment: "".into(),
            home: "".into(),
            shell: "".into(),
        };
        accounts.add_asked(&Actions {
            groups: vec![actions::Group { name: "ssl-cert".into(), gid: None }],
            users: vec![
                user("postgres", None, None),
                user("www-data", None, None),
                user("web", Some(33_000), Some(Account::Name("www-data".into()))),
                user("nobody", None, None),
            ],
            memberships: vec![actions::Membership { user: "postgres".into(), group: "ssl-cert".into() }],
            ..Actions::default()
        });
        let passwd = accounts.passwd().to_string();
        let added: Vec<&str> = passwd.strip_prefix(OURS).unwrap().lines().collect();
        assert_eq!(
            added,
            [
                "postgres:x:102:102::/nonexistent:/usr/sbin/nologin",
                "www-data:x:33:33::/var/www:/usr/sbin/nologin",
                "web:x:33000:33::/nonexistent:/usr/sbin/nologin",
            ]
        );
        let group = accounts.group().to_string();
        assert_eq!(
            group.strip_prefix(OUR_GROUPS).unwrap(),
            "ssl-cert:x:101:postgres\npostgres:x:102:\nwww-data:x:33:\n"
        );
        assert_eq!(accounts.gid(&Account::Name("utmp".into())), Some(43));
        assert_eq!(accounts.uid(&Account::Name("ghost".into())), None);
    }
}
