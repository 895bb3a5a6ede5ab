use testkit::registry::{Registry, Setup};

use crate::foreign::put;
use crate::run::Machine;

#[test]
fn in_the_store_and_in_a_registry() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "app"]).good();
    assert_eq!(
        machine.distil(&["tag", "app", "other:2"]).good().stdout,
        format!("other:2@{}\n", image.digest)
    );
    assert_eq!(machine.distil(&["tag", &image.digest, "third"]).good().digests(), [&*image.digest]);
    let name = format!("docker://{}/acme/app", registry.host());
    machine.distil(&["push", "app", &format!("{name}:1")]).good();
    machine.distil(&["tag", &format!("{name}:1"), "stable"]).good();
    machine.distil(&["tag", &format!("{name}:1"), &format!("{name}:next")]).good();
    assert_eq!(registry.tags("acme/app"), ["1", "next", "stable"]);
    registry.check().unwrap();

    machine.distil(&["tag", "nothing", "x"]).fails(3, &["cannot find `nothing:latest`"]);
    machine.distil(&["tag", "app", &format!("{name}:2")]).fails(2, &["distil copy app"]);
    machine.distil(&["tag", &format!("{name}:1"), "ghcr.io/acme/app:1"]).fails(2, &["that is another place"]);
    machine.distil(&["tag", "oci:in:1", "x"]).fails(2, &["distil copy oci:in:1 x"]);
    machine.distil(&["tag", "app", &image.digest]).fails(2, &["that is a digest"]);
}

/// A mirror that is behind has the image that the name led to once, which may not even be at home any more.
#[test]
fn a_name_is_given_to_what_is_at_home() {
    let (machine, home, mirror) =
        (Machine::new(), Registry::start(Setup::default()), Registry::start(Setup::default()));
    let old = put(&machine, "in", "1", &["linux/amd64"]);
    let new = put(&machine, "in", "2", &["linux/arm64"]);
    let there = format!("docker://{}/acme/app", home.host());
    machine.distil(&["copy", "oci:in:1", &format!("{there}:0")]).good();
    machine.distil(&["copy", "oci:in:2", &format!("{there}:1")]).good();
    machine.distil(&["copy", "oci:in:1", &format!("docker://{}/acme/app:1", mirror.host())]).good();
    let settings = format!("registries: {{'{}': {{mirrors: ['{}']}}}}\n", home.host(), mirror.host());
    machine.write("work/mirrored.yaml", settings);
    let tag = |from: &str| machine.distil(&["tag", "--config", "mirrored.yaml", from, "stable"]);
    assert_eq!(tag(&format!("{there}:1")).good().digests(), [&*new.digest]);
    assert_eq!(home.manifest("acme/app", "stable"), home.manifest("acme/app", "1"));
    assert_eq!(tag(&format!("{there}@{}", old.digest)).good().digests(), [&*old.digest]);
    machine.distil(&["rm", &format!("{there}@{}", old.digest)]).good();
    tag(&format!("{there}@{}", old.digest)).fails(4, &["cannot read the manifest", "404", &home.host()]);
}

/// A copy within a registry moves no layer and gives a name, as `tag` does.
#[test]
fn a_copy_within_a_registry_is_of_what_is_at_home() {
    let (machine, home, mirror) =
        (Machine::new(), Registry::start(Setup::default()), Registry::start(Setup::default()));
    let old = put(&machine, "in", "1", &["linux/amd64"]);
    let new = put(&machine, "in", "2", &["linux/arm64"]);
    let place = |registry: &Registry, path: &str| format!("docker://{}/acme/{path}", registry.host());
    machine.distil(&["copy", "oci:in:2", &place(&home, "app:1")]).good();
    machine.distil(&["copy", "oci:in:1", &place(&mirror, "app:1")]).good();
    let settings = format!("registries: {{'{}': {{mirrors: ['{}']}}}}\n", home.host(), mirror.host());
    machine.write("work/mirrored.yaml", settings);
    for verb in ["copy", "push"] {
        for to in ["app:2", "other:1"] {
            let words = [verb, "--config", "mirrored.yaml", &place(&home, "app:1"), &place(&home, to)];
            assert_eq!(machine.distil(&words).good().digests(), [&*new.digest], "{verb} {to}");
            let (path, tag) = to.split_once(':').unwrap();
            assert!(home.manifest(&format!("acme/{path}"), tag).is_some());
        }
    }
    home.check().unwrap();
    let words = ["copy", "--config", "mirrored.yaml", &place(&home, "app:1"), "oci:out:1"];
    assert_eq!(machine.distil(&words).good().digests(), [&*old.digest]);
}
