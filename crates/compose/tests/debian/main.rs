//! The catalogue's images of real packages, held against what Google's images have.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests keep packages in files")]

/// What the mirror gave; the test is skipped where it gives nothing.
macro_rules! had {
    ($got:expr) => {
        match $got {
            Ok(got) => got,
            Err(why) => testkit::skip!("{why}"),
        }
    };
}

mod archive;
mod pam;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use archive::{Archive, Unpacked, objects};
use bstr::ByteSlice;
use compose::{ComposeError, ComposeInput, Composition, DebRecord, PackageTree, Record, Rule, compose};
use deb::scripts::{InTree, Subject, actions, classify};
use package::Arch;
use recipe::{NoFiles, Resolved};
use rootfs::{Bodies, Node, Owner, Payloads, Tree};

const STATIC: [&str; 6] =
    ["base-files", "netbase", "tzdata", "tzdata-legacy", "media-types", "ca-certificates"];
const BASE: [&str; 7] = ["gcc-14-base", "libgcc-s1", "libc6", "libc-bin", "libzstd1", "zlib1g", "libssl3t64"];
const CC: [&str; 2] = ["libgomp1", "libstdc++6"];

fn of_catalogue(name: &str, variant: Option<&str>, arch: &Arch) -> Resolved {
    recipe::load_catalogue(name).unwrap().resolve(variant, arch).unwrap()
}

fn package<'a>(unpacked: &'a Unpacked, arch: &Arch, together: &Tree) -> PackageTree<'a> {
    let subject =
        Subject { files: &unpacked.control, tree: Some(&unpacked.payload.tree), arch: arch.as_str() };
    PackageTree {
        pin: &unpacked.pin,
        tree: unpacked.payload.tree.clone(),
        actions: actions(&classify(&subject, &InTree(together))),
        record: Record::Deb(DebRecord {
            control: unpacked.control.control.raw().into(),
            md5sums: unpacked.control.md5sums.clone(),
            replaces: unpacked.control.control.field("Replaces").map(ToString::to_string).unwrap_or_default(),
        }),
    }
}

fn composed(
    recipe: &Resolved,
    arch: &Arch,
    packages: &[Unpacked],
    payloads: &Payloads,
) -> Result<Composition, ComposeError> {
    // What a script would have found: the files of all packages.
    let all = packages.iter().flat_map(|p| p.payload.tree.entries().iter().cloned()).collect();
    let together = Tree::from_entries(all);
    compose(ComposeInput {
        recipe,
        arch,
        packages: packages.iter().map(|p| package(p, arch, &together)).collect(),
        apk_keys: Vec::new(),
        own_files: recipe.files.iter().map(|_| None).collect(),
        certificates: recipe.certificates.iter().map(|_| None).collect(),
        objects: &objects(packages),
        bodies: payloads,
        derived: payloads.next(),
        epoch: None,
        base: None,
    })
}

fn text(composition: &Composition, path: &str) -> String {
    let Node::File(body) = &composition.rootfs.tree.get(path).unwrap_or_else(|| panic!("no {path}")).node
    else {
        panic!("{path} is no file")
    };
    composition.derived.get(body).unwrap().to_str().unwrap().to_owned()
}

fn mode(tree: &Tree, path: &str) -> (u32, u32, u32) {
    let entry = tree.get(path).unwrap_or_else(|| panic!("no {path}"));
    (entry.mode, entry.uid, entry.gid)
}

