//! Engines keep what we wrote: Docker's and containerd's trees and identities are ours.

use std::path::Path;
use std::process::Command;

use rootfs::Tree;
use testkit::machine::Docker;

use crate::distil::{Home, built, done, has};
use crate::docker::load;
use crate::opinions::{cannot_unpack, tree_of, unpacked, valid_in};
use crate::programs::NATIVE;
use crate::trees::{differences, differences_of_export, read_tar, walk};

/// What `docker export` gives of a container that never ran.
pub(crate) fn exported(docker: &Docker, image: &str, dir: &Path) -> Tree {
    let container = docker.run(&["create", "--network", "none", image, "/x"]).expect("a container");
    let file = dir.join("export.tar");
    docker.run(&["export", "-o", &file.display().to_string(), container.trim()]).expect("an export");
    docker.run(&["rm", container.trim()]).expect("no container");
    read_tar(&file)
}

/// The digest of the config, which Docker calls the image's id.
fn id(docker: &Docker, image: &str) -> String {
    docker.run(&["image", "inspect", "--format", "{{.Id}}", image]).expect("an image").trim().to_owned()
}

#[test]
fn docker_exports_the_tree_that_we_meant() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let dir = tempfile::tempdir().expect("a directory");
    load(home, &docker, &["build", "static", "base", "cc", "--load", "-q"]);
    for image in ["static", "base", "cc"] {
        for variant in ["latest", "nonroot"] {
            let ours = tree_of(home, image, NATIVE.arch, variant);
            let theirs = exported(&docker, &format!("{image}:{variant}"), dir.path());
            let differ = differences_of_export(&ours, &theirs);
            assert_eq!(differ, Vec::<String>::new(), "{image}:{variant}");
            println!("{image}:{variant}: {} entries equal", ours.entries().len());
        }
    }
}

#[test]
fn every_way_into_docker_keeps_the_id() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    // An image that no other test has: it is taken away from the engine below.
    home.write("ways.yaml", "include: base\nlabels: {whose: ways}\narchs: [amd64, arm64]\n");
    let words = ["build", "./ways.yaml", "--arch", NATIVE.arch, "-t", "way-load", "-q"];
    load(
        home,
        &docker,
        &[&words[..], &["--load", "-o", "oci:ways:base", "-o", "docker-archive:ways.tar"]].concat(),
    );
    let config = valid_in(&home.work().join("ways"), "base").images.remove(0).manifest.config.digest;
    assert_eq!(id(&docker, "way-load"), config.to_string(), "--load");
    docker.run(&["rmi", "way-load"]).expect("no image");
    docker
        .run(&["load", "-q", "-i", &home.work().join("ways.tar").display().to_string()])
        .expect("docker load");
    assert_eq!(id(&docker, "way-load"), config.to_string(), "docker load");
    // And out again: the same config over the same layers, which are sound.
    load(home, &docker, &["copy", "docker-daemon:way-load", "oci:back:base", "-q"]);
    let back = valid_in(&home.work().join("back"), "base").images.remove(0).manifest.config.digest;
    assert_eq!(back, config, "docker-daemon: as a source");
    load(home, &docker, &["copy", "docker-daemon:way-load", "acme/way-copy:2", "--load", "-q"]);
    assert_eq!(id(&docker, "acme/way-copy:2"), config.to_string(), "copy --load of what is there");
    docker.run(&["rmi", "acme/way-copy:2", "way-load"]).expect("no image");
    load(home, &docker, &["copy", "oci:back:base", "acme/way-copy:3", "--load", "-q"]);
    assert_eq!(id(&docker, "acme/way-copy:3"), config.to_string(), "copy --load of a layout");
    if !has("skopeo") {
        testkit::skip!("no skopeo");
    }
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["copy", "-q", "--insecure-policy", "--override-arch", NATIVE.arch, "--dest-daemon-host"]);
    skopeo.arg(format!("unix://{}", docker.socket().display()));
    skopeo.args(["oci:ways:base", "docker-daemon:way-skopeo:latest"]).current_dir(home.work());
    done(skopeo.output().expect("skopeo runs"));
    assert_eq!(id(&docker, "way-skopeo"), config.to_string(), "skopeo copy to docker-daemon");
}

#[test]
fn containerd_imports_our_archive_and_mounts_our_tree() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let Some(socket) = docker.containerd().filter(|_| has("ctr")) else {
        testkit::skip!("no ctr, or Docker has no containerd of its own");
    };
    let ctr = |words: &[&str]| {
        let mut ctr = Command::new("ctr");
        ctr.arg("--address").arg(&socket).args(["--namespace", "distil"]).args(words);
        done(ctr.current_dir(home.work()).output().expect("ctr runs"))
    };
    // Through its own command, where Kubernetes would look for it.
    let words = ["build", "base", "--arch", NATIVE.arch, "--variant", "latest", "-t", "acme/base:1", "-q"];
    let mut build = home.command();
    build.args(words).arg("--load=containerd:distil").env("CONTAINERD_ADDRESS", &socket);
    done(build.output().expect("distil runs"));
    let listed = ctr(&["images", "ls", "--quiet"]);
    assert!(listed.lines().any(|l| l == "docker.io/acme/base:1"), "{listed}");
    ctr(&["images", "rm", "--sync", "docker.io/acme/base:1"]);
    let mut copy = home.command();
    copy.args(["copy", "acme/base:1", "acme/copied:2", "--load=containerd:distil", "-q"]);
    done(copy.env("CONTAINERD_ADDRESS", &socket).output().expect("distil runs"));
    let listed = ctr(&["images", "ls", "--quiet"]);
    assert!(listed.lines().any(|l| l == "docker.io/acme/copied:2"), "{listed}");
    ctr(&["images", "rm", "--sync", "docker.io/acme/copied:2"]);

    let ours = tree_of(home, "base", NATIVE.arch, "latest");
    let name = "example.org/distil/base:1";
    let layout = home.work().join(format!("one-base-{}-latest", NATIVE.arch));
    let digest = valid_in(&layout, "base").document.digest;
    let words = ["build", "base", "--arch", NATIVE.arch, "--variant", "latest", "-t", name, "-q"];
    home.run(&[&words[..], &["-o", "oci-archive:containerd.tar"]].concat());
    ctr(&["images", "import", "containerd.tar"]);
    let listed = ctr(&["images", "ls", &format!("name=={name}")]);
    assert!(listed.contains(&digest.to_string()), "{digest} is not in {listed}");
    let mount = tempfile::tempdir().expect("a directory");
    let at = mount.path().display().to_string();
    ctr(&["images", "mount", name, &at]);
    // A mount would outlive the test: it goes also when the tree cannot be walked.
    let theirs = std::panic::catch_unwind(|| walk(mount.path()));
    ctr(&["images", "unmount", "--rm", &at]);
    ctr(&["images", "rm", "--sync", name]);
    let theirs = theirs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert_eq!(differences(&ours, &theirs), Vec::<String>::new());
}

