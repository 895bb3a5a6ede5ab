//! `adduser`, `addgroup`, `useradd`, `groupadd`, `usermod` and `gpasswd` as data.

use rootfs::actions::{Account, Attributes, FileAction, Group, Membership, User};

use shell::{Act, Options, System, Text, read_group};

pub(super) fn read(system: &dyn System, name: &str, arguments: &[Text]) -> Option<Vec<Act>> {
    match name {
        "adduser" => adduser(system, arguments),
        "addgroup" => addgroup(arguments),
        "useradd" => useradd(system, arguments),
        "groupadd" => groupadd(arguments),
        "usermod" | "gpasswd" => join_groups(arguments),
        _ => None,
    }
}

/// adduser(8); what it makes of a system user, by the defaults of Debian's adduser.conf.
fn adduser(system: &dyn System, arguments: &[Text]) -> Option<Vec<Act>> {
    const VALUED: [&str; 10] = [
        "--home",
        "--uid",
        "--gid",
        "--ingroup",
        "--shell",
        "--gecos",
        "--comment",
        "--conf",
        "--firstuid",
        "--lastuid",
    ];
    let options = Options::read(arguments, &VALUED)?;
    let operands = options.known_operands()?;
    if options.has(&["--group"]) && !options.has(&["--system"]) {
        return addgroup(arguments);
    }
    match operands.as_slice() {
        [user, group] => {
            let (user, group) = (account_name(user)?, account_name(group)?);
            Some(vec![Act::Membership(Membership { user, group })])
        }
        [user] if options.has(&["--system"]) => {
            let uid = number(options.value(&["--uid"]))?;
            let home = text(options.value(&["--home"]), "/nonexistent")?;
            let group = match options.value(&["--ingroup", "--gid"]) {
                Some(group) => Some(read_group(system, group.whole()?)?),
                None if options.has(&["--group"]) => None,
                None => read_group(system, "nogroup"),
            };
            let user = User {
                name: account_name(user)?,
                uid,
                group,
                comment: text(options.value(&["--gecos", "--comment"]), "")?.into(),
                home: home.clone().into(),
                shell: text(options.value(&["--shell"]), "/usr/sbin/nologin")?.into(),
            };
            let makes_home = !options.has(&["--no-create-home"]) && home != "/nonexistent";
            Some(with_home(user, makes_home))
        }
        _ => None,
    }
}

fn with_home(user: User, makes_home: bool) -> Vec<Act> {
    let mut acts = Vec::new();
    let home = user.home.to_string().trim_matches('/').to_owned();
    let owner = Account::Name(user.name.clone());
    let group = user.group.clone().unwrap_or_else(|| owner.clone());
    acts.push(Act::User(user));
    if makes_home && !home.is_empty() {
        let attributes = Attributes { mode: Some(0o755), user: Some(owner), group: Some(group) };
        acts.push(Act::File(FileAction::Directory { path: home.into(), attributes }));
    }
    acts
}

fn addgroup(arguments: &[Text]) -> Option<Vec<Act>> {
    let options = Options::read(arguments, &["--gid", "--conf"])?;
    match options.known_operands()?.as_slice() {
        [group] => {
            let gid = number(options.value(&["--gid"]))?;
            Some(vec![Act::Group(Group { name: account_name(group)?, gid })])
        }
        [user, group] => {
            let (user, group) = (account_name(user)?, account_name(group)?);
            Some(vec![Act::Membership(Membership { user, group })])
        }
        _ => None,
    }
}

/// useradd(8).
fn useradd(system: &dyn System, arguments: &[Text]) -> Option<Vec<Act>> {
    const VALUED: [&str; 16] = [
        "-c",
        "--comment",
        "-d",
        "--home-dir",
        "--home",
        "-g",
        "--gid",
        "-G",
        "--groups",
        "-s",
        "--shell",
        "-u",
        "--uid",
        "-K",
        "-e",
        "-k",
    ];
    let options = Options::read(arguments, &VALUED)?;
    let [name] = options.known_operands()?.try_into().ok()?;
    let home = text(options.value(&["-d", "--home-dir", "--home"]), &format!("/home/{name}"))?;
    let group = match options.value(&["-g", "--gid"]) {
        Some(group) => Some(read_group(system, group.whole()?)?),
        None => None,
    };
    let user = User {
        name: account_name(name)?,
        uid: number(options.value(&["-u", "--uid"]))?,
        group,
        comment: text(options.value(&["-c", "--comment"]), "")?.into(),
        home: home.into(),
        shell: text(options.value(&["-s", "--shell"]), "/bin/sh")?.into(),
    };
    let mut acts = with_home(user, options.has(&["-m", "--create-home"]));
    if let Some(groups) = options.value(&["-G", "--groups"]) {
        for group in groups.whole()?.split(',') {
            let (user, group) = (account_name(name)?, account_name(group)?);
            acts.push(Act::Membership(Membership { user, group }));
        }
    }
    Some(acts)
}

