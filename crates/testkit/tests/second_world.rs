//! The walls hold a second package world: a package whose index identity is a chain of hashes, not a
//! digest of the file, goes through store, lock, composition and image, none of which knows of it.
//!
//! Everything that is particular to that world stands in this file: how its packages prove
//! themselves ([`Chain`]) and how they are unpacked ([`unpack`]). Alpine's will be as small.

use std::collections::{BTreeMap, HashMap};

use image::Source;
use oci::{Digest, Hasher, Platform};
use package::{Arch, Cause, Closure, Identity, Pin, Sha1};
use rootfs::payload::{Payload, Writer};
use rootfs::{Node, Payloads};
use store::{Blobs, Expect, Mismatch};
use testkit::ChainedPackage;

const BODY: &[u8] = b"the program";

/// Index → control (SHA-1) → data (SHA-256), judged as the bytes pass.
struct Chain {
    control_sha1: Sha1,
    size: u64,
    seen: u64,
    head: Vec<u8>,
    data: Option<Hasher>,
}

impl Chain {
    fn new(control_sha1: Sha1, size: u64) -> Chain {
        Chain { control_sha1, size, seen: 0, head: Vec::new(), data: None }
    }

    /// The control part's bytes, once they are all there.
    fn control(&self) -> Option<&[u8]> {
        let (length, rest) = self.head.split_first_chunk()?;
        rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
    }
}

impl Expect for Chain {
    fn update(&mut self, bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        if let Some(data) = &mut self.data {
            return data.update(bytes);
        }
        self.head.extend_from_slice(bytes);
        if let Some(end) = self.control().map(|c| 4 + c.len()) {
            let mut data = Hasher::sha256();
            data.update(&self.head.split_off(end));
            self.data = Some(data);
        }
    }

    fn finish(self) -> Result<(), Mismatch> {
        use sha1::Digest as _;
        if self.seen != self.size {
            return Err(Mismatch::Size { expected: self.size, found: self.seen });
        }
        let control = self.control().ok_or_else(|| Mismatch::Other("it has no control part".to_owned()))?;
        if Sha1(sha1::Sha1::digest(control).into()) != self.control_sha1 {
            return Err(Mismatch::Other("its control part is not the index's".to_owned()));
        }
        let text = String::from_utf8_lossy(control).into_owned();
        let named = text.lines().find_map(|l| l.strip_prefix("data=")).map(|hex| format!("sha256:{hex}"));
        let found = self.data.map(|d| d.finish().to_string());
        if named != found {
            return Err(Mismatch::Other("its data is not what its control part names".to_owned()));
        }
        Ok(())
    }

    fn cap(&self) -> u64 {
        self.size
    }
}

fn package() -> (Vec<u8>, Sha1) {
    let (file, sha1) = ChainedPackage::new("hello", "1.0-r0").executable("usr/bin/hello", BODY).build();
    (file, Sha1(sha1))
}

fn pin(size: u64, identity: Sha1, sha256: Digest) -> Pin {
    Pin {
        name: "hello".to_owned(),
        version: "1.0-r0".to_owned(),
        arch: Arch::new("amd64"),
        source: None,
        repository: "apk.example/main".to_owned(),
        tag: None,
        path: "x86_64/hello-1.0-r0.apk".to_owned(),
        size,
        identity: Identity::ApkControl(identity),
        sha256: Some(sha256),
        because: vec![Cause::Asked("hello".to_owned())],
    }
}

/// Store: the chain admits the blob, and it is named by SHA-256 as every other.
fn admit(blobs: &Blobs, file: &[u8], identity: Sha1) -> Result<Digest, String> {
    let mut ingest =
        blobs.ingest("hello", Chain::new(identity, file.len() as u64)).map_err(|e| e.to_string())?;
    for piece in file.chunks(7) {
        ingest.write(piece).map_err(|e| e.to_string())?;
    }
    ingest.commit().map(|(digest, _)| digest).map_err(|e| e.to_string())
}

/// This world's reader: a payload like any other's.
fn unpack(file: &[u8]) -> Vec<u8> {
    let length = usize::try_from(u32::from_le_bytes(*file.first_chunk().unwrap())).unwrap();
    let mut reader = rootfs::tar::Reader::new(&file[4 + length..], rootfs::tar::Limits::default());
    let mut out = Writer::new(Vec::new());
    while let Some(member) = reader.next().unwrap() {
        out.append(member, &mut reader).unwrap();
    }
    out.finish().unwrap()
}

