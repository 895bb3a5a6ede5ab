//! docs/json.md against what the commands print: neither has a field that the other has not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::tar::Entry;
use testkit::{Package, World};

use crate::run::{Archive, Machine};
use crate::somebodys::{self, file, put_as};

/// The tables of the page: by heading, the type of each field.
struct Page {
    tables: BTreeMap<String, BTreeMap<String, String>>,
    seen: BTreeSet<(String, String)>,
}

impl Page {
    fn read() -> Page {
        let text = std::fs::read_to_string(testkit::workspace().join("docs/json.md")).unwrap();
        let (mut tables, mut heading) = (BTreeMap::<_, BTreeMap<_, _>>::new(), String::new());
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title.trim_matches('`').to_owned();
            }
            let cells: Vec<&str> = line.split(" | ").map(|c| c.trim_matches(['|', ' '])).collect();
            if let (true, [field, kind, _]) = (line.starts_with("| `"), cells.as_slice()) {
                let field = field.trim_matches('`').to_owned();
                let before = tables.entry(heading.clone()).or_default().insert(field, (*kind).to_owned());
                assert_eq!(before, None, "twice: {line}");
            }
        }
        Page { tables, seen: BTreeSet::new() }
    }

    /// An object has the fields of a table that begin with `prefix`, all that may not lack, and no others; those
    /// that another table has as well are in `more`.
    fn check(&mut self, table: &str, prefix: &str, value: &Value, more: Option<&str>) {
        let object = value.as_object().unwrap_or_else(|| panic!("{table}: {prefix}: no object: {value}"));
        let fields = self.tables.get(table).unwrap_or_else(|| panic!("no table of {table}")).clone();
        for (field, kind) in &fields {
            let own = field.strip_prefix(prefix).filter(|f| !f.contains(['.', '[']));
            let lacks = own.is_some_and(|own| !object.contains_key(own));
            assert!(!lacks || kind.ends_with(", optional"), "{table} lacks {field}: {value}");
        }
        for (key, value) in object {
            let field = format!("{prefix}{key}");
            match (fields.get(&field), more) {
                (Some(kind), _) => {
                    self.seen.insert((table.to_owned(), field.clone()));
                    self.fits(table, &field, kind.trim_end_matches(", optional"), value);
                }
                (None, Some(other)) if self.tables[other].contains_key(key) => {}
                (None, _) => panic!("{table} has {field}, and the page has not"),
            }
        }
    }

    fn fits(&mut self, table: &str, field: &str, kind: &str, value: &Value) {
        let list =
            |value: &Value| value.as_array().unwrap_or_else(|| panic!("{table} {field}: {value}")).clone();
        let linked = kind.split_once("(#").map(|(_, name)| name.trim_end_matches(')').to_owned());
        let good = match (kind, linked) {
            ("text", _) => value.is_string(),
            ("text or null", _) => value.is_string() || value.is_null(),
            ("number", _) => value.is_number(),
            ("true or false", _) => value.is_boolean(),
            ("map", _) => value.is_object(),
            ("map of text", _) => value.as_object().is_some_and(|m| m.values().all(Value::is_string)),
            ("list of text", _) => list(value).iter().all(Value::is_string),
            ("list of pairs", _) => list(value).iter().all(|p| p[0].is_string() && p[1].is_number()),
            ("object", _) => {
                self.check(table, &format!("{field}."), value, None);
                true
            }
            ("list of objects", _) => {
                list(value).iter().for_each(|v| self.check(table, &format!("{field}[]."), v, None));
                true
            }
            (_, Some(other)) => {
                let all = if kind.starts_with("list of") { list(value) } else { vec![value.clone()] };
                let (prefix, own) = (format!("{field}[]."), self.tables[table].clone());
                for value in all {
                    // What this table adds to the other's fields.
                    let adds = own.keys().any(|f| f.starts_with(&prefix));
                    if adds {
                        self.check(table, &prefix, &value, Some(&other));
                    }
                    let mut of_other = value.clone();
                    if let (true, Some(map)) = (adds, of_other.as_object_mut()) {
                        map.retain(|key, _| !own.contains_key(&format!("{prefix}{key}")));
                    }
                    self.check(&other, "", &of_other, None);
                }
                true
            }
            (kind, None) => panic!("the page has no such type: {kind}"),
        };
        assert!(good, "{table} {field}: not {kind}: {value}");
    }
}

