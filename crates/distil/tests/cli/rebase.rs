use image::{Layout, Sink, Source, read_small};
use oci::{Descriptor, MediaType, Raw};
use serde_json::{Value, json};
use testkit::registry::{Registry, Setup};
use testkit::tar::{Entry, tar};

use crate::foreign::{layer, put_layers, sound};
use crate::run::Machine;

const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// A base with these files, in a layer each.
fn base(machine: &Machine, name: &str, files: &[(&str, &str)]) {
    put_layers(machine, "in", name, &BOTH, |platform| {
        let mut layers = vec![layer("etc/platform", platform)];
        layers.extend(files.iter().map(|(path, text)| one(path, text)));
        layers
    });
}

/// A layer of one file with this text.
fn one(path: &str, text: &str) -> Vec<u8> {
    let above = path.match_indices('/').map(|(at, _)| Entry::dir(&path[..at], 0o755));
    tar(&above.chain([Entry::file(path, 0o644, text)]).collect::<Vec<_>>())
}

/// Appends a file to an image of the layout.
fn append(machine: &Machine, from: &str, path: &str, text: &str, to: &str) -> String {
    machine.write("work/file", text);
    let file = format!("file:{path}");
    let ran = machine.distil(&[
        "append",
        &format!("oci:in:{from}"),
        "--file",
        &file,
        "-o",
        &format!("oci:in:{to}"),
    ]);
    ran.good().digests().remove(0)
}

fn rebase(machine: &Machine, more: &[&str]) -> crate::run::Ran {
    let words = ["rebase", "oci:in:app", "--new-base", "oci:in:new", "-o", "oci:in:moved"];
    machine.distil(&[&words[..], more].concat())
}

/// What a stale mirror has under a name must not become the next one of that repository.
#[test]
fn what_is_written_home_is_read_there() {
    let (machine, home, mirror) =
        (Machine::new(), Registry::start(Setup::default()), Registry::start(Setup::default()));
    base(&machine, "old", &[("usr/lib/libx", "flawed")]);
    base(&machine, "new", &[("usr/lib/libx", "mended")]);
    append(&machine, "old", "/app/bin", "app", "app");
    append(&machine, "old", "/app/bin", "as it was", "stale");
    let moved = rebase(&machine, &["--old-base", "oci:in:old"]).good().digests();
    let place = |registry: &Registry, tag: &str| format!("docker://{}/acme/app:{tag}", registry.host());
    machine.distil(&["copy", "oci:in:app", &place(&home, "1")]).good();
    machine.distil(&["copy", "oci:in:stale", &place(&mirror, "1")]).good();
    let settings = format!("registries: {{'{}': {{mirrors: ['{}']}}}}\n", home.host(), mirror.host());
    machine.write("work/mirrored.yaml", settings);
    let rebased = |to: &str| {
        let words = ["rebase", "--config", "mirrored.yaml", &place(&home, "1"), "--old-base", "oci:in:old"];
        let ran = machine.distil(&[&words[..], &["--new-base", "oci:in:new", "-o", to]].concat());
        ran.good().digests()
    };
    assert_eq!(rebased(&place(&home, "2")), moved);
    home.check().unwrap();
    // Elsewhere a mirror is as good as any; this one has the image as it was.
    assert_ne!(rebased("oci:in:elsewhere"), moved);
}

#[test]
fn upon_a_patched_base_it_is_what_a_build_there_would_be() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    base(&machine, "old", &[("usr/lib/libx", "flawed"), ("usr/share/x", "same")]);
    base(&machine, "new", &[("usr/lib/libx", "mended"), ("usr/share/x", "same"), ("usr/share/y", "more")]);
    append(&machine, "old", "/app/bin", "app", "app");
    let rebuilt = append(&machine, "new", "/app/bin", "app", "rebuilt");
    let moved = rebase(&machine, &["--old-base", "oci:in:old"]).good().digests();
    assert_eq!(moved, [&*rebuilt]);
    for (image, base) in sound(&machine, "in", "moved").images.iter().zip(sound(&machine, "in", "new").images)
    {
        assert_eq!(image.manifest.layers[..4], base.manifest.layers[..]);
    }
    // From a registry to a registry, the same.
    let name = |tag: &str| format!("{}/acme/app:{tag}", registry.host());
    for tag in ["old", "new", "app"] {
        machine.distil(&["push", &format!("oci:in:{tag}"), &name(tag)]).good();
    }
    let words = [
        "rebase",
        &name("app"),
        "--old-base",
        &name("old"),
        "--new-base",
        &name("new"),
        "-o",
        &name("moved"),
    ];
    assert_eq!(machine.distil(&words).good().digests(), [&*rebuilt]);
    registry.check().unwrap();
}