#[test]
fn the_store_admits_by_a_chain_of_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let (file, identity) = package();
    let digest = admit(&blobs, &file, identity).unwrap();
    assert_eq!(digest, Digest::of(&file));
    assert_eq!(blobs.read(&digest).unwrap(), file);

    for (at, what) in [(6, "control part"), (file.len() - 1, "data")] {
        let mut harmed = file.clone();
        harmed[at] ^= 1;
        let refused = admit(&blobs, &harmed, identity).unwrap_err();
        assert!(refused.contains(what), "{refused}");
        assert_eq!(blobs.contains(&Digest::of(&harmed)), None);
    }
}

#[test]
fn a_lock_keeps_the_index_identity_beside_the_digest() {
    let (file, identity) = package();
    let pin = pin(file.len() as u64, identity, Digest::of(&file));
    let closure = Closure { pins: vec![pin.clone()], left_out: Vec::new() };
    let closure = trust::Verified::declared_by_user(closure, "a test");
    let asked = BTreeMap::from([("latest".to_owned(), vec!["package hello".to_owned()])]);
    let suite = lockfile::SuitePin {
        id: pin.repository.clone(),
        components: Vec::new(),
        snapshot: None,
        inrelease: None,
        date: None,
        valid_until: None,
        signed_by: Vec::new(),
        unsigned: Some("a test".to_owned()),
        indexes: Vec::new(),
    };
    let mut lock = lockfile::Lockfile::new(1, "gzip:6".to_owned(), asked, vec![suite]);
    lock.add(&Platform::linux("amd64"), vec![("latest".to_owned(), closure)]);
    let text = lockfile::write(&lock);
    assert!(text.contains(&format!("apk-control:{}", identity.hex())), "{text}");
    let read = lockfile::read("app.lock", &text).unwrap();
    assert_eq!(read, lock);
    assert_eq!(read.packages[0].pin, pin);
}

#[test]
fn an_image_is_made_of_it() {
    let (file, identity) = package();
    let pin = pin(file.len() as u64, identity, Digest::of(&file));
    let mut bodies = Payloads::new();
    let bytes = unpack(&file);
    let payload = Payload::read(&bytes, bytes.len() as u64, bodies.next()).unwrap();
    bodies.add(bytes);

    let text = "contents:\n  repositories: [https://apk.example/main]\n  packages: [hello]\nentrypoint: {command: [/usr/bin/hello]}\narchs: [amd64]\n";
    let recipe = recipe::parse("hello.yaml", text).unwrap();
    let amd64 = Arch::new("amd64");
    let resolved = recipe.resolve(None, &amd64).unwrap();
    let derived = bodies.next();
    let composition = compose::compose(compose::ComposeInput {
        recipe: &resolved,
        arch: &amd64,
        packages: vec![compose::PackageTree {
            pin: &pin,
            tree: payload.tree,
            actions: rootfs::actions::Actions::default(),
            record: compose::Record::None,
        }],
        apk_keys: Vec::new(),
        own_files: Vec::new(),
        certificates: Vec::new(),
        objects: &HashMap::new(),
        bodies: &bodies,
        derived,
        epoch: None,
        base: None,
    })
    .unwrap();
    let entry = composition.rootfs.tree.get("usr/bin/hello").expect("the package's file");
    assert!(matches!(&entry.node, Node::File(body) if body.digest == Digest::of(BODY)));

    let groups = composition.groups.clone();
    bodies.add(composition.derived);
    let dir = tempfile::tempdir().unwrap();
    let layout = image::Layout::create(dir.path()).unwrap();
    let writer = image::LayerWriter {
        bodies: &bodies,
        cache: &image::NoCache,
        out: &layout,
        codec: image::Codec::default(),
        threads: 1,
    };
    let layers = groups.iter().map(|group| writer.write(group).unwrap()).collect();
    let platform = Platform::linux("amd64");
    let built = image::assemble(platform, composition.config, None, layers, BTreeMap::new());
    let index = image::index(std::slice::from_ref(&built), BTreeMap::new());
    image::publish(&layout, "hello", &[built], &index).unwrap();
    assert_eq!(layout.document("hello").unwrap().digest(), index.digest());
}
