use std::io;
use std::sync::Arc;
use std::time::Duration;

use diag::Reporter;
use ureq::{AsSendBody, Error, SendBody, Timeout, http};
use url::Url;

use crate::credentials::split_login;
use crate::pace::TooSlow;
use crate::request::Sending;
use crate::resolver::LookupFailure;
use crate::route::{Route, Routes};
use crate::tls::{HandshakeFailure, SetupFailure};
use crate::{Body, Fault, Method, Options, Redacted, Request, Response, local, retry};

/// Speaks http and https, and opens local files. Made in no time: connections and TLS are set up when
/// the first request needs them. Shared among threads; a clone shares the connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) options: Options,
    routes: Arc<Routes>,
}

/// More redirects than this are a circle; curl and browsers stop at 10 to 50.
const MOST_REDIRECTS: usize = 10;

impl Client {
    /// A client that does what `options` allow.
    pub fn new(options: Options) -> Client {
        Client { routes: Arc::new(Routes::new(&options)), options }
    }

    /// What it may do.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// One request without a body, following redirects; any status comes back as an answer. No retries:
    /// for files use [`fetch`](Client::fetch).
    ///
    /// A login goes to the host that it is for and to no other: `Authorization` of the request is
    /// dropped when the host changes, and [`Credentials`](crate::Credentials) are asked for the new one.
    /// No redirect leads from https to http, nor to a local file; and one of a request that does more
    /// than read leads to no other host, and is followed only where it keeps the method (307, 308).
    pub fn send(&self, request: Request) -> Result<Response, Fault> {
        self.send_with(request, &())
    }

    /// One request with a body; else as [`send`](Client::send).
    pub fn send_with(&self, mut request: Request, body: &dyn Body) -> Result<Response, Fault> {
        let mut own_login = split_login(&mut request.url);
        for _ in 0..=MOST_REDIRECTS {
            let login = own_login.clone();
            let mut response = self.exchange(&request, body, login)?;
            let Some(next) = redirect_of(&response, request.method)? else {
                return Ok(response);
            };
            response.drain();
            if next.origin() != request.url.origin() {
                own_login = None;
                request.headers.retain(|(name, _)| !is_secret(name));
                request.proxied = true;
            }
            request.url = next;
            // A redirect's own user information would let one server speak in another's name.
            split_login(&mut request.url);
        }
        Err(Fault::Redirect { why: format!("more than {MOST_REDIRECTS} of them") })
    }

    /// Waits before round `round` (from 0) is tried again: twice as long each time with some chance, and
    /// at least what a server asked for; not longer than [`Options::longest_wait`].
    pub fn pause(&self, round: u32, asked: Option<Duration>, reporter: &dyn Reporter) -> Result<(), Fault> {
        retry::sleep(retry::wait(&self.options, round, asked), reporter)
    }

    fn exchange(
        &self,
        request: &Request,
        body: &dyn Body,
        login: Option<crate::Login>,
    ) -> Result<Response, Fault> {
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
            .to(request, &self.options)
            .map_err(|cause| Fault::Proxy { proxy: "of the settings".into(), cause })?;
        let asked = || match &self.options.credentials {
            Some(credentials) if request.asks_for_login => credentials.login(&request.url),
            _ => None,
        };
        let login = login.or_else(asked);
        let message = message(request, body.length(), &route, login)?;
        let unreadable = |e: String| Fault::Unreadable { cause: e };
        let mut sending = Sending::begin(body).map_err(|e| unreadable(e.to_string()))?;
        let answer = if request.method.has_body() {
            self.run(&route, request, message.map(|()| SendBody::from_reader(&mut sending)))
        } else {
            self.run(&route, request, message)
        };
        match answer {
            Ok(answer) => Ok(read_answer(request.url.clone(), answer)),
            Err(error) => match sending.failure {
                Some(cause) => Err(unreadable(cause)),
                None => Err(self.fault(error, &request.url, &route)),
            },
        }
    }

    fn run(
        &self,
        route: &Route,
        request: &Request,
        message: http::Request<impl AsSendBody>,
    ) -> Result<http::Response<ureq::Body>, Error> {
        let Some(patience) = request.patience else {
            return route.agent.run(message);
        };
        let patient = route.agent.configure_request(message).timeout_per_read(Some(patience)).build();
        route.agent.run(patient)
    }

    /// What is wrong where reading an answer's body failed, after `got` of its `expected` bytes.
    pub fn fault_of_read(&self, error: io::Error, url: &Url, got: u64, expected: Option<u64>) -> Fault {
        fault_of_body(error, url, self.options.idle_timeout, got, expected)
    }

    fn fault(&self, error: Error, url: &Url, route: &Route) -> Fault {
        self.routes.addresses.forget();
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
    length: u64,
    route: &Route,
    login: Option<crate::Login>,
) -> Result<http::Request<()>, Fault> {
    let mut builder = http::Request::builder().method(request.method.name()).uri(&route.target);
    if request.method.has_body() {
        builder = builder.header("content-length", length);
    }
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

fn read_answer(url: Url, answer: http::Response<ureq::Body>) -> Response {
    let (head, body) = answer.into_parts();
    let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(n, v)| (n.as_str().to_owned(), text(v))).collect();
    Response { status: head.status.as_u16(), url, headers, body: Box::new(body.into_reader()) }
}

/// Where a redirect leads; none if the answer is no redirect.
fn redirect_of(response: &Response, method: Method) -> Result<Option<Url>, Fault> {
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
    if !method.is_safe() {
        // What is sent is for that server; and 301 to 303 would turn the request into a GET.
        if response.status < 307 {
            return refuse(format!("{} would turn {method} into GET", response.status));
        }
        if next.origin() != response.url.origin() {
            return refuse(format!("{method} is sent to no other host ({})", Redacted::of(&next)));
        }
    }
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
    if let Some(TooSlow { got, waited }) = error.downcast_ref() {
        return Fault::Slow { got: *got, waited: *waited };
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
