//! Debian's docker-registry 2.8, with nobody's, a user's and TLS doors; skopeo as a second opinion.

use std::io::Read as _;
use std::process::Command;

use diag::{Explain as _, Kind};
use fetch::{Pem, Tls};
use image::{Layout, Sink as _, Source as _};
use oci::{Descriptor, MediaType};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use registry::{Client, Options, Repository};
use testkit::machine::{A_USER, Registry, Serving, registry_that};

use crate::referrers::attach;
use crate::world::{Made, bytes, image, index, layer, password, quick, sha512, shown, told};

fn at(registry: &Registry, path: &str, options: Options, tls: Tls) -> Repository {
    let client = Client::new(&fetch::Client::new(fetch::Options { tls, ..quick() }), options);
    client.repository(&format!("{}/{path}", registry.address()).parse().unwrap()).unwrap()
}

fn plainly(registry: &Registry, path: &str) -> Repository {
    at(registry, path, Options::default(), Tls::default())
}

fn two_platforms() -> Made {
    index(vec![
        ("amd64", image("amd64", &[bytes(1, 3_000_000), bytes(2, 10)])),
        ("arm64", image("arm64", &[bytes(1, 3_000_000), bytes(3, 100_000)])),
    ])
}

#[test]
fn an_image_goes_there_and_back() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let there = plainly(&registry, "acme/app");
    let made = two_platforms();
    let digest = made.push(&there, "1.0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    assert_eq!(image::copy(&there, "1.0", &layout, "1.0").unwrap(), digest);
    assert_eq!(there.tags().unwrap(), ["1.0"]);
    assert_eq!(there.digest_of("1.0").unwrap(), Some(digest));
    assert_eq!(there.digest_of("2.0").unwrap(), None);
    // By mounts only, to another name.
    let other = plainly(&registry, "acme/other");
    let mut mounted = std::collections::BTreeSet::new();
    for (part, bytes) in &made.parts {
        if part.media_type.is_manifest() {
            other.put(part, &mut &bytes[..]).unwrap();
        } else {
            // Both platforms have the first layer.
            let before = mounted.insert(part.digest);
            assert_eq!(other.has(part).unwrap(), !before);
            assert!(other.mount(part, "acme/app").unwrap());
            assert!(other.has(part).unwrap());
        }
    }
    other.publish("1.0", &made.document).unwrap();
    assert_eq!(other.document("1.0").unwrap().bytes(), made.document.bytes());
    // This registry deletes by digest only.
    let error = told(there.delete("1.0").unwrap_err());
    assert!(error.hint.as_deref().unwrap().contains("@sha256"), "{}", shown(&error));
    assert!(there.delete(&digest.to_string()).unwrap());
    assert_eq!(there.digest_of("1.0").unwrap(), None);
}

/// It calls everything by its SHA-256, and finds a blob under its SHA-512 all the same; of manifests it does not.
#[test]
fn other_digests_are_kept_or_refused_for_what_they_are() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let there = plainly(&registry, "acme/app");
    let all = bytes(1, 100_000);
    let part = Descriptor { digest: sha512(&all), ..layer(&all) };
    there.put(&part, &mut &all[..]).unwrap();
    let mut back = Vec::new();
    there.blob(&part, 0).unwrap().read_to_end(&mut back).unwrap();
    assert_eq!(back, all);
    let made = image("amd64", &[]);
    made.push(&there, "1").unwrap();
    let own = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
    let other = Descriptor { digest: sha512(made.document.bytes()), ..own };
    let error = told(there.put(&other, &mut made.document.bytes()).unwrap_err());
    assert!(error.message.contains("the registry does not take sha512 digests"), "{}", shown(&error));
}

#[test]
fn blobs_are_read_from_the_middle_and_sent_in_pieces() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let there = plainly(&registry, "a");
    let all = bytes(1, 7_000_000);
    let part = layer(&all);
    // A stream of this size goes in pieces.
    there.put(&part, &mut &all[..]).unwrap();
    assert!(there.has(&part).unwrap());
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut there.blob(&part, 6_000_000).unwrap(), &mut rest).unwrap();
    assert_eq!(rest, all[6_000_000..]);
    let wrong = bytes(2, 7_000_000);
    assert_eq!(told(there.put(&layer(&bytes(3, 7_000_000)), &mut &wrong[..]).unwrap_err()).kind, Kind::Trust);
    assert!(!there.has(&layer(&bytes(3, 7_000_000))).unwrap());
}

