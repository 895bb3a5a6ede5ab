//! Token servers behind TLS: whose certificate is believed, and who is told the password.

use std::sync::{Arc, Mutex};

use diag::Kind;
use fetch::Proxies;
use image::Source as _;
use registry::{Options, Repository};
use testkit::http::{Received, Reply};

use crate::door::{Door, client};
use crate::world::{Made, bytes, image, password, shown, told};

/// A registry that wants a token of the server at `realm`, and has one image.
fn registry(realm: Arc<Mutex<String>>, made: &Made) -> Door {
    let manifest = made.document.bytes().to_vec();
    Door::open("127.0.0.1", move |request| {
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
    let client = client(trusted, Proxies::none(), options);
    client.repository(&format!("{}/a", registry.host).parse().unwrap()).unwrap()
}

#[test]
fn a_token_server_is_believed_by_its_own_certificate() {
    let made = image("amd64", &[bytes(1, 10)]);
    let tokens = Door::open("127.0.0.1", token);
    let registry = registry(Arc::new(Mutex::new(tokens.host.clone())), &made);
    let digest = |there: Repository| there.document("1").map(|d| d.digest());

    // Both authorities are known.
    assert_eq!(digest(repository(&registry, &[], &[&registry, &tokens])).unwrap(), made.document.digest());
    // The user has called both insecure.
    assert_eq!(digest(repository(&registry, &[&registry, &tokens], &[])).unwrap(), made.document.digest());

    // Who calls a registry insecure has said nothing of where it sends the password.
    let before = tokens.asked().len();
    for there in [repository(&registry, &[&registry], &[]), repository(&registry, &[], &[&registry])] {
        let error = told(digest(there).unwrap_err());
        let all = shown(&error);
        assert_eq!(error.kind, Kind::Network, "{all}");
        assert!(all.contains("no authority that is trusted here") && all.contains(&tokens.host), "{all}");
        assert!(all.contains(&format!("--insecure-registry {}", tokens.host)), "{all}");
        assert!(!all.contains("sesame"), "{all}");
    }
    assert_eq!(tokens.asked().len(), before);
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
