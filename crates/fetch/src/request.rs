use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use url::Url;

use crate::retry::parse_retry_after;
use crate::{Excused, Redacted};

/// What is to be done with a resource (RFC 9110 section 9, RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read it.
    Get,
    /// Read only what is said of it.
    Head,
    /// Begin something.
    Post,
    /// Write it.
    Put,
    /// Add to it.
    Patch,
    /// Remove it.
    Delete,
}

impl Method {
    /// As it is written in a request.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Whether it only reads, so that a redirect may lead anywhere.
    pub(crate) fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }

    /// Whether its requests say how long their body is, an empty one too.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One request; its body, if it has one, is given beside it.
#[derive(Clone)]
pub struct Request {
    /// Where to. User information in it is taken out and sent as a login.
    pub url: Url,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) patience: Option<Duration>,
    pub(crate) asks_for_login: bool,
    pub(crate) excused: Excused,
    pub(crate) proxied: bool,
}

impl Request {
    /// Asks for what is at `url`.
    pub fn get(url: Url) -> Request {
        Request::new(Method::Get, url)
    }

    /// Does `method` at `url`.
    pub fn new(method: Method, url: Url) -> Request {
        let headers = Vec::new();
        Request {
            url,
            method,
            headers,
            patience: None,
            asks_for_login: true,
            excused: Excused::default(),
            proxied: true,
        }
    }

    /// What it does.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The same with a header. `Authorization` is dropped when a redirect leads to another host.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same, waiting this long for the answer and between its bytes, instead of
    /// [`Options::idle_timeout`](crate::Options::idle_timeout): for servers that have much to do first.
    pub fn patience(mut self, patience: Duration) -> Request {
        self.patience = Some(patience);
        self
    }

    /// The same with no login but its own header: whoever knows logins for package archives
    /// ([`Options::credentials`](crate::Options::credentials)) is not asked.
    pub fn with_own_login_only(mut self) -> Request {
        self.asks_for_login = false;
        self
    }

    /// The same, whatever certificate these hosts show, where a redirect leads to them too; any other host
    /// is checked as ever.
    pub fn excusing(mut self, hosts: &Excused) -> Request {
        self.excused = hosts.clone();
        self
    }

    /// The same without a proxy, for what is on this machine. A redirect to another host goes as ever.
    pub fn without_proxy(mut self) -> Request {
        self.proxied = false;
        self
    }
}

/// Without headers: one of them may be a login.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Redacted::of(&self.url);
        f.debug_struct("Request").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// What is sent with a request. It may be wanted more than once: a redirect or a retry sends it again.
pub trait Body: Sync {
    /// How many bytes it has.
    fn length(&self) -> u64;
    /// Its bytes from the first on.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

/// No body.
impl Body for () {
    fn length(&self) -> u64 {
        0
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(io::empty()))
    }
}

impl Body for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(*self))
    }
}

impl Body for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(&self[..]))
    }
}

/// A body on its way: as many bytes as were announced, or a failure that is known to be the body's.
pub(crate) struct Sending<'a> {
    bytes: Box<dyn Read + 'a>,
    left: u64,
    pub(crate) failure: Option<String>,
}

impl<'a> Sending<'a> {
    pub(crate) fn begin(body: &'a dyn Body) -> io::Result<Sending<'a>> {
        Ok(Sending { bytes: body.open()?, left: body.length(), failure: None })
    }

    fn fail<T>(&mut self, error: io::Error) -> io::Result<T> {
        self.failure = Some(error.to_string());
        Err(error)
    }
}

impl Read for Sending<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        loop {
            match self.bytes.read(&mut buf[..most]) {
                // Without this the request would wait for ever for bytes that never come.
                Ok(0) => return self.fail(io::Error::other("it ends before its length")),
                Ok(n) => {
                    self.left -= n as u64;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.fail(e),
            }
        }
    }
}

/// An answer of whatever status; its body is read as it arrives.
pub struct Response {
    /// The status (RFC 9110 section 15).
    pub status: u16,
    /// Where the answer came from, after redirects; without user information.
    pub url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Box<dyn Read + Send>,
}

impl Response {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Every header of that name, in order.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, v)| v.as_str())
    }

    /// How long the body is, if the server says so.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|v| v.trim().parse().ok())
    }

    /// How long the server asks to wait (`Retry-After`, RFC 9110 section 10.2.3: seconds or a date).
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(parse_retry_after)
    }

    /// Reads and forgets a little of an answer that is not wanted, so that the connection can be used
    /// again; a long one is not worth it.
    pub fn drain(&mut self) {
        let mut scrap = [0; 4096];
        for _ in 0..4 {
            match self.body.read(&mut scrap) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.body.read(buf)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Redacted::of(&self.url);
        f.debug_struct("Response").field("status", &self.status).field("url", &url).finish_non_exhaustive()
    }
}
