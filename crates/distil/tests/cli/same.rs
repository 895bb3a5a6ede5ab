//! The same answer for everybody, and a remembered one for nobody else's program.

use std::ffi::OsStr;

use testkit::{Package, World};

use crate::run::{Archive, Machine, by_another_process, is_root, plain_world};

/// Modes, links and an owner of its own: what a user's rights could change, were anything unpacked.
fn owned_world() -> World {
    plain_world().package(
        Package::new("owned", "1")
            .dir("/var/spool/owned", 0o2770)
            .file_with("/etc/owned.secret", 0o600, (0, 42), "x")
            .file_with("/usr/bin/owned", 0o755, (13, 13), "\x7fELF not really")
            .symlink("/usr/bin/also", "owned")
            .hardlink("/usr/bin/again", "/usr/bin/owned"),
    )
}

/// Root and a user without rights, each with directories of their own.
#[test]
fn another_user_makes_the_same_image() {
    if !is_root() {
        testkit::skip!("not root, so there is no second user to be");
    }
    let archive = Archive::serve(&owned_world());
    for open in [archive.path(""), archive.path("archive-key.asc")] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(open, PermissionsExt::from_mode(0o755)).expect("a mode");
    }
    let (root, other) = (Machine::new(), Machine::new());
    for machine in [&root, &other] {
        machine.recipe(&archive, &["hello", "owned"]);
        machine.write("work/own.sh", "#!/bin/true\n");
        let files = "  files: [{path: /opt/own.sh, source: own.sh}]\n";
        machine.write("work/app.yaml", archive.recipe(&["hello", "owned"]) + files);
    }
    let expected = root.build().good().digests();
    let Some(ran) = other.as_nobody(&["build", "app.yaml"]) else { testkit::skip!("no setpriv") };
    assert_eq!(ran.good().digests(), expected);
    assert_eq!(root.read("work/app.lock"), other.read("work/app.lock"));
    let owner = |sub: &str| std::os::unix::fs::MetadataExt::uid(&other.path(sub).metadata().expect(sub));
    assert_eq!((owner("cache/blobs"), owner("data/images")), (65534, 65534), "it was another user");
}

/// Another distil may make another image of the same inputs: what one remembers is no answer of another,
/// though the version is the same.
#[test]
fn a_rebuilt_distil_does_not_believe_the_old_ones_answer() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    let program = machine.own_distil();
    let build = || {
        let own = machine.command(&["build", "app.yaml"]);
        let mut command = std::process::Command::new(&program);
        command.args(["build", "app.yaml"]).current_dir(machine.path("work")).env_clear();
        own.get_envs().for_each(|(k, v)| {
            v.map(|v| command.env(k, v));
        });
        let out = command.output().expect("distil starts");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        (out.stdout, String::from_utf8_lossy(&out.stderr).contains("nothing changed"))
    };
    let (right, warm) = build();
    assert!(!warm);
    assert_eq!(build(), (right.clone(), true));
    // A byte after its end is nothing to the loader: the same program, and another file.
    by_another_process("echo >> \"$0\"", &[program.as_os_str()]);
    assert_eq!(build(), (right.clone(), false), "the old answer was believed");
    assert_eq!(build(), (right.clone(), true));
    // A file of the same size, in the place of the old one.
    let last = (program.metadata().expect("the copy").len() - 1).to_string();
    let replace =
        "cp \"$0\" \"$0.new\"; printf ' ' | dd of=\"$0.new\" bs=1 conv=notrunc seek=\"$1\" 2>/dev/null
        mv \"$0.new\" \"$0\"";
    by_another_process(replace, &[program.as_os_str(), OsStr::new(&last)]);
    assert_eq!(build(), (right, false), "the old answer was believed");
}
