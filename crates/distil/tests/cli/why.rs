use crate::run::{Archive, Machine, plain_world};
use crate::somebodys;
use serde_json::json;
use testkit::registry::{Registry, Setup};
use testkit::tar::Entry;
use testkit::{Package, World};

#[test]
fn a_path_of_a_foreign_image_is_told_to_the_package() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["why", "oci:foreign:it", "/bin/sh"]).good();
    for line in [
        "/bin is a link to usr/bin",
        "/usr/bin/sh is a link to dash",
        "  layer 1 added it (ADD file:abc in /)",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    let ran = machine.distil(&["why", "oci:foreign:it", "/lib/libc.so.6"]).good();
    for line in [
        "/usr/lib/libc.so.6: file, mode 0755, owner 0:0, 16 B",
        "package libc6 2.41-12 (deb amd64, source glibc): 16 B in 2 paths, layer 1",
        "  needed by\n    dash (libc6 (>= 2.38))",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    // The name alone, and the package's.
    assert_eq!(machine.distil(&["why", "oci:foreign:it", "libc.so.6"]).good().stdout.lines().count(), 5);
    let ran = machine.distil(&["why", "oci:foreign:it", "dash"]).good();
    assert!(ran.stdout.starts_with("package dash 0.5.12-12"), "{}", ran.stdout);
    assert!(ran.stdout.contains("no package of the image says that it needs it"));
    let ran = machine.distil(&["why", "oci:foreign:it", "/srv/own.conf"]).good();
    assert!(ran.stdout.contains("layer 3 added it (COPY own.conf /srv/ # buildkit)\n  no package owns it"));
    let ran = machine.distil(&["why", "oci:foreign:it", "/etc/motd"]).good();
    assert!(ran.stdout.contains("layer 1 added it") && ran.stdout.contains("layer 3 replaced it"));
}

/// A directory is of every package that has it (Policy 6.6), and no single one's.
#[test]
fn a_directory_of_several_packages_names_them() {
    let machine = Machine::new();
    let paragraph = |name: &str, arch: &str| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: {arch}\n\n")
    };
    let list = |of: &str, paths: &str| somebodys::file(&format!("var/lib/dpkg/info/{of}.list"), paths);
    let mut status =
        [("one", "amd64"), ("two", "amd64"), ("two", "i386")].map(|(n, a)| paragraph(n, a)).concat();
    let mut entries = vec![
        Entry::dir("empty", 0o755),
        Entry::dir("both", 0o755),
        Entry::dir("own", 0o755),
        Entry::dir("nobodys", 0o755),
        somebodys::file("full/x", "x"),
        list("one", "/.\n/empty\n/own\n/full\n/full/x\n"),
        list("two:amd64", "/.\n/empty\n/full\n/both\n"),
        list("two:i386", "/.\n/both\n"),
    ];
    for n in 10..32 {
        status += &paragraph(&format!("many{n}"), "all");
        entries.push(list(&format!("many{n}"), "/many\n"));
    }
    entries.extend([Entry::dir("many", 0o755), somebodys::file("var/lib/dpkg/status", &status)]);
    somebodys::put(&machine, "shared", &[("a", entries)], &[]);
    let why = |path: &str| machine.distil(&["why", "oci:shared:it", path]).good().stdout;
    assert!(why("/empty").ends_with("  several packages have it: one, two\n"), "{}", why("/empty"));
    assert!(why("/both").ends_with("  several packages have it: two:amd64, two:i386\n"), "{}", why("/both"));
    assert!(why("/own").contains("package one 1"));
    assert!(why("/nobodys").ends_with("  no package owns it\n"));
    assert!(why("/many").contains(", many29 and 2 more (--json has all)\n"), "{}", why("/many"));
    let full = why("/full");
    assert!(full.ends_with("  below it\n         1  one\n"), "{full}");
    let said = machine.distil(&["why", "oci:shared:it", "/full", "--json"]).good().stdout;
    let said: serde_json::Value = serde_json::from_str(&said).expect("a document");
    assert_eq!(said["path"]["packages"], json!(["one", "two"]));
}

#[test]
fn what_is_not_there_says_whether_it_ever_was() {
    let machine = somebodys::machine();
    machine.distil(&["why", "oci:foreign:it", "/tmp/build/cache"]).fails(
        3,
        &[
            "cannot find /tmp/build/cache in oci:foreign:it: layer 2 deleted it (RUN /bin/sh -c make install # buildkit)",
            "it came with layer 1",
        ],
    );
    machine
        .distil(&["why", "oci:foreign:it", "/etc/modt"])
        .fails(3, &["nothing is there", "there is /etc/motd"]);
    machine
        .distil(&["why", "oci:foreign:it", "dahs"])
        .fails(3, &["cannot find the package dahs", "it has dash"]);
    machine.distil(&["why", "oci:foreign:it", "/opt/motd"]).fails(3, &["there is /etc/motd"]);
}

