//! What `distil` sees in an image of Alpine's packages, against what the real apk says of the tree that
//! `distil extract` takes out of it.

use std::collections::BTreeSet;

use super::{alpine, written};
use crate::distil::{Home, done};

fn of_apk(apk: &testkit::apk::ApkRoot<'_>, words: &[&str]) -> BTreeSet<String> {
    let said = done(apk.command(&[], None).args(words).output().expect("apk runs"));
    said.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect()
}

#[test]
fn apk_names_the_same_packages_and_the_same_files() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let apk = match testkit::apk::real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let home = Home::new();
    let recipe = written(&home, "looked", &source.recipe("alpine-base openssh", ""));
    home.run(&["build", &recipe, "-t", "looked", "-q"]);
    home.run(&["extract", "looked", "/", "-o", "root", "-q"]);
    let root = home.work().join("root");
    let apk = apk.at(&root);

    let inspected: serde_json::Value =
        serde_json::from_str(&home.run(&["inspect", "looked", "--json"])).expect("JSON");
    let packages = inspected["packages"].as_array().expect("packages");
    let text = |v: &serde_json::Value| v.as_str().expect("text").to_owned();
    let ours: BTreeSet<String> =
        packages.iter().map(|p| format!("{}-{}", text(&p["name"]), text(&p["version"]))).collect();
    assert_eq!(ours, of_apk(&apk, &["info", "-v"]));
    assert_eq!(inspected["size"]["unowned"], 0);

    let mut seen = 0;
    for package in packages {
        let name = text(&package["name"]);
        let tree = home.run(&["tree", "looked", "--package", &name, "--json"]);
        let tree: serde_json::Value = serde_json::from_str(&tree).expect("JSON");
        let fits = tree["files"].as_array().expect("files").iter().filter(|f| f["fits"] == true);
        let ours: BTreeSet<String> = fits
            .filter(|f| f["kind"] != "directory")
            .map(|f| text(&f["path"]).trim_start_matches('/').to_owned())
            .collect();
        assert_eq!(ours, of_apk(&apk, &["info", "-q", "-L", &name]), "{name}");
        seen += ours.len();
    }
    assert!(seen > 300, "{seen} files");
    // What came out is what apk's database says that it is.
    let audit = apk.audit().expect("apk audit");
    let changed: Vec<_> =
        audit.iter().filter(|l| l.starts_with("U ") && !l.ends_with("etc/apk/world")).collect();
    assert!(changed.is_empty(), "{changed:?}");
}
