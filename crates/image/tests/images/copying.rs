//! Copies over bad wires.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use diag::{Diagnostic, Kind, Note, Reporter, Silent, TaskId, Unit};
use image::{Carried, Codec, Copied, Copy, Document, Layout, Sink, Source, TransportError, validate};
use oci::{Descriptor, Digest, Raw};

use crate::world::layout;

/// A source whose bodies break off or come wrong, so many times.
struct Bad<'a> {
    inner: &'a Layout,
    faults: Mutex<u64>,
    random: AtomicU64,
    /// How often each blob came with a wrong byte.
    flips: Mutex<BTreeMap<Digest, u32>>,
}

impl Bad<'_> {
    fn random(&self, below: u64) -> u64 {
        let step = |x: u64| Some((x ^ (x << 13) ^ (x >> 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let was = self.random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap();
        (was >> 17) % below.max(1)
    }

    fn fault(&self) -> bool {
        let mut left = self.faults.lock().unwrap();
        let some = *left > 0;
        *left = left.saturating_sub(1);
        some
    }
}

enum What {
    Ends,
    Breaks,
    Flips,
}

struct Wire<'a> {
    inner: Box<dyn Read + Send + 'a>,
    left: u64,
    what: Option<What>,
}

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.left.max(1) as usize).min(4096);
        if self.left == 0 {
            match self.what.take() {
                Some(What::Breaks) => return Err(io::ErrorKind::ConnectionReset.into()),
                Some(What::Flips) => {
                    let got = self.inner.read(&mut buffer[..1])?;
                    buffer[0] ^= 0x40;
                    self.left = u64::MAX;
                    return Ok(got);
                }
                Some(What::Ends) | None => return Ok(0),
            }
        }
        let got = self.inner.read(&mut buffer[..most])?;
        self.left -= got as u64;
        Ok(got)
    }
}

impl Source for Bad<'_> {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        self.inner.document(name)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        let inner = self.inner.blob(of, from)?;
        if of.media_type.is_manifest() || !self.fault() {
            return Ok(inner);
        }
        let what = match self.random(8) {
            0 => What::Flips,
            1..4 => What::Ends,
            _ => What::Breaks,
        };
        if let What::Flips = what {
            *self.flips.lock().unwrap().entry(of.digest).or_default() += 1;
        }
        Ok(Box::new(Wire { inner, left: 1 + self.random((of.size - from) / 2), what: Some(what) }))
    }
}

fn run(source: &dyn Source, sink: &dyn Sink, threads: usize) -> Result<Copied, TransportError> {
    let copy = Copy { threads, reporter: &Silent, elsewhere: &|_| Vec::new() };
    copy.run(source, &source.document("app:1").unwrap(), sink, &["x"])
}

#[test]
fn a_thousand_faults_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    let (mut faults, mut seed) = (0, 0);
    while faults < 1000 {
        seed += 1;
        let random = AtomicU64::new(seed * 2 + 1);
        let bad = Bad { inner: &store, faults: Mutex::new(8), random, flips: Mutex::default() };
        let to = Layout::create(dir.path().join("to")).unwrap();
        match run(&bad, &to, 3) {
            Ok(copied) => {
                let valid = validate(&to, "x").unwrap();
                assert_eq!((valid.document.digest, valid.problems), (copied.digest, Vec::new()));
            }
            // Three times wrong is not believed, and leaves no name; nothing less is a reason to give up.
            Err(error) => {
                assert!(matches!(error, TransportError::Mismatch { .. }), "{error}");
                assert_eq!(to.names().unwrap(), []);
                let flips = bad.flips.lock().unwrap();
                assert!(flips.values().any(|times| *times >= 3), "{error}: {flips:?}");
            }
        }
        faults += 8 - *bad.faults.lock().unwrap();
        std::fs::remove_dir_all(to.dir()).unwrap();
    }
}