#[test]
fn referrers_are_kept_under_a_tag() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let there = plainly(&registry, "a");
    let made = image("amd64", &[bytes(1, 10)]);
    made.push(&there, "1").unwrap();
    let subject = Descriptor::of(MediaType::MANIFEST, made.document.bytes());
    let (first, second) = (attach(&there, &subject, "x/y", "1"), attach(&there, &subject, "x/z", "2"));
    let digests = |kind: Option<&MediaType>| {
        let found = there.referrers(&subject.digest, kind).unwrap();
        found.iter().map(|d| d.digest).collect::<Vec<_>>()
    };
    assert_eq!(digests(None), [first, second]);
    assert_eq!(digests(Some(&MediaType::new("x/z"))), [second]);
    assert!(there.tags().unwrap().contains(&format!("sha256-{}", subject.digest.hex())));
    assert!(there.delete(&first.to_string()).unwrap());
    assert_eq!(digests(None), [second]);
}

#[test]
fn a_user_gets_in_and_others_are_told() {
    let serving = Serving { users: A_USER.to_owned(), ..Serving::default() };
    let registry = match registry_that(&serving) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let made = image("amd64", &[bytes(1, 100_000)]);
    made.push(&at(&registry, "a", password("u", "open sesame"), Tls::default()), "1").unwrap();
    for (options, word) in [
        (Options::default(), "without a login"),
        (password("u", "wrong"), "`u` from a test's file"),
        (password("v", "open sesame"), "`v` from a test's file"),
    ] {
        let error = told(at(&registry, "a", options, Tls::default()).document("1").unwrap_err());
        let all = shown(&error);
        assert_eq!(error.kind, Kind::Network);
        assert!(all.contains("401") && all.contains(word) && all.contains("distil login"), "{all}");
        assert!(!all.contains("sesame") && !all.contains("wrong"), "{all}");
    }
}

/// A certificate for the loopback and its key, and the authority that gave it.
fn certificate() -> (String, String, String) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&authority).unwrap().pem();
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    (certificate.pem(), key.serialize_pem(), pem)
}

#[test]
fn tls_is_checked_unless_the_user_says_otherwise() {
    let (certificate, key, authority) = certificate();
    let serving = Serving { users: A_USER.to_owned(), tls: Some((certificate, key)) };
    let registry = match registry_that(&serving) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let pem = Pem { name: "the test's authority".into(), text: authority.into_bytes() };
    let known = Tls { authorities: vec![pem], ..Tls::default() };
    let made = two_platforms();
    let there = at(&registry, "a", password("u", "open sesame"), known);
    let digest = made.push(&there, "1").unwrap();
    assert_eq!(there.document("1").unwrap().digest(), digest);

    let stranger = at(&registry, "a", password("u", "open sesame"), Tls::default());
    let error = told(stranger.document("1").unwrap_err());
    let all = shown(&error);
    assert_eq!(error.kind, Kind::Network, "{all}");
    assert!(error.message.contains("signed by no authority that is trusted here"), "{all}");
    assert!(all.contains(&format!("--insecure-registry {}", registry.address())), "{all}");
    assert!(all.contains("asked: GET https://"), "{all}");

    let host = registry.address().to_string();
    let insecure = Options { insecure: vec![host], ..password("u", "open sesame") };
    let there = at(&registry, "a", insecure, Tls::default());
    assert_eq!(there.document("1").unwrap().digest(), digest);
    assert_eq!(there.tags().map_err(|e| e.kind()), Ok(vec!["1".to_owned()]));
}

/// What skopeo printed; none where it is not installed.
fn skopeo(words: &[&str]) -> Option<Vec<u8>> {
    let run = Command::new("skopeo").args(words).output().ok()?;
    assert!(run.status.success(), "skopeo {words:?}: {}", String::from_utf8_lossy(&run.stderr));
    Some(run.stdout)
}

