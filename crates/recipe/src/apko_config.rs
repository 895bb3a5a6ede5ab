//! A recipe in apko's own shape: what `apko show-config` prints of it.

use package::Arch;
use serde_json::{Map, Value, json};

use crate::apk_contents::{VCS_REVISION, VCS_SOURCE};
use crate::{Certificate, KeySource, PathChange, PathKind, Repository, Resolved, Strategy, User, World};

/// The configuration of an apk recipe in apko's JSON shape (`types.ImageConfiguration` of apko, with
/// every key that its published locks have, empty ones too): after includes, and with apko's own
/// defaults filled in (home directories, s6). `include` is empty, since nothing is left to include.
/// What apko has no word for is left out: `files`, parts of packages, ports, labels, `allow`.
pub fn apko_config(resolved: &Resolved) -> Value {
    let mut config = json!({
        "accounts": accounts(resolved),
        "annotations": annotations(resolved),
        "archs": resolved.archs.iter().map(oci_word).collect::<Vec<_>>(),
        "cmd": command_text(resolved.cmd.as_deref()),
        "contents": contents(resolved),
        "entrypoint": entrypoint(resolved),
        "environment": resolved.environment,
        "include": "",
        "layering": layering(resolved),
        "paths": resolved.paths.iter().map(path).collect::<Vec<_>>(),
        "stop-signal": text(resolved.stop_signal.as_deref()),
        "vcs-url": text(resolved.vcs_url.as_deref()),
        "volumes": resolved.volumes,
        "work-dir": text(resolved.work_dir.as_deref()),
    });
    if let Some(certificates) = certificates(resolved) {
        config["certificates"] = certificates;
    }
    config
}

/// The same as YAML in block style.
pub fn apko_yaml(config: &Value) -> String {
    let mut out = String::new();
    write_yaml(config, 0, &mut out);
    out
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or_default()
}

/// OCI's word as apko has it: `amd64`, `arm64`, `arm/v7`.
fn oci_word(arch: &Arch) -> String {
    match arch.platform() {
        Ok(p) if p.architecture == "arm" => {
            format!("arm/{}", p.variant.as_deref().unwrap_or_default())
        }
        Ok(p) => p.architecture,
        Err(_) => arch.as_str().to_owned(),
    }
}

/// Words as one text that splits into them again; no word holds a NUL, so it can be written.
fn command_text(words: Option<&[String]>) -> String {
    words.and_then(|w| shlex::try_join(w.iter().map(String::as_str)).ok()).unwrap_or_default()
}

fn accounts(resolved: &Resolved) -> Value {
    let groups: Vec<Value> = resolved
        .groups
        .iter()
        .map(|g| json!({ "gid": g.gid, "groupname": g.groupname, "members": g.members }))
        .collect();
    let run_as = resolved.run_as.as_ref().map(ToString::to_string);
    let users: Vec<Value> = resolved.users.iter().map(user).collect();
    json!({ "groups": groups, "run-as": text(run_as.as_deref()), "users": users })
}

fn user(user: &User) -> Value {
    let home = user.homedir.clone().unwrap_or_else(|| format!("/home/{}", user.username));
    let mut value = json!({
        "homedir": home,
        "shell": text(user.shell.as_deref()),
        "uid": user.uid,
        "username": user.username,
    });
    if let Some(gid) = user.gid {
        value["gid"] = json!(gid);
    }
    value
}

/// Without what `vcs-url` adds.
fn annotations(resolved: &Resolved) -> Map<String, Value> {
    let vcs = resolved.vcs();
    let derived = |key: &str, value: &str| {
        vcs.as_ref().is_some_and(|(url, revision)| match key {
            VCS_SOURCE => value == url,
            VCS_REVISION => value == *revision,
            _ => false,
        })
    };
    let own = resolved.annotations.iter().filter(|(k, v)| !derived(k, v));
    own.map(|(k, v)| (k.clone(), json!(v))).collect()
}

