//! `distil build`: from recipes to images where the user wants them.
//!
//! The story: ask the memo; read the recipes; get each its lock ([`crate::pins`]); bring and unpack
//! its packages; compose and write each variant for each architecture ([`crate::images`]); publish
//! the indexes in the local store; remember; deliver.

use std::path::Path;

use diag::{Diagnostic, Kind, Note};
use image::{Codec, Layout, index, publish};
use oci::{Platform, Reference};
use package::Arch;
use recipe::Resolved;
use serde::{Deserialize, Serialize};
use trust::RsaKeyring;

use crate::World;
use crate::deliver;
use crate::images::{self, Made, Order};
use crate::own_bodies;
use crate::packages::{self, Supply};
use crate::payloads::{self, Parcel};
use crate::pins::{self, How, Pinned};
use crate::reasons;
use crate::recipes::{self, Loaded};
use crate::report::{BuildReport, Built, LockReport, LockState};
use crate::request::{BuildRequest, LockMode};
use crate::shop::{Shop, memos};
use crate::target::Target;

/// How often a build begins anew because something in the cache was damaged; each attempt deletes what
/// it finds, so this many damaged objects are survived.
const ATTEMPTS: usize = 100;

/// What the memo keeps of a build.
#[derive(Serialize, Deserialize)]
struct Answer {
    images: Vec<Built>,
    locks: Vec<LockReport>,
}

/// Builds what `request` asks for.
///
/// # Errors
/// Whatever stands in the way, as a [`Diagnostic`]; nothing is then left under a final name.
pub fn build(world: &World, request: &BuildRequest) -> Result<BuildReport, Diagnostic> {
    for attempt in 1.. {
        match once(world, request) {
            Err((d, true)) if attempt < ATTEMPTS => {
                memos(world).forget(&question(world, request));
                world.reporter.note(Note::Warning(format!("{d}; beginning anew")));
            }
            other => return other.map_err(|(d, _)| d),
        }
    }
    Err(Diagnostic::new(Kind::Internal, "cannot build: attempts have no end"))
}

/// One attempt; the flag of an error says that the cache was damaged, and another may succeed.
fn once(world: &World, request: &BuildRequest) -> Result<BuildReport, (Diagnostic, bool)> {
    let sure = |d: Diagnostic| (d, false);
    let question = question(world, request);
    let remembered = recall(world, &question);
    let unchanged = remembered.is_some();
    let (store, answer) = match remembered {
        Some((store, answer)) => (store, answer),
        None => {
            let shop = Shop::open(world).map_err(sure)?;
            let (made, program) = std::thread::scope(|scope| {
                // As long as unpacking a package takes to hash ourselves; nobody waits for it here.
                let program = scope.spawn(|| notes_program(&shop));
                (make_all(&shop, request), program.join().unwrap_or(false))
            });
            let damaged = shop.cache.damaged_count();
            if damaged > 0 {
                let text = format!("{damaged} damaged objects of the cache were deleted and made again");
                world.reporter.note(Note::Info(text));
            }
            made.and_then(|made| {
                // A rebuilt program could not be told from one that was not noted.
                if program {
                    remember(&shop, &question, &made.1)?;
                }
                Ok(made)
            })
            .map_err(|d| {
                let again = damaged > 0 || d.to_string().contains("damaged on disk");
                (d, again)
            })?
        }
    };
    let written = deliver::write(world, &store, &answer.images, &request.targets)
        .map_err(|d| drop_damaged(world, &store, &answer, d))?;
    let pushed = deliver::push(world, &store, &answer.images, request.push, &request.targets)
        .map_err(|d| drop_damaged(world, &store, &answer, d))?;
    let loaded = deliver::load(world, &store, &answer.images, request.load, &request.targets)
        .map_err(|d| drop_damaged(world, &store, &answer, d))?;
    Ok(BuildReport { images: answer.images, locks: answer.locks, written, pushed, loaded, unchanged })
}

