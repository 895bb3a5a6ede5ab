//! `distil tag`: another name for an image, in the local store or in its repository.

use diag::{Diagnostic, Kind};
use image::{Sink, Source};
use oci::{Digest, Reference, ReferenceError};
use serde::Serialize;

use crate::World;
use crate::build::image_store;
use crate::deliver::with_tag;
use crate::image_name::{ImageName, is_cut_digest, on_a_registry};
use crate::places::{name_in_store, open_source};
use crate::registries::{name_in_repository, repository};

/// A name that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tagged {
    /// The image's name before.
    pub from: String,
    /// Its new one.
    pub to: String,
    /// The digest that both lead to.
    pub digest: Digest,
}

/// Gives an image another name. Without a transport both are names of the local store.
///
/// # Errors
/// There is no such image, or the new name is not of the same place.
pub fn tag(world: &World, from: &str, to: &str) -> Result<Tagged, Diagnostic> {
    match ImageName::in_store(from)? {
        name @ ImageName::Stored(_) => in_store(world, &name, to),
        ImageName::Registry(reference) => on_registry(world, &reference, to),
        other => {
            let text = format!("cannot tag {other}: names are given in the local store and in registries");
            Err(Diagnostic::new(Kind::Usage, text)
                .hint(format!("copy it there under the new name: `distil copy {other} {to}`")))
        }
    }
}

fn in_store(world: &World, name: &ImageName, to: &str) -> Result<Tagged, Diagnostic> {
    let ImageName::Stored(text) = ImageName::in_store(to)? else {
        return Err(elsewhere(&name.to_string(), to));
    };
    let new = name_in_store(&text);
    if new.parse::<Digest>().is_ok() || is_cut_digest(&new) {
        let text = format!("cannot tag {name} as {to}: that is a digest, which nobody chooses");
        return Err(Diagnostic::new(Kind::Usage, text).hint("write NAME:TAG"));
    }
    // Held first: nobody then prunes what is about to get a name.
    let store = image_store(world)?;
    let from = open_source(world, name)?;
    let document = from.source.document(&from.name)?;
    store.publish(&new, &document)?;
    Ok(Tagged { from: from.shown, to: ImageName::Stored(new).to_string(), digest: document.digest() })
}

fn on_registry(world: &World, reference: &Reference, to: &str) -> Result<Tagged, Diagnostic> {
    let shown = format!("docker://{reference}");
    let no_name = |e: ReferenceError| {
        Diagnostic::new(Kind::Usage, format!("cannot tag {shown}: {e}"))
            .hint("write the tag alone, or the whole name")
    };
    let new = if to.contains([':', '/', '@']) {
        with_tag(on_a_registry(to.strip_prefix("docker://").unwrap_or(to).parse().map_err(no_name)?))
    } else {
        // A word alone is a tag of the same repository.
        format!("{}:{to}", reference.name()).parse().map_err(no_name)?
    };
    if new.name() != reference.name() || new.digest.is_some() {
        return Err(elsewhere(&shown, to));
    }
    // A mirror may have another image of that name, and ones that are not there.
    let repository = repository(world, reference)?.at_home();
    let document = repository.document(&name_in_repository(reference))?;
    repository.publish(&name_in_repository(&new), &document)?;
    Ok(Tagged { from: shown, to: format!("docker://{new}"), digest: document.digest() })
}

fn elsewhere(from: &str, to: &str) -> Diagnostic {
    Diagnostic::new(Kind::Usage, format!("cannot tag {from} as {to}: that is another place"))
        .hint(format!("copy it: `distil copy {from} {to}`"))
}
