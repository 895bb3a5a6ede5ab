use std::collections::HashMap;
use std::sync::Mutex;

use ureq::Agent;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, SocksConnector, TcpConnector};
use url::Url;

use crate::pace::Pace;
use crate::proxies::Proxy;
use crate::resolver::{Addresses, NamingResolver};
use crate::tls::TlsConnector;
use crate::transport::AbsoluteForm;
use crate::{Login, Options, Request};

/// How a URL is reached, and the connections that are open on each way.
pub(crate) struct Routes {
    tls: TlsConnector,
    /// For hosts that the user called insecure.
    unverified: TlsConnector,
    open: Mutex<HashMap<String, Agent>>,
    /// What all ways know of names.
    pub(crate) addresses: Addresses,
}

/// What to ask of which agent for a URL.
pub(crate) struct Route {
    pub(crate) agent: Agent,
    /// The address that ureq is given: the URL, or one at the proxy.
    pub(crate) target: String,
    /// `Host`, where it is not that of `target`.
    pub(crate) host: Option<String>,
    /// The login for a proxy that is asked in the absolute form.
    pub(crate) proxy_login: Option<Login>,
    /// The proxy, for errors.
    pub(crate) proxy: Option<String>,
}

impl Routes {
    pub(crate) fn new(options: &Options) -> Routes {
        let unverified = TlsConnector::unverified(options.tls.clone());
        let tls = TlsConnector::new(options.tls.clone());
        Routes { tls, unverified, open: Mutex::default(), addresses: Addresses::default() }
    }

    /// The way that a request goes.
    pub(crate) fn to(&self, request: &Request, options: &Options) -> Result<Route, String> {
        let url = &request.url;
        let (tls, mark) =
            if request.excused.covers(url) { (&self.unverified, " unverified") } else { (&self.tls, "") };
        let Some(proxy) = options.proxies.of(url).filter(|_| request.proxied) else {
            let agent = self.agent(&format!("direct{mark}"), || Ok(self.tunnel(options, None, tls)))?;
            let target = without_fragment(url);
            return Ok(Route { agent, target, host: None, proxy_login: None, proxy: None });
        };
        let name = proxy.url.to_string();
        if url.scheme() == "http" && proxy.url.scheme().starts_with("http") {
            return self.absolute_form(url, proxy, name, options);
        }
        let way = format!("{name}{mark}");
        let agent = self.agent(&way, || Ok(self.tunnel(options, Some(ureq_proxy(proxy)?), tls)))?;
        let target = without_fragment(url);
        Ok(Route { agent, target, host: None, proxy_login: None, proxy: Some(name) })
    }

    fn absolute_form(
        &self,
        url: &Url,
        proxy: &Proxy,
        name: String,
        options: &Options,
    ) -> Result<Route, String> {
        let agent = self.agent(&format!("absolute {name}"), || {
            let socket = ().chain(TcpConnector::default()).chain(pace(options));
            let chain = socket.chain(self.tls.clone()).chain(AbsoluteForm);
            Ok(Agent::with_parts(config(options, None), chain, self.resolver()))
        })?;
        let base = proxy.url.as_str().trim_end_matches('/');
        let target = format!("{base}/{}", without_fragment(url));
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => Some(format!("{host}:{port}")),
            (host, _) => host.map(str::to_owned),
        };
        Ok(Route { agent, target, host, proxy_login: proxy.login.clone(), proxy: Some(name) })
    }

    /// One agent for each way, so that connections are used again.
    fn agent(&self, way: &str, make: impl FnOnce() -> Result<Agent, String>) -> Result<Agent, String> {
        let mut open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(agent) = open.get(way) {
            return Ok(agent.clone());
        }
        let agent = make()?;
        open.insert(way.to_owned(), agent.clone());
        Ok(agent)
    }

    fn tunnel(&self, options: &Options, proxy: Option<ureq::Proxy>, tls: &TlsConnector) -> Agent {
        let chain =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(pace(options))
                .chain(tls.clone());
        Agent::with_parts(config(options, proxy), chain, self.resolver())
    }

    fn resolver(&self) -> NamingResolver {
        NamingResolver::remembering(self.addresses.clone())
    }
}

fn pace(options: &Options) -> Pace {
    Pace::new(options.floor, options.idle_timeout)
}

fn without_fragment(url: &Url) -> String {
    let mut url = url.clone();
    url.set_fragment(None);
    url.into()
}

fn config(options: &Options, proxy: Option<ureq::Proxy>) -> ureq::config::Config {
    ureq::config::Config::builder()
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(&options.user_agent)
        // A package is asked for as it is: ranges and sizes are of those bytes.
        .accept_encoding("identity")
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_per_read(Some(options.idle_timeout))
        .timeout_per_write(Some(options.idle_timeout))
        .max_idle_connections(options.parallel.max(1) * 2)
        .max_idle_connections_per_host(options.parallel.max(1))
        .build()
}

fn ureq_proxy(proxy: &Proxy) -> Result<ureq::Proxy, String> {
    use ureq::ProxyProtocol as P;
    let protocol = match proxy.url.scheme() {
        "https" => P::Https,
        "socks4" => P::Socks4,
        "socks4a" => P::Socks4A,
        "socks5" => P::Socks5,
        "socks5h" => P::Socks5h,
        _ => P::Http,
    };
    let mut builder = ureq::Proxy::builder(protocol).host(proxy.url.host_str().unwrap_or_default());
    if let Some(port) = proxy.url.port_or_known_default() {
        builder = builder.port(port);
    }
    if let Some(login) = &proxy.login {
        builder = builder.username(&login.user).password(login.password.reveal());
    }
    builder.build().map_err(|e| e.to_string())
}
