//! A recipe with its includes: who reads the files is the caller.

use crate::catalogue;
use crate::error::{Problem, RecipeError};
use crate::merge;
use crate::place::{Source, Spanned};
use crate::read::parse;
use crate::recipe::{IncludeName, Recipe};
use crate::resolved::undotted;

/// Reads included files for [`load`].
pub trait Loader {
    /// The file that `path` names in the recipe `from` (as it was named; empty for the catalogue's):
    /// beside that file, then in the working directory. The name of what is returned must be one per
    /// file, since circles are found by it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, path: &str, from: &str) -> std::io::Result<Source>;
}

/// A loader for recipes that include nothing but the catalogue.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn read(&self, _: &str, _: &str) -> std::io::Result<Source> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "no files can be included here"))
    }
}

/// The longest chain of includes.
const DEEPEST: usize = 32;

/// Reads the recipe `text` of `file` and merges in what it includes.
///
/// # Errors
/// The first mistake in any of the files; an include that is missing or goes in a circle.
pub fn load(file: &str, text: &str, loader: &dyn Loader) -> Result<Recipe, RecipeError> {
    follow(parse(file, text)?, loader, &mut vec![undotted(file).display().to_string()])
}

/// Reads an image of the catalogue.
///
/// # Errors
/// It has no image of that name.
pub fn load_catalogue(name: &str) -> Result<Recipe, RecipeError> {
    let text = catalogue::find(name).ok_or_else(|| {
        let problem = Problem::Unknown { what: "image in the catalogue called", name: name.to_owned() };
        RecipeError::named(name, problem).hint(catalogue_hint(name))
    })?;
    let file = catalogue::display_name(name);
    follow(parse(&file, text)?, &NoFiles, &mut vec![file])
}

fn catalogue_hint(name: &str) -> String {
    match diag::nearest(name, catalogue::names(), 1).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "the catalogue has {}; a file is named with a `/` or with `.yaml` at its end",
            catalogue::names().collect::<Vec<_>>().join(", ")
        ),
    }
}

fn follow(recipe: Recipe, loader: &dyn Loader, chain: &mut Vec<String>) -> Result<Recipe, RecipeError> {
    let Some(include) = recipe.include.clone() else { return Ok(recipe) };
    let source = read_include(&include, &recipe.file, loader)?;
    if chain.contains(&source.name) {
        chain.push(source.name);
        return Err(RecipeError::at(&include.at, Problem::Circle(chain.join(" → ")))
            .hint("take one of these includes out"));
    }
    if chain.len() >= DEEPEST {
        return Err(RecipeError::clash(
            &include.at,
            format!("more than {DEEPEST} recipes include each other"),
        ));
    }
    chain.push(source.name.clone());
    let parent = follow(parse(&source.name, &source.text)?, loader, chain)?;
    Ok(merge::include(parent, recipe))
}

fn read_include(
    include: &Spanned<IncludeName>,
    from: &str,
    loader: &dyn Loader,
) -> Result<Source, RecipeError> {
    match &include.value {
        IncludeName::Catalogue(name) => match catalogue::find(name) {
            Some(text) => Ok(Source { name: catalogue::display_name(name), text: text.to_owned() }),
            None => {
                let problem = Problem::Unknown { what: "image in the catalogue called", name: name.clone() };
                Err(RecipeError::at(&include.at, problem).hint(catalogue_hint(name)))
            }
        },
        IncludeName::Path(path) => loader.read(path, from).map_err(|cause| {
            let missing = cause.kind() == std::io::ErrorKind::NotFound;
            let fault = RecipeError::at(&include.at, Problem::Include { name: path.clone(), cause });
            match missing {
                true => fault.hint("a path is looked for beside this file, then in the working directory"),
                false => fault.hint("name a recipe that is a file of text and that you may read"),
            }
        }),
    }
}
