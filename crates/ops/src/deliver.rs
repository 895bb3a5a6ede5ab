//! Images from the local store to where the user wants them. By their digests: a name may be another image's by now,
//! of another build of the same recipe.

use diag::{Diagnostic, Kind};
use image::{Layout, docker_archive, oci_archive};
use oci::{Platform, Reference};

use crate::World;
use crate::image_name::{ImageName, on_a_registry};
use crate::known_tars::KnownTars;
use crate::places::Opened;
use crate::report::{Built, BuiltPlatform, Loaded};
use crate::target::Target;
use crate::transfer::{self, Moved};

/// Writes every image to every target; gives a line each.
pub(crate) fn write(
    world: &World,
    store: &Layout,
    images: &[Built],
    targets: &[Target],
) -> Result<Vec<String>, Diagnostic> {
    let (mut written, tars) = (Vec::new(), KnownTars::of(world));
    for target in targets {
        world.reporter.check()?;
        match target {
            Target::Layout { dir, tag } => {
                let lines = Layout::fill(world.working_dir.join(dir), |to| {
                    let mut lines = Vec::new();
                    for image in images {
                        for name in tags_in_layout(image, tag.as_deref(), images) {
                            image::copy(&store.by_digest(image.digest), &stored_name(image), to, &name)?;
                            lines.push(format!("oci:{}:{name}", dir.display()));
                        }
                    }
                    Ok::<_, Diagnostic>(lines)
                })?;
                written.extend(lines);
            }
            Target::LayoutArchive { file, tag } => {
                let image = only(images, "an oci-archive")?;
                let own = names(image)?.into_iter().next();
                let called = transfer::archive_name(tag.as_deref(), own);
                let from = store.by_digest(image.digest);
                oci_archive::save(&from, &stored_name(image), &called, &world.working_dir.join(file))?;
                written.push(format!("oci-archive:{}", file.display()));
            }
            Target::DockerArchive { file, reference } => {
                let image = only(images, "a docker-archive")?;
                let platform = only_platform(image)?;
                let names = reference.clone().map_or_else(|| names(image), |r| Ok(vec![r]))?;
                let names: Vec<Reference> = names.into_iter().map(with_tag).collect();
                docker_archive::save(
                    &tars.with(&store.by_digest(image.digest)),
                    &stored_name(image),
                    Some(platform),
                    &names,
                    &world.working_dir.join(file),
                )?;
                written.push(format!("docker-archive:{}", file.display()));
            }
            Target::LayoutOfOne { dir } => {
                let image = only(images, "one OCI layout")?;
                let from = store.by_digest(image.digest);
                Layout::fill_alone(world.working_dir.join(dir), |to| {
                    image::copy(&from, &stored_name(image), to, "").map(drop).map_err(Diagnostic::from)
                })?;
                written.push(format!("oci:{}", dir.display()));
            }
            Target::ArchiveOfEach { file, reference } => {
                let image = only(images, "a docker-archive")?;
                let platforms = names_of_each(image, reference);
                let path = world.working_dir.join(file);
                let from = store.by_digest(image.digest);
                docker_archive::save_each(&tars.with(&from), &stored_name(image), &platforms, &path)?;
                written.push(format!("docker-archive:{}", file.display()));
            }
            Target::Daemon { .. } | Target::Registry { .. } | Target::Importer { .. } => {}
        }
    }
    Ok(written)
}

/// Pushes every image under its names, and to what `docker://` targets name.
pub(crate) fn push(
    world: &World,
    store: &Layout,
    images: &[Built],
    all: bool,
    targets: &[Target],
) -> Result<Vec<Moved>, Diagnostic> {
    let mut wanted = Vec::new();
    for image in images.iter().filter(|_| all) {
        wanted.extend(names(image)?.into_iter().map(|name| (image, name)));
    }
    for target in targets {
        if let Target::Registry { reference } = target {
            wanted.push((only(images, "a name on a registry")?, reference.clone()));
        }
    }
    let push = |(image, name): (&Built, Reference)| {
        let from = Opened {
            source: Box::new(store.by_digest(image.digest)),
            name: stored_name(image),
            shown: image.names[0].clone(),
            repository: None,
        };
        transfer::carry(world, &from, &ImageName::Registry(on_a_registry(with_tag(name))), None)
    };
    wanted.into_iter().map(push).collect()
}

/// Loads the host's platform of every image into the engine, and what `docker-daemon:` targets name.
pub(crate) fn load(
    world: &World,
    store: &Layout,
    images: &[Built],
    all: bool,
    targets: &[Target],
) -> Result<Vec<Loaded>, Diagnostic> {
    let named: Vec<&Reference> = targets
        .iter()
        .filter_map(|t| if let Target::Daemon { reference } = t { Some(reference) } else { None })
        .collect();
    let mut loaded = import(world, store, images, targets)?;
    if !all && named.is_empty() {
        return Ok(loaded);
    }
    let engine = crate::engines::connect(world)?;
    for image in images.iter().filter(|_| all) {
        let names = names(image)?.into_iter().map(with_tag).collect::<Vec<_>>();
        let platform = Some(platform_for(world, image)?);
        let from = store.by_digest(image.digest);
        loaded.extend(crate::engines::load(world, &engine, &from, &stored_name(image), platform, &names)?);
    }
    for reference in named {
        let image = only(images, "docker-daemon:")?;
        let platform = Some(platform_for(world, image)?);
        let names = [with_tag(reference.clone())];
        let from = store.by_digest(image.digest);
        loaded.extend(crate::engines::load(world, &engine, &from, &stored_name(image), platform, &names)?);
    }
    Ok(loaded)
}

