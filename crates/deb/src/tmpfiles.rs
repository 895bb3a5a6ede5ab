//! `tmpfiles.d(5)`: directories and files that packages declare, below /run and /var only: the rest
//! of an image comes from packages, and what is below /tmp, /dev and /sys from the running system.

use bstr::{BStr, BString, ByteSlice};
use rootfs::actions::{Account, Attributes, Change, Existing, FileAction, Keeps, Step};

use crate::declared_line::{Line, after_words, words};

/// What is declared, and the lines that are not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tmpfiles {
    /// Changes to the tree, in order.
    pub steps: Vec<Step>,
    /// Lines below /run or /var that depend on the running system or that tmpfiles.d(5) does not
    /// know, as they stand.
    pub not_understood: Vec<BString>,
}

/// Reads one file.
pub fn parse_tmpfiles(text: &[u8]) -> Tmpfiles {
    let mut all = Tmpfiles::default();
    for line in text.lines() {
        let words = match words(line) {
            Line::Empty => continue,
            Line::Words(words) => words,
            Line::Broken => {
                all.not_understood.push(line.into());
                continue;
            }
        };
        match take(line, &words) {
            Taken::Steps(actions) => {
                all.steps.extend(actions.into_iter().map(|action| Step { when: Vec::new(), action }));
            }
            Taken::Elsewhere => {}
            Taken::NotUnderstood => all.not_understood.push(line.into()),
        }
    }
    all
}

enum Taken {
    Steps(Vec<FileAction>),
    /// Not of an image: another place, at boot only, or about what is removed there.
    Elsewhere,
    NotUnderstood,
}

fn take(line: &[u8], words: &[BString]) -> Taken {
    let (Some(kind), Some(path)) = (words.first(), words.get(1)) else { return Taken::NotUnderstood };
    let letter = kind.first().copied().unwrap_or_default();
    let modifiers = kind.get(1..).unwrap_or_default();
    // `x`, `X`, `r`, `R`, `e`: what to keep, remove or clean up there. `!`: only at boot.
    // `t`, `a`, `h`, `H`: attributes of the running system's file system.
    if b"xXrRetTaAhH".contains(&letter) || modifiers.contains(&b'!') {
        return Taken::Elsewhere;
    }
    let below = ["/run/", "/var/"].iter().any(|d| path.starts_with(d.as_bytes()));
    if !below {
        return Taken::Elsewhere;
    }
    read(letter, modifiers, path.as_bstr(), line, words).map_or(Taken::NotUnderstood, Taken::Steps)
}

fn read(
    letter: u8,
    modifiers: &[u8],
    path: &BStr,
    line: &[u8],
    words: &[BString],
) -> Option<Vec<FileAction>> {
    let field = |n: usize| words.get(n).filter(|w| *w != "-" && !w.is_empty());
    let path = tree_path(path)?;
    let mode = match field(2) {
        Some(mode) => Some(parse_mode(mode)?),
        None => None,
    };
    let account = |n: usize| match field(n) {
        Some(name) => parse_account(name).map(Some),
        None => Some(None),
    };
    let attributes = Attributes { mode, user: account(3)?, group: account(4)? };
    // The argument is the seventh field and may hold blanks.
    let argument = BString::from(after_words(line, 6));
    let argument = Some(argument).filter(|a| !a.is_empty() && *a != "-");
    if argument.as_ref().is_some_and(|a| a.contains(&b'%')) {
        return None;
    }
    let forces = modifiers.contains(&b'+');
    Some(match letter {
        b'd' | b'D' | b'v' | b'q' | b'Q' => {
            vec![FileAction::Directory { path, attributes }]
        }
        b'f' | b'F' | b'w' => {
            let existing = match (letter, forces) {
                (b'w', _) => return None,
                (b'F', _) | (_, true) => Existing::Replace,
                _ => Existing::Keep,
            };
            let content = argument.map(|a| unescape(&a)).unwrap_or_default();
            vec![FileAction::File { path, content, attributes, existing }]
        }
        b'L' => {
            // Without an argument it leads to the same path below /usr/share/factory.
            let target = argument.unwrap_or_else(|| format!("/usr/share/factory/{path}").into());
            if modifiers.contains(&b'?') {
                return None;
            }
            vec![FileAction::Symlink { path, target, replace: forces }]
        }
        b'C' => {
            let from = match argument {
                Some(from) => tree_path(from.as_bstr())?,
                None => format!("usr/share/factory/{path}").into(),
            };
            let existing = if forces { Existing::Replace } else { Existing::Keep };
            let keeps = Keeps::All;
            vec![FileAction::Copy { from, to: path, recursive: true, keeps, attributes, existing }]
        }
        // A FIFO or device in /run is the running system's to make.
        b'p' | b'c' | b'b' => Vec::new(),
        b'z' | b'Z' | b'm' => changes(path, &attributes, letter == b'Z')?,
        _ => return None,
    })
}