#[test]
fn ours_is_told_from_the_line_of_the_recipe() {
    let world = World::new()
        .package(Package::new("libbase", "2.41-1").file("/usr/lib/libbase.so.6", "libc"))
        .package(
            Package::new("libz", "1.3-1")
                .depends("libbase (>= 2.0)")
                .file("/usr/lib/libz.so.1.3", "z")
                .symlink("/usr/lib/libz.so.1", "libz.so.1.3"),
        )
        .package(Package::new("app", "1-1").depends("libz").file("/usr/bin/app", "app"));
    let archive = Archive::serve(&world);
    let machine = Machine::new();
    machine.recipe(&archive, &["app"]);
    let line = machine.read("work/app.yaml").lines().position(|l| l.trim() == "- app").unwrap() + 1;
    machine.build().good();
    let ran = machine.distil(&["why", "app", "/usr/lib/libbase.so.6"]).good();
    let wanted = format!(
        "  app 1-1: the recipe asks (app.yaml:{line}: app)\n    needs libz 1.3-1 (libz)\n      needs libbase 2.41-1 (libbase (>= 2.0))\n"
    );
    assert!(ran.stdout.contains(&wanted), "{}", ran.stdout);
    // Only the build knows whose the link is: the image's database lists files with sums.
    let ran = machine.distil(&["tree", "app", "--package", "libz"]).good();
    assert!(ran.stdout.contains("libz.so.1 -> libz.so.1.3"), "{}", ran.stdout);
    let ran = machine.distil(&["why", "app", "/etc/passwd"]).good();
    assert!(ran.stdout.contains("the rule accounts made it"), "{}", ran.stdout);
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["why", "app", "libbase", "--json"]).good().stdout).unwrap();
    assert_eq!(json["package"]["chain"][0]["at"], format!("app.yaml:{line}"));
    assert_eq!(json["package"]["from_build"], true);
}

#[test]
fn reasons_are_kept_beside_the_store_and_not_in_the_image() {
    let archive = Archive::serve(&plain_world());
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    let kept = machine.files("data/reasons");
    assert_eq!(kept.len(), 2, "by manifest and config: {kept:?}");
    for blob in machine.files("data/images") {
        let bytes = std::fs::read(&blob).unwrap();
        let names = bytes.windows(8).any(|w| w == b"app.yaml");
        assert!(!names, "{} names the recipe", blob.display());
    }
    // Without them the image is somebody's, and what it says itself is told.
    std::fs::remove_dir_all(machine.path("data/reasons")).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["why", "app", "hello", "--json"]).good().stdout).unwrap();
    assert_eq!(json["package"]["from_build"], false);
}

/// With the last name that leads to an image its reasons go, unless somebody is about to give one.
#[test]
fn reasons_go_with_the_last_name() {
    let archive = Archive::serve(&plain_world());
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.write("work/other.yaml", machine.read("work/app.yaml") + "environment: {OTHER: 1}\n");
    let reasons = || machine.files("data/reasons").len();
    let told = |image: &str, recipe: &str| {
        let ran = machine.distil(&["why", image, "hello"]).good();
        assert!(ran.stdout.contains(recipe), "{}", ran.stdout);
    };
    machine.build().good();
    machine.distil(&["build", "other.yaml"]).good();
    machine.distil(&["tag", "app", "same"]).good();
    assert_eq!(reasons(), 4);
    let half = machine.path("data/reasons/sha256/.0a.json.1-0.distil-tmp");
    std::fs::write(&half, "{").unwrap();
    machine.distil(&["rm", "app"]).good();
    assert_eq!(reasons(), 4, "it has another name, and the half one went");
    told("same", "app.yaml");
    // Another distil holds the store while it builds the very same image.
    let building = std::fs::File::open(machine.path("data/images/blobs")).unwrap();
    building.lock_shared().unwrap();
    machine.distil(&["rm", "same"]).good().says(&["another distil writes an image"]);
    assert_eq!(reasons(), 4);
    machine.build().good();
    drop(building);
    machine.distil(&["cache", "prune", "--all"]).good();
    assert_eq!(reasons(), 4);
    told("app", "app.yaml");
    machine.distil(&["rm", "app"]).good();
    assert_eq!(reasons(), 2);
    told("other", "other.yaml");
    // An image under a name that another took has none.
    machine.distil(&["tag", "other", "kept"]).good();
    machine.build().good();
    machine.distil(&["tag", "app", "kept"]).good();
    machine.distil(&["rm", "other", "app"]).good();
    assert_eq!(reasons(), 2);
    told("kept", "app.yaml");
    machine.distil(&["rm", "kept"]).good();
    assert_eq!(reasons(), 0);
}

