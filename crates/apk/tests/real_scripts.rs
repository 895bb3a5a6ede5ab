//! The scripts of all real packages: each is classified, none is passed over, and the users that they
//! make have the numbers that busybox gives.
#![allow(clippy::disallowed_methods, reason = "tests read the data beside the checkout")]

use std::path::{Path, PathBuf};

use apk::scripts::{InTree, Owners, Subject, Verdict, actions, classify, number_accounts};
use apk::{ControlFiles, Limits, Proof, unpack};
use bstr::{BString, ByteSlice};
use rootfs::actions::{Account, Actions, FileAction};
use rootfs::payload::{Payload, Writer};
use rootfs::{PayloadIx, Tree};

fn packages(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e == "apk")).collect();
    found.sort();
    found
}

/// What a package says of itself, and its tree.
fn unpacked(path: &Path) -> (ControlFiles, Tree) {
    let bytes = std::fs::read(path).unwrap();
    let proof = Proof { control: None, keys: None };
    let mut writer = Writer::new(Vec::new());
    let files = unpack(bytes.as_slice(), &proof, &Limits::default(), &mut writer).unwrap().files;
    let payload = writer.finish().unwrap();
    let read = Payload::read(&payload, payload.len() as u64, PayloadIx(0)).unwrap();
    (files, read.tree)
}

/// The files of several packages, one over the other.
fn together(packages: &[(ControlFiles, Tree)]) -> Tree {
    Tree::from_entries(packages.iter().flat_map(|(_, tree)| tree.entries().iter().cloned()).collect())
}

fn row(package: &ControlFiles, report: &apk::scripts::ScriptReport) -> String {
    let said = match &report.verdict {
        Verdict::NothingToDo => "nothing to do".to_owned(),
        Verdict::ReplacedBy(rules) => format!("replaced by {}", rules.join(", ")),
        Verdict::NotReplaced { commands, .. } => {
            let commands: Vec<&str> = commands.iter().map(|c| c.command.as_str()).collect();
            format!("not replaced: {}", commands.join("; "))
        }
    };
    format!("{}-{} {}: {said}", package.info.name, package.info.version, report.kind.name())
}

#[test]
fn every_script_of_the_real_packages_is_accounted_for() {
    let mut rows = Vec::new();
    let mut scripts = 0;
    for (data, count) in [("apk/alpine-3.19.1-iso/x86_64", 100), ("apk/alpine-3.13.4-rpi/aarch64", 65)] {
        let Some(folder) = testkit::shared_data(data) else { testkit::skip!("no {data}") };
        let found = packages(&folder);
        assert_eq!(found.len(), count);
        let packages: Vec<_> = found.iter().map(|path| unpacked(path)).collect();
        let tree = together(&packages);
        for (files, own) in &packages {
            let reports = classify(&Subject { files, tree: Some(own) }, &InTree(&tree));
            assert_eq!(reports.len(), files.scripts.len());
            scripts += reports.len();
            rows.extend(reports.iter().map(|r| row(files, r)));
        }
    }
    let table = rows.join("\n");
    println!("{table}");
    assert_eq!((scripts, table.as_str()), (31, include_str!("scripts.txt").trim_end()));
}

/// The body of a file of a package, read from its data by another reader than ours.
fn body(package: &Path, file: &str) -> BString {
    let tar = std::process::Command::new("tar").arg("-xzOf").arg(package).arg(file).output().unwrap();
    assert!(!tar.stdout.is_empty(), "{package:?} {file}");
    tar.stdout.into()
}

#[test]
fn users_of_real_scripts_are_those_that_busybox_makes() {
    let data = "apk/alpine-3.19.1-iso/x86_64";
    let Some(folder) = testkit::shared_data(data) else { testkit::skip!("no {data}") };
    let base = folder.join("alpine-baselayout-data-3.4.3-r2.apk");
    let (passwd, group) = (body(&base, "etc/passwd"), body(&base, "etc/group"));
    let mut all = Actions::default();
    let names = ["alpine-baselayout-3.4.3-r2", "chrony-4.5-r0", "dhcpcd-10.0.5-r0"];
    let packages = names.map(|name| unpacked(&folder.join(format!("{name}.apk"))));
    let tree = together(&packages);
    for (files, own) in &packages {
        all.append(actions(&classify(&Subject { files, tree: Some(own) }, &InTree(&tree))));
    }
    number_accounts(&mut all, passwd.as_ref(), group.as_ref());
    // The lines that the scripts of the same packages left, run by busybox 1.36.1 of the same data.
    let users: Vec<String> = all
        .users
        .iter()
        .map(|u| {
            let Some(Account::Id(gid)) = u.group else { panic!("{u:?}") };
            format!("{}:x:{}:{gid}:{}:{}:{}", u.name, u.uid.unwrap(), u.comment, u.home, u.shell)
        })
        .collect();
    assert_eq!(
        users,
        [
            "chrony:x:100:101:chrony:/var/log/chrony:/sbin/nologin",
            "dhcpcd:x:101:102:dhcpcd:/var/lib/dhcpcd:/sbin/nologin"
        ]
    );
    let groups: Vec<String> = all.groups.iter().map(|g| format!("{}:{}", g.name, g.gid.unwrap())).collect();
    assert_eq!(groups, ["chrony:101", "dhcpcd:102"], "shadow is there already");
    // As apk 2.14 left them: by the names in the archive, whose numbers there are 190 and 188; a home
    // is as adduser made it.
    let homes: Vec<(&str, Option<Account>, Option<Account>)> = all
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            FileAction::Directory { path, attributes } => {
                Some((path.to_str().ok()?, attributes.user.clone(), attributes.group.clone()))
            }
            _ => None,
        })
        .collect();
    let id = |n| Some(Account::Id(n));
    assert!(homes.contains(&("var/log/chrony", id(100), id(101))), "{homes:?}");
    let owners = Owners::of(passwd.as_ref(), group.as_ref(), &all);
    let owner = |package: usize, path: &str| {
        let owned = owners.applied(&packages[package].1, &packages[package].0).unwrap();
        owned.get(path).map(|e| (e.uid, e.gid)).unwrap()
    };
    assert_eq!(owner(1, "etc/chrony"), (100, 101));
    assert_eq!(owner(1, "var/lib/chrony"), (100, 101));
    let (passwd, group) = (BString::from(users.join("\n")), BString::from("chrony:x:101:\nwheel:x:10:\n"));
    let of_files = Owners::of(passwd.as_ref(), group.as_ref(), &Actions::default());
    let owned = of_files.applied(&packages[1].1, &packages[1].0).unwrap();
    let owner = |path: &str| owned.get(path).map(|e| (e.uid, e.gid)).unwrap();
    assert_eq!((owner("etc/chrony"), owner("var/log/chrony")), ((100, 101), (0, 10)));
    assert!(of_files.applied(&packages[2].1, &packages[2].0).is_none());
    let joined: Vec<String> = all.memberships.iter().map(|m| format!("{} {}", m.user, m.group)).collect();
    assert_eq!(joined, ["chrony chrony", "dhcpcd dhcpcd"]);
}
