//! From what is typed to a recipe: a catalogue name, or a file and what it includes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diag::{Diagnostic, Kind};
use package::Arch;
use recipe::{Loader, LocalPath, Recipe, Resolved, Source, World};

use crate::request::Above;
use crate::shop::Shop;
use crate::vcs;

/// The most bytes of a recipe: its nodes take some fifty times as much memory.
const MOST_RECIPE: u64 = 8 << 20;

/// A recipe that was read, with all its variants.
pub(crate) struct Loaded {
    /// `base`, or `app` of `app.yaml`.
    pub(crate) name: String,
    /// As it was typed.
    pub(crate) typed: String,
    /// It has no file of the user's beside it.
    pub(crate) catalogue: bool,
    /// Every variant, the untagged one first.
    pub(crate) variants: Vec<Resolved>,
    /// The texts it was read from: its own, then what it includes.
    pub(crate) sources: Vec<Arc<Source>>,
}

impl Loaded {
    /// The name of a variant, `latest` for the untagged one.
    pub(crate) fn variant_name(resolved: &Resolved) -> &str {
        resolved.variant.as_deref().unwrap_or("latest")
    }
}

/// Reads the recipe that `typed` names, with what the command line puts above it.
pub(crate) fn load(shop: &Shop<'_>, typed: &str, above: &Above) -> Result<Loaded, Diagnostic> {
    let host = Arch::of(&shop.world.host).map_err(|e| Diagnostic::new(Kind::Machine, e.to_string()))?;
    let (mut recipe, name, catalogue) = match is_file(typed) {
        true => (read_file(shop, typed, above)?, stem(typed), false),
        false => {
            (recipe::load_catalogue(typed).map_err(|e| or_a_file(e, shop, typed))?, typed.to_owned(), true)
        }
    };
    append(shop, typed, &mut recipe, above)?;
    look_into_directories(shop, &mut recipe);
    let variants = recipe.resolve_all(&host)?;
    if variants.iter().all(is_empty) {
        let text = format!("cannot make an image of {typed}: it names nothing to put into one");
        return Err(Diagnostic::new(Kind::Input, text).hint(
            "name packages (`contents.packages`) or files (`contents.files`), or start from the catalogue with \
             `include: base`",
        ));
    }
    Ok(Loaded { name, typed: typed.to_owned(), catalogue, variants, sources: recipe.sources })
}

fn append(shop: &Shop<'_>, typed: &str, recipe: &mut Recipe, above: &Above) -> Result<(), Diagnostic> {
    let mut appended = above.appended.clone();
    if above.vcs && recipe.body.vcs_url.is_none() && appended.vcs_url.is_none() {
        appended.vcs_url = vcs::find(shop, &shop.path(typed));
    }
    if above.apk {
        recipe.world_hint = Some(World::Apk);
    }
    Ok(recipe.append(&appended)?)
}

/// Where only local directories of packages could tell the world of a recipe, what they hold does:
/// apk's have an index for each architecture below, `ARCH/APKINDEX.tar.gz` (apk-repositories(5)).
fn look_into_directories(shop: &Shop<'_>, recipe: &mut Recipe) {
    let apk = recipe.undecided_directories().into_iter().any(|directory| {
        let path = find(shop, directory);
        let names = shop.own.names(&path).unwrap_or_default();
        names.iter().any(|name| {
            let arch = name.to_str().is_some_and(|name| Arch::from_any_word(name).is_ok());
            arch && shop.own.look(&path.join(name).join("APKINDEX.tar.gz")).is_ok()
        })
    });
    if apk {
        recipe.world_hint = Some(World::Apk);
    }
}

/// Not even a directory of its own: what we derive would be all there is.
fn is_empty(variant: &Resolved) -> bool {
    variant.packages.is_empty() && variant.files.is_empty() && variant.paths.is_empty()
}

/// With `/` or `.yaml` or `.yml` it is a path, else a name of the catalogue.
fn is_file(typed: &str) -> bool {
    typed.contains('/') || typed.ends_with(".yaml") || typed.ends_with(".yml")
}

