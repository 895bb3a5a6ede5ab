//! `mkdir`, `chmod`, `chown`, `ln`, `cp`, `mv`, `rm` and their kin as [`FileAction`]s.

use bstr::BString;
use rootfs::actions::{Account, Attributes, Change, Existing, FileAction, Keeps, Test};

use crate::options::Options;
use crate::question::holds;
use crate::state::Act;
use crate::system::System;
use crate::text::Text;
use crate::walk::Walker;
use crate::world::Presence;

const FILE: Presence = Presence::File { executable: false, empty: false };

impl Walker<'_> {
    pub(crate) fn literal_files(&mut self, name: &str, arguments: &[Text]) -> Option<Vec<Act>> {
        let actions = match name {
            "mkdir" => self.mkdir(arguments),
            "touch" => self.touch_command(arguments),
            "chmod" => self.chmod(arguments),
            "chown" | "chgrp" => self.chown(name == "chgrp", arguments),
            "ln" => self.ln(arguments),
            "cp" => self.cp(arguments),
            "mv" => self.mv(arguments),
            "rm" | "unlink" => self.rm(arguments),
            "rmdir" => self.rmdir(arguments),
            "install" => self.install(arguments),
            "ucf" => self.ucf(arguments),
            _ => return None,
        }?;
        Some(actions.into_iter().map(Act::File).collect())
    }

    /// A file whose whole content the script writes.
    pub(crate) fn write_literal(&mut self, to: &str, content: &str, append: bool) -> bool {
        if !self.is_decided() || self.is_of_unknown_mode(to) {
            return false;
        }
        let existing = if append { Existing::Append } else { Existing::Replace };
        let action = FileAction::File {
            path: to.into(),
            content: content.into(),
            attributes: Attributes::default(),
            existing,
        };
        self.mark(to, Presence::File { executable: false, empty: content.is_empty() && !append });
        self.ask(Act::File(action));
        true
    }

    fn mark(&mut self, path: &str, presence: Presence) {
        self.touch(path, Some(presence));
    }

    /// Would it be made here, with a mode by a umask that is not known?
    fn is_of_unknown_mode(&self, path: &str) -> bool {
        self.state.other_umask && !self.look(path).is_some_and(|p| holds(&p, Test::Exists))
    }

    fn paths(&self, options: &Options<'_>) -> Option<Vec<String>> {
        let operands = options.known_operands()?;
        operands.into_iter().map(|o| self.absolute(o).filter(|_| !o.is_empty())).collect()
    }

    fn mkdir(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-m", "--mode"])?;
        let mode = match options.value(&["-m", "--mode"]) {
            Some(mode) => Some(octal(mode.whole()?)?),
            None => None,
        };
        let paths = self.paths(&options)?;
        let mut actions = Vec::new();
        for path in paths {
            if self.look(&path).is_some_and(|p| holds(&p, Test::Directory)) {
                continue;
            }
            if self.is_of_unknown_mode(&path) && (mode.is_none() || options.has(&["-p", "--parents"])) {
                return None;
            }
            self.mark(&path, Presence::Directory);
            let attributes = Attributes { mode, ..Attributes::default() };
            actions.push(FileAction::Directory { path: path.into(), attributes });
        }
        Some(actions)
    }

    fn touch_command(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-d", "-t", "-r"])?;
        let paths = self.paths(&options)?;
        let mut actions = Vec::new();
        for path in paths {
            if self.look(&path).is_some_and(|p| holds(&p, Test::Exists)) {
                continue;
            }
            if self.is_of_unknown_mode(&path) {
                return None;
            }
            self.mark(&path, Presence::File { executable: false, empty: true });
            actions.push(FileAction::File {
                path: path.into(),
                content: BString::default(),
                attributes: Attributes::default(),
                existing: Existing::Keep,
            });
        }
        Some(actions)
    }

    fn chmod(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let recursive_flags = ["-R", "--recursive"];
        // A symbolic mode such as `-x` looks like an option.
        let (mode, rest): (Vec<&Text>, Vec<&Text>) = arguments.iter().partition(|a| {
            let text = a.prefix();
            text.starts_with('-') && text.len() > 1 && text[1..].chars().all(|c| "rwxst".contains(c))
        });
        let rest: Vec<Text> = rest.into_iter().cloned().collect();
        let options = Options::read(&rest, &[])?;
        let recursive = options.has(&recursive_flags);
        let mut operands = options.known_operands()?.into_iter();
        let mode = match mode.first() {
            Some(mode) => mode.whole()?,
            None => operands.next()?,
        };
        let (keep, set) = read_mode(mode)?;
        if self.state.other_umask && mode.split(',').any(|c| c.starts_with(['+', '-', '='])) {
            return None;
        }
        let paths: Option<Vec<String>> = operands.map(|o| self.absolute(o)).collect();
        let change = |path: String| FileAction::Change {
            path: path.into(),
            change: Change::Mode { keep, set },
            recursive,
        };
        Some(self.existing(paths?).map(change).collect())
    }

    fn chown(&mut self, only_group: bool, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &[])?;
        if options.values.iter().any(|(n, _)| *n != "--from") || options.value(&["--reference"]).is_some() {
            return None;
        }
        let recursive = options.has(&["-R", "--recursive"]);
        let mut operands = options.known_operands()?.into_iter();
        let owner = operands.next()?;
        let (user, group) = match only_group {
            true => (None, Some(read_group(self.system, owner)?)),
            false => read_owner(self.system, owner)?,
        };
        let paths: Option<Vec<String>> = operands.map(|o| self.absolute(o)).collect();
        let change = |path: String| FileAction::Change {
            path: path.into(),
            change: Change::Owner { user: user.clone(), group: group.clone() },
            recursive,
        };
        Some(self.existing(paths?).map(change).collect())
    }

    /// Those of which it is not known that they are not there.
    fn existing(&self, paths: Vec<String>) -> impl Iterator<Item = String> + '_ {
        paths.into_iter().filter(|p| self.look(p) != Some(Presence::Absent))
    }

    fn ln(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-S", "-t"])?;
        if options.value(&["-t"]).is_some() || options.has(&["-r", "--relative"]) {
            return None;
        }
        let operands = options.known_operands()?;
        if operands.len() > 2 {
            return self.ln_into(&options, &operands);
        }
        let [target, path] = operands.as_slice() else { return None };
        let into_directory = path.ends_with('/');
        let mut path = self.absolute(path)?;
        let there = self.look(&path);
        let into = there.as_ref().is_some_and(|p| holds(p, Test::Directory))
            && !(options.has(&["-n", "-T", "--no-dereference"])
                && matches!(there, Some(Presence::Symlink { .. })));
        if into || into_directory {
            path = format!("{path}/{}", target.trim_end_matches('/').rsplit('/').next()?);
        }
        let replace = options.has(&["-f", "--force"]);
        if !options.has(&["-s", "--symbolic"]) {
            let target = self.absolute(target)?;
            self.mark(&path, FILE);
            return Some(vec![FileAction::Hardlink { path: path.into(), target: target.into(), replace }]);
        }
        let to = self.target_of(&path, target).map(|to| to.into_link());
        self.touch(path.as_str(), to);
        Some(vec![FileAction::Symlink { path: path.into(), target: (*target).into(), replace }])
    }

    /// `ln -s A B … DIRECTORY`.
    fn ln_into(&mut self, options: &Options<'_>, operands: &[&str]) -> Option<Vec<FileAction>> {
        let (directory, targets) = operands.split_last()?;
        let directory = self.absolute(directory)?;
        let replace = options.has(&["-f", "--force"]);
        let link = |target: &&str| {
            let name = target.trim_end_matches('/').rsplit('/').next()?;
            let path = format!("{directory}/{name}").into();
            Some(FileAction::Symlink { path, target: (*target).into(), replace })
        };
        let symbolic = options.has(&["-s", "--symbolic"]);
        if symbolic { targets.iter().map(link).collect() } else { None }
    }

    /// ucf(1): a configuration file that nobody has changed yet is copied where there is none.
    fn ucf(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-s", "--src-dir"])?;
        if options.has(&["-p", "--purge"]) {
            return Some(Vec::new());
        }
        let paths = self.paths(&options)?;
        let [from, to] = paths.as_slice() else { return None };
        self.mark(to, FILE);
        let (from, to) = (from.as_str().into(), to.as_str().into());
        let attributes = Attributes::default();
        let (keeps, existing) = (Keeps::All, Existing::Keep);
        Some(vec![FileAction::Copy { from, to, recursive: false, keeps, attributes, existing }])
    }

    /// What a link at `path` leads to, as far as it is known.
    fn target_of(&self, path: &str, target: &str) -> Option<Presence> {
        let directory = path.rsplit_once('/').map_or("", |(d, _)| d);
        let whole =
            if target.starts_with('/') { target.to_owned() } else { format!("/{directory}/{target}") };
        self.look(&self.absolute(&whole)?).map(|p| p.followed().clone())
    }

    fn cp(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-t", "-S"])?;
        if options.value(&["-t"]).is_some() {
            return None;
        }
        let mut paths = self.paths(&options)?;
        let to = paths.pop().filter(|_| !paths.is_empty())?;
        let recursive = options.has(&["-r", "-R", "-a", "--recursive", "--archive"]);
        let existing = if options.has(&["-n", "--no-clobber"]) { Existing::Keep } else { Existing::Replace };
        let keeps = keeps(&options)?;
        if keeps != Keeps::All && self.is_of_unknown_mode(&to) {
            return None;
        }
        let mut actions = Vec::new();
        for from in paths {
            if self.look(&from) == Some(Presence::Absent) {
                continue;
            }
            let presence = self.look(&from);
            if !self.look(&to).is_some_and(|p| holds(&p, Test::Directory)) {
                self.touch(to.as_str(), presence);
            }
            let attributes = Attributes::default();
            let (from, to) = (from.into(), to.clone().into());
            actions.push(FileAction::Copy { from, to, recursive, keeps, attributes, existing });
        }
        Some(actions)
    }

    fn mv(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &["-t", "-S"])?;
        if options.value(&["-t"]).is_some() {
            return None;
        }
        let paths = self.paths(&options)?;
        let [from, to] = paths.as_slice() else { return None };
        let there = self.look(from);
        if there == Some(Presence::Absent) {
            return Some(Vec::new());
        }
        let mut to = to.clone();
        if self.look(&to).is_some_and(|p| holds(&p, Test::Directory)) {
            to = format!("{to}/{}", from.rsplit('/').next()?);
        }
        self.mark(from, Presence::Absent);
        self.touch(to.as_str(), there);
        let existing = if options.has(&["-n", "--no-clobber"]) { Existing::Keep } else { Existing::Replace };
        Some(vec![FileAction::Move { from: from.as_str().into(), to: to.into(), existing }])
    }

    fn rm(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &[])?;
        let recursive = options.has(&["-r", "-R", "--recursive"]);
        let paths = self.paths(&options)?;
        if paths.iter().any(String::is_empty) {
            return None;
        }
        let mut actions = Vec::new();
        for path in paths {
            // A pattern that matched nothing stays as it is, and names nothing.
            if self.look(&path) == Some(Presence::Absent) || path.contains(['*', '?']) {
                continue;
            }
            self.mark(&path, Presence::Absent);
            actions.push(FileAction::Remove { path: path.into(), recursive });
        }
        Some(actions)
    }

    fn rmdir(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let options = Options::read(arguments, &[])?;
        let paths = self.paths(&options)?;
        let mut actions = Vec::new();
        for path in paths {
            if self.look(&path) == Some(Presence::Absent) {
                continue;
            }
            // What is in it is not looked at here.
            self.touch(path.as_str(), None);
            actions.push(FileAction::RemoveEmpty { path: path.into() });
        }
        Some(actions)
    }

    fn install(&mut self, arguments: &[Text]) -> Option<Vec<FileAction>> {
        let valued = ["-m", "-o", "-g", "--mode", "--owner", "--group", "-t", "-S"];
        let options = Options::read(arguments, &valued)?;
        let mut attributes = Attributes { mode: Some(0o755), ..Attributes::default() };
        if let Some(mode) = options.value(&["-m", "--mode"]) {
            attributes.mode = Some(octal(mode.whole()?)?);
        }
        if let Some(user) = options.value(&["-o", "--owner"]) {
            attributes.user = Some(read_user(self.system, user.whole()?)?);
        }
        if let Some(group) = options.value(&["-g", "--group"]) {
            attributes.group = Some(read_group(self.system, group.whole()?)?);
        }
        let paths = self.paths(&options)?;
        if options.has(&["-d", "--directory"]) {
            for path in &paths {
                self.mark(path, Presence::Directory);
            }
            let make =
                |path: String| FileAction::Directory { path: path.into(), attributes: attributes.clone() };
            return Some(paths.into_iter().map(make).collect());
        }
        let [from, to] = paths.as_slice() else { return None };
        if options.value(&["-t"]).is_some() {
            return None;
        }
        if from == "dev/null" {
            self.mark(to, Presence::File { executable: false, empty: true });
            let (path, content) = (to.as_str().into(), BString::default());
            return Some(vec![FileAction::File { path, content, attributes, existing: Existing::Replace }]);
        }
        self.mark(to, FILE);
        let (from, to) = (from.as_str().into(), to.as_str().into());
        let (keeps, existing) = (Keeps::Nothing, Existing::Replace);
        Some(vec![FileAction::Copy { from, to, recursive: false, keeps, attributes, existing }])
    }
}

