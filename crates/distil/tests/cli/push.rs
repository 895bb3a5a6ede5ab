use testkit::registry::{Registry, Setup};

use crate::foreign::put;
use crate::run::Machine;

#[test]
fn an_image_goes_where_its_name_says() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "app:1"]).good();
    let name = format!("{}/acme/app:1.2", registry.host());
    machine
        .distil(&["push", "app:1"])
        .fails(2, &["its name says no registry", "distil push app:1 REGISTRY/"]);
    machine.distil(&["tag", "app:1", &name]).good();
    let pushed = machine.distil(&["push", &name]).good();
    assert_eq!(pushed.stdout, format!("docker://{name}@{}\n", image.digest));
    assert_eq!(registry.tags("acme/app"), ["1.2"]);
    let again = machine.distil(&["push", &name]).good();
    assert_eq!(again.digests(), [&*image.digest]);
    // By digest, and only by its own.
    let by_digest = format!("{}/acme/app@{}", registry.host(), image.digest);
    machine.distil(&["push", "app:1", &by_digest]).good();
    let other = format!("{}/acme/app@sha256:{}", registry.host(), "0".repeat(64));
    machine.distil(&["push", "app:1", &other]).fails(2, &["its digest is"]);
    registry.check().unwrap();
}

#[test]
fn what_cannot_be_pushed_is_said() {
    let machine = Machine::new();
    let nowhere = ["push", "base", "localhost:1/acme/base:1"];
    machine.distil(&nowhere).fails(3, &["cannot find `base:latest`", "distil build"]);
    put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "base"]).good();
    machine.distil(&nowhere).fails(4, &["cannot copy base to docker://localhost:1/acme/base:1"]);
    machine.distil(&["push", "base", "oci:out"]).fails(2, &["that is no registry", "distil copy"]);
    machine.distil(&["push", "bse", "localhost:1/a"]).fails(3, &["there is `base:latest`"]);
    machine.distil(&["--offline", "push", "base", "localhost:1/a"]).fails(4, &["--offline"]);
    machine
        .distil(&["push", "base", "localhost:1/UPPER"])
        .fails(2, &["cannot understand `localhost:1/UPPER`"]);
}
