//! Repositories with a tag: what the image says of them is what the real apk writes.

use std::path::Path;
use std::process::Command;

use testkit::apk::{ApkKey, ApkPackage, ApkRepository, PublishedApk, RealApk};

use super::upon::file_in;
use super::{apko, written};
use crate::distil::{Home, done};

/// What the recipe and apk's command line ask for.
const ASKED: [&str; 5] = ["plain", "both@edge", "new@edge>1", "bare@edge", "odd@edge"];

fn package(name: &str, version: &str) -> ApkPackage {
    ApkPackage::new(name, version).arch("x86_64").built(1_700_000_000)
}

fn with_file(name: &str, version: &str) -> ApkPackage {
    package(name, version).directory("usr", 0o755).file(&format!("usr/{name}"), 0o644, name)
}

/// One without a tag and one with; `both` is in either, and `needed` comes with what needs it.
fn repositories(dir: &Path) -> (PublishedApk, PublishedApk) {
    let main = ApkRepository::new(&dir.join("main")).add_all([
        with_file("plain", "1-r0"),
        with_file("both", "1-r0"),
        with_file("new", "1-r0"),
    ]);
    let edge = ApkRepository::new(&dir.join("edge")).add_all([
        with_file("both", "1-r0"),
        with_file("new", "2-r0").depends("needed").replaces("plain"),
        with_file("needed", "1-r0"),
        package("bare", "1-r0"),
        with_file("odd", "1-r0").replaces("new").replaces_priority(3),
    ]);
    (main.publish(&ApkKey::test_only(1)), edge.publish(&ApkKey::test_only(1)))
}

/// The real apk with the tree and its own list of repositories.
fn command(apk: &RealApk, root: &Path, keys: &Path) -> Command {
    let mut command = apk.command();
    command.arg("--root").arg(root).args(["--no-cache", "--no-progress", "--keys-dir"]).arg(keys);
    command
}

#[test]
fn tags_of_an_image_are_those_that_apk_writes() {
    let apk = match testkit::apk::real_apk() {
        Ok(apk) => apk,
        Err(why) => testkit::skip!("{why}"),
    };
    let home = Home::new();
    let (main, edge) = repositories(home.dir.path());
    let lines = format!("{}\n@edge {}\n", main.root().display(), edge.root().display());
    let key = main.key_file();
    let listed = ASKED.map(|p| format!("\"{p}\"")).join(", ");
    let repositories = lines.lines().map(|l| format!("\"{l}\"")).collect::<Vec<_>>().join(", ");
    let recipe = format!(
        "archs: [amd64]\ncontents:\n  repositories: [{repositories}]\n  keyring: [{}]\n  packages: [{listed}]\n",
        key.display()
    );
    let recipe = written(&home, "tagged", &recipe);
    home.run(&["build", &recipe, "-o", "oci:image:tagged", "-q"]);
    // From the lock, too: it knows the tags.
    home.run(&["build", &recipe, "-o", "oci:again:tagged", "-q", "--frozen"]);
    let layout = home.work().join("image");
    let text = |layout: &Path, path: &str| String::from_utf8(file_in(layout, "tagged", path)).expect("text");

    let root = home.dir.path().join("root");
    std::fs::create_dir_all(root.join("etc/apk")).expect("a folder");
    std::fs::write(root.join("etc/apk/repositories"), &lines).expect("a file");
    let keys = key.parent().expect("a folder");
    let add = command(&apk, &root, keys).args(["add", "--initdb", "--no-scripts"]).args(ASKED).output();
    let add = add.expect("apk runs");
    if String::from_utf8_lossy(&add.stderr).contains("Operation not permitted") {
        testkit::skip!("apk needs root to give files their owners");
    }
    done(add);
    for path in ["lib/apk/db/installed", "etc/apk/world", "etc/apk/repositories"] {
        let theirs = std::fs::read_to_string(root.join(path)).expect("a file");
        assert_eq!(text(&layout, path), theirs, "{path}");
        assert_eq!(text(&home.work().join("again"), path), theirs, "{path}");
    }
    assert_eq!(text(&layout, "lib/apk/db/installed").matches("\ns:edge\n").count(), 4);

    // In the image apk has nothing to do, or what it has in its own tree.
    let image = home.dir.path().join("laid-out");
    std::fs::create_dir(&image).expect("a folder");
    let blobs = image::Layout::open(&layout).expect("a layout");
    for layer in apko::first(&layout, "tagged").manifest.layers {
        let tar = Command::new("tar")
            .arg("-xzf")
            .arg(blobs.blob_path(&layer.digest))
            .arg("-C")
            .arg(&image)
            .output();
        done(tar.expect("tar runs"));
    }
    let world = text(&layout, "etc/apk/world");
    for words in [vec!["add"], vec!["upgrade"], [vec!["add"], world.split_whitespace().collect()].concat()] {
        let say = |root: &Path| {
            let mut command = command(&apk, root, keys);
            done(command.args(&words[..1]).arg("--simulate").args(&words[1..]).output().expect("apk runs"))
        };
        // Of what is in either kind of repository apk 2.14 notes no tag, and then wants to note it.
        let said = say(&image);
        assert_eq!(said, say(&root), "{words:?}");
        let changes = said.lines().filter(|l| !l.starts_with("OK: ") && !l.contains("Updating pinning both"));
        assert_eq!(changes.collect::<Vec<_>>(), [""; 0], "{words:?}");
    }
}
