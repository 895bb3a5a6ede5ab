//! What stands above what.

use recipe::{Allow, Recipe, RunAs};

use crate::rendered::{Files, host};

const PARENT: &str = r#"
contents:
  distribution: debian-13
  packages: [p1, p2, {name: part, only: [/a/**]}]
  files: [{path: /p, content: p}]
  keep: [/keep/p]
  slim: none
allow: [shell, root]
certificates: {additional: [p.pem]}
accounts:
  run-as: root
  users: [{username: p, uid: 1}]
  groups: [{groupname: p, gid: 1}]
entrypoint: {command: [p, q]}
cmd: p
environment: {A: p, B: p}
labels: {a: p, b: p}
annotations: {a: p, b: p}
ports: [1]
volumes: [/p]
paths: [{path: /p, type: directory}]
archs: [arm64]
work-dir: /p
layering: {strategy: package, budget: 5}
variants:
  debug: {contents: {packages: [shell]}, allow: [shell]}
  low: {accounts: {run-as: 7}, environment: {A: low}}
"#;

fn load(child: &str) -> Recipe {
    recipe::load("app.yaml", &format!("include: ./p.yaml\n{child}"), &Files(&[("./p.yaml", PARENT)])).unwrap()
}

#[test]
fn lists_concatenate_maps_merge_the_rest_replaces() {
    let child = "contents:\n  packages: [c1, '!p2', part]\n  files: [{path: /c, content: c}]\n  keep: [/keep/c]\n  slim: classes\n\
                 certificates: {additional: [c.pem]}\naccounts: {users: [{username: c, uid: 2}]}\nentrypoint: {command: [c]}\n\
                 environment: {B: c, C: c}\nlabels: {b: c}\nannotations: {b: c}\nports: [2, 1]\nvolumes: [/c]\n\
                 paths: [{path: /c, type: directory}]\narchs: [amd64]\nlayering: {budget: 9}\n";
    let r = load(child).resolve(None, &host()).unwrap();
    let names: Vec<&str> = r.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["p1", "part", "c1"]);
    assert_eq!(r.removed, ["p2"]);
    assert!(r.parts.is_empty(), "a line for the whole package wins: {:?}", r.parts);
    assert_eq!(r.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["/p", "/c"]);
    assert_eq!(r.keep, ["/keep/p", "/keep/c"]);
    assert_eq!(r.slim, recipe::Slim::Classes);
    assert_eq!(r.certificates.len(), 2);
    assert_eq!(r.users.iter().map(|u| u.uid).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(r.groups.len(), 1);
    assert_eq!((r.entrypoint.unwrap(), r.cmd.unwrap()), (vec!["c".to_owned()], vec!["p".to_owned()]));
    let flat = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(k, v)| format!("{k}{v}")).collect::<String>()
    };
    assert_eq!(
        (flat(&r.environment), flat(&r.labels), flat(&r.annotations)),
        ("ApBcCc".into(), "apbc".into(), "apbc".into())
    );
    assert_eq!(r.ports.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(r.volumes, ["/p", "/c"]);
    assert_eq!(r.paths.len(), 2);
    assert_eq!(r.archs, [package::Arch::new("amd64")]);
    assert_eq!(r.work_dir.as_deref(), Some("/p"));
    assert_eq!(r.layering, recipe::Layering { strategy: recipe::Strategy::Package, budget: Some(9) });
}

#[test]
fn allow_and_run_as_are_not_inherited() {
    let recipe = load("");
    let r = recipe.resolve(None, &host()).unwrap();
    assert!(r.allow.is_empty());
    assert_eq!(r.run_as, Some(RunAs::Name("nonroot".to_owned())));
    assert!(recipe.resolve(Some("debug"), &host()).unwrap().allow.is_empty());
    let catalogue =
        recipe::load("app.yaml", "include: base", &Files(&[])).unwrap().resolve(None, &host()).unwrap();
    assert_eq!((catalogue.allow.len(), catalogue.run_as), (0, Some(RunAs::Name("nonroot".to_owned()))));
}

#[test]
fn inherited_variants_are_built_when_they_are_named() {
    assert_eq!(load("").variants_to_build(), [None]);
    let recipe = load("variants: {debug: {allow: [shell], environment: {X: y}}, both: {of: [low, debug]}}");
    assert_eq!(recipe.variants_to_build(), [None, Some("both"), Some("debug")]);
    let debug = recipe.resolve(Some("debug"), &host()).unwrap();
    assert!(debug.allow.contains(&Allow::Shell) && debug.packages.iter().any(|a| a.name == "shell"));
    let both = recipe.resolve(Some("both"), &host()).unwrap();
    assert_eq!((both.run_as, both.environment["A"].as_str()), (Some(RunAs::Uid(7)), "low"));
    assert!(both.allow.contains(&Allow::Shell) && both.packages.iter().any(|a| a.name == "shell"));
    assert!(recipe.resolve(Some("low"), &host()).is_ok());
}

#[test]
fn of_comes_in_order_and_each_once() {
    let text = "labels: {l: base}\nvariants:\n  a: {labels: {l: a}, ports: [1]}\n  b: {of: [a], labels: {l: b}, ports: [2]}\n  c: {of: [b, a], ports: [3]}\n  d: {of: [a, b]}\n";
    let recipe = crate::rendered::load(text).unwrap();
    let said = |name: &str| {
        let r = recipe.resolve(Some(name), &host()).unwrap();
        (r.labels["l"].clone(), r.ports.iter().map(|p| p.number).collect::<Vec<_>>())
    };
    assert_eq!(said("a"), ("a".to_owned(), vec![1]));
    assert_eq!(said("b"), ("b".to_owned(), vec![1, 2]));
    assert_eq!(said("c"), ("b".to_owned(), vec![1, 2, 3]));
    assert_eq!(said("d"), ("b".to_owned(), vec![1, 2]));
}

#[test]
fn parts_add_up() {
    let parts = |lines: &str| {
        let text = format!("contents: {{distribution: debian-13, packages: [{lines}]}}");
        crate::rendered::load(&text).unwrap().resolve(None, &host()).unwrap().parts
    };
    assert_eq!(parts("{name: a, only: [/x]}, {name: a, only: [/y, /x]}")["a"].only, ["/x", "/y"]);
    assert!(parts("{name: a, only: [/x]}, a").is_empty());
    assert!(parts("a, {name: a, only: [/x]}").is_empty());
    assert_eq!(parts("a, {name: a, drop: [/x]}")["a"].drop, ["/x"]);
    assert_eq!(parts("{name: a, only: [/x]}, '!a', {name: a, only: [/y]}")["a"].only, ["/y"]);
    assert_eq!(parts("'!a', {name: a, only: [/y]}, {name: 'a (>= 1)', drop: [/y/z]}")["a"].drop, ["/y/z"]);
}

#[test]
fn a_removed_package_can_come_back() {
    let text = "contents: {distribution: debian-13, packages: [a, '!a']}\nvariants: {v: {contents: {packages: [a]}}}";
    let recipe = crate::rendered::load(text).unwrap();
    let names = |v| {
        let r = recipe.resolve(v, &host()).unwrap();
        (r.packages.len(), r.removed.len())
    };
    assert_eq!((names(None), names(Some("v"))), ((0, 1), (1, 0)));
}

#[test]
fn local_paths_remember_the_file_that_wrote_them() {
    let files = [("lib/p.yaml", "contents: {files: [{path: /p, source: p.txt}]}")];
    let text = "include: lib/p.yaml\ncontents: {files: [{path: /c, source: c.txt}]}";
    let r = recipe::load("app.yaml", text, &Files(&files)).unwrap().resolve(None, &host()).unwrap();
    let first: Vec<String> = r
        .files
        .iter()
        .map(|f| match &f.body {
            recipe::FileBody::Local(path) => path.candidates()[0].display().to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(first, ["lib/p.txt", "c.txt"]);
}