#[test]
fn what_is_there_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    let to = Layout::create(dir.path().join("to")).unwrap();
    let first = run(&store, &to, 2).unwrap();
    assert_eq!((first.sent, first.present, first.unchanged), (4, 0, false), "two layers, two configs");
    let again = run(&store, &to, 2).unwrap();
    assert_eq!((again.digest, again.sent, again.unchanged), (first.digest, 0, true));
    // A blob that went is brought again, and only that.
    let layer = match image::read_document(&store, &index_parts(&store)[0]).unwrap().value() {
        Document::Manifest(manifest) => manifest.layers[0].clone(),
        Document::Index(_) => unreachable!(),
    };
    std::fs::remove_file(to.blob_path(&layer.digest)).unwrap();
    let mended = run(&store, &to, 2).unwrap();
    assert_eq!((mended.sent, mended.sent_bytes), (1, layer.size));
    assert_eq!(validate(&to, "x").unwrap().problems, Vec::<String>::new());
}

fn index_parts(store: &Layout) -> Vec<Descriptor> {
    index(&store.document("app:1").unwrap()).manifests
}

/// Between a build and its outputs another build may take the name.
#[test]
fn an_image_is_meant_by_its_digest_whatever_its_name_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    let ours = store.document("app:1").unwrap();
    let other = Document::Index(oci::Index { manifests: Vec::new(), ..index(&ours) });
    let other = Raw::write(other);
    store.publish("app:1", &other).unwrap();
    let to = Layout::create(dir.path().join("to")).unwrap();
    assert_eq!(image::copy(&store, "app:1", &to, "other").unwrap(), other.digest());
    let meant = store.by_digest(ours.digest());
    assert_eq!(image::copy(&meant, "app:1", &to, "ours").unwrap(), ours.digest());
    assert_eq!(validate(&to, "ours").unwrap().problems, Vec::<String>::new());
    let nothing = store.by_digest(Digest::of(b"nothing"));
    let error = image::copy(&nothing, "app:1", &to, "x").unwrap_err();
    assert!(matches!(error, TransportError::NoBlob { .. }), "{error}");
}

fn index(document: &Raw<Document>) -> oci::Index {
    match document.value() {
        Document::Index(index) => index.clone(),
        Document::Manifest(_) => unreachable!(),
    }
}

/// Mounts what it is told that it has.
struct Mounting<'a>(&'a Layout, &'a Layout);

impl Sink for Mounting<'_> {
    fn has(&self, part: &Descriptor) -> Result<bool, TransportError> {
        self.1.has(part)
    }
    fn mount(&self, part: &Descriptor, from: &str) -> Result<bool, TransportError> {
        assert_eq!(from, "acme/other");
        self.1.put(part, &mut *self.0.blob(part, 0)?)?;
        Ok(true)
    }
    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        self.1.put(part, bytes)
    }
    fn publish(&self, name: &str, document: &Raw<Document>) -> Result<(), TransportError> {
        self.1.publish(name, document)
    }
}

#[test]
fn what_the_sink_has_elsewhere_does_not_go_over() {
    let dir = tempfile::tempdir().unwrap();
    let (store, images, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    let to = Layout::create(dir.path().join("to")).unwrap();
    let large = images[0].manifest.value().layers[0].digest;
    let elsewhere =
        |digest: &Digest| if *digest == large { vec!["acme/other".to_owned()] } else { Vec::new() };
    let copy = Copy { threads: 2, reporter: &Silent, elsewhere: &elsewhere };
    let document = store.document("app:1").unwrap();
    let copied = copy.run(&store, &document, &Mounting(&store, &to), &["x", "y"]).unwrap();
    assert_eq!((copied.mounted, copied.sent), (1, 3));
    assert_eq!(validate(&to, "y").unwrap().problems, Vec::<String>::new());
}

/// Presses Ctrl-C once a body is under way.
#[derive(Default)]
struct Impatient(AtomicU64);

impl Reporter for Impatient {
    fn begin(&self, _: &str, _: Option<u64>, _: Unit) -> TaskId {
        TaskId(0)
    }
    fn advance(&self, _: TaskId, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    fn end(&self, _: TaskId) {}
    fn note(&self, _: Note) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn ctrl_c_ends_it_and_leaves_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    let to = Layout::create(dir.path().join("to")).unwrap();
    let impatient = Impatient::default();
    let copy = Copy { threads: 2, reporter: &impatient, elsewhere: &|_| Vec::new() };
    let error = copy.run(&store, &store.document("app:1").unwrap(), &to, &["x"]).unwrap_err();
    assert!(matches!(error, TransportError::Stopped(_)), "{error}");
    assert_eq!(to.names().unwrap(), []);
    let left = std::fs::read_dir(to.dir()).unwrap().flatten();
    let left: Vec<_> = left.filter(|e| e.file_name().to_string_lossy().starts_with(".")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// One part that never ends, and one that is refused once the other has begun.
struct Endless<'a> {
    inner: &'a Layout,
    refused: Digest,
    begins: Mutex<mpsc::Sender<()>>,
    begun: Mutex<mpsc::Receiver<()>>,
    nobody_stopped: AtomicBool,
}

/// Bytes for as long as somebody asks; after a minute it says that nobody stopped.
struct Forever<'a>(&'a Endless<'a>, Option<Instant>);

impl Read for Forever<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.1 {
            None => {
                let _ = self.0.begins.lock().unwrap().send(());
                self.1 = Some(Instant::now());
            }
            Some(begun) if begun.elapsed() > Duration::from_secs(60) => {
                self.0.nobody_stopped.store(true, Ordering::Relaxed);
                return Err(io::Error::other(Carried(Diagnostic::new(Kind::Internal, "nobody stopped"))));
            }
            Some(_) => {}
        }
        buffer.fill(0);
        Ok(buffer.len())
    }
}

impl Source for Endless<'_> {
    fn document(&self, name: &str) -> Result<Raw<Document>, TransportError> {
        self.inner.document(name)
    }

    fn blob(&self, of: &Descriptor, from: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
        if of.media_type.is_manifest() {
            return self.inner.blob(of, from);
        }
        if of.digest != self.refused {
            return Ok(Box::new(Forever(self, None)));
        }
        let under_way = self.begun.lock().unwrap().recv_timeout(Duration::from_secs(60));
        let text = if under_way.is_ok() { "the registry answered 403" } else { "nothing else was begun" };
        Err(Diagnostic::new(Kind::Network, text).into())
    }
}

