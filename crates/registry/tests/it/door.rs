//! Servers with TLS and names, which no server on the loopback has by itself.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fetch::{Pem, Proxies, ProxyRule, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use registry::{Client, Options};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use testkit::http::{Received, Reply, Server, read_request, write_answer};
use testkit::registry::Registry;

use crate::world::quick;

/// An https server on the loopback whose certificate is by an authority of its own.
pub(crate) struct Door {
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    name: String,
    authority: String,
    /// What came through the handshake.
    asked: Arc<Mutex<Vec<Received>>>,
}

impl Door {
    /// A server with a certificate for `name`.
    pub(crate) fn open(name: &str, answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Door {
        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of the same name they would be the same authority with another key.
        let own = oci::Digest::of(authority.public_key_raw()).to_string();
        params.distinguished_name.push(rcgen::DnType::CommonName, own);
        let pem = params.self_signed(&authority).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &Issuer::new(params, authority)).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (asked, answer) = (Arc::new(Mutex::default()), Arc::new(answer));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let (answer, log) = (Arc::clone(&answer), Arc::<Mutex<Vec<Received>>>::clone(&log));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
                    while let Ok(Some(request)) = read_request(&mut reader) {
                        log.lock().unwrap().push(request.clone());
                        if write_answer(reader.get_mut(), &request, &answer(&request)).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Door { host, name: name.to_owned(), authority: pem, asked }
    }

    /// A proxy that ends TLS before a registry; reads only.
    pub(crate) fn before(registry: &Registry, name: &str) -> Door {
        let behind = registry.host();
        Door::open(name, move |request| forward(&behind, request).unwrap())
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Received> {
        self.asked.lock().unwrap().clone()
    }
}

/// What the registry at that address answers.
pub(crate) fn forward(to: &str, request: &Received) -> io::Result<Reply> {
    let mut there = TcpStream::connect(to)?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    there.write_all(format!("{head}\r\n").as_bytes())?;
    let mut reader = BufReader::new(there);
    let answer = read_request(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = answer.target.parse().map_err(io::Error::other)?;
    let length = answer.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut body = vec![0; if request.method == "HEAD" { 0 } else { length }];
    reader.read_exact(&mut body)?;
    let mut reply = Reply::new(status, body).claiming(length as u64);
    for (name, value) in answer.headers.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("content-length")) {
        reply = reply.header(name, value);
    }
    Ok(reply)
}

/// A proxy that knows where the names of these doors are; whatever is asked over an open line, or of
/// somebody else, is refused and stays in its log.
pub(crate) fn street(doors: &[&Door]) -> Server {
    let places: Vec<_> = doors.iter().map(|d| (format!("{}:443", d.name), d.host.parse().unwrap())).collect();
    Server::start(move |request| match places.iter().find(|(name, _)| *name == request.target) {
        Some((_, place)) if request.method == "CONNECT" => Reply::tunnel(*place),
        _ => Reply::new(502, "nobody of that name is here"),
    })
}

/// By way of a [`street`].
pub(crate) fn along(street: &Server) -> Proxies {
    Proxies::none().with(ProxyRule::All(&street.url(""))).unwrap()
}

/// A client that trusts these doors' authorities only.
pub(crate) fn client(trusted: &[&Door], proxies: Proxies, options: Options) -> Client {
    let pem = |d: &&Door| Pem { name: "a test's authority".into(), text: d.authority.clone().into_bytes() };
    let tls = Tls { authorities: trusted.iter().map(pem).collect(), only_these: true, ..Tls::default() };
    Client::new(&fetch::Client::new(fetch::Options { tls, proxies, ..quick() }), options)
}
