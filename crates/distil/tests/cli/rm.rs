use testkit::registry::{Registry, Setup};

use crate::foreign::{put, sound};
use crate::run::Machine;

fn blobs(machine: &Machine) -> usize {
    std::fs::read_dir(machine.path("data/images/blobs/sha256")).unwrap().count()
}

#[test]
fn what_nobody_needs_goes_with_the_last_name() {
    let machine = Machine::new();
    let one = put(&machine, "in", "1", &["linux/amd64"]);
    put(&machine, "in", "2", &["linux/arm64"]);
    machine.distil(&["copy", "oci:in:1", "one"]).good();
    machine.distil(&["tag", "one", "same:1"]).good();
    machine.distil(&["copy", "oci:in:2", "two"]).good();
    // Two layers are both's.
    assert_eq!(blobs(&machine), 10);
    machine.distil(&["rm", "one"]).good().says(&["removed 1 name"]);
    assert_eq!(blobs(&machine), 10, "it has another name");
    machine.distil(&["rm", "same:1", "nothing"]).fails(3, &["cannot find `nothing:latest`"]);
    assert_eq!(machine.distil(&["ls"]).good().stdout.lines().count(), 2, "nothing was removed");
    let ran = machine.distil(&["rm", &one.digest]).good();
    assert_eq!(ran.stdout, "same:1\n");
    assert_eq!(blobs(&machine), 6);
    machine.distil(&["copy", "two", "oci:out:1"]).good();
    sound(&machine, "out", "1");
    machine.distil(&["rm", "two"]).good().says(&["6 blobs"]);
    assert_eq!(blobs(&machine), 0);
    machine.distil(&["rm", "oci:in:1"]).fails(2, &["remove them as such"]);
}

#[test]
fn of_a_registry_by_tag_and_where_it_refuses_by_digest() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    let name = |registry: &Registry, rest: &str| format!("docker://{}/acme/app{rest}", registry.host());
    for tag in [":1", ":2"] {
        machine.distil(&["copy", "oci:in:1", &name(&registry, tag)]).good();
    }
    machine.distil(&["rm", &name(&registry, ":1")]).good();
    assert_eq!(registry.tags("acme/app"), ["2"]);
    machine.distil(&["rm", &name(&registry, ":1")]).fails(3, &["no such image", "distil ls"]);

    let strict = Registry::start(Setup { deletes_tags: false, ..Setup::default() });
    machine.distil(&["copy", "oci:in:1", &name(&strict, ":1")]).good();
    let by_digest = name(&strict, &format!("@{}", image.digest));
    machine.distil(&["rm", &name(&strict, ":1")]).fails(4, &[&format!("distil rm {by_digest}")]);
    machine.distil(&["rm", &by_digest]).good();
    assert_eq!(strict.tags("acme/app"), Vec::<String>::new());
    // A bare name is one of the store, whatever it looks like.
    let bare = by_digest.trim_start_matches("docker://").to_owned();
    machine.distil(&["rm", &bare]).fails(3, &["the local store has no image"]);
}

/// Beside a tag a digest says which image the tag must lead to; the image's other names stay.
#[test]
fn a_tag_with_a_digest_is_a_tag() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    let image = put(&machine, "in", "1", &["linux/amd64", "linux/arm64"]);
    let (digest, wrong) = (image.digest.clone(), format!("sha256:{}", "0".repeat(64)));
    let there = format!("docker://{}/acme/app", registry.host());
    for tag in ["1", "2"] {
        machine.distil(&["copy", "oci:in:1", &format!("{there}:{tag}@{digest}")]).good();
    }
    assert_eq!(registry.tags("acme/app"), ["1", "2"]);
    machine.distil(&["copy", "oci:in:1", &format!("{there}:3@{wrong}")]).fails(2, &[&digest, &wrong]);
    machine.distil(&["rm", &format!("{there}:1@{wrong}")]).fails(3, &["leads to", &digest]);
    machine.distil(&["rm", &format!("{there}:1@{digest}")]).good();
    assert_eq!(registry.tags("acme/app"), ["2"]);

    machine.distil(&["copy", "oci:in:1", &format!("app:1@{wrong}")]).fails(2, &[&digest, &wrong]);
    for name in ["app:1", "prod:1"] {
        machine.distil(&["copy", "oci:in:1", &format!("{name}@{digest}")]).good();
    }
    let ran = machine.distil(&["rm", &format!("app:1@{digest}")]).good();
    assert_eq!(ran.stdout, "app:1\n");
    machine.distil(&["inspect", &format!("prod:1@{digest}"), "--platform", "linux/amd64"]).good();

    // One platform of an index has another digest, and is not called by that of the index.
    let whole = format!("{there}@{digest}");
    machine.distil(&["pull", &whole, "--platform", "linux/amd64"]).fails(2, &[&digest, "--platform"]);
    machine.distil(&["pull", &whole, "one:1", "--platform", "linux/amd64"]).good();
    machine.distil(&["pull", &format!("{there}:2@{digest}")]).good();
    let names = machine.distil(&["ls"]).good().stdout;
    assert!(names.contains("acme/app:2") && !names.contains("acme/app:2@"), "{names}");
}

