use bstr::{BString, ByteSlice};
use recipe::{FileBody, OwnFile, PathChange, PathKind};
use rootfs::{Entry, Node, Owner, Tree, Xattr};

use crate::draft::{Draft, DraftError};
use crate::{ComposeError, ComposeInput, OwnBody};

/// Puts the user's files into the tree, in order; they take the place of whatever file is there.
pub(crate) fn put_files(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), ComposeError> {
    for (n, file) in input.recipe.files.iter().enumerate() {
        let path = relative(&file.path);
        let read = input.own_files.get(n).and_then(Option::as_ref);
        match (&file.body, read) {
            (FileBody::Inline(text), _) => {
                let body = draft.derived.add(text.as_bytes());
                put_file(draft, file, path, Node::File(body), 0o644)?;
            }
            (_, None) => return Err(ComposeError::NotRead { path: file.path.clone() }),
            (_, Some(OwnBody::File { body, executable })) => {
                let mode = if *executable { 0o755 } else { 0o644 };
                put_file(draft, file, path, Node::File(*body), mode)?;
            }
            (_, Some(OwnBody::Tree(tree))) => put_tree(draft, file, &path, tree)?,
        }
    }
    Ok(())
}

fn relative(path: &str) -> BString {
    path.trim_matches('/').into()
}

fn put_file(
    draft: &mut Draft<'_>,
    file: &OwnFile,
    path: BString,
    node: Node,
    mode: u32,
) -> Result<(), DraftError> {
    let mut entry = Entry::new(path, node, file.mode.unwrap_or(mode), Owner::User);
    entry.mtime = draft.mtime;
    (entry.uid, entry.gid) = (file.uid.unwrap_or(0), file.gid.unwrap_or(0));
    put_own(draft, entry)
}

fn put_own(draft: &mut Draft<'_>, entry: Entry) -> Result<(), DraftError> {
    let path = draft.put(entry)?;
    draft.made.remove(&path);
    Ok(())
}

fn put_tree(draft: &mut Draft<'_>, file: &OwnFile, at: &BString, tree: &Tree) -> Result<(), DraftError> {
    for entry in tree.entries() {
        let mut own = entry.clone();
        own.path = below(at, &entry.path);
        if own.path.is_empty() {
            continue;
        }
        if let Node::Hardlink(target) = &own.node {
            own.node = Node::Hardlink(draft.real(below(at, target).as_bstr(), false)?);
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
        put_own(draft, own)?;
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
pub(crate) fn change_paths(draft: &mut Draft<'_>, changes: &[PathChange]) -> Result<(), DraftError> {
    for change in changes {
        let path = relative(&change.path);
        make(draft, &change.kind, &path)?;
        let last = !matches!(change.kind, PathKind::Symlink { .. });
        let real = draft.real(path.as_bstr(), last)?;
        if !draft.entries.contains_key(&real) && !real.is_empty() {
            return Err(DraftError::Missing { verb: "change", path });
        }
        let mut all = vec![real.clone()];
        if change.recursive {
            all.extend(draft.below(real.as_bstr()).map(|e| e.path.clone()));
        }
        for path in all {
            if let Some(entry) = draft.entries.get_mut(&path) {
                set(entry, change, path == real);
            }
        }
    }
    Ok(())
}

fn make(draft: &mut Draft<'_>, kind: &PathKind, path: &BString) -> Result<(), DraftError> {
    let (node, mode) = match kind {
        PathKind::Permissions => return Ok(()),
        PathKind::Directory if draft.is_dir(path.as_bstr()) => return Ok(()),
        PathKind::Directory => (Node::Dir, 0o755),
        PathKind::EmptyFile => (Node::File(draft.derived.add(b"")), 0o644),
        PathKind::Symlink { source } => {
            let real = draft.real(path.as_bstr(), false)?;
            let there = draft.entries.get(&real).map(|e| &e.node);
            match there {
                Some(Node::Symlink(old)) if *old == source.as_str() => return Ok(()),
                Some(Node::Symlink(_)) | None => (Node::Symlink(source.as_str().into()), 0o777),
                Some(Node::Dir) => return Err(DraftError::IsDirectory { path: real }),
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
                Node::Dir => return Err(DraftError::IsDirectory { path: target }),
                other => other,
            };
            let own = Entry { path: path.clone(), node, owner: Owner::User, ..old };
            return put_own(draft, own);
        }
    };
    let mut entry = Entry::new(path.clone(), node, mode, Owner::User);
    entry.mtime = draft.mtime;
    put_own(draft, entry)
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
        entry.xattrs.retain(|x| x.name != "security.capability");
        let value = capabilities.to_xattr().to_vec();
        entry.xattrs.push(Xattr { name: "security.capability".into(), value });
        entry.xattrs.sort();
    }
}
