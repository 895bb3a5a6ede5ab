//! Requests that write: methods, bodies, and where a redirect may take them.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fetch::{Body, Client, Fault, Method, Options, Request, Response, Url};
use testkit::registry::{Asked, Deed, Fault as Mishap, Registry, Setup};

fn client() -> Client {
    Client::new(Options::default())
}

fn url(registry: &Registry, path: &str) -> Url {
    Url::parse(&format!("http://{}{path}", registry.host())).unwrap()
}

/// A registry is the server at hand that takes bodies; its uploads take whatever is sent.
fn begin(client: &Client, registry: &Registry) -> Url {
    let response = client.send(Request::new(Method::Post, url(registry, "/v2/a/blobs/uploads/"))).unwrap();
    assert_eq!(response.status, 202);
    response.url.join(response.header("location").unwrap()).unwrap()
}

fn last(registry: &Registry) -> Asked {
    registry.requests().pop().unwrap()
}

/// Counts how often it is opened.
struct Counted(Vec<u8>, AtomicUsize);

impl Body for Counted {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(&self.0[..]))
    }
}

#[test]
fn each_method_arrives_with_its_body_on_one_connection() {
    let registry = Registry::start(Setup::default());
    let client = client();
    let upload = begin(&client, &registry);
    let body = Counted(vec![7; 300_000], AtomicUsize::new(0));
    let patched = client.send_with(Request::new(Method::Patch, upload.clone()), &body).unwrap();
    assert_eq!((patched.status, patched.header("range")), (202, Some("0-299999")));
    assert_eq!((last(&registry).body, body.1.load(Ordering::SeqCst)), (300_000, 1));
    let looked = client.send(Request::get(upload.clone())).unwrap();
    assert_eq!(looked.status, 204);
    let gone = client.send(Request::new(Method::Delete, upload.clone())).unwrap();
    assert_eq!(gone.status, 204);
    let nothing = client.send(Request::new(Method::Head, url(&registry, "/v2/a/manifests/1"))).unwrap();
    assert_eq!(nothing.status, 404);
    let put = client.send_with(Request::new(Method::Put, upload), &Vec::new()).unwrap();
    assert_eq!(put.status, 404);
    let requests = registry.requests();
    let methods: Vec<&str> = requests.iter().map(|r| r.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "GET", "DELETE", "HEAD", "PUT"]);
    assert!(requests.iter().all(|r| r.port == requests[0].port), "{requests:#?}");
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let registry = Registry::start(Setup::default());
    let digest = registry.add_blob("a", &[1; 1000]);
    let path = format!("/v2/a/blobs/{digest}");
    let mut response = client().send(Request::new(Method::Head, url(&registry, &path))).unwrap();
    assert_eq!((response.status, response.length()), (200, Some(1000)));
    assert_eq!(response.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn a_body_that_ends_early_or_fails_is_named() {
    struct Bad(bool);
    impl Body for Bad {
        fn length(&self) -> u64 {
            100
        }
        fn open(&self) -> io::Result<Box<dyn Read + '_>> {
            if self.0 { Err(io::Error::other("no such file")) } else { Ok(Box::new(&b"short"[..])) }
        }
    }
    let registry = Registry::start(Setup::default());
    let client = client();
    let upload = begin(&client, &registry);
    for (bad, word) in [(Bad(true), "no such file"), (Bad(false), "ends before its length")] {
        let fault = client.send_with(Request::new(Method::Patch, upload.clone()), &bad).unwrap_err();
        assert!(matches!(&fault, Fault::Unreadable { cause } if cause.contains(word)), "{fault:?}");
        assert!(!fault.is_transient());
    }
}

/// A server that redirects everything but `/there`.
fn redirecting(status: u16, to: &'static str) -> testkit::http::Server {
    testkit::http::Server::start(move |request| match request.target.as_str() {
        "/there" => testkit::http::Reply::ok("arrived"),
        _ => testkit::http::Reply::new(status, "moved").header("Location", to),
    })
}

fn send(server: &testkit::http::Server, method: Method) -> Result<Response, Fault> {
    let request = Request::new(method, Url::parse(&server.url("/here")).unwrap());
    client().send(request.header("Authorization", "Basic secret"))
}