/// What `cp` keeps; `None` where it is only a part of mode and owner.
fn keeps(options: &Options<'_>) -> Option<Keeps> {
    match options.value(&["--preserve"]) {
        Some(what) if what.whole()? == "all" || what.whole()?.contains("mode,ownership") => Some(Keeps::All),
        // Times are nobody's in an image.
        Some(what) if what.whole()? == "timestamps" => Some(Keeps::Mode),
        Some(_) => None,
        None if options.has(&["-a", "--archive", "-p", "--preserve"]) => Some(Keeps::All),
        None => Some(Keeps::Mode),
    }
}

impl Presence {
    fn into_link(self) -> Presence {
        Presence::Symlink { to: Box::new(self) }
    }
}

/// The umask that package managers run scripts with.
const UMASK: u32 = 0o022;

/// Is a word of `umask` the one that modes here are reckoned with?
pub(crate) fn is_usual_umask(mask: &str) -> bool {
    octal(mask) == Some(UMASK) || mask == "u=rwx,g=rx,o=rx" || mask == "u=rwx,go=rx"
}

/// `755`, `02775`.
pub fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o7777 && !text.starts_with('+'))
}

/// A mode of chmod(1) as bits that stay and bits that are set; `X` and copies (`g=u`) depend on the
/// file and are not read.
fn read_mode(text: &str) -> Option<(u32, u32)> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((0, octal(text)?));
    }
    let (mut keep, mut set) = (0o7777, 0);
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let mask = who_mask(who)?;
        // Said of nobody, it is said of all but for what the umask takes.
        let allowed = if who.is_empty() { !UMASK } else { 0o7777 };
        let mut chars = rest.chars();
        let operator = chars.next()?;
        let mut bits = 0;
        for c in chars {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' => 0o111,
                's' => 0o6000,
                't' => 0o1000,
                _ => return None,
            };
        }
        let bits = bits & mask & allowed;
        match operator {
            '+' => set |= bits,
            '-' => {
                keep &= !bits;
                set &= !bits;
            }
            _ => {
                keep &= !(mask & 0o777);
                set = set & !(mask & 0o777) | bits;
            }
        }
    }
    Some((keep, set))
}

