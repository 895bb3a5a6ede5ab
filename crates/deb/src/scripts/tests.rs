use rootfs::actions::{Account, Attributes, Change, Condition, FileAction, Test};
use rootfs::{Entry, Node, Owner, Tree};

use super::*;
use crate::Control;

pub(super) fn files_of(scripts: &[(ScriptKind, &str)], triggers: &str, templates: &str) -> ControlFiles {
    ControlFiles {
        control: Control::parse("Package: foo\nVersion: 1\nArchitecture: amd64\n").unwrap(),
        scripts: scripts.iter().map(|(kind, text)| Script::new(*kind, *text)).collect(),
        md5sums: "d41d8cd98f00b204e9800998ecf8427e  usr/bin/foo\nd41d8cd98f00b204e9800998ecf8427e  usr/share/foo/a.conf\n".into(),
        conffiles: Default::default(),
        triggers: triggers.into(),
        templates: templates.into(),
    }
}

fn classified(scripts: &[(ScriptKind, &str)], triggers: &str, templates: &str) -> Vec<ScriptReport> {
    let files = files_of(scripts, triggers, templates);
    let world = Alone::of_files(files.listed_files());
    classify(&Subject { files: &files, tree: None, arch: "arm64" }, &world)
}

fn postinst(text: &str) -> ScriptReport {
    classified(&[(ScriptKind::Postinst, text)], "", "").remove(0)
}

fn leftovers(text: &str) -> Vec<String> {
    postinst(text).leftovers().iter().map(|l| l.command.clone()).collect()
}