/// groupadd(8).
fn groupadd(arguments: &[Text]) -> Option<Vec<Act>> {
    let options = Options::read(arguments, &["-g", "--gid", "-K"])?;
    let [name] = options.known_operands()?.try_into().ok()?;
    let gid = number(options.value(&["-g", "--gid"]))?;
    Some(vec![Act::Group(Group { name: account_name(name)?, gid })])
}

/// `usermod -aG group user`, `gpasswd -a user group`.
fn join_groups(arguments: &[Text]) -> Option<Vec<Act>> {
    let options = Options::read(arguments, &["-G", "--groups"])?;
    let appends = options.has(&["-a", "--append", "--add"]);
    let operands = options.known_operands()?;
    let pairs: Vec<(&str, &str)> = match (options.value(&["-G", "--groups"]), operands.as_slice()) {
        (Some(groups), [user]) if appends => groups.whole()?.split(',').map(|g| (*user, g)).collect(),
        (None, [user, group]) if appends => vec![(*user, *group)],
        _ => return None,
    };
    pairs
        .into_iter()
        .map(|(user, group)| {
            Some(Act::Membership(Membership { user: account_name(user)?, group: account_name(group)? }))
        })
        .collect()
}

fn account_name(text: &str) -> Option<bstr::BString> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fine = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.+".contains(&b));
    (begins && fine).then(|| text.into())
}

fn number(text: Option<&Text>) -> Option<Option<u32>> {
    match text {
        None => Some(None),
        Some(text) => text.whole()?.parse().ok().map(Some),
    }
}

/// A field of passwd(5): no colon, no line feed.
fn text(value: Option<&Text>, default: &str) -> Option<String> {
    let value = value.map_or(Some(default), Text::whole)?;
    (!value.contains([':', '\n'])).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(line: &str) -> Option<Vec<Act>> {
        let words: Vec<Text> = line.split(' ').map(Text::known).collect();
        let files = super::super::tests::files_of(&[], "", "");
        let subject = super::super::Subject { files: &files, tree: None, arch: "amd64" };
        read(&subject, words[0].prefix(), &words[1..])
    }

    #[test]
    fn reads_system_users() {
        let found = acts("adduser --system --group --quiet --home /var/lib/foo --gecos Foo _foo").unwrap();
        let [Act::User(user), Act::File(FileAction::Directory { path, attributes })] = found.as_slice()
        else {
            panic!("{found:?}");
        };
        assert_eq!(
            (user.name.to_string(), &user.group, user.shell.to_string()),
            ("_foo".into(), &None, "/usr/sbin/nologin".into())
        );
        assert_eq!(path, "var/lib/foo");
        assert_eq!(attributes.user, Some(Account::Name("_foo".into())));
        let found = acts("useradd -r -u 101 -g nogroup -d /nonexistent -s /bin/false x").unwrap();
        assert!(matches!(&found[..], [Act::User(u)] if u.uid == Some(101)));
        assert!(
            matches!(&acts("addgroup --system --gid 42 foo").unwrap()[..], [Act::Group(g)] if g.gid == Some(42))
        );
        assert!(matches!(&acts("adduser foo bar").unwrap()[..], [Act::Membership(_)]));
        assert!(
            matches!(&acts("usermod -a -G bar foo").unwrap()[..], [Act::Membership(m)] if m.group == "bar")
        );
        assert_eq!(acts("adduser someone"), None);
        assert_eq!(acts("adduser --system --uid x y"), None);
        assert_eq!(acts("adduser --system a:b"), None);
    }
}
