//! Two architectures of which one has a newer version than the other.

use testkit::{ApkKey, ApkPackage, ApkRepository};

use crate::run::Machine;

/// `hello` 1.0 for both, 1.1 for x86_64 alone.
fn ahead(machine: &Machine) {
    let dir = machine.path("repo");
    std::fs::create_dir(&dir).expect("a directory");
    let hello = |version: &str, arch: &str| {
        ApkPackage::new("hello", version).arch(arch).file("usr/bin/hello", 0o755, version)
    };
    let all = vec![hello("1.0-r0", "x86_64"), hello("1.1-r0", "x86_64"), hello("1.0-r0", "aarch64")];
    let published = ApkRepository::new(&dir).add_all(all).publish(&ApkKey::test_only(1));
    let text = |more: &str| {
        format!(
            "archs: [x86_64, aarch64]\ncontents:\n  repositories: [{}]\n  keyring: [{}]\n  packages: [hello{more}]\n",
            published.root().display(),
            published.key_file().display()
        )
    };
    machine.write("work/app.yaml", text(""));
    machine.write("work/newest.yaml", text("=1.1-r0"));
}

#[test]
fn apk_takes_the_newest_of_each_and_it_is_said() {
    let machine = Machine::new();
    ahead(&machine);
    machine.build().good().says(&[
        "not every platform has the same versions: hello (1.1-r0 on linux/amd64, 1.0-r0 on linux/arm64/v8)",
        "--compat apko",
    ]);
}

#[test]
fn apko_takes_what_all_have() {
    for words in [
        &["build", "app.yaml", "--compat", "apko"][..],
        &["apko", "build", "app.yaml", "a:1", "a.tar"],
        &["apko", "build", "app.yaml", "a:1", "a.tar", "--compat", "apko"],
    ] {
        let machine = Machine::new();
        ahead(&machine);
        let said = machine.distil(words).good().stderr;
        assert!(!said.contains("same versions"), "{said}");
        let lock = machine.read("work/app.lock");
        assert_eq!(lock.matches("version = \"1.0-r0\"").count(), 2, "{lock}");
    }
}

#[test]
fn what_one_has_not_is_an_error_that_names_it() {
    for more in [&["--compat", "apko"][..], &[]] {
        let machine = Machine::new();
        ahead(&machine);
        let words = [&["apko", "build", "newest.yaml", "a:1", "a.tar"], more].concat();
        machine.distil(&words).fails(6, &["hello=1.1-r0", "1.1-r0", "arm64 has it not"]);
        // Of that architecture alone there is nothing to compare.
        machine.distil(&[&words[..], &["--arch", "x86_64"]].concat()).good();
    }
}
