//! Directories of packages that have one name: in two projects of one machine, and in one recipe.

use testkit::{ApkKey, ApkPackage, ApkRepository, Package};

use crate::run::Machine;

fn apk(version: &str, built: u64) -> ApkPackage {
    ApkPackage::new("hello", version).built(built).file("usr/bin/hello", 0o755, version)
}

/// `work/PROJECT/packages` with a recipe beside it.
fn project(machine: &Machine, name: &str, key: Option<usize>, package: ApkPackage) {
    let dir = machine.path("work").join(name);
    std::fs::create_dir_all(&dir).expect("a directory");
    let repository = ApkRepository::new(&dir.join("packages")).add(package);
    let keyring = match key {
        Some(key) => {
            let published = repository.publish(&ApkKey::test_only(key));
            format!("keyring: [{}], ", published.key_file().display())
        }
        None => {
            repository.unsigned().publish(&ApkKey::test_only(1));
            String::new()
        }
    };
    let text =
        format!("archs: [amd64]\ncontents: {{{keyring}repositories: [./packages], packages: [hello]}}\n");
    machine.write(&format!("work/{name}/app.yaml"), text);
}

/// What this machine saw in one project's `./packages` says nothing of another's.
#[test]
fn of_two_projects() {
    let machine = Machine::new();
    let (then, now) = (1_735_689_600, 1_735_689_600 + 86_400);
    project(&machine, "signed", Some(1), apk("2-r0", now));
    project(&machine, "older", Some(2), apk("1-r0", then));
    project(&machine, "unsigned", None, apk("1-r0", then));
    for name in ["signed", "older", "unsigned"] {
        machine.distil(&["build", &format!("{name}/app.yaml")]).good();
    }
    // Of each alone it is remembered, whichever way it is named: back it does not go, with or without a lock.
    project(&machine, "signed", Some(1), apk("1-r0", then));
    std::fs::remove_file(machine.path("work/signed/app.lock")).expect("a lock");
    machine.distil(&["build", "signed/app.yaml"]).fails(5, &["./packages", "older"]);
    let whole = machine.path("work/signed/app.yaml");
    machine.distil(&["build", &whole.display().to_string()]).fails(5, &["./packages", "older"]);
}

/// A recipe and what it includes each mean the directory beside themselves.
#[test]
fn of_one_recipe() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("work/base")).expect("a directory");
    for (dir, name) in [("work/packages", "own"), ("work/base/packages", "below")] {
        let package = ApkPackage::new(name, "1-r0").file(&format!("usr/{name}"), 0o644, name);
        ApkRepository::new(&machine.path(dir)).add(package).unsigned().publish(&ApkKey::test_only(1));
    }
    let text = |directory: &str, package: &str| {
        format!("contents: {{repositories: [{directory}], packages: [{package}]}}\n")
    };
    machine.write("work/base/base.yaml", text("./packages", "below"));
    let above = "include: base/base.yaml\narchs: [amd64]\n".to_owned();
    machine.write("work/app.yaml", above.clone() + &text("./packages", "own"));
    let words = ["`./packages`", "base/packages", "another name"];
    machine.build().fails(3, &words);
    machine.assert_nothing_left();
    // As the hint says.
    machine.write("work/base/base.yaml", text("base/packages", "below"));
    machine.build().good();
    // One directory that both name is no two.
    machine.write("work/base/base.yaml", text("../packages", "own"));
    machine.write("work/app.yaml", above.clone() + &text("./packages", "own"));
    machine.build().good();
}

#[test]
fn of_one_deb_recipe() {
    let machine = Machine::new();
    for (dir, name) in [("work/debs", "own"), ("work/base/debs", "below")] {
        std::fs::create_dir_all(machine.path(dir)).expect("a directory");
        let deb = Package::new(name, "1").file(&format!("/usr/{name}"), name).deb();
        machine.write(&format!("{dir}/{name}.deb"), deb);
    }
    let text = |directory: &str, package: &str| {
        format!("contents: {{repositories: [{directory}], packages: [{package}]}}\n")
    };
    machine.write("work/base/base.yaml", text("./debs", "below"));
    let above = "include: base/base.yaml\narchs: [amd64]\n".to_owned();
    machine.write("work/app.yaml", above + &text("./debs", "own"));
    machine.build().fails(3, &["`./debs`", "base/debs", "another name"]);
    machine.assert_nothing_left();
    machine.write("work/base/base.yaml", text("base/debs", "below"));
    machine.build().good();
}
