use apk::{busybox_files, busybox_links};
use bstr::ByteSlice;

use crate::draft::{Draft, DraftError};
use crate::{Note, Rule};

/// Makes the links of `busybox --install -s`, where nothing else stands; a note where nobody says which.
pub(super) fn make(draft: &mut Draft<'_>) -> Result<Option<Note>, DraftError> {
    if draft.body(b"bin/busybox".as_bstr()).is_none() {
        return Ok(None);
    }
    let tree = draft.give();
    let files = busybox_files(&tree);
    draft.take(tree);
    let Some(files) = files else { return Ok(None) };
    let mut contents = Vec::new();
    for path in files.lists.iter().map(|(list, _)| list).chain(&files.program) {
        contents.push(draft.read(path.as_bstr())?.unwrap_or_default());
    }
    let tree = draft.give();
    let links = busybox_links(&tree, &files, &contents, draft.mtime);
    draft.take(tree);
    let Some(links) = links else {
        let why = "the links to it are not made: there is no list of them, and its own tables are not found";
        return Ok(Some(Note::StepSkipped { path: "bin/busybox".into(), why: why.to_owned() }));
    };
    for link in links {
        draft.put_made(link, Rule::BusyboxLinks)?;
    }
    Ok(None)
}
