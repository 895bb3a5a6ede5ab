use bstr::ByteSlice;
use diag::Explain;
use rootfs::{LayerGroup, Node};

use crate::world::World;

fn world() -> World {
    let mut world = World::new();
    for (name, source, size) in [("a", "one", 10), ("b", "one", 2000), ("c", "two", 300), ("d", "three", 40)]
    {
        let big = format!("usr/share/{name}: {}", "x".repeat(size));
        let lines =
            ["usr/", "usr/share/", &big, "usr/share/doc/", &format!("usr/share/doc/{name}/copyright")];
        world.package(name, &lines).pin.source = Some(source.to_owned());
    }
    world
}

fn shape(groups: &[LayerGroup]) -> Vec<String> {
    groups
        .iter()
        .map(|g| {
            let segments: Vec<String> = g.segments.iter().map(|s| s.entries.len().to_string()).collect();
            format!("{}: {}", g.title, segments.join(" "))
        })
        .collect()
}

fn groups(layering: &str) -> Vec<LayerGroup> {
    let recipe = format!(
        "contents: {{distribution: debian-13, packages: [a, b, c, d], files: [{{path: /opt/own, content: x}}]}}
accounts: {{run-as: nonroot}}
layering: {layering}
"
    );
    let made = world().compose(&recipe).unwrap();
    let mut files: Vec<_> = Vec::new();
    for group in &made.composition.groups {
        let mut seen = std::collections::BTreeSet::new();
        for entry in group.segments.iter().flat_map(|s| &s.entries) {
            let parent = rootfs::path::parent(entry.path.as_bstr()).unwrap();
            assert!(parent.is_empty() || seen.contains(parent), "{} before its parent", entry.path);
            seen.insert(entry.path.as_bstr());
            if !entry.is_dir() {
                files.push(entry.path.clone());
            }
        }
    }
    files.sort();
    let tree = made.tree().entries().iter().filter(|e| !e.is_dir()).map(|e| e.path.clone());
    assert_eq!(files, tree.collect::<Vec<_>>());
    made.composition.groups
}

#[test]
fn each_strategy_writes_each_file_once() {
    let rest = "derived and own files: 10 7";
    assert_eq!(shape(&groups("{strategy: split}")), ["4 packages: 11 3 3 3 3", rest]);
    assert_eq!(shape(&groups("{strategy: single}")), ["4 packages, derived and own files: 19 3 3 3 3 7"]);
    assert_eq!(
        shape(&groups("{strategy: package}")),
        ["a 1.0-1: 8 3", "b 1.0-1: 8 3", "c 1.0-1: 8 3", "d 1.0-1: 8 3", rest]
    );
    assert_eq!(shape(&groups("{strategy: origin}")), ["one: 9 3 3", "two: 8 3", "three: 8 3", rest]);
    // The largest stay alone, the others share the lowest layer.
    assert_eq!(
        shape(&groups("{strategy: package, budget: 2}")),
        ["3 packages: 10 3 3 3", "b 1.0-1: 8 3", rest]
    );
}

#[test]
fn a_link_is_written_with_its_file() {
    let mut world = World::new();
    world.package("a", &["usr/share/m", "usr/share/z = usr/share/m"]);
    let recipe = "contents: {distribution: debian-13, packages: [a]}
accounts: {run-as: nonroot}
paths: [{path: /usr/share/b, type: hardlink, source: /usr/share/m}]
";
    let made = world.compose(recipe).unwrap();
    let packages = &made.composition.groups[0].segments;
    let nodes: Vec<String> = packages
        .iter()
        .flat_map(|s| &s.entries)
        .filter(|e| e.path.starts_with(b"usr/share/") && e.path.len() == 11)
        .map(|e| match &e.node {
            Node::File(_) => format!("{} file", e.path),
            Node::Hardlink(target) => format!("{} = {target}", e.path),
            _ => String::new(),
        })
        .collect();
    assert_eq!(nodes, ["usr/share/m file", "usr/share/b = usr/share/m", "usr/share/z = usr/share/m"]);
}

/// In a layer it would take another file away, or all of its directory.
#[test]
fn no_file_is_named_like_a_whiteout() {
    let recipe = |files: &str| {
        format!(
            "contents: {{distribution: debian-13, packages: [a]{files}}}\naccounts: {{run-as: nonroot}}\n"
        )
    };
    let packaged = |line: &str, recipe: &str| {
        let mut world = World::new();
        world.package("a", &["usr/share/a", line]);
        world.compose(recipe).map(drop).map_err(|e| (e.to_string(), e.hint().unwrap_or_default()))
    };
    let (error, hint) = packaged("usr/share/.wh.a", &recipe("")).unwrap_err();
    assert!(error.starts_with("cannot put /usr/share/.wh.a of the package a into a layer: "), "{error}");
    assert_eq!(hint, "give it another name, or leave it out (`drop: [/usr/share/.wh.a]`)");
    packaged("usr/share/.wh.a", &recipe(", drop: [/usr/share/.wh.a]")).unwrap();
    let (error, _) = packaged("usr/share/.wh..wh..opq/", &recipe("")).unwrap_err();
    assert!(error.starts_with("cannot put /usr/share/.wh..wh..opq of the package a"), "{error}");
    let own = recipe(", files: [{path: /usr/share/.wh.a, content: x}]");
    let (error, _) = packaged("usr/share/b", &own).unwrap_err();
    assert!(error.starts_with("cannot put /usr/share/.wh.a of the recipe into a layer: "), "{error}");
    packaged("usr/share/x.wh.a", &recipe("")).unwrap();
}