fn changes(path: BString, attributes: &Attributes, recursive: bool) -> Option<Vec<FileAction>> {
    if path.contains(&b'*') || path.contains(&b'?') {
        return None;
    }
    let mut all = Vec::new();
    let (user, group) = (attributes.user.clone(), attributes.group.clone());
    if user.is_some() || group.is_some() {
        let change = Change::Owner { user, group };
        all.push(FileAction::Change { path: path.clone(), change, recursive });
    }
    if let Some(mode) = attributes.mode {
        let change = Change::Mode { keep: 0, set: mode };
        all.push(FileAction::Change { path, change, recursive });
    }
    Some(all)
}

/// An absolute path in a tree's form; `/var/run` is `/run` (tmpfiles.d(5) warns and does the same).
fn tree_path(path: &BStr) -> Option<BString> {
    if path.contains(&b'%') {
        return None;
    }
    let path = path.strip_prefix(b"/")?;
    let path = match path.strip_prefix(b"var/run/") {
        Some(rest) => [b"run/", rest].concat(),
        None => path.to_vec(),
    };
    let parts: Vec<&[u8]> = path.split_str("/").filter(|c| !c.is_empty() && *c != b".").collect();
    let fine = !parts.is_empty() && !parts.contains(&&b".."[..]);
    fine.then(|| bstr::join("/", parts).into())
}

/// `0755`, `~0755` (masked by the existing mode: the same for a new one), `:0755` (only when made).
fn parse_mode(text: &[u8]) -> Option<u32> {
    let text = text.trim_start_with(|c| c == '~' || c == ':').to_str().ok()?;
    u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777 && !text.starts_with('+'))
}

fn parse_account(text: &[u8]) -> Option<Account> {
    let text = text.trim_start_with(|c| c == ':').to_str().ok()?;
    if let Ok(id) = text.parse() {
        return Some(Account::Id(id));
    }
    let fine = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    match text {
        "root" => Some(Account::Id(0)),
        _ => (fine && !text.is_empty()).then(|| Account::Name(text.into())),
    }
}

/// C escapes in the argument of a file.
fn unescape(text: &[u8]) -> BString {
    let mut out = BString::default();
    let mut rest = text.iter();
    while let Some(&b) = rest.next() {
        match b {
            b'\\' => match rest.next() {
                Some(b'n') => out.push(b'\n'),
                Some(b't') => out.push(b'\t'),
                Some(&other) => out.push(other),
                None => out.push(b'\\'),
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_packages_declare() {
        let text = b"# x\n\
            d /run/foo 0755 foo adm - -\n\
            D /var/run/bar - - -\n\
            L+ /var/lib/link - - - - ../share/with blank\n\
            L /var/lib/dbus/machine-id - - - - /etc/machine-id\n\
            f /var/lib/x 0644 root root - one\\ntwo\n\
            C /var/lib/conf - - - - /usr/share/conf\n\
            z /var/log/y 2755 root 4\n\
            d /tmp/x 1777\n\
            d! /run/boot\n\
            x /var/tmp/keep\n\
            p /run/fifo 0600\n\
            d /var/%b\n\
            d /run/../etc\n\
            w /run/z - - - - 1\n\
            d /run/bad-mode 99\n";
        let found = parse_tmpfiles(text);
        let paths: Vec<String> = found
            .steps
            .iter()
            .map(|s| match &s.action {
                FileAction::Directory { path, attributes } => format!("d {path} {:?}", attributes.mode),
                FileAction::Symlink { path, target, replace } => format!("L {path} {target} {replace}"),
                FileAction::File { path, content, .. } => format!("f {path} {content:?}"),
                FileAction::Copy { from, to, .. } => format!("C {from} {to}"),
                FileAction::Change { path, .. } => format!("z {path}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            paths,
            [
                "d run/foo Some(493)",
                "d run/bar None",
                "L var/lib/link ../share/with blank true",
                "L var/lib/dbus/machine-id /etc/machine-id false",
                "f var/lib/x \"one\\ntwo\"",
                "C usr/share/conf var/lib/conf",
                "z var/log/y",
                "z var/log/y",
            ]
        );
        assert_eq!(found.not_understood.len(), 4, "{:?}", found.not_understood);
    }
}
