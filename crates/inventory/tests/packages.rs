//! Packages of made-up images: databases of every kind, and whose file is whose.

mod images;

use bstr::ByteSlice;
use images::Images;
use inventory::{Contents, PackageKind};
use oci::History;
use testkit::tar::Entry;

fn file(path: &str, body: &str) -> Entry {
    Entry::file(path, 0o644, body)
}

fn owner<'a>(contents: &'a Contents, path: &str) -> Option<&'a str> {
    let package = contents.file(path).unwrap_or_else(|| panic!("no {path}")).package()?;
    Some(&contents.packages[package].name)
}

const STATUS: &str = "Package: libc6\nStatus: install ok installed\nVersion: 2.41-12\nArchitecture: amd64\n\
    Installed-Size: 12\nMaintainer: GNU Libc Maintainers\nSource: glibc\n\n\
    Package: dash\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDepends: libc6 (>= 2.38)\n\n\
    Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n";

#[test]
fn dpkg_with_a_merged_usr_and_a_diversion() {
    let contents = Images::default().read(&[&[
        Entry::symlink("lib", "usr/lib"),
        Entry::symlink("bin", "usr/bin"),
        file("usr/lib/libc.so.6", "elf"),
        file("usr/bin/dash", "elf"),
        file("usr/bin/sh.distrib", "elf"),
        file("usr/bin/sh", "mine"),
        file("usr/share/doc/x", "doc"),
        file("var/lib/dpkg/status", STATUS),
        file(
            "var/lib/dpkg/info/libc6:amd64.list",
            "/.\n/lib\n/lib/libc.so.6\n/usr\n/usr/share/man/man1/x.1\n",
        ),
        file("var/lib/dpkg/info/dash.list", "/.\n/usr\n/usr/bin\n/bin/dash\n/bin/sh\n"),
        file("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\nlocal\n"),
    ]]);
    assert_eq!(owner(&contents, "usr/lib/libc.so.6"), Some("libc6"));
    assert_eq!(owner(&contents, "usr/bin/dash"), Some("dash"));
    assert_eq!(owner(&contents, "usr/bin/sh.distrib"), Some("dash"));
    assert_eq!(owner(&contents, "usr/bin/sh"), None);
    // A directory of several is nobody's.
    assert_eq!(owner(&contents, "usr"), None);
    assert_eq!(owner(&contents, "usr/bin"), Some("dash"));
    let [dash, libc] = &contents.packages[..] else { panic!("{:?}", contents.packages) };
    assert_eq!((dash.name.as_str(), &dash.depends[..]), ("dash", &["libc6 (>= 2.38)".to_owned()][..]));
    assert_eq!((libc.source.as_deref(), libc.installed_size), (Some("glibc"), Some(12 << 10)));
    assert_eq!(libc.missing, ["usr/share/man/man1/x.1"]);
    assert_eq!(contents.package_size(1), 3);
    assert_eq!(contents.databases.len(), 1);
    assert_eq!(contents.databases[0].packages, Ok(2));
}

#[test]
fn the_paragraphs_of_distroless_images() {
    let sum = "00000000000000000000000000000000";
    let paragraph = "Package: tzdata\nVersion: 2026a\nArchitecture: all\n";
    let contents = Images::default().read(&[&[
        file("usr/share/zoneinfo/UTC", "tz"),
        file("var/lib/dpkg/status.d/tzdata", paragraph),
        file("var/lib/dpkg/status.d/tzdata.md5sums", &format!("{sum}  usr/share/zoneinfo/UTC\n")),
    ]]);
    assert_eq!(owner(&contents, "usr/share/zoneinfo/UTC"), Some("tzdata"));
    assert_eq!(contents.databases[0].path, "var/lib/dpkg/status.d");
    assert_eq!(contents.packages[0].arch, "all");
}

#[test]
fn apk_in_both_places_and_a_malformed_one() {
    let db = "P:musl\nV:1.2.5-r9\nA:x86_64\nI:650000\nT:the musl c library\nL:MIT\no:musl\nm:A <a@b>\nD:so:x\nF:lib\n\
        R:ld-musl-x86_64.so.1\na:0:0:755\n\n";
    let lib = file("usr/lib/ld-musl-x86_64.so.1", "elf");
    let contents = Images::default().read(&[&[
        Entry::symlink("lib", "usr/lib"),
        lib.clone(),
        file("usr/lib/apk/db/installed", db),
    ]]);
    assert_eq!(owner(&contents, "usr/lib/ld-musl-x86_64.so.1"), Some("musl"));
    let musl = &contents.packages[0];
    assert_eq!((musl.kind, musl.licence.as_deref()), (PackageKind::Apk, Some("MIT")));
    assert_eq!((musl.installed_size, musl.source.as_deref()), (Some(650_000), None));
    assert_eq!(musl.maintainer.as_deref(), Some("A <a@b>"));

    let contents = Images::default().read(&[&[lib, file("lib/apk/db/installed", "P:x\nno line\n")]]);
    assert!(contents.packages.is_empty());
    let why = contents.databases[0].packages.as_ref().unwrap_err();
    assert!(why.contains("line 2"), "{why}");
}

