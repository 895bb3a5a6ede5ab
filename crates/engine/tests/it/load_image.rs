use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use diag::{Diagnostic, Kind, Note, Reporter, Silent, TaskId, Unit};
use engine::{EngineError, Taken};
use image::{Codec, Image, Layout, docker_archive};
use oci::{Platform, Reference};

use crate::fake::{Asked, DOCKER, Fake, json};
use crate::stored::stored;

/// `app:1` in a layout that goes with the test.
fn app() -> (tempfile::TempDir, Layout, Vec<Image>) {
    let dir = tempfile::tempdir().unwrap();
    let (layout, images) = stored(dir.path(), b"a program", Codec::Gzip(1));
    (dir, layout, images)
}

fn amd64() -> Platform {
    Platform::linux("amd64")
}

fn load(fake: &Fake, layout: &Layout, names: &[&str]) -> Result<Taken, EngineError> {
    let names: Vec<Reference> = names.iter().map(|n| n.parse().unwrap()).collect();
    fake.engine().load_image(layout, "app:1", Some(&amd64()), &names, &Silent)
}

/// What an engine says of an image.
fn inspected(id: &str, image: &Image) -> Vec<u8> {
    let layers = serde_json::to_string(&image.config.value().rootfs.diff_ids).unwrap();
    json(
        200,
        &format!(r#"{{"Id":"{id}","Os":"linux","Architecture":"amd64","RootFS":{{"Layers":{layers}}}}}"#),
    )
}

fn none() -> Vec<u8> {
    json(404, r#"{"message":"no such image"}"#)
}

#[test]
fn what_the_engine_has_is_only_named() {
    let (_dir, layout, images) = app();
    let id = images[0].config.digest().to_string();
    let (mine, answer) = (id.clone(), inspected(&id, &images[0]));
    let fake = Fake::start(DOCKER, move |asked| match asked.line.as_str() {
        line if line.contains(&mine) && line.starts_with("GET") => answer.clone(),
        "GET /v1.44/images/there:1/json" => answer.clone(),
        line if line.starts_with("GET") => none(),
        _ => json(201, ""),
    });
    let taken = load(&fake, &layout, &["there:1", "acme/app"]).unwrap();
    let names = ["there:1".to_owned(), "acme/app:latest".to_owned()].into();
    assert_eq!(taken, Taken { id: id.clone(), names, engine: "Docker".to_owned(), sent: 0 });
    assert_eq!(
        fake.questions()[1..],
        [
            format!("GET /v1.44/images/{id}/json"),
            "GET /v1.44/images/there:1/json".to_owned(),
            "GET /v1.44/images/acme/app:latest/json".to_owned(),
            format!("POST /v1.44/images/{id}/tag?repo=acme/app&tag=latest"),
        ]
    );
}

/// A fake that has nothing until something was loaded, and says `answer` of everything from then on.
fn loads(answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static) -> Fake {
    let loaded = AtomicBool::new(false);
    Fake::start(DOCKER, move |asked| {
        if asked.line.contains("/images/load") {
            loaded.store(true, Ordering::SeqCst);
            return json(200, r#"{"stream":"Loaded image: app:1\n"}"#);
        }
        if loaded.load(Ordering::SeqCst) { answer(asked) } else { none() }
    })
}

#[test]
fn the_archive_goes_over_and_is_looked_for() {
    let (_dir, layout, images) = app();
    let id = images[0].config.digest().to_string();
    let answer = inspected(&id, &images[0]);
    let fake = loads(move |_| answer.clone());
    let taken = load(&fake, &layout, &["app:1"]).unwrap();
    let mut archive = Vec::new();
    let name: Reference = "app:1".parse().unwrap();
    docker_archive::write(&layout, "app:1", Some(&amd64()), &[name], &mut archive).unwrap();
    assert_eq!((taken.id, taken.sent), (id, archive.len() as u64));
    let asked = fake.asked.lock().unwrap();
    let sent = asked.iter().find(|a| a.line.contains("/images/load")).unwrap();
    assert!(sent.whole && sent.body == archive);
    assert!(!asked.iter().any(|a| a.line.contains("/tag?")));
}

/// A fake with another version of the image under the name, which shares the lower of two layers; it takes
/// an archive without that layer, or does not. The image of `answer` is there once one was taken.
fn with_the_version_before(info: &'static str, takes_less: bool, answer: Vec<u8>, before: Vec<u8>) -> Fake {
    let loaded = AtomicBool::new(false);
    Fake::start(DOCKER, move |asked| match asked.line.as_str() {
        "GET /v1.44/info" => json(200, info),
        line if line.contains("/images/load") && (takes_less || asked.body.len() > 1_000_000) => {
            loaded.store(true, Ordering::SeqCst);
            json(200, r#"{"stream":"Loaded image: app:1\n"}"#)
        }
        line if line.contains("/images/load") => json(200, r#"{"error":"open 1.tar.gz: no such file"}"#),
        _ if loaded.load(Ordering::SeqCst) => answer.clone(),
        "GET /v1.44/images/app:1/json" => before.clone(),
        _ => none(),
    })
}

#[test]
fn layers_that_are_there_are_left_out_where_the_engine_allows_it() {
    const OWN: &str = r#"{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}"#;
    const CONTAINERD: &str =
        r#"{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#;
    let (_dir, layout, images) = app();
    let other = stored(tempfile::tempdir().unwrap().path(), b"the version before", Codec::Gzip(1)).1;
    let bodies = |info, takes_less| {
        let id = images[0].config.digest().to_string();
        let before = inspected("sha256:before", &other[0]);
        let fake = with_the_version_before(info, takes_less, inspected(&id, &images[0]), before);
        let taken = load(&fake, &layout, &["app:1"]).unwrap();
        let asked = fake.asked.lock().unwrap();
        let loads = asked.iter().filter(|a| a.line.contains("/images/load"));
        let small: Vec<bool> = loads.map(|a| a.body.len() < 20_000).collect();
        assert_eq!(small.last(), Some(&(taken.sent < 20_000)));
        small
    };
    assert_eq!(bodies(OWN, true), [true]);
    // A layer that went in between: all of them go over after all.
    assert_eq!(bodies(OWN, false), [true, false]);
    assert_eq!(bodies(CONTAINERD, true), [false]);
    assert_eq!(bodies("{}", true), [false]);
}

#[test]
fn an_id_of_the_engines_own_is_known_by_its_layers() {
    let (_dir, layout, images) = app();
    let config = images[0].config.digest();
    let answer = inspected("sha256:of-a-manifest", &images[0]);
    let fake = loads(move |asked| match asked.line.contains(&config.to_string()) {
        true => none(),
        false => answer.clone(),
    });
    assert_eq!(load(&fake, &layout, &["app:1"]).unwrap().id, "sha256:of-a-manifest");

    // Something else under our name is not ours.
    let other = stored(tempfile::tempdir().unwrap().path(), b"another", Codec::Gzip(1)).1;
    let answer = inspected("sha256:other", &other[0]);
    let fake = loads(move |_| answer.clone());
    let error = load(&fake, &layout, &["app:1"]).unwrap_err();
    let place = fake.socket.display();
    assert_eq!(
        error.to_string(),
        format!("cannot load app:1: Docker at {place} took it, but has no image {config} now")
    );
}

#[test]
fn a_platform_that_is_not_there_is_no_upload() {
    let (_dir, layout, _) = app();
    let fake = Fake::start(DOCKER, |_| none());
    let engine = fake.engine();
    let s390x = Platform::linux("s390x");
    let error = engine.load_image(&layout, "app:1", Some(&s390x), &[], &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot load app:1 for linux/s390x: it is there for linux/amd64, linux/arm64"
    );
    let error = Diagnostic::from(engine.load_image(&layout, "app:1", None, &[], &Silent).unwrap_err());
    assert_eq!(error.message, "cannot load app:1: it is there for linux/amd64, linux/arm64");
    assert!(error.kind == Kind::Usage && error.hint.as_deref().unwrap().contains("--arch"));
    let error = Diagnostic::from(engine.load_image(&layout, "app:2", None, &[], &Silent).unwrap_err());
    assert_eq!((error.kind, error.hint.as_deref()), (Kind::Input, Some("there is `app:1`")));
    let digest = format!("app@{}", oci::Digest::of(b"x"));
    assert!(matches!(load(&fake, &layout, &[&digest]), Err(EngineError::Name { .. })));
    assert_eq!(fake.questions(), ["GET /version", "GET /version"]);
}

#[test]
fn a_damaged_layer_is_not_loaded() {
    let (_dir, layout, images) = app();
    let blob = layout.blob_path(&images[0].layers[0].descriptor.digest);
    let mut bytes = std::fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let fake = loads(|_| none());
    let error = load(&fake, &layout, &["app:1"]).unwrap_err();
    let digest = images[0].layers[0].descriptor.digest.to_string();
    assert!(matches!(error, EngineError::Image { .. }) && error.to_string().contains(&digest), "{error}");
    assert!(!upload(&fake).whole);
}

/// The upload, once the fake has seen the end of it.
fn upload(fake: &Fake) -> Asked {
    let ended = || fake.asked.lock().unwrap().iter().find(|a| a.line.contains("/load")).cloned();
    testkit::wait_for("the end of the upload", ended)
}

#[test]
fn an_engine_that_hangs_up_is_not_the_layers_fault() {
    let (_dir, layout, _) = app();
    let fake = Fake::start_hasty(DOCKER, 100_000, |asked| match asked.line.contains("/load") {
        true => Vec::new(),
        false => none(),
    });
    let error = load(&fake, &layout, &["app:1"]).unwrap_err();
    let place = fake.socket.display();
    assert_eq!(
        error.to_string(),
        format!("cannot load app:1 into Docker at {place}: the connection was closed in the middle")
    );
}

/// A user who stops it after a hundred kilobytes.
struct Impatient(Arc<AtomicU64>);

impl Reporter for Impatient {
    fn begin(&self, label: &str, total: Option<u64>, unit: Unit) -> TaskId {
        assert_eq!((label, total.is_some(), unit), ("loading into Docker", true, Unit::Bytes));
        TaskId(1)
    }
    fn advance(&self, _: TaskId, by: u64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
    fn end(&self, _: TaskId) {}
    fn note(&self, _: Note) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 100_000
    }
}

#[test]
fn a_user_who_stops_it_leaves_nothing() {
    let (_dir, layout, _) = app();
    let fake = loads(|_| none());
    let reporter = Impatient(Arc::default());
    let error = fake.engine().load_image(&layout, "app:1", Some(&amd64()), &[], &reporter).unwrap_err();
    assert!(matches!(error, EngineError::Stopped(_)), "{error}");
    assert!(!upload(&fake).whole);
}
