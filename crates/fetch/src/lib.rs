//! The one room with a socket: bytes from http, https and local files, behind a blocking face.
//!
//! [`Client::fetch`] brings one file into a [`Sink`] that checks it, over several mirrors, with
//! retries, backoff and resumption; [`Client::fetch_all`] many at once; [`Client::send`] is one
//! exchange, with a method and a body where something is written. What may be asked of the network is decided by the caller in [`Options`]: the room reads
//! no environment (but what rustls-native-certs reads to find the system's certificates).
//!
//! Why ureq and not an asynchronous client: nothing here waits for more than a few dozen connections,
//! and a blocking client starts in microseconds, needs no runtime and lets every room above stay
//! synchronous. The price: one thread per running download. TLS (rustls with aws-lc-rs) is set up by
//! the first https request and not before, so a plain-http or warm build never pays for it.
//!
//! Redirects, credentials and proxies of plain http are handled here rather than by ureq: credentials
//! must never reach another host, and package caches refuse to be tunnelled through, as ureq would.

#![allow(clippy::disallowed_methods, reason = "this room is the one that talks to the outside")]

mod client;
mod credentials;
mod deadline;
mod download;
mod excused;
mod fault;
mod fetch_all;
mod job;
mod local;
mod options;
mod pace;
mod proxies;
mod redacted;
mod request;
mod resolver;
mod retry;
mod route;
mod tls;
mod transport;

pub use client::Client;
pub use credentials::{Credentials, Login};
pub use deadline::Deadline;
pub use download::Fetched;
pub use excused::Excused;
pub use fault::{Fault, FetchError, Tried};
pub use job::{Job, Sink, Size};
pub use options::{Floor, HostTls, Options, Pem, Tls};
pub use proxies::{Proxies, ProxyError, ProxyRule};
pub use redacted::Redacted;
pub use request::{Body, Method, Request, Response};
pub use retry::parse_retry_after;
pub use url::Url;
