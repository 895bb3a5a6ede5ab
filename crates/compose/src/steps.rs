use std::collections::BTreeSet;

use bstr::{BStr, BString, ByteSlice};
use rootfs::actions::{Attributes, Change, Condition, Existing, FileAction, Keeps, Override, Step, Test};
use rootfs::path::file_name;
use rootfs::{Entry, Node, Owner};

use crate::accounts::Accounts;
use crate::draft::{Draft, DraftError};
use crate::names::Names;
use crate::{Note, Rule};

/// Where Debian's default `PATH` leads, for questions about commands.
const COMMANDS: [&str; 6] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];

/// Makes the literal changes that packages ask for, in order. What cannot be made is a note, because a
/// script that failed so would have been mended or ignored by its author; but for work on files that
/// the recipe did not take from their package (`not_taken`), which is as the user wants it.
pub(crate) fn apply(
    draft: &mut Draft<'_>,
    steps: &[Step],
    accounts: &Accounts,
    not_taken: &BTreeSet<BString>,
) -> Result<Vec<Note>, DraftError> {
    let mut notes = Vec::new();
    let mut names = None;
    for step in steps {
        if !matches!(step.action, FileAction::Change { .. }) {
            names = None;
        }
        let mut stepper = Stepper { draft, accounts, names: &mut names };
        if !step.when.iter().all(|c| stepper.holds(c)) {
            continue;
        }
        match stepper.make(&step.action) {
            Ok(()) => {}
            Err(DraftError::Read { path, error }) => return Err(DraftError::Read { path, error }),
            Err(DraftError::Missing { path, .. }) if not_taken.contains(&path) => {}
            Err(other) => {
                notes.push(Note::StepSkipped { path: subject(&step.action).clone(), why: other.to_string() });
            }
        }
    }
    Ok(notes)
}

/// Sets modes and owners that hold whatever a package says (`dpkg-statoverride`).
pub(crate) fn apply_overrides(draft: &mut Draft<'_>, overrides: &[Override], accounts: &Accounts) {
    // No path comes or goes here.
    let mut names = None;
    for over in overrides {
        let Ok(path) = draft.real(over.path.as_bstr(), true) else { continue };
        let (uid, gid) = (accounts.uid(&over.user), accounts.gid(&over.group));
        let Some(entry) = draft.entries.get(&path) else { continue };
        for name in names.get_or_insert_with(|| Names::of_tree(draft)).of(entry) {
            let Some(entry) = draft.entries.get_mut(&name) else { continue };
            entry.mode = over.mode;
            entry.uid = uid.unwrap_or(entry.uid);
            entry.gid = gid.unwrap_or(entry.gid);
            draft.made.insert(name, Rule::PackageSteps);
        }
    }
}

fn subject(action: &FileAction) -> &BString {
    match action {
        FileAction::Directory { path, .. }
        | FileAction::Symlink { path, .. }
        | FileAction::Hardlink { path, .. }
        | FileAction::File { path, .. }
        | FileAction::Change { path, .. }
        | FileAction::Remove { path, .. }
        | FileAction::RemoveEmpty { path } => path,
        FileAction::Copy { to, .. } | FileAction::Move { to, .. } => to,
    }
}

/// How copies are made.
struct Copying<'s> {
    keeps: Keeps,
    attributes: &'s Attributes,
    existing: Existing,
}

struct Stepper<'s, 'a> {
    draft: &'s mut Draft<'a>,
    accounts: &'s Accounts,
    /// Of the tree as it is, once somebody asked.
    names: &'s mut Option<Names>,
}

impl Stepper<'_, '_> {
    fn holds(&self, condition: &Condition) -> bool {
        let path = condition.path.as_bstr();
        let executable = |path: &BStr| {
            let behind = self.draft.behind(path);
            behind.is_some_and(|e| !e.is_dir() && e.mode & 0o111 != 0)
        };
        let answer = match condition.test {
            Test::Exists => self.draft.behind(path).is_some(),
            Test::Directory => self.draft.is_dir(path),
            Test::File => self.draft.body(path).is_some(),
            Test::Symlink => {
                let real = self.draft.real(path, false).ok();
                let entry = real.and_then(|real| self.draft.entries.get(&real));
                entry.is_some_and(|e| matches!(e.node, Node::Symlink(_)))
            }
            Test::Executable => executable(path),
            Test::NotEmpty => self.draft.body(path).is_some_and(|b| b.size > 0),
            Test::Command => COMMANDS.iter().any(|d| executable(join(d.as_bytes(), path).as_bstr())),
        };
        answer == condition.expect
    }

