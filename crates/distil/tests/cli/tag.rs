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