fn who_mask(who: &str) -> Option<u32> {
    if who.is_empty() {
        return Some(0o7777);
    }
    who.chars().try_fold(0, |mask, c| {
        Some(
            mask | match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return None,
            },
        )
    })
}

/// `user`, `user:group`, `user:`, `:group`, and the old `user.group`.
fn read_owner(system: &dyn System, text: &str) -> Option<(Option<Account>, Option<Account>)> {
    let (user, group) = match text.split_once(':').or_else(|| text.split_once('.')) {
        Some((user, group)) => (user, group),
        None => return Some((Some(read_user(system, text)?), None)),
    };
    // `user:` means the user's own group, of the same name where scripts write it.
    let group = match (user, group) {
        (user, "") => Some(read_group(system, user)?),
        (_, group) => Some(read_group(system, group)?),
    };
    let user = if user.is_empty() { None } else { Some(read_user(system, user)?) };
    Some((user, group))
}

/// A user's number or name; those of the system's base have the same number everywhere.
pub fn read_user(system: &dyn System, text: &str) -> Option<Account> {
    system.user_id(text).map(Account::Id).or_else(|| read_account(text))
}

/// The same for a group.
pub fn read_group(system: &dyn System, text: &str) -> Option<Account> {
    system.group_id(text).map(Account::Id).or_else(|| read_account(text))
}