#[test]
fn rpms_databases_are_named_and_not_read() {
    let contents = Images::default().read(&[&[
        file("etc/os-release", "ID=fedora\n"),
        file("usr/lib/sysimage/rpm/rpmdb.sqlite", "SQLite format 3\0"),
    ]]);
    let [rpm] = &contents.databases[..] else { panic!("{:?}", contents.databases) };
    assert_eq!((rpm.kind, rpm.packages.is_err()), (PackageKind::Rpm, true));
    assert!(contents.packages.is_empty());
}

#[test]
fn a_database_is_found_behind_links() {
    let link = Entry::symlink("var/lib/dpkg", "../../usr/lib/sysimage/dpkg");
    let below = [
        file("usr/bin/dash", "elf"),
        file("usr/lib/sysimage/dpkg/status", STATUS),
        file("usr/lib/sysimage/dpkg/info/dash.list", "/usr/bin/dash\n"),
    ];
    let one = [&below[..], std::slice::from_ref(&link)].concat();
    let at_once = Images::default().read(&[&one]);
    // A link that a later layer brings opens what was there before.
    let later = Images::default().read(&[&below, &[link]]);
    for contents in [&at_once, &later] {
        assert_eq!(owner(contents, "usr/bin/dash"), Some("dash"));
        let [database] = &contents.databases[..] else { panic!("{:?}", contents.databases) };
        assert_eq!(
            (database.path.to_str_lossy().as_ref(), &database.packages),
            ("usr/lib/sysimage/dpkg/status", &Ok(2))
        );
    }
    assert_eq!((later.layers[0].packages.len(), later.layers[1].packages.len()), (0, 2));
    // Nobody asks a database that no link leads to.
    assert!(Images::default().read(&[&below]).databases.is_empty());
    // apk's is one, by whichever of its paths.
    let apk = [Entry::symlink("lib", "usr/lib"), file("usr/lib/apk/db/installed", "P:a\nV:1\n\n")];
    let contents = Images::default().read(&[&apk]);
    assert_eq!((contents.databases.len(), contents.packages.len()), (1, 1));
}

#[test]
fn a_database_that_was_not_read_is_named() {
    let kept = file("usr/lib/kept/s", STATUS);
    let link = Entry::hardlink("var/lib/dpkg/status", "usr/lib/kept/s");
    let both = [kept.clone(), link.clone()];
    for layers in [vec![&both[..]], vec![&both[..1], &both[1..]]] {
        let contents = Images::default().read(&layers);
        let [database] = &contents.databases[..] else { panic!("{:?}", contents.databases) };
        assert_eq!(database.path, "var/lib/dpkg/status");
        assert!(database.packages.as_ref().unwrap_err().contains("under another name"), "{database:?}");
    }
    // One without a package was read.
    let contents = Images::default().read(&[&[file("var/lib/dpkg/status", "\n")]]);
    assert!(contents.databases.is_empty(), "{:?}", contents.databases);
    let contents = Images::default().read(&[&[file("var/lib/chisel/manifest.wall", "zstd")]]);
    let [chisel] = &contents.databases[..] else { panic!("{:?}", contents.databases) };
    assert!(chisel.packages.as_ref().unwrap_err().contains("chisel's manifests"), "{chisel:?}");
    // Two paths of rpm's lead to one.
    let contents = Images::default().read(&[&[
        Entry::symlink("var/lib/rpm", "/usr/lib/sysimage/rpm"),
        file("usr/lib/sysimage/rpm/rpmdb.sqlite", "SQLite format 3\0"),
    ]]);
    assert_eq!(contents.databases.len(), 1);
}

