use crate::run::{Archive, Machine, plain_world};
use crate::somebodys::{self, file};
use image::{Layout, Sink as _, Source as _};
use oci::{Descriptor, MediaType, Raw};
use testkit::tar::Entry;

#[test]
fn shows_what_a_foreign_image_is() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["inspect", "oci:foreign:it"]).good();
    for line in [
        "oci:foreign:it (linux/amd64)",
        "  system     Debian GNU/Linux 13 (trixie)",
        "  made by    BuildKit (history: comment \"buildkit.dockerfile.v0\")",
        "  packages   2 deb in /var/lib/dpkg/status",
        "  env        PATH=/bin",
        "  user       root (none is set)",
        "ADD file:abc in /",
        "dash   0.5.12-12 (amd64)",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["inspect", "oci:foreign:it", "--json"]).good().stdout)
            .unwrap();
    assert_eq!((&json["schema"], &json["system"]["id"]), (&0.into(), &"debian".into()));
    assert_eq!(json["layers"].as_array().unwrap().len(), 3);
    assert_eq!(json["packages"][1]["source"], "glibc");
    // The cache of the build, and the first greeting.
    assert_eq!(json["size"]["hidden"], 16);
}

#[test]
fn a_second_look_needs_no_layer_and_a_damaged_memory_is_made_again() {
    let machine = somebodys::machine();
    let first = machine.distil(&["inspect", "oci:foreign:it", "--json"]).good().stdout;
    let listings = machine.files("cache/derived/listing");
    assert_eq!(listings.len(), 3);
    crate::run::flip(&listings[0]);
    assert_eq!(machine.distil(&["inspect", "oci:foreign:it", "--json"]).good().stdout, first);
    let blobs = machine.files("work/foreign/blobs");
    let is_layer = |p: &&std::path::PathBuf| std::fs::read(p).unwrap().starts_with(&[0x1f, 0x8b]);
    let layers: Vec<_> = blobs.iter().filter(is_layer).collect();
    assert_eq!(layers.len(), 3);
    layers.into_iter().for_each(|layer| std::fs::remove_file(layer).unwrap());
    assert_eq!(machine.distil(&["inspect", "oci:foreign:it", "--json"]).good().stdout, first);
    std::fs::remove_dir_all(machine.path("cache")).unwrap();
    machine
        .distil(&["inspect", "oci:foreign:it"])
        .fails(3, &["cannot look into oci:foreign:it", "cannot find sha256:"]);
}

#[test]
fn damage_is_found_and_named() {
    let machine = Machine::new();
    somebodys::put(&machine, "foreign", &[("one", vec![file("a", "content")])], &[]);
    let blobs = machine.files("work/foreign/blobs");
    for blob in blobs {
        if std::fs::read(&blob).unwrap().starts_with(&[0x1f, 0x8b]) {
            crate::run::flip(&blob);
        }
    }
    machine
        .distil(&["inspect", "oci:foreign:it"])
        .fails(5, &["cannot use the layer sha256:", "its content is"]);
}

#[test]
fn our_own_images_name_their_recipe() {
    let archive = Archive::serve(&plain_world());
    let machine = Machine::new();
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    let json: serde_json::Value =
        serde_json::from_str(&machine.distil(&["inspect", "app", "--json"]).good().stdout).unwrap();
    assert_eq!((&json["maker"]["tool"], &json["maker"]["recipe"]), (&"distil".into(), &"app.yaml".into()));
    assert_eq!(json["size"]["unowned"], 0, "{json}");
    assert_eq!(json["platform"], "linux/amd64");
}

