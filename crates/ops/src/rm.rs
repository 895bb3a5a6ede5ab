//! `distil rm`: names taken away, and with the last of them what nobody needs any more.

use diag::{Diagnostic, Kind, Note};
use image::Layout;
use oci::{Digest, Reference};
use serde::Serialize;

use crate::World;
use crate::image_name::ImageName;
use crate::places::open_source;
use crate::registries::{name_in_repository, repository};

/// What was taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The names.
    pub names: Vec<String>,
    /// Blobs that nobody needed.
    pub blobs: u64,
    /// And their bytes.
    pub bytes: u64,
}

/// Removes names from the local store, and blobs that no other image needs; or a tag, or by its digest an
/// image, from a registry.
///
/// # Errors
/// A name is not in the store: nothing is then removed. A registry refuses.
pub fn rm(world: &World, names: &[ImageName]) -> Result<Removed, Diagnostic> {
    let mut stored = Vec::new();
    for name in names {
        match name {
            ImageName::Stored(_) => stored.push(open_source(world, name)?.name),
            ImageName::Registry(_) => {}
            other => {
                let text = format!(
                    "cannot remove {other}: images are removed from the local store and from registries"
                );
                return Err(Diagnostic::new(Kind::Usage, text).hint(
                    "a layout and an archive are files: remove them as such; an engine has `docker rmi`",
                ));
            }
        }
    }
    let mut removed = Removed::default();
    for name in names {
        if let ImageName::Registry(reference) = name {
            from_registry(world, reference)?;
            removed.names.push(name.to_string());
        }
    }
    if !stored.is_empty() {
        from_store(world, stored, &mut removed)?;
    }
    Ok(removed)
}

fn from_store(world: &World, names: Vec<String>, removed: &mut Removed) -> Result<(), Diagnostic> {
    let store = Layout::open(world.data_dir.join("images"))?;
    for name in names {
        let own: Vec<String> = match name.parse::<Digest>() {
            // A digest means the image, with all its names.
            Ok(digest) => {
                let named = store.names()?.into_iter();
                named.filter(|(_, part)| part.digest == digest).map(|(name, _)| name).collect()
            }
            Err(_) => vec![name],
        };
        for name in own {
            if store.forget(&name)? {
                removed.names.push(name);
            }
        }
    }
    match store.prune()? {
        Some((blobs, bytes)) => (removed.blobs, removed.bytes) = (blobs, bytes),
        None => world.reporter.note(Note::Info(
            "another distil writes an image: what nobody needs is removed by the next `distil rm`".to_owned(),
        )),
    }
    Ok(())
}

fn from_registry(world: &World, reference: &Reference) -> Result<(), Diagnostic> {
    let repository = repository(world, reference)?;
    let removed = repository.delete(&name_in_repository(reference)).map_err(|error| {
        let error = Diagnostic::from(error);
        let tag = reference.digest.is_none().then(|| name_in_repository(reference));
        match tag.and_then(|tag| repository.digest_of(&tag).ok().flatten()) {
            // Docker's own registry, among others.
            Some(digest) if error.kind == Kind::Network => error.hint(format!(
                "if this registry removes no tags, `distil rm docker://{}@{digest}` removes the image, with all of \
                 its tags",
                reference.name()
            )),
            _ => error,
        }
    })?;
    if removed {
        return Ok(());
    }
    let text = format!("cannot remove docker://{reference}: the registry has no such image");
    Err(Diagnostic::new(Kind::Input, text)
        .hint(format!("`distil ls docker://{}` lists its tags", reference.name())))
}
