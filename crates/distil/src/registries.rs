//! How registries are reached and where logins for them are: flags, variables, our settings, and what
//! Docker and Podman keep.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diag::{Diagnostic, Kind, Secret};
use ops::logins::{LoginFile, LoginPlaces, Maker};
use ops::settings::Row;
use settings::Settings;

use crate::environment::Environment;

/// How long a credential helper may take where nothing else is said: it may ask for a key to be touched.
const PATIENCE: Duration = Duration::from_secs(60);

/// The hosts of `--insecure-registry`.
pub(crate) fn insecure_hosts(given: &[String]) -> Result<Vec<String>, Diagnostic> {
    given.iter().map(|host| insecure_host(host)).collect()
}

fn insecure_host(given: &str) -> Result<String, Diagnostic> {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if !given.is_empty() && given.chars().all(named) {
        return Ok(given.to_ascii_lowercase());
    }
    let shown = settings::split_login(given).0;
    Err(Diagnostic::new(Kind::Usage, format!("cannot use --insecure-registry {shown}: it is no host"))
        .hint("write HOST or HOST:PORT, as registry.example:5000"))
}

/// Of flags and settings.
pub(crate) fn insecure(flags: &[String], settings: &Settings) -> Vec<String> {
    let own = settings.registries.iter().filter(|r| r.insecure).map(|r| r.prefix.clone());
    flags.iter().cloned().chain(own).map(|host| reached_as(&host).to_owned()).collect()
}

/// Mirrors and rewrites of the settings.
pub(crate) fn rewrites(settings: &Settings) -> Vec<registry::Rewrite> {
    let own = settings.registries.iter().filter(|r| r.rewrite.is_some() || !r.mirrors.is_empty());
    own.map(|r| registry::Rewrite {
        prefix: r.prefix.clone(),
        to: r.rewrite.clone(),
        mirrors: r.mirrors.clone(),
    })
    .collect()
}

/// The host that is connected to for a registry's name.
pub(crate) fn reached_as(host: &str) -> &str {
    if settings::registry_host(host) == "docker.io" { "registry-1.docker.io" } else { host }
}

/// Where logins are looked for: `REGISTRY_AUTH_FILE` alone where it is set, as Podman has it; else Podman's
/// files and then Docker's.
pub(crate) fn login_places(env: &Environment) -> Result<LoginPlaces, Diagnostic> {
    let variables = env.beginning_with("DISTIL_REGISTRY_AUTH_");
    // In a workflow it is the workflow's own; elsewhere it may be anybody's for anything, and the registry
    // refuses with it what it gives without.
    let token = env.variable("GITHUB_TOKEN").filter(|_| env.variable("GITHUB_ACTIONS").is_some());
    let token = token.map(Secret::new);
    // GitHub takes any name beside a token.
    let actor = env.variable("GITHUB_ACTOR").unwrap_or("github").to_owned();
    Ok(LoginPlaces {
        variables: variables.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect(),
        auth_config: env.variable("DOCKER_AUTH_CONFIG").map(Secret::new),
        files: login_files(env),
        github: token.map(|token| (actor, token)),
        patience: patience(env)?,
    })
}

fn login_files(env: &Environment) -> Vec<LoginFile> {
    if let Some(path) = env.path("REGISTRY_AUTH_FILE") {
        return vec![LoginFile { path: env.working_dir.join(path), maker: Maker::Named }];
    }
    let home = env.path("HOME");
    let session = env.path("XDG_RUNTIME_DIR").unwrap_or_else(|| {
        // Where Podman puts it when there is no session.
        PathBuf::from(format!("/run/containers/{}", rustix::process::getuid().as_raw()))
    });
    let session = if env.path("XDG_RUNTIME_DIR").is_some() { session.join("containers") } else { session };
    let podman = home.is_some().then(|| env.xdg("XDG_CONFIG_HOME", ".config").join("containers/auth.json"));
    let docker = env.path("DOCKER_CONFIG").or_else(|| home.map(|h| h.join(".docker")));
    let file = |path: Option<PathBuf>, maker| Some(LoginFile { path: env.working_dir.join(path?), maker });
    [
        file(Some(session.join("auth.json")), Maker::PodmanSession),
        file(podman, Maker::Podman),
        file(docker.map(|d| d.join("config.json")), Maker::Docker),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn patience(env: &Environment) -> Result<Duration, Diagnostic> {
    const NAME: &str = "DISTIL_HELPER_TIMEOUT";
    let Some(text) = env.variable(NAME) else { return Ok(PATIENCE) };
    let seconds = text.parse().ok().filter(|s| (1..=3600).contains(s));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Diagnostic::new(Kind::Usage, format!("cannot use {NAME} `{text}`: it is no number of seconds"))
            .hint("give the seconds that a credential helper may take, from 1 to 3600")
    })
}

/// Where Docker and Podman keep certificates by host.
pub(crate) fn certificate_dirs(env: &Environment) -> Vec<PathBuf> {
    let own = env.xdg("XDG_CONFIG_HOME", ".config");
    let own = ["containers/certs.d", "docker/certs.d"].map(|d| own.join(d));
    let all = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    own.into_iter().chain(all).collect()
}

/// The hosts that a directory of certificates has, and the files of each.
#[expect(clippy::disallowed_methods, reason = "the host's configuration is read here, once")]
pub(crate) fn hosts_of(dir: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let entries = |dir: &Path| {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        paths.sort();
        paths
    };
    let host = |path: &PathBuf| Some(reached_as(path.file_name()?.to_str()?).to_owned());
    entries(dir).iter().filter_map(|path| Some((host(path)?, entries(path)))).collect()
}

/// For `distil settings`; no login.
pub(crate) fn rows(flags: &[String], settings: &Settings, places: &LoginPlaces) -> Vec<Row> {
    let row = |name: String, value: String, from: &str| Row { name, value, from: from.to_owned() };
    let mut rows = Vec::new();
    for host in flags {
        rows.push(row(format!("registry {host}"), "insecure".to_owned(), "--insecure-registry"));
    }
    for registry in &settings.registries {
        let parts = [
            registry.insecure.then(|| "insecure".to_owned()),
            (!registry.ca_certificates.is_empty()).then(|| "certificate authorities of its own".to_owned()),
            registry.client_certificate.as_ref().map(|_| "a client certificate".to_owned()),
            (!registry.mirrors.is_empty()).then(|| format!("mirrors {}", registry.mirrors.join(" "))),
            registry.rewrite.as_ref().map(|to| format!("rewritten to {to}")),
        ];
        let value = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        rows.push(row(format!("registry {}", registry.prefix), value, "settings file"));
    }
    for name in places.variables.keys() {
        rows.push(row(format!("registry-login {name}"), "***".to_owned(), "environment"));
    }
    if places.auth_config.is_some() {
        rows.push(row("registry-logins".to_owned(), "DOCKER_AUTH_CONFIG".to_owned(), "environment"));
    }
    for file in &places.files {
        let (name, from) = match file.maker {
            Maker::Named => ("registry-logins named", "REGISTRY_AUTH_FILE"),
            Maker::PodmanSession => ("registry-logins session", "Podman"),
            Maker::Podman => ("registry-logins Podman", "Podman"),
            Maker::Docker => ("registry-logins Docker", "Docker"),
        };
        rows.push(row(name.to_owned(), file.path.display().to_string(), from));
    }
    rows
}
