use std::io::{self, Read};

use ureq::http;
use ureq::{Body, Error, Timeout};
use url::Url;

use crate::credentials::split_login;
use crate::route::{Route, Routes};
use crate::tls::{HandshakeFailure, SetupFailure};
use crate::transport::LookupFailure;
use crate::{Fault, Options, Redacted, Request, Response, local};

/// Speaks http and https, and opens local files. Made in no time: connections and TLS are set up when
/// the first request needs them. Shared by reference among threads.
pub struct Client {
    pub(crate) options: Options,
    routes: Routes,
}

/// More redirects than this are a circle; curl and browsers stop at 10 to 50.
const MOST_REDIRECTS: usize = 10;

impl Client {
    /// A client that does what `options` allow.
    pub fn new(options: Options) -> Client {
        Client { routes: Routes::new(&options), options }
    }

    /// One request, following redirects; any status comes back as an answer. No retries: for files use
    /// [`fetch`](Client::fetch).
    ///
    /// A login goes to the host that it is for and to no other: `Authorization` of the request is
    /// dropped when the host changes, and [`Credentials`](crate::Credentials) are asked for the new one.
    /// No redirect leads from https to http, nor to a local file.
    pub fn send(&self, mut request: Request) -> Result<Response, Fault> {
        let mut own_login = split_login(&mut request.url);
        for _ in 0..=MOST_REDIRECTS {
            let login = own_login.clone();
            let response = self.exchange(&request, login)?;
            let Some(next) = redirect_of(&response)? else {
                return Ok(response);
            };
            if next.origin() != request.url.origin() {
                own_login = None;
                request.headers.retain(|(name, _)| !is_secret(name));
            }
            request.url = next;
            // A redirect's own user information would let one server speak in another's name.
            split_login(&mut request.url);
        }
        Err(Fault::Redirect { why: format!("more than {MOST_REDIRECTS} of them") })
    }

    fn exchange(&self, request: &Request, login: Option<crate::Login>) -> Result<Response, Fault> {
        match request.url.scheme() {
            "file" => return local::open(request),
            "http" | "https" => {}
            other => return Err(Fault::Scheme { scheme: other.to_owned() }),
        }
        if self.options.offline {
            return Err(Fault::Offline);
        }
        let route = self
            .routes
            .to(&request.url, &self.options)
            .map_err(|cause| Fault::Proxy { proxy: "of the settings".into(), cause })?;
        let asked = || self.options.credentials.as_ref()?.login(&request.url);
        let login = login.or_else(asked);
        let message = message(request, &route, login)?;
        match route.agent.run(message) {
            Ok(answer) => Ok(read_answer(request.url.clone(), answer)),
            Err(error) => Err(self.fault(error, &request.url, &route)),
        }
    }

    fn fault(&self, error: Error, url: &Url, route: &Route) -> Fault {
        let fault = fault_of(error, url, self.options.idle_timeout, self.options.connect_timeout);
        match (&route.proxy, fault) {
            (Some(proxy), Fault::Refused { .. }) => {
                Fault::Proxy { proxy: proxy.clone(), cause: "it refused the connection".into() }
            }
            (Some(proxy), Fault::Lookup { host, cause }) => {
                Fault::Proxy { proxy: proxy.clone(), cause: format!("no address of {host}: {cause}") }
            }
            (Some(proxy), Fault::Proxy { cause, .. }) => Fault::Proxy { proxy: proxy.clone(), cause },
            (_, fault) => fault,
        }
    }
}

fn message(
    request: &Request,
    route: &Route,
    login: Option<crate::Login>,
) -> Result<http::Request<()>, Fault> {
    let mut builder = http::Request::get(&route.target);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(host) = &route.host {
        builder = builder.header("host", host);
    }
    let own = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if let Some(login) = login.filter(|_| !own) {
        builder = builder.header("authorization", login.basic());
    }
    if let Some(login) = &route.proxy_login {
        builder = builder.header("proxy-authorization", login.basic());
    }
    builder.body(()).map_err(|e| Fault::Protocol { cause: format!("the request cannot be written: {e}") })
}

