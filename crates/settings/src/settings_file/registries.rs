//! `registries:` of the settings file.

use super::{Fault, RegistrySettings, entries, paths, read_client, text, texts, unknown};
use crate::yaml::{At, Node};

const KEYS: [&str; 5] = ["insecure", "ca-certificates", "client-certificate", "mirrors", "rewrite"];

pub(super) fn read(node: &Node) -> Result<Vec<RegistrySettings>, Fault> {
    entries(node, "`registries`")?.into_iter().map(|(prefix, at, node)| read_one(prefix, at, node)).collect()
}

fn read_one(prefix: &str, at: At, node: &Node) -> Result<RegistrySettings, Fault> {
    let mut out = RegistrySettings { prefix: place(prefix, at)?, ..RegistrySettings::default() };
    for (key, key_at, node) in entries(node, &format!("`{prefix}`"))? {
        let of_connection = matches!(key, "insecure" | "ca-certificates" | "client-certificate");
        if of_connection && prefix.contains('/') {
            return Err(Fault {
                at: key_at,
                problem: format!("`{key}` is for a whole host, and `{prefix}` is a part of one"),
                hint: Some(format!("give it for `{}`", prefix.split('/').next().unwrap_or_default())),
            });
        }
        match key {
            "insecure" => out.insecure = truth(node)?,
            "ca-certificates" => out.ca_certificates = paths(node)?,
            "client-certificate" => out.client_certificate = Some(read_client(node)?),
            "mirrors" => {
                let mirrors = texts(node)?.into_iter().map(|mirror| place(mirror, node.at));
                out.mirrors = mirrors.collect::<Result<_, _>>()?;
            }
            "rewrite" => out.rewrite = Some(place(text(node)?, node.at)?),
            _ => return Err(unknown(key, key_at, &KEYS)),
        }
    }
    Ok(out)
}

/// `host[:port][/path]`, as an image's name begins.
fn place(name: &str, at: At) -> Result<String, Fault> {
    let fault = |problem: String, hint: &str| Fault { at, problem, hint: Some(hint.to_owned()) };
    // It is not repeated: there may be a password in it.
    if name.contains("://") || name.contains('@') {
        let hint = "write host[:port][/path], as an image's name begins; logins are kept by `distil login`";
        return Err(fault("an address is no registry's name".to_owned(), hint));
    }
    let (host, path) = name.split_once('/').unwrap_or((name, ""));
    let bare = name.contains('/') && (path.is_empty() || path.split('/').any(str::is_empty));
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']');
    let is_host = host.contains(['.', ':']) || host == "localhost";
    if bare || !is_host || !name.chars().all(named) {
        let hint = "write host[:port][/path], as registry.example:5000 or docker.io/acme";
        return Err(fault(format!("`{name}` is no registry's name"), hint));
    }
    Ok(name.to_ascii_lowercase())
}

fn truth(node: &Node) -> Result<bool, Fault> {
    match text(node)? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new(node.at, "`true` or `false` is expected here")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use diag::Explain;

    use crate::parse_settings;

    #[test]
    fn reads_how_registries_are_reached() {
        let text = "registries:\n  registry.example:5000: {insecure: true}\n  GHCR.io:\n    ca-certificates: [corp.pem]\n    \
            client-certificate: {certificate: me.pem, key: me.key}\n  docker.io: {mirrors: [a.example/hub, 'b.example:5000']}\n  \
            docker.io/acme: {rewrite: localhost/acme}\n  other.example:\n";
        let found = parse_settings(text.as_bytes(), "s").unwrap().registries;
        let prefixes: Vec<&str> = found.iter().map(|r| r.prefix.as_str()).collect();
        assert_eq!(
            prefixes,
            ["registry.example:5000", "ghcr.io", "docker.io", "docker.io/acme", "other.example"]
        );
        assert!(found[0].insecure && !found[1].insecure);
        assert_eq!(found[1].ca_certificates, [PathBuf::from("corp.pem")]);
        assert_eq!(found[1].client_certificate.as_ref().unwrap().key, PathBuf::from("me.key"));
        assert_eq!(found[2].mirrors, ["a.example/hub", "b.example:5000"]);
        assert_eq!(found[3].rewrite.as_deref(), Some("localhost/acme"));
    }

    #[test]
    fn says_what_is_no_registry() {
        for (text, words) in [
            ("registries: {'https://u:hidden@ghcr.io': {}}", "an address is no registry's name"),
            ("registries: {acme: {}}", "`acme` is no registry's name"),
            ("registries: {ghcr.io/: {}}", "`ghcr.io/` is no registry's name"),
            ("registries: {ghcr.io/a: {insecure: true}}", "`insecure` is for a whole host"),
            ("registries: {ghcr.io: {insecure: maybe}}", "`true` or `false`"),
            ("registries: {ghcr.io: {unsecure: true}}", "unknown key `unsecure`"),
            ("registries: {ghcr.io: {mirrors: [https://a.example]}}", "an address is no registry's name"),
            (
                "registries: {ghcr.io: {rewrite: 'host.example/acme:tag'}}",
                "`host.example/acme:tag` is one image",
            ),
            ("registries: {ghcr.io: {mirrors: ['a.example:5000/x:1']}}", "is one image"),
            (
                "registries: {ghcr.io: {rewrite: 'host.example:tag'}}",
                "`host.example:tag` is no registry's name",
            ),
            ("registries: {ghcr.io: {rewrite: host.example/a..b}}", "is no registry's name"),
            ("registries: {ghcr.io: {rewrite: host.example/-a}}", "is no registry's name"),
            ("registries: {ghcr.io/a//b: {}}", "is no registry's name"),
            ("registries: {docker.io: {}, index.docker.io: {}}", "`index.docker.io` is `docker.io`, which"),
            ("registries: {ghcr.io/a: {}, GHCR.io/a: {}}", "`GHCR.io/a` is `ghcr.io/a`, which stands above"),
            ("registries: [ghcr.io]", "`registries` must be a mapping"),
        ] {
            let error = parse_settings(text.as_bytes(), "s").unwrap_err();
            assert!(error.to_string().contains(words), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
            assert!(error.excerpt().is_some());
        }
        let error = parse_settings(b"registries: {ghcr.io: {insecur: true}}", "s").unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `insecure`?"));
    }
}
