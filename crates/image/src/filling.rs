//! A layout of the user's as the place that images are copied to.
#![allow(clippy::disallowed_methods, reason = "layouts and archives are files where the user wants them")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oci::{Descriptor, Digest, Raw};

use crate::layout::{INDEX_FILE, LAYOUT_FILE};
use crate::{Document, Layout, Sink, TransportError};

impl Layout {
    /// Lets `write` copy images into the layout in `dir`, made if need be.
    ///
    /// A blob of an earlier run counts as there only once it was hashed: what is printed of an image must be
    /// true of the directory. If `write` fails, nothing stays of a layout that was not there before.
    ///
    /// # Errors
    /// Those of `write`, and of making the layout.
    pub fn fill<T, E: From<TransportError>>(
        dir: impl Into<PathBuf>,
        write: impl FnOnce(&dyn Sink) -> Result<T, E>,
    ) -> Result<T, E> {
        Layout::fill_as(Naming::Among, dir, write)
    }

    /// The same for one image that becomes all there is: its index is the layout's own, as `apko build` and
    /// go-containerregistry's `layout.Write` have it, without a name. What the layout named before it names
    /// no longer.
    ///
    /// # Errors
    /// As [`Layout::fill`].
    pub fn fill_alone<T, E: From<TransportError>>(
        dir: impl Into<PathBuf>,
        write: impl FnOnce(&dyn Sink) -> Result<T, E>,
    ) -> Result<T, E> {
        Layout::fill_as(Naming::Alone, dir, write)
    }

    fn fill_as<T, E: From<TransportError>>(
        naming: Naming,
        dir: impl Into<PathBuf>,
        write: impl FnOnce(&dyn Sink) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = Before::of(dir.into());
        let new = Mutex::default();
        let done = Layout::create(&before.dir)
            .map_err(E::from)
            .and_then(|layout| write(&Filling { layout, naming, sound: Mutex::default(), new: &new }));
        if done.is_err() {
            before.restore(&taken(&new));
        }
        done
    }
}

/// What was there before a layout was filled.
struct Before {
    dir: PathBuf,
    /// Directories on the way that were not there, the deepest first.
    missing: Vec<PathBuf>,
    is_layout: bool,
}

impl Before {
    fn of(dir: PathBuf) -> Before {
        let missing = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists());
        let missing = missing.map(Path::to_owned).collect();
        let is_layout = dir.join(LAYOUT_FILE).exists();
        Before { dir, missing, is_layout }
    }

    /// Takes away what came since; what cannot be taken away stays. An image that was published is whole,
    /// and a layout with one stays as well.
    fn restore(&self, new: &BTreeSet<Digest>) {
        if self.is_layout || self.dir.join(INDEX_FILE).exists() {
            return;
        }
        let layout = self.dir.join("blobs");
        for digest in new {
            let _ = fs::remove_file(layout.join(digest.algorithm().name()).join(digest.hex()));
        }
        let _ = fs::remove_file(self.dir.join(LAYOUT_FILE));
        // Only empty ones go.
        for dir in [layout.join("sha256"), layout].iter().chain(&self.missing) {
            let _ = fs::remove_dir(dir);
        }
    }
}

/// How an image stands in the layout's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// By a name, among others.
    Among,
    /// The layout's index is the image's.
    Alone,
}

struct Filling<'a> {
    layout: Layout,
    naming: Naming,
    /// Blobs that were written or hashed by us.
    sound: Mutex<BTreeSet<Digest>>,
    new: &'a Mutex<BTreeSet<Digest>>,
}

fn taken(set: &Mutex<BTreeSet<Digest>>) -> std::sync::MutexGuard<'_, BTreeSet<Digest>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for Filling<'_> {
    fn has(&self, part: &Descriptor) -> Result<bool, TransportError> {
        if taken(&self.sound).contains(&part.digest) {
            return Ok(true);
        }
        // One that is damaged is written again in its place.
        let sound = self.layout.has(part)? && self.layout.agrees(&part.digest);
        if sound {
            taken(&self.sound).insert(part.digest);
        }
        Ok(sound)
    }

    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        let is_new = !self.layout.blob_path(&part.digest).exists();
        self.layout.put(part, bytes)?;
        if is_new {
            taken(self.new).insert(part.digest);
        }
        taken(&self.sound).insert(part.digest);
        Ok(())
    }

    fn publish(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError> {
        if self.naming == Naming::Alone {
            return self.layout.become_index(document);
        }
        self.put(&Descriptor::of(document.value().media_type(), document.bytes()), &mut document.bytes())?;
        self.layout.publish(name, document)
    }
}