/// Paths that Google's base test asserts, and what the notes of its exact contents say of modes.
fn assert_as_googles(c: &Composition) {
    let tree = &c.rootfs.tree;
    assert_eq!(
        text(c, "etc/passwd"),
        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
         nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
    );
    // Google's five, and mail: base-files makes /var/mail, which Google's images lack.
    assert_eq!(
        text(c, "etc/group"),
        "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\nmail:x:8:\n"
    );
    assert_eq!(mode(tree, "var/mail"), (0o2775, 0, 8));
    assert_every_owner_has_a_name(c);
    let release = text(c, "usr/lib/os-release");
    assert!(release.starts_with(
        "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"13\"\n"
    ));
    assert!(release.contains("\nVERSION=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_CODENAME=\"trixie\"\n"));
    for path in [
        "tmp",
        "etc/os-release",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/doc/ca-certificates/copyright",
        "etc/services",
        "etc/protocols",
        "etc/mime.types",
        "etc/nsswitch.conf",
        "usr/share/doc/tzdata/copyright",
        "usr/share/zoneinfo/Europe/Berlin",
        "usr/share/zoneinfo/US/Eastern",
        "root",
        "home/nonroot",
        "var/lib/dpkg/status.d/base-files",
        "var/lib/dpkg/status.d/base-files.md5sums",
    ] {
        assert!(tree.get(path).is_some(), "no {path}");
    }
    for (link, target) in [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib")] {
        assert_eq!(tree.get(link).unwrap().node, Node::Symlink(target.into()));
    }
    assert_eq!(mode(tree, "tmp"), (0o1777, 0, 0));
    assert_eq!(mode(tree, "root"), (0o700, 0, 0));
    assert_eq!(mode(tree, "home"), (0o755, 0, 0));
    assert_eq!(mode(tree, "home/nonroot"), (0o700, 65532, 65532));
    assert_eq!(
        c.config.env,
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
        ]
    );
    assert!(c.config.entrypoint.is_none() && c.config.cmd.is_none());
    assert_layers(c);
}

/// No number in the tree without a line in passwd or group.
fn assert_every_owner_has_a_name(c: &Composition) {
    let numbers = |path: &str| -> BTreeSet<u32> {
        text(c, path).lines().map(|l| l.split(':').nth(2).unwrap().parse().unwrap()).collect()
    };
    let (users, groups) = (numbers("etc/passwd"), numbers("etc/group"));
    for entry in c.rootfs.tree.entries() {
        assert!(users.contains(&entry.uid), "/{} belongs to user {}", entry.path, entry.uid);
        assert!(groups.contains(&entry.gid), "/{} belongs to group {}", entry.path, entry.gid);
    }
}

