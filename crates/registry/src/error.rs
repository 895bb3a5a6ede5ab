use std::fmt;
use std::time::Duration;

use diag::{Diagnostic, Explain, Kind};
use fetch::{Fault, Method, Redacted, Response};
use image::TransportError;
use oci::Digest;
use url::Url;

use crate::endpoint::Endpoint;
use crate::{Login, Said, parse_errors, said};

/// What was asked of whom when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The deed with its preposition: "read the manifest `1.0` of".
    pub doing: String,
    /// The registry as people call it: `docker.io`, `localhost:5000`.
    pub host: String,
    /// The repository in it.
    pub repository: String,
    /// The method of the request.
    pub method: Method,
    /// Where it went, without secrets.
    pub address: Redacted,
    /// The login that was shown, if any: "`me` from ~/.docker/config.json".
    pub login: Option<String>,
}

impl Asked {
    /// `host/repository`, or only the host where it was asked itself.
    fn place(&self) -> String {
        match self.repository.as_str() {
            "" => self.host.clone(),
            repository => format!("{}/{repository}", self.host),
        }
    }

    pub(crate) fn of(
        endpoint: &Endpoint,
        doing: impl Into<String>,
        method: Method,
        url: &Url,
        login: Option<&Login>,
    ) -> Asked {
        Asked {
            doing: doing.into(),
            host: endpoint.host.name.clone(),
            repository: endpoint.repository.clone(),
            method,
            address: Redacted::of(url),
            login: login.map(Login::shown),
        }
    }
}

