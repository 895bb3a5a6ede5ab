//! A Wolfi whose programs run: Debian's files under Wolfi's names, versions and folders.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::debian::DebianPayloads;
use super::elf_words::ElfWords;
use super::key::ApkKey;
use super::package::ApkPackage;
use super::repository::{ApkRepository, PublishedApk};
use super::wolfi::{self, melange};

/// What is taken from Debian.
const PAYLOADS: [&str; 12] = [
    "busybox-static",
    "ca-certificates",
    "libc-bin",
    "libc6",
    "libcrypt1",
    "libgcc-s1",
    "libssl3t64",
    "libstdc++6",
    "libzstd1",
    "openssl",
    "tzdata",
    "zlib1g",
];

/// Which of Debian's files, moved to where Wolfi has them, make a package.
struct Part {
    name: &'static str,
    version: &'static str,
    from: &'static str,
    /// Beginnings of paths; the first part that asks for a file of a payload gets it.
    takes: &'static [&'static str],
    depends: &'static str,
}

const PARTS: [Part; 13] = [
    part("ld-linux", "2.43-r11", "libc6", &["usr/lib/ld-linux"], "wolfi-baselayout merged-lib"),
    part(
        "glibc",
        "2.43-r11",
        "libc6",
        &["usr/lib/lib"],
        "wolfi-baselayout merged-lib glibc-locale-posix libgcc",
    ),
    part("glibc-locale-posix", "2.43-r11", "libc-bin", &["usr/lib/locale/"], "merged-lib"),
    part(
        "posix-libc-utils",
        "2.43-r11",
        "libc-bin",
        &["usr/bin/getent", "usr/bin/getconf", "usr/bin/ldconfig"],
        "",
    ),
    part("libgcc", "16.1.0-r4", "libgcc-s1", &["usr/lib/"], "merged-lib"),
    part("libstdc++", "16.1.0-r4", "libstdc++6", &["usr/lib/lib"], "merged-lib"),
    part("libxcrypt", "4.5.2-r3", "libcrypt1", &["usr/lib/"], "merged-lib"),
    part("zlib", "1.3.2-r3", "zlib1g", &["usr/lib/"], "merged-lib"),
    part("libzstd1", "1.5.7-r9", "libzstd1", &["usr/lib/"], "merged-lib"),
    part("libcrypto3", "3.6.3-r3", "libssl3t64", &["usr/lib/libcrypto", "usr/lib/engines-3"], "merged-lib"),
    part("libssl3", "3.6.3-r3", "libssl3t64", &["usr/lib/libssl"], "merged-lib"),
    part(
        "openssl",
        "3.6.3-r3",
        "openssl",
        &["usr/bin/openssl", "etc/ssl/", "usr/lib/ssl/openssl.cnf", "usr/lib/ssl/cert"],
        "merged-bin",
    ),
    part("tzdata", "2026c-r0", "tzdata", &["usr/share/zoneinfo/"], ""),
];

const fn part(
    name: &'static str,
    version: &'static str,
    from: &'static str,
    takes: &'static [&'static str],
    depends: &'static str,
) -> Part {
    Part { name, version, from, takes, depends }
}

/// A repository like Wolfi's for these of apk's architectures (`x86_64`, `aarch64`), signed by key 1:
/// merged `/usr`, glibc, the names and versions of 2026, `so:` and `cmd:` relations as melange writes
/// them. What it holds runs: `openssl`, `busybox`, `getent`. `libzstd.so.1`, which `openssl` needs, is
/// where only `etc/ld.so.conf.d` says, so that nothing but `ld.so.cache` finds it.
///
/// # Errors
/// Why this machine cannot make it: no apt, no mirror, no `dpkg-deb`.
pub fn wolfi_like(dir: &Path, archs: &[&str]) -> Result<PublishedApk, String> {
    let mut repository = ApkRepository::new(dir).description("like Wolfi");
    for arch in archs {
        repository = repository.add_all(wolfi_like_packages(arch)?);
    }
    Ok(repository.publish(&ApkKey::test_only(1)))
}

/// The packages of [`wolfi_like`] for one architecture, for a repository that has more.
pub fn wolfi_like_packages(arch: &str) -> Result<Vec<ApkPackage>, String> {
    let debian = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => return Err(format!("no {arch} among what Debian's payloads are mapped for")),
    };
    let payloads = DebianPayloads::unpack(debian, &PAYLOADS)?;
    let mut trees: BTreeMap<&str, Vec<Found>> = BTreeMap::new();
    for name in PAYLOADS {
        trees.insert(name, walk(&payloads.tree(name)));
    }
    let mut packages = vec![
        wolfi::baselayout(arch),
        wolfi::keys(arch, &ApkKey::test_only(1)),
        wolfi::base(arch),
        wolfi::apk_tools(arch),
        wolfi::certificates(arch, &bundle(&trees["ca-certificates"])),
        melange("libcrypt1", "2.43-r11", arch).origin("glibc").depends("libxcrypt"),
        busybox(arch, &trees["busybox-static"]),
    ];
    packages.extend(PARTS.iter().map(|p| p.package(arch, &trees[p.from])));
    Ok(packages)
}

/// A file of a payload under the path that Wolfi would give it.
struct Found {
    path: String,
    mode: u32,
    what: What,
}

enum What {
    File(Vec<u8>),
    Symlink(String),
    /// Another name of the file at that path.
    HardLink(String),
}

