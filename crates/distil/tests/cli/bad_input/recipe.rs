//! Recipes that cannot be meant.

use crate::run::{Archive, Machine, plain_world};

#[test]
fn misspelt_key() {
    let machine = Machine::new();
    machine.write("work/app.yaml", "archs: [amd64]\ncontents:\n  packges: [hello]\n");
    let place = " --> app.yaml:3:3\n  |\n3 |   packges: [hello]\n  |   ^^^^^^^\n";
    machine.build().fails(3, &["unknown key `packges` in `contents`", place, "did you mean `packages`?"]);
}

#[test]
fn no_such_recipe() {
    let machine = Machine::new();
    machine.build().fails(3, &["app.yaml"]);
    machine.distil(&["build", "bse"]).fails(3, &["bse", "base"]);
}

#[test]
fn a_key_file_that_is_not_there() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    std::fs::remove_file(archive.path("archive-key.asc")).expect("the key");
    machine.build().fails(3, &["archive-key.asc"]);
}

/// Before anything is fetched, and no lock is left.
#[test]
fn a_file_that_is_not_there() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    let file = "  files:\n    - {path: /etc/app.toml, source: app.toml}\n";
    let certificate = "certificates: {additional: [corp.pem]}\n";
    for (more, name) in [(file, "app.toml"), (certificate, "corp.pem")] {
        machine.write("work/app.yaml", archive.recipe(&["hello"]) + more);
        machine.build().fails(3, &[name, "app.yaml names", "beside the recipe"]);
        machine.assert_nothing_left();
    }
    assert_eq!(archive.requests(), 0);
}

#[test]
fn nothing_to_put_into_the_image() {
    let machine = Machine::new();
    for text in ["{}", "archs: [amd64]\n", "contents: {distribution: debian-13}\nvariants: {x: {}}\n"] {
        machine.write("work/app.yaml", text);
        machine.build().fails(3, &["names nothing to put into", "`contents.packages`", "`contents.files`"]);
        machine.distil(&["lock", "app.yaml"]).fails(3, &["names nothing"]);
        machine.assert_nothing_left();
    }
}

/// Without an archive there is no date to speak of.
#[test]
fn only_files_of_the_users() {
    let machine = Machine::new();
    machine.write("work/app.yaml", "archs: [amd64]\ncontents: {files: [{path: /a, content: x}]}\n");
    let ran = machine.build().good().says(&["takes nothing from an archive"]);
    assert!(!ran.stderr.contains("1970"), "{}", ran.stderr);
}

/// One file has one name, however the path goes round.
#[test]
fn includes_in_a_circle() {
    let machine = Machine::new();
    machine.write("work/loop.yaml", "include: ././loop.yaml\n");
    for typed in ["loop.yaml", "./loop.yaml", "././loop.yaml"] {
        let ran = machine.distil(&["build", typed]);
        ran.fails(3, &["go in a circle: loop.yaml → loop.yaml", "loop.yaml:1:10"]);
    }
}

#[test]
fn distributions_that_are_none() {
    let machine = Machine::new();
    for (word, near) in [
        ("debian-99", "debian-13"),
        ("debian", "debian-13"),
        ("Debian-13", "debian-13"),
        ("trixie", "debian-13"),
        ("bookworm", "debian-12"),
        ("debain-12", "debian-12"),
        ("wolfy", "wolfi"),
    ] {
        machine.write("work/app.yaml", format!("contents: {{distribution: {word}, packages: [x]}}\n"));
        machine.build().fails(3, &[&format!("did you mean `{near}`?"), "known are debian-12"]);
    }
}

#[test]
fn a_way_of_slimming_that_is_not_there_is_not_taken_for_another() {
    let machine = Machine::new();
    machine.write(
        "work/app.yaml",
        "archs: [amd64]\ncontents: {distribution: debian-13, packages: [netbase], slim: reach}\n",
    );
    machine.build().fails(3, &["does not slim by `reach`", "`slim: classes`"]);
}
