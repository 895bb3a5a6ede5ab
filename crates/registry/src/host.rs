use std::collections::HashMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fetch::{Excused, Fault, Method, Request, Response};
use url::{Host as UrlHost, Url};

use crate::error::{Asked, Cause, Error};
use crate::token::{Held, Wanted};
use crate::{Challenge, Login, Options, parse_challenges};

/// What is known of one registry, shared by all of its repositories and threads.
pub(crate) struct Host {
    /// As people call it: `docker.io`, `localhost:5000`.
    pub(crate) name: String,
    pub(crate) fetch: fetch::Client,
    pub(crate) options: Arc<Options>,
    /// Hosts whose certificate is not checked.
    excused: Excused,
    /// `https://host/`, once it is known how it is spoken to.
    base: Mutex<Option<Base>>,
    /// What it said when somebody asked without a login.
    pub(crate) challenge: Mutex<Option<Challenge>>,
    /// Where it said so.
    heard_at: Mutex<Option<Url>>,
    /// What `/v2/` said to nobody in particular, once it was asked: nothing where it wants no login.
    knocked: Mutex<Option<Option<Challenge>>>,
    /// Logins by repository, asked for once.
    pub(crate) logins: Mutex<HashMap<String, Option<Arc<Login>>>>,
    pub(crate) tokens: Mutex<HashMap<TokenKey, Arc<Mutex<Option<Held>>>>>,
    /// Held while an index of referrers is read, changed and written.
    pub(crate) changing: Mutex<()>,
    answered: AtomicBool,
}

/// What a token is for, and whose it is: the repository whose login got it; empty for nobody's.
pub(crate) type TokenKey = (Wanted, String);

/// How a registry is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) url: Url,
}

/// Docker Hub's name, and where its registry is.
pub(crate) const HUB: &str = "docker.io";
const HUB_HOST: &str = "registry-1.docker.io";

impl Host {
    pub(crate) fn new(name: &str, fetch: fetch::Client, options: Arc<Options>) -> Host {
        Host {
            name: name.to_owned(),
            fetch,
            excused: Excused::new(options.insecure.iter().cloned()),
            options,
            base: Mutex::default(),
            challenge: Mutex::default(),
            heard_at: Mutex::default(),
            knocked: Mutex::default(),
            logins: Mutex::default(),
            tokens: Mutex::default(),
            changing: Mutex::default(),
            answered: AtomicBool::new(false),
        }
    }

    /// How it is spoken to, or what is wrong with its name.
    ///
    /// By https. Only the loopback and hosts that the user called insecure may be spoken to without, as in
    /// Docker; those are asked once which it is. The loopback is asked without TLS first, since nobody
    /// listens there and its registries hardly ever have a certificate; a certificate is still checked.
    pub(crate) fn base(&self, asked: &dyn Fn(&Url) -> Asked) -> Result<Base, Error> {
        let mut known = locked(&self.base);
        if let Some(base) = &*known {
            return Ok(base.clone());
        }
        let https = self.by_https().ok_or_else(|| {
            let place = Url::parse("https://invalid/").unwrap_or_else(|_| unreachable!("a constant"));
            Error::new(asked(&place), Cause::Name(format!("`{}` is no host of a registry", self.name)))
        })?;
        let insecure = self.excused.covers(&https);
        let base = if insecure || is_loopback(&https) {
            self.probe(&https, insecure).map_err(|at| Error::new(asked(&at.0), Cause::Fault(at.1)))?
        } else {
            Base { url: https }
        };
        *known = Some(base.clone());
        Ok(base)
    }

    /// How our own loopback is most likely spoken to, as long as it is not known: a request that changes nothing finds
    /// it out itself, and [`base`](Host::base) need not ask first.
    pub(crate) fn guess(&self, method: Method) -> Option<Base> {
        if !matches!(method, Method::Get | Method::Head) || self.is_known() {
            return None;
        }
        let https = self.by_https().filter(|u| is_loopback(u) && !self.excused.covers(u))?;
        Some(self.without_tls(&https))
    }

    /// It answered there, so the [guess](Host::guess) was right.
    pub(crate) fn settle(&self, base: &Base) {
        locked(&self.base).get_or_insert_with(|| base.clone());
    }

    /// Whether it is known how it is spoken to.
    pub(crate) fn is_known(&self) -> bool {
        locked(&self.base).is_some()
    }

    /// `https://host/`; none where the name is no host's.
    fn by_https(&self) -> Option<Url> {
        let host = if self.name == HUB { HUB_HOST } else { &self.name };
        Url::parse(&format!("https://{host}/")).ok().filter(|u| is_host_only(u, host))
    }

