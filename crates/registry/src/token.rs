use std::time::Duration;

use diag::Secret;
use fetch::{Deadline, Method, Request};
use serde::Deserialize;
use url::Url;

use crate::endpoint::Endpoint;
use crate::error::{Asked, By, Cause, Error};
use crate::{Login, Proof};

/// What a token server gives (distribution's token specification; RFC 6749 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// How long it is good for, in seconds from when it was given.
    pub lasts: u64,
}

/// A token that says nothing of its time is good for so long (token specification).
const LASTS: u64 = 60;
/// The largest answer of a token server, in bytes; the largest real ones have some kilobytes.
const LARGEST: u64 = 256 << 10;
/// A longer token would not fit into a header of any server.
const LONGEST: usize = 64 << 10;

#[derive(Deserialize)]
struct Body {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Reads the answer of a token server; the error says what is wrong with it, and nothing of the token.
pub fn parse_token(body: &[u8]) -> Result<Token, &'static str> {
    let body: Body = serde_json::from_slice(body).map_err(|_| "it is not the JSON of a token")?;
    let named = body.token.filter(|t| !t.is_empty());
    let token = named.or(body.access_token).filter(|t| !t.is_empty()).ok_or("it holds no token")?;
    if token.len() > LONGEST {
        return Err("its token is too long");
    }
    // It goes into a header; a line end in it would begin another.
    if !token.bytes().all(|c| c.is_ascii_graphic()) {
        return Err("its token has characters that no token has");
    }
    let lasts = body.expires_in.filter(|s| *s > 0).unwrap_or(LASTS);
    Ok(Token { secret: Secret::new(token), lasts })
}

/// A token in use.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) secret: Secret,
    /// When to get another.
    until: Deadline,
}

impl Held {
    /// Another is got a little before its time is over, so that a request does not meet its end.
    pub(crate) fn new(token: Token) -> Held {
        let early = (token.lasts / 10).clamp(1, 30);
        let lasts = Duration::from_secs(token.lasts.saturating_sub(early));
        Held { secret: token.secret, until: Deadline::after(lasts) }
    }

    pub(crate) fn is_good(&self) -> bool {
        !self.until.is_over()
    }
}

/// What is asked of a token server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Wanted {
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    /// Each `repository:NAME:ACTIONS`, sorted.
    pub(crate) scopes: Vec<String>,
}

impl Endpoint {
    /// Asks the token server for a token.
    pub(crate) fn fetch_token(&self, wanted: &Wanted, login: Option<&Login>) -> Result<Held, Error> {
        let early = |url: &Url| Asked::of(self, "log in for", Method::Get, url, login);
        self.host.base(&early)?;
        let realm = self.realm(wanted)?;
        self.host.retrying(false, || {
            let (request, body) = request(&realm, wanted, login);
            let method = request.method();
            let asked = || Asked::of(self, "log in for", method, &realm, login);
            let fail = |fault| Error::new(asked(), Cause::Fault(fault));
            let mut response = self.host.fetch.send_with(self.host.routed(request), &body).map_err(fail)?;
            if response.status != 200 {
                let refused = Error::refused(asked(), &mut response);
                return Err(refused.by(By::TokenServer));
            }
            let bytes = self.host.read_all(&mut response, LARGEST, asked)?;
            let malformed = |why: &str| Error::new(asked(), Cause::Malformed { why: why.to_owned() });
            parse_token(&bytes).map(Held::new).map_err(malformed)
        })
    }

    /// The token server's address. A registry that is spoken to in secret may not send a password over
    /// an open line, whatever hosts the user has called insecure, nor to a service of this machine.
    fn realm(&self, wanted: &Wanted) -> Result<Url, Error> {
        let malformed = |why: String| {
            let asked = Asked::of(self, "log in for", Method::Get, &self.host.heard_at(), None);
            Error::new(asked, Cause::Malformed { why })
        };
        let url = Url::parse(&wanted.realm).map_err(|e| malformed(format!("its token server: {e}")))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.host.is_open() && self.host.may_be_open(&url) => Ok(url),
            "http" if !self.host.is_open() => Err(malformed(format!(
                "its token server {} has no TLS, and the registry has",
                fetch::Redacted::of(&url)
            ))),
            _ => Err(malformed(format!(
                "its token server {} has no TLS, which --insecure-registry {} would allow",
                fetch::Redacted::of(&url),
                url.host_str().unwrap_or_default()
            ))),
        }
    }
}

