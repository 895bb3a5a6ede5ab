//! The packages of a Wolfi that need no payload from elsewhere.

use super::key::ApkKey;
use super::package::ApkPackage;

/// `/etc/os-release` as scanners look for it.
const OS_RELEASE: &str = "ID=wolfi\nNAME=\"Wolfi\"\nPRETTY_NAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\nHOME_URL=\"https://example.org\"\n";

/// A package with the document that melange adds to each: `var/lib/db/sbom/NAME-VERSION.spdx.json`.
pub(super) fn melange(name: &str, version: &str, arch: &str) -> ApkPackage {
    let document = format!(
        r#"{{
  "SPDXID": "SPDXRef-DOCUMENT-apk-{name}-{version}",
  "name": "apk-{name}-{version}",
  "spdxVersion": "SPDX-2.3",
  "creationInfo": {{"created": "2025-01-01T00:00:00Z", "creators": ["Tool: melange (made up)"], "licenseListVersion": "3.22"}},
  "dataLicense": "CC0-1.0",
  "documentNamespace": "https://spdx.org/spdxdocs/made-up/{name}-{version}-{arch}",
  "documentDescribes": ["SPDXRef-Package-{name}"],
  "packages": [{{
    "SPDXID": "SPDXRef-Package-{name}",
    "name": "{name}",
    "versionInfo": "{version}",
    "filesAnalyzed": false,
    "licenseConcluded": "NOASSERTION",
    "licenseDeclared": "MIT",
    "downloadLocation": "NOASSERTION",
    "copyrightText": "NOASSERTION"
  }}],
  "relationships": []
}}
"#
    );
    let path = format!("var/lib/db/sbom/{name}-{version}.spdx.json");
    let melange = format!("package:\n  name: {name}\n  epoch: 0\n");
    ApkPackage::new(name, version)
        .arch(arch)
        .control_member(".melange.yaml", 0o644, melange)
        .file(&path, 0o644, document)
}

/// `wolfi-baselayout`: the folders, the links that merge them into `/usr`, the accounts.
pub(super) fn baselayout(arch: &str) -> ApkPackage {
    let mut package = melange("wolfi-baselayout", "20230201-r29", arch)
        .provides("merged-bin=1 merged-lib=1 merged-sbin=1 merged-usrsbin=1");
    let links = [
        ("bin", "usr/bin"),
        ("sbin", "usr/bin"),
        ("usr/sbin", "bin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib"),
        ("usr/lib64", "lib"),
        ("var/run", "../run"),
    ];
    for (path, target) in links {
        package = package.symlink(path, target);
    }
    for dir in ["dev", "etc/profile.d", "home", "opt", "proc", "run", "srv", "sys", "usr/bin", "usr/lib"] {
        package = package.directory(dir, 0o755);
    }
    for dir in ["usr/local/bin", "usr/local/lib", "usr/share", "var/cache", "var/lib", "var/log"] {
        package = package.directory(dir, 0o755);
    }
    package
        .directory("root", 0o700)
        .directory("tmp", 0o1777)
        .directory("var/tmp", 0o1777)
        .file("etc/os-release", 0o644, OS_RELEASE)
        .file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
        )
        .file("etc/group", 0o644, "root:x:0:root\ntty:x:5:\nnobody:x:65534:\n")
        .file("etc/shadow", 0o640, "root:*:::::::\nnobody:!:::::::\n")
        .file("etc/hosts", 0o644, "127.0.0.1\tlocalhost\n::1\tlocalhost\n")
        .file("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files dns\n")
        .file("etc/profile", 0o644, "export PATH=/usr/local/sbin:/usr/local/bin:/usr/bin\n")
}

/// `wolfi-keys`: whom an `apk` inside the image believes.
pub(super) fn keys(arch: &str, key: &ApkKey) -> ApkPackage {
    let path = format!("etc/apk/keys/{}", key.file_name());
    melange("wolfi-keys", "1-r13", arch).file(&path, 0o644, key.public_pem())
}

/// `wolfi-base`: nothing but what it depends on.
pub(super) fn base(arch: &str) -> ApkPackage {
    melange("wolfi-base", "1-r7", arch).depends("apk-tools busybox wolfi-keys")
}

/// `ca-certificates-bundle` of these certificates.
pub(super) fn certificates(arch: &str, pem: &str) -> ApkPackage {
    melange("ca-certificates-bundle", "20260413-r0", arch)
        .provides("ca-certificates-cacert=20260413-r0")
        .file("etc/ssl/certs/ca-certificates.crt", 0o644, pem)
        .symlink("etc/ssl/cert.pem", "certs/ca-certificates.crt")
        .directory("usr/local/share/ca-certificates", 0o755)
}

/// `apk-tools`, of which nothing runs; its dependencies are real.
pub(super) fn apk_tools(arch: &str) -> ApkPackage {
    melange("apk-tools", "2.14.10-r13", arch)
        .depends("ca-certificates-bundle wolfi-baselayout so:libcrypto.so.3 so:libssl.so.3 so:libz.so.1")
        .provides("cmd:apk=2.14.10-r13")
        .file("usr/bin/apk", 0o755, "#!/bin/sh\necho made up\n")
}
