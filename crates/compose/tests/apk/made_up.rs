//! Rules, each with the smallest packages that show it.

use std::collections::BTreeMap;

use apk::InstalledRecord;
use compose::{ApkKey, ComposeError, Rule};
use diag::Explain;
use recipe::Allow;
use rootfs::{Node, Owner};
use testkit::apk::ApkPackage;

use crate::world::{Made, World, recipe};

fn baselayout() -> ApkPackage {
    ApkPackage::new("baselayout", "1-r0")
        .directory("etc", 0o755)
        .directory("home", 0o755)
        .file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n",
        )
        .file("etc/group", 0o644, "root:x:0:root\nmail:x:12:mail\n")
        .file("etc/shadow", 0o640, "root:*::0:::::\nmail:!::0:::::\n")
        .owner(0, 42)
        .directory("root", 0o700)
}

fn composed(packages: &[ApkPackage], more: &str) -> Made {
    World::of(packages).compose(&recipe("baselayout", more), "x86_64").unwrap_or_else(|e| panic!("{e}"))
}

fn refused(packages: &[ApkPackage]) -> ComposeError {
    match World::of(packages).compose(&recipe("a", ""), "x86_64") {
        Ok(_) => panic!("it composed"),
        Err(error) => error,
    }
}

#[test]
fn packages_meet_as_apk_has_them_meet() {
    let file = |name: &str, body: &str| ApkPackage::new(name, "1-r0").file("usr/x", 0o644, body);
    let error = refused(&[file("a", "1"), file("b", "2")]);
    assert_eq!(error.to_string(), "cannot merge /usr/x: both a and b bring it");

    let alike = composed(&[file("a", "1").symlink("l", "usr/x"), file("b", "1").symlink("l", "usr/x")], "");
    assert_eq!(alike.composition.owner("usr/x"), Some(Owner::Package(0)));

    // Also where the first has other names of it.
    let links = file("a", "1").hard_link("usr/y", "usr/x");
    let both = file("b", "1").file("usr/y", 0o644, "1");
    let alike = composed(&[links, both], "");
    assert_eq!(alike.composition.owner("usr/x"), Some(Owner::Package(0)));
    assert_eq!(alike.line("usr/y"), "0644 0:0 = usr/x");

    let one = composed(&[file("a", "1").origin("o"), file("b", "2").origin("o")], "");
    assert_eq!(one.text("usr/x"), "2");
    let one =
        composed(&[file("a", "1").replaces("b").replaces_priority(2), file("b", "2").replaces("a")], "");
    assert_eq!(one.text("usr/x"), "1");
    let database = one.text("lib/apk/db/installed");
    assert_eq!(database.matches("R:x").count(), 1, "only the winner lists it: {database}");
}

#[test]
fn directories_hard_links_and_attributes_are_kept() {
    let a = ApkPackage::new("a", "1-r0")
        .directory("var/spool", 0o777)
        .file("bin/su", 0o4755, "su")
        .hard_link("bin/su2", "bin/su")
        .file("bin/ping", 0o755, "ping")
        .xattr(
            "security.capability",
            b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        );
    let b = ApkPackage::new("b", "1-r0").directory("var/spool", 0o1755).file("var/spool/f", 0o600, "");
    let made = composed(&[a, b], "");
    assert_eq!(made.line("var/spool"), "0755 0:0 dir");
    assert_eq!(made.line("bin/su2"), "4755 0:0 = bin/su");
    assert_eq!(made.tree().get("bin/ping").unwrap().xattrs.len(), 1);
    let reported = &made.composition.reported;
    let setuid = reported.iter().filter(|v| v.word == Allow::Setuid).count();
    assert_eq!(setuid, 3, "{reported:?}");
    assert!(reported.iter().any(|v| v.word == Allow::Root));
}

