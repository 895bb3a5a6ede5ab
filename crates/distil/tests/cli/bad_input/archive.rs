//! Mirrors that fail, and archives that must not be trusted.

use testkit::{Key, SignWith, World};

use crate::run::{Archive, Fault, Machine, plain_world};

/// Builds `hello` from an archive that `harm` has been done to; gives the run.
#[track_caller]
fn build_with(world: &World, harm: impl FnOnce(&mut Archive), code: i32, words: &[&str]) {
    let (machine, mut archive) = (Machine::new(), Archive::serve(world));
    machine.recipe(&archive, &["hello"]);
    harm(&mut archive);
    machine.build().fails(code, words);
    machine.assert_nothing_left();
}

#[test]
fn no_network() {
    build_with(&plain_world(), Archive::stop, 4, &["InRelease", "refused", "--mirror"]);
}

/// With a lock only packages are wanted: the cause stands on the first line, once, with their number.
#[test]
fn no_network_for_packages() {
    let (machine, mut archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello", "other"]);
    machine.distil(&["lock", "app.yaml"]).good();
    machine.forget();
    archive.stop();
    let ran = machine.build().fails(4, &["(and 2 more packages from the same mirror)", "--mirror"]);
    let first = ran.stderr.lines().find(|l| l.starts_with("error:")).expect("an error");
    assert!(first.contains("cannot fetch ") && first.ends_with("refused the connection"), "{first}");
    for name in ["libhello1 1.0-1 (amd64)", "hello 1.0-1 (amd64)", "other 2.0-1 (amd64)"] {
        assert_eq!(ran.stderr.matches(name).count(), 1, "{}", ran.stderr);
    }
    let off = machine.distil(&["build", "app.yaml", "--offline"]).fails(4, &["(and 2 more packages)"]);
    off.says(&["--offline asks nobody", "other 2.0-1 (amd64)", "--vendor"]);
}

/// A pin that no mirror has any more: which, and the command that moves it, with the user's own flags.
#[test]
fn packages_that_have_left_the_mirror() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello", "other"]);
    machine.distil(&["lock", "app.yaml", "--lock", "my pins"]).good();
    machine.forget();
    std::fs::remove_dir_all(archive.path("pool")).expect("the pool");
    let ran = machine.distil(&["build", "app.yaml", "--lock", "my pins"]);
    ran.fails(4, &["no longer on any mirror (404)", "`distil update app.yaml --lock 'my pins'`", "--vendor"]);
}

/// A slip of the pen in a mirror shows at once, though a warm build would ask nobody.
#[test]
fn mirrors_that_are_none() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    for (mirror, words) in [
        ("debain=https://deb.test", &["no such archive", "did you mean debian?"][..]),
        ("https://deb.test", &["it has no `=`", "ARCHIVE=URL"]),
        ("debian=deb.test/debian", &["it is no URL", "https"]),
        ("debian=ftp://me:s3cret@deb.test", &["it is no URL"]),
        ("debian=", &["it is no URL"]),
    ] {
        let ran = machine.distil(&["build", "app.yaml", "--mirror", mirror]).fails(2, words);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
    let mut command = machine.command(&["build", "app.yaml"]);
    let out = command.env("DISTIL_MIRROR_DEBIAN", "nowhere").output().expect("distil starts");
    assert_eq!(out.status.code(), Some(2), "{}", String::from_utf8_lossy(&out.stderr));
    machine.write("settings.yaml", "mirrors: {debian: [\"nowhere\"]}\n");
    let settings = machine.path("settings.yaml").display().to_string();
    assert_ne!(machine.distil(&["build", "app.yaml", "--config", &settings]).code, Some(0));
}

#[test]
fn no_release_file() {
    build_with(&plain_world(), |a| a.fail("InRelease", Fault::Status(404)), 4, &["InRelease", "404"]);
}

#[test]
fn server_error() {
    build_with(&plain_world(), |a| a.fail("InRelease", Fault::Status(500)), 4, &["InRelease", "500"]);
}

#[test]
fn index_missing() {
    build_with(&plain_world(), |a| a.fail("binary-amd64", Fault::Status(404)), 4, &["Packages.xz", "404"]);
}

#[test]
fn index_breaks_off() {
    build_with(&plain_world(), |a| a.fail("binary-amd64", Fault::Broken), 4, &["Packages.xz"]);
}

#[test]
fn index_truncated() {
    build_with(&plain_world(), |a| a.fail("binary-amd64", Fault::Short), 4, &["Packages.xz", "bytes"]);
}

#[test]
fn index_with_a_wrong_bit() {
    build_with(&plain_world(), |a| a.fail("binary-amd64", Fault::Flipped), 5, &["Packages.xz", "digest"]);
}

#[test]
fn package_missing() {
    build_with(&plain_world(), |a| a.fail("/pool/", Fault::Status(404)), 4, &["hello", "404"]);
}

#[test]
fn package_breaks_off() {
    build_with(&plain_world(), |a| a.fail("/pool/", Fault::Broken), 4, &["hello"]);
}

#[test]
fn package_truncated() {
    build_with(&plain_world(), |a| a.fail("/pool/", Fault::Short), 4, &["hello", "bytes where"]);
}

#[test]
fn package_with_a_wrong_bit() {
    build_with(&plain_world(), |a| a.fail("/pool/", Fault::Flipped), 5, &["hello", "digest"]);
}