/// The file actions, one a line.
fn asked(text: &str) -> String {
    let report = postinst(text);
    assert_eq!(report.leftovers(), [], "{text}");
    let line = |asked: &Asked| match &asked.act {
        Act::File(action) => show(action),
        other => format!("{other:?}"),
    };
    report.asked.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn show(action: &FileAction) -> String {
    match action {
        FileAction::Directory { path, attributes } => format!("mkdir {path}{}", mode(attributes)),
        FileAction::Symlink { path, target, replace } => format!("link {path} {target} {replace}"),
        FileAction::Hardlink { path, target, .. } => format!("hardlink {path} {target}"),
        FileAction::File { path, content, existing, .. } => format!("file {path} {content:?} {existing:?}"),
        FileAction::Copy { from, to, .. } => format!("copy {from} {to}"),
        FileAction::Move { from, to, .. } => format!("move {from} {to}"),
        FileAction::Change { path, change: Change::Mode { keep, set }, .. } => {
            format!("chmod {path} {keep:o} {set:o}")
        }
        FileAction::Change { path, change: Change::Owner { user, group }, .. } => {
            format!("chown {path} {user:?} {group:?}")
        }
        FileAction::Remove { path, .. } => format!("rm {path}"),
        FileAction::RemoveEmpty { path } => format!("rmdir {path}"),
    }
}

fn mode(attributes: &Attributes) -> String {
    attributes.mode.map(|m| format!(" {m:o}")).unwrap_or_default()
}

#[test]
fn only_what_a_first_installation_reaches_counts() {
    for text in [
        "",
        "#!/bin/sh\nset -e\nexit 0\nunheard-of",
        "if [ \"$1\" = upgrade ]; then unheard-of; fi",
        "[ -z \"$2\" ] || unheard-of",
        "test -n \"$2\" && unheard-of",
        "case \"$1\" in abort-*|upgrade) unheard-of ;; configure) ;; *) unheard-of; exit 1 ;; esac",
        "if dpkg --compare-versions \"$2\" lt-nl 1.0; then unheard-of; fi",
        "if [ \"$1\" = configure -a -n \"$2\" ]; then unheard-of; fi",
        "if [ ! -e /usr/bin/foo ]; then unheard-of; fi",
        "f() { unheard-of; }; if false; then f; fi",
        "for x in; do unheard-of; done; while false; do unheard-of; done",
        "if [ -d /run/systemd/system ]; then unheard-of; fi",
        "if [ -n \"$DPKG_ROOT\" ]; then unheard-of; fi",
        "if [ $# -ge 3 ]; then unheard-of; fi",
        "if [ \"$DPKG_MAINTSCRIPT_ARCH\" = i386 ]; then unheard-of; fi",
        "x=$(dpkg --print-architecture); [ \"$x\" = arm64 ] || unheard-of",
        "v=abc; [ \"${v%c}\" = ab ] && [ \"${v#a}\" = bc ] && exit 0; unheard-of",
        "true && exit 0\nunheard-of",
        "f() { return 0; unheard-of; }; f; for i in 1 2; do continue; unheard-of; done",
        "if ! getent passwd root >/dev/null; then unheard-of; fi",
        "set -- a b; shift; [ \"$1\" = b ] || unheard-of",
        "eval 'x=1'; [ $x = 1 ] || unheard-of",
        "cat <<EOF\nunheard-of\nEOF",
        "# unheard-of",
        "exec 3>&1 1>&2; :",
    ] {
        assert_eq!(leftovers(text), [""; 0], "{text}");
    }
}

#[test]
fn what_may_be_reached_counts() {
    for text in [
        "unheard-of",
        "if [ -x /usr/bin/bar ]; then unheard-of; fi",
        "if [ \"$(cat /etc/foo)\" = x ]; then unheard-of; fi",
        "if grep -q x /etc/foo; then :; else unheard-of; fi",
        "case \"$(uname -r)\" in 5*) unheard-of ;; esac",
        "x=`unheard-of`",
        "echo $(unheard-of)",
        "true | unheard-of",
        "( unheard-of )",
        "while read x; do unheard-of; done",
        "f() { unheard-of; }; f",
        "command unheard-of; :",
        "if grep -q x y; then exit 1; fi; unheard-of",
        "if grep -q x y; then exit 0; fi; unheard-of",
        "eval unheard-of",
        "trap - EXIT; env A=b unheard-of",
        "x=$((1 + $(unheard-of)))",
        "case x in y) ;; *) unheard-of; esac",
        "for f in /usr/share/foo/*.conf; do unheard-of; done",
        "until unheard-of; do :; done",
        "! unheard-of",
        "unheard-of &",
        "trap 'unheard-of' EXIT",
        "sh -c 'unheard-of'",
    ] {
        let found = leftovers(text);
        assert!(found.iter().any(|l| l.starts_with("unheard-of")), "{text}: {found:?}");
    }
}

#[test]
fn what_is_not_literal_is_left_over() {
    for text in [
        "rm -rf \"$(cat /etc/x)\"",
        "mkdir $(cat /etc/x)",
        "chmod $(cat /etc/x) /usr/bin/foo",
        "if grep -q x /etc/x; then ln -s a /usr/lib/b; fi",
        "sed -i s/a/b/ /etc/x",
        "find /usr/lib -name x -delete",
        "cat /etc/x > /etc/y",
        "date >> /usr/lib/y",
        "$(cat /etc/x) now",
        ". /usr/share/other/functions",
        "eval \"$(cat /etc/x)\"",
        "perl -i -pe 1 /etc/x",
        "python3 -c 'print(1)'",
        "rm -rf /",
    ] {
        assert_ne!(leftovers(text), [""; 0], "{text}");
    }
}

#[test]
fn literal_changes_become_data() {
    for (text, expected) in [
        ("mkdir -p /usr/lib/a/b", "mkdir usr/lib/a/b"),
        ("mkdir -m 700 /var/lib/x; mkdir -p /etc", "mkdir var/lib/x 700"),
        ("[ -d /srv/x ] || mkdir /srv/x; chmod 2755 /srv/x", "mkdir srv/x; chmod srv/x 0 2755"),
        ("ln -sf ../foo /usr/bin/bar", "link usr/bin/bar ../foo true"),
        ("cd /usr/bin && ln -s foo bar", "link usr/bin/bar foo false"),
        ("ln -s /usr/share/foo/a.conf /etc/", "link etc/a.conf /usr/share/foo/a.conf false"),
        ("cp -p /usr/share/foo/a.conf /etc/foo.conf", "copy usr/share/foo/a.conf etc/foo.conf"),
        ("cp /usr/share/foo/missing /etc/foo.conf", ""),
        (
            "if [ ! -e /etc/a ]; then echo 1 > /etc/a; echo 2 >> /etc/a; fi",
            "file etc/a \"1\\n\" Replace; file etc/a \"2\\n\" Append",
        ),
        ("cat > /etc/a <<E\nx=$1\nE", "file etc/a \"x=configure\\n\" Replace"),
        ("rm -f /etc/nothing /usr/bin/foo", "rm usr/bin/foo"),
        ("touch /var/lib/t; rm /var/lib/t", "file var/lib/t \"\" Keep; rm var/lib/t"),
        (
            "chown root:adm /usr/bin/foo; chgrp adm /usr/bin/foo",
            "Named(Group(\"adm\")); chown usr/bin/foo Some(Id(0)) Some(Id(4)); \
             chown usr/bin/foo None Some(Id(4))",
        ),
        // Named also where the path is the running system's, not where no image has the file.
        ("chown www-data \"/var/log/x/$y\"", "Named(User(\"www-data\")); Named(Group(\"www-data\"))"),
        ("chgrp utmp /var/log/wtmp", ""),
        ("chgrp _foo /usr/bin/foo", "chown usr/bin/foo None Some(Name(\"_foo\"))"),
        ("install -d -m 750 -o root -g staff /var/lib/i", "Named(Group(\"staff\")); mkdir var/lib/i 750"),
        ("for d in a b; do mkdir /opt/$d; done", "mkdir opt/a; mkdir opt/b"),
        ("f() { mkdir \"$DPKG_ROOT$1\"; }; f /opt/f", "mkdir opt/f"),
        ("mv /usr/bin/foo /usr/bin/foo.real", "move usr/bin/foo usr/bin/foo.real"),
    ] {
        assert_eq!(asked(text), expected, "{text}");
    }
}

#[test]
fn what_the_tree_can_say_becomes_a_condition() {
    let report = postinst("if [ -x /usr/bin/bar ]; then ln -s bar /usr/bin/baz; fi");
    let condition = Condition { path: "usr/bin/bar".into(), test: Test::Executable, expect: true };
    assert_eq!(report.asked[0].when, std::slice::from_ref(&condition));
    let report = postinst("[ -x /usr/bin/bar ] || exit 0\nunheard-of");
    assert_eq!(report.leftovers()[0].when, [condition]);
    let report = postinst("if command -v bar; then :; else mkdir /opt/x; fi");
    let condition = Condition { path: "bar".into(), test: Test::Command, expect: false };
    assert_eq!(report.asked[0].when, [condition]);
}

#[test]
fn leaving_in_one_way_bars_what_follows_not_the_other_way() {
    let report =
        postinst("if [ -x /usr/bin/a ]; then if [ -x /usr/bin/b ]; then exit 0; fi; else mkdir /opt/x; fi");
    assert_eq!(report.asked[0].when.len(), 1, "{:?}", report.asked);
    // Reached unless both are there, which no list of conditions says.
    let report =
        postinst("if [ -x /usr/bin/a ]; then if [ -x /usr/bin/b ]; then exit 0; fi; fi; mkdir /opt/x");
    assert_eq!(report.leftovers()[0].command, "mkdir /opt/x");
    let report = postinst("f() { [ -x /usr/bin/a ] || exit 0; }; f; mkdir /opt/x");
    assert_eq!(report.asked[0].when.len(), 1, "{:?}", report);
}

#[test]
fn the_tree_answers_where_it_is_known() {
    let entry = |path: &str, node| Entry::new(path, node, 0o755, Owner::Package(0));
    let tree = Tree::from_entries(vec![
        entry("usr", Node::Dir),
        entry("usr/lib", Node::Dir),
        entry("lib", Node::Symlink("usr/lib".into())),
        entry("usr/lib/dead", Node::Symlink("nowhere".into())),
        entry("usr/lib/loop", Node::Symlink("loop".into())),
    ]);
    let world = InTree(&tree);
    let files = files_of(
        &[(
            ScriptKind::Postinst,
            "[ -d /lib ] && [ -L /lib ] && [ ! -e /usr/lib/dead ] && [ -L /lib/dead ] && [ ! -e /usr/lib/loop ] && [ ! -e /etc ] && exit 0; unheard-of",
        )],
        "",
        "",
    );
    let reports = classify(&Subject { files: &files, tree: None, arch: "amd64" }, &world);
    assert!(reports[0].is_accounted_for(), "{reports:?}");
    assert_eq!(world.names_in("".into()).unwrap(), ["lib", "usr"]);
    assert_eq!(world.names_in("lib".into()).unwrap(), ["dead", "loop"]);
}

#[test]
fn rules_cover_the_usual_tools() {
    for (text, rule) in [
        ("ldconfig", "ld-so-cache"),
        ("py3compile -p foo", "python-bytecode"),
        ("deb-systemd-helper enable foo.service || true", "services"),
        ("update-rc.d foo defaults >/dev/null", "services"),
        ("update-alternatives --install /usr/bin/x x /usr/bin/foo 10", "alternatives"),
        ("adduser --system --no-create-home _foo", "accounts"),
        ("dpkg-divert --add --rename --divert /usr/bin/y.real /usr/bin/y", "diversions"),
        ("dpkg-maintscript-helper rm_conffile /etc/x 1~ -- \"$@\"", "upgrades-only"),
        ("systemd-tmpfiles --create foo.conf", "directories-declared"),
        ("rm -rf /var/cache/foo/$(date)", "state"),
        (". /usr/share/debconf/confmodule; db_get foo/x", "debconf"),
    ] {
        let report = postinst(text);
        assert!(report.is_accounted_for() && report.rules().contains(&rule), "{text}: {:?}", report.verdict);
    }
}

#[test]
fn questions_have_their_default_answers() {
    let config = ". /usr/share/debconf/confmodule\ndb_input low foo/b || true\ndb_go\ndb_set foo/c three\n";
    let text = ". /usr/share/debconf/confmodule\ndb_get foo/a; [ \"$RET\" = one ] || unheard-of a\n\
        db_get foo/c && [ \"$RET\" = three ] || unheard-of c\n[ \"$RET\" = three ] && mkdir /opt/x";
    let templates =
        "Template: foo/a\nType: string\nDefault: one\n\nTemplate: foo/c\nType: string\nDefault: two\n";
    let reports = classified(&[(ScriptKind::Config, config), (ScriptKind::Postinst, text)], "", templates);
    assert!(reports.iter().all(ScriptReport::is_accounted_for), "{reports:?}");
    assert_eq!(actions(&reports).steps.len(), 1);
}

#[test]
fn a_package_that_waits_for_triggers_is_read_as_run_by_them() {
    let text = "case $1 in triggered) unheard-of \"$2\" ;; esac";
    let reports = classified(&[(ScriptKind::Postinst, text)], "interest /usr/share/x\n", "");
    assert_eq!(reports[0].leftovers()[0].command, "unheard-of /usr/share/x");
    let reports = classified(&[(ScriptKind::Postinst, text)], "activate ldconfig\n", "");
    assert_eq!(reports[0].verdict, Verdict::NothingToDo);
}

#[test]
fn what_is_no_shell_script_is_named() {
    for (text, said) in [
        ("#!/usr/bin/perl\nprint 1;", "which is in perl"),
        ("#! /usr/bin/env python3\n", "which is in python3"),
        ("\x7fELF", "which is a program"),
        ("#!/bin/sh\nif", "which cannot be read"),
    ] {
        assert!(leftovers(text)[0].contains(said), "{text}");
    }
}

#[test]
fn scripts_of_removal_do_nothing() {
    let reports =
        classified(&[(ScriptKind::Prerm, "unheard-of"), (ScriptKind::Postrm, "unheard-of")], "", "");
    assert!(reports.iter().all(|r| r.verdict == Verdict::NothingToDo));
}

#[test]
fn a_script_that_never_ends_is_given_up() {
    for text in [
        "f() { f; }; f",
        "f() { f; f; }; f",
        "a() { b; b; b; b; }; b() { c; c; c; c; }; c() { d; d; d; d; }; d() { e; e; e; e; e; e; }; e() { a; :; a; }; a",
        "while :; do :; done",
        "eval 'eval \"eval x\"'",
    ] {
        postinst(text);
    }
    let many = "x=aaaaaaaaaa; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x; x=$x$x$x$x$x$x$x$x$x$x";
    postinst(many);
}

#[test]
fn alone_knows_its_files_and_standard_places() {
    let world = Alone::of_files(["usr/share/foo/a".into()]);
    assert_eq!(world.look("usr/share/foo".into()), Some(Presence::Directory));
    assert_eq!(world.look("usr/bin/x".into()), None);
    assert_eq!(world.look("etc/x".into()), Some(Presence::Absent));
    let files = files_of(&[], "", "");
    let subject = Subject { files: &files, tree: None, arch: "arm64" };
    assert_eq!(Account::Id(0), shell::read_user(&subject, "root").unwrap());
}
