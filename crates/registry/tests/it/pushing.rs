//! What can go wrong while an image is written.

use std::io::{self, Cursor, Read};
use std::time::{Duration, Instant};

use diag::Kind;
use image::{Copy, Document, Sink as _, Source, TransportError};
use oci::{Descriptor, Raw};
use registry::Options;
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::world::{Made, bytes, image, layer, open, open_with, plain, sha512, shown, told};

/// A part that can be read again.
struct Memory(Vec<u8>);

impl Source for Memory {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        unreachable!("only blobs are asked for")
    }

    fn blob(&self, _: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        Ok(Box::new(&self.0[usize::try_from(from).unwrap()..]))
    }
}

fn kept(registry: &Registry, all: &[u8]) -> bool {
    registry.blob("a", &layer(all).digest.to_string()).as_deref() == Some(all)
}

fn methods(registry: &Registry) -> Vec<String> {
    registry.requests().into_iter().filter(|r| r.target != "/v2/").map(|r| r.method).collect()
}

#[test]
fn sends_again_what_has_not_arrived() {
    for keeps_broken in [true, false] {
        let registry = Registry::start(Setup { keeps_broken, ..Setup::default() });
        let all = bytes(9, 3_000_000);
        registry.fail(Fault::once("PUT", "/uploads/", Deed::BreakRequest(1_000_000)));
        open(&registry, "a").put_from(&layer(&all), &Memory(all.clone())).unwrap();
        assert!(kept(&registry, &all));
        let sent: u64 = registry.requests().iter().map(|r| r.body).sum();
        // A registry that kept what came is not sent it again.
        assert_eq!(sent < 3_100_000, keeps_broken, "{sent}");
    }
}

#[test]
fn one_byte_that_arrived_is_not_sent_twice() {
    // Of none and of one byte a registry says the same.
    for size in [100_000, 5_000_000] {
        let registry = plain();
        let all = bytes(9, size);
        registry.fail(Fault::once("PUT", "/uploads/", Deed::BreakRequest(1)));
        registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakRequest(1)));
        open(&registry, "a").put(&layer(&all), &mut &all[..]).unwrap();
        assert!(kept(&registry, &all));
    }
}

#[test]
fn every_deed_of_an_upload_may_fail_once() {
    for (method, deed) in [
        ("POST", Deed::BreakHead),
        ("POST", Deed::Status(503, "0".into())),
        ("PUT", Deed::BreakRequest(0)),
        ("PUT", Deed::BreakRequest(99_999)),
        ("PUT", Deed::BreakHead),
        ("PUT", Deed::Status(500, String::new())),
        ("PUT", Deed::Status(429, "0".into())),
        ("PUT", Deed::Status(404, String::new())),
        ("PUT", Deed::DoneBut(500)),
        ("PUT", Deed::DoneBut(502)),
        ("HEAD", Deed::BreakHead),
    ] {
        let registry = plain();
        let all = bytes(3, 100_000);
        registry.fail(Fault::once(method, "/blobs/", deed.clone()));
        if method == "HEAD" {
            // Looked at only after something else went wrong.
            registry.fail(Fault::once("PUT", "/blobs/", Deed::DoneBut(500)));
        }
        open(&registry, "a")
            .put(&layer(&all), &mut &all[..])
            .unwrap_or_else(|e| panic!("{method} {deed:?}: {e}"));
        assert!(kept(&registry, &all), "{method} {deed:?}");
        registry.check().unwrap();
    }
}

#[test]
fn a_manifest_is_written_again() {
    for deed in [Deed::BreakHead, Deed::BreakRequest(5), Deed::Status(502, String::new()), Deed::DoneBut(500)]
    {
        let registry = plain();
        registry.fail(Fault::once("PUT", "/manifests/", deed));
        let made = image("amd64", &[bytes(1, 10)]);
        made.push(&open(&registry, "a"), "1").unwrap();
        assert_eq!(registry.manifest("a", "1").unwrap(), made.document.bytes());
    }
}

