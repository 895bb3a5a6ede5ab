use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use crate::run::Machine;
use crate::somebodys::{self, file};
use testkit::tar::Entry;

#[test]
fn a_file_goes_to_standard_output_or_to_a_file() {
    let machine = somebodys::machine();
    assert_eq!(machine.distil(&["extract", "oci:foreign:it", "/etc/motd"]).good().stdout, "goodbye\n");
    // Through links of the image.
    assert_eq!(machine.distil(&["extract", "oci:foreign:it", "bin/sh", "-o", "-"]).good().stdout, "#!elf");
    machine
        .distil(&["extract", "oci:foreign:it", "/srv/app", "-o", "out/app"])
        .good()
        .says(&["wrote /srv/app to out/app (1 entry, 15 B)"]);
    let app = std::fs::metadata(machine.path("work/out/app")).unwrap();
    assert_eq!((app.permissions().mode() & 0o7777, app.mtime()), (0o755, 1_735_689_600));
}

#[test]
fn a_directory_goes_to_a_new_one() {
    let machine = somebodys::machine();
    machine.distil(&["extract", "oci:foreign:it", "/usr", "-o", "usr"]).good();
    assert_eq!(machine.read("work/usr/lib/libc.so.6"), "a libc, long ago");
    assert_eq!(std::fs::read_link(machine.path("work/usr/bin/sh")).unwrap().to_str(), Some("dash"));
    let inode = |path: &str| std::fs::metadata(machine.path(path)).unwrap().ino();
    assert_eq!(inode("work/usr/bin/ash"), inode("work/usr/bin/dash"));
    machine
        .distil(&["extract", "oci:foreign:it", "/usr", "-o", "usr"])
        .fails(7, &["usr", "name a directory that is not there yet"]);
}

#[test]
fn a_directory_goes_to_a_tar() {
    let machine = somebodys::machine();
    let out = machine.command(&["extract", "oci:foreign:it", "/"]).output().unwrap();
    assert!(out.status.success());
    std::fs::write(machine.path("all.tar"), &out.stdout).unwrap();
    let list = Command::new("tar").arg("-tvf").arg(machine.path("all.tar")).output().expect("tar");
    let text = String::from_utf8_lossy(&list.stdout);
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    for line in ["usr/bin/sh -> dash", "usr/bin/dash link to usr/bin/ash", "srv/own.conf", "-rwsr-xr-x"] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
    assert!(!text.contains("tmp/build"), "{text}");
}

#[test]
fn what_tar_unpacks_has_its_modes_and_times() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let machine = Machine::new();
    let old = |mut entry: Entry| {
        entry.mtime = 86_400;
        entry
    };
    let entries = vec![
        old(Entry::dir("d/", 0o555)),
        old(Entry::dir("d/e/", 0o750)),
        old(file("d/f", "1")),
        old(Entry::hardlink("d/e/g", "d/f")),
        old(Entry::symlink("d/e/s", "g")),
    ];
    somebodys::put(&machine, "times", &[("ADD . /", entries)], &[]);
    let out = machine.command(&["extract", "oci:times:it", "/"]).output().unwrap();
    std::fs::write(machine.path("all.tar"), &out.stdout).unwrap();
    std::fs::create_dir(machine.path("there")).unwrap();
    let (tar, there) = (machine.path("all.tar"), machine.path("there"));
    let ran = Command::new("tar").arg("-xpf").arg(tar).arg("-C").arg(&there).output().expect("tar");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    for (path, mode) in [("d", 0o555), ("d/e", 0o750), ("d/f", 0o644)] {
        let found = std::fs::metadata(there.join(path)).unwrap();
        assert_eq!((found.permissions().mode() & 0o7777, found.mtime()), (mode, 86_400), "{path}");
    }
    assert_eq!(std::fs::metadata(there.join("d/e/g")).unwrap().nlink(), 2);
}

