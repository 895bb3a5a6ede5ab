//! What is written, and what it comes to.

use oci::Digest;
use package::{Arch, Comparison};
use recipe::archives::{Archive, Distribution, archive_of};
use recipe::{
    Allow, ApkRepository, Ask, Certificate, FileBody, KeySource, Layering, LocalPath, PathKind, Repository,
    Resolved, RunAs, SignedBy, Slim, Strategy, Want, World, load_catalogue, request_text,
};

use crate::rendered::{host, load, render};

pub(crate) fn resolve(text: &str) -> Resolved {
    load(text).and_then(|r| r.resolve(None, &host())).unwrap_or_else(|e| panic!("{text}\n{}", render(e)))
}

fn beside(path: &str) -> LocalPath {
    LocalPath { path: path.to_owned(), beside: "app.yaml".to_owned() }
}

/// The example of the product's contract, the part that is not about files beside it.
const CONTRACT: &str = r#"
include: base
contents:
  distribution: debian-13
  snapshot: 20261101T000000Z
  repositories:
    - deb [signed-by=keys/acme.asc] https://apt.example.com stable main
    - {deb: "https://apt.example.org stable main", signed-by: keys/b.asc, priority: 600, max-age: 7d}
  keyring: [keys/acme.rsa.pub]
  packages:
    - libssl3t64 (>= 3.5)
    - {name: libc-bin, only: [/usr/lib/locale/C.utf8/**]}
  files:
    - {path: /etc/app.toml, content: "a = 1\n", mode: 0o640, uid: 65532}
  slim: classes
  keep: [/usr/share/doc/acme/**]
allow: []
certificates: {additional: [corp-ca.pem]}
accounts: {run-as: nonroot}
entrypoint: {command: [/app/server]}
cmd: --port 8080
environment: {LANG: C.UTF-8, PORT: 8080}
work-dir: /
stop-signal: SIGTERM
ports: [8080/tcp]
volumes: [/data]
paths: [{path: /data, type: directory, uid: 65532, permissions: 0o750}]
labels: {}
annotations: {}
archs: [amd64, arm64]
layering: {strategy: split}
variants:
  nonroot: {accounts: {run-as: nonroot}, work-dir: /home/nonroot}
  debug: {contents: {packages: [busybox-static]}, allow: [shell]}
  debug-nonroot: {of: [debug, nonroot]}
"#;

#[test]
fn the_example_of_the_contract() {
    let r = resolve(CONTRACT);
    assert_eq!((&r.variant, r.world), (&None, World::Deb));
    assert_eq!(r.distribution, Some(Distribution::Debian13));
    assert_eq!(r.snapshot.as_ref().map(|s| s.as_str()), Some("20261101T000000Z"));
    let [Repository::Deb(a), Repository::Deb(b)] = &r.repositories[..] else {
        panic!("{:?}", r.repositories)
    };
    assert_eq!(
        (a.uri.as_str(), a.suite.as_str(), a.components.join(",").as_str()),
        ("https://apt.example.com", "stable", "main")
    );
    assert_eq!(
        (&a.signed_by[..], a.priority, a.trusted),
        (&[SignedBy::Keys(beside("keys/acme.asc"))][..], None, false)
    );
    assert_eq!((b.priority, b.max_age), (Some(600), Some(7 * 86_400)));
    assert_eq!(r.keyring, [KeySource::Local(beside("keys/acme.rsa.pub"))]);
    assert!(r.packages.iter().any(|a| a.text == "libssl3t64 (>= 3.5)"));
    let own: Vec<&str> = r.local_paths().iter().map(|p| p.path.as_str()).collect();
    assert_eq!(own, ["corp-ca.pem", "keys/acme.rsa.pub", "keys/acme.asc", "keys/b.asc"]);
    assert_eq!(r.files[0].mode, Some(0o640));
    assert_eq!(r.files[0].body, FileBody::Inline("a = 1\n".to_owned()));
    assert_eq!((r.slim, r.allow.len()), (Slim::Classes, 0));
    assert_eq!(r.certificates, [Certificate::File(beside("corp-ca.pem"))]);
    assert_eq!(r.run_as, Some(RunAs::Name("nonroot".to_owned())));
    assert_eq!(r.entrypoint.unwrap(), ["/app/server"]);
    assert_eq!(r.cmd.unwrap(), ["--port", "8080"]);
    assert_eq!(r.environment["PORT"], "8080");
    assert_eq!(r.environment["SSL_CERT_FILE"], "/etc/ssl/certs/ca-certificates.crt");
    assert_eq!(r.ports[0].to_string(), "8080/tcp");
    assert_eq!(r.paths[0].mode, Some(0o750));
    assert_eq!(r.layering, Layering { strategy: Strategy::Split, budget: None });
}

#[test]
fn the_variants_of_the_contract() {
    let recipe = load(CONTRACT).unwrap();
    assert_eq!(recipe.variants_to_build(), [None, Some("debug"), Some("debug-nonroot"), Some("nonroot")]);
    let [latest, debug, both, nonroot] = &recipe.resolve_all(&host()).unwrap()[..] else { panic!() };
    assert_eq!(both.variant.as_deref(), Some("debug-nonroot"));
    let has = |r: &Resolved| r.packages.iter().any(|a| a.name == "busybox-static");
    assert_eq!([has(latest), has(debug), has(both), has(nonroot)], [false, true, true, false]);
    let shell = |r: &Resolved| r.allow.contains(&Allow::Shell);
    assert_eq!([shell(latest), shell(debug), shell(both), shell(nonroot)], [false, true, true, false]);
    assert_eq!(both.work_dir.as_deref(), Some("/home/nonroot"));
    assert_eq!(debug.work_dir.as_deref(), Some("/"));
    assert_eq!(recipe.resolve(Some("latest"), &host()).unwrap(), *latest);
}

#[test]
fn values_keep_their_source_text() {
    let r = resolve(
        "environment:\n  A: 1.10\n  B: yes\n  C: 0x1\n  D: 0o17\n  E: ~\n  F:\n  G: 'x y'\n  H: 1_000\n  I: |\n    two\n    lines\n  J: null\n  K: 'null'\n",
    );
    let all: Vec<String> = r.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        all,
        [
            "A=1.10",
            "B=yes",
            "C=0x1",
            "D=0o17",
            "E=",
            "F=",
            "G=x y",
            "H=1_000",
            "I=two\nlines\n",
            "J=",
            "K=null"
        ]
    );
    assert_eq!(resolve("labels: {v: 1.0}").labels["v"], "1.0");
    assert_eq!(resolve("cmd: [1.10, no]").cmd.unwrap(), ["1.10", "no"]);
}

#[test]
fn one_mode_has_three_spellings() {
    for (text, mode) in [
        ("0o755", 0o755),
        ("0755", 0o755),
        ("493", 0o755),
        ("'0755'", 0o755),
        ("420", 0o644),
        ("0o1777", 0o1777),
        ("01777", 0o1777),
        ("0o4755", 0o4755),
        ("0", 0),
        ("0o0", 0),
        ("384", 0o600),
        ("256", 0o400),
        ("511", 0o777),
    ] {
        let r = resolve(&format!("paths: [{{path: /a, type: directory, permissions: {text}}}]"));
        assert_eq!(r.paths[0].mode, Some(mode), "{text}");
    }
    for text in [
        "644", "755", "775", "777", "600", "640", "700", "750", "664", "660", "555", "444", "400", "711",
        "1777", "1755", "4755", "2755", "8755", "0o", "-1", "'755'", "0x1ed", "07 55", "+493",
    ] {
        let recipe = recipe::parse(
            "app.yaml",
            &format!("paths: [{{path: /a, type: directory, permissions: {text}}}]"),
        );
        assert!(recipe.is_err(), "{text}");
    }
}

#[test]
fn package_lines_of_debian() {
    let ask = |text: &str| {
        resolve(&format!("contents: {{distribution: debian-13, packages: ['{text}']}}")).packages[0].clone()
    };
    let bound = |comparison, version: &str| Want::Bound { comparison, version: version.to_owned() };
    for (text, name, arch, want) in [
        ("libc6", "libc6", None, Want::Any),
        ("libstdc++6", "libstdc++6", None, Want::Any),
        ("libc6 (>= 2.36)", "libc6", None, bound(Comparison::GreaterEqual, "2.36")),
        ("libc6 (<< 2:3~rc1-1)", "libc6", None, bound(Comparison::Less, "2:3~rc1-1")),
        ("libc6(=2.41-12)", "libc6", None, bound(Comparison::Equal, "2.41-12")),
        ("libc6=2.41-12+deb13u4", "libc6", None, bound(Comparison::Equal, "2.41-12+deb13u4")),
        ("curl/trixie-backports", "curl", None, Want::Suite("trixie-backports".to_owned())),
        ("libc6:armhf", "libc6", Some("armhf"), Want::Any),
        ("libc6:native", "libc6", None, Want::Any),
        ("libc6:arm64=1.2-3", "libc6", Some("arm64"), bound(Comparison::Equal, "1.2-3")),
        ("libc6:arm64 (>= 1)", "libc6", Some("arm64"), bound(Comparison::GreaterEqual, "1")),
    ] {
        let wanted = Ask { text: text.to_owned(), name: name.to_owned(), arch: arch.map(Arch::new), want };
        assert_eq!(ask(text), wanted);
    }
}

#[test]
fn package_lines_of_apk() {
    let ask = |text: &str| {
        resolve(&format!("contents: {{distribution: wolfi, packages: ['{text}']}}")).packages[0].clone()
    };
    for (text, name, constraint, tag) in [
        ("musl=1.2.5-r0", "musl", "=1.2.5-r0", None),
        ("openssl~3.5", "openssl", "~3.5", None),
        ("openssl=~3.5", "openssl", "~3.5", None),
        ("openssl>=3", "openssl", ">=3", None),
        ("nano@edge", "nano", "", Some("edge")),
        ("nano=8@edge", "nano", "=8", Some("edge")),
        ("nano@edge=8", "nano", "=8", Some("edge")),
        ("so:libc.musl-x86_64.so.1=1", "so:libc.musl-x86_64.so.1", "=1", None),
    ] {
        let want = Want::Apk { constraint: constraint.to_owned(), tag: tag.map(str::to_owned) };
        assert_eq!(ask(text), Ask { text: text.to_owned(), name: name.to_owned(), arch: None, want });
    }
    assert_eq!(ask("busybox").want, Want::Any);
}

#[test]
fn a_removal_needs_no_quotes() {
    let r = resolve("include: static\ncontents:\n  packages:\n    - !tzdata-legacy\n    - '! netbase'\n");
    assert!(!r.packages.iter().any(|a| a.name == "tzdata-legacy" || a.name == "netbase"));
    assert_eq!(r.removed, ["tzdata-legacy", "netbase"]);
}

#[test]
fn repositories_of_apt() {
    let repository =
        |line: &str| match &resolve(&format!("contents: {{repositories: ['{line}']}}")).repositories[..] {
            [Repository::Deb(deb)] => deb.clone(),
            other => panic!("{other:?}"),
        };
    let r = repository(
        "deb [ arch=amd64,aarch64 signed-by=/k/a.asc,0123456789abcdef0123456789abcdef01234567 by-hash=force ] http://u:p@apt.example.com:8080/x/ stable main contrib",
    );
    assert_eq!(r.uri, "http://u:p@apt.example.com:8080/x");
    assert_eq!(r.archs, Some(vec![Arch::new("amd64"), Arch::new("arm64")]));
    assert_eq!(
        r.signed_by,
        [
            SignedBy::Keys(beside("/k/a.asc")),
            SignedBy::Fingerprint("0123456789ABCDEF0123456789ABCDEF01234567".to_owned())
        ]
    );
    assert_eq!((r.by_hash, r.components.len(), r.is_flat()), (Some(true), 2, false));
    let r = repository(
        "deb [trusted=yes check-valid-until=no valid-until-max=86400 lang=none] file:/srv/debs ./",
    );
    assert!(r.trusted && r.ignore_valid_until && r.is_flat());
    assert_eq!((r.uri.as_str(), r.suite.as_str(), r.max_age), ("file:/srv/debs", "./", Some(86_400)));
    assert!(repository("deb http://ftp.de.debian.org/debian trixie-backports main").signed_by.is_empty());
    let world = |text: &str| resolve(text).world;
    assert_eq!(world("contents: {repositories: [./debs], packages: [hello]}"), World::Deb);
    assert_eq!(
        world("contents: {repositories: [./apks], keyring: [a.rsa.pub], packages: [hello]}"),
        World::Apk
    );
    assert_eq!(world("contents: {repositories: [./apks], packages: [hello~1]}"), World::Apk);
}

#[test]
fn repositories_of_apk() {
    let r = resolve(
        "contents: {repositories: ['https://apk.example.com/os/', '@edge https://apk.example.com/edge', '@local ./packages']}",
    );
    let apk = |tag: Option<&str>, url: &str| {
        Repository::Apk(ApkRepository { tag: tag.map(str::to_owned), url: url.to_owned() })
    };
    assert_eq!(r.repositories[0], apk(None, "https://apk.example.com/os"));
    assert_eq!(r.repositories[1], apk(Some("edge"), "https://apk.example.com/edge"));
    assert_eq!(r.local_paths(), [&beside("./packages")]);
    let Repository::Local(local) = &r.repositories[2] else { panic!() };
    assert_eq!((local.tag.as_deref(), &local.directory), (Some("local"), &beside("./packages")));
    assert_eq!((r.world, r.slim, r.run_as, r.archs.len()), (World::Apk, Slim::None, None, 9));
}

#[test]
fn passwords_are_used_and_never_shown() {
    let lines = [
        "deb https://me:hunter2@apt.example.com stable main",
        "deb [colour=red] https://me:hunter2@apt.example.com stable main",
        "deb https://me:hunter2@apt.example.com",
        "https://me:hunter2@apt.example.com stable main",
        "ftp://me:hunter2@apt.example.com",
        "deb-src https://me:hunter2@apt.example.com stable main",
    ];
    for line in lines {
        let text = format!("contents:\n  distribution: debian-13\n  repositories:\n    - {line}\n");
        let shown = render(load(&text).and_then(|r| r.resolve(None, &host())).unwrap_err());
        assert!(!shown.contains("hunter2") && !shown.contains("me:"), "{shown}");
    }
    let text = "contents: {distribution: debian-13, repositories: ['https://me:hunter2@apk.example.com/os']}";
    assert!(!render(load(text).and_then(|r| r.resolve(None, &host())).unwrap_err()).contains("hunter2"));
    let signed = resolve(
        "contents: {repositories: ['deb [trusted=yes] https://me:hunter2@apt.example.com stable main']}",
    );
    assert_eq!(
        request_text(&signed).lines().nth(1),
        Some("repository deb https://apt.example.com stable main trusted")
    );
}

#[test]
fn files_of_the_user() {
    let sha = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let r = resolve(&format!(
        "contents:\n  files:\n    - {{path: /a//b/, source: ./x}}\n    - {{path: /, url: 'https://example.com/x.tgz', sha256: {sha}, extract: true}}\n    - path: /etc/motd\n      content: |\n        hello\n"
    ));
    assert_eq!((r.files[0].path.as_str(), &r.files[0].body), ("/a/b", &FileBody::Local(beside("./x"))));
    let url = FileBody::Url {
        url: "https://example.com/x.tgz".to_owned(),
        sha256: format!("sha256:{sha}").parse::<Digest>().unwrap(),
    };
    assert_eq!((&r.files[1].body, r.files[1].extract), (&url, true));
    assert_eq!(r.files[2].body, FileBody::Inline("hello\n".to_owned()));
    let path = LocalPath { path: "x".to_owned(), beside: "conf/app.yaml".to_owned() };
    assert_eq!(path.candidates(), ["conf/x", "x"].map(std::path::PathBuf::from));
    assert_eq!(beside("x").candidates(), ["x"].map(std::path::PathBuf::from));
    assert_eq!(
        LocalPath { path: "/x".to_owned(), beside: "conf/app.yaml".to_owned() }.candidates(),
        ["/x"].map(std::path::PathBuf::from)
    );
}

#[test]
fn capabilities_as_setcap_writes_them() {
    let r = resolve(
        "paths: [{path: /a, type: permissions, capabilities: 'cap_net_bind_service+ep'}, {path: /b, type: permissions, capabilities: [cap_chown+p, 'cap_bpf,cap_chown=i']}]",
    );
    // The value that `setcap cap_net_bind_service+ep` gives, as `getfattr -e hex` shows it.
    let hex: String =
        r.paths[0].capabilities.unwrap().to_xattr().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "0100000200040000000000000000000000000000");
    let second = r.paths[1].capabilities.unwrap();
    assert_eq!((second.permitted, second.inheritable, second.effective), (1, 1 | 1 << 39, false));
    assert!(matches!(r.paths[0].kind, PathKind::Permissions));
}

#[test]
fn words_are_split_as_a_shell_would() {
    for (text, words) in [
        ("--port 8080", &["--port", "8080"][..]),
        ("'\"a b\" c'", &["a b", "c"]),
        ("a\\ b 'c d'", &["a b", "c d"]),
        ("[a b, c]", &["a b", "c"]),
        ("[\"\", x]", &["", "x"]),
        ("nginx -g \"daemon off;\"", &["nginx", "-g", "daemon off;"]),
    ] {
        assert_eq!(resolve(&format!("cmd: {text}")).cmd.unwrap(), words, "{text}");
    }
    assert_eq!(resolve("cmd: []").cmd, None);
}

#[test]
fn architectures() {
    let archs =
        |text: &str| resolve(text).archs.iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>().join(" ");
    assert_eq!(archs("include: static"), "amd64 arm64");
    assert_eq!(archs("archs: [x86_64, aarch64, amd64, linux/arm/v7]"), "amd64 arm64 armhf");
    assert_eq!(archs("archs: [host, all]"), "riscv64 amd64 arm64 armhf s390x ppc64el");
    assert_eq!(archs("archs: [all]"), "amd64 arm64 armhf s390x ppc64el riscv64");
}

#[test]
fn signals() {
    for good in ["SIGTERM", "TERM", "SIGRTMIN+3", "SIGRTMAX-1", "SIGXFSZ", "15", "'9'"] {
        resolve(&format!("stop-signal: {good}"));
    }
    for bad in ["term", "SIGRTMIN+16", "0", "-1", "+9", "SIG", "' '"] {
        assert!(recipe::parse("app.yaml", &format!("stop-signal: {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn the_archive_of_a_url() {
    for (url, archive, below) in [
        ("http://ftp.debian.org/debian", Archive::Debian, ""),
        ("https://cache.mirrors.debian.org/debian-security/", Archive::DebianSecurity, ""),
        ("http://ftp.de.debian.org/debian/", Archive::Debian, ""),
        ("https://user:pw@FTP.debian.org:443/debian", Archive::Debian, ""),
        ("http://security.debian.org/", Archive::DebianSecurity, ""),
        ("http://security.debian.org/debian-security", Archive::DebianSecurity, ""),
        (
            "https://snapshot.debian.org/archive/debian/20261101T000000Z",
            Archive::DebianSnapshot,
            "debian/20261101T000000Z",
        ),
        ("https://dl-cdn.alpinelinux.org/alpine/v3.22/main", Archive::Alpine, "v3.22/main"),
        ("http://nl.alpinelinux.org/alpine/edge/main/", Archive::Alpine, "edge/main"),
        ("https://packages.wolfi.dev/os", Archive::Wolfi, ""),
    ] {
        assert_eq!(archive_of(url), Some((archive, below)), "{url}");
    }
    for url in [
        "https://ftp.debian.org/debian-ports",
        "https://ftp.debian.org:8443/debian",
        "https://ftp.debian.org.evil.example/debian",
        "https://evildebian.org/debian",
        "https://example.com/debian",
        "file:///debian",
        "debian",
    ] {
        assert_eq!(archive_of(url), None, "{url}");
    }
    for archive in recipe::archives::ARCHIVES {
        assert_eq!(archive_of(archive.default_url()), Some((archive, "")));
        assert_eq!(Archive::by_name(archive.as_str()), Some(archive));
    }
    assert_eq!(Archive::DebianSecurity.variable(), "DISTIL_MIRROR_DEBIAN_SECURITY");
}

#[test]
fn the_suites_of_a_distribution() {
    let suites: Vec<String> = Distribution::Debian13
        .suites()
        .iter()
        .map(|s| format!("{} {} {}", s.archive, s.suite, s.components.join(" ")))
        .collect();
    assert_eq!(
        suites,
        ["debian trixie main", "debian trixie-updates main", "debian-security trixie-security main"]
    );
    assert_eq!(
        Distribution::by_name("alpine-3.22").unwrap().apk_repositories()[0],
        (Archive::Alpine, "v3.22/main".to_owned())
    );
    for word in ["alpine-3.", "alpine-3.x", "alpine-4.1", "debian", "debian-11"] {
        assert_eq!(Distribution::by_name(word), None);
    }
}

#[test]
fn moments_of_the_snapshot_archive() {
    for good in ["20261101T000000Z", "20240229T235959Z", "20000229T000000Z"] {
        assert_eq!(recipe::Snapshot::read(good).unwrap().as_str(), good);
    }
    for bad in [
        "20230229T000000Z",
        "19000229T000000Z",
        "20261101T240000Z",
        "20261101T006000Z",
        "20261100T000000Z",
        "2026110１T0000Z",
        "20261101T000000",
        "20261101t000000Z",
        "",
    ] {
        assert_eq!(recipe::Snapshot::read(bad), None, "{bad}");
    }
}

#[test]
fn the_catalogue_is_googles() {
    let names = |image: &str, variant: Option<&str>| {
        let r = load_catalogue(image)
            .and_then(|r| r.resolve(variant, &host()))
            .unwrap_or_else(|e| panic!("{}", render(e)));
        assert_eq!(r.archs, [Arch::new("amd64"), Arch::new("arm64")]);
        assert_eq!(r.environment["PATH"], "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let (uid, dir) = if variant.is_some() { (65532, "/home/nonroot") } else { (0, "/") };
        assert_eq!((r.run_as.unwrap().uid(&r.users), r.work_dir.as_deref()), (Some(uid), Some(dir)));
        assert_eq!(r.parts["ca-certificates"].only, ["/usr/share/doc/ca-certificates/copyright"]);
        assert!(r.allow.contains(&Allow::Root) && r.entrypoint.is_none() && r.cmd.is_none());
        r.packages.iter().map(|a| a.name.clone()).collect::<Vec<_>>().join(" ")
    };
    const STATIC: &str = "base-files netbase tzdata tzdata-legacy media-types ca-certificates";
    for variant in [None, Some("nonroot")] {
        assert_eq!(names("static", variant), STATIC);
        assert_eq!(names("base-nossl", variant), format!("{STATIC} libc6 libgcc-s1 libc-bin"));
        assert_eq!(
            names("base", variant),
            format!("{STATIC} libc6 libgcc-s1 libc-bin libssl3t64 libzstd1 zlib1g")
        );
        assert_eq!(
            names("cc", variant),
            format!("{STATIC} libc6 libgcc-s1 libc-bin libssl3t64 libzstd1 zlib1g libgomp1 libstdc++6")
        );
    }
    assert_eq!(load_catalogue("cc").unwrap().variants_to_build(), [None, Some("nonroot")]);
}

#[test]
fn the_request_is_what_decides_the_packages() {
    let text = |recipe: &str| request_text(&resolve(recipe));
    assert_eq!(
        text("contents:\n  distribution: debian-13\n  snapshot: 20261101T000000Z\n  repositories: ['deb [signed-by=a.asc] https://apt.example.com stable main']\n  packages: [zlib1g, 'libc6 (>= 2.36)', '!tzdata', libc6:armhf, curl/sid]\narchs: [arm64, amd64]\n"),
        "world deb\ndistribution debian-13\nsnapshot 20261101T000000Z\nrepository deb https://apt.example.com stable main\n\
         package curl / sid\n"
            .replace(" / sid", " /sid")
            + "package libc6 >= 2.36\npackage libc6:armhf\npackage zlib1g\nremoved tzdata\narch amd64\narch arm64\n"
    );
    let base = "contents: {distribution: debian-13, packages: [a1, b1]}\n";
    for same in [
        "contents: {distribution: debian-13, packages: [b1, a1, a1]}\n",
        "contents: {distribution: debian-13, packages: [a1, {name: b1, only: [/x]}]}\n",
        "contents: {distribution: debian-13, packages: [a1, b1], slim: none, keep: [/x]}\nenvironment: {A: b}\n",
        "contents: {distribution: debian-13, packages: [a1, b1]}\narchs: [arm64, amd64]\n",
    ] {
        assert_eq!(text(base), text(same), "{same}");
    }
    for other in [
        "contents: {distribution: debian-12, packages: [a1, b1]}\n",
        "contents: {distribution: debian-13, packages: [a1]}\n",
        "contents: {distribution: debian-13, packages: [a1, b1=1]}\n",
        "contents: {distribution: debian-13, packages: [a1, b1, '!c1']}\n",
        "contents: {distribution: debian-13, packages: [a1, b1], snapshot: 20261101T000000Z}\n",
        "contents: {distribution: debian-13, packages: [a1, b1], repositories: ['deb [trusted=yes] file:/x ./']}\n",
        "contents: {distribution: debian-13, packages: [a1, b1]}\narchs: [amd64]\n",
    ] {
        assert_ne!(text(base), text(other), "{other}");
    }
}

#[test]
fn yaml_beyond_the_plain() {
    let r = resolve(
        "\u{feff}---\ncontents: &c\n  distribution: debian-13\n  packages: [&p netbase, *p, media-types]\nvariants:\n  copy: {contents: *c}\n...\n",
    );
    assert_eq!(r.packages.len(), 2);
    let r = resolve("labels: &l {a: 1, b: 2}\nannotations:\n  <<: *l\n  b: 3\n");
    assert_eq!((r.annotations["a"].as_str(), r.annotations["b"].as_str()), ("1", "3"));
    let r = resolve("contents:\r\n  distribution: debian-13\r\n  packages: [netbase]\r\nwork-dir: /srv\r\n");
    assert_eq!((r.packages[0].text.as_str(), r.work_dir.as_deref()), ("netbase", Some("/srv")));
    assert_eq!(resolve(r#"{"cmd": ["a"], "ports": [80]}"#).ports[0].number, 80);
}
