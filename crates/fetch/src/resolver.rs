use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration as Wait;
use ureq::{Error, Timeout};

use crate::Deadline;

/// How long the addresses of a name are believed: as by curl (`CURLOPT_DNS_CACHE_TIMEOUT`).
const BELIEVED: std::time::Duration = std::time::Duration::from_secs(60);

/// The system's resolver, with failures that name what was looked up, and with a memory: ureq looks up the
/// host of every request, though most go over a connection that is open, and each lookup is a thread.
#[derive(Debug, Default)]
pub(crate) struct NamingResolver {
    system: DefaultResolver,
    known: Addresses,
}

/// The addresses of names, by scheme and authority (which has the port), and until when they are believed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<String, (ResolvedSocketAddrs, Deadline)>>>);

impl Addresses {
    /// To be called when nobody can be spoken to: the name may have moved.
    pub(crate) fn forget(&self) {
        self.locked().clear();
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, (ResolvedSocketAddrs, Deadline)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, name: &str) -> Option<ResolvedSocketAddrs> {
        self.locked().get(name).filter(|(_, until)| !until.is_over()).map(|(found, _)| found.clone())
    }
}

/// A name that has no address, on its way through ureq's error type.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}")]
pub(crate) struct LookupFailure {
    pub(crate) host: String,
    pub(crate) cause: String,
}

impl Resolver for NamingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        if is_address(uri) {
            // Nobody is asked, so there is nobody to wait for.
            return self.system.resolve(uri, config, NextTimeout { after: Wait::NotHappening, ..timeout });
        }
        let authority = uri.authority().map(|a| a.as_str()).unwrap_or_default();
        let name = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
        if let Some(addresses) = self.known.of(&name) {
            return Ok(addresses);
        }
        // Without the lock: one name that takes long holds up no other.
        let addresses = self.look_up(uri, config, timeout)?;
        self.known.locked().insert(name, (addresses.clone(), Deadline::after(BELIEVED)));
        Ok(addresses)
    }
}

impl NamingResolver {
    pub(crate) fn remembering(known: Addresses) -> NamingResolver {
        NamingResolver { system: DefaultResolver::default(), known }
    }

    fn look_up(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let fail = |cause: String| {
            let host = uri.host().unwrap_or_default().to_owned();
            Error::Other(Box::new(LookupFailure { host, cause }))
        };
        self.system.resolve(uri, config, timeout).map_err(|error| match error {
            Error::Io(e) => fail(e.to_string()),
            Error::HostNotFound => fail("it has no address".into()),
            Error::Timeout(Timeout::Resolve) => fail("the resolver did not answer in time".into()),
            other => other,
        })
    }
}

/// Whether the host is an address and no name.
fn is_address(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_no_names() {
        let is = |uri: &'static str| is_address(&Uri::from_static(uri));
        assert!(is("http://127.0.0.1:5000/v2/") && is("https://[::1]/") && is("http://10.0.0.1"));
        assert!(!is("http://localhost:5000/v2/") && !is("https://1.example.org/"));
    }

    #[test]
    fn a_name_is_looked_up_once() {
        let (resolver, config) = (NamingResolver::default(), Config::default());
        let uri = Uri::from_static("http://localhost:5000/v2/");
        let first = resolver.resolve(&uri, &config, patient()).unwrap();
        assert!(first.iter().all(|address| address.ip().is_loopback() && address.port() == 5000));
        // What is remembered is given, and not looked up again.
        let other = "192.0.2.1:5000".parse().unwrap();
        let mut changed = resolver.empty();
        changed.push(other);
        let put = |until| {
            let name = "http://localhost:5000".to_owned();
            resolver.known.locked().insert(name, (changed.clone(), until))
        };
        assert!(put(Deadline::after(BELIEVED)).is_some(), "the first answer was kept");
        assert_eq!(resolver.resolve(&uri, &config, patient()).unwrap()[..], [other]);
        put(Deadline::after(std::time::Duration::ZERO));
        assert_eq!(resolver.resolve(&uri, &config, patient()).unwrap()[..], first[..]);
        put(Deadline::after(BELIEVED));
        resolver.known.forget();
        assert_eq!(resolver.resolve(&uri, &config, patient()).unwrap()[..], first[..]);
    }

    fn patient() -> NextTimeout {
        NextTimeout { after: Wait::from_secs(20), reason: Timeout::Resolve, ..NextTimeout::default() }
    }
}
