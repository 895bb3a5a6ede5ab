//! Upon images that engines can unpack and no package manager made: built by hand, layer by layer.

use testkit::tar::{Entry, tar};
use testkit::{ApkKey, ApkPackage};

use super::{plain, publish, recipe};
use crate::foreign::put_layers;
use crate::run::Machine;

/// The packages of [`plain`] in a directory, and what an image of `names` of them says that it has.
pub(crate) fn archive(machine: &Machine, packages: Vec<ApkPackage>) {
    publish(&machine.path("work/packages"), packages);
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(1).public_pem());
}

/// The database of an image that has these packages; what each brings is listed.
pub(crate) fn database(packages: &[ApkPackage]) -> String {
    packages.iter().map(|package| package.build(&[]).record("x86_64") + "\n\n").collect::<String>()
}

/// A recipe of these packages upon `oci:base`.
pub(crate) fn upon(machine: &Machine, installed: &str, packages: &[&str]) {
    std::fs::create_dir_all(machine.path("work/indexes/x86_64")).expect("a directory");
    machine.write("work/indexes/x86_64/APKINDEX", installed);
    let text = recipe(&["./packages"], packages, &["made-up-1.rsa.pub"]);
    let below = "contents:\n  baseimage: {image: ./base, apkindex: ./indexes}";
    machine.write("work/app.yaml", text.replace("contents:", below));
}

fn dirs(path: &str) -> Vec<Entry> {
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    above.chain([path]).map(|path| Entry::dir(path, 0o755)).collect()
}

#[test]
fn an_image_below_is_what_engines_unpack() {
    let machine = Machine::new();
    let own = ApkPackage::new("own", "1.0-r0").file("srv/conf/own", 0o644, "1");
    archive(&machine, [plain(), vec![own]].concat());
    let installed = database(&plain()[..1]);
    let first = [
        dirs("lib/apk/db"),
        dirs("usr/share/hello"),
        vec![
            Entry::file("lib/apk/db/installed", 0o644, installed.clone()),
            Entry::file("usr/share/hello/words", 0o644, "hello\n"),
            Entry::dir("srv", 0o755),
            Entry::file("srv/old", 0o644, "1"),
            Entry::file("srv/stays", 0o644, "1"),
        ],
    ]
    .concat();
    let second = vec![
        // Written, and taken away, below a link of this very layer.
        Entry::dir("srv", 0o755),
        Entry::symlink("data", "srv"),
        Entry::dir("data/conf", 0o700),
        Entry::file("data/.wh.old", 0o644, ""),
        // Beside whiteouts of themselves; another name of a file below.
        Entry::hardlink("copy", "usr/share/hello/words"),
        Entry::file(".wh.copy", 0o644, ""),
        Entry::symlink("link", "copy"),
        Entry::file(".wh.link", 0o644, ""),
        Entry::file("twice", 0o644, "1"),
        Entry::file("./twice", 0o600, "22"),
    ];
    put_layers(&machine, "base", "base", &["linux/amd64"], |_| vec![tar(&first), tar(&second)]);
    upon(&machine, &installed, &["hello", "own"]);
    machine.distil(&["build", "app.yaml", "-o", "oci:out:app"]).good().says(&["unsigned base image ./base"]);
    let ran = machine.distil(&["diff", "oci:base:base", "oci:out:app", "--json"]).good();
    let diff: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let files = diff["files"].as_array().expect("files");
    let paths: Vec<&str> = files.iter().filter_map(|f| f["path"].as_str()).collect();
    for (path, there) in
        [("/srv/conf/own", true), ("/usr/bin/hello", true), ("/srv/conf", false), ("/copy", false)]
    {
        assert_eq!(paths.contains(&path), there, "{path} in {paths:?}");
    }
    // The layer has the directory that the file is in as it is below.
    let listed = machine.distil(&["tree", "oci:out:app", "/srv", "--json"]).good().stdout;
    assert!(
        listed.contains("/srv/conf/own") && listed.contains("0700") && !listed.contains("/srv/old"),
        "{listed}"
    );
}

/// An image upon a base that came from a recipe too, put upon a newer build of that: what apk keeps says of both what a
/// build upon the newer base says.
#[test]
fn an_image_upon_another_moves_to_a_newer_one() {
    let machine = Machine::new();
    archive(&machine, plain());
    let key = ["made-up-1.rsa.pub"];
    let base = |packages: &[&str], name: &str| {
        machine.write("work/base.yaml", recipe(&["./packages"], packages, &key));
        machine.distil(&["update", "base.yaml"]).good();
        machine.distil(&["build", "base.yaml", "-o", &format!("oci:{name}:base")]).good();
        let from = format!("oci:{name}:base");
        machine.distil(&["extract", &from, "/lib/apk/db/installed", "-o", "-"]).good().stdout
    };
    let old = base(&["libhello"], "base");
    upon(&machine, &old, &["own"]);
    let own = || {
        ApkPackage::new("own", "1.0-r0").file("srv/own", 0o644, "1").script(".post-install", "#!/bin/sh\n:\n")
    };
    archive(&machine, [plain(), vec![own()]].concat());
    machine.distil(&["build", "app.yaml", "-o", "oci:out:app"]).good();
    // A month later: a newer library, and one more package.
    archive(&machine, [super::later(), vec![own()]].concat());
    base(&["libhello", "other"], "newer");
    let words = [
        "rebase",
        "oci:out:app",
        "--old-base",
        "oci:base:base",
        "--new-base",
        "oci:newer:base",
        "-o",
        "oci:out:moved",
    ];
    machine.distil(&words).good();
    let file = |path: &str| machine.distil(&["extract", "oci:out:moved", path, "-o", "-"]).good().stdout;
    assert_eq!(file("/etc/apk/world"), "libhello\nother\nown\n");
    let database = file("/lib/apk/db/installed");
    let lines: Vec<&str> = database.lines().filter(|l| l.starts_with("P:") || l.starts_with("V:")).collect();
    assert_eq!(lines, ["P:libhello", "V:1.1-r0", "P:other", "V:2.0-r1", "P:own", "V:1.0-r0"]);
    let packages = machine.distil(&["inspect", "oci:out:moved", "--json"]).good().stdout;
    assert!(packages.contains("1.1-r0") && packages.contains("own"), "{packages}");
    assert!(file("/lib/apk/db/scripts.tar").contains("own-1.0-r0"));
    // Why: the image's recipe says of its own package, and the newer base's of the others.
    for (package, recipe) in [("own", "app.yaml"), ("libhello", "base.yaml"), ("other", "base.yaml")] {
        let told = machine.distil(&["why", "oci:out:moved", package]).good().stdout;
        assert!(told.contains(&format!("the recipe asks ({recipe}:")), "{told}");
    }
    // What the newer base has itself by now, and otherwise, is nobody's to choose.
    let newer = ApkPackage::new("own", "1.1-r0").file("srv/own", 0o644, "2");
    archive(&machine, [super::later(), vec![newer]].concat());
    base(&["libhello", "own"], "newer");
    machine.distil(&words).fails(3, &["the package own by now", "build the image again"]);
}
