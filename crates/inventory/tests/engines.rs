//! The trees that we read of real images, against what Docker and umoci make of them: Debian by debootstrap, with
//! layers of `docker build` upon it that delete, replace, link and make devices; and what dpkg says of its packages.
#![allow(clippy::disallowed_methods, reason = "tests ask the machine")]

#[path = "../../image/tests/images/trees.rs"]
#[allow(dead_code, reason = "others use the rest")]
mod trees;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{Document, Layout, Source};
use inventory::{Contents, Forgetful, Reading};
use rootfs::Tree;
use testkit::machine::Docker;

/// Deletes a tree, makes a directory anew (opaque), a second name of a file below, a device, a pipe, another mode, a
/// file in a directory's place; and takes a package away.
const DOCKERFILE: &str = "FROM deb:1\n\
    RUN rm -rf /usr/share/doc /var/cache/apt && mkdir /var/cache/apt && echo new > /var/cache/apt/new\n\
    RUN ln /usr/bin/dash /usr/bin/dash-too && chmod 4755 /usr/bin/mount && mknod /null-too c 1 3 && mkfifo /pipe\n\
    RUN rm -rf /opt && echo file > /opt && chown 7:8 /etc/motd && ln -s /etc/motd /motd && touch -d 1999-01-01 /etc/issue\n\
    RUN dpkg --purge --force-depends --force-remove-essential hostname && rm /usr/bin/dash-too\n";

struct Made {
    /// Holds what is below it.
    dir: tempfile::TempDir,
    docker: Docker,
}