#[test]
fn accounts_and_certificates_are_joined() {
    let machine = Machine::new();
    let (root, sys, app) = ("root:x:0:0::/:/x\n", "sys:x:3:3::/:/x\n", "app:x:9:9::/:/x\n");
    let ca = "etc/ssl/certs/ca-certificates.crt";
    base(&machine, "old", &[("etc/passwd", root), (ca, "A\n")]);
    base(&machine, "new", &[("etc/passwd", &format!("{root}{sys}")), (ca, "A2\n")]);
    append(&machine, "old", "/etc/passwd", &format!("{root}{app}"), "half");
    append(&machine, "half", &format!("/{ca}"), "A\nOWN\n", "app");
    rebase(&machine, &["--old-base", "oci:in:old"]).good();
    sound(&machine, "in", "moved");
    let file = |path: &str| machine.distil(&["extract", "oci:in:moved", path, "-o", "-"]).good().stdout;
    assert_eq!(file("/etc/passwd"), format!("{root}{sys}{app}"));
    assert_eq!(file(&format!("/{ca}")), "A2\nOWN\n");
    // A number that both gave is nobody's to choose.
    base(&machine, "new", &[("etc/passwd", &format!("{root}other:x:9:9::/:/x\n")), (ca, "A\n")]);
    rebase(&machine, &["--old-base", "oci:in:old"])
        .fails(3, &["/etc/passwd", "`other`", "`app`", "build the image again"]);
}

#[test]
fn what_would_mean_another_thing_is_refused() {
    let machine = Machine::new();
    let refused = |words: &[&str]| rebase(&machine, &["--old-base", "oci:in:old"]).fails(3, words);
    base(&machine, "old", &[("usr/lib/libx", "flawed"), ("etc/ld.so.cache", "1")]);
    append(&machine, "old", "/app/bin", "app", "app");
    base(&machine, "new", &[("usr/lib/libx", "mended"), ("etc/ld.so.cache", "2")]);
    rebase(&machine, &["--old-base", "oci:in:old"]).good();
    append(&machine, "old", "/etc/ld.so.cache", "1 and app", "app");
    refused(&["/etc/ld.so.cache", "the base's changed", "build the image again"]);

    append(&machine, "old", "/srv/data", "x", "app");
    put_layers(&machine, "in", "new", &BOTH, |_| vec![tar(&[Entry::symlink("srv", "usr/srv")])]);
    refused(&["/srv would be another thing", "the new base has something else there"]);

    base(&machine, "other", &[("usr/lib/libx", "another")]);
    rebase(&machine, &["--old-base", "oci:in:other"])
        .fails(3, &["does not stand upon oci:in:other", "layer 2 of the image has the tar sha256:"]);
    rebase(&machine, &[]).fails(2, &["name no base", "--old-base"]);
    put_layers(&machine, "in", "new", &["linux/s390x"], |_| vec![layer("x", "y")]);
    rebase(&machine, &["--old-base", "oci:in:old"]).fails(2, &["linux/amd64", "oci:in:new"]);
}

