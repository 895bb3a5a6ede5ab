//! Upon an image of somebody's: apko's example, of Alpine's packages.

use std::path::Path;
use std::process::Command;

use super::{Source, alpine, apko, written};
use crate::distil::Home;
use crate::docker::load;

/// Where apko's example has the image and the list of its packages.
const IMAGE: &str = "examples/on_top_of_base/base_image";
const PACKAGES: &str = "examples/on_top_of_base/apkindexes/x86_64";

/// Is it a recipe upon an image?
pub(super) fn is(recipe: &Path) -> bool {
    std::fs::read_to_string(recipe).expect("the recipe").contains("baseimage:")
}

/// Builds Alpine's base where the example looks for it, and lists its packages as apko wants it.
pub(super) fn put_base(home: &Home, source: &Source) {
    let more = "environment: {WHO: below}\nentrypoint: {command: /bin/sh -l}\n";
    let recipe = written(home, "below", &source.recipe("alpine-base", more));
    std::fs::create_dir_all(home.work().join(PACKAGES)).expect("a folder");
    home.run(&["build", &recipe, "-o", &format!("oci:{IMAGE}:below"), "-q"]);
    let database = file_in(&home.work().join(IMAGE), "below", "lib/apk/db/installed");
    std::fs::write(home.work().join(PACKAGES).join("APKINDEX"), database).expect("a file");
}

/// A file of the last layer that has it.
pub(super) fn file_in(layout: &Path, name: &str, path: &str) -> Vec<u8> {
    let image = apko::first(layout, name);
    let layout = image::Layout::open(layout).expect("a layout");
    let read = |layer: &oci::Descriptor| {
        let mut tar = Command::new("tar");
        tar.arg("-xzOf").arg(layout.blob_path(&layer.digest)).arg(path);
        tar.output().ok().filter(|out| out.status.success()).map(|out| out.stdout)
    };
    image.manifest.layers.iter().rev().find_map(read).expect("the file")
}

/// What the recipe says of the image, before its packages.
const UPON: &str = "  baseimage: {image: ./examples/on_top_of_base/base_image, apkindex: ./examples/on_top_of_base/apkindexes}\n";

fn recipe(source: &Source, packages: &str) -> String {
    source.recipe(packages, "").replace("contents:\n", &format!("contents:\n{UPON}"))
}

#[test]
fn packages_stand_upon_an_image_which_stays_as_it_is() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let home = Home::new();
    put_base(&home, &source);
    let top = written(&home, "top", &recipe(&source, "musl openssh"));
    home.run(&["build", &top, "-o", "oci:top:top", "-q"]);
    let below = apko::first(&home.work().join(IMAGE), "below");
    let layout = image::Layout::open(home.work().join("top")).expect("a layout");
    let checked = image::validate(&layout, "top").expect("an image");
    assert_eq!(checked.problems, [""; 0]);
    let above = &checked.images[0];
    let count = below.manifest.layers.len();
    assert_eq!(above.manifest.layers[..count], below.manifest.layers[..]);
    assert_eq!(above.config.rootfs.diff_ids[..count], below.config.rootfs.diff_ids[..]);
    assert_eq!(above.config.history[..below.config.history.len()], below.config.history[..]);
    assert_eq!(above.config.config.entrypoint, below.config.config.entrypoint);
    assert_eq!(above.config.config.env, below.config.config.env);
    assert!(above.config.created >= below.config.created);
    // Nothing of it is gone or other but what apk keeps of packages.
    let differ = rootfs::diff(&below.tree, &above.tree);
    let changed = differ.iter().filter(|d| d.before.is_some()).map(|d| d.path.to_string());
    assert_eq!(changed.collect::<Vec<_>>(), ["etc/apk/world", "lib/apk/db/installed"]);
    let database = file_in(&home.work().join("top"), "top", "lib/apk/db/installed");
    let names: Vec<String> = String::from_utf8_lossy(&database)
        .lines()
        .filter_map(|l| l.strip_prefix("P:").map(str::to_owned))
        .collect();
    assert!(names.is_sorted() && names.len() == 36, "{names:?}");
    let lock = std::fs::read_to_string(home.work().join("top.lock")).expect("the lock");
    assert!(lock.contains("below linux/amd64 ./examples/on_top_of_base/base_image sha256:"), "{lock}");
    assert!(!lock.contains("name = \"musl\""), "{lock}");
}

#[test]
fn another_image_below_is_another_request() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let home = Home::new();
    put_base(&home, &source);
    let top = written(&home, "top", &recipe(&source, "openssh"));
    home.run(&["build", &top, "-o", "oci:top:top", "-q"]);
    home.run(&["build", &top, "-o", "oci:top:top", "-q", "--locked"]);
    std::fs::remove_dir_all(home.work().join(IMAGE)).expect("a folder");
    let other = source.recipe("alpine-base", "environment: {WHO: other}\n");
    let other = written(&home, "other", &other);
    home.run(&["build", &other, "-o", &format!("oci:{IMAGE}:below"), "-q"]);
    let ran = home.command().args(["build", &top, "--locked"]).output().expect("distil runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && said.contains("has drifted from its lock"), "{said}");
    let ran = home.command().args(["build", &top]).output().expect("distil runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success() && said.contains("unsigned base image ./examples/"), "{said}");
}

#[test]
fn what_an_image_below_has_in_another_version_is_an_error() {
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let home = Home::new();
    put_base(&home, &source);
    for (packages, expected) in [
        ("musl>9", "cannot put musl>9 upon ./examples/on_top_of_base/base_image: it has musl 1.2.4_git"),
        ("!zlib", "cannot put !zlib upon ./examples/on_top_of_base/base_image: it has zlib 1.3"),
    ] {
        let packages = format!("\"{packages}\"");
        let top = written(&home, "top", &recipe(&source, &format!("openssh {packages}")));
        let ran = home.command().args(["build", &top]).output().expect("distil runs");
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success() && said.contains(expected), "{said}");
    }
}

#[test]
fn apk_finds_the_packages_of_both() {
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let Some(source) = alpine() else { testkit::skip!("no ../shared/data/apk") };
    let home = Home::new();
    put_base(&home, &source);
    let top = written(&home, "upon", &recipe(&source, "openssh"));
    load(&home, &docker, &["build", &top, "-t", "upon", "--load", "-q"]);
    let say = |script: &str| {
        let words = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", "upon", "-c", script];
        docker.run(&words).unwrap_or_else(|e| panic!("{e}"))
    };
    assert_eq!(say("apk audit --system"), "");
    assert_eq!(
        say("echo $WHO; cat /etc/apk/world; apk info | wc -l").split_whitespace().collect::<Vec<_>>(),
        ["below", "alpine-base", "openssh", "36"]
    );
    assert!(say("ssh -V 2>&1").starts_with("OpenSSH_9.6"));
}
