//! A build with nothing changed is a look-up, and what changes is noticed.

use std::process::Command;

use crate::distil::{Home, built, digests, has};

#[test]
fn a_warm_build_opens_no_package_no_index_and_no_socket() {
    let Some(home) = built() else { testkit::skip!("no mirror in apt's configuration") };
    if !has("strace") {
        testkit::skip!("no strace");
    }
    home.run(&["build", "base", "-q"]);
    let trace = home.work().join("trace");
    let mut strace = Command::new("strace");
    home.prepare(&mut strace);
    let run = strace
        .args(["-f", "-qq", "-e", "trace=%file,%network", "-o"])
        .arg(&trace)
        .args([env!("CARGO_BIN_EXE_distil"), "build", "base", "-q"])
        .output()
        .expect("strace runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let cache = home.dir.path().join("cache").display().to_string();
    for line in trace.lines() {
        for never in ["socket(", "connect(", "/blobs/", "/derived/", "/etc/apt"] {
            let image = line.contains("/data/images/");
            assert!(!line.contains(never) || image, "{line}");
        }
    }
    assert!(trace.lines().any(|l| l.contains(&format!("{cache}/memos/"))), "{trace}");
    // A call that another thread's comes between has two lines.
    let calls = trace.lines().filter(|line| !line.contains(" resumed>")).count();
    assert!(calls < 120, "{calls} calls:\n{trace}");
}

/// Builds `app.yaml` and gives the digest.
fn build(home: &Home) -> String {
    digests(&home.run(&["build", "./app.yaml", "-q", "--arch", "amd64"])).remove(0).1
}

#[test]
fn whatever_changes_is_noticed_within_one_tick_too() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let home = Home::with_downloads_of(first);
    home.write("parent.yaml", "contents:\n  distribution: debian-13\n  packages: [netbase, base-files]\n");
    home.write("own.txt", "one\n");
    let recipe = |more: &str| {
        format!(
            "include: ./parent.yaml\ncontents:\n  files: [{{path: /etc/own.txt, source: own.txt}}]\n{more}archs: [amd64]\n"
        )
    };
    home.write("app.yaml", &recipe(""));
    let mut seen = vec![build(&home)];
    let mut changed = |what: &str, home: &Home| {
        let digest = build(home);
        assert!(!seen.contains(&digest), "{what} was not noticed");
        seen.push(digest.clone());
        assert_eq!(build(home), digest, "{what}: and stays");
    };
    home.write("own.txt", "two\n");
    changed("a local file of the same length", &home);
    home.write("app.yaml", &recipe("  drop: [/etc/networks]\n"));
    changed("drop", &home);
    home.write("app.yaml", &recipe("  keep: [/usr/share/doc/netbase/**]\n"));
    changed("keep", &home);
    home.write(
        "parent.yaml",
        "contents:\n  distribution: debian-13\n  packages: [netbase, base-files, media-types]\n",
    );
    changed("an include", &home);
    home.write("app.yaml", &format!("{}labels: {{a: b}}\n", recipe("")));
    changed("the recipe", &home);
    let digest =
        digests(&home.run(&["build", "./app.yaml", "-q", "--arch", "amd64", "--compression", "gzip:1"]))
            .remove(0)
            .1;
    assert!(!seen.contains(&digest), "an option was not noticed");
}
