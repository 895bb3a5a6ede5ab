//! Small packages under the names that apko's examples and other people's recipes ask for.

use std::path::Path;

use super::archive::Style;
use super::elf_object::elf_object;
use super::key::{Algorithm, ApkKey};
use super::package::ApkPackage;
use super::repository::{ApkRepository, PublishedApk};
use super::wolfi::{self, melange};

/// Certificates that no machine believes, valid from 2020 to 2120.
const ROOT: &str = include_str!("certificates/root.pem");
const COMPANY: [&str; 2] =
    [include_str!("certificates/company-one.pem"), include_str!("certificates/company-two.pem")];

/// What [`example_repositories`] published.
#[derive(Debug, Clone)]
pub struct ExampleRepositories {
    /// In the place of Wolfi's own.
    pub wolfi: PublishedApk,
    /// In the place of Alpine's `main` and `community`, of whichever branch.
    pub alpine: PublishedApk,
    /// In the place of apko's `./internal/cli/testdata/packages`.
    pub local: PublishedApk,
}

/// Three signed repositories in folders of `dir`, for x86_64 and aarch64, against which apko's examples
/// and the recipes of `taihen/base-image` resolve and build. Versions are those of the locks of 2026
/// where there are locks. Libraries are ELF without code, programs are scripts that say "made up".
pub fn example_repositories(dir: &Path) -> ExampleRepositories {
    let key = ApkKey::test_only(1);
    let (mut wolfi, mut alpine, mut local) = (
        ApkRepository::new(&dir.join("wolfi")).description("like Wolfi"),
        ApkRepository::new(&dir.join("alpine")).description("like Alpine").algorithm(Algorithm::Rsa),
        ApkRepository::new(&dir.join("local")),
    );
    for arch in ["x86_64", "aarch64"] {
        wolfi = wolfi.add_all(wolfi_system(arch)).add_all(wolfi_programs(arch)).add_all(wolfi_old(arch));
        alpine = alpine.add_all(alpine_system(arch)).add_all(alpine_programs(arch));
        local = local.add_all(company_certificates(arch));
    }
    ExampleRepositories {
        wolfi: wolfi.publish(&key),
        alpine: alpine.publish(&key),
        local: local.publish(&key),
    }
}

/// A program: a script in `usr/bin`, and its `cmd:`.
fn program(package: ApkPackage, name: &str) -> ApkPackage {
    let version = package.version.clone();
    package
        .file(&format!("usr/bin/{name}"), 0o755, "#!/bin/sh\necho made up\n")
        .provides(&format!("cmd:{name}={version}"))
}

/// A library in a folder, and its `so:`.
fn library(package: ApkPackage, dir: &str, soname: &str, needed: &[&str]) -> ApkPackage {
    let number = soname.split_once(".so.").map_or("0", |(_, n)| n);
    let object = elf_object(&package.arch, soname, needed);
    let needed: Vec<String> = needed.iter().map(|n| format!("so:{n}")).collect();
    package
        .file(&format!("{dir}/{soname}"), 0o755, object)
        .provides(&format!("so:{soname}={number}"))
        .depends(&needed.join(" "))
}

/// The C library's loader, by architecture.
fn loader(arch: &str) -> &'static str {
    if arch == "aarch64" { "ld-linux-aarch64.so.1" } else { "ld-linux-x86-64.so.2" }
}

