//! Accounts of every Debian system that a script gives files to or puts users into. They are not
//! made by any package, so that whoever makes passwd and group has to know that they are used; also
//! where the command itself is not applied, because what it works on belongs to the running system.

use package::base_accounts::{group_named, user_named};
use rootfs::actions::Named;

use shell::{Act, Options, Text, Walker};

/// Asks for the accounts that a command names.
pub(super) fn name_accounts(walker: &mut Walker<'_>, name: &str, arguments: &[Text]) {
    for named in accounts_of(name, arguments).unwrap_or_default() {
        if is_base(&named) && !walker.asked().iter().any(|a| a.act == Act::Named(named.clone())) {
            walker.ask(Act::Named(named));
        }
    }
}

/// In the table, and not root, who is there anyway.
fn is_base(named: &Named) -> bool {
    match named {
        Named::User(name) => user_named(name).is_some_and(|u| u.uid != 0),
        Named::Group(name) => group_named(name).is_some_and(|g| g.gid != 0),
    }
}

/// The accounts in a command's words; `None` where they are not known.
fn accounts_of(name: &str, arguments: &[Text]) -> Option<Vec<Named>> {
    let user = |name: &str| Named::User(name.into());
    let group = |name: &str| Named::Group(name.into());
    Some(match name {
        "chown" => owner(first_operand(arguments)?),
        "chgrp" => vec![group(first_operand(arguments)?)],
        "install" => {
            let valued = ["-m", "-o", "-g", "--mode", "--owner", "--group", "-t", "-S"];
            let options = Options::read(arguments, &valued)?;
            let value = |names: &[&str]| options.value(names).and_then(Text::whole);
            let owner = value(&["-o", "--owner"]).map(user);
            owner.into_iter().chain(value(&["-g", "--group"]).map(group)).collect()
        }
        "dpkg-statoverride" => {
            let words: Vec<&Text> = arguments.iter().filter(|a| !a.prefix().starts_with('-')).collect();
            match words.as_slice() {
                [owner, of, _, _] => vec![user(owner.whole()?), group(of.whole()?)],
                _ => Vec::new(),
            }
        }
        "adduser" | "addgroup" | "useradd" | "usermod" | "gpasswd" => memberships(arguments)?,
        _ => return None,
    })
}

/// The group that a user is put into, and the user.
fn memberships(arguments: &[Text]) -> Option<Vec<Named>> {
    const VALUED: [&str; 20] = [
        "--home",
        "--uid",
        "--gid",
        "--ingroup",
        "--shell",
        "--gecos",
        "--comment",
        "--conf",
        "-c",
        "-d",
        "-g",
        "-G",
        "--groups",
        "-s",
        "-u",
        "-K",
        "-e",
        "-k",
        "--home-dir",
        "--firstuid",
    ];
    let options = Options::read(arguments, &VALUED)?;
    let mut named = Vec::new();
    for option in ["--ingroup", "--gid", "-g", "-G", "--groups"] {
        let groups = options.value(&[option]).and_then(Text::whole).unwrap_or_default();
        named.extend(groups.split(',').map(|g| Named::Group(g.into())));
    }
    let operands = options.known_operands()?;
    named.extend(operands.first().map(|user| Named::User((*user).into())));
    named.extend(operands.get(1).map(|group| Named::Group((*group).into())));
    Some(named)
}

fn first_operand(arguments: &[Text]) -> Option<&str> {
    arguments.iter().find(|a| !a.prefix().starts_with('-'))?.whole()
}

/// `user`, `user:group`, `user:`, `:group`, and the old `user.group`.
fn owner(text: &str) -> Vec<Named> {
    let (user, group) = text.split_once([':', '.']).unwrap_or((text, ""));
    vec![Named::User(user.into()), Named::Group(if group.is_empty() { user } else { group }.into())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Vec<String> {
        let words: Vec<Text> = line.split(' ').map(Text::known).collect();
        let all = accounts_of(words[0].prefix(), &words[1..]).unwrap_or_default();
        let shown = |n: Named| match n {
            Named::User(name) => format!("u:{name}"),
            Named::Group(name) => format!("g:{name}"),
        };
        all.into_iter().filter(is_base).map(shown).collect()
    }

    #[test]
    fn names_the_accounts_that_commands_use() {
        for (line, expected) in [
            ("chown www-data:adm /var/log/nginx", vec!["u:www-data", "g:adm"]),
            ("chown -R --quiet root.lp /etc/cups", vec!["g:lp"]),
            ("chown man /var/cache/man", vec!["u:man", "g:man"]),
            ("chgrp -R mail /var/mail", vec!["g:mail"]),
            ("install -d -oDebian-exim -gadm -m2750 /var/log/exim4", vec!["g:adm"]),
            ("install -o www-data --group=www-data a b", vec!["u:www-data", "g:www-data"]),
            ("dpkg-statoverride --update --add root shadow 2755 /sbin/x", vec!["g:shadow"]),
            ("dpkg-statoverride --list /sbin/x", vec![]),
            ("adduser --quiet postgres ssl-cert", vec![]),
            ("adduser --system --ingroup mail x", vec!["g:mail"]),
            ("adduser www-data audio", vec!["u:www-data", "g:audio"]),
            ("usermod -a -G video,foo me", vec!["g:video"]),
            ("chown root:root /x", vec![]),
            ("chmod mail x", vec![]),
        ] {
            assert_eq!(named(line), expected, "{line}");
        }
    }
}
