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
