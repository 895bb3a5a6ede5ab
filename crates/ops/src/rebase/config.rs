//! Config values merged by what changed: what the image has as its old base had it, it has from its base.

use std::collections::BTreeSet;

use diag::{Diagnostic, Kind};
use serde_json::{Value, json};

/// Fields of a config that are no values of the base's to give.
const OF_THE_IMAGE: [&str; 2] = ["rootfs", "history"];

/// Makes the config of an image upon `old` one upon `new`.
pub(super) fn rebase(old: &Value, new: &Value, image: &mut Value) -> Result<(), Diagnostic> {
    for key in ["os", "architecture", "variant"] {
        if old[key] != image[key] || new[key] != image[key] {
            let text = format!("the new base is for another platform: its {key} is {}", new[key]);
            return Err(Diagnostic::new(Kind::Input, text).hint("name a base for the image's platform"));
        }
    }
    let ids = |config: &Value| config["rootfs"]["diff_ids"].as_array().cloned().unwrap_or_default();
    let mut all = ids(new);
    all.extend(ids(image).into_iter().skip(ids(old).len()));
    let history = told(old, new, image);
    let mut whole = merged_but(Some(old), Some(new), Some(image), &OF_THE_IMAGE).unwrap_or_default();
    // Variables are one list, and each is a value of its own.
    let env = variables(&old["config"]["Env"], &new["config"]["Env"], &image["config"]["Env"]);
    match env.is_empty() {
        true => drop(whole["config"].as_object_mut().and_then(|config| config.remove("Env"))),
        false => whole["config"]["Env"] = json!(env),
    }
    whole["rootfs"] = image["rootfs"].clone();
    whole["rootfs"]["diff_ids"] = json!(all);
    if let (Some(history), Some(config)) = (history, whole.as_object_mut()) {
        config.insert("history".to_owned(), json!(history));
    }
    *image = whole;
    Ok(())
}

/// The new base's history, then the image's own; none where one of them is not told.
fn told(old: &Value, new: &Value, image: &Value) -> Option<Vec<Value>> {
    let of = |config: &Value| config["history"].as_array().cloned();
    let (old, new, image) = (of(old)?, of(new)?, of(image)?);
    if image.get(..old.len()) != Some(&old[..]) {
        return None;
    }
    Some(new.into_iter().chain(image.into_iter().skip(old.len())).collect())
}

/// Makes the annotations of an image's document those of one upon the new base.
pub(super) fn rebase_annotations(old: &Value, new: &Value, document: &mut Value) {
    let merged = merged(old, new, &document["annotations"]);
    match document.as_object_mut() {
        Some(document) if merged.is_null() => drop(document.remove("annotations")),
        Some(document) => drop(document.insert("annotations".to_owned(), merged)),
        None => {}
    }
}

/// Objects key by key, anything else as a whole: the image's where it differs from the old base's, else the new
/// base's. `null` stands for what is not there.
fn merged(old: &Value, new: &Value, image: &Value) -> Value {
    let there = |value: &Value| (!value.is_null()).then(|| value.clone());
    merged_but(there(old).as_ref(), there(new).as_ref(), there(image).as_ref(), &[]).unwrap_or(Value::Null)
}

fn merged_but(
    old: Option<&Value>,
    new: Option<&Value>,
    image: Option<&Value>,
    but: &[&str],
) -> Option<Value> {
    if image == old {
        return new.cloned();
    }
    let map = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(Value::Object(own)) = image else { return image.cloned() };
    let (old, new) = (map(old), map(new));
    let keys: BTreeSet<&String> = own.keys().chain(new.keys()).collect();
    let keys = keys.into_iter().filter(|key| !but.contains(&key.as_str()));
    let value =
        |key: &String| Some((key.clone(), merged_but(old.get(key), new.get(key), own.get(key), &[])?));
    Some(Value::Object(keys.filter_map(value).collect()))
}

/// The new base's variables in its order, then the image's own.
fn variables(old: &Value, new: &Value, image: &Value) -> Vec<String> {
    let read = |list: &Value| -> Vec<(String, String)> {
        let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts
            .map(|t| t.split_once('=').unwrap_or((t, "")))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    };
    let (old, new, own) = (read(old), read(new), read(image));
    let of =
        |list: &[(String, String)], key: &str| list.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
    let mut keys: Vec<&String> = new.iter().map(|(k, _)| k).collect();
    keys.extend(own.iter().map(|(k, _)| k).filter(|k| of(&new, k).is_none()));
    let value = |key: &String| {
        let (before, now) = (of(&old, key), of(&own, key));
        let value = if before == now { of(&new, key) } else { now };
        value.map(|value| format!("{key}={value}"))
    };
    keys.into_iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_image_did_not_change_is_the_new_bases() {
        let layers = |ids: &[&str]| json!({ "type": "layers", "diff_ids": ids });
        let old = json!({ "os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z",
            "config": { "Env": ["PATH=/bin", "A=1", "GONE=1"], "User": "0", "Labels": { "v": "1", "x": "y" } },
            "rootfs": layers(&["a"]), "history": [{ "created_by": "base" }] });
        let new = json!({ "os": "linux", "architecture": "amd64", "created": "2026-02-01T00:00:00Z",
            "config": { "Env": ["A=2", "PATH=/usr/bin", "NEW=1"], "User": "65532", "Labels": { "v": "2" } },
            "rootfs": layers(&["b", "c"]), "history": [{ "created_by": "b" }, { "created_by": "c" }] });
        let mut image = json!({ "os": "linux", "architecture": "amd64", "created": "2026-01-01T00:00:00Z",
            "config": { "Env": ["PATH=/app", "A=1", "GONE=1", "OWN=1"], "User": "0", "Cmd": ["/app"],
                "Labels": { "v": "1", "x": "y", "own": "1" } },
            "rootfs": layers(&["a", "z"]), "history": [{ "created_by": "base" }, { "created_by": "app" }] });
        rebase(&old, &new, &mut image).unwrap();
        assert_eq!(
            image,
            json!({ "os": "linux", "architecture": "amd64", "created": "2026-02-01T00:00:00Z",
                "config": { "Env": ["A=2", "PATH=/app", "NEW=1", "OWN=1"], "User": "65532", "Cmd": ["/app"],
                    "Labels": { "v": "2", "own": "1" } },
                "rootfs": layers(&["b", "c", "z"]),
                "history": [{ "created_by": "b" }, { "created_by": "c" }, { "created_by": "app" }] })
        );
        let other = json!({ "os": "linux", "architecture": "arm64" });
        assert!(rebase(&old, &other, &mut image).is_err());
    }
}