#[test]
fn skopeo_takes_the_tests_registry_for_one() {
    // Else what the tests show of our client would be worth little.
    let logins = testkit::registry::Logins::Token {
        user: "u".into(),
        password: "p".into(),
        good_for: 1000,
        claimed: 300,
        anonymous: false,
    };
    let setup = testkit::registry::Setup { logins, ..Default::default() };
    let registry = testkit::registry::Registry::start(setup);
    let made = two_platforms();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    made.push(&layout, "1").unwrap();
    let (from, there) =
        (format!("oci:{}:1", dir.path().display()), format!("docker://{}/a/b:1", registry.host()));
    let words =
        ["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds=u:p", &from, &there];
    let Some(_) = skopeo(&words) else { testkit::skip!("no skopeo") };
    registry.check().unwrap();
    assert_eq!(registry.manifest("a/b", "1").unwrap(), made.document.bytes());
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", "--creds=u:p", &there]);
    assert_eq!(raw.unwrap(), made.document.bytes());
}

#[test]
fn skopeo_agrees_on_what_is_there() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let there = plainly(&registry, "acme/app");
    let made = two_platforms();
    made.push(&there, "1.0").unwrap();
    let name = |path: &str| format!("docker://{}/{path}", registry.address());
    let Some(raw) = skopeo(&["inspect", "--raw", "--tls-verify=false", &name("acme/app:1.0")]) else {
        testkit::skip!("no skopeo");
    };
    assert_eq!(raw, made.document.bytes());
    // It copies and so checks every blob; and what it writes, we read.
    let (from, to) = (name("acme/app:1.0"), name("theirs/app:1.0"));
    let insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    skopeo(&["copy", "--all", "--preserve-digests", insecure[0], insecure[1], &from, &to]);
    let theirs = plainly(&registry, "theirs/app");
    assert_eq!(theirs.document("1.0").unwrap().digest(), made.document.digest());
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    assert_eq!(image::copy(&theirs, "1.0", &layout, "1.0").unwrap(), made.document.digest());
}

/// An image that an engine can unpack: one layer with one file.
fn unpackable(architecture: &str) -> (Made, oci::Digest) {
    let raw = testkit::tar::tar([&testkit::tar::Entry::file("etc/motd", 0o644, "hello from a layer\n")]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &raw).unwrap();
    let gzip = gzip.finish().unwrap();
    let config = format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"Cmd":["/x"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        oci::Digest::of(&raw)
    )
    .into_bytes();
    let config_part = Descriptor::of(MediaType::CONFIG, &config);
    let manifest = oci::Manifest {
        schema_version: 2,
        media_type: Some(MediaType::MANIFEST),
        artifact_type: None,
        config: config_part.clone(),
        layers: vec![layer(&gzip)],
        subject: None,
        annotations: oci::Annotations::new(),
    };
    let digest = config_part.digest;
    let document = oci::Raw::write(image::Document::Manifest(manifest));
    (Made { document, parts: vec![(layer(&gzip), gzip), (config_part, config)] }, digest)
}

#[test]
fn docker_agrees_on_what_is_there() {
    let registry = match registry_that(&Serving::default()) {
        Ok(registry) => registry,
        Err(why) => testkit::skip!("{why}"),
    };
    let docker = match testkit::machine::docker() {
        Ok(docker) => docker,
        Err(why) => testkit::skip!("no engine: {why}"),
    };
    let native = oci::Platform::host().architecture;
    let (ours, config) = unpackable(&native);
    let there = plainly(&registry, "acme/app");
    let made = index(vec![(native.as_str(), ours), ("s390x", unpackable("s390x").0)]);
    let digest = made.push(&there, "1.0").unwrap();
    let name = format!("{}/acme/app:1.0", registry.address());
    docker.run(&["pull", "-q", &name]).unwrap();
    let said = |format: &str| docker.run(&["image", "inspect", "--format", format, &name]).unwrap();
    assert_eq!(said("{{.Id}}").trim(), config.to_string());
    assert!(said("{{.RepoDigests}}").contains(&digest.to_string()), "{}", said("{{.RepoDigests}}"));
    // And what Docker writes, we read: another manifest, over the same config.
    let back = format!("{}/theirs/app:1.0", registry.address());
    docker.run(&["tag", &name, &back]).unwrap();
    docker.run(&["push", "-q", &back]).unwrap();
    docker.run(&["rmi", &name, &back]).unwrap();
    let theirs = plainly(&registry, "theirs/app");
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::create(dir.path()).unwrap();
    image::copy(&theirs, "1.0", &layout, "1.0").unwrap();
    match layout.document("1.0").unwrap().value() {
        image::Document::Manifest(manifest) => assert_eq!(manifest.config.digest, config),
        image::Document::Index(index) => panic!("Docker pushed an index: {index:?}"),
    }
}