fn is_secret(header: &str) -> bool {
    ["authorization", "cookie", "proxy-authorization"].iter().any(|s| header.eq_ignore_ascii_case(s))
}

fn read_answer(url: Url, answer: http::Response<Body>) -> Response {
    let (head, body) = answer.into_parts();
    let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
    Response { status: head.status.as_u16(), url, headers, body: Box::new(body.into_reader()) }
}

/// Where a redirect leads; none if the answer is no redirect.
fn redirect_of(response: &Response) -> Result<Option<Url>, Fault> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let refuse = |why: String| Err(Fault::Redirect { why });
    let Some(location) = response.header("location") else {
        return refuse("it says not where to".into());
    };
    let Ok(next) = response.url.join(location) else {
        return refuse("it leads to no address".into());
    };
    match (response.url.scheme(), next.scheme()) {
        ("http", "http" | "https") | ("https", "https") => Ok(Some(next)),
        // As apt: what was asked for in secret is not then asked for in public.
        ("https", "http") => refuse(format!("it leads from https to {}", Redacted::of(&next))),
        (_, other) => refuse(format!("it leads to a `{other}` address")),
    }
}

/// What is wrong, from ureq's error.
fn fault_of(error: Error, url: &Url, idle: std::time::Duration, connect: std::time::Duration) -> Fault {
    let host = || match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    match error {
        Error::Other(other) => fault_of_ours(&*other, &host()),
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            Fault::Unreachable { host: host(), cause: format!("no answer in {} s", connect.as_secs_f64()) }
        }
        Error::Timeout(_) => Fault::Stalled { waited: idle },
        Error::ConnectProxyFailed(cause) => Fault::Proxy { proxy: String::new(), cause },
        Error::InvalidProxyUrl => {
            Fault::Proxy { proxy: String::new(), cause: "its address is not valid".into() }
        }
        Error::HostNotFound => Fault::Lookup { host: host(), cause: "it has no address".into() },
        Error::ConnectionFailed => Fault::Unreachable { host: host(), cause: "no connection".into() },
        Error::Tls(cause) => Fault::Tls { host: host(), cause: cause.to_owned() },
        Error::Io(error) => fault_of_io(&error, host()),
        other => Fault::Protocol { cause: other.to_string() },
    }
}

fn fault_of_ours(error: &(dyn std::error::Error + Send + Sync + 'static), host: &str) -> Fault {
    if let Some(SetupFailure(cause)) = error.downcast_ref() {
        return Fault::TlsSetup { cause: cause.clone() };
    }
    if let Some(HandshakeFailure(cause)) = error.downcast_ref() {
        return Fault::Tls { host: host.to_owned(), cause: cause.clone() };
    }
    match error.downcast_ref() {
        Some(LookupFailure { host, cause }) => Fault::Lookup { host: host.clone(), cause: cause.clone() },
        None => Fault::Protocol { cause: error.to_string() },
    }
}

fn fault_of_io(error: &io::Error, host: String) -> Fault {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => Fault::Refused { host },
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof => {
            Fault::Dropped { got: 0, expected: None, cause: "it was closed before an answer came".into() }
        }
        _ => Fault::Unreachable { host, cause: error.to_string() },
    }
}

/// What is wrong, from an error while reading a body.
pub(crate) fn fault_of_body(
    error: io::Error,
    url: &Url,
    idle: std::time::Duration,
    got: u64,
    expected: Option<u64>,
) -> Fault {
    match Error::from(error) {
        Error::Timeout(_) => Fault::Stalled { waited: idle },
        Error::Other(other) => fault_of_ours(&*other, url.host_str().unwrap_or_default()),
        Error::Protocol(cause) => Fault::Dropped { got, expected, cause: cause.to_string() },
        Error::Io(cause) => Fault::Dropped { got, expected, cause: cause.to_string() },
        other => Fault::Dropped { got, expected, cause: other.to_string() },
    }
}

/// Reads and forgets a little of an answer that is not wanted, so that the connection can be used
/// again; a long one is not worth it.
pub(crate) fn drain(response: &mut Response) {
    let mut scrap = [0; 4096];
    for _ in 0..4 {
        match response.read(&mut scrap) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