/// Everything that the answer depends on and that is no file.
fn question(world: &World, request: &BuildRequest) -> String {
    let place = &request.lock;
    let files: Vec<_> = request.targets.iter().filter_map(Target::file).collect();
    let what =
        (&files, &request.recipes, &request.archs, &request.variants, &request.names, &request.compression);
    format!(
        "build {} {:?} {what:?} {:?} {place:?} {:?} {:?} {} {}",
        env!("CARGO_PKG_VERSION"),
        world.working_dir,
        request.above,
        request.mode,
        world.epoch,
        world.data_dir.display(),
        world.host,
    )
}

/// The remembered answer, if its images are all there.
fn recall(world: &World, question: &str) -> Option<(Layout, Answer)> {
    let answer: Answer = serde_json::from_str(&memos(world).recall(question)?).ok()?;
    let store = Layout::open(world.data_dir.join("images")).ok()?;
    let names = store.names().ok()?;
    for image in &answer.images {
        let name = deliver::stored_name(image);
        let there = names.iter().any(|(n, d)| *n == name && d.digest == image.digest);
        if !there || !store.is_complete(&image.digest) {
            return None;
        }
    }
    Some((store, answer))
}

/// The local image store. A damaged one is put in order, and said to have been: names are made again by
/// the builds that gave them.
pub(crate) fn image_store(world: &World) -> Result<Layout, Diagnostic> {
    let (store, aside) = Layout::recover(world.data_dir.join("images"))?;
    for part in aside {
        let text = format!(
            "the image store was damaged ({}); that file is now {}, and images are named again when they are built",
            part.why,
            part.now.display()
        );
        world.reporter.note(Note::Warning(text));
    }
    Ok(store)
}

fn make_all(shop: &Shop<'_>, request: &BuildRequest) -> Result<(Layout, Answer), Diagnostic> {
    let codec = codec(request)?;
    let store = image_store(shop.world)?;
    let mut answer = Answer { images: Vec::new(), locks: Vec::new() };
    for typed in &request.recipes {
        let recipe = recipes::load(shop, typed, &request.above)?;
        let chosen = choose(shop, &recipe, request)?;
        // Before the network is asked for anything: a slip in a path should show at once, and leave no lock.
        chosen.iter().try_for_each(|(variant, _)| own_bodies::check(shop, variant))?;
        // Again once the lock was read, and at the end: what is read later is spared, too.
        spared(shop, request)?;
        let how = How {
            place: &request.lock,
            mode: request.mode,
            dry_run: false,
            look_inside: false,
            codec: format!("{codec} revision {}", Codec::REVISION),
        };
        let pinned = pins::pins(shop, &recipe, &how)?;
        spared(shop, request)?;
        make_ready(shop, request, &recipe, &pinned, &chosen)?;
        for (variant, archs) in &chosen {
            answer.images.push(make_image(shop, &store, &recipe, variant, archs, &pinned, request, codec)?);
        }
        answer.locks.push(pinned.report);
    }
    // Certificates and files of the user's were read meanwhile.
    spared(shop, request)?;
    Ok((store, answer))
}

/// No target takes the place of a file that the image is made of.
fn spared(shop: &Shop<'_>, request: &BuildRequest) -> Result<(), Diagnostic> {
    let real = |path: &Path| path.canonicalize().ok();
    let seen = shop.own.seen();
    for (text, file) in request.targets.iter().filter_map(Target::file) {
        let Some(file) = real(&shop.path(file)) else { continue };
        if seen.iter().any(|seen| seen.is_file() && real(seen.path()).as_ref() == Some(&file)) {
            let what = format!("cannot write {text}: the image is made of that file, and it would be lost");
            return Err(Diagnostic::new(Kind::Usage, what).hint("name another file"));
        }
    }
    Ok(())
}

