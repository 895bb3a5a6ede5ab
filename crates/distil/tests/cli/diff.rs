use crate::run::Machine;
use crate::somebodys::{self, file};
use testkit::tar::Entry;

fn two() -> Machine {
    let machine = somebodys::machine();
    let mut other = somebodys::layers();
    let status = "Package: dash\nStatus: install ok installed\nVersion: 0.5.13-1\nArchitecture: amd64\n\n\
        Package: new\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    other.push((
        "RUN apt-get upgrade # buildkit",
        vec![
            file("var/lib/dpkg/status", status),
            Entry::file("usr/bin/dash", 0o755, "#!elf 2"),
            Entry::file("srv/app", 0o755, "the application").owned(7, 8),
            file("srv/.wh.own.conf", ""),
            Entry::symlink("usr/bin/sh", "ash"),
        ],
    ));
    somebodys::put(&machine, "other", &other, &["PATH=/usr/bin", "NEW=1"]);
    machine
}

#[test]
fn tells_config_packages_and_files() {
    let machine = two();
    let ran = machine.distil(&["diff", "oci:foreign:it", "oci:other:it"]).good();
    for line in [
        "; 3 layers shared",
        "  + env NEW\n      + NEW=1",
        "  ~ env PATH\n      - PATH=/bin\n      + PATH=/usr/bin",
        "packages (1 added, 1 removed, 1 changed)",
        "  ~ dash 0.5.12-12 -> 0.5.13-1 (",
        "  - libc6 2.41-12 (",
        "  + new 1 (",
        "  ~ /srv/app: mode 4755 -> 0755, owner 0:0 -> 7:8",
        "  - /srv/own.conf (4 B, mode 0644)",
        "  ~ /usr/bin/dash: 5 B -> 7 B, another name of /usr/bin/ash -> a file of its own of 7 B",
        "  ~ /usr/bin/sh: -> ash instead of dash",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    // The other name of the file is still the old one.
    assert!(!ran.stdout.contains("~ /usr/bin/ash"), "{}", ran.stdout);
}

#[test]
fn the_exit_code_is_asked_for() {
    let machine = two();
    let exit = |words: &[&str]| machine.distil(&[&["diff"], words].concat()).code;
    assert_eq!(exit(&["oci:foreign:it", "oci:other:it"]), Some(0));
    assert_eq!(exit(&["oci:foreign:it", "oci:other:it", "--exit-code"]), Some(1));
    assert_eq!(exit(&["oci:foreign:it", "oci:foreign:it", "--exit-code"]), Some(0));
    let ran = machine.distil(&["diff", "oci:foreign:it", "oci:foreign:it"]).good();
    assert!(ran.stdout.ends_with("nothing differs\n"), "{}", ran.stdout);
}

#[test]
fn json_and_markdown() {
    let machine = two();
    let ran = machine.distil(&["diff", "oci:foreign:it", "oci:other:it", "--json"]).good();
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&json["schema"], &json["same"]), (&0.into(), &false.into()));
    let app = json["files"].as_array().unwrap().iter().find(|f| f["path"] == "/srv/app").unwrap();
    assert_eq!(app["aspects"], serde_json::json!(["mode", "owner"]));
    let ran = machine.distil(&["diff", "oci:foreign:it", "oci:other:it", "--markdown"]).good();
    assert!(ran.stdout.contains("| dash | `0.5.12-12` | `0.5.13-1` |"), "{}", ran.stdout);
    assert!(ran.stdout.contains("<details><summary>Files: "), "{}", ran.stdout);
    let ran = machine.distil(&["diff", "oci:foreign:it", "oci:other:it", "--markdown", "--json"]);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn times_count_only_where_they_are_asked_for() {
    let machine = Machine::new();
    somebodys::put(&machine, "a", &[("x", vec![file("f", "1").at(1)])], &[]);
    somebodys::put(&machine, "b", &[("x", vec![file("f", "1").at(2)])], &[]);
    let same = machine.distil(&["diff", "oci:a:it", "oci:b:it", "--exit-code"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    let times = machine.distil(&["diff", "oci:a:it", "oci:b:it", "--exit-code", "--times"]);
    assert_eq!(times.code, Some(1));
    assert!(times.stdout.contains("~ /f: time 1 -> 2"), "{}", times.stdout);
}