/// A hard link to a file of the base would be whatever the new base has there, or keep everybody from unpacking.
#[test]
fn a_hard_link_to_a_file_that_changed_is_refused() {
    let machine = Machine::new();
    let file = |path: &str, text: &str, mode| Entry::file(path, mode, text);
    let of = |name: &str, layers: &[&[Entry]]| {
        put_layers(&machine, "in", name, &BOTH, |_| layers.iter().map(|entries| tar(*entries)).collect());
    };
    let rebased = || rebase(&machine, &["--old-base", "oci:in:old"]);
    let old = [file("lib/base", "one", 0o644), Entry::hardlink("lib/second", "lib/base")];
    of("old", &[&old]);
    let own = [Entry::hardlink("lib/hl", "lib/second")];
    let refused = |new: &[Entry], has: &str| {
        of("new", &[new]);
        let why = format!(
            "cannot rebase oci:in:app: /lib/hl would be another thing upon the new base: it is a hard link to the base's \
             /lib/second, where the new base has {has}"
        );
        rebased().fails(3, &[&why, "build the image again upon the new base"]);
        machine.distil(&["inspect", "oci:in:moved"]).fails(3, &["moved"]);
    };
    // One that a later layer takes away must be unpacked all the same.
    let gone = [file("lib/.wh.hl", "", 0o644)];
    for app in [&[&old[..], &own][..], &[&old, &own, &gone]] {
        of("app", app);
        refused(&[file("lib/base", "one", 0o644)], "nothing");
        refused(&[Entry::symlink("lib/second", "base")], "a link");
        refused(&[Entry::dir("lib/second", 0o755)], "a directory");
        refused(&[file("lib/second", "two", 0o644)], "another file");
        refused(&[file("lib/second", "one", 0o4755)], "another file");
    }
    of("app", &[&old, &own]);
    of("new", &[&[file("lib/second", "one", 0o644).at(9), file("lib/more", "x", 0o644)]]);
    let text = || machine.distil(&["extract", "oci:in:moved", "/lib/hl", "-o", "-"]).good().stdout;
    rebased().good();
    assert_eq!(text(), "one");
    // To a file of its own it may.
    of("app", &[&old, &[file("lib/second", "own", 0o644)], &own]);
    of("new", &[&[file("lib/base", "one", 0o644)]]);
    rebased().good();
    assert_eq!(text(), "own");
}

/// Whose place of the new base is this machine's is nobody else's to know, and makes no other image.
#[test]
fn the_base_is_named_as_others_can_ask_for_it() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let upstream = format!("{}/acme/base", registry.host());
    base(&machine, "old", &[("etc/x", "1")]);
    base(&machine, "new", &[("etc/x", "2")]);
    append(&machine, "old", "/app", "app", "app");
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let read = |name: &str| -> Vec<Value> {
        let index: Value = serde_json::from_slice(layout.document(name).unwrap().bytes()).unwrap();
        index["manifests"].as_array().unwrap().clone()
    };
    let manifest = |part: &Value| -> Value {
        let part: Descriptor = serde_json::from_value(part.clone()).unwrap();
        serde_json::from_slice(&read_small(&layout, &part).unwrap()).unwrap()
    };
    let named = "org.opencontainers.image.base.name";
    let pinned = "org.opencontainers.image.base.digest";
    let mut parts = read("app");
    for part in &mut parts {
        let mut manifest = manifest(part);
        manifest["annotations"][named] = json!(format!("{upstream}:old"));
        manifest["annotations"][pinned] = read("old")[0]["digest"].clone();
        let bytes = manifest.to_string().into_bytes();
        let new = Descriptor::of(MediaType::MANIFEST, &bytes);
        layout.put(&new, &mut &bytes[..]).unwrap();
        (part["digest"], part["size"]) = (json!(new.digest), json!(new.size));
        // Builders say it beside the manifest as well, and of the whole image.
        part["annotations"] = manifest["annotations"].clone();
    }
    let of_all = json!({ named: format!("{upstream}:old"), pinned: layout.document("old").unwrap().digest(), "own": "1" });
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::INDEX, "manifests": parts, "annotations": of_all });
    layout.publish("app", &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
    machine.distil(&["copy", "oci:in:new", "oci:elsewhere:7"]).good();
    machine.distil(&["copy", "oci:in:new", "new"]).good();
    machine.distil(&["push", "oci:in:new", &format!("{upstream}:new")]).good();
    let onto = |new: &str| {
        let words = ["rebase", "oci:in:app", "--old-base", "oci:in:old", "--new-base", new];
        let digests = machine.distil(&[&words[..], &["-o", "oci:in:moved"]].concat()).good().digests();
        let moved = layout.document("moved").unwrap();
        let mut whole: Value = serde_json::from_slice(moved.bytes()).unwrap();
        let name = manifest(&read("moved")[0])["annotations"].get(named).cloned();
        for (part, base) in read("moved").iter().zip(read("new")) {
            for annotations in [&manifest(part)["annotations"], &part["annotations"]] {
                assert_eq!(annotations[pinned], base["digest"]);
                assert_eq!(annotations.get(named).cloned(), name);
            }
        }
        let of_all = whole["annotations"].as_object_mut().unwrap();
        assert_eq!(of_all.remove(pinned), Some(json!(layout.document("new").unwrap().digest())));
        assert_eq!(of_all.remove(named), name);
        assert_eq!(whole["annotations"], json!({ "own": "1" }));
        (digests, name)
    };
    let (digest, none) = onto("oci:in:new");
    assert_eq!(none, None);
    assert_eq!(onto("oci:elsewhere:7"), (digest.clone(), None));
    assert_eq!(onto("new"), (digest, None));
    let name = format!("{upstream}:new");
    assert_eq!(onto(&name).1, Some(json!(name)));
    let pinned_name = format!("{name}@{}", layout.document("new").unwrap().digest());
    assert_eq!(onto(&pinned_name).1, Some(json!(name)));
}

