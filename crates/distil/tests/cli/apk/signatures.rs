//! Packages' own signatures, of which an index says nothing: two files of one name, hash and size may differ in
//! them.

use testkit::apk::{Algorithm, ApkKey, ApkPackage, ApkRepository, Signer};

use super::{hello, machine, plain, recipe, serve};
use crate::run::Machine;

const FILE: &str = "x86_64/hello-1.0-r0.apk";

fn signed_by(number: usize) -> Signer {
    let key = ApkKey::test_only(number).named(ApkKey::test_only(1).file_name());
    Signer::new(&key, Algorithm::Rsa256)
}

/// The library, and a program of some content.
fn world(program: ApkPackage) -> Vec<ApkPackage> {
    plain().into_iter().take(1).chain([program]).collect()
}

/// A signature is compressed, and may take a byte more or less: a program of which both take as many.
fn program() -> ApkPackage {
    let program = |n: u32| hello(format!("program {n}").as_bytes());
    let len = |n: u32, key: usize| program(n).build(&[signed_by(key)]).bytes().len();
    program((0..64).find(|n| len(*n, 1) == len(*n, 2)).expect("signatures of one length"))
}

#[test]
fn a_package_that_is_signed_anew_is_taken() {
    let archive = serve(|| world(program()));
    let machine = machine(&archive, &["hello"]);
    let genuine = std::fs::read(archive.path(FILE)).expect("the package");
    let bad = program().build(&[signed_by(2)]).bytes();
    assert_eq!(bad.len(), genuine.len());
    std::fs::write(archive.path(FILE), bad).expect("a package");
    machine.build().fails(5, &["hello 1.0-r0", "made-up-1.rsa.pub"]);
    std::fs::write(archive.path(FILE), genuine).expect("the package");
    machine.build().good();
}

/// What was unpacked while no key was known is judged once one is.
#[test]
fn a_signature_is_judged_however_long_the_package_is_here() {
    let machine = Machine::new();
    let dir = machine.path("work/packages");
    let folder = dir.join("x86_64");
    std::fs::create_dir_all(&folder).expect("a folder");
    let built = ApkPackage::new("hello", "1.0-r0").file("usr/bin/hello", 0o755, "x").build(&[signed_by(2)]);
    std::fs::write(dir.join(FILE), built.bytes()).expect("a package");
    let index = |signers: &[Signer]| {
        let index = ApkRepository::new(&dir).index(&[built.record("x86_64")], signers);
        std::fs::write(folder.join("APKINDEX.tar.gz"), index).expect("an index");
    };
    index(&[]);
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &[]));
    machine.build().good();
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    index(&[signed_by(1)]);
    machine.write("work/made-up-1.rsa.pub", ApkKey::test_only(1).public_pem());
    machine.write("work/app.yaml", recipe(&["./packages"], &["hello"], &["made-up-1.rsa.pub"]));
    machine.build().fails(5, &["hello 1.0-r0", "made-up-1.rsa.pub"]);
}

/// The very bytes that a signed index names, and malformed: not the mirror's fault.
#[test]
fn a_malformed_package_that_is_properly_signed() {
    let archive = serve(|| world(program().control_member("usr", 0o644, "no control file")));
    let machine = machine(&archive, &["hello"]);
    let words = ["hello 1.0-r0", "`usr`", "every mirror has the same"];
    let ran = machine.distil(&["lock", "app.yaml"]).fails(3, &words);
    assert!(!ran.stderr.contains("use another mirror"), "{}", ran.stderr);
}
