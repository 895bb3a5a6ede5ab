//! Typed access to the tree, with the errors that every key shares.

use crate::error::{Problem, RecipeError};
use crate::keys::{self, Keys};
use crate::node::{Entry, Node, Scalar, Value};
use crate::place::{At, Spanned};

/// A mapping whose keys are all known.
pub(crate) struct Fields<'a> {
    at: &'a At,
    keys: &'static Keys,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The mapping at `node`; an unknown key is an error here, before any value is read.
    pub(crate) fn of(node: &'a Node, keys: &'static Keys) -> Result<Fields<'a>, RecipeError> {
        let Value::Map(entries) = &node.value else {
            return Err(wrong_type(node, keys.place, "a mapping"));
        };
        for entry in entries {
            refuse_unknown(entry, keys)?;
        }
        Ok(Fields { at: &node.at, keys, entries })
    }

    /// The value of `key`; a key without a value is as good as absent, and so is an empty text where
    /// apko takes it so.
    pub(crate) fn find(&self, key: &'static str) -> Option<&'a Node> {
        debug_assert!(
            self.keys.known.contains(&key),
            "`{key}` is missing in the table of {}",
            self.keys.place
        );
        let blank = |node: &Node| {
            self.keys.blank.contains(&key) && matches!(&node.value, Value::Scalar(s) if s.text.is_empty())
        };
        self.entries.iter().find(|e| e.key == key).map(|e| &e.value).filter(|v| !v.is_null() && !blank(v))
    }

    /// The value of `key`, which must be there.
    pub(crate) fn need(&self, key: &'static str) -> Result<&'a Node, RecipeError> {
        self.find(key).ok_or_else(|| {
            let line = Problem::Missing { place: self.keys.place.to_owned(), key };
            RecipeError::at(self.at, line)
        })
    }

    /// Where the mapping stands.
    pub(crate) fn at(&self) -> &'a At {
        self.at
    }

    /// How messages name the mapping.
    pub(crate) fn place(&self) -> String {
        self.keys.place.to_owned()
    }

    /// `read` of the value of `key`, if it is there.
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&'a Node, &str) -> Result<T, RecipeError>,
    ) -> Result<Option<T>, RecipeError> {
        self.find(key).map(|node| read(node, &format!("`{key}`"))).transpose()
    }

    /// The same with its place.
    pub(crate) fn spanned<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&'a Node, &str) -> Result<T, RecipeError>,
    ) -> Result<Option<Spanned<T>>, RecipeError> {
        self.find(key)
            .map(|node| Ok(Spanned::new(read(node, &format!("`{key}`"))?, node.at.clone())))
            .transpose()
    }

    /// `read` of each element of the list at `key`; empty if it is absent.
    pub(crate) fn each<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&'a Node, &str) -> Result<T, RecipeError>,
    ) -> Result<Vec<Spanned<T>>, RecipeError> {
        let Some(node) = self.find(key) else { return Ok(Vec::new()) };
        let place = format!("an element of `{key}`");
        list(node, &format!("`{key}`"))?
            .iter()
            .map(|item| Ok(Spanned::new(read(item, &place)?, item.at.clone())))
            .collect()
    }
}

fn refuse_unknown(entry: &Entry, keys: &'static Keys) -> Result<(), RecipeError> {
    let key = entry.key.as_str();
    if keys.known.contains(&key) {
        return Ok(());
    }
    let (key, place) = (key.to_owned(), keys.place.to_owned());
    let hint = keys::gone(&key).filter(|_| keys.place == keys::RECIPE.place).map(str::to_owned);
    let hint = hint.unwrap_or_else(|| hint_for(&key, keys));
    Err(RecipeError::at(&entry.key_at, Problem::UnknownKey { key, place }).hint(hint))
}

fn hint_for(key: &str, keys: &'static Keys) -> String {
    if let Some(near) = diag::nearest(key, keys.known.iter().copied(), 1).first() {
        return format!("did you mean `{near}`?");
    }
    // `work_dir` and `workdir` are too far off by letters, and meant all the same.
    let plain = |word: &str| word.replace(['-', '_', ' '], "").to_ascii_lowercase();
    if let Some(near) = keys.known.iter().find(|k| plain(k) == plain(key)) {
        return format!("did you mean `{near}`?");
    }
    // Only mappings that have a place of their own: `name` belongs in too many lists.
    let elsewhere = || keys::ALL.iter().filter(|k| k.place.starts_with('`') || k.place == keys::RECIPE.place);
    if let Some(other) = elsewhere().find(|k| k.known.contains(&key)) {
        return format!("`{key}` belongs in {}", other.place);
    }
    for other in elsewhere() {
        if let Some(near) = diag::nearest(key, other.known.iter().copied(), 1).first() {
            return format!("did you mean `{near}` in {}?", other.place);
        }
    }
    format!("{} may have: {}", keys.place, keys.known.join(", "))
}

