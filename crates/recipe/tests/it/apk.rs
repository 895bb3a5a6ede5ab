//! What only apk recipes have, and what the same words mean there.

use package::Arch;
use recipe::archives::{Archive, KeySet, builtin_key};
use recipe::{Appended, Entrypoint, Resolved, RunAs, Want, World, apko_config, load_catalogue, request_text};

use crate::good::resolve;
use crate::rendered::{Files, host, load, render};

fn wolfi(rest: &str) -> Resolved {
    resolve(&format!("contents: {{distribution: wolfi, packages: [a]}}\n{rest}"))
}

#[test]
fn repositories_are_for_the_build_the_image_or_both() {
    let r = resolve(
        "contents:\n  distribution: alpine-3.23\n  repositories: ['@edge https://u:p@apk.example.com/edge/', ./local/]\n  \
         build_repositories: ['https://build.example.com/os', ./local]\n  runtime_repositories: ['https://run.example.com/os', '@edge https://apk.example.com/edge']\n  packages: [a]\n",
    );
    assert_eq!(
        r.apk_repository_lines(),
        [
            "https://dl-cdn.alpinelinux.org/alpine/v3.23/main",
            "https://dl-cdn.alpinelinux.org/alpine/v3.23/community",
            "@edge https://apk.example.com/edge",
            "./local",
            "https://run.example.com/os",
        ]
    );
    let used: Vec<String> = r.package_repositories().iter().filter_map(|r| r.apk_line()).collect();
    assert_eq!(used, ["@edge https://apk.example.com/edge", "./local", "https://build.example.com/os"]);
    assert_eq!(r.local_paths().len(), 2, "the directory is named twice, and both are looked at");
    let text = request_text(&r);
    assert!(text.contains("\nbuild repository apk https://build.example.com/os\n"), "{text}");
    assert!(!text.contains("run.example.com"), "{text}");
    assert_eq!(apko_config(&r)["contents"]["repositories"][0], r.apk_repository_lines()[0]);
}

#[test]
fn a_distribution_is_built_for_the_machines_that_it_has() {
    let archs = |contents: &str, more: &str| -> Vec<String> {
        let r = resolve(&format!("contents: {{{contents}, packages: [a]}}\n{more}"));
        r.archs.iter().map(ToString::to_string).collect()
    };
    assert_eq!(archs("distribution: wolfi", ""), ["amd64", "arm64"]);
    assert_eq!(archs("distribution: wolfi", "archs: [all]"), ["amd64", "arm64"]);
    assert_eq!(archs("distribution: wolfi", "archs: [riscv64]"), ["riscv64"]);
    let old = ["i386", "amd64", "arm64", "armel", "armhf", "ppc64el", "s390x"];
    assert_eq!(archs("distribution: alpine-3.19", ""), old);
    assert!(archs("distribution: alpine-3.20", "").contains(&"riscv64".to_owned()));
    assert_eq!(archs("distribution: alpine-3.21", "").len(), 9);
    // Of a repository nobody knows: apko's rule.
    assert_eq!(archs("repositories: ['https://apk.example.com/os']", "").len(), 9);
}

#[test]
fn a_local_directory_is_of_the_world_that_the_recipe_tells() {
    let world = |rest: &str| resolve(&format!("contents:\n  repositories: [./x]\n{rest}")).world;
    assert_eq!(world("  packages: [a]\n"), World::Deb);
    assert_eq!(world("  packages: ['a (>= 1)']\n"), World::Deb);
    for rest in [
        "  packages: ['a>1']\n",
        "  packages: ['so:libc.musl-x86_64.so.1']\n",
        "  packages: [a]\n  keyring: [k.rsa.pub]\n",
        "  packages: [a]\n  build_repositories: [./y]\n",
        "  packages: [a]\n  runtime_repositories: [/media/cdrom/apks]\n",
        "  packages: [a]\ncertificates: {providers: [b]}\n",
        "  packages: [a]\nentrypoint: {type: service-bundle, services: {a: /bin/a}}\n",
    ] {
        assert_eq!(world(rest), World::Apk, "{rest}");
    }
    assert_eq!(resolve("contents: {repositories: ['@t ./x'], packages: [a]}").world, World::Apk);
}

