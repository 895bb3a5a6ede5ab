use std::sync::Arc;
use std::time::Duration;

use diag::Secret;

use crate::{Credentials, Proxies};

/// What the client may do and how; decided by the caller, who alone reads environment and settings.
#[derive(Clone)]
pub struct Options {
    /// Open no socket; whatever needs one fails and says what it wanted. Local files still work.
    pub offline: bool,
    /// Which proxy for which URL.
    pub proxies: Proxies,
    /// Certificates, beyond the system's.
    pub tls: Tls,
    /// Who knows logins.
    pub credentials: Option<Arc<dyn Credentials>>,
    /// The longest wait for a connection, TLS included.
    pub connect_timeout: Duration,
    /// The longest wait for the next bytes of an answer.
    pub idle_timeout: Duration,
    /// What a connection must bring at the least; less is taken for a silence.
    pub floor: Floor,
    /// How often the addresses of a job are gone through, at least once.
    pub attempts: u32,
    /// The wait after the first failed round; doubles each round, with jitter.
    pub backoff: Duration,
    /// The longest that is waited between two rounds, also when a server asks for more.
    pub longest_wait: Duration,
    /// How many downloads run at once.
    pub parallel: usize,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            offline: false,
            proxies: Proxies::default(),
            tls: Tls::default(),
            credentials: None,
            connect_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(30),
            floor: Floor::default(),
            attempts: 4,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            parallel: 8,
            user_agent: concat!("distil/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The least that an answer must bring in some time, from its first bytes on; as curl's `--speed-limit` and
/// `--speed-time`. Only time counts in which bytes were waited for: of a reader who is slow nobody is blamed.
///
/// The default is a kilobyte in a minute, 17 bytes a second (cargo: 10; git and apt: none). A line of a
/// kilobyte a second is honest, and eight downloads beside each other on it have 128 each; what is below
/// the floor would need a day for a megabyte and a half, and is broken or means no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// So many bytes.
    pub bytes: u64,
    /// In so long. For requests with more [patience](crate::Request::patience), twice that patience.
    pub time: Duration,
}

impl Default for Floor {
    fn default() -> Floor {
        Floor { bytes: 1024, time: Duration::from_secs(60) }
    }
}

/// What https is set up with, by the first request that needs it.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Certificate authorities to trust beside the system's.
    pub authorities: Vec<Pem>,
    /// Trust only `authorities`.
    pub only_these: bool,
    /// The client's certificate chain, its own first, and its private key.
    pub client: Option<(Pem, Secret)>,
    /// What holds for some hosts only; the first entry that fits counts.
    pub hosts: Vec<HostTls>,
}

/// What https with one host is set up with. Authorities of one host have no say over another.
#[derive(Debug, Clone, Default)]
pub struct HostTls {
    /// `host` for all ports, or `host:port`.
    pub host: String,
    /// Certificate authorities to trust there, beside those of all hosts.
    pub authorities: Vec<Pem>,
    /// The client's certificate chain and private key there, in place of the one for all hosts.
    pub client: Option<(Pem, Secret)>,
}

impl Tls {
    /// Which entry of `hosts` is for that host.
    pub(crate) fn entry_for(&self, host: &str, port: u16) -> Option<usize> {
        let fits = |entry: &HostTls| {
            let rest = entry.host.get(..host.len()).filter(|h| h.eq_ignore_ascii_case(host));
            let rest = rest.map(|h| &entry.host[h.len()..]);
            rest.is_some_and(|rest| rest.is_empty() || rest == format!(":{port}"))
        };
        self.hosts.iter().position(fits)
    }

    /// What holds for the host of that entry: its own, and what holds for all.
    pub(crate) fn with_entry(&self, entry: usize) -> Tls {
        let mut tls = self.clone();
        let own = tls.hosts.swap_remove(entry);
        tls.authorities.extend(own.authorities);
        Tls { client: own.client.or(tls.client), hosts: Vec::new(), ..tls }
    }
}

/// The text of a PEM file, with the name that errors call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pem {
    /// Where it came from.
    pub name: String,
    /// The file's content.
    pub text: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_for_its_host_alone() {
        let entry = |host: &str| HostTls { host: host.to_owned(), ..HostTls::default() };
        let hosts = vec![entry("a.example:5000"), entry("A.example"), entry("[::1]:5000")];
        let tls = Tls { hosts, ..Tls::default() };
        for (host, port, found) in [
            ("a.example", 5000, Some(0)),
            ("a.example", 443, Some(1)),
            ("a.example.net", 443, None),
            ("a.exampl", 443, None),
            ("b.example", 5000, None),
            ("[::1]", 5000, Some(2)),
        ] {
            assert_eq!(tls.entry_for(host, port), found, "{host}:{port}");
        }
    }
}