const KIND_OF_REASONS: &str = "application/vnd.distil.reasons.v1+json";

/// Documents of reasons of the first image of a registry, whose bodies are not there. Several: the list is in the order of
/// digests, and some should come before the good one.
fn attach_broken_reasons(registry: &Registry) {
    const KIND: &str = "application/vnd.oci.image.manifest.v1+json";
    let image = registry.manifest("acme/app", "1").expect("an image");
    let top: serde_json::Value = serde_json::from_slice(&image).expect("JSON");
    let about = match top["manifests"].as_array() {
        Some(manifests) => manifests[0].clone(),
        None => {
            json!({ "mediaType": KIND, "digest": oci::Digest::of(&image).to_string(), "size": image.len() })
        }
    };
    let absent =
        json!({ "mediaType": KIND_OF_REASONS, "digest": format!("sha256:{}", "0".repeat(64)), "size": 2 });
    for n in ["1", "2", "3", "4", "5"] {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": KIND, "artifactType": KIND_OF_REASONS,
            "config": absent, "layers": [absent], "subject": about, "annotations": { "n": n },
        });
        let text = manifest.to_string().into_bytes();
        registry.add_manifest("acme/app", &oci::Digest::of(&text).to_string(), KIND, &text);
    }
}

#[test]
fn reasons_that_were_pushed_are_found_on_the_registry() {
    let archive = Archive::serve(&plain_world());
    for fallback in [false, true] {
        let registry = Registry::start(Setup { referrers: !fallback, ..Setup::default() });
        let name = format!("{}/acme/app:1", registry.host());
        let machine = Machine::new();
        machine.recipe(&archive, &["hello"]);
        machine.distil(&["build", "app.yaml", "-t", &name, "--push"]).good();
        if !fallback {
            attach_broken_reasons(&registry);
        }
        machine.distil(&["push", &name, "--reasons"]).good();
        let elsewhere = Machine::new();
        let ran = elsewhere.distil(&["why", &name, "libhello1"]).good();
        for line in ["hello 1.0-1: the recipe asks (app.yaml:", "needs libhello1 1.0-1 (libhello1 (>= 1.0))"]
        {
            assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
        }
    }
    let registry = Registry::start(Setup::default());
    let name = format!("{}/acme/app:1", registry.host());
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["build", "app.yaml", "-t", &name, "--push"]).good();
    // Nothing was attached: the image's own words.
    let ran = Machine::new().distil(&["why", &name, "libhello1"]).good();
    assert!(
        !ran.stdout.contains("app.yaml") && ran.stdout.contains("hello (libhello1 (>= 1.0))"),
        "{}",
        ran.stdout
    );
}

/// An image whose links belong to other packages than what they lead to, and some lead nowhere.
pub(crate) fn linked(machine: &Machine) {
    let entries = vec![
        Entry::file("bin/busybox", 0o755, "#!elf"),
        Entry::symlink("bin/sh", "/bin/busybox"),
        Entry::symlink("etc/mtab", "../proc/mounts"),
        Entry::symlink("loop", "loop"),
        Entry::hardlink("bin/ash", "bin/busybox"),
        somebodys::file(
            "lib/apk/db/installed",
            "P:busybox\nV:1.37-r0\nA:x86_64\nF:bin\nR:busybox\nR:ash\n\n\
             P:busybox-binsh\nV:1.37-r0\nA:x86_64\nD:busybox\nF:bin\nR:sh\n\n\
             P:base\nV:1-r0\nA:x86_64\nD:/bin/sh\nF:etc\nR:mtab\n\n",
        ),
        somebodys::file("etc/apk/world", "base>=1\n!busybox\n"),
    ];
    somebodys::put(machine, "linked", &[("ADD . /", entries)], &[]);
}

#[test]
fn a_link_is_its_own_package_s() {
    let machine = Machine::new();
    linked(&machine);
    let ran = machine.distil(&["why", "oci:linked:it", "/bin/sh"]).good();
    for line in [
        "/bin/sh is a link to /bin/busybox (of busybox-binsh)\n",
        "package busybox 1.37-r0",
        "the link is of\npackage busybox-binsh 1.37-r0",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["why", "oci:linked:it", "/bin/sh", "--json"]).good().stdout)
            .unwrap();
    assert_eq!(json["path"]["followed"][0]["package"], "busybox-binsh");
    assert_eq!(json["package"]["name"], "busybox");
    assert_eq!(json["link_packages"][0]["name"], "busybox-binsh");
    let ran = machine.distil(&["why", "oci:linked:it", "/bin/busybox"]).good();
    assert!(!ran.stdout.contains("the link is of"), "{}", ran.stdout);
}

