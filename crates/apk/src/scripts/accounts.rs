//! busybox's `adduser` and `addgroup` as data, by what those of Alpine 3.19 do.

use bstr::BString;
use rootfs::actions::{Account, Attributes, FileAction, Group, Membership, User};
use shell::{Act, Options, Text};

pub(super) fn read(name: &str, arguments: &[Text]) -> Option<Vec<Act>> {
    match name {
        "adduser" => adduser(arguments),
        "addgroup" => addgroup(arguments),
        _ => None,
    }
}

/// `adduser [-h DIR] [-g GECOS] [-s SHELL] [-G GRP] [-S] [-D] [-H] [-u UID] USER [GROUP]`: the user, its
/// name in its group, and its home unless `-H` says otherwise. Not read are people's accounts without
/// a number, which busybox would give the next from 1000 on: no package makes any.
fn adduser(arguments: &[Text]) -> Option<Vec<Act>> {
    const VALUED: [&str; 12] =
        ["-h", "--home", "-g", "--gecos", "-s", "--shell", "-G", "--ingroup", "-u", "--uid", "-k", "--skel"];
    let options = Options::read(arguments, &VALUED)?;
    let operands = options.known_operands()?;
    let [name] = operands.as_slice() else { return membership(&operands) };
    let name = account_name(name)?;
    let system = options.has(&["-S", "--system"]);
    let group = match options.value(&["-G", "--ingroup"]) {
        Some(group) => Some(account_name(group.whole()?)?),
        None => system.then(|| BString::from("nogroup")),
    };
    let shell = if system { "/sbin/nologin" } else { "/bin/sh" };
    let home = field(options.value(&["-h", "--home"]), &format!("/home/{name}"))?;
    let user = User {
        name: name.clone(),
        uid: number(options.value(&["-u", "--uid"]), system)?,
        group: group.clone().map(Account::Name),
        comment: field(options.value(&["-g", "--gecos"]), "Linux User,,,")?.into(),
        home: home.clone().into(),
        shell: field(options.value(&["-s", "--shell"]), shell)?.into(),
    };
    let mut acts = vec![Act::User(user)];
    acts.extend(group.clone().map(|group| Act::Membership(Membership { user: name.clone(), group })));
    let path = home.trim_matches('/');
    if !options.has(&["-H", "--no-create-home"]) && !path.is_empty() && !home.starts_with("/dev/") {
        let path = rootfs::path::normalise(path.as_bytes()).ok()?;
        let owner = Account::Name(name.clone());
        let group = Account::Name(group.unwrap_or(name));
        let attributes = Attributes { mode: Some(0o2755), user: Some(owner), group: Some(group) };
        acts.push(Act::File(FileAction::Directory { path, attributes }));
    }
    Some(acts)
}

/// `addgroup [-g GID] [-S] GROUP`, `addgroup USER GROUP`; numbers as for users.
fn addgroup(arguments: &[Text]) -> Option<Vec<Act>> {
    let options = Options::read(arguments, &["-g", "--gid"])?;
    let operands = options.known_operands()?;
    let [name] = operands.as_slice() else { return membership(&operands) };
    let gid = number(options.value(&["-g", "--gid"]), options.has(&["-S", "--system"]))?;
    Some(vec![Act::Group(Group { name: account_name(name)?, gid })])
}

fn membership(operands: &[&str]) -> Option<Vec<Act>> {
    let [user, group] = operands else { return None };
    Some(vec![Act::Membership(Membership { user: account_name(user)?, group: account_name(group)? })])
}

/// A number; `None` inside: the first free one of the system's.
fn number(value: Option<&Text>, system: bool) -> Option<Option<u32>> {
    match value {
        None => system.then_some(None),
        // Root's number is always taken: busybox makes no account of it.
        Some(text) => text.whole()?.parse().ok().filter(|n| *n != 0).map(Some),
    }
}

fn account_name(text: &str) -> Option<BString> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fine = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.+".contains(&b));
    (begins && fine).then(|| text.into())
}

/// A field of passwd(5): no colon, no line feed.
fn field(value: Option<&Text>, default: &str) -> Option<String> {
    let value = value.map_or(Some(default), Text::whole)?;
    (!value.contains([':', '\n'])).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(line: &str) -> Option<Vec<Act>> {
        let words: Vec<Text> = line.split(' ').map(Text::known).collect();
        read(words[0].prefix(), &words[1..])
    }

    #[test]
    fn reads_users_as_busybox_makes_them() {
        let line = "adduser -S -D -H -h /var/empty -s /sbin/nologin -G sshd -g sshd sshd";
        let found = acts(line).unwrap();
        let [Act::User(user), Act::Membership(member)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((user.uid, &user.group), (None, &Some(Account::Name("sshd".into()))));
        assert_eq!((&user.comment[..], &user.home[..]), (&b"sshd"[..], &b"/var/empty"[..]));
        assert_eq!((&member.user, &member.group), (&user.name, &user.name));
        let found = acts("adduser -S one").unwrap();
        let [Act::User(user), Act::Membership(_), Act::File(FileAction::Directory { path, attributes })] =
            found.as_slice()
        else {
            panic!("{found:?}")
        };
        assert_eq!((&user.shell[..], &user.comment[..]), (&b"/sbin/nologin"[..], &b"Linux User,,,"[..]));
        assert_eq!((&path[..], attributes.mode), (&b"home/one"[..], Some(0o2755)));
        assert_eq!(attributes.group, Some(Account::Name("nogroup".into())));
        let found = acts("adduser -D -u 1000 -h /dev/null me").unwrap();
        assert!(matches!(&found[..], [Act::User(u)] if u.group.is_none() && u.shell == "/bin/sh"));
        for bad in [
            "adduser me",
            "adduser -D -u 0 me",
            "adduser -S -u x me",
            "adduser -S a:b",
            "adduser -S -h a:b c",
            "adduser a b c",
        ] {
            assert_eq!(acts(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_groups() {
        let of = |line| acts(line).unwrap();
        assert!(matches!(&of("addgroup -S -g 42 shadow")[..], [Act::Group(g)] if g.gid == Some(42)));
        assert!(matches!(&of("addgroup -S x")[..], [Act::Group(g)] if g.gid.is_none()));
        assert!(matches!(&of("addgroup nginx www-data")[..], [Act::Membership(_)]));
        assert!(matches!(&of("adduser nginx www-data")[..], [Act::Membership(_)]));
        assert_eq!(acts("addgroup x"), None);
    }
}
