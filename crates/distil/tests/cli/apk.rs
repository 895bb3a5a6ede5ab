//! Recipes of apk packages: built, locked, and refused where they must be. The repositories are made up
//! and signed by keys of the tests, on the loopback or in a directory.

mod alike;
mod bad;
mod life;
mod names;
mod signatures;
mod sources;
mod upon;
mod world;

use std::path::Path;

use testkit::{ApkKey, ApkPackage, ApkRepository};

use crate::run::{Archive, Machine};

/// When the packages of [`plain`] were built.
const BUILT: u64 = 1_735_689_600;

/// A program, its library, and another.
pub(crate) fn plain() -> Vec<ApkPackage> {
    vec![
        ApkPackage::new("libhello", "1.0-r0").provides("so:libhello.so.1=1.0").file(
            "usr/share/hello/words",
            0o644,
            "hello\n".repeat(50),
        ),
        hello(b"\x7fELF not really"),
        ApkPackage::new("other", "2.0-r1").file("usr/share/other/data", 0o644, "other\n"),
    ]
}

fn hello(program: &[u8]) -> ApkPackage {
    ApkPackage::new("hello", "1.0-r0")
        .depends("so:libhello.so.1")
        .file("usr/bin/hello", 0o755, program)
        .script(".post-install", "#!/bin/sh\nexit 0\n")
}

/// The same a month later: a newer program and library, the old files still there.
fn later() -> Vec<ApkPackage> {
    let newer = |p: ApkPackage| p.built(BUILT + 30 * 86_400);
    let mut all = plain();
    all.push(newer(ApkPackage::new("libhello", "1.1-r0").provides("so:libhello.so.1=1.1")).file(
        "usr/share/hello/words",
        0o644,
        "good day\n",
    ));
    all.push(newer(ApkPackage::new("hello", "1.1-r0").depends("so:libhello.so.1")).file(
        "usr/bin/hello",
        0o755,
        "x",
    ));
    all
}

fn publish(dir: &Path, packages: Vec<ApkPackage>) {
    ApkRepository::new(dir).add_all(packages).publish(&ApkKey::test_only(1));
}

/// A repository on the loopback, signed by key 1.
fn serve(packages: impl Fn() -> Vec<ApkPackage>) -> Archive {
    Archive::of(|dir| publish(dir, packages()))
}

/// A recipe: these repositories, packages and keys, for amd64.
fn recipe(repositories: &[&str], packages: &[&str], keys: &[&str]) -> String {
    let list = |words: &[&str]| words.iter().map(|w| format!("\n    - \"{w}\"")).collect::<String>();
    let keys = if keys.is_empty() { String::new() } else { format!("\n  keyring:{}", list(keys)) };
    format!(
        "archs: [amd64]\ncontents:{keys}\n  repositories:{}\n  packages:{}\n",
        list(repositories),
        list(packages)
    )
}

/// A machine whose recipe asks for `packages` of that archive, and trusts its key.
fn machine(archive: &Archive, packages: &[&str]) -> Machine {
    let machine = Machine::new();
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(1).public_pem());
    machine.write("work/app.yaml", recipe(&[&archive.url()], packages, &["made-up-1.rsa.pub"]));
    machine
}

fn locked() -> (Machine, Archive) {
    let archive = serve(plain);
    let machine = machine(&archive, &["hello"]);
    machine.distil(&["lock", "app.yaml"]).good();
    (machine, archive)
}