/// What the locks of `taihen/base-image` list.
fn wolfi_system(arch: &str) -> Vec<ApkPackage> {
    let in_lib = |name: &str, version: &str, soname: &str, needed: &[&str]| {
        library(
            melange(name, version, arch).depends("merged-lib wolfi-baselayout"),
            "usr/lib",
            soname,
            needed,
        )
    };
    let glibc = in_lib("glibc", "2.43-r11", "libc.so.6", &[loader(arch)])
        .depends("glibc-locale-posix libgcc")
        .file("etc/ld.so.conf", 0o644, "/usr/local/lib\n/usr/lib\ninclude /etc/ld.so.conf.d/*.conf\n");
    let paths = "bin/cat\nbin/sh\nsbin/ifconfig\nusr/bin/env\nusr/sbin/addgroup\n";
    let busybox = melange("busybox", "1.37.0-r61", arch)
        .depends("merged-bin wolfi-baselayout libcrypt1 so:libc.so.6")
        .provides("cmd:busybox=1.37.0-r61 cmd:sh=1.37.0-r61 /bin/sh")
        .provider_priority(100)
        .file("usr/bin/busybox", 0o755, "made up")
        .file("etc/busybox-paths.d/busybox", 0o644, paths)
        .trigger(&["/bin", "/usr/bin", "/sbin", "/usr/sbin"], "#!/bin/busybox sh\nbusybox --install -s\n");
    vec![
        wolfi::baselayout(arch),
        wolfi::keys(arch, &ApkKey::test_only(1)),
        wolfi::base(arch),
        wolfi::apk_tools(arch),
        wolfi::certificates(arch, ROOT),
        busybox,
        glibc,
        in_lib("ld-linux", "2.43-r11", loader(arch), &[]).origin("glibc"),
        melange("glibc-locale-posix", "2.43-r11", arch).origin("glibc").file(
            "usr/lib/locale/C.utf8/LC_CTYPE",
            0o644,
            "made up",
        ),
        in_lib("libgcc", "16.1.0-r4", "libgcc_s.so.1", &["libc.so.6"]).origin("gcc"),
        in_lib("libstdc++", "16.1.0-r4", "libstdc++.so.6", &["libc.so.6", "libgcc_s.so.1"]).origin("gcc"),
        in_lib("libxcrypt", "4.5.2-r3", "libcrypt.so.2", &["libc.so.6"]),
        in_lib("libcrypt1", "2.43-r11", "libcrypt.so.1", &["libc.so.6"]).origin("glibc").depends("libxcrypt"),
        in_lib("zlib", "1.3.2-r3", "libz.so.1", &["libc.so.6"]),
        in_lib("libcrypto3", "3.6.3-r3", "libcrypto.so.3", &["libc.so.6"]).origin("openssl"),
        in_lib("libssl3", "3.6.3-r3", "libssl.so.3", &["libc.so.6", "libcrypto.so.3"]).origin("openssl"),
        melange("tzdata", "2026c-r0", arch)
            .file("usr/share/zoneinfo/UTC", 0o644, "TZif2")
            .symlink("usr/share/zoneinfo/Etc/UTC", "../UTC"),
    ]
}

/// What the examples ask for beyond that.
fn wolfi_programs(arch: &str) -> Vec<ApkPackage> {
    let on_glibc = |name: &str, version: &str| {
        program(melange(name, version, arch).depends("merged-bin so:libc.so.6"), name)
    };
    let abseil = melange("abseil-cpp", "20260107.1-r2", arch).depends("merged-lib");
    let abseil = library(abseil, "usr/lib", "libabsl_base.so.2601", &["libstdc++.so.6"]);
    let nginx = melange("nginx", "1.29.8-r0", arch)
        .depends("merged-sbin so:libc.so.6 so:libcrypto.so.3 so:libssl.so.3 nginx-config")
        .provides("cmd:nginx=1.29.8-r0")
        .file("usr/bin/nginx", 0o755, "#!/bin/sh\necho made up\n")
        .directory("usr/share/nginx/html", 0o755)
        .directory("var/lib/nginx", 0o750);
    let configuration = melange("nginx-config", "1.29.8-r0", arch)
        .origin("nginx")
        .file("etc/nginx/nginx.conf", 0o644, "events {}\n")
        .file("etc/nginx/nginx.conf.default", 0o644, "events {}\n")
        .directory("etc/nginx/http.d", 0o755);
    vec![
        on_glibc("openssl", "3.6.3-r3").depends("so:libcrypto.so.3 so:libssl.so.3"),
        on_glibc("binutils", "2.46-r1"),
        on_glibc("git", "2.54.0-r0").depends("so:libz.so.1"),
        on_glibc("sysstat", "12.7.9-r1"),
        on_glibc("pkgconf", "2.5.1-r3").provides("pkgconfig=1"),
        program(melange("go-1.26", "1.26.4-r0", arch).depends("binutils"), "go").provides("go=1.26.4-r0"),
        program(melange("clang-22", "22.1.4-r0", arch).depends("libstdc++ binutils"), "clang")
            .provides("clang=22.1.4-r0"),
        program(melange("python-3.14", "3.14.5-r0", arch).depends("so:libc.so.6"), "python3.14")
            .provides("python-3=3.14.5-r0 python3=3.14.5-r0")
            .symlink("usr/bin/python3", "python3.14"),
        abseil,
        melange("abseil-cpp-dev", "20260107.1-r2", arch)
            .origin("abseil-cpp")
            .depends("abseil-cpp=20260107.1-r2 pkgconf")
            .provides("pc:absl_base=20260107")
            .file("usr/lib/pkgconfig/absl_base.pc", 0o644, "Name: absl_base\nVersion: 20260107\n"),
        melange("java-cacerts", "1.0-r3", arch).depends("java-common").file(
            "etc/ssl/certs/java/cacerts",
            0o644,
            empty_java_keystore(),
        ),
        melange("java-common", "0.2-r3", arch).directory("usr/lib/jvm", 0o755),
        nginx,
        configuration,
        supervisor(melange("s6", "2.14.0.1-r0", arch).depends("merged-bin execline so:libc.so.6"), "usr/bin"),
        program(melange("execline", "2.9.8.1-r0", arch).depends("so:libc.so.6"), "execlineb"),
    ]
}

