//! Where a name leads: mirrors, rewritten names, and with what security.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use diag::Kind;
use image::{Sink as _, Source as _};
use oci::{Descriptor, MediaType};
use registry::{Options, Rewrite};
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::referrers::attach;
use crate::world::{bytes, client, image, layer, open, open_with, plain, shown, told};

fn rewrite(prefix: &str, to: Option<String>, mirrors: Vec<String>) -> Options {
    Options { rewrites: vec![Rewrite { prefix: prefix.to_owned(), to, mirrors }], ..Options::default() }
}

fn mirrored(mirror: &Registry, home: &Registry) -> registry::Repository {
    mirrored_with(mirror, home, Arc::new(diag::Silent))
}

fn mirrored_with(
    mirror: &Registry,
    home: &Registry,
    reporter: Arc<dyn diag::Reporter>,
) -> registry::Repository {
    let mirrors = vec![format!("{}/cache", mirror.host())];
    let options = Options { reporter, ..rewrite("registry.example", Some(home.host()), mirrors) };
    client(options).repository(&"registry.example/acme/app".parse().unwrap()).unwrap()
}

/// What was warned of.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn warnings(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl diag::Reporter for Heard {
    fn begin(&self, _: &str, _: Option<u64>, _: diag::Unit) -> diag::TaskId {
        diag::TaskId(0)
    }
    fn advance(&self, _: diag::TaskId, _: u64) {}
    fn end(&self, _: diag::TaskId) {}
    fn note(&self, note: diag::Note) {
        if let diag::Note::Warning(text) = note {
            self.0.lock().unwrap().push(text);
        }
    }
    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn reads_come_from_the_mirror_and_writes_go_home() {
    let (mirror, home) = (plain(), plain());
    let there = mirrored(&mirror, &home);
    assert_eq!(there.name(), "registry.example/acme/app");
    let all = bytes(1, 100_000);
    let made = image("amd64", std::slice::from_ref(&all));
    made.push(&there, "1").unwrap();
    assert_eq!(mirror.requests(), []);
    assert_eq!(home.tags("acme/app"), ["1"]);
    made.push(&open(&mirror, "cache/acme/app"), "1").unwrap();
    home.forget_requests();
    let dir = tempfile::tempdir().unwrap();
    image::copy(&there, "1", &image::Layout::create(dir.path()).unwrap(), "1").unwrap();
    assert_eq!(home.requests(), []);
}

/// On the loopback the first question is the one that finds out how it is spoken there.
#[test]
fn nobody_asks_beforehand_how_it_is_spoken() {
    let registry = plain();
    let there = open(&registry, "a");
    assert_eq!(there.published("1").unwrap(), None);
    // What is hidden from strangers may look so: that is asked once.
    let asked = |registry: &Registry| {
        registry.requests().into_iter().map(|r| format!("{} {}", r.method, r.target)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&registry), ["HEAD /v2/a/manifests/1", "GET /v2/"]);
    let made = image("amd64", &[]);
    made.push(&there, "1").unwrap();
    registry.forget_requests();
    let there = open(&registry, "a");
    assert_eq!(there.published("1").unwrap(), Some(made.document.digest()));
    assert_eq!(asked(&registry), ["HEAD /v2/a/manifests/1"]);
}

#[test]
fn a_mirror_that_fails_is_passed_over() {
    let (mirror, home) = (plain(), plain());
    let there = mirrored(&mirror, &home);
    let all = bytes(1, 400_000);
    let made = image("amd64", std::slice::from_ref(&all));
    made.push(&there, "1").unwrap();
    // It has nothing; it has trouble; it gives other bytes; it breaks in the middle.
    assert_eq!(there.document("1").unwrap().bytes(), made.document.bytes());
    mirror.fail(Fault::once("GET", "/manifests/", Deed::Status(503, "9999".into())));
    assert_eq!(there.digest_of("1").unwrap(), Some(made.document.digest()));
    assert_eq!(there.document("1").unwrap().bytes(), made.document.bytes());
    made.push(&open(&mirror, "cache/acme/app"), "1").unwrap();
    mirror.fail(Fault::once("GET", "/manifests/", Deed::WrongByte));
    assert_eq!(there.document("1").unwrap().bytes(), made.document.bytes());
    mirror.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(100_000)));
    let mut got = Vec::new();
    there.blob(&layer(&all), 0).unwrap().read_to_end(&mut got).unwrap();
    assert_eq!(got, all);
    assert!(home.requests().iter().any(|r| r.method == "GET" && r.range.is_some()));
    mirror.fail(Fault::once("GET", "/tags/list", Deed::BreakHead));
    assert_eq!(there.tags().unwrap(), ["1"]);
}

