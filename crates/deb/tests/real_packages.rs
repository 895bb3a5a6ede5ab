//! Real packages of the mirror against what dpkg and tar say of them.
#![allow(clippy::disallowed_methods, reason = "asks curl, dpkg-deb and tar of the machine")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use deb::{ControlFiles, Limits, unpack};
use md5::{Digest, Md5};
use rootfs::payload::{Payload, Writer};
use rootfs::{Entry, Node, PayloadIx, ReadAt};

/// Packages with hard links, setuid files, odd modes, capabilities' neighbours, and many entries.
const NAMES: [&str; 12] = [
    "base-files",
    "tzdata",
    "libc6",
    "libc-bin",
    "ca-certificates",
    "perl-base",
    "passwd",
    "zlib1g",
    "util-linux",
    "python3.13-minimal",
    "dash",
    "gzip",
];

fn lines(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).env("TZ", "UTC").env("LC_ALL", "C").output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn downloaded(mirror: &str, folder: &Path) -> Option<Vec<PathBuf>> {
    let index = folder.join("Packages.xz");
    let fetch = |url: &str, to: &Path| {
        lines("curl", &["-sSf", "--retry", "3", "--max-time", "120", "-o", to.to_str()?, url])
    };
    fetch(&format!("{mirror}/dists/trixie/main/binary-amd64/Packages.xz"), &index)?;
    let bytes = std::fs::read(&index).ok()?;
    let mut text = String::new();
    let mut reader = deb::packages::decompressor(&bytes, deb::release::Compression::Xz, 1 << 30, 2).ok()?;
    std::io::Read::read_to_string(&mut reader, &mut text).ok()?;
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| stanza.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        let Some((name, path)) = field("Package").zip(field("Filename")) else { continue };
        if NAMES.contains(&name) {
            let file = folder.join(format!("{name}.deb"));
            fetch(&format!("{mirror}/{path}"), &file)?;
            found.push(file);
        }
    }
    Some(found)
}

/// A line per entry, as GNU tar lists it: mode, owner, size, time, path and target.
fn tar_listing(deb: &Path) -> BTreeMap<String, String> {
    let script =
        "dpkg-deb --fsys-tarfile \"$0\" | tar --numeric-owner --full-time --quoting-style=literal -tvf -";
    let text = lines("sh", &["-c", script, deb.to_str().unwrap()]).expect("dpkg-deb and tar");
    text.lines().map(|line| read_tar_line(line).expect(line)).collect()
}

fn read_tar_line(line: &str) -> Option<(String, String)> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (mode, owner, size, date, time) = (word()?, word()?, word()?, word()?, word()?);
    let (path, target) = match rest.split_once(" -> ").or_else(|| rest.split_once(" link to ")) {
        Some((path, target)) => (path, target.trim_start_matches("./")),
        None => (rest, ""),
    };
    // A symbolic link's target stands as it is.
    let target = if mode.starts_with('l') { rest.split_once(" -> ")?.1 } else { target };
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    Some((path.to_owned(), format!("{mode} {owner} {size} {date} {time} {target}")))
}

fn our_line(entry: &Entry) -> String {
    let (kind, size, target) = match &entry.node {
        Node::Dir => ('d', 0, String::new()),
        Node::File(body) => ('-', body.size, String::new()),
        Node::Symlink(to) => ('l', 0, to.to_string()),
        Node::Hardlink(to) => ('h', 0, to.to_string()),
        Node::Special(_) => ('?', 0, String::new()),
    };
    let mut mode = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift & 7;
        mode.push(if bits & 4 != 0 { 'r' } else { '-' });
        mode.push(if bits & 2 != 0 { 'w' } else { '-' });
        mode.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    format!("{mode} {}/{} {size} {} {target}", entry.uid, entry.gid, utc(entry.mtime))
}

/// `2025-07-01 12:00:00` (days to date after Howard Hinnant's civil_from_days).
fn utc(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let doe = shifted.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[test]
fn agrees_with_dpkg_and_tar() {
    let Some(mirror) = testkit::mirror() else { testkit::skip!("apt's configuration names no mirror") };
    if lines("dpkg-deb", &["--version"]).is_none() {
        testkit::skip!("no dpkg-deb");
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-packages");
    std::fs::create_dir_all(&folder).unwrap();
    let Some(packages) = downloaded(&mirror.debian, &folder) else {
        testkit::skip!("the mirror does not answer")
    };
    assert_eq!(packages.len(), NAMES.len());
    for deb in packages {
        let mut out = Writer::new(Vec::new());
        let control = unpack(std::fs::File::open(&deb).unwrap(), &Limits::default(), &mut out).unwrap();
        let bytes = out.finish().unwrap();
        let payload = Payload::read(&bytes, bytes.len() as u64, PayloadIx(0)).unwrap();
        let ours: BTreeMap<String, String> =
            payload.tree.entries().iter().map(|e| (e.path.to_string(), our_line(e))).collect();
        let theirs = tar_listing(&deb);
        for (path, line) in &theirs {
            assert_eq!(ours.get(path), Some(line), "{}: {path}", deb.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", deb.display());
        check_sums(&control, &payload, &bytes);
        check_control(&control, &deb);
    }
}

/// The package's own sums hold for the bodies that the payload has.
fn check_sums(control: &ControlFiles, payload: &Payload, bytes: &Vec<u8>) {
    let mut checked = 0;
    for line in control.md5sums.to_string().lines() {
        let (sum, path) = line.split_once("  ").unwrap();
        let entry = payload.tree.get(path).expect(path);
        let body = match &entry.node {
            Node::File(body) => *body,
            Node::Hardlink(to) => match &payload.tree.get(to).unwrap().node {
                Node::File(body) => *body,
                other => panic!("{path}: {other:?}"),
            },
            other => panic!("{path}: {other:?}"),
        };
        let mut content = vec![0; body.size as usize];
        bytes.read_exact_at(body.offset, &mut content).unwrap();
        assert_eq!(format!("{:x?}", Md5::digest(&content).to_vec()), format!("{:x?}", unhex(sum)), "{path}");
        let is_elf = content.starts_with(b"\x7fELF");
        assert_eq!(
            !payload.fact_of(&entry.path).is_empty() || !matches!(entry.node, Node::File(_)),
            is_elf || content.starts_with(b"#!") || !matches!(entry.node, Node::File(_)),
            "{path}"
        );
        checked += 1;
    }
    assert!(checked > 0, "{} has sums", control.control.package());
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

fn check_control(control: &ControlFiles, deb: &Path) {
    let deb = deb.to_str().unwrap();
    for (field, ours) in [
        ("Package", control.control.package()),
        ("Version", control.control.version()),
        ("Architecture", control.control.architecture()),
    ] {
        assert_eq!(lines("dpkg-deb", &["-f", deb, field]).unwrap().trim(), ours);
    }
    let names = lines("dpkg-deb", &["--ctrl-tarfile", deb])
        .map(|_| ())
        .and_then(|()| lines("sh", &["-c", "dpkg-deb --ctrl-tarfile \"$0\" | tar -tf -", deb]));
    for name in names.unwrap().lines() {
        let name = name.trim_start_matches("./");
        if let Some(script) = control.scripts.iter().find(|s| s.kind.name() == name) {
            let theirs =
                lines("sh", &["-c", &format!("dpkg-deb --ctrl-tarfile \"$0\" | tar -xOf - ./{name}"), deb]);
            assert_eq!(theirs.unwrap(), script.bytes.to_string());
        }
    }
}