#[test]
fn what_a_directory_holds_decides_where_nothing_else_does() {
    let mut recipe = load("contents: {repositories: [./x], packages: [a]}").unwrap();
    let paths: Vec<&str> = recipe.undecided_directories().iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["./x"]);
    recipe.world_hint = Some(World::Apk);
    assert!(recipe.undecided_directories().is_empty());
    let r = recipe.resolve(None, &host()).unwrap();
    assert_eq!((r.world, r.archs.len()), (World::Apk, 9));
    let mut recipe = load("contents: {distribution: debian-13, repositories: [./x]}").unwrap();
    assert!(recipe.undecided_directories().is_empty());
    recipe.world_hint = Some(World::Apk);
    assert_eq!(recipe.resolve(None, &host()).unwrap().world, World::Deb, "what is written wins");
    let tagged =
        load("contents: {repositories: [./x]}\nvariants: {v: {contents: {packages: ['a~1']}}}").unwrap();
    assert!(tagged.undecided_directories().is_empty());
}

#[test]
fn the_entrypoint_as_apko_makes_it() {
    let r = wolfi(
        "entrypoint: {type: service-bundle, command: /bin/ignored, services: {b: /bin/b -x, a: /bin/a}}",
    );
    assert_eq!(r.entrypoint.unwrap(), ["/bin/s6-svscan", "/sv"]);
    assert_eq!(
        r.services.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["a=/bin/a", "b=/bin/b -x"]
    );
    assert_eq!(r.packages.iter().map(|a| (a.name.as_str(), &a.want)).next_back(), Some(("s6", &Want::Any)));
    let r = wolfi("entrypoint: {command: /bin/a, shell-fragment: 'exec \"$@\"'}");
    assert_eq!(r.entrypoint.unwrap(), ["/bin/sh", "-c", "exec \"$@\""]);
    let r = wolfi("entrypoint: {services: {a: /bin/a}}");
    assert_eq!((r.entrypoint, r.services.len(), r.packages.len()), (None, 1, 1));
    assert_eq!(
        wolfi("entrypoint: {command: '', type: '', shell-fragment: '', services: {}}").entrypoint,
        None
    );
    assert_eq!(Entrypoint::default().words(), None);
    let s6 = wolfi("entrypoint: {type: service-bundle}\n").packages.len();
    assert_eq!(s6, 2);
}

#[test]
fn an_empty_entrypoint_inherits_and_an_empty_list_takes_back() {
    let files = [("./p.yaml", "contents: {distribution: wolfi}\nentrypoint: {command: /bin/p}\ncmd: x\n")];
    let words = |text: &str| {
        let text = format!("include: ./p.yaml\n{text}");
        let r = recipe::load("app.yaml", &text, &Files(&files)).unwrap().resolve(None, &host()).unwrap();
        (r.entrypoint.unwrap_or_default().join(" "), r.cmd.unwrap_or_default().join(" "))
    };
    assert_eq!(words("entrypoint: {}\ncmd: ''\n"), ("/bin/p".to_owned(), "x".to_owned()));
    assert_eq!(words("entrypoint: {command: []}\ncmd: []\n"), (String::new(), String::new()));
}

#[test]
fn paths_of_the_config_stay_as_they_are_written() {
    let r = wolfi("work-dir: /srv/\nvolumes: [/data/, /data]\npaths: [{path: /srv/, type: directory}]\n");
    assert_eq!((r.work_dir.as_deref(), r.volumes.join(" ")), (Some("/srv/"), "/data/ /data".to_owned()));
    assert_eq!(r.paths[0].path, "/srv");
}

#[test]
fn run_as_is_inherited_in_apk_recipes_only() {
    let run_as = |world: &str, child: &str| {
        let text =
            format!("contents: {{distribution: {world}}}\naccounts: {{run-as: daemon}}\nvcs-url: a@b\n");
        let middle = "include: ./p.yaml\n".to_owned();
        let files = [("./p.yaml", text.as_str()), ("./m.yaml", middle.as_str())];
        let text = format!("include: ./m.yaml\n{child}");
        let r = recipe::load("app.yaml", &text, &Files(&files)).unwrap().resolve(None, &host()).unwrap();
        assert_eq!(r.vcs_url, None);
        r.run_as.map(|r| r.to_string())
    };
    assert_eq!(run_as("wolfi", "").as_deref(), Some("daemon"));
    assert_eq!(run_as("wolfi", "accounts: {run-as: 7}").as_deref(), Some("7"));
    assert_eq!(run_as("debian-13", "").as_deref(), Some("nonroot"));
    assert_eq!(wolfi("accounts: {run-as: root}").run_as, Some(RunAs::Name("root".to_owned())));
}

