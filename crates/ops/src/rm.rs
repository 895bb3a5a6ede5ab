//! `distil rm`: names taken away, and with the last of them what nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};

use diag::{Diagnostic, Kind, Note};
use image::Layout;
use oci::{Digest, Reference};
use serde::Serialize;

use crate::World;
use crate::image_name::ImageName;
use crate::places::{name_in_store, open_source};
use crate::reasons;
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
/// A name is not in the store: nothing is then removed. A registry refuses: what was removed before is said.
pub fn rm(world: &World, names: &[ImageName]) -> Result<Removed, Diagnostic> {
    let mut stored = Vec::new();
    for name in names {
        match name {
            ImageName::Stored(text) => {
                open_source(world, name)?;
                stored.push(text.as_str());
            }
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
    let on_registries: BTreeMap<String, &Reference> = names
        .iter()
        .filter_map(|name| match name {
            ImageName::Registry(reference) => Some((name.to_string(), reference)),
            _ => None,
        })
        .collect();
    for (name, reference) in on_registries {
        from_registry(world, reference).map_err(|e| {
            removed.names.iter().fold(e, |e, gone| e.detail(format!("removed before this: {gone}")))
        })?;
        removed.names.push(name);
    }
    if !stored.is_empty() {
        from_store(world, stored, &mut removed)?;
    }
    Ok(removed)
}

fn from_store(world: &World, names: Vec<&str>, removed: &mut Removed) -> Result<(), Diagnostic> {
    let store = Layout::open(world.data_dir.join("images"))?;
    let all = store.names()?;
    // The same image may be meant twice, and nothing goes before all is found.
    let mut own = BTreeSet::new();
    for name in names {
        let meant = all.iter().filter(|(known, part)| is_meant(name, known, &part.digest));
        let meant: Vec<&String> = meant.map(|(known, _)| known).collect();
        if meant.is_empty() {
            let text = format!("cannot remove `{name}`: no name of the local store leads to that digest");
            return Err(Diagnostic::new(Kind::Input, text).hint("`distil ls` lists names and digests"));
        }
        own.extend(meant);
    }
    for name in own {
        if store.forget(name)? {
            removed.names.push(name.clone());
        }
    }
    match store.prune() {
        Ok(Some(pruned)) => {
            reasons::forget(world, &pruned);
            (removed.blobs, removed.bytes) = (pruned.blobs, pruned.bytes);
        }
        // The names are gone as they should be; that another image is damaged is not this one's fault.
        Err(error) => {
            let text = format!("what nobody needs stays in the store: {}", Diagnostic::from(error));
            world.reporter.note(Note::Warning(text));
        }
        Ok(None) => world.reporter.note(Note::Info(
            "another distil writes an image: what nobody needs is removed by the next `distil rm`".to_owned(),
        )),
    }
    Ok(())
}

/// Whether `known`, a name in the store that leads to `digest`, is one that `text` means. A digest alone
/// means the image with all its names; beside a name it says which image that name must lead to.
fn is_meant(text: &str, known: &str, digest: &Digest) -> bool {
    if let Ok(wanted) = text.parse::<Digest>() {
        return wanted == *digest;
    }
    let Ok(reference) = text.parse::<Reference>() else { return known == text };
    match reference.digest {
        None => known == name_in_store(text),
        Some(wanted) if wanted != *digest => false,
        Some(wanted) => {
            let same_name = |other: Reference| {
                other.name() == reference.name() && (reference.tag.is_none() || other.tag == reference.tag)
            };
            (reference.tag.is_none() && known == wanted.to_string()) || known.parse().is_ok_and(same_name)
        }
    }
}

fn from_registry(world: &World, reference: &Reference) -> Result<(), Diagnostic> {
    // What a mirror says a tag leads to is not what would go.
    let repository = repository(world, reference)?.at_home();
    let called = match (&reference.tag, reference.digest) {
        // With both it is the tag that goes, if it still leads there: others may have the same digest.
        (Some(tag), Some(wanted)) => {
            let leads_to = repository.digest_of(tag)?;
            if let Some(other) = leads_to.filter(|found| *found != wanted) {
                let text = format!("cannot remove docker://{reference}: the tag leads to {other} now");
                return Err(
                    Diagnostic::new(Kind::Input, text).hint("name the tag alone, or the digest alone")
                );
            }
            tag.clone()
        }
        _ => name_in_repository(reference),
    };
    let removed = repository.delete(&called).map_err(|error| {
        let error = Diagnostic::from(error);
        let tag = called.parse::<Digest>().is_err().then(|| called.clone());
        match tag.and_then(|tag| repository.digest_of(&tag).ok()) {
            // It would not delete any tag, and there is none.
            Some(None) if error.kind == Kind::Network => not_there(reference),
            // Docker's own registry, among others.
            Some(Some(digest)) if error.kind == Kind::Network => error.hint(format!(
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
    Err(not_there(reference))
}

fn not_there(reference: &Reference) -> Diagnostic {
    let text = format!("cannot remove docker://{reference}: the registry has no such image");
    Diagnostic::new(Kind::Input, text)
        .hint(format!("`distil ls docker://{}` lists its tags", reference.name()))
}
