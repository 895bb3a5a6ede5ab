//! Credential helpers: programs that answer, that have nothing, that are missing, hang or fail.

use super::{REGISTRY_PASSWORD, REGISTRY_USER, asking, check, file, good_login, run, silent};
use crate::run::Machine;

const DOCKER: &str = "home/.docker/config.json";

/// Keeps logins as files, one a server, and notes what it was told to do.
const KEYCHAIN: &str = r#"#!/bin/sh
keys=$HOME/keychain
mkdir -p "$keys"
name() { printf %s "$1" | tr '/:' '%%'; }
echo "$1" >> "$HOME/told"
case $1 in
list) printf '{'; for f in "$keys"/*; do [ -f "$f" ] && printf '"%s":"x"' "$(sed 's/.*ServerURL":"\([^"]*\)".*/\1/' "$f")"; done; printf '}';;
store) body=$(cat); server=$(printf %s "$body" | sed 's/.*ServerURL":"\([^"]*\)".*/\1/'); printf %s "$body" > "$keys/$(name "$server")";;
get) read -r server; cat "$keys/$(name "$server")" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; };;
erase) read -r server; rm -f "$keys/$(name "$server")";;
esac
"#;

#[test]
fn a_helper_keeps_finds_and_forgets() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    machine.program("docker-credential-keychain", KEYCHAIN);
    for config in [
        r#"{"credsStore": "keychain", "detachKeys": "x"}"#.to_owned(),
        format!(r#"{{"credHelpers": {{"{host}": "keychain"}}, "detachKeys": "x"}}"#),
    ] {
        file(&machine, DOCKER, &config);
        check(&machine, &host).fails(3, &["no login for it is kept", "distil login"]);
        let ran = good_login(&machine, &host).says(&["kept by docker-credential-keychain"]);
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
        // The file notes that there is one, and no more.
        let kept: serde_json::Value = serde_json::from_str(&machine.read(DOCKER)).unwrap();
        assert_eq!((&kept["auths"][&host], &kept["detachKeys"]), (&serde_json::json!({}), &"x".into()));
        silent(check(&machine, &host))
            .good()
            .says(&[&format!("{host}: {REGISTRY_USER}, from docker-credential-keychain, named in")]);
        run(&machine, &["logout", &host], &[], "")
            .good()
            .says(&[&format!("took the login for {host} out of docker-credential-keychain")]);
        check(&machine, &host).fails(3, &["no login for it is kept"]);
        assert_eq!(std::fs::read_dir(machine.path("home/keychain")).unwrap().count(), 0);
    }
    good_login(&machine, &host);
    run(&machine, &["logout", "--all"], &[], "").good().says(&["out of docker-credential-keychain"]);
    assert_eq!(std::fs::read_dir(machine.path("home/keychain")).unwrap().count(), 0);
}

/// A helper that does this when it is asked.
fn with_helper(script: &str) -> Machine {
    let machine = Machine::new();
    file(&machine, DOCKER, r#"{"credsStore": "odd"}"#);
    machine.program("docker-credential-odd", &format!("#!/bin/sh\n{script}\n"));
    machine
}

#[test]
fn each_way_to_fail_has_its_words() {
    let asked = "cannot ask docker-credential-odd for the login of 127.0.0.1:9: ";
    let host = "127.0.0.1:9";
    for (script, words) in [
        (
            "echo 'gpg: decryption failed: No secret key' >&2; exit 2",
            "it says: gpg: decryption failed: No secret key",
        ),
        // By the protocol a complaint is on standard output.
        (
            "echo 'error getting credentials - err: exit status 1'; exit 1",
            "it says: error getting credentials",
        ),
        ("exit 3", "it says nothing (exit code 3)"),
        ("kill -9 $$", "it says nothing (signal 9)"),
        ("echo hidden", "its answer is not that of a credential helper"),
        ("echo '{\"Username\":\"a\",\"Secret\":\"\"}'", "its answer has no secret"),
        ("echo '{\"Username\":\"a\",\"Secret\":\"hidden\"}'; exit 1", "it says nothing (exit code 1)"),
        ("while :; do echo hidden; done", "longer than 262144 bytes"),
    ] {
        let machine = with_helper(script);
        silent(check(&machine, host))
            .fails(7, &[asked, words, "config.json names docker-credential-odd", "echo 127.0.0.1:9 |"]);
    }
    let machine = with_helper("");
    std::fs::remove_file(machine.path("bin/docker-credential-odd")).unwrap();
    check(&machine, host)
        .fails(7, &[asked, "no such program in PATH", "install docker-credential-odd, or take its name"]);
    let machine = with_helper("sleep 600");
    run(&machine, &["login", host, "--check"], &[("DISTIL_HELPER_TIMEOUT", "1")], "")
        .fails(7, &[asked, "it did not answer within 1 s", "DISTIL_HELPER_TIMEOUT"]);
    run(&machine, &["login", host, "--check"], &[("DISTIL_HELPER_TIMEOUT", "soon")], "")
        .fails(2, &["cannot use DISTIL_HELPER_TIMEOUT `soon`"]);
}

#[test]
fn a_helper_that_cannot_keep_a_login_is_named() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let host = registry.address().to_string();
    let machine = with_helper("echo 'the keychain is locked' >&2; exit 1");
    silent(super::log_in(&machine, &host, REGISTRY_USER, REGISTRY_PASSWORD)).fails(
        7,
        &[&format!(
            "cannot keep the login of {host} with docker-credential-odd: it says: the keychain is locked"
        )],
    );
    assert_eq!(machine.read(DOCKER), r#"{"credsStore": "odd"}"#);
}

/// Docker Hub's login is kept under an address; tools that know better use its name.
#[test]
fn docker_hub_is_asked_for_by_all_its_names() {
    let machine = with_helper(
        "read -r server; echo \"$server\" >> \"$HOME/asked\"; echo 'credentials not found in native keychain'; exit 1",
    );
    check(&machine, "docker.io").fails(3, &["no login for it is kept"]);
    assert_eq!(machine.read("home/asked"), "https://index.docker.io/v1/\ndocker.io\n");
}