#[test]
fn armhf_is_another_architecture_in_each_world() {
    let archs = |distribution: &str| {
        let r = resolve(&format!(
            "contents: {{distribution: {distribution}}}\narchs: [armhf, armv7, x86, loongarch64]"
        ));
        r.archs.iter().map(|a| a.platform().unwrap().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(archs("wolfi"), "linux/arm/v6 linux/arm/v7 linux/386 linux/loong64");
    assert_eq!(archs("debian-13"), "linux/arm/v7 linux/386 linux/loong64");
}

#[test]
fn annotations_are_labels_too_and_have_the_source() {
    let r = wolfi(
        "annotations: {a: b, c: d}\nlabels: {c: e}\nvcs-url: git+ssh://git@example.com/app.git@0123abc\n",
    );
    let flat = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    };
    let source = "org.opencontainers.image.revision=0123abc org.opencontainers.image.source=git+ssh://example.com/app.git";
    assert_eq!(flat(&r.annotations), format!("a=b c=d {source}"));
    assert_eq!(flat(&r.labels), format!("a=b c=e {source}"));
    assert_eq!(apko_config(&r)["annotations"], serde_json::json!({ "a": "b", "c": "d" }));
    let deb = resolve(
        "contents: {distribution: debian-13}\nannotations: {a: b}\nvcs-url: https://example.com/app@1\n",
    );
    assert_eq!((deb.labels.len(), deb.annotations.len(), deb.vcs().unwrap().1), (0, 3, "1"));
    assert_eq!(wolfi("vcs-url: https://example.com/app\n").annotations.len(), 0);
}

#[test]
fn a_conflict_may_be_with_some_versions() {
    let r = resolve("contents: {distribution: wolfi, packages: [a, b, '!b', '!c<2', '!c<2']}");
    let names: Vec<&str> = r.packages.iter().map(|a| a.name.as_str()).collect();
    assert_eq!((names, r.removed), (vec!["a"], vec!["b".to_owned(), "c<2".to_owned()]));
}

#[test]
fn what_a_command_line_appends() {
    let mut recipe =
        load("contents: {distribution: wolfi, packages: [a]}\narchs: [amd64]\nannotations: {x: 1, y: 2}\n")
            .unwrap();
    let appended = Appended {
        packages: vec!["b=1.0-r0".to_owned(), "!c".to_owned()],
        repositories: vec!["@local ./packages".to_owned()],
        build_repositories: vec!["https://build.example.com/".to_owned()],
        keyring: vec!["keys/a.rsa.pub".to_owned()],
        archs: vec!["x86_64".to_owned(), "armhf".to_owned()],
        annotations: [("y".to_owned(), "3".to_owned())].into(),
        vcs_url: Some("https://example.com/app@1".to_owned()),
    };
    recipe.append(&appended).unwrap();
    let r = recipe.resolve(None, &host()).unwrap();
    assert_eq!(r.packages.iter().map(|a| a.text.as_str()).collect::<Vec<_>>(), ["a", "b=1.0-r0"]);
    assert_eq!((r.removed, r.archs), (vec!["c".to_owned()], vec![Arch::new("amd64"), Arch::new("armel")]));
    assert_eq!(
        (r.annotations["x"].as_str(), r.annotations["y"].as_str(), r.annotations.len()),
        ("1", "3", 4)
    );
    let local = r.repositories[0].apk_line().unwrap();
    assert_eq!((local.as_str(), r.build_repositories.len(), r.keyring.len()), ("@local ./packages", 1, 1));
    let paths: Vec<_> = recipe.body.contents.keyring.iter().map(|k| k.at.file().to_owned()).collect();
    assert_eq!(paths, ["the command line"]);
    let bad = Appended { archs: vec!["vax".to_owned()], ..Appended::default() };
    let message = render(recipe.append(&bad).unwrap_err());
    assert!(message.starts_with("error: cannot read recipe the command line: `vax` is not"), "{message}");
    recipe.append(&Appended::default()).unwrap();
}

#[test]
fn keys_that_are_built_in_are_known_by_their_url() {
    for (url, keys, name) in [
        ("https://packages.wolfi.dev/os/wolfi-signing.rsa.pub", KeySet::Wolfi, "wolfi-signing.rsa.pub"),
        (
            "https://alpinelinux.org/keys/alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub",
            KeySet::Alpine,
            "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub",
        ),
    ] {
        assert_eq!(builtin_key(url), Some((keys, name)));
    }
    for url in [
        "https://packages.wolfi.dev/os/x86_64/APKINDEX.tar.gz",
        "https://example.com/wolfi-signing.rsa.pub",
        "https://ftp.debian.org/debian/a.rsa.pub",
        "https://alpinelinux.org/keys/../a.rsa.pub",
    ] {
        assert_eq!(builtin_key(url), None, "{url}");
    }
    let keys = |url: &str| match &resolve(&format!("contents: {{repositories: ['{url}'], packages: [a]}}"))
        .repositories[0]
    {
        recipe::Repository::Apk(apk) => apk.builtin_keys(),
        other => panic!("{other:?}"),
    };
    assert_eq!(keys("@edge http://dl-cdn.alpinelinux.org/alpine/edge/main/"), Some(KeySet::Alpine));
    assert_eq!(keys("https://packages.wolfi.dev/os"), Some(KeySet::Wolfi));
    assert_eq!(keys("https://apk.example.com/os"), None);
    assert_eq!(Archive::Alpine.apk_keys(), Some(KeySet::Alpine));
    assert_eq!(Archive::Debian.apk_keys(), None);
}

#[test]
fn the_catalogue_of_apk_images() {
    let get = |image: &str, variant: Option<&str>| {
        load_catalogue(image)
            .and_then(|r| r.resolve(variant, &host()))
            .unwrap_or_else(|e| panic!("{}", render(e)))
    };
    for (image, packages, shell) in [
        (
            "alpine-static",
            "alpine-baselayout-data alpine-release ca-certificates-bundle tzdata",
            "busybox busybox-binsh",
        ),
        (
            "alpine-musl",
            "alpine-baselayout-data alpine-release ca-certificates-bundle tzdata musl libgcc libstdc++",
            "busybox busybox-binsh",
        ),
        ("wolfi-static", "wolfi-baselayout ca-certificates-bundle tzdata", "busybox"),
        ("wolfi-glibc", "wolfi-baselayout ca-certificates-bundle tzdata glibc libgcc libstdc++", "busybox"),
    ] {
        let recipe = load_catalogue(image).unwrap();
        assert_eq!(recipe.variants_to_build(), [None, Some("debug"), Some("debug-nonroot"), Some("nonroot")]);
        for (variant, debug, user) in [
            (None, false, None),
            (Some("nonroot"), false, Some("nonroot")),
            (Some("debug"), true, None),
            (Some("debug-nonroot"), true, Some("nonroot")),
        ] {
            let r = get(image, variant);
            let names = r.packages.iter().map(|a| a.name.as_str()).collect::<Vec<_>>();
            let wanted = if debug { format!("{packages} {shell}") } else { packages.to_owned() };
            let sorted = |mut list: Vec<&str>| {
                list.sort_unstable();
                list.join(" ")
            };
            assert_eq!(sorted(names), sorted(wanted.split(' ').collect()), "{image} {variant:?}");
            assert_eq!((r.world, r.archs.len(), r.users[0].uid), (World::Apk, 2, 65532));
            assert_eq!(r.run_as.map(|u| u.to_string()).as_deref(), user, "{image} {variant:?}");
            assert_eq!(r.allow.contains(&recipe::Allow::Shell), debug, "{image} {variant:?}");
        }
    }
}

#[test]
fn upon_an_image_only_what_is_said_of_it_goes() {
    let with = |more: &str| {
        let text =
            format!("contents:\n  distribution: wolfi\n  baseimage: {{image: ./a, apkindex: ./b}}\n{more}\n");
        load(&text).and_then(|recipe| recipe.resolve(None, &host()))
    };
    for refused in [
        "  files: [{path: /a, content: b}]",
        "paths: [{path: /a, type: directory}]",
        "accounts: {run-as: root}",
        "certificates: {providers: [a]}",
        "entrypoint: {command: a}",
        "cmd: a",
        "environment: {A: b}",
        "work-dir: /a",
        "stop-signal: TERM",
        "annotations: {a: b}",
        "layering: {strategy: single}",
    ] {
        assert!(with(refused).is_err(), "{refused}");
    }
    for taken in [
        "ports: [80]",
        "volumes: [/a]",
        "labels: {a: b}",
        "vcs-url: https://a.example/b@1",
        "allow: [shell]",
        "archs: [amd64]",
    ] {
        with(taken).unwrap_or_else(|e| panic!("{taken}: {e}"));
    }
}