#[test]
fn a_link_that_leads_nowhere_is_there() {
    let machine = Machine::new();
    linked(&machine);
    let ran = machine.distil(&["why", "oci:linked:it", "/etc/mtab"]).good();
    for line in ["/etc/mtab: symlink to ../proc/mounts, where nothing is, mode 0777", "package base 1-r0"] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    assert!(
        machine.distil(&["why", "oci:linked:it", "/loop"]).good().stdout.contains("/loop: symlink to loop")
    );
    let ran = machine.distil(&["tree", "oci:linked:it", "/etc/mtab"]).good();
    assert!(ran.stdout.contains("mtab -> ../proc/mounts"), "{}", ran.stdout);
    machine
        .distil(&["extract", "oci:linked:it", "/etc/mtab"])
        .fails(3, &["it is a link to ../proc/mounts, and nothing is there", "name the directory"]);
    machine.distil(&["why", "oci:linked:it", "/loop/x"]).fails(3, &["too many levels", "distil tree"]);
    machine.distil(&["why", "oci:linked:it", "/etc/mtab/x"]).fails(3, &["/etc/mtab leads to ../proc/mounts"]);
}

/// Of images that we did not build: what they say themselves.
#[test]
fn what_nobody_needs_may_be_asked_for() {
    let machine = Machine::new();
    linked(&machine);
    let ran = machine.distil(&["why", "oci:linked:it", "base"]).good();
    assert!(ran.stdout.contains("  the image says so (/etc/apk/world: base>=1)\n"), "{}", ran.stdout);
    assert!(!machine.distil(&["why", "oci:linked:it", "busybox"]).good().stdout.contains("world"));
    let status =
        "Package: bash\nStatus: install ok installed\nVersion: 5\nEssential: yes\nArchitecture: amd64\n";
    let entries = vec![somebodys::file("var/lib/dpkg/status", status)];
    somebodys::put(&machine, "essential", &[("ADD . /", entries)], &[]);
    let ran = machine.distil(&["why", "oci:essential:it", "bash"]).good();
    assert!(ran.stdout.contains("  the image says so (Essential: yes)\n"), "{}", ran.stdout);
}

#[test]
fn a_further_name_says_of_what() {
    let machine = Machine::new();
    linked(&machine);
    // The first name, by the alphabet, holds the bytes.
    let first = machine.distil(&["why", "oci:linked:it", "/bin/ash"]).good().stdout;
    let second = machine.distil(&["why", "oci:linked:it", "/bin/busybox"]).good().stdout;
    let told = [first, second].iter().filter(|t| t.contains("hardlink, the same file as /bin/")).count();
    assert_eq!(told, 1);
}

#[test]
fn own_files_are_told_from_the_line_of_the_recipe() {
    let world = World::new()
        .package(Package::new("app", "1-1").file("/usr/bin/app", "app").file("/usr/lib/app/data", "1"));
    let archive = Archive::serve(&world);
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("work/tree/sub")).unwrap();
    machine.write("work/tree/sub/deep.txt", "deep");
    // `packages:` is the last of `contents:`.
    let own = "  files:\n    - {path: /app/x, content: \"hi\"}\n    - {path: /opt/tree, source: tree}\n\
               paths:\n  - {path: /data, type: directory, uid: 65532}\n  \
               - {path: /usr/bin/app, type: permissions, permissions: 0o700}\n";
    machine.write("work/app.yaml", archive.recipe(&["app"]) + own);
    machine.build().good();
    let text = machine.read("work/app.yaml");
    let line = |what: &str| text.lines().position(|l| l.contains(what)).unwrap() + 1;
    for (path, what, says) in [
        ("/app/x", "/app/x", "it is the recipe's own"),
        ("/opt/tree/sub/deep.txt", "/opt/tree", "it is the recipe's own"),
        ("/data", "/data", "it is the recipe's own"),
        ("/usr/bin/app", "/usr/bin/app", "the recipe says how it is"),
    ] {
        let ran = machine.distil(&["why", "app", path]).good();
        let wanted = format!("  {says} (app.yaml:{})\n", line(what));
        assert!(ran.stdout.contains(&wanted), "no `{wanted}` in {}", ran.stdout);
    }
    let ran = machine.distil(&["why", "app", "/usr/lib/app/data"]).good();
    assert!(!ran.stdout.contains("app.yaml") || ran.stdout.contains("the recipe asks"), "{}", ran.stdout);
}
