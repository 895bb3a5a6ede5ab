//! The page, the schema and the parser say the same.

use std::collections::BTreeSet;

use recipe::{Loader, Source, keys, schema};
use serde_json::Value;

use crate::rendered::{host, render};

const PAGE: &str = include_str!("../../../../docs/recipe.md");

/// A file for every path that an example includes.
struct Anything;

impl Loader for Anything {
    fn read(&self, path: &str, _: &str) -> std::io::Result<Source> {
        Ok(Source { name: path.to_owned(), text: "contents: {distribution: debian-13}".to_owned() })
    }
}

/// The text of each fenced block of YAML.
fn examples() -> Vec<&'static str> {
    PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```").map(|(text, _)| text)).collect()
}

fn images() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../images");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .expect("the folder images is there")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .map(|path| {
            (path.display().to_string(), std::fs::read_to_string(&path).expect("an image can be read"))
        })
        .collect();
    all.sort();
    all
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("a recipe that parses is YAML to others, too")
}

pub(crate) fn validate(text: &str) -> Result<(), String> {
    let validator = jsonschema::validator_for(&schema::schema()).expect("the schema is one");
    let errors: Vec<String> =
        validator.iter_errors(&as_json(text)).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

#[test]
fn every_example_is_a_recipe() {
    assert!(examples().len() >= 25, "{} examples", examples().len());
    for text in examples() {
        let recipe = recipe::load("docs/recipe.md", text, &Anything)
            .unwrap_or_else(|e| panic!("{text}\n{}", render(e)));
        recipe.resolve_all(&host()).unwrap_or_else(|e| panic!("{text}\n{}", render(e)));
        validate(text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    }
}

#[test]
fn every_image_of_the_folder_is_in_the_catalogue() {
    let names: BTreeSet<String> = recipe::catalogue_names().map(|n| format!("{n}.yaml")).collect();
    let files: BTreeSet<String> =
        images().iter().map(|(path, _)| path.rsplit('/').next().unwrap_or(path).to_owned()).collect();
    assert_eq!(names, files);
    for (path, text) in images() {
        validate(&text).unwrap_or_else(|e| panic!("{path}\n{e}"));
    }
}

#[test]
fn the_schema_knows_the_keys_of_the_parser_and_no_others() {
    let schema = schema::schema();
    let named = |value: &Value| -> BTreeSet<String> {
        value["properties"].as_object().expect("an object").keys().cloned().collect()
    };
    let known =
        |keys: &keys::Keys| -> BTreeSet<String> { keys.known.iter().map(|k| (*k).to_owned()).collect() };
    assert_eq!(named(&schema), known(&keys::RECIPE));
    for (name, keys) in schema::DEFINITIONS {
        assert_eq!(named(&schema["$defs"][name]), known(keys), "{name}");
        assert_eq!(schema["$defs"][name]["additionalProperties"], Value::Bool(false), "{name}");
    }
    assert_eq!(schema::DEFINITIONS.len() + 1, keys::ALL.len());
}

#[test]
fn every_key_has_an_example() {
    let mut missing = BTreeSet::new();
    for table in keys::ALL {
        for key in table.known {
            let shown = |text: &&str| text.contains(&format!("{key}:")) || text.contains(&format!("{key}="));
            if !examples().iter().any(shown) {
                missing.insert(format!("{key} in {}", table.place));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_schema_refuses_what_the_parser_refuses() {
    for text in [
        "pakcages: []",
        "contents: {packages: libc6}",
        "contents: {slim: all}",
        "contents: {files: [{path: /a}]}",
        "contents: {files: [{path: a, content: b}]}",
        "contents: {files: [{path: /a, content: b, source: c}]}",
        "contents: {files: [{path: /a, url: 'https://example.com/'}]}",
        "allow: [shel]",
        "accounts: {users: [{username: a}]}",
        "entrypoint: /app",
        "environment: [A=b]",
        "ports: [0]",
        "ports: [80/http]",
        "work-dir: srv",
        "layering: {strategy: all}",
        "paths: [{path: /a, type: file}]",
        "variants: {latest: {}}",
        "variants: {a: {include: base}}",
    ] {
        assert!(recipe::parse("app.yaml", text).is_err(), "{text}");
        assert!(validate(text).is_err(), "{text}");
    }
}
