use std::io::{self, Write};

use diag::{Reporter, Task, Unit};
use image::{Source, TransportError, docker_archive};
use oci::{Descriptor, Digest, ImageConfig, Manifest, Platform, Reference};

use crate::engine::broken;
use crate::{Engine, EngineError, LoadedImage};

/// An image that an engine has now, under the names that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The engine's id of it ([`LoadedImage::id`]).
    pub id: String,
    /// The names, each with its tag.
    pub names: Vec<String>,
    /// Docker or Podman.
    pub engine: String,
    /// How many bytes went over; none where the engine had the image already.
    pub sent: u64,
}

impl Engine {
    /// Brings the image `name` of `source` into the engine, of that platform or of its only one, and
    /// gives it `names` (`latest` where one has no tag). What the engine has already is only named.
    /// Afterwards the engine is asked what it has, and must have this image.
    ///
    /// # Errors
    /// The image cannot be read or has no such platform; a name has a digest, which no engine lets one
    /// choose; the engine refuses or took something else; the user stopped it. Nothing is half loaded.
    pub fn load_image(
        &self,
        source: &dyn Source,
        name: &str,
        platform: Option<&Platform>,
        names: &[Reference],
        reporter: &dyn Reporter,
    ) -> Result<Taken, EngineError> {
        let names = names.iter().map(with_tag).collect::<Result<Vec<_>, _>>()?;
        let manifest = choose(source, name, platform)?;
        let wanted = Wanted::read(name, source, &manifest)?;
        let (id, sent) = match wanted.find(self, &[wanted.id.to_string()])? {
            Some(id) => (id, 0),
            None => {
                let there = wanted.layers_there(self, &names);
                let upload = Upload { source, name, platform, names: &names, reporter };
                let (places, sent) = upload.send_above(self, &manifest, there)?;
                (wanted.find(self, &places)?.ok_or_else(|| wanted.missing(self))?, sent)
            }
        };
        for name in &names {
            let text = name.to_string();
            if self.image(&text)?.is_none_or(|there| there.id != id) {
                self.tag(&id, &name.name(), name.tag.as_deref().unwrap_or("latest"))?;
            }
        }
        let names = names.iter().map(ToString::to_string).collect();
        Ok(Taken { id, names, engine: self.about().name.clone(), sent })
    }
}

pub(crate) fn with_tag(name: &Reference) -> Result<Reference, EngineError> {
    if name.digest.is_some() {
        return Err(EngineError::Name { name: name.to_string() });
    }
    let tag = name.tag.clone().unwrap_or_else(|| "latest".to_owned());
    Ok(Reference { tag: Some(tag), ..name.clone() })
}

pub(crate) fn choose(
    source: &dyn Source,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Manifest, EngineError> {
    docker_archive::choose(source, name, platform).map_err(|error| match error {
        TransportError::Platforms { platforms, .. } => EngineError::Platform {
            image: name.to_owned(),
            wanted: platform.map(ToString::to_string),
            platforms,
        },
        error => unreadable(name, error),
    })
}

pub(crate) fn unreadable(name: &str, error: TransportError) -> EngineError {
    EngineError::Image { image: name.to_owned(), source: Box::new(error) }
}

/// What goes over, nearly: documents and headers come on top.
fn layer_bytes(layers: &[Descriptor]) -> u64 {
    layers.iter().fold(0, |all, l| all.saturating_add(l.size))
}

/// Images that are looked at for layers that they share with a new one; a look takes a millisecond.
const MOST_ASKED: usize = 32;

/// How the image is recognised in an engine.
struct Wanted<'a> {
    name: &'a str,
    /// The digest of its config: the id of an image in Docker's own store and in Podman's.
    id: Digest,
    config: ImageConfig,
}

