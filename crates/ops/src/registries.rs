//! Registries, as the surroundings say they are reached.

use std::sync::Arc;

use diag::Diagnostic;
use oci::Reference;
use registry::{Client, Options, Repository};

use crate::World;

/// The client of a run.
pub(crate) fn client(world: &World) -> Result<Client, Diagnostic> {
    let outside = world.surroundings.outside()?;
    let mut fetch = outside.fetch.clone();
    fetch.offline |= world.offline;
    let options = Options {
        parallel: fetch.parallel,
        reporter: Arc::clone(&world.reporter),
        ..outside.registry.clone()
    };
    Ok(Client::new(&fetch::Client::new(fetch), options))
}

/// The repository of a name.
pub(crate) fn repository(world: &World, reference: &Reference) -> Result<Repository, Diagnostic> {
    Ok(client(world)?.repository(reference)?)
}

/// What a registry calls an image in its repository: the digest, where the name has one, else the tag.
pub(crate) fn name_in_repository(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => "latest".to_owned(),
    }
}