impl Made {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn ran(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Debian by debootstrap in Docker, and an image upon it.
fn made() -> Result<Made, String> {
    let mirror = testkit::mirror().ok_or("no mirror in apt's configuration")?;
    if ran(Command::new("id").arg("-u")).trim() != "0" {
        return Err("not root: debootstrap cannot run".to_owned());
    }
    for program in ["debootstrap", "docker", "umoci", "skopeo"] {
        if !has(program) {
            return Err(format!("no {program}"));
        }
    }
    let docker = testkit::machine::docker()?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let root = dir.path().join("debian");
    let mut debootstrap = Command::new("debootstrap");
    let got = debootstrap.args(["--variant=minbase", "trixie"]).arg(&root).arg(&mirror.debian).output();
    let got = got.map_err(|e| format!("debootstrap: {e}"))?;
    if !got.status.success() {
        // The mirror does not answer, or is in the middle of an update: that is not what is asked here.
        return Err(format!("debootstrap: {}", String::from_utf8_lossy(&got.stdout).trim()));
    }
    let tar = dir.path().join("debian.tar");
    ran(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg("."));
    std::fs::remove_dir_all(&root).map_err(|e| e.to_string())?;
    docker.run(&["import", &tar.display().to_string(), "deb:1"])?;
    std::fs::remove_file(&tar).map_err(|e| e.to_string())?;
    std::fs::create_dir(dir.path().join("context")).map_err(|e| e.to_string())?;
    std::fs::write(dir.path().join("context/Dockerfile"), DOCKERFILE).map_err(|e| e.to_string())?;
    let mut build = docker.command();
    build.env("DOCKER_BUILDKIT", "0").args(["build", "--network", "none", "-t", "deb:2"]);
    ran(build.arg(dir.path().join("context")));
    Ok(Made { dir, docker })
}

/// An image of the engine as an OCI layout, by skopeo.
fn layout(made: &Made, image: &str, name: &str) -> PathBuf {
    let archive = made.path(&format!("{name}.tar"));
    made.docker.run(&["save", "-o", &archive.display().to_string(), image]).expect("docker saves");
    let to = made.path(name);
    let (from, target) = (format!("docker-archive:{}", archive.display()), format!("oci:{}:x", to.display()));
    ran(Command::new("skopeo").args(["copy", "-q", "--insecure-policy", &from, &target]));
    std::fs::remove_file(archive).expect("the archive goes");
    to
}

fn read(layout: &Path) -> Contents {
    let source = Layout::open(layout).expect("a layout");
    let document = source.document("x").expect("the image");
    let Document::Manifest(manifest) = document.value() else { panic!("one image") };
    let with =
        Reading { source: &source, listings: &Forgetful, up_to: None, threads: 2, reporter: &diag::Silent };
    inventory::read(&with, document.digest(), manifest).expect("it is read")
}

fn tree(contents: &Contents) -> Tree {
    Tree::from_sorted(contents.files.iter().map(|f| f.entry.clone()).collect()).expect("sorted")
}

fn umoci(made: &Made, layout: &Path) -> Tree {
    let bundle = made.path("bundle");
    ran(Command::new("umoci").args(["unpack", "--image", &format!("{}:x", layout.display())]).arg(&bundle));
    let tree = trees::walk(&bundle.join("rootfs"));
    std::fs::remove_dir_all(bundle).expect("the bundle goes");
    tree
}

fn export(made: &Made, image: &str) -> Tree {
    let container =
        made.docker.run(&["create", "--network", "none", image, "/bin/true"]).expect("a container");
    let file = made.path("export.tar");
    made.docker.run(&["export", "-o", &file.display().to_string(), container.trim()]).expect("an export");
    let tree = trees::read_tar(&file);
    std::fs::remove_file(file).expect("the export goes");
    tree
}

/// What dpkg in the image says that is installed, and whose paths are.
fn dpkg(made: &Made, words: &[&str]) -> String {
    let run = [&["run", "--rm", "--network", "none", "deb:2"], words].concat();
    made.docker.run(&run).expect("dpkg runs")
}

#[test]
fn what_docker_umoci_and_dpkg_see_of_a_debian() {
    let made = match made() {
        Ok(made) => made,
        Err(why) => testkit::skip!("{why}"),
    };
    let layout = layout(&made, "deb:2", "layout");
    let contents = read(&layout);
    let ours = tree(&contents);
    assert!(ours.entries().len() > 3000, "{} entries", ours.entries().len());
    assert_eq!(contents.layers.len(), 5);
    assert_eq!(trees::differences(&ours, &umoci(&made, &layout)), Vec::<String>::new(), "umoci");
    let exported = export(&made, "deb:2");
    assert_eq!(trees::differences_of_export(&ours, &exported), Vec::<String>::new(), "docker export");

    // What each layer did.
    let did = |layer: usize, path: &str| {
        let found = contents.layers[layer].changes.iter().find(|c| c.path == path);
        found.map(|c| c.kind.word()).unwrap_or("nothing")
    };
    assert_eq!((did(1, "usr/share/doc"), did(1, "var/cache/apt/new")), ("deleted", "added"));
    assert_eq!((did(2, "usr/bin/mount"), did(2, "null-too")), ("touched", "added"));
    assert_eq!((did(3, "opt"), did(4, "usr/bin/dash-too")), ("replaced", "deleted"));
    let gone: Vec<_> = contents.layers[4].packages.iter().map(|p| (&*p.name, p.after.is_none())).collect();
    assert_eq!(gone, [("hostname", true)]);

    // Packages and owners, as dpkg has them.
    let installed = dpkg(&made, &["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n"]);
    let theirs: BTreeSet<String> = installed.lines().map(str::to_owned).collect();
    let line = |p: &inventory::Package| format!("{} {} {}", p.name, p.version, p.arch);
    assert_eq!(contents.packages.iter().map(line).collect::<BTreeSet<_>>(), theirs);
    let all = dpkg(
        &made,
        &[
            "sh",
            "-c",
            "for p in $(dpkg-query -W -f '${binary:Package} '); do dpkg -L $p | sed \"s|^|$p |\"; done",
        ],
    );
    let mut seen = 0;
    for (package, path) in all.lines().filter_map(|l| l.split_once(' ')) {
        let name = package.split(':').next().unwrap_or_default();
        let Ok(real) = contents.real_path(path.trim_start_matches('/'), false) else { continue };
        let Some(file) = contents.file(&real).filter(|f| !f.entry.is_dir()) else { continue };
        let owner = file.package().map(|n| contents.packages[n].name.as_str());
        assert_eq!(owner, Some(name), "{path}");
        seen += 1;
    }
    assert!(seen > 2000, "{seen} files of packages");
    assert_eq!(contents.os_release.expect("a system").id, "debian");
}
