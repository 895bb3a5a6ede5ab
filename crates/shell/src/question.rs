//! `test`, `[`, and what the tree answers to them.

use bstr::{BStr, BString};
use rootfs::actions::{Condition, Test};

use crate::state::Answer;
use crate::text::Text;
use crate::walk::Walker;
use crate::world::Presence;

impl Walker<'_> {
    /// POSIX.1-2017 `test`, with `-a`, `-o`, `!` and parentheses.
    pub(crate) fn test(&mut self, arguments: &[Text]) -> Answer {
        let mut at = 0;
        let answer = self.test_or(arguments, &mut at, 0);
        if at == arguments.len() { answer } else { Answer::unknown() }
    }

    fn test_or(&mut self, arguments: &[Text], at: &mut usize, depth: u32) -> Answer {
        let mut answer = self.test_and(arguments, at, depth);
        while arguments.get(*at).and_then(Text::whole) == Some("-o") {
            *at += 1;
            answer = answer.or(self.test_and(arguments, at, depth));
        }
        answer
    }

    fn test_and(&mut self, arguments: &[Text], at: &mut usize, depth: u32) -> Answer {
        let mut answer = self.test_one(arguments, at, depth);
        while arguments.get(*at).and_then(Text::whole) == Some("-a") {
            *at += 1;
            answer = answer.and(self.test_one(arguments, at, depth));
        }
        answer
    }

    fn test_one(&mut self, arguments: &[Text], at: &mut usize, depth: u32) -> Answer {
        let rest = &arguments[(*at).min(arguments.len())..];
        let word = |n: usize| rest.get(n).and_then(Text::whole);
        // Three arguments with an operator in the middle come first, as POSIX orders it.
        if let (Some(left), Some(operator), Some(right)) = (rest.first(), word(1), rest.get(2))
            && let Some(answer) = compare(left, operator, right)
        {
            *at += 3;
            return answer;
        }
        match word(0) {
            None if rest.is_empty() => Answer::known(false),
            Some("!") if rest.len() > 1 && depth < 50 => {
                *at += 1;
                self.test_one(arguments, at, depth + 1).not()
            }
            Some("(") if rest.len() > 1 && depth < 50 => {
                *at += 1;
                let answer = self.test_or(arguments, at, depth + 1);
                *at += 1;
                answer
            }
            Some(operator) if rest.len() > 1 && operator.len() == 2 && operator.starts_with('-') => {
                *at += 2;
                self.test_unary(operator, &rest[1])
            }
            _ => {
                *at += 1;
                Answer::of(is_empty(&rest[0]).map(|e| !e))
            }
        }
    }

    fn test_unary(&mut self, operator: &str, operand: &Text) -> Answer {
        match operator {
            "-n" => Answer::of(is_empty(operand).map(|e| !e)),
            "-z" => Answer::of(is_empty(operand)),
            // Nobody is at a terminal.
            "-t" => Answer::known(false),
            "-e" => self.ask_path(operand, Test::Exists),
            "-f" => self.ask_path(operand, Test::File),
            "-d" => self.ask_path(operand, Test::Directory),
            "-h" | "-L" => self.ask_path(operand, Test::Symlink),
            "-x" => self.ask_path(operand, Test::Executable),
            "-s" => self.ask_path(operand, Test::NotEmpty),
            // Root reads and writes what is there.
            "-r" | "-w" => self.ask_path(operand, Test::Exists),
            _ => Answer::unknown(),
        }
    }

    /// Asks the tree about a path.
    pub fn ask_path(&mut self, path: &Text, test: Test) -> Answer {
        let Some(path) = path.whole() else {
            return match outside_of_images(path.prefix()) {
                true => Answer::known(false),
                false => Answer::unknown(),
            };
        };
        if path.is_empty() || path.contains(['*', '?']) {
            return Answer::known(false);
        }
        let Some(path) = self.absolute(path) else { return Answer::unknown() };
        match self.look(&path) {
            Some(presence) => Answer::known(holds(&presence, test)),
            None if self.state.touched.contains_key(&path) => Answer::unknown(),
            None => Answer::asks(Condition { path: path.into(), test, expect: true }),
        }
    }

    /// What is at a path in a tree's form, as far as it is known.
    pub(crate) fn look(&self, path: &str) -> Option<Presence> {
        if let Some(touched) = self.state.touched.get(path) {
            return touched.clone();
        }
        if outside_of_images(&format!("/{path}")) {
            return Some(Presence::Absent);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let in_bin =
            ["bin/", "sbin/", "usr/bin/", "usr/sbin/"].iter().any(|d| path.strip_prefix(d) == Some(name));
        if in_bin && self.system.rules().is_essential(name) {
            return Some(Presence::File { executable: true, empty: false });
        }
        if self.system.rules().present.contains(&path) {
            return Some(Presence::File { executable: false, empty: false });
        }
        if let Some(own) = self.system.own(BStr::new(path))
            && (self.unpacked || own == Presence::Directory)
        {
            return Some(own);
        }
        let found = self.world.look(BStr::new(path))?;
        // Before the package is unpacked, its own files are not there.
        let own = !self.unpacked && self.system.brings(BStr::new(path));
        Some(if own && found != Presence::Directory { Presence::Absent } else { found })
    }

    /// A path of the script in a tree's form; `None` for one that climbs out.
    pub(crate) fn absolute(&self, path: &str) -> Option<String> {
        let joined = match path.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None => format!("{}/{path}", self.state.directory.as_deref()?),
        };
        let mut out: Vec<&str> = Vec::new();
        for component in joined.split('/') {
            match component {
                "" | "." => {}
                ".." => {
                    out.pop()?;
                }
                other => out.push(other),
            }
        }
        Some(out.join("/"))
    }

    /// Is there a program of that name?
    pub(crate) fn ask_command(&mut self, name: &str) -> Answer {
        if name.starts_with('/') {
            return self.ask_path(&Text::known(name), Test::Executable);
        }
        if self.system.rules().is_essential(name) || self.state.functions.contains_key(name) {
            return Answer::known(true);
        }
        let mut unknown = false;
        for directory in crate::PATH_DIRECTORIES {
            match self.look(&format!("{directory}/{name}")) {
                Some(presence) if holds(&presence, Test::Executable) => return Answer::known(true),
                Some(_) => {}
                None => unknown = true,
            }
        }
        match unknown {
            false => Answer::known(false),
            true => {
                let path = BString::from(name);
                Answer::asks(Condition { path, test: Test::Command, expect: true })
            }
        }
    }
}

