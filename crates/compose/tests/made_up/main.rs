//! Compositions of made-up packages: what each rule does, seen in the tree.

mod certificates;
mod layers;
mod own_files;
mod policy;
mod steps;
mod world;

use compose::{Note, OwnBody, Rule};
use rootfs::actions::{
    Account, Alternative, Attributes, Change, Condition, Diversion, Existing, FileAction, Follower, Keeps,
    Membership, Named, Override, Step, Test, User,
};
use rootfs::{Owner, Tree};
use world::{BUILT, World};

const NONROOT: &str = "contents: {distribution: debian-13, packages: [a]}\naccounts: {run-as: nonroot}\n";

fn step(action: FileAction) -> Step {
    Step { when: Vec::new(), action }
}

#[test]
fn own_files_and_paths_have_the_last_word() {
    let mut world = World::new();
    world.package("a", &["etc/", "etc/a.conf: theirs", "usr/bin/", "*usr/bin/a", "usr/bin/b = usr/bin/a"]);
    let body = world.body(b"#!/x");
    let inside = Tree::from_entries(vec![
        rootfs::Entry::new("", rootfs::Node::Dir, 0o700, Owner::User),
        rootfs::Entry::new("sub", rootfs::Node::Dir, 0o750, Owner::User),
        rootfs::Entry::new("sub/x", rootfs::Node::File(body), 0o640, Owner::User),
    ]);
    world.own = vec![None, Some(OwnBody::File { body, executable: true }), Some(OwnBody::Tree(inside))];
    world.epoch = Some(7);
    let recipe = "contents:
  distribution: debian-13
  packages: [a]
  files:
    - {path: /etc/a.conf, content: ours, mode: 0o600, uid: 5, gid: 6}
    - {path: /bin/tool, source: tool}
    - {path: /opt/app, source: dir, uid: 65532}
accounts:
  users: [{username: app, uid: 1000}]
  groups: [{groupname: web, gid: 2000, members: [app]}]
  run-as: app
work-dir: /opt
environment: {LANG: C.UTF-8, PATH: /opt/bin}
entrypoint: {command: [/bin/tool, -x]}
cmd: --port 80
ports: [8080, 53/udp]
volumes: [/data]
stop-signal: SIGINT
labels: {a: b}
paths:
  - {path: /data/deep, type: directory, uid: 65532, gid: 65532, permissions: 0o750}
  - {path: /data, type: permissions, uid: 1, gid: 2, permissions: 0o711, recursive: true}
  - {path: /data/empty, type: empty-file, permissions: 0o644}
  - {path: /data/link, type: symlink, source: /data/empty}
  - {path: /usr/bin/again, type: hardlink, source: /usr/bin/a, uid: 7, permissions: 0o750}
";
    let made = world.compose(recipe).unwrap();
    assert_eq!(made.line("etc/a.conf"), "0600 5:6 file \"ours\"");
    assert_eq!(made.composition.owner("etc/a.conf"), Some(Owner::User));
    assert_eq!(made.line("usr/bin/tool"), "0755 0:0 file \"#!/x\"");
    assert_eq!(made.line("bin"), "0777 0:0 -> usr/bin");
    assert_eq!(made.line("lib64"), "nothing");
    assert_eq!(made.line("opt/app/sub"), "0750 65532:0 dir");
    assert_eq!(made.line("opt/app/sub/x"), "0640 65532:0 file \"#!/x\"");
    assert_eq!(made.line("data"), "0711 1:2 dir");
    assert_eq!(made.line("data/deep"), "0711 1:2 dir");
    assert_eq!(made.line("data/empty"), "0644 0:0 file \"\"");
    assert_eq!(made.line("data/link"), "0777 0:0 -> /data/empty");
    // One file under three names has one owner and one mode.
    assert_eq!(made.line("usr/bin/a"), "0750 7:0 file \"usr/bin/a\"");
    assert_eq!(made.line("usr/bin/b"), "0750 7:0 = usr/bin/a");
    assert_eq!(made.line("usr/bin/again"), "0750 7:0 = usr/bin/a");
    assert_eq!(made.line("home/app"), "0700 1000:1000 dir");
    assert!(made.text("etc/passwd").contains("\napp:x:1000:1000:app:/home/app:/sbin/nologin\n"));
    assert!(made.text("etc/group").contains("\nweb:x:2000:app\n"));
    for (path, time) in
        [("usr/bin/a", BUILT), ("usr/bin/tool", 7), ("etc/passwd", 7), ("opt", 7), ("data", 7)]
    {
        assert_eq!(made.tree().get(path).unwrap().mtime, time, "{path}");
    }
    let config = &made.composition.config;
    assert_eq!(config.user, "1000");
    assert_eq!(
        config.env,
        ["LANG=C.UTF-8", "PATH=/opt/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]
    );
    assert_eq!(config.entrypoint.as_deref().unwrap(), ["/bin/tool", "-x"]);
    assert_eq!(config.cmd.as_deref().unwrap(), ["--port", "80"]);
    assert_eq!(config.exposed_ports.keys().collect::<Vec<_>>(), ["53/udp", "8080/tcp"]);
    assert_eq!((config.working_dir.as_str(), config.stop_signal.as_str()), ("/opt", "SIGINT"));
    assert_eq!(made.composition.created, 7);
}

#[test]
fn packages_meet_as_dpkg_has_them_meet() {
    let clash = |replaces: &str| {
        let mut world = World::new();
        world.package("a", &["usr/", "usr/share/", "usr/share/x: old"]);
        world.package("b", &["usr/", "usr/share/", "usr/share/x: new"]).replaces = replaces.to_owned();
        world.compose(NONROOT)
    };
    let error = clash("").err().unwrap().to_string();
    assert_eq!(error, "cannot merge /usr/share/x: both a and b bring it");
    assert_eq!(clash("z, a (<< 2)").unwrap().text("usr/share/x"), "new");
    assert!(clash("a (<< 0.5)").is_err());

    let mut world = World::new();
    world.package("a", &["usr/share/x: theirs"]);
    let diversion =
        Diversion { by: Some("b".into()), path: "usr/share/x".into(), to: "usr/share/x.orig".into() };
    world.package("b", &["usr/share/x: mine"]).actions.diversions.push(diversion);
    let made = world.compose(NONROOT).unwrap();
    assert_eq!(made.text("usr/share/x"), "mine");
    assert_eq!(made.text("usr/share/x.orig"), "theirs");

    // The recipe may take only a part of one of them; the licence comes along, and owners stay.
    let mut world = World::new();
    world.package(
        "a",
        &["usr/share/x: a", "usr/share/doc/a/", "usr/share/doc/a/copyright", "opt/a/", "opt/a/1"],
    );
    world.package("b", &["usr/share/x: b", "usr/share/y: b"]);
    let recipe = "contents:
  distribution: debian-13
  packages: [{name: a, only: [/opt/**]}, {name: b, drop: [/usr/share/y]}]
accounts: {run-as: nonroot}
";
    let made = world.compose(recipe).unwrap();
    assert_eq!(made.text("usr/share/x"), "b");
    assert_eq!(made.line("usr/share/y"), "nothing");
    assert_eq!(made.composition.owner("opt/a/1"), Some(Owner::Package(0)));
    assert_eq!(made.line("usr/share/doc/a/copyright"), "0644 0:0 file \"usr/share/doc/a/copyright\"");
    let cut: Vec<String> =
        made.composition.rootfs.cut.iter().map(|c| format!("{} {}", c.path, c.why)).collect();
    assert_eq!(cut, ["usr/share/x not taken from its package", "usr/share/y not taken from its package"]);
    assert_eq!((made.composition.cuts[0].files, made.composition.cuts[0].bytes), (2, 2));
    let b = "b".to_owned();
    assert_eq!(made.composition.notes, [Note::NoCopyright { package: b }]);
}

#[test]
fn literal_steps_alternatives_and_accounts_are_applied() {
    let mut world = World::new();
    let a = world.package(
        "a",
        &["*usr/bin/vim", "*usr/bin/ed", "usr/share/a/conf: c", "var/lib/", "usr/share/man/man1/ed.1"],
    );
    let choice = |path: &str, priority| Alternative {
        link: "usr/bin/editor".into(),
        name: "editor".into(),
        path: path.into(),
        priority,
        followers: vec![Follower {
            link: "usr/share/man/man1/editor.1".into(),
            name: "editor.1".into(),
            path: "usr/share/man/man1/ed.1".into(),
        }],
    };
    a.actions.alternatives =
        vec![choice("usr/bin/ed", 5), choice("usr/bin/vim", 30), choice("usr/bin/none", 90)];
    a.actions.users = vec![User {
        name: "daemon1".into(),
        uid: None,
        group: None,
        comment: "".into(),
        home: "/var/lib/d".into(),
        shell: "".into(),
    }];
    let daemon = || Some(Account::Name("daemon1".into()));
    let owned = Attributes { mode: Some(0o2750), user: daemon(), group: daemon() };
    let when = |path: &str, test, expect| vec![Condition { path: path.into(), test, expect }];
    let plain = Attributes::default;
    a.actions.steps = vec![
        step(FileAction::Directory { path: "var/lib/d/sub".into(), attributes: owned }),
        step(FileAction::Copy {
            from: "usr/share/a/conf".into(),
            to: "etc/a.conf".into(),
            recursive: false,
            keeps: Keeps::Mode,
            attributes: plain(),
            existing: Existing::Keep,
        }),
        Step {
            when: when("etc/a.conf", Test::Exists, false),
            action: FileAction::Remove { path: "usr/bin/ed".into(), recursive: false },
        },
        Step {
            when: when("ed", Test::Command, true),
            action: FileAction::Symlink { path: "etc/x".into(), target: "a.conf".into(), replace: false },
        },
        step(FileAction::File {
            path: "etc/a.conf".into(),
            content: "more".into(),
            attributes: plain(),
            existing: Existing::Append,
        }),
        step(FileAction::Change {
            path: "etc/a.conf".into(),
            change: Change::Mode { keep: 0o7777, set: 0o020 },
            recursive: false,
        }),
        step(FileAction::Move {
            from: "usr/share/a".into(),
            to: "usr/share/b".into(),
            existing: Existing::Keep,
        }),
        step(FileAction::Copy {
            from: "no/such".into(),
            to: "etc/y".into(),
            recursive: false,
            keeps: Keeps::Mode,
            attributes: plain(),
            existing: Existing::Keep,
        }),
    ];
    let root = || Account::Name("root".into());
    let over = Override {
        path: "usr/bin/ed".into(),
        user: root(),
        group: Account::Name("mail".into()),
        mode: 0o711,
    };
    a.actions.overrides.push(over);
    let made = world.compose(NONROOT).unwrap();
    assert_eq!(made.line("usr/bin/editor"), "0777 0:0 -> /etc/alternatives/editor");
    assert_eq!(made.line("etc/alternatives/editor"), "0777 0:0 -> /usr/bin/vim");
    assert_eq!(made.line("etc/alternatives/editor.1"), "nothing");
    assert_eq!(made.line("var/lib/d/sub"), "2750 101:101 dir");
    assert!(made.text("etc/passwd").contains("daemon1:x:101:101::/var/lib/d:/usr/sbin/nologin\n"));
    assert_eq!(made.line("etc/a.conf"), "0664 0:0 file \"cmore\"");
    assert_eq!(made.line("etc/x"), "0777 0:0 -> a.conf");
    assert_eq!(made.line("usr/share/b/conf"), "0644 0:0 file \"c\"");
    assert_eq!(made.line("usr/share/a"), "nothing");
    assert_eq!(made.line("usr/bin/ed"), "0711 0:8 file \"usr/bin/ed\"");
    assert_eq!(made.composition.rule("etc/x"), Some(Rule::PackageSteps));
    assert_eq!(made.composition.rule("usr/bin/editor"), Some(Rule::Alternatives));
    let skipped = made.composition.notes.iter().find_map(|n| match n {
        Note::StepSkipped { path, why } => Some(format!("{path}: {why}")),
        _ => None,
    });
    assert_eq!(skipped.unwrap(), "etc/y: cannot copy /no/such: there is no such file");
}

#[test]
fn status_says_only_what_is_there() {
    let mut world = World::new();
    let a = world.package(
        "a",
        &[
            "usr/lib/os-release: ID=debian",
            "usr/share/doc/a/README",
            "usr/share/doc/a/copyright",
            "lib/",
            "lib/x",
        ],
    );
    a.md5sums =
        "00  usr/lib/os-release\n11  usr/share/doc/a/README\n22  usr/share/doc/a/copyright\n33  lib/x\n"
            .to_owned();
    let made = world.compose(NONROOT).unwrap();
    assert_eq!(made.text("var/lib/dpkg/status.d/a"), "Package: a\nVersion: 1.0-1\n");
    assert_eq!(made.text("var/lib/dpkg/status.d/a.md5sums"), "22  usr/share/doc/a/copyright\n33  lib/x\n");
    assert_eq!(made.line("usr/lib/x"), "0644 0:0 file \"lib/x\"");
    assert_eq!(made.line("etc/os-release"), "0777 0:0 -> ../usr/lib/os-release");
    assert_eq!(made.composition.created, BUILT);
    let mut world = World::new();
    world.package("a", &["usr/lib/python3.13/os.py"]);
    let made = world.compose(NONROOT).unwrap();
    assert!(made.composition.notes.contains(&Note::PythonNotCompiled));
}

#[test]
fn wrong_words_are_refused_with_what_to_do() {
    let cases = [
        (
            "contents: {distribution: debian-13, packages: [a]}\naccounts: {run-as: ghost}\n",
            "cannot run the image as `ghost`: it has no such user",
        ),
        (
            "contents: {distribution: debian-13, packages: [a]}\naccounts: {run-as: nonroot}\npaths: [{path: /none, type: permissions, permissions: 0o755}]\n",
            "cannot change /none: there is no such file",
        ),
        (
            "contents: {distribution: debian-13, packages: [a], files: [{path: /etc/x/y, content: z}]}\naccounts: {run-as: nonroot}\n",
            "cannot make /etc/x/y: /etc/x is not a directory",
        ),
        (
            "contents: {distribution: debian-13, packages: [a], files: [{path: /etc, content: z}]}\naccounts: {run-as: nonroot}\n",
            "cannot make /etc: it is a directory",
        ),
    ];
    for (recipe, message) in cases {
        let mut world = World::new();
        world.package("a", &["etc/", "etc/x: file"]);
        let error = match world.compose(recipe) {
            Ok(_) => panic!("{recipe} was taken"),
            Err(error) => error,
        };
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(diag::Explain::kind(&error), diag::Kind::Input);
    }
}

#[test]
fn own_files_below_a_merged_directory_go_where_its_link_leads() {
    let mut world = World::new();
    world.package("a", &["usr/share/", "usr/share/a: file"]);
    let recipe = "contents: {distribution: debian-13, packages: [a], files: [{path: /sbin/own, content: z}]}
accounts: {run-as: nonroot}
";
    let made = world.compose(recipe).unwrap();
    let text = made.tree().to_text();
    assert!(text.contains("/sbin: symlink usr/sbin\n"), "{text}");
    assert!(text.contains("/usr/sbin/own: file 0644 0:0"), "{text}");
    assert!(!text.contains("/bin: symlink"), "a link to nothing: {text}");
}

#[test]
fn accounts_of_debian_that_are_used_are_in_passwd_and_group() {
    let mut world = World::new();
    let a = world.package(
        "a",
        &["etc/", "etc/nginx.conf: user www-data;\nworker 1;", "var/", "var/mail/", "var/games", "usr/bin/a"],
    );
    a.entry("var/mail").gid = 8;
    a.entry("var/games").gid = 60;
    a.entry("usr/bin/a").uid = 1234;
    a.actions.named = vec![Named::Group("adm".into()), Named::User("ghost".into())];
    a.actions.memberships = vec![Membership { user: "www-data".into(), group: "ssl-cert".into() }];
    a.actions.users = vec![User {
        name: "_a".into(),
        uid: None,
        group: Some(Account::Id(65534)),
        comment: "".into(),
        home: "".into(),
        shell: "/bin/sh".into(),
    }];
    world.package("b", &["usr/lib/systemd/system/b.service: [Service]\nUser=proxy\nGroup=nogroup\n"]);
    let recipe = "contents:
  distribution: debian-13
  packages: [a, b]
  files: [{path: /srv/x, content: x, uid: 34, gid: 33}]
accounts: {run-as: irc}
";
    let made = world.compose(recipe).unwrap();
    let passwd = made.text("etc/passwd");
    let added: Vec<&str> = passwd.lines().skip(3).collect();
    assert_eq!(
        added,
        [
            "_a:x:101:65534::/nonexistent:/usr/sbin/nologin",
            "proxy:x:13:13:proxy:/bin:/usr/sbin/nologin",
            "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin",
            "backup:x:34:34:backup:/var/backups:/usr/sbin/nologin",
            "irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin",
        ]
    );
    let group = made.text("etc/group");
    let added: Vec<&str> = group.lines().skip(5).collect();
    assert_eq!(
        added,
        [
            "ssl-cert:x:102:www-data",
            "proxy:x:13:",
            "www-data:x:33:",
            "backup:x:34:",
            "irc:x:39:",
            "adm:x:4:",
            "mail:x:8:",
            "games:x:60:",
            "nogroup:x:65534:",
        ]
    );
    assert_eq!(made.composition.config.user, "39");
    assert_eq!(made.line("usr/lib/systemd/system/b.service"), "nothing");
}
