//! A directory that a layer puts something into and does not name: whose mode and owner has it in a container? The
//! image specification does not say, and engines do not agree (docs/looking-inside.md).

use std::process::Command;

use rootfs::Tree;
use testkit::tar::{Entry, tar};

use crate::distil::{done, has};
use crate::engines::exported;
use crate::foreign::put_layers;
use crate::opinions::{cannot_unpack, unpacked};
use crate::run::Machine;
use crate::trees::walk;

/// Mode and owner of the directories, as four octal digits and a number.
type Seen = [(String, u64); 3];

const DIRECTORIES: [&str; 3] = ["closed", "shared", "shared/new"];

/// As the layer below has them; what no layer names is 0755 and root's.
fn as_below() -> Seen {
    [("0700".to_owned(), 5), ("1777".to_owned(), 0), ("0755".to_owned(), 0)]
}

/// As nobody has them: the layer is unpacked for itself, and hides what is below.
fn as_made() -> Seen {
    [(); 3].map(|()| ("0755".to_owned(), 0))
}

fn seen(tree: &Tree) -> Seen {
    DIRECTORIES.map(|path| {
        let entry = tree.get(path).unwrap_or_else(|| panic!("no {path}"));
        (format!("{:04o}", entry.mode), u64::from(entry.uid))
    })
}

fn image() -> Machine {
    let machine = Machine::new();
    let below = [
        Entry::dir("closed", 0o700).owned(5, 5),
        Entry::file("closed/a", 0o600, "a"),
        Entry::dir("shared", 0o1777),
    ];
    let above = [Entry::file("closed/b", 0o600, "b"), Entry::file("shared/new/c", 0o644, "c")];
    put_layers(&machine, "in", "x", &["linux/amd64"], |_| vec![tar(&below), tar(&above)]);
    machine
}

#[test]
fn we_read_what_umoci_unpacks() {
    let machine = image();
    let said = machine.distil(&["tree", "oci:in:x", "--json"]).good().stdout;
    let said: serde_json::Value = serde_json::from_str(&said).expect("a document");
    let ours = DIRECTORIES.map(|path| {
        let files = said["files"].as_array().expect("files");
        let row = files.iter().find(|row| row["path"] == format!("/{path}")).expect("a row");
        (row["mode"].as_str().expect("a mode").to_owned(), row["uid"].as_u64().expect("an owner"))
    });
    assert_eq!(ours, as_below());
    match cannot_unpack() {
        Some(why) => testkit::skip!("{why}"),
        None => assert_eq!(seen(&unpacked(&machine.path("work"), "in", "x")), as_below()),
    }
}

#[test]
fn engines_have_one_of_two_answers() {
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let machine = image();
    let socket = format!("unix://{}", docker.socket().display());
    let mut load = machine.command(&["copy", "oci:in:x", "implied:1", "--load"]);
    crate::run::Ran::of(load.env("DOCKER_HOST", socket).output().expect("distil runs")).good();
    let theirs = seen(&exported(&docker, "implied:1", &machine.path("work")));
    let driver = docker.run(&["info", "--format", "{{.Driver}}"]).expect("its driver");
    println!("Docker's {}: {theirs:?}", driver.trim());
    let alone = ["overlay2", "fuse-overlayfs"].contains(&driver.trim());
    let wanted = if alone { as_made() } else { as_below() };
    assert_eq!(theirs, wanted, "Docker's {}", driver.trim());
    let Some(socket) = docker.containerd().filter(|_| has("ctr")) else {
        testkit::skip!("no ctr, or Docker has no containerd of its own");
    };
    let mut load = machine.command(&["copy", "oci:in:x", "acme/implied:1", "--load=containerd:implied"]);
    crate::run::Ran::of(load.env("CONTAINERD_ADDRESS", &socket).output().expect("distil runs")).good();
    let ctr = |words: &[&str]| {
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(&socket).args(["--namespace", "implied"]).args(words);
        done(ctr.output().expect("ctr runs"))
    };
    let mount = tempfile::tempdir().expect("a directory");
    let at = mount.path().display().to_string();
    ctr(&["images", "mount", "docker.io/acme/implied:1", &at]);
    // A mount would outlive the test: it goes also when the tree cannot be walked.
    let theirs = std::panic::catch_unwind(|| walk(mount.path()));
    ctr(&["images", "unmount", "--rm", &at]);
    ctr(&["images", "rm", "--sync", "docker.io/acme/implied:1"]);
    let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert_eq!(seen(&theirs), as_below(), "containerd");
}
