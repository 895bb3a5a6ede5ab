//! https with a certificate authority made for the test.

#![allow(clippy::disallowed_methods, reason = "tests ask the machine: files, sockets, the clock")]

use std::io::BufReader;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use diag::{Explain, Secret, Silent};
use fetch::{Client, Fault, FetchError, HostTls, Job, Options, Pem, Proxies, ProxyRule, Size, Tls, Url};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use testkit::http::{Reply, Server, read_request, write_reply};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// A certificate for `name`, good from `years.0` to `years.1`, and its key.
fn issue(by: &Authority, name: &str, years: (i32, i32)) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    (params.signed_by(&key, &by.issuer).unwrap(), key)
}

const NOW: (i32, i32) = (2020, 2090);

/// Serves "secure" to whoever gets through the handshake.
fn serve(by: &Authority, name: &str, years: (i32, i32), clients: Option<&Authority>) -> SocketAddr {
    serve_with(issue(by, name, years), clients)
}

fn serve_with((certificate, key): (rcgen::Certificate, KeyPair), clients: Option<&Authority>) -> SocketAddr {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = match clients {
        None => builder.unwrap().with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            let pem = authority.pem.as_bytes();
            roots.add(rustls::pki_types::pem::PemObject::from_pem_slice(pem).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.unwrap().with_client_cert_verifier(verifier)
        }
    };
    let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), config) = (stream, Arc::clone(&config)) else { continue };
            std::thread::spawn(move || {
                let connection = rustls::ServerConnection::new(config).unwrap();
                let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
                while let Ok(Some(_)) = read_request(&mut reader) {
                    let _ = write_reply(reader.get_mut(), &Reply::ok("secure"));
                }
            });
        }
    });
    address
}

fn client(tls: Tls) -> Client {
    Client::new(Options { tls, attempts: 1, backoff: Duration::from_millis(1), ..Options::default() })
}

fn trusting(authority: &Authority) -> Tls {
    let pem = Pem { name: "corp.pem".into(), text: authority.pem.clone().into_bytes() };
    Tls { authorities: vec![pem], only_these: true, ..Tls::default() }
}

fn ask(client: &Client, address: SocketAddr) -> Result<Vec<u8>, FetchError> {
    let urls = vec![Url::parse(&format!("https://localhost:{}/a", address.port())).unwrap()];
    client.fetch_bytes(&Job { name: "the file".into(), urls, size: Size::Exact(6) }, &Silent)
}

fn tls_fault(error: &FetchError) -> &str {
    match error.fault() {
        Some(Fault::Tls { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_company_s_own_authority_is_trusted_when_given() {
    let corp = authority();
    let address = serve(&corp, "localhost", NOW, None);
    let client_of_corp = client(trusting(&corp));
    for _ in 0..2 {
        assert_eq!(ask(&client_of_corp, address).unwrap(), b"secure");
    }
    // Beside the system's authorities too.
    let beside = Tls { only_these: false, ..trusting(&corp) };
    assert_eq!(ask(&client(beside), address).unwrap(), b"secure");
    let error = ask(&client(Tls::default()), address).unwrap_err();
    assert!(tls_fault(&error).contains("no authority that is trusted here"), "{error}");
    assert!(error.hint().unwrap().contains("ca-certificates"));
}

#[test]
fn each_certificate_problem_has_its_words() {
    let corp = authority();
    let client = client(trusting(&corp));
    let expired = serve(&corp, "localhost", (2001, 2002), None);
    assert!(tls_fault(&ask(&client, expired).unwrap_err()).contains("has expired"));
    let future = serve(&corp, "localhost", (2089, 2090), None);
    assert!(tls_fault(&ask(&client, future).unwrap_err()).contains("not valid yet"));
    let other = serve(&corp, "other.example", NOW, None);
    assert!(tls_fault(&ask(&client, other).unwrap_err()).contains("another name"));
    let plain = Server::start(|_| Reply::ok("plain"));
    let error = ask(&client, plain.address()).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Tls { .. } | Fault::Dropped { .. })), "{error:?}");
}

/// What `openssl req -x509` makes: signed by itself, and an authority's.
fn signed_by_itself(name: &str, years: (i32, i32)) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    (params.self_signed(&key).unwrap(), key)
}