/// As a page for people does that stands where a mirror was: it says no length, and does not end where the blob does.
#[test]
fn a_mirror_that_gives_too_much_is_passed_over() {
    let home = plain();
    let page =
        |_: &testkit::http::Received| testkit::http::Reply::ok("<html>".repeat(10_000)).without_length();
    let mirror = testkit::http::Server::start(page);
    let options = rewrite("registry.example", Some(home.host()), vec![format!("{}/cache", mirror.address())]);
    let there = client(options).repository(&"registry.example/acme/app".parse().unwrap()).unwrap();
    let made = image("amd64", &[bytes(1, 5_000)]);
    made.push(&there, "1").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = image::Layout::create(dir.path()).unwrap();
    let copied = image::copy(&there, "1", &layout, "1").unwrap();
    assert_eq!(copied, made.document.digest());
    assert!(mirror.received().iter().any(|r| r.target.contains("/blobs/")), "it was asked");
}

/// A mirror that nobody fetched some tags or signatures through has none of them, or some.
#[test]
fn a_mirrors_list_is_not_the_whole() {
    for (api, mirror_has_api) in [(true, true), (true, false), (false, true), (false, false)] {
        let start = |referrers| Registry::start(Setup { referrers, ..Setup::default() });
        let (mirror, home) = (start(mirror_has_api), start(api));
        let there = mirrored(&mirror, &home);
        let cache = open(&mirror, "cache/acme/app");
        let made = image("amd64", &[]);
        made.push(&there, "1").unwrap();
        made.push(&there, "2").unwrap();
        let subject = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
        let all = ["a", "b"].map(|note| attach(&there, &subject, "x/signature", note));
        let digests = || {
            let mut found = there.referrers(&subject.digest, None).unwrap();
            found.sort_by_key(|d| all.iter().position(|a| *a == d.digest));
            found.into_iter().map(|d| d.digest).collect::<Vec<_>>()
        };
        let ours = || there.tags().unwrap().into_iter().filter(|tag| tag.len() == 1).collect::<Vec<_>>();
        assert_eq!(digests(), all, "nothing at the mirror, {api} {mirror_has_api}");
        made.push(&cache, "1").unwrap();
        attach(&cache, &subject, "x/signature", "a");
        assert_eq!(digests(), all, "half of it at the mirror, {api} {mirror_has_api}");
        assert_eq!(ours(), ["1", "2"]);
    }
}

#[test]
fn a_mirrors_list_is_better_than_none_and_said() {
    let (mirror, home) = (plain(), plain());
    let heard = Arc::new(Heard::default());
    let there = mirrored_with(&mirror, &home, heard.clone());
    let made = image("amd64", &[]);
    let subject = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
    for path in ["/tags/", "/referrers/"] {
        home.fail(Fault::once("GET", path, Deed::Status(503, "9999".into())).times(99));
    }
    // An empty list, or none, is no answer.
    assert!(told(there.tags().unwrap_err()).message.contains("503"));
    assert!(told(there.referrers(&subject.digest, None).unwrap_err()).message.contains("503"));
    assert_eq!(heard.warnings(), [""; 0]);
    let cache = open(&mirror, "cache/acme/app");
    made.push(&cache, "1").unwrap();
    let signature = attach(&cache, &subject, "x/signature", "a");
    assert_eq!(there.tags().unwrap(), ["1"]);
    assert_eq!(there.referrers(&subject.digest, None).unwrap()[0].digest, signature);
    let said = heard.warnings();
    assert_eq!(said.len(), 2, "{said:?}");
    let place = format!("that its mirror {}/cache/acme/app has", mirror.host());
    assert!(said.iter().all(|text| text.contains("503") && text.ends_with(&place)), "{said:?}");
}