fn codec(request: &BuildRequest) -> Result<Codec, Diagnostic> {
    match &request.compression {
        None => Ok(Codec::default()),
        Some(text) => {
            text.parse().map_err(|e: image::CodecError| Diagnostic::new(Kind::Usage, e.to_string()))
        }
    }
}

/// The variants and architectures to build.
fn choose<'a>(
    shop: &Shop<'_>,
    recipe: &'a Loaded,
    request: &BuildRequest,
) -> Result<Vec<(&'a Resolved, Vec<Arch>)>, Diagnostic> {
    let known: Vec<&str> = recipe.variants.iter().map(Loaded::variant_name).collect();
    if let Some(unknown) = request.variants.iter().find(|v| !known.contains(&v.as_str())) {
        return Err(Diagnostic::new(
            Kind::Usage,
            format!("cannot build {} ({unknown}): it has no such variant", recipe.typed),
        )
        .hint(format!("its variants are {}", known.join(", "))));
    }
    let wanted: Vec<Arch> = request.archs.iter().map(|word| arch(shop, word)).collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for variant in &recipe.variants {
        if !request.variants.is_empty()
            && !request.variants.iter().any(|v| v == Loaded::variant_name(variant))
        {
            continue;
        }
        if let Some(foreign) = wanted.iter().find(|a| !variant.archs.contains(a)) {
            let words: Vec<&str> = variant.archs.iter().map(Arch::as_str).collect();
            return Err(Diagnostic::new(
                Kind::Usage,
                format!("cannot build {} for {foreign}: the recipe does not list it", recipe.typed),
            )
            .hint(format!("it lists {}; add the architecture to `archs:`", words.join(", "))));
        }
        let archs = if wanted.is_empty() { variant.archs.clone() } else { wanted.clone() };
        out.push((variant, archs));
    }
    Ok(out)
}

fn arch(shop: &Shop<'_>, word: &str) -> Result<Arch, Diagnostic> {
    let found = match word {
        "host" => Arch::of(&shop.world.host),
        word => Arch::from_any_word(word),
    };
    found.map_err(|e| {
        Diagnostic::new(Kind::Usage, e.to_string())
            .hint("use amd64, arm64, arm/v7, s390x, ppc64le, riscv64 or host")
    })
}

/// Package files and payloads of what is to be built are there.
fn make_ready(
    shop: &Shop<'_>,
    request: &BuildRequest,
    recipe: &Loaded,
    pinned: &Pinned,
    chosen: &[(&Resolved, Vec<Arch>)],
) -> Result<(), Diagnostic> {
    let platforms: Vec<Platform> =
        chosen.iter().flat_map(|(_, a)| a).filter_map(|a| a.platform().ok()).collect();
    let supply = Supply {
        ecosystem: &pinned.ecosystem,
        lock: &pinned.lock,
        place: &request.lock,
        recipe: &recipe.typed,
        no_network: no_network(shop, request),
    };
    let wanted = |p: &lockfile::LockedPin| platforms.contains(&p.platform);
    packages::bring(shop, &supply, wanted)?;
    let rows = pinned.lock.packages.iter().filter(|p| wanted(p));
    let parcels = rows.filter_map(|p| Some(Parcel::new(pins::sha256(shop, &p.pin)?, &p.pin)));
    payloads::unpack_all(shop, parcels.collect::<Vec<_>>(), &RsaKeyring::empty())
}