    fn without_tls(&self, https: &Url) -> Base {
        let mut http = https.clone();
        // Fails for no https URL.
        let _ = http.set_scheme("http");
        if https.port().is_none() && self.name.ends_with(":443") {
            let _ = http.set_port(Some(443));
        }
        Base { url: http }
    }

    /// Asks with and without TLS; the answer says how logins are shown, too.
    fn probe(&self, https: &Url, insecure: bool) -> Result<Base, Box<(Url, Fault)>> {
        let secret = Base { url: https.clone() };
        let open = self.without_tls(https);
        let order = if insecure { [secret, open] } else { [open, secret] };
        let mut faults = Vec::new();
        for base in order {
            match self.ping(&base) {
                Ok(true) => return Ok(base),
                Ok(false) => {}
                Err(fault) => faults.push((base.url.join("v2/").unwrap_or(base.url), fault)),
            }
        }
        let nothing = || (https.clone(), Fault::Protocol { cause: "no registry answers there".into() });
        // A failed handshake says more than that nobody speaks http there.
        let telling = |f: &(Url, Fault)| matches!(f.1, Fault::Tls { .. } | Fault::TlsSetup { .. });
        let at = faults.iter().position(telling).unwrap_or(0);
        Err(Box::new(if faults.is_empty() { nothing() } else { faults.swap_remove(at) }))
    }

    /// `GET /v2/` (distribution-spec "Determining support"): whether a registry answers.
    fn ping(&self, base: &Base) -> Result<bool, Fault> {
        let Some(request) = self.knock(base) else { return Ok(false) };
        let mut round = 0;
        let mut response = loop {
            match self.fetch.send(request.clone()) {
                Err(fault @ (Fault::Dropped { .. } | Fault::Stalled { .. } | Fault::Slow { .. }))
                    if round + 1 < self.fetch.options().attempts && base.url.scheme() == "http" =>
                {
                    // A TLS server that hears http hangs up; one more time tells it from a broken line.
                    if round > 0 && matches!(fault, Fault::Dropped { .. }) {
                        return Err(fault);
                    }
                    round += 1;
                }
                answer => break answer?,
            }
        };
        let challenge = self.note_challenge(base, &response);
        response.drain();
        let answers = !is_tls_only(response.status);
        if answers {
            *locked(&self.knocked) = Some(challenge);
        }
        Ok(answers)
    }

    /// `GET /v2/` as nobody in particular.
    fn knock(&self, base: &Base) -> Option<Request> {
        let request = Request::get(base.url.join("v2/").ok()?).with_own_login_only();
        Some(self.routed(request))
    }

    /// What `/v2/` says of how a login is shown, for a registry that answers as if there were nothing
    /// where it does not know who asks. Asked once; what does not come is not said.
    pub(crate) fn hidden_challenge(&self, base: &Base) -> Option<Challenge> {
        let mut knocked = locked(&self.knocked);
        if let Some(known) = &*knocked {
            return known.clone();
        }
        let mut response = self.fetch.send(self.knock(base)?).ok()?;
        let challenge = challenge_of(base, &response);
        response.drain();
        knocked.insert(challenge).clone()
    }

    /// Nobody's proxy reaches our own loopback; Go's programs do not ask one either. What the user said of
    /// a host's certificate holds wherever a redirect leads.
    pub(crate) fn routed(&self, request: Request) -> Request {
        let request = request.excusing(&self.excused);
        if is_loopback(&request.url) { request.without_proxy() } else { request }
    }

    /// Keeps what a 401 says of how a login is shown.
    pub(crate) fn note_challenge(&self, base: &Base, response: &Response) -> Option<Challenge> {
        self.answered.store(true, Ordering::Relaxed);
        let chosen = challenge_of(base, response);
        if let Some(challenge) = &chosen {
            self.keep_challenge(challenge.clone(), response.url.clone());
        }
        chosen
    }

    pub(crate) fn keep_challenge(&self, challenge: Challenge, heard_at: Url) {
        *locked(&self.challenge) = Some(challenge);
        *locked(&self.heard_at) = Some(heard_at);
    }

    /// Where it said how a login is shown; its own address where it has not.
    pub(crate) fn heard_at(&self) -> Url {
        locked(&self.heard_at).clone().unwrap_or_else(|| self.place())
    }

    /// `https://host/`, or what is known to be spoken there.
    pub(crate) fn place(&self) -> Url {
        if let Some(base) = &*locked(&self.base) {
            return base.url.clone();
        }
        let url = Url::parse(&format!("https://{}/", self.name)).or_else(|_| Url::parse("https://invalid/"));
        url.unwrap_or_else(|_| unreachable!("a constant"))
    }

