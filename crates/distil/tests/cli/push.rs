use testkit::registry::{Registry, Setup};

use crate::foreign::put;
use crate::run::{Archive, Machine, plain_world};

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

#[test]
fn a_build_is_pushed_with_its_reasons_where_they_are_asked_for() {
    let archive = Archive::serve(&plain_world());
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    machine.recipe(&archive, &["hello"]);
    let name = format!("{}/acme/app:1", registry.host());
    assert_eq!(machine.distil(&["build", "app.yaml", "--push"]).code, Some(2));
    machine
        .distil(&["build", "app.yaml", "-t", "acme/app:1", "--push"])
        .fails(2, &["its name says no registry"]);
    assert!(!machine.path("work/app.lock").exists(), "nothing was begun");
    let built =
        machine.distil(&["build", "app.yaml", "-t", &name, "--push"]).good().says(&["pushed", "3 blobs"]);
    let digest = built.digests().remove(0);
    assert_eq!(built.stdout, format!("{name}@{digest}\n"));
    machine.distil(&["pull", &name, "again"]).good();
    assert_eq!(machine.distil(&["pull", &name, "again"]).good().digests(), [&*digest]);
    let target = format!("docker://{}/acme/other:1", registry.host());
    machine.distil(&["build", "app.yaml", "-o", &target]).good().says(&["taken from another repository"]);
    assert_eq!(registry.tags("acme/other"), ["1"]);

    machine.distil(&["push", &name, "--reasons"]).good();
    let manifest = index_parts(&registry, &digest).remove(0);
    let found = registry
        .requests()
        .into_iter()
        .rfind(|r| r.method == "PUT" && r.target.contains("/manifests/sha256:"));
    let written = found.unwrap().target.rsplit_once('/').unwrap().1.to_owned();
    let written: serde_json::Value =
        serde_json::from_slice(&registry.manifest("acme/app", &written).unwrap()).unwrap();
    assert_eq!(written["artifactType"], "application/vnd.distil.reasons.v1+json");
    assert_eq!(written["subject"]["digest"], manifest);
    let reasons = registry.blob("acme/app", written["layers"][0]["digest"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(reasons).unwrap().contains("hello"));
    registry.check().unwrap();
    // Whoever did not build it is told by the registry, and so is nobody of the image without reasons.
    let elsewhere = |name: &str| {
        let ran = machine.distil(&["--data-dir", "elsewhere", "why", name, "hello"]).good();
        (ran.stdout.contains("the recipe asks (app.yaml:"), ran.stdout)
    };
    let (told, untold) = (elsewhere(&name), elsewhere(&target));
    assert!(told.0 && !untold.0 && untold.1.contains("hello"), "{told:?} {untold:?}");

    put(&machine, "in", "1", &["linux/amd64"]);
    let foreign = ["push", "oci:in:1", &name, "--reasons"];
    machine.distil(&foreign).fails(3, &["this machine keeps none of it", "leave --reasons away"]);
}

fn index_parts(registry: &Registry, digest: &str) -> Vec<String> {
    let index: serde_json::Value =
        serde_json::from_slice(&registry.manifest("acme/app", digest).unwrap()).unwrap();
    let parts = index["manifests"].as_array().unwrap();
    parts.iter().map(|part| part["digest"].as_str().unwrap().to_owned()).collect()
}
