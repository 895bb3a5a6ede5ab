use diag::{Explain, Kind};

use crate::merge::MergeError;
use crate::path::ResolveError;
use crate::payload::{PayloadError, PayloadReadError};
use crate::tar::TarError;

impl Explain for TarError {
    fn kind(&self) -> Kind {
        match self {
            TarError::Io(e) if e.kind() != std::io::ErrorKind::InvalidData => Kind::Machine,
            _ => Kind::Input,
        }
    }
}

impl Explain for PayloadError {
    fn kind(&self) -> Kind {
        match self {
            PayloadError::Unwritten { .. } => Kind::Machine,
            PayloadError::Io { error, .. } => match error.kind() {
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => Kind::Input,
                _ => Kind::Machine,
            },
            _ => Kind::Input,
        }
    }
}

impl Explain for PayloadReadError {
    fn kind(&self) -> Kind {
        Kind::Machine
    }
}

impl Explain for ResolveError {
    fn kind(&self) -> Kind {
        Kind::Input
    }
}

impl Explain for MergeError {
    fn kind(&self) -> Kind {
        match self {
            MergeError::Conflict { .. } | MergeError::BelowFile { .. } => Kind::Unsatisfiable,
            MergeError::TooDeep { .. } | MergeError::Resolve(_) => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            MergeError::Conflict { second, path, .. } => Some(format!(
                "leave one of them out, or take only a part: {{name: {second}, drop: [/{path}]}}"
            )),
            _ => None,
        }
    }
}
