//! Manifests that say another size of a part than it has.

use std::io::{Cursor, Read};

use diag::{Diagnostic, Kind, Silent};
use image::{Copied, Copy, Document, Layout, Sink as _, Source, TransportError};
use oci::{Descriptor, Raw};
use testkit::registry::{Deed, Fault, Registry};

use crate::world::{Made, bytes, image, layer, open, plain, shown, told};

/// An image whose manifest says so many bytes of its one layer, which has a thousand; no part is of the manifest.
fn says(size: u64) -> Made {
    let made = image("amd64", &[bytes(1, 1000)]);
    let Document::Manifest(mut manifest) = made.document.value().clone() else { unreachable!() };
    manifest.layers[0].size = size;
    Made { document: Raw::write(Document::Manifest(manifest)), parts: made.parts }
}

/// Parts in memory, as they are whatever their descriptors say.
struct Memory(Vec<(Descriptor, Vec<u8>)>);

impl Source for Memory {
    fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
        unreachable!("only blobs are asked for")
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let (_, bytes) = self.0.iter().find(|(part, _)| part.digest == of.digest).unwrap();
        let mut bytes = Cursor::new(&bytes[..]);
        bytes.set_position(from);
        Ok(Box::new(bytes))
    }
}

fn copy(made: &Made, source: &dyn Source, sink: &dyn image::Sink) -> Result<Copied, Diagnostic> {
    let elsewhere = |_: &_| vec!["from".to_owned()];
    let copy = Copy { threads: 2, reporter: &Silent, elsewhere: &elsewhere };
    copy.run(source, &made.document, sink, &["1"]).map_err(told)
}

/// A registry with the parts in a repository.
fn with_parts(made: &Made, repository: &str) -> Registry {
    let registry = plain();
    made.parts.iter().for_each(|(_, bytes)| drop(registry.add_blob(repository, bytes)));
    registry
}

fn is_by_name(error: &Diagnostic, registry: &Registry, repository: &str, said: u64) {
    let text = shown(error);
    let why = format!("the manifest says {said} bytes, and the registry has 1000");
    assert!(error.message.ends_with(&why) && error.kind == Kind::Trust, "{text}");
    let part = layer(&bytes(1, 1000)).digest;
    let place = format!("{part} in {}/{repository}", registry.host());
    assert!(
        error.message.contains(&place.replace(" in ", " of ")) || error.message.contains(&place),
        "{text}"
    );
    assert!(!text.contains("changed the bytes") && text.contains("tell the image's maker"), "{text}");
}

#[test]
fn a_wrong_size_is_refused_by_name_where_the_registry_has_the_part() {
    for said in [999, 1001, u64::MAX / 4] {
        let made = says(said);
        let registry = with_parts(&made, "a");
        let there = open(&registry, "a");
        let error = copy(&made, &Memory(made.parts.clone()), &there).unwrap_err();
        is_by_name(&error, &registry, "a", said);
        assert_eq!(registry.tags("a"), [""; 0]);
    }
}

#[test]
fn a_wrong_size_is_refused_where_the_part_is_mounted() {
    let made = says(1001);
    let registry = with_parts(&made, "from");
    let (from, to) = (open(&registry, "from"), open(&registry, "to"));
    is_by_name(&copy(&made, &from, &to).unwrap_err(), &registry, "to", 1001);
    assert_eq!(registry.tags("to"), [""; 0]);
    // Where the source's own size is at hand and right, nobody is asked for it once more.
    let made = says(1000);
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    made.parts.iter().for_each(|(part, bytes)| layout.put(part, &mut &bytes[..]).unwrap());
    let next = open(&registry, "next");
    registry.forget_requests();
    assert_eq!(copy(&made, &layout, &next).unwrap().mounted, 2);
    let looks =
        registry.requests().iter().filter(|r| r.method == "HEAD" && r.target.contains("/blobs/")).count();
    assert_eq!(looks, 2);
}

#[test]
fn a_wrong_size_is_not_the_transports_fault_where_the_part_is_read() {
    let (made, registry) = (says(1001), with_parts(&says(1001), "a"));
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    is_by_name(&copy(&made, &open(&registry, "a"), &layout).unwrap_err(), &registry, "a", 1001);
    // To a registry that has nothing yet, from a place that does not say how much it has.
    for (said, found) in [(999, "it has more"), (1001, "it has 1000")] {
        let (made, empty) = (says(said), plain());
        let error = copy(&made, &Memory(made.parts.clone()), &open(&empty, "b")).unwrap_err();
        let text = shown(&error);
        assert!(text.contains(&format!("its descriptor says {said} bytes, and {found}")), "{text}");
        assert!(text.contains("the manifest or index that lists it is wrong"), "{text}");
        assert!(empty.tags("b").is_empty() && error.kind == Kind::Trust);
    }
}

/// Some proxies answer every question for a head as if nothing were behind it.
#[test]
fn a_length_of_nothing_says_nothing() {
    let made = says(1000);
    let registry = with_parts(&made, "a");
    registry.fail(Fault::once("HEAD", "/blobs/", Deed::Truncate(0)).times(2));
    assert_eq!(copy(&made, &Memory(made.parts.clone()), &open(&registry, "a")).unwrap().present, 0);
    registry.check().unwrap();
}