/// One image with what others lack.
fn strange(machine: &Machine) {
    let capability: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let apk = "C:Q1pXbOLr1zAZBsgVQlhuf2DFrZ8pg=\nP:musl\nV:1.2\nA:x86_64\nS:1\nI:2\nT:libc\nL:MIT\no:musl-src\nm:me <m@e>\n\n";
    let entries = [
        Entry::char_device("dev", 1, 3),
        Entry::file("capable", 0o755, "x").pax("SCHILY.xattr.security.capability", capability),
        file("links/a", "1"),
        Entry::hardlink("links/b", "links/a"),
        file("links/c", "1"),
        file("lib/apk/db/installed", apk),
        file("var/lib/rpm/rpmdb.sqlite", "SQLite format 3\0"),
        file(
            "var/lib/dpkg/status",
            "Package: p\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n\
             Package: q\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
        ),
        file("var/lib/dpkg/info/p.list", "/common\n"),
        file("var/lib/dpkg/info/q.list", "/common\n"),
        Entry::dir("common", 0o755),
    ];
    let keys = json!({ "created": "2026-01-01T00:00:00Z", "author": "me", "os.version": "1" });
    put_as(machine, "strange", &entries, keys, json!({ "org.opencontainers.image.title": "t" }));
    let p = |version: &str, arch: &str| {
        let text =
            format!("Package: p\nStatus: install ok installed\nVersion: {version}\nArchitecture: {arch}\n");
        file("var/lib/dpkg/status", &text)
    };
    let turned =
        [file("links/a", "1"), file("links/b", "1"), Entry::hardlink("links/c", "links/b"), p("1", "amd64")];
    put_as(machine, "other", &turned, json!({}), json!({}));
    somebodys::put(machine, "upgraded", &[("a", vec![p("1", "all")]), ("b", vec![p("2", "all")])], &[]);
}

#[test]
fn the_page_has_every_field_and_no_other() {
    let world = World::new()
        .package(Package::new("libz", "1.3-1").file("/usr/lib/libz.so.1.3", "z"))
        .package(
            Package::new("links", "1-1")
                .file("/usr/share/l", "l")
                .symlink("/usr/lib/libz.so.1", "libz.so.1.3"),
        )
        .package(Package::new("app", "1-1").depends("libz, links").file("/usr/bin/app", "app"));
    let archive = Archive::serve(&world);
    let machine = somebodys::machine();
    strange(&machine);
    crate::inspect::attested(&machine);
    crate::why::linked(&machine);
    crate::foreign::put(&machine, "several", "it", &["linux/amd64", "linux/arm64"]);
    let own = "  files:\n    - {path: /own/x, content: \"hi\"}\n\
               paths:\n  - {path: /own/l, type: symlink, source: /own/x}\n";
    machine.write("work/app.yaml", archive.recipe(&["app"]) + own);
    machine.build().good();
    machine.write("work/new", "new");
    let words = ["--file", "new:/usr/lib/libz.so.1.3", "--file", "new:/own/x"];
    machine.distil(&[&["append", "app", "-o", "more"], &words[..]].concat()).good();
    let mut page = Page::read();
    for words in [
        &["inspect", "oci:foreign:it"][..],
        &["inspect", "oci:strange:it"],
        &["inspect", "oci:several:it"],
        &["inspect", "oci:built:all"],
        &["inspect", "app"],
        &["tree", "oci:foreign:it"],
        &["tree", "oci:strange:it"],
        &["tree", "app"],
        &["why", "oci:foreign:it", "/bin/sh"],
        &["why", "oci:foreign:it", "/usr"],
        &["why", "oci:foreign:it", "libc6"],
        &["why", "app", "/usr/lib/libz.so.1"],
        &["why", "oci:linked:it", "base"],
        &["why", "oci:strange:it", "/common"],
        &["why", "oci:strange:it", "/capable"],
        &["why", "app", "app"],
        &["why", "app", "/own/l"],
        &["why", "more", "/usr/lib/libz.so.1.3"],
        &["why", "more", "/own/x"],
        &["diff", "oci:strange:it", "oci:foreign:it"],
        &["diff", "oci:strange:it", "oci:other:it"],
        &["diff", "oci:other:it", "oci:strange:it"],
        &["diff", "oci:several:it", "--platform", "linux/amd64,linux/arm64"],
        &["history", "oci:foreign:it", "--files"],
        &["history", "oci:upgraded:it"],
        &["extract", "oci:foreign:it", "/etc/motd", "-o", "motd"],
        &["ls"],
        &["ls", "oci:foreign"],
    ] {
        let ran = machine.distil(&[words, &["--json"]].concat()).good();
        let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
        page.check(words[0], "", &printed, None);
    }
    machine.write("work/wrong.yaml", "pakcages: []\n");
    for (words, code) in
        [(&["inspect", "nosuch"][..], 3), (&["build", "wrong.yaml"], 3), (&["tree", "a b"], 2)]
    {
        let ran = machine.distil(&[words, &["--json"]].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        let told = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
        page.check("errors", "", &told, None);
    }
    let of = |(table, fields): (&String, &BTreeMap<String, String>)| {
        let table = table.clone();
        fields.keys().map(move |field| (table.clone(), field.clone())).collect::<Vec<_>>()
    };
    let all: BTreeSet<(String, String)> = page.tables.iter().flat_map(of).collect();
    assert!(all.len() > 150, "{}", all.len());
    let never: Vec<_> = all.difference(&page.seen).collect();
    assert_eq!(never, Vec::<&(String, String)>::new(), "fields of the page that nothing printed");
}
