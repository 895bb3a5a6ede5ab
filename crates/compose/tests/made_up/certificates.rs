#![allow(clippy::disallowed_methods, reason = "keytool reads a file")]

use std::process::Command;

use crate::world::World;

fn certificate(name: &str) -> String {
    let run = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "/dev/null", "-subj"])
        .arg(format!("/CN={name}"))
        .args(["-not_before", "20240102030405Z", "-not_after", "20340102030405Z"])
        .output();
    let fallback = || {
        let plain = [
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
        ];
        Command::new("openssl").args(plain).arg(format!("/CN={name}")).output()
    };
    match run {
        Ok(run) if run.status.success() => String::from_utf8(run.stdout).unwrap(),
        _ => fallback().map(|r| String::from_utf8(r.stdout).unwrap()).unwrap_or_default(),
    }
}

#[test]
fn the_recipes_certificates_join_the_bundle_and_the_keystore() {
    let (one, two, mine) = (certificate("one"), certificate("two"), certificate("mine"));
    if !mine.starts_with("-----BEGIN") {
        testkit::skip!("no openssl");
    }
    let mut world = World::new();
    let lines = [
        format!("usr/share/ca-certificates/mozilla/Two.crt: {two}"),
        format!("usr/share/ca-certificates/mozilla/One.crt: {}", one.trim_end()),
        "usr/share/doc/ca-certificates/copyright".to_owned(),
    ];
    world.package("ca-certificates", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    world.package("a", &["*usr/lib/jvm/temurin-21-jre-amd64/bin/java"]);
    world.certificates = vec![Some(mine.clone().into_bytes()), None];
    let inline: String = one.lines().map(|l| format!("      {l}\n")).collect();
    let recipe = format!(
        "contents:
  distribution: debian-13
  packages: [a, {{name: ca-certificates, only: [/usr/share/doc/**]}}]
accounts: {{run-as: nonroot}}
certificates:
  additional:
  - corp-ca.pem
  - name: again
    content: |
{inline}"
    );
    let made = world.compose(&recipe).unwrap();
    assert_eq!(made.text("etc/ssl/certs/ca-certificates.crt"), format!("{one}{two}{mine}{one}"));
    assert!(made.tree().get("usr/share/ca-certificates").is_none());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cacerts");
    std::fs::write(&file, made.bytes("etc/ssl/certs/java/cacerts")).unwrap();
    assert_eq!(made.line("etc/ssl/certs/adoptium/cacerts"), "0777 0:0 -> /etc/ssl/certs/java/cacerts");
    let keytool =
        Command::new("keytool").args(["-list", "-storepass", "changeit", "-keystore"]).arg(&file).output();
    let Ok(run) = keytool else { testkit::skip!("no keytool") };
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}");
    let aliases: Vec<&str> = said
        .lines()
        .filter(|l| l.contains("trustedCertEntry"))
        .map(|l| l.split(',').next().unwrap())
        .collect();
    assert_eq!(aliases.len(), 3, "{said}");
    for alias in ["one", "two", "corp-ca"] {
        assert!(aliases.contains(&alias), "{said}");
    }
}

/// A recipe that trusts `corp-ca.pem` besides.
const CORP: &str = "contents: {distribution: debian-13, packages: [a]}
accounts: {run-as: nonroot}
certificates: {additional: [corp-ca.pem]}
";
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";

#[test]
fn nothing_but_certificates_gets_into_the_bundle() {
    let (mine, local) = (certificate("mine"), certificate("local"));
    if !mine.starts_with("-----BEGIN") {
        testkit::skip!("no openssl");
    }
    let mut world = World::new();
    world.package("a", &["etc/a"]);
    let folder = "usr/local/share/ca-certificates";
    let file = world.body(format!("{KEY}{local}").as_bytes());
    let strange = world.body(KEY.as_bytes());
    let one = |body| Some(compose::OwnBody::File { body, executable: false });
    world.own = vec![one(file), one(strange)];
    world.certificates = vec![Some(format!("a comment\n{KEY}{}", mine.trim_end()).into_bytes())];
    let files =
        format!("  files: [{{path: /{folder}/l.crt, source: l}}, {{path: /{folder}/k.crt, source: k}}]");
    let recipe = format!(
        "contents:\n  distribution: debian-13\n  packages: [a]\n{files}\naccounts: {{run-as: nonroot}}\ncertificates: {{additional: [corp-ca.pem]}}\n"
    );
    let made = world.compose(&recipe).unwrap();
    assert_eq!(made.text(BUNDLE), format!("{local}{mine}"));
    let note = compose::Note::NoCertificate { path: format!("{folder}/k.crt").into() };
    assert!(made.composition.notes.contains(&note), "{:?}", made.composition.notes);
}

#[test]
fn the_users_own_bundle_is_completed() {
    let (mine, theirs) = (certificate("mine"), certificate("theirs"));
    if !mine.starts_with("-----BEGIN") {
        testkit::skip!("no openssl");
    }
    let recipe = CORP
        .replace("[a]}", "[a], files: [{path: /etc/ssl/certs/ca-certificates.crt, source: b, mode: 0o640}]}");
    // The last line of the second is not ended; the third has the certificate already.
    for (bundle, expected) in [
        (theirs.clone(), format!("{theirs}{mine}")),
        (format!("# mine\n{}", theirs.trim_end()), format!("# mine\n{theirs}{mine}")),
        (format!("{mine}{theirs}"), format!("{mine}{theirs}")),
    ] {
        let mut world = World::new();
        world.package("a", &["etc/a"]);
        let body = world.body(bundle.as_bytes());
        world.own = vec![Some(compose::OwnBody::File { body, executable: false })];
        world.certificates = vec![Some(mine.clone().into_bytes())];
        let made = world.compose(&recipe).unwrap();
        assert_eq!(made.text(BUNDLE), expected);
        assert!(made.line(BUNDLE).starts_with("0640"), "{}", made.line(BUNDLE));
    }
}

#[test]
fn the_users_own_keystore_is_completed() {
    let mine = certificate("mine");
    if !mine.starts_with("-----BEGIN") {
        testkit::skip!("no openssl");
    }
    let java = "etc/ssl/certs/java/cacerts";
    let recipe = CORP.replace("[a]}", &format!("[a], files: [{{path: /{java}, source: b}}]}}"));
    let empty = [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0][..], &[0; 20]].concat();
    for (certificates, recipe, count) in [
        (vec![Some(mine.clone().into_bytes())], &recipe, 1),
        (vec![], &recipe.replace("certificates", "labels").replace("additional: [corp-ca.pem]", ""), 0),
    ] {
        let mut world = World::new();
        world.package(
            "ca-certificates",
            &[&format!("usr/share/ca-certificates/One.crt: {}", certificate("one"))],
        );
        world.package(
            "a",
            &["*usr/lib/jvm/temurin-21-jre-amd64/bin/java", "usr/share/doc/ca-certificates/copyright"],
        );
        let body = world.body(&empty);
        world.own = vec![Some(compose::OwnBody::File { body, executable: false })];
        world.certificates = certificates;
        let made = world.compose(recipe).unwrap();
        assert_eq!(made.bytes(java)[8..12], [0, 0, 0, count]);
    }
}

#[test]
fn what_is_no_certificate_is_named() {
    for (pem, why) in [
        ("hello", "it has no block `BEGIN CERTIFICATE`"),
        ("-----BEGIN CERTIFICATE-----\nAAAA", "it is not PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "a block of it is no X.509 certificate",
        ),
    ] {
        let mut world = World::new();
        world.package("a", &["etc/a"]);
        world.certificates = vec![Some(pem.into())];
        let recipe = "contents: {distribution: debian-13, packages: [a]}\naccounts: {run-as: nonroot}\ncertificates: {additional: [x.pem]}\n";
        let error = world.compose(recipe).err().unwrap().to_string();
        assert_eq!(error, format!("cannot trust the certificate x.pem: {why}"));
    }
}