pub(crate) fn wrong_type(node: &Node, place: &str, expected: &str) -> RecipeError {
    let problem =
        Problem::WrongType { place: place.to_owned(), expected: expected.to_owned(), found: node.found() };
    RecipeError::at(&node.at, problem)
}

/// The elements of a list.
pub(crate) fn list<'a>(node: &'a Node, place: &str) -> Result<&'a [Node], RecipeError> {
    match &node.value {
        Value::List(items) => Ok(items),
        Value::Scalar(_) => {
            Err(wrong_type(node, place, "a list")
                .hint("write `- ` before each element, or `[…]` around them"))
        }
        Value::Map(_) => Err(wrong_type(node, place, "a list")),
    }
}

/// A scalar that says something.
pub(crate) fn scalar<'a>(node: &'a Node, place: &str) -> Result<&'a Scalar, RecipeError> {
    match &node.value {
        Value::Scalar(scalar) if !node.is_null() => Ok(scalar),
        _ => Err(wrong_type(node, place, "a text")),
    }
}

/// The text of a scalar, as written; no NUL.
pub(crate) fn text(node: &Node, place: &str) -> Result<String, RecipeError> {
    let scalar = scalar(node, place)?;
    if scalar.text.contains('\0') {
        return Err(RecipeError::bad(&node.at, &scalar.text, "possible here: it has a NUL byte"));
    }
    Ok(scalar.text.clone())
}

/// A text of at least one character in one line.
pub(crate) fn line(node: &Node, place: &str) -> Result<String, RecipeError> {
    let text = text(node, place)?;
    if text.trim().is_empty() {
        return Err(RecipeError::at(&node.at, Problem::Contradiction(format!("{place} is empty"))));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err(RecipeError::bad(&node.at, &text, "one line of text"));
    }
    Ok(text)
}

/// `true` or `false`.
pub(crate) fn truth(node: &Node, place: &str) -> Result<bool, RecipeError> {
    match scalar(node, place)?.text.as_str() {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        other => {
            let fault = RecipeError::bad(&node.at, other, format!("`true` or `false` ({place})"));
            Err(match other {
                "yes" | "on" | "y" => fault.hint("write `true`"),
                "no" | "off" | "n" => fault.hint("write `false`"),
                _ => fault,
            })
        }
    }
}

/// A whole number of at most `most`.
pub(crate) fn number(node: &Node, place: &str, most: u32) -> Result<u32, RecipeError> {
    let text = &scalar(node, place)?.text;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(n) if digits && n <= most => Ok(n),
        _ => Err(RecipeError::bad(&node.at, text, format!("a whole number from 0 to {most} ({place})"))),
    }
}

/// A number of a user or a group; the greatest means "none" to the kernel.
pub(crate) fn id(node: &Node, place: &str) -> Result<u32, RecipeError> {
    number(node, place, u32::MAX - 1)
}

/// A URL that a client can take apart (WHATWG), where it is of http or https.
pub(crate) fn check_url(node: &Node, text: &str) -> Result<(), RecipeError> {
    let remote = text.starts_with("http://") || text.starts_with("https://");
    match url::Url::parse(text) {
        Err(why) if remote => Err(RecipeError::bad(&node.at, text, format!("a URL: {why}"))
            .hint("write https://HOST/PATH, or https://HOST:PORT/PATH with a port from 1 to 65535")),
        _ => Ok(()),
    }
}

/// One of the words of a table.
pub(crate) fn word<T: Copy>(node: &Node, place: &str, table: &[(&str, T)]) -> Result<T, RecipeError> {
    let text = &scalar(node, place)?.text;
    if let Some((_, value)) = table.iter().find(|(word, _)| word == text) {
        return Ok(*value);
    }
    let place = place.strip_prefix("an element of ").unwrap_or(place);
    let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
    let fault = RecipeError::bad(&node.at, text, format!("a value of {place}"));
    Err(match diag::nearest(text, words.iter().copied(), 1).first() {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint(format!("{place} is one of: {}", words.join(", "))),
    })
}
