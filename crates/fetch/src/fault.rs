use std::time::Duration;

use diag::{Diagnostic, Explain, Kind};

use crate::Redacted;

/// What went wrong with one exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The network was not to be used.
    #[error("it is not here, and the network is not to be used")]
    Offline,
    /// The name has no address, or nobody could be asked.
    #[error("the name {host} could not be looked up: {cause}")]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver says.
        cause: String,
    },
    /// Nobody listens there.
    #[error("{host} refused the connection")]
    Refused {
        /// Host and port.
        host: String,
    },
    /// No way there, or no answer to the call.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// What the system says.
        cause: String,
    },
    /// TLS failed.
    #[error("no secure connection to {host}: {cause}")]
    Tls {
        /// The host.
        host: String,
        /// Which certificate problem, or what else.
        cause: String,
    },
    /// Our own certificates cannot be used.
    #[error("https cannot be set up: {cause}")]
    TlsSetup {
        /// Which file, and why.
        cause: String,
    },
    /// The proxy does not help.
    #[error("the proxy {proxy} failed: {cause}")]
    Proxy {
        /// The proxy, without its login.
        proxy: String,
        /// What it says.
        cause: String,
    },
    /// There is no such file (404, 410, or a missing local one).
    #[error("it is not there ({status})")]
    NotFound {
        /// 404 or 410, or "no such file".
        status: String,
    },
    /// The server wants a login, or another one (401, 403, 407).
    #[error("the server does not allow it ({status})")]
    Forbidden {
        /// The status.
        status: u16,
    },
    /// The server has trouble (5xx), or too much to do (408, 425, 429).
    #[error("the server has trouble ({status})")]
    Server {
        /// The status.
        status: u16,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// Another status that is no success.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A redirect that is not followed.
    #[error("a redirect is not followed: {why}")]
    Redirect {
        /// Why not.
        why: String,
    },
    /// The connection broke in the middle.
    #[error("the connection broke after {got} bytes{}: {cause}", of(*expected))]
    Dropped {
        /// Bytes at hand.
        got: u64,
        /// Bytes in all, if known.
        expected: Option<u64>,
        /// What the system says.
        cause: String,
    },
    /// The server's file is shorter than the signed size.
    #[error("the file has {got} bytes where {expected} were signed")]
    TooShort {
        /// Its size.
        got: u64,
        /// The signed size.
        expected: u64,
    },
    /// More bytes than were signed, or than are allowed.
    #[error("the file is larger than the {most} bytes that it may have")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// No byte came for too long.
    #[error("nothing came for {} s", waited.as_secs_f64())]
    Stalled {
        /// How long was waited.
        waited: Duration,
    },
    /// Bytes came, and too few for too long ([`Floor`](crate::Floor)).
    #[error("it gave only {got} byte{} in {:.0} s", if *got == 1 { "" } else { "s" }, waited.as_secs_f64())]
    Slow {
        /// How many came.
        got: u64,
        /// How long they were waited for.
        waited: Duration,
    },
    /// The answer is no proper HTTP.
    #[error("the answer makes no sense: {cause}")]
    Protocol {
        /// What is wrong with it.
        cause: String,
    },
    /// An address that is neither http, https nor file.
    #[error("`{scheme}` addresses are not supported")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A local file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// What came cannot be kept.
    #[error("what came cannot be kept: {cause}")]
    Keep {
        /// What the system says.
        cause: String,
    },
    /// What is to be sent cannot be read.
    #[error("what is to be sent cannot be read: {cause}")]
    Unreadable {
        /// What its reader says.
        cause: String,
    },
    /// The bytes are not those that were asked for.
    #[error("{0}")]
    Rejected(Diagnostic),
    /// The user pressed Ctrl-C.
    #[error("stopped by the user")]
    Cancelled,
}

fn of(expected: Option<u64>) -> String {
    expected.map(|e| format!(" of {e}")).unwrap_or_default()
}