/// A mirror that is behind says that a tag leads where it led once.
#[test]
fn what_a_mirror_says_removes_nothing() {
    let (machine, home, mirror) =
        (Machine::new(), Registry::start(Setup::default()), Registry::start(Setup::default()));
    let old = put(&machine, "in", "1", &["linux/amd64"]);
    let new = put(&machine, "in", "2", &["linux/arm64"]);
    let there = format!("docker://{}/acme/app:1", home.host());
    machine.distil(&["copy", "oci:in:2", &there]).good();
    machine.distil(&["copy", "oci:in:1", &format!("docker://{}/acme/app:1", mirror.host())]).good();
    let settings = format!("registries: {{'{}': {{mirrors: ['{}']}}}}\n", home.host(), mirror.host());
    machine.write("work/mirrored.yaml", settings);
    let remove = |name: &str| machine.distil(&["rm", "--config", "mirrored.yaml", name]);
    remove(&format!("{there}@{}", old.digest)).fails(3, &["the tag leads to", &new.digest]);
    assert_eq!(home.tags("acme/app"), ["1"]);
    remove(&format!("{there}@{}", new.digest)).good();
    assert_eq!(home.tags("acme/app"), Vec::<String>::new());
    assert_eq!(mirror.tags("acme/app"), ["1"]);
}

#[test]
fn the_same_image_twice_goes_once() {
    let machine = Machine::new();
    let one = put(&machine, "in", "1", &["linux/amd64"]);
    machine.distil(&["copy", "oci:in:1", "one"]).good();
    let ran = machine.distil(&["rm", "one", "one:latest", &one.digest]).good();
    assert_eq!(ran.stdout, "one:latest\n");
    assert_eq!(blobs(&machine), 0);
}

#[test]
fn what_was_removed_before_a_failure_is_said() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    put(&machine, "in", "1", &["linux/amd64"]);
    let name = |tag: &str| format!("docker://{}/acme/app:{tag}", registry.host());
    machine.distil(&["copy", "oci:in:1", &name("1")]).good();
    let said = format!("removed before this: {}", name("1"));
    machine.distil(&["rm", &name("2"), &name("1"), &name("1")]).fails(3, &["no such image", &said]);
    assert!(registry.tags("acme/app").is_empty());
}

#[test]
fn a_damaged_image_keeps_no_other_names() {
    let machine = Machine::new();
    put(&machine, "in", "1", &["linux/amd64"]);
    let bad = put(&machine, "in", "2", &["linux/arm64"]);
    machine.distil(&["copy", "oci:in:1", "one"]).good();
    machine.distil(&["copy", "oci:in:2", "bad"]).good();
    let hex = bad.digest.trim_start_matches("sha256:");
    machine.write(&format!("data/images/blobs/sha256/{hex}"), "{");
    // Which blobs the damaged one needs, nobody knows.
    let warning =
        ["what nobody needs stays in the store: cannot tell what the image `bad:latest`", "removed 1 name"];
    let ran = machine.distil(&["rm", "one"]).good().says(&warning);
    assert_eq!((ran.stdout.as_str(), blobs(&machine)), ("one:latest\n", 10));
    machine.distil(&["rm", "bad"]).good();
    assert_eq!(blobs(&machine), 0);
}