#[test]
fn a_limit_of_one_request_is_met_by_pieces() {
    let registry = Registry::start(Setup { largest: 300_000, ..Setup::default() });
    let all = bytes(4, 1_000_000);
    let there = open_with(&registry, "a", Options { chunk: 250_000, ..Options::default() });
    there.put_from(&layer(&all), &Memory(all.clone())).unwrap();
    assert!(kept(&registry, &all));
    let pieces = methods(&registry).iter().filter(|m| *m == "PATCH").count();
    assert_eq!(pieces, 4);
}

#[test]
fn pieces_get_smaller_until_they_fit() {
    for again in [true, false] {
        let registry = Registry::start(Setup { largest: 100_000, ..Setup::default() });
        let all = bytes(4, 3_000_000);
        let there = open(&registry, "a");
        if again {
            there.put_from(&layer(&all), &Memory(all.clone())).unwrap();
        } else {
            there.put(&layer(&all), &mut &all[..]).unwrap();
        }
        assert!(kept(&registry, &all));
    }
    let registry = Registry::start(Setup { largest: 1000, ..Setup::default() });
    let all = bytes(4, 3_000_000);
    let error = told(open(&registry, "a").put_from(&layer(&all), &Memory(all.clone())).unwrap_err());
    assert!(error.message.contains("413") && error.hint.as_deref().unwrap().contains("no part of this size"));
}

#[test]
fn a_limit_that_shows_as_a_closed_connection_is_met_by_pieces() {
    let registry = Registry::start(Setup { keeps_broken: false, ..Setup::default() });
    registry.fail(Fault::once("PUT", "/uploads/", Deed::BreakRequest(200_000)).times(3));
    let all = bytes(4, 1_000_000);
    let there = open_with(&registry, "a", Options { chunk: 250_000, ..Options::default() });
    there.put_from(&layer(&all), &Memory(all.clone())).unwrap();
    assert!(kept(&registry, &all) && methods(&registry).contains(&"PATCH".to_owned()));
}

#[test]
fn pieces_are_sent_again_from_where_they_broke() {
    let registry = Registry::start(Setup { largest: 300_000, ..Setup::default() });
    let all = bytes(4, 1_000_000);
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakRequest(100_000)).after(1));
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakHead).after(1));
    let there = open_with(&registry, "a", Options { chunk: 250_000, ..Options::default() });
    there.put_from(&layer(&all), &Memory(all.clone())).unwrap();
    assert!(kept(&registry, &all));
    let sent: u64 = registry.requests().iter().filter(|r| r.method == "PATCH").map(|r| r.body).sum();
    assert_eq!(sent, 1_000_000);
}

#[test]
fn a_stream_is_sent_in_pieces_and_survives_breaks() {
    let registry = plain();
    let all = bytes(8, 5_000_000);
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakRequest(1_000_000)));
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakHead).after(1));
    registry.fail(Fault::once("PUT", "/uploads/", Deed::DoneBut(500)));
    open(&registry, "a").put(&layer(&all), &mut Cursor::new(all.clone())).unwrap();
    assert!(kept(&registry, &all));
    registry.check().unwrap();
}

#[test]
fn pieces_are_as_large_as_the_registry_wants() {
    let registry = Registry::start(Setup { smallest_piece: Some(3_000_000), ..Setup::default() });
    let all = bytes(8, 7_000_000);
    open(&registry, "a").put(&layer(&all), &mut Cursor::new(all.clone())).unwrap();
    let sizes: Vec<u64> =
        registry.requests().iter().filter(|r| r.method == "PATCH").map(|r| r.body).collect();
    assert_eq!(sizes, [3_000_000, 3_000_000, 1_000_000]);
    assert!(kept(&registry, &all));
}