#[test]
fn wrong_key() {
    let harm = |a: &mut Archive| {
        let other = Key::seeded(2).public_armored();
        std::fs::write(a.path("archive-key.asc"), other).expect("a key");
    };
    build_with(&plain_world(), harm, 5, &["no trusted key", &Key::seeded(1).fingerprint().to_uppercase()]);
}

#[test]
fn expired_key() {
    let key = Key::seeded(1).lives(86_400);
    build_with(&plain_world().signed_by(&[&key]), |_| (), 5, &["the key expired on 2024-01-02"]);
}

#[test]
fn revoked_key() {
    let key = Key::seeded(1).revoked();
    build_with(&plain_world().signed_by(&[&key]), |_| (), 5, &["the key was revoked"]);
}

#[test]
fn expired_signature() {
    let mut with = SignWith::sha256(u32::try_from(World::DATE).expect("a time"));
    with.lives = Some(86_400);
    build_with(&plain_world().sign_with(with), |_| (), 5, &["the signature expired on 2025-01-02"]);
}

#[test]
fn expired_valid_until() {
    let world = plain_world().valid_until(World::DATE + 7 * 86_400);
    build_with(&world, |_| (), 5, &["it was valid until 2025-01-08"]);
}

#[test]
fn dated_in_the_future() {
    build_with(&plain_world().date(4_102_444_800), |_| (), 5, &["2100-01-01", "in the future"]);
}

#[test]
fn another_suite_than_asked_for() {
    let world = plain_world().release_field("Suite", "old").release_field("Codename", "older");
    build_with(&world, |_| (), 5, &["gave the release file of older (old)"]);
}

#[test]
fn changed_after_signing() {
    let harm = |a: &mut Archive| {
        let path = a.path("dists/stable/InRelease");
        let text = std::fs::read_to_string(&path).expect("InRelease");
        std::fs::write(&path, text.replace("Origin: Made-up", "Origin: Made-Up")).expect("InRelease");
    };
    build_with(&plain_world(), harm, 5, &["does not fit the text"]);
}

/// Debian's own InRelease, harmed in six ways around its frame.
#[test]
fn tampered_frames() {
    let Some(derived) = testkit::shared_data("vuln/derived") else { testkit::skip!("no ../shared/data") };
    let mut tried = 0;
    for case in ["t1", "t2", "t3", "t5", "t6", "t7"] {
        let file = derived.join(format!("inrelease-tamper-{case}.gz"));
        let Ok(run) = std::process::Command::new("gzip").arg("-dc").arg(&file).output() else {
            testkit::skip!("no gzip")
        };
        assert!(run.status.success(), "{case}");
        let machine = Machine::new();
        let mirror = machine.path("mirror");
        for suite in ["trixie", "trixie-updates", "bookworm"] {
            let dir = mirror.join("dists").join(suite);
            std::fs::create_dir_all(&dir).expect("a directory");
            std::fs::write(dir.join("InRelease"), &run.stdout).expect("InRelease");
        }
        let text = String::from_utf8_lossy(&run.stdout);
        let suite = if text.contains("Codename: bookworm") { "bookworm" } else { "trixie" };
        machine.write(
            "work/app.yaml",
            format!(
                "archs: [amd64]\ncontents:\n  repositories:\n    - deb {} {suite} main\n  packages: [libc6]\n",
                recipe::archives::Archive::Debian.default_url(),
            ),
        );
        let flag = format!("debian={}", mirror.display());
        let ran = machine.distil(&["build", "app.yaml", "--mirror", &flag]);
        ran.fails(5, &["cannot trust debian/", "signature"]);
        machine.assert_nothing_left();
        tried += 1;
    }
    assert_eq!(tried, 6);
}

fn dated(date: i64) -> World {
    plain_world().date(date)
}

/// This machine remembers the newest index it saw, without any lock.
#[test]
fn older_than_this_machine_has_seen() {
    let (machine, archive) = (Machine::new(), Archive::serve(&dated(World::DATE + 86_400)));
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    std::fs::remove_file(machine.path("work/app.lock")).expect("the lock");
    archive.publish(&dated(World::DATE));
    machine.build().fails(5, &["is dated 2025-01-01", "2025-01-02", "has been seen before"]);
    machine.distil(&["build", "app.yaml", "--allow-rollback"]).good();
}

/// Another machine (or this one with another data directory) has only the lock to go by.
#[test]
fn older_than_the_lock() {
    let (machine, archive) = (Machine::new(), Archive::serve(&dated(World::DATE + 86_400)));
    machine.recipe(&archive, &["hello"]);
    machine.build().good();
    machine.forget();
    archive.publish(&dated(World::DATE));
    let before = machine.read("work/app.lock");
    machine.distil(&["update", "app.yaml"]).fails(5, &["is dated 2025-01-01", "has been seen before"]);
    assert_eq!(machine.read("work/app.lock"), before);
    machine.distil(&["update", "app.yaml", "--allow-rollback"]).good();
}

/// What was fetched before the connection broke is no obstacle to the next run.
#[test]
fn a_mirror_that_heals() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    archive.fail("/pool/", Fault::Broken);
    machine.build().fails(4, &["hello"]);
    archive.heal();
    machine.build().good();
}

/// A mirror that hangs is given up after half a minute, and asked again for the rest.
#[test]
fn a_mirror_that_hangs() {
    let (machine, archive) = (Machine::new(), Archive::serve(&plain_world()));
    machine.recipe(&archive, &["hello"]);
    archive.fail("/hello_1.0", Fault::StalledOnce);
    machine.build().good();
    // InRelease, index, two packages, and the rest of one of them.
    assert_eq!(archive.requests(), 5);
}