/// An identity token goes by OAuth2's POST, all else by the older GET.
fn request(realm: &Url, wanted: &Wanted, login: Option<&Login>) -> (Request, Vec<u8>) {
    let basic = match login.map(|l| &l.secret) {
        Some(Proof::IdentityToken(token)) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", "distil");
            form.append_pair("service", wanted.service.as_deref().unwrap_or_default());
            form.append_pair("scope", &wanted.scopes.join(" "));
            form.append_pair("refresh_token", token.reveal());
            let request = Request::new(Method::Post, realm.clone())
                .with_own_login_only()
                .header("content-type", "application/x-www-form-urlencoded");
            return (request, form.finish().into_bytes());
        }
        Some(Proof::Basic { user, password }) => Some((user, password)),
        _ => None,
    };
    let mut url = realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &wanted.service {
            query.append_pair("service", service);
        }
        for scope in &wanted.scopes {
            query.append_pair("scope", scope);
        }
        if let Some((user, _)) = basic {
            query.append_pair("account", user);
        }
    }
    let request = Request::get(url).with_own_login_only();
    match basic {
        Some((user, password)) => (request.header("authorization", basic_header(user, password)), Vec::new()),
        None => (request, Vec::new()),
    }
}

/// The value of `Authorization` (RFC 7617).
pub(crate) fn basic_header(user: &str, password: &Secret) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:{}", password.reveal());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::host::Host;

    #[test]
    fn reads_both_names_of_a_token() {
        let token = |body: &str| parse_token(body.as_bytes());
        assert_eq!(token(r#"{"token":"a","access_token":"b"}"#).unwrap().secret.reveal(), "a");
        let oauth = token(r#"{"access_token":"b","expires_in":300}"#).unwrap();
        assert_eq!((oauth.secret.reveal(), oauth.lasts), ("b", 300));
        assert_eq!(token(r#"{"token":"","access_token":"b"}"#).unwrap().lasts, 60);
        for bad in ["", "{}", "[]", r#"{"token":""}"#, r#"{"token":"a\r\nX: y"}"#, r#"{"token":7}"#] {
            assert!(token(bad).is_err(), "{bad}");
        }
        assert!(token(&format!(r#"{{"token":"{}"}}"#, "x".repeat(LONGEST + 1))).is_err());
    }

    #[test]
    fn a_token_is_used_up_before_its_end() {
        let held = |lasts| Held::new(Token { secret: Secret::new("x"), lasts });
        assert!(held(60).is_good() && held(u64::MAX).is_good());
        assert!(!held(1).is_good());
    }

    #[test]
    fn a_registry_with_tls_sends_nobody_to_this_machine() {
        let fetch = fetch::Client::new(fetch::Options::default());
        let host = Arc::new(Host::new("registry.example", fetch, Arc::default()));
        let there = Endpoint::new(host, "a".to_owned());
        for realm in ["http://127.0.0.1:9/token", "http://auth.example/token", "file:///etc/passwd", "x"] {
            let wanted = Wanted { realm: realm.to_owned(), service: None, scopes: Vec::new() };
            assert!(there.realm(&wanted).is_err(), "{realm}");
        }
    }

    #[test]
    fn what_is_asked() {
        let realm = Url::parse("https://auth.example/token?x=1").unwrap();
        let scopes = vec!["repository:a/b:pull,push".to_owned(), "repository:c:pull".to_owned()];
        let wanted = Wanted { realm: realm.to_string(), service: Some("s".into()), scopes };
        let login = Login::basic("u", Secret::new("p"), "a test");
        let (get, body) = request(&realm, &wanted, Some(&login));
        let scopes = "scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%3Apull";
        let all = format!("https://auth.example/token?x=1&service=s&{scopes}&account=u");
        assert_eq!((get.url.as_str(), body.len()), (all.as_str(), 0));
        let identity = Login { secret: Proof::IdentityToken(Secret::new("r&t")), from: "a test".into() };
        let (post, body) = request(&realm, &wanted, Some(&identity));
        assert_eq!((post.method(), post.url.as_str()), (Method::Post, realm.as_str()));
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=r%26t"), "{body}");
    }
}
