use std::sync::Arc;

use fetch::{Method, Request, Response};

use crate::endpoint::Endpoint;
use crate::error::{Asked, Cause, Error};
use crate::host::{Host, locked};
use crate::token::{Wanted, basic_header};
use crate::{Challenge, Client, Login, Proof};

/// What a registry makes of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It lets whoever has that login in.
    Accepted,
    /// It lets everybody in, so nobody knows whether the login is good.
    NotAsked,
}

impl Client {
    /// Shows a login to a registry (`ghcr.io`, `localhost:5000`) without asking it for an image: what it
    /// answers to `GET /v2/`, and its token server to a request for a token that allows nothing, as Docker's
    /// own `login` asks.
    ///
    /// # Errors
    /// The login is refused ([`Error::refuses_login`]), or the registry does not answer.
    pub fn check_login(&self, registry: &str, login: &Login) -> Result<Checked, Error> {
        let fetch = self.fetch().clone();
        let options = Arc::new(self.options().clone());
        let host = Arc::new(Host::new(registry, fetch, options));
        let place = Endpoint::new(host, String::new());
        place.check(login).map_err(|e| e.while_doing("log in to"))
    }
}

impl Endpoint {
    fn check(&self, login: &Login) -> Result<Checked, Error> {
        if self.knock(None, login)?.status != 401 {
            return Ok(Checked::NotAsked);
        }
        let challenge = locked(&self.host.challenge).clone();
        let header = match (challenge, &login.secret) {
            (_, Proof::RegistryToken(token)) => format!("Bearer {}", token.reveal()),
            (Some(Challenge::Basic), Proof::Basic { user, password }) => basic_header(user, password),
            (Some(Challenge::Bearer { realm, service, .. }), _) => {
                let wanted = Wanted { realm, service, scopes: Vec::new() };
                let token = self.fetch_token(&wanted, Some(login))?;
                format!("Bearer {}", token.secret.reveal())
            }
            (Some(Challenge::Basic), _) => {
                return Err(self.cannot("a name and a password instead of a token".to_owned(), login));
            }
            (Some(Challenge::Other(scheme)), _) => return Err(self.cannot(scheme, login)),
            (None, _) => return Err(self.cannot("it does not say which".to_owned(), login)),
        };
        self.knock(Some(header), login).map(|_| Checked::Accepted)
    }

    /// `GET /v2/`; without a header a 401 is an answer.
    fn knock(&self, header: Option<String>, login: &Login) -> Result<Response, Error> {
        let early = |url: &url::Url| Asked::of(self, "log in to", Method::Get, url, None);
        let base = self.host.base(&early)?;
        let url =
            base.url.join("v2/").map_err(|e| Error::new(early(&base.url), Cause::Name(e.to_string())))?;
        self.host.retrying(false, || {
            let shown = header.as_ref().map(|_| login);
            let asked = || Asked::of(self, "log in to", Method::Get, &url, shown);
            let mut request = Request::get(url.clone()).with_own_login_only();
            if let Some(header) = &header {
                request = request.header("authorization", header.clone());
            }
            let mut response = self
                .host
                .fetch
                .send(self.host.routed(request))
                .map_err(|fault| Error::new(asked(), Cause::Fault(fault)))?;
            let challenge = self.host.note_challenge(&base, &response);
            match response.status {
                200 => {}
                401 if header.is_none() && challenge.is_some() => {}
                _ => return Err(Error::refused(asked(), &mut response)),
            }
            response.drain();
            Ok(response)
        })
    }

    fn cannot(&self, wants: String, login: &Login) -> Error {
        let asked = Asked::of(self, "log in to", Method::Get, &self.host.heard_at(), Some(login));
        Error::new(asked, Cause::UnknownScheme(wants))
    }
}
