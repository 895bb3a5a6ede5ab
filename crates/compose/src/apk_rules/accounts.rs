use bstr::{BString, ByteSlice, ByteVec};
use recipe::Resolved;
use rootfs::actions::Actions;
use rootfs::{Entry, Node, Owner};

use crate::accounts::{self, Accounts};
use crate::draft::{Draft, DraftError};
use crate::{AskedError, ComposeError, Note, Rule};

/// Writes `/etc/passwd`, `/etc/group`, `/etc/shadow` and `/etc/shells` where somebody asks for more than
/// packages bring, and makes the homes that are missing: of every user of these, as apko does.
pub(super) fn write(
    draft: &mut Draft<'_>,
    recipe: &Resolved,
    accounts: &Accounts,
    actions: &Actions,
) -> Result<Vec<Note>, ComposeError> {
    let mut notes = Vec::new();
    for (path, text) in [("etc/passwd", accounts.passwd()), ("etc/group", accounts.group())] {
        let same = draft.read(path.as_bytes().as_bstr())?.is_some_and(|old| old == text.as_slice());
        let real = draft.real(path.as_bytes().as_bstr(), true).map_err(DraftError::from)?;
        if real != path {
            notes.push(Note::AccountsElsewhere { path: path.into(), real });
        }
        if !same && !text.is_empty() {
            draft.rewrite(path, &text, 0o644, Rule::Accounts)?;
        }
    }
    let asked = actions.users.iter().map(|u| u.name.clone());
    let own = recipe.users.iter().map(|u| BString::from(u.username.as_str()));
    write_shadow(draft, asked.chain(own))?;
    add_shells(draft, &actions.shells)?;
    // Who has no home in an image below was meant to have none.
    if recipe.base_image.is_none() {
        make_homes(draft, recipe, accounts, actions)?;
    }
    Ok(notes)
}

/// A locked line for each user that has none: nobody logs in with a password.
fn write_shadow(draft: &mut Draft<'_>, names: impl Iterator<Item = BString>) -> Result<(), DraftError> {
    const PATH: &str = "etc/shadow";
    let old = draft.read(PATH.as_bytes().as_bstr())?.unwrap_or_default();
    let mut text = BString::from(old.as_slice());
    end_line(&mut text);
    for name in names {
        let has = |line: &[u8]| line.strip_prefix(name.as_bytes()).is_some_and(|l| l.starts_with(b":"));
        if !text.lines().any(has) {
            text.push_str(&name);
            text.push_str(":!:::::::\n");
        }
    }
    if text == old.as_slice() || text.is_empty() {
        return Ok(());
    }
    draft.rewrite(PATH, &text, 0o640, Rule::Accounts)
}

/// `add-shell` of packages' scripts: a line for each shell that is in the image.
fn add_shells(draft: &mut Draft<'_>, shells: &[BString]) -> Result<(), DraftError> {
    const PATH: &str = "etc/shells";
    let old = draft.read(PATH.as_bytes().as_bstr())?.unwrap_or_default();
    let mut text = BString::from(old.as_slice());
    end_line(&mut text);
    for shell in shells {
        let relative = shell.trim_start_with(|c| c == '/').as_bstr();
        let line = [b"/", relative.as_bytes()].concat();
        if draft.behind(relative).is_some() && !text.lines().any(|l| l == line) {
            text.push_str(&line);
            text.push(b'\n');
        }
    }
    if text == old.as_slice() || text.is_empty() {
        return Ok(());
    }
    draft.rewrite(PATH, &text, 0o644, Rule::Shells)
}

fn end_line(text: &mut BString) {
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
}

/// Homes of `bin`, `daemon` and the like, which are no homes: apko makes them 0700 where no package has
/// them, and then nobody else can run what is put there.
const PROGRAMS: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];

fn make_homes(
    draft: &mut Draft<'_>,
    recipe: &Resolved,
    accounts: &Accounts,
    actions: &Actions,
) -> Result<(), ComposeError> {
    for (name, home, uid, gid) in accounts.homes() {
        // Scripts make the homes that they want themselves: a step of theirs. A user of the recipe, who
        // takes the place of theirs, has the recipe's home.
        let own = recipe.users.iter().any(|u| *name == u.username.as_str());
        if !own && actions.users.iter().any(|u| u.name == *name) {
            continue;
        }
        // Who wants no home says so by one of these.
        if home == "/dev/null" || home == "/nonexistent" {
            continue;
        }
        let Ok(path) = rootfs::path::normalise(home.trim_start_with(|c| c == '/')) else { continue };
        if PROGRAMS.iter().any(|p| path == *p) {
            continue;
        }
        if own {
            accounts::check_home(draft, recipe, name, path.as_bstr())?;
        }
        if path.is_empty() || draft.behind(path.as_bstr()).is_some() || draft.exists(path.as_bstr()) {
            continue;
        }
        let mut entry = Entry::new(path, Node::Dir, 0o700, Owner::Derived);
        (entry.uid, entry.gid) = (uid, gid);
        draft.put_made(entry, Rule::Accounts).map_err(|error| {
            let own = recipe.users.iter().find(|u| *name == u.username.as_str());
            let (user, home) = (name.to_string(), home.to_string());
            AskedError::Home { user, home, at: own.map(|u| Box::new(u.at.clone())), error }
        })?;
    }
    Ok(())
}
