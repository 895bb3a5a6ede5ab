//! What can go wrong while an image is read.

use std::io::Read as _;
use std::time::Duration;

use diag::Kind;
use image::Source as _;
use registry::{Client, Options, Rewrite};
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::world::{bytes, image, layer, open, plain, quick, shown, told};

fn read(registry: &Registry, all: &[u8]) -> Result<Vec<u8>, diag::Diagnostic> {
    let there = open(registry, "a");
    let mut got = Vec::new();
    let part = layer(all);
    let mut reader = there.blob(&part, 0).map_err(told)?;
    let read = reader.read_to_end(&mut got);
    read.map_err(|e| told(image::TransportError::io("read", part.digest)(e)))?;
    Ok(got)
}

fn with_blob(setup: Setup) -> (Registry, Vec<u8>) {
    let registry = Registry::start(setup);
    let all = bytes(5, 700_000);
    registry.add_blob("a", &all);
    (registry, all)
}

fn ranges(registry: &Registry) -> Vec<Option<String>> {
    registry.requests().into_iter().filter(|r| r.target.contains("/blobs/")).map(|r| r.range).collect()
}

#[test]
fn goes_on_where_the_connection_broke() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(300_000)));
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(0)));
    assert_eq!(read(&registry, &all).unwrap(), all);
    let asked = ranges(&registry);
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0], None);
    assert!(asked[1].as_deref().is_some_and(|r| r.starts_with("bytes=") && r != "bytes=0-"), "{asked:?}");
}

#[test]
fn a_server_that_gives_no_ranges_is_heard_out() {
    let (registry, all) = with_blob(Setup { ranges: false, ..Setup::default() });
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(300_000)));
    assert_eq!(read(&registry, &all).unwrap(), all);
    let there = open(&registry, "a");
    let mut rest = Vec::new();
    there.blob(&layer(&all), 400_000).unwrap().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, all[400_000..]);
}

#[test]
fn a_server_that_refuses_ranges_gives_all() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(300_000)));
    registry.fail(Fault::once("GET", "/blobs/", Deed::Status(416, String::new())));
    assert_eq!(read(&registry, &all).unwrap(), all);
    let asked = ranges(&registry);
    assert!(matches!(&asked[..], [None, Some(_), None]), "{asked:?}");
}

#[test]
fn many_small_breaks_are_survived_while_something_comes() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(70_000)).times(9));
    assert_eq!(read(&registry, &all).unwrap(), all);
}

#[test]
fn a_line_that_always_breaks_ends() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(10)).times(100));
    let error = read(&registry, &all).unwrap_err();
    assert_eq!(error.kind, Kind::Network, "{error:?}");
    assert!(error.message.starts_with(&format!("cannot read {}", layer(&all).digest)), "{error}");
    assert!(registry.requests().len() < 12);
}

#[test]
fn too_many_requests_are_waited_for() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::Status(429, "0".into())));
    registry.fail(Fault::once("GET", "/blobs/", Deed::Status(503, "Sun, 06 Nov 1994 08:49:37 GMT".into())));
    assert_eq!(read(&registry, &all).unwrap(), all);
    // A time that we would not wait is not half waited for.
    registry.fail(Fault::once("GET", "/blobs/", Deed::Status(429, "3600".into())));
    let error = read(&registry, &all).unwrap_err();
    assert!(error.message.contains("429") && error.message.contains("slow down"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("wait 3600 s and try again"));
}

#[test]
fn a_slow_server_is_no_broken_one() {
    let registry = plain();
    let all = bytes(5, 20_000);
    registry.add_blob("a", &all);
    registry.fail(Fault::once("GET", "/blobs/", Deed::Slow(Duration::from_millis(2))));
    assert_eq!(read(&registry, &all).unwrap(), all);
    assert_eq!(ranges(&registry), [None]);
}

/// How a server drips, a kilobyte at a time: who is held up for seconds finds some fifty of them waiting, and drops
/// after that again.
const DRIPS: Deed = Deed::Slow(Duration::from_millis(100));

/// A client to whom a read of less than so many bytes is too little, however short it took.
fn asks_much(options: Options) -> Client {
    let floor = fetch::Floor { bytes: 2000, time: Duration::ZERO };
    Client::new(&fetch::Client::new(fetch::Options { floor, ..quick() }), options)
}

