//! Images into containerd, kind and k3d, whose commands are fakes that note what they are told. (A real
//! containerd is in `tests/real`.)

use std::path::Path;

use image::{DockerArchive, Source};

use testkit::registry::{Registry, Setup};

use crate::foreign::put;
use crate::run::{Archive, Machine, plain_world};

/// Notes its words, its standard input, and the file among its words, which goes when it ends.
const NOTES: &str = r#"#!/bin/sh
name=$(basename "$0")
echo "$@" >> "$HOME/$name.words"
case $name in ctr) cat > "$HOME/$name.tar";; *) cp "$3" "$HOME/$name.tar";; esac
"#;

fn machine() -> (Machine, Archive) {
    let (machine, archive) = (with_commands(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    (machine, archive)
}

fn with_commands() -> Machine {
    let machine = Machine::new();
    for name in ["ctr", "kind", "k3d"] {
        machine.program(name, NOTES);
    }
    machine
}

/// The names in an archive, and the digest of its image's config.
fn inside(file: &Path) -> (Vec<String>, String) {
    let archive = DockerArchive::open(file).expect("a whole archive");
    let names = archive.names();
    match archive.document(&names[0]).expect("an image").value() {
        image::Document::Manifest(manifest) => (names, manifest.config.digest.to_string()),
        image::Document::Index(_) => panic!("an index in a docker archive"),
    }
}

#[test]
fn commands_are_given_the_image() {
    if !cfg!(target_arch = "x86_64") {
        testkit::skip!("the made-up packages are for amd64");
    }
    let (machine, _archive) = machine();
    let words =
        ["build", "app.yaml", "-t", "acme/app:1", "--load=kind", "--load=k3d:dev", "--load=containerd"];
    let ran = machine.distil(&words).good();
    for place in ["into kind as", "into the k3d cluster dev as", "into containerd's namespace k8s.io as"] {
        assert!(ran.stderr.contains(place), "{place}: {}", ran.stderr);
    }
    assert_eq!(machine.read("home/ctr.words"), "--namespace k8s.io images import -\n");
    let kind = machine.read("home/kind.words");
    assert!(kind.starts_with("load image-archive /") && !kind.contains("--name"), "{kind}");
    let k3d = machine.read("home/k3d.words");
    assert!(k3d.starts_with("image import /") && k3d.ends_with(" --cluster dev\n"), "{k3d}");
    for program in ["ctr", "kind", "k3d"] {
        let (names, id) = inside(&machine.path(&format!("home/{program}.tar")));
        assert_eq!(names, ["acme/app:1"]);
        assert!(ran.stdout.contains(&format!("acme/app:1 {id}\n")), "{id}: {}", ran.stdout);
    }
    // The file was there for the command alone.
    let left = machine.files("cache/saved");
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    // What was built is built; it is loaded again without being made again.
    machine.distil(&["build", "app.yaml", "-t", "acme/app:1", "--load=kind:dev", "--frozen"]).good();
    assert!(machine.read("home/kind.words").ends_with(" --name dev\n"));
}

/// What nobody built here goes the same way, from wherever it is.
#[test]
fn an_image_from_anywhere_is_given_to_commands() {
    let (machine, registry) = (with_commands(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    let there = format!("{}/acme/there:2", registry.host());
    machine.distil(&["copy", "oci:in:1", &there]).good();
    machine.distil(&["copy", "oci:in:1", "acme/stored:1"]).good();
    let saved = ["copy", "oci:in:1", "docker-archive:saved.tar:acme/saved:3", "--platform", "linux/arm64"];
    machine.distil(&saved).good();
    // Each is called as where it comes from, with the digest of the platform's config.
    let arm = ["--load=containerd:dev", "--load=kind:dev", "--load=k3d", "--platform", "linux/arm64"];
    for (from, name) in [
        (there.as_str(), there.as_str()),
        ("acme/stored:1", "acme/stored:1"),
        ("docker-archive:saved.tar:acme/saved:3", "acme/saved:3"),
    ] {
        let ran = machine.distil(&[&["copy", from], &arm[..]].concat()).good();
        let line = format!("{name} {}\n", image.configs[1]);
        assert_eq!(ran.stdout, line.repeat(3), "{from}");
        ran.says(&["into containerd's namespace dev as", "into the kind cluster dev as", "into k3d as"]);
        for program in ["ctr", "kind", "k3d"] {
            let found = inside(&machine.path(&format!("home/{program}.tar")));
            assert_eq!(found, (vec![name.to_owned()], image.configs[1].to_string()), "{from}: {program}");
        }
    }
    assert!(machine.read("home/ctr.words").starts_with("--namespace dev images import -\n"));
    assert!(machine.read("home/kind.words").lines().all(|line| line.ends_with(" --name dev")));
    // Or as it is said.
    let words = ["copy", &there, "acme/app", "--load=kind", "--platform", "linux/amd64", "--json"];
    let said: serde_json::Value =
        serde_json::from_str(&machine.distil(&words).good().stdout).expect("a document");
    let loaded = serde_json::json!([
        { "name": "acme/app:latest", "id": image.configs[0].to_string(), "engine": "kind" }
    ]);
    assert_eq!(said, serde_json::json!({ "schema": 0, "loaded": loaded }));
    assert_eq!(inside(&machine.path("home/kind.tar")).0, ["acme/app:latest"]);
    assert_eq!(machine.files("cache/saved"), Vec::<std::path::PathBuf>::new());
    registry.check().unwrap();
}

#[test]
fn what_cannot_be_loaded_is_said_before_a_command_runs() {
    let machine = with_commands();
    put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    put(&machine, "one", "1", &["linux/amd64"]);
    machine
        .distil(&["copy", "oci:in:1", "a:1", "--load=kind"])
        .fails(2, &["cannot load oci:in:1: it has 2 platforms", "--platform linux/amd64", "linux/arm64"]);
    machine
        .distil(&["copy", "oci:in:1", "a:1", "--load=kind", "--platform", "linux/s390x"])
        .fails(2, &["cannot find linux/s390x in oci:in:1"]);
    machine
        .distil(&["copy", "oci:one:1", "--load=kind"])
        .fails(2, &["cannot load oci:one:1: it says no name for the engine", "distil copy oci:one:1 NAME"]);
    for place in ["oci:out:1", "docker-daemon:a:1", "docker://a/b:1", "store:a:1", "docker-archive:a.tar"] {
        let told = format!("cannot load oci:one:1 as {place}: an engine calls an image by a name alone");
        let ran = machine.distil(&["copy", "oci:one:1", place, "--load=kind"]);
        ran.fails(2, &[&told, &format!("distil copy oci:one:1 {place}`")]);
    }
    let digest = format!("sha256:{}", "0".repeat(64));
    machine.distil(&["copy", "oci:one:1", &digest, "--load=kind"]).fails(2, &["by a name alone"]);
    let digest = format!("a/b@{digest}");
    machine.distil(&["copy", "oci:one:1", &digest, "--load=kind"]).fails(2, &[&digest]);
    machine
        .distil(&["copy", "oci:one:1", "a:1", "--load=minikube"])
        .fails(2, &["cannot load into `minikube`", "--load=kind[:CLUSTER]"]);
    assert!(!machine.path("home/kind.words").exists());
    // Without the flag there must be a place.
    let ran = machine.distil(&["copy", "oci:one:1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    machine.program("kind", "#!/bin/sh\necho 'ERROR: no nodes found for cluster \"dev\"' >&2\nexit 1\n");
    machine.distil(&["copy", "oci:one:1", "a:1", "--load=kind:dev"]).fails(
        7,
        &["cannot load oci:one:1 into the kind cluster dev: kind says: ERROR: no nodes", "kind get clusters"],
    );
}

#[test]
fn a_command_that_is_missing_or_fails_is_named() {
    if !cfg!(target_arch = "x86_64") {
        testkit::skip!("the made-up packages are for amd64");
    }
    let (machine, _archive) = machine();
    machine.program("kind", "#!/bin/sh\necho 'ERROR: no nodes found for cluster \"dev\"' >&2\nexit 1\n");
    machine.distil(&["build", "app.yaml", "--load=kind:dev"]).fails(
        7,
        &[
            "cannot load",
            "into the kind cluster dev: kind says: ERROR: no nodes found for cluster",
            "kind get clusters",
        ],
    );
    machine.program(
        "ctr",
        "#!/bin/sh\necho 'ctr: failed to dial \"/run/containerd/containerd.sock\"' >&2\nexit 1\n",
    );
    machine
        .distil(&["build", "app.yaml", "--load=containerd:x"])
        .fails(7, &["into containerd's namespace x: ctr says: ctr: failed to dial", "CONTAINERD_ADDRESS"]);
    // Nothing but what is in `bin`.
    let only = machine.path("bin").display().to_string();
    std::fs::remove_file(machine.path("bin/k3d")).expect("a fake");
    let ran =
        machine.command(&["build", "app.yaml", "--load=k3d"]).env("PATH", &only).output().expect("distil");
    crate::run::Ran::of(ran).fails(
        7,
        &[
            "into k3d: cannot run k3d: there is no such program in PATH",
            "install k3d",
            "-o docker-archive:FILE",
        ],
    );
    machine
        .distil(&["build", "app.yaml", "--load=minikube"])
        .fails(2, &["cannot load into `minikube`", "--load=kind[:CLUSTER]"]);
    machine
        .distil(&["build", "app.yaml", "--load=kind:--all"])
        .fails(2, &["the name after the colon is none"]);
}

/// `--load` alone means Docker or Podman, of which this machine has none.
#[test]
fn no_engine_is_said_with_every_place_that_was_tried() {
    let (machine, _archive) = machine();
    let run = machine.path("run");
    let mut command = machine.command(&["build", "app.yaml", "--arch", "amd64", "--load"]);
    command.env("CONTAINER_HOST", format!("unix://{}/podman.sock", run.display()));
    let words = [
        "cannot find a container engine: neither Docker nor Podman answers",
        "podman.sock (CONTAINER_HOST): nothing is there",
        "systemctl start docker",
        "-o docker-archive:FILE",
    ];
    crate::run::Ran::of(command.output().expect("distil")).fails(7, &words);
    put(&machine, "one", "1", &["linux/amd64"]);
    let mut command = machine.command(&["copy", "oci:one:1", "app:1", "--load"]);
    command.env("CONTAINER_HOST", format!("unix://{}/podman.sock", run.display()));
    crate::run::Ran::of(command.output().expect("distil")).fails(7, &words);
}
