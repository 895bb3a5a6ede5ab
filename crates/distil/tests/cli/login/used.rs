//! Logins where they are used: an image on a registry that lets nobody in without one.

use super::{REGISTRY_PASSWORD, REGISTRY_USER, asking, auths, file, good_login, run, silent};
use crate::foreign::put;
use crate::run::{Machine, Ran};

const DOCKER: &str = "home/.docker/config.json";

/// `distil ls`, `pull` and `push` as whoever these variables and files make us.
fn each_verb(machine: &Machine, name: &str, variables: &[(&str, &str)], judge: impl Fn(Ran)) {
    let repository = name.rsplit_once(':').expect("a tag").0;
    for words in [&["ls", repository][..], &["pull", name, "back:1"], &["copy", "oci:in:1", name]] {
        judge(silent(run(machine, words, variables, "")));
    }
}

#[test]
fn each_verb_uses_the_login_or_says_what_is_wrong_with_it() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let name = format!("{host}/acme/app:1");
    let image = put(&machine, "in", "1", &["linux/amd64"]);
    // None: what was asked, that no login was shown, and the command that keeps one.
    each_verb(&machine, &name, &[], |ran| {
        ran.fails(4, &["answered 401", "without a login", &format!("distil login {host}")]);
    });
    // Kept by us; of a variable; of a helper.
    good_login(&machine, &host);
    silent(run(&machine, &["copy", "oci:in:1", &name], &[], "")).good();
    each_verb(&machine, &name, &[], |ran| drop(ran.good()));
    let pulled = run(&machine, &["pull", &name, "again:1"], &[], "").good();
    assert!(pulled.stdout.contains(&image.digest), "{}", pulled.stdout);
    run(&machine, &["logout", &host], &[], "").good();
    let variable = format!("DISTIL_REGISTRY_AUTH_{}", host.replace(['.', ':'], "_"));
    let value = format!("{REGISTRY_USER}:{REGISTRY_PASSWORD}");
    each_verb(&machine, &name, &[(&variable, &value)], |ran| drop(ran.good()));
    file(&machine, DOCKER, r#"{"credsStore": "made"}"#);
    let answer =
        format!(r#"{{"ServerURL":"x","Username":"{REGISTRY_USER}","Secret":"{REGISTRY_PASSWORD}"}}"#);
    machine.program("docker-credential-made", &format!("#!/bin/sh\ncat >/dev/null\necho '{answer}'\n"));
    each_verb(&machine, &name, &[], |ran| drop(ran.good()));
    // Wrong: which login it was, and where it came from.
    file(&machine, DOCKER, &auths(&host, "ann", "hidden"));
    let file_name = machine.path(DOCKER).display().to_string();
    each_verb(&machine, &name, &[], |ran| {
        ran.fails(4, &["answered 401", &format!("logged in as `ann` from {file_name}"), "distil login"]);
    });
    // Broken, missing: the cause is named, with what was to be done.
    file(&machine, DOCKER, r#"{"auths": {"x": {"auth": "hidden"}}}"#);
    each_verb(&machine, &name, &[], |ran| {
        ran.fails(3, &[&format!("cannot read the registry logins in {file_name}: auths.\"x\".auth")]);
    });
    file(&machine, DOCKER, r#"{"credsStore": "none-such"}"#);
    each_verb(&machine, &name, &[], |ran| {
        ran.fails(
            7,
            &[
                "docker-credential-none-such",
                "no such program in PATH",
                "install docker-credential-none-such",
            ],
        );
    });
}
