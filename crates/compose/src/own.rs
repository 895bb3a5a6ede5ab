use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use recipe::{FileBody, OwnFile, PathChange, PathKind, Resolved, World};
use rootfs::{CAPABILITY, Entry, Node, Owner, Tree, Xattr};

use crate::derive::ALIASES;
use crate::draft::{Draft, DraftError};
use crate::names::Names;
use crate::{AskedError, ComposeError, ComposeInput, OwnBody};

/// Puts the user's files into the tree; they take the place of whatever package's or derived file is
/// there. Two of them at one place are an error unless they are the same: no order among them is
/// promised, since lists of includes and variants concatenate.
pub(crate) fn put_files(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), ComposeError> {
    let mut places = Places { files: &input.recipe.files, taken: BTreeMap::new() };
    for (n, file) in input.recipe.files.iter().enumerate() {
        let path = relative(&file.path);
        let read = input.own_files.get(n).and_then(Option::as_ref);
        match (&file.body, read) {
            (FileBody::Inline(text), _) => {
                let body = draft.derived.add(text.as_bytes());
                let entry = one_file(draft, file, path, Node::File(body), 0o644);
                places.put(draft, n, entry)?;
            }
            (_, None) => return Err(ComposeError::NotRead { path: file.path.clone() }),
            (_, Some(OwnBody::File { body, executable })) => {
                let mode = if *executable { 0o755 } else { 0o644 };
                let entry = one_file(draft, file, path, Node::File(*body), mode);
                places.put(draft, n, entry)?;
            }
            (_, Some(OwnBody::Tree(tree))) => put_tree(draft, &mut places, n, &path, tree)?,
        }
    }
    Ok(())
}

/// Which of the user's files took which path.
struct Places<'a> {
    files: &'a [OwnFile],
    taken: BTreeMap<BString, usize>,
}

impl Places<'_> {
    fn put(&mut self, draft: &mut Draft<'_>, n: usize, entry: Entry) -> Result<(), ComposeError> {
        let real = draft.real(entry.path.as_bstr(), false).map_err(DraftError::from)?;
        if let Some(first) = self.taken.get(&real) {
            let old = draft.entries.get(&real);
            if old.is_some_and(|old| is_same(old, &entry)) {
                return Ok(());
            }
            return Err(ComposeError::Twice { path: real, first: self.name(*first), second: self.name(n) });
        }
        let is_dir = entry.is_dir();
        let path = put_own(draft, entry)?;
        // Directories meet: several of the user's files go below one.
        if !is_dir {
            self.taken.insert(path, n);
        }
        Ok(())
    }

    /// As the recipe calls it: the place in the list of all includes, and where the bytes come from.
    fn name(&self, n: usize) -> String {
        let from = match &self.files[n].body {
            FileBody::Inline(_) => "a text".to_owned(),
            FileBody::Local(local) => local.path.clone(),
            FileBody::Url { url, .. } => recipe::without_user(url),
        };
        format!("entry {} ({from})", n + 1)
    }
}

fn is_same(a: &Entry, b: &Entry) -> bool {
    let metadata = |e: &Entry| (e.mode, e.uid, e.gid, e.xattrs.clone());
    let node = match (&a.node, &b.node) {
        (Node::File(x), Node::File(y)) => x.digest == y.digest,
        (x, y) => x == y,
    };
    node && metadata(a) == metadata(b)
}

fn relative(path: &str) -> BString {
    path.trim_matches('/').into()
}

fn one_file(draft: &Draft<'_>, file: &OwnFile, path: BString, node: Node, mode: u32) -> Entry {
    let mut entry = Entry::new(path, node, file.mode.unwrap_or(mode), Owner::User);
    entry.mtime = draft.mtime;
    (entry.uid, entry.gid) = (file.uid.unwrap_or(0), file.gid.unwrap_or(0));
    entry
}

/// Puts an entry of the user's, and gives its real path. A directory where a link of merged `/usr` is
/// means the directory behind it, as dpkg has it; anything else would take the link away.
fn put_own(draft: &mut Draft<'_>, mut entry: Entry) -> Result<BString, DraftError> {
    let real = draft.real(entry.path.as_bstr(), false)?;
    if let Some(target) = alias_at(draft, &real) {
        match &entry.node {
            Node::Symlink(to) if to.trim_with(|c| c == '/') == target.as_bytes() => return Ok(real),
            Node::Dir if draft.is_dir(real.as_bstr()) => return Ok(target.into()),
            Node::Dir => entry.path = target.into(),
            _ => return Err(DraftError::Alias { path: real, target: target.into() }),
        }
    }
    let path = draft.put(entry)?;
    draft.made.remove(&path);
    Ok(path)
}

