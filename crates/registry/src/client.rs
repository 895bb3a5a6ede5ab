use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::Reference;
use url::Url;

use crate::endpoint::Endpoint;
use crate::error::{Asked, Cause, Error};
use crate::host::{HUB, Host, locked};
use crate::{Options, Repository};

/// Speaks to registries. Opens no connection before it is asked something; what it learns of a registry
/// (how it is spoken to, tokens) serves all of its repositories. Shared among threads; a clone shares all.
#[derive(Clone)]
pub struct Client {
    fetch: fetch::Client,
    options: Arc<Options>,
    hosts: Arc<Mutex<HashMap<String, Arc<Host>>>>,
}

impl Client {
    /// A client over `fetch`'s connections.
    pub fn new(fetch: &fetch::Client, options: Options) -> Client {
        Client { fetch: fetch.clone(), options: Arc::new(options), hosts: Arc::default() }
    }

    /// What it may do.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn fetch(&self) -> &fetch::Client {
        &self.fetch
    }

    /// The repository of an image's name; its tag and digest count for nothing here. A name without a
    /// registry is of Docker Hub. The error is a name that the settings rewrite to one that is none.
    pub fn repository(&self, reference: &Reference) -> Result<Repository, Error> {
        let name = full_name(reference);
        let rule = self.options.rewrites.iter().filter(|r| r.rest(&name).is_some());
        let rule = rule.max_by_key(|r| r.prefix.trim_end_matches('/').len());
        let rest = rule.and_then(|r| r.rest(&name)).unwrap_or_default();
        let elsewhere = |place: &str| self.endpoint_of(&format!("{}{rest}", place.trim_end_matches('/')));
        let home = match rule.and_then(|r| r.to.as_deref()) {
            Some(place) => elsewhere(place)?,
            None => self.endpoint_of(&name)?,
        };
        let mirrors = rule.map(|r| r.mirrors.as_slice()).unwrap_or_default();
        let mirrors = mirrors.iter().map(|m| elsewhere(m)).collect::<Result<_, _>>()?;
        Ok(Repository::new(name, home, mirrors))
    }

    fn endpoint_of(&self, name: &str) -> Result<Endpoint, Error> {
        let bad = |why: String| {
            let nowhere = Url::parse("https://invalid/").unwrap_or_else(|_| unreachable!("a constant"));
            let asked = Asked {
                doing: "use".to_owned(),
                host: name.split('/').next().unwrap_or_default().to_owned(),
                repository: name.split_once('/').map_or("", |(_, r)| r).to_owned(),
                method: fetch::Method::Get,
                address: fetch::Redacted::of(&nowhere),
                login: None,
            };
            Error::new(asked, Cause::Name(why))
        };
        let reference: Reference = name.parse().map_err(|e: oci::ReferenceError| bad(e.to_string()))?;
        let Some(registry) = reference.registry else {
            return Err(bad("it names no registry".to_owned()));
        };
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(bad("a place of images has no tag".to_owned()));
        }
        let mut hosts = locked(&self.hosts);
        let host = hosts
            .entry(registry.clone())
            .or_insert_with(|| Arc::new(Host::new(&registry, self.fetch.clone(), Arc::clone(&self.options))));
        Ok(Endpoint::new(Arc::clone(host), reference.repository))
    }
}

/// `host/repository`, as Docker completes a name: Docker Hub where no registry is named, and there
/// `library/` before a single word.
fn full_name(reference: &Reference) -> String {
    let registry = match reference.registry.as_deref() {
        None | Some(HUB | "index.docker.io" | "registry-1.docker.io") => HUB,
        Some(other) => other,
    };
    match (registry, reference.repository.as_str()) {
        (HUB, word) if !word.contains('/') => format!("{HUB}/library/{word}"),
        (registry, repository) => format!("{registry}/{repository}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rewrite;

    fn client(rewrites: Vec<Rewrite>) -> Client {
        Client::new(
            &fetch::Client::new(fetch::Options::default()),
            Options { rewrites, ..Options::default() },
        )
    }

    fn places(client: &Client, name: &str) -> Vec<String> {
        let repository = client.repository(&name.parse().unwrap()).unwrap();
        repository.readers().map(|e| format!("{}/{}", e.host.name, e.repository)).collect()
    }

    #[test]
    fn threads_share_what_there_is() {
        fn shared<T: Send + Sync>() {}
        shared::<(Client, Repository, Options)>();
    }

    #[test]
    fn docker_hub_has_many_names() {
        let client = client(Vec::new());
        for name in ["alpine", "alpine:3", "docker.io/alpine", "index.docker.io/library/alpine"] {
            assert_eq!(places(&client, name), ["docker.io/library/alpine"], "{name}");
        }
        assert_eq!(places(&client, "acme/app"), ["docker.io/acme/app"]);
        assert_eq!(places(&client, "localhost:5000/app"), ["localhost:5000/app"]);
    }

    #[test]
    fn the_longest_prefix_counts() {
        let rewrite = |prefix: &str, to: Option<&str>, mirrors: &[&str]| Rewrite {
            prefix: prefix.to_owned(),
            to: to.map(str::to_owned),
            mirrors: mirrors.iter().map(|m| (*m).to_owned()).collect(),
        };
        let client = client(vec![
            rewrite("docker.io", None, &["mirror.example/hub"]),
            rewrite("docker.io/acme", Some("ghcr.io/acme-corp/"), &[]),
        ]);
        assert_eq!(
            places(&client, "alpine"),
            ["mirror.example/hub/library/alpine", "docker.io/library/alpine"]
        );
        assert_eq!(places(&client, "acme/app"), ["ghcr.io/acme-corp/app"]);
        assert_eq!(places(&client, "quay.io/acme/app"), ["quay.io/acme/app"]);
    }

    #[test]
    fn a_rewrite_to_no_name_is_refused() {
        for to in ["nohost", "host.example/UPPER", "host.example:x/a:tag"] {
            let rewrites =
                vec![Rewrite { prefix: "docker.io".into(), to: Some(to.into()), mirrors: Vec::new() }];
            assert!(client(rewrites).repository(&"alpine".parse().unwrap()).is_err(), "{to}");
        }
    }
}
