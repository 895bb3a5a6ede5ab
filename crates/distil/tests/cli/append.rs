use std::os::unix::fs::PermissionsExt;

use rootfs::Node;
use testkit::Compression;
use testkit::registry::{Registry, Setup};
use testkit::tar::{Entry, tar};

use crate::foreign::{put, put_layers, sound};
use crate::run::Machine;

/// A base whose `/lib` is a link, as Debian's.
fn merged_usr(machine: &Machine) {
    put_layers(machine, "in", "1", &["linux/amd64", "linux/arm64"], |platform| {
        vec![tar(&[
            Entry::symlink("lib", "usr/lib"),
            Entry::dir("usr", 0o755),
            Entry::dir("usr/lib", 0o711),
            Entry::file("usr/lib/platform", 0o644, platform),
        ])]
    });
}

#[test]
fn files_go_where_the_images_links_lead() {
    let machine = Machine::new();
    merged_usr(&machine);
    machine.write("work/app", "#!/bin/true\n");
    std::fs::set_permissions(machine.path("work/app"), PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::create_dir_all(machine.path("work/conf/sub")).unwrap();
    machine.write("work/conf/sub/a.toml", "a = 1\n");
    let words = ["append", "oci:in:1", "--file", "app:/lib/app/", "--file", "conf:/etc/app", "-o"];
    let once = machine.distil(&[&words[..], &["oci:out:1"]].concat()).good().digests();
    let again = machine.distil(&[&words[..], &["oci-archive:again.tar"]].concat()).good().digests();
    assert_eq!(once, again, "the same files give the same digest");
    let valid = sound(&machine, "out", "1");
    assert_eq!(valid.images.len(), 2);
    let before = sound(&machine, "in", "1");
    for (image, old) in valid.images.iter().zip(&before.images) {
        assert_eq!(image.manifest.layers[..1], old.manifest.layers[..]);
        assert_eq!(image.config.config, old.config.config);
        assert_eq!(image.config.history.last().unwrap().created_by.as_deref(), Some("distil append"));
        assert_eq!(image.manifest.annotations, old.manifest.annotations);
        let entry = |path: &str| image.tree.get(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(matches!(&entry("lib").node, Node::Symlink(to) if to == "usr/lib"), "the link stays");
        assert_eq!((entry("usr/lib/app/app").mode, entry("usr/lib/app/app").uid), (0o755, 0));
        assert_eq!(entry("usr/lib").mode, 0o711, "a directory that is there stays as it is");
        assert_eq!(entry("etc/app/sub/a.toml").mode, 0o644);
    }
}

#[test]
fn an_archive_keeps_its_owners_and_links() {
    let (machine, registry) = (Machine::new(), Registry::start(Setup::default()));
    merged_usr(&machine);
    let archive = tar(&[
        Entry::dir("lib", 0o755),
        Entry::file("lib/a", 0o640, "a").owned(7, 8),
        Entry::hardlink("lib/b", "lib/a"),
        Entry::symlink("lib/c", "a"),
    ]);
    machine.write("work/x.tar.gz", Compression::Gzip.compress(&archive));
    let to = format!("{}/acme/app:1", registry.host());
    machine.distil(&["append", "oci:in:1", "--tar", "x.tar.gz", "-o", &to]).good();
    machine.distil(&["copy", &to, "oci:out:1"]).good();
    let image = &sound(&machine, "out", "1").images[0];
    let a = image.tree.get("usr/lib/a").unwrap();
    assert_eq!((a.mode, a.uid, a.gid), (0o640, 7, 8));
    assert!(image.tree.get("usr/lib/b").is_some() && image.tree.get("usr/lib/c").is_some());
    registry.check().unwrap();
    let words = ["append", "oci:in:1", "--tar", "x.tar.gz", "--owner", "65532", "--platform", "linux/arm64"];
    machine.distil(&[&words[..], &["--compression", "zstd", "-o", "oci:out:2"]].concat()).good();
    let valid = sound(&machine, "out", "2");
    assert_eq!(valid.images.len(), 1);
    let a = valid.images[0].tree.get("usr/lib/a").unwrap();
    assert_eq!((a.uid, a.gid), (65532, 65532));
}

#[test]
fn what_is_hostile_or_cannot_be_is_refused() {
    let machine = Machine::new();
    merged_usr(&machine);
    machine.write("work/app", "x");
    let refused = |entries: &[Entry], word: &str| {
        machine.write("work/x.tar", tar(entries));
        let ran = machine.distil(&["append", "oci:in:1", "--tar", "x.tar", "-o", "oci:out:1"]);
        ran.fails(3, &["x.tar", word]);
        assert!(!machine.path("work/out").exists());
    };
    refused(&[Entry::file("../x", 0o644, "")], "member");
    refused(&[Entry::file("/etc/../../x", 0o644, "")], "member");
    refused(&[Entry::file("usr/.wh.lib", 0o644, "")], "would take a file of the image away");
    refused(&[Entry::char_device("dev", 1, 3)], "a device or a pipe");
    refused(&[Entry::hardlink("x", "nothing")], "x");
    refused(&[Entry::file("x", 0o644, "").claims(1 << 40)], "cannot");
    let append = |words: &[&str], code: i32, said: &[&str]| {
        machine.distil(&[&["append", "oci:in:1", "-o", "oci:out:1"], words].concat()).fails(code, said);
    };
    append(&["--file", "app:/usr"], 3, &["cannot append /usr: a directory is there", "distil tree"]);
    append(&["--file", "app:/usr/lib/platform/x"], 3, &["no directory"]);
    append(&["--file", "app"], 2, &["no path in the image", "--file app:/opt/app"]);
    append(&["--file", "app:/../x"], 2, &["no path of a file in an image"]);
    append(&["--file", "nothing:/x"], 3, &["cannot read nothing"]);
    append(&["--file", "app:/x", "--owner", "me"], 2, &["images have numbers"]);
    put(&machine, "other", "1", &["linux/amd64"]);
    let words = ["append", "oci:other:1", "--file", "app:/x", "--platform", "linux/s390x", "-o", "y"];
    machine.distil(&words).fails(2, &["cannot find linux/s390x"]);
}