#[test]
fn a_layer_says_what_it_did_to_packages() {
    let one = |name: &str, version: &str| {
        format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n")
    };
    let status = |all: &[(&str, &str)]| {
        let text: String = all.iter().map(|(n, v)| one(n, v)).collect();
        file("var/lib/dpkg/status", &text)
    };
    let contents = Images::default().read(&[
        &[status(&[("a", "1"), ("b", "1")]), file("x", "")],
        &[file("y", "")],
        &[status(&[("a", "1"), ("b", "2"), ("c", "1")])],
        &[status(&[("b", "2"), ("c", "1")])],
    ]);
    let told: Vec<Vec<String>> = contents
        .layers
        .iter()
        .map(|l| {
            let text = |v: &Option<String>| v.clone().unwrap_or_else(|| "-".to_owned());
            l.packages.iter().map(|c| format!("{} {} {}", c.name, text(&c.before), text(&c.after))).collect()
        })
        .collect();
    let wanted: [&[&str]; 4] = [&["a - 1", "b - 1"], &[], &["b 1 2", "c - 1"], &["a 1 -"]];
    assert_eq!(told, wanted);
    let layers: Vec<usize> = contents.packages.iter().map(|p| p.layer).collect();
    assert_eq!(layers, [2, 2]);
}

#[test]
fn a_package_is_from_where_its_files_are() {
    let db = "P:a\nV:1\nF:bin\nR:x\nR:y\nF:etc\nR:conf\n\n";
    let contents = Images::default().read(&[
        &[file("etc/conf", "old")],
        &[file("bin/x", "1"), file("bin/y", "1")],
        &[file("lib/apk/db/installed", db)],
    ]);
    assert_eq!(contents.packages[0].layer, 1);
}

#[test]
fn a_database_that_a_later_layer_took_away_counts_no_more() {
    let contents = Images::default()
        .read(&[&[file("var/lib/dpkg/status", STATUS)], &[file("var/lib/dpkg/.wh.status", "")]]);
    assert!(contents.packages.is_empty() && contents.databases.is_empty());
    assert_eq!(contents.layers[1].packages.len(), 2);
}

#[test]
fn the_operating_system_is_read_through_the_link() {
    let contents = Images::default().read(&[&[
        Entry::symlink("etc/os-release", "../usr/lib/os-release"),
        file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n"),
    ]]);
    assert_eq!(contents.os_release.unwrap().version.as_deref(), Some("13"));
}

#[test]
fn who_made_it() {
    let with = |history: History| {
        let mut images = Images::default();
        images.history = vec![history];
        let contents = images.read(&[&[file("x", "")]]);
        (contents.maker.tool, contents.maker.evidence)
    };
    let by = |text: &str| History { created_by: Some(text.to_owned()), ..History::default() };
    let comment = |text: &str| History { comment: Some(text.to_owned()), ..History::default() };
    for (history, tool) in [
        (comment("buildkit.dockerfile.v0"), Some("BuildKit")),
        (by("/bin/sh -c #(nop) ADD file:1 in / "), Some("docker build (without BuildKit)")),
        (by("bazel build //:image"), Some("Bazel")),
        (by("derived and own files"), Some("distil")),
        (by("3 packages, derived and own files"), Some("distil")),
        (by("something else"), None),
    ] {
        let (found, evidence) = with(history);
        assert_eq!(found.as_deref(), tool);
        assert_eq!(evidence.is_some(), tool.is_some());
    }
    let contents = Images::default().read(&[&[file("a", "")]]);
    assert!(contents.layers[0].history.is_none(), "no history, nothing told");
    assert!(contents.files[1].path().as_bstr() == "a");
}

#[test]
fn accounts_and_copyrights_as_the_last_layer_has_them() {
    let below = [
        file("etc/passwd", "root:x:0:0::/:\n"),
        file("etc/group", "root:x:0:\n"),
        file("usr/share/doc/gcc-14-base/copyright", "GPL-3"),
        file("usr/share/doc/large/copyright", &"x".repeat((1 << 20) + 1)),
        file("usr/share/doc/deep/er/copyright", "no package's"),
        Entry::symlink("usr/share/doc/libgcc-s1", "gcc-14-base"),
        Entry::hardlink("usr/share/doc/twin/copyright", "usr/share/doc/gcc-14-base/copyright"),
    ];
    let above = [file("etc/passwd", "app:x:1:1::/:\n"), file("etc/.wh.group", "")];
    let contents = Images::default().read(&[&below, &above]);
    assert_eq!(contents.notice("etc/passwd"), Some(&b"app:x:1:1::/:\n"[..]));
    assert_eq!(contents.notice("etc/group"), None, "deleted above");
    for name in ["gcc-14-base", "libgcc-s1", "twin"] {
        let text = contents.notice(&format!("usr/share/doc/{name}/copyright"));
        assert_eq!(text, Some(&b"GPL-3"[..]), "{name}");
    }
    for name in ["large", "deep/er", "none"] {
        assert_eq!(contents.notice(&format!("usr/share/doc/{name}/copyright")), None, "{name}");
    }
}