/// Versions that `old-glibc.yaml` pins.
fn wolfi_old(arch: &str) -> Vec<ApkPackage> {
    let old = |name: &str, version: &str| program(melange(name, version, arch).depends("so:libc.so.6"), name);
    let glibc = library(melange("glibc", "2.36-r3", arch), "usr/lib", "libc.so.6", &[]);
    let glibc = library(glibc, "usr/lib", loader(arch), &[]).depends("wolfi-baselayout");
    let crypto = melange("libcrypto3", "3.0.8-r0", arch).origin("openssl");
    vec![
        glibc,
        library(crypto, "usr/lib", "libcrypto.so.3", &["libc.so.6"]),
        old("openssl", "3.0.7-r0").depends("so:libcrypto.so.3"),
        old("binutils", "2.39-r4"),
        old("git", "2.39.0-r0"),
        old("sysstat", "12.6.2-r0"),
    ]
}

/// s6's programs where a service bundle calls them.
fn supervisor(package: ApkPackage, dir: &str) -> ApkPackage {
    let version = package.version.clone();
    ["s6-svscan", "s6-supervise"].iter().fold(package, |package, name| {
        let path = format!("{dir}/{name}");
        package.file(&path, 0o755, "#!/bin/sh\necho made up\n").provides(&format!("cmd:{name}={version}"))
    })
}

/// A package of Alpine's: abuild's hand, no documents inside.
fn alpine(name: &str, version: &str, arch: &str) -> ApkPackage {
    ApkPackage::new(name, version).arch(arch).style(Style::Abuild).maintainer("Nobody <nobody@example.org>")
}

fn alpine_system(arch: &str) -> Vec<ApkPackage> {
    let mut layout = alpine("alpine-baselayout", "3.7.0-r0", arch)
        .depends("alpine-baselayout-data=3.7.0-r0 /bin/sh")
        .script(".pre-install", "#!/bin/sh\n\naddgroup -S -g 82 www-data 2>/dev/null\n\nexit 0\n");
    for dir in ["bin", "dev", "etc", "home", "lib", "proc", "run", "sbin", "sys", "usr/bin", "usr/sbin"] {
        layout = layout.directory(dir, 0o755);
    }
    let layout = layout.directory("root", 0o700).directory("tmp", 0o1777).symlink("var/run", "../run");
    let busybox = alpine("busybox", "1.37.0-r18", arch)
        .depends("so:libc.musl.so.1")
        .provides("cmd:busybox=1.37.0-r18")
        .file("bin/busybox", 0o755, "made up")
        .file("etc/busybox-paths.d/busybox", 0o644, "bin/cat\nbin/ls\nsbin/ifconfig\nusr/bin/env\n")
        .trigger(&["/bin", "/usr/bin", "/sbin", "/usr/sbin"], "#!/bin/busybox sh\nbusybox --install -s\n");
    vec![
        alpine("alpine-base", "3.22.2-r0", arch)
            .depends("alpine-baselayout alpine-keys alpine-release apk-tools busybox")
            .replaces("alpine-baselayout"),
        layout,
        alpine("alpine-baselayout-data", "3.7.0-r0", arch)
            .origin("alpine-baselayout")
            .replaces("alpine-baselayout")
            .file(
                "etc/passwd",
                0o644,
                "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
            )
            .file("etc/group", 0o644, "root:x:0:root\nnobody:x:65534:\n")
            .file("etc/shadow", 0o640, "root:*::0:::::\nnobody:!::0:::::\n")
            .owner(0, 42),
        alpine("alpine-keys", "2.5-r0", arch).file(
            "etc/apk/keys/made-up-1.rsa.pub",
            0o644,
            ApkKey::test_only(1).public_pem(),
        ),
        alpine("alpine-release", "3.22.2-r0", arch)
            .origin("alpine-base")
            .depends("alpine-keys")
            .file("etc/alpine-release", 0o644, "3.22.2\n")
            .file("usr/lib/os-release", 0o644, "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.2\n")
            .symlink("etc/os-release", "../usr/lib/os-release"),
        alpine("apk-tools", "2.14.9-r2", arch)
            .depends("ca-certificates-bundle so:libc.musl.so.1")
            .provides("cmd:apk=2.14.9-r2")
            .file("sbin/apk", 0o755, "made up"),
        alpine("ca-certificates-bundle", "20250619-r0", arch)
            .file("etc/ssl/certs/ca-certificates.crt", 0o644, ROOT)
            .symlink("etc/ssl/cert.pem", "certs/ca-certificates.crt"),
        busybox,
        alpine("busybox-binsh", "1.37.0-r18", arch)
            .origin("busybox")
            .depends("busybox=1.37.0-r18")
            .provides("/bin/sh cmd:sh=1.37.0-r18")
            .provider_priority(100)
            .symlink("bin/sh", "/bin/busybox"),
        library(alpine("musl", "1.2.5-r10", arch), "lib", "libc.musl.so.1", &[]),
    ]
}

