use bstr::ByteSlice;
use recipe::Resolved;
use rootfs::{Entry, Node, Owner};

use crate::Rule;
use crate::draft::{Draft, DraftError};

/// Writes `/sv/NAME/run` for what s6 supervises. The directories are open to all (0777), as apko's are: s6
/// makes its `supervise` there, as whatever user the image runs.
pub(super) fn make(draft: &mut Draft<'_>, recipe: &Resolved) -> Result<(), DraftError> {
    for (name, command) in &recipe.services {
        let folder = format!("sv/{name}");
        for path in ["sv", &folder] {
            if !draft.is_dir(path.as_bytes().as_bstr()) {
                draft.put_made(Entry::new(path, Node::Dir, 0o777, Owner::Derived), Rule::Services)?;
            }
        }
        let script = format!("#!/bin/execlineb\n{command}\n");
        draft.put_file(&format!("{folder}/run"), script.as_bytes(), 0o755, Rule::Services)?;
    }
    Ok(())
}
