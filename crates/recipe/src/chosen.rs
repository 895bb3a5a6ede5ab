use std::collections::BTreeMap;

use crate::error::RecipeError;
use crate::place::{At, Spanned};
use crate::recipe::PackageLine;
use crate::resolve::once;
use crate::{Ask, Part, World};

/// What the package lines come to.
#[derive(Default)]
pub(crate) struct Chosen {
    pub(crate) asks: Vec<Ask>,
    pub(crate) removed: Vec<String>,
    pub(crate) parts: BTreeMap<String, Part>,
    pub(crate) overruled: Vec<Overruled>,
    /// Where each line of `asks` and `removed` stands, as written.
    places: BTreeMap<String, At>,
}

/// A line of `packages` that another one of the same name takes the word from: apk's world has one line of
/// a name, the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overruled {
    /// The line that counts for nothing, and where it stands.
    pub lost: Spanned<String>,
    /// The line that counts.
    pub counts: Spanned<String>,
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
                self.overrule(&ask.name, text, &line.at);
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
        if world == World::Apk {
            self.overrule(&ask.name, text, &line.at);
        }
        self.add_part(&ask.name, line.value.part.as_ref());
        if !self.asks.iter().any(|a| a.text == ask.text) {
            self.asks.push(ask);
        }
        Ok(())
    }

    /// Earlier lines of apk's that `text` takes the word from. One that wants nothing in particular loses
    /// nothing.
    fn overrule(&mut self, name: &str, text: &str, at: &At) {
        let counts = Spanned::new(text.to_owned(), at.clone());
        let is_conflict = text.starts_with('!');
        let lost = |line: &str, wants: bool| {
            let other = (line != text && (wants || is_conflict)).then(|| self.places.get(line)).flatten();
            other.map(|at| Overruled {
                lost: Spanned::new(line.to_owned(), at.clone()),
                counts: counts.clone(),
            })
        };
        let asks = self.asks.iter().filter(|a| a.name == name);
        let asks = asks.filter_map(|a| lost(&a.text, a.want != crate::Want::Any));
        let about =
            |line: &String| Ask::read(line, World::Apk).is_ok_and(|a| a.name == name && a.text != name);
        let conflicts = self.removed.iter().filter(|line| about(line));
        let all: Vec<Overruled> =
            asks.chain(conflicts.filter_map(|line| lost(&format!("!{line}"), true))).collect();
        // Said again, a line has its word back.
        self.overruled.retain(|o| o.lost.value != text);
        self.overruled.extend(all);
        self.places.insert(text.to_owned(), at.clone());
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