/// What an index says the image has from its base, as what its manifests say.
#[test]
fn annotations_of_the_index_are_the_new_bases() {
    let machine = Machine::new();
    base(&machine, "old", &[("etc/x", "1")]);
    base(&machine, "new", &[("etc/x", "2")]);
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let annotated = |name: &str, annotations: Value| {
        let mut index: Value = serde_json::from_slice(layout.document(name).unwrap().bytes()).unwrap();
        index["annotations"] = annotations;
        layout.publish(name, &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
    };
    annotated("old", json!({ "version": "1", "gone": "1" }));
    annotated("new", json!({ "version": "2", "more": "2" }));
    append(&machine, "old", "/app", "app", "app");
    let rebuilt = append(&machine, "new", "/app", "app", "rebuilt");
    assert_eq!(rebase(&machine, &["--old-base", "oci:in:old"]).good().digests(), [rebuilt]);
}

/// Layers of Windows have their files elsewhere.
#[test]
fn images_for_windows_are_refused() {
    let machine = Machine::new();
    let of = |name: &str, files: &[&str]| {
        let layers = |_: &str| files.iter().map(|file| layer(&format!("Files/{file}"), file)).collect();
        put_layers(&machine, "in", name, &["linux/amd64", "windows/amd64"], layers);
    };
    of("old", &["a"]);
    of("new", &["b"]);
    of("app", &["a", "own"]);
    let rebased = |more: &[&str]| rebase(&machine, &[&["--old-base", "oci:in:old"], more].concat());
    for platform in [&[][..], &["--platform", "windows/amd64"]] {
        let said = ["cannot rebase oci:in:app: it has an image for Windows", "--platform linux/amd64"];
        rebased(platform).fails(3, &said);
        machine.distil(&["inspect", "oci:in:moved"]).fails(3, &["moved"]);
    }
    rebased(&["--platform", "linux/amd64"]).good();
}

/// A copy of a base's file in a layer above, as builders leave one where only the mode changed, hides the mended one.
#[test]
fn what_hides_a_changed_file_of_the_base_is_told() {
    let machine = Machine::new();
    let file = |path: &str, text: &str, mode| Entry::file(path, mode, text);
    let of = |name: &str, layers: &[&[Entry]]| {
        put_layers(&machine, "in", name, &BOTH, |_| layers.iter().map(|entries| tar(*entries)).collect());
    };
    let rebased = |new: &[Entry]| {
        of("new", &[new]);
        rebase(&machine, &["--old-base", "oci:in:old"]).good().stderr
    };
    let old = [file("bin/su", "flawed", 0o4755), file("etc/conf", "old", 0o644), file("etc/x", "x", 0o644)];
    of("old", &[&old]);
    let own = [file("bin/su", "flawed", 0o755), file("etc/conf", "own", 0o644), file("etc/app", "a", 0o644)];
    of("app", &[&old, &own]);
    let quiet = |told: &str| assert!(!told.contains("warning"), "{told}");
    quiet(&rebased(&old));
    quiet(&rebased(&[file("bin/su", "flawed", 0o4755), file("etc/conf", "old", 0o644).at(7)]));
    // What the image made of it is not the old base's, and what went is nothing to hide.
    quiet(&rebased(&[file("bin/su", "flawed", 0o711)]));
    let kept = "warning: oci:in:app keeps files of the old base in layers of its own, and the new base has them otherwise \
                or no more: /bin/su; an image built upon the new base would have the new ones";
    let over =
        "warning: oci:in:app has files of its own where the new base's are others than the old one's: /etc/";
    let conf = file("etc/conf", "old", 0o644);
    let told = rebased(&[file("bin/su", "mended", 0o4755), conf.clone()]);
    assert_eq!(told.matches(kept).count(), 1, "once of all platforms: {told}");
    assert!(!told.contains(over), "{told}");
    assert!(rebased(&[conf]).contains(kept));
    let told = rebased(&[old[0].clone(), file("etc/conf", "new", 0o644), file("etc/app", "b", 0o644)]);
    assert!(told.contains(&format!("{over}app, /etc/conf\n")) && !told.contains(kept), "{told}");
    // The same as the image has it by now.
    quiet(&rebased(&[old[0].clone(), file("etc/conf", "own", 0o644), file("etc/app", "a", 0o644)]));
    // Where the new base takes a right away, and the image has it as the old one had.
    of("app", &[&old, &[old[0].clone()]]);
    assert!(rebased(&[file("bin/su", "flawed", 0o755)]).contains(kept));
    let many = |text: &str| (10..22).map(|n| file(&format!("m/{n}"), text, 0o644)).collect::<Vec<_>>();
    of("old", &[&many("a")]);
    of("app", &[&many("a"), &many("own")]);
    let told = rebased(&many("b"));
    assert!(told.contains(": /m/10, /m/11, ") && told.contains("/m/19 and 2 more\n"), "{told}");
}

/// Byte code in a layer above of a source in the base: Python would take the old code for the new.
#[test]
fn byte_code_of_a_source_that_changed_is_refused() {
    let machine = Machine::new();
    let (source, code) = ("usr/lib/python3/six.py", "/usr/lib/python3/__pycache__/six.cpython-313.pyc");
    let rebased = || rebase(&machine, &["--old-base", "oci:in:old"]);
    base(&machine, "old", &[(source, "flawed"), ("usr/lib/python3/other.py", "1")]);
    append(&machine, "old", code, "code of flawed", "app");
    base(&machine, "new", &[(source, "flawed"), ("usr/lib/python3/other.py", "2")]);
    rebased().good();
    base(&machine, "new", &[(source, "mended"), ("usr/lib/python3/other.py", "1")]);
    let words = [code, "byte code of /usr/lib/python3/six.py", "build the image again"];
    rebased().fails(3, &words);
    base(&machine, "new", &[("usr/lib/python3/other.py", "1")]);
    rebased().fails(3, &words);
    // With its source it is the image's own.
    append(&machine, "app", "/usr/lib/python3/six.py", "own", "app");
    base(&machine, "new", &[(source, "mended")]);
    rebased().good();
}

/// Why it is there: the new base's recipe says of what is below.
#[test]
fn the_reasons_of_the_new_base_are_the_results() {
    let machine = Machine::new();
    let archive = crate::append::built(&machine);
    machine.distil(&["append", "app", "--file", "app.yaml:/srv/own", "-o", "mine"]).good();
    machine.write("work/newer.yaml", archive.recipe(&["app", "libz"]) + "environment: {NEWER: 1}\n");
    machine.distil(&["build", "newer.yaml"]).good();
    machine.distil(&["rebase", "mine", "--old-base", "app", "--new-base", "newer", "-o", "moved"]).good();
    let why = |image: &str, what: &str| machine.distil(&["why", image, what]).good().stdout;
    for what in ["app", "/usr/lib/libz.so.1", "/etc/passwd"] {
        let told = why("newer", what);
        assert!(
            told.contains("the recipe asks (newer.yaml:") || told.contains("the rule accounts"),
            "{told}"
        );
        assert_eq!(why("moved", what), told, "{what}");
    }
    assert!(why("mine", "app").contains("app.yaml"), "the image that it was keeps its own");
    let told = why("moved", "/srv/own");
    assert!(told.ends_with("by `distil append`; no package owns it\n"), "{told}");
    // Upon a base that nobody's reasons are known of, there are none.
    std::fs::remove_dir_all(machine.path("data/reasons")).unwrap();
    machine.distil(&["rebase", "mine", "--old-base", "app", "--new-base", "newer", "-o", "unknown"]).good();
    assert!(machine.files("data/reasons").is_empty());
}

/// A paragraph of `status.d`.
fn package(name: &str, version: &str, fields: &str) -> String {
    format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{fields}")
}

/// An image whose own package needs what the base has, and some things that it never had.
#[test]
fn a_base_without_what_a_package_needs_is_refused() {
    let machine = Machine::new();
    let (libz, app) = ("var/lib/dpkg/status.d/libz", "/var/lib/dpkg/status.d/app");
    let upon = |name: &str, packages: &[(&str, String)]| {
        let files: Vec<(&str, &str)> = packages.iter().map(|(path, text)| (*path, text.as_str())).collect();
        base(&machine, name, &files);
    };
    let rebased = || rebase(&machine, &["--old-base", "oci:in:old"]);
    upon("old", &[(libz, package("libz", "1.3-1", "Provides: libz-abi (= 3)\n"))]);
    let needs = "Pre-Depends: libz (>= 1.3)\nDepends: libz-abi (= 3), nothing | never, debconf (>= 1)\n";
    append(&machine, "old", app, &package("app", "1-1", needs), "app");
    upon("new", &[(libz, package("libz", "1.2-1", "Provides: libz-abi (= 3)\n"))]);
    rebased().fails(
        3,
        &[
            "cannot rebase oci:in:app: its package app 1-1 needs `libz (>= 1.3)`, and the new base has libz 1.2-1",
            "upon the old base it has libz 1.3-1",
            "build the image again upon the new base, or name another",
        ],
    );
    upon("new", &[("etc/x", String::new())]);
    rebased().fails(
        3,
        &[
            "needs `libz (>= 1.3)`, and the new base has no libz",
            "needs `libz-abi (= 3)`, and the new base has no libz",
        ],
    );
    upon("new", &[(libz, package("libz", "2.0-1", "Provides: libz-abi (= 4)\n"))]);
    let ran = rebased();
    assert!(!ran.stderr.contains("libz (>= 1.3)"), "{}", ran.stderr);
    ran.fails(3, &["needs `libz-abi (= 3)`, and the new base has libz 2.0-1"]);
    machine.distil(&["inspect", "oci:in:moved"]).fails(3, &["moved"]);
    // Met by something else, and what it never had is no reason.
    let other = package("libz-ng", "2.1-1", "Provides: libz (= 1.3.1), libz-abi (= 3)\n");
    upon("new", &[("var/lib/dpkg/status.d/libz-ng", other)]);
    rebased().good();
    // What the image brings itself it has upon any base.
    let abi = package("libabi", "1", "Provides: libz-abi (= 3)\n");
    append(&machine, "app", "/var/lib/dpkg/status.d/libabi", &abi, "more");
    append(&machine, "more", "/var/lib/dpkg/status.d/libabi", &abi.replace(": 1\n", ": 2\n"), "app");
    upon("new", &[(libz, package("libz", "1.3-2", ""))]);
    rebased().good();
    // But not in another version than the base has by now.
    upon("new", &[(libz, package("libz", "1.3-2", "")), ("var/lib/dpkg/status.d/libabi", abi)]);
    rebased().fails(3, &["the new base has the package libabi by now, in version 1, and the image brings 2"]);
}

/// Packages that cannot be together are not brought together.
#[test]
fn a_base_that_a_package_cannot_be_beside_is_refused() {
    let machine = Machine::new();
    let upon = |name: &str, packages: &[String]| {
        let path = |n: usize| format!("var/lib/dpkg/status.d/p{n}");
        let files: Vec<(String, &String)> =
            packages.iter().enumerate().map(|(n, text)| (path(n), text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, text)| (p.as_str(), text.as_str())).collect();
        base(&machine, name, &files);
    };
    let beside = |packages: &[String]| {
        upon("new", packages);
        rebase(&machine, &["--old-base", "oci:in:old"])
    };
    let libz = package("libz", "1.3-1", "");
    upon("old", std::slice::from_ref(&libz));
    // What it provides itself, and itself of another architecture, it does not exclude (Policy 7.4).
    let says =
        "Provides: mail-agent\nConflicts: libold, mail-agent, app, libarm:arm64\nBreaks: libnew (<< 2)\n";
    append(&machine, "old", "/var/lib/dpkg/status.d/app", &package("app", "1-1", says), "app");
    beside(&[libz.clone(), package("libold", "1-2", "")]).fails(
        3,
        &[
            "cannot rebase oci:in:app: its package app 1-1 excludes `libold`, and the new base has libold 1-2",
            "build the image again upon the new base, or name another that its packages can be beside",
        ],
    );
    machine.distil(&["inspect", "oci:in:moved"]).fails(3, &["moved"]);
    // By version, where one is said; what only provides the name has that version only where it says so (Policy 7.5).
    let told = "its package app 1-1 excludes `libnew (<< 2)`, and the new base has";
    beside(&[package("libnew", "1.9-1", "")]).fails(3, &[&format!("{told} libnew 1.9-1")]);
    beside(&[package("libnew", "2.0-1", "")]).good();
    beside(&[package("newer", "3", "Provides: libnew\n")]).good();
    beside(&[package("newer", "3", "Provides: libnew (= 2)\n")]).good();
    beside(&[package("newer", "3", "Provides: libnew (= 1)\n")]).fails(3, &[&format!("{told} newer 3")]);
    beside(&[package("postfix", "3-1", "Provides: mail-agent\n"), package("libold", "1", "")]).fails(
        3,
        &["excludes `mail-agent`, and the new base has postfix 3-1", "excludes `libold`, and the new base"],
    );
    beside(&[package("app", "1-1", "").replace("amd64", "i386")]).good();
    beside(&[package("libarm", "1", "")]).good();
    beside(&[package("libarm", "1", "").replace("amd64", "arm64")]).fails(3, &["`libarm:arm64`"]);
    // Said by the other one; and packages of the base alone are its maker's to judge.
    let told = "the new base's package libz 2-1 excludes `app (<< 1.5)`, and the image brings app 1-1";
    beside(&[package("libz", "2-1", "Breaks: app (<< 1.5)\n")]).fails(3, &[told]);
    beside(&[package("libz", "2-1", "Breaks: app (<< 1), libx\n"), package("libx", "1", "")]).good();
    // What is together already, in whatever version.
    upon("old", &[libz.clone(), package("libold", "1-1", "")]);
    append(&machine, "old", "/var/lib/dpkg/status.d/app", &package("app", "1-1", says), "app");
    beside(&[libz, package("libold", "1-2", "")]).good();
}

/// Of apk's packages what they need are mostly libraries by their names.
#[test]
fn a_base_without_a_library_of_an_apk_package_is_refused() {
    let machine = Machine::new();
    let database = "lib/apk/db/installed";
    let libz = |version: &str, provides: &str| format!("P:libz\nV:{version}\nA:x86_64\np:{provides}\n\n");
    let old = libz("1.3-r0", "so:libz.so.1=1.3 cmd:zpipe=1.3-r0");
    let app = "P:app\nV:1.0-r0\nA:x86_64\nD:so:libz.so.1 so:libnever.so.1 !other cmd:zpipe\n\n";
    base(&machine, "old", &[(database, &old)]);
    append(&machine, "old", &format!("/{database}"), &format!("{app}{old}"), "app");
    let upon = |installed: &str| {
        base(&machine, "new", &[(database, installed)]);
        rebase(&machine, &["--old-base", "oci:in:old"])
    };
    upon(&libz("2.0-r0", "so:libz.so.2=2.0 cmd:zpipe=2.0-r0")).fails(
        3,
        &[
            "its package app 1.0-r0 needs `so:libz.so.1`, and the new base has libz 2.0-r0",
            "upon the old base it has libz 1.3-r0",
        ],
    );
    upon("").fails(3, &["`so:libz.so.1`, and the new base has no libz", "needs `cmd:zpipe`"]);
    let sound = libz("1.3.1-r0", "so:libz.so.1=1.3.1 cmd:zpipe=1.3.1-r0");
    upon(&sound).good();
    // `!other` among what it needs.
    let other = "P:other\nV:2-r0\nA:x86_64\n\n";
    let told = "its package app 1.0-r0 excludes `!other`, and the new base has other 2-r0";
    upon(&format!("{sound}{other}")).fails(3, &[told, "build the image again upon the new base"]);
    let provides = "P:more\nV:1-r0\nA:x86_64\np:other\n\n";
    upon(&format!("{sound}{provides}")).fails(3, &["excludes `!other`, and the new base has more 1-r0"]);
    let says = |what: &str| format!("P:more\nV:1-r0\nA:x86_64\nD:{what}\n\n{sound}");
    let told = "the new base's package more 1-r0 excludes `!app<1.1`, and the image brings app 1.0-r0";
    upon(&says("!app<1.1")).fails(3, &[told]);
    upon(&says("!app<1.0 !app>1.0-r0 !so:none")).good();
}
