use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::RecipeError;
use crate::merge::merge;
use crate::read::parse;
use crate::recipe::Recipe;

/// What a command line puts on top of a recipe (apko's `-p`, `-r`, `-b`, `-k`, `--arch`, `--annotations`).
/// Paths are relative to the working directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Lines after those of `packages`.
    pub packages: Vec<String>,
    /// Lines after those of `repositories`.
    pub repositories: Vec<String>,
    /// Lines after those of `build_repositories`.
    pub build_repositories: Vec<String>,
    /// Keys after those of `keyring`.
    pub keyring: Vec<String>,
    /// Replace `archs`, unless empty.
    pub archs: Vec<String>,
    /// Over those of the recipe, by key.
    pub annotations: BTreeMap<String, String>,
    /// Replaces `vcs-url`.
    pub vcs_url: Option<String>,
}

impl Appended {
    /// Reads it as a recipe is read: the words have a recipe's meaning, and its messages.
    fn recipe(&self) -> Result<Recipe, RecipeError> {
        let mut contents = Map::new();
        let lists = [
            ("packages", &self.packages),
            ("repositories", &self.repositories),
            ("build_repositories", &self.build_repositories),
            ("keyring", &self.keyring),
        ];
        for (key, list) in lists {
            if !list.is_empty() {
                contents.insert(key.to_owned(), json!(list));
            }
        }
        let mut all = json!({ "contents": contents, "annotations": self.annotations });
        if !self.archs.is_empty() {
            all["archs"] = json!(self.archs);
        }
        if let Some(url) = &self.vcs_url {
            all["vcs-url"] = json!(url);
        }
        parse("the command line", &Value::to_string(&all))
    }
}

impl Recipe {
    /// The recipe with what the command line appends.
    ///
    /// # Errors
    /// Words that a recipe could not have; the place is `the command line`.
    pub fn append(&mut self, appended: &Appended) -> Result<(), RecipeError> {
        let above = appended.recipe()?;
        self.body = merge(&self.body, &above.body);
        Ok(())
    }
}
