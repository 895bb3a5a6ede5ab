//! `sysusers.d(5)`: accounts that packages declare. The same for every package world; bytes in,
//! data out.

use bstr::{BString, ByteSlice};
use rootfs::actions::{Account, Actions, Group, Membership, User};

use crate::declared_line::{Line, words};

/// Reads one file. Lines that say something that depends on the running system (specifiers such as
/// `%b`, a number taken from a file's owner) or that sysusers.d(5) does not know come back as they
/// are, beside what was understood.
pub fn parse_sysusers(text: &[u8]) -> (Actions, Vec<BString>) {
    let mut actions = Actions::default();
    let mut not_understood = Vec::new();
    for line in text.lines() {
        match words(line) {
            Line::Empty => {}
            Line::Words(words) if take(&words, &mut actions).is_some() => {}
            Line::Words(_) | Line::Broken => not_understood.push(line.into()),
        }
    }
    (actions, not_understood)
}

fn take(words: &[BString], actions: &mut Actions) -> Option<()> {
    let field = |n: usize| words.get(n).filter(|w| *w != "-" && !w.is_empty());
    let name = name(field(1)?)?;
    // `u!` locks the account, which has no password here anyway.
    match words.first()?.as_slice() {
        b"u" | b"u!" => {
            let (uid, group) = match field(2) {
                Some(id) => user_id(id)?,
                None => (None, None),
            };
            let home = field(4).cloned().unwrap_or_else(|| "/".into());
            let shell = field(5).cloned().unwrap_or_else(|| "/usr/sbin/nologin".into());
            let comment = field(3).cloned().unwrap_or_default();
            if [&home, &shell, &comment].iter().any(|f| f.contains(&b':') || f.contains(&b'%')) {
                return None;
            }
            actions.users.push(User { name, uid, group, comment, home, shell });
        }
        b"g" => {
            let gid = match field(2) {
                Some(id) => Some(number(id)?),
                None => None,
            };
            actions.groups.push(Group { name, gid });
        }
        b"m" => {
            let group = self::name(field(2)?)?;
            actions.memberships.push(Membership { user: name, group });
        }
        // A range for numbers that are chosen: ours are chosen by composition.
        b"r" => {}
        _ => return None,
    }
    Some(())
}

/// `uid`, `uid:gid`, `uid:group`, `-:group`.
fn user_id(text: &BString) -> Option<(Option<u32>, Option<Account>)> {
    let (uid, group) = match text.split_once_str(":") {
        Some((uid, group)) => (uid, Some(group)),
        None => (text.as_slice(), None),
    };
    let uid = if uid == b"-" { None } else { Some(number(uid)?) };
    let group = match group {
        None => None,
        Some(group) => {
            Some(number(group).map_or_else(|| name(group).map(Account::Name), |n| Some(Account::Id(n)))?)
        }
    };
    Some((uid, group))
}

fn number(text: &[u8]) -> Option<u32> {
    text.to_str().ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

fn name(text: &[u8]) -> Option<BString> {
    let fine = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
    let begins = text.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    (begins && text.len() <= 64 && text.iter().all(fine)).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_packages_declare() {
        let text = b"# comment\n\
            u     _apt     42:65534     \"APT sandbox\"  /nonexistent\n\
            u! messagebus - \"System Message Bus\"\n\
            g input -\n\
            g kvm 78 - -\n\
            m messagebus input\n\
            u root 0:root \"Super User\" /root /bin/sh\n\
            r - 500-900\n\
            u bad:name -\n\
            u x /etc/x\n\
            u y - - /home/%H\n\
            z what\n\
            u \"open\n";
        let (actions, rest) = parse_sysusers(text);
        let users: Vec<_> =
            actions.users.iter().map(|u| (u.name.to_string(), u.uid, u.home.to_string())).collect();
        assert_eq!(
            users,
            [
                ("_apt".into(), Some(42), "/nonexistent".into()),
                ("messagebus".into(), None, "/".into()),
                ("root".into(), Some(0), "/root".into()),
            ]
        );
        assert_eq!(actions.users[0].group, Some(Account::Id(65534)));
        assert_eq!(actions.users[2].group, Some(Account::Name("root".into())));
        assert_eq!(actions.groups.len(), 2);
        assert_eq!(actions.memberships.len(), 1);
        assert_eq!(rest.len(), 6, "{rest:?}");
    }
}
