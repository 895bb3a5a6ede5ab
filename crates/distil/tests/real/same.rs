//! The same digest everywhere (promise P2), each time with nothing but the downloads in the cache.

use std::process::Command;

use crate::distil::{Home, built, digests, done, has};

fn digest_of(
    home: &Home,
    lock: &std::path::Path,
    change: impl FnOnce(&mut Command),
) -> Vec<(String, String)> {
    let mut command = home.command();
    command.args(["build", "base", "--frozen", "-q", "--lock"]).arg(lock);
    change(&mut command);
    digests(&done(command.output().expect("distil runs")))
}

#[test]
fn nothing_around_a_build_changes_its_digest() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let lock = first.dir.path().join("data/locks/base.lock");
    let expected = digests(&first.run(&["build", "base", "-q"]));
    let fresh = || Home::with_downloads_of(first);
    let mut tried = 0;
    let mut same = |what: &str, found: Vec<(String, String)>| {
        assert_eq!(found, expected, "{what}");
        tried += 1;
    };
    same("another directory", digest_of(&fresh(), &lock, |_| ()));
    same(
        "one thread",
        digest_of(&fresh(), &lock, |c| {
            c.args(["--threads", "1"]);
        }),
    );
    same(
        "three threads",
        digest_of(&fresh(), &lock, |c| {
            c.args(["--threads", "3"]);
        }),
    );
    let zone = |c: &mut Command| {
        c.env("TZ", "Pacific/Chatham").env("LC_ALL", "tr_TR.UTF-8").env("LANG", "ja_JP");
    };
    same("time zone and locale", digest_of(&fresh(), &lock, zone));

    let home = fresh();
    let mut shell = Command::new("sh");
    home.prepare(&mut shell);
    shell.arg("-c").arg("umask 077; exec \"$0\" \"$@\"").arg(env!("CARGO_BIN_EXE_distil"));
    let out = shell.args(["build", "base", "--frozen", "-q", "--lock"]).arg(&lock).output();
    same("another umask", digests(&done(out.expect("sh runs"))));

    if has("unshare") && Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|s| s.success()) {
        let home = fresh();
        let mut alone = Command::new("unshare");
        home.prepare(&mut alone);
        alone
            .args(["-rn", env!("CARGO_BIN_EXE_distil"), "build", "base", "--frozen", "-q", "--lock"])
            .arg(&lock);
        same("no network at all", digests(&done(alone.output().expect("unshare runs"))));
    } else {
        testkit::record_skip("same::no_network", "no network namespaces here");
    }
    println!("the same digest {tried} times");
}

#[test]
fn source_date_epoch_counts_as_an_option() {
    let Some(first) = built() else { testkit::skip!("no mirror in apt's configuration") };
    let lock = first.dir.path().join("data/locks/base.lock");
    let at = |epoch: &str| {
        let home = Home::with_downloads_of(first);
        digest_of(&home, &lock, |c| {
            c.env("SOURCE_DATE_EPOCH", epoch);
        })
    };
    let (one, again, other) = (at("1700000000"), at("1700000000"), at("1700000001"));
    assert_eq!(one, again);
    assert_ne!(one, other);
}
