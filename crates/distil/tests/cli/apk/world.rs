//! Several package lines of one name.

use super::{later, recipe, serve};
use crate::run::Machine;

/// The repository's two versions of a library, a pin in an included recipe, and this recipe's own words.
fn asks(included: &str, own: &[&str]) -> (crate::run::Archive, Machine) {
    let archive = serve(later);
    let machine = super::machine(&archive, own);
    machine.write("work/below.yaml", recipe(&[&archive.url()], &[included], &["made-up-1.rsa.pub"]));
    let text = recipe(&[&archive.url()], own, &["made-up-1.rsa.pub"]);
    machine.write("work/app.yaml", format!("include: below.yaml\n{text}"));
    (archive, machine)
}

#[test]
fn the_last_line_counts_and_the_lost_one_is_said() {
    let (_archive, machine) = asks("libhello<1.1", &["libhello>0", "hello"]);
    let said = machine.build().good().stderr;
    let text = "`libhello<1.1` (below.yaml:8) does not count: `libhello>0` (app.yaml:9) has the last word, as on apk's \
                command line; `--compat apko` takes both";
    assert!(said.contains(text), "{said}");
    assert_eq!(said.matches("does not count").count(), 1, "{said}");
    let lock = machine.read("work/app.lock");
    assert!(lock.contains("name = \"libhello\"\nversion = \"1.1-r0\""), "{lock}");
    assert!(!lock.contains("libhello <1.1") && lock.contains("package libhello >0"), "{lock}");
    // The line that lost its word is not missed in the lock.
    machine.distil(&["build", "app.yaml", "--locked"]).good();
}

#[test]
fn apko_takes_all_lines() {
    let (_archive, machine) = asks("libhello<1.1", &["libhello>0", "hello=1.0-r0"]);
    let said = machine.distil(&["build", "app.yaml", "--compat", "apko"]).good().stderr;
    assert!(!said.contains("does not count"), "{said}");
    let lock = machine.read("work/app.lock");
    assert!(lock.contains("name = \"libhello\"\nversion = \"1.0-r0\""), "{lock}");
}

#[test]
fn a_line_without_a_wish_loses_nothing_to_a_pin_and_all_to_a_conflict() {
    let (_archive, machine) = asks("libhello", &["libhello=1.0-r0", "hello=1.0-r0"]);
    assert!(!machine.build().good().stderr.contains("does not count"));
    let (_archive, machine) = asks("!other<3", &["other", "hello"]);
    let said = machine.build().good().stderr;
    assert!(said.contains("`!other<3` (below.yaml:8) does not count: `other` (app.yaml:9)"), "{said}");
    assert!(machine.read("work/app.lock").contains("name = \"other\""));
    let (_archive, machine) = asks("other", &["!other<3", "hello"]);
    let said = machine.build().good().stderr;
    assert!(said.contains("`other` (below.yaml:8) does not count: `!other<3` (app.yaml:9)"), "{said}");
    assert!(!machine.read("work/app.lock").contains("name = \"other\""));
}
