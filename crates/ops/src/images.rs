//! From a lock to images in the local store: unpacked packages → composition → layers → image.

use std::collections::{BTreeMap, HashMap};

use compose::{Base, ComposeInput, Composition, OwnBody, compose};
use diag::{Diagnostic, Kind, Note};
use elf::Summary;
use image::{Codec, Image, LayerWriter, Layout, Upon, assemble_upon};
use lockfile::{LockedPin, Lockfile};
use oci::{Digest, Platform};
use package::Arch;
use recipe::{Resolved, World};
use rootfs::{Node, Owner, Payloads};

use crate::base;
use crate::closed::{self, Set};
use crate::ecosystem;
use crate::own_bodies;
use crate::payloads::{self, Parcel, Unpacked};
use crate::pins;
use crate::reasons::{self, Reasons};
use crate::recipes::Loaded;
use crate::report::{BuiltPlatform, ExplainRow, PackageRow, ScriptCount};
use crate::request::LockPlace;
use crate::scripts;
use crate::shop::Shop;

/// What an image is made from.
pub(crate) struct Order<'a> {
    /// The recipe with all its variants and texts.
    pub(crate) loaded: &'a Loaded,
    pub(crate) recipe: &'a Resolved,
    pub(crate) arch: &'a Arch,
    pub(crate) lock: &'a Lockfile,
    /// Where the lock is, and the recipe as it was typed, for hints.
    pub(crate) place: &'a LockPlace,
    pub(crate) typed: &'a str,
    pub(crate) codec: Codec,
    /// The flag by which nothing is asked of the network.
    pub(crate) no_network: Option<&'static str>,
}

/// An image whose layers are in the store, and what is to be said of it.
pub(crate) struct Made {
    pub(crate) image: Image,
    pub(crate) report: BuiltPlatform,
    /// Seconds since the epoch.
    pub(crate) created: i64,
    pub(crate) reasons: Reasons,
}

/// Makes the image of one variant for one architecture.
pub(crate) fn make(shop: &Shop<'_>, store: &Layout, order: &Order<'_>) -> Result<Made, Diagnostic> {
    shop.world.reporter.check()?;
    let platform = pins::platform(order.arch)?;
    let variant = Loaded::variant_name(order.recipe);
    let rows: Vec<&LockedPin> = order.lock.pins(&platform, variant).collect();
    let mut payloads = Payloads::new();
    let unpacked = open(shop, &rows, &mut payloads)?;
    check_set(shop, order, &unpacked)?;

    let below = order.recipe.base_image.as_ref().map(|b| base::open(shop, b, order.arch)).transpose()?;
    let lower = below.as_ref().map(|b| b.tree(shop, &mut payloads)).transpose()?;

    let mut world = scripts::together(&unpacked);
    if let Some(lower) = &lower {
        world = rootfs::stack(lower, world.clone()).unwrap_or(world);
    }
    let mut scripts = ScriptCount::default();
    let mut explain = Vec::new();
    let mut packages = Vec::new();
    let mut objects = HashMap::new();
    for (row, unpacked) in rows.iter().zip(&unpacked) {
        let mut read = ecosystem::scripts(unpacked, order.arch, &world);
        scripts::check(&row.pin, &row.scripts, &read.outcomes)?;
        scripts::count(&mut scripts, &mut explain, &row.pin.name, &read.outcomes);
        ecosystem::declared(shop, unpacked, &payloads, &mut read.actions)?;
        learn_objects(unpacked, &mut objects);
        packages.push(ecosystem::package_tree(row, unpacked, read.actions));
    }
    let own_files = own_bodies::read(shop, order.recipe, &mut payloads)?;
    own_bodies::learn_objects(&own_files, &payloads, &mut objects);
    // Its libraries are in `ld.so.cache`, where there is to be one.
    let cached = |tree: &rootfs::Tree| tree.get("etc/ld.so.conf").is_some();
    if let Some(lower) = lower.as_ref().filter(|l| cached(l) || cached(&world)) {
        own_bodies::learn_objects(&[Some(OwnBody::Tree(lower.clone()))], &payloads, &mut objects);
    }
    let certificates = own_bodies::certificates(shop, order.recipe)?;
    let composition = compose(ComposeInput {
        recipe: order.recipe,
        arch: order.arch,
        packages,
        apk_keys: ecosystem::apk_keys(shop, order)?,
        own_files,
        certificates,
        objects: &objects,
        bodies: &payloads,
        derived: payloads.next(),
        epoch: shop.world.epoch,
        base: below.as_ref().zip(lower.as_ref()).map(|(below, tree)| Base {
            tree,
            config: &below.config.config,
            installed: &below.installed,
        }),
    })?;
    let below = below.map_or_else(|| Ok(Upon::default()), |b| b.layers(store))?;
    let image = write(shop, store, order, &platform, &composition, payloads, below)?;
    explain_composition(&composition, &mut explain);
    notes(shop, &composition);
    let report = report(order, &image, &rows, &composition, scripts, explain);
    let reasons = reasons::of(order.loaded, (variant, order.recipe), &rows, &composition);
    Ok(Made { image, report, created: composition.created, reasons })
}

