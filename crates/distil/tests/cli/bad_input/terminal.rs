//! What others write is shown as text, and commands no terminal.

use testkit::{ApkKey, ApkRepository};

use crate::run::{Machine, Ran};

/// Nothing but line ends on either stream.
#[track_caller]
fn harmless(ran: Ran) -> Ran {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
    ran
}

#[test]
fn a_recipe_and_a_lock() {
    let machine = Machine::new();
    machine.write("work/app.yaml", "archs: [amd64]\ncontents:\n  \"p\x1b]0;x\u{9b}2J\": [a]\n");
    let raw = harmless(machine.build()).says(&["\"p\\x1B]0;x\\xC2\\x9B2J\": [a]", "app.yaml:3:5"]);
    assert_eq!(raw.code, Some(3));
    machine.write("work/app.yaml", "archs: [amd64]\ncontents:\n  \"p\\e[2J\": [a]\n");
    harmless(machine.build()).fails(3, &["unknown key `p\\x1B[2J`", "app.yaml:3:3"]);
    machine.write("work/app.yaml", "archs: [amd64]\ncontents: {files: [{path: /a, content: x}]}\n");
    machine.write("work/app.lock", "version = 1 \x1b[2J\r no\n");
    harmless(machine.build()).fails(3, &["app.lock", "\\x1B[2J"]);
}

/// The signer's name of an index that is not verified stands in the error and in its hint.
#[test]
fn the_name_of_a_signer() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("repo")).expect("a directory");
    let key = ApkKey::test_only(1);
    let repository = ApkRepository::new(&machine.path("repo")).add_all(crate::apk::plain());
    machine.write("work/key.rsa.pub", key.public_pem());
    repository.publish(&key.named("a\x1b[8m\nerror: b.rsa.pub"));
    let text = format!(
        "archs: [x86_64]\ncontents:\n  repositories: [{}]\n  keyring: [key.rsa.pub]\n  packages: [hello]\n",
        machine.path("repo").display()
    );
    machine.write("work/app.yaml", text);
    harmless(machine.build()).fails(5, &["a\\x1B[8m\\x0Aerror: b"]);
}
