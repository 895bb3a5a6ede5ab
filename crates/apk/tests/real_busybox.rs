//! The tables of real busyboxes, beside what they say themselves.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

use std::process::Command;

use apk::applet_paths;

/// A file of a package, read by another reader than ours.
fn body(data: &str, package: &str, file: &str) -> Option<Vec<u8>> {
    let package = testkit::shared_data(data)?.join(package);
    let tar = Command::new("tar").arg("-xzOf").arg(&package).arg(file).output().unwrap();
    assert!(!tar.stdout.is_empty(), "{} {file}", package.display());
    Some(tar.stdout)
}

#[test]
fn the_tables_say_what_the_list_beside_them_says() {
    let of = |file| body("apk/alpine-3.19.1-iso/x86_64", "busybox-1.36.1-r15.apk", file);
    let (Some(program), Some(list)) = (of("bin/busybox"), of("etc/busybox-paths.d/busybox")) else {
        testkit::skip!("no packages of Alpine 3.19.1")
    };
    let mut paths = applet_paths(&program).unwrap();
    let mut listed: Vec<String> = String::from_utf8(list).unwrap().lines().map(str::to_owned).collect();
    paths.sort();
    listed.sort();
    assert_eq!(paths.len(), 304);
    assert_eq!(paths, listed);
}

#[test]
fn without_a_list_they_say_what_the_program_says() {
    let data = "apk/alpine-3.13.4-rpi/aarch64";
    let Some(program) = body(data, "busybox-1.32.1-r5.apk", "bin/busybox") else {
        testkit::skip!("no packages of Alpine 3.13.4")
    };
    let paths = applet_paths(&program).unwrap();
    // SHA-256 of what `busybox --list-full` of that program prints, run by qemu.
    let printed = format!("{}\n", paths.join("\n"));
    let sum = "sha256:16ef9fca5d99f9988f1bdd201ef243816fe0d0ae7cea22b0f6fee88afb5aa002";
    assert_eq!((paths.len(), oci::Digest::of(printed.as_bytes()).to_string().as_str()), (299, sum));
}
