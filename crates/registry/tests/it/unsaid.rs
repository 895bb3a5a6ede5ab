//! Registries, and proxies before them, that do not answer what would only save work.

use image::{Layout, Sink as _};
use testkit::registry::{Deed, Fault, Logins, Registry};

use crate::logins::{basic, tokens, with};
use crate::world::{bytes, image, layer, open, open_with, password, plain, told};

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
    let registry = plain();
    registry.add_blob("other", &all);
    registry.fail(Fault::once("POST", "mount=", Deed::Status(502, String::new())));
    assert!(open(&registry, "a").mount(&layer(&all), "other").unwrap());
}
