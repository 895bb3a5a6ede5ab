use std::fmt;
use std::io::{self, Read};

use url::Url;

/// One request. Only `GET` so far; what uploads will add a method and a body here.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to. User information in it is taken out and sent as a login.
    pub url: Url,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    /// Asks for what is at `url`.
    pub fn get(url: Url) -> Request {
        Request { url, headers: Vec::new() }
    }

    /// The same with a header. `Authorization` is dropped when a redirect leads to another host.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
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

    /// How long the body is, if the server says so.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|v| v.trim().parse().ok())
    }
}

impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.body.read(buf)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = crate::Redacted::of(&self.url);
        f.debug_struct("Response").field("status", &self.status).field("url", &url).finish_non_exhaustive()
    }
}