fn or_a_file(error: recipe::RecipeError, shop: &Shop<'_>, typed: &str) -> Diagnostic {
    let d = Diagnostic::from(error);
    if shop.path(typed).is_file() {
        return d.hint(format!("to build the file of that name, write ./{typed}"));
    }
    d
}

fn stem(typed: &str) -> String {
    Path::new(typed).file_stem().map_or_else(|| typed.to_owned(), |s| s.to_string_lossy().into_owned())
}

fn read_file(shop: &Shop<'_>, typed: &str, above: &Above) -> Result<Recipe, Diagnostic> {
    let loader = Includes { shop, above };
    let bytes =
        loader.read_any(&[shop.path(typed)], Path::new(typed)).map(|(_, bytes)| bytes).map_err(|e| {
            let d = Diagnostic::new(Kind::Input, format!("cannot read recipe {typed}: {e}"));
            match e.kind() {
                io::ErrorKind::NotFound => d.hint(format!(
                    "name a recipe file, or an image of the catalogue: {}",
                    recipe::catalogue_names().collect::<Vec<_>>().join(", ")
                )),
                _ => d.hint("name a recipe that is a file of text and that you may read"),
            }
        })?;
    let text = utf8(typed, bytes)?;
    Ok(recipe::load(typed, &text, &loader)?)
}

pub(crate) fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Diagnostic::new(Kind::Input, format!("cannot read {name}: byte {at} is not UTF-8"))
            .hint("save the file in UTF-8")
    })
}

struct Includes<'a> {
    shop: &'a Shop<'a>,
    above: &'a Above,
}

impl Includes<'_> {
    /// The first of these files that is there, or else `path` below the directories that the command line
    /// names.
    fn read_any(&self, first: &[PathBuf], path: &Path) -> io::Result<(PathBuf, Vec<u8>)> {
        let last = self.above.include_paths.iter().map(|dir| dir.join(path));
        let mut error = io::Error::from(io::ErrorKind::NotFound);
        for candidate in first.iter().cloned().chain(last) {
            match self.shop.own.read_at_most(&self.shop.path(&candidate), MOST_RECIPE) {
                Ok(bytes) => return Ok((candidate, bytes)),
                // What stands there and cannot be read says more than what does not.
                Err(e) if error.kind() == io::ErrorKind::NotFound => error = e,
                Err(_) => {}
            }
        }
        Err(error)
    }
}

impl Loader for Includes<'_> {
    fn read(&self, path: &str, from: &str) -> io::Result<Source> {
        let local = LocalPath { path: path.to_owned(), beside: from.to_owned() };
        let (found, bytes) = self.read_any(&local.candidates(), Path::new(path))?;
        let text = String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        Ok(Source { name: found.display().to_string(), text })
    }
}

/// Reads a file of the user's that a recipe names.
pub(crate) fn own_file(shop: &Shop<'_>, local: &LocalPath) -> Result<Vec<u8>, Diagnostic> {
    let path = find(shop, local);
    shop.own.read(&path).map_err(|e| missing(local, &e))
}

/// Where a file that a recipe names is: the first candidate that exists.
pub(crate) fn find(shop: &Shop<'_>, local: &LocalPath) -> PathBuf {
    let candidates: Vec<PathBuf> = local.candidates().into_iter().map(|c| shop.path(c)).collect();
    // Those passed over are inputs too: one that appears later would be taken.
    for candidate in &candidates {
        if candidate.exists() {
            return candidate.clone();
        }
        let _ = shop.own.read(candidate);
    }
    candidates.into_iter().next_back().unwrap_or_else(|| shop.path(&local.path))
}

pub(crate) fn missing(local: &LocalPath, e: &io::Error) -> Diagnostic {
    let from = if local.beside.is_empty() { "the recipe" } else { &local.beside };
    Diagnostic::new(Kind::Input, format!("cannot read {} that {from} names: {e}", local.path)).hint(
        match is_of_no_use(e) {
            true => "name a regular file",
            false => "a path is looked for beside the recipe, then in the working directory",
        },
    )
}

/// Is it what stands there, and not the machine, that keeps it from being read?
pub(crate) fn is_of_no_use(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge | io::ErrorKind::IsADirectory
    )
}