/// What only a running system has: an image is none.
fn outside_of_images(path: &str) -> bool {
    [
        "/run/systemd",
        "/run/openrc",
        "/run/initctl",
        "/proc/",
        "/sys/",
        "/dev/initctl",
        "/.dockerenv",
        "/target/",
    ]
    .iter()
    .any(|p| path.starts_with(p))
}

pub(crate) fn holds(presence: &Presence, test: Test) -> bool {
    let followed = presence.followed();
    match test {
        Test::Exists => *followed != Presence::Absent,
        Test::Directory => *followed == Presence::Directory,
        Test::File => matches!(followed, Presence::File { .. }),
        Test::Symlink => matches!(presence, Presence::Symlink { .. }),
        Test::Executable => {
            matches!(followed, Presence::File { executable: true, .. } | Presence::Directory)
        }
        Test::NotEmpty => matches!(followed, Presence::File { empty: false, .. } | Presence::Directory),
        Test::Command => matches!(followed, Presence::File { executable: true, .. }),
    }
}

/// Is the string empty? `None` where that is not known.
fn is_empty(text: &Text) -> Option<bool> {
    match text.whole() {
        Some(whole) => Some(whole.is_empty()),
        None if !text.prefix().is_empty() => Some(false),
        None => None,
    }
}

fn compare(left: &Text, operator: &str, right: &Text) -> Option<Answer> {
    let number = |t: &Text| t.whole().and_then(|t| t.trim().parse::<i64>().ok());
    let numbers =
        |f: fn(&i64, &i64) -> bool| Answer::of(number(left).zip(number(right)).map(|(a, b)| f(&a, &b)));
    Some(match operator {
        "=" | "==" => Answer::of(equal(left, right)),
        "!=" => Answer::of(equal(left, right).map(|e| !e)),
        "-eq" => numbers(i64::eq),
        "-ne" => numbers(i64::ne),
        "-lt" => numbers(i64::lt),
        "-le" => numbers(i64::le),
        "-gt" => numbers(i64::gt),
        "-ge" => numbers(i64::ge),
        "-nt" | "-ot" | "-ef" => Answer::unknown(),
        _ => return None,
    })
}

/// Are the strings equal? What is not known can still differ by what it begins with.
fn equal(left: &Text, right: &Text) -> Option<bool> {
    match (left.whole(), right.whole()) {
        (Some(a), Some(b)) => Some(a == b),
        (Some(whole), None) => (!whole.starts_with(right.prefix())).then_some(false),
        (None, Some(whole)) => (!whole.starts_with(left.prefix())).then_some(false),
        (None, None) => {
            let shared = left.prefix().len().min(right.prefix().len());
            (left.prefix().as_bytes()[..shared] != right.prefix().as_bytes()[..shared]).then_some(false)
        }
    }
}
