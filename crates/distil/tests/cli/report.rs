use serde_json::{Value, json};
use testkit::tar::Entry;

use crate::run::Machine;
use crate::somebodys::{self, file};

#[test]
fn a_page_is_written_whole_and_the_same_twice() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["report", "oci:foreign:it"]).good().says(&["wrote report.html"]);
    assert_eq!(ran.stdout, "", "data goes into the file");
    let page = machine.read("work/report.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for text in ["Debian GNU/Linux 13 (trixie)", "0.5.12-12", "BuildKit", "no user is set, which is root"] {
        assert!(page.contains(text), "no `{text}` in the page");
    }
    // Over the file that is there.
    machine.distil(&["report", "oci:foreign:it", "-q"]).good();
    assert_eq!(machine.read("work/report.html"), page);
    let out = machine.distil(&["report", "oci:foreign:it", "-o", "-"]).good();
    assert_eq!(out.stdout, page);
}

#[test]
fn its_data_as_json() {
    let machine = somebodys::machine();
    somebodys::put(&machine, "old", &[("x", vec![file("etc/motd", "old\n")])], &[]);
    let ran = machine.distil(&["report", "oci:foreign:it", "--against", "oci:old:it", "--json"]).good();
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["schema"], 0);
    let image = &json["report"]["image"];
    assert_eq!((&image["image"], &image["platform"]), (&"oci:foreign:it".into(), &"linux/amd64".into()));
    assert_eq!(image["packages"][0]["name"], "dash");
    let files = image["files"].as_array().expect("files");
    let find = |path: &str| files.iter().find(|f| f["path"] == path).unwrap_or_else(|| panic!("no {path}"));
    let shell = find("/usr/bin/sh");
    assert_eq!((&shell["role"], &shell["package"]), (&"shell".into(), &"dash".into()));
    assert_eq!((&find("/srv/app")["mode"], &find("/srv/app")["layer"]), (&"4755".into(), &2.into()));
    assert_eq!(json["report"]["against"]["image"], "oci:old:it");
    let surface = json["report"]["surface"].as_array().expect("the attack surface");
    let shells = surface.iter().find(|f| f["category"] == "shells").expect("shells");
    assert_eq!(shells["what"], json!(["/usr/bin/ash", "/usr/bin/dash", "/usr/bin/sh"]));
    let changed = json["report"]["changes"]["files"].as_array().expect("changed files");
    assert!(changed.iter().any(|f| f["path"] == "/etc/motd" && f["change"] == "changed"), "{changed:?}");
    assert!(!machine.path("work/report.html").exists(), "with --json a page only where -o says");
    machine.distil(&["report", "oci:foreign:it", "--json", "-o", "page.html"]).good();
    assert!(machine.read("work/page.html").contains("</html>"));
}

#[test]
fn what_cannot_be_reported_is_said() {
    let machine = somebodys::machine();
    machine.distil(&["report", "oci:foreign:gone"]).fails(3, &["gone"]);
    machine.distil(&["report", "nothing"]).fails(3, &["cannot find `nothing:latest`"]);
    machine.distil(&["report", "oci:foreign:it", "-o", "."]).fails(2, &["it is a directory", "report.html"]);
    // With --json a failure is a document, too.
    let both = machine.distil(&["report", "oci:foreign:it", "--json", "-o", "-"]);
    assert!(both.code == Some(2) && both.stderr.contains("both to standard output"), "{both:?}");
    machine.distil(&["report", "oci:foreign:it", "--platform", "linux/arm64"]).fails(2, &["linux/arm64"]);
    assert!(!machine.path("work/report.html").exists(), "nothing is left of a failure");
}

