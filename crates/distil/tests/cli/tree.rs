use testkit::tar::Entry;

use crate::run::Machine;
use crate::somebodys;

/// The paths that a tree names, without what is only on the way to them.
fn paths(words: &[&str]) -> Vec<String> {
    let machine = somebodys::machine();
    let all = [&["tree", "oci:foreign:it", "--json"], words].concat();
    let json: serde_json::Value = serde_json::from_str(&machine.distil(&all).good().stdout).unwrap();
    let rows = json["files"].as_array().unwrap().iter().filter(|r| r["fits"] == true);
    rows.map(|r| r["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn draws_the_tree_with_owners_and_sums() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["tree", "oci:foreign:it", "/usr"]).good();
    let wanted = "    SIZE  LAYER  OWNER  PATH\n    \
        21 B      1  -      /usr/\n     \
        5 B      1  -      ├── bin/\n              \
        1  -      │   ├── ash = /usr/bin/dash\n     \
        5 B      1  dash   │   ├── dash\n              \
        1  dash   │   └── sh -> dash\n    \
        16 B      1  -      └── lib/\n    \
        16 B      1  libc6      └── libc.so.6\n\
        21 B in 4 paths\n";
    assert_eq!(ran.stdout, wanted);
    let ran = machine.distil(&["tree", "oci:foreign:it", "--depth", "1", "--sort", "size"]).good();
    let first: Vec<&str> = ran.stdout.lines().map(|l| l.rsplit(' ').next().unwrap()).collect();
    assert_eq!(first[..4], ["PATH", "/", "var/", "etc/"]);
}

/// A body is counted once, with the name that is asked for.
#[test]
fn a_file_of_several_names_has_its_bytes_wherever_it_is_looked_at() {
    let status = "Package: p\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\n";
    let lower = vec![
        somebodys::file("usr/lib/big", &"z".repeat(1000)),
        Entry::hardlink("var/y", "usr/lib/big"),
        somebodys::file("var/lib/dpkg/status", status),
        somebodys::file("var/lib/dpkg/info/p.list", "/usr\n/usr/lib\n/usr/lib/big\n"),
    ];
    let upper = vec![Entry::hardlink("aaa/x", "usr/lib/big"), Entry::hardlink("aaa/z", "usr/lib/big")];
    let machine = Machine::new();
    somebodys::put(&machine, "links", &[("ADD", lower), ("RUN ln", upper)], &[]);
    let size = |words: &[&str]| {
        let all = [&["tree", "oci:links:it", "--json"], words].concat();
        let json: serde_json::Value = serde_json::from_str(&machine.distil(&all).good().stdout).unwrap();
        json["size"].as_u64().unwrap()
    };
    let database = (status.len() + "/usr\n/usr/lib\n/usr/lib/big\n".len()) as u64;
    for (words, bytes) in [
        (&["/usr"][..], 1000),
        (&["/aaa"], 1000),
        (&["/aaa/x"], 1000),
        (&["/aaa/z"], 1000),
        (&["--package", "p"], 1000),
        (&["--unowned", "--filter", "/aaa/**"], 1000),
        (&["--layer", "2"], 1000),
        (&["--layer", "1"], 1000 + database),
        (&[], 1000 + database),
    ] {
        assert_eq!(size(words), bytes, "{words:?}");
    }
    let drawn = machine.distil(&["tree", "oci:links:it", "/aaa"]).good().stdout;
    assert!(drawn.contains("1.00 kB      2  -      ├── x = /usr/lib/big\n"), "{drawn}");
    assert!(drawn.contains("         2  -      └── z = /usr/lib/big\n"), "{drawn}");
    let json: serde_json::Value = serde_json::from_str(
        &machine.distil(&["inspect", "oci:links:it", "--packages", "--json"]).good().stdout,
    )
    .unwrap();
    assert_eq!(json["packages"][0]["size"], 1000, "{json}");
}

#[test]
fn filters_by_glob_package_layer_kind_and_owner() {
    assert_eq!(paths(&["--filter", "*.so*"]), ["/usr/lib/libc.so.6"]);
    assert_eq!(paths(&["--filter", "/etc/*"]), ["/etc/motd", "/etc/os-release"]);
    assert_eq!(paths(&["--package", "libc6"]), ["/lib", "/usr/lib/libc.so.6"]);
    assert_eq!(paths(&["--layer", "2"]), ["/srv/app"]);
    assert_eq!(paths(&["--layer", "2", "--layer", "3"]), ["/etc/motd", "/srv/app", "/srv/own.conf"]);
    assert_eq!(paths(&["--type", "symlink"]), ["/bin", "/lib", "/usr/bin/sh"]);
    assert_eq!(paths(&["--type", "hardlink"]), ["/usr/bin/ash"]);
    assert_eq!(paths(&["/srv", "--unowned"]), ["/srv/app", "/srv/own.conf"]);
    // A link on the way to the path is followed.
    assert_eq!(paths(&["/lib", "--type", "file"]), ["/usr/lib/libc.so.6"]);
    assert!(paths(&["--filter", "nothing*"]).is_empty());
}

#[test]
fn setuid_is_shown() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["tree", "oci:foreign:it", "/srv"]).good();
    assert!(ran.stdout.contains("app (mode 4755)"), "{}", ran.stdout);
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let machine = somebodys::machine();
    machine
        .distil(&["tree", "oci:foreign:it", "/etc/mot"])
        .fails(3, &["cannot find /etc/mot", "there is /etc/motd"]);
    machine
        .distil(&["tree", "oci:foreign:it", "--package", "libc"])
        .fails(3, &["the package libc", "it has libc6"]);
    machine.distil(&["tree", "oci:foreign:it", "--layer", "4"]).fails(2, &["it has 3 layers"]);
    machine.distil(&["tree", "oci:foreign:it", "--filter", "["]).fails(2, &["cannot use the glob `[`"]);
}