#[test]
fn nothing_leaves_the_directory() {
    let machine = Machine::new();
    let outside = machine.path("outside").display().to_string();
    std::fs::create_dir(machine.path("outside")).unwrap();
    let layers = [
        (
            "evil",
            vec![
                Entry::dir("d/", 0o755),
                Entry::symlink("d/out", &outside),
                Entry::symlink("d/up", "../../../../../../outside"),
                file("d/abs", "1"),
            ],
        ),
        ("evil 2", vec![file("d/out/x", "planted"), Entry::symlink("d/zz", "/etc/passwd")]),
    ];
    somebodys::put(&machine, "evil", &layers, &[]);
    machine.distil(&["extract", "oci:evil:it", "/d", "-o", "d"]).good();
    assert_eq!(std::fs::read_dir(machine.path("outside")).unwrap().count(), 0, "something was planted");
    assert_eq!(machine.read("work/d/out/x"), "planted");
    // A link that leads out of the image leads to the image's own root.
    machine.distil(&["extract", "oci:evil:it", "/d/zz"]).fails(
        3,
        &["cannot extract /d/zz of oci:evil:it: it is a link to /etc/passwd, and nothing is there"],
    );
    machine.distil(&["extract", "oci:evil:it", "/d/up"]).fails(3, &["outside, and nothing is there"]);
    let climbing = [("evil", vec![file("../../outside/x", "planted")])];
    somebodys::put(&machine, "climbing", &climbing, &[]);
    machine.distil(&["extract", "oci:climbing:it", "/", "-o", "e"]).fails(3, &["climbs"]);
    assert!(!machine.path("work/e").exists());
}

#[test]
fn a_damaged_layer_leaves_nothing() {
    let machine = somebodys::machine();
    machine.distil(&["inspect", "oci:foreign:it"]).good();
    for blob in machine.files("work/foreign/blobs") {
        if std::fs::read(&blob).unwrap().starts_with(&[0x1f, 0x8b]) {
            crate::run::flip(&blob);
        }
    }
    // What was read is remembered; the bytes are read again.
    let ran = machine.distil(&["extract", "oci:foreign:it", "/usr", "-o", "usr"]);
    assert!(matches!(ran.code, Some(3 | 5)), "{:?} {}", ran.code, ran.stderr);
    assert!(!machine.path("work/usr").exists());
    let left = std::fs::read_dir(machine.path("work")).unwrap().flatten();
    assert_eq!(left.map(|e| e.file_name()).collect::<Vec<_>>(), ["foreign"]);
}

#[test]
fn what_a_layer_took_away_is_below_it() {
    let machine = somebodys::machine();
    let at = |words: &[&str], layer: &str| {
        let words = [words, &["--up-to-layer", layer]].concat();
        machine.distil(&words)
    };
    let cache = ["extract", "oci:foreign:it", "/tmp/build/cache"];
    let way = "`distil extract oci:foreign:it /tmp/build/cache --up-to-layer 1` takes it from there";
    machine.distil(&cache).fails(3, &["layer 2 deleted it", way]);
    assert_eq!(at(&cache, "1").good().stdout, "0123456789");
    at(&cache, "2").fails(3, &["layer 2 deleted it"]);
    // What is replaced above is as it was, and what is added above is not there.
    let motd = ["extract", "oci:foreign:it", "/etc/motd"];
    assert_eq!(
        (at(&motd, "2").good().stdout, at(&motd, "3").good().stdout),
        ("hello\n".into(), "goodbye\n".into())
    );
    let listed = at(&["tree", "oci:foreign:it"], "1").good().stdout;
    assert!(listed.contains("cache") && !listed.contains("srv"), "{listed}");
    let told = at(&["why", "oci:foreign:it", "/etc/motd"], "2").good().stdout;
    assert!(told.contains("layer 1 added it") && !told.contains("layer 3"), "{told}");
    for none in ["0", "4"] {
        let hints = ["it has 3 layers", "the lowest is 1; `distil history` tells of each"];
        at(&cache, none).fails(2, &hints);
    }
}

#[test]
fn an_empty_path_is_no_root() {
    let machine = somebodys::machine();
    for verb in ["extract", "why", "tree"] {
        machine.distil(&[verb, "oci:foreign:it", ""]).fails(2, &["it is empty; the root is `/`"]);
    }
}

/// As after `| head -c1`: nothing failed.
#[test]
fn a_reader_that_went_away_is_no_fault() {
    let machine = somebodys::machine();
    for path in ["/etc/motd", "/usr"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = machine.command(&["extract", "oci:foreign:it", path, "-q"]);
        let ended = command.stdout(writer).output().expect("distil runs");
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]), "{path}");
    }
}
