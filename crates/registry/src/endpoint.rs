use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use fetch::{Body, Method, Request, Response};
use url::Url;

use crate::error::{Asked, By, Cause, Error};
use crate::host::{Base, Host, is_tls_only, locked};
use crate::token::{Held, Wanted, basic_header};
use crate::{Challenge, Login, Proof};

/// One repository of one registry.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) host: Arc<Host>,
    /// Its path in the registry.
    pub(crate) repository: String,
}

/// An answer, with what an error about it says: where it came from, and which login was shown there.
pub(crate) struct Answer {
    response: Response,
    pub(crate) asked: Asked,
}

impl Deref for Answer {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl DerefMut for Answer {
    fn deref_mut(&mut self) -> &mut Response {
        &mut self.response
    }
}

/// What a login must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    Read,
    Write,
    /// To write here what another repository of the registry has.
    MountFrom(&'a str),
    Delete,
}

/// A request to be made.
pub(crate) struct Call<'a> {
    /// With its preposition: "read the manifest `1.0` of".
    pub(crate) doing: &'a str,
    pub(crate) method: Method,
    pub(crate) target: Target<'a>,
    pub(crate) access: Access<'a>,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: &'a dyn Body,
    /// Statuses that are an answer and no refusal.
    pub(crate) takes: &'a [u16],
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    /// Under `/v2/REPOSITORY/`: `manifests/latest`.
    Path(&'a str),
    /// Where the registry said.
    Url(&'a Url),
}

/// A registry may think for so long over an upload or a mount before it answers; storage behind it is slow.
const PATIENCE: Duration = Duration::from_secs(300);

impl<'a> Call<'a> {
    /// A request without headers and body, for reading.
    pub(crate) fn new(doing: &'a str, method: Method, path: &'a str, takes: &'a [u16]) -> Call<'a> {
        let target = Target::Path(path);
        Call { doing, method, target, access: Access::Read, headers: &[], body: &(), takes }
    }
}

impl Endpoint {
    pub(crate) fn new(host: Arc<Host>, repository: String) -> Endpoint {
        Endpoint { host, repository }
    }

    /// `host/repository`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.host.name, self.repository)
    }

    /// Makes a request, again where it fails in a way that may pass.
    pub(crate) fn ask(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.host.retrying(false, || self.send(call))
    }

    /// Makes a request and reads the answer, of at most `most` bytes, again where either fails.
    pub(crate) fn read(&self, call: &Call<'_>, most: u64, once: bool) -> Result<(Answer, Vec<u8>), Error> {
        self.host.retrying(once, || {
            let mut answer = self.send(call)?;
            let asked = answer.asked.clone();
            let bytes = self.host.read_all(&mut answer, most, || asked.clone())?;
            Ok((answer, bytes))
        })
    }

    /// Makes a request once; but where the registry wants to know who asks, again with a login, and where
    /// a token was at its end, again with a new one.
    pub(crate) fn send(&self, call: &Call<'_>) -> Result<Answer, Error> {
        if let Some(guess) = self.host.guess(call.method) {
            let sent = self.send_to(call, &guess);
            if sent.is_ok() || self.host.is_known() {
                return sent;
            }
        }
        let early = |url: &Url| Asked::of(self, call.doing, call.method, url, None);
        let base = self.host.base(&early)?;
        self.send_to(call, &base)
    }

    fn send_to(&self, call: &Call<'_>, base: &Base) -> Result<Answer, Error> {
        let url = self.address(call, base)?;
        // A login is for the registry alone; storage that it sends us to has its secret in the address.
        let ours = url.origin() == base.url.origin();
        let shows = ours && !self.hears_first(call);
        let mut used = if shows { self.authorize(call, None)? } else { Authorization::none() };
        let (mut logins, mut shown_unasked) = (0, false);
        loop {
            let asked = || Asked::of(self, call.doing, call.method, &url, used.login.as_deref());
            let request = self.request(call, &url, &used);
            let mut response = self
                .host
                .fetch
                .send_with(request, call.body)
                .map_err(|fault| Error::new(asked(), Cause::Fault(fault)))?;
            let from_us = response.url.origin() == base.url.origin();
            if from_us && !is_tls_only(response.status) {
                self.host.settle(base);
            }
            let challenge = match ours && from_us {
                true => self.host.note_challenge(base, &response),
                false => None,
            };
            if ours && from_us && used.header.is_none() && may_hide(&response, challenge.as_ref()) {
                let next = if shown_unasked { None } else { self.authorize_unasked(call, base)? };
                if let Some(next) = next {
                    response.drain();
                    (used, shown_unasked) = (next, true);
                    continue;
                }
            }
            if call.takes.contains(&response.status) {
                // Whoever a redirect led to saw no login.
                let shown = used.login.as_deref().filter(|_| from_us);
                let asked = Asked::of(self, call.doing, call.method, &response.url, shown);
                return Ok(Answer { response, asked });
            }
            // Twice: once for a first login, once for a token that was thought to be good.
            if response.status == 401 && challenge.is_some() && logins < 2 {
                if let Some(Challenge::Other(scheme)) = &challenge {
                    return Err(Error::new(asked(), Cause::UnknownScheme(scheme.clone())));
                }
                let next = self.authorize(call, Some((&used, challenge.as_ref())))?;
                if next.header.is_some() && next.header != used.header {
                    response.drain();
                    used = next;
                    logins += 1;
                    continue;
                }
            }
            if from_us || !ours {
                return Err(Error::refused(asked(), &mut response));
            }
            // Storage that a redirect led to saw another address, and no login.
            let asked = Asked::of(self, call.doing, call.method, &response.url.clone(), None);
            return Err(Error::refused(asked, &mut response).by(By::Storage));
        }
    }

    /// Makes a request whose answer only spares others, again where it fails in a way that may pass; none
    /// where the registry will not say. Some allow to write without allowing to look (roles that only
    /// push), and proxies may know no `HEAD`. That a login is wrong is an error even so: it would be
    /// shown again and again.
    pub(crate) fn ask_if_said(&self, call: &Call<'_>) -> Result<Option<Answer>, Error> {
        match self.ask(call) {
            Ok(response) => Ok(Some(response)),
            Err(error) if self.keeps_to_itself(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn keeps_to_itself(&self, error: &Error) -> bool {
        // With a token a 401 means that it does not allow this; without one, that we are nobody.
        let by_token = || matches!(*locked(&self.host.challenge), Some(Challenge::Bearer { .. }));
        match error.status() {
            Some(401) => error.asked().login.is_some() && by_token(),
            Some(_) => error.is_refusal(),
            None => false,
        }
    }

    fn request(&self, call: &Call<'_>, url: &Url, used: &Authorization) -> Request {
        let mut request = Request::new(call.method, url.clone()).with_own_login_only();
        for (name, value) in call.headers {
            request = request.header(name, value.clone());
        }
        if let Some(header) = &used.header {
            request = request.header("authorization", header.clone());
        }
        if matches!(call.method, Method::Post | Method::Put | Method::Patch) {
            request = request.patience(PATIENCE.max(self.host.fetch.options().idle_timeout));
        }
        self.host.routed(request)
    }

    fn address(&self, call: &Call<'_>, base: &Base) -> Result<Url, Error> {
        let path = match call.target {
            Target::Url(url) => return Ok(url.clone()),
            Target::Path(path) => path,
        };
        base.url.join(&format!("v2/{}/{path}", self.repository)).map_err(|e| {
            let asked = Asked::of(self, call.doing, call.method, &base.url, None);
            Error::new(asked, Cause::Name(e.to_string()))
        })
    }

    /// For an error of what was asked before, and is asked no more.
    pub(crate) fn asked_before(&self, doing: impl Into<String>, method: Method, path: &str) -> Asked {
        let place = self.host.place();
        let url = place.join(&format!("v2/{}/{path}", self.repository)).unwrap_or(place);
        let wanted = locked(&self.host.challenge).is_some();
        let login = locked(&self.host.logins).get(&self.repository).cloned().flatten();
        Asked::of(self, doing, method, &url, login.as_deref().filter(|_| wanted))
    }

    /// What is shown with a request: nothing before the registry has asked for a login. `refused` is what
    /// it did not like, and what it said to that.
    fn authorize(
        &self,
        call: &Call<'_>,
        refused: Option<(&Authorization, Option<&Challenge>)>,
    ) -> Result<Authorization, Error> {
        let challenge = locked(&self.host.challenge).clone();
        let Some(challenge) = challenge else { return Ok(Authorization::none()) };
        let login = self.login(call)?;
        match (&challenge, login.as_deref().map(|l| &l.secret)) {
            (_, Some(Proof::RegistryToken(token))) => {
                Ok(Authorization { header: Some(format!("Bearer {}", token.reveal())), login })
            }
            (Challenge::Basic, Some(Proof::Basic { user, password })) => {
                Ok(Authorization { header: Some(basic_header(user, password)), login })
            }
            (Challenge::Bearer { realm, service, .. }, _) => {
                let asked_for = match refused.and_then(|(_, c)| c) {
                    Some(Challenge::Bearer { scope: Some(scope), .. }) => scope.split(' ').collect(),
                    _ => Vec::new(),
                };
                let bad = refused.and_then(|(used, _)| used.header.as_deref());
                let wishes = match call.access {
                    Access::Delete if bad.is_some() => wishes_to_delete(&self.repository, &[]),
                    Access::Delete => wishes_to_delete(&self.repository, &asked_for),
                    access => vec![scopes(&self.repository, access, &asked_for)],
                };
                let wanted = |scopes| Wanted { realm: realm.clone(), service: service.clone(), scopes };
                let token = self.first_token(wishes.into_iter().map(wanted), login.as_deref(), bad)?;
                Ok(Authorization { header: Some(format!("Bearer {}", token.secret.reveal())), login })
            }
            _ => Ok(Authorization { header: None, login }),
        }
    }

    /// What is shown to a registry that asked for no login, but may have answered as it did because there
    /// was none; nothing if it never wants one, or there is none for this repository.
    fn authorize_unasked(&self, call: &Call<'_>, base: &Base) -> Result<Option<Authorization>, Error> {
        let known = locked(&self.host.challenge).is_some();
        if !known {
            let Some(challenge) = self.host.hidden_challenge(base) else { return Ok(None) };
            if self.login(call)?.is_none() {
                return Ok(None);
            }
            self.host.keep_challenge(challenge, base.url.clone());
        }
        let next = self.authorize(call, None)?;
        Ok(next.header.is_some().then_some(next))
    }

    /// The login for this repository; whoever knows it is asked once.
    fn login(&self, call: &Call<'_>) -> Result<Option<Arc<Login>>, Error> {
        let mut known = locked(&self.host.logins);
        if let Some(login) = known.get(&self.repository) {
            return Ok(login.clone());
        }
        let found =
            self.host.options.credentials.login(&self.host.name, &self.repository).map_err(|why| {
                let asked = Asked::of(self, call.doing, call.method, &self.host.heard_at(), None);
                Error::new(asked, Cause::NoLogin(why))
            })?;
        let found = found.map(Arc::new);
        known.insert(self.repository.clone(), found.clone());
        Ok(found)
    }

    /// Whether it is asked as nobody first: registries do not agree on what a token that allows to delete
    /// is called, and each says it when it refuses.
    fn hears_first(&self, call: &Call<'_>) -> bool {
        let by_token = || matches!(*locked(&self.host.challenge), Some(Challenge::Bearer { .. }));
        call.access == Access::Delete && by_token()
    }

    /// The first of these tokens whose name the token server knows (400 where it does not).
    fn first_token(
        &self,
        wishes: impl Iterator<Item = Wanted>,
        login: Option<&Login>,
        bad: Option<&str>,
    ) -> Result<Held, Error> {
        let mut first = None;
        for wanted in wishes {
            match self.token(wanted, login, bad) {
                Err(error) if error.is_unknown_scope() => first.get_or_insert(error),
                other => return other,
            };
        }
        Err(first.unwrap_or_else(|| unreachable!("there is one wish at least")))
    }

    /// A token of the store, or a new one; threads that want the same one wait for it.
    fn token(&self, wanted: Wanted, login: Option<&Login>, bad: Option<&str>) -> Result<Held, Error> {
        // Of two repositories each may have a login of its own.
        let whose = login.map(|_| self.repository.clone()).unwrap_or_default();
        let place = Arc::clone(locked(&self.host.tokens).entry((wanted.clone(), whose)).or_default());
        let mut held = locked(&place);
        let is_bad =
            |held: &Held| bad.is_some_and(|b| b.strip_prefix("Bearer ") == Some(held.secret.reveal()));
        if let Some(held) = held.as_ref().filter(|h| h.is_good() && !is_bad(h)) {
            return Ok(held.clone());
        }
        let token = self.fetch_token(&wanted, login)?;
        *held = Some(token.clone());
        Ok(token)
    }
}

/// What goes with a request.
struct Authorization {
    header: Option<String>,
    login: Option<Arc<Login>>,
}

impl Authorization {
    fn none() -> Authorization {
        Authorization { header: None, login: None }
    }
}

/// Whether a registry may say this to hide from strangers what is there.
fn may_hide(response: &Response, challenge: Option<&Challenge>) -> bool {
    challenge.is_none() && matches!(response.status, 401 | 403 | 404)
}

/// The scopes of a token for this access, and those that the registry says are needed, in one order.
fn scopes(repository: &str, access: Access<'_>, asked_for: &[&str]) -> Vec<String> {
    let actions = match access {
        Access::Read => "pull",
        Access::Write | Access::MountFrom(_) | Access::Delete => "pull,push",
    };
    let mut scopes = vec![format!("repository:{repository}:{actions}")];
    if let Access::MountFrom(other) = access {
        scopes.push(format!("repository:{other}:pull"));
    }
    for scope in asked_for {
        let covered = scopes.iter().any(|s| covers(s, scope));
        if !covered && !scope.is_empty() && scopes.len() < 8 {
            scopes.push((*scope).to_owned());
        }
    }
    scopes.sort();
    scopes
}

/// What a token that allows to delete may be called, likeliest first: as the registry has just said;
/// distribution's `delete`; `*` of its older versions; and Quay, where whoever may write may delete.
fn wishes_to_delete(repository: &str, asked_for: &[&str]) -> Vec<Vec<String>> {
    let asked: Vec<String> =
        asked_for.iter().filter(|s| !s.is_empty()).take(8).map(|s| (*s).to_owned()).collect();
    let ours = ["delete,pull,push", "*", "pull,push"]
        .map(|actions| vec![format!("repository:{repository}:{actions}")]);
    Some(asked).filter(|a| !a.is_empty()).into_iter().chain(ours).collect()
}

/// Whether `scope` allows all that `other` does: the same thing, and every action.
fn covers(scope: &str, other: &str) -> bool {
    match (scope.rsplit_once(':'), other.rsplit_once(':')) {
        (Some((thing, actions)), Some((other_thing, wanted))) => {
            thing == other_thing && wanted.split(',').all(|w| actions.split(',').any(|a| a == w))
        }
        _ => scope == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_an_access() {
        assert_eq!(scopes("a/b", Access::Read, &[]), ["repository:a/b:pull"]);
        assert_eq!(scopes("a/b", Access::Write, &["repository:a/b:push,pull"]), ["repository:a/b:pull,push"]);
        let mount = scopes("z", Access::MountFrom("a"), &[]);
        assert_eq!(mount, ["repository:a:pull", "repository:z:pull,push"]);
        let asked = scopes("a", Access::Write, &["repository:a:*", "repository:a:pull"]);
        assert_eq!(asked, ["repository:a:*", "repository:a:pull,push"]);
        let wishes = wishes_to_delete("a", &["repository:a:delete"]);
        assert_eq!((wishes.len(), wishes[0].as_slice()), (4, &["repository:a:delete".to_owned()][..]));
        assert_eq!(wishes_to_delete("a", &[""])[0], ["repository:a:delete,pull,push"]);
    }
}