fn read_account(text: &str) -> Option<Account> {
    if let Ok(id) = text.parse::<u32>() {
        return Some(Account::Id(id));
    }
    let fine = !text.is_empty() && text.len() <= 64 && !text.starts_with('-');
    let fine = fine && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.+$".contains(&b));
    fine.then(|| Account::Name(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Bare;

    #[test]
    fn reads_modes() {
        for (text, keep, set) in [
            ("755", 0, 0o755),
            ("02775", 0, 0o2775),
            ("g+w", 0o7777, 0o020),
            ("u=rwx,go=", 0o7000, 0o700),
            ("a-x", 0o7666, 0),
            ("+x", 0o7777, 0o111),
            ("g+s", 0o7777, 0o2000),
            ("+w", 0o7777, 0o200),
            ("=rw", 0o7000, 0o644),
            ("-w", 0o7577, 0),
            ("+rwxt", 0o7777, 0o1755),
            ("a=rw", 0o7000, 0o666),
        ] {
            assert_eq!(read_mode(text), Some((keep, set)), "{text}");
        }
        for text in ["", "99", "u+X", "g=u", "77777", "z+w"] {
            assert_eq!(read_mode(text), None, "{text}");
        }
    }

    #[test]
    fn reads_owners() {
        let name = |n: &str| Some(Account::Name(n.into()));
        assert_eq!(read_owner(&Bare, "root:mail"), Some((Some(Account::Id(0)), Some(Account::Id(8)))));
        assert_eq!(read_owner(&Bare, "foo:"), Some((name("foo"), name("foo"))));
        assert_eq!(read_owner(&Bare, ":4"), Some((None, Some(Account::Id(4)))));
        assert_eq!(read_owner(&Bare, "a b"), None);
    }
}