#[test]
fn bytes_that_are_not_the_digests_never_become_a_blob() {
    for size in [1000, 5_000_000] {
        let registry = plain();
        let there = open(&registry, "a");
        let all = bytes(2, size);
        let part = layer(&all);
        let mut wrong = all.clone();
        wrong[size / 2] ^= 1;
        let longer = [&all[..], b"x"].concat();
        for bad in [wrong, all[..size - 1].to_vec(), longer] {
            for again in [true, false] {
                let failed = if again {
                    there.put_from(&part, &Memory(bad.clone()))
                } else {
                    there.put(&part, &mut &bad[..])
                };
                let error = told(failed.unwrap_err());
                assert_eq!(error.kind, Kind::Trust, "{}", shown(&error));
                assert!(error.message.contains("from the source"), "{error}");
            }
        }
        assert!(!kept(&registry, &all));
        registry.check().unwrap();
        there.put(&part, &mut &all[..]).unwrap();
    }
}

#[test]
fn what_cannot_be_read_is_not_the_registrys_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "the disk says no"))
        }
    }
    struct Source1;
    impl Source for Source1 {
        fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
            unreachable!("only blobs are asked for")
        }
        fn blob(&self, _: &Descriptor, _: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
            Ok(Box::new(Broken))
        }
    }
    let registry = plain();
    let there = open(&registry, "a");
    for size in [100, 5_000_000] {
        let part = layer(&bytes(1, size));
        for failed in [there.put(&part, &mut Broken), there.put_from(&part, &Source1)] {
            let error = told(failed.unwrap_err());
            assert_eq!(error.kind, Kind::Machine, "{}", shown(&error));
            assert!(error.to_string().contains("the disk says no"), "{error}");
        }
    }
}

/// Gives a part whole, and slowly once the registry has refused another: in a minute, were it not stopped.
struct Slowly<'a>(&'a Registry, Cursor<Vec<u8>>);

impl Read for Slowly<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let refused = || self.0.requests().iter().any(|r| r.status == 403);
        let begun = Instant::now();
        while !refused() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        let most = buf.len().min(1000);
        self.1.read(&mut buf[..most])
    }
}

#[test]
fn a_refused_part_stops_the_others_and_is_what_is_told() {
    struct Parts<'a>(&'a Registry, &'a Made);
    impl Source for Parts<'_> {
        fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
            unreachable!("only blobs are asked for")
        }
        fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
            let (_, bytes) = self.1.parts.iter().find(|(part, _)| part == of).unwrap();
            let mut rest = Cursor::new(bytes.clone());
            rest.set_position(from);
            if bytes.len() < 1_000_000 { Ok(Box::new(rest)) } else { Ok(Box::new(Slowly(self.0, rest))) }
        }
    }
    let registry = plain();
    let (large, small) = (bytes(1, 3_000_000), bytes(2, 100));
    let made = image("amd64", &[large.clone(), small.clone()]);
    let there = open(&registry, "a");
    for name in ["1", "2"] {
        // Every upload of the small one's: it is the second to be begun, and alone in asking for its digest.
        let its = format!("digest=sha256%3A{}", layer(&small).digest.hex());
        registry.fail(Fault::once("PUT", &its, Deed::Status(403, String::new())));
        let copy = Copy { threads: 2, reporter: &diag::Silent, elsewhere: &|_| Vec::new() };
        let failed = copy.run(&Parts(&registry, &made), &made.document, &there, &[name]);
        let error = told(failed.unwrap_err());
        let said = format!(
            "cannot send {} to {}/a: the registry answered 403",
            layer(&small).digest,
            registry.host()
        );
        assert!(error.message.starts_with(&said), "{}", shown(&error));
        assert!(!kept(&registry, &large) && registry.tags("a").is_empty());
        registry.forget_requests();
    }
}

