use std::os::unix::fs::PermissionsExt;

use image::{Layout, Sink, Source, read_small};
use oci::{Descriptor, MediaType, Raw};
use rootfs::Node;
use serde_json::{Value, json};
use testkit::registry::{Registry, Setup};
use testkit::tar::{Entry, tar};
use testkit::{Compression, Package, World};

use crate::foreign::{put, put_layers, sound};
use crate::run::{Archive, Machine, plain_world};
use crate::somebodys::{self, file};

/// A base whose `/lib` is a link, as Debian's.
fn merged_usr(machine: &Machine) {
    put_layers(machine, "in", "1", &["linux/amd64", "linux/arm64"], |platform| {
        vec![tar(&[
            Entry::symlink("lib", "usr/lib"),
            Entry::dir("usr", 0o755),
            Entry::dir("usr/lib", 0o711),
            Entry::file("usr/lib/platform", 0o644, platform),
        ])]
    });
}

#[test]
fn files_go_where_the_images_links_lead() {
    let machine = Machine::new();
    merged_usr(&machine);
    machine.write("work/app", "#!/bin/true\n");
    std::fs::set_permissions(machine.path("work/app"), PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::create_dir_all(machine.path("work/conf/sub")).unwrap();
    machine.write("work/conf/sub/a.toml", "a = 1\n");
    let words = ["append", "oci:in:1", "--file", "app:/lib/app/", "--file", "conf:/etc/app", "-o"];
    let once = machine.distil(&[&words[..], &["oci:out:1"]].concat()).good().digests();
    let again = machine.distil(&[&words[..], &["oci-archive:again.tar"]].concat()).good().digests();
    assert_eq!(once, again, "the same files give the same digest");
    let valid = sound(&machine, "out", "1");
    assert_eq!(valid.images.len(), 2);
    let before = sound(&machine, "in", "1");
    for (image, old) in valid.images.iter().zip(&before.images) {
        assert_eq!(image.manifest.layers[..1], old.manifest.layers[..]);
        assert_eq!(image.config.config, old.config.config);
        assert_eq!(image.config.history.last().unwrap().created_by.as_deref(), Some("distil append"));
        assert_eq!(image.manifest.annotations, old.manifest.annotations);
        let entry = |path: &str| image.tree.get(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(matches!(&entry("lib").node, Node::Symlink(to) if to == "usr/lib"), "the link stays");
        assert_eq!((entry("usr/lib/app/app").mode, entry("usr/lib/app/app").uid), (0o755, 0));
        assert_eq!(entry("usr/lib").mode, 0o711, "a directory that is there stays as it is");
        assert_eq!(entry("etc/app/sub/a.toml").mode, 0o644);
    }
}

/// What a stale mirror has under a name must not become the next one of that repository.
#[test]
fn what_is_written_home_is_read_there() {
    let (machine, home, mirror) =
        (Machine::new(), Registry::start(Setup::default()), Registry::start(Setup::default()));
    put(&machine, "in", "stale", &["linux/amd64"]);
    put(&machine, "in", "app", &["linux/arm64"]);
    let place = |registry: &Registry, path: &str| format!("docker://{}/acme/{path}", registry.host());
    machine.distil(&["copy", "oci:in:app", &place(&home, "app:1")]).good();
    machine.distil(&["copy", "oci:in:stale", &place(&mirror, "app:1")]).good();
    let settings = format!("registries: {{'{}': {{mirrors: ['{}']}}}}\n", home.host(), mirror.host());
    machine.write("work/mirrored.yaml", settings);
    machine.write("work/file", "more\n");
    let append = |from: &str, to: &str| {
        let words = ["append", "--config", "mirrored.yaml", from, "--file", "file:/etc/file", "-o", to];
        machine.distil(&words).good().digests()
    };
    let (one, other) = (append("oci:in:app", "oci:out:1"), append("oci:in:stale", "oci:out:2"));
    assert_ne!(one, other);
    assert_eq!(append(&place(&home, "app:1"), &place(&home, "app:2")), one);
    home.check().unwrap();
    // Elsewhere a mirror is as good as any.
    assert_eq!(append(&place(&home, "app:1"), "oci:out:3"), other);
}

#[test]
fn an_archive_keeps_its_owners_and_links() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    merged_usr(&machine);
    let archive = tar(&[
        Entry::dir("lib", 0o755),
        Entry::file("lib/a", 0o640, "a").owned(7, 8),
        Entry::hardlink("lib/b", "lib/a"),
        Entry::symlink("lib/c", "a"),
    ]);
    machine.write("work/x.tar.gz", Compression::Gzip.compress(&archive));
    let to = format!("{}/acme/app:1", registry.host());
    machine.distil(&["append", "oci:in:1", "--tar", "x.tar.gz", "-o", &to]).good();
    machine.distil(&["copy", &to, "oci:out:1"]).good();
    let image = &sound(&machine, "out", "1").images[0];
    let a = image.tree.get("usr/lib/a").unwrap();
    assert_eq!((a.mode, a.uid, a.gid), (0o640, 7, 8));
    assert!(image.tree.get("usr/lib/b").is_some() && image.tree.get("usr/lib/c").is_some());
    registry.check().unwrap();
    let words = ["append", "oci:in:1", "--tar", "x.tar.gz", "--owner", "65532", "--platform", "linux/arm64"];
    machine.distil(&[&words[..], &["--compression", "zstd", "-o", "oci:out:2"]].concat()).good();
    let valid = sound(&machine, "out", "2");
    assert_eq!(valid.images.len(), 1);
    let a = valid.images[0].tree.get("usr/lib/a").unwrap();
    assert_eq!((a.uid, a.gid), (65532, 65532));
}

#[test]
fn what_is_hostile_or_cannot_be_is_refused() {
    let machine = Machine::new();
    merged_usr(&machine);
    machine.write("work/app", "x");
    let refused = |entries: &[Entry], word: &str| {
        machine.write("work/x.tar", tar(entries));
        let ran = machine.distil(&["append", "oci:in:1", "--tar", "x.tar", "-o", "oci:out:1"]);
        ran.fails(3, &["x.tar", word]);
        assert!(!machine.path("work/out").exists());
    };
    refused(&[Entry::file("../x", 0o644, "")], "member");
    refused(&[Entry::file("/etc/../../x", 0o644, "")], "member");
    refused(&[Entry::file("usr/.wh.lib", 0o644, "")], "would take a file of the image away");
    refused(&[Entry::char_device("dev", 1, 3)], "a device or a pipe");
    refused(&[Entry::hardlink("x", "nothing")], "x");
    refused(&[Entry::file("x", 0o644, "").claims(1 << 40)], "cannot");
    let append = |words: &[&str], code: i32, said: &[&str]| {
        machine.distil(&[&["append", "oci:in:1", "-o", "oci:out:1"], words].concat()).fails(code, said);
    };
    append(&["--file", "app:/usr"], 3, &["cannot append /usr: a directory is there", "distil tree"]);
    append(&["--file", "app:/usr/lib/platform/x"], 3, &["no directory"]);
    append(&["--file", "app"], 2, &["no path in the image", "--file app:/opt/app"]);
    append(&["--file", "app:/../x"], 2, &["no path of a file in an image"]);
    append(&["--file", "nothing:/x"], 3, &["cannot read nothing"]);
    append(&["--file", "app:/x", "--owner", "me"], 2, &["images have numbers"]);
    put(&machine, "other", "1", &["linux/amd64"]);
    let words = ["append", "oci:other:1", "--file", "app:/x", "--platform", "linux/s390x", "-o", "y"];
    machine.distil(&words).fails(2, &["cannot find linux/s390x"]);
}

/// A name that begins with `.wh.` says of a lower layer's file that it is gone, whoever brings it.
#[test]
fn no_file_takes_one_of_the_image_away() {
    let machine = Machine::new();
    merged_usr(&machine);
    for path in ["work/app", "work/.wh.app", "work/conf/sub/.wh.platform"] {
        std::fs::create_dir_all(machine.path(path).parent().unwrap()).unwrap();
        machine.write(path, "x");
    }
    let refused = |file: &str, code: i32, said: &[&str]| {
        machine.distil(&["append", "oci:in:1", "-o", "oci:out:1", "--file", file]).fails(code, said);
        assert!(!machine.path("work/out").exists(), "{file}");
    };
    let why = "that name would take a file of the image away";
    let names =
        ["/usr/lib/.wh.platform", "/usr/.wh..wh..opq", "/.wh.usr", "/lib/.wh.platform/", "/.wh.usr/x"];
    for name in names {
        refused(&format!("app:{name}"), 2, &["cannot append app as `/", why, "write --file app:/opt/app"]);
    }
    refused(".wh.app:/usr/", 2, &["cannot append .wh.app as `/usr/`", why, "write --file .wh.app:/opt/app"]);
    let member =
        "cannot append conf: member `sub/.wh.platform`: its name would take a file of the image away";
    refused("conf:/usr", 3, &[member, "leave it out of the directory"]);
    // Only the beginning of a name says that.
    machine.distil(&["append", "oci:in:1", "-o", "oci:out:1", "--file", "app:/usr/x.wh.y"]).good();
}

/// What descriptors embed is the content of their digests: of what is another now it goes, the rest stays.
#[test]
fn nothing_embedded_of_the_old_documents_stays() {
    let machine = Machine::new();
    merged_usr(&machine);
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let mut index: Value = serde_json::from_slice(layout.document("1").unwrap().bytes()).unwrap();
    let urls = json!(["https://example.com/of-the-old"]);
    for part in index["manifests"].as_array_mut().unwrap() {
        let old: Descriptor = serde_json::from_value(part.clone()).unwrap();
        let mut manifest: Value = serde_json::from_slice(&read_small(&layout, &old).unwrap()).unwrap();
        manifest["config"]["data"] = json!("b2xk");
        manifest["config"]["urls"] = urls.clone();
        manifest["layers"][0]["urls"] = urls.clone();
        let bytes = manifest.to_string().into_bytes();
        let new = Descriptor::of(MediaType::MANIFEST, &bytes);
        layout.put(&new, &mut &bytes[..]).unwrap();
        (part["digest"], part["size"]) = (json!(new.digest), json!(new.size));
        (part["data"], part["urls"]) = (json!("b2xk"), urls.clone());
    }
    layout.publish("base", &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
    machine.write("work/app", "x");
    machine.distil(&["append", "oci:in:base", "--file", "app:/x", "-o", "oci:in:app"]).good();
    let words = ["rebase", "oci:in:app", "--old-base", "oci:in:base", "--new-base", "oci:in:1"];
    machine.distil(&[&words[..], &["-o", "oci:in:moved"]].concat()).good();
    for name in ["app", "moved"] {
        let index: Value = serde_json::from_slice(layout.document(name).unwrap().bytes()).unwrap();
        for part in index["manifests"].as_array().unwrap() {
            assert!(part.get("data").is_none() && part.get("urls").is_none(), "{part}");
            assert!(part["platform"].is_object(), "{part}");
            let of: Descriptor = serde_json::from_value(part.clone()).unwrap();
            let manifest: Value = serde_json::from_slice(&read_small(&layout, &of).unwrap()).unwrap();
            let config = &manifest["config"];
            assert!(config.get("data").is_none() && config.get("urls").is_none(), "{config}");
            if name == "app" {
                assert_eq!(manifest["layers"][0]["urls"], urls, "of what is the same it stays");
            }
        }
    }
}

/// Layers of Windows have their files elsewhere.
#[test]
fn images_for_windows_are_refused() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64", "windows/amd64"]);
    machine.write("work/app", "x");
    let append = |platform: &[&str]| {
        let words = ["append", "oci:in:1", "--file", "app:/x", "-o", "oci:out:1"];
        machine.distil(&[&words[..], platform].concat())
    };
    for platform in [&[][..], &["--platform", "windows/amd64"]] {
        let said = ["cannot append to oci:in:1: it has an image for Windows", "--platform linux/amd64"];
        append(platform).fails(3, &said);
        assert!(!machine.path("work/out").exists());
    }
    append(&["--platform", "linux/amd64"]).good();
}

/// An image `app` of two layers: packages, a link of one of them, and two files of the recipe's.
pub(crate) fn built(machine: &Machine) -> Archive {
    let world = World::new()
        .package(
            Package::new("libz", "1.3-1")
                .file("/usr/lib/libz.so.1.3", "z")
                .symlink("/usr/lib/libz.so.1", "libz.so.1.3"),
        )
        .package(Package::new("app", "1-1").depends("libz (>= 1.0)").file("/usr/bin/app", "app"));
    let archive = Archive::serve(&world);
    let own = "  files:\n    - {path: /own/x, content: x}\n    - {path: /own/y, content: y}\n";
    machine.write("work/app.yaml", archive.recipe(&["app"]) + own);
    machine.build().good();
    archive
}

/// What `why` says of a path or package of an image.
fn why(machine: &Machine, image: &str, what: &str) -> String {
    machine.distil(&["why", image, what]).good().stdout
}

#[test]
fn the_reasons_of_what_is_below_are_kept() {
    let machine = Machine::new();
    let _archive = built(&machine);
    machine.write("work/new", "new");
    machine.distil(&["append", "app", "--file", "new:/srv/new", "-o", "more"]).good();
    machine.distil(&["append", "more", "--file", "new:/srv/newer", "-o", "oci:out:2"]).good();
    for image in ["more", "oci:out:2"] {
        for what in ["libz", "/usr/lib/libz.so.1", "/usr/bin/app", "/etc/passwd", "/own/x"] {
            let told = why(&machine, "app", what);
            assert!(
                told.contains("the recipe asks (app.yaml:")
                    || told.contains("  it is the recipe's own (app.yaml:")
                    || told.contains("the rule accounts made it"),
                "{told}"
            );
            assert_eq!(why(&machine, image, what), told, "{image} {what}");
        }
    }
    let told = why(&machine, "oci:out:2", "/srv/new");
    let line = "  layer 3 added it (distil append)\n  it came with layer 3, by `distil append`; no package owns it\n";
    assert!(told.ends_with(line), "{told}");
    // They are its own: the base may go.
    machine.distil(&["rm", "app"]).good();
    assert!(why(&machine, "more", "libz").contains("needs libz 1.3-1 (libz (>= 1.0))"));
}

#[test]
fn what_it_replaced_is_nobody_elses_any_more() {
    let machine = Machine::new();
    let _archive = built(&machine);
    let paths = ["/usr/lib/libz.so.1.3", "/usr/lib/libz.so.1", "/etc/passwd", "/own/x"];
    machine.write("work/new", "new");
    machine.write("work/same", "app");
    let files: Vec<String> = paths.iter().map(|path| format!("new:{path}")).collect();
    let files = files.iter().map(String::as_str).chain(["same:/usr/bin/app"]).flat_map(|f| ["--file", f]);
    machine.distil(&[&["append", "app", "-o", "more"][..], &files.collect::<Vec<_>>()].concat()).good();
    let instead = |path: &str, of: &str| {
        let told = why(&machine, "more", path);
        let line = format!(
            "  layer 3 replaced it (distil append)\n  it came with layer 3, by `distil append`, in place of {of}\n"
        );
        assert!(told.ends_with(&line), "no `{line}` in {told}");
    };
    instead(paths[0], "what libz has there");
    instead(paths[1], "what libz has there");
    instead(paths[2], "what the rule accounts made");
    instead(paths[3], "the recipe's own");
    assert!(why(&machine, "more", "/own/y").contains("  it is the recipe's own (app.yaml:"));
    // The same bytes are the package's still.
    let told = why(&machine, "more", "/usr/bin/app");
    assert!(told.contains("  layer 3 touched it (distil append)\npackage app 1-1"), "{told}");
    let listed = machine.distil(&["tree", "more", "--package", "libz"]);
    assert!(!listed.stdout.contains("libz.so"), "{}", listed.stdout);
    let unowned = machine.distil(&["tree", "more", "--unowned"]).good().stdout;
    assert!(unowned.contains("libz.so.1.3") && unowned.contains("passwd"), "{unowned}");
    assert!(
        why(&machine, "more", "libz")
            .starts_with("package libz 1.3-1 (deb amd64): 0 B in 0 paths, layer 1\n")
    );
}

/// A package that the layer brings in another version is not the one that the build had.
#[test]
fn reasons_are_told_of_the_version_that_they_are_of() {
    let machine = Machine::new();
    let _archive = built(&machine);
    let newer = "Package: libz\nStatus: install ok installed\nVersion: 1.4-1\nArchitecture: amd64\n";
    machine.write("work/x.tar", tar(&[file("var/lib/dpkg/status.d/libz", newer)]));
    machine.distil(&["append", "app", "--tar", "x.tar", "-o", "more"]).good();
    let told = why(&machine, "more", "libz");
    assert!(told.contains("package libz 1.4-1") && !told.contains("the recipe asks"), "{told}");
    assert!(told.contains("    app (libz (>= 1.0))"), "{told}");
    assert!(why(&machine, "more", "app").contains("app 1-1: the recipe asks (app.yaml:"));
}

/// Of images that nobody's reasons are known of, the database says whose a path was; a package that came with the
/// layer has its own, and what other layers do is left to the database.
#[test]
fn databases_of_images_of_others_are_not_believed_of_it() {
    let machine = somebodys::machine();
    let extra = "Package: extra\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    let sums = "00000000000000000000000000000000  usr/lib/libc.so.6\n";
    let entries = [
        file("usr/bin/dash", "another"),
        file("usr/lib/libc.so.6", "of extra"),
        file("var/lib/dpkg/status.d/extra", extra),
        file("var/lib/dpkg/status.d/extra.md5sums", sums),
    ];
    machine.write("work/x.tar", tar(&entries));
    machine.distil(&["append", "oci:foreign:it", "--tar", "x.tar", "-o", "oci:out:1"]).good();
    let told = why(&machine, "oci:out:1", "/bin/dash");
    let line = "  it came with layer 4, by `distil append`, in place of what dash has there\n";
    assert!(told.ends_with(line), "{told}");
    let told = why(&machine, "oci:out:1", "/lib/libc.so.6");
    assert!(told.contains("layer 4 replaced it") && told.contains("\npackage extra 1"), "{told}");
    // Where a database is not read, nobody knows whose the path was.
    somebodys::put(&machine, "rpm", &[("ADD", vec![file("var/lib/rpm/rpmdb.sqlite", "SQLite")])], &[]);
    machine.write("work/y.tar", tar(&[file("etc/y", "y")]));
    machine.distil(&["append", "oci:rpm:it", "--tar", "y.tar", "-o", "oci:out:2"]).good();
    let told = why(&machine, "oci:out:2", "/etc/y");
    assert!(told.contains("whose was there is not known: /var/lib/rpm/rpmdb.sqlite was not read"), "{told}");
    let by_hand =
        [("ADD", somebodys::layers().remove(0).1), ("COPY dash", vec![file("usr/bin/dash", "own")])];
    somebodys::put(&machine, "copied", &by_hand, &[]);
    let told = why(&machine, "oci:copied:it", "/bin/dash");
    assert!(told.contains("  layer 2 replaced it (COPY dash)\npackage dash"), "{told}");
}

/// Reasons that somebody attached to the base on a registry are the result's too, and can be attached to that.
#[test]
fn reasons_on_a_registry_are_kept_as_well() {
    let (archive, registry) = (Archive::serve(&plain_world()), Registry::start(Setup::default()));
    let (base, more) =
        (format!("{}/acme/base:1", registry.host()), format!("{}/acme/more:1", registry.host()));
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.distil(&["build", "app.yaml", "-t", &base, "--push"]).good();
    machine.distil(&["push", &base, "--reasons"]).good();
    let elsewhere = Machine::new();
    elsewhere.write("work/new", "new");
    elsewhere.distil(&["append", &format!("docker://{base}"), "--file", "new:/srv/new", "-o", "more"]).good();
    let told = why(&elsewhere, "more", "libhello1");
    assert!(told.contains("hello 1.0-1: the recipe asks (app.yaml:"), "{told}");
    elsewhere.distil(&["push", "more", &more, "--reasons"]).good();
    assert_eq!(why(&Machine::new(), &more, "libhello1"), told);
    // They are told of the whole image alone, wherever they are.
    let part = Machine::new().distil(&["why", &more, "libhello1", "--up-to-layer", "2"]).good().stdout;
    assert!(part.contains("package libhello1") && !part.contains("app.yaml"), "{part}");
}

/// An image with nothing in it, as Go's programs write one: its lists are `null`, or not there.
#[test]
fn the_first_layer_of_an_empty_image() {
    let machine = Machine::new();
    let layout = Layout::create(machine.path("work/in")).unwrap();
    let config =
        json!({ "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers" } });
    let config = config.to_string().into_bytes();
    let part = Descriptor::of(MediaType::CONFIG, &config);
    layout.put(&part, &mut &config[..]).unwrap();
    let manifest =
        json!({ "schemaVersion": 2, "mediaType": MediaType::MANIFEST, "config": part, "layers": null });
    layout.publish("1", &Raw::read(manifest.to_string().into_bytes()).unwrap()).unwrap();
    machine.write("work/own", "own\n");
    machine.distil(&["append", "oci:in:1", "--file", "own:/etc/own", "-o", "oci:out:1"]).good();
    sound(&machine, "out", "1");
    assert_eq!(machine.distil(&["extract", "oci:out:1", "/etc/own"]).good().stdout, "own\n");
    let told = machine.distil(&["history", "oci:out:1"]).good().stdout;
    assert!(told.contains("distil append"), "{told}");
}
