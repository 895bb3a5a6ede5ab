//! Token servers behind TLS: whose certificate is believed, and who is told the password.

use std::io::BufReader;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use diag::Kind;
use fetch::{Pem, Tls};
use image::Source as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use registry::{Client, Options, Repository};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use testkit::http::{Received, Reply, read_request, write_reply};

use crate::world::{Made, bytes, image, password, quick, shown, told};

/// An https server on the loopback whose certificate is by an authority of its own.
struct Door {
    host: String,
    authority: String,
    /// How many requests came through the handshake.
    asked: Arc<AtomicUsize>,
}

impl Door {
    fn open(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Door {
        let authority = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Of the same name they would be the same authority with another key.
        let name = oci::Digest::of(authority.public_key_raw()).to_string();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let pem = params.self_signed(&authority).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&key, &Issuer::new(params, authority)).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(answer));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
                    while let Ok(Some(request)) = read_request(&mut reader) {
                        count.fetch_add(1, Ordering::SeqCst);
                        if write_reply(reader.get_mut(), &answer(&request)).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Door { host, authority: pem, asked }
    }
}

/// A registry that wants a token of the server at `realm`, and has one image.
fn registry(realm: Arc<Mutex<String>>, made: &Made) -> Door {
    let manifest = made.document.bytes().to_vec();
    Door::open(move |request| {
        if request.target.starts_with("/token") {
            return token(request);
        }
        if request.header("authorization") != Some("Bearer good") {
            let realm = realm.lock().unwrap();
            let challenge = format!(r#"Bearer realm="https://{realm}/token",service="a test""#);
            return Reply::new(401, "").header("WWW-Authenticate", &challenge);
        }
        Reply::ok(manifest.clone()).header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
    })
}

/// `u:open sesame` gets a token.
fn token(request: &Received) -> Reply {
    match request.header("authorization") {
        Some("Basic dTpvcGVuIHNlc2FtZQ==") => Reply::ok(r#"{"token":"good"}"#),
        _ => Reply::new(401, ""),
    }
}

fn repository(registry: &Door, insecure: &[&Door], trusted: &[&Door]) -> Repository {
    let insecure = insecure.iter().map(|d| d.host.clone()).collect();
    let options = Options { insecure, ..password("u", "open sesame") };
    let pem = |d: &&Door| Pem { name: "a test's authority".into(), text: d.authority.clone().into_bytes() };
    let tls = Tls { authorities: trusted.iter().map(pem).collect(), only_these: true, ..Tls::default() };
    let client = Client::new(&fetch::Client::new(fetch::Options { tls, ..quick() }), options);
    client.repository(&format!("{}/a", registry.host).parse().unwrap()).unwrap()
}

#[test]
fn a_token_server_is_believed_by_its_own_certificate() {
    let made = image("amd64", &[bytes(1, 10)]);
    let tokens = Door::open(token);
    let registry = registry(Arc::new(Mutex::new(tokens.host.clone())), &made);
    let digest = |there: Repository| there.document("1").map(|d| d.digest());

    // Both authorities are known.
    assert_eq!(digest(repository(&registry, &[], &[&registry, &tokens])).unwrap(), made.document.digest());
    // The user has called both insecure.
    assert_eq!(digest(repository(&registry, &[&registry, &tokens], &[])).unwrap(), made.document.digest());

    // Who calls a registry insecure has said nothing of where it sends the password.
    let before = tokens.asked.load(Ordering::SeqCst);
    for there in [repository(&registry, &[&registry], &[]), repository(&registry, &[], &[&registry])] {
        let error = told(digest(there).unwrap_err());
        let all = shown(&error);
        assert_eq!(error.kind, Kind::Network, "{all}");
        assert!(all.contains("no authority that is trusted here") && all.contains(&tokens.host), "{all}");
        assert!(all.contains(&format!("--insecure-registry {}", tokens.host)), "{all}");
        assert!(!all.contains("sesame"), "{all}");
    }
    assert_eq!(tokens.asked.load(Ordering::SeqCst), before);
}

#[test]
fn a_registry_that_gives_its_tokens_itself_is_one_server() {
    let made = image("amd64", &[bytes(1, 10)]);
    let realm = Arc::new(Mutex::new(String::new()));
    let registry = registry(Arc::clone(&realm), &made);
    realm.lock().unwrap().clone_from(&registry.host);
    let there = repository(&registry, &[&registry], &[]);
    assert_eq!(there.document("1").unwrap().digest(), made.document.digest());
}
