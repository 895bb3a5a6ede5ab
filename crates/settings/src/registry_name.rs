//! The names under which logins of registries are kept. One registry has several: Docker Hub's are
//! a host for people, one for machines, and the address of its first API.

/// What Docker keeps Docker Hub's login under, and asks helpers for.
pub const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Docker Hub, as its images' names begin.
const HUB: &str = "docker.io";

/// The one spelling of a registry's host: in lower case, and `docker.io` for all of Docker Hub's.
pub fn registry_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => HUB.to_owned(),
        _ => host,
    }
}

/// What credential helpers may know the login for `host` as, likeliest first.
pub fn helper_servers(host: &str) -> Vec<String> {
    match registry_host(host) {
        hub if hub == HUB => vec![HUB_KEY.to_owned(), HUB.to_owned()],
        host => vec![host],
    }
}

/// A key of an auth file: a host, as `ghcr.io`, `https://ghcr.io` or `https://ghcr.io/v1/`, or a path in
/// one, as `quay.io/acme/app` (containers-auth.json(5)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    pub(crate) host: String,
    /// Of repositories; empty for all of the host's.
    pub(crate) path: String,
}

impl Scope {
    pub(crate) fn read(key: &str) -> Scope {
        let (address, rest) = match key.split_once("://") {
            Some((_, rest)) => (true, rest),
            None => (false, key),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_matches('/');
        // The path of an address is that of an API, as Docker ignores it.
        let whole = address || matches!(path, "v1" | "v2");
        Scope { host: registry_host(host), path: if whole { String::new() } else { path.to_owned() } }
    }

    /// Whether it is for that repository; a path ends at a slash only.
    pub(crate) fn covers(&self, host: &str, repository: &str) -> bool {
        let inside = match repository.strip_prefix(&self.path) {
            Some(rest) => self.path.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        inside && self.host == registry_host(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_registry_has_several_names() {
        for (key, host, path) in [
            ("https://index.docker.io/v1/", "docker.io", ""),
            ("docker.io", "docker.io", ""),
            ("registry-1.docker.io/library", "docker.io", "library"),
            ("GHCR.io", "ghcr.io", ""),
            ("http://127.0.0.1:5000/v2/", "127.0.0.1:5000", ""),
            ("quay.io/acme/app/", "quay.io", "acme/app"),
            ("quay.io/v2", "quay.io", ""),
        ] {
            assert_eq!(Scope::read(key), Scope { host: host.into(), path: path.into() }, "{key}");
        }
        assert_eq!(helper_servers("registry-1.docker.io"), [HUB_KEY, "docker.io"]);
        assert_eq!(helper_servers("GHCR.io"), ["ghcr.io"]);
    }

    #[test]
    fn a_path_ends_at_a_slash() {
        let scope = Scope::read("quay.io/acme");
        for (repository, covered) in
            [("acme", true), ("acme/app", true), ("acmes/app", false), ("other/acme", false), ("", false)]
        {
            assert_eq!(scope.covers("quay.io", repository), covered, "{repository}");
        }
        assert!(!scope.covers("quay.io:443", "acme"));
        assert!(Scope::read("quay.io").covers("QUAY.io", "acme"));
    }
}
