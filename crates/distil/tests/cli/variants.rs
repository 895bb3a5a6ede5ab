//! Variants of one recipe: each is chosen from the repositories that it names itself, by the keys that it
//! trusts itself, for its own architectures.

use testkit::{ApkKey, ApkPackage, ApkRepository, Package, World};

use crate::run::{Archive, Machine, plain_world};

/// The rows of a package in a lock.
fn rows<'l>(lock: &'l str, name: &str) -> Vec<&'l str> {
    lock.split("[[package]]").filter(|row| row.contains(&format!("\nname = \"{name}\"\n"))).collect()
}

/// The only row of a package that has all of `words`.
#[track_caller]
fn row<'l>(lock: &'l str, name: &str, words: &[&str]) -> &'l str {
    let found: Vec<&str> =
        rows(lock, name).into_iter().filter(|row| words.iter().all(|word| row.contains(word))).collect();
    assert_eq!(found.len(), 1, "{name} {words:?} in {lock}");
    found[0]
}

/// A lock of what `one` asks, with what `other` has.
fn asked(one: &str, other: &str) -> String {
    let parts =
        |lock: &str| lock.split_once("[[suite]]").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("suites");
    format!("{}[[suite]]{}", parts(one).0, parts(other).1)
}

fn hello(version: &str) -> ApkPackage {
    ApkPackage::new("hello", version).file("usr/bin/hello", 0o755, version)
}

fn directory(machine: &Machine, name: &str, key: Option<usize>, packages: Vec<ApkPackage>) {
    let repository = ApkRepository::new(&machine.path("work").join(name)).add_all(packages);
    match key {
        Some(key) => repository.publish(&ApkKey::test_only(key)),
        None => repository.unsigned().publish(&ApkKey::test_only(1)),
    };
}

fn served(key: usize, packages: fn() -> Vec<ApkPackage>) -> Archive {
    Archive::of(|dir| {
        ApkRepository::new(dir).add_all(packages()).publish(&ApkKey::test_only(key));
    })
}

fn keys(machine: &Machine) {
    for key in [1, 2] {
        machine.write(&format!("work/made-up-{key}.rsa.pub"), ApkKey::test_only(key).public_pem());
    }
}

/// An unsigned directory that only `debug` names, with a higher version of what the recipe asks for.
#[test]
fn a_directory_of_one_variant_serves_no_other() {
    let machine = Machine::new();
    directory(&machine, "packages", Some(1), vec![hello("1.0-r0")]);
    directory(&machine, "dev", None, vec![hello("99-r0")]);
    let (above, dev) = ("[./packages, ./dev]", "{repositories: [./dev], packages: [hello=99-r0]}");
    let recipe = |repositories: &str, debug: &str| {
        format!(
            "archs: [amd64]\ncontents: {{repositories: {repositories}, packages: [hello]}}\n\
             variants: {{debug: {{contents: {debug}}}}}\n"
        )
    };
    machine.write("work/app.yaml", recipe(above, "{packages: [hello]}"));
    machine.build().good();
    let of_all = machine.read("work/app.lock");
    machine.write("work/app.yaml", recipe("[./packages]", dev));
    machine.distil(&["update", "app.yaml"]).good();
    let lock = machine.read("work/app.lock");
    row(&lock, "hello", &["version = \"1.0-r0\"", "variants = [\"latest\"]", "\"./packages\""]);
    row(&lock, "hello", &["version = \"99-r0\"", "variants = [\"debug\"]", "\"./dev\""]);
    machine.distil(&["build", "app.yaml", "--frozen"]).good();
    machine.distil(&["lock", "app.yaml", "--verify"]).good();
    // What a lock gives to a variant that does not name where it comes from is none of its packages.
    machine.write("work/app.lock", asked(&lock, &of_all));
    let said = ["hello 99-r0", "./dev", "latest"];
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &said);
    machine.distil(&["lock", "app.yaml"]).good().says(&["not as it was written"]);
    row(&machine.read("work/app.lock"), "hello", &["version = \"1.0-r0\"", "variants = [\"latest\"]"]);
}

/// A key that only `debug` names vouches for nothing that another variant takes.
#[test]
fn a_key_of_one_variant_vouches_for_no_other() {
    let archive = served(2, || vec![hello("1.0-r0")]);
    let (machine, url) = (Machine::new(), archive.url());
    keys(&machine);
    let recipe = |own: &str, debug: &str| {
        format!(
            "archs: [amd64]\ncontents: {{keyring: [made-up-1.rsa.pub], packages: [hello]{own}}}\n\
             variants: {{debug: {{contents: {{keyring: [made-up-2.rsa.pub]{debug}}}}}}}\n"
        )
    };
    let of = format!(", repositories: [\"{url}\"]");
    machine.write("work/app.yaml", recipe(&of, ""));
    machine.build().fails(5, &["made-up-2.rsa.pub", "latest", "keyring"]);
    machine.assert_nothing_left();
    // Where `debug` alone takes it, its key is enough.
    directory(&machine, "packages", Some(1), vec![hello("0.9-r0")]);
    let own = ", repositories: [./packages]";
    machine.write("work/app.yaml", recipe(own, &(of + ", packages: [hello=1.0-r0]")));
    machine.build().good();
    let lock = machine.read("work/app.lock");
    row(&lock, "hello", &["version = \"0.9-r0\"", "variants = [\"latest\"]"]);
    row(&lock, "hello", &["version = \"1.0-r0\"", "variants = [\"debug\"]"]);
    machine.distil(&["lock", "app.yaml", "--verify"]).good();
}

