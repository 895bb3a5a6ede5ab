//! What apko's own command line asks for and distil's does not: `distil apko show-config`,
//! `show-packages`, `dot` and `lock`. Its `build` and `publish` are [`crate::build`] with other words.

use std::path::{Path, PathBuf};

use diag::{Diagnostic, Kind};
use image::Codec;
use package::{Cause, Pin};
use serde::Serialize;
use serde_json::Value;

use crate::World;
use crate::apko_lock::{self, url_of};
use crate::ecosystem::Ecosystem;
use crate::pins::{self, How, Pinned};
use crate::recipes::{self, Loaded};
use crate::report::LockReport;
use crate::request::{Above, LockRequest};
use crate::shop::Shop;

/// The packages of one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// apk's word for it.
    pub arch: String,
    /// In install order.
    pub packages: Vec<Row>,
}

/// A package that would be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it lies, by the recipe's own words.
    pub source: String,
    /// The packages that need it, each with the dependency; an empty name is the recipe itself.
    pub because: Vec<(String, String)>,
}

/// A lock of apko's that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What happened to our own, beside it.
    pub report: LockReport,
    /// Where apko's is.
    pub path: PathBuf,
}

/// The configuration of a recipe in apko's shape, as `apko show-config` has it.
///
/// # Errors
/// The recipe cannot be used.
pub fn config(world: &World, recipe: &str, above: &Above) -> Result<Value, Diagnostic> {
    let shop = Shop::open(world)?;
    let loaded = recipes::load(&shop, recipe, above)?;
    Ok(recipe::apko_config(untagged(&loaded)))
}

/// A configuration as YAML.
pub fn yaml(config: &Value) -> String {
    recipe::apko_yaml(config)
}

/// The packages that would be installed, for each architecture.
///
/// # Errors
/// As for a lock; nothing is downloaded but indexes, and nothing is written.
pub fn packages(world: &World, request: &LockRequest) -> Result<Vec<Listed>, Diagnostic> {
    let shop = Shop::open(world)?;
    let (recipe, pinned) = pinned(&shop, request, true)?;
    let variant = untagged(&recipe);
    let Ecosystem::Apk(repositories) = &pinned.ecosystem else { return Err(no_apk(request)) };
    let mut all = Vec::new();
    for arch in &variant.archs {
        let platform = pins::platform(arch)?;
        let rows = pinned.lock.pins(&platform, Loaded::variant_name(variant));
        all.push(Listed {
            arch: arch.apk().unwrap_or_else(|_| arch.as_str()).to_owned(),
            packages: rows.map(|row| listed(&row.pin, url_of(repositories, &row.pin))).collect(),
        });
    }
    Ok(all)
}

fn listed(pin: &Pin, source: String) -> Row {
    let because = |cause: &Cause| match cause {
        Cause::Asked(text) => (String::new(), text.clone()),
        Cause::Needed { by, requirement } => (by.clone(), requirement.clone()),
        Cause::Hidden { by, reason } => (by.clone(), reason.clone()),
        Cause::InstallIf { by, condition } => (by.clone(), condition.clone()),
    };
    Row {
        name: pin.name.clone(),
        version: pin.version.clone(),
        source,
        because: pin.because.iter().map(because).collect(),
    }
}

/// Locks as the request says, and writes apko's lock of the same packages to `output`, or beside the
/// recipe as `NAME.lock.json`.
///
/// # Errors
/// As for a lock; the file cannot be written.
pub fn lock(world: &World, request: &LockRequest, output: Option<&Path>) -> Result<Written, Diagnostic> {
    let shop = Shop::open(world)?;
    let (recipe, pinned) = pinned(&shop, request, false)?;
    let path = match output {
        Some(path) => shop.path(path),
        None => shop.path(&recipe.typed).with_extension("lock.json"),
    };
    let text = apko_lock::write(&shop, &recipe, &pinned)?;
    store::write_atomically(&path, text.as_bytes()).map_err(|e| {
        Diagnostic::from(e)
            .while_doing(format!("cannot write lock {}", path.display()))
            .hint("write it elsewhere with --output FILE, or make the directory writable")
    })?;
    Ok(Written { report: pinned.report, path })
}

fn pinned(shop: &Shop<'_>, request: &LockRequest, dry_run: bool) -> Result<(Loaded, Pinned), Diagnostic> {
    let recipe = recipes::load(shop, &request.recipe, &request.above)?;
    if untagged(&recipe).world != recipe::World::Apk {
        return Err(no_apk(request));
    }
    let how = How {
        place: &request.lock,
        mode: request.mode,
        dry_run,
        look_inside: false,
        codec: format!("{} revision {}", Codec::default(), Codec::REVISION),
    };
    let pinned = pins::pins(shop, &recipe, &how)?;
    Ok((recipe, pinned))
}

fn untagged(recipe: &Loaded) -> &recipe::Resolved {
    &recipe.variants[0]
}

fn no_apk(request: &LockRequest) -> Diagnostic {
    let text = format!("cannot read {} as apko does: its packages are deb packages", request.recipe);
    Diagnostic::new(Kind::Usage, text).hint("use `distil lock` and `distil build`")
}
