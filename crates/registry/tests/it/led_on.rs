//! Where a registry leads: to its storage, to its next page; and what is said there of who asks.

use std::io::Read as _;

use diag::Kind;
use image::{Sink as _, Source as _};
use registry::{Options, Repository};
use testkit::http::{Reply, Server};
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::door::{Door, along, client, forward, street};
use crate::logins::{basic, with};
use crate::world::{bytes, image, layer, password, shown, told};

const NAME: &str = "registry.example";
const STORE: &str = "store.example";

/// A registry that keeps its blobs at [`STORE`], the door to each.
fn two_doors(registry: &Registry, blob: &[u8]) -> [Door; 2] {
    let (behind, blob) = (registry.host(), blob.to_vec());
    let front = Door::open(NAME, move |request| {
        if request.method == "GET" && request.target.contains("/blobs/") {
            return Reply::redirect(&format!("https://{STORE}{}?signature=x", request.target));
        }
        forward(&behind, request).unwrap()
    });
    let store = Door::open(STORE, move |request| match request.method.as_str() {
        "GET" => Reply::ok(blob.clone()),
        _ => Reply::new(201, ""),
    });
    [front, store]
}

fn open(street: &Server, trusted: &[&Door], insecure: &[&str]) -> Repository {
    let insecure = insecure.iter().map(|h| (*h).to_owned()).collect();
    let options = Options { insecure, ..password("u", "p") };
    client(trusted, along(street), options).repository(&format!("{NAME}/a").parse().unwrap()).unwrap()
}

fn read(there: &Repository, all: &[u8]) -> Result<(), diag::Diagnostic> {
    let mut found = Vec::new();
    there.blob(&layer(all), 0)?.read_to_end(&mut found).unwrap();
    assert_eq!(found, all);
    Ok(())
}

#[test]
fn a_certificate_is_excused_wherever_the_user_said_so_and_nowhere_else() {
    let all = bytes(1, 1000);
    let registry = with(basic());
    let [front, store] = two_doors(&registry, &all);
    let street = street(&[&front, &store]);
    let location = || Deed::Header("Location".into(), format!("https://{STORE}/upload?signature=x"));
    let excused: [(&[&Door], &[&str]); 5] = [
        (&[], &[NAME, STORE]),
        (&[], &[NAME, "STORE.example:443"]),
        (&[&front], &[STORE]),
        (&[&store], &[NAME]),
        (&[&front, &store], &[]),
    ];
    for (trusted, insecure) in excused {
        let there = open(&street, trusted, insecure);
        read(&there, &all).unwrap();
        registry.fail(Fault::once("POST", "/uploads/", location()).times(2));
        there.put(&layer(b""), &mut &b""[..]).unwrap();
    }
    let before = store.asked().len();
    let others: [(&[&Door], &[&str]); 4] = [
        (&[], &[NAME]),
        (&[&front], &[]),
        (&[&front], &[NAME]),
        (&[], &[NAME, "store.example:8443", "example", "a.store.example"]),
    ];
    for (trusted, insecure) in others {
        let there = open(&street, trusted, insecure);
        let error = read(&there, &all).unwrap_err();
        assert_eq!(error.kind, Kind::Network, "{}", shown(&error));
        assert!(shown(&error).contains(&format!("--insecure-registry {STORE}")), "{}", shown(&error));
        registry.fail(Fault::once("POST", "/uploads/", location()).times(2));
        let error = told(there.put(&layer(b""), &mut &b""[..]).unwrap_err());
        assert!(shown(&error).contains(&format!("--insecure-registry {STORE}")), "{}", shown(&error));
    }
    assert_eq!(store.asked().len(), before);
    assert!(store.asked().iter().all(|r| r.header("authorization").is_none()), "{:#?}", store.asked());
    assert!(street.received().iter().all(|r| r.method == "CONNECT"), "{:#?}", street.received());
}

#[test]
fn the_next_page_is_asked_as_the_first_was() {
    // Behind the proxy nobody knows of TLS, nor of the proxy's port.
    for (called, led) in [
        ("http://registry.example", true),
        ("http://registry.example:5000", true),
        ("https://registry.example", true),
        ("http://store.example", false),
        ("https://store.example", false),
    ] {
        let setup = Setup { page: 2, called: Some(called.to_owned()), ..Setup::default() };
        let registry = Registry::start(setup);
        let made = image("amd64", &[]);
        let subject = registry.add_manifest("a", "1", "x/y", made.document.bytes());
        for n in 2..6 {
            let bytes = format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","n":{n},"subject":{{"digest":"{subject}"}}}}"#
            );
            registry.add_manifest("a", &n.to_string(), "x/y", bytes.as_bytes());
        }
        let [door, store] = [Door::before(&registry, NAME), Door::open(STORE, |_| Reply::new(500, ""))];
        let street = street(&[&door, &store]);
        let there = open(&street, &[&door, &store], &[]);
        let (tags, referrers) = (there.tags(), there.referrers(&made.document.digest(), None));
        if led {
            assert_eq!(tags.unwrap(), ["1", "2", "3", "4", "5"], "{called}");
            assert_eq!(referrers.unwrap().len(), 4, "{called}");
        } else {
            for error in [told(tags.unwrap_err()), told(referrers.unwrap_err())] {
                assert!(error.message.contains("its next page"), "{error}");
            }
        }
        assert!(store.asked().is_empty(), "{called}");
        assert!(street.received().iter().all(|r| r.method == "CONNECT"), "{:#?}", street.received());
    }
}