#[test]
fn at_home_no_mirror_is_asked() {
    let (mirror, home) = (plain(), plain());
    let there = mirrored(&mirror, &home);
    let (old, new) = (image("amd64", &[bytes(1, 10)]), image("amd64", &[bytes(2, 10)]));
    old.push(&open(&mirror, "cache/acme/app"), "1").unwrap();
    new.push(&there, "1").unwrap();
    mirror.forget_requests();
    assert_eq!(there.at_home().digest_of("1").unwrap(), Some(new.document.digest()));
    assert_eq!(there.at_home().document("1").unwrap().bytes(), new.document.bytes());
    assert_eq!(there.at_home().digest_of(&old.document.digest().to_string()).unwrap(), None);
    assert_eq!(mirror.requests(), []);
    assert_eq!(there.digest_of("1").unwrap(), Some(old.document.digest()));
}

#[test]
fn a_mirror_with_other_bytes_is_left() {
    let (mirror, home) = (plain(), plain());
    let there = mirrored(&mirror, &home);
    let made = image("amd64", &[bytes(1, 400_000), bytes(2, 5000)]);
    made.push(&there, "1").unwrap();
    made.push(&open(&mirror, "cache/acme/app"), "1").unwrap();
    mirror.fail(Fault::once("GET", "/blobs/", Deed::WrongByte));
    let dir = tempfile::tempdir().unwrap();
    let layout = image::Layout::create(dir.path()).unwrap();
    assert_eq!(image::copy(&there, "1", &layout, "1").unwrap(), made.document.digest());
    assert_eq!(
        mirror.requests().iter().filter(|r| r.method == "GET" && r.target.contains("/blobs/")).count(),
        1
    );
}

#[test]
fn without_tls_only_where_the_user_says_so() {
    // A name that is not the loopback's, so that only https is tried: nobody answers there.
    let asked = |insecure: Vec<String>| {
        let options = Options { insecure, ..Options::default() };
        let there = client(options).repository(&"registry.invalid:5000/a".parse().unwrap()).unwrap();
        told(there.document("1").unwrap_err())
    };
    let error = asked(Vec::new());
    assert_eq!(error.kind, Kind::Network);
    let all = shown(&error);
    assert!(all.contains("asked: GET https://registry.invalid:5000/v2/a/manifests/1"), "{all}");
    // Not the same name at another port.
    assert!(
        shown(&asked(vec!["registry.invalid:5001".into()])).contains("https://registry.invalid:5000/v2/a/")
    );
    let there = asked(vec!["registry.invalid".into()]);
    assert_eq!(there.kind, Kind::Network);
}

#[test]
fn a_host_that_is_none_is_a_usage_error() {
    for name in ["a b.example/x", "user:password@host.example/x", "host.example:port/x"] {
        let reference = oci::Reference {
            registry: Some(name.split('/').next().unwrap().to_owned()),
            repository: "x".to_owned(),
            tag: None,
            digest: None,
        };
        let failed = match client(Options::default()).repository(&reference) {
            Ok(there) => told(there.document("1").unwrap_err()),
            Err(error) => told(error),
        };
        assert_eq!(failed.kind, Kind::Usage, "{name}: {failed}");
        assert!(failed.hint.is_some());
    }
}

#[test]
fn no_tag_becomes_a_path() {
    let registry = plain();
    let there = open(&registry, "a");
    for name in ["../../b/manifests/1", "a/b", "1?x", "-", "%2e"] {
        let error = told(there.document(name).unwrap_err());
        assert_eq!(error.kind, Kind::Usage, "{name}: {error}");
        assert!(there.delete(name).is_err() && there.digest_of(name).is_err());
        let made = image("amd64", &[]);
        assert!(there.publish(name, &made.document).is_err());
    }
    assert_eq!(registry.requests(), []);
}

#[test]
fn what_is_no_tag_is_left_out_and_said() {
    let registry = plain();
    let long = "x".repeat(129);
    // The JSON's own escapes: a line end, and what begins a terminal's command.
    for tag in ["1.0", "latest", "a\\nb", "../../x", "a\\u001b[2J", "%2e", &long] {
        registry.add_manifest("a", tag, "x/y", b"{}");
    }
    let heard = Arc::new(Heard::default());
    let there = open_with(&registry, "a", Options { reporter: heard.clone(), ..Options::default() });
    assert_eq!(there.tags().unwrap(), ["1.0", "latest"]);
    let said = heard.warnings();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with(&format!("5 of the tags of {}/a are no tags", registry.host())), "{said:?}");
    assert!(said[0].contains("`../../x`") && said[0].ends_with(", …"), "{said:?}");
    assert!(!said[0].chars().any(char::is_control), "{said:?}");
}