#[test]
fn a_merged_usr_holds_whatever_comes_first() {
    let tool =
        ApkPackage::new("tool", "1-r0").file("usr/sbin/tool", 0o755, "t").file("lib/libt.so", 0o755, "l");
    let layout = ApkPackage::new("layout", "1-r0")
        .provides("merged-lib=1 merged-usrsbin=1")
        .directory("usr/bin", 0o755)
        .directory("usr/lib", 0o755)
        .symlink("lib", "usr/lib")
        .symlink("usr/sbin", "bin");
    let made = composed(&[tool, layout], "");
    assert_eq!(made.line("usr/sbin"), "0777 0:0 -> bin");
    assert_eq!(made.text("usr/bin/tool"), "t");
    assert_eq!(made.text("usr/lib/libt.so"), "l");
    let database = made.text("usr/lib/apk/db/installed");
    assert!(
        database.contains("F:usr/sbin\nR:tool\n") && database.contains("F:lib\nR:libt.so\n"),
        "{database}"
    );
    assert_eq!(made.line("lib"), "0777 0:0 -> usr/lib");
}

#[test]
fn apks_state_is_what_the_recipe_says() {
    let key = ApkKey { name: "builder.rsa.pub".to_owned(), pem: b"trusted\n".to_vec() };
    let packaged = ApkPackage::new("keys", "1-r0").file("etc/apk/keys/other.rsa.pub", 0o644, "its own");
    let mut world = World::of(&[baselayout(), packaged]);
    world.keys = vec![key, ApkKey { name: "other.rsa.pub".to_owned(), pem: b"x".to_vec() }];
    let text = "contents:
  repositories: [https://apk.example/alpine/main, '@edge https://user:word@apk.example/edge']
  build_repositories: [https://build.example/x]
  runtime_repositories: [https://run.example/y]
  packages: ['keys<1', keys>0, baselayout@edge, '!busybox']
";
    let made = world.compose(text, "aarch64").unwrap();
    assert_eq!(made.text("etc/apk/world"), "!busybox\nbaselayout@edge\nkeys>0\n");
    assert_eq!(made.text("etc/apk/arch"), "aarch64\n");
    assert_eq!(
        made.text("etc/apk/repositories"),
        "https://apk.example/alpine/main\n@edge https://apk.example/edge\nhttps://run.example/y\n"
    );
    assert_eq!(made.text("etc/apk/keys/builder.rsa.pub"), "trusted\n");
    assert_eq!(made.text("etc/apk/keys/other.rsa.pub"), "its own");
    assert_eq!(made.line("lib/apk/db/lock"), "0600 0:0 file \"\"");
    assert_eq!(made.composition.rule("lib/apk/db/installed"), Some(Rule::ApkState));
    assert_eq!(made.line("dev/null"), "0666 0:0 Char { major: 1, minor: 3 }");
    assert_eq!(made.line("proc"), "0555 0:0 dir");
    assert_eq!(made.composition.rule("proc"), Some(Rule::Directories));
    assert_eq!(made.composition.owner("etc"), Some(Owner::Package(0)));
}

#[test]
fn the_database_lists_what_is_there() {
    let a = ApkPackage::new("a", "1-r0")
        .directory("usr/share/doc", 0o755)
        .file("usr/share/doc/a", 0o644, "long")
        .file("etc/a.conf", 0o644, "theirs")
        .file("usr/bin/a", 0o755, "a");
    let more = "  files: [{path: /etc/a.conf, content: mine}]
  drop: [/usr/share/doc/**]
accounts: {users: [{username: u, uid: 1000}]}";
    let made = composed(&[baselayout(), a], more);
    let database = made.text("lib/apk/db/installed");
    let listed = apk::parse_installed(database.as_bytes()).unwrap();
    let paths: Vec<String> = listed.iter().flat_map(|r| &r.files).map(|f| f.path.to_string()).collect();
    assert!(paths.contains(&"usr/bin/a".to_owned()));
    assert!(paths.contains(&"etc/passwd".to_owned()), "it is still the package's, with a line more");
    for gone in ["usr/share/doc", "usr/share/doc/a", "etc/a.conf"] {
        assert!(!paths.contains(&gone.to_owned()), "{gone}");
    }
    assert_eq!(made.text("etc/a.conf"), "mine");
}

#[test]
fn accounts_are_added_behind_those_of_packages() {
    let daemon = ApkPackage::new("daemon", "1-r0").script(
        ".pre-install",
        "#!/bin/sh\naddgroup -S daemon 2>/dev/null\nadduser -S -D -H -h /var/lib/daemon -s /sbin/nologin -G daemon -g daemon daemon 2>/dev/null\nexit 0\n",
    );
    let more = "accounts:
  run-as: app
  groups: [{groupname: app, gid: 1500, members: [mail]}]
  users: [{username: app, uid: 1000, gid: 1500}, {username: x, uid: 1001, homedir: /dev/null, shell: /bin/ash}]";
    let made = composed(&[baselayout(), daemon], more);
    assert_eq!(
        made.text("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n\
         daemon:x:100:100:daemon:/var/lib/daemon:/sbin/nologin\n\
         app:x:1000:1500:Account created by apko:/home/app:/bin/sh\n\
         x:x:1001:1001:Account created by apko:/dev/null:/bin/ash\n"
    );
    assert_eq!(
        made.text("etc/group"),
        "root:x:0:root\nmail:x:12:mail\ndaemon:x:100:daemon\napp:x:1500:mail\n"
    );
    let shadow = made.line("etc/shadow");
    assert!(
        shadow.starts_with("0640 0:42 file") && shadow.contains("daemon:!:::::::\\napp:!:::::::\\nx:!"),
        "{shadow}"
    );
    assert_eq!(made.line("home/app"), "0700 1000:1500 dir");
    assert_eq!(made.line("var/mail"), "0700 8:12 dir");
    assert_eq!(made.line("var/lib/daemon"), "nothing", "its script says -H");
    assert_eq!(made.composition.config.user, "1000");
}

#[test]
fn a_user_of_the_recipe_has_its_home_though_a_script_asks_for_that_name() {
    let package = ApkPackage::new("web", "1-r0")
        .script(".pre-install", "#!/bin/sh\nadduser -S -D -H -h /var/lib/web web 2>/dev/null\nexit 0\n");
    let made = composed(&[baselayout(), package], "accounts: {users: [{username: web, uid: 1000}]}");
    assert!(
        made.text("etc/passwd").contains("\nweb:x:1000:1000:Account created by apko:/home/web:/bin/sh\n")
    );
    assert_eq!(made.line("home/web"), "0700 1000:1000 dir");
    assert_eq!(made.line("var/lib/web"), "nothing");
}

#[test]
fn a_user_of_a_script_has_its_own_group() {
    let package = ApkPackage::new("web", "1-r0")
        .script(".pre-install", "#!/bin/sh\nadduser -D -u 1234 -h /srv/web web\n");
    let made = composed(&[baselayout(), package], "");
    assert!(made.text("etc/passwd").contains("\nweb:x:1234:1234:Linux User,,,:/srv/web:/bin/sh\n"));
    assert!(made.text("etc/group").contains("\nweb:x:1234:"), "{}", made.text("etc/group"));
    assert_eq!(made.line("srv/web"), "2755 1234:1234 dir");
}

#[test]
fn services_of_s6_and_paths() {
    let more = "entrypoint: {type: service-bundle, services: {web: /usr/bin/web -p 80}}
paths:
  - {path: /data/a, type: directory, uid: 7, gid: 8, permissions: 0o2770}
  - {path: /data/a/f, type: empty-file, permissions: 0o600}
  - {path: /data/l, type: symlink, source: /data/a/f}
  - {path: /data/h, type: hardlink, source: /data/a/f}
  - {path: /data, type: permissions, uid: 9, permissions: 0o750, recursive: true}";
    let made = composed(&[baselayout()], more);
    assert_eq!(made.line("sv/web"), "0777 0:0 dir");
    assert_eq!(made.line("sv/web/run"), "0755 0:0 file \"#!/bin/execlineb\\n/usr/bin/web -p 80\\n\"");
    let entrypoint = made.composition.config.entrypoint.clone().unwrap();
    assert_eq!(entrypoint, ["/bin/s6-svscan", "/sv"]);
    assert_eq!(made.line("data/a"), "0750 9:0 dir");
    assert_eq!(made.line("data/l"), "0777 0:0 -> /data/a/f");
    assert_eq!(made.line("data/a/f"), "0750 9:0 file \"\"");
    assert_eq!(made.line("data/h"), "0750 9:0 = data/a/f");
    let env = &made.composition.config.env;
    assert_eq!(env[0], "PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin");
    assert_eq!(made.composition.config.working_dir, "");
    // What the packages of testkit are built at.
    assert_eq!(made.composition.created, 1_735_689_600);
    let created = &made.composition.config.labels["org.opencontainers.image.created"];
    assert_eq!(created, "2025-01-01T00:00:00Z");
}

#[test]
fn paths_reach_what_apk_keeps() {
    let more = "paths:
  - {path: /lib/apk/db/installed, type: permissions, permissions: 0o600}
  - {path: /etc/apk, type: permissions, gid: 7, permissions: 0o750, recursive: true}
  - {path: /asked, type: hardlink, source: /etc/apk/world}
  - {path: /lib/apk/db/triggers, type: empty-file, permissions: 0o640}";
    let made = composed(&[baselayout()], more);
    assert!(
        made.line("lib/apk/db/installed").starts_with("0600 0:0 file \"C:Q1"),
        "{}",
        made.text("lib/apk/db/installed")
    );
    assert_eq!(made.line("etc/apk/arch"), "0750 0:7 file \"x86_64\\n\"");
    assert!(made.line("asked").starts_with("0750 0:7"), "{}", made.line("asked"));
    assert_eq!(made.text("asked"), "baselayout\n");
    assert_eq!(made.text("etc/apk/world"), "baselayout\n");
    assert_eq!(made.line("lib/apk/db/triggers"), "0640 0:0 file \"\"");
}

/// Nothing of what was asked for is left undone in silence.
#[test]
fn what_counts_for_nothing_is_noted() {
    let made = composed(&[baselayout()], "entrypoint: {services: {web: /usr/bin/web}}");
    assert_eq!(made.composition.notes, [compose::Note::ServicesNotRun]);
    let wanting = |number| {
        let script = format!("#!/bin/sh\nadduser -D -H -u {number} a\nadduser -D -H -u {number} b\nexit 0\n");
        baselayout().script(".pre-install", &script)
    };
    let made = composed(&[wanting(7777)], "");
    assert_eq!(made.composition.notes, [compose::Note::NoAccount { name: "b".into() }]);
    assert!(made.text("etc/passwd").contains("\na:x:7777:"), "{}", made.text("etc/passwd"));
    let links =
        ApkPackage::new("links", "1-r0").symlink("dev", "/proc").symlink("etc/passwd", "/proc/self/environ");
    let made = World::of(&[links]).compose(&recipe("links", ""), "x86_64").unwrap();
    let lost = compose::Note::LinkLost { package: "links".into(), path: "dev".into() };
    let (path, real) = ("etc/passwd".into(), "proc/self/environ".into());
    assert_eq!(made.composition.notes, [lost, compose::Note::AccountsElsewhere { path, real }]);
    // Root's number is nobody else's: that script is not read as accounts at all.
    let made = composed(&[wanting(0)], "");
    assert!(!made.text("etc/passwd").contains("\na:"), "{}", made.text("etc/passwd"));
}

/// As apko has it: `empty-file` opens what is there, devices are there, and a path is relative to the root.
#[test]
fn paths_as_apko_reads_them() {
    let more = "accounts: {run-as: '1000:2000'}
paths:
  - {path: etc/x, type: empty-file, permissions: 0o600}
  - {path: ./etc/new, type: empty-file}
  - {path: h, type: hardlink, source: etc/x}
  - {path: /dev/null, type: permissions, permissions: 0o600}";
    let there = ApkPackage::new("a", "1-r0").file("etc/x", 0o644, "kept");
    let made = World::of(&[there]).compose(&recipe("a", more), "x86_64").unwrap();
    assert_eq!(made.line("etc/x"), "0600 0:0 file \"kept\"");
    assert_eq!(made.line("etc/new"), "0644 0:0 file \"\"");
    assert_eq!(made.line("h"), "0600 0:0 = etc/x");
    assert!(made.line("dev/null").starts_with("0600 0:0"), "{}", made.line("dev/null"));
    assert_eq!(made.composition.config.user, "1000:2000");
}

#[test]
fn files_take_the_place_of_what_apk_keeps() {
    let recipe = recipe("baselayout", "  files: [{path: /etc/apk/repositories, content: \"mine\\n\"}]");
    let made = World::of(&[baselayout()]).compose(&recipe, "x86_64").unwrap();
    assert_eq!(made.text("etc/apk/repositories"), "mine\n");
}

#[test]
fn what_cannot_be_done_at_a_place_is_said_with_the_place() {
    let there = |name: &str| ApkPackage::new(name, "1-r0").file("etc/x", 0o644, "x");
    let path = |line: &str| format!("paths:\n  - {{path: /var, type: directory}}\n  - {line}");
    for (more, error, line, hint) in [
        (
            path("{path: /etc, type: hardlink, source: /etc/x}"),
            "cannot make the hard link /etc: a directory of that name exists",
            6,
            "drop: [/etc, /etc/**]",
        ),
        (
            path("{path: /h, type: hardlink, source: /etc}"),
            "cannot make the hard link /h: /etc is a directory",
            6,
            "type: symlink",
        ),
        (
            path("{path: /h, type: hardlink, source: /etc/y}"),
            "cannot link to /etc/y: there is no such file",
            6,
            "make it first",
        ),
        (
            path("{path: /etc, type: symlink, source: /var}"),
            "cannot make the link /etc: a directory of that name exists",
            6,
            "drop: [/etc",
        ),
        (
            path("{path: /etc/x, type: symlink, source: /var}"),
            "cannot make the link /etc/x: a file of that name exists",
            6,
            "drop: [/etc/x]",
        ),
        (
            path("{path: /etc, type: empty-file}"),
            "cannot make /etc: it is a directory",
            6,
            "type: permissions",
        ),
        (
            path("{path: /etc/x, type: directory}"),
            "cannot make the directory /etc/x: a file of that name exists",
            6,
            "drop: [/etc/x]",
        ),
        (
            path("{path: /etc/x/y, type: directory}"),
            "cannot make /etc/x/y: /etc/x is not a directory",
            6,
            "drop: [/etc/x]",
        ),
        (
            path("{path: /etc/y, type: permissions, permissions: 0o600}"),
            "cannot change /etc/y: there is no such file",
            6,
            "make it first",
        ),
        (
            path("{path: /etc/x, type: hardlink, source: /etc/x}"),
            "cannot make the hard link /etc/x: that is the file itself that it is to be another name of",
            6,
            "another path",
        ),
        (
            path(
                "{path: /h, type: hardlink, source: /etc/x}\n  - {path: /etc/x, type: hardlink, source: /h}",
            ),
            "cannot make the hard link /etc/x: that is the file itself that it is to be another name of",
            7,
            "another path",
        ),
        (
            path("{path: /l, type: symlink, source: /etc}\n  - {path: /l/x, type: hardlink, source: /etc/x}"),
            "cannot make the hard link /etc/x: that is the file itself that it is to be another name of",
            7,
            "another path",
        ),
        (
            path("{path: /e, type: empty-file}\n  - {path: /e, type: hardlink, source: /e}"),
            "cannot make the hard link /e: that is the file itself that it is to be another name of",
            7,
            "another path",
        ),
        (
            "accounts:\n  users:\n    - {username: app, uid: 1000, homedir: /etc/x/y}".to_owned(),
            "cannot give user `app` the home /etc/x/y: cannot make /etc/x/y: /etc/x is not a directory",
            6,
            "homedir",
        ),
        (
            "accounts:\n  users:\n    - {username: app, uid: 1000, homedir: /etc/x}".to_owned(),
            "cannot give user `app` the home /etc/x: cannot make the directory /etc/x: a file of that name exists",
            6,
            "homedir",
        ),
    ] {
        let found = match World::of(&[there("a")]).compose(&recipe("a", &more), "x86_64") {
            Err(found) => found,
            Ok(_) => panic!("{more} composed"),
        };
        assert_eq!(found.to_string(), error);
        let excerpt = found.excerpt().unwrap_or_else(|| panic!("no place of {error}"));
        assert_eq!((excerpt.file.as_str(), excerpt.line), ("a.yaml", line), "{error}");
        assert!(found.hint().is_some_and(|h| h.contains(hint)), "{error}: {:?}", found.hint());
    }
}

#[test]
fn two_keys_of_one_name_are_an_error() {
    let packaged = ApkPackage::new("keys", "1-r0").file("etc/apk/keys/k.rsa.pub", 0o644, "its own");
    let more = "  runtime_keyring: [{name: k.rsa.pub, content: \"-----BEGIN PUBLIC KEY-----\\nMA==\\n-----END PUBLIC KEY-----\\n\"}]";
    let error = match World::of(&[packaged]).compose(&recipe("keys", more), "x86_64") {
        Err(error) => error,
        Ok(_) => panic!("it composed"),
    };
    assert_eq!(
        error.to_string(),
        "cannot write the key /etc/apk/keys/k.rsa.pub: the image has another one of that name"
    );
    assert!(error.hint().is_some());
}

#[test]
fn layers_are_apkos_groups() {
    let package = |name: &str, origin: &str, size: usize| {
        ApkPackage::new(name, "1-r0").origin(origin).file(&format!("opt/{name}"), 0o644, "x".repeat(size))
    };
    let all = [package("a", "a", 10), package("b1", "b", 30), package("b2", "b", 30), package("c", "c", 5)];
    let made = composed(&all, "layering: {strategy: origin, budget: 2}");
    let titles: Vec<&str> = made.composition.groups.iter().map(|g| g.title.as_str()).collect();
    assert_eq!(titles, ["b", "2 packages", "derived and own files"]);
    let mut layers = BTreeMap::new();
    let mut databases = Vec::new();
    for (n, group) in made.composition.groups.iter().enumerate() {
        for entry in group.segments.iter().flat_map(|s| &s.entries).filter(|e| !e.is_dir()) {
            if entry.path == "lib/apk/db/installed" {
                let Node::File(body) = &entry.node else { panic!("a file") };
                databases.push(apk::parse_installed(made.composition.derived.get(body).unwrap()).unwrap());
                continue;
            }
            assert_eq!(layers.insert(entry.path.to_string(), n), None, "{}", entry.path);
        }
    }
    assert_eq!((layers["opt/b2"], layers["opt/c"], layers["etc/apk/world"]), (0, 1, 2));
    // Each has the records of its packages, as apko's have; the last has all, byte for byte the tree's.
    let names = |d: &Vec<InstalledRecord>| d.iter().map(|r| r.name.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(databases.iter().map(names).collect::<Vec<_>>(), ["b1 b2", "a c", "a b1 b2 c"]);
    assert_eq!(databases[0][..], databases[2][1..3]);
}
