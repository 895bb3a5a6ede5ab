use std::io::Read;
use std::path::Path;
use std::time::Duration;

use engine::http::{Connection, Request};
use engine::{Candidate, Endpoint, Engine, EngineError, Run, connect};
use image::{Codec, Source};
use oci::Digest;
use testkit::tar::{self, Entry};

use crate::podman::Podman;
use crate::stored::stored;

/// Machine code of x86-64 in an ELF file of one segment, at the usual address.
fn program(code: &[u8]) -> Vec<u8> {
    let at: u64 = 0x40_0000;
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    elf.extend((at + 120).to_le_bytes());
    elf.extend(64u64.to_le_bytes());
    elf.extend(0u64.to_le_bytes());
    elf.extend(b"\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x05\0\0\0");
    let size = 120 + code.len() as u64;
    for field in [0, at, at, size, size, 4096] {
        elf.extend(field.to_le_bytes());
    }
    elf.extend(code);
    elf
}

/// Writes `words` to stdout and stderr, and exits with 7.
fn speaker(words: &[u8]) -> Vec<u8> {
    let mut code = Vec::new();
    for stream in [1u8, 2] {
        code.extend([0xb8, 1, 0, 0, 0, 0xbf, stream, 0, 0, 0, 0x48, 0x8d, 0x35]);
        // From after this field's four bytes to the words: mov, syscall, the rest.
        let rest = if stream == 1 { 7 + 24 + 12 } else { 7 + 12 };
        code.extend((rest as u32).to_le_bytes());
        code.push(0xba);
        code.extend((words.len() as u32).to_le_bytes());
        code.extend([0x0f, 0x05]);
    }
    code.extend([0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05]);
    code.extend(words);
    program(&code)
}

/// Waits for a signal that never comes.
fn waiter() -> Vec<u8> {
    program(&[0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7])
}

/// What `docker save` would write of an image with these programs.
fn archive(name: &str) -> Vec<u8> {
    let layer =
        tar::tar(&[Entry::file("say", 0o755, speaker(b"hello")), Entry::file("wait", 0o755, waiter())]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/say"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::of(&layer)
    );
    let manifest = format!(r#"[{{"Config":"config.json","RepoTags":["{name}"],"Layers":["layer.tar"]}}]"#);
    tar::tar(&[
        Entry::file("layer.tar", 0o644, layer),
        Entry::file("config.json", 0o644, config),
        Entry::file("manifest.json", 0o644, manifest),
    ])
}

#[test]
fn docker() {
    if !cfg!(target_arch = "x86_64") {
        testkit::skip!("its program is made of x86-64 machine code");
    }
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("{why}"),
    };
    let engine = engine_at(docker.socket());
    assert_eq!(engine.about().name, "Docker");
    loads_inspects_runs_and_removes(&engine);
    runs_what_distil_wrote(&engine);
    // Debian's Docker keeps layers itself, and looks for them before it opens the archive's.
    assert!(second_version(&engine) < 20_000);
}

#[test]
fn podman() {
    if !cfg!(target_arch = "x86_64") {
        testkit::skip!("its program is made of x86-64 machine code");
    }
    let podman = match Podman::start() {
        Ok(podman) => podman,
        Err(why) => testkit::skip!("{why}"),
    };
    let engine = engine_at(&podman.socket());
    assert_eq!(engine.about().name, "Podman");
    loads_inspects_runs_and_removes(&engine);
    runs_what_distil_wrote(&engine);
    assert!(second_version(&engine) > 2_000_000);
}

fn engine_at(socket: &Path) -> Engine {
    let endpoint = Endpoint::Unix(socket.to_owned());
    connect(&[Candidate { endpoint, because: "the test".to_owned() }]).unwrap()
}

/// Containers of an image, running or not, as the engine lists them.
fn containers(engine: &Engine, image: &str) -> String {
    let target = format!("/v1.41/containers/json?all=1&filters=%7B%22ancestor%22:%5B%22{image}%22%5D%7D");
    let request = Request { method: "GET", target: &target, content_type: None };
    let connection = Connection::open(engine.endpoint(), Duration::from_secs(30)).unwrap();
    let mut response = connection.send(request, &[]).unwrap();
    let mut listed = String::new();
    response.body.read_to_string(&mut listed).unwrap();
    assert_eq!(response.status, 200, "{listed}");
    listed.trim().to_owned()
}

