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
            attempts: 4,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            parallel: 8,
            user_agent: concat!("distil/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
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
}

/// The text of a PEM file, with the name that errors call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pem {
    /// Where it came from.
    pub name: String,
    /// The file's content.
    pub text: Vec<u8>,
}
