//! Programs whose answer on a first installation is known before they run.

use package::base_accounts::{group_named, user_named};
use package::version::debian;
use std::cmp::Ordering;

use super::state::Answer;
use super::text::Text;
use super::walk::Walker;

impl Walker<'_> {
    pub(super) fn known_program(&mut self, name: &str, arguments: &[Text]) -> Option<Answer> {
        let words: Option<Vec<&str>> = arguments.iter().map(Text::whole).collect();
        let has = |word: &str| arguments.iter().any(|a| a.whole() == Some(word));
        match name {
            "echo" => self.echo(arguments),
            "printf" => self.printf(arguments),
            "cat" if arguments.iter().all(|a| a.whole() == Some("-")) => {
                let input = self.input.clone();
                self.write(&input);
                Some(Answer::known(true))
            }
            "basename" | "dirname" => {
                let path = words.as_ref().and_then(|w| w.first().copied());
                let cut = |path: &str| {
                    let path = path.trim_end_matches('/');
                    match (name, path.rsplit_once('/')) {
                        ("basename", Some((_, base))) => base.to_owned(),
                        ("basename", None) => path.to_owned(),
                        (_, Some(("", _))) => "/".to_owned(),
                        (_, Some((directory, _))) => directory.to_owned(),
                        (_, None) => ".".to_owned(),
                    }
                };
                let value = path.filter(|_| arguments.len() == 1).map(cut);
                self.write(&Text::of(value));
                Some(Answer::known(true))
            }
            "dpkg" if has("--compare-versions") => Some(compare_versions(words.as_deref()?)),
            "dpkg" if has("--print-architecture") => {
                let arch = self.subject.native_arch();
                self.write(&Text::of(arch));
                Some(Answer::known(true))
            }
            "dpkg" if has("--print-foreign-architectures") => Some(Answer::known(true)),
            "dpkg" if arguments.iter().any(|a| a.prefix().starts_with("--assert-")) => {
                Some(Answer::known(true))
            }
            "dpkg-maintscript-helper" => Some(self.maintscript_helper(has("supports"))),
            "dpkg-statoverride" if has("--list") => Some(Answer::known(false)),
            "dpkg-divert" if has("--list") || has("--listpackage") || has("--truename") => {
                match arguments.last().filter(|_| has("--truename")) {
                    Some(path) => self.write(&path.clone()),
                    None => self.write(&Text::known("")),
                }
                Some(Answer::known(true))
            }
            "getent" => self.getent(words.as_deref()),
            "id" => self.id(words.as_deref()),
            "uname" if arguments.is_empty() || has("-s") => {
                self.write(&Text::known("Linux"));
                Some(Answer::known(true))
            }
            "ls" => {
                let paths: Vec<&Text> = arguments.iter().filter(|a| !a.prefix().starts_with('-')).collect();
                self.write(&Text::unknown());
                match paths.as_slice() {
                    [path] => Some(self.ask_path(&(*path).clone(), rootfs::actions::Test::Exists)),
                    _ => Some(Answer::unknown()),
                }
            }
            "ischroot" => Some(Answer::known(true)),
            "tempfile" | "mktemp" => {
                let mut path = Text::known("/tmp/");
                path.push(&Text::unknown());
                self.write(&path);
                Some(Answer::known(true))
            }
            // Asks only whether Perl works.
            "perl" if words.as_deref() == Some(&["-e", ""]) => Some(Answer::known(true)),
            "sleep" | "sync" | "clear" => Some(Answer::known(true)),
            _ => None,
        }
    }

    fn echo(&mut self, arguments: &[Text]) -> Option<Answer> {
        let mut out = Text::known("");
        let newline = arguments.first().and_then(Text::whole) != Some("-n");
        let rest = if newline { arguments } else { &arguments[1..] };
        for (n, argument) in rest.iter().enumerate() {
            if n > 0 {
                out.push_str(" ");
            }
            out.push(argument);
        }
        if newline {
            out.push_str("\n");
        }
        self.write(&out);
        Some(Answer::known(true))
    }

    /// `printf` with `%s` and `\n` only; anything else has an output that is not looked into.
    fn printf(&mut self, arguments: &[Text]) -> Option<Answer> {
        let format = arguments.first().and_then(Text::whole);
        let mut values = arguments.iter().skip(1);
        let mut out = Text::known("");
        let mut rest = format.unwrap_or("%?").chars();
        while let Some(c) = rest.next() {
            match (c, c == '\\' || c == '%') {
                (_, false) => out.push_str(&c.to_string()),
                ('\\', _) => match rest.next() {
                    Some('n') => out.push_str("\n"),
                    Some('t') => out.push_str("\t"),
                    Some('\\') => out.push_str("\\"),
                    _ => out.push(&Text::unknown()),
                },
                _ => match rest.next() {
                    Some('s') => out.push(values.next().unwrap_or(&Text::known(""))),
                    Some('%') => out.push_str("%"),
                    _ => out.push(&Text::unknown()),
                },
            }
        }
        if values.next().is_some() {
            out.push(&Text::unknown());
        }
        self.write(&out);
        Some(Answer::known(true))
    }

    /// dpkg-maintscript-helper(1): moves and removals that only an upgrade needs.
    fn maintscript_helper(&mut self, supports: bool) -> Answer {
        if !supports {
            self.found.rules.insert("upgrades-only");
        }
        Answer::known(true)
    }

    /// Users and groups on a first installation are those of base-passwd.
    fn getent(&mut self, words: Option<&[&str]>) -> Option<Answer> {
        self.write(&Text::unknown());
        Some(match words? {
            ["passwd", name] => Answer::known(user_named(name).is_some()),
            ["group", name] => Answer::known(group_named(name).is_some()),
            _ => Answer::unknown(),
        })
    }

    fn id(&mut self, words: Option<&[&str]>) -> Option<Answer> {
        let words = words.unwrap_or_default();
        let (options, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|w| w.starts_with('-'));
        match names.as_slice() {
            [] => {
                let value = if options == ["-un"] || options == ["-u", "-n"] { "root" } else { "0" };
                self.write(&Text::known(value));
                Some(Answer::known(true))
            }
            [name] => {
                self.write(&Text::unknown());
                Some(Answer::known(user_named(name).is_some()))
            }
            _ => None,
        }
    }
}

/// `dpkg --compare-versions A OPERATOR B` (dpkg(1)); on a first installation A is often empty.
fn compare_versions(words: &[&str]) -> Answer {
    let at = words.iter().position(|w| *w == "--compare-versions");
    let Some([a, operator, b]) = at.and_then(|at| words.get(at + 1..at + 4)) else {
        return Answer::unknown();
    };
    // "lt" and its kin take an empty version as earlier than any, "-nl" as later than any.
    let empty_is_later = operator.ends_with("-nl");
    let empty = if empty_is_later { Ordering::Greater } else { Ordering::Less };
    let order = match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => empty,
        (false, true) => empty.reverse(),
        (false, false) => debian::compare(a, b),
    };
    Answer::of(Some(match operator.trim_end_matches("-nl") {
        "lt" | "<<" => order.is_lt(),
        "le" | "<=" | "<" => order.is_le(),
        "eq" | "=" => order.is_eq(),
        "ne" => order.is_ne(),
        "ge" | ">=" | ">" => order.is_ge(),
        "gt" | ">>" => order.is_gt(),
        _ => return Answer::unknown(),
    }))
}
