//! Logins of registries: kept, found, refused, taken away.

mod found;
mod kept;
mod page;
mod programs;
mod terminal;
mod tls;
mod used;

use std::io::Write;
use std::process::Stdio;

use testkit::machine::{Registry, Serving, registry_that};

use crate::run::{Machine, Ran};

/// Who may log in to a registry that asks for it.
const REGISTRY_USER: &str = "ann";
/// And how.
const REGISTRY_PASSWORD: &str = "hunter2";
/// The same as the registry reads it.
const HTPASSWD: &str = "ann:$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm\n";

/// A registry that asks for a login, or why there is none.
fn asking() -> Result<Registry, String> {
    registry_that(&Serving { users: HTPASSWD.to_owned(), tls: None })
}

/// distil with these words, variables and standard input.
fn run(machine: &Machine, words: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    let mut command = machine.command(words);
    command.env("XDG_RUNTIME_DIR", machine.path("run"));
    command.envs(variables.iter().copied()).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("distil starts");
    // Whoever refuses the words does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    Ran::of(child.wait_with_output().expect("distil ends"))
}

/// `distil login HOST -u USER --password-stdin`.
fn log_in(machine: &Machine, host: &str, user: &str, password: &str) -> Ran {
    run(machine, &["login", host, "-u", user, "--password-stdin"], &[], &format!("{password}\n"))
}

/// `distil login HOST --check`.
fn check(machine: &Machine, host: &str) -> Ran {
    run(machine, &["login", host, "--check"], &[], "")
}

/// A file of the machine, and the directories it is in.
fn file(machine: &Machine, sub: &str, text: &str) {
    let path = machine.path(sub);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    machine.write(sub, text);
}

/// `auths` of one host with a name and a password.
fn auths(host: &str, user: &str, password: &str) -> String {
    format!(r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#)
}

/// No password is shown.
#[track_caller]
fn silent(ran: Ran) -> Ran {
    for secret in [REGISTRY_PASSWORD, "aHVudGVy", "hidden"] {
        assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret), "{}{}", ran.stdout, ran.stderr);
    }
    ran
}

/// Good, if a registry is there that lets [`REGISTRY_USER`] in.
fn good_login(machine: &Machine, host: &str) -> Ran {
    silent(log_in(machine, host, REGISTRY_USER, REGISTRY_PASSWORD)).good()
}