/// Brings the host's platform of every image into what `--load=` names.
fn import(
    world: &World,
    store: &Layout,
    images: &[Built],
    targets: &[Target],
) -> Result<Vec<Loaded>, Diagnostic> {
    let mut loaded = Vec::new();
    for target in targets {
        let Target::Importer { importer } = target else { continue };
        for image in images {
            let names = names(image)?.into_iter().map(with_tag).collect::<Vec<_>>();
            let platform = Some(platform_for(world, image)?);
            loaded.extend(crate::engines::import(
                world,
                importer,
                &store.by_digest(image.digest),
                &stored_name(image),
                platform,
                &names,
            )?);
        }
    }
    Ok(loaded)
}

/// The name of an image in the local store.
pub(crate) fn stored_name(image: &Built) -> String {
    let name = &image.names[0];
    match name.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => name.clone(),
        _ => format!("{name}:latest"),
    }
}

/// `--load` and `docker-daemon:` take the host's platform; an image of one other platform is taken as
/// it is, so that `--arch arm64 --load` works where the engine can emulate it.
fn platform_for<'a>(world: &World, image: &'a Built) -> Result<&'a Platform, Diagnostic> {
    let host = |p: &&BuiltPlatform| {
        p.platform.os == world.host.os && p.platform.architecture == world.host.architecture
    };
    let found = match image.platforms.as_slice() {
        [one] => Some(one),
        many => many.iter().find(host),
    };
    found.map(|p| &p.platform).ok_or_else(|| {
        Diagnostic::new(
            Kind::Usage,
            format!("cannot load {}: it has no image for {}", image.names[0], world.host),
        )
        .hint("choose one of its platforms with --arch")
    })
}

fn only<'a>(images: &'a [Built], what: &str) -> Result<&'a Built, Diagnostic> {
    match images {
        [one] => Ok(one),
        many => {
            let names: Vec<&str> = many.iter().map(|i| i.variant.as_str()).collect();
            Err(Diagnostic::new(
                Kind::Usage,
                format!("cannot write {} images to {what}: it takes one", many.len()),
            )
            .hint(format!("choose one with --variant ({}), or write an oci: layout", names.join(", "))))
        }
    }
}

fn only_platform(image: &Built) -> Result<&Platform, Diagnostic> {
    match image.platforms.as_slice() {
        [one] => Ok(&one.platform),
        many => {
            let all: Vec<String> = many.iter().map(|p| p.platform.to_string()).collect();
            Err(Diagnostic::new(
                Kind::Usage,
                format!(
                    "cannot write {} to a docker-archive: it has {} platforms, and the format takes one",
                    image.names[0],
                    many.len()
                ),
            )
            .hint(format!("choose a platform with --arch ({}), or write an oci-archive", all.join(", "))))
        }
    }
}

/// NAME:TAG-ARCHITECTURE for every platform; the variant stands there only where two platforms have one
/// architecture (apko gives both one name, and one is lost).
fn names_of_each(image: &Built, reference: &Reference) -> Vec<(Platform, Vec<Reference>)> {
    let tag = reference.tag.as_deref().unwrap_or("latest");
    let name = |platform: &Platform| {
        let alike = |other: &&BuiltPlatform| other.platform.architecture == platform.architecture;
        let variant =
            platform.variant.as_deref().filter(|_| image.platforms.iter().filter(alike).count() > 1);
        let arch =
            variant.map_or(platform.architecture.clone(), |v| format!("{}_{v}", platform.architecture));
        Reference { tag: Some(format!("{tag}-{arch}")), ..reference.clone() }
    };
    image.platforms.iter().map(|p| (p.platform.clone(), vec![name(&p.platform)])).collect()
}

/// In a layout: the tag given, `TAG-VARIANT` for variants; without one the names of `-t`, else
/// NAME[-VARIANT].
fn tags_in_layout(image: &Built, tag: Option<&str>, all: &[Built]) -> Vec<String> {
    let base = match tag {
        Some(tag) => tag,
        None if image.names.iter().any(|n| *n != default_name(image)) => return image.names.clone(),
        None => &image.recipe,
    };
    let alone = all.len() == 1 && tag.is_some();
    let plain = image.variant == "latest" || alone;
    vec![if plain { base.to_owned() } else { format!("{base}-{}", image.variant) }]
}

/// The name without `-t`.
pub(crate) fn default_name(image: &Built) -> String {
    match image.variant.as_str() {
        "latest" => image.recipe.clone(),
        variant => format!("{}:{variant}", image.recipe),
    }
}

fn names(image: &Built) -> Result<Vec<Reference>, Diagnostic> {
    let parse = |n: &String| {
        n.parse().map_err(|e: oci::ReferenceError| {
            Diagnostic::new(Kind::Usage, e.to_string()).hint("name it with -t")
        })
    };
    image.names.iter().map(parse).collect()
}

/// Engines take a missing tag for `latest`; we say so.
pub(crate) fn with_tag(mut reference: Reference) -> Reference {
    if reference.tag.is_none() && reference.digest.is_none() {
        reference.tag = Some("latest".to_owned());
    }
    reference
}
