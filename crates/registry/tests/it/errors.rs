//! What a user is told.

use std::io::Read as _;

use diag::Kind;
use image::{Sink as _, Source as _};
use registry::Repository;
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::logins::{basic, with};
use crate::world::{bytes, image, layer, open, open_with, password, plain, shown, told};

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
    let nobody = testkit::Port::reserve();
    let host = nobody.address();
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

#[test]
fn what_is_wrong_with_an_answer_names_who_asked_and_where() {
    let all = bytes(1, 3_000_000);
    let part = layer(&all);
    let made = image("amd64", &[]);
    let manifest = format!("manifests/{}", made.document.digest());
    let blob = format!("blobs/{}", part.digest);
    let header = |name: &str, value: &str| Deed::Header(name.to_owned(), value.to_owned());
    let zeros = format!("sha256:{}", "0".repeat(64));
    let read = |there: &Repository| -> Result<usize, diag::Diagnostic> {
        there.blob(&part, 0)?.read_to_end(&mut Vec::new()).map_err(carried)
    };
    for (method, path, deed) in [
        ("GET", "manifests/1", Deed::WrongByte),
        ("GET", manifest.as_str(), header("Content-Type", "application/vnd.oci.image.index.v1+json")),
        ("GET", "tags/list", Deed::WrongByte),
        ("GET", "referrers/", Deed::WrongByte),
        ("GET", blob.as_str(), Deed::Truncate(10)),
        ("GET", blob.as_str(), Deed::BreakReply(10)),
        ("PUT", "manifests/2", header("Docker-Content-Digest", &zeros)),
        ("PUT", "blobs/uploads/", header("Docker-Content-Digest", &zeros)),
        ("PATCH", "blobs/uploads/", header("Range", "0-9999999")),
        ("POST", "blobs/uploads/", header("Location", "ftp://x/")),
    ] {
        let registry = with(basic());
        let there = open_with(&registry, "a", password("u", "p"));
        made.push(&there, "1").unwrap();
        registry.add_blob("a", &all);
        registry.fail(Fault::once(method, path, deed.clone()).times(9));
        let done = match (method, path) {
            ("GET", "tags/list") => there.tags().map(drop).map_err(told),
            ("GET", "referrers/") => there.referrers(&made.document.digest(), None).map(drop).map_err(told),
            ("GET", path) if path == blob => read(&there).map(drop).map_err(told),
            ("GET", path) => there.document(path.strip_prefix("manifests/").unwrap()).map(drop).map_err(told),
            ("PUT", "manifests/2") => made.push(&there, "2").map(drop).map_err(told),
            ("PUT", _) => there.put(&layer(b"x"), &mut &b"x"[..]).map_err(told),
            _ => there.put(&part, &mut &all[..]).map_err(told),
        };
        let error = done.unwrap_err();
        let asked = format!("asked: {method} http://{}/v2/a/{path}", registry.host());
        assert!(shown(&error).contains(&asked), "{path} {deed:?}: {}", shown(&error));
        assert!(shown(&error).contains("logged in as `u` from a test's file"), "{path}: {}", shown(&error));
    }
    // What storage gives, it gives to nobody in particular.
    let setup = Setup { logins: basic(), blobs_elsewhere: true, ..Setup::default() };
    let registry = Registry::start(setup);
    registry.add_blob("a", &all);
    registry.fail(Fault::once("GET", &format!("/{}?secret", part.digest), Deed::Truncate(10)).times(9));
    let there = open_with(&registry, "a", password("u", "p"));
    let error = told(read(&there).unwrap_err());
    assert!(shown(&error).contains("without a login"), "{}", shown(&error));
    let asked = error.details.iter().find(|d| d.starts_with("asked: ")).unwrap();
    assert!(!asked.contains(&registry.host()) && asked.contains(&part.digest.to_string()), "{asked}");
}

/// What a reader of a blob carries.
fn carried(error: std::io::Error) -> diag::Diagnostic {
    let inner = error.into_inner().unwrap().downcast::<image::Carried>();
    inner.unwrap().0
}