/// What two variants take is signed for both, or for neither.
#[test]
fn a_directory_that_only_one_variant_has_the_key_of() {
    let machine = Machine::new();
    keys(&machine);
    directory(&machine, "packages", Some(2), vec![hello("1.0-r0")]);
    let text = "archs: [amd64]\ncontents: {repositories: [\"@x ./packages\"], packages: [hello@x]}\n";
    let corp = "variants: {corp: {contents: {keyring: [made-up-2.rsa.pub]}}}\n";
    machine.write("work/app.yaml", text.to_owned() + corp);
    machine.build().fails(5, &["./packages", "not all variants", "corp", "latest", "keyring"]);
    machine.assert_nothing_left();
}

/// A tag is one of the variant's own repositories.
#[test]
fn a_tag_of_one_variant_is_unknown_to_the_others() {
    let machine = Machine::new();
    directory(&machine, "packages", None, vec![hello("1.0-r0")]);
    directory(&machine, "dev", None, vec![hello("99-r0")]);
    machine.write(
        "work/app.yaml",
        "archs: [amd64]\ncontents: {repositories: [./packages], packages: [hello@dev]}\n\
         variants: {debug: {contents: {repositories: [\"@dev ./dev\"]}}}\n",
    );
    machine.build().fails(3, &["no repository has the tag `dev`"]);
}

#[test]
fn a_suite_of_one_variant_serves_no_other() {
    let newer = Archive::serve(
        &World::new().package(Package::new("hello", "99-1").executable("/usr/bin/hello", "x")),
    );
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    let (above, below) = (archive.entry("stable"), newer.entry("stable"));
    let recipe = |repositories: &str, debug: &str| {
        format!(
            "archs: [amd64]\ncontents: {{repositories: [{repositories}], packages: [hello]}}\n\
             variants: {{debug: {{contents: {{{debug}}}}}}}\n"
        )
    };
    machine.write("work/app.yaml", recipe(&format!("{above}, {below}"), "packages: [hello]"));
    machine.build().good();
    let of_all = machine.read("work/app.lock");
    row(&of_all, "hello", &["version = \"99-1\""]);
    let debug = format!("repositories: [{below}], packages: [hello (= 99-1)]");
    machine.write("work/app.yaml", recipe(&above, &debug));
    machine.distil(&["update", "app.yaml"]).good();
    let lock = machine.read("work/app.lock");
    row(&lock, "hello", &["version = \"1.0-1\"", "variants = [\"latest\"]"]);
    row(&lock, "hello", &["version = \"99-1\"", "variants = [\"debug\"]"]);
    machine.distil(&["lock", "app.yaml", "--verify"]).good();
    machine.write("work/app.lock", asked(&lock, &of_all));
    machine.distil(&["lock", "app.yaml", "--verify"]).fails(5, &["hello 99-1", "latest"]);
}

/// Two builds of one version, the one from a tagged repository: each variant gets the one that it may have.
#[test]
fn one_version_from_two_repositories() {
    let machine = Machine::new();
    directory(&machine, "packages", None, vec![hello("1.0-r0")]);
    let other = hello("1.0-r0").file("usr/share/corp", 0o644, "corp");
    directory(&machine, "corp", None, vec![other]);
    machine.write(
        "work/app.yaml",
        "archs: [amd64]\ncontents: {repositories: [./packages, \"@corp ./corp\"], packages: [hello@corp]}\n\
         variants: {plain: {contents: {packages: [hello]}}}\n",
    );
    machine.build().good();
    let lock = machine.read("work/app.lock");
    row(&lock, "hello", &["variants = [\"latest\"]", "\"./corp\"", "tag = \"corp\""]);
    row(&lock, "hello", &["variants = [\"plain\"]", "\"./packages\""]);
    machine.distil(&["build", "app.yaml", "--frozen"]).good();
}

/// What apko takes is what all architectures of the variant have, not of another.
#[test]
fn architectures_of_one_variant_take_nothing_from_another() {
    let machine = Machine::new();
    let all = vec![hello("1.0-r0"), hello("1.1-r0"), hello("1.0-r0").arch("aarch64")];
    directory(&machine, "packages", None, all);
    machine.write(
        "work/app.yaml",
        "archs: [amd64]\ncontents: {repositories: [./packages], packages: [hello]}\n\
         variants: {wide: {archs: [amd64, arm64]}}\n",
    );
    machine.distil(&["build", "app.yaml", "--compat", "apko"]).good();
    let lock = machine.read("work/app.lock");
    row(&lock, "hello", &["version = \"1.1-r0\"", "linux/amd64", "variants = [\"latest\"]"]);
    row(&lock, "hello", &["version = \"1.0-r0\"", "linux/amd64", "variants = [\"wide\"]"]);
    row(&lock, "hello", &["version = \"1.0-r0\"", "linux/arm64"]);
}

/// A lock has one row for a source, so two moments of it, or two sets of keys, would be one.
#[test]
fn one_source_has_one_moment_and_one_set_of_keys() {
    let machine = Machine::new();
    let refused = |variant: &str, words: &[&str]| {
        let base = "contents: {distribution: debian-13, snapshot: 20261101T000000Z, packages: [a], repositories: \
                    [{deb: 'https://apt.example.org stable main', signed-by: keys/a.asc}]}";
        machine.write(
            "work/app.yaml",
            format!("archs: [amd64]\n{base}\nvariants: {{debug: {{contents: {variant}}}}}\n"),
        );
        machine.build().fails(3, words);
    };
    refused("{snapshot: 20261102T000000Z}", &["debian/trixie", "at two moments", "`snapshot:`"]);
    refused(
        "{repositories: [{deb: 'https://apt.example.org stable contrib', signed-by: keys/b.asc}]}",
        &["apt.example.org/stable", "by different keys"],
    );
}