fn open(shop: &Shop<'_>, rows: &[&LockedPin], payloads: &mut Payloads) -> Result<Vec<Unpacked>, Diagnostic> {
    rows.iter()
        .map(|row| {
            let digest = pins::sha256(shop, &row.pin).ok_or_else(|| {
                Diagnostic::new(Kind::Internal, format!("the lock has no digest of {}", row.pin.name))
            })?;
            let unpacked = payloads::open(shop, &Parcel::new(digest, &row.pin), payloads.next())?;
            payloads.add(std::sync::Arc::clone(&unpacked.source));
            Ok(unpacked)
        })
        .collect()
}

/// The lock has what its packages need, by their own words, and nothing besides. A lock of apko's is the
/// user's word for its packages, as it is for apko.
fn check_set(shop: &Shop<'_>, order: &Order<'_>, unpacked: &[Unpacked]) -> Result<(), Diagnostic> {
    if order.place.apko.is_some() {
        return Ok(());
    }
    let of = (order.recipe, order.arch);
    let set = Set::of(shop, of, order.place.compat, closed::by_packages(unpacked))?;
    set.check().map_err(|fault| {
        let doing = format!("cannot build {} from its lock", order.typed);
        fault.diagnose(&doing, &set.whose(order.arch), (shop.world, order.place, order.typed))
    })
}

/// What is known of ELF objects, by content.
fn learn_objects(unpacked: &Unpacked, objects: &mut HashMap<Digest, Summary>) {
    for (i, entry) in unpacked.payload.tree.entries().iter().enumerate() {
        let fact = unpacked.payload.fact(i);
        if let Node::File(body) = &entry.node
            && !fact.is_empty()
            && !fact.starts_with(b"#!")
            && let Ok(summary) = Summary::decode(fact)
        {
            objects.insert(body.digest, summary);
        }
    }
}

fn write(
    shop: &Shop<'_>,
    store: &Layout,
    order: &Order<'_>,
    platform: &Platform,
    composition: &Composition,
    mut payloads: Payloads,
    below: Upon,
) -> Result<Image, Diagnostic> {
    payloads.add(composition.derived.clone());
    let writer = LayerWriter {
        bodies: &payloads,
        cache: &shop.cache,
        out: store,
        codec: order.codec,
        threads: shop.world.threads,
    };
    let mut layers = Vec::new();
    for group in &composition.groups {
        shop.world.reporter.check()?;
        layers.push(writer.write(group)?);
    }
    let created = trust::Time(composition.created).to_string();
    let annotations = annotations(order.recipe, composition.created);
    Ok(assemble_upon(below, platform.clone(), composition.config.clone(), Some(created), layers, annotations))
}

