//! From the tree to a [`Recipe`]: each key once, each mistake with its place.

mod contents;
mod entrypoint;
mod modes;
mod runtime;
mod system;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use contents::local;

use crate::error::{Problem, RecipeError};
use crate::keys;
use crate::node::{self, Entry, Node, Value};
use crate::place::{Source, Spanned};
use crate::recipe::{Body, IncludeName, Recipe, Variant};
use crate::walk::{self, Fields};

/// Reads one recipe file; includes are not followed.
///
/// # Errors
/// The first mistake of the text, with its place.
pub fn parse(file: &str, text: &str) -> Result<Recipe, RecipeError> {
    // An editor's byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Arc::new(Source { name: file.to_owned(), text: text.to_owned() });
    let root = node::read_tree(&source)?;
    let fields = Fields::of(&root, &keys::RECIPE)?;
    let include = fields.spanned("include", walk::line)?;
    Ok(Recipe {
        file: file.to_owned(),
        include: include.map(|s| Spanned::new(IncludeName::read(&s.value), s.at)),
        variants: fields.read("variants", read_variants)?.unwrap_or_default(),
        body: read_body(&fields)?,
        world_hint: None,
        sources: vec![source],
    })
}

fn read_body(fields: &Fields<'_>) -> Result<Body, RecipeError> {
    let mut body = Body {
        contents: fields.read("contents", contents::read)?.unwrap_or_default(),
        allow: fields.each("allow", system::allow)?,
        entrypoint: entrypoint::read(fields)?,
        cmd: fields.spanned("cmd", runtime::words)?,
        environment: fields.read("environment", runtime::environment)?.unwrap_or_default(),
        work_dir: fields.spanned("work-dir", system::config_path)?,
        stop_signal: fields.spanned("stop-signal", runtime::signal)?,
        ports: fields.each("ports", runtime::port)?,
        volumes: fields.each("volumes", system::config_path)?,
        paths: fields.each("paths", system::path_change)?,
        labels: fields.read("labels", runtime::texts)?.unwrap_or_default(),
        annotations: fields.read("annotations", runtime::texts)?.unwrap_or_default(),
        archs: fields.spanned("archs", runtime::archs)?,
        vcs_url: fields.spanned("vcs-url", walk::line)?,
        ..Body::default()
    };
    fields.read("format", runtime::format)?;
    if let Some(node) = fields.find("certificates") {
        contents::certificates(node, &mut body)?;
    }
    if let Some(node) = fields.find("accounts") {
        system::accounts(node, &mut body)?;
    }
    if let Some(node) = fields.find("layering") {
        runtime::layering(node, &mut body)?;
    }
    Ok(body)
}

fn read_variants(node: &Node, place: &str) -> Result<BTreeMap<String, Spanned<Variant>>, RecipeError> {
    let Value::Map(entries) = &node.value else {
        return Err(walk::wrong_type(node, place, "a mapping from names to changes"));
    };
    entries
        .iter()
        .map(|entry| {
            refuse_bad_name(entry)?;
            let variant = read_variant(&entry.value)?;
            Ok((entry.key.clone(), Spanned::new(variant, entry.key_at.clone())))
        })
        .collect()
}

/// A variant's name becomes part of a tag, so it has a tag's letters (distribution-spec, `<reference>`).
fn refuse_bad_name(entry: &Entry) -> Result<(), RecipeError> {
    let name = &entry.key;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if !first || !name.chars().all(good) || name.len() > 64 {
        return Err(RecipeError::bad(&entry.key_at, name, "a variant's name: it becomes part of a tag")
            .hint("use letters, digits, `-`, `_` and `.`"));
    }
    if name == "latest" {
        return Err(RecipeError::bad(&entry.key_at, name, "a variant's name: it is the untagged image"));
    }
    Ok(())
}

fn read_variant(node: &Node) -> Result<Variant, RecipeError> {
    if node.is_null() {
        return Ok(Variant { of: Vec::new(), body: Body::default(), inherited: false });
    }
    if let Value::Map(entries) = &node.value {
        for key in ["include", "variants"] {
            if let Some(entry) = entries.iter().find(|e| e.key == key) {
                let problem =
                    Problem::UnknownKey { key: key.to_owned(), place: keys::VARIANT.place.to_owned() };
                let hint = "a variant builds upon its recipe and, by `of: [..]`, upon other variants of it";
                return Err(RecipeError::at(&entry.key_at, problem).hint(hint));
            }
        }
    }
    let fields = Fields::of(node, &keys::VARIANT)?;
    Ok(Variant { of: fields.each("of", walk::line)?, body: read_body(&fields)?, inherited: false })
}
