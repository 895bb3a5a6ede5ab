use diag::{Excerpt, Explain, Kind};
use recipe::At;

use crate::DraftError;

/// What the recipe asks for by `paths` or `accounts` cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum AskedError {
    /// One of `paths`.
    #[error("{error}")]
    Path {
        /// Where the recipe says so.
        at: Box<At>,
        /// What is in the way.
        #[source]
        error: DraftError,
    },
    /// The home of a user.
    #[error("cannot give user `{user}` the home {home}: {error}")]
    Home {
        /// Who.
        user: String,
        /// Where, as `/etc/passwd` has it.
        home: String,
        /// Where the recipe says so; none for a user of a package.
        at: Option<Box<At>>,
        /// What is in the way.
        #[source]
        error: DraftError,
    },
}

impl Explain for AskedError {
    fn kind(&self) -> Kind {
        match self {
            AskedError::Path { error, .. } | AskedError::Home { error, .. } => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            AskedError::Path { error, .. } => error.hint().or_else(|| instead(error)),
            AskedError::Home { .. } => {
                Some("give the user another `homedir`; one who needs none has `/nonexistent`".to_owned())
            }
        }
    }

    fn excerpt(&self) -> Option<Excerpt> {
        match self {
            AskedError::Path { at, .. } => Some(at.excerpt(None)),
            AskedError::Home { at, .. } => at.as_ref().map(|at| at.excerpt(None)),
        }
    }
}

/// What to write instead of a change that cannot be made.
fn instead(error: &DraftError) -> Option<String> {
    Some(match error {
        DraftError::Missing { path, .. } => format!(
            "no package and none of `files` brings /{path}; make it first (`type: directory`, `type: empty-file`), \
             as `paths` are done in their order"
        ),
        DraftError::IsDirectory { .. } => {
            "name a path below it; `type: permissions` changes the directory itself".to_owned()
        }
        DraftError::LinkOnDirectory { path, .. } => {
            format!("give the link another path, or leave the directory out: `drop: [/{path}, /{path}/**]`")
        }
        DraftError::LinkToDirectory { .. } => {
            "a directory has one name only; `type: symlink` leads to it".to_owned()
        }
        DraftError::LinkToItself { .. } => {
            "give the link another path than its file has, or leave the line away".to_owned()
        }
        DraftError::NotDirectory { path } | DraftError::Exists { path } => {
            format!("choose another path, or leave what is there out: `drop: [/{path}]`")
        }
        DraftError::BelowFile { above, .. } => {
            format!("choose another path, or leave what is there out: `drop: [/{above}]`")
        }
        DraftError::Resolve(_) => "name the path that the links are to lead to".to_owned(),
        DraftError::Alias { .. } | DraftError::MovedOntoItself { .. } | DraftError::Read { .. } => {
            return None;
        }
    })
}