/// Each path of the tree is in one layer, directories besides as parents; links come after targets.
fn assert_layers(c: &Composition) {
    let mut files = Vec::new();
    for group in &c.groups {
        let mut here: BTreeSet<&bstr::BStr> = BTreeSet::new();
        for entry in group.segments.iter().flat_map(|s| &s.entries) {
            let parent = rootfs::path::parent(entry.path.as_bstr()).unwrap();
            assert!(parent.is_empty() || here.contains(parent), "{} before its parent", entry.path);
            if let Node::Hardlink(target) = &entry.node {
                assert!(here.contains(target.as_bstr()), "{} before {target}", entry.path);
            }
            assert!(here.insert(entry.path.as_bstr()), "{} twice in a layer", entry.path);
            if !entry.is_dir() {
                files.push(entry.clone());
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let tree: Vec<_> = c.rootfs.tree.entries().iter().filter(|e| !e.is_dir()).cloned().collect();
    assert_eq!(files, tree);
}

#[test]
fn static_is_googles_static() {
    let archive = had!(Archive::trixie("amd64"));
    let (arch, mut payloads) = (archive.arch(), Payloads::new());
    let packages = had!(archive.unpack(&STATIC, &mut payloads));
    let c = composed(&of_catalogue("static", None, &arch), &arch, &packages, &payloads).unwrap();
    assert_as_googles(&c);
    assert_eq!((c.config.user.as_str(), c.config.working_dir.as_str()), ("0", "/"));
    assert_eq!(c.groups.len(), 2);
    let bundle = text(&c, "etc/ssl/certs/ca-certificates.crt");
    let count = bundle.matches("-----BEGIN CERTIFICATE-----").count();
    assert!((120..200).contains(&count), "{count} certificates");
    assert!(c.rootfs.tree.get("usr/share/ca-certificates").is_none());
    let sums = text(&c, "var/lib/dpkg/status.d/ca-certificates.md5sums");
    assert_eq!(
        sums.lines().map(|l| l.split_once("  ").unwrap().1).collect::<Vec<_>>(),
        ["usr/share/doc/ca-certificates/copyright"]
    );
    assert!(!text(&c, "var/lib/dpkg/status.d/base-files.md5sums").contains("os-release"));
    assert_eq!(c.rule("etc/localtime"), Some(Rule::LocalTime));
    assert_eq!(c.owner("etc/passwd"), Some(Owner::Derived));
    assert_eq!(c.owner("etc/mime.types"), Some(Owner::Package(4)));
    assert!(c.notes.is_empty(), "{:?}", c.notes);
    let nonroot = of_catalogue("static", Some("nonroot"), &arch);
    let c = composed(&nonroot, &arch, &packages, &payloads).unwrap();
    assert_eq!((c.config.user.as_str(), c.config.working_dir.as_str()), ("65532", "/home/nonroot"));
    let newest = packages.iter().flat_map(|p| p.payload.tree.entries()).map(|e| e.mtime).max().unwrap();
    assert!(c.created > 1_600_000_000 && c.created <= newest);
}

fn base_and_cc(arch: &'static str, triplet: &str, emulator: Option<&str>) -> Result<(), String> {
    let archive = Archive::trixie(arch)?;
    let (arch, mut payloads) = (archive.arch(), Payloads::new());
    let names: Vec<&str> = STATIC.iter().chain(&BASE).chain(&CC).copied().collect();
    let mut packages = archive.unpack(&names, &mut payloads)?;
    let recipe = of_catalogue("cc", None, &arch);
    let c = composed(&recipe, &arch, &packages, &payloads).unwrap();
    assert_as_googles(&c);
    let tree = &c.rootfs.tree;
    let lib = |name: &str| format!("usr/lib/{triplet}/{name}");
    for path in [
        "libc.so.6",
        "libgcc_s.so.1",
        "libstdc++.so.6",
        "libgomp.so.1",
        "libssl.so.3",
        "libz.so.1",
        "libzstd.so.1",
    ] {
        assert!(tree.get(lib(path)).is_some(), "no {path}");
    }
    for path in ["usr/lib/locale/C.utf8/LC_CTYPE", "etc/ld.so.conf", "var/lib/dpkg/status.d/libc6"] {
        assert!(tree.get(path).is_some(), "no {path}");
    }
    assert!(tree.get("usr/bin/ldd").is_none(), "only a part of libc-bin is taken");
    // The licence of libgcc-s1 is that of the package that its directory links to.
    let licence = tree.get("usr/share/doc/libgcc-s1").unwrap();
    assert_eq!(licence.node, Node::Symlink("gcc-14-base".into()));
    assert!(tree.get("usr/share/doc/gcc-14-base/copyright").is_some());
    let conversions: Vec<String> = tree
        .below(lib("gconv").as_bytes().as_bstr())
        .filter(|e| e.path.ends_with(b".so"))
        .map(|e| rootfs::path::file_name(e.path.as_bstr()).to_string())
        .collect();
    assert_eq!(conversions, ["CP1252.so", "ISO8859-1.so", "ISO8859-15.so", "UTF-16.so", "UTF-32.so"]);
    assert!(tree.get(lib("gconv/gconv-modules.cache")).is_none());
    let lists = [lib("gconv/gconv-modules"), lib("gconv/gconv-modules.d/gconv-modules-extra.conf")];
    let lines: String = lists.iter().map(|l| text(&c, l)).collect();
    for set in ["UTF-16//", "ISO-8859-1//", "CP1252//", "LATIN1//", "WINDOWS-1252//"] {
        assert!(lines.contains(set), "no {set}");
    }
    assert!(!lines.contains("EUC-JP") && !lines.contains("SHIFT"));
    assert!(c.notes.is_empty(), "{:?}", c.notes);
    assert_hides_nothing(&c, &packages);
    packages.iter_mut().for_each(|p| p.pin.source = None);
    cache_is_ldconfigs(&archive, &c, &payloads, emulator)
}

/// What is neither in the tree nor cut nor replaced would be lost without a word.
fn assert_hides_nothing(c: &Composition, packages: &[Unpacked]) {
    for package in packages {
        for entry in package.payload.tree.entries().iter().filter(|e| !e.path.is_empty()) {
            let cut = |c: &&rootfs::Cut| c.path == entry.path;
            let known = c.rootfs.tree.get(&entry.path).is_some() || c.rootfs.cut.iter().any(|x| cut(&x));
            assert!(known, "{} of {} is lost", entry.path, package.pin.name);
        }
    }
    let bytes: u64 = c.cuts.iter().map(|t| t.bytes).sum();
    assert!(bytes > 8 << 20, "{:?}", c.cuts);
    let words: BTreeSet<&str> = c.cuts.iter().map(|t| t.why.as_str()).collect();
    assert!(words.is_superset(&["documentation", "gconv", "lintian", "not taken from its package"].into()));
}

/// Runs the `ldconfig` of the same libc on the same tree, laid out in a directory.
fn cache_is_ldconfigs(
    archive: &Archive,
    c: &Composition,
    payloads: &Payloads,
    emulator: Option<&str>,
) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let (tools, root) = (dir.path().join("tools"), dir.path().join("root"));
    let run = Command::new("dpkg-deb").arg("-x").arg(archive.file("libc-bin")?).arg(&tools).status();
    if !run.is_ok_and(|s| s.success()) {
        return Err("no dpkg-deb".to_owned());
    }
    lay_out(c, payloads, &root);
    let ldconfig = tools.join("usr/sbin/ldconfig");
    let mut command = match emulator {
        Some(emulator) => Command::new(emulator),
        None => Command::new(&ldconfig),
    };
    if emulator.is_some() {
        command.arg(&ldconfig);
    }
    let ours = std::fs::read(root.join("etc/ld.so.cache")).unwrap();
    std::fs::remove_file(root.join("etc/ld.so.cache")).unwrap();
    match command.arg("-r").arg(&root).output() {
        Ok(run) if run.status.success() => {}
        other => return Err(format!("ldconfig does not run here (it needs root): {other:?}")),
    }
    let theirs = std::fs::read(root.join("etc/ld.so.cache")).unwrap();
    let (a, b) = (elf::ld_so_cache::read(&ours).unwrap(), elf::ld_so_cache::read(&theirs).unwrap());
    assert_eq!(a, b);
    assert!(a.libraries.len() > 20 && ours == theirs);
    Ok(())
}

/// Puts what `ldconfig` looks at into a directory.
fn lay_out(c: &Composition, payloads: &Payloads, root: &Path) {
    std::fs::create_dir_all(root).unwrap();
    for entry in c.rootfs.tree.entries() {
        let at = root.join(entry.path.to_path().unwrap());
        match &entry.node {
            Node::Dir => std::fs::create_dir_all(&at).unwrap(),
            Node::Symlink(target) => std::os::unix::fs::symlink(target.to_path().unwrap(), at).unwrap(),
            Node::Hardlink(target) => std::fs::hard_link(root.join(target.to_path().unwrap()), at).unwrap(),
            Node::File(body) => {
                let bytes = c.derived.get(body).map(<[u8]>::to_vec);
                std::fs::write(at, bytes.unwrap_or_else(|| payloads.read(body).unwrap())).unwrap();
            }
            Node::Special(_) => {}
        }
    }
}

#[test]
fn base_and_cc_have_more_than_googles_and_ldconfigs_cache() {
    if let Err(why) = base_and_cc("amd64", "x86_64-linux-gnu", None) {
        testkit::skip!("{why}")
    }
}

#[test]
fn the_same_on_arm64() {
    if let Err(why) = base_and_cc("arm64", "aarch64-linux-gnu", Some("qemu-aarch64-static")) {
        testkit::skip!("{why}")
    }
}

#[test]
fn a_shell_is_refused_with_the_reason() {
    let archive = had!(Archive::trixie("amd64"));
    let (arch, mut payloads) = (archive.arch(), Payloads::new());
    let mut packages = had!(archive.unpack(&["libc6", "dash", "debianutils"], &mut payloads));
    packages[1].pin.because =
        vec![package::Cause::Needed { by: "debianutils".to_owned(), requirement: "dash".to_owned() }];
    let text = "contents: {distribution: debian-13, packages: [debianutils]}\naccounts: {run-as: nonroot}\n";
    let resolved = |text: &str| recipe::load("a.yaml", text, &NoFiles).unwrap().resolve(None, &arch).unwrap();
    let error = composed(&resolved(text), &arch, &packages, &payloads).unwrap_err();
    let shown = diag::Diagnostic::from(error);
    assert_eq!(shown.to_string(), "cannot compose a distroless image: /usr/bin/dash is a shell (and 1 more)");
    let dash = format!("it is a file of dash {}", packages[1].pin.version);
    assert_eq!(shown.details[0], "/usr/bin/dash is a shell");
    assert_eq!(shown.details[1], format!("  {dash}"));
    assert_eq!(shown.details[2], "  debianutils needs dash (dash)");
    assert_eq!(shown.details[3], "  the recipe asks for `debianutils`");
    assert!(shown.hint.as_ref().unwrap().contains("allow: [shell]"), "{:?}", shown.hint);
    let allowed =
        composed(&resolved(&format!("{text}allow: [shell]\n")), &arch, &packages, &payloads).unwrap();
    assert!(allowed.rootfs.tree.get("usr/bin/sh").is_some());
}

/// The table of base accounts is that of the package which makes them on a Debian system.
#[test]
fn base_accounts_are_those_of_base_passwd() {
    let archive = had!(Archive::trixie("amd64"));
    let mut payloads = Payloads::new();
    let packages = had!(archive.unpack(&["base-passwd"], &mut payloads));
    let master = |name: &str| {
        let entry = packages[0].payload.tree.get(format!("usr/share/base-passwd/{name}.master")).unwrap();
        let Node::File(body) = &entry.node else { panic!("{name}.master is no file") };
        String::from_utf8(payloads.read(body).unwrap()).unwrap()
    };
    let shell = |name: &str| match name {
        "root" => "/bin/bash",
        "sync" => "/bin/sync",
        _ => "/usr/sbin/nologin",
    };
    let users = package::base_accounts::USERS
        .map(|u| format!("{}:*:{}:{}:{}:{}:{}\n", u.name, u.uid, u.gid, u.comment, u.home, shell(u.name)));
    let groups = package::base_accounts::GROUPS.map(|g| format!("{}:*:{}:\n", g.name, g.gid));
    assert_eq!(users.concat(), master("passwd"));
    assert_eq!(groups.concat(), master("group"));
}

/// nginx runs as www-data, which only its configuration and its script say.
#[test]
fn nginx_finds_the_account_that_it_runs_as() {
    let archive = had!(Archive::trixie("amd64"));
    let (arch, mut payloads) = (archive.arch(), Payloads::new());
    let packages = had!(archive.unpack(&["nginx-common", "exim4-base"], &mut payloads));
    let recipe =
        "contents: {distribution: debian-13, packages: [nginx-common]}\naccounts: {run-as: www-data}\n";
    let recipe = recipe::load("a.yaml", recipe, &NoFiles).unwrap().resolve(None, &arch).unwrap();
    let c = composed(&recipe, &arch, &packages, &payloads).unwrap();
    assert!(text(&c, "etc/passwd").contains("\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"));
    let groups = text(&c, "etc/group");
    assert!(groups.contains("\nwww-data:x:33:\n") && groups.contains("\nadm:x:4:\n"), "{groups}");
    assert!(groups.contains("\nDebian-exim:x:101:\n"), "{groups}");
    assert_eq!(c.config.user, "33");
    assert_every_owner_has_a_name(&c);
}
