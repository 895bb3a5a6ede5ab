//! Registries with certificates of a company's own, and those that are called insecure.

use std::process::Command;

use testkit::machine::{Registry, Serving, registry_that};

use super::{HTPASSWD, REGISTRY_PASSWORD, REGISTRY_USER, file, run, silent};
use crate::run::Machine;

/// A certificate for the loopback that signs itself, and its key; false where there is no openssl.
fn certificate(machine: &Machine, constraints: &str) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
        ])
        .args(["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args([
            "-addext",
            &format!("basicConstraints={constraints}"),
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(machine.path("work"))
        .output();
    made.is_ok_and(|o| o.status.success())
}

/// A registry with that certificate, which asks for a login.
fn registry_of(machine: &Machine) -> Result<Registry, String> {
    let tls = Some((machine.read("work/cert.pem"), machine.read("work/key.pem")));
    registry_that(&Serving { users: HTPASSWD.to_owned(), tls })
}

#[test]
fn a_certificate_is_trusted_where_it_is_named_for_the_host() {
    trusted_where_named("CA:FALSE");
}

/// `openssl req -x509` makes it so when it is told nothing else.
#[test]
fn so_is_one_that_is_an_authority_s() {
    trusted_where_named("CA:TRUE");
}

fn trusted_where_named(constraints: &str) {
    let machine = Machine::new();
    if !certificate(&machine, constraints) {
        testkit::skip!("no openssl to make a certificate");
    }
    let registry = match registry_of(&machine) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let host = registry.address().to_string();
    let words = ["login", &host, "-u", REGISTRY_USER, "--password-stdin"];
    let log_in = |more: &[&str]| silent(run(&machine, &[&words[..], more].concat(), &[], REGISTRY_PASSWORD));
    log_in(&[])
        .fails(4, &["signed by no authority that is trusted here", "ca-certificates", "--insecure-registry"]);
    log_in(&["--insecure-registry", &host]).good();
    log_in(&["--insecure-registry", "127.0.0.1"]).good();
    log_in(&["--insecure-registry", "127.0.0.1:1"]).fails(4, &["no authority"]);
    for (text, good) in [
        (format!("registries: {{'{host}': {{ca-certificates: work/cert.pem}}}}\n"), true),
        ("registries: {'127.0.0.1:1': {ca-certificates: work/cert.pem}}\n".to_owned(), false),
        (format!("registries: {{'{host}': {{insecure: true}}}}\n"), true),
        ("ca-certificates: work/cert.pem\n".to_owned(), true),
    ] {
        machine.write("settings.yaml", &text);
        let ran = log_in(&["--config", &machine.path("settings.yaml").display().to_string()]);
        assert_eq!(ran.code, Some(if good { 0 } else { 4 }), "{text}: {}", ran.stderr);
    }
    machine.write("settings.yaml", format!("registries: {{'{host}': {{ca-certificates: gone.pem}}}}\n"));
    log_in(&["--config", &machine.path("settings.yaml").display().to_string()])
        .fails(3, &["cannot read certificate", "gone.pem"]);
    // As Docker and Podman keep them.
    file(
        &machine,
        &format!("home/.config/containers/certs.d/{host}/corp.crt"),
        &machine.read("work/cert.pem"),
    );
    log_in(&[]).good();
}

#[test]
fn settings_say_how_registries_are_reached() {
    let machine = Machine::new();
    machine.write(
        "settings.yaml",
        "registries:\n  r.example:5000: {insecure: true}\n  docker.io: {mirrors: [m.example/hub, n.example]}\n  docker.io/acme: {rewrite: r.example:5000/acme}\n",
    );
    let config = machine.path("settings.yaml").display().to_string();
    let variables = [("DISTIL_REGISTRY_AUTH_GHCR_IO", "a:hidden")];
    let words = ["settings", "--config", &config, "--insecure-registry", "Other.example"];
    let shown = silent(run(&machine, &words, &variables, "")).good().stdout;
    for line in [
        "registry other.example insecure  (--insecure-registry)",
        "registry r.example:5000 insecure  (settings file)",
        "registry docker.io mirrors m.example/hub n.example  (settings file)",
        "registry docker.io/acme rewritten to r.example:5000/acme  (settings file)",
        "registry-login GHCR_IO ***  (environment)",
        "home/.docker/config.json  (Docker)",
        "home/.config/containers/auth.json  (Podman)",
    ] {
        assert!(shown.contains(line), "`{line}` is not in:\n{shown}");
    }
}
