//! Differences that are easily lost: keys of configs that no table has, devices, attributes, names that are no text.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};
use testkit::tar::Entry;

use crate::run::{Machine, Ran};
use crate::somebodys::{file, put_as};

/// `cap_net_bind_service=ep`, as the kernel keeps it.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn capable(path: &str) -> Entry {
    Entry::file(path, 0o755, "x").pax("SCHILY.xattr.security.capability", CAPABILITY)
}

fn block(path: &str, major: u32, minor: u32) -> Entry {
    Entry { kind: b'4', ..Entry::char_device(path, major, minor) }
}

fn with_mode(entry: Entry, mode: u32) -> Entry {
    Entry { mode, ..entry }
}

/// Images `oci:a` and `oci:b` of these files, with the same config.
fn files(a: &[Entry], b: &[Entry]) -> Machine {
    let machine = Machine::new();
    put_as(&machine, "a", a, json!({}), json!({}));
    put_as(&machine, "b", b, json!({}), json!({}));
    machine
}

fn diff(machine: &Machine, more: &[&str]) -> Ran {
    machine.distil(&[&["diff", "oci:a:it", "oci:b:it"], more].concat())
}

fn parsed(ran: Ran) -> Value {
    serde_json::from_str(&ran.good().stdout).unwrap()
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

#[test]
fn no_two_configs_are_called_the_same() {
    let keys =
        json!({ "OnBuild": ["RUN x"], "Shell": ["/bin/sh"], "ArgsEscaped": true, "Vendor": { "a": 1 } });
    let env = |words: &[&str]| json!({ "config": { "Env": words } });
    for (a, b, lines) in [
        (
            json!({ "config": keys, "author": "me", "os.version": "10" }),
            json!({}),
            &[
                "- ArgsEscaped\n      - true",
                "- OnBuild\n      - [\"RUN x\"]",
                "- Shell",
                "- Vendor",
                "- author",
                "- os.version\n",
            ][..],
        ),
        (
            env(&["A=1", "B=2"]),
            env(&["B=2", "A=1"]),
            &["~ env order\n      - [\"A\",\"B\"]\n      + [\"B\",\"A\"]"],
        ),
        (env(&["A=2", "A=1"]), env(&["A=1"]), &["~ env order"]),
        (
            json!({ "config": { "Healthcheck": { "Test": ["CMD", "x"], "StartInterval": 5 } } }),
            json!({ "config": { "Healthcheck": { "Test": ["CMD", "x"] } } }),
            &["~ healthcheck"],
        ),
    ] {
        let machine = Machine::new();
        put_as(&machine, "a", &[file("f", "1")], a, json!({ "x": "1" }));
        put_as(&machine, "b", &[file("f", "1")], b, json!({ "x": "1" }));
        let ran = diff(&machine, &["--exit-code"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        has(&ran.stdout, lines);
        let inspect = |name| parsed(machine.distil(&["inspect", name, "--json"]));
        let (a, b) = (inspect("oci:a:it"), inspect("oci:b:it"));
        assert!((&a["config"], &a["other"], &a["author"]) != (&b["config"], &b["other"], &b["author"]));
    }
}

#[test]
fn annotations_are_compared_and_times_are_not() {
    let machine = Machine::new();
    put_as(
        &machine,
        "a",
        &[file("f", "1")],
        json!({ "created": "2026-01-01T00:00:00Z" }),
        json!({ "x": "1" }),
    );
    put_as(
        &machine,
        "b",
        &[file("f", "1")],
        json!({ "created": "2026-02-02T00:00:00Z" }),
        json!({ "x": "1" }),
    );
    let ran = diff(&machine, &["--exit-code"]).good();
    has(&ran.stdout, &["nothing differs but when and how it was made"]);
    has(&diff(&machine, &["--times"]).good().stdout, &["~ created\n"]);
    put_as(
        &machine,
        "c",
        &[file("f", "1")],
        json!({ "created": "2026-01-01T00:00:00Z" }),
        json!({ "x": "2" }),
    );
    let ran = machine.distil(&["diff", "oci:a:it", "oci:c:it", "--exit-code"]);
    assert_eq!(ran.code, Some(1));
    has(&ran.stdout, &["~ annotation x\n      - x=1\n      + x=2"]);
}

#[test]
fn inspect_tells_keys_without_a_word_of_ours() {
    let machine = Machine::new();
    let keys = json!({ "config": { "OnBuild": ["RUN x"], "StopTimeout": 0 }, "docker_version": "20\u{1b}" });
    put_as(&machine, "a", &[], keys, json!({ "x": "1" }));
    let ran = machine.distil(&["inspect", "oci:a:it"]).good();
    has(
        &ran.stdout,
        &["OnBuild    [\"RUN x\"]", "StopTimeout 0", "docker_version \"20\\u", "annotation x=1"],
    );
    let json = parsed(machine.distil(&["inspect", "oci:a:it", "--json"]));
    assert_eq!(json["config"], json!({ "OnBuild": ["RUN x"], "StopTimeout": 0 }));
    assert_eq!(json["other"], json!({ "docker_version": "20\u{1b}" }));
}

#[test]
fn devices_and_attributes_are_told_by_value() {
    let machine = files(
        &[
            Entry::char_device("c", 1, 3),
            Entry::char_device("cb", 8, 0),
            Entry::special("f", b'6'),
            capable("x"),
        ],
        &[
            Entry::char_device("c", 1, 5),
            block("cb", 8, 0),
            Entry::char_device("f", 1, 3),
            Entry::file("x", 0o755, "x"),
        ],
    );
    has(
        &diff(&machine, &[]).good().stdout,
        &[
            "~ /c: char device 1:3 -> char device 1:5",
            "~ /cb: char device 8:0 -> block device 8:0",
            "~ /f: fifo -> char device 1:3",
            "~ /x: security.capability cap_net_bind_service=ep -> none",
        ],
    );
    let json = parsed(diff(&machine, &["--json"]));
    let of =
        |path: &str| json["files"].as_array().unwrap().iter().find(|f| f["path"] == path).unwrap().clone();
    assert_eq!(of("/c")["aspects"], json!(["device"]));
    assert_eq!(of("/c")["before"]["device"], json!({ "kind": "char", "major": 1, "minor": 3 }));
    assert_eq!(of("/cb")["after"]["device"], json!({ "kind": "block", "major": 8, "minor": 0 }));
    assert_eq!(of("/f")["aspects"][0], "kind");
    let attribute = json!({
        "name": "security.capability", "value": "0x0100000200040000000000000000000000000000",
        "means": "cap_net_bind_service=ep",
    });
    assert_eq!(of("/x")["before"]["xattrs"], json!([attribute]));
    let tree = parsed(machine.distil(&["tree", "oci:b:it", "/cb", "--json"]));
    assert_eq!(tree["files"][0]["device"]["kind"], "block");
}

/// A COPY turns links into copies: the same bytes at every path, and all of them once more in the layer.
#[test]
fn names_that_became_copies_are_told() {
    let body = || Entry::file("bin/busybox", 0o755, "b".repeat(1000));
    let link = |path: &str| Entry::hardlink(path, "bin/busybox");
    let copy = |path: &str| Entry { path: path.into(), ..body() };
    let links = [body(), link("bin/a"), link("bin/ls"), link("bin/sh")];
    let machine = files(&links, &[body(), copy("bin/a"), link("bin/ls"), link("bin/new"), copy("bin/sh")]);
    let ran = diff(&machine, &["--exit-code"]);
    assert_eq!(ran.code, Some(1));
    // By path, /bin/a was the file itself.
    let lines = [
        "~ /bin/busybox: another name of /bin/a -> a file of its own of 1.00 kB",
        "~ /bin/ls: another name of /bin/a -> another name of /bin/busybox",
        "+ /bin/new (1.00 kB, mode 0755)",
        "~ /bin/sh: another name of /bin/a -> a file of its own of 1.00 kB",
    ];
    has(&ran.stdout, &["files (1 added, 0 removed, 3 changed)"]);
    has(&ran.stdout, &lines);
    assert!(!ran.stdout.contains("~ /bin/a"), "{}", ran.stdout);
    has(&diff(&machine, &["--markdown"]).good().stdout, &lines);
    let json = parsed(diff(&machine, &["--json"]));
    assert_eq!((&json["same"], &json["files"][1]["aspects"]), (&json!(false), &json!(["links"])));
    assert_eq!(json["files"][1]["link_before"], "/bin/a");
    assert_eq!(json["files"][1]["link_after"], "/bin/busybox");
    assert_eq!(json["files"][3].get("link_after"), None);
    let back = machine.distil(&["diff", "oci:b:it", "oci:a:it"]).good();
    has(&back.stdout, &["~ /bin/sh: a file of its own of 1.00 kB -> another name of /bin/a"]);
    // In another order of members it is the same.
    let turned =
        [copy("bin/sh"), Entry::hardlink("bin/ls", "bin/sh"), Entry::hardlink("bin/busybox", "bin/sh")];
    let machine = files(&links[..], &[&turned[..], &[Entry::hardlink("bin/a", "bin/sh")]].concat());
    diff(&machine, &["--exit-code"]).good();
}

#[test]
fn what_is_new_is_told_with_what_matters_of_it() {
    let new = [
        Entry::file("suid", 0o4755, "x"),
        Entry::symlink("link", "/etc/shadow"),
        with_mode(Entry::char_device("dev", 1, 1), 0o666),
        Entry::dir("open", 0o777),
        file("owned", "abc").owned(65532, 7),
        capable("can"),
    ];
    let machine =
        files(&[Entry::file("k", 0o644, "x")], &[&new[..], &[Entry::symlink("k", "there")]].concat());
    let lines = [
        "+ /suid (1 B, mode 4755)",
        "+ /link -> /etc/shadow",
        "+ /dev (char device 1:1, mode 0666)",
        "+ /open/ (mode 0777)",
        "+ /owned (3 B, mode 0644, owner 65532:7)",
        "+ /can (1 B, mode 0755, security.capability cap_net_bind_service=ep)",
        "~ /k: file of 1 B -> link to there",
    ];
    has(&diff(&machine, &[]).good().stdout, &lines);
    has(&diff(&machine, &["--markdown"]).good().stdout, &lines);
}

/// GitHub refuses a comment of more than 65,536 characters.
#[test]
fn markdown_fits_a_comment_and_says_how_much_more_there_is() {
    let mut many: Vec<Entry> =
        (0..3000).map(|n| file(&format!("usr/share/`{n:04}|{}", "x".repeat(60)), "1")).collect();
    many.push(Entry::file("zz/suid", 0o4755, "x"));
    many.push(file("zz/changed", "2"));
    let labels: serde_json::Map<String, Value> =
        (0..2000).map(|n| (format!("l{n:04}"), json!("|".repeat(20)))).collect();
    let status: String = (0..2000)
        .map(|n| format!("Package: p{n:04}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"))
        .collect();
    many.push(file("var/lib/dpkg/status", &status));
    let machine = Machine::new();
    put_as(&machine, "a", &[file("zz/changed", "1")], json!({}), json!({}));
    put_as(&machine, "b", &many, json!({ "config": { "Labels": labels } }), json!({}));
    let text = diff(&machine, &["--markdown"]).good().stdout;
    assert!(text.len() > 50_000 && text.chars().count() < 65_000, "{} bytes", text.len());
    let left = |what: &str| {
        let line = text
            .lines()
            .find(|l| l.starts_with("… and ") && l.contains(&format!(" more {what},")))
            .expect(what);
        assert!(line.ends_with("`distil diff --json` has all."), "{line}");
        line.split(' ').nth(2).unwrap().parse::<usize>().unwrap()
    };
    let shown = |begin: &str| text.lines().filter(|l| l.starts_with(begin)).count();
    assert_eq!(left("keys") + shown("| l"), 2001, "with the row about layers");
    assert_eq!(left("packages") + shown("| p"), 2001, "with the heading");
    // What matters most stands first, though its path is the last.
    let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("- ")).collect();
    assert_eq!(rows[..2], ["- `+ /zz/suid (1 B, mode 4755)`", "- `~ /zz/changed: content`"]);
    let all = parsed(diff(&machine, &["--json"]));
    assert_eq!(left("files") + rows.len(), all["files"].as_array().unwrap().len());
    assert!(text.ends_with("</details>\n"));
}

/// Two names that differ only in bytes that are no text.
#[test]
fn names_that_are_no_text_are_told_apart_and_found() {
    let named = |name: &[u8]| Entry::file([b"n/", name].concat(), 0o644, name);
    let b: Vec<Entry> = [&b"lat\xe9"[..], b"lat\xe8", br"lat\xE9", br"\back"].map(named).to_vec();
    let machine = files(&[], &[&b[..], &[Entry::symlink("l", b"n/lat\xe9")]].concat());
    let names = [r"/n/lat\xE9", r"/n/lat\xE8", r"/n/lat\x5CxE9", r"/n/\back"];
    let bytes: [&[u8]; 4] = [b"lat\xe9", b"lat\xe8", br"lat\xE9", br"\back"];
    let tree = parsed(machine.distil(&["tree", "oci:b:it", "--json", "--type", "file"]));
    let paths: Vec<&str> =
        tree["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    for (name, body) in names.iter().zip(bytes) {
        assert!(paths.contains(name), "{name} is not in {paths:?}");
        let end = name.rsplit('/').next().unwrap();
        has(&machine.distil(&["tree", "oci:b:it"]).good().stdout, &[&format!("── {end}\n")]);
        for words in [
            &["diff", "oci:a:it", "oci:b:it"][..],
            &["history", "oci:b:it", "--files"],
            &["why", "oci:b:it", name],
        ] {
            has(&machine.distil(words).good().stdout, &[name]);
        }
        // As it is shown, and as it is.
        let out = machine.command(&["extract", "oci:b:it", name]).output().unwrap();
        assert_eq!(out.stdout, body, "{name}: {}", String::from_utf8_lossy(&out.stderr));
        let one = parsed(machine.distil(&["tree", "oci:b:it", name, "--json"]));
        assert_eq!((&one["count"], &one["files"][0]["path"]), (&json!(1), &json!(name)));
    }
    let raw = OsStr::from_bytes(b"/n/lat\xe8");
    for verb in ["extract", "why", "tree"] {
        let out = machine.command(&[verb, "oci:b:it"]).arg(raw).output().unwrap();
        assert!(out.status.success(), "{verb}: {}", String::from_utf8_lossy(&out.stderr));
    }
    let out = machine.command(&["extract", "oci:b:it"]).arg(raw).output().unwrap();
    assert_eq!(out.stdout, b"lat\xe8");
    // Through a link, by a name alone, as a glob.
    has(
        &machine.distil(&["why", "oci:b:it", "/l"]).good().stdout,
        &[r"/l is a link to n/lat\xE9", r"/n/lat\xE9: file"],
    );
    has(&machine.distil(&["why", "oci:b:it", r"lat\xe8"]).good().stdout, &[r"/n/lat\xE8: file"]);
    let one = parsed(machine.distil(&["tree", "oci:b:it", "--filter", r"/n/lat\xE8", "--json"]));
    assert_eq!(one["count"], 1);
    machine.distil(&["extract", "oci:b:it", r"/n/lat\xEA"]).fails(3, &[r"cannot find /n/lat\xEA"]);
}

#[test]
fn each_side_may_have_a_platform_of_its_own() {
    let machine = Machine::new();
    crate::foreign::put(&machine, "a", "it", &["linux/amd64", "linux/arm64"]);
    let two = ["--platform", "linux/amd64", "--platform", "linux/arm64"];
    let wanted = ["- oci:a:it (linux/amd64)", "+ oci:a:it (linux/arm64)", "~ platform", "~ /usr/bin/app: "];
    for words in [&["diff", "oci:a:it"][..], &["diff", "oci:a:it", "oci:a:it"]] {
        has(&machine.distil(&[words, &two].concat()).good().stdout, &wanted);
    }
    has(
        &machine.distil(&["diff", "oci:a:it", "--platform", "linux/amd64,linux/arm64"]).good().stdout,
        &wanted,
    );
    let one = machine.distil(&["diff", "oci:a:it", "oci:a:it", "--platform", "linux/arm64"]).good();
    has(&one.stdout, &["- oci:a:it (linux/arm64)", "+ oci:a:it (linux/arm64)", "nothing differs\n"]);
    machine.distil(&["diff", "oci:a:it"]).fails(2, &["nothing to compare it with", "--platform linux/arm64"]);
    machine
        .distil(&[&["diff", "oci:a:it"], &two[..], &["--platform", "linux/arm"]].concat())
        .fails(2, &["cannot compare 3 platforms"]);
}

/// The same package for another architecture is news only where the platform is the same.
#[test]
fn packages_of_two_platforms_are_paired() {
    let package = |name: &str, version: &str, arch: &str| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: {arch}\n\n")
    };
    let put = |machine: &Machine, name: &str, platform: &str, status: String| {
        put_as(
            machine,
            name,
            &[file("var/lib/dpkg/status", &status)],
            json!({ "architecture": platform }),
            json!({}),
        );
    };
    let old =
        package("libc6", "1", "amd64") + &package("zlib1g", "1", "amd64") + &package("gone", "1", "amd64");
    let new =
        package("libc6", "1", "arm64") + &package("zlib1g", "2", "arm64") + &package("new", "1", "arm64");
    for (platform, wanted) in [
        ("arm64", &["packages (1 added, 1 removed, 1 changed)", "~ zlib1g 1 -> 2 (amd64 -> arm64) ("][..]),
        ("amd64", &["packages (1 added, 1 removed, 2 changed)", "~ libc6 1 (amd64 -> arm64) ("]),
    ] {
        let machine = Machine::new();
        put(&machine, "a", "amd64", old.clone());
        put(&machine, "b", platform, new.clone());
        let two = format!("linux/amd64,linux/{platform}");
        has(&diff(&machine, &["--platform", &two]).good().stdout, wanted);
    }
}

#[test]
fn a_long_tree_is_as_ls_prints_it() {
    let machine = files(
        &[
            Entry::dir("open", 0o777).at(1),
            Entry::dir("sticky", 0o1777).at(3),
            Entry::file("suid", 0o4755, "x").at(2).owned(65532, 7),
            with_mode(block("disk", 8, 1), 0o660),
            Entry::symlink("to", "suid"),
        ],
        &[],
    );
    let ran = machine.distil(&["tree", "oci:a:it", "-l"]).good();
    has(
        &ran.stdout,
        &[
            "MODE        UID:GID      SIZE  TIME (UTC)           LAYER  OWNER  PATH\n",
            "drwxrwxrwx      0:0       0 B  1970-01-01 00:00:01      1  -      ├── open/\n",
            "drwxrwxrwt      0:0       0 B  1970-01-01 00:00:03      1  -      ├── sticky/\n",
            "-rwsr-xr-x  65532:7       1 B  1970-01-01 00:00:02      1  -      ├── suid\n",
            "brw-rw----      0:0       8:1  ",
            "lrwxrwxrwx      0:0            ",
        ],
    );
    let ran = machine.distil(&["tree", "oci:a:it", "--sort", "time", "--type", "directory"]).good();
    let (sticky, open) =
        (ran.stdout.find("1970-01-01 00:00:03").unwrap(), ran.stdout.find("1970-01-01 00:00:01").unwrap());
    assert!(sticky < open && !ran.stdout.contains("UID:GID"), "{}", ran.stdout);
    let plain = machine.distil(&["tree", "oci:a:it"]).good().stdout;
    has(&plain, &["disk (block device 8:1)", "suid (mode 4755)"]);
}

/// What Docker's archives do not keep is not known of them, and no difference.
#[test]
fn an_archive_of_docker_has_no_annotations_to_compare() {
    let machine = Machine::new();
    put_as(&machine, "a", &[file("f", "1")], json!({}), json!({ "x": "1" }));
    machine.distil(&["copy", "oci:a:it", "docker-archive:a.tar:a:1"]).good();
    let ran = machine.distil(&["diff", "oci:a:it", "docker-archive:a.tar", "--times", "--exit-code"]).good();
    has(&ran.stdout, &["nothing differs: it is the same image, stored another way\n"]);
}