#[test]
fn what_drips_goes_on_elsewhere_where_it_stopped() {
    let (mirror, home) = (plain(), plain());
    let all = bytes(5, 700_000);
    for registry in [&mirror, &home] {
        registry.add_blob("a", &all);
    }
    mirror.fail(Fault::once("GET", "/blobs/", DRIPS));
    let mirrors = vec![mirror.host()];
    let rule = Rewrite { prefix: "registry.example".to_owned(), to: Some(home.host()), mirrors };
    let client = asks_much(Options { rewrites: vec![rule], ..Options::default() });
    let there = client.repository(&"registry.example/a".parse().unwrap()).unwrap();
    let mut got = Vec::new();
    there.blob(&layer(&all), 0).unwrap().read_to_end(&mut got).unwrap();
    assert_eq!((got == all, ranges(&mirror).len()), (true, 1));
    let rest = ranges(&home)[0].clone();
    assert!(rest.as_deref().is_some_and(|r| r.starts_with("bytes=") && r != "bytes=0-"), "{rest:?}");
}

#[test]
fn what_only_drips_is_told_for_what_it_is() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", DRIPS).times(100));
    let there = asks_much(Options::default());
    let there = there.repository(&format!("{}/a", registry.host()).parse().unwrap()).unwrap();
    let part = layer(&all);
    let read = there.blob(&part, 0).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    let error = told(image::TransportError::io("read", part.digest)(read));
    let said = format!("cannot read {} of {}/a: it gave only ", part.digest, registry.host());
    assert!(error.message.starts_with(&said) && error.kind == Kind::Network, "{error}");
    assert_eq!(error.hint.as_deref(), Some("try again; parts that arrived whole are not sent again"));
    assert_eq!(ranges(&registry).len(), 4, "as often as after a silence");
}

#[test]
fn a_blob_that_is_shorter_than_its_descriptor_is_refused() {
    let (registry, all) = with_blob(Setup::default());
    registry.fail(Fault::once("GET", "/blobs/", Deed::Truncate(1000)).times(100));
    let error = read(&registry, &all).unwrap_err();
    assert_eq!(error.kind, Kind::Trust, "{error:?}");
    assert!(error.message.contains("the manifest says 700000 bytes, and the registry has 1000"), "{error}");
}

#[test]
fn blobs_on_another_host_see_no_login() {
    let setup = Setup { blobs_elsewhere: true, logins: crate::logins::basic(), ..Setup::default() };
    let (registry, all) = with_blob(setup);
    let there = crate::world::open_with(&registry, "a", crate::world::password("u", "p"));
    let mut got = Vec::new();
    there.blob(&layer(&all), 0).unwrap().read_to_end(&mut got).unwrap();
    assert_eq!(got, all);
    let elsewhere: Vec<_> =
        registry.requests().into_iter().filter(|r| r.target.starts_with("/elsewhere")).collect();
    assert_eq!(elsewhere.len(), 1);
    assert_eq!((elsewhere[0].authorization.as_deref(), elsewhere[0].status), (None, 200));
    // What goes wrong there is told of there.
    registry.fail(Fault::once("GET", "secret=x", Deed::Status(403, String::new())));
    let error = told(there.blob(&layer(&all), 0).map(drop).unwrap_err());
    assert!(error.message.contains("the storage of the registry answered 403"), "{error}");
    assert!(shown(&error).contains("without a login") && !shown(&error).contains("distil login"));
    assert!(!shown(&error).contains("secret") && !shown(&error).contains("/v2/"), "{}", shown(&error));
    // And the connection to the registry is used again.
    let ports: std::collections::BTreeSet<u16> =
        registry.requests().iter().filter(|r| !r.target.starts_with("/elsewhere")).map(|r| r.port).collect();
    assert_eq!(ports.len(), 1);
}

#[test]
fn other_bytes_than_were_asked_for_are_refused() {
    let registry = plain();
    let there = open(&registry, "a");
    let made = image("amd64", &[]);
    let digest = made.push(&there, "1").unwrap();
    for name in ["1", &digest.to_string()] {
        registry.fail(Fault::once("GET", "/manifests/", Deed::WrongByte));
        let error = told(there.document(name).unwrap_err());
        assert_eq!(error.kind, Kind::Trust, "{}", shown(&error));
        assert!(error.message.contains(&format!("and not {digest}")), "{error}");
    }
    let header = Deed::Header("Docker-Content-Digest".into(), oci::Digest::of(b"other").to_string());
    registry.fail(Fault::once("GET", "/manifests/", header));
    assert_eq!(told(there.document("1").unwrap_err()).kind, Kind::Trust);
    there.document("1").unwrap();
}

