//! apko's own files: each is a recipe, and means what apko takes it to mean.
//!
//! `apko_show_config.txt` tells what apko makes of its examples and of the configurations in
//! `locks/taihen`: read, included and validated by its own code and marshalled as `apko show-config`
//! does. Those files are others', so only the digest of the result is kept here: the SHA-256 of
//! [`said`] as compact JSON with sorted keys.

use std::path::{Path, PathBuf};

use oci::Digest;
use recipe::{Loader, Resolved, Source, Want, World, apko_config, apko_yaml, keys};
use serde_json::{Value, json};

use crate::documented::validate;
use crate::rendered::{host, render};

const SHOWN: &str = include_str!("apko_show_config.txt");

/// Reads includes as apko does: from the working directory, which is the folder here.
struct From(PathBuf);

impl Loader for From {
    fn read(&self, path: &str, _: &str) -> std::io::Result<Source> {
        Ok(Source { name: path.to_owned(), text: std::fs::read_to_string(self.0.join(path))? })
    }
}

fn resolve(name: &str, text: &str, folder: &Path) -> Resolved {
    recipe::load(name, text, &From(folder.to_owned()))
        .and_then(|recipe| recipe.resolve(None, &host()))
        .unwrap_or_else(|e| panic!("{name}\n{}", render(e)))
}

/// What is empty says nothing; a command means its words, however they are quoted.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| {
                let words = value.as_str().filter(|_| key == "command" || key == "cmd");
                match words.and_then(shlex::split).filter(|w| !w.is_empty()) {
                    Some(words) => (key.clone(), json!(words)),
                    None => (key.clone(), plain(value)),
                }
            });
            kept.filter(|(_, value)| !is_empty(value)).collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A configuration by what it says. Two things are left out of both sides: `include`, of which nothing
/// is left here; and architectures, if they are all, which apko leaves open until the build.
fn said(config: &Value) -> Value {
    let mut config = plain(config);
    let map = config.as_object_mut().expect("a configuration is a mapping");
    map.remove("include");
    if map.get("archs").and_then(Value::as_array).is_some_and(|archs| archs.len() == 9) {
        map.remove("archs");
    }
    config
}

/// By name, the digest of what apko makes of it.
fn shown() -> Vec<(&'static str, &'static str)> {
    let lines = SHOWN.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a name and a digest")).collect()
}

#[test]
fn what_apko_makes_of_its_examples_is_what_we_make_of_them() {
    let Some(data) = testkit::shared_data("apk") else { testkit::skip!("no ../shared/data") };
    for (name, digest) in shown() {
        let folder = data.join(if name.contains('/') { "apko" } else { "locks/taihen" });
        let text = std::fs::read_to_string(folder.join(name)).expect("an example can be read");
        validate(&text).unwrap_or_else(|e| panic!("{name}\n{e}"));
        let resolved = resolve(name, &text, &folder);
        assert_eq!(resolved.world, World::Apk, "{name}");
        let ours = said(&apko_config(&resolved));
        assert_eq!(Digest::of(ours.to_string().as_bytes()).to_string(), digest, "{name}\n{ours:#}");
    }
    assert_eq!(shown().len(), 23);
}

#[test]
fn every_key_of_apkos_schema_is_a_key_of_ours() {
    let Some(file) = testkit::shared_data("apk/apko/schema.json") else {
        testkit::skip!("no ../shared/data");
    };
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("the schema can be read"))
        .expect("the schema is JSON");
    let tables = [
        ("ImageConfiguration", &keys::RECIPE),
        ("ImageContents", &keys::CONTENTS),
        ("RuntimeKeyringEntry", &keys::RUNTIME_KEY),
        ("BaseImageDescriptor", &keys::BASE_IMAGE),
        ("ImageEntrypoint", &keys::ENTRYPOINT),
        ("ImageAccounts", &keys::ACCOUNTS),
        ("User", &keys::USER),
        ("Group", &keys::GROUP),
        ("PathMutation", &keys::PATH),
        ("ImageCertificates", &keys::CERTIFICATES),
        ("AdditionalCertificateEntry", &keys::CERTIFICATE),
        ("Layering", &keys::LAYERING),
    ];
    let definitions = schema["$defs"].as_object().expect("definitions by name");
    assert_eq!(definitions.len(), tables.len());
    for (name, table) in tables {
        for key in definitions[name]["properties"].as_object().expect("properties").keys() {
            assert!(table.known.contains(&key.as_str()), "{key} in {name}");
        }
    }
}

