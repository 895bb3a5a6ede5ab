//! Registries, and proxies before them, that do not answer what would only save work.

use std::time::Duration;

use image::{Layout, Sink as _};
use registry::{Client, Options};
use testkit::http::{Reply, Server};
use testkit::registry::{Deed, Fault, Logins, Registry, Setup};

use crate::logins::{basic, tokens, with};
use crate::world::{bytes, image, layer, open, open_with, password, plain, quick, told};

fn refuse(registry: &Registry, method: &str, path: &str, status: u16) {
    registry.fail(Fault::once(method, path, Deed::Status(status, String::new())).times(999));
}

#[test]
fn whoever_may_not_look_may_still_push() {
    let made = image("amd64", &[bytes(1, 1000), bytes(2, 10)]);
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    made.push(&layout, "1").unwrap();
    for status in [400, 401, 403, 405] {
        let registry = with(tokens(1000));
        refuse(&registry, "HEAD", "/a/", status);
        let there = open_with(&registry, "a", password("u", "p"));
        assert_eq!(image::copy(&layout, "1", &there, "1").unwrap(), made.document.digest(), "{status}");
        assert_eq!(registry.manifest("a", "1").unwrap(), made.document.bytes());
        registry.check().unwrap();
    }
    // What passes is waited for; what does not is no answer either.
    let registry = plain();
    refuse(&registry, "HEAD", "/a/manifests/", 503);
    assert!(image::copy(&layout, "1", &open(&registry, "a"), "1").is_err());
    assert_eq!(registry.manifest("a", "1"), None);
}

#[test]
fn a_wrong_login_is_told_at_once() {
    let logins: [Logins; 2] = [basic(), tokens(1000)];
    for logins in logins {
        let registry = with(logins);
        let there = open_with(&registry, "a", password("eve", "hunter2"));
        let error = told(there.published("1").unwrap_err());
        assert!(error.message.contains("answered 401"), "{error}");
        assert!(registry.requests().len() <= 4, "{:#?}", registry.requests());
    }
}

#[test]
fn a_digest_is_found_without_head() {
    let made = image("amd64", &[]);
    for status in [403, 404, 405] {
        let registry = plain();
        let there = open(&registry, "a");
        made.push(&there, "1").unwrap();
        refuse(&registry, "HEAD", "/a/manifests/", status);
        let digest = made.document.digest();
        assert_eq!(there.digest_of("1").unwrap(), Some(digest), "{status}");
        assert_eq!(there.digest_of(&digest.to_string()).unwrap(), Some(digest), "{status}");
        assert_eq!(there.digest_of("2").unwrap(), None);
    }
}

#[test]
fn what_cannot_be_mounted_is_sent() {
    let all = bytes(1, 1000);
    for (status, tries) in [(500, 2), (503, 2), (501, 1), (403, 1)] {
        let registry = plain();
        let other = registry.add_blob("other", &all);
        refuse(&registry, "POST", "mount=", status);
        let there = open(&registry, "a");
        assert!(!there.mount(&layer(&all), "other").unwrap(), "{status}");
        there.put(&layer(&all), &mut &all[..]).unwrap();
        assert_eq!(registry.blob("a", &other).unwrap(), all);
        let asked = registry.requests().iter().filter(|r| r.target.contains("mount=")).count();
        assert_eq!(asked, tries, "{status}");
    }
    // One that only stumbled mounts.
    for deed in [Deed::Status(502, String::new()), Deed::BreakHead] {
        let registry = plain();
        registry.add_blob("other", &all);
        registry.fail(Fault::once("POST", "mount=", deed));
        assert!(open(&registry, "a").mount(&layer(&all), "other").unwrap());
    }
}

#[test]
fn a_mount_without_an_answer_is_no_reason_not_to_send() {
    let all = bytes(1, 1000);
    let registry = Registry::start(Setup { mounts: false, ..Setup::default() });
    registry.fail(Fault::once("POST", "mount=", Deed::BreakHead).times(99));
    let there = open(&registry, "a");
    assert!(!there.mount(&layer(&all), "other").unwrap());
    assert_eq!(registry.requests().iter().filter(|r| r.target.contains("mount=")).count(), 2);
    there.put(&layer(&all), &mut &all[..]).unwrap();
    assert_eq!(registry.blob("a", &layer(&all).digest.to_string()).unwrap(), all);
}

#[test]
fn the_user_may_stop_a_mount() {
    struct Stops;
    impl diag::Reporter for Stops {
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
    let options = Options { reporter: std::sync::Arc::new(Stops), ..Options::default() };
    let failed = open_with(&registry, "a", options).mount(&layer(b"x"), "other");
    assert!(matches!(failed, Err(image::TransportError::Stopped(_))), "{failed:?}");
}

/// Storage behind a registry may copy the bytes before it answers.
#[test]
fn a_slow_mount_is_waited_for() {
    let slow = Server::start(|request| match request.method.as_str() {
        "POST" => {
            std::thread::sleep(Duration::from_secs(2));
            Reply::new(201, "")
        }
        _ => Reply::ok("{}"),
    });
    // Only the look whether a registry answers there has so little time; on a busy machine it takes some looks.
    let fetch = fetch::Options { idle_timeout: Duration::from_millis(700), attempts: 60, ..quick() };
    let client = Client::new(&fetch::Client::new(fetch), Options::default());
    let name = format!("{}/a", slow.address());
    let there = client.repository(&name.parse().unwrap()).unwrap();
    assert!(there.mount(&layer(b"x"), "other").unwrap());
    assert_eq!(slow.received().iter().filter(|r| r.method == "POST").count(), 1);
}

#[test]
fn what_is_gone_after_a_lost_answer_was_removed() {
    let made = image("amd64", &[bytes(1, 10)]);
    let digest = made.document.digest().to_string();
    for deed in [Deed::BreakHead, Deed::DoneBut(502)] {
        for name in ["1", &digest] {
            let registry = plain();
            let there = open(&registry, "a");
            made.push(&there, "1").unwrap();
            registry.fail(Fault::once("DELETE", "/manifests/", deed.clone()));
            assert!(there.delete(name).unwrap(), "{name} {deed:?}");
            assert_eq!(registry.tags("a"), [""; 0]);
            assert!(!there.delete(name).unwrap(), "now there is none: {name} {deed:?}");
            registry.fail(Fault::once("DELETE", "/blobs/", deed.clone()));
            let blob = made.parts[0].0.digest;
            assert!(there.delete_blob(&blob).unwrap(), "{deed:?}");
            assert!(!there.delete_blob(&blob).unwrap(), "{deed:?}");
        }
    }
    // Whoever was too busy to look has removed nothing, nor has a token server that was.
    let registry = plain();
    registry.fail(Fault::once("DELETE", "/manifests/", Deed::Status(429, "0".into())));
    assert!(!open(&registry, "a").delete("1").unwrap());
    let registry = with(tokens(1000));
    registry.fail(Fault::once("GET", "/token", Deed::Status(503, "0".into())));
    registry.fail(Fault::once("GET", "/token", Deed::BreakHead));
    assert!(!open_with(&registry, "a", password("u", "p")).delete("1").unwrap());
}
