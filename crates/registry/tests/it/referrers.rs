//! What refers to an image, with and without the registry's help.

use image::{Document, Sink as _};
use oci::{Annotations, Descriptor, Digest, Manifest, MediaType, Raw};
use registry::Repository;
use testkit::registry::{Deed, Fault, Registry, Setup};

use crate::world::{image, open};

/// A manifest of its own type that refers to `subject`.
fn referrer(subject: &Descriptor, kind: &str, note: &str) -> Raw<Document> {
    Raw::write(Document::Manifest(Manifest {
        schema_version: 2,
        media_type: Some(MediaType::MANIFEST),
        artifact_type: Some(MediaType::new(kind)),
        config: Descriptor::of(MediaType::EMPTY, b"{}"),
        layers: Vec::new(),
        subject: Some(subject.clone()),
        annotations: Annotations::from([("note".to_owned(), note.to_owned())]),
    }))
}

pub(crate) fn attach(there: &Repository, subject: &Descriptor, kind: &str, note: &str) -> Digest {
    there.put(&Descriptor::of(MediaType::EMPTY, b"{}"), &mut &b"{}"[..]).unwrap();
    let document = referrer(subject, kind, note);
    there.publish(&document.digest().to_string(), &document).unwrap();
    document.digest()
}

fn with(referrers: bool) -> (Registry, Repository, Descriptor) {
    let registry = Registry::start(Setup { referrers, page: 2, ..Setup::default() });
    let there = open(&registry, "acme/app");
    let made = image("amd64", &[]);
    made.push(&there, "1").unwrap();
    let subject = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
    (registry, there, subject)
}

#[test]
fn referrers_are_listed_whoever_keeps_account_of_them() {
    for api in [true, false] {
        let (registry, there, subject) = with(api);
        assert_eq!(there.referrers(&subject.digest, None).unwrap(), []);
        let mut made: Vec<Digest> =
            (0..5).map(|n| attach(&there, &subject, "x/sbom", &n.to_string())).collect();
        let signature = attach(&there, &subject, "x/signature", "s");
        let digests = |kind: Option<&str>| {
            let kind = kind.map(MediaType::new);
            let found = there.referrers(&subject.digest, kind.as_ref()).unwrap();
            let mut found: Vec<Digest> = found.into_iter().map(|d| d.digest).collect();
            found.sort();
            found
        };
        made.sort();
        assert_eq!(digests(Some("x/sbom")), made, "{api}");
        assert_eq!(digests(Some("x/signature")), [signature]);
        assert_eq!(digests(Some("x/other")), []);
        assert_eq!(digests(None).len(), 6);
        let one = there.referrers(&subject.digest, Some(&MediaType::new("x/signature"))).unwrap();
        assert_eq!(one[0].annotations.get("note").map(String::as_str), Some("s"));
        let tag = format!("sha256-{}", subject.digest.hex());
        assert_eq!(registry.tags("acme/app").contains(&tag), !api);
        registry.check().unwrap();
        // The same once more changes nothing.
        attach(&there, &subject, "x/signature", "s");
        assert_eq!(digests(None).len(), 6);
        assert!(there.delete(&signature.to_string()).unwrap());
        assert_eq!(digests(Some("x/signature")), []);
        assert_eq!(digests(None).len(), 5);
    }
}

#[test]
fn a_referrer_may_come_before_its_subject() {
    for api in [true, false] {
        let registry = Registry::start(Setup { referrers: api, ..Setup::default() });
        let there = open(&registry, "a");
        let made = image("amd64", &[]);
        let subject = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
        let early = attach(&there, &subject, "x/y", "early");
        let found = there.referrers(&subject.digest, None).unwrap();
        assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [early]);
    }
}

#[test]
fn threads_that_write_at_once_lose_nothing() {
    let (registry, there, subject) = with(false);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (there, subject) = (&there, &subject);
            scope.spawn(move || attach(there, subject, "x/y", &format!("thread {n}")));
        }
    });
    assert_eq!(there.referrers(&subject.digest, None).unwrap().len(), 6);
    registry.check().unwrap();
}

/// Whoever may push may lay an index there that refers to something itself; it is no reason to wait for
/// ourselves.
#[test]
fn an_index_in_the_fallbacks_place_may_refer_to_something() {
    let (_registry, there, subject) = with(false);
    let index = oci::Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests: Vec::new(),
        subject: Some(subject.clone()),
        annotations: Annotations::new(),
    };
    let tag = format!("sha256-{}", subject.digest.hex());
    there.publish(&tag, &Raw::write(Document::Index(index))).unwrap();
    let signature = attach(&there, &subject, "x/signature", "s");
    let kind = MediaType::new("x/signature");
    let found = there.referrers(&subject.digest, Some(&kind)).unwrap();
    assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [signature]);
}

/// Whoever was killed between a manifest and the index of referrers is healed by the next run.
#[test]
fn a_copy_that_was_cut_off_is_healed_by_the_next() {
    for api in [false, true] {
        let (registry, there, subject) = with(api);
        let document = referrer(&subject, "x/signature", "s");
        let kind = "application/vnd.oci.image.manifest.v1+json";
        registry.add_blob("acme/app", b"{}");
        let dir = tempfile::tempdir().unwrap();
        let layout = image::Layout::create(dir.path()).unwrap();
        layout.put(&Descriptor::of(MediaType::EMPTY, b"{}"), &mut &b"{}"[..]).unwrap();
        layout.publish("sig", &document).unwrap();
        let made = index_of(&document);
        layout.publish("all", &made).unwrap();
        let listed = || {
            let found = there.referrers(&subject.digest, None).unwrap();
            found.into_iter().map(|d| d.digest).collect::<Vec<_>>()
        };
        let fallback = format!("sha256-{}", subject.digest.hex());
        // Both as the document that a name leads to, and as one within an index.
        for (name, from) in [("sig", "sig"), ("all", "all"), ("other", "all")] {
            registry.add_manifest("acme/app", "sig", kind, document.bytes());
            image::copy(&layout, from, &there, name).unwrap();
            assert_eq!(listed(), [document.digest()], "{api} {name}");
            registry.forget_requests();
            image::copy(&layout, from, &there, name).unwrap();
            let asked = registry.requests();
            let about = asked.iter().filter(|r| r.target.contains(&subject.digest.hex())).count();
            assert_eq!(about, if api { 1 } else { 2 }, "{asked:#?}");
            assert!(asked.iter().all(|r| matches!(r.method.as_str(), "GET" | "HEAD")), "{asked:#?}");
            if !api {
                assert!(there.delete(&fallback).unwrap());
                assert_eq!(listed(), []);
            }
        }
        registry.check().unwrap();
    }
}

fn index_of(document: &Raw<Document>) -> Raw<Document> {
    Raw::write(Document::Index(oci::Index {
        schema_version: 2,
        media_type: Some(MediaType::INDEX),
        artifact_type: None,
        manifests: vec![Descriptor::of(MediaType::MANIFEST, document.bytes())],
        subject: None,
        annotations: Annotations::new(),
    }))
}

/// One that says nothing of the path to whoever asks is as one that does not know it.
#[test]
fn a_registry_that_refuses_to_list_keeps_no_account() {
    let (registry, there, subject) = with(false);
    let signature = attach(&there, &subject, "x/signature", "s");
    registry.fail(Fault::once("GET", "/referrers/", Deed::Status(403, String::new())).times(99));
    let bytes = registry.manifest("acme/app", &signature.to_string()).unwrap();
    there.found(&Descriptor::of(MediaType::MANIFEST, &bytes), &bytes).unwrap();
}
