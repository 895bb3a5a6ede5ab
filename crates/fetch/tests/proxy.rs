//! Proxies: asked in the absolute form for http, tunnelled through for https.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::time::Duration;

use diag::{Explain, Silent};
use fetch::{Client, Fault, Job, Options, Proxies, ProxyRule, Size, Url};
use testkit::http::{Reply, Server};

fn through(rules: &[ProxyRule<'_>]) -> Client {
    let proxies = rules.iter().fold(Proxies::none(), |p, rule| p.with(*rule).unwrap());
    Client::new(Options { proxies, attempts: 1, backoff: Duration::from_millis(1), ..Options::default() })
}

fn job(url: &str) -> Job {
    Job { name: "the file".into(), urls: vec![Url::parse(url).unwrap()], size: Size::AtMost(100) }
}

#[test]
fn http_is_asked_for_in_the_absolute_form() {
    let proxy = Server::start(|_| Reply::ok("cached"));
    let address = proxy.url("").replace("http://", "http://me:p%40ss@");
    let client = through(&[ProxyRule::Http(&address)]);
    // Twice, by one connection: each request line is in that form.
    for path in ["/debian/a%20b?x=1", "/second"] {
        let wanted = format!("http://mirror.example:8080{path}");
        assert_eq!(client.fetch_bytes(&job(&wanted), &Silent).unwrap(), b"cached");
        let request = proxy.received().pop().unwrap();
        assert_eq!((request.method.as_str(), &request.target), ("GET", &wanted));
        assert_eq!(request.header("host"), Some("mirror.example:8080"));
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6cEBzcw=="));
    }
}

#[test]
fn what_is_on_this_machine_can_be_asked_directly() {
    let (proxy, target) = (Server::start(|_| Reply::ok("proxy")), Server::start(|_| Reply::ok("target")));
    let client = through(&[ProxyRule::All(&proxy.url(""))]);
    let request = || fetch::Request::get(Url::parse(&target.url("/a")).unwrap());
    client.send(request()).unwrap();
    client.send(request().without_proxy()).unwrap();
    assert_eq!((proxy.received().len(), target.received().len()), (1, 1));
    // Where it redirects to, the proxy is asked as ever.
    let to = "http://elsewhere.invalid/b";
    let redirecting = Server::start(move |_| Reply::redirect(to));
    let here = fetch::Request::get(Url::parse(&redirecting.url("/a")).unwrap());
    client.send(here.without_proxy()).unwrap();
    assert_eq!(proxy.received().pop().unwrap().target, to);
}

#[test]
fn https_is_tunnelled() {
    let target = Server::start(|_| Reply::ok("not TLS"));
    let to = target.address();
    let proxy = Server::start(move |_| Reply::tunnel(to));
    let client = through(&[ProxyRule::All(&proxy.url(""))]);
    // What is behind the tunnel speaks no TLS; that it was asked for shows in the log.
    assert!(client.fetch_bytes(&job("https://mirror.example/a"), &Silent).is_err());
    let request = &proxy.received()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("CONNECT", "mirror.example:443"));
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_login() {
    let proxy = Server::start(|_| Reply::new(407, ""));
    let address = proxy.url("").replace("http://", "http://me:secret@");
    let client = through(&[ProxyRule::All(&address)]);
    let error = client.fetch_bytes(&job("https://mirror.example/a"), &Silent).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Proxy { .. })), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret") && error.hint().unwrap().contains("proxy"));
    let error = client.fetch_bytes(&job("http://mirror.example/a"), &Silent).unwrap_err();
    assert_eq!(error.fault(), Some(&Fault::Forbidden { status: 407 }));
    let gone = through(&[ProxyRule::All("http://127.0.0.1:1")]);
    for url in ["http://mirror.example/a", "https://mirror.example/a"] {
        let error = gone.fetch_bytes(&job(url), &Silent).unwrap_err();
        assert!(matches!(error.fault(), Some(Fault::Proxy { .. })), "{error:?}");
    }
}

#[test]
fn exceptions_go_directly() {
    let proxy = Server::start(|_| Reply::ok("by proxy"));
    let server = Server::start(|_| Reply::ok("directly"));
    let client = through(&[ProxyRule::Http(&proxy.url("")), ProxyRule::Except("127.0.0.0/8")]);
    assert_eq!(client.fetch_bytes(&job(&server.url("/")), &Silent).unwrap(), b"directly");
    assert!(proxy.received().is_empty());
}