/// Where the link of merged `/usr` at this path leads, if there is one.
fn alias_at(draft: &Draft<'_>, path: &BString) -> Option<&'static str> {
    let (_, target) = ALIASES.iter().find(|(link, _)| path == link)?;
    let Node::Symlink(to) = &draft.entries.get(path)?.node else { return None };
    (to.trim_with(|c| c == '/') == target.as_bytes()).then_some(*target)
}

fn put_tree(
    draft: &mut Draft<'_>,
    places: &mut Places<'_>,
    n: usize,
    at: &BString,
    tree: &Tree,
) -> Result<(), ComposeError> {
    let file = &places.files[n];
    // A link may sort before its file, and name a package's file until its own stands there.
    let (links, files): (Vec<&Entry>, Vec<&Entry>) =
        tree.entries().iter().partition(|e| matches!(e.node, Node::Hardlink(_)));
    for entry in files.into_iter().chain(links) {
        let mut own = entry.clone();
        own.path = below(at, &entry.path);
        if own.path.is_empty() {
            continue;
        }
        if let Node::Hardlink(target) = &own.node {
            let target = draft.real(below(at, target).as_bstr(), false).map_err(DraftError::from)?;
            own.node = Node::Hardlink(target);
        }
        own.owner = Owner::User;
        own.mtime = draft.mtime;
        if let (Some(mode), Node::File(_) | Node::Hardlink(_)) = (file.mode, &own.node) {
            own.mode = mode;
        }
        own.uid = file.uid.unwrap_or(own.uid);
        own.gid = file.gid.unwrap_or(own.gid);
        // An archive's directory does not change one that is there: `./` of an archive has any mode.
        if own.is_dir() && draft.is_dir(own.path.as_bstr()) {
            continue;
        }
        places.put(draft, n, own)?;
    }
    Ok(())
}

fn below(directory: &BString, path: &BString) -> BString {
    let mut out = directory.clone();
    if !out.is_empty() && !path.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(path);
    out
}

/// Makes the recipe's changes to the finished tree, in order.
pub(crate) fn change_paths(draft: &mut Draft<'_>, recipe: &Resolved) -> Result<(), AskedError> {
    recipe.paths.iter().try_for_each(|change| {
        let at = || Box::new(change.at.clone());
        change_path(draft, recipe.world, change).map_err(|error| AskedError::Path { at: at(), error })
    })
}

fn change_path(draft: &mut Draft<'_>, world: World, change: &PathChange) -> Result<(), DraftError> {
    let path = relative(&change.path);
    make(draft, world, &change.kind, &path)?;
    let last = !matches!(change.kind, PathKind::Symlink { .. });
    let real = draft.real(path.as_bstr(), last)?;
    if real.is_empty() {
        // Every tree has it, few say so.
        let mtime = draft.mtime;
        let entry = || Entry { mtime, owner: Owner::User, ..Entry::implicit_dir("") };
        draft.entries.entry(real.clone()).or_insert_with(entry);
    } else if !draft.entries.contains_key(&real) {
        return Err(DraftError::Missing { verb: "change", path });
    }
    let mut all = vec![real.clone()];
    if change.recursive {
        all.extend(draft.below(real.as_bstr()).map(|e| e.path.clone()));
    }
    let names = Names::of_tree(draft);
    for path in all {
        let Some(entry) = draft.entries.get(&path) else { continue };
        for name in names.of(entry) {
            if let Some(entry) = draft.entries.get_mut(&name) {
                set(entry, change, path == real);
            }
        }
    }
    Ok(())
}

fn make(draft: &mut Draft<'_>, world: World, kind: &PathKind, path: &BString) -> Result<(), DraftError> {
    let (node, mode) = match kind {
        PathKind::Permissions => return Ok(()),
        PathKind::Directory if draft.is_dir(path.as_bstr()) => return Ok(()),
        PathKind::Directory => (Node::Dir, 0o755),
        // apko opens a file that is there, and leaves what is in it.
        PathKind::EmptyFile if world == World::Apk && draft.body(path.as_bstr()).is_some() => return Ok(()),
        PathKind::EmptyFile => (Node::File(draft.derived.add(b"")), 0o644),
        PathKind::Symlink { source } => {
            let real = draft.real(path.as_bstr(), false)?;
            let there = draft.entries.get(&real).map(|e| &e.node);
            match there {
                Some(Node::Symlink(old)) if *old == source.as_str() => return Ok(()),
                Some(Node::Symlink(_)) | None => (Node::Symlink(source.as_str().into()), 0o777),
                Some(Node::Dir) => return Err(DraftError::LinkOnDirectory { what: "link", path: real }),
                Some(_) => return Err(DraftError::Exists { path: real }),
            }
        }
        PathKind::Hardlink { source } => {
            let target = draft.real(relative(source).as_bstr(), true)?;
            let Some(old) = draft.entries.get(&target).cloned() else {
                return Err(DraftError::Missing { verb: "link to", path: target });
            };
            let node = match old.node {
                Node::File(_) => Node::Hardlink(target),
                Node::Dir => return Err(DraftError::LinkToDirectory { path: path.clone(), target }),
                other => other,
            };
            let own = Entry { path: path.clone(), node, owner: Owner::User, ..old };
            return put_own(draft, own).map(drop).map_err(|e| match e {
                DraftError::IsDirectory { path } => DraftError::LinkOnDirectory { what: "hard link", path },
                e => e,
            });
        }
    };
    let mut entry = Entry::new(path.clone(), node, mode, Owner::User);
    entry.mtime = draft.mtime;
    put_own(draft, entry).map(drop)
}

fn set(entry: &mut Entry, change: &PathChange, itself: bool) {
    if matches!(entry.node, Node::Symlink(_)) && !itself {
        return;
    }
    if let (Some(mode), false) = (change.mode, matches!(entry.node, Node::Symlink(_))) {
        entry.mode = mode;
    }
    if change.uid.is_some() || change.gid.is_some() {
        (entry.uid, entry.gid) = (change.uid.unwrap_or(0), change.gid.unwrap_or(0));
    }
    if let (Some(capabilities), true) = (change.capabilities, itself) {
        entry.xattrs.retain(|x| x.name != CAPABILITY);
        let value = capabilities.to_xattr().to_vec();
        entry.xattrs.push(Xattr { name: CAPABILITY.into(), value });
        entry.xattrs.sort();
    }
}
