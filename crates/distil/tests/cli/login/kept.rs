use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{REGISTRY_PASSWORD, REGISTRY_USER, asking, auths, check, file, good_login, log_in, run, silent};
use crate::run::Machine;

const DOCKER: &str = "home/.docker/config.json";

fn json(machine: &Machine, sub: &str) -> Value {
    serde_json::from_str(&machine.read(sub)).expect("JSON")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn a_good_login_is_kept_and_found_and_taken_away() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let old =
        r#"{"auths": {"other.example": {"auth": "YTpi"}}, "HttpHeaders": {"X-Y": "z"}, "psFormat": "x"}"#;
    file(&machine, DOCKER, old);
    std::fs::set_permissions(machine.path(DOCKER), PermissionsExt::from_mode(0o644)).unwrap();
    let docker = machine.path(DOCKER).display().to_string();
    good_login(&machine, &host).says(&[
        "warning: the password is kept in",
        "not encrypted",
        &format!("logged in to {host} as {REGISTRY_USER}"),
        &docker,
    ]);
    assert_eq!(mode(&machine.path(DOCKER)), 0o600);
    let kept = json(&machine, DOCKER);
    assert_eq!(kept["HttpHeaders"]["X-Y"], "z");
    assert_eq!((&kept["psFormat"], &kept["auths"]["other.example"]["auth"]), (&"x".into(), &"YTpi".into()));
    assert_eq!(kept["auths"][&host]["auth"], "YW5uOmh1bnRlcjI=");

    silent(check(&machine, &host)).good().says(&[&format!("{host}: {REGISTRY_USER}, from {docker}")]);
    let shown = run(&machine, &["login", &host, "--check", "--json"], &[], "").good().stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["schema"], &shown["user"], &shown["checked"]),
        (&0.into(), &REGISTRY_USER.into(), &true.into())
    );

    run(&machine, &["logout", &host], &[], "")
        .good()
        .says(&[&format!("took the login for {host} out of {docker}")]);
    assert_eq!(json(&machine, DOCKER)["auths"], serde_json::json!({ "other.example": { "auth": "YTpi" } }));
    run(&machine, &["logout", &host], &[], "").good().says(&["no login for", "was kept"]);
    run(&machine, &["logout", "--all"], &[], "").good().says(&["took the login for other.example out of"]);
    assert_eq!(json(&machine, DOCKER)["HttpHeaders"]["X-Y"], "z");
}

#[test]
fn a_wrong_login_is_not_kept() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    silent(log_in(&machine, &host, REGISTRY_USER, "hidden")).fails(
        4,
        &[
            &format!("cannot log in to {host}: the registry answered 401"),
            "logged in as `ann`",
            "check user name",
        ],
    );
    silent(log_in(&machine, &host, "bob", REGISTRY_PASSWORD)).fails(4, &["401"]);
    assert!(!machine.path("home/.docker").exists());
}

#[test]
fn nobody_there_is_told_from_a_wrong_login() {
    let machine = Machine::new();
    let nobody = testkit::Port::reserve();
    let host = nobody.address().to_string();
    silent(log_in(&machine, &host, "ann", "hidden"))
        .fails(4, &["refused the connection", &format!("check that a registry listens at {host}")]);
    silent(run(&machine, &["login", "ghcr.io", "-u", "a", "--password-stdin", "--offline"], &[], "hidden"))
        .fails(4, &["offline"]);
    assert!(!machine.path("home/.docker").exists());
}

