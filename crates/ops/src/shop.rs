//! The open stores of a run.

use std::path::PathBuf;

use diag::Diagnostic;
use fetch::Client;
use store::{Blobs, Cache, Memos, OwnFiles};

use crate::World;

/// Everything on disk that a run works with, opened once.
pub(crate) struct Shop<'a> {
    pub(crate) world: &'a World,
    pub(crate) blobs: Blobs,
    pub(crate) cache: Cache,
    pub(crate) own: OwnFiles,
    client: std::sync::OnceLock<Client>,
}

impl<'a> Shop<'a> {
    pub(crate) fn open(world: &'a World) -> Result<Shop<'a>, Diagnostic> {
        Ok(Shop {
            world,
            blobs: Blobs::open(&world.cache_dir)?,
            cache: Cache::open(&world.cache_dir)?,
            own: OwnFiles::new(),
            client: std::sync::OnceLock::new(),
        })
    }

    /// The client, made when something must be fetched for the first time.
    pub(crate) fn client(&self) -> Result<&Client, Diagnostic> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut options = self.world.surroundings.outside()?.fetch.clone();
        options.offline |= self.world.offline;
        Ok(self.client.get_or_init(|| Client::new(options)))
    }

    /// A name of the user's, meant from the working directory.
    pub(crate) fn path(&self, name: impl Into<PathBuf>) -> PathBuf {
        let name = name.into();
        if name.is_absolute() { name } else { self.world.working_dir.join(name) }
    }
}

/// The remembered answers.
pub(crate) fn memos(world: &World) -> Memos {
    Memos::at(&world.cache_dir)
}
