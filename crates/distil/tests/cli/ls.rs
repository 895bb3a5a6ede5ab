use image::{Layout, Sink as _, Source as _};
use oci::{Descriptor, MediaType, Raw};
use serde_json::json;
use testkit::registry::{Registry, Setup};

use crate::foreign::put;
use crate::run::Machine;

#[test]
fn the_store_a_layout_an_archive_and_a_repository() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup { page: 2, ..Setup::default() }));
    assert_eq!(machine.distil(&["ls"]).good().stdout, "");
    let image = put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    machine.distil(&["copy", "oci:in:1", "base"]).good();
    machine.distil(&["tag", "base", "app:2"]).good();
    let listed = machine.distil(&["ls"]).good().stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("app:2 ") && lines[1].starts_with("base:latest  sha256:"), "{listed}");
    assert!(lines[1].ends_with("2026-01-02  linux/amd64,linux/arm64"), "{listed}");
    assert_eq!(machine.distil(&["ls", "base"]).good().stdout.lines().count(), 1);
    let json = machine.distil(&["ls", "--json"]).good().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["images"][1]["digest"], image.digest);
    assert_eq!(json["images"][1]["created"], "2026-01-02T03:04:05Z");

    machine.distil(&["copy", "base", "oci-archive:x.tar:acme/base:7"]).good();
    assert!(machine.distil(&["ls", "oci-archive:x.tar"]).good().stdout.starts_with("7  sha256:"));
    assert!(machine.distil(&["ls", "oci:in"]).good().stdout.starts_with("1  sha256:"));
    for tag in ["1", "2", "3", "4", "5"] {
        machine.distil(&["push", "base", &format!("{}/acme/base:{tag}", registry.host())]).good();
    }
    let tags = machine.distil(&["ls", &format!("{}/acme/base", registry.host())]).good().stdout;
    assert_eq!(tags.lines().count(), 5, "{tags}");
    assert!(tags.lines().all(|l| l.starts_with(&registry.host())), "{tags}");

    machine.distil(&["ls", "bsae"]).fails(3, &["cannot list bsae"]);
    machine.distil(&["ls", "ghcr.io/a/b:1"]).fails(2, &["distil ls docker://ghcr.io/a/b"]);
    machine.distil(&["ls", "docker-daemon:x"]).fails(2, &["docker images"]);
}

#[test]
fn what_is_not_there_is_said_as_every_verb_says_it() {
    let machine = Machine::new();
    for place in ["oci:nosuch", "oci-archive:nosuch.tar", "docker-archive:nosuch.tar"] {
        let words = [&format!("cannot read {place}"), "nothing is there; look at the path"];
        machine.distil(&["ls", place]).fails(3, &words);
        machine.distil(&["inspect", place]).fails(3, &words);
    }
    // Nobody knows what a store has that cannot be looked at.
    for words in [&["ls"][..], &["inspect", "base"]] {
        let mut command = machine.command(words);
        crate::run::Ran::of(command.env("DISTIL_DATA_DIR", "/dev/null").output().expect("distil runs"))
            .fails(7, &["Not a directory", "--data-dir"]);
    }
    // Whoever begins has no image yet, and types the name that docker takes.
    let hint =
        "an image of Docker Hub is called docker://debian:13, one of an engine docker-daemon:debian:13";
    machine.distil(&["inspect", "debian:13"]).fails(3, &[hint]);
}

/// A config says what it wants of its time; a second line is none.
#[test]
fn what_is_no_time_is_not_shown_as_one() {
    let machine = Machine::new();
    let forged = json!({ "created": "a\nb:1  sha" });
    crate::somebodys::put_as(&machine, "forged", &[], forged, json!({}));
    let listed = machine.distil(&["ls", "oci:forged"]).good().stdout;
    assert_eq!((listed.lines().count(), listed.contains("b:1")), (1, false), "{listed}");
    let listed = machine.distil(&["ls", "oci:forged", "--json"]).good().stdout;
    assert!(!listed.contains("b:1"), "{listed}");
}

