//! Second opinions: skopeo and umoci read what we write, and see what we say.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::distil::{Home, built, digests, has};

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
    if !has("umoci")
        || !has("skopeo")
        || Command::new("id").arg("-u").output().map(|o| o.stdout != b"0\n").unwrap_or(true)
    {
        testkit::skip!("no umoci or skopeo, or not root: owners cannot be made");
    }
    for image in ["static", "base", "cc"] {
        home.run(&[
            "build",
            image,
            "--arch",
            "amd64",
            "--variant",
            "latest",
            "-o",
            &format!("oci:one-{image}"),
            "-q",
        ]);
        let bundle = home.work().join(format!("bundle-{image}"));
        // umoci takes a manifest, not an index of one.
        let flat = format!("oci:flat-{image}:x");
        let copy = Command::new("skopeo")
            .args([
                "copy",
                "--insecure-policy",
                "--override-arch",
                "amd64",
                &format!("oci:one-{image}:{image}"),
                &flat,
            ])
            .current_dir(home.work())
            .output()
            .expect("skopeo runs");
        assert!(copy.status.success(), "{}", String::from_utf8_lossy(&copy.stderr));
        let run = Command::new("umoci")
            .args(["unpack", "--image", &format!("flat-{image}:x")])
            .arg(&bundle)
            .current_dir(home.work())
            .output()
            .expect("umoci runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let theirs = on_disk(&bundle.join("rootfs"));
        let ours = in_layout(home, image);
        let differ: Vec<_> = ours
            .iter()
            .filter(|(path, line)| theirs.get(*path) != Some(line))
            .map(|(path, line)| format!("{path}: ours {line}, theirs {:?}", theirs.get(path)))
            .chain(theirs.keys().filter(|p| !ours.contains_key(*p)).map(|p| format!("{p}: only theirs")))
            .collect();
        assert!(differ.is_empty(), "{image}: {differ:#?}");
        assert!(ours.len() > 500, "{image} has {} entries", ours.len());
    }
}

type Listing = BTreeMap<String, String>;

/// Mode, owner, content or target, and whether it is a hard link, by path.
fn on_disk(root: &Path) -> Listing {
    use std::os::unix::fs::MetadataExt;
    let mut out = Listing::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let path = entry.path();
            let meta = std::fs::symlink_metadata(&path).expect("an entry");
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let what = if meta.is_symlink() {
                format!("link {}", std::fs::read_link(&path).expect("a link").display())
            } else if meta.is_dir() {
                todo.push(path.clone());
                format!("dir {:04o}", meta.mode() & 0o7777)
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                format!(
                    "file {:04o} {} {}",
                    meta.mode() & 0o7777,
                    bytes.len(),
                    oci::Digest::of(&bytes).short()
                )
            };
            out.insert(name, format!("{what} {}:{}", meta.uid(), meta.gid()));
        }
    }
    out
}

fn in_layout(home: &Home, image: &str) -> Listing {
    let layout = image::Layout::open(home.work().join(format!("one-{image}"))).expect("a layout");
    let valid = image::validate(&layout, image).expect("validate reads it");
    assert!(valid.problems.is_empty(), "{:?}", valid.problems);
    let tree = &valid.images[0].tree;
    let mut out = Listing::new();
    for e in tree.entries().iter().filter(|e| !e.path.is_empty()) {
        let file = |b: &rootfs::Body| format!("file {:04o} {} {}", e.mode, b.size, b.digest.short());
        let what = match &e.node {
            rootfs::Node::Dir => format!("dir {:04o}", e.mode),
            rootfs::Node::Symlink(target) => format!("link {target}"),
            rootfs::Node::File(body) => file(body),
            rootfs::Node::Hardlink(to) => match tree.get(to).map(|t| &t.node) {
                Some(rootfs::Node::File(body)) => file(body),
                other => panic!("{}: a link to {other:?}", e.path),
            },
            rootfs::Node::Special(d) => format!("{d:?}"),
        };
        out.insert(e.path.to_string(), format!("{what} {}:{}", e.uid, e.gid));
    }
    out
}
