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

#[test]
fn a_file_that_is_not_there() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    let files = "  files:\n    - {path: /etc/app.toml, source: app.toml}\n";
    machine.write("work/app.yaml", archive.recipe(&["hello"]) + files);
    machine.build().fails(3, &["app.toml"]);
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
