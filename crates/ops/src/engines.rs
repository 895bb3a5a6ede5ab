//! Images into a running Docker or Podman.

use diag::{Diagnostic, Kind};
use engine::Engine;
use image::{Layout, docker_archive};
use oci::{Digest, Platform, Reference};

use crate::World;
use crate::report::Loaded;

/// The first engine that answers.
pub(crate) fn connect(world: &World) -> Result<Engine, Diagnostic> {
    let candidates = engine::candidates(&world.surroundings.outside()?.engines)?;
    Ok(engine::connect(&candidates)?)
}

/// Loads one platform of an image under `names`; what the engine has already is only named.
pub(crate) fn load(
    engine: &Engine,
    store: &Layout,
    stored: &str,
    platform: &Platform,
    config: &Digest,
    names: &[Reference],
) -> Result<Vec<Loaded>, Diagnostic> {
    if engine.image(&config.to_string())?.is_none() {
        engine.load(|out| {
            docker_archive::write(store, stored, Some(platform), names, out).map(drop).map_err(Diagnostic::from)
        })?;
    }
    let mut loaded = Vec::new();
    for name in names {
        engine.tag(&id(engine, name, config)?, &name.name(), name.tag.as_deref().unwrap_or("latest"))?;
        let text = name.to_string();
        let found = engine.image(&text)?.ok_or_else(|| {
            Diagnostic::new(Kind::Machine, format!("cannot load {text}: {} took it, but does not list it", engine.describe()))
        })?;
        loaded.push(Loaded { name: text, id: found.id, engine: engine.about().name.clone() });
    }
    Ok(loaded)
}

/// The id of what was just loaded: its config's digest, or what the name leads to (containerd's image
/// store counts manifests).
fn id(engine: &Engine, name: &Reference, config: &Digest) -> Result<String, Diagnostic> {
    if engine.image(&config.to_string())?.is_some() {
        return Ok(config.to_string());
    }
    let found = engine.image(&name.to_string())?;
    Ok(found.map_or_else(|| config.to_string(), |image| image.id))
}
