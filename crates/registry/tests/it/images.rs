//! Whole images, there and back.

use std::io::Read as _;

use image::{Layout, Sink as _, Source as _};
use testkit::registry::{Deed, Fault};

use crate::world::{bytes, image, index, layer, open, plain};

#[test]
fn an_image_of_two_platforms_survives_the_way() {
    let registry = plain();
    let made = index(vec![
        ("amd64", image("amd64", &[bytes(1, 300_000), bytes(2, 10)])),
        ("arm64", image("arm64", &[bytes(1, 300_000), bytes(3, 4_000_000)])),
    ]);
    let there = open(&registry, "acme/app");
    let digest = made.push(&there, "1.0").unwrap();
    registry.check().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    assert_eq!(image::copy(&there, "1.0", &layout, "back").unwrap(), digest);
    assert_eq!(layout.document("back").unwrap().bytes(), made.document.bytes());
    // By digest as by tag, and from one repository to another.
    let other = open(&registry, "other/place");
    assert_eq!(image::copy(&there, &digest.to_string(), &other, "x").unwrap(), digest);
    assert_eq!(registry.manifest("other/place", "x").unwrap(), made.document.bytes());
    assert_eq!(there.digest_of("1.0").unwrap(), Some(digest));
    assert_eq!(there.digest_of("2.0").unwrap(), None);
    registry.check().unwrap();
}

#[test]
fn a_blob_can_be_read_from_the_middle() {
    let registry = plain();
    let all = bytes(7, 200_000);
    registry.add_blob("a", &all);
    let there = open(&registry, "a");
    for from in [0, 1, 100_000, 199_999, 200_000] {
        let mut rest = Vec::new();
        there.blob(&layer(&all), from as u64).unwrap().read_to_end(&mut rest).unwrap();
        assert_eq!(rest, &all[from..], "{from}");
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let registry = plain();
    let there = open(&registry, "a");
    image("amd64", &[bytes(1, 100_000), bytes(2, 100_000)]).push(&there, "1").unwrap();
    let dir = tempfile::tempdir().unwrap();
    image::copy(&there, "1", &Layout::create(dir.path()).unwrap(), "1").unwrap();
    let requests = registry.requests();
    let ports: std::collections::BTreeSet<u16> = requests.iter().map(|r| r.port).collect();
    assert_eq!(ports.len(), 1, "{requests:#?}");
    // One look whether a registry answers there, and none of these is asked twice.
    let looks = requests.iter().filter(|r| r.target == "/v2/").count();
    assert_eq!(looks, 1);
    let uploads = requests.iter().filter(|r| r.method == "POST").count();
    assert_eq!(uploads, 3);
    assert!(!requests.iter().any(|r| r.method == "PATCH"));
}

/// What was asked, in the order of the alphabet: questions go beside each other.
fn asked(registry: &testkit::registry::Registry) -> Vec<String> {
    let asked = registry.requests().into_iter().map(|r| format!("{} {}", r.method, r.target));
    let mut asked: Vec<String> = asked.collect();
    asked.sort();
    registry.forget_requests();
    asked
}

#[test]
fn an_unchanged_image_costs_a_question_for_each_part() {
    let registry = plain();
    let there = open(&registry, "a");
    let made = image("amd64", &[bytes(1, 100_000)]);
    made.push(&there, "1").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    image::copy(&there, "1", &layout, "1").unwrap();
    registry.forget_requests();
    let copy = image::Copy { threads: 2, reporter: &diag::Silent, elsewhere: &|_| Vec::new() };
    let copied = copy.run(&layout, &made.document, &there, &["1"]).unwrap();
    assert!(copied.unchanged);
    let mut wanted: Vec<String> =
        made.parts.iter().map(|(part, _)| format!("HEAD /v2/a/blobs/{}", part.digest)).collect();
    wanted.push("HEAD /v2/a/manifests/1".to_owned());
    wanted.sort();
    assert_eq!(asked(&registry), wanted);
    // Another name of it costs the same, and the name.
    assert!(!copy.run(&layout, &made.document, &there, &["2"]).unwrap().unchanged);
    wanted.pop();
    wanted.extend(["HEAD /v2/a/manifests/2", "PUT /v2/a/manifests/2"].map(str::to_owned));
    assert_eq!(asked(&registry), wanted);
    registry.check().unwrap();
}

#[test]
fn what_went_from_under_an_image_is_brought_again() {
    let registry = plain();
    let there = open(&registry, "a");
    let made = index(vec![
        ("amd64", image("amd64", &[bytes(1, 100_000)])),
        ("arm64", image("arm64", &[bytes(2, 100_000)])),
    ]);
    made.push(&there, "1").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    image::copy(&there, "1", &layout, "1").unwrap();
    let copy = image::Copy { threads: 2, reporter: &diag::Silent, elsewhere: &|_| Vec::new() };
    let lost = layer(&bytes(2, 100_000)).digest;
    for name in ["1", "2"] {
        assert!(there.delete_blob(&lost).unwrap());
        let copied = copy.run(&layout, &made.document, &there, &[name]).unwrap();
        assert_eq!((copied.sent, copied.unchanged), (1, false), "{name}");
        assert_eq!(registry.blob("a", &lost.to_string()).unwrap(), bytes(2, 100_000), "{name}");
        assert!(copy.run(&layout, &made.document, &there, &[name]).unwrap().unchanged, "{name}");
    }
    // A manifest of the index that went is brought again, too; the name is not set anew.
    let part = match made.document.value() {
        image::Document::Index(index) => index.manifests[1].clone(),
        image::Document::Manifest(_) => unreachable!(),
    };
    assert!(there.delete(&part.digest.to_string()).unwrap());
    registry.forget_requests();
    assert!(!copy.run(&layout, &made.document, &there, &["1"]).unwrap().unchanged);
    let puts: Vec<String> = asked(&registry).into_iter().filter(|line| line.starts_with("PUT")).collect();
    assert_eq!(puts, [format!("PUT /v2/a/manifests/{}", part.digest)]);
    image::copy(&there, "1", &Layout::create(dir.path().join("back")).unwrap(), "1").unwrap();
    registry.check().unwrap();
}

#[test]
fn what_is_there_is_known_by_digest_and_size() {
    let registry = plain();
    let there = open(&registry, "a");
    let all = bytes(1, 1000);
    assert!(!there.has(&layer(&all)).unwrap());
    there.put(&layer(&all), &mut &all[..]).unwrap();
    assert!(there.has(&layer(&all)).unwrap());
    let mut other = layer(&all);
    other.size += 1;
    let error = crate::world::told(there.has(&other).unwrap_err());
    assert!(error.message.ends_with("the manifest says 1001 bytes, and the registry has 1000"), "{error}");
}

#[test]
fn tags_come_by_pages_and_go() {
    let registry = testkit::registry::Registry::start(testkit::registry::Setup {
        page: 3,
        ..testkit::registry::Setup::default()
    });
    let there = open(&registry, "acme/app");
    let made = image("amd64", &[]);
    let names: Vec<String> = (10..20).map(|n| format!("v{n}")).collect();
    for name in &names {
        made.push(&there, name).unwrap();
    }
    assert_eq!(there.tags().unwrap(), names);
    let pages = registry.requests().iter().filter(|r| r.target.contains("/tags/list")).count();
    assert_eq!(pages, 4);
    assert!(there.delete("v10").unwrap());
    assert!(!there.delete("v10").unwrap());
    assert_eq!(there.tags().unwrap(), names[1..]);
    assert!(there.delete(&made.document.digest().to_string()).unwrap());
    assert_eq!(there.tags().unwrap(), [""; 0]);
    let config = made.parts[0].0.digest;
    assert!(there.delete_blob(&config).unwrap() && !there.delete_blob(&config).unwrap());
}

#[test]
fn a_blob_of_another_repository_is_mounted() {
    let registry = plain();
    let all = bytes(1, 50_000);
    registry.add_blob("team/base", &all);
    let there = open(&registry, "team/app");
    assert!(there.mount(&layer(&all), "team/base").unwrap());
    assert_eq!(registry.blob("team/app", &layer(&all).digest.to_string()).unwrap(), all);
    // What cannot be mounted has its upload begun already.
    let other = bytes(2, 50_000);
    assert!(!there.mount(&layer(&other), "team/base").unwrap());
    registry.forget_requests();
    there.put(&layer(&other), &mut &other[..]).unwrap();
    let methods: Vec<String> = registry.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["PUT"]);
    registry.check().unwrap();
}

