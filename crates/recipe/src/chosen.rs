use std::collections::BTreeMap;

use crate::error::RecipeError;
use crate::place::Spanned;
use crate::recipe::PackageLine;
use crate::resolve::once;
use crate::{Ask, Part, World};

/// What the package lines come to.
#[derive(Default)]
pub(crate) struct Chosen {
    pub(crate) asks: Vec<Ask>,
    pub(crate) removed: Vec<String>,
    pub(crate) parts: BTreeMap<String, Part>,
}

impl Chosen {
    /// The next line; a later line has the last word.
    pub(crate) fn add(&mut self, line: &Spanned<PackageLine>, world: World) -> Result<(), RecipeError> {
        let text = &line.value.text;
        let read = |text: &str| {
            Ask::read(text, world)
                .map_err(|bad| RecipeError::bad(&line.at, &line.value.text, bad.expected).hint(bad.hint))
        };
        if let Some(rest) = text.strip_prefix('!') {
            let ask = read(rest.trim())?;
            // apk's own syntax: a conflict with some of its versions only.
            if world == World::Apk && ask.want != crate::Want::Any {
                if !self.removed.contains(&ask.text) {
                    self.removed.push(ask.text);
                }
                return Ok(());
            }
            if ask.want != crate::Want::Any || ask.arch.is_some() {
                return Err(
                    RecipeError::bad(&line.at, text, "a removal").hint(format!("write `!{}`", ask.name))
                );
            }
            self.asks.retain(|a| a.name != ask.name);
            self.parts.remove(&ask.name);
            if !self.removed.contains(&ask.name) {
                self.removed.push(ask.name);
            }
            return Ok(());
        }
        let ask = read(text)?;
        self.removed.retain(|name| *name != ask.name);
        self.add_part(&ask.name, line.value.part.as_ref());
        if !self.asks.iter().any(|a| a.text == ask.text) {
            self.asks.push(ask);
        }
        Ok(())
    }

    /// A package that something else in the recipe needs.
    pub(crate) fn add_name(&mut self, name: &str) {
        if !self.asks.iter().any(|a| a.name == name) {
            let want = crate::Want::Any;
            self.asks.push(Ask { text: name.to_owned(), name: name.to_owned(), arch: None, want });
        }
    }

    /// Several lines for one package: together they take what any of them takes, less what any drops.
    fn add_part(&mut self, name: &str, part: Option<&Part>) {
        let asked = self.asks.iter().any(|a| a.name == name);
        let old = self.parts.remove(name);
        let whole = |p: Option<&Part>| p.is_none_or(|p| p.only.is_empty());
        let drop: Vec<String> =
            [old.as_ref(), part].into_iter().flatten().flat_map(|p| p.drop.clone()).collect();
        let only = if whole(part) || (asked && whole(old.as_ref())) {
            Vec::new()
        } else {
            [old.as_ref(), part].into_iter().flatten().flat_map(|p| p.only.clone()).collect()
        };
        let part = Part { only: once(only), drop: once(drop) };
        if part != Part::default() {
            self.parts.insert(name.to_owned(), part);
        }
    }
}
