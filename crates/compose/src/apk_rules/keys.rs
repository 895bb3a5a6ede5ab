use bstr::ByteSlice;

use crate::draft::{Draft, DraftError};
use crate::{ComposeError, ComposeInput, Rule};

/// A key of `runtime_keyring` has the name of another one that the image has already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot write the key /{path}: the image has another one of that name")]
pub struct ApkKeyError {
    /// The path.
    pub path: String,
}

impl diag::Explain for ApkKeyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some("a signature names its key by file name; give the key of `runtime_keyring` its own".to_owned())
    }
}

/// Writes into `/etc/apk/keys` those that the build trusted, where no package brings them.
pub(super) fn put_trusted(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), DraftError> {
    for key in &input.apk_keys {
        let path = format!("etc/apk/keys/{}", key.name);
        if !draft.exists(path.as_bytes().as_bstr()) {
            draft.put_file(&path, &key.pem, 0o644, Rule::ApkState)?;
        }
    }
    Ok(())
}

/// Writes those that the recipe has for the image's own apk.
pub(super) fn put_runtime(draft: &mut Draft<'_>, input: &ComposeInput<'_>) -> Result<(), ComposeError> {
    for key in &input.recipe.runtime_keyring {
        let path = format!("etc/apk/keys/{}", key.name);
        match read(draft, &path)? {
            None => draft.put_file(&path, key.content.as_bytes(), 0o644, Rule::ApkState)?,
            Some(there) if there.trim_ascii() == key.content.as_bytes().trim_ascii() => {}
            Some(_) => return Err(ApkKeyError { path }.into()),
        }
    }
    Ok(())
}

fn read(draft: &Draft<'_>, path: &str) -> Result<Option<Vec<u8>>, DraftError> {
    draft.read(path.as_bytes().as_bstr())
}
