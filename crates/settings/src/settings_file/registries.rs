//! `registries:` of the settings file.

use super::{Fault, RegistrySettings, entries, paths, read_client, text, texts, unknown};
use crate::registry_host;
use crate::yaml::{At, Node};

const KEYS: [&str; 5] = ["insecure", "ca-certificates", "client-certificate", "mirrors", "rewrite"];

pub(super) fn read(node: &Node) -> Result<Vec<RegistrySettings>, Fault> {
    let mut all: Vec<RegistrySettings> = Vec::new();
    for (prefix, at, node) in entries(node, "`registries`")? {
        let one = read_one(prefix, at, node)?;
        if all.iter().any(|other| other.prefix == one.prefix) {
            let problem = format!("`{prefix}` is `{}`, which stands above", one.prefix);
            return Err(Fault { at, problem, hint: Some("write all of it in one place".to_owned()) });
        }
        all.push(one);
    }
    Ok(all)
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
    let has_path = name.contains('/');
    if path.contains(':') {
        let hint = "leave out what follows the colon: every tag is found there";
        return Err(fault(format!("`{name}` is one image, and no place of images"), hint));
    }
    if !is_host(host) || (has_path && !path.split('/').all(is_component)) {
        let hint = "write host[:port][/path], as registry.example:5000 or docker.io/acme";
        return Err(fault(format!("`{name}` is no registry's name"), hint));
    }
    // As names of images are completed: Docker Hub's other names are the same place.
    let host = registry_host(host);
    Ok(if has_path { format!("{host}/{}", path.to_ascii_lowercase()) } else { host })
}

/// What is taken for a host where an image's name begins so.
fn is_host(host: &str) -> bool {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    (host.contains(['.', ':']) || host == "localhost")
        && host.chars().all(named)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Letters and digits with `.`, `-` and `_` between them (distribution/reference).
fn is_component(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && !["..", "._", "_.", ".-", "-.", "-_", "_-", "___"].iter().any(|bad| text.contains(bad))
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
    fn docker_hub_is_one_place_whatever_it_is_called() {
        for (written, meant) in [
            ("index.docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("Index.Docker.io/acme", "docker.io/acme"),
            ("index.docker.io.example", "index.docker.io.example"),
            ("index.docker.io:5000", "index.docker.io:5000"),
            ("'[::1]:5000/a__b/c-d.e'", "[::1]:5000/a__b/c-d.e"),
        ] {
            let text = format!("registries: {{{written}: {{mirrors: [{written}], rewrite: {written}}}}}");
            let found = parse_settings(text.as_bytes(), "s").unwrap().registries.remove(0);
            let all = [Some(found.prefix.as_str()), found.rewrite.as_deref(), Some(&found.mirrors[0])];
            assert_eq!(all, [Some(meant); 3], "{written}");
        }
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