#[test]
fn a_certificate_signed_by_itself_is_good_when_it_is_trusted_itself() {
    let trusting = |pem: String| {
        let pem = Pem { name: "registry.crt".into(), text: pem.into_bytes() };
        client(Tls { authorities: vec![pem], only_these: true, ..Tls::default() })
    };
    let (certificate, key) = signed_by_itself("localhost", NOW);
    let pem = certificate.pem();
    let address = serve_with((certificate, key), None);
    assert_eq!(ask(&trusting(pem), address).unwrap(), b"secure");
    // Another of the same name is not this one.
    let (other, _) = signed_by_itself("localhost", NOW);
    let error = ask(&trusting(other.pem()), address).unwrap_err();
    assert!(tls_fault(&error).contains("no authority that is trusted here"), "{error}");
    // Its name and its time count as ever.
    for (name, years, word) in [
        ("other.example", NOW, "another name"),
        ("localhost", (2001, 2002), "has expired"),
        ("localhost", (2089, 2090), "not valid yet"),
    ] {
        let (certificate, key) = signed_by_itself(name, years);
        let pem = certificate.pem();
        let error = ask(&trusting(pem), serve_with((certificate, key), None)).unwrap_err();
        assert!(tls_fault(&error).contains(word), "{error}");
    }
}

#[test]
fn a_client_certificate_opens_the_door() {
    let corp = authority();
    let address = serve(&corp, "localhost", NOW, Some(&corp));
    let error = ask(&client(trusting(&corp)), address).unwrap_err();
    assert!(matches!(error.fault(), Some(Fault::Tls { .. } | Fault::Dropped { .. })), "{error:?}");
    let (certificate, key) = issue(&corp, "me", NOW);
    let chain = Pem { name: "me.pem".into(), text: certificate.pem().into_bytes() };
    let mine = Tls { client: Some((chain.clone(), Secret::new(key.serialize_pem()))), ..trusting(&corp) };
    assert_eq!(ask(&client(mine), address).unwrap(), b"secure");
    // A key that is another's, or none at all, is an error and no panic.
    let stranger = KeyPair::generate().unwrap().serialize_pem();
    for key in [stranger.as_str(), "no key"] {
        let bad = Tls { client: Some((chain.clone(), Secret::new(key))), ..trusting(&corp) };
        let error = ask(&client(bad), address).unwrap_err();
        assert!(
            matches!(error.fault(), Some(Fault::TlsSetup { cause }) if cause.contains("me.pem")),
            "{error:?}"
        );
    }
}

#[test]
fn what_holds_for_one_host_does_not_for_another() {
    let corp = authority();
    let (mine, other) = (serve(&corp, "localhost", NOW, Some(&corp)), serve(&corp, "localhost", NOW, None));
    let (certificate, key) = issue(&corp, "me", NOW);
    let pem = |name: &str, text: String| Pem { name: name.into(), text: text.into_bytes() };
    let entry = HostTls {
        host: format!("localhost:{}", mine.port()),
        authorities: vec![pem("corp.pem", corp.pem.clone())],
        client: Some((pem("me.pem", certificate.pem()), Secret::new(key.serialize_pem()))),
    };
    let client = client(Tls { hosts: vec![entry], ..Tls::default() });
    assert_eq!(ask(&client, mine).unwrap(), b"secure");
    let error = ask(&client, other).unwrap_err();
    assert!(tls_fault(&error).contains("no authority that is trusted here"), "{error}");
}

#[test]
fn files_that_are_no_certificates_are_named() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let pem = Pem { name: "corp.pem".into(), text: text.into() };
        let client = client(Tls { authorities: vec![pem], ..Tls::default() });
        // Nothing is read before the first https request: http works.
        let plain = Server::start(|_| Reply::ok("secure"));
        let urls = vec![Url::parse(&plain.url("/")).unwrap()];
        client.fetch_bytes(&Job { name: "x".into(), urls, size: Size::Exact(6) }, &Silent).unwrap();
        let error = ask(&client, plain.address()).unwrap_err();
        assert!(
            matches!(error.fault(), Some(Fault::TlsSetup { cause }) if cause.contains("corp.pem")),
            "{error:?}"
        );
    }
}

#[test]
fn https_goes_through_a_tunnel() {
    let corp = authority();
    let address = serve(&corp, "localhost", NOW, None);
    let proxy = Server::start(move |_| Reply::tunnel(address));
    let proxies = Proxies::none().with(ProxyRule::Https(&proxy.url(""))).unwrap();
    let options = Options { tls: trusting(&corp), proxies, attempts: 1, ..Options::default() };
    assert_eq!(ask(&Client::new(options), address).unwrap(), b"secure");
    assert_eq!(proxy.received()[0].method, "CONNECT");
}

#[test]
fn a_secure_start_does_not_end_in_the_open() {
    let corp = authority();
    let (certificate, key) = issue(&corp, "localhost", NOW);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let plain = Server::start(|_| Reply::ok("secure"));
    let there = plain.url("/");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
        let _ = read_request(&mut reader);
        let _ = write_reply(reader.get_mut(), &Reply::redirect(&there));
    });
    let error = ask(&client(trusting(&corp)), address).unwrap_err();
    server.join().unwrap();
    assert!(matches!(error.fault(), Some(Fault::Redirect { why }) if why.contains("https to")), "{error:?}");
    assert!(plain.received().is_empty());
}
