//! `update-alternatives`, `dpkg-divert`, `dpkg-statoverride` and `add-shell` as data.

use bstr::BString;
use rootfs::actions::{Alternative, Diversion, Follower, Override};

use shell::{Act, Literal, Options, Text, octal, read_group, read_user};

use super::Subject;

pub(super) fn read(name: &str, arguments: &[Text], subject: &Subject<'_>) -> Option<Literal> {
    match name {
        "update-alternatives" => {
            let words: Option<Vec<&str>> = arguments.iter().map(Text::whole).collect();
            Some(("alternatives", vec![Act::Alternative(parse_alternative(&words?)?)]))
        }
        "dpkg-divert" => Some(("diversions", vec![Act::Diversion(diversion(arguments, subject)?)])),
        "dpkg-statoverride" => Some(("overrides", vec![Act::Override(stat_override(arguments, subject)?)])),
        "add-shell" => {
            let shells: Option<Vec<Act>> =
                arguments.iter().map(|s| s.whole().map(|s| Act::Shell(s.into()))).collect();
            Some(("shells", shells?))
        }
        _ => None,
    }
}

/// The words of `update-alternatives … --install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…`
/// (update-alternatives(1)), without the command itself; `None` for anything else.
pub fn parse_alternative(words: &[&str]) -> Option<Alternative> {
    let at = words.iter().position(|w| *w == "--install")?;
    let [link, name, path, priority, rest @ ..] = &words[at + 1..] else { return None };
    let mut followers = Vec::new();
    let mut rest = rest;
    while let [word, after @ ..] = rest {
        rest = after;
        if matches!(*word, "--slave" | "--follower") {
            let [link, name, path, after @ ..] = rest else { return None };
            followers.push(Follower { link: relative(link)?, name: plain(name)?, path: relative(path)? });
            rest = after;
        } else if !matches!(*word, "--quiet" | "--force" | "--verbose") {
            return None;
        }
    }
    let (link, name, path) = (relative(link)?, plain(name)?, relative(path)?);
    Some(Alternative { link, name, path, priority: priority.parse().ok()?, followers })
}

fn diversion(arguments: &[Text], subject: &Subject<'_>) -> Option<Diversion> {
    let options = Options::read(arguments, &["--package", "--divert", "--admindir", "--instdir"])?;
    if options.has(&["--remove"]) {
        return None;
    }
    let [path] = options.known_operands()?.try_into().ok()?;
    let by = match options.value(&["--package"]) {
        Some(package) => Some(package.whole()?.into()),
        None if options.has(&["--local"]) => None,
        None => Some(subject.files.control.package().into()),
    };
    let to = match options.value(&["--divert"]) {
        Some(to) => to.whole()?.to_owned(),
        None => format!("{path}.distrib"),
    };
    if to.ends_with(".usr-is-merged") {
        // DEP 17: keeps a link of merged /usr in place during an upgrade. A rule of its own.
        return None;
    }
    Some(Diversion { by, path: relative(path)?, to: relative(&to)? })
}

fn stat_override(arguments: &[Text], subject: &Subject<'_>) -> Option<Override> {
    let options = Options::read(arguments, &["--admindir", "--instdir"])?;
    let [user, group, mode, path] = options.known_operands()?.try_into().ok()?;
    if !options.has(&["--add"]) {
        return None;
    }
    let plain = |text: &'_ str| text.strip_prefix('#').unwrap_or(text).to_owned();
    let (user, group) = (read_user(subject, &plain(user))?, read_group(subject, &plain(group))?);
    Some(Override { path: relative(path)?, user, group, mode: octal(mode)? })
}

/// An absolute path in a tree's form.
fn relative(path: &str) -> Option<BString> {
    let path = path.strip_prefix('/')?;
    let fine = !path.is_empty() && !path.split('/').any(|c| matches!(c, "" | "." | ".."));
    fine.then(|| path.into())
}

/// A name that becomes one component of a path.
fn plain(name: &str) -> Option<BString> {
    (!name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..").then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_alternatives() {
        let line =
            "--quiet --install /usr/bin/awk awk /usr/bin/mawk 5 --slave /usr/bin/nawk nawk /usr/bin/mawk";
        let found = parse_alternative(&line.split(' ').collect::<Vec<_>>()).unwrap();
        assert_eq!((found.link.to_string(), found.priority), ("usr/bin/awk".into(), 5));
        assert_eq!(found.followers.len(), 1);
        for bad in [
            "--remove awk /usr/bin/mawk",
            "--install /usr/bin/awk awk /usr/bin/mawk",
            "--install usr/bin/awk awk /usr/bin/mawk 5",
            "--install /usr/bin/awk ../awk /usr/bin/mawk 5",
            "--install /usr/../awk awk /usr/bin/mawk 5",
            "--install /usr/bin/awk awk /usr/bin/mawk five",
            "--install /usr/bin/awk awk /usr/bin/mawk 5 --slave /a b",
        ] {
            assert_eq!(parse_alternative(&bad.split(' ').collect::<Vec<_>>()), None, "{bad}");
        }
    }
}
