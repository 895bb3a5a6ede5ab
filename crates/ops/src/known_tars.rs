//! What is known of the tars in layers, for archives and engines: they take no layer whose tar is not the config's, and
//! to find that out costs more than all the rest of writing one.

use image::{NoCache, Source, Summed};
use store::Cache;

use crate::World;

/// The cache with it. One that cannot be had costs time, and nothing else.
pub(crate) struct KnownTars(Option<Cache>);

impl KnownTars {
    pub(crate) fn of(world: &World) -> KnownTars {
        KnownTars(Cache::open(&world.cache_dir).ok())
    }

    /// A source with what is known of its layers.
    pub(crate) fn with<'a>(&'a self, source: &'a dyn Source) -> Summed<'a> {
        match &self.0 {
            Some(cache) => Summed { source, cache },
            None => Summed { source, cache: &NoCache },
        }
    }
}
