//! A world like Wolfi's: glibc, merged `/usr`, libraries where only `ld.so.conf.d` says.

use std::process::Command;

use elf::ld_so_cache::{Cache, read};

use crate::world::{Made, World, recipe};

fn composed() -> Result<Made, String> {
    let mut packages = testkit::apk::wolfi_like_packages("x86_64")?;
    // What merges the directories comes last: the order of installation must not matter.
    packages.rotate_left(1);
    let asked = recipe("wolfi-base, openssl, posix-libc-utils", "");
    Ok(World::of(&packages).compose(&asked, "x86_64").unwrap_or_else(|e| panic!("{e}")))
}

fn shown(cache: &Cache) -> Vec<String> {
    let line =
        |l: &elf::ld_so_cache::Library| format!("{} => {} {:x} {:?}", l.soname, l.path, l.flags, l.hwcaps);
    cache.libraries.iter().map(line).collect()
}

#[test]
fn the_library_cache_is_ldconfigs() {
    let made = match composed() {
        Ok(made) => made,
        Err(why) => testkit::skip!("{why}"),
    };
    assert_eq!(made.line("bin"), "0777 0:0 -> usr/bin");
    assert_eq!(made.line("usr/sbin"), "0777 0:0 -> bin");
    assert!(made.tree().get("usr/lib/apk/db/installed").is_some());
    assert!(made.line("usr/bin/sh").ends_with("/bin/busybox"), "{}", made.line("usr/bin/sh"));
    let ours = read(&made.bytes("etc/ld.so.cache")).unwrap();
    let lines = shown(&ours);
    assert!(
        lines.iter().any(|l| l.starts_with("libzstd.so.1 => /usr/lib/libzstd1/libzstd.so.1 303")),
        "{lines:#?}"
    );
    assert_eq!(lines.iter().filter(|l| l.starts_with("libc.so.6 =>")).count(), 1, "{lines:#?}");
    assert_eq!(ours.generator, "ldconfig (GNU libc) stable release version 2.43");

    let dir = tempfile::tempdir().unwrap();
    made.lay_out(dir.path()).unwrap();
    let run = Command::new(dir.path().join("usr/bin/ldconfig")).arg("-X").arg("-r").arg(dir.path()).output();
    match run {
        Ok(run) if run.status.success() => {}
        other => testkit::skip!("cannot run ldconfig in a tree: {other:?}"),
    }
    let theirs = read(&std::fs::read(dir.path().join("etc/ld.so.cache")).unwrap()).unwrap();
    assert_eq!(lines, shown(&theirs));
    assert_eq!(ours.unused_hwcaps, theirs.unused_hwcaps);
}