/// The uploads that were begun, and have not ended.
fn open_uploads(registry: &testkit::registry::Registry) -> i32 {
    let of = |r: &testkit::registry::Asked| match (r.method.as_str(), r.status) {
        ("POST", 202) => 1,
        ("PUT", 201) | ("DELETE", 204) if r.target.contains("/uploads/") => -1,
        _ => 0,
    };
    registry.requests().iter().map(of).sum()
}

#[test]
fn an_upload_that_a_mount_began_in_vain_is_ended() {
    let all = bytes(1, 50_000);
    for mounted in [true, false] {
        let registry = plain();
        let there = open(&registry, "team/app");
        assert!(!there.mount(&layer(&all), "team/one").unwrap());
        if mounted {
            registry.add_blob("team/two", &all);
        }
        assert_eq!(there.mount(&layer(&all), "team/two").unwrap(), mounted);
        if !mounted {
            there.put(&layer(&all), &mut &all[..]).unwrap();
        }
        assert_eq!(open_uploads(&registry), 0, "{:#?}", registry.requests());
        assert_eq!(registry.blob("team/app", &layer(&all).digest.to_string()).unwrap(), all);
    }
}

/// Between the mount and the bytes is whatever else is sent first.
#[test]
fn an_upload_whose_time_is_over_is_begun_anew() {
    for size in [50_000, 5_000_000] {
        let all = bytes(1, size);
        let registry = plain();
        let there = open(&registry, "a");
        assert!(!there.mount(&layer(&all), "b").unwrap());
        for method in ["PATCH", "PUT", "GET"] {
            let gone = Deed::Status(404, String::new());
            registry.fail(Fault::once(method, "/uploads/upload-1?", gone).times(99));
        }
        there.put(&layer(&all), &mut &all[..]).unwrap();
        assert_eq!(registry.blob("a", &layer(&all).digest.to_string()).unwrap(), all);
        // One that is always gone is not begun for ever.
        let all = bytes(2, size);
        for method in ["PATCH", "PUT", "GET"] {
            let gone = Deed::Status(404, String::new());
            registry.fail(Fault::once(method, "/uploads/", gone).times(99));
        }
        assert!(there.put(&layer(&all), &mut &all[..]).is_err());
    }
}

#[test]
fn an_upload_that_a_mount_began_has_pieces_as_large_as_the_registry_wants() {
    let setup = testkit::registry::Setup { smallest_piece: Some(3_000_000), ..Default::default() };
    let registry = testkit::registry::Registry::start(setup);
    let there = open(&registry, "a");
    let all = bytes(8, 7_000_000);
    assert!(!there.mount(&layer(&all), "b").unwrap());
    there.put(&layer(&all), &mut &all[..]).unwrap();
    let patches = registry.requests().into_iter().filter(|r| r.method == "PATCH");
    assert_eq!(patches.map(|r| r.body).collect::<Vec<_>>(), [3_000_000, 3_000_000, 1_000_000]);
}