/// Those of a manifest or an index made at `created`: apko's say when that was.
pub(crate) fn annotations(recipe: &Resolved, created: i64) -> BTreeMap<String, String> {
    let mut all = recipe.annotations.clone();
    if recipe.world == World::Apk {
        let key = "org.opencontainers.image.created".to_owned();
        all.entry(key).or_insert_with(|| trust::Time(created).to_string());
    }
    all
}

fn explain_composition(composition: &Composition, explain: &mut Vec<ExplainRow>) {
    for cut in &composition.cuts {
        explain.push(ExplainRow {
            rule: "class".to_owned(),
            subject: cut.why.clone(),
            reason: format!("{} files, {} bytes left out", cut.files, cut.bytes),
        });
    }
    let mut rules: Vec<(compose::Rule, usize)> = Vec::new();
    for made in &composition.made {
        match rules.iter_mut().find(|(r, _)| *r == made.rule) {
            Some((_, n)) => *n += 1,
            None => rules.push((made.rule, 1)),
        }
    }
    for (rule, n) in rules {
        explain.push(ExplainRow {
            rule: "derived".to_owned(),
            subject: rule.name().to_owned(),
            reason: format!("{n} paths made or changed"),
        });
    }
}

fn notes(shop: &Shop<'_>, composition: &Composition) {
    for note in &composition.notes {
        let text = match note {
            compose::Note::NoCopyright { package } => format!("the licence of {package} is not in the image"),
            compose::Note::PythonNotCompiled => {
                "python modules are not byte-compiled: the first import of each is slow".to_owned()
            }
            compose::Note::NoProvider { name } => format!(
                "no package of the image provides `{name}`, which `certificates: {{providers: ..}}` names"
            ),
            compose::Note::NoCertificate { path } => {
                format!("/{path} is no certificate in PEM, and is not trusted")
            }
            compose::Note::ServicesNotRun => {
                "nothing starts the `services`: the entrypoint has no `type: service-bundle`".to_owned()
            }
            compose::Note::NoAccount { name } => format!(
                "account `{name}`, which a package's script asks for, was not made: its number is another's"
            ),
            compose::Note::LinkLost { package, path } => {
                format!("the link /{path} of {package} is left out: a directory has to be there")
            }
            compose::Note::AccountsElsewhere { path, real } => {
                format!("/{path} is a link of a package's: the accounts are written to /{real}")
            }
            compose::Note::StepSkipped { path, why } => {
                format!("/{path}: a step of a package was left out: {why}")
            }
        };
        shop.world.reporter.note(Note::Warning(text));
    }
    for violation in &composition.reported {
        shop.world.reporter.note(Note::Warning(violation.what.clone()));
    }
}

fn report(
    order: &Order<'_>,
    image: &Image,
    rows: &[&LockedPin],
    composition: &Composition,
    scripts: ScriptCount,
    explain: Vec<ExplainRow>,
) -> BuiltPlatform {
    let unsigned =
        |repository: &str| order.lock.suites.iter().any(|s| s.id == repository && s.unsigned.is_some());
    let entries = composition.rootfs.tree.entries();
    let unpacked = entries.iter().map(|e| if let Node::File(b) = &e.node { b.size } else { 0 }).sum();
    let nobody = |e: &&rootfs::Entry| e.owner == Owner::Implicit && !e.is_dir();
    BuiltPlatform {
        platform: image.platform.clone(),
        manifest: image.manifest.digest(),
        config: image.config.digest(),
        size: image.layers.iter().map(|l| l.descriptor.size).sum(),
        unpacked,
        layers: image.layers.len(),
        packages: rows
            .iter()
            .map(|row| PackageRow {
                name: row.pin.name.clone(),
                version: row.pin.version.clone(),
                arch: row.pin.arch.clone(),
                size: row.pin.size,
                unsigned: unsigned(&row.pin.repository),
            })
            .collect(),
        scripts,
        explain,
        unowned: entries.iter().filter(nobody).map(|e| format!("/{}", e.path)).collect(),
    }
}