/// Engines run a user as the last `etc/passwd` of the layers says, so that is the one that counts.
#[test]
fn a_user_is_who_the_last_account_file_says() {
    let machine = crate::run::Machine::new();
    let accounts = |uid: u32| file("etc/passwd", &format!("app:x:{uid}:{uid}::/:/bin/sh\n"));
    let layers = [("twice in one layer", vec![accounts(65532), accounts(0)])];
    somebodys::put_with_user(&machine, "twice", &layers, &[], "app");
    let ran = machine.distil(&["report", "oci:twice:it", "--json"]).good();
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["report"]["image"]["run_as"]["uid"], 0, "{}", json["report"]["image"]["run_as"]);
}

/// Two images that are other in each way there is, and in one that does not count.
fn strange() -> Machine {
    let machine = Machine::new();
    let capability = |e: Entry| {
        e.pax("SCHILY.xattr.security.capability", [&b"\x01\0\0\x02\0\x04\0\0"[..], &[0; 12]].concat())
    };
    let before = vec![
        file("m", "x"),
        file("o", "x"),
        Entry::symlink("s", "one"),
        Entry::char_device("c", 1, 3),
        Entry::char_device("cb", 8, 0),
        file("k", "x"),
        capability(file("x", "x")),
        file("same-size", "abc"),
        Entry::dir("sd/", 0o755),
        file("h1", "hh"),
        Entry::hardlink("h2", "h1"),
        file("gone", "1234"),
    ];
    let after = vec![
        Entry::file("m", 0o4755, "x"),
        file("o", "x").owned(5, 6),
        Entry::symlink("s", "two"),
        Entry::char_device("c", 1, 5),
        Entry::special("cb", b'4'),
        Entry::symlink("k", "x"),
        file("x", "x"),
        file("same-size", "xyz"),
        Entry::dir("sd/", 0o1777),
        file("h1", "hh"),
        file("h2", "hh"),
        Entry::file("new-suid", 0o4755, "x"),
        Entry::symlink("new-link", "/etc/shadow"),
        Entry::dir("new-dir/", 0o777).owned(7, 8),
    ];
    somebodys::put_with_user(&machine, "a", &[("x", before)], &["A=1", "GONE=x"], "65532");
    somebodys::put(&machine, "b", &[("x", after)], &["A=2", "NEW=<b>"]);
    machine
}

/// What the script of the page reads.
fn data_of(page: &str) -> Value {
    let block = page.split("id=\"data\">").nth(1).and_then(|rest| rest.split("</script>").next());
    serde_json::from_str(block.expect("the data")).expect("JSON")
}

/// Mark, path and what is said of it, as the script puts them together.
fn changes_of(page: &str) -> Vec<(char, String, String)> {
    let changes = &data_of(page)["changes"];
    let mut last = String::new();
    let row = |(i, mark): (usize, char)| {
        let shared = usize::try_from(changes["shared"][i].as_u64().expect("a number")).expect("small");
        last = format!("{}{}", &last[..shared], changes["rest"][i].as_str().expect("text"));
        let said =
            &changes["phrases"][usize::try_from(changes["said"][i].as_u64().expect("a place")).unwrap()];
        let said: Vec<&str> = said.as_array().expect("phrases").iter().filter_map(Value::as_str).collect();
        (mark, last.clone(), said.join(", "))
    };
    changes["marks"].as_str().expect("marks").chars().enumerate().map(row).collect()
}