fn alpine_programs(arch: &str) -> Vec<ApkPackage> {
    let on_musl = |name: &str, version: &str, command: &str| {
        program(alpine(name, version, arch).depends("so:libc.musl.so.1"), command)
    };
    let accounts = "#!/bin/sh\n\naddgroup -S -g 82 www-data 2>/dev/null\naddgroup -S nginx 2>/dev/null\nadduser -S -D -H -h /var/lib/nginx -s /sbin/nologin -G nginx -g nginx nginx 2>/dev/null\naddgroup nginx www-data 2>/dev/null\n\nexit 0\n";
    vec![
        on_musl("python3", "3.12.12-r0", "python3.12").symlink("usr/bin/python3", "python3.12"),
        on_musl("go", "1.24.9-r0", "go"),
        on_musl("git", "2.49.1-r0", "git"),
        on_musl("jq", "1.8.0-r0", "jq"),
        on_musl("tree", "2.2.1-r0", "tree"),
        on_musl("make", "4.4.1-r3", "make"),
        on_musl("nano", "8.4-r0", "nano"),
        on_musl("docker-cli", "28.3.3-r4", "docker").depends("ca-certificates-bundle"),
        on_musl("openssh-client-default", "10.0_p1-r9", "ssh")
            .origin("openssh")
            .depends("openssh-client-common=10.0_p1-r9 !openssh-client-krb5")
            .provides("openssh-client=10.0_p1-r9")
            .provider_priority(2),
        on_musl("openssh-client-krb5", "10.0_p1-r9", "ssh")
            .origin("openssh")
            .depends("openssh-client-common=10.0_p1-r9 !openssh-client-default")
            .provides("openssh-client=10.0_p1-r9")
            .provider_priority(1),
        alpine("openssh-client-common", "10.0_p1-r9", arch).origin("openssh").file(
            "etc/ssh/ssh_config",
            0o644,
            "Include /etc/ssh/ssh_config.d/*.conf\n",
        ),
        alpine("nginx", "1.28.0-r3", arch)
            .depends("/bin/sh so:libc.musl.so.1")
            .provides("cmd:nginx=1.28.0-r3")
            .script(".pre-install", accounts)
            .file("usr/sbin/nginx", 0o755, "made up")
            .file("etc/nginx/nginx.conf", 0o644, "events {}\n")
            .file("etc/nginx/http.d/default.conf", 0o644, "server { listen 80; }\n")
            .file("usr/share/nginx/http-default_server.conf", 0o644, "server { listen 8080; }\n"),
        supervisor(alpine("s6", "2.13.2.0-r0", arch).depends("execline so:libc.musl.so.1"), "bin"),
        alpine("execline", "2.9.7.0-r0", arch)
            .depends("so:libc.musl.so.1")
            .provides("cmd:execlineb=2.9.7.0-r0")
            .file("bin/execlineb", 0o755, "made up"),
    ]
}

/// What `package-certificates.yaml` takes from a repository of its own.
fn company_certificates(arch: &str) -> Vec<ApkPackage> {
    let one = |(number, pem): (usize, &&str)| {
        let path = format!("usr/local/share/ca-certificates/company-{number}.crt");
        melange(&format!("custom-ca-certs-{number}"), "1.0.0-r0", arch)
            .provides("custom-ca-certificates")
            .file(&path, 0o644, *pem)
    };
    (1..).zip(COMPANY.iter()).map(one).collect()
}

/// A Java keystore of the old kind (JKS) without entries, its password `changeit`.
fn empty_java_keystore() -> Vec<u8> {
    use sha1::Digest as _;
    let head = [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 0];
    let password: Vec<u8> = "changeit".bytes().flat_map(|b| [0, b]).collect();
    let sum = sha1::Sha1::digest([password.as_slice(), b"Mighty Aphrodite", &head].concat());
    [head.as_slice(), &sum].concat()
}
