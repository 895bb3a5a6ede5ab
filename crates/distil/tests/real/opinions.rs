//! Second opinions: skopeo and umoci read what we write, and see what we say.

use std::path::Path;
use std::process::Command;

use rootfs::Tree;

use crate::distil::{Home, built, digests, done, has};
use crate::trees::{differences, walk};

#[test]
fn skopeo_sees_our_digest() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    if !has("skopeo") {
        testkit::skip!("no skopeo");
    }
    let out =
        home.run(&["build", "base", "-o", "oci:layout", "-o", "oci:layout:named", "--variant", "latest"]);
    let (_, ours) = digests(&out).remove(0);
    for name in ["layout:base", "layout:named"] {
        let raw = Command::new("skopeo")
            .args(["inspect", "--raw"])
            .arg(format!("oci:{name}"))
            .current_dir(home.work())
            .output();
        let raw = raw.expect("skopeo runs");
        assert!(raw.status.success(), "{}", String::from_utf8_lossy(&raw.stderr));
        assert_eq!(oci::Digest::of(&raw.stdout).to_string(), ours);
    }
    let to = home.work().join("copied");
    let copy = Command::new("skopeo")
        .args(["copy", "--all", "--insecure-policy", "oci:layout:base"])
        .arg(format!("oci:{}:base", to.display()))
        .current_dir(home.work())
        .output()
        .expect("skopeo runs");
    assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
}

#[test]
fn umoci_unpacks_the_tree_that_we_meant() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    if let Some(why) = cannot_unpack() {
        testkit::skip!("{why}");
    }
    for image in ["static", "base", "cc"] {
        let ours = tree_of(home, image, "amd64", "latest");
        let theirs = unpacked(&home.work(), &format!("one-{image}-amd64-latest"), image);
        assert_eq!(differences(&ours, &theirs), Vec::<String>::new(), "{image}");
        assert!(ours.entries().len() > 500, "{image} has {} entries", ours.entries().len());
    }
}

/// Why umoci cannot make our owners and attributes here.
pub(crate) fn cannot_unpack() -> Option<&'static str> {
    let user = Command::new("id").arg("-u").output().map(|o| o.stdout).unwrap_or_default();
    let reasons = [
        (!has("umoci"), "no umoci"),
        (!has("skopeo"), "no skopeo"),
        (user != b"0\n", "not root: owners cannot be made"),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, why)| why)
}

/// What umoci makes of an image in a layout below `work`.
pub(crate) fn unpacked(work: &Path, layout: &str, image: &str) -> Tree {
    // umoci takes a manifest, not an index of one.
    let (from, flat) = (format!("oci:{layout}:{image}"), format!("flat-{layout}"));
    let mut copy = Command::new("skopeo");
    copy.args([
        "copy",
        "-q",
        "--insecure-policy",
        "--override-arch",
        "amd64",
        &from,
        &format!("oci:{flat}:x"),
    ]);
    done(copy.current_dir(work).output().expect("skopeo runs"));
    let bundle = work.join(format!("bundle-{layout}"));
    let mut umoci = Command::new("umoci");
    umoci.args(["unpack", "--image", &format!("{flat}:x")]).arg(&bundle).current_dir(work);
    done(umoci.output().expect("umoci runs"));
    walk(&bundle.join("rootfs"))
}

/// Builds one image into the layout `one-IMAGE-ARCH-VARIANT` and gives the tree we meant. In the store, which tests
/// share, it has a name of its own: the image's is for all platforms.
pub(crate) fn tree_of(home: &Home, image: &str, arch: &str, variant: &str) -> Tree {
    let layout = format!("one-{image}-{arch}-{variant}");
    let to = format!("oci:{layout}:{image}");
    home.run(&["build", image, "--arch", arch, "--variant", variant, "-t", &layout, "-o", &to, "-q"]);
    valid_in(&home.work().join(layout), image).images.remove(0).tree
}

/// The image of that name in a layout, checked to the last byte.
pub(crate) fn valid_in(layout: &Path, name: &str) -> image::Validated {
    let layout = image::Layout::open(layout).expect("a layout");
    let valid = image::validate(&layout, name).expect("validate reads it");
    assert!(valid.problems.is_empty(), "{:?}", valid.problems);
    valid
}