impl Wanted<'_> {
    fn read<'a>(name: &'a str, from: &dyn Source, manifest: &Manifest) -> Result<Wanted<'a>, EngineError> {
        let bytes = image::read_small(from, &manifest.config).map_err(|e| unreadable(name, e))?;
        let config = serde_json::from_slice(&bytes).map_err(|e| {
            let what = manifest.config.digest.to_string();
            unreadable(name, TransportError::Malformed { what, why: e.to_string() })
        })?;
        Ok(Wanted { name, id: manifest.config.digest, config })
    }

    /// The engine's id of it, if it is at one of these names or ids.
    fn find(&self, engine: &Engine, places: &[String]) -> Result<Option<String>, EngineError> {
        for place in places {
            match engine.image(place)? {
                Some(there) if self.is(&there) => return Ok(Some(there.id)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// How many of its layers, from the lowest on, the engine has already: as an image of one of the names
    /// has them, which is most often the version before, or else another image. No answer is no layer: then
    /// all of them are sent.
    fn layers_there(&self, engine: &Engine, names: &[Reference]) -> usize {
        let layers = &self.config.rootfs.diff_ids;
        let shared = |place: &str| {
            let there = engine.image(place).ok().flatten();
            there.map_or(0, |image| image.diff_ids.iter().zip(layers).take_while(|(a, b)| a == b).count())
        };
        if !engine.takes_layers_by_name() {
            return 0;
        }
        let mut most = names.iter().map(|name| shared(&name.to_string())).max().unwrap_or(0);
        let others = if most < layers.len() { engine.newest_images(MOST_ASKED) } else { Vec::new() };
        for other in others {
            most = most.max(shared(&other));
        }
        most
    }

    /// The same config, or, where ids are those of manifests that the engine made itself (containerd's
    /// image store), the same layers for the same machine.
    fn is(&self, there: &LoadedImage) -> bool {
        let same_machine =
            there.platform.os == self.config.os && there.platform.architecture == self.config.architecture;
        there.id == self.id.to_string()
            || there.id == self.id.hex()
            || (same_machine && there.diff_ids == self.config.rootfs.diff_ids)
    }

    fn missing(&self, engine: &Engine) -> EngineError {
        EngineError::Another { image: self.name.to_owned(), engine: engine.describe(), wanted: self.id }
    }
}

/// An image on its way.
struct Upload<'a> {
    source: &'a dyn Source,
    name: &'a str,
    platform: Option<&'a Platform>,
    names: &'a [Reference],
    reporter: &'a dyn Reporter,
}

impl Upload<'_> {
    /// Sends the image without its lowest layers, and, if the engine does not like that, with them: one may
    /// have gone a moment ago.
    fn send_above(
        &self,
        engine: &Engine,
        manifest: &Manifest,
        there: usize,
    ) -> Result<(Vec<String>, u64), EngineError> {
        let above = manifest.layers.get(there..).unwrap_or_default();
        match self.send(engine, layer_bytes(above), there) {
            Err(EngineError::Failed { .. } | EngineError::Refused { .. }) if there > 0 => {
                self.send(engine, layer_bytes(&manifest.layers), 0)
            }
            sent => sent,
        }
    }

    /// Gives where the image may be found, surest first, and how many bytes went over.
    fn send(&self, engine: &Engine, total: u64, there: usize) -> Result<(Vec<String>, u64), EngineError> {
        let verb = format!("load {} into {}", self.name, engine.describe());
        let label = format!("loading into {}", engine.about().name);
        let task = self.reporter.task(&label, Some(total), Unit::Bytes);
        let (mut id, mut sent) = (None, 0);
        let loaded = engine.load(|out| {
            let mut wire = Wire { out, reporter: self.reporter, task: &task, sent: 0, ended: None };
            let written = docker_archive::write_above(
                self.source,
                self.name,
                self.platform,
                self.names,
                there,
                &mut wire,
            );
            sent = wire.sent;
            id = Some(written.map_err(|error| match wire.ended {
                Some(Ended::Stopped) => EngineError::Stopped(diag::Cancelled),
                Some(Ended::Broken(e)) => broken(&verb, e.into()),
                None => unreadable(self.name, error),
            })?);
            Ok::<(), EngineError>(())
        })?;
        let ids = id.map(|id| id.to_string()).into_iter().chain(loaded.ids);
        let names = self.names.iter().map(ToString::to_string).chain(loaded.names);
        Ok((ids.chain(names).collect(), sent))
    }
}

/// Counts what goes over, and remembers why nothing more does: the archive's writer sees only that it
/// could not write, and would blame the layer at hand.
struct Wire<'a> {
    out: &'a mut dyn Write,
    reporter: &'a dyn Reporter,
    task: &'a Task<'a>,
    sent: u64,
    ended: Option<Ended>,
}

enum Ended {
    Stopped,
    Broken(io::Error),
}

impl Wire<'_> {
    fn end(&mut self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.ended = Some(Ended::Broken(error));
        kind.into()
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(stopped) = self.reporter.check() {
            self.ended = Some(Ended::Stopped);
            return Err(io::Error::other(stopped));
        }
        match self.out.write(bytes) {
            Ok(n) => {
                self.sent += n as u64;
                self.task.advance(n as u64);
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => Err(self.end(e)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|e| self.end(e))
    }
}