#[test]
fn a_type_that_contradicts_the_document_is_refused() {
    let registry = plain();
    let there = open(&registry, "a");
    image("amd64", &[]).push(&there, "1").unwrap();
    let index = Deed::Header("Content-Type".into(), oci::MediaType::INDEX.to_string());
    registry.fail(Fault::once("GET", "/manifests/", index));
    let error = told(there.document("1").unwrap_err());
    assert!(error.message.contains("calls it application/vnd.oci.image.index.v1+json"), "{error}");
    // What simple servers say of everything is no contradiction.
    let json = Deed::Header("Content-Type".into(), "application/json; charset=utf-8".into());
    registry.fail(Fault::once("GET", "/manifests/", json));
    there.document("1").unwrap();
    let old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    registry.fail(Fault::once("GET", "/manifests/", Deed::Header("Content-Type".into(), old.into())));
    assert!(told(there.document("1").unwrap_err()).message.contains("schema 1"));
}

#[test]
fn documents_have_limits() {
    let registry = plain();
    let large = format!(r#"{{"schemaVersion":2,"manifests":[],"x":"{}"}}"#, "x".repeat(5 << 20));
    registry.add_manifest("a", "large", oci::MediaType::INDEX.as_str(), large.as_bytes());
    registry.add_manifest("a", "both", oci::MediaType::INDEX.as_str(), br#"{"manifests":[],"layers":[]}"#);
    let there = open(&registry, "a");
    let error = told(there.document("large").unwrap_err());
    assert!(error.message.contains("larger than the 4194304 bytes"), "{error}");
    let error = told(there.document("both").unwrap_err());
    assert!(error.message.contains("an index and a manifest at once"), "{error}");
    let endless = Deed::Header("Link".into(), "</v2/a/tags/list?n=1000>; rel=next".into());
    registry.fail(Fault::once("GET", "/tags/list", endless).times(50));
    assert!(told(there.tags().unwrap_err()).message.contains("have no end"));
    let other = Deed::Header("Link".into(), "<http://other.example/v2/a/tags/list>; rel=next".into());
    let registry = plain();
    registry.add_blob("a", b"");
    registry.fail(Fault::once("GET", "/tags/list", other));
    assert!(told(open(&registry, "a").tags().unwrap_err()).message.contains("on another host"));
}

#[test]
fn a_pull_that_fails_leaves_no_half_image() {
    let registry = plain();
    let there = open(&registry, "a");
    let made = image("amd64", &[bytes(1, 300_000), bytes(2, 10)]);
    made.push(&there, "1").unwrap();
    registry.fail(Fault::once("GET", "/blobs/", Deed::BreakReply(1000)).times(99));
    let dir = tempfile::tempdir().unwrap();
    let layout = image::Layout::create(dir.path()).unwrap();
    assert!(image::copy(&there, "1", &layout, "1").is_err());
    assert_eq!(layout.names().unwrap(), []);
    for (part, bytes) in &made.parts {
        let whole = std::fs::read(layout.blob_path(&part.digest)).is_ok_and(|b| b == *bytes);
        assert!(whole || !layout.blob_path(&part.digest).exists());
    }
}

#[test]
fn a_hundred_layers_come_by_many_threads() {
    let registry = Registry::start(Setup { logins: crate::logins::basic(), ..Setup::default() });
    let there = crate::world::open_with(&registry, "a", crate::world::password("u", "p"));
    let layers: Vec<Vec<u8>> = (0..100).map(|n| bytes(n, 20_000)).collect();
    let made = image("amd64", &layers);
    let (dir, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) =
        (image::Layout::create(dir.path()).unwrap(), image::Layout::create(back.path()).unwrap());
    made.push(&from, "1").unwrap();
    let copy = image::Copy { threads: 8, reporter: &diag::Silent, elsewhere: &|_| Vec::new() };
    assert_eq!(copy.run(&from, &made.document, &there, &["1"]).unwrap().sent, 101);
    registry.check().unwrap();
    assert_eq!(copy.run(&there, &there.document("1").unwrap(), &to, &["1"]).unwrap().sent, 101);
    assert_eq!(to.document("1").unwrap().bytes(), made.document.bytes());
    let ports: std::collections::BTreeSet<u16> = registry.requests().iter().map(|r| r.port).collect();
    assert!(ports.len() <= 9, "{ports:?}");
}
