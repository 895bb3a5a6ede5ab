use rootfs::actions::FileAction;
use shell::Act;

use super::*;
use crate::{Script, parse_pkginfo};

fn report_in(world: &dyn World, kind: ScriptKind, text: &str) -> ScriptReport {
    let info = b"pkgname = a\npkgver = 1.0-r0\ntriggers = /bin /usr/share/fonts/*\n";
    let files = ControlFiles {
        info: parse_pkginfo(info).unwrap(),
        scripts: vec![Script::new(kind, text)],
        control: package::Sha1([0; 20]),
        files: Vec::new(),
        owners: Vec::new(),
    };
    classify(&Subject { files: &files, tree: None }, world).remove(0)
}

fn report(kind: ScriptKind, text: &str) -> ScriptReport {
    report_in(&Unknown, kind, text)
}

#[test]
fn a_user_is_made_as_busybox_makes_it() {
    let text = "#!/bin/sh\naddgroup -S chrony 2>/dev/null\nadduser -S -D -h /var/log/chrony -s /sbin/nologin \
                -G chrony -g chrony chrony 2>/dev/null\nexit 0\n";
    let report = report(ScriptKind::PreInstall, text);
    assert_eq!(report.verdict, Verdict::ReplacedBy(vec!["accounts"]));
    let acts: Vec<&Act> = report.asked.iter().map(|a| &a.act).collect();
    let [
        Act::Group(group),
        Act::User(user),
        Act::Membership(_),
        Act::File(FileAction::Directory { path, attributes }),
    ] = acts.as_slice()
    else {
        panic!("{acts:?}")
    };
    assert_eq!((&group.name[..], group.gid), (&b"chrony"[..], None));
    assert_eq!((user.comment.to_string(), user.shell.to_string()), ("chrony".into(), "/sbin/nologin".into()));
    assert_eq!((path.to_string(), attributes.mode), ("var/log/chrony".into(), Some(0o2755)));
}

#[test]
fn what_would_not_run_does_nothing_and_what_is_not_known_is_named() {
    assert_eq!(report(ScriptKind::PostUpgrade, "rm -rf /\n").verdict, Verdict::NothingToDo);
    let found = report(ScriptKind::PostInstall, "#!/bin/busybox sh\n/bin/busybox mkdir -p /x\nmagic --now\n");
    assert_eq!(found.leftovers().len(), 1, "{found:?}");
    assert_eq!(found.leftovers()[0].command, "magic --now");
    assert_eq!(found.rules(), ["file-actions"]);
    for text in
        ["glib-compile-schemas /usr/share/glib-2.0/schemas", "gdk-pixbuf-query-loaders --update-cache"]
    {
        assert_eq!(report(ScriptKind::Trigger, text).leftovers().len(), 1, "{text}");
    }
    let whole = report(ScriptKind::PostInstall, "#!/usr/bin/lua5.4\nprint(1)\n");
    assert_eq!(whole.leftovers()[0].command, "the whole script, which is in lua5.4");
}

#[test]
fn a_trigger_runs_for_the_directories_that_are_there() {
    let text = "#!/bin/sh\nfor i in \"$@\"; do magic $i; done\n";
    let world = Alone::of_files(["usr/share/fonts/a/x".into(), "usr/share/fonts/b/y".into()]);
    let found = report_in(&world, ScriptKind::Trigger, text);
    let commands: Vec<&str> = found.leftovers().iter().map(|l| &l.command[..]).collect();
    assert_eq!(commands, ["magic /usr/share/fonts/a", "magic /usr/share/fonts/b"]);
    let none = report_in(&Alone::of_files(["etc/x".into()]), ScriptKind::Trigger, text);
    assert_eq!(none.verdict, Verdict::NothingToDo);
    // Nothing is known of the tree: as if all were there.
    assert_eq!(report(ScriptKind::Trigger, text).leftovers().len(), 2);
}