    /// Whether it has ever answered.
    pub(crate) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether it is spoken to without TLS.
    pub(crate) fn is_open(&self) -> bool {
        locked(&self.base).as_ref().is_some_and(|base| base.url.scheme() == "http")
    }

    /// Whether the user allows to speak to that address without TLS.
    pub(crate) fn may_be_open(&self, url: &Url) -> bool {
        is_loopback(url) || self.excused.covers(url)
    }

    /// Does it again while it fails in a way that may pass; not if `once`.
    pub(crate) fn retrying<T>(
        &self,
        once: bool,
        mut attempt: impl FnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut round = 0;
        loop {
            self.check()?;
            match attempt() {
                Err(error) if !once => self.again(&mut round, error)?,
                done => return done,
            }
        }
    }

    /// Waits before it is tried again, or gives the error back if that helps no more.
    pub(crate) fn again(&self, round: &mut u32, error: Error) -> Result<(), Error> {
        let options = self.fetch.options();
        let asked = error.retry_after();
        // Coming back before the time that the registry named only makes it angrier.
        let too_long = asked.is_some_and(|wait| wait > options.longest_wait);
        if !error.is_transient(self.answered()) || *round + 1 >= options.attempts || too_long {
            return Err(error);
        }
        let note = format!("{error}; trying again");
        self.options.reporter.note(diag::Note::Detail(note));
        // A connection that was closed while it lay idle is no reason to wait.
        if *round > 0 || asked.is_some() || !error.is_fault() {
            self.fetch
                .pause(*round, asked, &*self.options.reporter)
                .map_err(|fault| Error::new(error.asked().clone(), Cause::Fault(fault)))?;
        }
        *round += 1;
        Ok(())
    }

    /// An error once the user has asked to stop.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.options.reporter.check().map_err(|_| {
            let nowhere = Url::parse("https://invalid/").unwrap_or_else(|_| unreachable!("a constant"));
            let asked = Asked {
                doing: "speak to".to_owned(),
                host: self.name.clone(),
                repository: String::new(),
                method: fetch::Method::Get,
                address: fetch::Redacted::of(&nowhere),
                login: None,
            };
            Error::new(asked, Cause::Fault(Fault::Cancelled))
        })
    }

    /// The whole body of an answer, if it is no larger than `most`.
    pub(crate) fn read_all(
        &self,
        response: &mut Response,
        most: u64,
        asked: impl Fn() -> Asked,
    ) -> Result<Vec<u8>, Error> {
        let length = response.length();
        if length.is_some_and(|n| n > most) {
            return Err(Error::new(asked(), Cause::TooLarge { most }));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length.unwrap_or(0)).unwrap_or(0));
        let read = response.take(most + 1).read_to_end(&mut bytes);
        let got = bytes.len() as u64;
        let broken = |cause: &str| Fault::Dropped { got, expected: length, cause: cause.to_owned() };
        if let Err(e) = read {
            let fault = self.fetch.fault_of_read(e, &response.url, got, length);
            return Err(Error::new(asked(), Cause::Fault(fault)));
        }
        match length {
            Some(length) if got < length => Err(Error::new(asked(), Cause::Fault(broken("it was closed")))),
            _ if got > most => Err(Error::new(asked(), Cause::TooLarge { most })),
            _ => Ok(bytes),
        }
    }
}

/// What a TLS server says to plain http.
pub(crate) fn is_tls_only(status: u16) -> bool {
    matches!(status, 400 | 426 | 497)
}

/// No thread leaves these half-written, so a panic in one is no reason to stop others.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a 401 says of how a login is shown. Only the registry itself may say it: whoever it redirects to
/// would else have the login sent to a token server of its own.
fn challenge_of(base: &Base, response: &Response) -> Option<Challenge> {
    if response.status != 401 || response.url.origin() != base.url.origin() {
        return None;
    }
    let challenges: Vec<Challenge> =
        response.headers("www-authenticate").flat_map(parse_challenges).collect();
    let bearer = challenges.iter().find(|c| matches!(c, Challenge::Bearer { .. }));
    let basic = || challenges.iter().find(|c| matches!(c, Challenge::Basic));
    bearer.or_else(basic).or(challenges.first()).cloned()
}

/// Whether nothing but a host and a port was written, such that no path or user hides in it.
fn is_host_only(url: &Url, host: &str) -> bool {
    url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.host_str().is_some_and(|h| host.to_ascii_lowercase().starts_with(h))
        && !host.contains(['/', '@', '?', '#', '\\', '%'])
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(UrlHost::Domain(name)) => name == "localhost",
        Some(UrlHost::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(UrlHost::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
