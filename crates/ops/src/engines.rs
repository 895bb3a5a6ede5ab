//! Images into a running Docker or Podman, and through the commands of containerd, kind and k3d.

use diag::Diagnostic;
use engine::{Engine, Importer};
use image::Source;
use oci::{Platform, Reference};

use crate::World;
use crate::known_tars::KnownTars;
use crate::report::Loaded;

/// The first engine that answers.
pub(crate) fn connect(world: &World) -> Result<Engine, Diagnostic> {
    let candidates = engine::candidates(&world.surroundings.outside()?.engines)?;
    Ok(engine::connect(&candidates)?)
}

/// Loads one platform of an image under `names`, its only one where none is said; what the engine has
/// already is only named.
pub(crate) fn load(
    world: &World,
    engine: &Engine,
    source: &dyn Source,
    image: &str,
    platform: Option<&Platform>,
    names: &[Reference],
) -> Result<Vec<Loaded>, Diagnostic> {
    let tars = KnownTars::of(world);
    let reporter = world.reporter.as_ref();
    let taken = engine.load_image(&tars.with(source), image, platform, names, reporter)?;
    let loaded = |name| Loaded { name, id: taken.id.clone(), engine: taken.engine.clone() };
    Ok(taken.names.iter().cloned().map(loaded).collect())
}

/// Brings one platform of an image under `names` into what a command feeds.
pub(crate) fn import(
    world: &World,
    importer: &Importer,
    source: &dyn Source,
    image: &str,
    platform: Option<&Platform>,
    names: &[Reference],
) -> Result<Vec<Loaded>, Diagnostic> {
    let (dir, reporter) = (crate::places::unpacked(world), world.reporter.as_ref());
    let tars = KnownTars::of(world);
    let id = importer.load_image(&tars.with(source), image, platform, names, &dir, reporter)?;
    let loaded = |name: &Reference| Loaded {
        name: name.to_string(),
        id: id.to_string(),
        engine: importer.to_string(),
    };
    Ok(names.iter().map(loaded).collect())
}