#[test]
fn every_example_of_apko_is_among_them() {
    let Some(data) = testkit::shared_data("apk/apko") else { testkit::skip!("no ../shared/data") };
    let mut folders = vec![data.join("examples")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the examples can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                let name = path.strip_prefix(&data).expect("below the folder").display().to_string();
                assert!(shown().iter().any(|(known, _)| *known == name), "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn the_texts_of_a_recipe_are_those_that_a_lock_of_apkos_sums_up() {
    let Some(folder) = testkit::shared_data("apk/locks/taihen") else {
        testkit::skip!("no ../shared/data");
    };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a configuration can be read");
    let recipe = recipe::load("debug.yaml", &read("debug.yaml"), &From(folder.clone())).unwrap();
    let names: Vec<&str> = recipe.sources.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["debug.yaml", "glibc.yaml", "base.yaml"]);
    let all: String = recipe.sources.iter().map(|s| s.text.as_str()).collect();
    // The checksum in debug.lock.json, there in base64.
    let sum = "sha256:890118dab9d61f5c097c5afdb8e7aa53c2fa5d1ef284a39cc05e179bf9e69a08";
    assert_eq!(Digest::of(all.as_bytes()).to_string(), sum);
}

/// The configurations in a published image lock, with their names.
fn configs(lock: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (image, locks) in lock["imageLocks"].as_object().expect("image locks by name") {
        for set in ["configs", "devConfigs", "fullConfigs"] {
            let Some(by_arch) = locks[set].as_object() else { continue };
            for (arch, text) in by_arch {
                let text = text.as_str().expect("a configuration is a text in the lock");
                let whole: Value = serde_json::from_str(text).expect("and the text is JSON");
                all.push((format!("{image} {set} {arch}"), whole["config"].clone()));
            }
        }
    }
    all
}

#[test]
fn every_config_of_a_published_lock_means_the_same() {
    let Some(data) = testkit::shared_data("apk/locks/chainguard") else {
        testkit::skip!("no ../shared/data");
    };
    let mut read = 0;
    for entry in std::fs::read_dir(&data).expect("the locks can be listed") {
        let path = entry.expect("an entry").path().join("locked_config.json");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let lock: Value = serde_json::from_str(&text).expect("a lock is JSON");
        for (name, mut config) in configs(&lock) {
            let text = config.to_string();
            validate(&text).unwrap_or_else(|e| panic!("{name}\n{e}"));
            let resolved = resolve(&name, &text, &data);
            // The lock is from before validation, which fills in home directories.
            for user in config["accounts"]["users"].as_array_mut().expect("a list of users") {
                if user["homedir"] == "" {
                    user["homedir"] = json!(format!("/home/{}", user["username"].as_str().unwrap()));
                }
            }
            assert_eq!(said(&apko_config(&resolved)), said(&config), "{name}");
            read += 1;
        }
    }
    assert!(read >= 50, "{read}");
}

#[test]
fn package_lines_split_as_apko_splits_them() {
    let Some(table) = testkit::shared_data("apk/tables/constraint_parse.apko.json") else {
        testkit::skip!("no ../shared/data");
    };
    let rows: Value = serde_json::from_str(&std::fs::read_to_string(table).expect("the table can be read"))
        .expect("the table is JSON");
    for row in rows.as_array().expect("a list of rows") {
        let part = |key: &str| row[key].as_str().expect("a text").to_owned();
        // To apk the tag may stand before the version, too, where apko takes the whole for a name; and a
        // library's version is what stands there, before which apko puts `0.`.
        if matches!(part("input").as_str(), "name@edge=1.2.3" | "so:libfoo.so.6=6") {
            continue;
        }
        let text = format!("contents: {{distribution: wolfi, packages: [{}]}}", json!(part("input")));
        let ask = resolve("app.yaml", &text, Path::new("")).packages[0].clone();
        let (constraint, tag) = match ask.want {
            Want::Apk { constraint, tag } => (constraint, tag.unwrap_or_default()),
            _ => (String::new(), String::new()),
        };
        let version = constraint.trim_start_matches(['=', '<', '>', '~']).to_owned();
        assert_eq!([ask.name, version, tag], ["name", "version", "pin"].map(part), "{row}");
    }
    assert_eq!(rows.as_array().map(Vec::len), Some(14));
}

#[test]
fn the_configuration_as_yaml_is_the_configuration() {
    let odd = json!({ "a b": ["yes", "1", "x: y", "", "two\nlines", "#", "-", "é"], "n": [[1, {}], null] });
    let text = "contents: {distribution: wolfi, packages: ['a~1', '!b']}\nvolumes: [/a b]\nlayering: {strategy: origin}\n\
                accounts: {users: [{username: a, uid: 1}]}\nentrypoint: {shell-fragment: \"a\\nb: c\\n\"}\n";
    let whole = apko_config(&resolve("app.yaml", text, Path::new("")));
    for config in [odd, whole] {
        let back: Value = serde_saphyr::from_str(&apko_yaml(&config)).expect("it is YAML");
        assert_eq!(back, config, "{}", apko_yaml(&config));
    }
}
