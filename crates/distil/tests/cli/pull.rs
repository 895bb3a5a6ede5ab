use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::foreign::put;
use crate::run::Machine;

#[test]
fn an_image_keeps_its_name_or_gets_another() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    let name = format!("{}/acme/app:1", registry.host());
    machine.distil(&["push", "oci:in:1", &name]).good();
    let pulled = machine.distil(&["pull", &name]).good();
    assert_eq!(pulled.stdout, format!("store:{name}@{}\n", image.digest));
    assert_eq!(
        machine.distil(&["pull", &name, "app"]).good().stdout,
        format!("app:latest@{}\n", image.digest)
    );
    // By digest: what comes is what was asked for.
    let by_digest = format!("{}/acme/app@{}", registry.host(), image.digest);
    assert_eq!(machine.distil(&["pull", &by_digest, "b"]).good().digests(), [&*image.digest]);
    machine.distil(&["pull", "oci:in:1", "local:1"]).good();
    let listed = machine.distil(&["ls"]).good();
    assert_eq!(listed.stdout.lines().count(), 4, "{}", listed.stdout);
}

#[test]
fn a_name_with_a_digest_is_kept() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    let repository = format!("{}/acme/app", registry.host());
    let name = format!("{repository}@{}", image.digest);
    machine.distil(&["push", "oci:in:1", &format!("{repository}:1")]).good();
    assert_eq!(machine.distil(&["pull", &name]).good().stdout, format!("store:{name}\n"));
    for args in [vec!["ls"], vec!["ls", &format!("store:{repository}")]] {
        assert!(machine.distil(&args).good().stdout.starts_with(&name), "{args:?}");
    }
    for way in [format!("store:{name}"), image.digest.clone()] {
        assert_eq!(machine.distil(&["copy", &way, "oci:out:1"]).good().digests(), [&*image.digest]);
    }
    machine.distil(&["push", &format!("store:{name}")]).good();
    machine.distil(&["rm", &format!("store:{name}")]).good();
    assert_eq!(machine.distil(&["ls"]).good().stdout, "");
}

#[test]
fn what_cannot_be_pulled_is_said() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let host = registry.host();
    machine
        .distil(&["pull", "alpine"])
        .fails(2, &["a name of the local store", "distil pull docker://alpine"]);
    machine.distil(&["pull", "oci:in:1"]).fails(2, &["no name for the local store"]);
    machine.distil(&["pull", &format!("{host}/acme/app:1"), "oci:x"]).fails(2, &["distil copy"]);
    machine.distil(&["pull", &format!("{host}/acme/app:1")]).fails(4, &["cannot copy", &host]);
    put(&machine, "in", "1", &["linux/amd64"]);
    let name = format!("{host}/acme/app:1");
    machine.distil(&["push", "oci:in:1", &name]).good();
    registry.fail(Fault::once("GET", "/blobs/", Deed::WrongByte).times(1000));
    let ran = machine.distil(&["pull", &name]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert_eq!(machine.distil(&["ls"]).good().stdout, "");
}
