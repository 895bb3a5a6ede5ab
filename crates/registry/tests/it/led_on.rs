//! Where a registry leads: to its storage, to its next page; and what is said there of who asks.

use std::io::Read as _;

use diag::Kind;
use image::{Sink as _, Source as _};
use registry::{Options, Repository};
use testkit::http::{Reply, Server};
use testkit::registry::{Deed, Fault, Registry};

use crate::door::{Door, along, client, forward, street};
use crate::logins::{basic, with};
use crate::world::{bytes, layer, password, shown, told};

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
