use serde_json::Value;

use crate::somebodys::{self, file};

#[test]
fn a_page_is_written_whole_and_the_same_twice() {
    let machine = somebodys::machine();
    let ran = machine.distil(&["report", "oci:foreign:it"]).good().says(&["wrote report.html"]);
    assert_eq!(ran.stdout, "", "data goes into the file");
    let page = machine.read("work/report.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for text in ["Debian GNU/Linux 13 (trixie)", "0.5.12-12", "BuildKit", "no user is set, which is root"] {
        assert!(page.contains(text), "no `{text}` in the page");
    }
    // Over the file that is there.
    machine.distil(&["report", "oci:foreign:it", "-q"]).good();
    assert_eq!(machine.read("work/report.html"), page);
    let out = machine.distil(&["report", "oci:foreign:it", "-o", "-"]).good();
    assert_eq!(out.stdout, page);
}

#[test]
fn its_data_as_json() {
    let machine = somebodys::machine();
    somebodys::put(&machine, "old", &[("x", vec![file("etc/motd", "old\n")])], &[]);
    let ran = machine.distil(&["report", "oci:foreign:it", "--against", "oci:old:it", "--json"]).good();
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(json["schema"], 0);
    let image = &json["report"]["image"];
    assert_eq!((&image["name"], &image["platform"]), (&"oci:foreign:it".into(), &"linux/amd64".into()));
    assert_eq!(image["packages"][0]["name"], "dash");
    let files = image["files"].as_array().expect("files");
    let find = |path: &str| files.iter().find(|f| f["path"] == path).unwrap_or_else(|| panic!("no {path}"));
    assert_eq!((&find("usr/bin/sh")["role"], &find("usr/bin/sh")["package"]), (&"shell".into(), &0.into()));
    assert_eq!(find("srv/app")["mode"], 0o4755);
    assert_eq!(json["report"]["against"]["name"], "oci:old:it");
    let surface = json["report"]["surface"].as_array().expect("the attack surface");
    let shells = surface.iter().find(|f| f["category"] == "shells").expect("shells");
    assert_eq!(shells["what"], serde_json::json!(["/usr/bin/ash", "/usr/bin/dash", "/usr/bin/sh"]));
    let changed = json["report"]["changes"]["files"].as_array().expect("changed files");
    assert!(changed.iter().any(|f| f["path"] == "etc/motd" && f["mark"] == "changed"), "{changed:?}");
    assert!(!machine.path("work/report.html").exists(), "with --json a page only where -o says");
    machine.distil(&["report", "oci:foreign:it", "--json", "-o", "page.html"]).good();
    assert!(machine.read("work/page.html").contains("</html>"));
}

#[test]
fn what_cannot_be_reported_is_said() {
    let machine = somebodys::machine();
    machine.distil(&["report", "oci:foreign:gone"]).fails(3, &["gone"]);
    machine.distil(&["report", "nothing"]).fails(3, &["cannot find `nothing:latest`"]);
    machine.distil(&["report", "oci:foreign:it", "-o", "."]).fails(2, &["it is a directory", "report.html"]);
    // With --json a failure is a document, too.
    let both = machine.distil(&["report", "oci:foreign:it", "--json", "-o", "-"]);
    assert!(both.code == Some(2) && both.stderr.contains("both to standard output"), "{both:?}");
    machine.distil(&["report", "oci:foreign:it", "--platform", "linux/arm64"]).fails(2, &["linux/arm64"]);
    assert!(!machine.path("work/report.html").exists(), "nothing is left of a failure");
}

/// Engines run a user as the last `etc/passwd` of the layers says, so that is the one that counts.
#[test]
fn a_user_is_who_the_last_account_file_says() {
    let machine = crate::run::Machine::new();
    let accounts = |uid: u32| file("etc/passwd", &format!("app:x:{uid}:{uid}::/:/bin/sh\n"));
    let layers = [("twice in one layer", vec![accounts(65532), accounts(0)])];
    somebodys::put_with_user(&machine, "twice", &layers, &[], "app");
    let ran = machine.distil(&["report", "oci:twice:it", "--json"]).good();
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(
        json["report"]["image"]["config"]["run_as"]["uid"], 0,
        "{}",
        json["report"]["image"]["config"]
    );
}