/// A request to a registry that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {} {}: {cause}", asked.doing, asked.place())]
pub struct Error {
    asked: Box<Asked>,
    cause: Box<Cause>,
}

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Cause {
    /// No answer.
    #[error("{0}")]
    Fault(Fault),
    /// An answer that is a refusal.
    #[error("{}", refusal(*status, said, *by))]
    Refused { status: u16, said: Vec<Said>, retry_after: Option<Duration>, by: By },
    /// Nobody could say who we are.
    #[error("{0}")]
    NoLogin(Diagnostic),
    /// The registry wants to be shown something that we cannot show.
    #[error("the registry wants a login that distil does not know how to give ({})", said::shown(.0))]
    UnknownScheme(String),
    /// Bytes that are not those that were asked for.
    #[error("{what} is {} and not {wanted}", said::shown(found))]
    Mismatch { what: &'static str, wanted: String, found: String },
    /// A part of another size than whoever lists it says; `there` is none where it goes on behind that.
    #[error("the manifest says {said} bytes, and the registry has {}", there.map_or("more".to_owned(), |n| n.to_string()))]
    OtherSize { said: u64, there: Option<u64> },
    /// It knows no digests of this algorithm; what it did instead.
    #[error("the registry does not take {algorithm} digests: {instead}")]
    Algorithm { algorithm: &'static str, instead: String },
    /// An answer that cannot be.
    #[error("the answer makes no sense: {}", said::shown(why))]
    Malformed { why: String },
    /// More than anything real has.
    #[error("the answer is larger than the {most} bytes that it may have")]
    TooLarge { most: u64 },
    /// A name that no request can be made of.
    #[error("{0}")]
    Name(String),
    /// What is to be sent cannot be read.
    #[error("{0}")]
    Source(Diagnostic),
}

/// Who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Registry,
    TokenServer,
    /// Where the registry sent us for a blob.
    Storage,
}

fn refusal(status: u16, said: &[Said], by: By) -> String {
    let who = match by {
        By::Registry => "the registry",
        By::TokenServer => "the token server",
        By::Storage => "the storage of the registry",
    };
    match said {
        [] => format!("{who} answered {status}"),
        said => {
            let said: Vec<String> = said.iter().map(ToString::to_string).collect();
            format!("{who} answered {status} ({})", said.join("; "))
        }
    }
}

impl Error {
    pub(crate) fn new(asked: Asked, cause: Cause) -> Error {
        Error { asked: Box::new(asked), cause: Box::new(cause) }
    }

    /// From an answer that is a refusal; reads what it says.
    pub(crate) fn refused(asked: Asked, response: &mut Response) -> Error {
        use std::io::Read as _;
        let (status, retry_after) = (response.status, response.retry_after());
        let mut body = Vec::new();
        // What does not come is not said.
        let _ = response.take(said::LARGEST).read_to_end(&mut body);
        let said = parse_errors(&body);
        Error::new(asked, Cause::Refused { status, said, retry_after, by: By::Registry })
    }

    /// The same, refused by somebody else than the registry.
    pub(crate) fn by(mut self, who: By) -> Error {
        if let Cause::Refused { by, .. } = &mut *self.cause {
            *by = who;
        }
        self
    }

    pub(crate) fn mismatch(
        asked: Asked,
        what: &'static str,
        wanted: &Digest,
        found: impl fmt::Display,
    ) -> Error {
        Error::new(asked, Cause::Mismatch { what, wanted: wanted.to_string(), found: found.to_string() })
    }

    /// The same, of what was to be kept under this digest: that it is no digest of the bytes is said by registries
    /// that have computed another sort of digest, and know no other.
    pub(crate) fn of_digest(self, digest: &Digest) -> Error {
        let known = digest.algorithm() == oci::Algorithm::Sha256;
        let Cause::Refused { status: 400..=499, said, .. } = &*self.cause else { return self };
        if known || !said.iter().any(|s| matches!(s.code.as_str(), "DIGEST_INVALID" | "UNSUPPORTED")) {
            return self;
        }
        let (algorithm, instead) = (digest.algorithm().name(), self.cause.to_string());
        Error::new(*self.asked, Cause::Algorithm { algorithm, instead })
    }

    /// Whether somebody was there, and did not like who asks.
    pub fn refuses_login(&self) -> bool {
        matches!(*self.cause, Cause::Refused { status: 400 | 401 | 403, .. })
    }

    pub(crate) fn while_doing(mut self, doing: &str) -> Error {
        doing.clone_into(&mut self.asked.doing);
        self
    }

    /// What was asked.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The status of the answer, if it was a refusal by the registry.
    pub fn status(&self) -> Option<u16> {
        match *self.cause {
            Cause::Refused { status, by: By::Registry, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether we were refused for who we are or what we asked, by whomever; not for trouble that passes.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(*self.cause, Cause::Refused { status: 400..=499, .. }) && !self.is_transient(true)
    }

    /// Whether whoever was asked failed by its own fault, and said so.
    pub(crate) fn is_trouble(&self) -> bool {
        matches!(*self.cause, Cause::Refused { status: 500..=599, .. })
    }

    /// Whether the token server could not make sense of what a token was to allow.
    pub(crate) fn is_unknown_scope(&self) -> bool {
        matches!(*self.cause, Cause::Refused { status: 400, by: By::TokenServer, .. })
    }

    /// How long the registry asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match *self.cause {
            Cause::Refused { retry_after, .. } => retry_after,
            _ => None,
        }
    }

    /// Whether the same may succeed a little later; `known` if the host has answered before, since else a
    /// name that leads nowhere is more likely than a host that is just starting.
    pub(crate) fn is_transient(&self, known: bool) -> bool {
        match &*self.cause {
            Cause::Fault(Fault::Lookup { .. } | Fault::Refused { .. } | Fault::Unreachable { .. }) => known,
            Cause::Fault(fault) => fault.is_transient(),
            Cause::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 520..=529),
            _ => false,
        }
    }

    /// Whether somebody was waited for in vain.
    pub(crate) fn is_stall(&self) -> bool {
        matches!(*self.cause, Cause::Fault(Fault::Stalled { .. } | Fault::Slow { .. }))
    }

    /// Whether what was asked of the registry may have been done although no answer says so.
    pub(crate) fn may_be_done(&self) -> bool {
        match &*self.cause {
            Cause::Fault(fault) => {
                use Fault::{Dropped, Protocol, Slow, Stalled};
                matches!(fault, Dropped { .. } | Stalled { .. } | Slow { .. } | Protocol { .. })
            }
            Cause::Refused { status, by, .. } => *by != By::TokenServer && *status >= 500,
            _ => false,
        }
    }

    /// Whether the connection broke, so that the other side may have got all, some or nothing.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(*self.cause, Cause::Fault(_))
    }
}

impl From<Error> for TransportError {
    fn from(error: Error) -> TransportError {
        match *error.cause {
            Cause::Fault(Fault::Cancelled) => TransportError::Stopped(diag::Cancelled),
            _ => TransportError::Place(error.into()),
        }
    }
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        match &*self.cause {
            Cause::Fault(fault) => fault.kind(),
            Cause::NoLogin(why) | Cause::Source(why) => why.kind,
            Cause::Mismatch { .. } | Cause::OtherSize { .. } => Kind::Trust,
            Cause::Name(_) => Kind::Usage,
            _ => Kind::Network,
        }
    }

    fn hint(&self) -> Option<String> {
        match &*self.cause {
            Cause::Fault(fault) => self.hint_of_fault(fault),
            Cause::Refused { status, by, said, retry_after } => {
                self.hint_of_refusal(*status, *by, said, *retry_after)
            }
            Cause::NoLogin(why) | Cause::Source(why) => why.hint.clone(),
            Cause::Mismatch { .. } => Some(
                "the registry, or something on the way to it, changed the bytes; nothing of them was kept"
                    .into(),
            ),
            Cause::OtherSize { .. } => Some(
                "the manifest, or what lists it, is wrong, or the registry's copy is not whole: tell the image's maker, \
                 or have both written anew where it was made"
                    .into(),
            ),
            Cause::Algorithm { .. } => Some(
                "have the image written anew with sha256 digests, which every registry takes; or copy it to another \
                 registry"
                    .into(),
            ),
            Cause::Malformed { .. } | Cause::TooLarge { .. } => {
                Some(format!("check that {} is a registry and that nothing stands between", self.asked.host))
            }
            Cause::UnknownScheme(_) => Some("registries with Basic or Bearer logins are supported".into()),
            Cause::Name(_) => Some("write it as REGISTRY/REPOSITORY:TAG, or with @sha256:… after it".into()),
        }
    }

    fn details(&self) -> Vec<String> {
        let Asked { method, address, login, .. } = &*self.asked;
        let mut details = match &*self.cause {
            Cause::Name(_) => return Vec::new(),
            Cause::NoLogin(why) | Cause::Source(why) => why.details.clone(),
            _ => Vec::new(),
        };
        details.push(format!("asked: {method} {address}"));
        match (login, &*self.cause) {
            (Some(login), _) => details.push(format!("logged in as {login}")),
            // Where nobody answered, nobody asked who we are.
            (None, Cause::Fault(_)) => {}
            (None, _) => details.push("without a login".to_owned()),
        }
        details
    }
}

