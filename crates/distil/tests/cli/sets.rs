//! The set of packages that a lock holds: whole, and nothing in it that the recipe has no use for.

use testkit::{ApkKey, ApkPackage, ApkRepository, Package, World};

use crate::run::{Archive, Machine, with_row, without};

/// The lock of a recipe of these packages; `app.yaml` is then the one that asks for `packages`.
fn lock_of(machine: &Machine, recipe: impl Fn(&[&str]) -> String, packages: &[&str]) -> String {
    machine.write("work/app.yaml", recipe(packages));
    machine.distil(&["update", "app.yaml"]).good();
    machine.read("work/app.lock")
}

/// Builds and proofs of a lock all fail in the same words, and `lock` puts it in order again.
fn refused_and_mended(machine: &Machine, good: &str, bad: &str, words: &[&str]) {
    assert_ne!(good, bad);
    machine.write("work/app.lock", bad);
    for command in
        [&["build", "app.yaml"][..], &["build", "app.yaml", "--frozen"], &["lock", "app.yaml", "--verify"]]
    {
        machine.distil(command).fails(3, words);
    }
    assert_eq!(machine.read("work/app.lock"), bad);
    machine.distil(&["lock", "app.yaml"]).good().says(&["not as it was written"]);
    assert_eq!(machine.read("work/app.lock"), good);
    machine.distil(&["lock", "app.yaml", "--verify"]).good();
    machine.distil(&["build", "app.yaml", "--frozen"]).good();
}

fn apk_world() -> Archive {
    Archive::of(|dir| {
        let packages = vec![
            ApkPackage::new("libhello", "1.0-r0").provides("so:libhello.so.1=1.0").file(
                "usr/lib/l",
                0o644,
                "l",
            ),
            ApkPackage::new("hello", "1.0-r0").depends("so:libhello.so.1 !bye").file(
                "usr/bin/hello",
                0o755,
                "h",
            ),
            ApkPackage::new("hello-doc", "1.0-r0")
                .install_if("docs hello=1.0-r0")
                .file("usr/doc", 0o644, "d"),
            ApkPackage::new("bye", "1.0-r0").file("usr/bin/bye", 0o755, "b"),
            ApkPackage::new("docs", "1-r0").file("usr/docs", 0o644, "d"),
            ApkPackage::new("doas", "6-r0")
                .depends("libhello")
                .file("usr/bin/doas", 0o4755, "d")
                .script(".post-install", "#!/bin/sh\nexit 0\n"),
        ];
        ApkRepository::new(dir).add_all(packages).publish(&ApkKey::test_only(1));
    })
}

fn apk_machine() -> (Machine, Archive) {
    let (machine, archive) = (Machine::new(), apk_world());
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(1).public_pem());
    (machine, archive)
}

fn apk_recipe(archive: &Archive) -> impl Fn(&[&str]) -> String {
    let url = archive.url();
    move |packages| {
        format!(
            "archs: [amd64]\ncontents:\n  keyring: [made-up-1.rsa.pub]\n  repositories: [\"{url}\"]\n  packages: [{}]\n",
            packages.join(", ")
        )
    }
}

#[test]
fn of_apk_packages() {
    let (machine, archive) = apk_machine();
    let recipe = apk_recipe(&archive);
    let full = lock_of(&machine, &recipe, &["hello", "docs", "doas"]);
    let good = lock_of(&machine, &recipe, &["hello", "docs"]);
    assert!(good.contains("name = \"hello-doc\""), "{good}");
    let open = ["nothing for `so:libhello.so.1`, which hello 1.0-r0 needs"];
    refused_and_mended(&machine, &good, &without(&good, "libhello"), &open);
    let other = lock_of(&machine, &recipe, &["bye", "docs"]);
    let clash = ["it has bye 1.0-r0 beside hello 1.0-r0, which excludes `bye`"];
    machine.write("work/app.yaml", recipe(&["hello", "docs"]));
    refused_and_mended(&machine, &good, &with_row(&good, &other, "bye"), &clash);
    let idle = ["it has doas 6-r0, which no line of the recipe leads to"];
    refused_and_mended(&machine, &good, &with_row(&good, &full, "doas"), &idle);
}

#[test]
fn of_deb_packages() {
    let archive = Archive::serve(
        &World::new()
            .package(Package::new("mawk", "1-1").provides("awk").executable("/usr/bin/mawk", "x"))
            .package(Package::new("base-files", "13-1").depends("awk").file("/etc/host.conf", "x"))
            .package(Package::new("libhello1", "1.0-1").provides("libhello (= 1)").file("/usr/lib/x", "x"))
            .package(Package::new("hello", "1.0-1").depends("none | libhello (>= 1)").file("/usr/hello", "h"))
            .package(Package::new("bye", "1.0-1").provides("farewell (= 1)").file("/usr/bye", "b"))
            .package(Package::new("greet", "1.0-1").breaks("farewell (<< 2)").file("/usr/greet", "g"))
            .package(Package::new("doas", "6-1").depends("libhello1").file("/usr/doas", "d")),
    );
    let machine = Machine::new();
    let recipe = |packages: &[&str]| archive.recipe(packages);
    let full = lock_of(&machine, recipe, &["hello", "base-files", "doas", "mawk"]);
    // An edge of base-files that is cut is no gap.
    let good = lock_of(&machine, recipe, &["hello", "base-files"]);
    assert!(!good.contains("mawk"), "{good}");
    let open = ["nothing for `none | libhello (>= 1)`, which hello 1.0-1 needs"];
    refused_and_mended(&machine, &good, &without(&good, "libhello1"), &open);
    for extra in ["doas", "mawk"] {
        let idle = format!("it has {extra} ");
        refused_and_mended(
            &machine,
            &good,
            &with_row(&good, &full, extra),
            &[&idle, "no line of the recipe"],
        );
    }
    let (greet, bye) = (lock_of(&machine, recipe, &["greet"]), lock_of(&machine, recipe, &["bye"]));
    machine.write("work/app.yaml", recipe(&["greet"]));
    let clash = ["it has bye 1.0-1 beside greet 1.0-1, which excludes `farewell (<< 2)`"];
    refused_and_mended(&machine, &greet, &with_row(&greet, &bye, "bye"), &clash);
    // What the recipe takes out is no gap either.
    let removed = lock_of(&machine, recipe, &["hello", "base-files", "'!libhello1'"]);
    assert!(!removed.contains("name = \"libhello1\""), "{removed}");
    machine.distil(&["lock", "app.yaml", "--verify"]).good();
    machine.distil(&["build", "app.yaml", "--frozen"]).good();
}

/// What a lock says of scripts is what the packages have.
#[test]
fn of_scripts() {
    let (machine, archive) = apk_machine();
    let recipe = apk_recipe(&archive);
    let good = lock_of(&machine, &recipe, &["doas"]);
    let at = good.find("post-install ").expect("a script") + "post-install ".len();
    let mut bad = good.clone();
    bad.replace_range(at..at + 64, &"0".repeat(64));
    machine.write("work/app.lock", &bad);
    machine.build().fails(3, &["doas 6-r0 has other scripts"]);
    machine.distil(&["lock", "app.yaml"]).good();
    assert_eq!(machine.read("work/app.lock"), good);
    let bad = good.replacen(": nothing to do", ": not replaced", 1);
    assert_ne!(bad, good);
    machine.write("work/app.lock", &bad);
    machine.distil(&["lock", "app.yaml"]).good();
    assert_eq!(machine.read("work/app.lock"), good);
}