fn loads_inspects_runs_and_removes(engine: &Engine) {
    assert_eq!(engine.about().platform, oci::Platform::linux("amd64"));
    let name = "distil-test-engine:one";
    let bytes = archive(name);
    let loaded = engine.load::<EngineError>(|out| out.write_all(&bytes).map_err(|_| unreachable!())).unwrap();
    // Podman spells it in full.
    assert!(matches!(&loaded.names[..], [one] if one.ends_with(name)), "{loaded:?}");
    let image = engine.image(name).unwrap().unwrap();
    assert!(image.id.starts_with("sha256:"), "{}", image.id);
    assert!(matches!(&image.names[..], [one] if one.ends_with(name)), "{image:?}");
    assert_eq!(image.diff_ids.len(), 1);
    assert!(engine.image_names().unwrap().iter().any(|n| n.ends_with(name)));
    let mut saved = Vec::new();
    assert_eq!(engine.save(name, &mut saved, &diag::Silent).unwrap(), saved.len() as u64);
    assert!(saved.windows(13).any(|w| w == b"manifest.json"), "{} bytes", saved.len());
    assert!(matches!(engine.save("x-none", &mut saved, &diag::Silent), Err(EngineError::NoImage { .. })));

    let ran = engine.run(&Run { image: name.to_owned(), read_only: true, ..Run::default() }).unwrap();
    assert_eq!(
        (ran.code, ran.stdout.as_slice(), ran.stderr.as_slice()),
        (7, b"hello".as_slice(), b"hello".as_slice())
    );
    let endless = Run {
        image: name.to_owned(),
        entrypoint: vec!["/wait".to_owned()],
        limit: Some(Duration::from_secs(2)),
        ..Run::default()
    };
    assert!(matches!(engine.run(&endless), Err(EngineError::Unending { .. })));
    let missing = Run { image: name.to_owned(), entrypoint: vec!["/gone".to_owned()], ..Run::default() };
    let error = engine.run(&missing).unwrap_err().to_string();
    assert!(error.contains("/gone"), "{error}");
    assert!(engine.run(&Run { image: "distil-test-engine:two".to_owned(), ..Run::default() }).is_err());

    // Nothing is left of the containers.
    assert_eq!(containers(engine, name), "[]");

    let cut = engine
        .load::<EngineError>(|out| out.write_all(&bytes[..bytes.len() / 2]).map_err(|_| unreachable!()));
    assert!(cut.is_err(), "{cut:?}");
    engine.tag(name, "distil-test-engine", "copy").unwrap();
    for tag in ["one", "copy"] {
        assert!(engine.remove_image(&format!("distil-test-engine:{tag}")).unwrap());
    }
    assert_eq!(engine.image(name).unwrap(), None);
    assert!(!engine.remove_image(name).unwrap());
}

/// An image as a build leaves it in the store, of either compression: loaded, found, run.
fn runs_what_distil_wrote(engine: &Engine) {
    for (repository, codec) in
        [("distil-test-engine-gzip", Codec::Gzip(6)), ("distil-test-engine-zstd", Codec::Zstd(3))]
    {
        let dir = tempfile::tempdir().unwrap();
        // Images with equal layers share an id; each codec has a program of its own.
        let words = format!("hello from {repository}");
        let (layout, images) = stored(dir.path(), &speaker(words.as_bytes()), codec);
        let platform = oci::Platform::linux("amd64");
        let load = |name: &str| {
            let names = [name.parse().unwrap()];
            engine.load_image(&layout, "app:1", Some(&platform), &names, &diag::Silent).unwrap()
        };
        let first = load(&format!("{repository}:one"));
        assert_eq!(first.id, images[0].config.digest().to_string());
        assert!(first.sent > 2_000_000, "{first:?}");
        comes_back(engine, &format!("{repository}:one"), images[0].config.digest());
        let second = load(repository);
        assert_eq!((second.id, second.sent), (first.id.clone(), 0));
        for name in [format!("{repository}:one"), format!("{repository}:latest")] {
            let ran = engine.run(&Run { image: name.clone(), ..Run::default() }).unwrap();
            assert_eq!((ran.code, String::from_utf8(ran.stdout).unwrap()), (7, words.clone()));
            assert!(engine.remove_image(&name).unwrap());
        }
        assert_eq!(engine.image(&first.id).unwrap(), None);
    }
}

/// What the engine gives back is an image of the same config, whose layers are those that it names.
fn comes_back(engine: &Engine, name: &str, config: Digest) {
    let dir = tempfile::tempdir().unwrap();
    let archive = image::DockerArchive::spool(dir.path(), |out| {
        engine.save(name, out, &diag::Silent).map(drop).map_err(diag::Diagnostic::from)
    });
    let archive = archive.unwrap();
    let layout = image::Layout::create(dir.path().join("layout")).unwrap();
    image::copy(&archive, "", &layout, "back").unwrap();
    match layout.document("back").unwrap().value() {
        image::Document::Manifest(manifest) => {
            assert_eq!((manifest.config.digest, manifest.layers.len()), (config, 2));
        }
        image::Document::Index(_) => panic!("one platform, and an index"),
    }
}

/// How many bytes go over for an image that has another program than the one that is there, above the same
/// layer of two megabytes; and it runs.
fn second_version(engine: &Engine) -> u64 {
    let (mut sent, mut ids) = (0, Vec::new());
    for words in ["version one", "version two"] {
        let dir = tempfile::tempdir().unwrap();
        let (layout, images) = stored(dir.path(), &speaker(words.as_bytes()), Codec::Gzip(6));
        let (platform, names) =
            (oci::Platform::linux("amd64"), ["distil-test-engine-versions:1".parse().unwrap()]);
        let taken = engine.load_image(&layout, "app:1", Some(&platform), &names, &diag::Silent).unwrap();
        assert_eq!(taken.id, images[0].config.digest().to_string());
        let ran = engine.run(&Run { image: taken.id.clone(), ..Run::default() }).unwrap();
        assert_eq!(String::from_utf8(ran.stdout).unwrap(), words);
        sent = taken.sent;
        ids.push(taken.id);
    }
    // The first has no name any more.
    assert!(ids.iter().all(|id| engine.remove_image(id).unwrap()));
    sent
}
