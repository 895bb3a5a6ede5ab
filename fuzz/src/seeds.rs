use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use testkit::apk::{Algorithm, Signer};
use testkit::{ApkPackage, Compression, Key, Package, SignWith, World, hostile};

use super::apk_files::{key as apk_key, signed_index};
use super::trust_roots::{SIGNED, key};

/// What fuzzing starts from, by target: made-up files that are the same everywhere, and real ones
/// from this machine (programs, dpkg's and apt's databases) and from `../shared/data`, where there.
pub type Seeds = BTreeMap<&'static str, Vec<Vec<u8>>>;

/// A small image as others archive it: layers plain and compressed.
fn oci_archives() -> Vec<Vec<u8>> {
    let blob = |bytes: &[u8]| {
        let digest = oci::Digest::of(bytes);
        (digest, testkit::tar::Entry::file(format!("blobs/sha256/{}", digest.hex()), 0o644, bytes))
    };
    let tree = testkit::tar::tar(&[testkit::tar::Entry::file("a", 0o644, "x")]);
    let archive = |kind: &str, layer: &[u8]| {
        let (layer_digest, layer_entry) = blob(layer);
        let diff_id = oci::Digest::of(&tree);
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
        );
        let (config_digest, config_entry) = blob(config.as_bytes());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar{kind}","digest":"{layer_digest}","size":{}}}]}}"#,
            config.len(),
            layer.len(),
        );
        let (manifest_digest, manifest_entry) = blob(manifest.as_bytes());
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest_digest}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"x"}}}}]}}"#,
            manifest.len(),
        );
        testkit::tar::tar(&[
            testkit::tar::Entry::file("oci-layout", 0o644, r#"{"imageLayoutVersion":"1.0.0"}"#),
            testkit::tar::Entry::file("index.json", 0o644, index),
            manifest_entry,
            config_entry,
            layer_entry,
        ])
    };
    vec![
        archive("", &tree),
        archive("+gzip", &Compression::Gzip.compress(&tree)),
        archive("+zstd", &Compression::Zstd.compress(&tree)),
    ]
}

/// The same as `docker save` writes it, one layer by a link.
fn docker_archives() -> Vec<Vec<u8>> {
    use testkit::tar::Entry;
    let tree = testkit::tar::tar(&[Entry::file("a", 0o644, "x")]);
    let id = oci::Digest::of(&tree);
    let archive = |layer: &[u8]| {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{id}","{id}"]}}}}"#
        );
        let list = r#"[{"Config":"c.json","RepoTags":["x:1"],"Layers":["1/layer.tar","2/layer.tar"]}]"#;
        testkit::tar::tar(&[
            Entry::file("c.json", 0o644, config),
            Entry::file("1/layer.tar", 0o644, layer),
            Entry::symlink("2/layer.tar", "../1/layer.tar"),
            Entry::file("manifest.json", 0o644, list),
        ])
    };
    vec![
        archive(&tree),
        archive(&Compression::Gzip.compress(&tree)),
        archive(&Compression::Zstd.compress(&tree)),
    ]
}

/// No seed is larger: a fuzzer learns nothing from a megabyte that it cannot from a page.
const LARGEST: usize = 96 << 10;

/// All seeds.
pub fn seeds() -> Seeds {
    let mut all = Seeds::new();
    made_up(&mut all);
    attacks(&mut all);
    of_this_machine(&mut all);
    of_the_tree(&mut all);
    of_shared_data(&mut all);
    for seeds in all.values_mut() {
        seeds.retain(|s| s.len() <= LARGEST);
        seeds.sort();
        seeds.dedup();
    }
    all
}

fn add(all: &mut Seeds, target: &'static str, bytes: impl Into<Vec<u8>>) {
    all.entry(target).or_default().push(bytes.into());
}