#[test]
fn what_is_not_there_is_named() {
    let machine = somebodys::machine();
    machine.distil(&["inspect", "nothing"]).fails(3, &["cannot find `nothing:latest`"]);
    machine.distil(&["inspect", "oci:foreign:other"]).fails(3, &["other"]);
    machine
        .distil(&["inspect", "oci:foreign:it", "--platform", "linux/arm64"])
        .fails(2, &["cannot find linux/arm64 in oci:foreign:it", "linux/amd64"]);
    let ran = machine.distil(&["inspect", "oci:foreign:it", "--platform", "x"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn what_has_another_name_is_not_hidden() {
    let machine = Machine::new();
    let body = "x".repeat(5000);
    let first = vec![somebodys::file("a", &body), Entry::hardlink("b", "a"), somebodys::file("c", "12345")];
    let layers = |rest: &[&str]| {
        let mut all = vec![("ADD . /", first.clone())];
        all.extend(rest.iter().map(|path| ("RUN rm", vec![somebodys::file(path, "")])));
        all
    };
    for (n, (rest, hidden)) in
        [(&[".wh.a"][..], 0), (&[".wh.a", ".wh.b"], 5000), (&[".wh.a", ".wh.b", ".wh.c"], 5005)]
            .into_iter()
            .enumerate()
    {
        let name = format!("image-{n}");
        somebodys::put(&machine, &name, &layers(rest), &[]);
        let ran = machine.distil(&["inspect", &format!("oci:{name}:it"), "--json"]).good();
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let image = json.get("image").filter(|v| v.is_object()).unwrap_or(&json);
        assert_eq!(image["size"]["hidden"], hidden, "{rest:?}: {}", ran.stdout);
    }
    // Written again, the first is hidden.
    let again = vec![("ADD . /", first.clone()), ("ADD . /", vec![somebodys::file("c", "12345")])];
    somebodys::put(&machine, "again", &again, &[]);
    let ran = machine.distil(&["history", "oci:again:it"]).good();
    assert!(ran.stdout.contains("hides 5 B below"), "{}", ran.stdout);
}

/// No data is never printed as none (P6).
#[test]
fn what_was_not_read_is_not_said_to_be_nothing() {
    let machine = Machine::new();
    let entries = vec![
        somebodys::file("usr/share/rpm/rpmdb.sqlite", "SQLite"),
        somebodys::file("etc/os-release", "ID=fedora\n"),
    ];
    somebodys::put(&machine, "rpm", &[("ADD . /", entries)], &[]);
    let ran = machine.distil(&["inspect", "oci:rpm:it"]).good();
    for line in ["not read: /usr/share/rpm/rpmdb.sqlite (rpm)", "of 2 paths it is not known"] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
    let ran = machine.distil(&["why", "oci:rpm:it", "/etc/os-release"]).good();
    assert!(ran.stdout.contains("whose it is is not known: /usr/share/rpm/rpmdb.sqlite was not read"));
    machine
        .distil(&["tree", "oci:rpm:it", "--unowned"])
        .good()
        .says(&["it is not known whose it is: /usr/share/rpm/rpmdb.sqlite was not read"]);
    // Nor that packages went or came.
    somebodys::put(&machine, "deb", &somebodys::layers(), &[]);
    for (a, b) in [("oci:deb:it", "oci:rpm:it"), ("oci:rpm:it", "oci:deb:it")] {
        let line = "ackages of oci:rpm:it are not compared: /usr/share/rpm/rpmdb.sqlite was not read";
        for words in [&["diff", a, b][..], &["diff", a, b, "--markdown"]] {
            let out = machine.distil(words).good().stdout;
            assert!(out.contains(line), "no `{line}` in {out}");
        }
        let page = machine.distil(&["report", b, "--against", a, "-o", "-"]).good().stdout;
        assert!(page.contains("The packages in /usr/share/rpm/rpmdb.sqlite are not listed"), "{page}");
    }
}

/// As BuildKit lays provenance beside an image.
/// `oci:built:all`: an image with an attestation beside it.
pub(crate) fn attested(machine: &Machine) {
    somebodys::put(machine, "built", &[("ADD . /", vec![file("a", "1")])], &[]);
    let dir = machine.path("work/built");
    let layout = Layout::open(&dir).unwrap();
    let image = layout.document("it").unwrap();
    let put = |kind: MediaType, bytes: &[u8]| {
        let part = Descriptor::of(kind, bytes);
        layout.put(&part, &mut &*bytes).unwrap();
        part
    };
    let config = put(MediaType::CONFIG, b"{}");
    let statement = put(MediaType::new("application/vnd.in-toto+json"), b"{\"_type\":\"x\"}");
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::MANIFEST, "config": config,
        "layers": [{
            "mediaType": statement.media_type, "digest": statement.digest, "size": statement.size,
            "annotations": {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"},
        }],
    });
    let about = put(MediaType::MANIFEST, manifest.to_string().as_bytes());
    let part = Descriptor::of(image.value().media_type(), image.bytes());
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::INDEX,
        "manifests": [
            {"mediaType": part.media_type, "digest": part.digest, "size": part.size,
             "platform": {"os": "linux", "architecture": "amd64"}},
            {"mediaType": about.media_type, "digest": about.digest, "size": about.size,
             "platform": {"os": "unknown", "architecture": "unknown"},
             "annotations": {"vnd.docker.reference.type": "attestation-manifest",
                             "vnd.docker.reference.digest": part.digest}},
        ],
    });
    layout.publish("all", &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
}

#[test]
fn what_is_attested_beside_an_image_is_named() {
    let machine = Machine::new();
    attested(&machine);
    let ran = machine.distil(&["inspect", "oci:built:all"]).good();
    let line = "  attested   https://slsa.dev/provenance/v0.2 (not checked)\n";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    assert!(!machine.distil(&["inspect", "oci:built:it"]).good().stdout.contains("attested"));
}

/// The first is taken, as containerd does; that there was a choice is said.
#[test]
fn two_images_of_one_platform_are_told() {
    let machine = Machine::new();
    somebodys::put(&machine, "pair", &[("ADD . /", vec![file("a", "1")])], &[]);
    let layout = Layout::open(machine.path("work/pair")).unwrap();
    let image = layout.document("it").unwrap();
    let mut other: serde_json::Value = serde_json::from_slice(image.bytes()).unwrap();
    other["annotations"] = serde_json::json!({ "another": "one" });
    let other = other.to_string();
    let part = Descriptor::of(image.value().media_type(), other.as_bytes());
    layout.put(&part, &mut other.as_bytes()).unwrap();
    let entry = |digest: String, size: usize| {
        serde_json::json!({
            "mediaType": MediaType::MANIFEST, "digest": digest, "size": size,
            "platform": { "os": "linux", "architecture": "amd64" },
        })
    };
    let (first, second) = (image.digest().to_string(), part.digest.to_string());
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::INDEX,
        "manifests": [entry(first.clone(), image.bytes().len()), entry(second.clone(), other.len())],
    });
    layout.publish("both", &Raw::read(index.to_string().into_bytes()).unwrap()).unwrap();
    let told = format!("oci:pair:both has several images for linux/amd64: {first} is taken, not {second}");
    for words in [
        &["inspect", "oci:pair:both", "--platform", "linux/amd64"][..],
        &["copy", "oci:pair:both", "oci:one:1", "--platform", "linux/amd64"],
        &[
            "append",
            "oci:pair:both",
            "--file",
            "pair/oci-layout:/x",
            "-o",
            "oci:out:1",
            "--platform",
            "linux/amd64",
        ],
    ] {
        machine.distil(words).good().says(&[&told]);
    }
}