    fn make(&mut self, action: &FileAction) -> Result<(), DraftError> {
        match action {
            FileAction::Directory { path, attributes } => self.directory(path, attributes),
            FileAction::Symlink { path, target, replace } => {
                if self.draft.exists(path.as_bstr()) && !replace {
                    return Ok(());
                }
                self.draft.put_link(path.clone(), target.clone(), Rule::PackageSteps)
            }
            FileAction::Hardlink { path, replace: false, .. } if self.draft.exists(path.as_bstr()) => Ok(()),
            FileAction::Hardlink { path, target, .. } => {
                let target = self.draft.real(target.as_bstr(), true)?;
                let entry = self.entry_of("link to", &target)?;
                let node = match entry.node {
                    Node::File(_) => Node::Hardlink(target),
                    other => other,
                };
                self.draft.put_made(Entry { path: path.clone(), node, ..entry }, Rule::PackageSteps)
            }
            FileAction::File { path, content, attributes, existing } => {
                self.file(path, content, attributes, *existing)
            }
            FileAction::Copy { from, to, recursive, keeps, attributes, existing } => {
                let how = Copying { keeps: *keeps, attributes, existing: *existing };
                self.copy(from, to, *recursive, &how)
            }
            FileAction::Move { from, to, existing } => self.rename(from, to, *existing),
            FileAction::Change { path, change, recursive } => self.change(path, change, *recursive),
            FileAction::Remove { path, recursive } => self.remove(path, *recursive),
            FileAction::RemoveEmpty { path } => {
                let real = self.draft.real(path.as_bstr(), false)?;
                let empty = self.draft.below(real.as_bstr()).next().is_none();
                if empty && self.draft.entries.get(&real).is_some_and(Entry::is_dir) {
                    self.draft.unlink(real.as_bstr());
                }
                Ok(())
            }
        }
    }

    fn entry_of(&self, verb: &'static str, real: &BString) -> Result<Entry, DraftError> {
        let entry = self.draft.entries.get(real).cloned();
        entry.ok_or_else(|| DraftError::Missing { verb, path: real.clone() })
    }

    fn set(&self, entry: &mut Entry, attributes: &Attributes) {
        entry.mode = attributes.mode.unwrap_or(entry.mode);
        let uid = attributes.user.as_ref().and_then(|u| self.accounts.uid(u));
        let gid = attributes.group.as_ref().and_then(|g| self.accounts.gid(g));
        entry.uid = uid.unwrap_or(entry.uid);
        entry.gid = gid.unwrap_or(entry.gid);
    }

    fn directory(&mut self, path: &BString, attributes: &Attributes) -> Result<(), DraftError> {
        let real = self.draft.real(path.as_bstr(), true)?;
        if let Some(mut old) = self.draft.entries.get(&real).cloned() {
            if !old.is_dir() {
                return Err(DraftError::NotDirectory { path: real });
            }
            if *attributes == Attributes::default() {
                return Ok(());
            }
            self.set(&mut old, attributes);
            self.draft.entries.insert(real.clone(), old);
            self.draft.made.insert(real, Rule::PackageSteps);
            return Ok(());
        }
        let mut entry = Entry::new(real, Node::Dir, 0o755, Owner::Derived);
        self.set(&mut entry, attributes);
        self.draft.put_made(entry, Rule::PackageSteps)
    }

    fn file(
        &mut self,
        path: &BString,
        content: &BString,
        attributes: &Attributes,
        existing: Existing,
    ) -> Result<(), DraftError> {
        let real = self.draft.real(path.as_bstr(), true)?;
        let old = self.draft.entries.get(&real).cloned();
        let mut bytes = Vec::new();
        match (&old, existing) {
            (Some(_), Existing::Keep) => return Ok(()),
            (Some(_), Existing::Append) => bytes = self.draft.read(real.as_bstr())?.unwrap_or_default(),
            _ => {}
        }
        bytes.extend_from_slice(content);
        let node = Node::File(self.draft.derived.add(&bytes));
        let base = old.filter(|e| !e.is_dir());
        let mut entry = base.unwrap_or_else(|| Entry::new(real.clone(), node.clone(), 0o644, Owner::Derived));
        (entry.node, entry.path) = (node, real);
        self.set(&mut entry, attributes);
        self.draft.put_made(entry, Rule::PackageSteps)
    }

    fn copy(
        &mut self,
        from: &BString,
        to: &BString,
        recursive: bool,
        how: &Copying<'_>,
    ) -> Result<(), DraftError> {
        let source = self.draft.real(from.as_bstr(), !recursive)?;
        let entry = self.entry_of("copy", &source)?;
        if entry.is_dir() && !recursive {
            return Err(DraftError::IsDirectory { path: source });
        }
        let place = self.place(to, file_name(source.as_bstr()));
        let mut copies = vec![(place.clone(), entry)];
        for below in self.draft.below(source.as_bstr()) {
            let rest = &below.path[source.len()..];
            let mut path = place.clone();
            path.extend_from_slice(rest);
            copies.push((path, below.clone()));
        }
        for (path, mut entry) in copies {
            if self.draft.exists(path.as_bstr()) && (how.existing == Existing::Keep || entry.is_dir()) {
                continue;
            }
            if let (Node::Hardlink(_), Some(body)) = (&entry.node, self.draft.body(entry.path.as_bstr())) {
                entry.node = Node::File(body);
            }
            entry.path = path;
            if !matches!(entry.node, Node::Symlink(_)) {
                self.lose_what_is_not_kept(&mut entry, how.keeps);
                self.set(&mut entry, how.attributes);
            }
            self.draft.put_made(entry, Rule::PackageSteps)?;
        }
        Ok(())
    }