/// Takes bytes and forgets them.
struct Hole;

impl Sink for Hole {
    fn has(&self, _: &Descriptor) -> Result<bool, TransportError> {
        Ok(false)
    }
    fn put(&self, part: &Descriptor, bytes: &mut dyn Read) -> Result<(), TransportError> {
        io::copy(bytes, &mut io::sink()).map(drop).map_err(TransportError::io("write", part.digest))
    }
    fn publish(&self, _: &str, _: &Raw<Document>) -> Result<(), TransportError> {
        unreachable!("no name leads to half an image")
    }
}

#[test]
fn a_refusal_ends_the_transfers_beside_it_and_is_what_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (store, images, _) = layout(&dir.path().join("from"), Codec::Gzip(1));
    // The smallest, so that all others are begun before it.
    let manifests = images.iter().map(|image| image.manifest.value());
    let parts = manifests.flat_map(|m| m.layers.iter().chain([&m.config]));
    let refused = parts.min_by_key(|part| part.size).unwrap().digest;
    let (begins, begun) = mpsc::channel();
    let (begins, begun) = (Mutex::new(begins), Mutex::new(begun));
    let source = Endless { inner: &store, refused, begins, begun, nobody_stopped: AtomicBool::new(false) };
    let error = run(&source, &Hole, 4).unwrap_err();
    assert_eq!(error.to_string(), "the registry answered 403");
    assert!(!source.nobody_stopped.into_inner());
}

/// A chain of manifests, each among the layers of the next, as deep as anybody likes.
#[test]
fn a_manifest_in_a_manifest_is_refused() {
    struct Chain(Vec<u8>);
    impl Source for Chain {
        fn document(&self, _: &str) -> Result<Raw<Document>, TransportError> {
            Ok(Raw::read(self.0.clone()).unwrap())
        }
        fn blob(&self, _: &Descriptor, _: u64) -> Result<Box<dyn Read + Send + '_>, TransportError> {
            Ok(Box::new(io::Cursor::new(self.0.clone())))
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let config = Descriptor::of(oci::MediaType::CONFIG, b"{}");
    let inner = Descriptor::of(oci::MediaType::MANIFEST, b"{}");
    let text = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [inner] }).to_string();
    let chain = Chain(text.into_bytes());
    let sink = Layout::create(dir.path().join("to")).unwrap();
    let errors = [
        image::copy(&chain, "x", &sink, "x").unwrap_err(),
        image::oci_archive::save(&chain, "x", &Default::default(), &dir.path().join("a.tar")).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains(&inner.digest.to_string()), "{error}");
    }
}