/// The flag by which nothing is asked of the network.
fn no_network(shop: &Shop<'_>, request: &BuildRequest) -> Option<&'static str> {
    let frozen = (request.mode == LockMode::Frozen).then_some("--frozen");
    frozen.or(shop.world.offline.then_some("--offline"))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one story, each used once")]
fn make_image(
    shop: &Shop<'_>,
    store: &Layout,
    recipe: &Loaded,
    variant: &Resolved,
    archs: &[Arch],
    pinned: &Pinned,
    request: &BuildRequest,
    codec: Codec,
) -> Result<Built, Diagnostic> {
    let name = Loaded::variant_name(variant);
    let mut made: Vec<Made> = Vec::new();
    for arch in archs {
        let no_network = no_network(shop, request);
        let (place, typed) = (&request.lock, recipe.typed.as_str());
        let order = Order {
            loaded: recipe,
            recipe: variant,
            arch,
            lock: &pinned.lock,
            place,
            typed,
            codec,
            no_network,
        };
        made.push(images::make(shop, store, &order)?);
    }
    let (platforms, created): (Vec<_>, Vec<_>) = made.iter().map(|m| (m.report.clone(), m.created)).unzip();
    for m in &made {
        // An engine keeps the config and no manifest of ours.
        for digest in [m.image.manifest.digest(), m.image.config.digest()] {
            reasons::remember(shop.world, &digest, &m.reasons);
        }
    }
    let all: Vec<image::Image> = made.into_iter().map(|m| m.image).collect();
    let created = created.into_iter().max().unwrap_or(0);
    let index = index(&all, images::annotations(variant, created));
    let built = Built {
        recipe: recipe.name.clone(),
        typed: recipe.typed.clone(),
        runs: variant.entrypoint.is_some() || variant.cmd.is_some(),
        variant: name.to_owned(),
        names: names(recipe, name, &request.names),
        digest: index.digest(),
        created,
        platforms,
    };
    publish(store, &deliver::stored_name(&built), &all, &index)?;
    Ok(built)
}

/// `-t` with the variant: TAG-VARIANT, or VARIANT where the tag is latest; else recipe and variant.
fn names(recipe: &Loaded, variant: &str, given: &[Reference]) -> Vec<String> {
    if given.is_empty() {
        return vec![if variant == "latest" {
            recipe.name.clone()
        } else {
            format!("{}:{variant}", recipe.name)
        }];
    }
    given
        .iter()
        .map(|r| {
            let tag = r.tag.as_deref().filter(|t| *t != "latest");
            match (tag, variant) {
                (_, "latest") => r.to_string(),
                (None, variant) => Reference { tag: Some(variant.to_owned()), ..r.clone() }.to_string(),
                (Some(tag), variant) => {
                    Reference { tag: Some(format!("{tag}-{variant}")), ..r.clone() }.to_string()
                }
            }
        })
        .collect()
}

/// Notes our own program as an input of the answer; false where it cannot be read.
fn notes_program(shop: &Shop<'_>) -> bool {
    shop.world.program.as_ref().is_none_or(|program| shop.own.depend_on(program).is_ok())
}

/// Keeps the answer with everything it depended on.
fn remember(shop: &Shop<'_>, question: &str, answer: &Answer) -> Result<(), Diagnostic> {
    let settled = |lock: &LockReport| LockReport {
        state: LockState::Kept,
        changes: Vec::new(),
        explain: Vec::new(),
        ..lock.clone()
    };
    let answer = Answer { images: answer.images.clone(), locks: answer.locks.iter().map(settled).collect() };
    let text = serde_json::to_string(&answer)
        .map_err(|e| Diagnostic::new(Kind::Internal, format!("cannot remember the build: {e}")))?;
    Ok(memos(shop.world).remember(question, shop.own.seen(), text)?)
}

/// What leaves the store is hashed in full: a part that turns out damaged is deleted, and the build
/// begins anew.
fn drop_damaged(world: &World, store: &Layout, answer: &Answer, d: Diagnostic) -> (Diagnostic, bool) {
    let mut damaged = false;
    // Whatever the complaint: a damaged part shows in several ways to those who read it.
    if d.kind != Kind::Usage {
        for image in &answer.images {
            damaged |= store.drop_damaged(&image.digest);
        }
    }
    if damaged {
        world.reporter.note(Note::Detail("a damaged part of the image store was deleted".to_owned()));
    }
    (d, damaged)
}