impl Part {
    fn package(&self, arch: &str, files: &[Found]) -> ApkPackage {
        let mine: Vec<&Found> =
            files.iter().filter(|f| self.takes.iter().any(|t| f.path.starts_with(t))).collect();
        let mut package = melange(self.name, self.version, arch).depends(self.depends);
        package = match self.from {
            "libc6" | "libc-bin" => package.origin("glibc"),
            "libssl3t64" => package.origin("openssl"),
            "libgcc-s1" | "libstdc++6" => package.origin("gcc"),
            _ => package,
        };
        if self.name == "glibc" {
            let text = "/usr/local/lib\n/usr/lib\ninclude /etc/ld.so.conf.d/*.conf\n";
            package = package.file("etc/ld.so.conf", 0o644, text).directory("etc/ld.so.conf.d", 0o755);
        }
        if self.name == "libzstd1" {
            package = package.file("etc/ld.so.conf.d/libzstd1.conf", 0o644, "/usr/lib/libzstd1\n");
        }
        let place = |path: &str| match self.name {
            "libzstd1" => path.replacen("usr/lib/", "usr/lib/libzstd1/", 1),
            _ => path.to_owned(),
        };
        for found in &mine {
            package = found.add_to(package, &place(&found.path));
        }
        relations(package, &mine, self.version)
    }
}

impl Found {
    fn add_to(&self, package: ApkPackage, path: &str) -> ApkPackage {
        match &self.what {
            What::File(body) => package.file(path, self.mode, body),
            What::Symlink(target) => package.symlink(path, target),
            What::HardLink(target) => package.hard_link(path, target),
        }
    }
}

/// What melange's analysis adds: sonames and commands offered, sonames needed of others.
fn relations(mut package: ApkPackage, files: &[&Found], version: &str) -> ApkPackage {
    let (mut offers, mut needs) = (Vec::new(), Vec::new());
    for found in files {
        let What::File(body) = &found.what else { continue };
        if found.path.starts_with("usr/bin/") && found.mode & 0o111 != 0 {
            package = package.provides(&format!("cmd:{}={version}", &found.path["usr/bin/".len()..]));
        }
        let Some(words) = ElfWords::of(body) else { continue };
        let in_library_dir = found.path.rsplit_once('/').is_some_and(|(dir, _)| dir == "usr/lib");
        offers.extend(words.soname.filter(|_| in_library_dir));
        needs.extend(words.needed);
        needs.extend(words.interpreter.and_then(|i| i.rsplit('/').next().map(str::to_owned)));
    }
    needs.retain(|n| !offers.contains(n));
    needs.sort();
    needs.dedup();
    for soname in offers {
        let number = soname.split_once(".so.").map_or("0", |(_, number)| number).to_owned();
        package = package.provides(&format!("so:{soname}={number}"));
    }
    for soname in needs {
        package = package.depends(&format!("so:{soname}"));
    }
    package
}

/// `busybox`, static, with the list of the links that its trigger would make.
fn busybox(arch: &str, files: &[Found]) -> ApkPackage {
    let found = files.iter().find(|f| f.path == "usr/bin/busybox").expect("Debian's busybox");
    // What `busybox --list-full` of Debian's says, whatever the architecture.
    let applets = include_str!("busybox_paths.txt");
    let package = melange("busybox", "1.37.0-r61", arch)
        .depends("wolfi-baselayout merged-bin merged-sbin merged-usrsbin libcrypt1")
        .provides("cmd:busybox=1.37.0-r61 cmd:sh=1.37.0-r61 /bin/sh")
        .provider_priority(100)
        .file("etc/busybox-paths.d/busybox", 0o644, applets)
        .trigger(&["/bin", "/usr/bin", "/sbin", "/usr/sbin"], "#!/bin/busybox sh\nbusybox --install -s\n");
    found.add_to(package, "usr/bin/busybox")
}

/// Mozilla's certificates one after another, as `update-ca-certificates` joins them.
fn bundle(files: &[Found]) -> String {
    let certificates = files.iter().filter(|f| f.path.ends_with(".crt"));
    let text = certificates.filter_map(|f| match &f.what {
        What::File(body) => Some(String::from_utf8_lossy(body).into_owned()),
        _ => None,
    });
    text.collect()
}

/// All files and links of a tree, in order of their paths.
fn walk(root: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut inodes = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        let mut paths: Vec<_> =
            std::fs::read_dir(&dir).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let meta = path.symlink_metadata().expect("an entry");
            if meta.is_dir() {
                open.push(path);
                continue;
            }
            let inside = path.strip_prefix(root).expect("below the root").to_str().expect("ASCII").to_owned();
            let mapped = merged(&inside);
            let what = if meta.is_symlink() {
                let target = std::fs::read_link(&path).expect("a link");
                What::Symlink(target.to_str().expect("ASCII").to_owned())
            } else if let Some(first) = inodes.get(&meta.ino()) {
                What::HardLink(String::clone(first))
            } else {
                inodes.insert(meta.ino(), mapped.clone());
                What::File(std::fs::read(&path).expect("a file"))
            };
            // The loader's second name, in a folder that is the first one's here.
            if !(meta.is_symlink() && mapped.starts_with("usr/lib/ld-linux")) {
                found.push(Found { path: mapped, mode: meta.permissions().mode() & 0o7777, what });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Debian's folders by architecture and its second folders of programs, as one of each.
fn merged(path: &str) -> String {
    let path =
        ["x86_64-linux-gnu/", "aarch64-linux-gnu/"].iter().fold(path.to_owned(), |p, t| p.replacen(t, "", 1));
    path.replacen("usr/sbin/", "usr/bin/", 1).replacen("usr/lib64/", "usr/lib/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_merged() {
        assert_eq!(merged("usr/lib/x86_64-linux-gnu/libc.so.6"), "usr/lib/libc.so.6");
        assert_eq!(merged("usr/lib64/ld-linux-x86-64.so.2"), "usr/lib/ld-linux-x86-64.so.2");
        assert_eq!(merged("usr/sbin/ldconfig"), "usr/bin/ldconfig");
    }
}
