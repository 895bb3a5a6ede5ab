use std::io;
use std::path::Path;
use std::time::Duration;

use diag::{Explain, Kind};
use process::ProcessError;
use settings::{AuthFileError, HelperAnswerError};
use store::StoreError;

use super::{Maker, name_of};

/// Why a login cannot be had, kept or taken away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// A file cannot be opened.
    #[error("cannot read the registry logins in {file}: {error}")]
    Unreadable {
        file: String,
        /// `REGISTRY_AUTH_FILE` names it.
        named: bool,
        error: io::Error,
    },
    /// A file is malformed.
    #[error(transparent)]
    File(#[from] AuthFileError),
    /// A file cannot be written.
    #[error("cannot keep the login in {file}: {error}")]
    Unwritable { file: String, error: StoreError },
    /// The lock on the files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A variable of ours has another form.
    #[error("cannot use {variable}: there is no colon between name and password in it")]
    Variable { variable: String },
    /// A helper does not help.
    #[error("cannot {}: {}", .0.doing, .0.fault)]
    Helper(Box<HelperTrouble>),
    /// A helper has no form for that sort of login.
    #[error("cannot keep a registry token of {server} with {program}: it keeps names and passwords only")]
    NoForm { server: String, program: String },
    /// No place to keep a login in.
    #[error("cannot keep the login of {host}: no home directory is known, and REGISTRY_AUTH_FILE is not set")]
    NoPlace { host: String },
}

/// A helper that does not help.
#[derive(Debug)]
pub(crate) struct HelperTrouble {
    /// As `ask docker-credential-pass for the login of ghcr.io`.
    pub(super) doing: String,
    /// Its program.
    pub(super) program: String,
    pub(super) server: String,
    /// The file that names it.
    pub(super) named_in: String,
    pub(super) fault: HelperFault,
}

/// What is wrong with a helper.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelperFault {
    #[error("there is no such program in PATH")]
    Missing,
    #[error("it does not start: {0}")]
    Start(io::Error),
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    #[error("it says: {0}")]
    Failed(String),
    #[error("{0}")]
    Answer(HelperAnswerError),
    #[error("{0}")]
    Other(ProcessError),
}

impl From<ProcessError> for HelperFault {
    fn from(error: ProcessError) -> HelperFault {
        match error {
            ProcessError::Missing { .. } => HelperFault::Missing,
            ProcessError::Start { error, .. } => HelperFault::Start(error),
            ProcessError::Late { limit, .. } => HelperFault::Late(limit),
            other => HelperFault::Other(other),
        }
    }
}

impl LoginError {
    pub(super) fn unreadable(path: &Path, maker: Maker, error: io::Error) -> LoginError {
        LoginError::Unreadable { file: name_of(path), named: maker == Maker::Named, error }
    }
}

impl HelperTrouble {
    fn hint(&self) -> String {
        let HelperTrouble { program, server, named_in, .. } = self;
        match &self.fault {
            HelperFault::Missing => {
                format!(
                    "install {program}, or take its name out of {named_in} (`credsStore` and `credHelpers`)"
                )
            }
            HelperFault::Start(_) => format!("look at the mode of {program}: it must be executable"),
            HelperFault::Late(_) => format!(
                "see what it waits for with `echo {server} | {program} get`; DISTIL_HELPER_TIMEOUT gives it more seconds"
            ),
            _ => format!("see for yourself with `echo {server} | {program} get`"),
        }
    }
}

impl Explain for LoginError {
    fn kind(&self) -> Kind {
        match self {
            LoginError::Unreadable { .. } | LoginError::Variable { .. } => Kind::Input,
            LoginError::File(error) => error.kind(),
            LoginError::Store(error) => error.kind(),
            _ => Kind::Machine,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            LoginError::Unreadable { named: true, error, .. } if error.kind() == io::ErrorKind::NotFound => {
                "REGISTRY_AUTH_FILE names it: correct or unset that; `distil login` makes the file".to_owned()
            }
            LoginError::Unreadable { file, .. } => format!("let yourself read {file}, or take it away"),
            LoginError::File(error) => return error.hint(),
            LoginError::Store(error) => return error.hint(),
            LoginError::Unwritable { .. } => {
                "name a file that you may write to in REGISTRY_AUTH_FILE".to_owned()
            }
            LoginError::Variable { variable } => {
                format!("set {variable} to USER:PASSWORD, or to `<token>:TOKEN` for an identity token")
            }
            LoginError::NoForm { .. } => "take its helper out of the file".to_owned(),
            LoginError::NoPlace { .. } => "set HOME, or REGISTRY_AUTH_FILE to a file's name".to_owned(),
            LoginError::Helper(trouble) => trouble.hint(),
        })
    }

    fn details(&self) -> Vec<String> {
        match self {
            LoginError::Helper(trouble) => vec![format!("{} names {}", trouble.named_in, trouble.program)],
            _ => Vec::new(),
        }
    }
}
