//! `/etc/pam.d/common-*` against Debian's own program, run on the same profiles.

use std::fs;
use std::path::Path;
use std::process::Command;

use rootfs::{Node, Payloads};

use crate::archive::Archive;
use crate::{composed, text};

/// Answers as debconf does without a terminal: what was set, and "" for the rest.
const DEBCONF: &str = "package Debconf::Client::ConfModule; use Exporter 'import';
our @EXPORT_OK = qw(version capb input go get set subst fset settitle x_loadtemplatefile);
our %EXPORT_TAGS = (all => \\@EXPORT_OK); my %v;
sub set { $v{$_[0]} = $_[1]; 1 } sub get { defined $v{$_[0]} ? $v{$_[0]} : '' }
sub version { 1 } sub capb { '' } sub input { 1 } sub go { 1 } sub subst { 1 } sub fset { 1 }
sub settitle { 1 } sub x_loadtemplatefile { 1 } 1;
";

const PACKAGES: [&str; 7] = [
    "libpam-runtime",
    "libpam-pwquality",
    "libpam-krb5",
    "libpam-ldapd",
    "libpam-cap",
    "libpam-gnome-keyring",
    "libpam-systemd",
];
const STACKS: [&str; 5] = ["auth", "account", "password", "session", "session-noninteractive"];

#[test]
fn is_what_pam_auth_update_writes() {
    let archive = had!(Archive::trixie("amd64"));
    for names in [&PACKAGES[..1], &PACKAGES[..3], &PACKAGES] {
        if let Err(why) = is_the_same(&archive, names) {
            testkit::skip!("{why}")
        }
    }
}

fn is_the_same(archive: &Archive, names: &[&str]) -> Result<(), String> {
    let (arch, mut payloads) = (archive.arch(), Payloads::new());
    let packages = archive.unpack(names, &mut payloads)?;
    let recipe = "contents: {distribution: debian-13, packages: [libpam-runtime]}\n\
                  accounts: {run-as: nonroot}\nallow: [shell, setuid, package-manager]\n";
    let recipe = recipe::load("a.yaml", recipe, &recipe::NoFiles).unwrap().resolve(None, &arch).unwrap();
    let c = composed(&recipe, &arch, &packages, &payloads).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for package in &packages {
        for entry in package.payload.tree.entries() {
            let Node::File(body) = &entry.node else { continue };
            let path = entry.path.to_string();
            if path.starts_with("usr/share/pam") || path.ends_with("sbin/pam-auth-update") {
                let at = root.join(&path);
                fs::create_dir_all(at.parent().unwrap()).unwrap();
                fs::write(at, rootfs::Bodies::read(&payloads, body).unwrap()).unwrap();
            }
        }
    }
    run_theirs(root)?;
    for stack in STACKS {
        let path = format!("etc/pam.d/common-{stack}");
        let theirs = fs::read_to_string(root.join(&path)).unwrap();
        assert!(theirs.contains("pam_unix.so"), "{theirs}");
        assert_eq!(text(&c, &path), theirs, "{path} of {names:?}");
        assert_eq!(c.rule(&path), Some(compose::Rule::Pam));
    }
    Ok(())
}

fn run_theirs(root: &Path) -> Result<(), String> {
    fs::create_dir_all(root.join("perl/Debconf/Client")).unwrap();
    fs::create_dir_all(root.join("etc/pam.d")).unwrap();
    fs::create_dir_all(root.join("var/lib/pam")).unwrap();
    fs::write(root.join("perl/Debconf/Client/ConfModule.pm"), DEBCONF).unwrap();
    let script = root.join("usr/sbin/pam-auth-update");
    // The one place that does not heed --root.
    let theirs = fs::read_to_string(&script).unwrap();
    let templates = format!("'{}/usr/share/pam/common-'", root.display());
    fs::write(&script, theirs.replace("'/usr/share/pam/common-'", &templates)).unwrap();
    let mut perl = Command::new("perl");
    perl.arg("-I").arg(root.join("perl")).arg(&script).arg("--root").arg(root).args(["--package", "--force"]);
    match perl.output() {
        Ok(run) if run.status.success() => Ok(()),
        Ok(run) => panic!("{}", String::from_utf8_lossy(&run.stderr)),
        Err(error) => Err(format!("no perl: {error}")),
    }
}
