use std::io;

use diag::{Explain, Kind};

use crate::{CodecError, LayerError, TransportError};

impl Explain for CodecError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }
}

impl Explain for LayerError {
    fn kind(&self) -> Kind {
        match self {
            LayerError::Read { .. } | LayerError::Write { .. } | LayerError::Content { .. } => Kind::Machine,
            LayerError::Compress { .. } => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            LayerError::Content { .. } => Some(
                "the cache was damaged on disk; `distil cache verify` finds what else was, then build again"
                    .into(),
            ),
            LayerError::Write { error, .. } => space_hint(error),
            _ => None,
        }
    }
}

impl Explain for TransportError {
    fn kind(&self) -> Kind {
        match self {
            TransportError::Io { .. } | TransportError::Stopped(_) => Kind::Machine,
            TransportError::NoImage { .. }
            | TransportError::Ambiguous { .. }
            | TransportError::Unnamed { .. }
            | TransportError::Artifact { .. }
            | TransportError::Malformed { .. }
            | TransportError::NoBlob { .. } => Kind::Input,
            TransportError::Mismatch { .. }
            | TransportError::WrongSize { .. }
            | TransportError::OtherTar { .. } => Kind::Trust,
            TransportError::Platforms { .. } => Kind::Usage,
            TransportError::Place(told) => told.kind,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            TransportError::Io { error, .. } => space_hint(error).or_else(|| place_hint(error)),
            TransportError::Malformed { .. } => {
                Some("it is damaged, or no OCI image: have it written anew, or name another place".to_owned())
            }
            TransportError::NoBlob { .. } | TransportError::Mismatch { .. } => Some(
                "the image is not whole where it was read from; build it or copy it there again".to_owned(),
            ),
            TransportError::Artifact { .. } => Some("name the image that it belongs to".to_owned()),
            TransportError::WrongSize { .. } => Some(
                "the manifest or index that lists it is wrong: tell the image's maker, or have it written anew".to_owned(),
            ),
            TransportError::OtherTar { .. } => Some("no engine can run it: tell its maker".to_owned()),
            TransportError::Platforms { .. } => Some("choose one with --platform".to_owned()),
            TransportError::Place(told) => told.hint.clone(),
            TransportError::Stopped(_) => None,
            TransportError::NoImage { name, known, .. } => {
                let nearest = diag::nearest(name, known.iter().map(String::as_str), 1);
                match (nearest.first(), known.as_slice()) {
                    (Some(near), _) => Some(format!("there is `{near}`")),
                    (None, []) => Some("there are no images yet".to_owned()),
                    (None, known) => Some(format!("there are {}", some(known))),
                }
            }
            TransportError::Ambiguous { known, .. } => {
                Some(format!("write one of these after the colon that follows the path: {}", some(known)))
            }
            TransportError::Unnamed { .. } => {
                Some("give it one, after a colon that follows the path: oci:DIR:TAG".to_owned())
            }
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            TransportError::Place(told) => told.details.clone(),
            _ => Vec::new(),
        }
    }
}

/// Names in a row; of very many the first.
fn some(names: &[String]) -> String {
    const MOST: usize = 12;
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more, which `distil ls` lists"),
    }
}

/// The layout may be our store or a directory that the user named.
fn place_hint(error: &io::Error) -> Option<String> {
    let place = matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
    );
    place.then(|| {
        "images need a directory that you may write to: --data-dir for the local store, else the one of -o"
            .to_owned()
    })
}

fn space_hint(error: &io::Error) -> Option<String> {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        .then(|| "free some disk space; nothing unfinished is left behind".to_owned())
}