#[test]
fn the_page_says_what_changed_of_every_path() {
    let machine = strange();
    let page = machine.distil(&["report", "oci:b:it", "--against", "oci:a:it", "-o", "-"]).good().stdout;
    let found = changes_of(&page);
    let said = |path: &str| {
        let row =
            found.iter().find(|(_, p, _)| p == path).unwrap_or_else(|| panic!("no {path} in {found:?}"));
        (row.0, row.2.as_str())
    };
    for (path, mark, words) in [
        ("/m", '~', "mode 0644 → 4755 (setuid)"),
        ("/o", '~', "owner 0:0 → 5:6"),
        ("/s", '~', "leads to one → two"),
        ("/c", '~', "char device 1:3 → char device 1:5"),
        ("/cb", '~', "char device 8:0 → block device 0:0, mode 0600 → 0644"),
        ("/k", '~', "file → link to x"),
        ("/x", '~', "removed security.capability cap_net_bind_service=ep"),
        ("/same-size", '~', "content"),
        ("/sd/", '~', "mode 0755 → 1777"),
        // It has the same bytes, in a file of its own.
        ("/h2", '~', "another name of /h1 → a file of its own"),
        ("/gone", '-', "mode 0644"),
        ("/new-suid", '+', "mode 4755 (setuid)"),
        ("/new-link", '+', "link to /etc/shadow"),
        ("/new-dir/", '+', "mode 0777, owner 7:8"),
    ] {
        assert_eq!(said(path), (mark, words), "{path}");
    }
}

#[test]
fn the_page_has_the_config_before_and_after() {
    let machine = strange();
    let page = machine.distil(&["report", "oci:b:it", "--against", "oci:a:it", "-o", "-"]).good().stdout;
    let table = page.split("id=\"changed-config\"").nth(1).expect("the table");
    let table = table.split("</table>").next().expect("its end");
    for row in [
        "~&nbsp;changed</td><th scope=\"row\">env A</th><td><code>A=1</code></td><td><code>A=2</code></td>",
        "−&nbsp;removed</td><th scope=\"row\">env GONE</th><td><code>GONE=x</code></td><td></td>",
        "+&nbsp;added</td><th scope=\"row\">env NEW</th><td></td><td><code>NEW=&lt;b&gt;</code></td>",
        "−&nbsp;removed</td><th scope=\"row\">user</th><td><code>65532</code></td><td></td>",
    ] {
        assert!(table.contains(row), "no {row} in {table}");
    }
    let same = machine.distil(&["report", "oci:b:it", "--against", "oci:b:it", "-o", "-"]).good().stdout;
    assert!(
        !same.contains("id=\"changed-config\"") && !same.contains("id=\"change-grid\""),
        "nothing changed"
    );
}

/// One comparison and one way to write a file, so that commands cannot disagree.
#[test]
fn its_data_is_that_of_inspect_tree_and_diff() {
    let machine = strange();
    let json = |words: &[&str]| -> Value {
        let mut document = serde_json::from_str::<Value>(&machine.distil(words).good().stdout).expect("JSON");
        document.as_object_mut().expect("an object").remove("schema");
        document
    };
    let report = json(&["report", "oci:b:it", "--against", "oci:a:it", "--json"]);
    let report = &report["report"];
    assert_eq!(report["changes"], json(&["diff", "oci:a:it", "oci:b:it", "--json"]));
    for (image, name) in [(&report["image"], "oci:b:it"), (&report["against"], "oci:a:it")] {
        let inspected = json(&["inspect", name, "--json"]);
        for (key, value) in inspected.as_object().expect("an object") {
            assert_eq!(&image[key], value, "{name}: {key}");
        }
        let mut rows = json(&["tree", name, "--json"])["files"].take();
        for row in rows.as_array_mut().expect("rows") {
            row.as_object_mut()
                .expect("a row")
                .retain(|key, _| !["depth", "sum", "fits"].contains(&key.as_str()));
        }
        let rows = rows.as_array().expect("rows");
        assert!(rows.len() > 10 && rows.iter().all(|row| row["path"].as_str().unwrap().starts_with('/')));
        let mut files = image["files"].as_array().expect("files").clone();
        files.sort_by_key(|f| rows.iter().position(|row| row["path"] == f["path"]));
        assert_eq!(&files, rows, "{name}");
    }
}

