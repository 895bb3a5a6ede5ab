//! Files of the user's that never end or have no end in sight: none is read into memory.

use std::path::Path;

use crate::run::{Machine, Ran};

const RECIPE: &str = "archs: [amd64]\ncontents: {files: [{path: /a, content: x}]}\n";

fn zero(machine: &Machine, sub: &str) {
    std::os::unix::fs::symlink("/dev/zero", machine.path(sub)).expect("a link");
}

#[test]
fn devices() {
    let machine = Machine::new();
    machine
        .distil(&["build", "/dev/zero"])
        .fails(3, &["cannot read recipe /dev/zero: it is no regular file"]);
    machine.distil(&["build", "./"]).fails(3, &["cannot read recipe ./: is a directory"]);
    zero(&machine, "work/zero.yaml");
    machine.write("work/app.yaml", format!("include: ./zero.yaml\n{RECIPE}"));
    machine.build().fails(3, &["it is no regular file", " --> app.yaml:1:10\n"]);

    machine.write("work/app.yaml", RECIPE);
    zero(&machine, "work/app.lock");
    machine.build().fails(3, &["app.lock: it is no regular file"]);
    let apk = "archs: [x86_64]\ncontents:\n  repositories: [\"http://127.0.0.1:1/a\"]\n  packages: [a]\n";
    machine.write("work/apk.yaml", apk);
    machine
        .distil(&["apko", "build", "apk.yaml", "a:1", "a.tar", "--lockfile", "/dev/zero"])
        .fails(3, &["cannot read lock /dev/zero: it is no regular file"]);
    machine
        .distil(&["apko", "build", "apk.yaml", "a:1", "a.tar", "--lockfile", "."])
        .fails(3, &["cannot read lock", "work", ": is a directory"]);
    machine.write("work/apk.yaml", format!("{apk}  keyring: [/dev/zero]\n"));
    machine
        .distil(&["build", "apk.yaml"])
        .fails(3, &["/dev/zero that apk.yaml names: it is no regular file"]);
}

#[test]
fn devices_as_content_keys_and_settings() {
    let machine = Machine::new();
    let certificates = format!("{RECIPE}certificates: {{additional: [/dev/zero]}}\n");
    let file = "archs: [amd64]\ncontents: {files: [{path: /a, source: /dev/zero}]}\n".to_owned();
    let deb = "archs: [amd64]\ncontents:\n  repositories:\n    - deb [signed-by=/dev/zero] http://127.0.0.1:1 a b\n  \
               packages: [a]\n"
        .to_owned();
    for text in [certificates, file, deb] {
        machine.write("work/app.yaml", &text);
        machine.build().fails(3, &["/dev/zero"]);
        machine.assert_nothing_left();
    }
    machine.write("work/app.yaml", RECIPE);
    let ran = |config: &str| {
        let out = machine.command(&["build", "app.yaml"]).env("DISTIL_CONFIG", config).output();
        Ran::of(out.expect("distil starts"))
    };
    ran("/dev/zero").fails(3, &["cannot read settings /dev/zero: it is no regular file"]);
    // Everybody's word for an empty file.
    ran("/dev/null").good();
}

#[test]
fn files_that_fill_the_memory() {
    let machine = Machine::new();
    let large = |path: &Path| {
        let file = std::fs::File::create(path).expect("a file");
        // A hole: it takes no room on disk.
        file.set_len(1 << 40).expect("its length");
    };
    large(&machine.path("work/app.yaml"));
    machine.build().fails(3, &["app.yaml: it has more than 8388608 bytes"]);
    machine.write("work/app.yaml", RECIPE);
    large(&machine.path("work/app.lock"));
    machine.build().fails(3, &["app.lock: it has more than"]);
}

/// An image does not take the place of what it is made of; not where the build is remembered either.
#[test]
fn a_target_that_is_an_input() {
    let machine = Machine::new();
    machine.write("work/app.yaml", "include: ./below.yaml\n");
    machine.write("work/below.yaml", "archs: [amd64]\ncontents: {files: [{path: /a, source: a.txt}]}\n");
    machine.write("work/a.txt", "mine\n");
    machine.build().good();
    let before = ["app.yaml", "below.yaml", "app.lock", "a.txt"].map(|f| machine.read(&format!("work/{f}")));
    for file in ["app.yaml", "./below.yaml", "app.lock", "a.txt"] {
        for transport in ["docker-archive", "oci-archive"] {
            let target = format!("{transport}:{file}");
            let words = ["build", "app.yaml", "-o", &target];
            machine.distil(&words).fails(2, &[&format!("cannot write {target}"), "made of that file"]);
        }
    }
    machine.distil(&["apko", "build", "app.yaml", "a:1", "app.yaml"]).fails(2, &["made of that file"]);
    let after = ["app.yaml", "below.yaml", "app.lock", "a.txt"].map(|f| machine.read(&format!("work/{f}")));
    assert_eq!(before, after);
    machine.distil(&["build", "app.yaml", "-o", "docker-archive:new.tar"]).good();
    machine.distil(&["build", "app.yaml", "-o", "docker-archive:new.tar"]).good().says(&["nothing changed"]);
}
