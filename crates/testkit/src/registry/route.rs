use super::Inner;
use super::answer::{Answer, Content};
use super::connection::Body;
use crate::http::Received;

/// A request, taken apart.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) range: Option<u64>,
    pub(super) content_range: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) length: Option<u64>,
    authorization: Option<String>,
    elsewhere: bool,
}

impl Request {
    pub(super) fn new(head: &Received, elsewhere: bool) -> Request {
        let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
        let header = |name: &str| head.header(name).map(str::to_owned);
        Request {
            method: head.method.clone(),
            path: path.to_owned(),
            query: pairs(query),
            range: head.range_from().map(|n| n as u64),
            content_range: header("content-range"),
            content_type: header("content-type"),
            length: head.header("content-length").and_then(|v| v.parse().ok()),
            authorization: header("authorization"),
            elsewhere,
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// `a=b&c=d`, decoded.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |p: &str| {
        let (name, value) = p.split_once('=').unwrap_or((p, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|p| !p.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: &[u8]| u8::from_str_radix(std::str::from_utf8(b).ok()?, 16).ok();
        match (first, tail.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(*other),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Inner {
    pub(super) fn answer(&self, request: &Request, body: &mut Body<'_>) -> Answer {
        if request.elsewhere {
            return self.elsewhere(request);
        }
        if request.path == "/token" {
            let form = if request.method == "POST" { text(body) } else { String::new() };
            let authorization = request.authorization.as_deref();
            return self.give_token(&request.method, &request.query, &pairs(&form), authorization);
        }
        let Some(path) = request.path.strip_prefix("/v2/") else { return Answer::new(404) };
        let (repository, rest) = split(path);
        if let Err(refusal) =
            self.admit(&request.method, repository, &request.query, request.authorization.as_deref())
        {
            return refusal;
        }
        if request.length.is_some_and(|n| n > self.setup.largest) {
            return Answer::error(413, "SIZE_INVALID", "the body is too large");
        }
        match rest.split_once('/') {
            None if path.is_empty() => Answer::new(200).body("{}"),
            Some(("tags", "list")) => self.list_tags(request, repository),
            Some(("referrers", digest)) => self.list_referrers(request, repository, digest),
            Some(("manifests", name)) => self.on_manifest(request, repository, name, body),
            Some(("blobs", upload)) if upload.starts_with("uploads/") => {
                self.on_upload(request, repository, upload.trim_start_matches("uploads/"), body)
            }
            Some(("blobs", digest)) => self.on_blob(request, repository, digest),
            _ => Answer::error(404, "UNSUPPORTED", "no such path"),
        }
    }

    fn on_blob(&self, request: &Request, repository: &str, digest: &str) -> Answer {
        if !self.state().has_blob(repository, digest) {
            return Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
        }
        match (request.method.as_str(), self.elsewhere) {
            ("GET", Some(elsewhere)) => {
                Answer::new(307).header("Location", format!("http://{elsewhere}/{digest}?secret=x"))
            }
            ("GET" | "HEAD", _) => self.give_blob(request, digest),
            ("DELETE", _) => {
                self.state().repository(repository).blobs.remove(digest);
                Answer::new(202)
            }
            _ => Answer::error(405, "UNSUPPORTED", "the operation is unsupported"),
        }
    }

    /// The other host, which wants to see a secret in the address and no login.
    fn elsewhere(&self, request: &Request) -> Answer {
        if request.authorization.is_some() || request.query("secret") != Some("x") {
            return Answer::new(400).body("only one auth mechanism allowed");
        }
        self.give_blob(request, request.path.trim_start_matches('/'))
    }

    fn give_blob(&self, request: &Request, digest: &str) -> Answer {
        let file = self.blob(digest);
        let Ok(meta) = std::fs::metadata(&file) else { return Answer::new(404) };
        let size = meta.len();
        let answer = |status: u16, from: u64| {
            let mut answer = Answer::new(status).header("Content-Type", "application/octet-stream");
            answer = answer.header("Docker-Content-Digest", digest);
            answer.body = match request.method.as_str() {
                "HEAD" => Content::Length(size),
                _ => Content::File(file.clone(), from),
            };
            answer
        };
        match request.range.filter(|_| self.setup.ranges) {
            Some(from) if from >= size => Answer::new(416),
            Some(from) => {
                answer(206, from).header("Content-Range", format!("bytes {from}-{}/{size}", size - 1))
            }
            None => answer(200, 0),
        }
    }
}

/// A repository's path has slashes itself; what follows begins with one of four words.
fn split(path: &str) -> (&str, &str) {
    for word in ["/manifests/", "/blobs/", "/tags/", "/referrers/"] {
        if let Some(at) = path.rfind(word) {
            return (&path[..at], &path[at + 1..]);
        }
    }
    ("", path)
}

fn text(body: &mut Body<'_>) -> String {
    let mut text = String::new();
    let _ = std::io::Read::read_to_string(body, &mut text);
    text
}