#[test]
fn a_redirect_keeps_what_is_done_and_to_whom() {
    for method in [Method::Put, Method::Post, Method::Patch, Method::Delete] {
        for status in [307, 308] {
            let server = redirecting(status, "/there");
            assert_eq!(send(&server, method).unwrap().status, 200);
            let received = server.received();
            assert_eq!(received[1].method, method.name());
            assert_eq!(received[1].header("authorization"), Some("Basic secret"));
            let elsewhere = redirecting(status, "http://other.invalid/there");
            let fault = send(&elsewhere, method).unwrap_err();
            assert!(
                fault.to_string().contains("is sent to no other host (http://other.invalid/there)"),
                "{fault}"
            );
        }
        for status in [301, 302, 303] {
            let server = redirecting(status, "/there");
            let fault = send(&server, method).unwrap_err();
            assert!(fault.to_string().contains("would turn"), "{fault}");
            assert_eq!(server.received().len(), 1);
        }
    }
    for method in [Method::Get, Method::Head] {
        for status in [301, 302, 303, 307, 308] {
            let server = redirecting(status, "/there");
            assert_eq!(send(&server, method).unwrap().status, 200, "{status}");
        }
    }
}

#[test]
fn a_body_is_opened_again_for_a_redirect() {
    let body = Counted(Vec::new(), AtomicUsize::new(0));
    let server = redirecting(307, "/there");
    let request = Request::new(Method::Put, Url::parse(&server.url("/here")).unwrap());
    assert_eq!(client().send_with(request, &body).unwrap().status, 200);
    assert_eq!(body.1.load(Ordering::SeqCst), 2);
}

#[test]
fn a_request_shows_no_login() {
    let url = Url::parse("https://user:secret@host.example/a?token=secret").unwrap();
    let request = Request::new(Method::Put, url).header("Authorization", "Bearer secret");
    let shown = format!("{request:?}");
    assert!(
        shown.contains("Put") && shown.contains("host.example/a") && !shown.contains("secret"),
        "{shown}"
    );
}

#[test]
fn logins_for_archives_are_kept_from_who_brings_their_own() {
    let server = redirecting(200, "/");
    let asked = |url: &Url| {
        let _ = url;
        Some(fetch::Login { user: "u".into(), password: diag::Secret::new("p") })
    };
    let options = Options { credentials: Some(std::sync::Arc::new(asked)), ..Options::default() };
    let client = Client::new(options);
    let there = || Request::get(Url::parse(&server.url("/there")).unwrap());
    client.send(there()).unwrap();
    client.send(there().with_own_login_only()).unwrap();
    let shown: Vec<bool> = server.received().iter().map(|r| r.header("authorization").is_some()).collect();
    assert_eq!(shown, [true, false]);
}

#[test]
fn retry_after_is_read_from_any_answer() {
    let registry = Registry::start(Setup::default());
    registry.fail(Mishap::once("GET", "/v2/", Deed::Status(429, "7".into())));
    let response = client().send(Request::get(url(&registry, "/v2/"))).unwrap();
    assert_eq!((response.status, response.retry_after()), (429, Some(std::time::Duration::from_secs(7))));
}

/// Nobody looks at how fast a peer takes what it is sent: one that takes next to nothing is silent for as
/// long as no write is waited for, because TCP offers no room for less than a segment.
#[test]
fn a_peer_that_takes_next_to_nothing_is_given_up() {
    struct Endless;
    impl Body for Endless {
        fn length(&self) -> u64 {
            1 << 40
        }
        fn open(&self) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(io::repeat(7)))
        }
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://{}/a", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while matches!(stream.read(&mut [0]), Ok(1)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let waited = Duration::from_millis(300);
    let client = Client::new(Options { idle_timeout: waited, ..Options::default() });
    let request = Request::new(Method::Put, Url::parse(&place).unwrap());
    assert_eq!(client.send_with(request, &Endless).unwrap_err(), Fault::Stalled { waited });
    drop(client);
    drop(server);
}
