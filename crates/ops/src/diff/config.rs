//! What is other of two configs: every key, those of which nothing is known here too.

use std::collections::{BTreeMap, BTreeSet};

use inventory::Contents;
use serde::Serialize;
use serde_json::Value;

use crate::look::Look;

/// A key of the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// The key: `user`, `entrypoint`, `env PATH`, `env order`, `label NAME`, `annotation NAME` …; of keys without a word
    /// of ours their own, as `OnBuild`.
    pub key: String,
    /// Its value in the first.
    pub before: Option<String>,
    /// Its value in the second.
    pub after: Option<String>,
}

/// The keys that are other, by name. When the image was made counts where `times` says so.
pub(super) fn changes(a: &Look, b: &Look, times: bool) -> Vec<ConfigChange> {
    // What is not known of the one is no difference of the other.
    let annotated = a.own_manifest && b.own_manifest;
    let (mut before, mut after) = (keys(&a.contents, times, annotated), keys(&b.contents, times, annotated));
    let all: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let change = |key: String| {
        let (before, after) = (before.remove(&key), after.remove(&key));
        (before != after).then_some(ConfigChange { key, before, after })
    };
    let mut changes: Vec<ConfigChange> = all.into_iter().filter_map(change).collect();
    changes.extend(order(&a.contents.config.config.env, &b.contents.config.config.env));
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

/// Config and annotations of the manifest as flat keys. The story of the layers is no part of them: `distil history`
/// tells it.
fn keys(contents: &Contents, times: bool, annotated: bool) -> BTreeMap<String, String> {
    let (image, config) = (&contents.config, &contents.config.config);
    let mut keys = BTreeMap::new();
    let mut put = |key: String, value: String| {
        if !value.is_empty() {
            keys.insert(key, value);
        }
    };
    let words = |words: &Vec<String>| serde_json::to_string(words).unwrap_or_default();
    put("platform".to_owned(), contents.platform().to_string());
    put("author".to_owned(), image.author.clone().unwrap_or_default());
    if times {
        put("created".to_owned(), image.created.clone().unwrap_or_default());
    }
    put("user".to_owned(), config.user.clone());
    put("working directory".to_owned(), config.working_dir.clone());
    put("stop signal".to_owned(), config.stop_signal.clone());
    put("entrypoint".to_owned(), config.entrypoint.as_ref().map(words).unwrap_or_default());
    put("cmd".to_owned(), config.cmd.as_ref().map(words).unwrap_or_default());
    if let Some(check) = &config.healthcheck {
        put("healthcheck".to_owned(), serde_json::to_string(check).unwrap_or_default());
    }
    for variable in &config.env {
        put(format!("env {}", name(variable)), variable.clone());
    }
    config.exposed_ports.keys().for_each(|port| put(format!("port {port}"), port.clone()));
    config.volumes.keys().for_each(|path| put(format!("volume {path}"), path.clone()));
    let annotations = annotated.then_some(("annotation", &contents.manifest.annotations));
    for (word, map) in [("label", &config.labels)].into_iter().chain(annotations) {
        map.iter().for_each(|(name, value)| put(format!("{word} {name}"), format!("{name}={value}")));
    }
    for (key, value) in image.other.iter().chain(&config.other) {
        put(key.clone(), plain(value));
    }
    keys
}

fn name(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(name, _)| name)
}

/// A value on one line; empty for what Go's readers take for the same as no key at all (but a number: of those, some
/// are pointers, as `StopTimeout`).
fn plain(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Array(all) if all.is_empty() => String::new(),
        Value::Object(all) if all.is_empty() => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The order of the variables that both have with the same last value: names, or where these are the same the whole
/// variables, of which then one stands twice.
fn order(a: &[String], b: &[String]) -> Option<ConfigChange> {
    let last = |env: &[String]| -> BTreeMap<String, String> {
        env.iter().map(|variable| (name(variable).to_owned(), variable.clone())).collect()
    };
    let (in_a, in_b) = (last(a), last(b));
    let same = |variable: &&String| {
        in_a.contains_key(name(variable)) && in_a.get(name(variable)) == in_b.get(name(variable))
    };
    let common = |env: &[String]| -> Vec<String> { env.iter().filter(same).cloned().collect() };
    let (a, b) = (common(a), common(b));
    if a == b {
        return None;
    }
    let names =
        |all: &[String]| -> Vec<String> { all.iter().map(|variable| name(variable).to_owned()).collect() };
    let text = |all: &[String]| serde_json::to_string(all).ok();
    let (before, after) = match (names(&a), names(&b)) {
        (names_a, names_b) if names_a != names_b => (text(&names_a), text(&names_b)),
        _ => (text(&a), text(&b)),
    };
    Some(ConfigChange { key: "env order".to_owned(), before, after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_variables_is_told_only_where_it_is_other() {
        let order = |a: &[&str], b: &[&str]| {
            let own = |all: &[&str]| all.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
            order(&own(a), &own(b)).map(|c| (c.before.unwrap(), c.after.unwrap()))
        };
        let told = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(order(&["A=1", "B=2"], &["B=2", "A=1"]), told(r#"["A","B"]"#, r#"["B","A"]"#));
        assert_eq!(order(&["A=1", "B=2"], &["C=3", "A=1", "B=2"]), None);
        assert_eq!(order(&["A=1", "B=2"], &["B=3", "A=1"]), None, "another value says it already");
        assert_eq!(order(&["A=2", "A=1"], &["A=1"]), told(r#"["A","A"]"#, r#"["A"]"#));
        let twice = (&["A=2", "A=3", "A=1"], &["A=3", "A=2", "A=1"]);
        assert_eq!(order(twice.0, twice.1), told(r#"["A=2","A=3","A=1"]"#, r#"["A=3","A=2","A=1"]"#));
    }
}
