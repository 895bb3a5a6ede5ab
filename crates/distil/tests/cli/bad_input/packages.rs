//! Packages that cannot be had together, and packages that attack.

use testkit::{Package, World, hostile};

use crate::run::{Archive, Machine, plain_world};

#[track_caller]
fn build(world: &World, packages: &[&str], code: i32, words: &[&str]) {
    let (machine, archive) = (Machine::new(), Archive::serve(world));
    machine.recipe(&archive, packages);
    machine.build().fails(code, words);
    machine.assert_no_image();
}

#[test]
fn unknown_package() {
    build(&plain_world(), &["helo"], 6, &["helo", "hello"]);
}

/// What is known to go on from the word comes before what looks like it.
#[test]
fn half_a_name() {
    let world = ["libssl3t64", "libssl-dev", "libssl-doc", "libssh2", "libsss"]
        .iter()
        .fold(plain_world(), |w, name| w.package(Package::new(name, "1")));
    build(&world, &["libssl"], 6, &["did you mean libssl3t64, libssl-dev, libssl-doc, libsss?"]);
}

/// The name is right, the architecture is not to be had: another thing to say.
#[test]
fn a_package_of_another_architecture() {
    let words = ["`hello:arm64`", "packages of arm64 are not indexed", "leave the architecture out"];
    build(&plain_world(), &["hello:arm64"], 6, &words);
}

/// The archive signed it, so it is the archive's fault; the hash is right and the content no package.
#[test]
fn signed_and_malformed() {
    let sound = Package::new("hello", "1.0-1").deb();
    let cut = &sound[..sound.len() / 2];
    for (what, bytes) in [("garbage", b"<html>not here</html>".as_slice()), ("cut off", cut), ("empty", b"")]
    {
        let world = World::new().package(Package::new("hello", "1.0-1").raw(bytes));
        let (machine, archive) = (Machine::new(), Archive::serve(&world));
        machine.recipe(&archive, &["hello"]);
        let ran = machine.build();
        assert_eq!(ran.code, Some(3), "{what}: {}", ran.stderr);
        ran.fails(3, &["hello 1.0-1", "/stable", "signed"]);
        machine.assert_nothing_left();
    }
}

/// Another package under this name: only the package itself says so.
#[test]
fn signed_and_passed_off() {
    for (other, own) in [
        (Package::new("other", "1.0-1"), "by its own words it is other 1.0-1 (amd64)"),
        (Package::new("hello", "0.9-1"), "by its own words it is hello 0.9-1 (amd64)"),
        (Package::new("hello", "1.0-1").arch("arm64"), "by its own words it is hello 1.0-1 (arm64)"),
    ] {
        let world = World::new().package(Package::new("hello", "1.0-1").raw(other.deb()));
        let (machine, archive) = (Machine::new(), Archive::serve(&world));
        machine.recipe(&archive, &["hello"]);
        for _ in 0..2 {
            machine.build().fails(5, &["hello 1.0-1", own, "tell its maker"]);
            machine.assert_nothing_left();
        }
    }
}

#[test]
fn impossible_version() {
    build(&plain_world(), &["hello (>= 2)"], 6, &["hello", ">= 2", "1.0-1"]);
}

/// The chain is named from what was asked for down to what is missing.
#[test]
fn impossible_dependency() {
    let world = plain_world()
        .package(Package::new("top", "1").depends("middle"))
        .package(Package::new("middle", "1").depends("libhello1 (>= 9)"));
    build(&world, &["top"], 6, &["top", "middle", "libhello1 (>= 9)", "1.0-1"]);
}

#[test]
fn conflicting_packages() {
    let world = plain_world()
        .package(Package::new("left", "1").conflicts("right"))
        .package(Package::new("right", "1"));
    build(&world, &["left", "right"], 6, &["left", "right"]);
}

#[test]
fn two_packages_on_one_path() {
    let world = World::new()
        .package(Package::new("one", "1").file("/etc/same.conf", "1"))
        .package(Package::new("two", "1").file("/etc/same.conf", "2"));
    build(&world, &["one", "two"], 6, &["/etc/same.conf", "one", "two"]);
}

fn world_with_shell() -> World {
    World::new()
        .package(
            Package::new("dash", "1").executable("/usr/bin/dash", "\x7fELF").symlink("/usr/bin/sh", "dash"),
        )
        .package(Package::new("helper", "1").depends("dash"))
        .package(Package::new("app", "1").depends("helper"))
}

#[test]
fn a_shell_that_nobody_asked_for() {
    build(&world_with_shell(), &["app"], 3, &["/usr/bin/dash is a shell", "helper", "app", "allow: [shell]"]);
}

#[test]
fn a_shell_by_word() {
    let (machine, archive) = (Machine::new(), Archive::serve(&world_with_shell()));
    machine.write("work/app.yaml", archive.recipe(&["app"]) + "allow: [shell]\n");
    machine.build().good();
}

#[test]
fn a_setuid_program() {
    let world = World::new().package(Package::new("su", "1").file_with("/usr/bin/su", 0o4755, (0, 0), "x"));
    build(&world, &["su"], 3, &["/usr/bin/su", "4755", "allow: [setuid]"]);
}

/// Every attack, from a directory that the user declares, through the whole program: refused as the input that it is, nothing
/// written outside, nothing half-made.
#[test]
fn hostile_packages() {
    let mut tried = 0;
    for attack in hostile::debs() {
        let machine = Machine::new();
        let dir = machine.path("work/debs");
        std::fs::create_dir(&dir).expect("a directory");
        std::fs::write(dir.join("evil_1_amd64.deb"), &attack.deb).expect("a package");
        let recipe = "archs: [amd64]\ncontents:\n  repositories: [./debs]\n  packages: [evil]\n";
        machine.write("work/app.yaml", recipe);
        let ran = machine.build();
        assert_eq!(ran.code, Some(3), "{} ({}): {}", attack.name, attack.tries, ran.stderr);
        ran.fails(3, &["evil"]);
        machine.assert_no_image();
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