impl Fault {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        use Fault::{Dropped, Lookup, Proxy, Refused, Server, Slow, Stalled, Unreachable};
        matches!(
            self,
            Lookup { .. }
                | Refused { .. }
                | Unreachable { .. }
                | Server { .. }
                | Dropped { .. }
                | Stalled { .. }
                | Slow { .. }
                | Proxy { .. }
        )
    }

    /// Whether no other address can help either.
    pub(crate) fn ends_job(&self) -> bool {
        matches!(self, Fault::Keep { .. } | Fault::Cancelled)
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Fault::Rejected(why) => why.kind,
            Fault::TooLarge { .. } => Kind::Trust,
            Fault::Keep { .. } | Fault::Unreadable { .. } | Fault::Cancelled | Fault::TlsSetup { .. } => {
                Kind::Machine
            }
            _ => Kind::Network,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Fault::Offline => "run once without --offline, or give --vendor DIR",
            Fault::Lookup { .. } | Fault::Unreachable { .. } => {
                "check the network, the proxy (settings file, apt, http_proxy, https_proxy) and the mirror \
                 (`distil settings` shows it, --mirror ARCHIVE=URL names another)"
            }
            Fault::Refused { .. } => {
                "check the mirror's address and port (`distil settings` shows it), or use another with \
                 --mirror ARCHIVE=URL"
            }
            Fault::Tls { .. } => {
                "a company's own certificate authority goes into the settings as `ca-certificates`; \
                 check this machine's clock too"
            }
            Fault::TlsSetup { .. } => "correct the certificate files that the settings name",
            Fault::Proxy { .. } => "check the proxy settings (settings file, apt, http_proxy, https_proxy)",
            Fault::NotFound { .. } => {
                "the mirror may lag behind or the file may have left it; use another mirror"
            }
            Fault::Forbidden { .. } => "give a login in netrc, apt's auth.conf or the settings",
            Fault::Server { .. } | Fault::Dropped { .. } | Fault::Stalled { .. } | Fault::Slow { .. } => {
                "try again later, or use another mirror"
            }
            Fault::TooShort { .. } | Fault::TooLarge { .. } => {
                "the mirror may be in the middle of an update; try again later, or use another mirror"
            }
            Fault::Keep { .. } => "check space and permissions of the cache directory",
            Fault::Rejected(why) => return why.hint.clone(),
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// One address and how it failed at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The address, as it may be shown.
    pub url: Redacted,
    /// How often.
    pub times: u32,
    /// What was wrong the last time.
    pub fault: Fault,
}

/// A file that none of its addresses gave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot fetch {name}{}", first(tried))]
pub struct FetchError {
    /// What people call the file.
    pub name: String,
    /// Every address that was tried; empty if there was none.
    pub tried: Vec<Tried>,
}

fn first(tried: &[Tried]) -> String {
    match tried {
        [] => ": no address is known for it".into(),
        [one] => format!(" from {}: {}", one.url, one.fault),
        [.., last] => format!(": all {} addresses failed, the last with: {}", tried.len(), last.fault),
    }
}

impl FetchError {
    /// What went wrong at last.
    pub fn fault(&self) -> Option<&Fault> {
        self.tried.last().map(|t| &t.fault)
    }

    /// Whether every address says that there is no such file.
    pub fn is_not_found(&self) -> bool {
        !self.tried.is_empty() && self.tried.iter().all(|t| matches!(t.fault, Fault::NotFound { .. }))
    }
}

impl Explain for FetchError {
    /// Bytes that were refused weigh more than a mirror that did not answer.
    fn kind(&self) -> Kind {
        let kinds = || self.tried.iter().map(|t| t.fault.kind());
        let weighty = kinds().find(|k| matches!(k, Kind::Trust | Kind::Machine));
        let refused = || kinds().find(|k| *k == Kind::Input);
        weighty.or_else(refused).or_else(|| kinds().next_back()).unwrap_or(Kind::Network)
    }

    fn hint(&self) -> Option<String> {
        self.fault().and_then(Fault::hint)
    }

    fn details(&self) -> Vec<String> {
        let line = |t: &Tried| match t.times {
            0 | 1 => format!("{}: {}", t.url, t.fault),
            n => format!("{} ({n} times): {}", t.url, t.fault),
        };
        let several = self.tried.len() > 1 || self.tried.iter().any(|t| t.times > 1);
        self.tried.iter().filter(|_| several).map(line).collect()
    }
}