    /// A copy is no longer its original's in all that the program that makes it does not keep.
    fn lose_what_is_not_kept(&self, copy: &mut Entry, keeps: Keeps) {
        if keeps == Keeps::All {
            return;
        }
        (copy.uid, copy.gid) = (0, 0);
        copy.xattrs.clear();
        copy.mode = if keeps == Keeps::Mode { copy.mode & !0o6022 } else { 0o755 };
        let there = self.draft.real(copy.path.as_bstr(), false).ok();
        let there = there.and_then(|real| self.draft.entries.get(&real));
        if let (Keeps::Mode, Some(old)) = (keeps, there.filter(|e| is_file(e))) {
            copy.share_inode_of(old);
        }
    }

    /// A directory that exists takes things in under their own name.
    fn place(&self, to: &BString, name: &BStr) -> BString {
        if self.draft.is_dir(to.as_bstr()) { join(to, name) } else { to.clone() }
    }

    fn rename(&mut self, from: &BString, to: &BString, existing: Existing) -> Result<(), DraftError> {
        let source = self.draft.real(from.as_bstr(), false)?;
        if !self.draft.entries.contains_key(&source) {
            return Ok(());
        }
        let place = self.place(to, file_name(source.as_bstr()));
        if self.draft.exists(place.as_bstr()) && existing == Existing::Keep {
            return Ok(());
        }
        // Through links it may have come back: mv(1) refuses, and the file would be gone.
        let real = self.draft.real(place.as_bstr(), false)?;
        let inside = real.strip_prefix(source.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"));
        if real == source || inside {
            return Err(DraftError::MovedOntoItself { path: source });
        }
        let mut moved = vec![source.clone()];
        moved.extend(self.draft.below(source.as_bstr()).map(|e| e.path.clone()));
        let taken: Vec<Entry> = moved.iter().filter_map(|p| self.draft.entries.get(p).cloned()).collect();
        for mut entry in taken {
            if let (Node::Hardlink(_), Some(body)) = (&entry.node, self.draft.body(entry.path.as_bstr())) {
                entry.node = Node::File(body);
            }
            let mut path = place.clone();
            path.extend_from_slice(&entry.path[source.len()..]);
            let (old, mtime) = (std::mem::replace(&mut entry.path, path), entry.mtime);
            let owner = entry.owner;
            let new = self.draft.put(entry)?;
            self.draft.made.insert(new.clone(), Rule::PackageSteps);
            // Moved, it is still the package's own file with its time.
            if let Some(entry) = self.draft.entries.get_mut(&new) {
                (entry.mtime, entry.owner) = (mtime, owner);
            }
            self.draft.unlink(old.as_bstr());
        }
        Ok(())
    }

    fn change(&mut self, path: &BString, change: &Change, recursive: bool) -> Result<(), DraftError> {
        let real = self.draft.real(path.as_bstr(), true)?;
        let mut all = vec![real.clone()];
        if recursive {
            all.extend(self.draft.below(real.as_bstr()).map(|e| e.path.clone()));
        }
        for path in all {
            let Some(mut entry) = self.draft.entries.get(&path).cloned() else { continue };
            if matches!(entry.node, Node::Symlink(_)) {
                continue;
            }
            match change {
                Change::Mode { keep, set } => entry.mode = (entry.mode & keep) | set,
                Change::Owner { user, group } => {
                    let attributes = Attributes { mode: None, user: user.clone(), group: group.clone() };
                    self.set(&mut entry, &attributes);
                }
            }
            self.set_all_names(&entry);
        }
        Ok(())
    }

    /// Gives a file's mode and owner to each of its names.
    fn set_all_names(&mut self, changed: &Entry) {
        let names = self.names.get_or_insert_with(|| Names::of_tree(self.draft));
        for name in names.of(changed) {
            let Some(entry) = self.draft.entries.get_mut(&name) else { continue };
            entry.share_inode_of(changed);
            self.draft.made.insert(name, Rule::PackageSteps);
        }
    }

    fn remove(&mut self, path: &BString, recursive: bool) -> Result<(), DraftError> {
        let real = self.draft.real(path.as_bstr(), false)?;
        let is_dir = self.draft.entries.get(&real).is_some_and(Entry::is_dir);
        if is_dir && !recursive {
            return Ok(());
        }
        let mut all: Vec<BString> = self.draft.below(real.as_bstr()).map(|e| e.path.clone()).collect();
        all.push(real);
        for path in all {
            self.draft.unlink(path.as_bstr());
        }
        Ok(())
    }
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.node, Node::File(_) | Node::Hardlink(_))
}

fn join(directory: &[u8], name: &BStr) -> BString {
    let mut path = BString::from(directory);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
