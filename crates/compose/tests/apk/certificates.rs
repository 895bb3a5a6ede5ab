use std::process::Command;

use oci::Digest;
use testkit::apk::ApkPackage;

use crate::world::{World, recipe};

/// A certificate in PEM; none without openssl.
fn certificate(name: &str) -> Option<String> {
    let run = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-days",
            "3000",
            "-subj",
        ])
        .arg(format!("/CN={name}"))
        .output();
    let text = String::from_utf8(run.ok()?.stdout).ok()?;
    text.starts_with("-----BEGIN").then_some(text)
}

const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
const JAVA: &str = "etc/ssl/certs/java/cacerts";

/// A Java keystore without entries (its checksum is not read).
fn empty_keystore() -> Vec<u8> {
    [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0][..], &[0; 20]].concat()
}

fn bundle(keystore: &[u8]) -> ApkPackage {
    ApkPackage::new("ca-certificates-bundle", "1-r0")
        .file("etc/ssl/certs/distribution.crt", 0o600, "the distribution's\n")
        .symlink(BUNDLE, "distribution.crt")
        .file(JAVA, 0o644, keystore)
}

#[test]
fn bundles_are_completed_by_the_recipe_and_by_providers() {
    let (Some(mine), Some(theirs), Some(other)) =
        (certificate("mine"), certificate("theirs"), certificate("other"))
    else {
        testkit::skip!("no openssl")
    };
    let provider = ApkPackage::new("corp-ca", "1-r0")
        .provides("custom-ca=1")
        .file("usr/local/share/ca-certificates/corp.pem", 0o644, &theirs)
        .file("usr/local/share/ca-certificates/two.crt", 0o644, format!("{theirs}{other}"))
        .file("usr/local/share/ca-certificates/README", 0o644, &other);
    let stranger = ApkPackage::new("x", "1-r0").file("usr/local/share/ca-certificates/x.crt", 0o644, &other);
    let inline: String = mine.lines().map(|l| format!("      {l}\n")).collect();
    let more = format!(
        "certificates:\n  providers: [custom-ca, such-a-thing]\n  additional:\n  - name: corp\n    content: |\n{inline}"
    );
    let mut world = World::of(&[bundle(&empty_keystore()), provider, stranger]);
    world.certificates = vec![None];
    let made = world.compose(&recipe("corp-ca", &more), "x86_64").unwrap();

    let text = format!("the distribution's\n{mine}\n{theirs}\n");
    assert_eq!(made.text("etc/ssl/certs/distribution.crt"), text);
    assert!(made.line("etc/ssl/certs/distribution.crt").starts_with("0600"));
    assert_eq!(made.line(BUNDLE), "0777 0:0 -> distribution.crt");
    let sum = format!("{}  ca-certificates.crt\n", Digest::of(text.as_bytes()).hex());
    assert_eq!(made.text("etc/ssl/certs/.ca-certificates.crt.sha256"), sum);
    assert!(made.line("etc/ssl/certs/.ca-certificates.crt.sha256").starts_with("0444"));

    assert_eq!(
        made.composition.notes,
        [
            compose::Note::NoProvider { name: "such-a-thing".into() },
            compose::Note::NoCertificate { path: "usr/local/share/ca-certificates/two.crt".into() },
        ]
    );

    let folder = made.tree().below("usr/local/share/ca-certificates".into());
    let own: Vec<_> =
        folder.filter(|e| e.path.starts_with(b"usr/local/share/ca-certificates/corp-")).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(made.text(&own[0].path.to_string()), mine);

    let keystore = made.bytes(JAVA);
    assert_eq!(keystore[..12], [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2]);
    assert!(made.tree().get("etc/ssl/certs/java/.cacerts.sha256").is_some());
}

#[test]
fn a_keystore_of_another_kind_is_named() {
    let Some(mine) = certificate("mine") else { testkit::skip!("no openssl") };
    let mut world = World::of(&[bundle(b"\x30\x82pkcs12")]);
    world.certificates = vec![Some(mine.into_bytes())];
    let more = "certificates: {additional: [keys/corp.pem]}";
    let error = match world.compose(&recipe("x", more), "x86_64") {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it composed"),
    };
    let expected = "cannot add certificates to /etc/ssl/certs/java/cacerts: it is no Java keystore of trusted \
                    certificates (JKS)";
    assert_eq!(error, expected);
}

#[test]
fn a_bundle_whose_last_line_is_not_ended_is_ended_first() {
    let (Some(mine), Some(theirs)) = (certificate("mine"), certificate("theirs")) else {
        testkit::skip!("no openssl")
    };
    let bundle = ApkPackage::new("ca-certificates-bundle", "1-r0").file(BUNDLE, 0o644, theirs.trim_end());
    let mut world = World::of(&[bundle]);
    world.certificates = vec![Some(mine.clone().into_bytes())];
    let made = world.compose(&recipe("x", "certificates: {additional: [corp.pem]}"), "x86_64").unwrap();
    assert_eq!(made.text(BUNDLE), format!("{theirs}{mine}\n"));
}