#[test]
fn what_is_no_login_is_refused_before_anybody_is_asked() {
    let machine = Machine::new();
    let with = |words: &[&str], input: &str| silent(run(&machine, words, &[], input));
    let stdin = |host: &'static str, user: &'static str, input: &str| {
        with(&["login", host, "-u", user, "--password-stdin"], input)
    };
    stdin("acme", "a", "hidden").fails(2, &["cannot log in to `acme`: that is no host", "as ghcr.io"]);
    stdin("ghcr.io/a:1", "a", "hidden").fails(2, &["has no tag"]);
    stdin("https://a:hidden@ghcr.io", "a", "x").fails(2, &["holds no user"]);
    stdin("ghcr.io", "a:b", "hidden").fails(2, &["a user's name has no colon"]);
    stdin("ghcr.io", "a", "").fails(2, &["the password is empty"]);
    stdin("ghcr.io", "a", "hidden\nhidden\n").fails(2, &["several lines"]);
    stdin("ghcr.io", "a", &"hidden".repeat(20_000)).fails(2, &["too long"]);
    with(&["login", "ghcr.io", "--password-stdin"], "hidden").fails(2, &["without a user's name", "-u USER"]);
    with(&["login", "ghcr.io", "-u", "a"], "").fails(2, &["without a password", "--password-stdin"]);
    with(&["login", "ghcr.io", "--check", "--insecure-registry", "a b"], "").fails(2, &["it is no host"]);
    for words in
        [&["logout"][..], &["logout", "ghcr.io", "--all"], &["login", "ghcr.io", "-u", "a", "--check"]]
    {
        assert_eq!(with(words, "").code, Some(2), "{words:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_not_written_over() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let docker = machine.path(DOCKER).display().to_string();
    for (text, place) in [
        ("{\n  \"auths\": {\"hidden\"\n", "its end: the JSON is not whole"),
        ("{\n  \"auths\": hidden}", "line 2, column 12: it is no JSON"),
        (r#"{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}"#, r#"auths."ghcr.io".auth: inside the base64"#),
    ] {
        file(&machine, DOCKER, text);
        for words in [
            &["login", &host, "--check"][..],
            &["login", &host, "-u", REGISTRY_USER, "--password-stdin"],
            &["logout", &host],
        ] {
            let start = format!("cannot read the registry logins in {docker}: {place}");
            silent(run(&machine, words, &[], REGISTRY_PASSWORD)).fails(3, &[&start, "distil login"]);
            assert_eq!(machine.read(DOCKER), text);
        }
    }
}

#[test]
fn the_file_that_has_a_login_gets_the_new_one() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    // Podman's is asked before Docker's: an old login there would hide the new one.
    const PODMAN: &str = "home/.config/containers/auth.json";
    file(&machine, PODMAN, &auths(&host, "old", "hidden"));
    // So would it hide what a helper of Docker's file keeps.
    file(&machine, DOCKER, r#"{"credsStore": "none-such"}"#);
    good_login(&machine, &host);
    assert_eq!(json(&machine, PODMAN)["auths"][&host]["auth"], "YW5uOmh1bnRlcjI=");
    check(&machine, &host).good().says(&[REGISTRY_USER, "containers/auth.json"]);
    std::fs::remove_dir_all(machine.path("home/.docker")).unwrap();
    // A path of a registry means nothing to Docker, whose file Podman would take for the whole host.
    let path = format!("{host}/acme");
    std::fs::remove_dir_all(machine.path("home/.config")).unwrap();
    good_login(&machine, &path);
    assert!(json(&machine, PODMAN)["auths"][&path]["auth"].is_string());
    run(&machine, &["logout", &path], &[], "").good();
    assert_eq!(json(&machine, PODMAN)["auths"], serde_json::json!({}));
}

#[test]
fn a_named_file_is_made_and_a_link_stays_one() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let named = [("REGISTRY_AUTH_FILE", "auth.json")];
    run(&machine, &["login", &host, "--check"], &named, "")
        .fails(3, &["auth.json: No such file", "REGISTRY_AUTH_FILE names it"]);
    let words = ["login", &host, "-u", REGISTRY_USER, "--password-stdin"];
    run(&machine, &words, &named, REGISTRY_PASSWORD).good();
    run(&machine, &["login", &host, "--check"], &named, "").good().says(&["work/auth.json"]);
    assert!(!machine.path("home/.docker").exists());
    // As with files of one's settings that are kept elsewhere.
    std::fs::create_dir(machine.path("home/.docker")).unwrap();
    file(&machine, "dotfiles/docker.json", "{}");
    symlink(machine.path("dotfiles/docker.json"), machine.path(DOCKER)).unwrap();
    good_login(&machine, &host);
    assert!(std::fs::symlink_metadata(machine.path(DOCKER)).unwrap().is_symlink());
    assert!(json(&machine, "dotfiles/docker.json")["auths"][&host].is_object());
    let devnull = [("REGISTRY_AUTH_FILE", "/dev/null")];
    run(&machine, &words, &devnull, REGISTRY_PASSWORD).fails(7, &["cannot keep the login in /dev/null"]);
}

#[test]
fn apkos_own_words_do_the_same() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let apko = |words: &[&str], input: &str| {
        silent(run(&machine, &[&["apko", "login", &host, "-u", REGISTRY_USER], words].concat(), &[], input))
    };
    apko(&["-p", "hidden"], "").fails(4, &["answered 401"]);
    apko(&[], "").fails(2, &["without a password"]);
    apko(&["--password-stdin"], REGISTRY_PASSWORD).good();
    check(&machine, &host).good();
    run(&machine, &["logout", &host], &[], "").good();
    apko(&["-p", REGISTRY_PASSWORD], "").good();
    check(&machine, &host).good();
}

#[test]
fn skopeo_reads_what_we_keep_and_we_what_it_keeps() {
    let registry = match asking() {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let (machine, host) = (Machine::new(), registry.address().to_string());
    let skopeo = |words: &[&str]| {
        let file = machine.path("work/auth.json");
        Command::new("skopeo").args(words).arg("--authfile").arg(file).arg(&host).output()
    };
    let Ok(first) = skopeo(&["login", "--tls-verify=false", "-u", REGISTRY_USER, "-p", REGISTRY_PASSWORD])
    else {
        testkit::skip!("no skopeo")
    };
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let named = [("REGISTRY_AUTH_FILE", "auth.json")];
    run(&machine, &["login", &host, "--check"], &named, "").good().says(&[REGISTRY_USER]);
    run(&machine, &["logout", &host], &named, "").good();
    assert!(!skopeo(&["login", "--get-login"]).unwrap().status.success());
    let words = ["login", &host, "-u", REGISTRY_USER, "--password-stdin"];
    run(&machine, &words, &named, REGISTRY_PASSWORD).good();
    let login = skopeo(&["login", "--get-login"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&login.stdout).trim(), REGISTRY_USER);
}
