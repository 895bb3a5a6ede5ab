use std::collections::BTreeMap;

use crate::Entrypoint;
use crate::error::RecipeError;
use crate::keys;
use crate::node::{Node, Value};
use crate::place::Spanned;
use crate::walk::{self, Fields};

use super::runtime;

/// `entrypoint` of the recipe; a mapping that says nothing is as good as absent (apko's rule).
pub(super) fn read(recipe: &Fields<'_>) -> Result<Option<Spanned<Entrypoint>>, RecipeError> {
    let Some(node) = recipe.find("entrypoint") else { return Ok(None) };
    if !matches!(node.value, Value::Map(_)) {
        return Err(
            walk::wrong_type(node, "`entrypoint`", "a mapping").hint("write `entrypoint: {command: …}`")
        );
    }
    let fields = Fields::of(node, &keys::ENTRYPOINT)?;
    let entrypoint = Entrypoint {
        service_bundle: fields.read("type", bundle)?.is_some(),
        command: fields.read("command", runtime::words)?,
        shell_fragment: fields.read("shell-fragment", walk::text)?,
        services: fields.read("services", services)?.unwrap_or_default(),
    };
    Ok((entrypoint != Entrypoint::default()).then(|| Spanned::new(entrypoint, node.at.clone())))
}

fn bundle(node: &Node, place: &str) -> Result<(), RecipeError> {
    walk::word(node, place, &[("service-bundle", ())])
}

/// Names and commands; a name becomes a directory below `/sv`.
fn services(node: &Node, place: &str) -> Result<BTreeMap<String, String>, RecipeError> {
    let named = runtime::texts(node, place)?;
    for (name, command) in &named {
        if name.contains('/') || name.starts_with('.') || name.chars().any(char::is_control) {
            return Err(RecipeError::bad(&command.at, name, "a name of a service: it becomes a directory")
                .hint("write `NAME: command`, one a line"));
        }
        if command.value.trim().is_empty() {
            return Err(RecipeError::clash(&command.at, format!("the service `{name}` has no command")));
        }
    }
    Ok(named.into_iter().map(|(name, command)| (name, command.value)).collect())
}