/// A name that ends a line and begins another, and a variable likewise.
#[test]
fn no_name_forges_a_line() {
    let machine = crate::run::Machine::new();
    let evil = "x\n16.5 MB      1  libc6  /usr/bin/\u{1b}[2Jforged";
    let layers = [("RUN x\nforged", vec![somebodys::file(evil, "1"), somebodys::file("b", "2")])];
    somebodys::put(&machine, "evil", &layers, &["A=1\nforged  2", "B\nforged"]);
    somebodys::put(&machine, "none", &[("RUN x", vec![])], &[]);
    for words in [
        &["tree", "oci:evil:it"][..],
        &["inspect", "oci:evil:it"],
        &["history", "oci:evil:it", "--files"],
        &["diff", "oci:none:it", "oci:evil:it"],
        &["diff", "oci:none:it", "oci:evil:it", "--markdown"],
        &["why", "oci:evil:it", &format!("/{evil}")],
    ] {
        let said = machine.distil(words).good().stdout;
        let starts = |l: &str| l.trim_start().starts_with("16.5 MB") || l.trim_start().starts_with("forged");
        assert!(!said.lines().any(starts) && !said.contains('\u{1b}'), "{words:?}: {said}");
    }
}

/// A name with a control character, and one with the text that is shown for it.
#[test]
fn what_is_shown_can_be_typed() {
    let machine = crate::run::Machine::new();
    let names =
        [("d/a\nb", "1", r"/d/a\x0Ab"), (r"d/a\x0Ab", "2", r"/d/a\x5Cx0Ab"), (r"d/a\nb", "3", r"/d/a\nb")];
    let turned = ("d/\u{202e}b", "4", r"/d/\xE2\x80\xAEb");
    let names = names.into_iter().chain([turned]);
    let files = names.clone().map(|(name, body, _)| somebodys::file(name, body)).collect();
    somebodys::put(&machine, "odd", &[("RUN x", files)], &[]);
    let listed = machine.distil(&["tree", "oci:odd:it"]).good().stdout;
    for (_, body, shown) in names {
        let line = shown.trim_start_matches("/d/");
        assert!(listed.lines().any(|l| l.ends_with(&format!(" {line}"))), "no {line} in {listed}");
        assert_eq!(machine.distil(&["extract", "oci:odd:it", shown]).good().stdout, body);
    }
}

#[test]
fn directories_are_found_by_a_glob_too() {
    let machine = somebodys::machine();
    let found = |words: &[&str]| {
        let words = [&["tree", "oci:foreign:it", "--json"][..], words].concat();
        let json: serde_json::Value = serde_json::from_str(&machine.distil(&words).good().stdout).unwrap();
        let fits = |f: &&serde_json::Value| f["fits"] == true;
        let paths = json["files"].as_array().unwrap().iter().filter(fits);
        let paths: Vec<String> = paths.map(|f| f["path"].as_str().unwrap().to_owned()).collect();
        (json["count"].as_u64().unwrap(), paths)
    };
    let bins = ["/bin".to_owned(), "/usr/bin".to_owned()];
    assert_eq!(found(&["--filter", "bin"]), (2, bins.to_vec()));
    assert_eq!(found(&["--filter", "bin", "--type", "directory"]), (1, bins[1..].to_vec()));
    assert_eq!(
        found(&["--filter", "bin", "--package", "dash"]),
        (1, bins[..1].to_vec()),
        "its link alone is dash's"
    );
}
