//! What a user is told.

use diag::Kind;
use image::{Sink as _, Source as _};
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::world::{bytes, image, layer, open, plain, shown, told};

#[test]
fn names_what_was_asked_of_whom() {
    let registry = plain();
    let there = open(&registry, "acme/app");
    let host = registry.host();
    let error = told(there.document("1.0").unwrap_err());
    assert_eq!(
        error.message,
        format!(
            "cannot read the manifest `1.0` of {host}/acme/app: \
             the registry answered 404 (MANIFEST_UNKNOWN: manifest unknown)"
        )
    );
    assert_eq!(
        error.details,
        [format!("asked: GET http://{host}/v2/acme/app/manifests/1.0"), "without a login".to_owned()]
    );
    assert_eq!(error.kind, Kind::Network);
    assert!(error.hint.as_deref().unwrap().contains(&format!("distil ls {host}/acme/app")));
    let error = told(there.tags().unwrap_err());
    assert!(error.message.starts_with(&format!("cannot list the tags of {host}/acme/app: ")), "{error}");
    assert!(error.message.contains("NAME_UNKNOWN"), "{error}");
    let part = layer(&bytes(1, 10));
    let error = told(there.blob(&part, 0).map(drop).unwrap_err());
    assert!(
        error.message.starts_with(&format!("cannot read {} of {host}/acme/app: ", part.digest)),
        "{error}"
    );
}

#[test]
fn trouble_that_lasts_is_told_with_what_to_do() {
    for (status, word) in
        [(500, "trouble"), (503, "trouble"), (429, "try again later"), (403, "distil login")]
    {
        let registry = plain();
        registry.fail(Fault::once("GET", "/manifests/", Deed::Status(status, String::new())).times(99));
        let error = told(open(&registry, "a").document("1").unwrap_err());
        assert_eq!(error.kind, Kind::Network);
        assert!(error.message.contains(&status.to_string()), "{error}");
        assert!(error.hint.clone().unwrap().contains(word), "{}", shown(&error));
        let tries = registry.requests().iter().filter(|r| r.target.contains("/manifests/")).count();
        assert_eq!(tries, if status == 403 { 1 } else { 4 }, "{status}");
    }
}

#[test]
fn a_registry_cannot_move_the_terminal() {
    let registry = plain();
    let escape = "{\"manifests\":[],\"mediaType\":\"\\u001b[2J\"}";
    for bytes in [&b"\x1b[2J"[..], escape.as_bytes()] {
        registry.add_manifest("a", "1", "x/y", bytes);
        let error = told(open(&registry, "a").document("1").unwrap_err());
        assert!(!shown(&error).chars().any(|c| c.is_control() && c != '\n'), "{}", shown(&error));
    }
}

#[test]
fn what_a_registry_does_not_do_is_said() {
    let registry = Registry::start(Setup { deletes_tags: false, ..Setup::default() });
    let there = open(&registry, "a");
    image("amd64", &[]).push(&there, "1").unwrap();
    let error = told(there.delete("1").unwrap_err());
    assert!(
        error.message.starts_with("cannot delete the tag `1` of") && error.message.contains("UNSUPPORTED"),
        "{error}"
    );
    assert!(error.hint.as_deref().unwrap().contains("@sha256"));
    assert_eq!(registry.tags("a"), ["1"]);
}

#[test]
fn nobody_there_is_said_at_once() {
    let host = plain().host();
    let there = crate::world::client(registry::Options::default())
        .repository(&format!("{host}/a").parse().unwrap())
        .unwrap();
    let error = told(there.document("1").unwrap_err());
    assert_eq!(error.kind, Kind::Network, "{}", shown(&error));
    assert!(error.message.contains(&format!("of {host}/a: ")), "{error}");
    assert!(error.hint.is_some());
}

#[test]
fn a_cancelled_transfer_stops() {
    struct Stopped;
    impl diag::Reporter for Stopped {
        fn begin(&self, _: &str, _: Option<u64>, _: diag::Unit) -> diag::TaskId {
            diag::TaskId(0)
        }
        fn advance(&self, _: diag::TaskId, _: u64) {}
        fn end(&self, _: diag::TaskId) {}
        fn note(&self, _: diag::Note) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let registry = plain();
    let options = registry::Options { reporter: std::sync::Arc::new(Stopped), ..Default::default() };
    let there = crate::world::open_with(&registry, "a", options);
    let error = told(there.document("1").unwrap_err());
    assert!(error.to_string().contains("stopped by the user") && error.kind == Kind::Machine, "{error}");
    let all = bytes(1, 10);
    assert!(there.put(&layer(&all), &mut &all[..]).is_err());
    assert_eq!(registry.requests(), []);
}