impl Error {
    fn hint_of_fault(&self, fault: &Fault) -> Option<String> {
        let host = &self.asked.host;
        Some(match fault {
            Fault::Offline => "run it without --offline".to_owned(),
            // A registry leads to others: token servers, stores of blobs.
            Fault::Lookup { host, .. } | Fault::Unreachable { host, .. } => {
                format!("check the name {host}, the network and the proxy (`distil settings` shows it)")
            }
            Fault::Refused { host } => format!("check that a registry listens at {host}"),
            Fault::Tls { host, .. } => format!(
                "a company's own certificate authority goes into the settings as `ca-certificates`; for a registry \
                 without TLS, or to check no certificate, say --insecure-registry {host}"
            ),
            Fault::Redirect { .. } => format!("name the host that {host} leads to"),
            Fault::Server { .. } | Fault::Dropped { .. } | Fault::Stalled { .. } | Fault::Slow { .. } => {
                "try again; parts that arrived whole are not sent again".to_owned()
            }
            other => return other.hint(),
        })
    }

    fn hint_of_refusal(
        &self,
        status: u16,
        by: By,
        said: &[Said],
        retry_after: Option<Duration>,
    ) -> Option<String> {
        let Asked { host, repository, login, method, .. } = &*self.asked;
        let is = |code: &str| said.iter().any(|s| s.code == code);
        let reads = matches!(method, Method::Get | Method::Head);
        Some(match (status, login) {
            (400, _) if by == By::TokenServer => format!(
                "it did not understand what was asked of it, or takes no login of this kind: try `distil login {host}`"
            ),
            (400 | 405, _) if *method == Method::Delete => format!(
                "many registries delete by digest only, which takes all tags with it: name it as docker://{host}/{repository}@sha256:…, \
                 as `distil inspect docker://{host}/{repository}:TAG` shows it"
            ),
            (400 | 405 | 415, _) if is("UNSUPPORTED") || status == 405 => {
                "this registry does not do that; its documentation or its owner knows why".to_owned()
            }
            (400..=499, _) if by == By::Storage => {
                "what the registry gave for a login there was not accepted; try again, or ask its owner"
                    .to_owned()
            }
            (401 | 403, None) => format!("log in with `distil login {host}`"),
            (401, Some(login)) => {
                format!("{host} does not accept {login}: log in again with `distil login {host}`")
            }
            (403, Some(login)) if by == By::Registry => {
                let deed = if reads { "read" } else { "write to" };
                format!("{login} may not {deed} {repository}: ask its owner, or log in as somebody who may")
            }
            (403, Some(_)) => format!("log in again with `distil login {host}`"),
            // `distil ls` would say no more.
            (404, None) if is("NAME_UNKNOWN") => {
                format!("check the repository's name; a private one is hidden until `distil login {host}`")
            }
            (404, Some(_)) if is("NAME_UNKNOWN") => "check the repository's name".to_owned(),
            (404, None) => format!(
                "check the name with `distil ls {host}/{repository}`; a private repository is hidden until `distil login {host}`"
            ),
            (404, Some(_)) => format!("check the name with `distil ls {host}/{repository}`"),
            (413, _) => "the registry, or a proxy before it, takes no part of this size".to_owned(),
            (429, _) => match (retry_after, login) {
                (Some(wait), _) => format!("wait {} s and try again", wait.as_secs().max(1)),
                (None, None) => format!("try again later; with `distil login {host}` more may be allowed"),
                (None, Some(_)) => "try again later".to_owned(),
            },
            (500..=599, _) => "the registry has trouble; try again later".to_owned(),
            _ => return None,
        })
    }
}