/// An index of an index, as some builds of several platforms leave one.
#[test]
fn platforms_of_a_nested_index_are_listed() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    let layout = Layout::open(machine.path("work/in")).unwrap();
    let inner = layout.document("1").unwrap();
    let inner = Descriptor::of(MediaType::INDEX, inner.bytes());
    let outer = json!({ "schemaVersion": 2, "mediaType": MediaType::INDEX, "manifests": [inner] });
    layout.publish("nested", &Raw::read(outer.to_string().into_bytes()).unwrap()).unwrap();
    let listed = machine.distil(&["ls", "oci:in"]).good().stdout;
    let (one, nested) = listed.split_once('\n').unwrap();
    for line in [one, nested.trim_end()] {
        assert!(line.ends_with("2026-01-02  linux/amd64,linux/arm64"), "{listed}");
    }
    assert!(nested.starts_with("nested  sha256:"), "{listed}");
}

/// Layouts of other tools: an entry for each platform and no name, and one tag for several.
#[test]
fn what_is_listed_can_be_typed() {
    const NAME: &str = "org.opencontainers.image.ref.name";
    let machine = Machine::new();
    let image = put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    let hex = image.digest.trim_start_matches("sha256:");
    let platforms = machine.read(&format!("work/in/blobs/sha256/{hex}"));
    machine.write("work/in/index.json", &platforms);
    let mut index: serde_json::Value = serde_json::from_str(&platforms).unwrap();
    let digest = |at: usize| index["manifests"][at]["digest"].as_str().unwrap().to_owned();
    let (first, second) = (digest(0), digest(1));
    let listed = machine.distil(&["ls", "oci:in"]).good().stdout;
    assert!(listed.contains(&first) && listed.contains(&second), "{listed}");
    let arm = ["--platform", "linux/arm64"];
    machine
        .distil(&[&["inspect", "oci:in"], &arm[..]].concat())
        .fails(3, &["cannot choose an image", "2 of its images", &format!("{first}, {second}")]);
    machine.distil(&[&["inspect", &format!("oci:in:{second}")], &arm[..]].concat()).good();
    machine
        .distil(&["copy", &format!("oci:in:{first}"), "oci:in"])
        .fails(3, &["cannot write an image without a name", "oci:DIR:TAG"]);

    for (at, name) in ["docker.io/acme/one:1.0", "docker.io/acme/two:1.0"].iter().enumerate() {
        index["manifests"][at]["annotations"] =
            serde_json::json!({ NAME: "1.0", "io.containerd.image.name": name });
    }
    machine.write("work/in/index.json", index.to_string());
    let listed = machine.distil(&["ls", "oci:in"]).good().stdout;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["docker.io/acme/one:1.0", "docker.io/acme/two:1.0"]);
    machine
        .distil(&["inspect", "oci:in:1.0"])
        .fails(3, &["cannot choose the image `1.0`", &names.join(", ")]);
    for name in names {
        machine.distil(&["inspect", &format!("oci:in:{name}")]).good();
    }
    machine.distil(&["copy", &format!("oci:in:{first}"), "oci:in:1.0"]).good();
    assert_eq!(machine.distil(&["ls", "oci:in"]).good().stdout.lines().count(), 3);
    machine.distil(&["inspect", "oci:in:1.0"]).good();
}

#[test]
fn a_place_cannot_write_lines_of_its_own() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    for tag in ["1", "a\\nghcr.io/acme/base:latest", "../../x", ""] {
        registry.add_manifest("acme/base", tag, "x/y", b"{}");
    }
    let name = format!("{}/acme/base", registry.host());
    let listed = machine.distil(&["ls", &name]).good();
    assert_eq!(listed.stdout, format!("{name}:1\n"));
    assert!(listed.stderr.contains("are no tags"), "{}", listed.stderr);

    put(&machine, "in", "1", &["linux/amd64"]);
    let index = machine.read("work/in/index.json");
    let forged = r#""org.opencontainers.image.ref.name":"x\nsomebody/else:1""#;
    let own = r#""org.opencontainers.image.ref.name":"1""#;
    assert!(index.contains(own), "{index}");
    machine.write("work/in/index.json", index.replace(own, forged));
    let listed = machine.distil(&["ls", "oci:in"]).good();
    assert_eq!(listed.stdout.lines().count(), 1, "{}", listed.stdout);
    assert!(!listed.stdout.contains("somebody"), "{}", listed.stdout);
    assert!(listed.stderr.contains("no name of an image"), "{}", listed.stderr);
}

