//! Recipes that apko v0.30.34 cannot read, or that nothing else builds: the images are what they say.

use super::apko::{built_by_us, copied, to_made_up};
use super::upon::file_in;
use crate::distil::Home;

#[test]
fn images_are_what_their_options_say() {
    let (Some(examples), Some(taihen)) =
        (testkit::shared_data("apk/apko/examples"), testkit::shared_data("apk/locks/taihen"))
    else {
        testkit::skip!("no ../shared/data/apk");
    };
    let home = Home::new();
    let mut changes = to_made_up(&home.dir.path().join("made-up"));
    copied(&home, &examples, &changes);
    changes.push(("include: ".to_owned(), "include: examples/".to_owned()));
    copied(&home, &taihen, &changes);
    let built = |name: &str| built_by_us(&home, name, "amd64").config.config;
    let text = |name: &str, path: &str| {
        let layout = home.work().join(format!("ours-{name}"));
        String::from_utf8(file_in(&layout, "ours", path)).expect("text")
    };

    let config = built("package-certificates");
    assert_eq!(config.entrypoint.expect("an entrypoint"), ["/bin/sh", "-c"]);
    let image = super::apko::first(&home.work().join("ours-package-certificates"), "ours");
    let folder = "usr/local/share/ca-certificates/";
    let own = image.tree.entries().iter().map(|e| e.path.to_string());
    let own: Vec<String> = own.filter(|p| p.starts_with(folder) && p.len() > folder.len()).collect();
    assert_eq!(own.len(), 2, "{own:?}");
    let bundle = text("package-certificates", "etc/ssl/certs/ca-certificates.crt");
    for path in own {
        let pem = text("package-certificates", &path);
        let lines = pem.trim().lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>().join("\n");
        assert!(bundle.contains(&lines), "{path} is not in the bundle");
    }

    let config = built("runtime-keyring");
    assert_eq!(config.cmd.expect("a command"), ["/bin/sh", "-l"]);
    let key = text("runtime-keyring", "etc/apk/keys/example-mirror.rsa.pub");
    assert!(key.starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEF"), "{key}");
    let repositories = text("runtime-keyring", "etc/apk/repositories");
    assert_eq!(repositories.lines().last(), Some("https://packages.example.com/os"));
    let lock = std::fs::read_to_string(home.work().join("examples/runtime-keyring.lock")).expect("the lock");
    assert!(!lock.contains("packages.example.com"), "{lock}");

    let config = built("debug");
    assert_eq!(
        (config.user.as_str(), config.entrypoint.expect("an entrypoint")),
        ("0", vec!["/bin/sh".to_owned(), "-l".to_owned()])
    );
    assert_eq!(config.labels["org.opencontainers.image.title"], "Distroless Debug Image");
    assert!(text("debug", "etc/passwd").contains("\nnonroot:x:65532:65532:"));
    let asked = text("debug", "etc/apk/world");
    for name in ["glibc", "tzdata", "wolfi-base", "wolfi-baselayout"] {
        assert!(asked.lines().any(|line| line == name), "{asked}");
    }
}
