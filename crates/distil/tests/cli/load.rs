//! Images into containerd, kind and k3d, whose commands are fakes that note what they are told. (A real
//! containerd is in `tests/real`.)

use std::path::Path;

use image::{DockerArchive, Source};

use crate::run::{Archive, Machine, plain_world};

/// Notes its words, its standard input, and the file among its words, which goes when it ends.
const NOTES: &str = r#"#!/bin/sh
name=$(basename "$0")
echo "$@" >> "$HOME/$name.words"
case $name in ctr) cat > "$HOME/$name.tar";; *) cp "$3" "$HOME/$name.tar";; esac
"#;

fn machine() -> (Machine, Archive) {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    for name in ["ctr", "kind", "k3d"] {
        machine.program(name, NOTES);
    }
    (machine, archive)
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
    crate::run::Ran::of(command.output().expect("distil")).fails(
        7,
        &[
            "cannot find a container engine: neither Docker nor Podman answers",
            "podman.sock (CONTAINER_HOST): nothing is there",
            "systemctl start docker",
            "-o docker-archive:FILE",
        ],
    );
}