/// A name reads the same on the page as on the terminal, and can be typed as it is read.
#[test]
fn names_are_written_as_the_terminal_has_them() {
    let machine = Machine::new();
    let names: [&[u8]; 5] =
        [b"line\nbreak", b"esc\x1b[2J", "exe\u{202e}gpj".as_bytes(), b"latin\xe9", b"four \\x0A"];
    let shown = ["line\\x0Abreak", "esc\\x1B[2J", "exe\\xE2\\x80\\xAEgpj", "latin\\xE9", "four \\x5Cx0A"];
    let entries: Vec<Entry> = names.iter().map(|name| Entry::file(*name, 0o644, "x")).collect();
    somebodys::put(&machine, "names", &[("a", entries.clone())], &[]);
    somebodys::put(&machine, "none", &[("a", vec![file("other", "x")])], &[]);
    let page =
        machine.distil(&["report", "oci:names:it", "--against", "oci:none:it", "-o", "-"]).good().stdout;
    let listed = data_of(&page)["files"]["names"].clone();
    let listed: Vec<&str> = listed.as_array().expect("names").iter().filter_map(Value::as_str).collect();
    let tree = machine.distil(&["tree", "oci:names:it"]).good().stdout;
    let changed = changes_of(&page);
    for name in shown {
        assert!(listed.contains(&name), "{name} is not in {listed:?}");
        assert!(changed.iter().any(|(_, path, _)| *path == format!("/{name}")), "{name}: {changed:?}");
        assert!(tree.contains(name), "{name} is not in {tree}");
        machine.distil(&["why", "oci:names:it", &format!("/{name}")]).good();
    }
}

#[test]
fn devices_are_shown_as_devices() {
    let machine = strange();
    let page = machine.distil(&["report", "oci:b:it", "-o", "-"]).good().stdout;
    let files = &data_of(&page)["files"];
    let at =
        |name: &str| files["names"].as_array().expect("names").iter().position(|n| n == name).expect("it");
    let kind = |name: &str| {
        let fact = files["fact"][at(name)].as_u64().expect("a place");
        files["facts"][usize::try_from(fact).expect("small")][0].clone()
    };
    assert_eq!((kind("c"), kind("cb")), ("c".into(), "b".into()));
    assert_eq!(files["devices"][at("c").to_string()], "1:5");
}

#[test]
fn annotations_are_no_labels_and_no_key_of_the_config_is_left_out() {
    let machine = Machine::new();
    let keys = json!({ "config": { "OnBuild": ["RUN <x>"], "Shell": ["/bin/sh"] } });
    let notes = json!({ "org.example.note": "written on the manifest" });
    somebodys::put_as(&machine, "noted", &[file("f", "1")], keys, notes);
    let page = machine.distil(&["report", "oci:noted:it", "-o", "-"]).good().stdout;
    let of = |term: &str| {
        let rest = page.split(&format!("<dt>{term}</dt><dd>")).nth(1).unwrap_or_else(|| panic!("no {term}"));
        rest.split("</dd>").next().expect("its end").to_owned()
    };
    assert!(of("Labels").contains("none"), "{}", of("Labels"));
    assert_eq!(of("Annotations").matches("written on the manifest").count(), 1, "{}", of("Annotations"));
    assert_eq!(of("OnBuild"), "<code>[&quot;RUN &lt;x&gt;&quot;]</code>");
    assert_eq!(of("Shell"), "<code>[&quot;/bin/sh&quot;]</code>");
}

/// What is not known is not counted as clean (P6).
#[test]
fn kinds_of_which_nothing_is_known_are_counted_as_such() {
    let machine = Machine::new();
    for (name, user, wanted) in [
        ("nobody", "nobody", "<dd>0 of 8</dd><dd class=\"more\">kinds found, 2 not known</dd>"),
        ("number", "65532", "<dd>0 of 10</dd><dd class=\"more\">kinds found</dd>"),
    ] {
        somebodys::put_with_user(&machine, name, &[("ADD", vec![file("a", "1")])], &[], user);
        let page = machine.distil(&["report", &format!("oci:{name}:it"), "-o", "-"]).good().stdout;
        assert!(page.contains(wanted), "{user}: {}", &page[..4000.min(page.len())]);
    }
}