fn packages() -> Vec<Package> {
    let package = |compression| {
        Package::new("foo", "1:1.0~rc1-2+b1")
            .depends("libfoo1 (>= 1.0), bar:any | baz [amd64] <!nocheck>, libc6 (= 2.41-12)")
            .provides("foo-api (= 3), mail-transport-agent")
            .multi_arch("same")
            .source("foo-src (1.0-1)")
            .file("/usr/share/doc/foo/copyright", "free")
            .executable("/usr/bin/foo", "#!/bin/sh -e\nexec true\n")
            .symlink("/usr/bin/bar", "foo")
            .hardlink("/usr/bin/baz", "/usr/bin/foo")
            .script(
                "postinst",
                "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/x x /usr/bin/foo 50\n",
            )
            .conffiles("/etc/foo.conf\n")
            .triggers("interest-noawait /usr/lib/foo\nactivate-noawait ldconfig\n")
            .compression(compression)
    };
    [Compression::Xz, Compression::Gzip, Compression::Zstd, Compression::None].map(package).into()
}

fn made_up(all: &mut Seeds) {
    let dir = tempfile::tempdir().expect("a folder");
    let world = packages().into_iter().take(1).fold(World::new(), World::package);
    let world = world.valid_until(1_900_000_000).publish(dir.path());
    add(all, "release", world.read("dists/stable/Release"));
    let index = world.read("dists/stable/main/binary-amd64/Packages.xz");
    add(all, "packages", [&[2][..], &index].concat());
    for package in packages() {
        let paragraph = package.paragraph();
        let stanza =
            format!("{paragraph}Filename: {}\nSize: 1\nSHA256: {}\n", package.pool_path(), "0".repeat(64));
        add(all, "packages", [&[0][..], stanza.as_bytes()].concat());
        add(all, "packages", [&[1][..], &Compression::Gzip.compress(stanza.as_bytes())].concat());
        add(all, "control", paragraph);
        let deb = package.deb();
        let mut out = rootfs::payload::Writer::new(Vec::new());
        if let Ok(control) = deb::unpack(&deb[..], &deb::Limits::default(), &mut out) {
            add(all, "control", control.encode());
            add(all, "payload", out.finish().expect("a sound package"));
        }
        add(all, "deb", deb);
        add(
            all,
            "scripts",
            "#!/bin/sh\0#!/bin/sh -e\nif [ \"$1\" = configure ]; then ldconfig || true; fi\n",
        );
        if let Ok(shelf) =
            deb::packages::read_packages(stanza.as_bytes(), deb::release::Compression::None, 1 << 20, 1)
        {
            add(all, "shelf", shelf);
        }
    }
    all.entry("oci_archive").or_default().extend(oci_archives());
    all.entry("docker_archive").or_default().extend(docker_archives());
    add(all, "certificates", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let with = SignWith::sha256(1_735_689_600);
    for text in SIGNED {
        add(all, "signature", key().clear_sign(text, with));
        add(all, "signature", format!("{text}\0{}", key().detach_sign(text.as_bytes(), with)));
    }
    for key in [key(), Key::seeded(2).with_subkey(), Key::seeded(3).revoked(), Key::seeded(4).lives(1)] {
        add(all, "keyring", key.public_armored());
        add(all, "keyring", key.public_binary());
    }
    for text in ["libc6 (>= 2.36), a:any | b [!amd64] <x y>", "foo (<< 1:2~3-4)", "a|b|c"] {
        add(all, "relations", text);
    }
    for text in ["1.0-1\x001:1.0~rc1\x001.0+b1-1~", "0\x000:0-0\x0000", "1.2.3a\x001.2.3+\x001.2.3~~"] {
        add(all, "versions", text);
    }
    for text in
        ["so:libc.musl-x86_64.so.1 a@edge=1.0-r0", "!b<2 c~3.11 d=1@e", "x><Q1kqFQHSGzXGq3k7gQTqb+GxbmnOw="]
    {
        add(all, "apk_dependencies", text);
    }
    for text in ["1.2.3_alpha2-r1\x001.2.3b_git2024\x001.2.3~0af-r2", "1.05\x001.1\x001_p1_pre2"] {
        add(all, "apk_versions", text);
    }
    made_up_apks(all);
    let digest = "0123456789abcdef".repeat(4);
    for text in [
        "registry.example:5000/a/b:1.2".to_owned(),
        format!("a/b@sha256:{digest}"),
        format!("sha256:{digest}"),
        "linux/arm/v7".to_owned(),
    ] {
        add(all, "names", text);
    }
    for (which, text) in [
        "deb [arch=amd64 signed-by=/k.gpg] https://u:p@apt.example/debian stable main contrib # why\n",
        "Types: deb\nURIs: https://apt.example/debian\nSuites: a b\nComponents: main\nSigned-By:\n -----BEGIN\n .\n",
        "Acquire { http { Proxy \"http://proxy.example:3128\"; Proxy::apt.example \"DIRECT\"; }; }; // x\nA::B:: \"c\";\n",
        "machine https://apt.example/a login u password p\nmachine b.example login v password q\n",
        "default login anonymous password x\nmacdef init\nls\n\nmachine h login u password p",
        "https://apt.example/debian\tpriority:1 type:index\n# x\nfile:/srv/debian\n",
    ]
    .iter()
    .enumerate()
    {
        add(all, "apt_files", [&[u8::try_from(which).expect("few")][..], text.as_bytes()].concat());
    }
    add(
        all,
        "settings",
        "mirrors:\n  debian: https://apt.example/debian\nproxy: {http: 'http://proxy.example:3128'}\n",
    );
    add(
        all,
        "settings",
        "registries:\n  localhost:5000: {insecure: true}\n  docker.io/acme: {mirrors: [a.example/x], rewrite: b.example}\n",
    );
    for text in [
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"ghcr.io/a/b":{"auth":"YTpi","identitytoken":"t"},"c.example":{}},"credsStore":"pass","credHelpers":{"d.example":"x"}}"#,
        r#"{"auths":{"a":{"username":"u","password":"p"},"b":{"registrytoken":"t"}},"HttpHeaders":{"x":"y"}}"#,
        r#"{"ServerURL":"https://a.example","Username":"<token>","Secret":"s","auths":null}"#,
        r#"{"https://a.example":"ann","b.example":"bob"}"#,
    ] {
        add(all, "registry_logins", text);
    }
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.0 404 Not Found\nContent-Type: application/json\n\n{}",
    ] {
        add(all, "http_response", text);
    }
    for text in [
        "\0Bearer realm=\"https://auth.example/token\",service=\"r\",scope=\"repository:a/b:pull,push\", Basic realm=\"x\\\"y\"",
        "\0Negotiate YWJj==, Basic",
        "\u{1}{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"a\\nb\",\"detail\":{}}]}",
        "\u{1}{\"error\":\"invalid_grant\",\"error_description\":\"no\"}",
        "\u{2}{\"token\":\"abc.def\",\"expires_in\":300,\"issued_at\":\"2026-01-01T00:00:00Z\"}",
        "\u{3}</v2/a/tags/list?last=b&n=2>; rel=\"next\"",
        "\u{4}bytes=0-1023",
        "\u{4}Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        add(all, "registry_replies", text);
    }
    add(all, "sysusers", "u app 64 \"An app\" /var/lib/app /bin/sh\ng games 60\nm app games\nu! b -:c\n");
    add(all, "tmpfiles", "d /run/app 0755 app app -\nL+ /etc/x - - - - ../y\nf /var/lib/z 0644 - - - text\n");
    add(all, "docker_context", r#"{"Name":"x","Endpoints":{"docker":{"Host":"unix:///run/x.sock"}}}"#);
    add(all, "docker_context", r#"{"auths":{},"currentContext":"rootless"}"#);
    let row = format!(
        "[[package]]\nname = \"libc6\"\nversion = \"2.41-12\"\narch = \"amd64\"\nplatform = \"linux/amd64\"\nrepository = \"debian/trixie\"\npath = \"pool/main/g/glibc/libc6.deb\"\nsize = 1\nsha256 = \"{digest}\"\nbecause = [\"asked: libc6\", \"needed by a: libc6 (>= 2)\"]\nscripts = [\"postinst {digest}: replaced\"]\n"
    );
    let suite = format!(
        "[[suite]]\nid = \"debian/trixie\"\ncomponents = [\"main\"]\ninrelease = \"sha256:{digest}\"\ndate = 1735689600\n[[suite.index]]\npath = \"main/binary-amd64/Packages.xz\"\nsize = 1\ndigest = \"sha256:{digest}\"\n"
    );
    add(
        all,
        "lock",
        format!(
            "format = 1\ncomposition = 1\ncodec = \"gzip:6\"\n[request]\nlatest = [\"packages libc6\"]\n{suite}{row}"
        ),
    );
    let descriptor = format!(
        r#"{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{digest}","size":2}}"#
    );
    add(
        all,
        "image_documents",
        format!(
            r#"{{"schemaVersion":2,"config":{descriptor},"layers":[{descriptor}],"annotations":{{"a":"b"}}}}"#
        ),
    );
    add(all, "image_documents", format!(r#"{{"schemaVersion":2,"manifests":[{descriptor}]}}"#));
    add(
        all,
        "image_documents",
        format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"User":"65532","Env":["A=b"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{digest}"]}},"history":[{{"created_by":"x"}}]}}"#
        ),
    );
}

fn made_up_apks(all: &mut Seeds) {
    let package = ApkPackage::new("foo", "1.0_rc1-r2")
        .depends("so:libc.musl-x86_64.so.1 !bar<2")
        .provides("cmd:foo=1.0-r0 so:libfoo.so.1=1")
        .replaces("old<1")
        .file("usr/bin/foo", 0o4755, "#!/bin/sh\nexec true\n")
        .hard_link("usr/bin/baz", "usr/bin/foo")
        .symlink("usr/bin/bar", "foo")
        .xattr("security.capability", [1, 0, 0, 2])
        .script(
            ".pre-install",
            "#!/bin/sh\naddgroup -S foo 2>/dev/null\nadduser -S -D -H -G foo foo\nexit 0\n",
        )
        .trigger(&["/bin", "/lib/modules/*"], "#!/bin/busybox sh\nexec /bin/busybox --install -s\n");
    let unpacked = |gz: &[u8]| {
        let mut out = Vec::new();
        let _ = std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(gz), &mut out);
        out
    };
    for signers in [&[Signer::new(apk_key(), Algorithm::Rsa)][..], &[]] {
        let built = package.build(signers);
        add(all, "apk", [&[0][..], &built.bytes()].concat());
        add(all, "apk", [&[1][..], &unpacked(&built.data)].concat());
        add(all, "apk", [&[2][..], &unpacked(&built.control)].concat());
        add(all, "apk_index", [&[1][..], built.record("x86_64").as_bytes()].concat());
        let mut out = rootfs::payload::Writer::new(Vec::new());
        let (limits, proof) = (apk::Limits::default(), apk::Proof::default());
        if let Ok(unpacked) = apk::unpack(&built.bytes()[..], &proof, &limits, &mut out) {
            add(all, "apk_control", unpacked.files.encode());
        }
    }
    add(all, "apk_texts", [&[0][..], package.info_text().as_bytes()].concat());
    add(all, "apk_texts", [&[3][..], apk_key().public_pem().as_bytes()].concat());
    add(all, "apk_texts", b"\x04bin/cat\nusr/bin/env\n\0..[\0[[\0acpid\0ash\0".to_vec());
    add(
        all,
        "apk_scripts",
        "addgroup -S a\nadduser -S -G a a\0for i in \"$@\"; do case $i in /bin) x=1;; esac; done\n",
    );
    add(all, "apk_signature", signed_index());
    add(all, "apk_index", [&[0][..], signed_index()].concat());
}

fn attacks(all: &mut Seeds) {
    for attack in testkit::apk::hostile::packages() {
        add(all, "apk", [&[0][..], &attack.apk].concat());
    }
    for attack in testkit::apk::hostile::indexes() {
        add(all, "apk_index", [&[0][..], &attack.index].concat());
    }
    for attack in hostile::debs() {
        add(all, "deb", attack.deb.clone());
    }
    for tar in hostile::tars() {
        add(all, "layers", [&[0b1010_1010][..], &tar].concat());
        add(all, "foreign_layer", [&[128][..], &tar].concat());
        add(all, "tar", tar);
    }
    let whiteouts = testkit::tar::tar(&[
        testkit::tar::Entry::file("a/x", 0o644, "1"),
        testkit::tar::Entry::file("a/.wh.x", 0o644, ""),
        testkit::tar::Entry::file("b/c/d", 0o644, "2"),
        testkit::tar::Entry::file("b/.wh..wh..opq", 0o644, ""),
    ]);
    add(all, "layers", [&[0b1010_1010][..], &whiteouts].concat());
    add(all, "foreign_layer", [&[128][..], &whiteouts, &whiteouts].concat());
    let link = testkit::tar::tar(&[testkit::tar::Entry::hardlink("y", "a/x")]);
    add(all, "foreign_layer", [&[170][..], &whiteouts, &link].concat());
    add(all, "inventory", b"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID='13'\n");
    add(all, "inventory", b"/bin/sh\n/bin/sh.distrib\ndash\n");
    add(all, "inventory", b"00000000000000000000000000000000  usr/bin/a\n");
}

fn of_this_machine(all: &mut Seeds) {
    let read = |path: &str| std::fs::read(path).ok();
    for path in
        ["/bin/true", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/env", "/usr/lib/x86_64-linux-gnu/libdl.so.2"]
    {
        if let Some(mut bytes) = read(path) {
            if let Ok(Some(summary)) = elf::Summary::read(&bytes) {
                add(all, "elf_facts", summary.encode());
            }
            bytes.truncate(LARGEST);
            add(all, "elf", bytes);
        }
    }
    for (target, path) in [("ld_so_cache", "/etc/ld.so.cache"), ("triggers", "/var/lib/dpkg/triggers/File")] {
        all.entry(target).or_default().extend(read(path));
    }
    for (target, folder, suffix) in [
        ("keyring", "/usr/share/keyrings", ".gpg"),
        ("certificates", "/usr/share/ca-certificates/mozilla", ".crt"),
        ("triggers", "/var/lib/dpkg/info", ".triggers"),
        ("scripts", "/var/lib/dpkg/info", ".preinst"),
        ("scripts", "/var/lib/dpkg/info", ".postinst"),
        ("sysusers", "/usr/lib/sysusers.d", ".conf"),
        ("tmpfiles", "/usr/lib/tmpfiles.d", ".conf"),
    ] {
        all.entry(target).or_default().extend(files(Path::new(folder), suffix, 12));
    }
    let status = read("/var/lib/dpkg/status").unwrap_or_default();
    for paragraph in String::from_utf8_lossy(&status).split("\n\n").take(40) {
        add(all, "control", format!("{paragraph}\n"));
        add(all, "inventory", format!("{paragraph}\n"));
        for line in paragraph.lines().filter_map(|l| l.strip_prefix("Depends: ")) {
            add(all, "relations", line);
        }
    }
    if let Ok(run) = Command::new("apt-cache").args(["show", "libc6", "bash", "tzdata"]).output() {
        let most = run.stdout.len().min(LARGEST / 2);
        add(all, "packages", [&[0][..], &run.stdout[..most]].concat());
    }
    for signed in files(Path::new("/var/lib/apt/lists"), "InRelease", 4) {
        let text = String::from_utf8_lossy(&signed).into_owned();
        let body = text.split_once("\n\n").map_or("", |(_, b)| b);
        let body = body.split("-----BEGIN PGP SIGNATURE").next().unwrap_or_default();
        let short: String = body.lines().take(400).map(|l| format!("{l}\n")).collect();
        add(all, "release", short);
    }
}

fn of_the_tree(all: &mut Seeds) {
    for folder in ["images", "docs"] {
        let folder = testkit::workspace().join(folder);
        all.entry("recipe").or_default().extend(files(&folder, ".yaml", 50));
    }
    let page = std::fs::read_to_string(testkit::workspace().join("docs/recipe.md")).unwrap_or_default();
    for block in page.split("```yaml\n").skip(1) {
        add(all, "recipe", block.split("```").next().unwrap_or_default());
    }
}

fn of_shared_data(all: &mut Seeds) {
    if let Some(golden) = testkit::shared_data("apk/golden/iso-3.19.1") {
        for database in files(&golden, ".installed", 2) {
            for line in String::from_utf8_lossy(&database).lines().filter(|l| l.starts_with(['D', 'p', 'i']))
            {
                add(all, "apk_dependencies", &line[2..]);
            }
        }
    }
    real_apks(all);
    if let Some(tables) = testkit::shared_data("apk/tables") {
        for table in files(&tables, ".tsv", 4) {
            let lines = String::from_utf8_lossy(&table).into_owned();
            for line in lines.lines().step_by(7) {
                let words: Vec<&str> = line.split('\t').collect();
                add(all, "apk_versions", [words[0], words[words.len() - 1], "1.0"].join("\0"));
            }
        }
    }
    let Some(derived) = testkit::shared_data("vuln/derived") else { return };
    for packed in files(&derived, "InRelease.gz", 4).into_iter().chain(files(&derived, ".gz", 20)) {
        let mut text = Vec::new();
        let _ = std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&packed[..]), &mut text);
        // The head and the signature are what matters; the digests between are cut to fit.
        let tail = text.len().saturating_sub(4 << 10);
        add(all, "signature", [&text[..text.len().min(8 << 10)], &text[tail..]].concat());
    }
    all.entry("keyring").or_default().extend(files(&derived, ".gpg", 4));
    if let Some(keys) = testkit::shared_data("apk/keys") {
        all.entry("keyring").or_default().extend(files(&keys, ".pub", 4));
    }
}

fn real_apks(all: &mut Seeds) {
    let chosen = |which: u8, bytes: &[u8]| [&[which][..], bytes].concat();
    for folder in ["apk/alpine-3.19.1-iso/x86_64", "apk/wolfi", "apk/negative"] {
        let Some(folder) = testkit::shared_data(folder) else { continue };
        let mut packages = files(&folder, ".apk", 100);
        packages.retain(|p| p.len() < 12 << 10);
        for package in packages.iter().take(10) {
            add(all, "apk", chosen(0, package));
        }
        for index in files(&folder, ".tar.gz", 6) {
            add(all, "apk_signature", &index[..]);
            add(all, "apk_index", chosen(0, &index));
        }
    }
    if let Some(golden) = testkit::shared_data("apk/golden/iso-3.19.1") {
        files(&golden, ".installed", 4).iter().for_each(|text| add(all, "apk_texts", chosen(1, text)));
    }
    if let Some(locks) = testkit::shared_data("apk/locks/taihen") {
        files(&locks, ".lock.json", 3).iter().for_each(|text| add(all, "apk_texts", chosen(2, text)));
    }
    if let Some(keys) = testkit::shared_data("apk/keys/alpine") {
        files(&keys, ".rsa.pub", 2).iter().for_each(|text| add(all, "apk_texts", chosen(3, text)));
    }
}

/// The first files of a folder whose names end so, in the order of their names.
fn files(folder: &Path, suffix: &str, most: usize) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.to_str().is_some_and(|p| p.ends_with(suffix)));
    paths.sort();
    paths.iter().take(most).filter_map(|p| std::fs::read(p).ok()).collect()
}
