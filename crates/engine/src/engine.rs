use std::io::{self, BufRead, Read};
use std::time::Duration;

use oci::Platform;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http::{Connection, HttpError, Request, Response};
use crate::{Candidate, Endpoint, EngineError};

/// An engine that answered.
#[derive(Debug, Clone)]
pub struct Engine {
    endpoint: Endpoint,
    about: About,
    /// `/v1.44`: what every path begins with.
    prefix: String,
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// `Docker` or `Podman`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What its containers run on.
    pub platform: Platform,
}

/// What we were written against: new enough for Docker 29, which refuses what is older.
const WANTED: ApiVersion = ApiVersion(1, 44);
/// Questions that are answered from memory.
const QUICK: Duration = Duration::from_secs(30);
/// A JSON answer, at most. Inspecting an image gives some kilobytes.
const MAX_ANSWER: u64 = 8 << 20;

/// Finds the first engine that answers.
///
/// # Errors
/// None does: [`EngineError::None`] names each place and why not, [`EngineError::Denied`] if one is
/// there but not for this user.
pub fn connect(candidates: &[Candidate]) -> Result<Engine, EngineError> {
    let mut tried = Vec::new();
    let mut denied = None;
    for candidate in candidates {
        let why = match Engine::at(&candidate.endpoint) {
            Ok(engine) => return Ok(engine),
            Err(EngineError::Http { source: HttpError::Io(e), .. }) => match e.kind() {
                io::ErrorKind::PermissionDenied => {
                    denied.get_or_insert(candidate.endpoint.to_string());
                    "permission denied".to_owned()
                }
                io::ErrorKind::NotFound => "nothing is there".to_owned(),
                io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
                _ => e.to_string(),
            },
            // Somebody is there; with no other choice, what is wrong with it is the error.
            Err(error) if candidates.len() == 1 => return Err(error),
            Err(error) => error.to_string(),
        };
        tried.push(format!("{} ({}): {why}", candidate.endpoint, candidate.because));
    }
    match denied {
        Some(at) => Err(EngineError::Denied { at, tried }),
        None => Err(EngineError::None { tried }),
    }
}

impl Engine {
    /// Asks whoever listens at `endpoint` who it is.
    ///
    /// # Errors
    /// Nobody does, or it is no engine.
    pub fn at(endpoint: &Endpoint) -> Result<Engine, EngineError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Version {
            version: String,
            api_version: String,
            #[serde(rename = "MinAPIVersion", default)]
            min_api_version: String,
            os: String,
            arch: String,
            #[serde(default)]
            components: Vec<Component>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Component {
            name: String,
        }
        let verb = format!("ask the engine at {endpoint} for its version");
        let nobody = Platform { architecture: String::new(), ..Platform::linux("") };
        let about = About { name: "engine".to_owned(), version: String::new(), platform: nobody };
        let mut engine = Engine { endpoint: endpoint.clone(), about, prefix: String::new() };
        let request = Request { method: "GET", target: "/version", content_type: None };
        let said: Version =
            engine.ask(&verb, request, &[])?.ok_or_else(|| EngineError::answer(&verb, "it is empty"))?;
        let newest = ApiVersion::read(&said.api_version).ok_or_else(|| {
            EngineError::answer(&verb, format!("its API version is `{}`", said.api_version))
        })?;
        let oldest = ApiVersion::read(&said.min_api_version).unwrap_or(newest);
        let ApiVersion(major, minor) = WANTED.clamp(oldest.min(newest), newest);
        let podman = said.components.iter().any(|c| c.name.starts_with("Podman"));
        engine.prefix = format!("/v{major}.{minor}");
        engine.about = About {
            name: if podman { "Podman" } else { "Docker" }.to_owned(),
            version: said.version,
            platform: Platform { os: said.os, ..Platform::linux(&said.arch) },
        };
        Ok(engine)
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `Docker at /run/docker.sock`, for messages.
    pub fn describe(&self) -> String {
        format!("{} at {}", self.about.name, self.endpoint)
    }

    /// `/v1.44` and `path`.
    pub(crate) fn target(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    pub(crate) fn open(&self, verb: &str, silence: Duration) -> Result<Connection, EngineError> {
        Connection::open(&self.endpoint, silence).map_err(|e| broken(verb, HttpError::Io(e)))
    }

    /// A question with a JSON answer; none where the engine says that there is no such thing.
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        verb: &str,
        request: Request<'_>,
        body: &[u8],
    ) -> Result<Option<T>, EngineError> {
        self.ask_patiently(verb, request, body, QUICK)
    }

    pub(crate) fn ask_patiently<T: DeserializeOwned>(
        &self,
        verb: &str,
        request: Request<'_>,
        body: &[u8],
        silence: Duration,
    ) -> Result<Option<T>, EngineError> {
        let response = self.open(verb, silence)?.send(request, body).map_err(|e| broken(verb, e))?;
        if response.status == 404 && !self.prefix.is_empty() {
            return Ok(None);
        }
        let bytes = read_answer(verb, response)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| EngineError::answer(verb, e))
    }

    /// An order that is answered by nothing.
    pub(crate) fn tell(&self, verb: &str, method: &str, path: &str) -> Result<(), EngineError> {
        let target = self.target(path);
        let request = Request { method, target: &target, content_type: None };
        let response = self.open(verb, QUICK)?.send(request, &[]).map_err(|e| broken(verb, e))?;
        // 304: it was so already.
        if response.status == 304 { Ok(()) } else { read_answer(verb, response).map(drop) }
    }

    /// Removes something; false where there is no such thing.
    pub(crate) fn delete(&self, verb: &str, path: &str) -> Result<bool, EngineError> {
        match self.tell(verb, "DELETE", path) {
            Ok(()) => Ok(true),
            Err(EngineError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The whole body of an answer that is no refusal.
pub(crate) fn read_answer<R: BufRead>(verb: &str, response: Response<R>) -> Result<Vec<u8>, EngineError> {
    let status = response.status;
    let mut bytes = Vec::new();
    response.body.take(MAX_ANSWER + 1).read_to_end(&mut bytes).map_err(|e| broken(verb, e.into()))?;
    if bytes.len() as u64 > MAX_ANSWER {
        return Err(EngineError::answer(verb, "it is larger than 8 MiB"));
    }
    if (200..300).contains(&status) {
        return Ok(bytes);
    }
    Err(EngineError::Refused { verb: verb.to_owned(), status, said: spoken(&bytes) })
}

/// An engine's words: `{"message": …}`, or the plain text of a proxy. One line, of a bounded length.
fn spoken(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let text = match serde_json::from_slice::<Message>(bytes) {
        Ok(said) => said.message,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    one_line(&text)
}

pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line: String = words.join(" ").chars().take(400).collect();
    if line.is_empty() { "nothing".to_owned() } else { line }
}

pub(crate) fn broken(verb: &str, source: HttpError) -> EngineError {
    EngineError::Http { verb: verb.to_owned(), source }
}

/// A version of the API, as `1.44`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ApiVersion(u32, u32);

impl ApiVersion {
    fn read(text: &str) -> Option<ApiVersion> {
        let (major, minor) = text.split_once('.')?;
        Some(ApiVersion(major.parse().ok()?, minor.parse().ok()?))
    }
}

/// Percent-encodes a name for a path or a query (RFC 3986 §2.3: all but unreserved characters), but
/// leaves `/` and `:` of image names, which engines route by.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for b in name.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' => {
                out.push(char::from(b))
            }
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