#[test]
fn a_registry_that_knows_one_algorithm_is_told_for_that() {
    for renames_sha512 in [true, false] {
        let registry = Registry::start(Setup { renames_sha512, ..Setup::default() });
        let there = open(&registry, "a");
        let all = bytes(1, 100);
        let part = Descriptor { digest: sha512(&all), ..layer(&all) };
        let errors = [
            there.put(&part, &mut &all[..]).unwrap_err(),
            there.put_from(&part, &Memory(all.clone())).unwrap_err(),
        ];
        let instead = match renames_sha512 {
            true => format!("it keeps the part as {}", layer(&all).digest),
            false => "the registry answered 400 (DIGEST_INVALID: ".to_owned(),
        };
        for error in errors.map(told) {
            let said = format!("cannot send {} to {}/a: ", part.digest, registry.host());
            let said = format!("{said}the registry does not take sha512 digests: {instead}");
            assert!(error.message.starts_with(&said), "{}", shown(&error));
            assert!(error.hint.as_deref().unwrap().contains("with sha256 digests"), "{}", shown(&error));
        }
    }
}

#[test]
fn a_registry_that_keeps_something_else_is_found_out() {
    let registry = plain();
    let there = open(&registry, "a");
    let other = oci::Digest::of(b"other").to_string();
    let header = || Deed::Header("Docker-Content-Digest".into(), other.clone());
    let all = bytes(1, 100);
    registry.fail(Fault::once("PUT", "/blobs/", header()));
    assert_eq!(told(there.put(&layer(&all), &mut &all[..]).unwrap_err()).kind, Kind::Trust);
    registry.fail(Fault::once("PUT", "/manifests/", header()));
    let error = told(image("amd64", &[]).push(&there, "1").unwrap_err());
    assert_eq!(error.kind, Kind::Trust);
    assert!(error.message.contains(&format!("is {other} and not")), "{error}");
}

#[test]
fn a_name_is_never_given_before_the_parts_are_there() {
    let registry = plain();
    let there = open(&registry, "a");
    let made = image("amd64", &[bytes(1, 1000)]);
    let error = told(there.publish("1", &made.document).unwrap_err());
    assert!(error.message.contains("MANIFEST_BLOB_UNKNOWN"), "{error}");
    assert_eq!(registry.tags("a"), [""; 0]);
}

#[test]
fn a_registry_that_counts_bytes_is_understood() {
    let all = bytes(9, 5_000_000);
    for breaks in [0, 1] {
        let registry = Registry::start(Setup { counts_bytes: true, ..Setup::default() });
        registry.fail(Fault::once("PATCH", "/uploads/", Deed::BreakRequest(1000)).after(1).times(breaks));
        open(&registry, "a").put(&layer(&all), &mut &all[..]).unwrap();
        assert!(kept(&registry, &all));
    }
    let registry = Registry::start(Setup { counts_bytes: true, largest: 1 << 20, ..Setup::default() });
    open(&registry, "a").put_from(&layer(&all), &Memory(all.clone())).unwrap();
    assert!(kept(&registry, &all));
    // Two more than were sent is nonsense.
    let registry = plain();
    registry.fail(Fault::once("PATCH", "/uploads/", Deed::Header("Range".into(), "0-2097153".into())));
    let error = told(open(&registry, "a").put(&layer(&all), &mut &all[..]).unwrap_err());
    assert!(error.message.contains("makes no sense"), "{error}");
}

#[test]
fn an_empty_blob_is_a_blob_too() {
    let registry = plain();
    let there = open(&registry, "a");
    there.put(&layer(b""), &mut &b""[..]).unwrap();
    assert!(there.has(&layer(b"")).unwrap());
    let mut read = Vec::new();
    there.blob(&layer(b""), 0).unwrap().read_to_end(&mut read).unwrap();
    assert!(read.is_empty());
}

/// A registry, or a proxy before it, that always names the same range would be fed for ever.
#[test]
fn a_registry_that_gets_no_further_is_left() {
    let registry = plain();
    let there = open(&registry, "a");
    let all = bytes(1, 5 << 20);
    let header = Deed::Header("Range".into(), format!("0-{}", (2 << 20) - 1));
    registry.fail(Fault::once("PATCH", "/blobs/", header).times(100));
    let error = told(there.put(&layer(&all), &mut &all[..]).unwrap_err());
    assert!(error.message.contains("as before"), "{error}");
    assert!(methods(&registry).iter().filter(|m| *m == "PATCH").count() < 10);
}