fn contents(resolved: &Resolved) -> Value {
    let distribution = resolved.distribution.iter().filter(|d| d.world() == World::Apk);
    let distribution = distribution.flat_map(|d| d.apk_repositories()).map(|(archive, below)| {
        format!("{}/{below}", archive.default_url()).trim_end_matches('/').to_owned()
    });
    let lines = |list: &[Repository]| list.iter().filter_map(Repository::apk_line).collect::<Vec<_>>();
    let removed = resolved.removed.iter().map(|name| format!("!{name}"));
    let packages: Vec<String> = resolved.packages.iter().map(|a| a.text.clone()).chain(removed).collect();
    let mut value = json!({
        "build_repositories": lines(&resolved.build_repositories),
        "keyring": resolved.keyring.iter().map(key).collect::<Vec<_>>(),
        "packages": packages,
        "repositories": distribution.chain(lines(&resolved.repositories)).collect::<Vec<_>>(),
        "runtime_repositories": lines(&resolved.runtime_repositories),
    });
    if !resolved.runtime_keyring.is_empty() {
        let keys = resolved.runtime_keyring.iter();
        value["runtime_keyring"] = keys.map(|k| json!({ "name": k.name, "content": k.content })).collect();
    }
    if let Some(base) = &resolved.base_image {
        value["baseimage"] = json!({ "image": base.image.path, "apkindex": base.apkindex.path });
    }
    value
}

fn key(key: &KeySource) -> String {
    match key {
        KeySource::Local(path) => path.path.clone(),
        KeySource::Url(url) => crate::place::without_user(url),
    }
}

fn entrypoint(resolved: &Resolved) -> Value {
    let words = resolved.entrypoint.as_deref().filter(|_| resolved.shell_fragment.is_none());
    json!({
        "command": command_text(words),
        "services": resolved.services,
        "shell-fragment": text(resolved.shell_fragment.as_deref()),
        "type": if resolved.service_bundle { "service-bundle" } else { "" },
    })
}

/// Nothing where the recipe says nothing: apko has no word for our default.
fn layering(resolved: &Resolved) -> Value {
    let strategy = match resolved.layering.strategy {
        Strategy::Split => return Value::Null,
        Strategy::Single => "single",
        Strategy::Package => "package",
        Strategy::Origin => "origin",
    };
    let mut value = json!({ "strategy": strategy });
    if let Some(budget) = resolved.layering.budget {
        value["budget"] = json!(budget);
    }
    value
}

fn path(change: &PathChange) -> Value {
    let (kind, source) = match &change.kind {
        PathKind::Directory => ("directory", ""),
        PathKind::EmptyFile => ("empty-file", ""),
        PathKind::Hardlink { source } => ("hardlink", source.as_str()),
        PathKind::Symlink { source } => ("symlink", source.as_str()),
        PathKind::Permissions => ("permissions", ""),
    };
    let mut value = json!({
        "path": change.path,
        "permissions": change.mode.unwrap_or(0),
        "recursive": change.recursive,
        "source": source,
        "type": kind,
    });
    for (name, id) in [("uid", change.uid), ("gid", change.gid)] {
        if let Some(id) = id {
            value[name] = json!(id);
        }
    }
    value
}

fn certificates(resolved: &Resolved) -> Option<Value> {
    let additional: Vec<Value> = resolved
        .certificates
        .iter()
        .filter_map(|c| match c {
            Certificate::Inline { name, content } => Some(json!({ "name": name, "content": content })),
            // apko has only what is written in the configuration.
            Certificate::File(_) => None,
        })
        .collect();
    let mut value = Map::new();
    if !additional.is_empty() {
        value.insert("additional".to_owned(), Value::Array(additional));
    }
    if !resolved.certificate_providers.is_empty() {
        value.insert("providers".to_owned(), json!(resolved.certificate_providers));
    }
    (!value.is_empty()).then_some(Value::Object(value))
}

fn is_flat(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => true,
    }
}

/// `value` on lines of their own, each after `indent` steps; a flat one ends the line that is open.
fn write_yaml(value: &Value, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                out.push_str(&format!("{pad}{}:", scalar(&Value::String(key.clone()))));
                write_below(value, indent + 1, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{pad}-"));
                write_below(item, indent + 1, out);
            }
        }
        flat => out.push_str(&format!("{pad}{}\n", scalar(flat))),
    }
}

fn write_below(value: &Value, indent: usize, out: &mut String) {
    if is_flat(value) {
        out.push_str(&format!(" {}\n", scalar(value)));
    } else {
        out.push('\n');
        write_yaml(value, indent, out);
    }
}

/// A word that YAML reads as the text that it is; anything else as JSON, which is YAML, too.
fn scalar(value: &Value) -> String {
    let plain = |t: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | '+');
        let word = matches!(
            t.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
        let letter = t.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        letter && !word && t.len() > 1 && t.chars().all(good)
    };
    match value {
        Value::String(text) if plain(text) => text.clone(),
        other => other.to_string(),
    }
}