/// `cap_net_raw+ep` in the kernel's second format (Linux, include/uapi/linux/capability.h).
const NET_RAW: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A package that brings a file capability. Debian's own cannot (dpkg refuses PAX headers), so theirs
/// come by `setcap` in scripts, or by `paths`, as for the second program here.
///
/// Of two tests each has an image of its own (`whose` is a label), as one takes its image away from the engine.
fn with_capabilities(home: &Home, archive: &Path, whose: &str) {
    let ping = testkit::tar::Entry::file("./usr/bin/ping", 0o755, "not quite ELF")
        .pax("SCHILY.xattr.security.capability", NET_RAW)
        .pax("SCHILY.xattr.user.note", "kept");
    let package = testkit::Package::new("ping", "1.0-1").entry(ping).executable("/usr/bin/serve", "nor this");
    testkit::World::new().package(package).publish(archive);
    home.write(
        "caps.yaml",
        &format!(
            "archs: [amd64]\nallow: [setuid]\ncontents:\n  repositories:\n    - deb [trusted=yes] file:{} stable main\n  packages: [ping]\npaths:\n  - {{path: /usr/bin/serve, type: permissions, capabilities: cap_net_bind_service+ep}}\nlabels: {{whose: {whose}}}\n",
            archive.display()
        ),
    );
}

#[test]
fn capabilities_arrive_on_disk_and_in_docker() {
    let (home, archive) = (Home::new(), tempfile::tempdir().expect("a directory"));
    with_capabilities(&home, archive.path(), "capabilities");
    home.run(&[
        "build",
        "./caps.yaml",
        "-t",
        "caps",
        "-o",
        "oci:caps:caps",
        "-o",
        "docker-archive:caps.tar",
        "-q",
    ]);
    let ours = valid_in(&home.work().join("caps"), "caps").images.remove(0).tree;
    let value = |tree: &Tree, path: &str| {
        let entry = tree.get(path).unwrap_or_else(|| panic!("no {path}"));
        entry.xattrs.iter().find(|x| x.name == "security.capability").map(|x| x.value.clone())
    };
    assert_eq!(value(&ours, "usr/bin/ping"), Some(NET_RAW.to_vec()));
    let net_bind = [&[1, 0, 0, 2, 0, 4], &[0; 14][..]].concat();
    assert_eq!(value(&ours, "usr/bin/serve"), Some(net_bind));
    match cannot_unpack() {
        Some(why) => testkit::record_skip("engines::capabilities::umoci", why),
        None => {
            let theirs = unpacked(&home.work(), "caps", "caps");
            assert_eq!(differences(&ours, &theirs), Vec::<String>::new());
        }
    }
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    docker
        .run(&["load", "-q", "-i", &home.work().join("caps.tar").display().to_string()])
        .expect("docker load");
    let theirs = exported(&docker, "caps", &home.work());
    assert_eq!(differences_of_export(&ours, &theirs), Vec::<String>::new());
}

/// Each finds the login that the other kept, and neither once it was taken away.
#[test]
fn docker_and_distil_share_logins() {
    use std::io::Write;
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    // The password is `open sesame`.
    let users = testkit::machine::A_USER.to_owned();
    let registry = testkit::machine::registry_that(&testkit::machine::Serving { users, tls: None });
    let registry = match registry {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let host = registry.address().to_string();
    let name = format!("{host}/acme/caps:1");
    let (home, archive) = (Home::new(), tempfile::tempdir().expect("a directory"));
    with_capabilities(&home, archive.path(), "logins");
    home.run(&["build", "./caps.yaml", "-t", &name, "-q"]);
    let fed = |mut command: Command| {
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(b"open sesame").expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    let theirs = |words: &[&str]| {
        let mut command = docker.command();
        command.arg("--config").arg(home.dir.path().join(".docker")).args(words);
        command
    };
    let log_in = ["login", &host, "-u", "u", "--password-stdin"];
    done(fed(theirs(&log_in)));
    home.run(&["push", &name, "-q"]);
    done(theirs(&["logout", &host]).output().expect("docker runs"));
    let mut ours = home.command();
    ours.args(log_in);
    done(fed(ours));
    done(theirs(&["pull", "-q", &name]).output().expect("docker runs"));
    home.run(&["logout", &host]);
    let refused = theirs(&["pull", "-q", &name]).output().expect("docker runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    docker.run(&["rmi", &name]).expect("no image");
    assert!(!refused.status.success() && said.contains("basic auth"), "{said}");
}