#[test]
fn a_login_in_a_name_is_not_repeated() {
    let machine = Machine::new();
    let hint = "`distil login localhost:5000` keeps a login; the name is localhost:5000/x";
    for name in [
        "docker://me:SECRET@localhost:5000/x",
        "me:SECRET@localhost:5000/x",
        "https://me:SECRET@localhost:5000/x",
    ] {
        let hints = if name.starts_with("https") {
            &["transport `https`"][..]
        } else {
            &["a name has no login in it", hint]
        };
        for words in [
            &["ls", name][..],
            &["inspect", name],
            &["tag", name, "b"],
            &["copy", "a", name],
            &["push", name],
        ] {
            let ran = machine.distil(words);
            assert!(!ran.stderr.contains("SECRET"), "{words:?}: {}", ran.stderr);
            ran.fails(2, if words[0] == "ls" || words[0] == "inspect" { hints } else { &[] });
        }
    }
}

/// Each hint is typed as it stands; a word in capitals is somebody's own.
#[test]
fn what_is_hinted_can_be_typed() {
    let (machine, registry) =
        (Machine::new(), Registry::start(Setup { deletes_tags: false, ..Setup::default() }));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    let host = registry.host();
    machine.distil(&["copy", "oci:in:1", "base"]).good();
    machine.distil(&["copy", "oci:in:1", &format!("store:{host}/acme/base:1")]).good();
    machine.distil(&["push", &format!("{host}/acme/base:1")]).good();

    // Lists cut digests.
    let cut = &image.digest[..19];
    assert!(machine.distil(&["ls"]).good().stdout.contains(&format!("  {cut}  ")));
    let whole = format!("write the whole digest: {}", image.digest);
    for verb in ["inspect", "ls", "rm"] {
        machine.distil(&[verb, cut]).fails(3, &[&whole]);
    }
    machine.distil(&["tag", "base", cut]).fails(2, &["that is a digest"]);
    machine.distil(&["inspect", &image.digest]).good();
    assert_eq!(machine.distil(&["ls", &image.digest]).good().stdout.lines().count(), 2);
    machine
        .distil(&["inspect", "store:base@sha256:12"])
        .fails(2, &["write the whole digest, as `distil inspect`"]);

    // A registry alone is not listed.
    machine.distil(&["ls", &host]).fails(3, &[&format!("name a repository: {host}/REPOSITORY")]);
    machine.distil(&["pull", &host]).fails(2, &[&format!("`distil pull {host}/REPOSITORY:TAG`")]);
    for words in [&["ls"][..], &["copy", "base"], &["inspect"]] {
        let name = format!("docker://{host}");
        let hint = format!("name one of its repositories: docker://{host}/REPOSITORY");
        machine.distil(&[words, &[&name]].concat()).fails(2, &["names a registry, and no repository", &hint]);
    }
    machine.distil(&["ls", &format!("{host}/acme/base")]).good();
    machine.distil(&["ls", &format!("docker://{host}/acme/base")]).good();

    // What is on a registry is there, and what is not is not hidden behind what it does not do.
    let there = format!("docker://{host}/acme/base");
    let to = format!("distil push {there}:1 REGISTRY/REPOSITORY:TAG");
    machine.distil(&["push", &format!("{there}:1")]).fails(2, &["it is there", &to]);
    machine.distil(&["push", &format!("{there}:1"), &format!("{host}/acme/other:1")]).good();
    let lists = format!("`distil ls {there}` lists its tags");
    machine.distil(&["rm", &format!("{there}:2")]).fails(3, &["no such image", &lists]);
    let by_digest = format!("`distil rm {there}@{}`", image.digest);
    machine.distil(&["rm", &format!("{there}:1")]).fails(4, &[&by_digest]);
    machine.distil(&["rm", &format!("{there}@{}", image.digest)]).good();

    // Names near to it, and places that are not there.
    let near = format!("there is `store:{host}/acme/base:1`");
    machine.distil(&["inspect", &format!("store:{host}/acme/bas:1")]).fails(3, &[&near]);
    machine.distil(&["inspect", &format!("store:{host}/acme/base:1")]).good();
    machine.distil(&["ls", "in"]).fails(3, &["called oci:in"]);
    for place in ["oci:nowhere", "oci-archive:nowhere", "docker-archive:nowhere"] {
        machine.distil(&["ls", place]).fails(3, &[&format!("cannot read {place}"), "nothing is there"]);
    }
}
