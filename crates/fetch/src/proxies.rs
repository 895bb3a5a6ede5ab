use std::net::IpAddr;

use url::{Host, Url};

use crate::Login;
use crate::credentials::split_login;

/// Which proxy for which URL: one per scheme, exceptions by host, and what is reached directly.
///
/// The order: a rule for the host (apt's `Acquire::http::Proxy::HOST`), then `no_proxy`, then the
/// proxy of the scheme, then the one for all.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    all: Option<Proxy>,
    hosts: Vec<(String, Option<Proxy>)>,
    direct: Vec<Direct>,
}

/// One setting of a proxy, as text that a user wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyRule<'a> {
    /// For http URLs (`http_proxy`, `Acquire::http::Proxy`).
    Http(&'a str),
    /// For https URLs.
    Https(&'a str),
    /// For both, where neither says otherwise (`all_proxy`).
    All(&'a str),
    /// For one host: a proxy's URL, or `DIRECT`.
    Host(&'a str, &'a str),
    /// Hosts without proxy, by commas: names (with their subdomains), addresses, networks, `*`.
    Except(&'a str),
}

/// A text that names no proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use proxy `{shown}`: {cause}")]
pub struct ProxyError {
    /// The text without user information.
    pub shown: String,
    /// What is wrong.
    pub cause: String,
}

impl diag::Explain for ProxyError {
    fn kind(&self) -> diag::Kind {
        diag::Kind::Input
    }
    fn hint(&self) -> Option<String> {
        Some("write it as http://host:port, https://host:port or socks5h://host:port".into())
    }
}

/// A proxy, its login apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) url: Url,
    pub(crate) login: Option<Login>,
}

impl Proxies {
    /// No proxy at all.
    pub fn none() -> Proxies {
        Proxies::default()
    }

    /// Adds a rule; an empty text removes one, as an empty variable does.
    pub fn with(mut self, rule: ProxyRule<'_>) -> Result<Proxies, ProxyError> {
        match rule {
            ProxyRule::Http(text) => self.http = read_proxy(text)?,
            ProxyRule::Https(text) => self.https = read_proxy(text)?,
            ProxyRule::All(text) => self.all = read_proxy(text)?,
            ProxyRule::Host(host, "DIRECT") => self.hosts.push((host.to_ascii_lowercase(), None)),
            ProxyRule::Host(host, text) => self.hosts.push((host.to_ascii_lowercase(), read_proxy(text)?)),
            ProxyRule::Except(list) => {
                self.direct.extend(list.split([',', ' ']).filter(|r| !r.is_empty()).map(Direct::read));
            }
        }
        Ok(self)
    }

    /// The proxy for `url`, or none.
    pub(crate) fn of(&self, url: &Url) -> Option<&Proxy> {
        let host = url.host_str()?.to_ascii_lowercase();
        if let Some((_, proxy)) = self.hosts.iter().rev().find(|(h, _)| *h == host) {
            return proxy.as_ref();
        }
        if self.direct.iter().any(|rule| rule.covers(url)) {
            return None;
        }
        let own = if url.scheme() == "https" { &self.https } else { &self.http };
        own.as_ref().or(self.all.as_ref())
    }
}

fn read_proxy(text: &str) -> Result<Option<Proxy>, ProxyError> {
    let text = text.trim();
    if text.is_empty() || text == "DIRECT" {
        return Ok(None);
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let fail = |cause: String| {
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        ProxyError { shown: shown.to_owned(), cause }
    };
    let mut url = Url::parse(&full).map_err(|e| fail(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h") {
        return Err(fail(format!("`{}` proxies are not supported", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(fail("it names no host".into()));
    }
    let login = split_login(&mut url);
    Ok(Some(Proxy { url, login }))
}

/// What is reached without a proxy: one entry of `no_proxy`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    Everything,
    /// The name itself and what is below it, at this port if one is given.
    Name(String, Option<u16>),
    /// Addresses that begin with these bits.
    Network(IpAddr, u8),
}

impl Direct {
    fn read(text: &str) -> Direct {
        if text == "*" {
            return Direct::Everything;
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        if let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.and_then(|b| b.parse().ok()).filter(|b| *b <= most).unwrap_or(most);
            return Direct::Network(address, bits);
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (text, None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.');
        Direct::Name(name.to_ascii_lowercase(), port)
    }

    fn covers(&self, url: &Url) -> bool {
        match (self, url.host()) {
            (Direct::Everything, _) => true,
            (Direct::Name(name, port), Some(Host::Domain(host))) => {
                let host = host.to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (host == *name || below) && port.is_none_or(|p| url.port_or_known_default() == Some(p))
            }
            (Direct::Network(network, bits), Some(Host::Ipv4(host))) => {
                same_network(*network, IpAddr::V4(host), *bits)
            }
            (Direct::Network(network, bits), Some(Host::Ipv6(host))) => {
                same_network(*network, IpAddr::V6(host), *bits)
            }
            _ => false,
        }
    }
}

fn same_network(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let (a, b, width) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let differing = a ^ b;
    bits == 0 || differing.checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(proxies: &Proxies, url: &str) -> String {
        let proxy = proxies.of(&Url::parse(url).unwrap());
        proxy.map_or("direct".into(), |p| p.url.to_string())
    }

    #[test]
    fn picks_by_scheme_host_and_exception() {
        let proxies = Proxies::none()
            .with(ProxyRule::Http("cache.example:3142"))
            .and_then(|p| p.with(ProxyRule::All("socks5h://u:secret@all.example:1080")))
            .and_then(|p| p.with(ProxyRule::Host("Direct.example", "DIRECT")))
            .and_then(|p| p.with(ProxyRule::Host("other.example", "http://other-proxy")))
            .and_then(|p| {
                p.with(ProxyRule::Except("localhost, .corp.example,10.0.0.0/8,[::1],only.example:8080"))
            })
            .unwrap();
        assert_eq!(via(&proxies, "http://deb.example/x"), "http://cache.example:3142/");
        assert_eq!(via(&proxies, "https://deb.example/x"), "socks5h://all.example:1080");
        assert_eq!(via(&proxies, "http://other.example/"), "http://other-proxy/");
        for direct in [
            "http://direct.example/",
            "http://localhost:80/",
            "https://a.corp.example/",
            "http://corp.example/",
            "http://10.1.2.3/",
            "http://[::1]:8080/",
            "http://only.example:8080/",
        ] {
            assert_eq!(via(&proxies, direct), "direct", "{direct}");
        }
        for proxied in ["http://notcorp.example/", "http://11.1.2.3/", "http://only.example/"] {
            assert_ne!(via(&proxies, proxied), "direct", "{proxied}");
        }
        assert!(!format!("{proxies:?}").contains("secret"));
    }

    #[test]
    fn an_empty_rule_removes_and_a_star_covers_all() {
        let proxies = Proxies::none().with(ProxyRule::All("http://p")).unwrap();
        assert_eq!(via(&proxies.clone().with(ProxyRule::All("")).unwrap(), "http://a/"), "direct");
        assert_eq!(via(&proxies.with(ProxyRule::Except("*")).unwrap(), "http://a/"), "direct");
    }

    #[test]
    fn an_error_shows_no_login() {
        let error = Proxies::none().with(ProxyRule::All("ftp://u:secret@h")).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(Proxies::none().with(ProxyRule::Http("http://")).is_err());
    }
}
