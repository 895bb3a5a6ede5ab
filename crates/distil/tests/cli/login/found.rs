//! Which login is used, of all the places that may have one.

use testkit::registry::{Logins, Registry, Setup};

use super::{REGISTRY_PASSWORD, REGISTRY_USER, asking, auths, check, file, run, silent};
use crate::run::Machine;

const DOCKER: &str = "home/.docker/config.json";
const PODMAN: &str = "home/.config/containers/auth.json";
const SESSION: &str = "run/containers/auth.json";

/// The variable for a host, as documented.
fn variable(host: &str) -> String {
    format!("DISTIL_REGISTRY_AUTH_{}", host.replace(['.', ':'], "_"))
}

#[test]
fn the_first_place_that_has_one_wins() {
    // Lets everybody in: only where a login comes from is asked here.
    let registry = Registry::start(Setup::default());
    let (machine, host) = (Machine::new(), registry.host());
    check(&machine, &host).fails(
        3,
        &[
            &format!("cannot log in to {host}: no login for it is kept"),
            &format!("{} is not set", variable(&host)),
            "config.json is not there",
            &format!("distil login {host}"),
        ],
    );
    let found = |variables: &[(&str, &str)], words: &[&str]| {
        silent(run(&machine, &["login", &host, "--check"], variables, "")).good().says(words);
    };
    file(&machine, DOCKER, &auths(&format!("https://{host}/v1/"), "docker", "hidden"));
    found(&[], &["docker, from", "config.json", "was not tried"]);
    file(&machine, PODMAN, &auths(&host, "podman", "hidden"));
    found(&[], &["podman, from", ".config/containers/auth.json"]);
    file(&machine, SESSION, &auths(&host, "session", "hidden"));
    found(&[], &["session, from", "run/containers/auth.json"]);
    let ci = auths(&host, "ci", "hidden");
    found(&[("DOCKER_AUTH_CONFIG", &ci)], &["ci, from DOCKER_AUTH_CONFIG"]);
    let own = (&variable(&host)[..], "own:hidden:with:colons");
    found(&[("DOCKER_AUTH_CONFIG", &ci), own], &["own, from DISTIL_REGISTRY_AUTH_127_0_0_1_"]);
    // A file that is named is the only one.
    file(&machine, "work/named.json", &auths(&host, "named", "hidden"));
    found(&[("REGISTRY_AUTH_FILE", "named.json")], &["named, from", "work/named.json"]);
    file(&machine, "work/config/config.json", &auths(&host, "moved", "hidden"));
    std::fs::remove_file(machine.path(PODMAN)).unwrap();
    std::fs::remove_file(machine.path(SESSION)).unwrap();
    found(&[("DOCKER_CONFIG", "config")], &["moved, from", "work/config/config.json"]);
    // GitHub's token is for GitHub's registry.
    std::fs::remove_file(machine.path(DOCKER)).unwrap();
    silent(run(&machine, &["login", &host, "--check"], &[("GITHUB_TOKEN", "hidden")], ""))
        .fails(3, &["no login"]);
}

#[test]
fn the_longest_path_wins() {
    let registry = Registry::start(Setup::default());
    let (machine, host) = (Machine::new(), registry.host());
    let entry =
        |path: &str, user: &str| format!(r#""{host}{path}": {{"username": "{user}", "password": "hidden"}}"#);
    let all = [entry("", "host"), entry("/acme", "team"), entry("/acme/app", "app")].join(",");
    file(&machine, PODMAN, &format!(r#"{{"auths": {{{all}}}}}"#));
    for (path, user) in [("", "host"), ("/acme/app", "app"), ("/acme/apple", "team"), ("/other", "host")] {
        silent(check(&machine, &format!("{host}{path}"))).good().says(&[&format!(": {user}, from")]);
    }
}

#[test]
fn variables_that_are_broken_are_named() {
    let machine = Machine::new();
    let with = |variables: &[(&str, &str)]| {
        silent(run(&machine, &["login", "my-registry.example", "--check"], variables, ""))
    };
    with(&[("DISTIL_REGISTRY_AUTH_MY__REGISTRY_EXAMPLE", "hidden")]).fails(
        3,
        &["cannot use DISTIL_REGISTRY_AUTH_MY__REGISTRY_EXAMPLE: there is no colon", "USER:PASSWORD"],
    );
    with(&[("DOCKER_AUTH_CONFIG", "{\"auths\": hidden}")])
        .fails(3, &["cannot read the registry logins in DOCKER_AUTH_CONFIG: line 1, column "]);
    // One hyphen is two underscores, so this is of another host.
    with(&[("DISTIL_REGISTRY_AUTH_MY_REGISTRY_EXAMPLE", "a:hidden")]).fails(3, &["no login for it is kept"]);
}

#[test]
fn a_variable_hides_what_is_kept_and_that_is_said() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let name = variable(&host);
    let set = [(&name[..], "ann:hidden")];
    let words = ["login", &host, "-u", REGISTRY_USER, "--password-stdin"];
    let hides = format!("warning: {name} is set");
    silent(run(&machine, &words, &set, REGISTRY_PASSWORD)).good().says(&[&hides]);
    silent(run(&machine, &["login", &host, "--check"], &set, ""))
        .fails(4, &["the registry answered 401", &format!("logged in as `ann` from {name}")]);
    run(&machine, &["logout", &host], &set, "").good().says(&[&hides, "it is still used"]);
}

#[test]
fn identity_tokens_are_exchanged() {
    let logins = Logins::Token {
        user: "ann".to_owned(),
        password: "hidden-refresh".to_owned(),
        good_for: 100,
        claimed: 300,
        anonymous: false,
    };
    let registry = Registry::start(Setup { logins, ..Setup::default() });
    let (machine, host) = (Machine::new(), registry.host());
    let token =
        |token: &str| format!(r#"{{"auths": {{"{host}": {{"auth": "MDow", "identitytoken": "{token}"}}}}}}"#);
    file(&machine, DOCKER, &token("hidden-refresh"));
    silent(check(&machine, &host)).good().says(&[&format!("{host}: a token, from")]);
    assert!(registry.requests().iter().any(|r| r.method == "POST" && r.target.starts_with("/token")));
    file(&machine, DOCKER, &token("hidden-stale"));
    silent(check(&machine, &host)).fails(
        4,
        &[
            "the token server answered 401",
            "incorrect username or password",
            "logged in as the identity token from",
        ],
    );
    // By name and password at the same server, and as `distil login` keeps a token.
    silent(super::log_in(&machine, &host, "ann", "hidden-refresh")).good();
    silent(check(&machine, &host)).good().says(&[&format!("{host}: ann, from")]);
    silent(super::log_in(&machine, &host, "<token>", "hidden-refresh")).good();
    silent(check(&machine, &host)).good().says(&[&format!("{host}: a token, from")]);
    silent(super::log_in(&machine, &host, "bob", "hidden-refresh"))
        .fails(4, &["the token server answered 401"]);
}
