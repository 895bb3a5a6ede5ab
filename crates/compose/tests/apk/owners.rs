//! Whose files are that packages give to somebody by name, beside the real apk.

use std::os::unix::fs::MetadataExt;

use rootfs::Owner;
use testkit::apk::{ApkKey, ApkPackage, ApkRepository, installed_lines, real_apk};

use crate::world::{World, recipe};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1001::/:/bin/sh\nwww:x:82:82::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\napp:x:1001:\nwww:x:82:\n";

/// In install order: each needs the one before.
fn packages() -> [ApkPackage; 3] {
    let layout = ApkPackage::new("layout", "1-r0")
        .directory("etc", 0o755)
        .named("www", "www")
        .file("etc/passwd", 0o644, PASSWD)
        .file("etc/group", 0o644, GROUP)
        .file("etc/shadow", 0o640, "root:*::0:::::\n")
        .owner(0, 42);
    let first = ApkPackage::new("first", "1-r0")
        .depends("layout")
        .directory("srv", 0o755)
        .directory("var/www", 0o700)
        .owner(7, 7)
        .named("www", "www")
        .directory("var/app", 0o750)
        .owner(5, 5)
        .named("app", "app")
        .file("usr/bin/own", 0o4755, "own")
        .owner(5, 5)
        .named("app", "www")
        .hard_link("usr/bin/own2", "usr/bin/own")
        .owner(5, 5)
        .named("app", "www")
        .symlink("usr/bin/link", "own")
        .owner(5, 5)
        .named("app", "app")
        .file("usr/bin/unknown", 0o644, "u")
        .owner(77, 78)
        .named("nobody-here", "root")
        .file("usr/bin/x", 0o755, "x")
        .named("app", "app")
        .file("usr/bin/y", 0o755, "y")
        .named("app", "app");
    let second = ApkPackage::new("second", "1-r0")
        .depends("first")
        .replaces("first")
        .directory("srv", 0o777)
        .owner(3, 3)
        .named("www", "www")
        .directory("var/www", 0o755)
        .owner(50, 50)
        .named("app", "app")
        .file("usr/bin/x", 0o4755, "root's own")
        .symlink("usr/bin/y", "../../etc/shadow");
    [layout, first, second]
}

#[test]
fn names_in_an_archive_give_only_its_own_files() {
    let made = World::of(&packages()).compose(&recipe("second", ""), "x86_64").unwrap();
    assert_eq!(made.line("usr/bin/x"), "4755 0:0 file \"root's own\"", "the setuid file of another package");
    assert_eq!(made.line("etc/shadow"), "0640 0:42 file \"root:*::0:::::\\n\"", "behind another's link");
    assert_eq!(made.line("srv"), "0755 0:0 dir", "the lowest owner's");
    assert_eq!(made.line("var/www"), "0700 82:82 dir", "by their numbers here, not in the archive");
    assert_eq!(made.line("usr/bin/own"), "4755 1001:82 file \"own\"");
}

#[test]
fn owners_by_name_are_apks() {
    let apk = match real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    if !std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        testkit::skip!("apk needs root to give files their owners");
    }
    let dir = tempfile::tempdir().unwrap();
    let published = ApkRepository::new(&dir.path().join("r")).add_all(packages());
    let published = published.publish(&ApkKey::test_only(1));
    let root = apk.root();
    // apk reads the names before the first package brings them, and again only after a script.
    std::fs::create_dir_all(root.path().join("etc")).unwrap();
    for (name, text) in [("passwd", PASSWD), ("group", GROUP)] {
        std::fs::write(root.path().join("etc").join(name), text).unwrap();
    }
    let keys = published.key_file().parent().unwrap();
    let log = root.add(&[published.root()], keys, &["second"]).unwrap();
    let mut world = World::default();
    for (name, version) in installed_lines(&log) {
        world.add(&std::fs::read(published.path(&format!("x86_64/{name}-{version}.apk"))).unwrap());
    }
    assert_eq!(world.packages.len(), 3, "{log}");
    let made = world.compose(&recipe("second", ""), "x86_64").unwrap();
    let mut compared = 0;
    // What apk itself makes (devices, its database) is not the matter here.
    let packages = made.tree().entries().iter().filter(|e| matches!(e.owner, Owner::Package(_)));
    for entry in packages {
        let path = entry.path.to_string();
        let found =
            std::fs::symlink_metadata(root.path().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        let ours = (entry.mode, entry.uid, entry.gid);
        assert_eq!(ours, (found.mode() & 0o7777, found.uid(), found.gid()), "{path}");
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
    let owners = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| ["F:", "R:", "M:", "a:"].iter().any(|p| l.starts_with(p)));
        lines.map(str::to_owned).collect()
    };
    let theirs = std::fs::read_to_string(root.path().join("lib/apk/db/installed")).unwrap();
    assert_eq!(owners(&made.text("lib/apk/db/installed")), owners(&theirs));
}
