//! Packages upon an image below: whose file a path is.

use testkit::apk::ApkPackage;

use crate::world::{Made, World, recipe};

/// The image's own database, where every image of apk's has it.
const DATABASE: &str = "lib/apk/db/installed";

/// What the image has: two packages, one of them with a file that others may want.
const INSTALLED: &str = "P:below\nV:1-r0\no:below\nt:7\nF:usr\nF:usr/bin\nR:tool\na:0:0:755\nZ:Q1qqqqqqqqqqqqqqqqqqqqqqqqqqo=\nR:other\n\n";

fn world(packages: &[ApkPackage], listed: &str) -> World {
    let mut world = World::of(packages);
    let files = [
        ("usr/bin/tool", "theirs"),
        ("usr/bin/other", "other"),
        ("usr/bin/free", "x"),
        (DATABASE, INSTALLED),
    ];
    world.stand_upon(&files, listed);
    world
}

fn composed(packages: &[ApkPackage], listed: &str) -> Made {
    world(packages, listed).compose(&recipe("new", ""), "x86_64").unwrap_or_else(|e| panic!("{e}"))
}

fn database(made: &Made) -> String {
    made.text(DATABASE)
}

#[test]
fn a_file_of_a_package_of_the_image_is_no_free_place() {
    let new = ApkPackage::new("new", "2-r0").file("usr/bin/tool", 0o644, "ours");
    let error = world(&[new], INSTALLED).compose(&recipe("new", ""), "x86_64").err().expect("a conflict");
    assert_eq!(
        error.to_string(),
        "cannot merge /usr/bin/tool: both below (of the base image) and new bring it"
    );
    // What no package of the image has is nobody's.
    let new = ApkPackage::new("new", "2-r0").file("usr/bin/free", 0o644, "ours");
    assert_eq!(composed(&[new], INSTALLED).text("usr/bin/free"), "ours");
}

#[test]
fn who_replaces_a_package_of_the_image_owns_the_file_alone() {
    for new in
        [ApkPackage::new("new", "2-r0").replaces("below"), ApkPackage::new("new", "2-r0").origin("below")]
    {
        let made = composed(&[new.file("usr/bin/tool", 0o644, "ours")], INSTALLED);
        assert_eq!(made.text("usr/bin/tool"), "ours");
        let text = database(&made);
        assert_eq!(text.matches("R:tool\n").count(), 1, "{text}");
        assert!(text.contains("F:usr/bin\nR:other\n\n"), "{text}");
    }
}

#[test]
fn what_both_bring_alike_stays_the_images() {
    let new = ApkPackage::new("new", "2-r0").file("usr/bin/tool", 0o644, "theirs");
    let made = composed(&[new], INSTALLED);
    let text = database(&made);
    assert_eq!(text.matches("R:tool\n").count(), 1, "{text}");
    assert!(made.tree().get("usr/bin/tool").is_none(), "it is in the layer again");
}

#[test]
fn the_images_own_database_counts() {
    let index = "P:below\nV:1-r0\no:below\nt:7\n\nP:unlisted\nV:3-r0\n\n";
    let new = ApkPackage::new("new", "2-r0").file("usr/bin/new", 0o644, "ours");
    let text = database(&composed(&[new], index));
    assert!(text.starts_with(INSTALLED), "{text}");
    assert!(text.contains("P:new\n") && text.contains("P:unlisted\n"), "{text}");
}
